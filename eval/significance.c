/* significance.c -- the table of tests, what they share, and Holm's correction. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "eval/significance.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "eval/s_tests.h"

enum { SAMPLES = 100000 };

static const double NOISE = 1e-12; /* of the largest value */

const struct significance_test *const significance_tests[] = {
    &significance_t, &significance_randomisation, &significance_wilcoxon, NULL};

const struct significance_test *significance_find(const char *name)
{
    for (const struct significance_test *const *t = significance_tests; *t; t++)
        if (!strcmp((*t)->name, name))
            return *t;
    return NULL;
}

/* Fills d [n] with other - baseline.  The largest of them comes out by its absolute value, and the
 * largest of the values themselves, by whose rounding differences are uncertain. */
static int subtract(double *d, double *largest, double *largest_value, const double *baseline,
                    const double *other, size_t n, size_t stride, struct err *err)
{
    *largest = *largest_value = 0;
    for (size_t i = 0; i < n; i++) {
        double a = baseline[i * stride], b = other[i * stride];

        d[i] = b - a;
        if (!isfinite(a) || !isfinite(b) || !isfinite(d[i]))
            return err_set(err, E_INVALID, "query %zu: the values %g and %g have no difference",
                           i + 1, a, b);
        *largest = fmax(*largest, fabs(d[i]));
        *largest_value = fmax(*largest_value, fmax(fabs(a), fabs(b)));
    }
    return 0;
}

/* Scales the differences, sets those that are rounding to 0, counts signs, and takes the mean. */
static void prepare(struct significance *out, struct differences *in, double *d,
                    double largest_value)
{
    double sum = 0;

    in->noise = NOISE * fmax(1, largest_value / in->scale);
    for (size_t i = 0; i < in->n; i++) {
        d[i] /= in->scale;
        if (fabs(d[i]) <= in->noise)
            d[i] = 0;
        out->wins += d[i] > 0;
        out->losses += d[i] < 0;
        sum += d[i];
    }
    out->ties = in->n - out->wins - out->losses;
    in->mean = sum / (double)in->n;
    out->difference = in->mean * in->scale;
}

int significance_compare(struct significance *out, const struct significance_test *test,
                         const double *baseline, const double *other, size_t n, size_t stride,
                         const struct significance_options *opt, struct err *err)
{
    struct significance s = {.p = 1, .exact = 1};
    struct differences in = {.n = n, .opt = {.samples = SAMPLES}};
    double *d, largest_value;
    int rc;

    if (!n)
        return err_set(err, E_INVALID, "there is no query to compare");
    if (opt) {
        in.opt.seed = opt->seed;
        in.opt.samples = opt->samples ? opt->samples : SAMPLES;
    }
    d = mem_alloc(n, sizeof *d);
    if (!d)
        return err_nomem(err);
    rc = subtract(d, &in.scale, &largest_value, baseline, other, n, stride, err);
    s.ties = n;
    if (!rc && in.scale > 0) {
        in.d = d;
        prepare(&s, &in, d, largest_value);
        if (s.ties < n)
            rc = test->run(&s, &in, err);
    }
    if (!rc)
        *out = s;
    mem_free(d);
    return rc;
}

/* ---- Holm ---- */

struct ordered {
    double p;
    size_t at;
};

static int compare_ordered(const void *a, const void *b)
{
    const struct ordered *x = a, *y = b;

    return (x->p > y->p) - (x->p < y->p);
}

int significance_holm(double *adjusted, const double *p, size_t n, struct err *err)
{
    struct ordered *by_p = mem_alloc(n, sizeof *by_p);
    double least = 0;
    size_t m = 0;

    if (!by_p)
        return err_nomem(err);
    for (size_t i = 0; i < n; i++) {
        adjusted[i] = p[i];
        if (!isnan(p[i]))
            by_p[m++] = (struct ordered){p[i], i};
    }
    qsort(by_p, m, sizeof *by_p, compare_ordered);
    for (size_t i = 0; i < m; i++) {
        least = fmin(1, fmax(least, (double)(m - i) * by_p[i].p));
        adjusted[by_p[i].at] = least;
    }
    mem_free(by_p);
    return 0;
}
