/* m_set.c -- the ranking as a set: precision, recall and their harmonic mean over all that was found. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "eval/measures.h"

static double precision(const struct measure *m, const struct view *v)
{
    return v->n_ret ? (double)view_rel_ret(v, m->rel, v->n_ret) / (double)v->n_ret : 0;
}

static double recall(const struct measure *m, const struct view *v)
{
    size_t n_rel = view_rel(v, m->rel);

    return n_rel ? (double)view_rel_ret(v, m->rel, v->n_ret) / (double)n_rel : 0;
}

static double f1(const struct measure *m, const struct view *v)
{
    double p = precision(m, v), r = recall(m, v);

    return p > 0 && r > 0 ? 2 * p * r / (p + r) : 0;
}

const struct measure_kind measure_set_p = {
    .names = {"SetP"},
    .trec = "set_P",
    .about = "precision of all that was found",
    .score = precision,
};

const struct measure_kind measure_set_r = {
    .names = {"SetR"},
    .trec = "set_recall",
    .about = "recall of all that was found",
    .score = recall,
};

const struct measure_kind measure_set_f = {
    .names = {"SetF"},
    .trec = "set_F",
    .about = "harmonic mean of SetP and SetR (F1)",
    .score = f1,
};
