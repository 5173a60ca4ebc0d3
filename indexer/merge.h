/* merge.h -- several segments into one. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef INDEXER_MERGE_H
#define INDEXER_MERGE_H

#include "indexer/segment.h"

struct merge {
    struct store *store; /* where the new segment is written */
    int64_t segment;     /* its id */
    int dim;             /* 0 = no dense leg */
    const char *vectors; /* setting; see vectors.h */
    int sparse;          /* 1 = with a sparse leg */
    struct pool *pool;   /* to build graphs with, or NULL */
    index_progress_fn *progress;
    void *payload;
};

/* Writes one segment of what lives in segments[n].
 *
 * dead      [n] bit sets, NULL where nothing is dead
 * passages  of the new segment; 0: nothing lives, and nothing was written
 * Cost: reads and writes each byte once; memory: the documents' names and numbers, and the longest term. */
int merge_segments(uint64_t *passages, const struct merge *m, struct segment *const *segments,
                   const uint64_t *const *dead, size_t n, struct err *err);

#endif
