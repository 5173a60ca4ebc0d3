/* dots.c -- inner products in plain C, AVX2 and AVX-512 with VNNI; see dots.h. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "indexer/dots.h"

#include <math.h>
#include <string.h>

#if defined __x86_64__ && defined __GNUC__
#include <immintrin.h>
#define HAS_X86 1
#endif

enum { LANES = 32 };

static int32_t bytes_scalar(const uint8_t *a, const int8_t *q, size_t n)
{
    int32_t sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += a[i] * q[i];
    return sum;
}

static float planes_scalar(const uint8_t *high, const int8_t *low, const float *q, size_t n)
{
    float lanes[LANES] = {0};

    for (size_t i = 0; i < n; i++) {
        float *lane = &lanes[i % LANES];

        *lane = fmaf((float)(256 * (high[i] - 128) + low[i]), q[i], *lane);
    }
    for (int half = LANES / 2; half; half /= 2)
        for (int l = 0; l < half; l++)
            lanes[l] += lanes[l + half];
    return lanes[0];
}

static const struct dots dots_scalar = {"scalar", bytes_scalar, planes_scalar};

#ifdef HAS_X86

/* ---- AVX2 ---- */

#define AVX2 __attribute__((target("avx2,fma")))

/* Multiplied in 16 bits: the instruction for bytes would saturate. */
AVX2 static int32_t bytes_avx2(const uint8_t *a, const int8_t *q, size_t n)
{
    __m256i sum = _mm256_setzero_si256(), more = sum;
    __m128i four;

    for (size_t i = 0; i < n; i += 32) {
        __m256i a0 = _mm256_cvtepu8_epi16(_mm_loadu_si128((const __m128i *)(a + i)));
        __m256i a1 = _mm256_cvtepu8_epi16(_mm_loadu_si128((const __m128i *)(a + i + 16)));
        __m256i q0 = _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)(q + i)));
        __m256i q1 = _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)(q + i + 16)));

        sum = _mm256_add_epi32(sum, _mm256_madd_epi16(a0, q0));
        more = _mm256_add_epi32(more, _mm256_madd_epi16(a1, q1));
    }
    sum = _mm256_add_epi32(sum, more);
    four = _mm_add_epi32(_mm256_castsi256_si128(sum), _mm256_extracti128_si256(sum, 1));
    four = _mm_add_epi32(four, _mm_shuffle_epi32(four, 0x4e));
    four = _mm_add_epi32(four, _mm_shuffle_epi32(four, 0xb1));
    return _mm_cvtsi128_si32(four);
}

/* Eight numbers of the two planes. */
AVX2 static inline __m256 join_avx2(const uint8_t *high, const int8_t *low)
{
    __m256i h = _mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)high));
    __m256i l = _mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i *)low));

    h = _mm256_slli_epi32(_mm256_sub_epi32(h, _mm256_set1_epi32(128)), 8);
    return _mm256_cvtepi32_ps(_mm256_add_epi32(h, l));
}

AVX2 static float planes_avx2(const uint8_t *high, const int8_t *low, const float *q, size_t n)
{
    __m256 s0 = _mm256_setzero_ps(), s1 = s0, s2 = s0, s3 = s0;
    __m128 v;

    for (size_t i = 0; i < n; i += LANES) {
        s0 = _mm256_fmadd_ps(join_avx2(high + i, low + i), _mm256_loadu_ps(q + i), s0);
        s1 = _mm256_fmadd_ps(join_avx2(high + i + 8, low + i + 8), _mm256_loadu_ps(q + i + 8), s1);
        s2 = _mm256_fmadd_ps(join_avx2(high + i + 16, low + i + 16), _mm256_loadu_ps(q + i + 16),
                             s2);
        s3 = _mm256_fmadd_ps(join_avx2(high + i + 24, low + i + 24), _mm256_loadu_ps(q + i + 24),
                             s3);
    }
    s0 = _mm256_add_ps(_mm256_add_ps(s0, s2), _mm256_add_ps(s1, s3));
    v = _mm_add_ps(_mm256_castps256_ps128(s0), _mm256_extractf128_ps(s0, 1));
    v = _mm_add_ps(v, _mm_movehl_ps(v, v));
    return _mm_cvtss_f32(_mm_add_ss(v, _mm_shuffle_ps(v, v, 1)));
}

static const struct dots dots_avx2 = {"avx2", bytes_avx2, planes_avx2};

/* ---- AVX-512 with VNNI ---- */

#define AVX512 __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,fma")))

AVX512 static int32_t bytes_avx512(const uint8_t *a, const int8_t *q, size_t n)
{
    __m512i sum = _mm512_setzero_si512(), more = sum;
    size_t i = 0;

    for (; i + 128 <= n; i += 128) {
        sum = _mm512_dpbusd_epi32(sum, _mm512_loadu_si512(a + i), _mm512_loadu_si512(q + i));
        more = _mm512_dpbusd_epi32(more, _mm512_loadu_si512(a + i + 64),
                                   _mm512_loadu_si512(q + i + 64));
    }
    if (i < n)
        sum = _mm512_dpbusd_epi32(sum, _mm512_loadu_si512(a + i), _mm512_loadu_si512(q + i));
    return _mm512_reduce_add_epi32(_mm512_add_epi32(sum, more));
}

AVX512 static inline __m512 join_avx512(const uint8_t *high, const int8_t *low)
{
    __m512i h = _mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)high));
    __m512i l = _mm512_cvtepi8_epi32(_mm_loadu_si128((const __m128i *)low));

    h = _mm512_slli_epi32(_mm512_sub_epi32(h, _mm512_set1_epi32(128)), 8);
    return _mm512_cvtepi32_ps(_mm512_add_epi32(h, l));
}

AVX512 static float planes_avx512(const uint8_t *high, const int8_t *low, const float *q, size_t n)
{
    __m512 s0 = _mm512_setzero_ps(), s1 = s0;
    __m256 e;
    __m128 v;

    for (size_t i = 0; i < n; i += LANES) {
        s0 = _mm512_fmadd_ps(join_avx512(high + i, low + i), _mm512_loadu_ps(q + i), s0);
        s1 = _mm512_fmadd_ps(join_avx512(high + i + 16, low + i + 16), _mm512_loadu_ps(q + i + 16),
                             s1);
    }
    s0 = _mm512_add_ps(s0, s1);
    e = _mm256_add_ps(_mm512_castps512_ps256(s0), _mm512_extractf32x8_ps(s0, 1));
    v = _mm_add_ps(_mm256_castps256_ps128(e), _mm256_extractf128_ps(e, 1));
    v = _mm_add_ps(v, _mm_movehl_ps(v, v));
    return _mm_cvtss_f32(_mm_add_ss(v, _mm_shuffle_ps(v, v, 1)));
}

static const struct dots dots_avx512 = {"avx512", bytes_avx512, planes_avx512};

#endif

/* ---- the table ---- */

static const struct dots *const tables[] = {
#ifdef HAS_X86
    &dots_avx512,
    &dots_avx2,
#endif
    &dots_scalar,
}; /* best first */

static int is_runnable(const struct dots *d)
{
#ifdef HAS_X86
    if (d == &dots_avx512)
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
               __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
               __builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("fma");
    if (d == &dots_avx2)
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#endif
    return d == &dots_scalar;
}

const struct dots *dots_best(void)
{
    size_t i = 0;

    while (!is_runnable(tables[i]))
        i++;
    return tables[i];
}

const struct dots *dots_find(const char *name)
{
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
        if (!strcmp(tables[i]->name, name))
            return is_runnable(tables[i]) ? tables[i] : NULL;
    return NULL;
}
