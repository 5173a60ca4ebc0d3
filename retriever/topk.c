/* topk.c -- a buffer of keys that is sorted and cut to k whenever it is full.
 *
 * Twice k keys fit, so a push costs O(1) on average for any k.  Few keys are sorted by insertion, many
 * by radix: byte by byte from the lowest, passing over bytes that are the same in all.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include "retriever/topk.h"

#include <assert.h>

#include "base/mem.h"

enum { CAP_MIN = 32, FEW = 64 };

int topk_init(struct topk *t, size_t k, struct err *err)
{
    memset(t, 0, sizeof *t);
    return topk_reset(t, k, err);
}

int topk_reset(struct topk *t, size_t k, struct err *err)
{
    size_t cap = 2 * k < CAP_MIN ? CAP_MIN : 2 * k;

    assert(k >= 1);
    if (cap > t->room) {
        uint64_t *keys = mem_alloc(cap, sizeof *keys), *scratch = mem_alloc(cap, sizeof *scratch);

        if (!keys || !scratch) {
            mem_free(keys);
            mem_free(scratch);
            return err_nomem(err);
        }
        mem_free(t->keys);
        mem_free(t->scratch);
        t->keys = keys;
        t->scratch = scratch;
        t->room = cap;
    }
    t->cap = cap;
    t->n = 0;
    t->k = k;
    t->least = 0;
    return 0;
}

void topk_clear(struct topk *t)
{
    mem_free(t->keys);
    mem_free(t->scratch);
    memset(t, 0, sizeof *t);
}

void topk_floor(struct topk *t, float score) { t->least = ((uint64_t)topk_order(score) << 32) - 1; }

static void sort_few(uint64_t *keys, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        uint64_t key = keys[i];
        size_t j = i;

        for (; j > 0 && keys[j - 1] < key; j--)
            keys[j] = keys[j - 1];
        keys[j] = key;
    }
}

/* One pass: keys by one byte, descending, otherwise as they were, into scratch; the two change roles. */
static void sort_by_byte(struct topk *t, int shift)
{
    size_t places[256] = {0}, at = 0;
    uint64_t *sorted = t->scratch;

    for (size_t i = 0; i < t->n; i++)
        places[t->keys[i] >> shift & 255]++;
    for (int byte = 255; byte >= 0; byte--) {
        size_t count = places[byte];

        places[byte] = at;
        at += count;
    }
    for (size_t i = 0; i < t->n; i++)
        sorted[places[t->keys[i] >> shift & 255]++] = t->keys[i];
    t->scratch = t->keys;
    t->keys = sorted;
}

void topk_sort(struct topk *t)
{
    uint64_t differ = 0;

    if (t->n <= FEW) {
        sort_few(t->keys, t->n);
    } else {
        for (size_t i = 1; i < t->n; i++)
            differ |= t->keys[i] ^ t->keys[0];
        for (int shift = 0; shift < 64; shift += 8)
            if (differ >> shift & 255)
                sort_by_byte(t, shift);
    }
    if (t->n >= t->k) {
        t->n = t->k;
        t->least = t->keys[t->k - 1];
    }
}
