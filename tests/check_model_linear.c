/* check_model_linear.c -- matrix products in float32, and layers in both precisions. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/check_model.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "model/gemm.h"
#include "model/linear.h"
#include "model/model.h"
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

START_TEST(float_products_are_right_and_rows_do_not_depend_on_their_place)
{
    const int m = products[_i][0], n = products[_i][1], k = products[_i][2];
    float *A = numbers(m * k, 1, 1), *w = numbers(n * k, 1, 2), *C = numbers(m * n, 0, 0);
    float *part = numbers(m * n, 0, 0);
    struct gemm *g = NULL;
    struct gemm_scratch *s = NULL;

    ck_assert_ok(gemm_new(&g, lib, w, n, k, &err), &err);
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

/* ---- layers ---- */

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
    ck_assert_double_ge(dot / sqrt(a2 * b2), 0.9999);
    for (int p = 0; p < 2; p++)
        mem_free(y[p]);
    mem_free(row);
    mem_free(x);
    mem_free(w);
    mem_free(b);
}
END_TEST

/* N: more panels than are done at a time, the last one narrow; a part may be empty. */
START_TEST(gated_layers_are_the_two_products_in_any_parts)
{
    enum { M = 37, N = 303, K = 96 };
    const struct kernels *k = kernels_best();
    float *x = numbers(M * K, 2, 1), *w[] = {numbers(N * K, 0.3f, 2), numbers(N * K, 0.3f, 3)};
    float *y[2] = {numbers(M * N, 0, 0), numbers(M * N, 0, 0)};
    float *got = numbers(M * N, 0, 0), *room = numbers(M * N, 0, 0);

    for (int p = 0; p < 2; p++) {
        struct linear *l[2] = {NULL, NULL};
        struct linear_scratch *s = NULL;

        for (int i = 0; i < 2; i++)
            ck_assert_ok(linear_new(&l[i], lib, precisions[p], w[i], NULL, N, K, &err), &err);
        ck_assert_ok(linear_scratch_new(&s, lib, N, K, &err), &err);
        for (int i = 0; i < 2; i++)
            ck_assert_ok(linear_run(y[i], l[i], k, s, x, M, i ? NULL : k->silu, &err), &err);
        for (int i = 0; i < M * N; i++)
            y[0][i] *= y[1][i];
        for (int parts = 1; parts <= 12; parts += 11) {
            memset(got, 0, M * N * sizeof *got);
            for (int part = parts; part--;)
                ck_assert_ok(
                    linear_run_gated(got, room, l[0], l[1], k, s, x, M, k->silu, part, parts, &err),
                    &err);
            ck_assert_mem_eq(got, y[0], M * N * sizeof *got);
        }
        linear_scratch_free(s);
        linear_free(l[0]);
        linear_free(l[1]);
    }
    for (int i = 0; i < 2; i++) {
        mem_free(w[i]);
        mem_free(y[i]);
    }
    mem_free(x);
    mem_free(got);
    mem_free(room);
}
END_TEST

TCase *linear_tests(void)
{
    TCase *tc = tcase_create("linear");

    tcase_set_tags(tc, "heavy"); /* arithmetic alone: minutes under valgrind, nothing new to see */
    tcase_add_checked_fixture(tc, open_lib, close_lib);
    tcase_add_loop_test(tc, float_products_are_right_and_rows_do_not_depend_on_their_place, 0,
                        N_PRODUCTS);
    tcase_add_test(tc, products_survive_each_failing_allocation);
    tcase_add_test(tc, layers_in_8_bits_are_near_those_in_float32);
    tcase_add_test(tc, gated_layers_are_the_two_products_in_any_parts);
    return tc;
}
