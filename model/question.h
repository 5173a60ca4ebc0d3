/* question.h -- a query that is read alone, and what some heads ask for: the side of `stored` re-ranking that a query needs.
 *
 * The tail of the prompt (model/prompt.h) is read right behind the prompt's head, at places as if a passage lay between
 * them; no passage is seen.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MODEL_QUESTION_H
#define MODEL_QUESTION_H

#include "base/pool.h"
#include "model/profile.h"
#include "model/reader.h"
#include "model/session.h"

enum {
    QUESTION_DISTANCE = 256,   /* places between the prompt's head and its tail */
    QUESTION_MAX_TOKENS = 400, /* of a query; those beyond are not read */
};

/* What heads ask for.  Rows are the tail's tokens from its sentence on. */
struct question {
    int n_heads, d, rows;
    int words_begin, words_end; /* rows of the query's own tokens */
    int n_left_out;             /* tokens of the query that were not read */
    float *queries;             /* [n_heads, rows, d], divided by sqrt d */
    float *rest; /* [n_heads, rows] log of the sum of exp(query . key) over the prompt's head */
};
void question_clear(struct question *q);

struct asker;

/* r      borrowed until close; heads [n_heads] are in the layers that it was opened with
 * wants  PROMPT_FIND or PROMPT_ANSWER
 * pool   borrowed until close; or NULL
 * Cost: reads the prompt's head and the sentence that every tail begins with. */
int asker_open(struct asker **out, const struct reader *r, const struct profile_head *heads,
               int n_heads, int wants, struct pool *pool, struct err *err);
void asker_close(struct asker *a);

/* Reads a query; *out is the caller's (question_clear).  E_FORMAT if the model yields what is no number.
 * Cost: the query's tokens, and a chat's few behind it, through the layers. */
int asker_ask(struct question *out, struct asker *a, const char *query, struct err *err);

#endif
