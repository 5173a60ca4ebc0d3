/* scores.h -- lists of measures, and judgements, as the commands take them. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef API_SCORES_H
#define API_SCORES_H

#include <stddef.h>

#include "api/options.h"
#include "base/err.h"
#include "eval/eval.h"

#define DEFAULT_MEASURES                                                                           \
    "num_q", "num_ret", "num_rel", "num_rel_ret", "AP", "nDCG@10", "P@10", "R@100", "RR@10"
#define DEFAULT_MEASURES_TEXT "counts, AP, nDCG@10, P@10, R@100, RR@10"

/* Parses the given names, each maybe a list ("AP,RR@10", "ndcg_cut.5,10"), or the NULL-terminated defaults if none are given.
 * What is named twice is taken once.  *out [*n] is the caller's (mem_free). */
int scores_parse(struct measure **out, size_t *n, const struct texts *given,
                 const char *const *defaults, struct err *err);

/* Loads a file of judgements, or those of a split of a BEIR folder. */
int scores_load_qrels(struct qrels *out, const char *path, const char *split, struct err *err);

#endif
