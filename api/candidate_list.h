/* candidate_list.h -- a growing list of a reranker's candidates, with the memory of their texts and keys. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef API_CANDIDATE_LIST_H
#define API_CANDIDATE_LIST_H

#include "base/err.h"
#include "base/mem.h"
#include "base/run.h"
#include "reranker/reranker.h"

/* Zeroed = empty. */
struct candidate_list {
    struct candidate *items; /* [n] */
    size_t n, cap;
    struct arena memory; /* of texts and keys */
};
void candidate_list_reset(struct candidate_list *list); /* to none; the array keeps its room */
void candidate_list_clear(struct candidate_list *list);

/* A new candidate at the end, empty; valid until the next one.  NULL if out of memory. */
struct candidate *candidate_list_add(struct candidate_list *list);

/* Gives candidates what the first stage gave their documents, lines[at], of the n that are re-ranked.  A score that is infinite, or
 * too large for a float, counts as the nearest that is neither. */
void candidate_list_set_first(struct candidate_list *list, const struct run_line *lines, size_t n);

/* Puts candidates in a random order, which the seed and a query's name decide: the same for a query whatever else is in
 * the run. */
void candidate_list_shuffle(struct candidate_list *list, int seed, const char *qid);

/* Where a document has several candidates, which tell by `at` < n_documents that they are of one, leaves the first of each:
 * in a list that is sorted, a document comes where its best passage is.  E_NOMEM. */
int candidate_list_keep_best(struct candidate_list *list, size_t n_documents, struct err *err);

#endif
