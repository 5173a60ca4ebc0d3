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

void bitpack_read(uint32_t *out, const unsigned char *in, int width)
{
    uint32_t mask = width == 32 ? UINT32_MAX : (1u << width) - 1;
    int used = 0; /* bits of the word at in */
    lanes word;

    if (!width) {
        memset(out, 0, BITPACK_N * sizeof *out);
        return;
    }
    word = load(in);
    for (int i = 0; i < PER_LANE; i++) {
        lanes v = word >> used;

        used += width;
        if (used >= 32 && i + 1 < PER_LANE) {
            in += sizeof word;
            used -= 32;
            word = load(in);
            if (used)
                v |= word << (width - used);
        }
        v &= mask;
        memcpy(out + 4 * i, &v, sizeof v);
    }
}
