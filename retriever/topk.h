/* topk.h -- the k best passages of a segment, in one order whatever order they come in.
 *
 *     struct topk top = {0};
 *     topk_init(&top, 10, &err);
 *     topk_push(&top, passage, score);
 *     topk_sort(&top);                     // best first
 *     for (size_t i = 0; i < top.n; i++) use(topk_passage(&top, i), topk_score(&top, i));
 *     topk_clear(&top);
 *
 * A passage is a 64-bit key: its score's bits above, the complement of its number below.  Keys
 * compare as integers: higher score first, smaller number first on ties, and as no two are
 * equal the result depends on nothing else.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RETRIEVER_TOPK_H
#define RETRIEVER_TOPK_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/err.h"

struct topk {
    uint64_t *keys;    /* [n]: what may be among the k best, in any order */
    uint64_t *scratch; /* [room], for sorting */
    size_t n, k;
    size_t cap;     /* when there are as many keys, all but the best k are dropped */
    size_t room;    /* keys that memory is there for, >= cap */
    uint64_t least; /* a key must exceed it to count: the k-th best when keys were dropped last */
};

/* An empty top-k, k >= 1.  topk_reset empties it for another k. */
int topk_init(struct topk *t, size_t k, struct err *err);
int topk_reset(struct topk *t, size_t k, struct err *err);
void topk_clear(struct topk *t);

/* Sorts, best first, and keeps the k best. */
void topk_sort(struct topk *t);

/* Keeps the k best, in no order.  There must be as many. */
void topk_cut(struct topk *t);

/* Says that scores below this one need not be kept (equal ones must).  Right after topk_reset. */
void topk_floor(struct topk *t, float score);

/* Brings the threshold up to date where that costs little. */
static inline void topk_tighten(struct topk *t)
{
    if (t->n >= t->k && (!t->least || t->n - t->k > t->k / 2))
        topk_cut(t);
}

/* Maps floats to integers in the same order; -0 counts as 0.  NaN has its place too (above infinity). */
static inline uint32_t topk_order(float score)
{
    uint32_t bits;

    score += 0.0f;
    memcpy(&bits, &score, sizeof bits);
    return bits & 0x80000000u ? ~bits : bits | 0x80000000u;
}

static inline float topk_key_score(uint64_t key)
{
    uint32_t bits = (uint32_t)(key >> 32);
    float score;

    bits = bits & 0x80000000u ? bits & 0x7fffffffu : ~bits;
    memcpy(&score, &bits, sizeof score);
    return score;
}

static inline float topk_score(const struct topk *t, size_t i)
{
    return topk_key_score(t->keys[i]);
}

static inline uint32_t topk_passage(const struct topk *t, size_t i)
{
    return ~(uint32_t)t->keys[i];
}

/* A score that a passage after those pushed must exceed to enter; -infinity while there is room.
 * It may lag behind the k-th best score, never run ahead of it. */
static inline float topk_threshold(const struct topk *t)
{
    return t->least ? topk_key_score(t->least) : -INFINITY;
}

static inline void topk_push(struct topk *t, uint32_t passage, float score)
{
    uint64_t key = (uint64_t)topk_order(score) << 32 | (uint32_t)~passage;

    if (key <= t->least)
        return;
    t->keys[t->n++] = key;
    if (t->n == t->cap)
        topk_cut(t);
}

#endif
