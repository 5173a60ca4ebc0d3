/* split.h -- cuts a text into the words that byte-pair encoding never joins: the pre-tokenizers, by name.
 *
 * The patterns are those that the models were trained with, as their makers published them; only PCRE2's file
 * knows how they are matched.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MODEL_SPLIT_H
#define MODEL_SPLIT_H

#include <stddef.h>

#include "base/err.h"

/* A pattern, compiled.  Read-only: may be shared by threads. */
struct splitter;

/* What goes with a pattern in the tokenizers that have it. */
struct splitting {
    const char *names;   /* as in tokenizer.ggml.pre, with a blank between them */
    const char *pattern; /* of one word */
    int composes;        /* 1: the text is brought into normal form C first */
    int whole_words; /* 1: a word that is a token is that token, whatever the merges would make of it */
};

/* Opens the splitter of a name, NULL = "default".
 *
 * Errors: E_INVALID, with the known names, for a name that there is not; E_NOMEM.
 */
int splitter_open(struct splitter **out, const char *name, struct err *err);
void splitter_close(struct splitter *s);
const struct splitting *splitter_about(const struct splitter *s);

/* Room for the matches of one thread. */
struct split;
int split_open(struct split **out, const struct splitter *s, struct err *err);
void split_close(struct split *s);

/* Sets *end to the end of the word of text[0..n) that begins at `at` < n.
 *
 * text    [n], valid UTF-8.
 *
 * Returns 0, or E_LIMIT if matching takes more steps than any text should.
 * Cost: O(bytes of the word and of the blanks behind it).
 */
int split_next(size_t *end, struct split *s, const char *text, size_t n, size_t at,
               struct err *err);

#endif
