/* m_rbp.c -- rank-biased precision: a reader goes on to the next document with probability p.
 *
 * Moffat and Zobel, "Rank-Biased Precision for Measurement of Retrieval Effectiveness", ACM TOIS 27(1),
 * 2008, eq. 6 with binary gain.  Documents below the end of the ranking count as not relevant, so the
 * value is the lower bound of the paper.
 *
 * trec_eval 10 has a measure rbp with p = 0.9 and the grades themselves as gains, scaled by a least and
 * a greatest gain that it never sets: it is this one only for judgements of 0 and 1.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include "eval/measures.h"

static double score(const struct measure *m, const struct view *v)
{
    size_t depth = view_depth(m, v);
    double sum = 0, reads = 1;

    for (size_t i = 0; i < depth; i++) {
        if (v->ranking[i] >= m->rel)
            sum += reads;
        reads *= m->p;
    }
    return (1 - m->p) * sum;
}

const struct measure_kind measure_rbp = {
    .names = {"RBP"},
    .trec_other = "rbp",
    .trec_hint = "RBP, or RBP(p=0.9), which it is for judgements of 0 and 1",
    .about =
        "rank-biased precision: (1 - p) times the sum of p^(rank - 1) over relevant documents, "
        "RBP(p=0.95)\n"
        "for a patient reader; without it p is 0.8 (Moffat and Zobel 2008)",
    .cutoff = CUTOFF_OPTIONAL,
    .uses_p = 1,
    .score = score,
};
