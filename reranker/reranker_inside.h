/* reranker_inside.h -- what a reranker consists of; for reranker/ alone. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RERANKER_INSIDE_H
#define RERANKER_INSIDE_H

#include "base/buf.h"
#include "base/mem.h"
#include "model/profile.h"
#include "model/reader.h"
#include "reranker/reranker.h"

struct reranker {
    const struct rerank_method *method;
    void *self;              /* the method's */
    struct profile *profile; /* NULL = none */
    struct pool *pool;
    double first_stage;  /* weight of the first stage */
    int attended;        /* 1: candidates get their words */
    struct arena memory; /* of those of the last run */
    struct buf note;     /* of the last run */
    size_t n_cut;
    struct buf describe;
};

/* Finds r->profile (NULL: all heads) and opens the model that goes with it, as many layers as are needed; says both in r->describe.
 * *out is the caller's, on failure too.  E_INVALID for a profile of another method or model. */
int rerank_open_reader(struct reader **out, struct reranker *r, const struct rerank_options *opt,
                       struct err *err);

/* Methods: see reranker.h. */
extern const struct rerank_method rerank_icr, rerank_icr_blocks, rerank_stored,
    rerank_cross_encoder;

#endif
