/* weights_blocks.c -- blocks of 32 weights that share a scale: Q8_0, Q4_0, Q4_1, Q5_0, Q5_1.
 *
 * A block is a scale d (binary16); in the _1 types a least value m (binary16); in 5 bits a word of the 32 fifth
 * bits; and the integers.  Of those in 4 bits byte i has number i in its lower half and number 16 + i in its
 * upper one.  A weight is d q (Q8_0), d (q - 8), d (q - 16), or d q + m.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include "model/weight_types_inside.h"

enum { N = 32, HALF = N / 2 };

void weights_q8_0(float *restrict out, const void *restrict blocks, size_t n_blocks)
{
    const unsigned char *p = blocks;

    for (size_t b = 0; b < n_blocks; b++, p += 2 + N, out += N) {
        const float d = weight_half_at(p);

        for (int i = 0; i < N; i++)
            out[i] = (float)(signed char)p[2 + i] * d;
    }
}

/* q[0..32) = the numbers of 4 bits in p[0..16). */
static void unpack4(signed char *restrict q, const unsigned char *restrict p)
{
    for (int i = 0; i < HALF; i++) {
        q[i] = (signed char)(p[i] & 15);
        q[HALF + i] = (signed char)(p[i] >> 4);
    }
}

/* q[0..32) = the numbers of 5 bits whose lower 4 are in p[0..16) and whose fifth are the bits of the word at `word`,
 * eight at a time.  Each byte of the word is repeated eight times, of copy i bit i is kept, and a copy that is not
 * zero then has its top bit set by adding 127. */
static void unpack5(signed char *restrict q, const unsigned char *restrict p,
                    const unsigned char *restrict word)
{
    const uint64_t ones = 0x0101010101010101;

    for (int i = 0; i < N / 8; i++) {
        const uint64_t fifth =
            ((((word[i] * ones) & 0x8040201008040201) + 127 * ones) >> 3) & 16 * ones;
        uint64_t low;

        memcpy(&low, p + 8 * (i % 2), sizeof low);
        low = (low >> (i < 2 ? 0 : 4) & 15 * ones) | fifth;
        memcpy(q + 8 * i, &low, sizeof low);
    }
}

/* out = d (q - middle) */
static void scale(float *restrict out, const signed char *restrict q, int middle, float d)
{
    for (int i = 0; i < N; i++)
        out[i] = (float)(signed char)(q[i] - middle) * d;
}

/* out = d q + m */
static void scale_and_move(float *restrict out, const signed char *restrict q, float d, float m)
{
    for (int i = 0; i < N; i++)
        out[i] = (float)q[i] * d + m;
}

void weights_q4_0(float *restrict out, const void *restrict blocks, size_t n_blocks)
{
    const unsigned char *p = blocks;
    signed char q[N];

    for (size_t b = 0; b < n_blocks; b++, p += 2 + HALF, out += N) {
        unpack4(q, p + 2);
        scale(out, q, 8, weight_half_at(p));
    }
}

void weights_q4_1(float *restrict out, const void *restrict blocks, size_t n_blocks)
{
    const unsigned char *p = blocks;
    signed char q[N];

    for (size_t b = 0; b < n_blocks; b++, p += 4 + HALF, out += N) {
        unpack4(q, p + 4);
        scale_and_move(out, q, weight_half_at(p), weight_half_at(p + 2));
    }
}

enum { AHEAD = 8 }; /* blocks: numbers just stored in eights are slow to load in sixteens */

void weights_q5_0(float *restrict out, const void *restrict blocks, size_t n_blocks)
{
    const size_t bytes = 6 + HALF;
    const unsigned char *p = blocks;
    signed char q[AHEAD * N];

    for (size_t n; n_blocks; n_blocks -= n, p += n * bytes, out += n * N) {
        n = n_blocks < AHEAD ? n_blocks : AHEAD;
        for (size_t b = 0; b < n; b++)
            unpack5(q + b * N, p + b * bytes + 6, p + b * bytes + 2);
        for (size_t b = 0; b < n; b++)
            scale(out + b * N, q + b * N, 16, weight_half_at(p + b * bytes));
    }
}

void weights_q5_1(float *restrict out, const void *restrict blocks, size_t n_blocks)
{
    const size_t bytes = 8 + HALF;
    const unsigned char *p = blocks;
    signed char q[AHEAD * N];

    for (size_t n; n_blocks; n_blocks -= n, p += n * bytes, out += n * N) {
        n = n_blocks < AHEAD ? n_blocks : AHEAD;
        for (size_t b = 0; b < n; b++)
            unpack5(q + b * N, p + b * bytes + 8, p + b * bytes + 4);
        for (size_t b = 0; b < n; b++)
            scale_and_move(out + b * N, q + b * N, weight_half_at(p + b * bytes),
                           weight_half_at(p + b * bytes + 2));
    }
}
