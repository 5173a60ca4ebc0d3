/* weight_types_inside.h -- the functions of the table of weight types; for model/weight*.c alone. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MODEL_WEIGHT_TYPES_INSIDE_H
#define MODEL_WEIGHT_TYPES_INSIDE_H

#include <stdint.h>
#include <string.h>

#include "model/weight_types.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "weights are read as they lie in files");

/* weights_plain.c */
void weights_f32(float *restrict out, const void *restrict blocks, size_t n);
void weights_f16(float *restrict out, const void *restrict blocks, size_t n);
void weights_bf16(float *restrict out, const void *restrict blocks, size_t n);

/* weights_blocks.c */
void weights_q8_0(float *restrict out, const void *restrict blocks, size_t n_blocks);
void weights_q4_0(float *restrict out, const void *restrict blocks, size_t n_blocks);
void weights_q4_1(float *restrict out, const void *restrict blocks, size_t n_blocks);
void weights_q5_0(float *restrict out, const void *restrict blocks, size_t n_blocks);
void weights_q5_1(float *restrict out, const void *restrict blocks, size_t n_blocks);

/* weights_k.c */
void weights_q4_k(float *restrict out, const void *restrict blocks, size_t n_blocks);
void weights_q5_k(float *restrict out, const void *restrict blocks, size_t n_blocks);
void weights_q6_k(float *restrict out, const void *restrict blocks, size_t n_blocks);

static inline float weight_of_bits(uint32_t bits)
{
    float x;

    memcpy(&x, &bits, sizeof x);
    return x;
}

/* IEEE 754 binary16 to binary32, exact.  Without branches, so that loops over it become vector code: the
 * exponent's bias goes from 15 to 127; where it is all ones it goes on to 255; where it is zero the number is
 * read as 2^-14 + fraction, which is normal, and 2^-14 is taken off again. */
static inline float weight_of_half(uint16_t h)
{
    const uint32_t sign = (uint32_t)(h & 0x8000) << 16, bits = (uint32_t)(h & 0x7fff) << 13;
    const uint32_t is_tiny = -(uint32_t)(bits < 1u << 23),
                   is_special = -(uint32_t)(bits >= 31u << 23);
    const uint32_t normal = bits + (112u << 23) + (is_special & 112u << 23);
    const float tiny = weight_of_bits((bits & is_tiny) + (113u << 23)) - 0x1p-14f;
    uint32_t tiny_bits;

    memcpy(&tiny_bits, &tiny, sizeof tiny_bits);
    return weight_of_bits(sign | (normal & ~is_tiny) | (tiny_bits & is_tiny));
}

/* The binary16 number at p, as float32. */
static inline float weight_half_at(const unsigned char *p)
{
    return weight_of_half((uint16_t)(p[0] | p[1] << 8));
}

#endif
