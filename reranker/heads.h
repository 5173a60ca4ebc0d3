/* heads.h -- which heads of a model tell relevant passages from others: measured on labelled queries.
 *
 *     heads_collect(&data, reader, queries, n, &opt, &err);    -- what each head says of each candidate
 *     heads_choose(&choice, data, &opt, &err);                 -- the best of several ways to choose, cross-validated
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RERANKER_HEADS_H
#define RERANKER_HEADS_H

#include "base/buf.h"
#include "base/pool.h"
#include "model/profile.h"
#include "model/prompt.h"
#include "model/reader.h"

/* A candidate passage of a labelled query; strings borrowed. */
struct heads_candidate {
    const char *docno;
    struct prompt_passage text;
    float first; /* the first stage's score */
    int grade;   /* relevance; <= 0 = not relevant */
};

struct heads_query {
    const char *text;
    const struct heads_candidate *candidates; /* [n] */
    size_t n;
    double ideal; /* DCG of the best ranking of all relevant documents at 10, found or not */
};

/* Told how far it is: passages read, of all; non-zero stops (E_STOP). */
typedef int heads_progress_fn(size_t done, size_t total, void *payload);

struct heads_options {
    int wants; /* PROMPT_FIND or PROMPT_ANSWER */
    struct pool *pool;
    heads_progress_fn *progress; /* or NULL */
    void *payload;
};

/* What the heads say: for each query, kind of score (a statistic, calibrated or not), head and candidate a number. */
struct heads_data {
    int layers, heads_per_layer, group; /* group: heads that share a key head */
    int n_heads;                        /* layers * heads_per_layer */
    int n_kinds; /* 2 * statistics: kind 2 s is statistic s, 2 s + 1 the same calibrated */
    size_t n;
    struct heads_scores {
        size_t n;      /* candidates */
        float *scores; /* [n_kinds, n_heads, n]; -inf for an empty passage */
        float *first;  /* [n] */
        int *grades;   /* [n] */
        double ideal;
    } * queries; /* [n] */
};
void heads_data_clear(struct heads_data *d);

/* Reads every candidate once as `stored` re-ranking would, and asks every query of every head.
 *
 * r        opened with all layers
 * Errors: E_STOP; those of reading.
 * Cost: a run of each passage through the model, and 4 rows n d operations for each head, query and candidate; some 3 MB a
 * query are held, for at most HEADS_BATCH of them.
 */
int heads_collect(struct heads_data *out, const struct reader *r, const struct heads_query *queries,
                  size_t n, const struct heads_options *opt, struct err *err);

#endif
