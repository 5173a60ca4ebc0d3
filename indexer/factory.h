/* factory.h -- vectors of a segment searched by FAISS, built from one of its factory strings. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef INDEXER_FACTORY_H
#define INDEXER_FACTORY_H

#include "indexer/codes.h"
#include "indexer/segment.h"

/* Is this a factory string that FAISS can build for inner products?  E_INVALID says why not. */
int factory_check(const char *factory, int dim, struct err *err);

/* A segment gets a FAISS structure beside its rows from so many passages on; never ("Flat"): SIZE_MAX.
 * Below, exact search is as fast, and FAISS wants 39 vectors for each centroid it trains. */
size_t factory_graph_from(const char *factory);

/* Trains on rows [n, dim] and writes the structure as a segment's graph; *bytes is its size. */
int factory_write(uint64_t *bytes, struct store *st, int64_t segment, const char *factory,
                  const float *rows, size_t n, int dim, struct err *err);

struct factory_index;

/* Loads a segment's structure, or all rows into an exact one. */
int factory_open(struct factory_index **out, struct segment *s, struct err *err);
void factory_close(struct factory_index *f);

/* segment_nearest, `live` being how many passages are wanted.  out [k]. */
int factory_nearest(struct near *out, size_t *n, struct segment *s, struct factory_index *f,
                    const float *query, size_t k, int ef, size_t live, const uint64_t *excluded,
                    struct err *err);

#endif
