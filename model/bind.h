/* bind.h -- the weights of a file by their names, checked for shape and made ready: what every network's opening shares.
 *
 *     struct binder b = {st, "bert.", err};
 *     if (bind_norm(&norm, &b, D, "embeddings.LayerNorm")) ...
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MODEL_BIND_H
#define MODEL_BIND_H

#include "base/err.h"
#include "model/linear.h"
#include "model/safetensors.h"

/* What binding needs to know. */
struct binder {
    const struct safetensors *st;
    const char *prefix; /* before every name: "" or "bert." */
    struct err *err;
};

/* What layer norm scales and shifts by; zeroed = empty. */
struct norm {
    float *gamma, *beta; /* [D] */
};

/* A tensor [rows, cols], or [rows] if cols is 0, whose name is the prefix, base and part.
 * E_NOTFOUND, E_FORMAT, E_INVALID as safetensors_find. */
int bind_find(const struct tensor **out, const struct binder *b, int rows, int cols,
              const char *base, const char *part);

/* Copies such a tensor's floats to out. */
int bind_read(float *out, const struct binder *b, int rows, int cols, const char *base,
              const char *part);

/* Layer norm: "weight" and "bias", or "gamma" and "beta" as the first checkpoints had it.
 * What was made before a failure is freed by norm_clear. */
int bind_norm(struct norm *out, const struct binder *b, int D, const char *base);
void norm_clear(struct norm *norm);

/* One product [n * n_parts, k] of the n_parts layers at bases[]: their rows one after the other. */
int bind_linear(struct linear **out, const struct binder *b, struct gemm_lib *lib, int precision,
                int n, int k, const char *const *bases, int n_parts);

#endif
