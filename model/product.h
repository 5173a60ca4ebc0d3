/* product.h -- y = x W^T + b in 8 bits, the product that a transformer spends its time in.
 *
 *     struct product *p = NULL;
 *     product_new(&p, n, k, &err);
 *     product_set_rows(p, 0, n, W);            -- once
 *     ops->quantise(q, a, x, k);               -- each row of x
 *     ops->multiply(y, n, p, q, a, m, 0, product_panels(n));
 *
 * Numbers are rounded to -127..127 in groups of PRODUCT_GROUP along k, each with a scale:
 *
 *     x[i,c] ~ a[i,g] Q[i,c],   W[j,c] ~ s[g,j] V[j,c],   g = c / PRODUCT_GROUP
 *     y[i,j] = sum_g (a[i,g] s[g,j]) * (sum_{c in g} Q[i,c] V[j,c])  +  b[j]
 *
 * One activation of BERT's or a decoder's is often many times as large as the others of its token;
 * in groups it spoils the step of 63 neighbours instead of all.  (Groups: Dai et al., "VS-Quant", 2021;
 * the outliers: Dettmers et al., "LLM.int8()", 2022.)  On MiniLM the activations' groups cost 5 % of the time
 * and make a cosine of 0.9997 of 0.9995 with one scale a token.
 *
 * Sums of a group are exact integers below 2^24, and what is done with them in float32 is the same
 * sequence of fused operations in every table: results are equal bit by bit on all processors, and
 * a row of y depends on its row of x alone.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MODEL_PRODUCT_H
#define MODEL_PRODUCT_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum {
    PRODUCT_GROUP = 64, /* numbers along k with one scale */
    PRODUCT_PANEL = 32, /* rows of W that lie side by side */
};

/* W [n, k] and b [n].  Rows past n and columns past k are zeroes.  G = product_groups(k) groups,
 * P = product_panels(n) panels. */
struct product {
    int n, k;
    int8_t *w; /* [P, G * PRODUCT_GROUP / 4, PRODUCT_PANEL, 4] */
    int32_t
        *start;   /* [P, G, PRODUCT_PANEL]: -128 times the sum of a group's weights (see q below) */
    float *scale; /* [P, G, PRODUCT_PANEL] */
    float *bias;  /* [P, PRODUCT_PANEL] */
};

static inline int product_groups(int k) { return (k + PRODUCT_GROUP - 1) / PRODUCT_GROUP; }
static inline int product_panels(int n) { return (n + PRODUCT_PANEL - 1) / PRODUCT_PANEL; }

/* The bytes of a quantised row. */
static inline size_t product_width(int k) { return (size_t)product_groups(k) * PRODUCT_GROUP; }

struct product_ops {
    /* Rounds a row.  q [product_width(k)], each 128 + Q, padded with 128; a [G]; x [k].
     * A group below 1e-30 becomes zeroes; one with a number that is not finite makes y not finite. */
    void (*quantise)(uint8_t *q, float *a, const float *x, int k);

    /* y[i, j - PRODUCT_PANEL first] for i in 0..m-1 and the rows j of W in panels first..last-1.
     * y has ldy floats a row; only columns of rows j < n are written.  q [m, product_width(k)], a [m, G].
     * Cost: 2 m k operations a column; m >= 4 runs near the processor's peak, m = 1 at memory's. */
    void (*multiply)(float *y, size_t ldy, const struct product *p, const uint8_t *q,
                     const float *a, int m, int first, int last);
};

/* Tables by instruction set; model/kernels.h chooses.  The last two exist on x86-64 alone. */
extern const struct product_ops product_scalar, product_avx2, product_vnni;

/* A product whose bias is zero and whose rows are to be set, all of them; n, k >= 1.  Errors: E_NOMEM. */
int product_new(struct product **out, int n, int k, struct err *err);
void product_free(struct product *p);

/* Rounds rows first..first+n_rows-1 of W, given as W [n_rows, k], and keeps them.
 * A row with a number that is not finite makes its column of y not finite.  Different rows may be set by several threads.
 * Cost: 0.3 ns a weight, most in whole panels. */
void product_set_rows(struct product *p, int first, int n_rows, const float *W);

/* Sets b [n]. */
void product_set_bias(struct product *p, const float *b);

#endif
