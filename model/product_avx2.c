/* product_avx2.c -- product.h for AVX2 and FMA: 32 products of bytes in four instructions.
 *
 * vpmaddubsw multiplies unsigned by signed bytes and adds pairs in 16 bits.  With |Q| for the one and V
 * times the sign of Q for the other a pair is at most 2 * 127 * 127 < 2^15: nothing saturates.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include "model/product.h"

#if defined __x86_64__ && defined __GNUC__

#include <immintrin.h>
#include <math.h>
#include <string.h>

enum { G = PRODUCT_GROUP, N = PRODUCT_PANEL, ROWS = 4, WIDE = 16 };

#define INLINE static inline __attribute__((always_inline))

/* ---- rounding ---- */

/* One group of G numbers.  Magnitudes are compared as integers, where NaN is the largest. */
static void quantise_group(uint8_t *q, float *a, const float *x)
{
    const __m256i sign = _mm256_set1_epi32(0x7fffffff);
    __m256i top = _mm256_setzero_si256();
    __m256 inverse;
    uint32_t bits[8], most_bits = 0;
    float most;
    int is_plain;

    for (int i = 0; i < G; i += 8)
        top = _mm256_max_epu32(top,
                               _mm256_and_si256(_mm256_castps_si256(_mm256_loadu_ps(x + i)), sign));
    _mm256_storeu_si256((__m256i *)(void *)bits, top);
    for (int i = 0; i < 8; i++)
        most_bits = bits[i] > most_bits ? bits[i] : most_bits;
    memcpy(&most, &most_bits, sizeof most);
    is_plain = most >= 1e-30f && most < INFINITY;
    *a = is_plain ? most / 127 : most < 1e-30f ? 0 : most;
    if (!is_plain) {
        memset(q, 128, G);
        return;
    }
    inverse = _mm256_set1_ps(127 / most);
    for (int i = 0; i < G; i += 8) {
        __m256i v = _mm256_cvtps_epi32(_mm256_mul_ps(_mm256_loadu_ps(x + i), inverse));
        __m128i w;

        v = _mm256_add_epi32(v, _mm256_set1_epi32(128));
        w = _mm_packus_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
        _mm_storel_epi64((__m128i *)(void *)(q + i), _mm_packus_epi16(w, w));
    }
}

static void quantise(uint8_t *q, float *a, const float *x, int k)
{
    float end[G] = {0};
    int c = 0;

    for (; c + G <= k; c += G)
        quantise_group(q + c, a++, x + c);
    if (c < k) {
        memcpy(end, x + c, (size_t)(k - c) * sizeof *end);
        quantise_group(q + c, a, end);
    }
}

/* ---- multiplying ---- */

/* What half a panel's columns, WIDE of them, are read from. */
struct strip {
    const int8_t *w; /* [groups, G / 4, N, 4], from this half's first column on */
    const float *scale, *bias;
    size_t groups;
    int n; /* columns that there are, at most WIDE */
};

INLINE __m256i dot(__m256i sum, __m256i size, __m256i v, __m256i w)
{
    __m256i pairs = _mm256_maddubs_epi16(size, _mm256_sign_epi8(w, v));

    return _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
}

INLINE void store_row(float *y, const struct strip *p, __m256 f0, __m256 f1)
{
    float row[WIDE];

    f0 = _mm256_add_ps(f0, _mm256_loadu_ps(p->bias));
    f1 = _mm256_add_ps(f1, _mm256_loadu_ps(p->bias + 8));
    if (p->n == WIDE) {
        _mm256_storeu_ps(y, f0);
        _mm256_storeu_ps(y + 8, f1);
        return;
    }
    _mm256_storeu_ps(row, f0);
    _mm256_storeu_ps(row + 8, f1);
    memcpy(y, row, (size_t)p->n * sizeof *y);
}

INLINE void tile(const int rows, float *y, size_t ldy, const struct strip *p, const uint8_t *q,
                 const float *a)
{
    const size_t width = p->groups * G;
    const int8_t *w = p->w;
    __m256 f[ROWS][2];

#pragma GCC unroll 4
    for (int i = 0; i < rows; i++)
        f[i][0] = f[i][1] = _mm256_setzero_ps();
    for (size_t g = 0; g < p->groups; g++) {
        const __m256 t0 = _mm256_loadu_ps(p->scale + g * N),
                     t1 = _mm256_loadu_ps(p->scale + g * N + 8);
        __m256i c[ROWS][2];

#pragma GCC unroll 4
        for (int i = 0; i < rows; i++)
            c[i][0] = c[i][1] = _mm256_setzero_si256();
        for (size_t at = g * G; at < (g + 1) * G; at += 4, w += 4 * N) {
            const __m256i w0 = _mm256_loadu_si256((const __m256i *)(const void *)w),
                          w1 = _mm256_loadu_si256((const __m256i *)(const void *)(w + 32));

#pragma GCC unroll 4
            for (int i = 0; i < rows; i++) {
                int32_t four;
                __m256i v, size;

                memcpy(&four, q + (size_t)i * width + at, sizeof four);
                v = _mm256_xor_si256(_mm256_set1_epi32(four), _mm256_set1_epi8((char)-128));
                size = _mm256_abs_epi8(v);
                c[i][0] = dot(c[i][0], size, v, w0);
                c[i][1] = dot(c[i][1], size, v, w1);
            }
        }
#pragma GCC unroll 4
        for (int i = 0; i < rows; i++) {
            const __m256 s = _mm256_set1_ps(a[(size_t)i * p->groups + g]);

            f[i][0] = _mm256_fmadd_ps(_mm256_mul_ps(s, t0), _mm256_cvtepi32_ps(c[i][0]), f[i][0]);
            f[i][1] = _mm256_fmadd_ps(_mm256_mul_ps(s, t1), _mm256_cvtepi32_ps(c[i][1]), f[i][1]);
        }
    }
    for (int i = 0; i < rows; i++)
        store_row(y + (size_t)i * ldy, p, f[i][0], f[i][1]);
}

typedef void tile_fn(float *y, size_t ldy, const struct strip *p, const uint8_t *q, const float *a);

#define TILE(rows)                                                                                 \
    static __attribute__((noinline)) void tile_##rows(float *y, size_t ldy, const struct strip *p, \
                                                      const uint8_t *q, const float *a)            \
    {                                                                                              \
        tile(rows, y, ldy, p, q, a);                                                               \
    }                                                                                              \
    static tile_fn tile_##rows /* for the semicolon */

TILE(1);
TILE(2);
TILE(3);
TILE(4);

static tile_fn *const tiles[ROWS + 1] = {NULL, tile_1, tile_2, tile_3, tile_4};

static void multiply(float *y, size_t ldy, const struct product *product, const uint8_t *q,
                     const float *a, int m, int first, int last)
{
    const size_t groups = (size_t)product_groups(product->k), width = groups * G;

    for (int j = first * N; j < last * N && j < product->n; j += WIDE) {
        const size_t panel = (size_t)(j / N), lane = (size_t)(j % N), at = panel * groups;
        const int left = product->n - j;
        const struct strip p = {product->w + at * G * N + 4 * lane, product->scale + at * N + lane,
                                product->bias + (size_t)j, groups, left < WIDE ? left : WIDE};

        for (int i = 0, rows; i < m; i += rows) {
            rows = m - i < ROWS ? m - i : ROWS;
            tiles[rows](y + (size_t)i * ldy + (size_t)(j - first * N), ldy, &p,
                        q + (size_t)i * width, a + (size_t)i * groups);
        }
    }
}

const struct product_ops product_avx2 = {.quantise = quantise, .multiply = multiply};

#else

typedef int product_avx2_is_for_x86_64; /* a translation unit may not be empty */

#endif
