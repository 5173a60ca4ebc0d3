/* topk.c -- a buffer of keys that is cut to the best k whenever it is full.
 *
 * Twice k keys fit, so a push costs O(1) on average for any k.  A cut finds the k-th best key by
 * counting how many keys fall into each of 256 equal ranges, then looks closer at the range that
 * it lies in; it sorts nothing.  At the end few keys are sorted by insertion, many by radix: byte by byte
 * from the lowest, passing over bytes that are the same in all.
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

/* Of n keys between low and high, keeps those of the range that the k-th best of them lies in.
 * Returns how many; *k counts among them then. */
static size_t narrow(uint64_t *keys, size_t n, size_t *k, uint64_t low, uint64_t high)
{
    size_t counts[256] = {0}, above = 0, kept = 0, range = 255;
    int bits = 64 - __builtin_clzll(high - low), shift = bits > 8 ? bits - 8 : 0;

    for (size_t i = 0; i < n; i++)
        counts[(keys[i] - low) >> shift]++;
    for (; above + counts[range] < *k; range--)
        above += counts[range];
    *k -= above;
    for (size_t i = 0; i < n; i++) { /* without a branch that guesses wrong */
        keys[kept] = keys[i];
        kept += (keys[i] - low) >> shift == range;
    }
    return kept;
}

/* The k-th best of n >= k different keys, of which it makes a mess. */
static uint64_t find_kth(uint64_t *keys, size_t n, size_t k)
{
    while (n > FEW) {
        uint64_t low = keys[0], high = keys[0];

        for (size_t i = 1; i < n; i++) {
            low = keys[i] < low ? keys[i] : low;
            high = keys[i] > high ? keys[i] : high;
        }
        n = narrow(keys, n, &k, low, high);
    }
    sort_few(keys, n);
    return keys[k - 1];
}

/* Keeps the best k of more than k keys, in the order they came in. */
void topk_cut(struct topk *t)
{
    size_t n = 0;

    if (t->n <= FEW) {
        topk_sort(t);
        return;
    }
    memcpy(t->scratch, t->keys, t->n * sizeof *t->keys);
    t->least = find_kth(t->scratch, t->n, t->k);
    for (size_t i = 0; i < t->n; i++) { /* without a branch that guesses wrong */
        t->keys[n] = t->keys[i];
        n += t->keys[n] >= t->least;
    }
    t->n = n;
}
