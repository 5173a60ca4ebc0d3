/* bench.h -- a clock and percentiles for the benchmark drivers. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/err.h"

/* Seconds of a clock that only goes forward. */
static inline double bench_seconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static inline int bench_compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/* The p-th fraction (0..1) of n values, which it sorts. */
static inline double bench_percentile(double *values, size_t n, double p)
{
    qsort(values, n, sizeof *values, bench_compare);
    return n ? values[(size_t)(p * (double)(n - 1) + 0.5)] : 0;
}

/* Ends the program with the error's line. */
static inline void bench_need(int rc, const struct err *err)
{
    if (rc < 0) {
        fprintf(stderr, "bench: %s\n", err->text);
        exit(1);
    }
}

#endif
