/* product.c -- packing weights for product.h, and the plain way to multiply, which the fast ones are tested against. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "model/product.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/mem.h"

enum { G = PRODUCT_GROUP, N = PRODUCT_PANEL };

/* ---- packing ---- */

int product_new(struct product **out, int n, int k, struct err *err)
{
    struct product *p = mem_zalloc(1, sizeof *p);
    const size_t panels = (size_t)product_panels(n), groups = (size_t)product_groups(k);

    assert(n >= 1 && k >= 1);
    if (!p)
        return err_nomem(err);
    p->n = n;
    p->k = k;
    p->w = mem_alloc_aligned(panels * groups, G * N);
    p->start = mem_alloc_aligned(panels * groups * N, sizeof *p->start);
    p->scale = mem_alloc_aligned(panels * groups * N, sizeof *p->scale);
    p->bias = mem_alloc_aligned(panels * N, sizeof *p->bias);
    if (!p->w || !p->start || !p->scale || !p->bias) {
        product_free(p);
        return err_nomem(err);
    }
    memset(p->w, 0, panels * groups * G * N);
    memset(p->start, 0, panels * groups * N * sizeof *p->start);
    memset(p->scale, 0, panels * groups * N * sizeof *p->scale);
    memset(p->bias, 0, panels * N * sizeof *p->bias);
    *out = p;
    return 0;
}

void product_free(struct product *p)
{
    if (!p)
        return;
    mem_free(p->w);
    mem_free(p->start);
    mem_free(p->scale);
    mem_free(p->bias);
    mem_free(p);
}

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

static void set_row(struct product *p, int row, const float *w)
{
    const size_t groups = (size_t)product_groups(p->k), panel = (size_t)(row / N);
    const size_t lane = (size_t)(row % N);
    int8_t *to = p->w + panel * groups * G * N + 4 * lane;

    for (size_t g = 0; g < groups; g++, w += G, to += G * N) {
        const int left = p->k - (int)g * G, n = left < G ? left : G;
        const size_t at = (panel * groups + g) * N + lane;
        float inverse;
        int32_t sum = 0;

        p->scale[at] = step_of(&inverse, largest(w, n));
        for (int c = 0; c < n; c++) {
            const int8_t v = (int8_t)(inverse > 0 ? lrintf(w[c] * inverse) : 0);

            to[(size_t)(c / 4) * 4 * N + (size_t)(c % 4)] = v;
            sum += v;
        }
        p->start[at] = -128 * sum;
    }
}

void product_set_rows(struct product *p, int first, int n_rows, const float *W)
{
    assert(first >= 0 && n_rows >= 0 && first + n_rows <= p->n);
    for (int i = 0; i < n_rows; i++)
        set_row(p, first + i, W + (size_t)i * (size_t)p->k);
}

void product_set_bias(struct product *p, const float *b)
{
    memcpy(p->bias, b, (size_t)p->n * sizeof *b);
}

/* ---- the reference ---- */

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
            y[i * ldy + (size_t)j] = one(p, q + i * width, a + i * groups, j);
}

const struct product_ops product_scalar = {.quantise = quantise, .multiply = multiply};
