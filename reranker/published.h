/* published.h -- a passage's score from what its tokens were attended to, as published for in-context re-ranking. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RERANKER_PUBLISHED_H
#define RERANKER_PUBLISHED_H

#include <stddef.h>

/* asked, content_free [n]: for each token of the passage the sum over heads of the mean attention of the tail's rows.
 *
 * c = asked - content_free; tokens with c <= mean - 2 deviations (of a sample) are left out; the score is the sum of the others.
 * One token alone is kept; if all are alike, none is.
 * Source: Chen et al., "Attention in large language models yields efficient zero-shot re-rankers", 2024, section 3.
 */
double published_score(const double *asked, const double *content_free, size_t n);

#endif
