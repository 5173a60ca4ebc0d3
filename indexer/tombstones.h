/* tombstones.h -- deletions in segments: which passages are dead, and what they took from each term. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef INDEXER_TOMBSTONES_H
#define INDEXER_TOMBSTONES_H

#include "indexer/invert.h"
#include "indexer/segment.h"

/* Reads the tombstones that are newer than what the segments know.
 *
 * segments  [n], all of the store's list, in any order
 * A row for a segment that is not in the list is damage. */
int tombstones_refresh(struct segment *const *segments, int n, struct store *st, struct err *err);

/* Sums up, over all tombstones of a segment, the dead postings of each term. */
int tombstones_need_terms(struct segment *s, struct err *err);

/* Deletions of a segment in the pending commit. */
struct grave {
    struct segment *s; /* borrowed */
    uint64_t *dead;    /* bit set: old and new ones */
    uint32_t n_new;
    uint32_t *counts; /* [row.terms] what the new ones take from each term */
    uint32_t *once;   /* scratch: the last passage that counted a term, + 1 */
};

/* grave->dead starts as what the segment has. */
int grave_open(struct grave *g, struct segment *s, struct err *err);

static inline int grave_is_dead(const struct grave *g, uint32_t passage)
{
    return (int)(g->dead[passage >> 6] >> (passage & 63) & 1);
}

/* Marks the passages of a document dead.
 *
 * document  number in the segment
 * texts     [n] what was indexed, passage by passage; analysed again to know the terms
 * fields    with which weights
 * On failure the grave is as before, but for memory. */
int grave_bury(struct grave *g, struct analyzer *a, uint32_t document,
               const struct passage_text *texts, size_t n, const struct fields *fields,
               struct err *err);

/* Writes the new ones as a row; when the segment has many rows already, as one in place of all. */
int grave_write(struct grave *g, struct store *st, struct err *err);

void grave_close(struct grave *g);

#endif
