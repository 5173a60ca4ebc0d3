/* sums.c -- sums.h: the scalar reference, AVX2 and AVX-512.
 *
 * Parts are computed some lanes at a time, with lengths gathered; they are added one by one, which no
 * vector instruction does faster.  Candidates are few, so whole vectors without one are passed over; the others are
 * packed (AVX-512) or written without a branch that could guess wrong.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include "retriever/sums.h"

#include <stddef.h>
#include <string.h>

/* ---- scalar ---- */

static inline float part_of(const struct sums_formula *f, uint32_t freq, uint32_t length)
{
    float x = (float)(int32_t)freq;

    return f->linear ? f->weight * x
                     : f->weight * (x / (x + (f->base + f->slope * (float)(int32_t)length)));
}

static void add_scalar(float *sums, uint32_t begin, const uint32_t *passages, const uint32_t *freqs,
                       uint32_t n, const uint32_t *lengths, const struct sums_formula *f)
{
    for (uint32_t i = 0; i < n; i++)
        sums[passages[i] - begin] += part_of(f, freqs[i], f->linear ? 0 : lengths[passages[i]]);
}

static uint32_t take_scalar(uint32_t *passages, float *scores, float *sums, uint32_t begin,
                            uint32_t n, float need)
{
    uint32_t found = 0;

    for (uint32_t at = 0; at < n; at += SUMS_PAD) {
        int any = 0;

        for (uint32_t i = at; i < at + SUMS_PAD; i++)
            any |= sums[i] > need;
        if (!any)
            continue;
        for (uint32_t i = at; i < at + SUMS_PAD; i++) {
            passages[found] = begin + i;
            scores[found] = sums[i];
            found += sums[i] > need;
        }
    }
    memset(sums, 0, n * sizeof *sums);
    return found;
}

static const struct sums_kernel scalar = {"scalar", add_scalar, take_scalar};

#if defined __x86_64__ && defined __GNUC__

#include <immintrin.h>

/* ---- AVX2: 8 at a time ---- */

#define AVX2 __attribute__((target("avx2")))

AVX2 static void add_avx2(float *sums, uint32_t begin, const uint32_t *passages,
                          const uint32_t *freqs, uint32_t n, const uint32_t *lengths,
                          const struct sums_formula *f)
{
    const __m256 weight = _mm256_set1_ps(f->weight), base = _mm256_set1_ps(f->base),
                 slope = _mm256_set1_ps(f->slope);
    const __m256i from = _mm256_set1_epi32((int)begin);
    uint32_t i = 0;

    for (; !f->linear && i + 8 <= n; i += 8) {
        const __m256i at = _mm256_loadu_si256((const __m256i *)(passages + i));
        const __m256 freq = _mm256_cvtepi32_ps(_mm256_loadu_si256((const __m256i *)(freqs + i)));
        const __m256 length =
            _mm256_cvtepi32_ps(_mm256_i32gather_epi32((const int *)lengths, at, 4));
        float parts[8];
        uint32_t places[8];

        _mm256_storeu_ps(
            parts,
            _mm256_mul_ps(
                weight,
                _mm256_div_ps(
                    freq, _mm256_add_ps(freq, _mm256_add_ps(base, _mm256_mul_ps(slope, length))))));
        _mm256_storeu_si256((__m256i *)places, _mm256_sub_epi32(at, from));
        for (int k = 0; k < 8; k++)
            sums[places[k]] += parts[k];
    }
    add_scalar(sums, begin, passages + i, freqs + i, n - i, lengths, f);
}

AVX2 static uint32_t take_avx2(uint32_t *passages, float *scores, float *sums, uint32_t begin,
                               uint32_t n, float need)
{
    const __m256 bar = _mm256_set1_ps(need);
    uint32_t found = 0;

    for (uint32_t at = 0; at < n; at += 16) {
        const __m256 low = _mm256_cmp_ps(_mm256_loadu_ps(sums + at), bar, _CMP_GT_OQ),
                     high = _mm256_cmp_ps(_mm256_loadu_ps(sums + at + 8), bar, _CMP_GT_OQ);
        unsigned bits = (unsigned)_mm256_movemask_ps(low) | (unsigned)_mm256_movemask_ps(high) << 8;

        for (; bits; bits &= bits - 1) {
            const uint32_t i = at + (uint32_t)__builtin_ctz(bits);

            passages[found] = begin + i;
            scores[found++] = sums[i];
        }
        _mm256_storeu_ps(sums + at, _mm256_setzero_ps());
        _mm256_storeu_ps(sums + at + 8, _mm256_setzero_ps());
    }
    return found;
}

static const struct sums_kernel avx2 = {"avx2", add_avx2, take_avx2};

/* ---- AVX-512: 16 at a time ---- */

#define AVX512 __attribute__((target("avx512f")))

AVX512 static void add_avx512(float *sums, uint32_t begin, const uint32_t *passages,
                              const uint32_t *freqs, uint32_t n, const uint32_t *lengths,
                              const struct sums_formula *f)
{
    const __m512 weight = _mm512_set1_ps(f->weight), base = _mm512_set1_ps(f->base),
                 slope = _mm512_set1_ps(f->slope);

    if (f->linear) {
        add_scalar(sums, begin, passages, freqs, n, lengths, f);
        return;
    }
    for (uint32_t i = 0; i < n; i += 16) {
        const uint32_t left = n - i < 16 ? n - i : 16;
        const __mmask16 m = (__mmask16)((1u << left) - 1);
        const __m512i at = _mm512_maskz_loadu_epi32(m, passages + i);
        const __m512 freq = _mm512_cvtepi32_ps(_mm512_maskz_loadu_epi32(m, freqs + i));
        const __m512 length = _mm512_cvtepi32_ps(_mm512_i32gather_epi32(at, lengths, 4));
        const __m512 norm = _mm512_add_ps(base, _mm512_mul_ps(slope, length));
        float parts[16];

        _mm512_storeu_ps(parts,
                         _mm512_mul_ps(weight, _mm512_div_ps(freq, _mm512_add_ps(freq, norm))));
        for (uint32_t k = 0; k < left; k++)
            sums[passages[i + k] - begin] += parts[k];
    }
}

AVX512 static uint32_t take_avx512(uint32_t *passages, float *scores, float *sums, uint32_t begin,
                                   uint32_t n, float need)
{
    const __m512 bar = _mm512_set1_ps(need);
    const __m512i steps = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    uint32_t found = 0;

    for (uint32_t at = 0; at < n; at += 16) {
        const __m512 v = _mm512_loadu_ps(sums + at);
        const __mmask16 m = _mm512_cmp_ps_mask(v, bar, _CMP_GT_OQ);

        _mm512_storeu_ps(sums + at, _mm512_setzero_ps());
        if (!m)
            continue;
        _mm512_storeu_ps(scores + found, _mm512_maskz_compress_ps(m, v));
        _mm512_storeu_si512(passages + found,
                            _mm512_maskz_compress_epi32(
                                m, _mm512_add_epi32(_mm512_set1_epi32((int)(begin + at)), steps)));
        found += (uint32_t)__builtin_popcount(m);
    }
    return found;
}

static const struct sums_kernel avx512 = {"avx512", add_avx512, take_avx512};

static int is_runnable(const struct sums_kernel *k)
{
    return k == &scalar || (k == &avx2 && __builtin_cpu_supports("avx2")) ||
           (k == &avx512 && __builtin_cpu_supports("avx512f"));
}

static const struct sums_kernel *const kernels[] = {&avx512, &avx2, &scalar}; /* best first */

#else

static int is_runnable(const struct sums_kernel *k) { return k == &scalar; }

static const struct sums_kernel *const kernels[] = {&scalar};

#endif

const struct sums_kernel *sums_kernel_best(void)
{
    size_t i = 0;

    while (!is_runnable(kernels[i]))
        i++;
    return kernels[i];
}

const struct sums_kernel *sums_kernel_find(const char *name)
{
    for (size_t i = 0; i < sizeof kernels / sizeof *kernels; i++)
        if (!strcmp(kernels[i]->name, name))
            return is_runnable(kernels[i]) ? kernels[i] : NULL;
    return NULL;
}
