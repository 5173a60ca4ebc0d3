/* bind.c -- tensors by name; see bind.h. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "model/bind.h"

#include <stdio.h>

#include "base/mem.h"

int bind_find(const struct tensor **out, const struct binder *b, int rows, int cols,
              const char *base, const char *part)
{
    char name[160];
    const int64_t shape[] = {rows, cols};

    snprintf(name, sizeof name, "%s%s%s", b->prefix, base, part);
    return safetensors_find(out, b->st, name, cols ? 2 : 1, shape, b->err);
}

int bind_read(float *out, const struct binder *b, int rows, int cols, const char *base,
              const char *part)
{
    const struct tensor *t = NULL;
    int rc = bind_find(&t, b, rows, cols, base, part);

    if (!rc)
        tensor_read_f32(out, t, 0, t->n);
    return rc;
}

int bind_norm(struct norm *norm, const struct binder *b, int D, const char *base)
{
    char name[160];
    int old, rc;

    snprintf(name, sizeof name, "%s%s.gamma", b->prefix, base);
    old = safetensors_has(b->st, name);
    norm->gamma = mem_alloc_aligned((size_t)D, sizeof(float));
    norm->beta = mem_alloc_aligned((size_t)D, sizeof(float));
    if (!norm->gamma || !norm->beta)
        return err_nomem(b->err);
    rc = bind_read(norm->gamma, b, D, 0, base, old ? ".gamma" : ".weight");
    return rc ? rc : bind_read(norm->beta, b, D, 0, base, old ? ".beta" : ".bias");
}

void norm_clear(struct norm *norm)
{
    mem_free(norm->gamma);
    mem_free(norm->beta);
    norm->gamma = norm->beta = NULL;
}

int bind_linear(struct linear **out, const struct binder *b, struct gemm_lib *lib, int precision,
                int n, int k, const char *const *bases, int n_parts)
{
    const size_t size = (size_t)n * (size_t)k;
    float *w = mem_alloc(size * (size_t)n_parts, sizeof *w);
    float *bias = mem_alloc((size_t)n * (size_t)n_parts, sizeof *bias);
    int rc = w && bias ? 0 : err_nomem(b->err);

    for (int i = 0; i < n_parts && !rc; i++) {
        rc = bind_read(w + (size_t)i * size, b, n, k, bases[i], ".weight");
        if (!rc)
            rc = bind_read(bias + (size_t)i * (size_t)n, b, n, 0, bases[i], ".bias");
    }
    if (!rc)
        rc = linear_new(out, lib, precision, w, bias, n * n_parts, k, b->err);
    mem_free(w);
    mem_free(bias);
    return rc;
}
