/* codes.h -- the vectors of a segment in memory: 16-bit numbers in two planes of 8 bits.
 *
 * Row i stands for the numbers  scale[i] * (256 * (high - 128) + low).  The plane high alone is the vector to
 * 8 bits, and is what searching touches first; low makes the products exact for the few rows that matter.
 *
 *     struct probe p;
 *     codes_probe(&p, c, query, err);
 *     float about = codes_about(c, &p, i), exact = codes_exact(c, &p, i);
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef INDEXER_CODES_H
#define INDEXER_CODES_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "indexer/dots.h"

enum { CODE_MOST = 127 * 256 }; /* the largest magnitude of a number in 16 bits */

struct codes {
    uint32_t n;
    int dim;
    size_t stride;  /* dim rounded up to DOTS_STEP; the rest is 0 */
    uint8_t *high;  /* [n, stride] 1..255 */
    int8_t *low;    /* [n, stride], or NULL: not kept */
    float *scale;   /* [n] >= 0 */
    float *length;  /* [n] of each vector; while a graph is built, else NULL */
    float most;     /* the longest vector in 8 bits */
    float most_low; /* the longest difference of a vector to what it is in 8 bits */
    const struct dots *dots;
};

/* Room for n vectors, filled by codes_set.  Cost: n * (stride * (1 or 2) + 4 or 8) bytes. */
int codes_new(struct codes **out, uint32_t n, int dim, int has_low, int has_length,
              struct err *err);
void codes_free(struct codes *c);

/* Rounds a vector of finite numbers to q [dim] and returns the scale: x[i] ~ scale * q[i]; |q[i]| <= CODE_MOST. */
float code_from_floats(int16_t *q, const float *x, int dim);

/* May this be what code_from_floats gave for numbers of up to 65504? */
int code_is_valid(const int16_t *q, int dim, float scale);

/* Sets row i. */
void codes_set(struct codes *c, uint32_t i, const int16_t *q, float scale);

/* A query as it is compared with rows. */
struct probe {
    int8_t *bytes; /* [stride] ~ query / scale */
    float *floats; /* [stride] */
    int32_t bias;  /* 128 * the sum of bytes */
    float scale;   /* of a product of bytes */
    float error;   /* no product in 8 bits is farther from the exact one than this */
};

/* Prepares a query [c->dim]; E_INVALID if it holds what is no number. */
int codes_probe(struct probe *p, const struct codes *c, const float *query, struct err *err);
void probe_clear(struct probe *p);

/* The product of a query and row i from 8 bits each, and from all that is kept (needs low). */
static inline float codes_about(const struct codes *c, const struct probe *p, uint32_t i)
{
    return p->scale * c->scale[i] *
           (float)(c->dots->bytes(c->high + i * c->stride, p->bytes, c->stride) - p->bias);
}

static inline float codes_exact(const struct codes *c, const struct probe *p, uint32_t i)
{
    return c->scale[i] *
           c->dots->planes(c->high + i * c->stride, c->low + i * c->stride, p->floats, c->stride);
}

/* A row and its product with the query. */
struct near {
    float score;
    uint32_t row;
};

/* Best first, then by row. */
static inline int near_is_before(struct near a, struct near b)
{
    return a.score > b.score || (a.score == b.score && a.row < b.row);
}

/* The k rows with the largest exact products, best first, ties by row, among those whose bit is not set in skip
 * (two sets, each may be NULL).  Exact: rows are first compared in 8 bits, and passed over only if they cannot be among them.
 *
 * out  [k];  returns how many. */
size_t codes_scan(struct near *out, const struct codes *c, const struct probe *p, size_t k,
                  const uint64_t *skip, const uint64_t *skip_too);

#endif
