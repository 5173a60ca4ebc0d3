/* invert.h -- passages to postings, in memory. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef INDEXER_INVERT_H
#define INDEXER_INVERT_H

#include <stddef.h>
#include <stdint.h>

#include "base/hash.h"
#include "base/pool.h"
#include "indexer/analyzer.h"
#include "indexer/passage.h"

struct inverted_term {
    const char *term; /* [len] */
    uint32_t len;
    size_t begin; /* of its postings; they end where the next term's begin */
};

/* Zeroed = empty. */
struct inverted {
    struct inverted_term *terms; /* [n_terms + 1], sorted by bytes */
    size_t n_terms;
    uint64_t *postings;  /* see postings.h */
    uint32_t *lengths;   /* [n] terms of each passage, as their fields weigh */
    struct map *strings; /* own the terms */
    int n_strings;
};

/* Inverts n passages, numbered as they come.
 *
 * fields       which of their fields count, and how much
 * analyzers    [n_analyzers], at least one, all of one kind; so many workers of the pool have something to do
 * pool         NULL = this thread alone.  The result does not depend on it, nor on the number of analyzers.
 * On failure *out is empty.
 * Cost: memory of about 20 bytes a posting above the terms. */
int invert(struct inverted *out, const struct passage_text *texts, size_t n,
           const struct fields *fields, struct analyzer *const *analyzers, int n_analyzers,
           struct pool *pool, struct err *err);
void inverted_clear(struct inverted *v);

/* How many analyzers a text of so many bytes can keep busy: 1..pool_size. */
int invert_workers(size_t bytes, const struct pool *pool);

#endif
