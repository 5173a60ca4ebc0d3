/* keys_code.c -- the bytes of a passage's keys.
 *
 *     head     tokens u16 (+ 0x8000 if the passage was too long, and these are its first), slots u8, bits u8, d u16, heads u8, rows u8; little-endian
 *     slots    each: d widths of 2 bits in whole bytes; d times lowest f32; d times step f16; d rows of tokens codes, each row whole bytes
 *     sums     if heads: lowest f32, step f32, heads * rows codes u16: what rows of the content-free query find
 *
 * A number of channel c is lowest[c] + step[c] * code.  A channel of keys keeps its place and width over a passage (models
 * add large constants to some), so channels are rounded each for itself (Liu et al., "KIVI", 2024), and lie one after the
 * other, as the product with queries reads them.  A channel has codes of 0, 2, 4 or 8 bits (keys_widths.c): a width w says
 * which.  With 8 bits codes reach from its smallest number to its largest; with fewer, steps are those that lose least of a normal distribution (Max, "Quantizing for minimum
 * distortion", 1960), and what lies outside is clipped; with none all are the mean.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <string.h>

#include "base/half.h"
#include "model/kernels.h"
#include "model/keys_inside.h"

enum { CUT = 0x8000, HEAD_BYTES = 8, LOWEST_BYTES = 4, STEP_BYTES = 2, SUMS_TOP = 65535 };

#define HALF_MAX 65504.0 /* the largest number of 16 bits */

/* Models' keys are below 1e3 and their log sums below 1e5.  What is far beyond was not made here, and products of it might not be
 * finite: no other passage would have a score then. */
#define KEY_MAX 1e6f
#define SUM_MAX 1e12f

static size_t row_bytes(int n, int bits) { return ((size_t)n * (size_t)bits + 7) / 8; }

/* Bits of a channel's codes, as they are written. */
static const unsigned char bits_of[] = {0, 2, 4, 8};

static unsigned width_code(int bits) { return bits == 8 ? 3 : (unsigned)bits / 2; }

static size_t widths_bytes(int d) { return ((size_t)d + 3) / 4; }

static size_t slot_head_bytes(int d)
{
    return widths_bytes(d) + (size_t)d * (LOWEST_BYTES + STEP_BYTES);
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
    if (!bits)
        return (struct scale){(float)mean, 0};
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

    for (int i = 0; i < n && bits; i++) {
        const float x = keys[(size_t)i * (size_t)d + (size_t)c] - s.lowest;
        int code = s.step > 0 ? (int)lrintf(fminf(x / s.step, (float)top)) : 0;

        code = code < 0 ? 0 : code;
        row[(i * bits) / 8] |= (unsigned char)(code << (i * bits) % 8);
    }
}

void keys_begin(struct buf *out, int n, const struct key_plan *plan, int rows)
{
    const unsigned char head[HEAD_BYTES] = {
        (unsigned char)n,           (unsigned char)(n >> 8),
        (unsigned char)plan->n,     (unsigned char)plan->bits,
        (unsigned char)plan->d,     (unsigned char)(plan->d >> 8),
        (unsigned char)plan->heads, (unsigned char)(plan->heads ? rows : 0)};

    buf_add(out, head, sizeof head);
}

void keys_set_cut(struct buf *out)
{
    if (!buf_error(out))
        out->data[1] = (char)((unsigned char)out->data[1] | CUT >> 8);
}

static int not_a_models(struct err *err)
{
    return err_set(err, E_FORMAT,
                   "the model yields numbers that are not finite or far too large; is its file "
                   "damaged?");
}

int keys_put(struct buf *out, const float *keys, int n, const unsigned char *widths,
             const struct key_plan *plan, struct err *err)
{
    const size_t d = (size_t)plan->d;
    size_t codes = 0;
    unsigned char *p, *row;

    for (size_t c = 0; c < d; c++)
        codes += row_bytes(n, widths[c]);
    p = buf_extend(out, slot_head_bytes(plan->d) + codes);
    if (!p)
        return err_nomem(err);
    memset(p, 0, slot_head_bytes(plan->d) + codes);
    row = p + slot_head_bytes(plan->d);
    for (size_t i = 0; i < (size_t)n * d; i++)
        if (!(fabsf(keys[i]) <= KEY_MAX))
            return not_a_models(err);
    for (size_t c = 0; c < d; row += row_bytes(n, widths[c++])) {
        const struct scale s =
            n ? scale_of(keys, n, plan->d, (int)c, widths[c]) : (struct scale){0, 0};
        const uint16_t step = half_from_float(s.step);
        unsigned char *scales = p + widths_bytes(plan->d);

        p[c / 4] |= (unsigned char)(width_code(widths[c]) << c % 4 * 2);
        memcpy(scales + c * LOWEST_BYTES, &s.lowest, LOWEST_BYTES);
        memcpy(scales + d * LOWEST_BYTES + c * STEP_BYTES, &step, STEP_BYTES);
        put_codes(row, keys, n, plan->d, (int)c, widths[c], s);
    }
    return 0;
}

int keys_put_content_free(struct buf *out, const float *log_sums, int heads, int rows,
                          struct err *err)
{
    const size_t n = (size_t)heads * (size_t)rows;
    float least = INFINITY, most = -INFINITY, scale[2];
    unsigned char *p;

    if (!n)
        return 0;
    for (size_t i = 0; i < n; i++) {
        if (!(fabsf(log_sums[i]) <= SUM_MAX))
            return not_a_models(err);
        least = fminf(least, log_sums[i]);
        most = fmaxf(most, log_sums[i]);
    }
    scale[0] = least;
    scale[1] = (most - least) / SUMS_TOP;
    buf_add(out, scale, sizeof scale);
    p = buf_extend(out, 2 * n);
    if (!p)
        return err_nomem(err);
    for (size_t i = 0; i < n; i++) {
        const long code = scale[1] > 0 ? lrintf((log_sums[i] - least) / scale[1]) : 0;

        p[2 * i] = (unsigned char)(code < SUMS_TOP ? code : SUMS_TOP);
        p[2 * i + 1] = (unsigned char)((code < SUMS_TOP ? code : SUMS_TOP) >> 8);
    }
    return 0;
}

/* ---- decoding ---- */

static size_t sums_bytes(const struct keys *k)
{
    const size_t n = (size_t)k->heads * (size_t)k->rows;

    return n && k->n ? 2 * sizeof(float) + 2 * n : 0;
}

static int width_at(const unsigned char *slot, size_t c)
{
    return bits_of[slot[c / 4] >> c % 4 * 2 & 3];
}

/* The scale of channel c of a slot. */
static struct scale scale_at(const unsigned char *slot, size_t d, size_t c)
{
    const unsigned char *p = slot + widths_bytes((int)d);
    struct scale s;
    uint16_t step;

    memcpy(&s.lowest, p + c * LOWEST_BYTES, LOWEST_BYTES);
    memcpy(&step, p + d * LOWEST_BYTES + c * STEP_BYTES, STEP_BYTES);
    s.step = half_to_float(step);
    return s;
}

static const unsigned char *slot_at(const struct keys *k, int slot)
{
    return k->bytes + k->at[slot];
}

/* Finds where the slots lie in n_bytes.  0 if they end before their slots do. */
static int find_slots(struct keys *k, size_t n_bytes)
{
    k->at[0] = HEAD_BYTES;
    for (int slot = 0; slot < k->slots; slot++) {
        size_t at = k->at[slot] + slot_head_bytes(k->d);

        if (at > n_bytes)
            return 0;
        for (int c = 0; c < k->d; c++)
            at += row_bytes(k->n, width_at(slot_at(k, slot), (size_t)c));
        k->at[slot + 1] = at;
    }
    return k->at[k->slots] <= n_bytes;
}

/* Are all numbers that codes can stand for such as models make? */
static int scales_are_sane(const struct keys *k)
{
    for (int slot = 0; slot < k->slots; slot++)
        for (int c = 0; c < k->d; c++) {
            const struct scale s = scale_at(slot_at(k, slot), (size_t)k->d, (size_t)c);

            if (!(fabsf(s.lowest) <= KEY_MAX) || !(s.step >= 0) || !isfinite(s.step))
                return 0;
        }
    return 1;
}

/* Where the scale of the content-free log sums is. */
static void sums_scale(float scale[2], const unsigned char **codes, const struct keys *k)
{
    const unsigned char *p = slot_at(k, k->slots);

    memcpy(scale, p, 2 * sizeof *scale);
    *codes = p + 2 * sizeof *scale;
}

static int sums_are_sane(const struct keys *k)
{
    const unsigned char *codes;
    float scale[2];

    if (!sums_bytes(k))
        return 1;
    sums_scale(scale, &codes, k);
    return fabsf(scale[0]) <= SUM_MAX && scale[1] >= 0 && scale[1] * SUMS_TOP <= 2 * SUM_MAX;
}

void keys_content_free(float *log_sums, size_t stride, const struct keys *k, int head)
{
    const unsigned char *codes;
    float scale[2];

    if (!k->n) {
        for (int i = 0; i < k->rows; i++)
            log_sums[(size_t)i * stride] = -INFINITY;
        return;
    }
    sums_scale(scale, &codes, k);
    codes += 2 * (size_t)head * (size_t)k->rows;
    for (int i = 0; i < k->rows; i++)
        log_sums[(size_t)i * stride] = scale[0] + scale[1] * (float)get_u16(codes + 2 * i);
}

static void read_head(struct keys *k, const unsigned char *bytes)
{
    *k = (struct keys){.n = (int)get_u16(bytes) & ~CUT,
                       .is_cut = (get_u16(bytes) & CUT) != 0,
                       .slots = bytes[2],
                       .bits = bytes[3],
                       .d = (int)get_u16(bytes + 4),
                       .heads = bytes[6],
                       .rows = bytes[7],
                       .bytes = bytes};
}

static int head_is_sane(const struct keys *k)
{
    return k->n <= KEYS_MAX_TOKENS && k->slots && k->slots <= PROFILE_MAX_HEADS && k->d &&
           k->d <= KEYS_MAX_D && profile_takes_bits(k->bits) && k->heads <= PROFILE_MAX_HEADS &&
           !k->heads == !k->rows;
}

void keys_view_slots(struct keys *out, const struct buf *b)
{
    read_head(out, (const unsigned char *)b->data);
    find_slots(out, b->len);
}

int keys_view(struct keys *out, const unsigned char *bytes, size_t n_bytes,
              const struct key_plan *plan, struct err *err)
{
    struct keys k = {0};

    if (n_bytes >= HEAD_BYTES)
        read_head(&k, bytes);
    if (!head_is_sane(&k) || !find_slots(&k, n_bytes) || n_bytes != k.at[k.slots] + sums_bytes(&k))
        return err_set(err, E_FORMAT, "%zu bytes that are no stored keys", n_bytes);
    if (!scales_are_sane(&k) || !sums_are_sane(&k))
        return err_set(err, E_FORMAT, "stored keys that no model makes: not numbers, or too large");
    if (plan &&
        (k.slots != plan->n || k.d != plan->d || k.bits != plan->bits || k.heads != plan->heads))
        return err_set(err, E_FORMAT,
                       "stored keys of %d key heads, %d numbers, %d bits, calibrated for %d heads; "
                       "the profile has %d, %d, %d, %d",
                       k.slots, k.d, k.bits, k.heads, plan->n, plan->d, plan->bits, plan->heads);
    *out = k;
    return 0;
}

void keys_decode(float *out, int ld, const struct keys *k, int slot)
{
    const struct kernels *kernels = kernels_best();
    const size_t d = (size_t)k->d;
    const unsigned char *p = slot_at(k, slot), *row = p + slot_head_bytes(k->d);

    for (size_t c = 0; c < d; c++, out += ld) {
        const struct scale s = scale_at(p, d, c);
        const int bits = width_at(p, c);

        if (bits)
            kernels->unpack(out, row, bits, s.lowest, s.step, k->n);
        for (int i = 0; i < k->n && !bits; i++)
            out[i] = s.lowest;
        row += row_bytes(k->n, bits);
    }
}
