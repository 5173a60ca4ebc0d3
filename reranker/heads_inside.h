/* heads_inside.h -- what ways to choose heads share; for reranker/heads_*.c alone. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RERANKER_HEADS_INSIDE_H
#define RERANKER_HEADS_INSIDE_H

#include "reranker/heads.h"

enum { HEADS_POOL = 40 }; /* heads that the slower ways choose among: the best alone */

struct heads_rated {
    int head;
    double rate;
};

/* For qsort: best first, then by head. */
int heads_by_rate(const void *a, const void *b);

/* What a head's scores [candidates], standardised, are worth to a query. */
typedef double heads_rate_fn(const struct heads_scores *q, const float *scores);

/* Rates every head by a sum over training queries; out [n_heads], best first; the caller's (mem_free).  E_NOMEM. */
int heads_rate(struct heads_rated **out, const struct heads_training *t, heads_rate_fn *rate,
               struct err *err);

/* Sums of the heads chosen so far: of all training queries, one after the other. */
struct heads_sums {
    float *now, *with; /* [candidates of all]; the caller's, on failure too */
    size_t n;
};

/* now is 0, with is not set.  E_NOMEM. */
int heads_sums_new(struct heads_sums *s, const struct heads_training *t, struct err *err);

/* Rows of the table heads_ways. */
extern const struct heads_way heads_logistic, heads_key_heads;

#endif
