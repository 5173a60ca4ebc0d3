/* product.c -- the plain way to do what product.h says, which the fast ones are tested against. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "model/product.h"

#include <math.h>
#include <string.h>

enum { G = PRODUCT_GROUP, N = PRODUCT_PANEL };

/* The largest magnitude; NaN if there is one. */
static float largest(const float *x, int n)
{
    float top = 0;

    for (int i = 0; i < n; i++)
        top = fabsf(x[i]) > top || isnan(x[i]) ? fabsf(x[i]) : top;
    return top;
}

/* The step of a group and what to multiply by to count in steps. */
static float step_of(float *inverse, float top)
{
    const int is_plain = top >= 1e-30f && top < INFINITY;

    *inverse = is_plain ? 127 / top : 0;
    return is_plain ? top / 127 : top < 1e-30f ? 0 : top;
}

static void quantise(uint8_t *q, float *a, const float *x, int k)
{
    memset(q + k, 128, product_width(k) - (size_t)k);
    for (int c = 0; c < k; c += G, a++) {
        const int n = k - c < G ? k - c : G;
        float inverse;

        *a = step_of(&inverse, largest(x + c, n));
        for (int i = c; i < c + n; i++)
            q[i] = (uint8_t)(128 + (inverse > 0 ? lrintf(x[i] * inverse) : 0));
    }
}

static float one(const struct product *p, const uint8_t *q, const float *a, int row)
{
    const size_t groups = (size_t)product_groups(p->k), panel = (size_t)(row / N);
    const size_t lane = (size_t)(row % N);
    const int8_t *w = p->w + panel * groups * G * N + 4 * lane;
    float y = 0;

    for (size_t g = 0; g < groups; g++, w += G * N, q += G) {
        int32_t sum = 0;

        for (size_t c = 0; c < G; c++)
            sum += (q[c] - 128) * w[c / 4 * 4 * N + c % 4];
        y = fmaf(a[g] * p->scale[(panel * groups + g) * N + lane], (float)sum, y);
    }
    return y + p->bias[row];
}

static void multiply(float *y, size_t ldy, const struct product *p, const uint8_t *q,
                     const float *a, int m, int first, int last)
{
    const size_t width = product_width(p->k), groups = (size_t)product_groups(p->k);
    const int end = last * N < p->n ? last * N : p->n;

    for (size_t i = 0; i < (size_t)m; i++)
        for (int j = first * N; j < end; j++)
            y[i * ldy + (size_t)(j - first * N)] = one(p, q + i * width, a + i * groups, j);
}

const struct product_ops product_scalar = {.quantise = quantise, .multiply = multiply};
