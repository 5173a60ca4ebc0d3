/* check_model_kernels.c -- rows and small products: each fast table against the scalar one, and that
 * against libm. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/check_model.h"

#include <math.h>
#include <stdint.h>

#include "model/kernels.h"
#include "model/session_inside.h"
#include "tests/check_model_numbers.h"

static const struct kernels *const scalar = &kernels_scalar;

/* ---- rows ---- */

START_TEST(rows_are_added_and_scaled_alike)
{
    const struct kernels *k = table_of(_i);
    const int n = size_of(_i);
    float *x = numbers(n, 1, 1), *y = numbers(n, 1, 2), *want = copy_of(y, n);

    if (k) {
        k->add(y, x, n);
        scalar->add(want, x, n);
        ck_assert_mem_eq(y, want, (size_t)n * sizeof *y); /* one rounding */
        for (int i = 0; i < n; i += 2)
            y[i] = want[i] = -want[i];
        k->max(y, x, n);
        scalar->max(want, x, n);
        ck_assert_mem_eq(y, want, (size_t)n * sizeof *y);
        k->scale(y, 0.3f, n);
        scalar->scale(want, 0.3f, n);
        ck_assert_mem_eq(y, want, (size_t)n * sizeof *y);
    }
    mem_free(x);
    mem_free(y);
    mem_free(want);
}
END_TEST

static void (*activation(const struct kernels *k, int i))(float *, int)
{
    return i == 0 ? k->gelu : i == 1 ? k->gelu_tanh : i == 2 ? k->silu : k->relu;
}

START_TEST(activations_agree)
{
    const struct kernels *k = table_of(_i);
    const int n = size_of(_i);

    for (int op = 0; k && op < 4; op++) {
        float *x = numbers(n, 9, (unsigned)op), *want = copy_of(x, n);

        activation(k, op)(x, n);
        activation(scalar, op)(want, n);
        assert_near(x, want, n, op == 3 ? 0 : 1e-6f, 0); /* polynomials to 4e-8 times |x| <= 9 */
        mem_free(x);
        mem_free(want);
    }
}
END_TEST

START_TEST(gelu_is_within_a_millionth_of_libm)
{
    const struct kernels *k = kernels_find(tables[_i]);
    enum { N = 200001 };
    float *x = mem_alloc(N, sizeof *x);

    for (int op = 0; k && op < 2; op++) {
        for (int i = 0; i < N; i++)
            x[i] = (float)(i - N / 2) * 1e-4f;
        (op ? k->gelu_tanh : k->gelu)(x, N);
        for (int i = 0; i < N; i++) {
            double t = (double)((float)(i - N / 2) * 1e-4f);
            double z = 0.79788456080286536 * (t + 0.044715 * t * t * t);
            double want = t / 2 * (1 + (op ? tanh(z) : erf(t * 0.70710678118654752)));

            if (!(fabs((double)x[i] - want) <= 1e-6))
                ck_abort_msg("op %d at %g: %.9g, want %.9g", op, t, (double)x[i], want);
        }
    }
    mem_free(x);
}
END_TEST

START_TEST(exp_is_within_3e_7_of_libm)
{
    const struct kernels *k = kernels_find(tables[_i]);
    enum { N = 100001 };
    float *x = mem_alloc(N, sizeof *x), sum;
    double want_sum = 0;

    for (int i = 0; i < N; i++)
        x[i] = 5 - (float)i * 9e-4f; /* 0 to -90 below the largest */
    if (k) {
        sum = k->softmax_exp(x, 1, N);
        for (int i = 0; i < N; i++) {
            double t = (double)(5 - (float)i * 9e-4f) - 5, want = t < -87 ? 0 : exp(t);

            want_sum += want;
            if (!(fabs((double)x[i] - want) <= 3e-7 * want))
                ck_abort_msg("at %g: %.9g, want %.9g", t, (double)x[i], want);
        }
        ck_assert_double_le(fabs((double)sum - want_sum), 1e-5 * want_sum);
    }
    mem_free(x);
}
END_TEST

START_TEST(softmax_agrees_and_forgets_the_far_below)
{
    const struct kernels *k = table_of(_i);
    const int n = size_of(_i);
    float *x = numbers(n, 40, 1), *want;

    x[n / 3] = -1000;
    x[n - 1] = 39;
    want = copy_of(x, n);
    if (k) {
        float sum = k->softmax_exp(x, 0.7f, n), want_sum = scalar->softmax_exp(want, 0.7f, n);

        assert_near(x, want, n, 0, 6e-7f); /* two errors of 3e-7 */
        assert_near(&sum, &want_sum, 1, 0, 1e-6f);
        if (n > 3)
            ck_assert_float_eq(x[n / 3], 0);
    }
    mem_free(x);
    mem_free(want);
}
END_TEST

START_TEST(layer_norm_agrees)
{
    const struct kernels *k = table_of(_i);
    const int n = size_of(_i);
    float *x = numbers(n, 4, 1), *r = numbers(n, 2, 2), *gamma = numbers(n, 1, 3);
    float *beta = numbers(n, 1, 4), *y = numbers(n, 0, 0), *want = numbers(n, 0, 0);

    for (int i = 0; k && i < 3; i++) {
        const float *residual = i ? r : NULL;

        scalar->layer_norm(want, x, residual, gamma, beta, 1e-5f, n);
        if (i == 2) { /* in place, over the residual */
            memcpy(y, r, (size_t)n * sizeof *y);
            residual = y;
        }
        k->layer_norm(y, x, residual, gamma, beta, 1e-5f, n);
        /* numbers of size 4 to 24 bits, twice; two elements that nearly agree blow it up */
        assert_near(y, want, n, n < 4 ? 1e-3f : 1e-5f, 1e-5f);
    }
    mem_free(x);
    mem_free(r);
    mem_free(gamma);
    mem_free(beta);
    mem_free(y);
    mem_free(want);
}
END_TEST

START_TEST(rms_norm_agrees)
{
    const struct kernels *k = table_of(_i);
    const int n = size_of(_i);
    float *x = numbers(n, 4, 1), *gamma = numbers(n, 1, 3);
    float *y = numbers(n, 0, 0), *want = numbers(n, 0, 0);

    if (k) {
        scalar->rms_norm(want, x, gamma, 1e-5f, n);
        k->rms_norm(y, x, gamma, 1e-5f, n);
        assert_near(y, want, n, 1e-6f, 1e-6f);
        k->rms_norm(x, x, gamma, 1e-5f, n);
        ck_assert_mem_eq(x, y, (size_t)n * sizeof *x);
    }
    mem_free(x);
    mem_free(gamma);
    mem_free(y);
    mem_free(want);
}
END_TEST

START_TEST(silu_is_x_times_its_logistic_far_out_too)
{
    const struct kernels *k = kernels_find(tables[_i]);
    float x[] = {0, -0.0f, 1, -1, 20, -20, 80, -80, 1000, -1000, 3e38f, -3e38f, 1e-30f};
    enum { N = sizeof x / sizeof *x };

    if (k) {
        float want[N];

        for (int i = 0; i < N; i++)
            want[i] = (float)((double)x[i] / (1 + exp(-(double)x[i])));
        k->silu(x, N);
        assert_near(x, want, N, 1e-7f, 1e-6f);
    }
}
END_TEST

START_TEST(rows_are_multiplied_alike)
{
    const struct kernels *k = table_of(_i);
    const int n = size_of(_i);
    float *x = numbers(n, 4, 1), *y = numbers(n, 2, 2), *want = copy_of(y, n);

    if (k) {
        scalar->multiply(want, x, n);
        k->multiply(y, x, n);
        ck_assert_mem_eq(y, want, (size_t)n * sizeof *y);
    }
    mem_free(x);
    mem_free(y);
    mem_free(want);
}
END_TEST

/* ---- small products ---- */

static const int shapes[][3] = {/* m, n, k */
                                {1, 1, 1},    {1, 16, 3},    {2, 17, 5},    {3, 31, 16},
                                {4, 32, 7},   {5, 33, 32},   {7, 8, 100},   {8, 64, 32},
                                {9, 65, 33},  {15, 100, 64}, {16, 32, 257}, {17, 9, 12},
                                {8, 256, 32}, {13, 15, 1}};
enum { N_SHAPES = sizeof shapes / sizeof *shapes };

START_TEST(small_products_agree)
{
    const struct kernels *k = kernels_find(tables[_i / N_SHAPES]);
    const int *s = shapes[_i % N_SHAPES], m = s[0], n = s[1], p = s[2];
    const int lda = p + 3, ldb = n + 2, ldc = n + 1;
    float *A = numbers((m - 1) * lda + p, 1, 1), *B = numbers((p - 1) * ldb + n, 1, 2);
    float *C = numbers((m - 1) * ldc + n, 0, 0), *want = copy_of(C, (m - 1) * ldc + n);
    float *row = numbers(n, 0, 0);

    if (k) {
        k->matmul(C, ldc, A, lda, B, ldb, m, n, p);
        scalar->matmul(want, ldc, A, lda, B, ldb, m, n, p);
        /* p terms of up to 1, each rounded to 24 bits; gaps between rows stay 0 */
        assert_near(C, want, (m - 1) * ldc + n, (float)p * 1.2e-7f, 0);
        for (int i = 0; i < m; i++) { /* a row alone gives the same bits */
            k->matmul(row, n, A + i * lda, lda, B, ldb, 1, n, p);
            ck_assert_mem_eq(row, C + i * ldc, (size_t)n * sizeof *row);
        }
    }
    mem_free(A);
    mem_free(B);
    mem_free(C);
    mem_free(want);
    mem_free(row);
}
END_TEST

/* The upper halves of x [n]; the caller's. */
static uint16_t *halves_of(const float *x, int n)
{
    uint16_t *half = mem_alloc((size_t)n, sizeof *half);

    ck_assert_ptr_nonnull(half);
    for (int i = 0; i < n; i++) {
        uint32_t bits;

        memcpy(&bits, &x[i], sizeof bits);
        ck_assert_uint_eq(bits & 0xffff, 0);
        half[i] = (uint16_t)(bits >> 16);
    }
    return half;
}

/* To eight bits of fraction, as bfloat16 has them. */
static void coarsen(float *x, int n)
{
    for (int i = 0; i < n; i++)
        x[i] = ldexpf(rintf(ldexpf(x[i], 7)), -7);
}

START_TEST(products_of_bfloat16_agree_and_go_on_from_stretch_to_stretch)
{
    static const int products[][3] = {
        {1, 1, 1}, {5, 13, 33}, {6, 64, 128}, {28, 64, 301}, {50, 70, 130}};
    const int *s = products[_i], m = s[0], n = s[1], p = s[2], lda = p + 3, ldb = n + 2,
              ldc = n + 1;
    matmul_bf16_fn *matmul = kernels_matmul_bf16(kernels_best());
    float *A = numbers((m - 1) * lda + p, 1, 1), *B = numbers((p - 1) * ldb + n, 1, 2);
    float *C = numbers((m - 1) * ldc + n, 0, 0), *want = copy_of(C, (m - 1) * ldc + n);
    float *row = numbers(n, 0, 0);
    uint16_t *half;

    coarsen(A, (m - 1) * lda + p);
    coarsen(B, (p - 1) * ldb + n);
    half = halves_of(B, (p - 1) * ldb + n);
    if (matmul) {
        for (int i = 0; i < m && p > 2; i++)
            A[i * lda] = A[i * lda + 1] = 0;
        matmul(C, ldc, A, lda, half, ldb, m, n, p);
        scalar->matmul(want, ldc, A, lda, B, ldb, m, n, p);
        assert_near(C, want, (m - 1) * ldc + n, (float)p * 1.2e-7f, 0);
        for (int i = 0; i < m;
             i++) { /* a row alone, and without what counts for nothing: the same bits */
            const int skip = p > 2 ? 2 : 0;

            matmul(row, n, A + i * lda + skip, lda, half + skip * ldb, ldb, 1, n, p - skip);
            ck_assert_mem_eq(row, C + i * ldc, (size_t)n * sizeof *row);
        }
    }
    mem_free(A);
    mem_free(B);
    mem_free(C);
    mem_free(want);
    mem_free(row);
    mem_free(half);
}
END_TEST

START_TEST(products_of_bfloat16_round_their_left_side_halves_to_even)
{
    enum { M = 7, P = 45, N = 35 };
    matmul_bf16_fn *matmul = kernels_matmul_bf16(kernels_best());
    float *A = numbers(M * P, 3, 3), *B = numbers(P * N, 1, 4), *rounded;
    float C[M * N], want[M * N];
    uint16_t *half;

    for (int i = 0; i < M * P; i += 3) { /* halfway, below an even and an odd number */
        uint32_t bits;

        memcpy(&bits, &A[i], sizeof bits);
        bits = (bits & 0xffff0000u) | 0x8000u;
        memcpy(&A[i], &bits, sizeof bits);
    }
    rounded = copy_of(A, M * P);
    session_round(rounded, M * P);
    coarsen(B, P * N);
    half = halves_of(B, P * N);
    for (int i = 0; i < M * P; i++)
        ck_assert_double_le(fabs((double)rounded[i] - (double)A[i]), fabs((double)A[i]) / 256);
    if (matmul) {
        matmul(C, N, A, P, half, N, M, N, P);
        matmul(want, N, rounded, P, half, N, M, N, P);
        ck_assert_mem_eq(C, want, sizeof C);
        scalar->matmul(want, N, rounded, P, B, N, M, N, P);
        assert_near(C, want, M * N, P * 3 * 1.2e-7f, 0);
    }
    mem_free(A);
    mem_free(B);
    mem_free(rounded);
    mem_free(half);
}
END_TEST

START_TEST(codes_become_the_same_numbers)
{
    static const int widths[] = {8, 4, 2};
    const struct kernels *k = table_of(_i);
    const int n = size_of(_i);

    for (int w = 0; k && w < 3; w++) {
        const int bits = widths[w], bytes = (n * bits + 7) / 8;
        uint8_t *codes = mem_alloc((size_t)bytes, 1); /* no byte more, for the sanitizer to see */
        float *y = numbers(n + 1, 1, 1), *want = copy_of(y, n + 1);

        for (int i = 0; i < bytes; i++)
            codes[i] = (uint8_t)(i * 157 + 41);
        k->unpack(y, codes, bits, -1.7f, 0.31f, n);
        scalar->unpack(want, codes, bits, -1.7f, 0.31f, n);
        ck_assert_mem_eq(y, want, (size_t)(n + 1) * sizeof *y);
        ck_assert(want[0] == -1.7f + 0.31f * (float)(41 & ((1 << bits) - 1)));
        mem_free(codes);
        mem_free(y);
        mem_free(want);
    }
}
END_TEST

START_TEST(matrices_are_transposed)
{
    const struct kernels *k = kernels_find(tables[_i / N_SHAPES]);
    const int *s = shapes[_i % N_SHAPES], m = s[1], n = s[2], ldx = n + 2, ldy = m + 5;
    float *x = numbers((m - 1) * ldx + n, 1, 1), *y = numbers((n - 1) * ldy + m, 0, 0);

    if (k) {
        k->transpose(y, ldy, x, ldx, m, n);
        for (int j = 0; j < n; j++)
            for (int i = 0; i < ldy && j * ldy + i < (n - 1) * ldy + m; i++)
                if (y[j * ldy + i] != (i < m ? x[i * ldx + j] : 0))
                    ck_abort_msg("row %d, column %d is wrong", j, i);
    }
    mem_free(x);
    mem_free(y);
}
END_TEST

START_TEST(the_best_table_is_one_that_can_be_found)
{
    ck_assert_ptr_eq(kernels_find(kernels_best()->name), kernels_best());
    ck_assert_ptr_eq(kernels_find("scalar"), &kernels_scalar);
    ck_assert_ptr_null(kernels_find("sse9"));
    ck_assert_ptr_null(kernels_find(""));
}
END_TEST

TCase *kernels_tests(void)
{
    TCase *tc = tcase_create("kernels");

    tcase_set_tags(tc, "heavy"); /* arithmetic alone: minutes under valgrind, nothing new to see */
    tcase_add_test(tc, the_best_table_is_one_that_can_be_found);
    tcase_add_loop_test(tc, rows_are_added_and_scaled_alike, 0, N_ROWS);
    tcase_add_loop_test(tc, activations_agree, 0, N_ROWS);
    tcase_add_loop_test(tc, gelu_is_within_a_millionth_of_libm, 0, N_TABLES);
    tcase_add_loop_test(tc, exp_is_within_3e_7_of_libm, 0, N_TABLES);
    tcase_add_loop_test(tc, softmax_agrees_and_forgets_the_far_below, 0, N_ROWS);
    tcase_add_loop_test(tc, layer_norm_agrees, 0, N_ROWS);
    tcase_add_loop_test(tc, rms_norm_agrees, 0, N_ROWS);
    tcase_add_loop_test(tc, silu_is_x_times_its_logistic_far_out_too, 0, N_TABLES);
    tcase_add_loop_test(tc, rows_are_multiplied_alike, 0, N_ROWS);
    tcase_add_loop_test(tc, small_products_agree, 0, N_TABLES * N_SHAPES);
    tcase_add_loop_test(tc, products_of_bfloat16_agree_and_go_on_from_stretch_to_stretch, 0, 5);
    tcase_add_test(tc, products_of_bfloat16_round_their_left_side_halves_to_even);
    tcase_add_loop_test(tc, codes_become_the_same_numbers, 0, N_ROWS);
    tcase_add_loop_test(tc, matrices_are_transposed, 0, N_TABLES * N_SHAPES);
    return tc;
}
