/* check_model_numbers.h -- what the tests of arithmetic share: tables of kernels, sizes, numbers.
 *
 * Arrays are allocated to the exact size, so that ASan and valgrind see a read or write past the end.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_CHECK_MODEL_NUMBERS_H
#define TESTS_CHECK_MODEL_NUMBERS_H

#include <math.h>

#include "model/kernels.h"
#include "model/model.h"
#include "tests/testing.h"

/* Loop tests run over (table, shape). */
static const char *const tables[] = {"scalar", "avx2", "avx512"};
static const int sizes[] = {1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 100, 384, 1536};
enum {
    N_TABLES = sizeof tables / sizeof *tables,
    N_SIZES = sizeof sizes / sizeof *sizes,
    N_ROWS = N_TABLES * N_SIZES,
};

/* The table of a loop test; NULL if this processor has not got it. */
static inline const struct kernels *table_of(int i) { return kernels_find(tables[i / N_SIZES]); }
static inline int size_of(int i) { return sizes[i % N_SIZES]; }

static const int precisions[] = {MODEL_F32, MODEL_I8};

/* n numbers in -spread..spread. */
static inline float *numbers(int n, float spread, unsigned seed)
{
    float *x = mem_alloc((size_t)n, sizeof *x);

    for (int i = 0; i < n; i++)
        x[i] = spread * ((float)rand_r(&seed) / (float)RAND_MAX * 2 - 1);
    return x;
}

static inline float *copy_of(const float *x, int n)
{
    float *y = mem_alloc((size_t)n, sizeof *y);

    memcpy(y, x, (size_t)n * sizeof *y);
    return y;
}

/* |got - want| <= absolute + relative * |want|, element by element. */
static inline void assert_near(const float *got, const float *want, int n, float absolute,
                               float relative)
{
    for (int i = 0; i < n; i++)
        if (!(fabsf(got[i] - want[i]) <= absolute + relative * fabsf(want[i])))
            ck_abort_msg("element %d of %d: %.9g, want %.9g", i, n, (double)got[i],
                         (double)want[i]);
}

#endif
