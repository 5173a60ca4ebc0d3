/* sums.h -- the inner loops of BM25: adds a run of postings to an array of sums, and finds the
 * sums that matter.
 *
 * A table of both for each instruction set, all with the same results to the bit: the same float32
 * operations in the same order, without fused multiply-add.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RETRIEVER_SUMS_H
#define RETRIEVER_SUMS_H

#include <stdint.h>

enum { SUMS_PAD = 16 }; /* entries behind arrays that may be read or written over */

/* What a posting adds: weight * freq / (freq + base + slope * length); linear: weight * freq. */
struct sums_formula {
    float weight, base, slope;
    int linear;
};

struct sums_kernel {
    const char *name; /* "scalar", "avx2", "avx512" */

    /* sums[passages[i] - begin] += part of posting i.
     *
     * passages  [n], different, >= begin
     * freqs     [n]; both are below 2^31
     * lengths   of all passages */
    void (*add)(float *sums, uint32_t begin, const uint32_t *passages, const uint32_t *freqs,
                uint32_t n, const uint32_t *lengths, const struct sums_formula *f);

    /* Writes begin + i and sums[i] for each sum above need, ascending, returns how many, and sets all
     * sums to 0.
     *
     * passages, scores  [n + SUMS_PAD]
     * sums              [n + SUMS_PAD], those behind n are 0; need >= 0 */
    uint32_t (*take)(uint32_t *passages, float *scores, float *sums, uint32_t begin, uint32_t n,
                     float need);
};

/* The best that this processor can run. */
const struct sums_kernel *sums_kernel_best(void);

/* By name; NULL if there is none of that name here or the processor cannot run it. */
const struct sums_kernel *sums_kernel_find(const char *name);

#endif
