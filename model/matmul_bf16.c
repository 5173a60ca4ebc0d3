/* matmul_bf16.c -- matmul by numbers kept as bfloat16 (kernels.h), for AVX-512 with BF16: two products a lane.
 *
 * Rows of B are laid out in pairs (64 of them and 64 columns at a time, in the first cache), rows of A likewise; then six rows by
 * 64 columns of C stay in registers.  Sums are float32, in order of k, pair by pair, and go on from one
 * stretch of k to the next, so that a result does not depend on where stretches end.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include "model/kernels.h"

#if defined __x86_64__ && defined __GNUC__

#include <immintrin.h>
#include <stddef.h>

#define INLINE static inline __attribute__((always_inline))

enum { PAIRS = 64, COLUMNS = 64, LANES = 16, ROWS = 48 };

INLINE __mmask16 lanes(int i, int n)
{
    return (__mmask16)(n - i >= LANES ? 0xffffu : n > i ? (1u << (n - i)) - 1 : 0);
}

/* 16 columns of two rows of B: in each 32 bits a number of the first and, above it, of the second. */
INLINE __m512i pair_of(const uint16_t *B, size_t ldb, __mmask16 m, int is_alone)
{
    __m512i low = _mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(m, B));
    __m512i high = _mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(is_alone ? 0 : m, B + ldb));

    return _mm512_or_si512(low, _mm512_slli_epi32(high, 16));
}

/* b [pairs, COLUMNS] of k rows where all columns are there and k is even: numbers of two rows are dealt like cards. */
static void pack_whole(uint32_t *b, const uint16_t *B, size_t ldb, int k)
{
    static const uint16_t deal[64] = {
        0,  32, 1,  33, 2,  34, 3,  35, 4,  36, 5,  37, 6,  38, 7,  39, 8,  40, 9,  41, 10, 42,
        11, 43, 12, 44, 13, 45, 14, 46, 15, 47, 16, 48, 17, 49, 18, 50, 19, 51, 20, 52, 21, 53,
        22, 54, 23, 55, 24, 56, 25, 57, 26, 58, 27, 59, 28, 60, 29, 61, 30, 62, 31, 63};
    const __m512i low = _mm512_loadu_si512(deal), high = _mm512_loadu_si512(deal + 32);

    for (int p = 0; p < k; p += 2, B += 2 * ldb)
        for (int j = 0; j < COLUMNS; j += 2 * LANES, b += 2 * LANES) {
            const __m512i x = _mm512_loadu_si512(B + j), y = _mm512_loadu_si512(B + ldb + j);

            _mm512_storeu_si512(b, _mm512_permutex2var_epi16(x, low, y));
            _mm512_storeu_si512(b + LANES, _mm512_permutex2var_epi16(x, high, y));
        }
}

static void pack_b(uint32_t *b, const uint16_t *B, size_t ldb, int n, int k)
{
    if (n >= COLUMNS && k % 2 == 0) {
        pack_whole(b, B, ldb, k);
        return;
    }
    for (int p = 0; p < k; p += 2, B += 2 * ldb)
        for (int j = 0; j < COLUMNS; j += LANES, b += LANES)
            _mm512_storeu_si512(b, pair_of(B + j, ldb, lanes(j, n), p + 1 == k));
}

/* 16 numbers, rounded. */
INLINE void round_to(uint32_t *a, __m512 x)
{
    _mm256_storeu_si256((__m256i *)(void *)a, (__m256i)_mm512_cvtneps_pbh(x));
}

/* a [m, PAIRS]: rows of A, rounded. */
static void pack_a(uint32_t *a, const float *A, size_t lda, int m, int k)
{
    for (int i = 0; i < m; i++, A += lda, a += PAIRS) {
        int p = 0;

        for (; p + LANES <= k; p += LANES)
            round_to(a + p / 2, _mm512_loadu_ps(A + p));
        if (p < k)
            round_to(a + p / 2, _mm512_maskz_loadu_ps(lanes(p, k), A + p));
    }
}

/* C [rows, n] += A B, of k rows of B, which are packed in b or lie in B; or =, where they are the first. */
INLINE void tile(const int rows, float *C, size_t ldc, const uint32_t *a, const uint32_t *b,
                 const uint16_t *B, size_t ldb, int n, int k, int is_first)
{
    __mmask16 m[4];
    __m512 c[6][4];

#pragma GCC unroll 4
    for (int j = 0; j < 4; j++)
        m[j] = lanes(j * LANES, n);
#pragma GCC unroll 6
    for (int i = 0; i < rows; i++)
#pragma GCC unroll 4
        for (int j = 0; j < 4; j++)
            c[i][j] = is_first ? _mm512_setzero_ps()
                               : _mm512_maskz_loadu_ps(m[j], C + (size_t)i * ldc + j * LANES);
    for (int p = 0; p < k; p += 2, a++) {
        __m512i v[4];

#pragma GCC unroll 4
        for (int j = 0; j < 4; j++)
            v[j] = b ? _mm512_loadu_si512(b + p / 2 * COLUMNS + j * LANES)
                     : pair_of(B + (size_t)p * ldb + j * LANES, ldb, m[j], p + 1 == k);
#pragma GCC unroll 6
        for (int i = 0; i < rows; i++) {
            const __m512bh both = (__m512bh)_mm512_set1_epi32((int)a[i * PAIRS]);

#pragma GCC unroll 4
            for (int j = 0; j < 4; j++)
                c[i][j] = _mm512_dpbf16_ps(c[i][j], both, (__m512bh)v[j]);
        }
    }
#pragma GCC unroll 6
    for (int i = 0; i < rows; i++)
#pragma GCC unroll 4
        for (int j = 0; j < 4; j++)
            _mm512_mask_storeu_ps(C + (size_t)i * ldc + j * LANES, m[j], c[i][j]);
}

/* At most six rows. */
INLINE void some_rows(int rows, float *C, size_t ldc, const uint32_t *a, const uint32_t *b,
                      const uint16_t *B, size_t ldb, int n, int k, int is_first)
{
    switch (rows) {
    case 6:
        tile(6, C, ldc, a, b, B, ldb, n, k, is_first);
        break;
    case 5:
        tile(5, C, ldc, a, b, B, ldb, n, k, is_first);
        break;
    case 4:
        tile(4, C, ldc, a, b, B, ldb, n, k, is_first);
        break;
    case 3:
        tile(3, C, ldc, a, b, B, ldb, n, k, is_first);
        break;
    case 2:
        tile(2, C, ldc, a, b, B, ldb, n, k, is_first);
        break;
    case 1:
        tile(1, C, ldc, a, b, B, ldb, n, k, is_first);
    }
}

/* Rows of A, at most ROWS, times k rows of B and at most COLUMNS of its columns. */
static void multiply(float *C, size_t ldc, const float *A, size_t lda, const uint16_t *B,
                     size_t ldb, const uint32_t *b, int m, int n, int k, int is_first)
{
    uint32_t a[ROWS * PAIRS];

    pack_a(a, A, lda, m, k);
    if (!b)
        some_rows(m, C, ldc, a, NULL, B, ldb, n, k, is_first);
    else
        for (int i = 0; i < m; i += 6)
            some_rows(m - i < 6 ? m - i : 6, C + (size_t)i * ldc, ldc, a + i * PAIRS, b, B, ldb, n,
                      k, is_first);
}

void matmul_bf16(float *C, int ldc_, const float *A, int lda_, const uint16_t *B, int ldb_, int m,
                 int n, int k)
{
    const size_t ldc = (size_t)ldc_, lda = (size_t)lda_, ldb = (size_t)ldb_;
    uint32_t b[PAIRS * COLUMNS];

    for (int j = 0; j < n; j += COLUMNS)
        for (int p = 0; p < k; p += 2 * PAIRS) {
            const int depth = k - p < 2 * PAIRS ? k - p : 2 * PAIRS;
            const uint16_t *from = B + (size_t)p * ldb + (size_t)j;

            if (m > 6)
                pack_b(b, from, ldb, n - j, depth);
            for (int i = 0; i < m; i += ROWS)
                multiply(C + (size_t)i * ldc + (size_t)j, ldc, A + (size_t)i * lda + (size_t)p, lda,
                         from, ldb, m > 6 ? b : NULL, m - i < ROWS ? m - i : ROWS, n - j, depth,
                         p == 0);
        }
}

#else

typedef int matmul_bf16_is_for_x86_64; /* a translation unit may not be empty */

#endif
