/* kernels.h -- the arithmetic of the network outside the large matrix products.
 *
 *     const struct kernels *k = kernels_best();
 *     k->gelu(row, n);
 *
 * A table of operations for each instruction set, each with the same formulae.
 * "scalar" is the reference; the others are tested against it and chosen at run
 * time.  One table gives the same bytes for the same input, whatever the thread.
 * Between tables results differ in the last bits (order of sums, exp and erf as
 * polynomials): exp to 3e-7 relative, GELU to 1e-6 absolute.
 *
 * All arrays are float32, row-major and unaligned unless said; n may be any
 * number >= 1 and nothing beyond n is read or written.  Outputs first.  Output
 * and input may be the same array only where "in place" is said.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MODEL_KERNELS_H
#define MODEL_KERNELS_H

#include <stdint.h>

#include "model/attention_i8.h"
#include "model/product.h"

struct kernels {
    const char *name; /* "scalar", "avx2", "avx512" (with VNNI) */

    /* y[i] += x[i].  y, x [n]. */
    void (*add)(float *y, const float *x, int n);

    /* y[i] = the larger of y[i] and x[i].  y, x [n], no NaN. */
    void (*max)(float *y, const float *x, int n);

    /* The largest of x [n], no NaN. */
    float (*largest)(const float *x, int n);

    /* y[i] *= x[i].  y, x [n]. */
    void (*multiply)(float *y, const float *x, int n);

    /* y[i] *= a, in place. */
    void (*scale)(float *y, float a, int n);

    /* x[i] = x[i] * (1 + erf(x[i] / sqrt 2)) / 2, in place. */
    void (*gelu)(float *x, int n);

    /* x = x * (1 + tanh(sqrt(2/pi) * (x + 0.044715 x^3))) / 2, in place ("gelu_new"). */
    void (*gelu_tanh)(float *x, int n);

    /* x = x / (1 + e^-x), in place ("SiLU", "swish"). */
    void (*silu)(float *x, int n);

    /* x = max(x, 0), in place. */
    void (*relu)(float *x, int n);

    /* y = gamma * (z - mean z) / sqrt(var z + eps) + beta, z = x + residual.
     * residual may be NULL; y may be x or residual.  All [n]. */
    void (*layer_norm)(float *y, const float *x, const float *residual, const float *gamma,
                       const float *beta, float eps, int n);

    /* y = gamma * x / sqrt(mean of x^2 + eps).  y may be x.  All [n].
     * (Zhang and Sennrich, "Root Mean Square Layer Normalization", 2019.) */
    void (*rms_norm)(float *y, const float *x, const float *gamma, float eps, int n);

    /* x[i] = exp(a * (x[i] - most)), in place; a > 0, most >= x[i].  Returns the sum.  Values under exp(-87) become 0. */
    float (*exp_sum)(float *x, float a, float most, int n);

    /* The same with most = max x: softmax(a x) = x / sum. */
    float (*softmax_exp)(float *x, float a, int n);

    /* y [n, m] = the transpose of x [m, n].  Row strides ldy, ldx in floats. */
    void (*transpose)(float *y, int ldy, const float *x, int ldx, int m, int n);

    /* y[i] = lowest + step * code i, codes of 8, 4 or 2 bits, the first in a byte's lowest; two
     * roundings.  y [n]; codes [n * bits / 8, rounded up].  The same bits in every table. */
    void (*unpack)(float *y, const uint8_t *codes, int bits, float lowest, float step, int n);

    /* C [m, n] = A [m, k] B [k, n], for small matrices in cache.  Row strides ldc, lda, ldb in
     * floats.  Each element is summed in order of k, so it depends on its row of A alone. */
    void (*matmul)(float *C, int ldc, const float *A, int lda, const float *B, int ldb, int m,
                   int n, int k);

    /* The large products in 8 bits: the same bits in every table. */
    const struct product_ops *product;

    /* Attention in integers; NULL in a table whose processors would not gain by it. */
    const struct attention_i8 *attention_i8;
};

/* matmul by numbers that are kept as bfloat16 (the upper 16 bits of a float: 8 of them the fraction's), or NULL where the table's own
 * matmul of B made floats is the best there is.  A is rounded on the way.  Products are exact, and sums differ from
 * matmul's in the last bits; an element depends on its row of A alone. */
typedef void matmul_bf16_fn(float *C, int ldc, const float *A, int lda, const uint16_t *B, int ldb,
                            int m, int n, int k);
matmul_bf16_fn *kernels_matmul_bf16(const struct kernels *k);

/* What it is where there is one: AVX-512 with BF16. */
void matmul_bf16(float *C, int ldc, const float *A, int lda, const uint16_t *B, int ldb, int m,
                 int n, int k);

/* The best table that this processor can run. */
const struct kernels *kernels_best(void);

/* A table by name; NULL if there is none of that name here or the processor cannot run it. */
const struct kernels *kernels_find(const char *name);

/* The tables; kernels_avx2 and kernels_avx512 exist on x86-64 alone.  Use kernels_find. */
extern const struct kernels kernels_scalar, kernels_avx2, kernels_avx512;

#endif
