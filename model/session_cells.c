/* session_cells.c -- the keys and values that a session keeps: floats, or where the decoder rounds them to bfloat16 the upper
 * halves of floats, which lose nothing.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/mem.h"
#include "model/session_inside.h"

/* Cells that hold nothing yet are multiplied with weights of zero, so they must be numbers. */
void *cells_new(const struct session *s, size_t n)
{
    void *cells = mem_alloc_aligned(n, cells_bytes(s));

    if (cells)
        memset(cells, 0, n * cells_bytes(s));
    return cells;
}

static void *head_of(const struct session *s, void *cells, int layer, int key_head)
{
    const struct decoder_config *c = &s->m->cfg;
    const size_t head = (size_t)layer * (size_t)c->kv_heads + (size_t)key_head;

    return (unsigned char *)cells + head * (size_t)s->max_cells * (size_t)c->d * cells_bytes(s);
}

void *session_keys(const struct session *s, int layer, int key_head)
{
    return head_of(s, s->keys, layer, key_head);
}

void *session_values(const struct session *s, int layer, int key_head)
{
    return head_of(s, s->values, layer, key_head);
}

/* ---- numbers ---- */

static uint16_t upper_half(float x)
{
    uint32_t bits;

    memcpy(&bits, &x, sizeof bits);
    return (uint16_t)(bits >> 16);
}

void cells_put(struct session *s, int layer, int key_head, int cell, const float *key,
               const float *value)
{
    const size_t d = (size_t)s->m->cfg.d, at = (size_t)cell * d;
    const size_t key_at = (size_t)(cell / KEY_TILE * KEY_TILE) * d + (size_t)(cell % KEY_TILE);
    void *keys = session_keys(s, layer, key_head), *values = session_values(s, layer, key_head);

    for (size_t i = 0; i < d; i++)
        if (s->is_coarse) {
            ((uint16_t *)keys)[key_at + i * KEY_TILE] = upper_half(key[i]);
            ((uint16_t *)values)[at + i] = upper_half(value[i]);
        } else {
            ((float *)keys)[key_at + i * KEY_TILE] = key[i];
            ((float *)values)[at + i] = value[i];
        }
}

void cells_floats(float *out, const struct session *s, const void *cells, size_t at, size_t n)
{
    enum { STEP = 8 }; /* numbers at a time, which compilers put into one register */
    const uint16_t *half = (const uint16_t *)cells + at;
    uint32_t wide[STEP];
    size_t i = 0;

    if (!s->is_coarse) {
        memcpy(out, (const float *)cells + at, n * sizeof *out);
        return;
    }
    for (; i + STEP <= n; i += STEP) {
        for (int k = 0; k < STEP; k++)
            wide[k] = (uint32_t)half[i + (size_t)k] << 16;
        memcpy(out + i, wide, sizeof wide);
    }
    for (; i < n; i++) {
        wide[0] = (uint32_t)half[i] << 16;
        memcpy(out + i, wide, sizeof *out);
    }
}

void cells_multiply(const struct session *s, float *room, float *C, int ldc, const float *A,
                    int lda, const void *cells, size_t at, int ldb, int m, int n, int k)
{
    const float *B = room;

    if (s->matmul) {
        s->matmul(C, ldc, A, lda, (const uint16_t *)cells + at, ldb, m, n, k);
        return;
    }
    if (s->is_coarse)
        cells_floats(room, s, cells, at, (size_t)(k - 1) * (size_t)ldb + (size_t)n);
    else
        B = (const float *)cells + at;
    s->m->kernels->matmul(C, ldc, A, lda, B, ldb, m, n, k);
}
