/* s_wilcoxon.c -- Wilcoxon's signed-rank test.
 *
 * Wilcoxon, "Individual Comparisons by Ranking Methods", Biometrics Bulletin 1(6), 1945: queries without
 * a difference are dropped, the others ranked by its absolute value, tied ones by their mean rank, and
 * the ranks of each sign added.  Up to EXACT_MAX queries the distribution of the sum under random signs is
 * computed in full, with the ties that there are; above, the normal curve with the variance reduced for
 * ties and without correction for continuity (Pratt and Gibbons, "Concepts of Nonparametric Theory",
 * 1981, chapter 3).
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "eval/distributions.h"
#include "eval/s_tests.h"

enum { EXACT_MAX = 500 };

static int compare_absolute(const void *a, const void *b)
{
    double x = fabs(*(const double *)a), y = fabs(*(const double *)b);

    return (x > y) - (x < y);
}

/* Ranks of d [n], sorted by absolute value: twice the mean rank, a whole number even for ties. */
static void rank_twice(size_t *ranks, const double *d, size_t n, double noise)
{
    size_t end;

    for (size_t i = 0; i < n; i = end) {
        end = i + 1;
        while (end < n && fabs(d[end]) - fabs(d[end - 1]) <= noise)
            end++;
        for (size_t j = i; j < end; j++)
            ranks[j] = i + 1 + end;
    }
}

/* The chance that ranks [n] with random signs have positive ones of at most `sum` together.
 * chance [sum + 1] is scratch: of each sum of the ranks so far. */
static double chance_up_to(size_t sum, const size_t *ranks, size_t n, double *chance)
{
    double total = 0;

    memset(chance, 0, (sum + 1) * sizeof *chance);
    chance[0] = 1;
    for (size_t i = 0; i < n; i++)
        for (size_t s = sum + 1; s-- > 0;)
            chance[s] = (chance[s] + (s >= ranks[i] ? chance[s - ranks[i]] : 0)) / 2;
    for (size_t s = 0; s <= sum; s++)
        total += chance[s];
    return total;
}

/* Twice the smaller sum of ranks against the normal curve. */
static double approximate(size_t sum, const size_t *ranks, size_t n)
{
    double mean = 0, variance = 0;

    for (size_t i = 0; i < n; i++) {
        mean += (double)ranks[i] / 2;
        variance += (double)ranks[i] * (double)ranks[i] / 4;
    }
    return normal_two_sided(((double)sum - mean) / sqrt(variance));
}

static int run(struct significance *out, const struct differences *in, struct err *err)
{
    double *d = mem_alloc(in->n, sizeof *d), *chance = NULL;
    size_t *ranks = mem_alloc(in->n, sizeof *ranks), n = 0, sum[2] = {0, 0}, least;
    int rc = 0;

    if (!d || !ranks) {
        rc = err_nomem(err);
        goto done;
    }
    for (size_t i = 0; i < in->n; i++)
        if (in->d[i] != 0)
            d[n++] = in->d[i];
    qsort(d, n, sizeof *d, compare_absolute);
    rank_twice(ranks, d, n, in->noise);
    for (size_t i = 0; i < n; i++)
        sum[d[i] > 0] += ranks[i];
    least = sum[0] < sum[1] ? sum[0] : sum[1];
    out->statistic = (double)least / 2;
    out->exact = n <= EXACT_MAX;
    if (!out->exact) {
        out->p = approximate(least, ranks, n);
        goto done;
    }
    chance = mem_alloc(least + 1, sizeof *chance);
    if (chance)
        out->p = fmin(1, 2 * chance_up_to(least, ranks, n, chance));
    else
        rc = err_nomem(err);
done:
    mem_free(chance);
    mem_free(ranks);
    mem_free(d);
    return rc;
}

const struct significance_test significance_wilcoxon = {
    .name = "wilcoxon",
    .title = "Wilcoxon signed-rank test",
    .about =
        "Wilcoxon's signed-rank test: the ranks of the differences, those of 0 left out; exact "
        "up to 500 differences, ties among them too, and the normal curve above (Wilcoxon 1945)",
    .run = run,
};
