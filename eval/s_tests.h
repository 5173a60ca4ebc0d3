/* s_tests.h -- what a test of significance sees, and the tests there are. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef EVAL_S_TESTS_H
#define EVAL_S_TESTS_H

#include "eval/significance.h"

/* Differences of n > 0 queries, not all of them 0, divided by the largest so that squares and sums
 * neither overflow nor vanish. */
struct differences {
    const double *d; /* [n] in -1..1; exactly 0 for a tie */
    size_t n;
    double scale; /* what they were divided by: > 0 */
    double mean;  /* of d */
    double noise; /* up to this two of d differ by rounding alone */
    struct significance_options opt;
};

extern const struct significance_test significance_t, significance_wilcoxon,
    significance_randomisation;

#endif
