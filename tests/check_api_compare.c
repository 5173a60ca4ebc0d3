/* check_api_compare.c -- tables of comparisons: which measures, what is corrected, memory running out. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/api_fixture.h"

#include "api/compare.h"

enum { N_QUERIES = 5 };

/* Two measures of five queries: by the first the other run is always better by ever more, by the
 * second never. */
static double low[] = {0, 1, 0, 1, 0, 1, 0, 1, 0, 1};
static double high[] = {0.1, 1, 0.2, 1, 0.3, 1, 0.4, 1, 0.5, 1};
static double low_mean[] = {0, 1}, high_mean[] = {0.3, 1};

/* All rows of a table over two measures.  Returns 0 or what failed. */
static int fill(struct comparisons *c, struct err *err)
{
    const struct eval_result
        a = {.n_queries = N_QUERIES, .n_measures = 2, .values = low, .mean = low_mean},
        b = {.n_queries = N_QUERIES, .n_measures = 2, .values = high, .mean = high_mean};
    struct measure m[2];
    int rc = measure_parse(&m[0], "AP", err);

    if (!rc)
        rc = measure_parse(&m[1], "RR@10", err);
    for (size_t i = 0; i < 2 && !rc; i++)
        rc = comparisons_add(c, "set", "old", "new", &a, &b, m, i, err);
    return rc ? rc : comparisons_correct(c, err);
}

START_TEST(rows_are_corrected_together)
{
    struct comparisons c = {.test = significance_find("randomisation")};
    struct err err = {0};

    ck_assert_ok(fill(&c, &err), &err);
    ck_assert_uint_eq(c.n, 2);
    ck_assert_str_eq(c.rows[0].measure, "AP");
    ck_assert_double_eq(c.rows[0].s.p, 2.0 / 32);
    ck_assert_double_eq(c.rows[0].holm, 4.0 / 32);
    ck_assert_uint_eq(c.rows[0].s.wins, 5);
    ck_assert_double_eq(c.rows[1].s.p, 1);
    ck_assert_double_eq(c.rows[1].holm, 1);
    comparisons_clear(&c);
}
END_TEST

START_TEST(counts_and_geometric_means_are_not_compared)
{
    static const char *const names[] = {"num_q", "num_ret", "gm_map", "gm_bpref"};
    struct measure m[2];
    struct err err = {0};

    ck_assert_ok(measure_parse(&m[0], "nDCG@10", &err), &err);
    ck_assert_ok(comparisons_check(m, 1, &err), &err);
    for (size_t i = 0; i < 4; i++) {
        ck_assert_ok(measure_parse(&m[1], names[i], &err), &err);
        ck_assert_err(comparisons_check(m, 2, &err), E_INVALID, names[i], &err);
    }
}
END_TEST

START_TEST(comparing_survives_each_failing_allocation)
{
    int rc;

    for (size_t t = 0; significance_tests[t]; t++)
        FAIL_EACH_ALLOC(rc, {
            struct comparisons c = {.test = significance_tests[t]};
            struct err err = {0};
            struct jout j = {0};

            rc = fill(&c, &err);
            if (!rc) {
                jout_open(&j, NULL, '{');
                comparisons_json(&c, &j);
                jout_close(&j);
                rc = buf_error(&j.b);
                buf_clear(&j.b);
            }
            comparisons_clear(&c);
        });
}
END_TEST

TCase *compare_tests(void)
{
    TCase *tc = tcase_create("compare.c");

    tcase_add_test(tc, rows_are_corrected_together);
    tcase_add_test(tc, counts_and_geometric_means_are_not_compared);
    tcase_add_test(tc, comparing_survives_each_failing_allocation);
    return tc;
}
