/* rerank.h -- re-ranking for the doors: what METHOD[:MODEL[:PROFILE]] means, and the hits of a search in a new order.
 *
 * A handle keeps its reranker open from search to search; another method, model, profile or weight opens another one.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef API_RERANK_H
#define API_RERANK_H

#include "api/fovea.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "reranker/reranker.h"
#include "retriever/retriever.h"

/* METHOD[:MODEL[:PROFILE]], taken apart; zeroed = empty. */
struct rerank_choice {
    const struct rerank_method *method;
    const char *model, *profile; /* NULL = not said */
    char *memory;                /* of the two */
};

/* A model that is a path with colons is taken whole if there is such a file or folder.
 * E_INVALID for a method that is not in the table (names them), or nothing behind a colon at the end; E_NOMEM. */
int rerank_choice_parse(struct rerank_choice *out, const char *text, struct err *err);
void rerank_choice_clear(struct rerank_choice *c);

/* How many hits a method re-ranks unless said otherwise: 100 if it has stored keys to look at, else 20. */
int rerank_default_depth(const struct rerank_method *m);

/* The new score of place i, for i rising: of candidates [n] that a reranker sorted, then of what follows them.  Scores
 * fall, so that a run that is sorted again stays as it is: what could not be read gets one less than the least, and each
 * place behind the candidates another one less. */
float rerank_score(const struct candidate *c, size_t n, size_t i);

/* What re-ranking said about a hit. */
struct rerank_said {
    int first_rank; /* where the first stage had it, from 1 */
    float first_score;
    int rank; /* among what was re-ranked, by the model alone; 0 = below the depth, or it could not be read */
    float read;
    int cut;              /* 1: only the passage's beginning was read */
    const char *attended; /* words that the query attended to, a line; or NULL */
};

/* The reranker of a handle; see handle.h. */
struct reranking;
void reranking_close(struct reranking *r);

/* Re-ranks the first hits of a search of q: they get new scores and come first, in their new order; those below the
 * depth follow in their first order with scores below.
 *
 * said   out: [hits->n] in the new order, in the arena.
 * note   out: reranker_note, in the arena.
 * opt    with rerank set.
 *
 * Errors are in q->err: E_INVALID, E_NOTFOUND of the method's opening; those of reading.
 */
int rerank_hits(const struct rerank_said **said, const char **note, struct hits *hits,
                struct arena *memory, fovea *q, const char *query, const fovea_search_options *opt);

#endif
