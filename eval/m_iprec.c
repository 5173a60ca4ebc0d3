/* m_iprec.c -- interpolated precision at a level of recall.
 *
 * The highest precision at any rank where at least round(recall * R) relevant documents have been
 * seen.  trec_eval rounds to the nearest since version 10; before, it took floor(x + 0.9), and
 * tools built on version 9 still do.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "eval/measures.h"

static double score(const struct measure *m, const struct view *v)
{
    size_t seen = view_rel_ret(v, m->rel, v->n_ret);
    size_t wanted = (size_t)lround(m->recall * (double)view_rel(v, m->rel));
    double best = 0;

    if (wanted > seen)
        return 0;
    for (size_t i = v->n_ret; i > 0 && seen; i--) {
        double p = (double)seen / (double)i;

        if (p > best)
            best = p;
        if (v->ranking[i - 1] >= m->rel && seen-- == wanted)
            break;
    }
    return best;
}

const struct measure_kind measure_iprec = {
    .names = {"IPrec"},
    .trec_cut = "iprec_at_recall",
    .about = "interpolated precision: the best precision at this recall (0 to 1) or any higher one",
    .cutoff = CUTOFF_RECALL,
    .score = score,
};
