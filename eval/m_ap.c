/* m_ap.c -- average precision, and its geometric mean over queries.
 *
 * Buckley and Voorhees, "Retrieval System Evaluation", in: TREC, MIT Press 2005, chapter 3.
 * Robertson, "On GMAP: and other transformations", CIKM 2006; trec_eval's floor is 0.00001.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include "eval/measures.h"

static double score(const struct measure *m, const struct view *v)
{
    size_t depth = view_depth(m, v), n_rel = view_rel(v, m->rel), found = 0;
    double sum = 0;

    for (size_t i = 0; i < depth; i++)
        if (v->ranking[i] >= m->rel)
            sum += (double)++found / (double)(i + 1);
    return n_rel ? sum / (double)n_rel : 0;
}

const struct measure_kind measure_ap = {
    .names = {"AP", "MAP"},
    .trec = "map",
    .trec_cut = "map_cut",
    .about = "average precision: the precision at each relevant document of the ranking, summed "
             "and divided\n"
             "by the number of relevant documents (Buckley and Voorhees 2005)",
    .cutoff = CUTOFF_OPTIONAL,
    .score = score,
};

const struct measure_kind measure_gm_map = {
    .names = {"gm_map", "GMAP"},
    .trec = "gm_map",
    .about = "geometric mean of AP over the queries, each at least 0.00001 (Robertson 2006)",
    .average = AVERAGE_GEOMETRIC,
    .score = score,
};
