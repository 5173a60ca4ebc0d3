/* invert.h -- passages to postings, in memory. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef INDEXER_INVERT_H
#define INDEXER_INVERT_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/hash.h"
#include "base/pool.h"
#include "indexer/analyzer.h"

/* A passage: what is indexed is the title, the headings above it and the text with a blank between them. What is empty is left
 * out, and so is the title if the topmost heading is the same. */
struct passage_text {
    const char *title; /* [n_title] */
    const char *text;  /* [n_text], borrowed from the document */
    size_t n_title, n_text;
    const char *headings; /* [n_headings], see chunk_headings */
    size_t n_headings;
};

/* Appends what is indexed. */
void passage_text_add(struct buf *out, const struct passage_text *p);

struct inverted_term {
    const char *term; /* [len] */
    uint32_t len;
    size_t begin; /* of its postings; they end where the next term's begin */
};

/* Zeroed = empty. */
struct inverted {
    struct inverted_term *terms; /* [n_terms + 1], sorted by bytes */
    size_t n_terms;
    uint64_t *postings;  /* see postings.h */
    uint32_t *lengths;   /* [n] terms of each passage */
    struct map *strings; /* own the terms */
    int n_strings;
};

/* Inverts n passages, numbered as they come.
 *
 * analyzers  one for each worker of the pool, all of one kind
 * pool       NULL = this thread alone.  The result does not depend on it.
 * On failure *out is empty.
 * Cost: memory of about 20 bytes a posting above the terms. */
int invert(struct inverted *out, const struct passage_text *texts, size_t n,
           struct analyzer *const *analyzers, struct pool *pool, struct err *err);
void inverted_clear(struct inverted *v);

/* How many analyzers a text of so many bytes can keep busy: 1..pool_size. */
int invert_workers(size_t bytes, const struct pool *pool);

#endif
