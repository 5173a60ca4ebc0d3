/* s_randomisation.c -- Fisher's randomisation test of the mean difference.
 *
 * Fisher, "The Design of Experiments", 1935, section 21; for retrieval Smucker, Allan and Carterette, CIKM
 * 2007.  If the runs were alike, each query's difference might as well have the other sign: p is the
 * share of all 2^n choices of signs whose mean is as far from 0 as the one that was seen.
 *
 * With up to EXACT_MAX differences other than 0 all choices are counted, by halves: the sums of each half
 * in order, then one walk over both (Horowitz and Sahni, J. ACM 21(2), 1974; Pagano and Tritchler, JASA
 * 78, 1983, count them otherwise).  Above, signs are drawn, and p = (hits + 1) / (samples + 1), which
 * keeps the level: Phipson and Smyth, Stat. Appl. Genet. Mol. Biol. 9(1), 2010.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "eval/s_tests.h"

enum { EXACT_MAX = 32, BYTE = 256 };

/* What sums of n numbers up to 1 in another order may differ by: rounding, 64 times over. */
static double tolerance(size_t n) { return (double)n * 0x1p-46; }

/* ---- all signs ---- */

/* Fills sums [2^n] with those of d [n] under all signs, ascending; spare [2^n] is scratch. */
static void all_sums(double *sums, double *spare, const double *d, size_t n)
{
    size_t len = 1;

    sums[0] = 0;
    for (size_t i = 0; i < n; i++, len *= 2) {
        const double x = fabs(d[i]);
        size_t low = 0, high = 0; /* of sums - x, of sums + x */

        for (size_t at = 0; at < 2 * len; at++)
            if (high == len || (low < len && sums[low] - x <= sums[high] + x))
                spare[at] = sums[low++] - x;
            else
                spare[at] = sums[high++] + x;
        memcpy(sums, spare, 2 * len * sizeof *sums);
    }
}

/* The pairs of a sum of a [n_a] and one of b [n_b], both ascending, that are at least `least`. */
static uint64_t count_pairs(const double *a, size_t n_a, const double *b, size_t n_b, double least)
{
    uint64_t count = 0;
    size_t from = n_b; /* b[from..) are large enough beside a[i] */

    for (size_t i = 0; i < n_a; i++) {
        while (from > 0 && a[i] + b[from - 1] >= least)
            from--;
        count += n_b - from;
    }
    return count;
}

/* d [n] without zeros. */
static int exactly(double *p, const double *d, size_t n, double seen, struct err *err)
{
    const size_t half = n / 2, n_a = (size_t)1 << half, n_b = (size_t)1 << (n - half);
    double *a = mem_alloc(n_a, sizeof *a), *b = mem_alloc(n_b, sizeof *b),
           *spare = mem_alloc(n_b, sizeof *spare);
    int rc = 0;

    if (a && b && spare) {
        all_sums(a, spare, d, half);
        all_sums(b, spare, d + half, n - half);
        /* Sums come in pairs x, -x: those below count as many as those above. */
        *p = 2 * (double)count_pairs(a, n_a, b, n_b, seen) / ((double)n_a * (double)n_b);
    } else {
        rc = err_nomem(err);
    }
    mem_free(a);
    mem_free(b);
    mem_free(spare);
    return rc;
}

/* ---- drawn signs ---- */

/* Steele, Lea and Flood, "Fast Splittable Pseudorandom Number Generators", OOPSLA 2014 (SplitMix64). */
static uint64_t next_random(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

/* Fills sums [groups, 256]: for each eight of d [n] their sum under the signs of a byte's bits. */
static void sums_by_byte(double *sums, const double *d, size_t n)
{
    for (size_t first = 0; first < n; first += 8)
        for (unsigned byte = 0; byte < BYTE; byte++) {
            double sum = 0;

            for (size_t i = 0; i < 8 && first + i < n; i++)
                sum += byte >> i & 1 ? d[first + i] : -d[first + i];
            *sums++ = sum;
        }
}

static int by_sampling(double *p, const double *d, size_t n, double seen,
                       const struct significance_options *opt, struct err *err)
{
    const size_t groups = (n + 7) / 8;
    double *sums = mem_alloc(groups, BYTE * sizeof *sums);
    uint64_t state = opt->seed, bits = 0;
    size_t hits = 0;

    if (!sums)
        return err_nomem(err);
    sums_by_byte(sums, d, n);
    for (size_t s = 0; s < opt->samples; s++) {
        double sum = 0;

        for (size_t g = 0; g < groups; g++) {
            bits = g % 8 ? bits >> 8 : next_random(&state);
            sum += sums[g * BYTE + bits % BYTE];
        }
        hits += fabs(sum) >= seen;
    }
    *p = ((double)hits + 1) / ((double)opt->samples + 1);
    mem_free(sums);
    return 0;
}

static int run(struct significance *out, const struct differences *in, struct err *err)
{
    double *d = mem_alloc(in->n, sizeof *d), sum = 0, seen;
    size_t n = 0;
    int rc = 0;

    if (!d)
        return err_nomem(err);
    for (size_t i = 0; i < in->n; i++)
        if (in->d[i] != 0) {
            d[n++] = in->d[i];
            sum += in->d[i];
        }
    seen = fabs(sum) - tolerance(n);
    out->statistic = out->difference;
    out->exact = n <= EXACT_MAX || seen <= 0;
    if (seen <= 0)
        out->p = 1;
    else if (out->exact)
        rc = exactly(&out->p, d, n, seen, err);
    else
        rc = by_sampling(&out->p, d, n, seen, &in->opt, err);
    mem_free(d);
    return rc;
}

const struct significance_test significance_randomisation = {
    .name = "randomisation",
    .title = "randomisation test",
    .about =
        "Fisher's randomisation test: how often random signs of the differences give a mean as far "
        "from 0; exact up to 32 differences other than 0, else sampled with a seed (Fisher 1935; "
        "Smucker et al. 2007)",
    .run = run,
};
