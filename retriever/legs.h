/* legs.h -- what retrievers share: a leg ranks passages, the rest makes hits of them. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RETRIEVER_LEGS_H
#define RETRIEVER_LEGS_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "indexer/index.h"
#include "retriever/retriever.h"
#include "retriever/topk.h"

/* A passage with its score. */
struct scored {
    float score;
    int segment;
    uint32_t passage;
};

struct ranked {
    struct scored *items; /* [n], best first; ties by docno descending, then passage ascending */
    size_t n, cap;
};

void ranked_clear(struct ranked *r);

/* One way to score passages.  A query is opened once and may be asked for its best passages several times. */
struct leg {
    const char *name;
    /* Prepares a query; *state is freed by close. */
    int (*open)(void **state, struct index *ix, const struct question *query,
                const struct retrieve_options *opt, struct err *err);
    /* Pushes the passages of one segment. */
    int (*segment)(struct topk *top, void *state, int segment, struct err *err);
    /* Writes how the score of a passage comes about: lines, the first with the name and the score. */
    int (*explain)(struct buf *out, void *state, const struct scored *hit, struct err *err);
    void (*close)(void *state); /* accepts NULL */
};
extern const struct leg leg_bm25, leg_dense, leg_sparse;

/* The best k live passages over all segments. */
int leg_passages(struct ranked *out, const struct leg *leg, void *state, struct index *ix, size_t k,
                 struct err *err);

/* The best k documents, each with its best passage (MaxP): exactly, so that k are missed only if
 * there are none; or, by_passage, the best k passages.  filter: that of the query, which the leg heeds. */
int leg_results(struct ranked *out, const struct leg *leg, void *state, struct index *ix,
                const struct filter *filter, size_t k, int by_passage, struct err *err);

/* The search function of a retriever that is one leg. */
int leg_search(struct hits *out, const struct leg *leg, struct index *ix,
               const struct question *query, const struct retrieve_options *opt, struct err *err);

/* Negative if a stands before b. */
int scored_compare(const struct index *ix, const struct scored *a, const struct scored *b);

/* Makes room for n hits in `out`, copies what passages say of themselves (docno, document) and
 * sets scores.  Fusion and explanations fill the rest in. */
int hits_make(struct hits *out, struct index *ix, const struct scored *list, size_t n,
              struct err *err);

#endif
