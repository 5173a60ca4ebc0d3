/* m_rprec.c -- precision at rank R, where R documents are relevant.
 *
 * Buckley and Voorhees, "Retrieval System Evaluation", in: TREC, MIT Press 2005, chapter 3.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include "eval/measures.h"

static double score(const struct measure *m, const struct view *v)
{
    size_t n_rel = view_rel(v, m->rel), depth = n_rel < v->n_ret ? n_rel : v->n_ret;

    return n_rel ? (double)view_rel_ret(v, m->rel, depth) / (double)n_rel : 0;
}

const struct measure_kind measure_rprec = {
    .names = {"Rprec"},
    .trec = "Rprec",
    .about = "precision at rank R when R documents are relevant; equals recall there\n"
             "(Buckley and Voorhees 2005)",
    .score = score,
};
