/* vectors.h -- the dense leg of a segment: rows of numbers, and FAISS over them. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef INDEXER_VECTORS_H
#define INDEXER_VECTORS_H

#include <stddef.h>
#include <stdint.h>

#include "indexer/index.h"
#include "indexer/parts.h"

struct segment_row;

/* Is this a factory string that FAISS can build for inner products?  E_INVALID says why not. */
int vectors_check(const char *factory, int dim, struct err *err);

/* Rows are 4 bytes a number with "Flat", else 2 (half precision). */
int vectors_is_flat(const char *factory);

/* ---- writing ---- */

struct vectors_writer {
    struct store *store;
    int64_t segment;
    const char *factory; /* borrowed until the end */
    int dim;
    struct part_writer rows;
    struct buf bytes;
    float *all;          /* [n, dim] of a segment that will have a graph, else NULL */
    size_t n, added;
    struct err *err;
};

/* Begins the vectors of a segment of n passages. */
int vectors_begin(struct vectors_writer *w, struct store *st, int64_t segment, const char *factory,
                  int dim, size_t n, struct err *err);

/* Adds the next k rows [k, dim].  Sticky. */
void vectors_put(struct vectors_writer *w, const float *rows, size_t k);

/* Ends, trains and writes the graph if the segment is large enough for one; sets the sizes in row.
 * failed: an error that happened elsewhere, to give up with. */
int vectors_end(struct vectors_writer *w, struct segment_row *row, int failed);

/* ---- reading ---- */

struct vectors; /* what a segment holds in memory to search them */

void vectors_close(struct vectors *v);

#endif
