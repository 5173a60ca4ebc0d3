/* digest.c -- CRC-32 by slices of eight and by carry-less products, SHA-256 in plain C and with SHA-NI. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "base/digest.h"

#include <pthread.h>
#include <string.h>

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>
#endif

/* ---- CRC-32: table k gives the effect of a byte that is k bytes away from the end ---- */

static uint32_t crc_table[8][256];
static pthread_once_t crc_once = PTHREAD_ONCE_INIT;

static void fill_crc_table(void)
{
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t c = i;

        for (int k = 0; k < 8; k++)
            c = c & 1 ? 0xedb88320u ^ c >> 1 : c >> 1;
        crc_table[0][i] = c;
    }
    for (int t = 1; t < 8; t++)
        for (int i = 0; i < 256; i++) {
            uint32_t c = crc_table[t - 1][i];

            crc_table[t][i] = crc_table[0][c & 0xff] ^ c >> 8;
        }
}

/* crc is inverted here and below. */
static uint32_t crc_slices(uint32_t crc, const unsigned char *s, size_t n)
{
    for (; n >= 8; n -= 8, s += 8) {
        uint32_t lo = crc ^ ((uint32_t)s[0] | (uint32_t)s[1] << 8 | (uint32_t)s[2] << 16 |
                             (uint32_t)s[3] << 24);

        crc = crc_table[7][lo & 0xff] ^ crc_table[6][lo >> 8 & 0xff] ^
              crc_table[5][lo >> 16 & 0xff] ^ crc_table[4][lo >> 24] ^ crc_table[3][s[4]] ^
              crc_table[2][s[5]] ^ crc_table[1][s[6]] ^ crc_table[0][s[7]];
    }
    for (; n; n--, s++)
        crc = crc_table[0][(crc ^ *s) & 0xff] ^ crc >> 8;
    return crc;
}

#if defined(__x86_64__)
enum { FOLD_BYTES = 64 }; /* at a time */

/* Moves x over as many bits as k is for, and adds what lies there. */
__attribute__((target("pclmul,sse4.1"))) static __m128i fold(__m128i x, __m128i k, const void *p)
{
    return _mm_xor_si128(
        _mm_xor_si128(_mm_clmulepi64_si128(x, k, 0x00), _mm_clmulepi64_si128(x, k, 0x11)),
        _mm_loadu_si128(p));
}

/* The same by products without carry: what is read is replaced by 16 bytes of the same remainder.  n >= FOLD_BYTES.
 * Source: Gopal et al., "Fast CRC computation for generic polynomials using PCLMULQDQ instruction", 2009. */
__attribute__((target("pclmul,sse4.1"))) static uint32_t
crc_folded(uint32_t crc, const unsigned char *s, size_t n)
{
    const __m128i over_64 = _mm_set_epi64x(0x1c6e41596, 0x154442bd4);
    const __m128i over_16 = _mm_set_epi64x(0x0ccaa009e, 0x1751997d0);
    unsigned char rest[16], lanes[FOLD_BYTES];
    __m128i x[4];

    for (int i = 0; i < 4; i++)
        x[i] = _mm_loadu_si128((const __m128i *)(const void *)s + i);
    x[0] = _mm_xor_si128(x[0], _mm_cvtsi32_si128((int)crc));
    for (s += FOLD_BYTES, n -= FOLD_BYTES; n >= FOLD_BYTES; s += FOLD_BYTES, n -= FOLD_BYTES)
        for (int i = 0; i < 4; i++)
            x[i] = fold(x[i], over_64, s + 16 * i);
    for (int i = 0; i < 4; i++)
        _mm_storeu_si128((__m128i *)(void *)lanes + i, x[i]);
    for (int i = 1; i < 4; i++)
        x[0] = fold(x[0], over_16, lanes + 16 * i);
    for (; n >= 16; s += 16, n -= 16)
        x[0] = fold(x[0], over_16, s);
    _mm_storeu_si128((__m128i *)(void *)rest, x[0]);
    return crc_slices(crc_slices(0, rest, sizeof rest), s, n);
}
#endif

uint32_t digest_crc32_scalar(uint32_t crc, const void *p, size_t n)
{
    pthread_once(&crc_once, fill_crc_table);
    return ~crc_slices(~crc, p, n);
}

uint32_t digest_crc32(uint32_t crc, const void *p, size_t n)
{
#if defined(__x86_64__)
    if (n >= FOLD_BYTES && __builtin_cpu_supports("pclmul") && __builtin_cpu_supports("sse4.1")) {
        pthread_once(&crc_once, fill_crc_table);
        return ~crc_folded(~crc, p, n);
    }
#endif
    return digest_crc32_scalar(crc, p, n);
}

/* ---- SHA-256 (FIPS 180-4, section 6.2) ---- */

static const uint32_t K[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

static uint32_t rotr(uint32_t x, int n) { return x >> n | x << (32 - n); }

static void sha256_blocks_c(uint32_t h[8], const unsigned char *p, size_t n_blocks)
{
    for (; n_blocks; n_blocks--, p += 64) {
        uint32_t w[64], v[8];

        for (int t = 0; t < 16; t++)
            w[t] = (uint32_t)p[4 * t] << 24 | (uint32_t)p[4 * t + 1] << 16 |
                   (uint32_t)p[4 * t + 2] << 8 | p[4 * t + 3];
        for (int t = 16; t < 64; t++) {
            uint32_t s0 = rotr(w[t - 15], 7) ^ rotr(w[t - 15], 18) ^ w[t - 15] >> 3;
            uint32_t s1 = rotr(w[t - 2], 17) ^ rotr(w[t - 2], 19) ^ w[t - 2] >> 10;

            w[t] = w[t - 16] + s0 + w[t - 7] + s1;
        }
        memcpy(v, h, sizeof v);
        for (int t = 0; t < 64; t++) {
            uint32_t s1 = rotr(v[4], 6) ^ rotr(v[4], 11) ^ rotr(v[4], 25);
            uint32_t ch = (v[4] & v[5]) ^ (~v[4] & v[6]);
            uint32_t t1 = v[7] + s1 + ch + K[t] + w[t];
            uint32_t s0 = rotr(v[0], 2) ^ rotr(v[0], 13) ^ rotr(v[0], 22);
            uint32_t maj = (v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]);

            memmove(v + 1, v, 7 * sizeof *v);
            v[4] += t1;
            v[0] = t1 + s0 + maj;
        }
        for (int i = 0; i < 8; i++)
            h[i] += v[i];
    }
}

#if defined(__x86_64__)
/* The instructions keep the state as ABEF and CDGH and do two rounds at a time. */
__attribute__((target("sha,sse4.1,ssse3"))) static void
sha256_blocks_ni(uint32_t h[8], const unsigned char *p, size_t n_blocks)
{
    const __m128i swap = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
    __m128i dcba = _mm_loadu_si128((const __m128i *)(const void *)h);
    __m128i hgfe = _mm_loadu_si128((const __m128i *)(const void *)(h + 4));
    __m128i cdab = _mm_shuffle_epi32(dcba, 0xb1), efgh = _mm_shuffle_epi32(hgfe, 0x1b);
    __m128i abef = _mm_alignr_epi8(cdab, efgh, 8), cdgh = _mm_blend_epi16(efgh, cdab, 0xf0);

    for (; n_blocks; n_blocks--, p += 64) {
        __m128i abef0 = abef, cdgh0 = cdgh, w[4];

        for (int i = 0; i < 4; i++)
            w[i] = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(const void *)(p + 16 * i)),
                                    swap);
        for (int i = 0; i < 16; i++) {
            __m128i k = _mm_loadu_si128((const __m128i *)(const void *)(K + 4 * i));
            __m128i wk = _mm_add_epi32(w[i & 3], k);

            cdgh = _mm_sha256rnds2_epu32(cdgh, abef, wk);
            abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32(wk, 0x0e));
            if (i < 12) { /* w[t..t+3] for t = 4 (i + 4), in place of the oldest four */
                __m128i next = _mm_sha256msg1_epu32(w[i & 3], w[(i + 1) & 3]);

                next = _mm_add_epi32(next, _mm_alignr_epi8(w[(i + 3) & 3], w[(i + 2) & 3], 4));
                w[i & 3] = _mm_sha256msg2_epu32(next, w[(i + 3) & 3]);
            }
        }
        abef = _mm_add_epi32(abef, abef0);
        cdgh = _mm_add_epi32(cdgh, cdgh0);
    }
    cdab = _mm_shuffle_epi32(abef, 0x1b); /* feba */
    efgh = _mm_shuffle_epi32(cdgh, 0xb1); /* dchg */
    _mm_storeu_si128((__m128i *)(void *)h, _mm_blend_epi16(cdab, efgh, 0xf0));
    _mm_storeu_si128((__m128i *)(void *)(h + 4), _mm_alignr_epi8(efgh, cdab, 8));
}
#endif

typedef void sha256_blocks_fn(uint32_t h[8], const unsigned char *p, size_t n_blocks);

static sha256_blocks_fn *best_blocks(void)
{
#if defined(__x86_64__)
    unsigned a, b, c, d;

    /* CPUID leaf 7, EBX bit 29; gcc 12 has no name for it in __builtin_cpu_supports. */
    if (__get_cpuid_count(7, 0, &a, &b, &c, &d) && (b >> 29 & 1) &&
        __builtin_cpu_supports("sse4.1"))
        return sha256_blocks_ni;
#endif
    return sha256_blocks_c;
}

static void sha256(char out[65], const void *p, size_t n, sha256_blocks_fn *sha256_blocks)
{
    uint32_t h[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                     0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    unsigned char tail[128] = {0};
    size_t rest = n % 64, n_tail = rest < 56 ? 64 : 128;
    uint64_t bits = (uint64_t)n * 8;

    sha256_blocks(h, p, n / 64);
    if (rest)
        memcpy(tail, (const unsigned char *)p + (n - rest), rest);
    tail[rest] = 0x80;
    for (int i = 0; i < 8; i++)
        tail[n_tail - 1 - (size_t)i] = (unsigned char)(bits >> (8 * i));
    sha256_blocks(h, tail, n_tail / 64);
    for (int i = 0; i < 32; i++) {
        unsigned byte = h[i / 4] >> (24 - 8 * (i % 4)) & 0xff;

        out[2 * i] = "0123456789abcdef"[byte >> 4];
        out[2 * i + 1] = "0123456789abcdef"[byte & 15];
    }
    out[64] = '\0';
}

void digest_sha256(char out[65], const void *p, size_t n) { sha256(out, p, n, best_blocks()); }

void digest_sha256_scalar(char out[65], const void *p, size_t n)
{
    sha256(out, p, n, sha256_blocks_c);
}
