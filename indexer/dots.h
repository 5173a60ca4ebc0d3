/* dots.h -- inner products of rows in 8 and in 16 bits: a table for each instruction set.
 *
 * "scalar" is the reference.  Every table gives the same bits: products of integers are exact, and the
 * floating sum is defined lane by lane.  So neither a graph nor a ranking depends on the processor.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef INDEXER_DOTS_H
#define INDEXER_DOTS_H

#include <stddef.h>
#include <stdint.h>

enum { DOTS_STEP = 64 }; /* rows are padded with zeros to a multiple of so many numbers */

struct dots {
    const char *name; /* "scalar", "avx2", "avx512" (with VNNI) */

    /* sum a[i] * q[i], exactly.  a, q [n], n a multiple of DOTS_STEP up to 65536. */
    int32_t (*bytes)(const uint8_t *a, const int8_t *q, size_t n);

    /* sum (256 * (high[i] - 128) + low[i]) * q[i].  All [n], n a multiple of DOTS_STEP.
     * Lane l of 32 is the sum over i = l, l + 32, ... in this order, each step one fused
     * multiply-add; then lanes l and l + 16 are added, l and l + 8, l + 4, l + 2, l + 1. */
    float (*planes)(const uint8_t *high, const int8_t *low, const float *q, size_t n);
};

/* The best table that this processor can run. */
const struct dots *dots_best(void);

/* A table by name; NULL if there is none of that name here or the processor cannot run it. */
const struct dots *dots_find(const char *name);

#endif
