/* m_precision.c -- precision at a cut-off: ranks that the ranking does not fill count as not relevant. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "eval/measures.h"

static double score(const struct measure *m, const struct view *v)
{
    return (double)view_rel_ret(v, m->rel, view_depth(m, v)) / m->cutoff;
}

const struct measure_kind measure_p = {
    .names = {"P", "Precision"},
    .trec_cut = "P",
    .about =
        "precision: relevant documents among the first k, divided by k, even if fewer were found",
    .cutoff = CUTOFF_NEEDED,
    .score = score,
};
