/* reranker.h -- query x hits to hits, by what a language model attends to.
 *
 * The face and its table stand; the methods come with the decoder runtime.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RERANKER_RERANKER_H
#define RERANKER_RERANKER_H

#include <stddef.h>

#include "base/err.h"

/* A passage to be re-ranked, and where the first stage put it. */
struct candidate {
    const char *docno;
    const char *text; /* title and text of the passage */
    float score;      /* in: the first stage's; out: the reranker's */
};

struct reranker {
    const char *name;
    const char *about;
    int (*rerank)(struct candidate *candidates, size_t n, const char *query, struct err *err);
};
extern const struct reranker *const rerankers[]; /* NULL-terminated; empty so far */

/* Sorts candidates [n] by a method's scores.  E_INVALID for a name that is not in the table. */
int rerank(struct candidate *candidates, size_t n, const char *query, const char *method,
           struct err *err);

#endif
