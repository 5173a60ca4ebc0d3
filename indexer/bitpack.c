/* bitpack.c -- four interleaved lanes of 32-bit words.
 *
 * Value i belongs to lane i % 4 and is number i / 4 there.  A lane strings its 32 values together,
 * lowest bit first, into `width` words; word j of lane l is word 4 j + l of the block (little-endian).
 * So one 128-bit register holds the same word of all lanes, and shifting it unpacks four values at once.
 *
 * The layout is SIMD-BP128's: Lemire and Boytsov, "Decoding billions of integers per second through
 * vectorization", Software: Practice and Experience 45(1), 2015.  The compiler's vector
 * type stands for the register; on a machine without one it becomes four scalars.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include "indexer/bitpack.h"

#include <string.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "the index is little-endian: this machine needs byte swapping here"
#endif

typedef uint32_t lanes __attribute__((vector_size(16)));

#define INLINE static inline __attribute__((always_inline))

enum { PER_LANE = BITPACK_N / 4 };

static lanes load(const void *p)
{
    lanes v;

    memcpy(&v, p, sizeof v);
    return v;
}

int bitpack_width(const uint32_t *in)
{
    lanes all = {0};
    uint32_t any;

    for (int i = 0; i < BITPACK_N; i += 4)
        all |= load(in + i);
    any = all[0] | all[1] | all[2] | all[3];
    return any ? 32 - __builtin_clz(any) : 0;
}

void bitpack_write(unsigned char *out, const uint32_t *in, int width)
{
    lanes word = {0};
    int used = 0; /* bits of word */

    if (!width)
        return;
    for (int i = 0; i < PER_LANE; i++) {
        lanes v = load(in + 4 * i);

        word |= v << used;
        used += width;
        if (used >= 32) {
            memcpy(out, &word, sizeof word);
            out += sizeof word;
            used -= 32;
            /* what of v did not fit; nothing (and no shift by 32) if it ended with the word */
            word = used ? v >> (width - used) : (lanes){0};
        }
    }
}

INLINE uint32_t mask_of(int width) { return width == 32 ? UINT32_MAX : (1u << width) - 1; }

/* Where the unpacking of a block stands. */
struct unpacker {
    const unsigned char *in;
    lanes word; /* of all lanes, at in */
    int used;   /* bits of it */
};

/* The next value of each lane.  At the end of a word it loads the next one, which is there unless
 * these were the last values. */
INLINE lanes next(struct unpacker *u, int width, uint32_t mask, int is_last)
{
    lanes v = u->word >> u->used;

    u->used += width;
    if (u->used >= 32 && !is_last) {
        u->in += sizeof u->word;
        u->used -= 32;
        u->word = load(u->in);
        if (u->used)
            v |= u->word << (width - u->used);
    }
    return v & mask;
}

INLINE void read_plain(uint32_t *out, const unsigned char *in, int width)
{
    struct unpacker u = {.in = in};

    if (width)
        u.word = load(in);
#pragma GCC unroll 32
    for (int i = 0; i < PER_LANE; i++) {
        lanes v = next(&u, width, mask_of(width), i + 1 == PER_LANE);

        memcpy(out + 4 * i, &v, sizeof v);
    }
}

/* v[i] + ... + v[0] + before in two steps, where lane by lane would take four. */
INLINE lanes sums(lanes v, lanes before)
{
    v += __builtin_shuffle(v, (lanes){0}, (lanes){4, 0, 1, 2});
    v += __builtin_shuffle(v, (lanes){0}, (lanes){4, 4, 0, 1});
    return v + before;
}

INLINE void read_rising(uint32_t *out, const unsigned char *in, uint32_t before, int width)
{
    struct unpacker u = {.in = in};
    lanes last = {before, before, before, before};

    if (width)
        u.word = load(in);
#pragma GCC unroll 32
    for (int i = 0; i < PER_LANE; i++) {
        lanes v = next(&u, width, mask_of(width), i + 1 == PER_LANE);

        v = sums(v + 1, last);
        last = __builtin_shuffle(v, (lanes){3, 3, 3, 3});
        memcpy(out + 4 * i, &v, sizeof v);
    }
}

/* One function a width, so that the compiler sees all shifts: no branch is left in it. */
#define WIDTHS(row)                                                                                \
    row(0) row(1) row(2) row(3) row(4) row(5) row(6) row(7) row(8) row(9) row(10) row(11) row(12)  \
        row(13) row(14) row(15) row(16) row(17) row(18) row(19) row(20) row(21) row(22) row(23)    \
            row(24) row(25) row(26) row(27) row(28) row(29) row(30) row(31) row(32)

#define READERS(width)                                                                             \
    static void plain_##width(uint32_t *out, const unsigned char *in)                              \
    {                                                                                              \
        read_plain(out, in, width);                                                                \
    }                                                                                              \
    static void rising_##width(uint32_t *out, const unsigned char *in, uint32_t before)            \
    {                                                                                              \
        read_rising(out, in, before, width);                                                       \
    }
WIDTHS(READERS)

#define PLAIN(width) plain_##width,
#define RISING(width) rising_##width,

void bitpack_read(uint32_t *out, const unsigned char *in, int width)
{
    static void (*const readers[])(uint32_t *, const unsigned char *) = {WIDTHS(PLAIN)};

    readers[width](out, in);
}

void bitpack_read_rising(uint32_t *out, const unsigned char *in, int width, uint32_t before)
{
    static void (*const readers[])(uint32_t *, const unsigned char *, uint32_t) = {WIDTHS(RISING)};

    readers[width](out, in, before);
}
