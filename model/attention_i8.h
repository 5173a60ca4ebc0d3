/* attention_i8.h -- the arithmetic of attention in integers, for processors that multiply them fastest.
 *
 * One head of one text, d numbers a token.  Keys and queries are 8-bit, weights 12-bit,
 * values as many bits as 32-bit sums allow:
 *
 *     k[t,c] ~ k_scale[c] * K[t,c]                 K in -127..127, a scale per channel
 *     q[t,c] * k_scale[c] ~ q_scale[t] * (Q[t,c] - 128)    Q in 1..255, a scale per token
 *     score[t,u] = q_scale[t] * (sum_c Q[t,c] K[u,c] + start[u]),  start[u] = -128 sum_c K[u,c]
 *     P[t,u] = round(4095 exp(a (score[t,u] - max)))       0..4095
 *     v[t,c] ~ v_scale[c] * V[t,c]                 V in -m..m, m = attention_i8_value_max(T)
 *     out[t,c] = v_scale[c] * sum_u P[t,u] V[u,c] / sum_u P[t,u]
 *
 * Folding the keys' scales into the queries is what lets the keys have a scale per
 * channel, where they need one: some channels are ten times as wide as others.  Weights
 * need 12 bits because most of the attention of a long text is spread thin: with 8
 * MiniLM's cosine to float32 falls from 0.99999 to 0.9990 by this alone.
 *
 * Sums are exact, so the tables differ only where P or a scale rounds.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MODEL_ATTENTION_I8_H
#define MODEL_ATTENTION_I8_H

#include <stdint.h>

enum {
    ATTENTION_I8_WEIGHT_MAX = 4095,
    ATTENTION_I8_MAX_TOKENS = 4096, /* past which values would have under 8 bits */
};

/* Tokens are padded to a multiple of 16 in K, channels to a multiple of 4 in K and Q. */
static inline int attention_i8_pad_tokens(int T) { return (T + 15) / 16 * 16; }

static inline int attention_i8_pad_channels(int d) { return (d + 3) / 4 * 4; }

/* The largest |V| for which T products with weights stay within 32 bits. */
static inline int attention_i8_value_max(int T)
{
    int m = INT32_MAX / ATTENTION_I8_WEIGHT_MAX / T;

    return m < 2047 ? m : 2047;
}

/* T tokens or m rows, d channels; ld is the row stride of the float matrix before it. */
struct attention_i8 {
    /* top[c] = max over t of |x[t,c]|.  top [d], x [T, d]. */
    void (*max_columns)(float *top, const float *x, int ld, int T, int d);

    /* K [pad d / 4, pad T, 4] = round(k[t,c] * inverse[c]), padding 0; start [pad T].
     * inverse [d] = 127 / top, or 0. */
    void (*pack_keys)(int8_t *K, int32_t *start, const float *k, int ld, const float *inverse,
                      int T, int d);

    /* V [pairs of tokens, d, 2] = round(v[t,c] * inverse[c]); an odd last token is paired with 0.
     * inverse [d] = m / top, or 0. */
    void (*pack_values)(int16_t *V, const float *v, int ld, const float *inverse, int T, int d);

    /* Q [m, pad d] and q_scale [m] from q [m, d] and fold [d] = k_scale; padding is 0. */
    void (*pack_queries)(uint8_t *Q, float *q_scale, const float *q, int ld, const float *fold,
                         int m, int d);

    /* S [m, pad T] = Q [m, pad d] K + start, in 32 bits. */
    void (*score)(int32_t *S, const uint8_t *Q, const int8_t *K, const int32_t *start, int m, int T,
                  int d);

    /* P[u] = round(4095 exp(a (S[u] - max S))) for u < T, 0 past it; a > 0.
     * P [pad T], S [pad T].  Returns the sum. */
    int32_t (*weigh)(int16_t *P, const int32_t *S, float a, int T);

    /* out[i,c] = v_scale[c] * share[i] * sum_u P[i,u] V[u,c].  out [m, d], P [m, pad T], share [m]. */
    void (*mix)(float *out, int ld, const int16_t *P, const int16_t *V, const float *v_scale,
                const float *share, int m, int T, int d);
};

extern const struct attention_i8 attention_i8_scalar, attention_i8_vnni;

#endif
