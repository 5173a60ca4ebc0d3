/* attention.c -- attention in tiles of ROWS queries, head by head.
 *
 * Keys and values of a head are gathered once, in the order in which they will be
 * read, into scratch that the first-level cache nearly holds; a tile of queries then
 * makes its scores against all keys, turns them into weights, and sums the values.
 * The weights stay un-normalised: their sum divides the d outputs instead of the T
 * weights.  (Vaswani et al., "Attention is all you need", 2017.)
 *
 * Two ways: float32, and integers (attention_i8.h) where the processor has them.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include "model/attention.h"

#include <assert.h>
#include <math.h>
#include <stddef.h>
#include <string.h>

#include "base/mem.h"
#include "model/model.h"

enum { ROWS = 8 };

struct attention_scratch {
    const struct kernels *kernels;
    const struct attention_i8 *i8; /* NULL: float32 */
    int max_tokens, d;
    void *keys;       /* of one head: float [d, pad T], or int8_t [pad d / 4, pad T, 4] */
    void *values;     /* of one head: float [T, d], or int16_t [pairs of tokens, d, 2] */
    void *scores;     /* [ROWS, pad T] float or int32_t */
    int16_t *weights; /* [ROWS, pad T]; the rest is for integers alone */
    uint8_t *queries; /* [ROWS, pad d] */
    int32_t *start;   /* [pad T] */
    float *k_scale, *v_scale, *inverse; /* [d] */
};

/* One head: q, k and v point at its first number in the first token. */
struct head {
    const float *q, *k, *v;
    int ld; /* floats from token to token */
    int T, d;
    float *out;
    int ld_out;
};

int attention_scratch_new(struct attention_scratch **out, const struct kernels *k, int precision,
                          int max_tokens, int d, struct err *err)
{
    struct attention_scratch *s = mem_zalloc(1, sizeof *s);
    const size_t T = (size_t)attention_i8_pad_tokens(max_tokens);
    const size_t pad_d = (size_t)attention_i8_pad_channels(d);

    if (!s)
        return err_nomem(err);
    s->kernels = k;
    s->i8 = precision == MODEL_I8 ? k->attention_i8 : NULL;
    s->max_tokens = max_tokens;
    s->d = d;
    s->keys = mem_alloc_aligned(T * pad_d, sizeof(float));
    s->values = mem_alloc_aligned(T * (size_t)d, sizeof(float));
    s->scores = mem_alloc_aligned(T * ROWS, sizeof(float));
    s->weights = mem_alloc_aligned(T * ROWS, sizeof *s->weights);
    s->queries = mem_alloc_aligned(pad_d * ROWS, sizeof *s->queries);
    s->start = mem_alloc_aligned(T, sizeof *s->start);
    s->k_scale = mem_alloc_aligned((size_t)d, sizeof(float));
    s->v_scale = mem_alloc_aligned((size_t)d, sizeof(float));
    s->inverse = mem_alloc_aligned((size_t)d, sizeof(float));
    if (!s->keys || !s->values || !s->scores || !s->weights || !s->queries || !s->start ||
        !s->k_scale || !s->v_scale || !s->inverse) {
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
    mem_free(s->weights);
    mem_free(s->queries);
    mem_free(s->start);
    mem_free(s->k_scale);
    mem_free(s->v_scale);
    mem_free(s->inverse);
    mem_free(s);
}

static void run_f32(struct attention_scratch *s, const struct head *h)
{
    const struct kernels *k = s->kernels;
    const float a = 1 / sqrtf((float)h->d);
    const int T = h->T, d = h->d, pad_T = attention_i8_pad_tokens(T);
    float *values = s->values, *scores = s->scores;

    k->transpose(s->keys, pad_T, h->k, h->ld, T, d);
    for (size_t t = 0; t < (size_t)T; t++)
        memcpy(values + t * (size_t)d, h->v + t * (size_t)h->ld, (size_t)d * sizeof *values);
    for (int t = 0; t < T; t += ROWS) {
        const int m = T - t < ROWS ? T - t : ROWS;
        const float *q = h->q + (size_t)t * (size_t)h->ld;
        float *out = h->out + (size_t)t * (size_t)h->ld_out, sum[ROWS];

        k->matmul(scores, pad_T, q, h->ld, s->keys, pad_T, m, T, d);
        for (int i = 0; i < m; i++)
            sum[i] = k->softmax_exp(scores + (size_t)i * (size_t)pad_T, a, T);
        k->matmul(out, h->ld_out, scores, pad_T, values, d, m, d, T);
        for (int i = 0; i < m; i++)
            k->scale(out + (size_t)i * (size_t)h->ld_out, 1 / sum[i], d);
    }
}

/* scale = top / max and its inverse, per channel, of a matrix [T, d]. */
static void scale_columns(struct attention_scratch *s, float *scale, const float *x, int ld, int T,
                          int max)
{
    s->i8->max_columns(scale, x, ld, T, s->d);
    for (int c = 0; c < s->d; c++) {
        s->inverse[c] = scale[c] > 0 ? (float)max / scale[c] : 0;
        scale[c] /= (float)max;
    }
}

static void run_i8(struct attention_scratch *s, const struct head *h)
{
    const struct attention_i8 *op = s->i8;
    const float a = 1 / sqrtf((float)h->d);
    const int T = h->T, d = h->d;
    const size_t pad_T = (size_t)attention_i8_pad_tokens(T);

    scale_columns(s, s->k_scale, h->k, h->ld, T, 127);
    op->pack_keys(s->keys, s->start, h->k, h->ld, s->inverse, T, d);
    scale_columns(s, s->v_scale, h->v, h->ld, T, attention_i8_value_max(T));
    op->pack_values(s->values, h->v, h->ld, s->inverse, T, d);
    for (int t = 0; t < T; t += ROWS) {
        const int m = T - t < ROWS ? T - t : ROWS;
        float q_scale[ROWS], share[ROWS];

        op->pack_queries(s->queries, q_scale, h->q + (size_t)t * (size_t)h->ld, h->ld, s->k_scale,
                         m, d);
        op->score(s->scores, s->queries, s->keys, s->start, m, T, d);
        for (size_t i = 0; i < (size_t)m; i++)
            share[i] =
                1 / (float)op->weigh(s->weights + i * pad_T, (const int32_t *)s->scores + i * pad_T,
                                     a * q_scale[i], T);
        op->mix(h->out + (size_t)t * (size_t)h->ld_out, h->ld_out, s->weights, s->values,
                s->v_scale, share, m, T, d);
    }
}

void attention_run(float *out, struct attention_scratch *s, const float *qkv, int T, int H, int d,
                   int first, int last)
{
    const int D = H * d;

    assert(T >= 1 && T <= s->max_tokens && d == s->d && first >= 0 && last <= H);
    for (int i = first; i < last; i++) {
        const float *q = qkv + (size_t)i * (size_t)d;
        const struct head h = {.q = q,
                               .k = q + D,
                               .v = q + 2 * (size_t)D,
                               .ld = 3 * D,
                               .T = T,
                               .d = d,
                               .out = out + (size_t)i * (size_t)d,
                               .ld_out = D};

        if (s->i8 && T <= ATTENTION_I8_MAX_TOKENS)
            run_i8(s, &h);
        else
            run_f32(s, &h);
    }
}
