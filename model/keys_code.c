/* keys_code.c -- the bytes of a passage's keys.
 *
 *     head     tokens u16, slots u8, bits u8, d u16; little-endian
 *     slots    each: d times lowest f32; d times step f16; d rows of tokens codes, each row whole bytes
 *
 * A number of channel c is lowest[c] + step[c] * code.  A channel of keys keeps its place and width over a passage (models
 * add large constants to some), so channels are rounded each for itself (Liu et al., "KIVI", 2024), and lie one after the
 * other, as the product with queries reads them.  With 8 bits a channel's codes reach from its smallest number to its
 * largest; with fewer, steps are those that lose least of a normal distribution (Max, "Quantizing for minimum
 * distortion", 1960), and what lies outside is clipped.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <string.h>

#include "base/half.h"
#include "model/keys_inside.h"

enum { HEAD_BYTES = 6, LOWEST_BYTES = 4, STEP_BYTES = 2 };

#define HALF_MAX 65504.0 /* the largest number of 16 bits */

static size_t row_bytes(int n, int bits) { return ((size_t)n * (size_t)bits + 7) / 8; }

static size_t slot_bytes(int n, int d, int bits)
{
    return (size_t)d * (LOWEST_BYTES + STEP_BYTES + row_bytes(n, bits));
}

static unsigned get_u16(const unsigned char *p) { return (unsigned)(p[0] | p[1] << 8); }

/* ---- coding ---- */

/* Where a channel's codes begin, and how far they are apart. */
struct scale {
    float lowest, step;
};

/* Steps of the best uniform rounding of a normal distribution, in standard deviations. */
static double normal_step(int bits) { return bits == 4 ? 0.3352 : 0.9957; }

/* The scale of channel c of keys [n, d]. */
static struct scale scale_of(const float *keys, int n, int d, int c, int bits)
{
    const int top = (1 << bits) - 1;
    double sum = 0, squares = 0, least = INFINITY, most = -INFINITY, step, mean;
    struct scale s = {0, 0};

    for (int i = 0; i < n; i++) {
        const double x = (double)keys[(size_t)i * (size_t)d + (size_t)c];

        sum += x;
        squares += x * x;
        least = fmin(least, x);
        most = fmax(most, x);
    }
    mean = sum / n;
    step = (most - least) / top;
    s.lowest = (float)least;
    if (bits < 8) {
        const double best = normal_step(bits) * sqrt(fmax(squares / n - mean * mean, 0));

        if (best < step) {
            step = best;
            s.lowest = (float)fmax(mean - step * top / 2, least);
            if ((double)s.lowest + step * top > most)
                s.lowest = (float)(most - step * top);
        }
    }
    s.step = half_to_float(half_from_float((float)fmin(step, HALF_MAX)));
    return s;
}

static void put_codes(unsigned char *row, const float *keys, int n, int d, int c, int bits,
                      struct scale s)
{
    const int top = (1 << bits) - 1;

    memset(row, 0, row_bytes(n, bits));
    for (int i = 0; i < n; i++) {
        const float x = keys[(size_t)i * (size_t)d + (size_t)c] - s.lowest;
        int code = s.step > 0 ? (int)lrintf(fminf(x / s.step, (float)top)) : 0;

        code = code < 0 ? 0 : code;
        row[(i * bits) / 8] |= (unsigned char)(code << (i * bits) % 8);
    }
}

void keys_begin(struct buf *out, int n, const struct key_plan *plan)
{
    const unsigned char head[HEAD_BYTES] = {(unsigned char)n,       (unsigned char)(n >> 8),
                                            (unsigned char)plan->n, (unsigned char)plan->bits,
                                            (unsigned char)plan->d, (unsigned char)(plan->d >> 8)};

    buf_add(out, head, sizeof head);
}

int keys_put(struct buf *out, const float *keys, int n, const struct key_plan *plan,
             struct err *err)
{
    const size_t d = (size_t)plan->d, row = row_bytes(n, plan->bits);
    unsigned char *p = buf_extend(out, slot_bytes(n, plan->d, plan->bits));

    if (!p)
        return err_nomem(err);
    for (size_t i = 0; i < (size_t)n * d; i++)
        if (!isfinite(keys[i]))
            return err_set(err, E_FORMAT,
                           "the model yields numbers that are not finite; is its file damaged?");
    for (size_t c = 0; c < d; c++) {
        const struct scale s =
            n ? scale_of(keys, n, plan->d, (int)c, plan->bits) : (struct scale){0, 0};
        const uint16_t step = half_from_float(s.step);

        memcpy(p + c * LOWEST_BYTES, &s.lowest, LOWEST_BYTES);
        memcpy(p + d * LOWEST_BYTES + c * STEP_BYTES, &step, STEP_BYTES);
        if (n)
            put_codes(p + d * (LOWEST_BYTES + STEP_BYTES) + c * row, keys, n, plan->d, (int)c,
                      plan->bits, s);
    }
    return 0;
}

/* ---- decoding ---- */

/* The scale of channel c of a slot that begins at p. */
static struct scale scale_at(const unsigned char *p, size_t d, size_t c)
{
    struct scale s;
    uint16_t step;

    memcpy(&s.lowest, p + c * LOWEST_BYTES, LOWEST_BYTES);
    memcpy(&step, p + d * LOWEST_BYTES + c * STEP_BYTES, STEP_BYTES);
    s.step = half_to_float(step);
    return s;
}

static const unsigned char *slot_at(const struct keys *k, int slot)
{
    return k->bytes + HEAD_BYTES + (size_t)slot * slot_bytes(k->n, k->d, k->bits);
}

static int scales_are_finite(const struct keys *k)
{
    for (int slot = 0; slot < k->slots; slot++)
        for (int c = 0; c < k->d; c++) {
            const struct scale s = scale_at(slot_at(k, slot), (size_t)k->d, (size_t)c);

            if (!isfinite(s.lowest) || !isfinite(s.step))
                return 0;
        }
    return 1;
}

int keys_view(struct keys *out, const unsigned char *bytes, size_t n_bytes,
              const struct key_plan *plan, struct err *err)
{
    const struct keys k = {.n = n_bytes >= HEAD_BYTES ? (int)get_u16(bytes) : 0,
                           .slots = n_bytes >= HEAD_BYTES ? bytes[2] : 0,
                           .bits = n_bytes >= HEAD_BYTES ? bytes[3] : 0,
                           .d = n_bytes >= HEAD_BYTES ? (int)get_u16(bytes + 4) : 0,
                           .bytes = bytes};

    if (n_bytes < HEAD_BYTES || k.n > KEYS_MAX_TOKENS || !k.slots || k.slots > PROFILE_MAX_HEADS ||
        !k.d || k.d > KEYS_MAX_D || (k.bits != 8 && k.bits != 4 && k.bits != 2) ||
        n_bytes != HEAD_BYTES + (size_t)k.slots * slot_bytes(k.n, k.d, k.bits))
        return err_set(err, E_FORMAT, "%zu bytes that are no stored keys", n_bytes);
    if (!scales_are_finite(&k))
        return err_set(err, E_FORMAT, "stored keys that are not numbers");
    if (plan && (k.slots != plan->n || k.d != plan->d || k.bits != plan->bits))
        return err_set(
            err, E_FORMAT,
            "stored keys of %d key heads, %d numbers, %d bits; the profile has %d, %d, %d", k.slots,
            k.d, k.bits, plan->n, plan->d, plan->bits);
    *out = k;
    return 0;
}

static void decode_row(float *out, const unsigned char *row, int n, int bits, struct scale s)
{
    const int per = 8 / bits, mask = (1 << bits) - 1;

    if (bits == 8) {
        for (int i = 0; i < n; i++)
            out[i] = s.lowest + s.step * (float)row[i];
        return;
    }
    for (int i = 0; i < n; i += per)
        for (int k = 0; k < per && i + k < n; k++)
            out[i + k] = s.lowest + s.step * (float)(row[i / per] >> k * bits & mask);
}

void keys_decode(float *out, int ld, const struct keys *k, int slot)
{
    const size_t d = (size_t)k->d, row = row_bytes(k->n, k->bits);
    const unsigned char *p = slot_at(k, slot);

    for (size_t c = 0; c < d; c++)
        decode_row(out + c * (size_t)ld, p + d * (LOWEST_BYTES + STEP_BYTES) + c * row, k->n,
                   k->bits, scale_at(p, d, c));
}
