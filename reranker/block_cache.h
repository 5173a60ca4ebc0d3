/* block_cache.h -- keys and values of passages that were read, by their tokens; the one not used for longest goes first. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RERANKER_BLOCK_CACHE_H
#define RERANKER_BLOCK_CACHE_H

#include "model/session.h"
#include "reranker/block_disk.h"

struct block_cache;

/* most_bytes: of all that is kept in memory; a block larger than that is not.
 * disk: where blocks are that memory has not; NULL = nowhere; the cache's from now on, on failure too. */
int block_cache_new(struct block_cache **out, size_t most_bytes, struct block_disk *disk,
                    struct err *err);
void block_cache_free(struct block_cache *c);

/* Appends the cells of a block to a session, from the cache, or read and then kept.
 *
 * s   begins with the same cells whenever the cache is asked; what lies between them and the block must not matter
 * in  a run of the block's tokens, seen by none but itself and that beginning, so that it becomes the same in any cells
 * Errors: those of session_read and session_load; E_NOMEM. */
int block_cache_read(struct block_cache *c, struct session *s, const struct session_input *in,
                     struct err *err);

/* How often a block was there, and was not. */
struct block_cache_counts {
    size_t hits, misses, bytes; /* a hit on disk is none in memory, and no miss */
    size_t disk_hits;
};
struct block_cache_counts block_cache_counts(const struct block_cache *c);

#endif
