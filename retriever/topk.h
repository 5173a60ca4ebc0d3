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
    uint64_t *keys; /* [n]: in any order until k were pushed, then a heap, smallest on top */
    size_t n, k, cap;
};

/* An empty top-k, k >= 1; memory grows to k keys at most.  topk_reset empties it for another k. */
int topk_init(struct topk *t, size_t k, struct err *err);
int topk_reset(struct topk *t, size_t k, struct err *err);
void topk_clear(struct topk *t);

/* Puts a key in that is known to belong there.  For topk_push. */
void topk_insert(struct topk *t, uint64_t key);

/* Sorts, best first.  Nothing may be pushed afterwards. */
void topk_sort(struct topk *t);

/* Maps floats to integers in the same order; -0 counts as 0.  NaN has its place too (above infinity). */
static inline uint32_t topk_order(float score)
{
    uint32_t bits;

    score += 0.0f;
    memcpy(&bits, &score, sizeof bits);
    return bits & 0x80000000u ? ~bits : bits | 0x80000000u;
}

static inline float topk_score(const struct topk *t, size_t i)
{
    uint32_t bits = (uint32_t)(t->keys[i] >> 32);
    float score;

    bits = bits & 0x80000000u ? bits & 0x7fffffffu : ~bits;
    memcpy(&score, &bits, sizeof score);
    return score;
}

static inline uint32_t topk_passage(const struct topk *t, size_t i)
{
    return ~(uint32_t)t->keys[i];
}

/* The score that a passage after those pushed must exceed; -infinity while there is room. */
static inline float topk_threshold(const struct topk *t)
{
    return t->n < t->k ? -INFINITY : topk_score(t, 0);
}

static inline void topk_push(struct topk *t, uint32_t passage, float score)
{
    uint64_t key = (uint64_t)topk_order(score) << 32 | (uint32_t)~passage;

    if (t->n < t->k || key > t->keys[0])
        topk_insert(t, key);
}

#endif
