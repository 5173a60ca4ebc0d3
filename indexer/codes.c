/* codes.c -- rounding to 16 bits, products with a query, and the exact scan over all rows; see codes.h.
 *
 * The scan reads half of each row.  What is left out is bounded by Cauchy and Schwarz: with q' and h the query and
 * the row in 8 bits, |q x - q' h| <= |q - q'| |h| + |q| |x - h|, whose norms are known; so few rows are looked at twice.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include "indexer/codes.h"

#include <float.h>
#include <math.h>
#include <string.h>
#include <sys/mman.h>

#include "base/mem.h"

enum { HUGE_PAGE = 2 << 20 };
#define SCALE_MOST (1.001f * 65504 / CODE_MOST)

/* Rows are visited at random: large pages save a walk through the page tables for each. */
static void want_large_pages(void *p, size_t n)
{
    char *begin = (char *)(((uintptr_t)p + HUGE_PAGE - 1) & ~(uintptr_t)(HUGE_PAGE - 1));

    if ((size_t)(begin - (char *)p) + HUGE_PAGE <= n)
        (void)madvise(begin, (n - (size_t)(begin - (char *)p)) & ~(size_t)(HUGE_PAGE - 1),
                      MADV_HUGEPAGE);
}

int codes_new(struct codes **out, uint32_t n, int dim, int has_low, int has_length, struct err *err)
{
    struct codes *c = mem_zalloc(1, sizeof *c);

    if (!c)
        return err_nomem(err);
    c->n = n;
    c->dim = dim;
    c->stride = ((size_t)dim + DOTS_STEP - 1) / DOTS_STEP * DOTS_STEP;
    c->dots = dots_best();
    c->high = mem_alloc_aligned(n, c->stride);
    c->low = has_low ? mem_alloc_aligned(n, c->stride) : NULL;
    c->scale = mem_alloc(n, sizeof *c->scale);
    c->length = has_length ? mem_alloc(n, sizeof *c->length) : NULL;
    if (!c->high || !c->scale || (has_low && !c->low) || (has_length && !c->length)) {
        codes_free(c);
        return err_nomem(err);
    }
    want_large_pages(c->high, n * c->stride);
    *out = c;
    return 0;
}

void codes_free(struct codes *c)
{
    if (!c)
        return;
    mem_free(c->high);
    mem_free(c->low);
    mem_free(c->scale);
    mem_free(c->length);
    mem_free(c);
}

int code_is_valid(const int16_t *q, int dim, float scale)
{
    int over = 0, k = 0;

    for (; k + DOTS_STEP <= dim; k += DOTS_STEP)
        for (int i = k; i < k + DOTS_STEP; i++)
            over |= (q[i] > CODE_MOST) | (q[i] < -CODE_MOST);
    for (; k < dim; k++)
        over |= (q[k] > CODE_MOST) | (q[k] < -CODE_MOST);
    return !over && scale >= 0 && scale <= SCALE_MOST; /* false for NaN */
}

float code_from_floats(int16_t *q, const float *x, int dim)
{
    float most = 0, scale;

    for (int i = 0; i < dim; i++)
        most = fabsf(x[i]) > most ? fabsf(x[i]) : most;
    scale = most / CODE_MOST;
    if (scale < FLT_MIN)
        scale = 0;
    for (int i = 0; i < dim; i++) {
        float v = scale > 0 ? x[i] / scale : 0;

        v = v > CODE_MOST ? CODE_MOST : v < -CODE_MOST ? -CODE_MOST : v;
        q[i] = (int16_t)lrintf(v);
    }
    return scale;
}

static float length_of(const int16_t *q, int dim, float scale)
{
    int64_t sum = 0;

    for (int k = 0; k < dim; k++)
        sum += (int32_t)q[k] * q[k];
    return (float)((double)scale * sqrt((double)sum));
}

/* Sums over numbers of a row. */
struct sums {
    int64_t high, low;
};

/* Splits n <= DOTS_STEP numbers.  Inlined with a constant n it becomes a few vector instructions. */
static inline __attribute__((always_inline)) void split(uint8_t *high, int8_t *low,
                                                        struct sums *sums, const int16_t *q, int n)
{
    int32_t sum_high = 0, sum_low = 0;

    for (int k = 0; k < n; k++) {
        int h = (q[k] + 128) >> 8, l = q[k] - 256 * h;

        high[k] = (uint8_t)(h + 128);
        low[k] = (int8_t)l;
        sum_high += h * h;
        sum_low += l * l;
    }
    sums->high += sum_high;
    sums->low += sum_low;
}

void codes_set(struct codes *c, uint32_t i, const int16_t *q, float scale)
{
    uint8_t *high = c->high + i * c->stride;
    int8_t scratch[DOTS_STEP], *low = c->low ? c->low + i * c->stride : scratch;
    struct sums sums = {0, 0};
    int k = 0;
    float length, length_low;

    memset(high + c->stride - DOTS_STEP, 128, DOTS_STEP);
    if (c->low)
        memset(low + c->stride - DOTS_STEP, 0, DOTS_STEP);
    for (; k + DOTS_STEP <= c->dim; k += DOTS_STEP)
        split(high + k, c->low ? low + k : low, &sums, q + k, DOTS_STEP);
    split(high + k, c->low ? low + k : low, &sums, q + k, c->dim - k);
    c->scale[i] = scale;
    length = (float)(256 * (double)scale * sqrt((double)sums.high));
    length_low = (float)((double)scale * sqrt((double)sums.low));
    c->most = length > c->most ? length : c->most;
    c->most_low = length_low > c->most_low ? length_low : c->most_low;
    if (c->length)
        c->length[i] = length_of(q, c->dim, scale);
}

/* ---- queries ---- */

int codes_probe(struct probe *p, const struct codes *c, const float *query, struct err *err)
{
    double norm = 0, rest = 0;
    int32_t sum = 0;
    float most = 0;

    memset(p, 0, sizeof *p);
    for (int i = 0; i < c->dim; i++) {
        if (!(fabsf(query[i]) < 1e18f))
            return err_set(err, E_INVALID, "the query's vector holds a number that is too large");
        most = fabsf(query[i]) > most ? fabsf(query[i]) : most;
    }
    p->bytes = mem_zalloc(c->stride, 1);
    p->floats = mem_zalloc(c->stride, sizeof *p->floats);
    if (!p->bytes || !p->floats) {
        probe_clear(p);
        return err_nomem(err);
    }
    p->scale = most / 127;
    for (int i = 0; i < c->dim; i++) {
        float v = p->scale > 0 ? query[i] / p->scale : 0;
        double off;

        v = v > 127 ? 127 : v < -127 ? -127 : v;
        p->bytes[i] = (int8_t)lrintf(v);
        p->floats[i] = query[i];
        sum += p->bytes[i];
        off = (double)query[i] - (double)p->scale * p->bytes[i];
        rest += off * off;
        norm += (double)query[i] * (double)query[i];
    }
    p->bias = 128 * sum;
    p->error = (float)(1.0001 * (sqrt(rest) * (double)c->most + sqrt(norm) * (double)c->most_low) +
                       1e-5 * sqrt(norm) * (double)c->most);
    p->scale *= 256;
    return 0;
}

void probe_clear(struct probe *p)
{
    mem_free(p->bytes);
    mem_free(p->floats);
    p->bytes = NULL;
    p->floats = NULL;
}

/* ---- the scan ---- */

/* A heap with the worst of the best in front. */
static void sink(struct near *heap, size_t n, size_t i)
{
    struct near moved = heap[i];

    for (size_t child; (child = 2 * i + 1) < n; i = child) {
        if (child + 1 < n && near_is_before(heap[child], heap[child + 1]))
            child++;
        if (!near_is_before(moved, heap[child]))
            break;
        heap[i] = heap[child];
    }
    heap[i] = moved;
}

/* Puts the best first. */
static void sort_heap(struct near *heap, size_t n)
{
    for (; n > 1; n--) {
        struct near worst = heap[0];

        heap[0] = heap[n - 1];
        sink(heap, n - 1, 0);
        heap[n - 1] = worst;
    }
}

size_t codes_scan(struct near *out, const struct codes *c, const struct probe *p, size_t k,
                  const uint64_t *skip, const uint64_t *skip_too)
{
    size_t n = 0;

    for (uint32_t i = 0; k && i < c->n; i++) {
        uint64_t gone = (skip ? skip[i >> 6] : 0) | (skip_too ? skip_too[i >> 6] : 0);
        struct near row;

        if (gone == UINT64_MAX) {
            i |= 63;
            continue;
        }
        if (gone >> (i & 63) & 1)
            continue;
        if (n == k && codes_about(c, p, i) + p->error < out[0].score)
            continue;
        row = (struct near){codes_exact(c, p, i), i};
        if (n < k) {
            out[n++] = row;
            for (size_t at = n / 2; n == k && at-- > 0;)
                sink(out, n, at);
        } else if (near_is_before(row, out[0])) {
            out[0] = row;
            sink(out, n, 0);
        }
    }
    if (n < k)
        for (size_t at = n / 2; at-- > 0;)
            sink(out, n, at);
    sort_heap(out, n);
    return n;
}
