/* kernels_avx512.c -- kernels.h for AVX-512 (F, BW, DQ, VL, VNNI): 16 floats at a time, tails by mask.
 *
 * exp: 2^n p(r) with r = x - n ln 2 and a minimax polynomial of degree 6 (2e-9).
 * erf: (Phi(x) - 1/2) / x is even and smooth; a minimax polynomial of degree 14 in
 * t = 2 x^2 / 5.4^2 - 1 gives it to 3e-8 on |x| <= 5.4, past which Phi is 0 or 1 to 4e-8.
 * Both polynomials were computed for this file by Remez exchange.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include "model/kernels.h"

#if defined __x86_64__ && defined __GNUC__

#include <immintrin.h>
#include <math.h>
#include <stddef.h>
#include <string.h>

#define SET(v) _mm512_set1_ps(v)
#define INLINE static inline __attribute__((always_inline))

/* The lanes i .. i+15 that are below n. */
INLINE __mmask16 lanes(int i, int n)
{
    return (__mmask16)(n - i >= 16 ? 0xffffu : (1u << (n - i)) - 1);
}

INLINE __m512 load(__mmask16 m, const float *p) { return _mm512_maskz_loadu_ps(m, p); }

static void add(float *y, const float *x, int n)
{
    for (int i = 0; i < n; i += 16) {
        __mmask16 m = lanes(i, n);

        _mm512_mask_storeu_ps(y + i, m, _mm512_add_ps(load(m, y + i), load(m, x + i)));
    }
}

static float largest(const float *x, int n)
{
    __m512 most = SET(x[0]);

    for (int i = 0; i < n; i += 16) {
        __mmask16 m = lanes(i, n);

        most = _mm512_mask_max_ps(most, m, load(m, x + i), most);
    }
    return _mm512_reduce_max_ps(most);
}

static void max(float *y, const float *x, int n)
{
    for (int i = 0; i < n; i += 16) {
        __mmask16 m = lanes(i, n);

        _mm512_mask_storeu_ps(y + i, m, _mm512_max_ps(load(m, y + i), load(m, x + i)));
    }
}

static void multiply(float *y, const float *x, int n)
{
    for (int i = 0; i < n; i += 16) {
        __mmask16 m = lanes(i, n);

        _mm512_mask_storeu_ps(y + i, m, _mm512_mul_ps(load(m, y + i), load(m, x + i)));
    }
}

static void scale(float *y, float a, int n)
{
    for (int i = 0; i < n; i += 16) {
        __mmask16 m = lanes(i, n);

        _mm512_mask_storeu_ps(y + i, m, _mm512_mul_ps(load(m, y + i), SET(a)));
    }
}

/* e^x to 2 units in the last place for -87 <= x <= 0; 0 below -87; NaN stays. */
INLINE __m512 exp_of(__m512 x)
{
    __mmask16 small = _mm512_cmp_ps_mask(x, SET(-87), _CMP_LT_OQ);
    __m512 n = _mm512_roundscale_ps(_mm512_mul_ps(x, SET(1.44269504f)), _MM_FROUND_TO_NEAREST_INT);
    __m512 r = _mm512_fnmadd_ps(n, SET(0.693359375f), x), p;

    r = _mm512_fnmadd_ps(n, SET(-2.12194440e-4f), r);
    p = _mm512_fmadd_ps(SET(0.0013814599f), r, SET(0.008368717f));
    p = _mm512_fmadd_ps(p, r, SET(0.04166839f));
    p = _mm512_fmadd_ps(p, r, SET(0.16666521f));
    p = _mm512_fmadd_ps(p, r, SET(0.49999994f));
    p = _mm512_fmadd_ps(p, _mm512_mul_ps(r, r), _mm512_add_ps(r, SET(1)));
    return _mm512_mask_scalef_ps(_mm512_setzero_ps(), (__mmask16)~small, p, n);
}

INLINE __m512 gelu_of(__m512 x)
{
    static const float c[] = {0.130928113f,    -0.0653280549f,  0.0484995917f,  -0.0392068109f,
                              0.0321165905f,   -0.0257464776f,  0.0196451805f,  -0.0139632371f,
                              0.00965106706f,  -0.00671549941f, 0.00365915135f, -0.00118626227f,
                              0.000874735692f, -0.00102842063f, 0.000392925011f};
    __m512 z = _mm512_min_ps(_mm512_max_ps(x, SET(-5.4f)), SET(5.4f));
    __m512 t = _mm512_fmsub_ps(_mm512_mul_ps(z, z), SET(2 / (5.4f * 5.4f)), SET(1));
    __m512 p = SET(c[14]);

#pragma GCC unroll 14
    for (int i = 13; i >= 0; i--)
        p = _mm512_fmadd_ps(p, t, SET(c[i]));
    return _mm512_mul_ps(x, _mm512_fmadd_ps(z, p, SET(0.5f)));
}

static void gelu(float *x, int n)
{
    int i = 0;

    for (; i + 64 <= n; i += 64) { /* four chains hide the latency of one */
        __m512 a = gelu_of(_mm512_loadu_ps(x + i)), b = gelu_of(_mm512_loadu_ps(x + i + 16));
        __m512 c = gelu_of(_mm512_loadu_ps(x + i + 32)), d = gelu_of(_mm512_loadu_ps(x + i + 48));

        _mm512_storeu_ps(x + i, a);
        _mm512_storeu_ps(x + i + 16, b);
        _mm512_storeu_ps(x + i + 32, c);
        _mm512_storeu_ps(x + i + 48, d);
    }
    for (; i < n; i += 16) {
        __mmask16 m = lanes(i, n);

        _mm512_mask_storeu_ps(x + i, m, gelu_of(load(m, x + i)));
    }
}

/* x (1 + tanh z) / 2 = x / (1 + e^-2z), and e^-|2z| never overflows. */
static void gelu_tanh(float *x, int n)
{
    for (int i = 0; i < n; i += 16) {
        __mmask16 m = lanes(i, n), negative;
        __m512 v = load(m, x + i), u = _mm512_mul_ps(v, v), z, e, top;

        z = _mm512_mul_ps(v, _mm512_fmadd_ps(u, SET(0.0713548163f), SET(1.59576912f)));
        negative = _mm512_cmp_ps_mask(z, _mm512_setzero_ps(), _CMP_LT_OQ);
        e = exp_of(_mm512_sub_ps(_mm512_setzero_ps(), _mm512_abs_ps(z)));
        top = _mm512_mask_blend_ps(negative, v, _mm512_mul_ps(v, e));
        _mm512_mask_storeu_ps(x + i, m, _mm512_div_ps(top, _mm512_add_ps(SET(1), e)));
    }
}

/* As gelu_tanh: e^-|x| never overflows. */
static void silu(float *x, int n)
{
    for (int i = 0; i < n; i += 16) {
        __mmask16 m = lanes(i, n), negative;
        __m512 v = load(m, x + i), e, top;

        negative = _mm512_cmp_ps_mask(v, _mm512_setzero_ps(), _CMP_LT_OQ);
        e = exp_of(_mm512_sub_ps(_mm512_setzero_ps(), _mm512_abs_ps(v)));
        top = _mm512_mask_blend_ps(negative, v, _mm512_mul_ps(v, e));
        _mm512_mask_storeu_ps(x + i, m, _mm512_div_ps(top, _mm512_add_ps(SET(1), e)));
    }
}

static void relu(float *x, int n)
{
    for (int i = 0; i < n; i += 16) {
        __mmask16 m = lanes(i, n);

        _mm512_mask_storeu_ps(x + i, m, _mm512_max_ps(load(m, x + i), _mm512_setzero_ps()));
    }
}

static void layer_norm(float *y, const float *x, const float *residual, const float *gamma,
                       const float *beta, float eps, int n)
{
    __m512 sum = _mm512_setzero_ps(), square = _mm512_setzero_ps(), mean, inverse;

    for (int i = 0; i < n; i += 16) {
        __mmask16 m = lanes(i, n);
        __m512 v = load(m, x + i);

        if (residual)
            v = _mm512_add_ps(v, load(m, residual + i));
        sum = _mm512_add_ps(sum, v);
        _mm512_mask_storeu_ps(y + i, m, v);
    }
    mean = SET(_mm512_reduce_add_ps(sum) / (float)n);
    for (int i = 0; i < n; i += 16) {
        __mmask16 m = lanes(i, n);
        __m512 v = _mm512_maskz_sub_ps(m, load(m, y + i), mean);

        square = _mm512_fmadd_ps(v, v, square);
    }
    inverse = SET(1 / sqrtf(_mm512_reduce_add_ps(square) / (float)n + eps));
    for (int i = 0; i < n; i += 16) {
        __mmask16 m = lanes(i, n);
        __m512 v = _mm512_mul_ps(_mm512_sub_ps(load(m, y + i), mean), inverse);

        _mm512_mask_storeu_ps(y + i, m, _mm512_fmadd_ps(v, load(m, gamma + i), load(m, beta + i)));
    }
}

static void rms_norm(float *y, const float *x, const float *gamma, float eps, int n)
{
    __m512 a = _mm512_setzero_ps(), b = a, inverse;
    int i = 0;

    for (; i + 32 <= n; i += 32) {
        const __m512 v = _mm512_loadu_ps(x + i), w = _mm512_loadu_ps(x + i + 16);

        a = _mm512_fmadd_ps(v, v, a);
        b = _mm512_fmadd_ps(w, w, b);
    }
    for (; i < n; i += 16) {
        const __m512 v = load(lanes(i, n), x + i);

        a = _mm512_fmadd_ps(v, v, a);
    }
    inverse = SET(1 / sqrtf(_mm512_reduce_add_ps(_mm512_add_ps(a, b)) / (float)n + eps));
    for (i = 0; i < n; i += 16) {
        const __mmask16 m = lanes(i, n);

        _mm512_mask_storeu_ps(
            y + i, m, _mm512_mul_ps(_mm512_mul_ps(load(m, x + i), inverse), load(m, gamma + i)));
    }
}

static float exp_sum(float *x, float a, float most, int n)
{
    __m512 sum = _mm512_setzero_ps();

    for (int i = 0; i < n; i += 16) {
        __mmask16 m = lanes(i, n);
        __m512 e = exp_of(_mm512_mul_ps(SET(a), _mm512_sub_ps(load(m, x + i), SET(most))));

        sum = _mm512_mask_add_ps(sum, m, sum, e);
        _mm512_mask_storeu_ps(x + i, m, e);
    }
    return _mm512_reduce_add_ps(sum);
}

static float softmax_exp(float *x, float a, int n) { return exp_sum(x, a, largest(x, n), n); }

static void transpose(float *y, int ldy, const float *x, int ldx, int m, int n)
{
    __m512i step =
        _mm512_mullo_epi32(_mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0),
                           _mm512_set1_epi32(ldx));

    for (int i = 0; i < m; i += 16) {
        __mmask16 k = lanes(i, m);
        const float *p = x + (size_t)i * (size_t)ldx;

        for (int j = 0; j < n; j++) {
            __m512 v = _mm512_mask_i32gather_ps(_mm512_setzero_ps(), k, step, p + j, 4);

            _mm512_mask_storeu_ps(y + (size_t)j * (size_t)ldy + i, k, v);
        }
    }
}

/* ROWS rows by 32 columns of C, kept in registers while k runs. */
INLINE void tile(const int rows, float *C, size_t ldc, const float *A, size_t lda, const float *B,
                 size_t ldb, __mmask16 m0, __mmask16 m1, int k)
{
    __m512 c[8][2];

#pragma GCC unroll 8
    for (int i = 0; i < rows; i++)
        c[i][0] = c[i][1] = _mm512_setzero_ps();
    for (int p = 0; p < k; p++, B += ldb) {
        __m512 b0 = load(m0, B), b1 = load(m1, B + 16);

#pragma GCC unroll 8
        for (int i = 0; i < rows; i++) {
            __m512 a = SET(A[(size_t)i * lda + (size_t)p]);

            c[i][0] = _mm512_fmadd_ps(a, b0, c[i][0]);
            c[i][1] = _mm512_fmadd_ps(a, b1, c[i][1]);
        }
    }
#pragma GCC unroll 8
    for (int i = 0; i < rows; i++) {
        _mm512_mask_storeu_ps(C + (size_t)i * ldc, m0, c[i][0]);
        _mm512_mask_storeu_ps(C + (size_t)i * ldc + 16, m1, c[i][1]);
    }
}

static void matmul(float *C, int ldc_, const float *A, int lda_, const float *B, int ldb_, int m,
                   int n, int k)
{
    const size_t ldc = (size_t)ldc_, lda = (size_t)lda_, ldb = (size_t)ldb_;

    for (int j = 0; j < n; j += 32) {
        __mmask16 m0 = lanes(j, n), m1 = n - j > 16 ? lanes(j + 16, n) : 0;
        int i = 0;

        for (; i + 8 <= m; i += 8)
            tile(8, C + (size_t)i * ldc + j, ldc, A + (size_t)i * lda, lda, B + j, ldb, m0, m1, k);
        for (; i + 4 <= m; i += 4)
            tile(4, C + (size_t)i * ldc + j, ldc, A + (size_t)i * lda, lda, B + j, ldb, m0, m1, k);
        for (; i < m; i++)
            tile(1, C + (size_t)i * ldc + j, ldc, A + (size_t)i * lda, lda, B + j, ldb, m0, m1, k);
    }
}

/* ---- codes ---- */

/* The 16 codes from p on, of which n are there. */
INLINE __m512i codes_of(const uint8_t *p, int bits, int n)
{
    const __m512i lane = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    uint32_t four[4] = {0};

    memcpy(four, p, n >= 16 ? 2 * (size_t)bits : ((size_t)n * (size_t)bits + 7) / 8);
    if (bits == 8)
        return _mm512_cvtepu8_epi32(_mm_loadu_si128((const void *)four));
    if (bits == 4) /* 8 lanes shift the first four bytes, 8 the second */
        return _mm512_and_si512(
            _mm512_srlv_epi32(
                _mm512_mask_set1_epi32(_mm512_set1_epi32((int)four[0]), 0xff00, (int)four[1]),
                _mm512_slli_epi32(_mm512_and_si512(lane, _mm512_set1_epi32(7)), 2)),
            _mm512_set1_epi32(15));
    return _mm512_and_si512(
        _mm512_srlv_epi32(_mm512_set1_epi32((int)four[0]), _mm512_slli_epi32(lane, 1)),
        _mm512_set1_epi32(3));
}

INLINE void unpack_bits(float *y, const uint8_t *codes, int bits, float lowest, float step, int n)
{
    for (int i = 0; i < n; i += 16, codes += 2 * bits) {
        const __m512 code = _mm512_cvtepi32_ps(codes_of(codes, bits, n - i));

        _mm512_mask_storeu_ps(y + i, lanes(i, n),
                              _mm512_add_ps(SET(lowest), _mm512_mul_ps(SET(step), code)));
    }
}

static void unpack(float *y, const uint8_t *codes, int bits, float lowest, float step, int n)
{
    if (bits == 8)
        unpack_bits(y, codes, 8, lowest, step, n);
    else if (bits == 4)
        unpack_bits(y, codes, 4, lowest, step, n);
    else
        unpack_bits(y, codes, 2, lowest, step, n);
}

const struct kernels kernels_avx512 = {
    .name = "avx512",
    .product = &product_vnni,
    .add = add,
    .max = max,
    .largest = largest,
    .multiply = multiply,
    .scale = scale,
    .gelu = gelu,
    .gelu_tanh = gelu_tanh,
    .silu = silu,
    .relu = relu,
    .layer_norm = layer_norm,
    .rms_norm = rms_norm,
    .exp_sum = exp_sum,
    .softmax_exp = softmax_exp,
    .transpose = transpose,
    .unpack = unpack,
    .matmul = matmul,
    .attention_i8 = &attention_i8_vnni,
};

#else

typedef int kernels_avx512_is_for_x86_64; /* a translation unit may not be empty */

#endif
