/* vectors.h -- the dense leg of a segment: rows of numbers, and what finds the nearest of them. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef INDEXER_VECTORS_H
#define INDEXER_VECTORS_H

#include <stddef.h>
#include <stdint.h>

#include "indexer/codes.h"
#include "indexer/index.h"
#include "indexer/parts.h"

struct segment;
struct segment_row;

/* ---- the setting: "auto", "auto:N", or a FAISS factory string ---- */

/* "auto": segments of up to this many passages are searched exactly, larger ones on a graph.  "auto:N" sets it. */
enum { VECTORS_EXACT = 50000 };

/* E_INVALID says why a setting cannot be. */
int vectors_check(const char *setting, int dim, struct err *err);

/* The least number of passages for which a segment has a graph; SIZE_MAX: none ever has. */
size_t vectors_graph_from(const char *setting);

/* 1 for "auto" and "auto:N". */
int vectors_is_auto(const char *setting);

/* ---- writing ---- */

/* How rows are kept; which one, the size of the part says. */
enum {
    ROWS_NONE,   /* the size of the part is wrong */
    ROWS_FLOATS, /* 4 bytes a number: "Flat" */
    ROWS_HALVES, /* 2 bytes a number: other factory strings */
    ROWS_CODES,  /* a float and 2 bytes a number: "auto" */
};

struct vectors_writer {
    struct store *store;
    int64_t segment;
    const char *setting; /* borrowed until the end */
    int dim;
    int kind; /* ROWS_... */
    struct part_writer rows;
    float *all;          /* [n, dim] of a segment that FAISS will index, else NULL */
    struct codes *codes; /* of a segment that will have a graph of our own, else NULL */
    int16_t *numbers;    /* [dim] scratch */
    size_t n, added;
    struct err *err;
    /* may be set after vectors_begin: */
    struct pool *pool; /* to build with */
    index_progress_fn *progress;
    void *payload;
};

/* Begins the vectors of a segment of n passages. */
int vectors_begin(struct vectors_writer *w, struct store *st, int64_t segment, const char *setting,
                  int dim, size_t n, struct err *err);

/* Adds the next k rows [k, dim].  Sticky. */
void vectors_put(struct vectors_writer *w, const float *rows, size_t k);

/* Adds a row of another segment, bit by bit if it is kept in the same way.  Sticky. */
void vectors_copy(struct vectors_writer *w, struct segment *s, uint32_t passage);

/* Ends, builds and writes the graph if the segment is large enough for one; sets the sizes in row.
 * failed: an error that happened elsewhere, to give up with.
 * Memory while a graph is built: dim + 8 bytes a row and what graph_build says. */
int vectors_end(struct vectors_writer *w, struct segment_row *row, int failed);

/* ---- reading ---- */

struct vectors; /* what a segment holds in memory to search them */

/* How the rows of a segment are kept: ROWS_... */
int vectors_kind(const struct segment *s);

/* All rows [size, dim] as floats: the caller's (mem_free). */
int vectors_load(float **out, struct segment *s, struct err *err);

/* All rows of a segment of ROWS_CODES; codes_free. */
int vectors_load_codes(struct codes **out, struct segment *s, struct err *err);

/* Loads rows and graph for searching, once; E_FORMAT if they are not what the row says.
 * Memory: 2 * dim + 4 bytes a row, and 4 * GRAPH_DEGREE if there is a graph. */
int vectors_need(struct segment *s, struct err *err);
void vectors_close(struct vectors *v);

/* The k live passages that are exactly the nearest, whatever the setting; as segment_nearest, after vectors_need.
 * rows  [size, dim] as vectors_load gives them; may be NULL for ROWS_CODES. */
int vectors_exact(uint32_t *passages, float *scores, size_t *n, struct segment *s,
                  const float *rows, const float *query, size_t k, struct err *err);

#endif
