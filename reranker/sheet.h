/* sheet.h -- what heads made of passages: for each head, token of the query and passage two numbers. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RERANKER_SHEET_H
#define RERANKER_SHEET_H

#include <stddef.h>

#include "base/err.h"
#include "model/question.h"

/* Logits are query . key / sqrt d; any constant may be added to all of a row. */
struct sheet {
    int heads, rows, passages;
    int words_begin, words_end; /* rows of the query's own tokens; all rows: its whole tail */
    float *
        log_sums; /* [heads, rows, passages] log of the sum of exp(logit) over the passage's tokens */
    float *largest; /* [heads, rows, passages] the largest of its logits */
    float *rest;    /* [heads, rows] log of the sum of exp(logit) over all else */
};

/* Room for so much; what is in it is not set.  E_NOMEM. */
int sheet_new(struct sheet *out, int heads, int rows, int passages, struct err *err);
void sheet_clear(struct sheet *s);

/* A sheet for what a question finds in so many passages, its rest filled in.  E_NOMEM. */
int question_sheet(struct sheet *out, const struct question *q, int passages, struct err *err);

static inline size_t sheet_at(const struct sheet *s, int head, int row)
{
    return ((size_t)head * (size_t)s->rows + (size_t)row) * (size_t)s->passages;
}

/* The log of a row's sum over everything: what a softmax divides by. */
double sheet_total(const struct sheet *s, int head, int row);

#endif
