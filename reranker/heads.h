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

/* ---- choosing ---- */

/* A way to choose n heads, and their weights, from training queries: a row of a table. */
struct heads_training {
    const struct heads_data *data;
    float *const
        *scores; /* of each query [n_heads, candidates] standardised, of the kind at hand */
    const size_t *queries; /* [n] */
    size_t n;
};
struct heads_way {
    const char *name, *about;
    /* weights [n_heads]: n of them (or fewer) not 0. */
    int (*choose)(double *weights, const struct heads_training *t, int n, struct err *err);
};
extern const struct heads_way *const heads_ways[]; /* ends with NULL */

/* nDCG at 10 of a query's candidates [n] by their scores, equals as they stand; gains are grades. */
double heads_ndcg(const struct heads_scores *q, const float *scores);

/* What came of a way, a kind of score and a number of heads; measures are means of nDCG at 10 over queries that the choice did not see. */
struct heads_result {
    const struct heads_way *way; /* NULL: all heads alike */
    int kind, n;
    int n_heads, n_key_heads; /* of a choice from all queries */
    double alone, fused;
    double first_stage; /* weight that is best for fused */
};

struct heads_choice {
    double first;                 /* the first stage's nDCG at 10 */
    struct heads_result *results; /* [n] best fused first */
    size_t n;
};
void heads_choice_clear(struct heads_choice *c);

enum { HEADS_FOLDS = 4 };

/* Tries every way with every kind of score and 1, 2, 4, 8 and 16 heads, cross-validated.
 * E_INVALID for fewer than 2 * HEADS_FOLDS queries. */
int heads_try(struct heads_choice *out, const struct heads_data *d, struct pool *pool,
              struct err *err);

/* The result with the fewest key heads, whose keys an index must store, among choices that are nearly as good as the best.
 * NULL: nothing was chosen. */
#define HEADS_MARGIN 0.004
const struct heads_result *heads_best(const struct heads_choice *c);

/* Chooses heads anew from all queries, as a result says: p's heads, weights, statistic, calibration and first_stage.
 * E_INVALID for more heads than a profile has room for. */
int heads_apply(struct profile *p, const struct heads_data *d, const struct heads_result *r,
                struct err *err);

/* "mass, calibrated" */
void heads_kind_name(struct buf *out, int kind);

#endif
