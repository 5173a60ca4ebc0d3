/* compare.h -- comparisons of runs with a baseline: collected, corrected for their number, printed. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef API_COMPARE_H
#define API_COMPARE_H

#include <stddef.h>

#include "api/jout.h"
#include "base/err.h"
#include "base/mem.h"
#include "eval/eval.h"
#include "eval/significance.h"

/* One run against its baseline by one measure. */
struct comparison {
    const char *dataset; /* NULL if there is but one */
    const char *baseline, *run, *measure;
    size_t n_queries; /* paired */
    double baseline_mean, mean;
    struct significance s;
    double holm; /* p corrected for all comparisons of the table */
};

/* Zeroed but for test and opt = none yet. */
struct comparisons {
    const struct significance_test *test;
    struct significance_options opt;
    struct comparison *rows; /* [n] */
    size_t n, cap;
    struct arena texts; /* of the rows */
};

/* Refuses measures that have no mean of values of queries: counts, geometric means. */
int comparisons_check(const struct measure *measures, size_t n, struct err *err);

/* Compares by measure m of two results that are paired (eval_pair); the texts are copied. */
int comparisons_add(struct comparisons *c, const char *dataset, const char *baseline,
                    const char *run, const struct eval_result *baseline_result,
                    const struct eval_result *result, const struct measure *measures, size_t m,
                    struct err *err);

/* Sets holm of all rows: after the last was added. */
int comparisons_correct(struct comparisons *c, struct err *err);

/* "t-test, two-sided; Holm's correction for 4 comparisons" */
void comparisons_describe(const struct comparisons *c);

/* The table, and what its marks mean. */
void comparisons_print(const struct comparisons *c);

/* Members "test" and "comparisons" of an object that is open. */
void comparisons_json(const struct comparisons *c, struct jout *j);

void comparisons_clear(struct comparisons *c);

#endif
