/* fusion.h -- one score from the scores of several lists.
 *
 *     minmax   sum of w_l * (s - min_l) / (max_l - min_l), min and max over list l; a hit that is missing
 *              from a list gets 0 from it; in a list of equal scores each gets 1.  Weights are
 *              divided by their sum, so scores lie in 0..1.
 *     rrf      sum of w_l / (rrf_k + rank_l), ranks from 1; missing gives 0.  Weights as they are.
 *
 * Sources: Fox and Shaw, "Combination of Multiple Searches" (1994) for CombSUM; Bruch et al., "An Analysis
 * of Fusion Functions for Hybrid Retrieval" (2023) for min-max; Cormack et al., "Reciprocal Rank
 * Fusion" (2009).
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RETRIEVER_FUSION_H
#define RETRIEVER_FUSION_H

#include <stddef.h>

#include "base/err.h"
#include "retriever/retriever.h"

/* What a list knows of itself. */
struct fusion_list {
    float weight;   /* >= 0 */
    float min, max; /* of its scores */
};

struct fusion {
    const char *name;
    const char *about;
    /* What a list gives to a hit that it has at this rank (from 1) with this score; sum_weights
     * is over all lists. */
    double (*part)(const struct fusion_list *list, int rank, float score, double sum_weights,
                   int rrf_k);
};
extern const struct fusion fusions[]; /* ends with a NULL name; default first */

/* The row of that name, or NULL. */
const struct fusion *fusion_find(const char *name);

/* Sets E_INVALID with the list of names. */
int fusion_unknown(const char *name, struct err *err);

#endif
