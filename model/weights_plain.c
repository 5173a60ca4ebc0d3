/* weights_plain.c -- weights that are floats already: F32, F16, BF16. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "model/weight_types_inside.h"

enum { STEP = 64 }; /* a loop of known length becomes vector code at -O2 too */

void weights_f32(float *restrict out, const void *restrict blocks, size_t n)
{
    if (n)
        memcpy(out, blocks, n * sizeof *out);
}

static void halves(float *restrict out, const unsigned char *restrict p)
{
    uint16_t h[STEP];

    memcpy(h, p, sizeof h);
    for (int i = 0; i < STEP; i++)
        out[i] = weight_of_half(h[i]);
}

void weights_f16(float *restrict out, const void *restrict blocks, size_t n)
{
    const unsigned char *p = blocks;

    for (; n >= STEP; n -= STEP, p += 2 * STEP, out += STEP)
        halves(out, p);
    for (size_t i = 0; i < n; i++)
        out[i] = weight_half_at(p + 2 * i);
}

/* The upper half of a float32. */
static void upper_halves(float *restrict out, const unsigned char *restrict p)
{
    uint16_t h[STEP];

    memcpy(h, p, sizeof h);
    for (int i = 0; i < STEP; i++)
        out[i] = weight_of_bits((uint32_t)h[i] << 16);
}

void weights_bf16(float *restrict out, const void *restrict blocks, size_t n)
{
    const unsigned char *p = blocks;

    for (; n >= STEP; n -= STEP, p += 2 * STEP, out += STEP)
        upper_halves(out, p);
    for (size_t i = 0; i < n; i++)
        out[i] = weight_of_bits((uint32_t)(p[2 * i] | p[2 * i + 1] << 8) << 16);
}
