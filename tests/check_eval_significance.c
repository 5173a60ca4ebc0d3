/* check_eval_significance.c -- tests of significance against scipy, and the laws that they keep. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdarg.h>

#include "base/lines.h"
#include "eval/distributions.h"
#include "eval/s_tests.h"
#include "tests/eval_fixture.h"

enum { N_MAX = 1000 };

static double a[N_MAX], b[N_MAX];

static struct significance compare(const struct significance_test *test, size_t n)
{
    struct significance s;
    struct err err = {0};

    ck_assert_ok(significance_compare(&s, test, a, b, n, 1, NULL, &err), &err);
    return s;
}

/* Values like those of a measure: a grid of tenths every other time, so that there are ties. */
static size_t random_values(unsigned seed)
{
    size_t n;

    rng_state = seed;
    n = 1 + rng(60);
    for (size_t i = 0; i < n; i++) {
        a[i] = seed % 2 ? rng(11) / 10.0 : rng(10001) / 1e4;
        b[i] = rng(4) ? (seed % 2 ? rng(11) / 10.0 : rng(10001) / 1e4) : a[i];
    }
    return n;
}

/* ---- golden values ---- */

/* The next line of the file, parsed: as many items as the format has. */
static void next_line(struct lines *in, int items, const char *format, ...)
{
    struct err err = {0};
    va_list args;
    char *line;
    size_t n;

    ck_assert_msg(lines_next(&line, &n, in, &err) == 1, "the file ends early");
    va_start(args, format);
    ck_assert_msg(vsscanf(line, format, args) == items, "%s", line);
    va_end(args);
}

static int is_near(double x, double want, double relative)
{
    return isnan(want) ? isnan(x) : fabs(x - want) <= relative * fabs(want);
}

static void check_case(struct lines *in, const char *name, size_t n)
{
    double statistic, p, deviation;
    struct significance s;
    int exact;

    ck_assert_uint_le(n, N_MAX);
    for (size_t i = 0; i < n; i++)
        next_line(in, 2, "%lf %lf", &a[i], &b[i]);
    next_line(in, 2, "t %lf %lf", &statistic, &p);
    s = compare(&significance_t, n);
    ck_assert_msg(is_near(s.statistic, statistic, 1e-9) && is_near(s.p, p, 1e-9),
                  "%s: t is %.17g, p %.17g", name, s.statistic, s.p);
    next_line(in, 3, "wilcoxon %lf %lf %d", &statistic, &p, &exact);
    s = compare(&significance_wilcoxon, n);
    ck_assert_msg(s.statistic == statistic && is_near(s.p, p, 1e-9) && s.exact == exact,
                  "%s: W is %.17g, p %.17g", name, s.statistic, s.p);
    next_line(in, 1, "randomisation %lf", &p);
    s = compare(&significance_randomisation, n);
    /* 100,000 samples: five standard deviations, and the one that is added */
    deviation = s.exact ? 1e-9 * p : 5 * sqrt(p * (1 - p) / 1e5) + 1e-5;
    ck_assert_msg(fabs(s.p - p) <= deviation, "%s: randomisation has p %.17g", name, s.p);
    ck_assert_msg(s.exact == (s.wins + s.losses <= 32 || fabs(s.difference) < 1e-14), "%s: sampled",
                  name);
}

static void check_holm(struct lines *in, size_t n)
{
    double p[20], want[20], got[20];
    struct err err = {0};

    ck_assert_uint_le(n, 20);
    for (size_t i = 0; i < n; i++)
        next_line(in, 2, "%lf %lf", &p[i], &want[i]);
    ck_assert_ok(significance_holm(got, p, n, &err), &err);
    for (size_t i = 0; i < n; i++)
        ck_assert_msg(is_near(got[i], want[i], 1e-14), "%g becomes %.17g", p[i], got[i]);
}

static void check_beta(struct lines *in, size_t n)
{
    double p, q, x, y, want;

    for (size_t i = 0; i < n; i++) {
        next_line(in, 5, "%lf %lf %lf %lf %lf", &p, &q, &x, &y, &want);
        ck_assert_msg(fabs(incomplete_beta(p, q, x, y) - want) <= 1e-10 * want + 1e-300,
                      "I_%g(%g, %g) is %.17g, not %.17g", x, p, q, incomplete_beta(p, q, x, y),
                      want);
    }
}

START_TEST(significance_is_that_of_scipy)
{
    struct lines *in = NULL;
    struct err err = {0};
    char *line, kind[16], name[40];
    size_t n, cases = 0;

    ck_assert_ok(lines_open(&in, source_path("tests/golden/significance.txt"), &err), &err);
    for (; lines_next(&line, &n, in, &err) == 1; cases++) {
        if (sscanf(line, "case %39s %zu", name, &n) == 2) {
            check_case(in, name, n);
            continue;
        }
        ck_assert_int_eq(sscanf(line, "%15s %zu", kind, &n), 2);
        if (!strcmp(kind, "holm"))
            check_holm(in, n);
        else
            check_beta(in, n);
    }
    ck_assert_ok(err.code, &err);
    ck_assert_uint_eq(cases, 23);
    lines_close(in);
}
END_TEST

/* ---- laws ---- */

START_TEST(two_runs_may_change_places)
{
    for (unsigned seed = 1; seed <= 60; seed++) {
        size_t n = random_values(seed);

        for (size_t t = 0; significance_tests[t]; t++) {
            struct significance s = compare(significance_tests[t], n), r;
            struct err err = {0};

            ck_assert_ok(significance_compare(&r, significance_tests[t], b, a, n, 1, NULL, &err),
                         &err);
            ck_assert_msg(s.p == r.p || isnan(s.p + r.p), "%s: %.17g and %.17g",
                          significance_tests[t]->name, s.p, r.p);
            ck_assert(s.wins == r.losses && s.losses == r.wins && s.ties == r.ties);
            ck_assert_uint_eq(s.wins + s.ties + s.losses, n);
            ck_assert_double_eq(s.difference, -r.difference);
            ck_assert(isnan(s.p) || (s.p > 0 && s.p <= 1));
        }
    }
}
END_TEST

START_TEST(the_unit_of_a_measure_does_not_matter)
{
    static const double units[] = {0x1p-600, 0x1p600, 100, 1e-3};

    for (unsigned seed = 1; seed <= 40; seed++)
        for (size_t u = 0; u < sizeof units / sizeof *units; u++) {
            size_t n = random_values(seed);
            double p[3];

            for (size_t t = 0; t < 3; t++)
                p[t] = compare(significance_tests[t], n).p;
            for (size_t i = 0; i < n; i++) {
                a[i] *= units[u];
                b[i] *= units[u];
            }
            for (size_t t = 0; t < 3; t++)
                ck_assert_msg(is_near(compare(significance_tests[t], n).p, p[t], 1e-9),
                              "%s: p is %g, and in another unit %g", significance_tests[t]->name,
                              p[t], compare(significance_tests[t], n).p);
        }
}
END_TEST

/* All 2^n signs, one by one. */
static double by_enumeration(size_t n)
{
    double seen = 0, hits = 0;

    for (size_t i = 0; i < n; i++)
        seen += b[i] - a[i];
    for (unsigned signs = 0; signs < 1u << n; signs++) {
        double sum = 0;

        for (size_t i = 0; i < n; i++)
            sum += signs >> i & 1 ? b[i] - a[i] : a[i] - b[i];
        hits += fabs(sum) >= fabs(seen) - 1e-12;
    }
    return hits / (double)(1u << n);
}

START_TEST(halves_count_what_all_signs_count)
{
    for (unsigned seed = 1; seed <= 60; seed++) {
        size_t n = random_values(seed) % 13 + 1;
        struct significance s = compare(&significance_randomisation, n);

        ck_assert_int_eq(s.exact, 1);
        ck_assert_double_eq_tol(s.p, by_enumeration(n), 1e-12);
    }
}
END_TEST

START_TEST(samples_come_from_the_seed)
{
    struct significance_options opt[] = {{1000, 1}, {1000, 1}, {1000, 2}, {0, 1}, {100000, 1}};
    struct significance s[5];
    struct err err = {0};

    rng_state = 9;
    for (size_t i = 0; i < 200; i++) {
        a[i] = rng(1000) / 1000.0;
        b[i] = rng(1000) / 1000.0;
    }
    for (size_t i = 0; i < 5; i++)
        ck_assert_ok(
            significance_compare(&s[i], &significance_randomisation, a, b, 200, 1, &opt[i], &err),
            &err);
    ck_assert(s[0].p == s[1].p && s[0].p != s[2].p && s[0].p != s[3].p && s[3].p == s[4].p);
    /* a difference beyond all samples: the least p that samples can show */
    for (size_t i = 0; i < 200; i++)
        b[i] = a[i] + 1;
    ck_assert_ok(
        significance_compare(&s[0], &significance_randomisation, a, b, 200, 1, &opt[0], &err),
        &err);
    ck_assert_double_eq(s[0].p, 1.0 / 1001);
}
END_TEST

START_TEST(holm_keeps_order_and_leaves_out_what_is_no_p)
{
    double p[] = {0.04, NAN, 0.01, 0.03, NAN, 0.9}, out[6];
    struct err err = {0};

    ck_assert_ok(significance_holm(out, p, 6, &err), &err);
    ck_assert_double_eq_tol(out[2], 0.04, 1e-15); /* 4 of them, not 6 */
    ck_assert_double_eq_tol(out[3], 0.09, 1e-15);
    ck_assert_double_eq_tol(out[0], 0.09, 1e-15); /* 0.08 would be below that of 0.03 */
    ck_assert_double_eq(out[5], 0.9);
    ck_assert(isnan(out[1]) && isnan(out[4]));
    ck_assert_ok(significance_holm(p, p, 6, &err), &err);
    ck_assert_double_eq(p[0], out[0]);
    ck_assert_ok(significance_holm(p, p, 0, &err), &err);
}
END_TEST

/* ---- hostile input ---- */

START_TEST(values_that_are_no_numbers_are_refused)
{
    const double bad[] = {NAN, INFINITY, -INFINITY};
    struct significance s = {.p = 0.5};
    struct err err = {0};

    for (size_t t = 0; significance_tests[t]; t++) {
        const struct significance_test *test = significance_tests[t];

        for (size_t i = 0; i < 3; i++) {
            size_t n = 1 + random_values(20 + (unsigned)i);

            a[n - 1] = bad[i];
            b[n - 1] = 0;
            ck_assert_err(significance_compare(&s, test, a, b, n, 1, NULL, &err), E_INVALID,
                          "have no difference", &err);
            ck_assert_err(significance_compare(&s, test, b, a, n, 1, NULL, &err), E_INVALID,
                          "have no difference", &err);
        }
        a[0] = 1e308, b[0] = -1e308;
        ck_assert_err(significance_compare(&s, test, a, b, 1, 1, NULL, &err), E_INVALID,
                      "query 1: ", &err);
        ck_assert_err(significance_compare(&s, test, a, b, 0, 1, NULL, &err), E_INVALID, "no query",
                      &err);
    }
    ck_assert_double_eq(s.p, 0.5); /* kept */
    ck_assert_ptr_null(significance_find("z"));
    ck_assert_ptr_eq(significance_find("wilcoxon"), &significance_wilcoxon);
}
END_TEST

START_TEST(rounding_is_no_difference)
{
    for (size_t i = 0; i < 40; i++) {
        a[i] = (double)i / 10;
        b[i] = nextafter(a[i], i % 3 ? 10 : -10);
    }
    for (size_t t = 0; significance_tests[t]; t++) {
        struct significance s = compare(significance_tests[t], 40);

        ck_assert_uint_eq(s.ties, 40);
        ck_assert_double_eq(s.p, 1);
        ck_assert_double_eq(s.difference, 0);
    }
    /* the same small step everywhere, from values that hold it with different errors */
    for (size_t i = 0; i < 40; i++)
        b[i] = a[i] + 1e-9;
    ck_assert(isnan(compare(&significance_t, 40).p));
    ck_assert_double_eq_tol(compare(&significance_wilcoxon, 40).p, 0x1p-39, 1e-20);
}
END_TEST

START_TEST(values_may_lie_in_columns)
{
    double columns[20];
    struct significance s, r;
    struct err err = {0};

    random_values(3);
    for (size_t i = 0; i < 10; i++) {
        columns[2 * i] = a[i];
        columns[2 * i + 1] = b[i];
    }
    s = compare(&significance_t, 10);
    ck_assert_ok(significance_compare(&r, &significance_t, columns, columns + 1, 10, 2, NULL, &err),
                 &err);
    ck_assert_double_eq(r.p, s.p);
}
END_TEST

START_TEST(testing_survives_each_failing_allocation)
{
    const size_t n[] = {10, 200}; /* exact and not */
    int rc;

    for (size_t t = 0; significance_tests[t]; t++)
        for (size_t i = 0; i < 2; i++) {
            for (size_t q = 0; q < n[i]; q++) {
                a[q] = 0;
                b[q] = (double)(q + 1);
            }
            FAIL_EACH_ALLOC(rc, {
                struct significance s = {.p = 2};
                struct err err = {0};

                rc = significance_compare(&s, significance_tests[t], a, b, n[i], 1, NULL, &err);
                ck_assert(rc == 0 || s.p == 2);
                if (!rc)
                    rc = significance_holm(&s.p, &s.p, 1, &err);
            });
        }
}
END_TEST

TCase *eval_significance(void)
{
    static const TTest *const *const tests[] = {
        &significance_is_that_of_scipy,
        &two_runs_may_change_places,
        &the_unit_of_a_measure_does_not_matter,
        &halves_count_what_all_signs_count,
        &samples_come_from_the_seed,
        &holm_keeps_order_and_leaves_out_what_is_no_p,
        &values_that_are_no_numbers_are_refused,
        &rounding_is_no_difference,
        &values_may_lie_in_columns,
        &testing_survives_each_failing_allocation,
    };
    TCase *tc = tcase_create("significance");

    tcase_set_timeout(tc, 60);
    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++)
        tcase_add_test(tc, *tests[i]);
    return tc;
}
