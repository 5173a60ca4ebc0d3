/* statistics.h -- what turns a head's attention into a passage's score: a table. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RERANKER_STATISTICS_H
#define RERANKER_STATISTICS_H

#include "reranker/sheet.h"

struct statistic {
    const char *name, *about;
    int needs_largest; /* 1: largest logits are looked at; else sums alone */
    /* out [passages] of one head. */
    void (*compute)(float *out, const struct sheet *s, int head);
};
extern const struct statistic *const statistics[]; /* ends with NULL */

/* NULL: there is none of that name. */
const struct statistic *statistic_find(const char *name);

/* Scores of passages by each head: out [heads, passages].
 *
 * asked         the query's sheet
 * content_free  that of the content-free query, which is taken off; NULL = not calibrated
 * -inf for an empty passage.
 */
int statistic_run(float *out, const struct statistic *t, const struct sheet *asked,
                  const struct sheet *content_free, struct err *err);

/* out [passages] = the sum of what each head says, standardised over the passages (mean 0, deviation 1), times its weight.
 * scores [heads, passages]; weights [heads], NULL = all 1.  -inf for an empty passage. */
void heads_combine(float *out, const float *scores, const double *weights, int heads, int passages);

#endif
