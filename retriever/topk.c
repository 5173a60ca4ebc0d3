/* topk.c -- a bounded binary heap of keys. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "retriever/topk.h"

#include <assert.h>

#include "base/mem.h"

int topk_init(struct topk *t, size_t k, struct err *err)
{
    memset(t, 0, sizeof *t);
    return topk_reset(t, k, err);
}

int topk_reset(struct topk *t, size_t k, struct err *err)
{
    assert(k >= 1);
    if (k > t->cap) {
        uint64_t *keys = mem_alloc(k, sizeof *keys);

        if (!keys)
            return err_nomem(err);
        mem_free(t->keys);
        t->keys = keys;
        t->cap = k;
    }
    t->n = 0;
    t->k = k;
    return 0;
}

void topk_clear(struct topk *t)
{
    mem_free(t->keys);
    memset(t, 0, sizeof *t);
}

/* Lets keys[i] sink among keys[0..n) until no child is smaller. */
static void sink(uint64_t *keys, size_t n, size_t i)
{
    uint64_t key = keys[i];

    for (size_t child; (child = 2 * i + 1) < n; i = child) {
        child += child + 1 < n && keys[child + 1] < keys[child];
        if (keys[child] >= key)
            break;
        keys[i] = keys[child];
    }
    keys[i] = key;
}

static void heapify(uint64_t *keys, size_t n)
{
    for (size_t i = n / 2; i-- > 0;)
        sink(keys, n, i);
}

void topk_insert(struct topk *t, uint64_t key)
{
    if (t->n < t->k) {
        t->keys[t->n++] = key;
        if (t->n == t->k)
            heapify(t->keys, t->n);
        return;
    }
    t->keys[0] = key;
    sink(t->keys, t->n, 0);
}

/* Heap sort: the smallest goes to the end, again and again. */
void topk_sort(struct topk *t)
{
    if (t->n < t->k)
        heapify(t->keys, t->n);
    for (size_t n = t->n; n > 1; n--) {
        uint64_t least = t->keys[0];

        t->keys[0] = t->keys[n - 1];
        t->keys[n - 1] = least;
        sink(t->keys, n - 1, 0);
    }
}
