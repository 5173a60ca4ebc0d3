/* linear.c -- one layer of weights, over gemm.h and quantise.h. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "model/linear.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

#include "base/mem.h"
#include "model/model.h"
#include "model/quantise.h"

struct linear {
    int precision, n, k;
    struct gemm *gemm;
    float *bias; /* [n] */
    /* MODEL_I8 */
    struct weights_i8 w; /* [n] */
    int8_t *w_t; /* [k, n] W as quantised, transposed: for entries of x that are set apart */
};

struct linear_scratch {
    int max_n, max_k;
    struct gemm_scratch *gemm;
    uint8_t *q;                    /* [GEMM_ROWS, max_k] */
    int32_t *acc;                  /* [GEMM_ROWS, max_n] */
    struct row_i8 rows[GEMM_ROWS]; /* what each row of q stands for */
};

/* t [k, n] = the transpose of w [n, k], in strips of the width of a cache line. */
static void transpose(int8_t *t, const int8_t *w, size_t n, size_t k)
{
    enum { STRIP = 64 };

    for (size_t first = 0; first < n; first += STRIP) {
        const size_t last = first + STRIP < n ? first + STRIP : n;

        for (size_t j = 0; j < k; j++)
            for (size_t i = first; i < last; i++)
                t[j * n + i] = w[i * k + j];
    }
}

static int pack_i8(struct linear *l, struct gemm_lib *lib, const float *W, struct err *err)
{
    const size_t n = (size_t)l->n, k = (size_t)l->k;
    int8_t *q = mem_alloc(n * k, 1);
    int max = gemm_max_weight(), rc;

    l->w.scale = mem_alloc_aligned(n, sizeof *l->w.scale);
    l->w.middle = mem_alloc_aligned(n, sizeof *l->w.middle);
    l->w.sum = mem_alloc_aligned(n, sizeof *l->w.sum);
    l->w_t = mem_alloc(k * n, 1);
    if (!q || !l->w.scale || !l->w.middle || !l->w.sum || !l->w_t) {
        rc = err_nomem(err);
        goto done;
    }
    for (size_t i = 0; i < n; i++)
        quantise_weights(q + i * k, &l->w.scale[i], &l->w.middle[i], &l->w.sum[i], W + i * k, l->k,
                         max);
    transpose(l->w_t, q, n, k);
    rc = gemm_new_i8(&l->gemm, lib, q, l->n, l->k, err);
done:
    mem_free(q);
    return rc;
}

int linear_new(struct linear **out, struct gemm_lib *lib, int precision, const float *W,
               const float *b, int n, int k, struct err *err)
{
    struct linear *l = mem_zalloc(1, sizeof *l);
    int rc;

    if (!l)
        return err_nomem(err);
    l->precision = precision;
    l->n = n;
    l->k = k;
    l->bias = mem_alloc_aligned((size_t)n, sizeof *l->bias);
    if (!l->bias)
        rc = err_nomem(err);
    else if (precision == MODEL_F32)
        rc = gemm_new_f32(&l->gemm, lib, W, n, k, err);
    else
        rc = pack_i8(l, lib, W, err);
    if (rc) {
        linear_free(l);
        return rc;
    }
    memcpy(l->bias, b, (size_t)n * sizeof *b);
    *out = l;
    return 0;
}

void linear_free(struct linear *l)
{
    if (!l)
        return;
    gemm_free(l->gemm);
    mem_free(l->bias);
    mem_free(l->w.scale);
    mem_free(l->w.middle);
    mem_free(l->w.sum);
    mem_free(l->w_t);
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
    s->q = mem_alloc_aligned((size_t)GEMM_ROWS * (size_t)max_k, sizeof *s->q);
    s->acc = mem_alloc_aligned((size_t)GEMM_ROWS * (size_t)max_n, sizeof *s->acc);
    rc = s->q && s->acc ? gemm_scratch_new(&s->gemm, lib, err) : err_nomem(err);
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
    mem_free(s->acc);
    mem_free(s);
}

static int run_f32(float *y, const struct linear *l, const struct kernels *kernels,
                   struct linear_scratch *s, const float *x, int m,
                   void (*activation)(float *, int), struct err *err)
{
    int rc = gemm_run(y, l->gemm, s->gemm, x, m, err);

    for (int i = 0; i < m && !rc; i++, y += l->n) {
        kernels->add(y, l->bias, l->n);
        if (activation)
            activation(y, l->n);
    }
    return rc;
}

static int run_i8(float *y, const struct linear *l, const struct kernels *kernels,
                  struct linear_scratch *s, const float *x, int m, void (*activation)(float *, int),
                  struct err *err)
{
    const size_t n = (size_t)l->n, k = (size_t)l->k;
    int rc;

    for (int i = 0; i < m; i++)
        kernels->quantise(s->q + (size_t)i * k, &s->rows[i], x + (size_t)i * k, l->k);
    rc = gemm_run(s->acc, l->gemm, s->gemm, s->q, m, err);
    for (int i = 0; i < m && !rc; i++, y += n) {
        kernels->dequantise(y, s->acc + (size_t)i * n, &s->rows[i], &l->w,
                            l->w_t + (size_t)s->rows[i].at * n, l->bias, l->n);
        if (activation)
            activation(y, l->n);
    }
    return rc;
}

int linear_run(float *y, const struct linear *l, const struct kernels *kernels,
               struct linear_scratch *s, const float *x, int m, void (*activation)(float *, int),
               struct err *err)
{
    assert(m >= 1 && m <= GEMM_ROWS && l->n <= s->max_n && l->k <= s->max_k);
    return l->precision == MODEL_F32 ? run_f32(y, l, kernels, s, x, m, activation, err)
                                     : run_i8(y, l, kernels, s, x, m, activation, err);
}
