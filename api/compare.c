/* compare.c -- see compare.h. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "api/compare.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const double LEVEL = 0.05; /* below it a comparison has a star */

int comparisons_check(const struct measure *measures, size_t n, struct err *err)
{
    for (size_t i = 0; i < n; i++)
        if (measure_is_count(&measures[i]) || !measure_is_per_query(&measures[i]))
            return err_set(err, E_INVALID, "'%s' cannot be compared: it is no mean over queries",
                           measures[i].name);
    return 0;
}

/* A copy that lives as long as the rows; "" is not NULL, which stands for no memory. */
static const char *keep(struct comparisons *c, const char *text)
{
    return arena_dup(&c->texts, text, strlen(text));
}

int comparisons_add(struct comparisons *c, const char *dataset, const char *baseline,
                    const char *run, const struct eval_result *baseline_result,
                    const struct eval_result *result, const struct measure *measures, size_t m,
                    struct err *err)
{
    struct comparison row = {.n_queries = result->n_queries,
                             .baseline_mean = baseline_result->mean[m],
                             .mean = result->mean[m]};
    int rc;

    if (mem_reserve((void **)&c->rows, &c->cap, c->n + 1, sizeof *c->rows))
        return err_nomem(err);
    row.baseline = keep(c, baseline);
    row.run = keep(c, run);
    row.measure = keep(c, measures[m].name);
    row.dataset = dataset ? keep(c, dataset) : NULL;
    if (!row.baseline || !row.run || !row.measure || (dataset && !row.dataset))
        return err_nomem(err);
    rc = significance_compare(&row.s, c->test, baseline_result->values + m, result->values + m,
                              result->n_queries, result->n_measures, &c->opt, err);
    if (!rc)
        c->rows[c->n++] = row;
    return rc;
}

int comparisons_correct(struct comparisons *c, struct err *err)
{
    double *p = mem_alloc(c->n, sizeof *p);
    int rc;

    if (!p)
        return err_nomem(err);
    for (size_t i = 0; i < c->n; i++)
        p[i] = c->rows[i].s.p;
    rc = significance_holm(p, p, c->n, err);
    for (size_t i = 0; i < c->n && !rc; i++)
        c->rows[i].holm = p[i];
    mem_free(p);
    return rc;
}

/* ---- printing ---- */

/* Comparisons that have a p: NaN is none. */
static size_t count_tested(const struct comparisons *c)
{
    size_t n = 0;

    for (size_t i = 0; i < c->n; i++)
        if (!isnan(c->rows[i].s.p))
            n++;
    return n;
}

void comparisons_describe(const struct comparisons *c)
{
    const size_t n = count_tested(c);

    printf("%s, two-sided; Holm's correction for %zu comparison%s\n", c->test->title, n,
           n == 1 ? "" : "s");
}

static void print_p(double p, int width)
{
    if (isnan(p))
        printf("  %*s", width, "-");
    else if (p < 0.00005)
        printf("  %*s", width, "<0.0001");
    else
        printf("  %*.4f", width, p);
}

static void print_row(const struct comparison *r, const int *widths)
{
    if (r->dataset)
        printf("%-*s  ", widths[0], r->dataset);
    printf("%-*s  %-*s  %8.4f  %8.4f", widths[1], r->measure, widths[2], r->run, r->baseline_mean,
           r->mean);
    printf(r->s.difference == 0 ? "  %8.4f" : "  %+8.4f", r->s.difference);
    printf("  %5zu  %5zu  %6zu", r->s.wins, r->s.ties, r->s.losses);
    print_p(r->s.p, 7);
    print_p(r->holm, 7);
    puts(r->holm < LEVEL ? " *" : "");
}

static void widen(int *width, const char *text)
{
    const int n = text ? (int)strlen(text) : 0;

    *width = n > *width ? n : *width;
}

void comparisons_print(const struct comparisons *c)
{
    int widths[] = {7, 7, 6}, n_stars = 0;

    for (size_t i = 0; i < c->n; i++) {
        widen(&widths[0], c->rows[i].dataset);
        widen(&widths[1], c->rows[i].measure);
        widen(&widths[2], c->rows[i].run);
        n_stars += c->rows[i].holm < LEVEL;
    }
    if (c->n && c->rows[0].dataset)
        printf("%-*s  ", widths[0], "dataset");
    printf("%-*s  %-*s  %8s  %8s  %8s  %5s  %5s  %6s  %7s  %7s\n", widths[1], "measure", widths[2],
           "run", "baseline", "mean", "diff", "wins", "ties", "losses", "p", "Holm");
    for (size_t i = 0; i < c->n; i++)
        print_row(&c->rows[i], widths);
    if (n_stars)
        printf("* significant at %g after the correction\n", LEVEL);
    if (count_tested(c) < c->n)
        printf("- no p: the %s wants %s\n", c->test->title, c->test->wants);
}

void comparisons_json(const struct comparisons *c, struct jout *j)
{
    jout_text(j, "test", c->test->name);
    jout_count(j, "n_comparisons", count_tested(c));
    jout_open(j, "comparisons", '[');
    for (size_t i = 0; i < c->n; i++) {
        const struct comparison *r = &c->rows[i];

        jout_open(j, NULL, '{');
        if (r->dataset)
            jout_text(j, "dataset", r->dataset);
        jout_text(j, "measure", r->measure);
        jout_text(j, "baseline", r->baseline);
        jout_text(j, "run", r->run);
        jout_count(j, "n_queries", r->n_queries);
        jout_number(j, "baseline_mean", r->baseline_mean);
        jout_number(j, "mean", r->mean);
        jout_number(j, "difference", r->s.difference);
        jout_count(j, "wins", r->s.wins);
        jout_count(j, "ties", r->s.ties);
        jout_count(j, "losses", r->s.losses);
        jout_number(j, "statistic", r->s.statistic);
        jout_number(j, "p", r->s.p);
        jout_number(j, "p_holm", r->holm);
        jout_bool(j, "exact", r->s.exact);
        jout_close(j);
    }
    jout_close(j);
}

void comparisons_clear(struct comparisons *c)
{
    arena_clear(&c->texts);
    mem_free(c->rows);
    c->rows = NULL;
    c->n = c->cap = 0;
}
