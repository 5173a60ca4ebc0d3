/* attention_i8_scalar.c -- the reference of attention_i8.h. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "model/attention_i8.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

/* x rounded to the nearest integer in -max..max; 0 if it is not a number. */
static int round_to(float x, int max)
{
    if (!(fabsf(x) < (float)max))
        return isnan(x) ? 0 : x < 0 ? -max : max;
    return (int)lrintf(x);
}

static void max_columns(float *top, const float *x, int ld, int T, int d)
{
    memset(top, 0, (size_t)d * sizeof *top);
    for (int t = 0; t < T; t++, x += ld)
        for (int c = 0; c < d; c++)
            top[c] = fabsf(x[c]) > top[c] ? fabsf(x[c]) : top[c];
}

static void pack_keys(int8_t *K, int32_t *start, const float *k, int ld, const float *inverse,
                      int T, int d)
{
    const size_t pad_T = (size_t)attention_i8_pad_tokens(T);

    memset(K, 0, pad_T * (size_t)attention_i8_pad_channels(d));
    memset(start, 0, pad_T * sizeof *start);
    for (int t = 0; t < T; t++, k += ld)
        for (int c = 0; c < d; c++) {
            int q = round_to(k[c] * inverse[c], 127);

            K[((size_t)(c / 4) * pad_T + (size_t)t) * 4 + (size_t)(c % 4)] = (int8_t)q;
            start[t] -= 128 * q;
        }
}

static void pack_values(int16_t *V, const float *v, int ld, const float *inverse, int T, int d)
{
    for (int t = 0; t < T + T % 2; t++, v += ld)
        for (int c = 0; c < d; c++)
            V[((size_t)(t / 2) * (size_t)d + (size_t)c) * 2 + (size_t)(t % 2)] =
                (int16_t)(t < T ? round_to(v[c] * inverse[c], 2047) : 0);
}

static void pack_queries(uint8_t *Q, float *q_scale, const float *q, int ld, const float *fold,
                         int m, int d)
{
    const int pad = attention_i8_pad_channels(d);

    for (int i = 0; i < m; i++, q += ld, Q += pad) {
        float top = 0, inverse;

        for (int c = 0; c < d; c++)
            top = fabsf(q[c] * fold[c]) > top ? fabsf(q[c] * fold[c]) : top;
        inverse = top > 0 ? 127 / top : 0;
        memset(Q, 0, (size_t)pad);
        for (int c = 0; c < d; c++)
            Q[c] = (uint8_t)(128 + round_to(q[c] * fold[c] * inverse, 127));
        q_scale[i] = top / 127;
    }
}

static void score(int32_t *S, const uint8_t *Q, const int8_t *K, const int32_t *start, int m, int T,
                  int d)
{
    const size_t pad_T = (size_t)attention_i8_pad_tokens(T);
    const int pad = attention_i8_pad_channels(d);

    for (int i = 0; i < m; i++, Q += pad)
        for (size_t t = 0; t < pad_T; t++) {
            int32_t sum = start[t];

            for (int c = 0; c < pad; c++)
                sum += Q[c] * K[((size_t)(c / 4) * pad_T + t) * 4 + (size_t)(c % 4)];
            *S++ = sum;
        }
}

static int32_t weigh(int16_t *P, const int32_t *S, float a, int T)
{
    int32_t max = S[0], sum = 0;

    for (int t = 1; t < T; t++)
        max = S[t] > max ? S[t] : max;
    for (int t = 0; t < T; t++) {
        P[t] = (int16_t)lrint(ATTENTION_I8_WEIGHT_MAX * exp((double)a * (double)(S[t] - max)));
        sum += P[t];
    }
    for (int t = T; t < attention_i8_pad_tokens(T); t++)
        P[t] = 0;
    return sum;
}

static void mix(float *out, int ld, const int16_t *P, const int16_t *V, const float *v_scale,
                const float *share, int m, int T, int d)
{
    const int pad_T = attention_i8_pad_tokens(T);

    for (int i = 0; i < m; i++, out += ld, P += pad_T)
        for (int c = 0; c < d; c++) {
            int32_t sum = 0;

            for (int t = 0; t < T; t++)
                sum += P[t] * V[((size_t)(t / 2) * (size_t)d + (size_t)c) * 2 + (size_t)(t % 2)];
            out[c] = v_scale[c] * share[i] * (float)sum;
        }
}

const struct attention_i8 attention_i8_scalar = {
    .max_columns = max_columns,
    .pack_keys = pack_keys,
    .pack_values = pack_values,
    .pack_queries = pack_queries,
    .score = score,
    .weigh = weigh,
    .mix = mix,
};
