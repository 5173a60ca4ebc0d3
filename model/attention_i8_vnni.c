/* attention_i8_vnni.c -- attention_i8.h for AVX-512 with VNNI, whose vpdpbusd makes 64 and whose
 * vpdpwssd makes 32 multiplications where a float instruction makes 16.
 *
 * Weights are 12-bit, so 2^x needs no more than a cubic: minimax on -1/2..1/2, 1e-4 relative,
 * computed for this file by Remez exchange.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include "model/attention_i8.h"

#if defined __x86_64__ && defined __GNUC__

#include <immintrin.h>
#include <stddef.h>
#include <string.h>

#include "model/vnni.h"

#define SET(v) _mm512_set1_ps(v)
#define INLINE static inline __attribute__((always_inline))

/* The lanes i .. i+15 that are below n. */
INLINE __mmask16 lanes(int i, int n)
{
    return (__mmask16)(n - i >= 16 ? 0xffffu : n <= i ? 0 : (1u << (n - i)) - 1);
}

INLINE __m512 load(__mmask16 m, const float *p) { return _mm512_maskz_loadu_ps(m, p); }

/* round(x * y) where m, 0 elsewhere. */
INLINE __m512i round_product(__mmask16 m, const float *x, __m512 y)
{
    return _mm512_cvtps_epi32(_mm512_mul_ps(load(m, x), y));
}

static void max_columns(float *top, const float *x, int ld, int T, int d)
{
    for (int c = 0; c < d; c += 16) {
        __mmask16 m = lanes(c, d);
        __m512 a = _mm512_setzero_ps(), b = a;
        const float *p = x + c;
        int t = 0;

        for (; t + 2 <= T; t += 2, p += 2 * (size_t)ld) {
            a = _mm512_max_ps(_mm512_abs_ps(load(m, p)), a);
            b = _mm512_max_ps(_mm512_abs_ps(load(m, p + ld)), b);
        }
        if (t < T)
            a = _mm512_max_ps(_mm512_abs_ps(load(m, p)), a);
        _mm512_mask_storeu_ps(top + c, m, _mm512_max_ps(a, b));
    }
}

/* Sixteen tokens of keys: rounded into rows of 4-byte groups, which then become columns. */
static void pack_keys(int8_t *K, int32_t *start, const float *k, int ld, const float *inverse,
                      int T, int d)
{
    const int pad_T = attention_i8_pad_tokens(T);
    const __m512i step =
        _mm512_mullo_epi32(_mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15),
                           _mm512_set1_epi32(16));
    int8_t rows[16][16] __attribute__((aligned(64)));

    for (int t = 0; t < pad_T; t += 16)
        _mm512_storeu_si512(start + t, _mm512_setzero_si512());
    for (int c = 0; c < d; c += 16) {
        __mmask16 m = lanes(c, d);
        __m512 scale = load(m, inverse + c);

        for (int t = 0; t < pad_T; t += 16) {
            const float *p = k + (size_t)t * (size_t)ld + c;
            int n = T - t < 16 ? T - t : 16;
            __m512i sum = _mm512_loadu_si512(start + t);

            if (n < 16)
                memset(rows, 0, sizeof rows);
            for (int i = 0; i < n; i++, p += ld)
                _mm_store_si128((__m128i *)(void *)rows[i],
                                _mm512_cvtsepi32_epi8(round_product(m, p, scale)));
            for (int g = 0; g < 16 && c + g < d; g += 4) {
                __m512i v = _mm512_i32gather_epi32(step, rows[0] + g, 1);

                _mm512_storeu_si512(K + ((size_t)((c + g) / 4) * (size_t)pad_T + (size_t)t) * 4, v);
                sum = _mm512_sub_epi32(
                    sum, vnni_add_bytes(_mm512_setzero_si512(), _mm512_set1_epi8((char)128), v));
            }
            _mm512_storeu_si512(start + t, sum);
        }
    }
}

static void pack_values(int16_t *V, const float *v, int ld, const float *inverse, int T, int d)
{
    for (int c = 0; c < d; c += 16) {
        __mmask16 m = lanes(c, d);
        __m512 scale = load(m, inverse + c);

        for (int t = 0; t < T; t += 2) {
            const float *p = v + (size_t)t * (size_t)ld + c;
            __m512i even = round_product(m, p, scale);
            __m512i odd = t + 1 < T ? round_product(m, p + ld, scale) : _mm512_setzero_si512();

            _mm512_mask_storeu_epi32(
                V + (size_t)t * (size_t)d + 2 * (size_t)c, m,
                _mm512_mask_blend_epi16(0xaaaaaaaa, even, _mm512_slli_epi32(odd, 16)));
        }
    }
}

/* The first n of 16 bytes.  (A store that narrows under a mask is microcode on AMD: 100 cycles.) */
INLINE void store_bytes(uint8_t *p, int n, __m128i v)
{
    if (n >= 16)
        _mm_storeu_si128((__m128i *)(void *)p, v);
    else
        _mm_mask_storeu_epi8(p, lanes(0, n), v);
}

static void pack_queries(uint8_t *Q, float *q_scale, const float *q, int ld, const float *fold,
                         int m, int d)
{
    const int pad = attention_i8_pad_channels(d);

    for (int i = 0; i < m; i++, q += ld, Q += pad) {
        __m512 vtop = _mm512_setzero_ps(), inverse;
        float top;

        for (int c = 0; c < d; c += 16) {
            __mmask16 k = lanes(c, d);

            vtop = _mm512_max_ps(_mm512_abs_ps(_mm512_mul_ps(load(k, q + c), load(k, fold + c))),
                                 vtop);
        }
        top = _mm512_reduce_max_ps(vtop);
        inverse = SET(top > 0 ? 127 / top : 0);
        for (int c = 0; c < pad; c += 16) {
            __mmask16 k = lanes(c, d);
            __m512 x = _mm512_mul_ps(load(k, q + c), load(k, fold + c));
            __m512i r = _mm512_cvtps_epi32(_mm512_mul_ps(x, inverse));

            r = _mm512_maskz_add_epi32(k, r, _mm512_set1_epi32(128));
            r = _mm512_max_epi32(r, _mm512_setzero_si512()); /* not a number */
            store_bytes(Q + c, pad - c, _mm512_cvtusepi32_epi8(r));
        }
        q_scale[i] = top / 127;
    }
}

/* The 4 bytes at p, in every lane. */
INLINE __m512i spread(const void *p)
{
    int32_t v;

    memcpy(&v, p, sizeof v);
    return _mm512_set1_epi32(v);
}

/* ROWS queries by 32 (or 16) keys. */
INLINE void score_tile(const int rows, const int wide, int32_t *S, size_t pad_T, const uint8_t *Q,
                       size_t pad, const int8_t *K, const int32_t *start)
{
    __m512i c[8][2];

#pragma GCC unroll 8
    for (int i = 0; i < rows; i++) {
        c[i][0] = _mm512_loadu_si512(start);
        if (wide)
            c[i][1] = _mm512_loadu_si512(start + 16);
    }
    for (size_t p = 0; p < pad; p += 4, K += 4 * pad_T) {
        __m512i k0 = _mm512_loadu_si512(K), k1 = wide ? _mm512_loadu_si512(K + 64) : k0;

#pragma GCC unroll 8
        for (int i = 0; i < rows; i++) {
            __m512i q = spread(Q + (size_t)i * pad + p);

            c[i][0] = vnni_add_bytes(c[i][0], q, k0);
            if (wide)
                c[i][1] = vnni_add_bytes(c[i][1], q, k1);
        }
    }
#pragma GCC unroll 8
    for (int i = 0; i < rows; i++) {
        _mm512_storeu_si512(S + (size_t)i * pad_T, c[i][0]);
        if (wide)
            _mm512_storeu_si512(S + (size_t)i * pad_T + 16, c[i][1]);
    }
}

static void score(int32_t *S, const uint8_t *Q, const int8_t *K, const int32_t *start, int m, int T,
                  int d)
{
    const size_t pad_T = (size_t)attention_i8_pad_tokens(T);
    const size_t pad = (size_t)attention_i8_pad_channels(d);
    int i = 0;

    for (; i + 8 <= m; i += 8, S += 8 * pad_T, Q += 8 * pad) {
        size_t t = 0;

        for (; t + 32 <= pad_T; t += 32)
            score_tile(8, 1, S + t, pad_T, Q, pad, K + 4 * t, start + t);
        if (t < pad_T)
            score_tile(8, 0, S + t, pad_T, Q, pad, K + 4 * t, start + t);
    }
    for (; i < m; i++, S += pad_T, Q += pad)
        for (size_t t = 0; t < pad_T; t += 16)
            score_tile(1, 0, S + t, pad_T, Q, pad, K + 4 * t, start + t);
}

static int32_t weigh(int16_t *P, const int32_t *S, float a, int T)
{
    const __m512 slope = SET(a * 1.44269504f), top = SET(11.9996477f); /* log2 4095 */
    __m512i max = _mm512_set1_epi32(S[0]), sum = _mm512_setzero_si512();

    for (int t = 0; t < T; t += 16)
        max = _mm512_mask_max_epi32(max, lanes(t, T), max, _mm512_loadu_si512(S + t));
    max = _mm512_set1_epi32(_mm512_reduce_max_epi32(max));
    for (int t = 0; t < T; t += 16) {
        __m512 x = _mm512_cvtepi32_ps(_mm512_sub_epi32(_mm512_loadu_si512(S + t), max)), n, f, p;
        __m512i w;

        x = _mm512_fmadd_ps(x, slope, top);
        n = _mm512_roundscale_ps(x, _MM_FROUND_TO_NEAREST_INT);
        f = _mm512_sub_ps(x, n);
        p = _mm512_fmadd_ps(SET(0.0551716474f), f, SET(0.242611122f));
        p = _mm512_fmadd_ps(p, f, SET(0.693260992f));
        p = _mm512_fmadd_ps(p, f, SET(0.999928075f));
        w = _mm512_maskz_cvtps_epi32(lanes(t, T), _mm512_scalef_ps(p, n));
        sum = _mm512_add_epi32(sum, w);
        _mm256_storeu_si256((__m256i *)(void *)(P + t), _mm512_cvtepi32_epi16(w));
    }
    return _mm512_reduce_add_epi32(sum);
}

/* ROWS queries by 32 channels. */
INLINE void mix_tile(const int rows, float *out, size_t ld, const int16_t *P, size_t pad_T,
                     const int16_t *V, size_t d, const float *v_scale, const float *share,
                     __mmask16 m0, __mmask16 m1, int T)
{
    __m512i c[8][2];

#pragma GCC unroll 8
    for (int i = 0; i < rows; i++)
        c[i][0] = c[i][1] = _mm512_setzero_si512();
    for (int t = 0; t < T; t += 2, V += 2 * d) {
        __m512i v0 = _mm512_maskz_loadu_epi32(m0, V), v1 = _mm512_maskz_loadu_epi32(m1, V + 32);

#pragma GCC unroll 8
        for (int i = 0; i < rows; i++) {
            __m512i p = spread(P + (size_t)i * pad_T + (size_t)t);

            c[i][0] = vnni_add_words(c[i][0], p, v0);
            c[i][1] = vnni_add_words(c[i][1], p, v1);
        }
    }
#pragma GCC unroll 8
    for (int i = 0; i < rows; i++) {
        __m512 s = SET(share[i]);
        __m512 a = _mm512_mul_ps(load(m0, v_scale), s),
               b = _mm512_mul_ps(load(m1, v_scale + 16), s);

        _mm512_mask_storeu_ps(out + (size_t)i * ld, m0,
                              _mm512_mul_ps(a, _mm512_cvtepi32_ps(c[i][0])));
        _mm512_mask_storeu_ps(out + (size_t)i * ld + 16, m1,
                              _mm512_mul_ps(b, _mm512_cvtepi32_ps(c[i][1])));
    }
}

static void mix(float *out, int ld_, const int16_t *P, const int16_t *V, const float *v_scale,
                const float *share, int m, int T, int d)
{
    const size_t pad_T = (size_t)attention_i8_pad_tokens(T), ld = (size_t)ld_;

    for (int c = 0; c < d; c += 32) {
        __mmask16 m0 = lanes(c, d), m1 = lanes(c + 16, d);
        int i = 0;

        for (; i + 8 <= m; i += 8)
            mix_tile(8, out + (size_t)i * ld + c, ld, P + (size_t)i * pad_T, pad_T, V + 2 * c,
                     (size_t)d, v_scale + c, share + i, m0, m1, T);
        for (; i < m; i++)
            mix_tile(1, out + (size_t)i * ld + c, ld, P + (size_t)i * pad_T, pad_T, V + 2 * c,
                     (size_t)d, v_scale + c, share + i, m0, m1, T);
    }
}

const struct attention_i8 attention_i8_vnni = {
    .max_columns = max_columns,
    .pack_keys = pack_keys,
    .pack_values = pack_values,
    .pack_queries = pack_queries,
    .score = score,
    .weigh = weigh,
    .mix = mix,
};

#else

typedef int attention_i8_vnni_is_for_x86_64; /* a translation unit may not be empty */

#endif
