/* in_context.h -- what icr and icr-blocks share: passages lie in a session's cells, the tail is read twice behind them (the
 * content-free query, then the query), and what the heads see becomes scores. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RERANKER_IN_CONTEXT_H
#define RERANKER_IN_CONTEXT_H

#include "model/question.h"
#include "reranker/reranker_inside.h"
#include "reranker/statistics.h"
#include "reranker/watch.h"

enum {
    TAIL_TOKENS = 96, /* of a tail beside the query's own, more than any template has */
    TAIL_ROOM = TAIL_TOKENS + QUESTION_MAX_TOKENS,
    MARKER_ROOM = 16, /* of a passage's blank line and marker */
    LEAST_ROOM = 128, /* of a passage with both */
};

/* One for each open reranker. */
struct in_context {
    struct reader *reader;
    const struct profile *profile;     /* NULL: all heads, the published score */
    const struct statistic *statistic; /* NULL: the published score */
    struct pool *pool;
    struct session *session; /* NULL until needed */
    int session_cells;
    struct watch *watch;
    int wants;
    int keeps; /* 1: a scoring leaves in `given` what the query gave each cell beyond what the content-free one did */
    double *given; /* [cap_given] */
    size_t cap_given;
    int n_kept;         /* tails that are in it */
    struct tokens head; /* of the prompt */
};

/* Opens profile, model and watch. */
int in_context_open(struct in_context *c, struct reranker *r, const struct rerank_options *opt,
                    struct err *err);
void in_context_close(struct in_context *c);

/* Makes the session one of at least so many cells; what was in it is gone if it had fewer. */
int in_context_need(struct in_context *c, int cells, struct err *err);

/* The longest passage, and all passages of a prompt together, that the model's context has room for beside the head and a tail. */
size_t in_context_room(const struct in_context *c);

/* The tail of a query.  *note gets what was left out. */
int in_context_tail(struct tokens *out, struct prompt_tail *where, const struct in_context *c,
                    const char *query, struct buf *note, struct err *err);

/* Scores passages [n] that are in the session's cells.
 *
 * read      [n] scores; -inf for an empty passage
 * position  of the tail's first token, plus 1; SESSION_CONTINUE
 * query     what to calibrate is read by itself
 * Cells are as before afterwards.
 */
int in_context_score(float *read, struct in_context *c, const struct watch_range *passages, int n,
                     int position, const char *query, struct err *err);

#endif
