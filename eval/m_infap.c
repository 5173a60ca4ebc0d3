/* m_infap.c -- inferred average precision, for pools of which only a sample was judged.
 *
 * Yilmaz and Aslam, "Estimating Average Precision with Incomplete and Imperfect Judgments", CIKM 2006,
 * eq. 3, as trec_eval computes it: at a relevant document of rank k, the k - 1 documents above are in the
 * pool at the rate that is seen there, and those in the pool are relevant at the rate of the judged
 * ones.  A negative grade says that a document is in the pool but was not judged.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include "eval/measures.h"

static const double EPSILON =
    0.00001; /* trec_eval's INFAP_EPSILON: smooths the rate of relevance */

/* The expected precision at a relevant document with this many documents above it: all, and of
 * those that are in the pool relevant, not relevant and not judged. */
static double precision(size_t above, size_t rel, size_t nonrel, size_t unjudged)
{
    double n = (double)above, pooled = (double)(rel + nonrel + unjudged);
    double rate = ((double)rel + EPSILON) / ((double)(rel + nonrel) + 2 * EPSILON);

    return above ? 1 / (n + 1) + (n / (n + 1)) * (pooled / n) * rate : 1;
}

static double score(const struct measure *m, const struct view *v)
{
    size_t n_rel = view_rel(v, m->rel), rel = 0, nonrel = 0, unjudged = 0;
    double sum = 0;

    for (size_t i = 0; i < v->n_ret; i++) {
        int grade = v->ranking[i];

        if (grade == NO_GRADE)
            continue;
        if (grade < 0)
            unjudged++;
        else if (grade < m->rel)
            nonrel++;
        else
            sum += precision(i, rel++, nonrel, unjudged);
    }
    return n_rel ? sum / (double)n_rel : 0;
}

const struct measure_kind measure_infap = {
    .names = {"infAP"},
    .trec = "infAP",
    .about =
        "inferred average precision, for pools judged in part: of the documents above a relevant "
        "one those\n"
        "with a negative grade (in the pool, not judged) count as relevant at the rate of the "
        "judged ones\n"
        "(Yilmaz and Aslam 2006)",
    .score = score,
};
