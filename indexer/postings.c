/* postings.c -- cursors over checked postings: index.h's postings_*.
 *
 * A cursor unpacks one block at a time, passages first; frequencies only when they are asked for.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include "indexer/postings.h"

#include <string.h>

#include "indexer/bitpack.h"

/* The passage before a block's first; UINT32_MAX stands for -1, from which sums wrap round. */
static uint32_t block_before(const struct postings *p, uint32_t block)
{
    return block ? p->blocks[block - 1].last : UINT32_MAX;
}

static void decode_loose(struct postings *p, const unsigned char *from)
{
    size_t bytes = (size_t)p->in_block * sizeof *p->passages;

    memcpy(p->passages, from, bytes);
    memcpy(p->freqs, from + bytes, bytes);
    p->has_freqs = 1;
}

static void decode_packed(struct postings *p, const unsigned char *from, uint32_t before)
{
    bitpack_read_rising(p->passages, from + 2, from[0], before);
    p->has_freqs = 0;
}

static void decode_block(struct postings *p, uint32_t block)
{
    const struct postings_block *b = &p->blocks[block];
    uint32_t before = block_before(p, block);

    p->block = block;
    p->in_block = b->n;
    p->at = 0;
    if (b->n == POSTINGS_BLOCK)
        decode_packed(p, b->data, before);
    else
        decode_loose(p, b->data);
}

static uint32_t end(struct postings *p)
{
    p->block = p->n_blocks;
    p->at = p->in_block = 0;
    p->has_freqs = 1; /* a careless postings_freq decodes nothing */
    return p->passage = POSTINGS_END;
}

void postings_begin(struct postings *p, const struct term_postings *t)
{
    p->blocks = t->blocks;
    p->n_blocks = t->n_blocks;
    p->data = t->data;
    p->shares = NULL;
    decode_block(p, 0);
    p->passage = p->passages[0];
}

uint32_t postings_next(struct postings *p)
{
    if (p->block == p->n_blocks)
        return POSTINGS_END;
    if (++p->at == p->in_block) {
        if (p->block + 1 == p->n_blocks)
            return end(p);
        decode_block(p, p->block + 1);
    }
    return p->passage = p->passages[p->at];
}

uint32_t postings_find_block(const struct postings *p, uint32_t target, uint32_t from)
{
    uint32_t lo = from, hi, step = 1;

    if (lo >= p->n_blocks || p->blocks[lo].last >= target)
        return lo < p->n_blocks ? lo : p->n_blocks;
    /* the block that is wanted is near more often than far: double the step, then halve it */
    while (step < p->n_blocks - lo && p->blocks[lo + step].last < target) {
        lo += step;
        step *= 2;
    }
    hi = step < p->n_blocks - lo ? lo + step : p->n_blocks;
    while (hi - lo > 1) { /* blocks[lo].last < target <= blocks[hi].last */
        uint32_t mid = lo + (hi - lo) / 2;

        if (p->blocks[mid].last < target)
            lo = mid;
        else
            hi = mid;
    }
    return hi;
}

uint32_t postings_seek(struct postings *p, uint32_t target)
{
    int lo, hi;

    if (p->passage >= target)
        return p->passage;
    if (target > p->blocks[p->block].last) { /* p->block < n_blocks, for passage is not the end */
        uint32_t b = postings_find_block(p, target, p->block + 1);

        if (b == p->n_blocks)
            return end(p);
        decode_block(p, b);
    }
    lo = p->at;
    hi = p->in_block - 1; /* the last passage of the block is >= target */
    while (lo < hi) {
        int mid = (lo + hi) / 2;

        if (p->passages[mid] < target)
            lo = mid + 1;
        else
            hi = mid;
    }
    p->at = lo;
    return p->passage = p->passages[lo];
}

uint32_t postings_freq(struct postings *p)
{
    if (!p->has_freqs) {
        const unsigned char *from = p->blocks[p->block].data;

        bitpack_read(p->freqs, from + 2 + bitpack_bytes(from[0]), from[1]);
        for (int i = 0; i < POSTINGS_BLOCK; i++)
            p->freqs[i]++;
        p->has_freqs = 1;
    }
    return p->freqs[p->at];
}

uint32_t postings_block_last(const struct postings *p, uint32_t block)
{
    return p->blocks[block].last;
}

const struct impact *postings_block_impacts(int *n, const struct postings *p, uint32_t block)
{
    *n = p->blocks[block].n_impacts;
    return p->blocks[block].impacts;
}
