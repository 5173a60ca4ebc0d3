/* linear.c -- one layer of weights, over product.h or gemm.h. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "model/linear.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

#include "base/mem.h"
#include "model/model.h"
#include "model/product.h"

struct linear {
    int n, k;
    struct product *product; /* MODEL_I8; else NULL, */
    struct gemm *gemm;       /* MODEL_F32 */
    struct gemm_lib *lib;
    float *bias; /* [n], */
    float *rows; /* and W [n, k] until it is finished */
};

struct linear_scratch {
    int max_n, max_k;
    struct gemm_scratch *gemm;
    uint8_t *q; /* [GEMM_ROWS, width of max_k] */
    float *a;   /* [GEMM_ROWS, groups of max_k] */
};

int linear_begin(struct linear **out, struct gemm_lib *lib, int precision, int n, int k,
                 struct err *err)
{
    struct linear *l = mem_zalloc(1, sizeof *l);
    int rc = 0;

    if (!l)
        return err_nomem(err);
    l->n = n;
    l->k = k;
    l->lib = lib;
    if (precision == MODEL_F32) {
        l->bias = mem_zalloc((size_t)n, sizeof *l->bias);
        l->rows = mem_zalloc((size_t)n * (size_t)k, sizeof *l->rows);
        rc = l->bias && l->rows ? 0 : err_nomem(err);
    } else {
        rc = product_new(&l->product, n, k, err);
    }
    if (rc) {
        linear_free(l);
        return rc;
    }
    *out = l;
    return 0;
}

void linear_set_rows(struct linear *l, int first, int n_rows, const float *W)
{
    const size_t k = (size_t)l->k;

    if (l->product)
        product_set_rows(l->product, first, n_rows, W);
    else
        memcpy(l->rows + (size_t)first * k, W, (size_t)n_rows * k * sizeof *W);
}

void linear_set_bias(struct linear *l, const float *b)
{
    if (l->product)
        product_set_bias(l->product, b);
    else
        memcpy(l->bias, b, (size_t)l->n * sizeof *b);
}

int linear_finish(struct linear *l, struct err *err)
{
    int rc = l->product ? 0 : gemm_new(&l->gemm, l->lib, l->rows, l->n, l->k, err);

    mem_free(l->rows);
    l->rows = NULL;
    return rc;
}

int linear_new(struct linear **out, struct gemm_lib *lib, int precision, const float *W,
               const float *b, int n, int k, struct err *err)
{
    struct linear *l = NULL;
    int rc = linear_begin(&l, lib, precision, n, k, err);

    if (rc)
        return rc;
    linear_set_rows(l, 0, n, W);
    if (b)
        linear_set_bias(l, b);
    rc = linear_finish(l, err);
    if (rc)
        linear_free(l);
    else
        *out = l;
    return rc;
}

void linear_free(struct linear *l)
{
    if (!l)
        return;
    product_free(l->product);
    gemm_free(l->gemm);
    mem_free(l->bias);
    mem_free(l->rows);
    mem_free(l);
}

int linear_scratch_new(struct linear_scratch **out, struct gemm_lib *lib, int max_n, int max_k,
                       struct err *err)
{
    struct linear_scratch *s = mem_zalloc(1, sizeof *s);
    int rc;

    if (!s)
        return err_nomem(err);
    s->max_n = max_n;
    s->max_k = max_k;
    s->q = mem_alloc_aligned(GEMM_ROWS * product_width(max_k), sizeof *s->q);
    s->a = mem_alloc_aligned((size_t)GEMM_ROWS * (size_t)product_groups(max_k), sizeof *s->a);
    rc = s->q && s->a ? gemm_scratch_new(&s->gemm, lib, err) : err_nomem(err);
    if (rc) {
        linear_scratch_free(s);
        return rc;
    }
    *out = s;
    return 0;
}

void linear_scratch_free(struct linear_scratch *s)
{
    if (!s)
        return;
    gemm_scratch_free(s->gemm);
    mem_free(s->q);
    mem_free(s->a);
    mem_free(s);
}

static int run_f32(float *y, const struct linear *l, const struct kernels *kernels,
                   struct linear_scratch *s, const float *x, int m, struct err *err)
{
    int rc = gemm_run(y, l->gemm, s->gemm, x, m, err);

    for (int i = 0; i < m && !rc; i++)
        kernels->add(y + (size_t)i * (size_t)l->n, l->bias, l->n);
    return rc;
}

static void quantise(struct linear_scratch *s, const struct product_ops *op, const float *x, int m,
                     int k)
{
    const size_t width = product_width(k), groups = (size_t)product_groups(k);

    for (size_t i = 0; i < (size_t)m; i++)
        op->quantise(s->q + i * width, s->a + i * groups, x + i * (size_t)k, k);
}

/* Panels first..last-1 of what was quantised, into their columns of y. */
static void multiply(float *y, const struct linear *l, const struct product_ops *op,
                     const struct linear_scratch *s, int m, int first, int last)
{
    op->multiply(y + (size_t)first * PRODUCT_PANEL, (size_t)l->n, l->product, s->q, s->a, m, first,
                 last);
}

int linear_run_part(float *y, const struct linear *l, const struct kernels *kernels,
                    struct linear_scratch *s, const float *x, int m, int part, int parts,
                    struct err *err)
{
    const int panels = product_panels(l->n);

    assert(m >= 1 && m <= GEMM_ROWS && l->n <= s->max_n && l->k <= s->max_k);
    if (!l->product)
        return part ? 0 : run_f32(y, l, kernels, s, x, m, err);
    quantise(s, kernels->product, x, m, l->k);
    multiply(y, l, kernels->product, s, m, panels * part / parts, panels * (part + 1) / parts);
    return 0;
}

int linear_run(float *y, const struct linear *l, const struct kernels *kernels,
               struct linear_scratch *s, const float *x, int m, void (*activation)(float *, int),
               struct err *err)
{
    int rc = linear_run_part(y, l, kernels, s, x, m, 0, 1, err);

    for (int i = 0; i < m && !rc && activation; i++)
        activation(y + (size_t)i * (size_t)l->n, l->n);
    return rc;
}

/* y = act(y) * up in n columns from the given one on, of rows of `wide`. */
static void gate(float *y, const float *up, const struct kernels *kernels,
                 void (*activation)(float *, int), int m, int wide, int column, int n)
{
    y += column;
    up += column;
    for (int i = 0; i < m; i++, y += wide, up += wide) {
        activation(y, n);
        kernels->multiply(y, up, n);
    }
}

enum { SLAB = 4 }; /* panels: their results stay in the caches until they are multiplied */

int linear_run_gated(float *y, float *room, const struct linear *l, const struct linear *up,
                     const struct kernels *kernels, struct linear_scratch *s, const float *x, int m,
                     void (*activation)(float *, int), int part, int parts, struct err *err)
{
    const int panels = product_panels(l->n), end = panels * (part + 1) / parts;
    int rc;

    assert(m >= 1 && m <= GEMM_ROWS && l->n <= s->max_n && l->k <= s->max_k);
    assert(up->n == l->n && up->k == l->k);
    if (!l->product) {
        if (part)
            return 0;
        rc = run_f32(y, l, kernels, s, x, m, err);
        rc = rc ? rc : run_f32(room, up, kernels, s, x, m, err);
        if (!rc)
            gate(y, room, kernels, activation, m, l->n, 0, l->n);
        return rc;
    }
    quantise(s, kernels->product, x, m, l->k);
    for (int j = panels * part / parts, last; j < end; j = last) {
        const int column = j * PRODUCT_PANEL;

        last = j + SLAB < end ? j + SLAB : end;
        multiply(y, l, kernels->product, s, m, j, last);
        multiply(room, up, kernels->product, s, m, j, last);
        gate(y, room, kernels, activation, m, l->n, column,
             (last * PRODUCT_PANEL < l->n ? last * PRODUCT_PANEL : l->n) - column);
    }
    return 0;
}
