/* significance.h -- is the difference of two runs more than chance?  Paired tests over queries.
 *
 *     const struct significance_test *t = significance_find("t");
 *     struct significance s;
 *     significance_compare(&s, t, baseline, other, n_queries, 1, NULL, &err);
 *     printf("%+.4f, p = %.4f\n", s.difference, s.p);
 *
 * All tests are two-sided and take the values of two runs for the same queries.  Which to choose: Smucker,
 * Allan and Carterette, "A Comparison of Statistical Significance Tests for Information Retrieval
 * Evaluation", CIKM 2007, and Urbano, Lima and Hanjalic, "Statistical Significance Testing in Information
 * Retrieval", SIGIR 2019, find the t-test and the randomisation test alike, Wilcoxon's weaker.
 *
 * Differences that only rounding can set apart (1e-12 of the largest value) are taken as equal: one that
 * small is none, and two that close are tied in Wilcoxon's ranks.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef EVAL_SIGNIFICANCE_H
#define EVAL_SIGNIFICANCE_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* What a test may be told.  Zeroed = defaults. */
struct significance_options {
    size_t samples; /* of the randomisation test where it is not exact; 0 = 100,000 */
    uint64_t seed;  /* of its random signs */
};

struct significance {
    size_t wins, ties, losses; /* queries where the other run is better, equal, worse */
    double difference;         /* mean of other - baseline */
    double statistic;          /* t; the smaller sum of ranks; the mean difference */
    double p;                  /* in 0..1; NaN if the test cannot be made of these values */
    int exact;                 /* 1: p is no approximation by a curve or by sampling */
};

struct differences; /* s_tests.h */

/* One row of the table; one file a test: s_NAME.c. */
struct significance_test {
    const char *name, *title; /* "t", "t-test" */
    const char *wants;        /* what it cannot do without, or NULL */
    const char *about;        /* definition and source */
    /* Sets statistic, p and exact of out.  0, or E_NOMEM. */
    int (*run)(struct significance *out, const struct differences *d, struct err *err);
};

/* NULL-terminated, the default first. */
extern const struct significance_test *const significance_tests[];

/* The row of that name, or NULL. */
const struct significance_test *significance_find(const char *name);

/* Tests whether two runs differ.
 *
 * baseline, other   [n] values of the same queries, stride apart (1 = one after the other).
 * opt               may be NULL.
 *
 * If no query differs, p is 1.  p is NaN only for the t-test, of one query or of differences that
 * are all the same.
 * Returns 0; E_INVALID if n is 0 or a value is not finite; E_NOMEM.
 */
int significance_compare(struct significance *out, const struct significance_test *test,
                         const double *baseline, const double *other, size_t n, size_t stride,
                         const struct significance_options *opt, struct err *err);

/* Corrects p-values for being many: whoever believes those with adjusted <= level believes one or more
 * wrongly with a chance of at most level.  Holm, "A Simple Sequentially Rejective Multiple Test Procedure", Scandinavian
 * Journal of Statistics 6(2), 1979.
 *
 * adjusted   [n], may be p itself; each >= its p and <= 1.
 * p          [n]; NaN stays NaN and does not count as a comparison.
 *
 * Returns 0 or E_NOMEM.
 */
int significance_holm(double *adjusted, const double *p, size_t n, struct err *err);

#endif
