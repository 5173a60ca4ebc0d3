/* m_success.c -- is there any relevant document among the first k?  (Also called hit rate.) */
/* SPDX-License-Identifier: Apache-2.0 */
#include "eval/measures.h"

static double score(const struct measure *m, const struct view *v)
{
    return view_rel_ret(v, m->rel, view_depth(m, v)) ? 1 : 0;
}

const struct measure_kind measure_success = {
    .names = {"Success"},
    .trec_cut = "success",
    .about = "1 if a relevant document is among the first k, else 0 (hit rate)",
    .cutoff = CUTOFF_NEEDED,
    .score = score,
};
