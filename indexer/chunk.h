/* chunk.h -- document to passages: the whole text, or windows of words. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef INDEXER_CHUNK_H
#define INDEXER_CHUNK_H

#include <stddef.h>

#include "base/err.h"

struct chunking {
    int words;   /* words a window; 0 = the whole document is one passage */
    int overlap; /* words that a window shares with the one before; < words */
};

/* Half-open range of bytes of a document's text. */
struct span {
    size_t begin, end;
};

/* Parses "whole", "words:N" or "words:N:OVERLAP".  E_INVALID says what is allowed. */
int chunking_parse(struct chunking *out, const char *text, struct err *err);

/* Writes the form that chunking_parse reads. */
void chunking_format(char out[40], const struct chunking *c);

/* Cuts text [n] at white space into windows; the last window ends with the text and none is
 * only overlap.  A text without words gives one span: all of it.
 * *spans is the caller's (mem_free), *n_spans >= 1. */
int chunk_text(struct span **spans, size_t *n_spans, const char *text, size_t n,
               const struct chunking *c, struct err *err);

#endif
