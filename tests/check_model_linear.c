/* check_model_linear.c -- matrix products, quantised weights, and the layers made of both. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/check_model.h"

#include <math.h>
#include <stdint.h>

#include "model/gemm.h"
#include "model/linear.h"
#include "model/model.h"
#include "model/quantise.h"
#include "tests/check_model_numbers.h"

static struct err err;

/* ---- large products ---- */

static struct gemm_lib *lib;

static void open_lib(void) { ck_assert_ok(gemm_lib_open(&lib, &err), &err); }
static void close_lib(void) { gemm_lib_close(lib); }

static const int products[][3] = {/* m, n, k */
                                  {1, 1, 1},      {3, 5, 7},       {4, 16, 64},    {5, 33, 47},
                                  {17, 64, 32},   {63, 96, 33},    {64, 384, 384}, {65, 31, 128},
                                  {130, 48, 100}, {21, 1152, 384}, {23, 384, 1536}};
enum { N_PRODUCTS = sizeof products / sizeof *products };

START_TEST(integer_products_are_exact)
{
    const int m = products[_i][0], n = products[_i][1], k = products[_i][2];
    const int max = gemm_max_weight();
    uint8_t *A = mem_alloc((size_t)(m * k), 1);
    int8_t *w = mem_alloc((size_t)(n * k), 1);
    int32_t *C = mem_alloc((size_t)(m * n), sizeof *C);
    struct gemm *g = NULL;
    struct gemm_scratch *s = NULL;
    unsigned seed = 3;

    /* mostly the largest there are, which is where 16-bit sums would saturate */
    for (int i = 0; i < m * k; i++)
        A[i] = (uint8_t)(rand_r(&seed) % 3 ? 255 : rand_r(&seed) % 256);
    for (int i = 0; i < n * k; i++)
        w[i] = (int8_t)(rand_r(&seed) % 3 ? (rand_r(&seed) % 9 ? max : -max)
                                          : rand_r(&seed) % (2 * max + 1) - max);
    ck_assert_ok(gemm_new_i8(&g, lib, w, n, k, &err), &err);
    ck_assert_ok(gemm_scratch_new(&s, lib, &err), &err);
    ck_assert_ok(gemm_run(C, g, s, A, m, &err), &err);
    for (int i = 0; i < m; i++)
        for (int j = 0; j < n; j++) {
            int32_t want = 0;

            for (int p = 0; p < k; p++)
                want += A[i * k + p] * w[j * k + p];
            if (C[i * n + j] != want)
                ck_abort_msg("[%d,%d]: %d, want %d", i, j, C[i * n + j], want);
        }
    gemm_scratch_free(s);
    gemm_free(g);
    mem_free(A);
    mem_free(w);
    mem_free(C);
}
END_TEST

START_TEST(float_products_are_right_and_rows_do_not_depend_on_their_place)
{
    const int m = products[_i][0], n = products[_i][1], k = products[_i][2];
    float *A = numbers(m * k, 1, 1), *w = numbers(n * k, 1, 2), *C = numbers(m * n, 0, 0);
    float *part = numbers(m * n, 0, 0);
    struct gemm *g = NULL;
    struct gemm_scratch *s = NULL;

    ck_assert_ok(gemm_new_f32(&g, lib, w, n, k, &err), &err);
    ck_assert_ok(gemm_scratch_new(&s, lib, &err), &err);
    ck_assert_ok(gemm_run(C, g, s, A, m, &err), &err);
    for (int i = 0; i < m; i++)
        for (int j = 0; j < n; j++) {
            double want = 0;

            for (int p = 0; p < k; p++)
                want += (double)A[i * k + p] * (double)w[j * k + p];
            if (fabs((double)C[i * n + j] - want) > k * 1.2e-7)
                ck_abort_msg("[%d,%d]: %g, want %g", i, j, (double)C[i * n + j], want);
        }
    for (int first = 0; first < m; first += 1 + m / 7)
        for (int rows = 1; first + rows <= m; rows = rows * 2 + 1) {
            ck_assert_ok(gemm_run(part, g, s, A + first * k, rows, &err), &err);
            ck_assert_mem_eq(part, C + first * n, (size_t)(rows * n) * sizeof *C);
        }
    gemm_scratch_free(s);
    gemm_free(g);
    mem_free(A);
    mem_free(w);
    mem_free(C);
    mem_free(part);
}
END_TEST

START_TEST(products_survive_each_failing_allocation)
{
    float *w = numbers(12 * 20, 1, 1), b[12] = {0};
    int rc;

    FAIL_EACH_ALLOC(rc, {
        struct gemm_lib *own = NULL;
        struct linear *l = NULL;
        struct linear_scratch *s = NULL;

        err_clear(&err);
        rc = gemm_lib_open(&own, &err);
        if (!rc)
            rc = linear_new(&l, own, MODEL_I8, w, b, 12, 20, &err);
        if (!rc)
            rc = linear_scratch_new(&s, own, 12, 20, &err);
        linear_scratch_free(s);
        linear_free(l);
        gemm_lib_close(own);
    });
    mem_free(w);
}
END_TEST

/* ---- weights and layers ---- */

START_TEST(weights_are_within_half_a_step)
{
    static const int maxima[] = {63, 127};
    const int n = size_of(_i);
    float *w = numbers(n, 0.2f, 1), scale, middle, sum, range;
    int8_t *q = mem_alloc((size_t)n, 1);

    for (int m = 0; m < 2; m++) {
        double total = 0;
        float least = w[0], most = w[0];
        int lowest = 0, highest = 0;

        quantise_weights(q, &scale, &middle, &sum, w, n, maxima[m]);
        for (int i = 0; i < n; i++) {
            ck_assert_float_le(fabsf(scale * q[i] + middle - w[i]), scale * 0.501f + 1e-7f);
            lowest = q[i] < lowest ? q[i] : lowest;
            highest = q[i] > highest ? q[i] : highest;
            least = w[i] < least ? w[i] : least;
            most = w[i] > most ? w[i] : most;
            total += (double)scale * q[i] + (double)middle;
        }
        range = most - least;
        if (range > 0) { /* the range is used */
            ck_assert_int_eq(lowest, -maxima[m]);
            ck_assert_int_eq(highest, maxima[m]);
        }
        ck_assert_float_le(fabsf(2 * scale * (float)maxima[m] - range), 1e-6f * range);
        ck_assert_double_le(fabs((double)sum - total), 1e-5);
    }
    memset(w, 0, (size_t)n * sizeof *w);
    quantise_weights(q, &scale, &middle, &sum, w, n, 127);
    ck_assert_float_eq(scale, 0);
    ck_assert_float_eq(sum, 0);
    w[0] = INFINITY;
    w[n - 1] = NAN;
    quantise_weights(q, &scale, &middle, &sum, w, n, 127);
    ck_assert(!isfinite(scale));
    mem_free(w);
    mem_free(q);
}
END_TEST

START_TEST(layers_in_8_bits_are_near_those_in_float32)
{
    enum { M = 50, N = 72, K = 96 };
    const struct kernels *k = kernels_best();
    float *x = numbers(M * K, 2, 1), *w = numbers(N * K, 0.3f, 2), *b = numbers(N, 1, 3);
    float *y[2], *row = numbers(N, 0, 0);
    double dot = 0, a2 = 0, b2 = 0;

    for (int i = 0; i < M * K; i++)
        x[i] += 1; /* asymmetric, as activations are */
    for (int p = 0; p < 2; p++) {
        struct linear *l = NULL;
        struct linear_scratch *s = NULL;

        y[p] = numbers(M * N, 0, 0);
        ck_assert_ok(linear_new(&l, lib, precisions[p], w, b, N, K, &err), &err);
        ck_assert_ok(linear_scratch_new(&s, lib, N, K, &err), &err);
        ck_assert_ok(linear_run(y[p], l, k, s, x, M, k->relu, &err), &err);
        for (int i = 0; i < M; i += 7) { /* a row alone gives the same bits */
            ck_assert_ok(linear_run(row, l, k, s, x + i * K, 1, k->relu, &err), &err);
            ck_assert_mem_eq(row, y[p] + i * N, N * sizeof *row);
        }
        linear_scratch_free(s);
        linear_free(l);
    }
    for (int i = 0; i < M * N; i++) {
        dot += (double)y[0][i] * (double)y[1][i];
        a2 += (double)y[0][i] * (double)y[0][i];
        b2 += (double)y[1][i] * (double)y[1][i];
        ck_assert_float_ge(y[1][i], 0);
    }
    ck_assert_double_ge(dot / sqrt(a2 * b2), gemm_max_weight() == 127 ? 0.9999 : 0.9995);
    for (int p = 0; p < 2; p++)
        mem_free(y[p]);
    mem_free(row);
    mem_free(x);
    mem_free(w);
    mem_free(b);
}
END_TEST

START_TEST(one_large_entry_in_a_row_costs_the_others_nothing)
{
    enum { N = 40, K = 96 };
    float *x = numbers(K, 2, 1), *w = numbers(N * K, 0, 2), b[N] = {0}, y[2][N];

    x[17] = 150; /* 8 bits over -2..150 would be steps of 0.6, over -2..2 they are of 0.016 */
    for (int i = 0; i < N * K; i++)
        w[i] = (float)(i * 31 % 37 % 3 - 1); /* exact in 8 bits */
    for (int p = 0; p < 2; p++) {
        struct linear *l = NULL;
        struct linear_scratch *s = NULL;

        ck_assert_ok(linear_new(&l, lib, precisions[p], w, b, N, K, &err), &err);
        ck_assert_ok(linear_scratch_new(&s, lib, N, K, &err), &err);
        ck_assert_ok(linear_run(y[p], l, kernels_best(), s, x, 1, NULL, &err), &err);
        linear_scratch_free(s);
        linear_free(l);
    }
    for (int i = 0; i < N; i++) /* errors of at most 0.008, of both signs */
        ck_assert_float_le(fabsf(y[0][i] - y[1][i]), 0.15f);
    mem_free(x);
    mem_free(w);
}
END_TEST

TCase *linear_tests(void)
{
    TCase *tc = tcase_create("linear");

    tcase_set_tags(tc, "heavy"); /* arithmetic alone: minutes under valgrind, nothing new to see */
    tcase_add_checked_fixture(tc, open_lib, close_lib);
    tcase_add_loop_test(tc, integer_products_are_exact, 0, N_PRODUCTS);
    tcase_add_loop_test(tc, float_products_are_right_and_rows_do_not_depend_on_their_place, 0,
                        N_PRODUCTS);
    tcase_add_test(tc, products_survive_each_failing_allocation);
    tcase_add_loop_test(tc, weights_are_within_half_a_step, 0, N_SIZES);
    tcase_add_test(tc, layers_in_8_bits_are_near_those_in_float32);
    tcase_add_test(tc, one_large_entry_in_a_row_costs_the_others_nothing);
    return tc;
}
