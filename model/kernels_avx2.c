/* kernels_avx2.c -- kernels.h for AVX2 and FMA: 8 floats at a time, tails by masked loads and stores.
 *
 * The polynomials of exp and erf are those of kernels_avx512.c, which says where they come from.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include "model/kernels.h"

#if defined __x86_64__ && defined __GNUC__

#include <immintrin.h>
#include <math.h>
#include <stddef.h>
#include <string.h>

#define SET(v) _mm256_set1_ps(v)
#define INLINE static inline __attribute__((always_inline))

/* All ones in the lanes i .. i+7 that are below n. */
INLINE __m256i lanes(int i, int n)
{
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(n - i), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}

INLINE __m256 load(__m256i m, const float *p) { return _mm256_maskload_ps(p, m); }

INLINE void store(float *p, __m256i m, __m256 v) { _mm256_maskstore_ps(p, m, v); }

/* v where m, else w. */
INLINE __m256 pick(__m256i m, __m256 v, __m256 w)
{
    return _mm256_blendv_ps(w, v, _mm256_castsi256_ps(m));
}

INLINE float sum_of(__m256 v)
{
    __m128 s = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));

    s = _mm_add_ps(s, _mm_movehl_ps(s, s));
    return _mm_cvtss_f32(_mm_add_ss(s, _mm_movehdup_ps(s)));
}

INLINE float min_of(__m256 v)
{
    __m128 s = _mm_min_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));

    s = _mm_min_ps(s, _mm_movehl_ps(s, s));
    return _mm_cvtss_f32(_mm_min_ss(s, _mm_movehdup_ps(s)));
}

INLINE float max_of(__m256 v) { return -min_of(_mm256_sub_ps(_mm256_setzero_ps(), v)); }

static void add(float *y, const float *x, int n)
{
    for (int i = 0; i < n; i += 8) {
        __m256i m = lanes(i, n);

        store(y + i, m, _mm256_add_ps(load(m, y + i), load(m, x + i)));
    }
}

static void max(float *y, const float *x, int n)
{
    for (int i = 0; i < n; i += 8) {
        __m256i m = lanes(i, n);

        store(y + i, m, _mm256_max_ps(load(m, y + i), load(m, x + i)));
    }
}

static float largest(const float *x, int n)
{
    __m256 most = SET(x[0]);

    for (int i = 0; i < n; i += 8) {
        __m256i m = lanes(i, n);

        most = pick(m, _mm256_max_ps(load(m, x + i), most), most);
    }
    return max_of(most);
}

static void multiply(float *y, const float *x, int n)
{
    for (int i = 0; i < n; i += 8) {
        __m256i m = lanes(i, n);

        store(y + i, m, _mm256_mul_ps(load(m, y + i), load(m, x + i)));
    }
}

static void scale(float *y, float a, int n)
{
    for (int i = 0; i < n; i += 8) {
        __m256i m = lanes(i, n);

        store(y + i, m, _mm256_mul_ps(load(m, y + i), SET(a)));
    }
}

/* e^x to 2 units in the last place for -87 <= x <= 0; 0 below -87. */
INLINE __m256 exp_of(__m256 x)
{
    __m256 large = _mm256_cmp_ps(x, SET(-87), _CMP_NLT_UQ);
    __m256 n = _mm256_round_ps(_mm256_mul_ps(_mm256_max_ps(SET(-87), x), SET(1.44269504f)),
                               _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    __m256 r = _mm256_fnmadd_ps(n, SET(0.693359375f), x), p;
    __m256i power;

    r = _mm256_fnmadd_ps(n, SET(-2.12194440e-4f), r);
    p = _mm256_fmadd_ps(SET(0.0013814599f), r, SET(0.008368717f));
    p = _mm256_fmadd_ps(p, r, SET(0.04166839f));
    p = _mm256_fmadd_ps(p, r, SET(0.16666521f));
    p = _mm256_fmadd_ps(p, r, SET(0.49999994f));
    p = _mm256_fmadd_ps(p, _mm256_mul_ps(r, r), _mm256_add_ps(r, SET(1)));
    power = _mm256_slli_epi32(_mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127)), 23);
    return _mm256_and_ps(_mm256_mul_ps(p, _mm256_castsi256_ps(power)), large);
}

INLINE __m256 gelu_of(__m256 x)
{
    static const float c[] = {0.130928113f,    -0.0653280549f,  0.0484995917f,  -0.0392068109f,
                              0.0321165905f,   -0.0257464776f,  0.0196451805f,  -0.0139632371f,
                              0.00965106706f,  -0.00671549941f, 0.00365915135f, -0.00118626227f,
                              0.000874735692f, -0.00102842063f, 0.000392925011f};
    __m256 z = _mm256_min_ps(_mm256_max_ps(x, SET(-5.4f)), SET(5.4f));
    __m256 t = _mm256_fmsub_ps(_mm256_mul_ps(z, z), SET(2 / (5.4f * 5.4f)), SET(1));
    __m256 p = SET(c[14]);

#pragma GCC unroll 14
    for (int i = 13; i >= 0; i--)
        p = _mm256_fmadd_ps(p, t, SET(c[i]));
    return _mm256_mul_ps(x, _mm256_fmadd_ps(z, p, SET(0.5f)));
}

static void gelu(float *x, int n)
{
    int i = 0;

    for (; i + 32 <= n; i += 32) { /* four chains hide the latency of one */
        __m256 a = gelu_of(_mm256_loadu_ps(x + i)), b = gelu_of(_mm256_loadu_ps(x + i + 8));
        __m256 c = gelu_of(_mm256_loadu_ps(x + i + 16)), d = gelu_of(_mm256_loadu_ps(x + i + 24));

        _mm256_storeu_ps(x + i, a);
        _mm256_storeu_ps(x + i + 8, b);
        _mm256_storeu_ps(x + i + 16, c);
        _mm256_storeu_ps(x + i + 24, d);
    }
    for (; i < n; i += 8) {
        __m256i m = lanes(i, n);

        store(x + i, m, gelu_of(load(m, x + i)));
    }
}

/* x (1 + tanh z) / 2 = x / (1 + e^-2z), and e^-|2z| never overflows. */
static void gelu_tanh(float *x, int n)
{
    for (int i = 0; i < n; i += 8) {
        __m256i m = lanes(i, n);
        __m256 v = load(m, x + i), u = _mm256_mul_ps(v, v), z, e, top;

        z = _mm256_mul_ps(v, _mm256_fmadd_ps(u, SET(0.0713548163f), SET(1.59576912f)));
        e = exp_of(_mm256_or_ps(z, SET(-0.0f)));           /* -|z| */
        top = _mm256_blendv_ps(v, _mm256_mul_ps(v, e), z); /* where z is negative */
        store(x + i, m, _mm256_div_ps(top, _mm256_add_ps(SET(1), e)));
    }
}

static void silu(float *x, int n)
{
    for (int i = 0; i < n; i += 8) {
        __m256i m = lanes(i, n);
        __m256 v = load(m, x + i), e = exp_of(_mm256_or_ps(v, SET(-0.0f))); /* -|v| */
        __m256 top = _mm256_blendv_ps(v, _mm256_mul_ps(v, e), v); /* where v is negative */

        store(x + i, m, _mm256_div_ps(top, _mm256_add_ps(SET(1), e)));
    }
}

static void relu(float *x, int n)
{
    for (int i = 0; i < n; i += 8) {
        __m256i m = lanes(i, n);

        store(x + i, m, _mm256_max_ps(load(m, x + i), _mm256_setzero_ps()));
    }
}

static void layer_norm(float *y, const float *x, const float *residual, const float *gamma,
                       const float *beta, float eps, int n)
{
    __m256 sum = _mm256_setzero_ps(), square = _mm256_setzero_ps(), mean, inverse;

    for (int i = 0; i < n; i += 8) {
        __m256i m = lanes(i, n);
        __m256 v = load(m, x + i);

        if (residual)
            v = _mm256_add_ps(v, load(m, residual + i));
        sum = _mm256_add_ps(sum, v);
        store(y + i, m, v);
    }
    mean = SET(sum_of(sum) / (float)n);
    for (int i = 0; i < n; i += 8) {
        __m256i m = lanes(i, n);
        __m256 v = _mm256_sub_ps(load(m, y + i), pick(m, mean, _mm256_setzero_ps()));

        square = _mm256_fmadd_ps(v, v, square);
    }
    inverse = SET(1 / sqrtf(sum_of(square) / (float)n + eps));
    for (int i = 0; i < n; i += 8) {
        __m256i m = lanes(i, n);
        __m256 v = _mm256_mul_ps(_mm256_sub_ps(load(m, y + i), mean), inverse);

        store(y + i, m, _mm256_fmadd_ps(v, load(m, gamma + i), load(m, beta + i)));
    }
}

static void rms_norm(float *y, const float *x, const float *gamma, float eps, int n)
{
    __m256 square = _mm256_setzero_ps(), inverse;

    for (int i = 0; i < n; i += 8) {
        const __m256 v = load(lanes(i, n), x + i);

        square = _mm256_fmadd_ps(v, v, square);
    }
    inverse = SET(1 / sqrtf(sum_of(square) / (float)n + eps));
    for (int i = 0; i < n; i += 8) {
        const __m256i m = lanes(i, n);

        store(y + i, m, _mm256_mul_ps(_mm256_mul_ps(load(m, x + i), inverse), load(m, gamma + i)));
    }
}

static float exp_sum(float *x, float a, float most, int n)
{
    __m256 sum = _mm256_setzero_ps();

    for (int i = 0; i < n; i += 8) {
        __m256i m = lanes(i, n);
        __m256 e = exp_of(_mm256_mul_ps(SET(a), _mm256_sub_ps(load(m, x + i), SET(most))));

        sum = _mm256_add_ps(sum, pick(m, e, _mm256_setzero_ps()));
        store(x + i, m, e);
    }
    return sum_of(sum);
}

static float softmax_exp(float *x, float a, int n) { return exp_sum(x, a, largest(x, n), n); }

static void transpose(float *y, int ldy, const float *x, int ldx, int m, int n)
{
    __m256i step =
        _mm256_mullo_epi32(_mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7), _mm256_set1_epi32(ldx));

    for (int i = 0; i < m; i += 8) {
        __m256i k = lanes(i, m);
        const float *p = x + (size_t)i * (size_t)ldx;

        for (int j = 0; j < n; j++)
            store(y + (size_t)j * (size_t)ldy + i, k,
                  _mm256_mask_i32gather_ps(_mm256_setzero_ps(), p + j, step, _mm256_castsi256_ps(k),
                                           4));
    }
}

/* ROWS rows by 16 columns of C, kept in registers while k runs. */
INLINE void tile(const int rows, float *C, size_t ldc, const float *A, size_t lda, const float *B,
                 size_t ldb, __m256i m0, __m256i m1, int k)
{
    __m256 c[4][2];

#pragma GCC unroll 4
    for (int i = 0; i < rows; i++)
        c[i][0] = c[i][1] = _mm256_setzero_ps();
    for (int p = 0; p < k; p++, B += ldb) {
        __m256 b0 = load(m0, B), b1 = load(m1, B + 8);

#pragma GCC unroll 4
        for (int i = 0; i < rows; i++) {
            __m256 a = SET(A[(size_t)i * lda + (size_t)p]);

            c[i][0] = _mm256_fmadd_ps(a, b0, c[i][0]);
            c[i][1] = _mm256_fmadd_ps(a, b1, c[i][1]);
        }
    }
#pragma GCC unroll 4
    for (int i = 0; i < rows; i++) {
        store(C + (size_t)i * ldc, m0, c[i][0]);
        store(C + (size_t)i * ldc + 8, m1, c[i][1]);
    }
}

static void matmul(float *C, int ldc_, const float *A, int lda_, const float *B, int ldb_, int m,
                   int n, int k)
{
    const size_t ldc = (size_t)ldc_, lda = (size_t)lda_, ldb = (size_t)ldb_;

    for (int j = 0; j < n; j += 16) {
        __m256i m0 = lanes(j, n), m1 = lanes(j + 8, n);
        int i = 0;

        for (; i + 4 <= m; i += 4)
            tile(4, C + (size_t)i * ldc + j, ldc, A + (size_t)i * lda, lda, B + j, ldb, m0, m1, k);
        for (; i < m; i++)
            tile(1, C + (size_t)i * ldc + j, ldc, A + (size_t)i * lda, lda, B + j, ldb, m0, m1, k);
    }
}

/* ---- codes ---- */

/* The 8 codes from p on, of which n are there. */
INLINE __m256i codes_of(const uint8_t *p, int bits, int n)
{
    const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    uint64_t eight = 0;

    memcpy(&eight, p, n >= 8 ? (size_t)bits : ((size_t)n * (size_t)bits + 7) / 8);
    if (bits == 8)
        return _mm256_cvtepu8_epi32(_mm_cvtsi64_si128((long long)eight));
    return _mm256_and_si256(_mm256_srlv_epi32(_mm256_set1_epi32((int)(uint32_t)eight),
                                              _mm256_mullo_epi32(lane, _mm256_set1_epi32(bits))),
                            _mm256_set1_epi32((1 << bits) - 1));
}

static void unpack(float *y, const uint8_t *codes, int bits, float lowest, float step, int n)
{
    for (int i = 0; i < n; i += 8, codes += bits) {
        const __m256 code = _mm256_cvtepi32_ps(codes_of(codes, bits, n - i));

        store(y + i, lanes(i, n), _mm256_add_ps(SET(lowest), _mm256_mul_ps(SET(step), code)));
    }
}

const struct kernels kernels_avx2 = {
    .name = "avx2",
    .product = &product_avx2,
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
};

#else

typedef int kernels_avx2_is_for_x86_64; /* a translation unit may not be empty */

#endif
