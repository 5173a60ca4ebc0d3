/* attention.c -- attention in tiles of ROWS queries.
 *
 * Per head, keys are transposed and values gathered once into scratch that the
 * first-level cache nearly holds; a tile of queries then makes its scores
 * against all keys, turns them into weights in place, and sums the values.
 * The weights stay un-normalised: their sum divides the d outputs instead of
 * the T weights.  (Vaswani et al., "Attention is all you need", 2017.)
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include "model/attention.h"

#include <assert.h>
#include <math.h>
#include <stddef.h>
#include <string.h>

#include "base/mem.h"

enum { ROWS = 16 };

struct attention_scratch {
    int max_tokens, d;
    float *keys;   /* [d, max_tokens]: K^T of one head */
    float *values; /* [max_tokens, d]: V of one head */
    float *scores; /* [ROWS, max_tokens] */
};

int attention_scratch_new(struct attention_scratch **out, int max_tokens, int d, struct err *err)
{
    struct attention_scratch *s = mem_zalloc(1, sizeof *s);
    const size_t n = ((size_t)max_tokens + 15) / 16 * 16;

    if (!s)
        return err_nomem(err);
    s->max_tokens = max_tokens;
    s->d = d;
    s->keys = mem_alloc_aligned(n * (size_t)d, sizeof(float));
    s->values = mem_alloc_aligned(n * (size_t)d, sizeof(float));
    s->scores = mem_alloc_aligned(n * ROWS, sizeof(float));
    if (!s->keys || !s->values || !s->scores) {
        attention_scratch_free(s);
        return err_nomem(err);
    }
    *out = s;
    return 0;
}

void attention_scratch_free(struct attention_scratch *s)
{
    if (!s)
        return;
    mem_free(s->keys);
    mem_free(s->values);
    mem_free(s->scores);
    mem_free(s);
}

/* One head: q, k, v and out point at its first column. */
static void run_head(float *out, int ld_out, const struct kernels *kernels,
                     struct attention_scratch *s, const float *q, const float *k, const float *v,
                     int ld, int T, int d)
{
    const float a = 1 / sqrtf((float)d);
    const int ld_s = (T + 15) / 16 * 16;

    kernels->transpose(s->keys, ld_s, k, ld, T, d);
    for (int t = 0; t < T; t++)
        memcpy(s->values + (size_t)t * (size_t)d, v + (size_t)t * (size_t)ld,
               (size_t)d * sizeof *v);
    for (int t = 0; t < T; t += ROWS) {
        const int m = T - t < ROWS ? T - t : ROWS;
        float *o = out + (size_t)t * (size_t)ld_out, sums[ROWS];

        kernels->matmul(s->scores, ld_s, q + (size_t)t * (size_t)ld, ld, s->keys, ld_s, m, T, d);
        for (int i = 0; i < m; i++)
            sums[i] = kernels->softmax_exp(s->scores + (size_t)i * (size_t)ld_s, a, T);
        kernels->matmul(o, ld_out, s->scores, ld_s, s->values, d, m, d, T);
        for (int i = 0; i < m; i++)
            kernels->scale(o + (size_t)i * (size_t)ld_out, 1 / sums[i], d);
    }
}

void attention_run(float *out, const struct kernels *k, struct attention_scratch *s,
                   const float *qkv, int T, int H, int d)
{
    const int D = H * d;

    assert(T >= 1 && T <= s->max_tokens && d == s->d);
    for (int h = 0; h < H; h++) {
        const float *q = qkv + (size_t)h * (size_t)d;

        run_head(out + (size_t)h * (size_t)d, D, k, s, q, q + D, q + 2 * (size_t)D, 3 * D, T, d);
    }
}
