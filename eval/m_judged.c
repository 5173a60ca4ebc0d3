/* m_judged.c -- the share of the ranking that the qrels know, whatever the grade.
 *
 * As in ir-measures: divided by the documents that were found, not by k, if these are fewer.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include "eval/measures.h"

static double score(const struct measure *m, const struct view *v)
{
    size_t depth = view_depth(m, v), n = 0;

    for (size_t i = 0; i < depth; i++)
        n += v->ranking[i] != NO_GRADE;
    return depth ? (double)n / (double)depth : 0;
}

const struct measure_kind measure_judged = {
    .names = {"Judged"},
    .about = "share of the first k documents that have a judgement (ir-measures)",
    .cutoff = CUTOFF_OPTIONAL,
    .ignores_rel = 1,
    .score = score,
};
