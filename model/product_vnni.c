/* product_vnni.c -- product.h for AVX-512 with VNNI: 64 products of bytes an instruction.
 *
 * vpdpbusd multiplies unsigned by signed bytes, so activations are kept as 128 + Q, and the sums begin
 * at `start`, which takes the 128 out again.  A tile of six rows by one panel keeps 12 sums of a group and 12 of y
 * in registers and reads each weight once for six rows; more rows would spill.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include "model/product.h"

#if defined __x86_64__ && defined __GNUC__

#include <immintrin.h>
#include <math.h>
#include <string.h>

#include "model/vnni.h"

enum { G = PRODUCT_GROUP, N = PRODUCT_PANEL, ROWS = 6 };

#define INLINE static inline __attribute__((always_inline))

/* ---- rounding ---- */

INLINE __mmask16 lanes(int i, int n)
{
    return (__mmask16)(n - i >= 16 ? 0xffffu : n > i ? (1u << (n - i)) - 1 : 0);
}

/* One group of n <= G numbers.  Magnitudes are compared as integers, where NaN is the largest. */
INLINE void quantise_group(uint8_t *q, float *a, const float *x, int n)
{
    const __m512i sign = _mm512_set1_epi32(0x7fffffff);
    __m512 v[4], inverse;
    __m512i top = _mm512_setzero_si512();
    uint32_t bits;
    float most;
    int is_plain;

#pragma GCC unroll 4
    for (int i = 0; i < 4; i++) {
        v[i] = _mm512_maskz_loadu_ps(lanes(16 * i, n), x + 16 * i);
        top = _mm512_max_epu32(top, _mm512_and_si512(_mm512_castps_si512(v[i]), sign));
    }
    bits = _mm512_reduce_max_epu32(top);
    memcpy(&most, &bits, sizeof most);
    is_plain = most >= 1e-30f && most < INFINITY;
    *a = is_plain ? most / 127 : most < 1e-30f ? 0 : most;
    inverse = _mm512_set1_ps(is_plain ? 127 / most : 0);
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++) {
        __m512 t = is_plain ? _mm512_mul_ps(v[i], inverse) : _mm512_setzero_ps();
        __m512i s = _mm512_add_epi32(_mm512_cvtps_epi32(t), _mm512_set1_epi32(128));

        _mm_storeu_si128((__m128i *)(void *)(q + 16 * i), _mm512_cvtepi32_epi8(s));
    }
}

static void quantise(uint8_t *q, float *a, const float *x, int k)
{
    int c = 0;

    for (; c + G <= k; c += G)
        quantise_group(q + c, a++, x + c, G);
    if (c < k)
        quantise_group(q + c, a, x + c, k - c);
}

/* ---- multiplying ---- */

struct panel {
    const int8_t *w;      /* [groups, G / 4, N, 4] */
    const int32_t *start; /* [groups, N] */
    const float *scale;   /* [groups, N] */
    const float *bias;    /* [N] */
    size_t groups;
    __mmask16 m0, m1; /* columns that there are */
};

/* Rows 0..rows-1 of q and y. */
INLINE void tile(const int rows, float *y, size_t ldy, const struct panel *p, const uint8_t *q,
                 const float *a)
{
    const size_t width = p->groups * G;
    const int8_t *w = p->w;
    __m512 f[ROWS][2], b0 = _mm512_loadu_ps(p->bias), b1 = _mm512_loadu_ps(p->bias + 16);

#pragma GCC unroll 6
    for (int i = 0; i < rows; i++)
        f[i][0] = f[i][1] = _mm512_setzero_ps();
    for (size_t g = 0; g < p->groups; g++) {
        const __m512i s0 = _mm512_loadu_si512(p->start + g * N),
                      s1 = _mm512_loadu_si512(p->start + g * N + 16);
        const __m512 t0 = _mm512_loadu_ps(p->scale + g * N),
                     t1 = _mm512_loadu_ps(p->scale + g * N + 16);
        __m512i c[ROWS][2];

#pragma GCC unroll 6
        for (int i = 0; i < rows; i++) {
            c[i][0] = s0;
            c[i][1] = s1;
        }
        for (size_t at = g * G; at < (g + 1) * G; at += 4, w += 4 * N) {
            const __m512i w0 = _mm512_loadu_si512(w), w1 = _mm512_loadu_si512(w + 64);

#pragma GCC unroll 6
            for (int i = 0; i < rows; i++) {
                int32_t four;
                __m512i v;

                memcpy(&four, q + (size_t)i * width + at, sizeof four);
                v = _mm512_set1_epi32(four);
                c[i][0] = vnni_add_bytes(c[i][0], v, w0);
                c[i][1] = vnni_add_bytes(c[i][1], v, w1);
            }
        }
#pragma GCC unroll 6
        for (int i = 0; i < rows; i++) {
            const __m512 s = _mm512_set1_ps(a[(size_t)i * p->groups + g]);

            f[i][0] = _mm512_fmadd_ps(_mm512_mul_ps(s, t0), _mm512_cvtepi32_ps(c[i][0]), f[i][0]);
            f[i][1] = _mm512_fmadd_ps(_mm512_mul_ps(s, t1), _mm512_cvtepi32_ps(c[i][1]), f[i][1]);
        }
    }
#pragma GCC unroll 6
    for (int i = 0; i < rows; i++) {
        _mm512_mask_storeu_ps(y + (size_t)i * ldy, p->m0, _mm512_add_ps(f[i][0], b0));
        _mm512_mask_storeu_ps(y + (size_t)i * ldy + 16, p->m1, _mm512_add_ps(f[i][1], b1));
    }
}

typedef void tile_fn(float *y, size_t ldy, const struct panel *p, const uint8_t *q, const float *a);

#define TILE(rows)                                                                                 \
    static __attribute__((noinline)) void tile_##rows(float *y, size_t ldy, const struct panel *p, \
                                                      const uint8_t *q, const float *a)            \
    {                                                                                              \
        tile(rows, y, ldy, p, q, a);                                                               \
    }                                                                                              \
    static tile_fn tile_##rows /* for the semicolon */

TILE(1);
TILE(2);
TILE(3);
TILE(4);
TILE(5);
TILE(6);

static tile_fn *const tiles[ROWS + 1] = {NULL, tile_1, tile_2, tile_3, tile_4, tile_5, tile_6};

static void multiply(float *y, size_t ldy, const struct product *product, const uint8_t *q,
                     const float *a, int m, int first, int last)
{
    const size_t groups = (size_t)product_groups(product->k), width = groups * G;

    for (int j = first; j < last; j++) {
        const size_t at = (size_t)j * groups;
        const struct panel p = {product->w + at * G * N,
                                product->start + at * N,
                                product->scale + at * N,
                                product->bias + (size_t)j * N,
                                groups,
                                lanes(j * N, product->n),
                                lanes(j * N + 16, product->n)};

        for (int i = 0, rows; i < m; i += rows) {
            const int left = m - i;

            rows = left <= ROWS ? left : left < 2 * ROWS ? (left + 1) / 2 : ROWS;
            tiles[rows](y + (size_t)i * ldy + (size_t)(j - first) * N, ldy, &p,
                        q + (size_t)i * width, a + (size_t)i * groups);
        }
    }
}

const struct product_ops product_vnni = {.quantise = quantise, .multiply = multiply};

#else

typedef int product_vnni_is_for_x86_64; /* a translation unit may not be empty */

#endif
