/* attended.h -- which words of a passage the query attended to, for people: `fovea search --explain`. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RERANKER_ATTENDED_H
#define RERANKER_ATTENDED_H

#include "model/keys.h"
#include "model/profile.h"
#include "model/question.h"
#include "reranker/reranker_inside.h"

enum { ATTENDED_WORDS = 16 }; /* of a passage, at most */

/* Gives a candidate its words, most attended first.
 *
 * given  [n] what its tokens were given; what is not above 0 counts as nothing
 * spans  [n] in title, line feed and text
 * E_NOMEM.  Cost: O(n log n).
 */
int attended_set(struct candidate *c, struct reranker *r, const double *given,
                 const struct token_span *spans, size_t n, struct err *err);

/* What a query that is read alone gives the tokens of a passage's keys: given [k->n], the mean over the query's own words of
 * their attention within the passage, weighted by head, without what the content-free query (or NULL) gives.  E_NOMEM. */
int attended_by_keys(double *given, const struct keys *k, const struct key_plan *plan,
                     const struct profile *p, const struct question *asked,
                     const struct question *content_free, struct err *err);

#endif
