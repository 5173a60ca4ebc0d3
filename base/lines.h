/* lines.h -- a text file or stream, line by line; gzip is unpacked on the way.
 *
 *     struct lines *in;
 *     lines_open(&in, "corpus.jsonl.gz", &err);        // "-" is standard input
 *     while ((rc = lines_next(&line, &n, in, &err)) == 1) ...
 *     lines_close(in);
 *
 * Memory is bounded by the longest line.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_LINES_H
#define BASE_LINES_H

#include <stddef.h>

#include "base/err.h"

struct lines;

/* Opens path, "-" for standard input.  gzip is recognised by its first bytes. */
int lines_open(struct lines **out, const char *path, struct err *err);

/* The next line without its newline (and without a CR before it), NUL-terminated;
 * borrowed until the next call and writable.  A byte order mark at the start of
 * the file is dropped.
 *
 * Returns 1, 0 at the end, E_LIMIT for a line over 64 MiB (the next call goes on behind it),
 * E_FORMAT for a cut-off or damaged gzip stream, E_IO.
 */
int lines_next(char **line, size_t *n, struct lines *in, struct err *err);

/* The number of the line that lines_next gave last, from 1. */
size_t lines_number(const struct lines *in);

/* The path as given, "standard input" for "-". */
const char *lines_name(const struct lines *in);

void lines_close(struct lines *in);

#endif
