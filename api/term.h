/* term.h -- printing for people: width, emphasis, wrapping, and numbers that can be read. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef API_TERM_H
#define API_TERM_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "api/fovea.h"

/* Escape sequences, or "" where they are not wanted. */
struct style {
    const char *strong, *faint, *match, *plain;
};

/* Columns of the terminal behind f; $COLUMNS or 80 if it is none.  At least 40, at most 120. */
int term_width(FILE *f);

/* Emphasis for f: only on a terminal, and not if NO_COLOR is set or TERM is dumb. */
struct style term_style(FILE *f);

/* Prints text (made of one line) wrapped to width columns, each line indented, spans
 * [n_spans] emphasised with `match` and the rest with `base`. */
void term_wrap(FILE *f, const char *text, const fovea_span *spans, size_t n_spans, int indent,
               int width, const char *base, const struct style *style);

/* The same without emphasis, when the first line stands at column `indent` already. */
void term_wrap_on(FILE *f, const char *text, int indent, int width);

/* Prints text with control characters as blanks. */
void term_puts(FILE *f, const char *text);

enum { NAME_TEXT = 200 };

/* A name that stands in a file, fit for a terminal: control characters as \xNN, cut if it is long.  In out[NAME_TEXT], which it
 * returns. */
const char *show_name(char *out, const char *name);

enum { NUMBER_TEXT = 40 };

/* What keys of passages leave out: "12 cut at 300 words or 512 tokens, 3 empty", or "".  In out[NAME_TEXT], which it returns. */
const char *show_left_out(char *out, uint64_t n_cut, uint64_t n_empty);

/* Each writes to out[NUMBER_TEXT] and returns it. */
const char *show_count(char *out, uint64_t n);       /* "5,183" */
const char *show_bytes(char *out, uint64_t n);       /* "12.3 MB" */
const char *show_rate(char *out, double per_second); /* "1,234", "12.3", "0.41" */
const char *show_time(char *out, double seconds); /* "0.8 ms", "0.8 s", "24 s", "1:02", "1:01:02" */

#endif
