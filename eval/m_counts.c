/* m_counts.c -- numbers of queries and documents; over all queries these are sums.
 *
 * num_rel heeds the least relevant grade with and without missing queries; trec_eval forgets it (and
 * counts every grade above 0) when -c and -l are given together.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include "eval/measures.h"

static double one(const struct measure *m, const struct view *v)
{
    (void)m, (void)v;
    return 1;
}

static double ret(const struct measure *m, const struct view *v)
{
    (void)m;
    return (double)v->n_ret;
}

static double rel(const struct measure *m, const struct view *v)
{
    return (double)view_rel(v, m->rel);
}

static double rel_ret(const struct measure *m, const struct view *v)
{
    return (double)view_rel_ret(v, m->rel, v->n_ret);
}

const struct measure_kind measure_num_q = {
    .names = {"NumQ"},
    .trec = "num_q",
    .about = "queries that the averages are over",
    .average = AVERAGE_SUM,
    .ignores_rel = 1,
    .is_count = 1,
    .score = one,
};

const struct measure_kind measure_num_ret = {
    .names = {"NumRet"},
    .trec = "num_ret",
    .about = "documents found; the sum over the queries",
    .average = AVERAGE_SUM,
    .ignores_rel = 1,
    .is_count = 1,
    .score = ret,
};

const struct measure_kind measure_num_rel = {
    .names = {"NumRel"},
    .trec = "num_rel",
    .about = "relevant documents in the qrels; the sum over the queries",
    .average = AVERAGE_SUM,
    .is_count = 1,
    .score = rel,
};

const struct measure_kind measure_num_rel_ret = {
    .names = {"NumRelRet"},
    .trec = "num_rel_ret",
    .about = "relevant documents found; the sum over the queries",
    .average = AVERAGE_SUM,
    .is_count = 1,
    .score = rel_ret,
};
