/* m_ndcg.c -- normalised discounted cumulative gain.
 *
 * Jarvelin and Kekalainen, "Cumulated gain-based evaluation of IR techniques", ACM TOIS 20(4), 2002,
 * in the form of trec_eval (ndcg, ndcg_cut): the gain is the grade itself, not 2^grade - 1; the
 * discount is log2(rank + 1); the ideal ranking holds all judged documents of the query, cut
 * where the ranking is cut.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "eval/measures.h"

static double dcg(const int *grades, size_t n)
{
    double sum = 0;

    for (size_t i = 0; i < n; i++)
        if (grades[i] > 0)
            sum += grades[i] / log2((double)i + 2);
    return sum;
}

static double score(const struct measure *m, const struct view *v)
{
    size_t k = m->cutoff ? (size_t)m->cutoff : v->n_grades;
    double ideal = dcg(v->grades, k < v->n_grades ? k : v->n_grades);

    return ideal > 0 ? dcg(v->ranking, view_depth(m, v)) / ideal : 0;
}

const struct measure_kind measure_ndcg = {
    .names = {"nDCG"},
    .trec = "ndcg",
    .trec_cut = "ndcg_cut",
    .about = "normalised discounted cumulative gain: sum of grade / log2(rank + 1), divided by "
             "that of the\n"
             "best possible ranking (Jarvelin and Kekalainen 2002, linear gain as in trec_eval)",
    .cutoff = CUTOFF_OPTIONAL,
    .ignores_rel = 1,
    .score = score,
};
