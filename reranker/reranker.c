/* reranker.c -- the table of re-ranking methods and the way into it. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "reranker/reranker.h"

#include <string.h>

const struct reranker *const rerankers[] = {NULL};

int rerank(struct candidate *candidates, size_t n, const char *query, const char *method,
           struct err *err)
{
    for (const struct reranker *const *r = rerankers; *r; r++)
        if (!strcmp((*r)->name, method))
            return (*r)->rerank(candidates, n, query, err);
    return err_set(err, E_INVALID, "re-ranking by '%s' is not in this version yet", method);
}
