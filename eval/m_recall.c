/* m_recall.c -- recall at a cut-off. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "eval/measures.h"

static double score(const struct measure *m, const struct view *v)
{
    size_t n_rel = view_rel(v, m->rel);

    return n_rel ? (double)view_rel_ret(v, m->rel, view_depth(m, v)) / (double)n_rel : 0;
}

const struct measure_kind measure_r = {
    .names = {"R", "Recall"},
    .trec_cut = "recall",
    .about = "recall: relevant documents among the first k, divided by all that are relevant",
    .cutoff = CUTOFF_NEEDED,
    .score = score,
};
