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

/* A segment gets a FAISS structure beside its rows from so many passages on; never ("Flat"): SIZE_MAX.
 * Below, exact search is as fast, and FAISS wants 39 vectors for each centroid it trains. */
size_t vectors_graph_from(const char *factory);

/* ---- writing ---- */

struct vectors_writer {
    struct store *store;
    int64_t segment;
    const char *factory; /* borrowed until the end */
    int dim;
    int is_half; /* rows in half precision: all but "Flat" */
    struct part_writer rows;
    float *all; /* [n, dim] of a segment that will have a graph, else NULL */
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

struct segment;
struct vectors; /* what a segment holds in memory to search them */

/* All rows [size, dim] as floats: the caller's (mem_free). */
int vectors_load(float **out, struct segment *s, struct err *err);

/* Loads rows or graph for searching, once; E_FORMAT if they are not what the row says. */
int vectors_need(struct segment *s, struct err *err);
void vectors_close(struct vectors *v);

#endif
