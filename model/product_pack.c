/* product_pack.c -- packs weights for product.h.
 *
 * A panel's rows are rounded as activations are, by the fastest table that the processor has (all give the same
 * bits), a few groups at a time into a tile that stays in the cache, and stored from there across the rows: 0.3 ns a weight.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <string.h>

#include "base/mem.h"
#include "model/kernels.h"
#include "model/product.h"

enum {
    G = PRODUCT_GROUP,
    N = PRODUCT_PANEL,
    FOUR = 4,      /* weights that lie side by side */
    AT_A_TIME = 4, /* groups */
    WIDE = AT_A_TIME * G,
};

int product_new(struct product **out, int n, int k, struct err *err)
{
    struct product *p = mem_zalloc(1, sizeof *p);
    const size_t panels = (size_t)product_panels(n), groups = (size_t)product_groups(k);
    const size_t last = (panels - 1) * groups;

    assert(n >= 1 && k >= 1);
    if (!p)
        return err_nomem(err);
    p->n = n;
    p->k = k;
    p->w = mem_alloc_aligned(panels * groups, G * N);
    p->start = mem_alloc_aligned(panels * groups * N, sizeof *p->start);
    p->scale = mem_alloc_aligned(panels * groups * N, sizeof *p->scale);
    p->bias = mem_alloc_aligned(panels * N, sizeof *p->bias);
    if (!p->w || !p->start || !p->scale || !p->bias) {
        product_free(p);
        return err_nomem(err);
    }
    /* the last panel may have rows past n */
    memset(p->w + last * G * N, 0, groups * G * N);
    memset(p->start + last * N, 0, groups * N * sizeof *p->start);
    memset(p->scale + last * N, 0, groups * N * sizeof *p->scale);
    memset(p->bias, 0, panels * N * sizeof *p->bias);
    *out = p;
    return 0;
}

void product_free(struct product *p)
{
    if (!p)
        return;
    mem_free(p->w);
    mem_free(p->start);
    mem_free(p->scale);
    mem_free(p->bias);
    mem_free(p);
}

/* The sum of a group's bytes: as two by two in lanes of 16 bits, which they cannot leave. */
static int32_t sum_of(const uint8_t *q)
{
    const uint64_t odd = 0x00ff00ff00ff00ff;
    uint64_t sums = 0, eight;

    for (int i = 0; i < G; i += 8) {
        memcpy(&eight, q + i, sizeof eight);
        sums += (eight & odd) + (eight >> 8 & odd);
    }
    return (int32_t)(sums * 0x0001000100010001 >> 48);
}

/* Weights of one group from a tile's rows, each 128 + V, to their lanes. */
static void store_group(int8_t *w, const uint8_t *q, int rows)
{
    for (int c = 0; c < G; c += FOUR, w += FOUR * N)
        for (int i = 0; i < rows; i++) {
            uint32_t four;

            memcpy(&four, q + i * WIDE + c, sizeof four);
            four ^= 0x80808080;
            memcpy(w + FOUR * i, &four, sizeof four);
        }
}

/* Rows of one panel, from lane `lane` on. */
static void set_lanes(struct product *p, const struct product_ops *op, int panel, int lane,
                      int rows, const float *W)
{
    const int groups = product_groups(p->k);
    uint8_t tile[N * WIDE];
    float scales[N][AT_A_TIME];

    for (int g = 0; g < groups; g += AT_A_TIME) {
        const int left = groups - g < AT_A_TIME ? groups - g : AT_A_TIME;
        const int columns = p->k - g * G < WIDE ? p->k - g * G : WIDE;

        for (int i = 0; i < rows; i++)
            op->quantise(tile + i * WIDE, scales[i], W + (size_t)i * (size_t)p->k + g * G, columns);
        for (int h = 0; h < left; h++) {
            const size_t at = (size_t)panel * (size_t)groups + (size_t)(g + h);

            store_group(p->w + at * G * N + FOUR * lane, tile + h * G, rows);
            for (int i = 0; i < rows; i++) {
                const size_t to = at * N + (size_t)(lane + i);

                p->scale[to] = scales[i][h];
                p->start[to] = -128 * (sum_of(tile + i * WIDE + h * G) - 128 * G);
            }
        }
    }
}

void product_set_rows(struct product *p, int first, int n_rows, const float *W)
{
    const struct product_ops *op = kernels_best()->product;

    assert(first >= 0 && n_rows >= 0 && first + n_rows <= p->n);
    while (n_rows > 0) {
        const int lane = first % N, rows = n_rows < N - lane ? n_rows : N - lane;

        set_lanes(p, op, first / N, lane, rows, W);
        first += rows;
        n_rows -= rows;
        W += (size_t)rows * (size_t)p->k;
    }
}

void product_set_bias(struct product *p, const float *b)
{
    memcpy(p->bias, b, (size_t)p->n * sizeof *b);
}
