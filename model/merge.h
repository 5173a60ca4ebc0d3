/* merge.h -- the heart of byte-pair encoding: of all neighbours join the best pair, again and again.
 *
 * What a pair is worth is asked of the caller, so that merges by rank (BPE) and pieces by score (SentencePiece)
 * are the same loop.
 * Source: Sennrich, Haddow & Birch, "Neural machine translation of rare words with subword units", 2016.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MODEL_MERGE_H
#define MODEL_MERGE_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* A piece of a text on its way. */
struct symbol {
    uint32_t begin, end; /* bytes of the text */
    int id;              /* token; -1 = none */
    uint32_t prev, next; /* neighbours while merging */
};

#define MERGE_NONE UINT32_MAX

/* The rank of joining a and its right neighbour b, 0 the best, and *id = what they become;
 * MERGE_NONE if nothing joins them. */
typedef uint32_t merge_rank_fn(int *id, const void *payload, const struct symbol *a,
                               const struct symbol *b);

/* The symbols of one word and room to work; zeroed = empty; one thread at a time. */
struct merging {
    struct symbol *symbols; /* [n] */
    size_t n, cap;
    uint64_t *heap; /* rank << 32 | place of the left symbol */
    size_t n_heap, cap_heap;
};

/* Joins pairs until none joins: the lowest rank first, of equals the leftmost.  m->n symbols remain, in order.
 *
 * Returns 0 or E_NOMEM.
 * Cost: O(n log n); a word of a few symbols is scanned, which is O(n^2) but faster.
 */
int merge_symbols(struct merging *m, merge_rank_fn *rank, const void *payload, struct err *err);

/* For tests: the same by the way for long words, whatever the length. */
int merge_by_heap(struct merging *m, merge_rank_fn *rank, const void *payload, struct err *err);

void merging_clear(struct merging *m);

#endif
