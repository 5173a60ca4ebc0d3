/* m_bpref.c -- binary preference: only judged documents count.
 *
 * Buckley and Voorhees, "Retrieval Evaluation with Incomplete Information", SIGIR 2004, as trec_eval
 * has computed it since version 8: with R relevant and N judged non-relevant documents, a relevant
 * document with n > 0 judged non-relevant ones above it gets 1 - min(n, R) / min(N, R).
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include "eval/measures.h"

static size_t smaller(size_t a, size_t b) { return a < b ? a : b; }

/* Judged documents that are not relevant: grades in 0..rel-1. */
static size_t count_nonrel(const struct view *v, int rel)
{
    size_t n = 0;

    for (size_t i = 0; i < v->n_grades; i++)
        n += v->grades[i] >= 0 && v->grades[i] < rel;
    return n;
}

static double score(const struct measure *m, const struct view *v)
{
    size_t n_rel = view_rel(v, m->rel), n_nonrel = count_nonrel(v, m->rel), above = 0;
    double sum = 0;

    for (size_t i = 0; i < v->n_ret; i++) {
        int grade = v->ranking[i];

        if (grade < 0)
            continue;
        if (grade < m->rel)
            above++;
        else if (above)
            sum += 1 - (double)smaller(above, n_rel) / (double)smaller(n_nonrel, n_rel);
        else
            sum += 1;
    }
    return n_rel ? sum / (double)n_rel : 0;
}

const struct measure_kind measure_bpref = {
    .names = {"Bpref"},
    .trec = "bpref",
    .about =
        "binary preference: how rarely judged non-relevant documents stand above relevant ones;\n"
        "documents without a judgement are ignored (Buckley and Voorhees 2004)",
    .score = score,
};

const struct measure_kind measure_gm_bpref = {
    .names = {"gm_bpref"},
    .trec = "gm_bpref",
    .about = "geometric mean of Bpref over the queries, each at least 0.00001",
    .average = AVERAGE_GEOMETRIC,
    .score = score,
};
