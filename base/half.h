/* half.h -- IEEE 754 half precision: 16 bits for a number. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_HALF_H
#define BASE_HALF_H

#include <stdint.h>
#include <string.h>

/* Rounds to the nearest, ties to even; what is too large becomes infinite. */
static inline uint16_t half_from_float(float f)
{
    uint32_t x, sign, mantissa, shift, half, rest;
    int exponent;

    memcpy(&x, &f, sizeof x);
    sign = x >> 16 & 0x8000;
    exponent = (int)(x >> 23 & 0xff) - 127 + 15;
    mantissa = x & 0x7fffff;
    if (exponent >= 31) /* infinite, not a number, or too large */
        return (uint16_t)(sign | 0x7c00 | ((x & 0x7fffffff) > 0x7f800000 ? 0x200 : 0));
    if (exponent < -10) /* less than half of the smallest */
        return (uint16_t)sign;
    shift = 13;
    if (exponent <= 0) { /* subnormal: the leading 1 is written out */
        mantissa |= 0x800000;
        shift += (uint32_t)(1 - exponent);
        exponent = 0;
    }
    half = (uint32_t)exponent << 10 | mantissa >> shift;
    rest = mantissa & ((1u << shift) - 1);
    if (rest > 1u << (shift - 1) || (rest == 1u << (shift - 1) && half & 1))
        half++; /* may carry into the exponent, which is right */
    return (uint16_t)(sign | half);
}

static inline float half_to_float(uint16_t h)
{
    uint32_t sign = (uint32_t)(h & 0x8000) << 16, exponent = h >> 10 & 31, mantissa = h & 0x3ff, x;
    float f;

    if (exponent == 31) {
        x = sign | 0x7f800000 | mantissa << 13;
    } else if (exponent) {
        x = sign | (exponent + 112) << 23 | mantissa << 13;
    } else { /* zero or subnormal: mantissa * 2^-24 */
        f = (float)mantissa * 0x1p-24f;
        return sign ? -f : f;
    }
    memcpy(&f, &x, sizeof f);
    return f;
}

#endif
