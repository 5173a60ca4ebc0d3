/* cutting.h -- what the variants of chunk.c share: counting words, cutting at them, packing pieces into passages.
 *
 * A word is what stands between ASCII blanks, but a character of Chinese or Japanese is one by itself, and so
 * are every 32 bytes of something longer: then N words are at most 32 N bytes and blanks, whatever the text is.
 * (Only "words" counts by blanks alone, see chunk_words.c.)
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef INDEXER_CUTTING_H
#define INDEXER_CUTTING_H

#include <stddef.h>

#include "indexer/chunk.h"

/* The table's rows, each in its file. */
extern const struct chunk_kind chunk_whole, chunk_words, chunk_sentences, chunk_sections;

static inline int is_blank(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

/* Appends a passage under the headings that were set last (chunks_set_headings; none at first).  E_NOMEM. */
int chunks_add(struct chunks *out, struct span span);

/* Sets the headings of the passages that follow: text [n] without a NUL.  E_NOMEM; E_LIMIT
 * for over 1 GiB of them in one document. */
int chunks_set_headings(struct chunks *out, const char *text, size_t n);

/* A stretch of text that is not cut, and its words. */
struct piece {
    struct span span;
    size_t words;
};

/* Zeroed = empty; the list is mem_free's. */
struct pieces {
    struct piece *list; /* [n] */
    size_t n, cap;
};

/* The span without blanks at its ends. */
struct span trim(const char *text, struct span span);

/* Words of a span. */
size_t count_words(const char *text, struct span span);

/* Appends the span, trimmed; if it has over `most` words, in pieces of that many.  Nothing without words.  E_NOMEM. */
int pieces_add(struct pieces *out, const char *text, struct span span, size_t most);

/* Appends the sentences of a span, those over `most` words in pieces (sentences.c).
 * Returns 0 or E_NOMEM, or what ICU failed with. */
int pieces_add_sentences(struct pieces *out, const char *text, struct span span, size_t most,
                         struct err *err);

#endif
