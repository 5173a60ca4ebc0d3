/* m_rr.c -- reciprocal rank of the first relevant document; its mean is MRR.
 *
 * Voorhees, "The TREC-8 Question Answering Track Report", TREC 1999.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include "eval/measures.h"

static double score(const struct measure *m, const struct view *v)
{
    size_t depth = view_depth(m, v);

    for (size_t i = 0; i < depth; i++)
        if (v->ranking[i] >= m->rel)
            return 1 / (double)(i + 1);
    return 0;
}

const struct measure_kind measure_rr = {
    .names = {"RR", "MRR"},
    .trec = "recip_rank",
    .about = "reciprocal rank: 1 / rank of the first relevant document, 0 if there is none among "
             "the first k\n"
             "(Voorhees 1999)",
    .cutoff = CUTOFF_OPTIONAL,
    .score = score,
};
