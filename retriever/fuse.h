/* fuse.h -- several ranked lists into one. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RETRIEVER_FUSE_H
#define RETRIEVER_FUSE_H

#include "retriever/fusion.h"
#include "retriever/legs.h"

/* What one or more lists hold: a document, or a passage when hits are passages. */
struct found {
    struct index *ix;   /* for sorting */
    struct scored best; /* passage of the list that adds most; its score is the fused one */
    double score;       /* sum of the parts */
    struct scored passage[RETRIEVE_LEGS]; /* where legs[i].rank > 0 */
    struct leg_score legs[RETRIEVE_LEGS];
};

struct fused {
    struct found *items; /* [n], best first; ties by docno descending */
    size_t n, cap;
};

/* Fuses lists[n_lists] as opt->fusion, opt->weights and opt->rrf_k say (all set).  Lists of results hold each document
 * once, or, with opt->by_passage, each passage.
 * E_INVALID if the weights of these lists are all zero.
 * Cost: O(n log n) of the lists' lengths. */
int fuse(struct fused *out, struct index *ix, const struct ranked *lists, int n_lists,
         const struct retrieve_options *opt, struct err *err);
void fused_clear(struct fused *f);

#endif
