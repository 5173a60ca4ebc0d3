/* weights_k.c -- superblocks of 256 weights, whose smaller blocks have scales of 6 or 8 bits: Q4_K, Q5_K, Q6_K.
 *
 *     Q4_K  d, dmin (binary16); 12 bytes of scales; 128 bytes of 4 bits
 *     Q5_K  d, dmin; 12 bytes of scales; 32 bytes of fifth bits; 128 bytes of 4 bits
 *     Q6_K  128 bytes of 4 bits; 64 bytes of 2 bits; 16 scales of 8 bits, signed; d
 *
 * Q4_K and Q5_K have eight blocks of 32, each with a scale s and a least value m of 6 bits: a weight is
 * (d s) q - (dmin m).  Bytes 32 j .. 32 j + 31 hold block 2 j in their lower halves, block 2 j + 1 in their upper
 * ones; bit k of fifth-bit byte i belongs to number i of block k.
 *
 * Q6_K has sixteen blocks of 16, each with a scale: (d s) (q - 32).  Each half of 128 numbers has 64 bytes of
 * 4 bits (lower halves: numbers 0..63, upper: 64..127) and 32 bytes of 2 bits (bits 2 k: numbers 32 k ..).
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include "model/weight_types_inside.h"

enum {
    N = 256,
    SMALL = 32,
    N_SMALL = N / SMALL,
    SCALES = 12,
    FIFTHS = SMALL,
    NIBBLES = N / 2,
};

/* The eight scales and least values of 6 bits.  Bytes 0..3 and 4..7 have the first four of each in their lower
 * 6 bits; bytes 8..11 the lower 4 bits of the last four scales, and above them of the last four least values, whose
 * upper 2 bits lie on top of the first four. */
static void unpack_scales(float *restrict s, float *restrict m, const unsigned char *restrict p,
                          float d, float dmin)
{
    for (int i = 0; i < 4; i++) {
        s[i] = d * (float)(p[i] & 63);
        m[i] = dmin * (float)(p[4 + i] & 63);
        s[4 + i] = d * (float)((p[8 + i] & 15) | (p[i] >> 6) << 4);
        m[4 + i] = dmin * (float)((p[8 + i] >> 4) | (p[4 + i] >> 6) << 4);
    }
}

/* q[0..32) and q[32..64) = the lower and upper halves of p[0..32). */
static void unpack4(unsigned char *restrict q, const unsigned char *restrict p)
{
    for (int i = 0; i < SMALL; i++) {
        q[i] = p[i] & 15;
        q[SMALL + i] = p[i] >> 4;
    }
}

/* q[i] += 16 where this bit of p[i] is set, i < 32. */
static void add_fifth_bits(unsigned char *restrict q, const unsigned char *restrict p, int bit)
{
    const unsigned char mask = (unsigned char)(1 << bit);

    for (int i = 0; i < SMALL; i++)
        q[i] = (unsigned char)(q[i] | ((p[i] & mask) == mask ? 16 : 0));
}

/* out = s q - m */
static void scale_and_move(float *restrict out, const unsigned char *restrict q, float s, float m)
{
    for (int i = 0; i < SMALL; i++)
        out[i] = (float)q[i] * s - m;
}

void weights_q4_k(float *restrict out, const void *restrict blocks, size_t n_blocks)
{
    const unsigned char *p = blocks;
    float s[N_SMALL], m[N_SMALL];
    unsigned char q[2 * SMALL];

    for (size_t b = 0; b < n_blocks; b++, p += 4 + SCALES + NIBBLES) {
        unpack_scales(s, m, p + 4, weight_half_at(p), weight_half_at(p + 2));
        for (int i = 0; i < N_SMALL; i += 2, out += 2 * SMALL) {
            unpack4(q, p + 4 + SCALES + SMALL * (i / 2));
            scale_and_move(out, q, s[i], m[i]);
            scale_and_move(out + SMALL, q + SMALL, s[i + 1], m[i + 1]);
        }
    }
}

void weights_q5_k(float *restrict out, const void *restrict blocks, size_t n_blocks)
{
    const unsigned char *p = blocks;
    float s[N_SMALL], m[N_SMALL];
    unsigned char q[2 * SMALL];

    for (size_t b = 0; b < n_blocks; b++, p += 4 + SCALES + FIFTHS + NIBBLES) {
        unpack_scales(s, m, p + 4, weight_half_at(p), weight_half_at(p + 2));
        for (int i = 0; i < N_SMALL; i += 2, out += 2 * SMALL) {
            unpack4(q, p + 4 + SCALES + FIFTHS + SMALL * (i / 2));
            add_fifth_bits(q, p + 4 + SCALES, i);
            add_fifth_bits(q + SMALL, p + 4 + SCALES, i + 1);
            scale_and_move(out, q, s[i], m[i]);
            scale_and_move(out + SMALL, q + SMALL, s[i + 1], m[i + 1]);
        }
    }
}

/* ---- Q6_K ---- */

enum { HALF = N / 2, TINY = 16 };

/* q[0..128) = the numbers of 6 bits of half a superblock, less 32. */
static void unpack6(signed char *restrict q, const unsigned char *restrict low,
                    const unsigned char *restrict high)
{
    for (int i = 0; i < SMALL; i++) {
        q[i] = (signed char)(((low[i] & 15) | (high[i] & 3) << 4) - 32);
        q[32 + i] = (signed char)(((low[32 + i] & 15) | (high[i] >> 2 & 3) << 4) - 32);
        q[64 + i] = (signed char)((low[i] >> 4 | (high[i] >> 4 & 3) << 4) - 32);
        q[96 + i] = (signed char)((low[32 + i] >> 4 | (high[i] >> 6) << 4) - 32);
    }
}

void weights_q6_k(float *restrict out, const void *restrict blocks, size_t n_blocks)
{
    const unsigned char *p = blocks;
    signed char q[N];

    for (size_t b = 0; b < n_blocks; b++, p += HALF + HALF / 2 + N / TINY + 2) {
        const unsigned char *high = p + HALF, *scales = high + HALF / 2;
        const float d = weight_half_at(scales + N / TINY);

        unpack6(q, p, high);
        unpack6(q + HALF, p + HALF / 2, high + SMALL);
        for (int k = 0; k < N / TINY; k++, out += TINY) {
            const float s = d * (float)(signed char)scales[k];

            for (int i = 0; i < TINY; i++)
                out[i] = (float)q[TINY * k + i] * s;
        }
    }
}
