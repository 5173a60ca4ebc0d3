/* postings.h -- the bytes of a term's postings: written from arrays, read into a cached term.
 *
 * index.h has the cursor; this is what stands behind it.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef INDEXER_POSTINGS_H
#define INDEXER_POSTINGS_H

#include <stddef.h>
#include <stdint.h>

#include "indexer/index.h"

enum { IMPACTS_MAX = 8 }; /* pairs a block */

/* A posting in memory: passage in the upper half, so that postings sort as integers. */
static inline uint64_t posting_make(uint32_t passage, uint32_t freq)
{
    return (uint64_t)passage << 32 | freq;
}

static inline uint32_t posting_passage(uint64_t p) { return (uint32_t)(p >> 32); }
static inline uint32_t posting_freq(uint64_t p) { return (uint32_t)p; }

/* The pairs that bound n <= POSTINGS_BLOCK postings, both members rising.
 *
 * out      [IMPACTS_MAX]
 * lengths  of all passages of the segment
 * Returns how many, >= 1. */
int impacts_of(struct impact *out, const uint64_t *postings, size_t n, const uint32_t *lengths);

/* Appends the postings of one term.
 *
 * postings  [n], n >= 1, passages rising, freqs >= 1
 * lengths   of all passages of the segment
 */
void postings_write(struct buf *out, const uint64_t *postings, size_t n, const uint32_t *lengths);

/* One block of a term that was read. */
struct postings_block {
    uint32_t last; /* its last passage */
    uint16_t n;    /* postings: POSTINGS_BLOCK, the last block perhaps fewer */
    uint16_t n_impacts;
    const unsigned char *data;    /* where it begins; of the loose block: term_postings.loose */
    const struct impact *impacts; /* [n_impacts] */
};

/* A term's postings in memory, compressed, checked so that decoding them needs no checks. */
struct term_postings {
    uint32_t n, n_blocks;
    struct postings_block *blocks; /* [n_blocks] */
    struct impact *impacts;        /* of all blocks */
    float *shares, base,
        slope;           /* postings_open_shares; shares are NULL until it was called twice */
    uint32_t *loose;     /* passages[n % 128], freqs[n % 128] of the block that is not packed */
    unsigned char *data; /* [bytes] and zeroes behind, so that a decoder may read over the end */
};

enum { POSTINGS_PAD = 64 };

/* Takes the bytes of n postings over (data is freed also on failure).
 *
 * data     [bytes + POSTINGS_PAD], from mem_alloc
 * size     passages of the segment; lengths [size]
 * Returns 0; E_FORMAT "why", to be wrapped by the caller; E_NOMEM.
 * Cost: decodes all of it once. */
int term_postings_new(struct term_postings **out, unsigned char *data, size_t bytes, uint32_t n,
                      uint32_t size, const uint32_t *lengths, struct err *err);
void term_postings_free(struct term_postings *t);

/* Sets a cursor on the first posting. */
void postings_begin(struct postings *p, const struct term_postings *t);

#endif
