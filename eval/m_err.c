/* m_err.c -- expected reciprocal rank: a reader goes down the ranking until a document satisfies.
 *
 * Chapelle, Metzler, Zhang and Grinspan, "Expected Reciprocal Rank for Graded Relevance", CIKM 2009,
 * algorithm 2: a document of grade g satisfies with probability (2^g - 1) / 2^max, and max is 4 as in
 * gdeval.pl of the TREC Web tracks, so that values are comparable between collections.  gdeval refuses
 * grades above 4; here they count as 4.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include "eval/measures.h"

enum { GRADE_MAX = 4 };

static double satisfies(int grade)
{
    if (grade > GRADE_MAX)
        grade = GRADE_MAX;
    return grade > 0 ? (double)((1 << grade) - 1) / (1 << GRADE_MAX) : 0;
}

static double score(const struct measure *m, const struct view *v)
{
    size_t depth = view_depth(m, v);
    double sum = 0, still_reads = 1;

    for (size_t i = 0; i < depth; i++) {
        double r = satisfies(v->ranking[i]);

        sum += r * still_reads / (double)(i + 1);
        still_reads *= 1 - r;
    }
    return sum;
}

const struct measure_kind measure_err = {
    .names = {"ERR"},
    .about =
        "expected reciprocal rank: mean of 1 / the rank where a reader stops, whom a document of "
        "grade g\n"
        "satisfies with probability (2^g - 1) / 16; grades above 4 count as 4 (Chapelle et al. "
        "2009, as gdeval)",
    .cutoff = CUTOFF_OPTIONAL,
    .ignores_rel = 1,
    .score = score,
};
