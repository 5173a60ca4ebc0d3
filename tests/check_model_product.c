/* check_model_product.c -- 8-bit products: against the formula in double, each table against the scalar one to the bit. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/check_model.h"

#include <math.h>
#include <stdint.h>

#include "model/product.h"
#include "tests/check_model_numbers.h"

static struct err err;

static const int shapes[][3] = {/* m, n, k */
                                {1, 1, 1},     {2, 5, 7},      {3, 16, 64},  {4, 33, 47},
                                {5, 31, 65},   {6, 64, 128},   {7, 96, 200}, {8, 40, 63},
                                {11, 384, 96}, {13, 100, 384}, {64, 48, 130}};
enum {
    N_SHAPES = sizeof shapes / sizeof *shapes,
    N_PRODUCTS = N_SHAPES * N_TABLES,
};

static const struct product_ops *ops_of(int i)
{
    const struct kernels *k = kernels_find(tables[i / N_SHAPES]);

    return k ? k->product : NULL;
}

/* Rows of x, rounded. */
struct rows {
    uint8_t *q;
    float *a;
};

static struct rows round_rows(const struct product_ops *op, const float *x, int m, int k)
{
    const size_t width = product_width(k), groups = (size_t)product_groups(k);
    struct rows r = {mem_alloc((size_t)m * width, 1), mem_alloc((size_t)m * groups, sizeof(float))};

    for (size_t i = 0; i < (size_t)m; i++)
        op->quantise(r.q + i * width, r.a + i * groups, x + i * (size_t)k, k);
    return r;
}

static void rows_clear(struct rows *r)
{
    mem_free(r->q);
    mem_free(r->a);
}

START_TEST(rows_are_rounded_to_the_same_bytes_within_half_a_step)
{
    const struct kernels *table = table_of(_i);
    const int k = size_of(_i);
    float *x = numbers(k, 3, 1);
    struct rows got, want;

    x[k / 2] = -1000; /* costs its group alone */
    if (table) {
        got = round_rows(table->product, x, 1, k);
        want = round_rows(&product_scalar, x, 1, k);
        ck_assert_mem_eq(got.q, want.q, product_width(k));
        ck_assert_mem_eq(got.a, want.a, (size_t)product_groups(k) * sizeof *got.a);
        for (int i = 0; i < (int)product_width(k); i++) {
            const int g = i / PRODUCT_GROUP;
            const float step = got.a[g];

            if (i >= k)
                ck_assert_int_eq(got.q[i], 128);
            else
                ck_assert_float_le(fabsf(step * (float)(got.q[i] - 128) - x[i]), step * 0.501f);
            if (g != k / 2 / PRODUCT_GROUP)
                ck_assert_float_le(step, 3.0f / 127);
        }
        rows_clear(&got);
        rows_clear(&want);
    }
    mem_free(x);
}
END_TEST

START_TEST(zeroes_and_specks_are_rounded_to_zero)
{
    const struct kernels *table = table_of(_i);
    const int k = size_of(_i);
    float *x = numbers(k, 1e-33f, 1);

    if (table) {
        struct rows r = round_rows(table->product, x, 1, k);

        for (size_t i = 0; i < product_width(k); i++)
            ck_assert_int_eq(r.q[i], 128);
        ck_assert_float_eq(r.a[0], 0);
        rows_clear(&r);
    }
    mem_free(x);
}
END_TEST

/* W and b, packed. */
static struct product *pack(const float *W, const float *b, int n, int k)
{
    struct product *p = NULL;

    ck_assert_ok(product_new(&p, n, k, &err), &err);
    product_set_rows(p, 0, n / 2, W);
    product_set_rows(p, n / 2, n - n / 2, W + (size_t)(n / 2) * (size_t)k);
    product_set_bias(p, b);
    return p;
}

/* Every byte of a packed product against the rounding of product_scalar, however its rows were set. */
START_TEST(rows_set_in_parts_are_packed_as_the_reference_rounds_them)
{
    const int n = shapes[_i][1], k = shapes[_i][2], groups = product_groups(k);
    float *W = numbers(n * k, 0.5f, 2);
    struct rows r = round_rows(&product_scalar, W, n, k);
    struct product *p = NULL;

    ck_assert_ok(product_new(&p, n, k, &err), &err);
    for (int i = 0, rows = 1; i < n; i += rows, rows = rows * 2 + 1) {
        rows = rows < n - i ? rows : n - i;
        product_set_rows(p, i, rows, W + (size_t)i * (size_t)k);
    }
    for (int i = 0; i < product_panels(n) * PRODUCT_PANEL; i++)
        for (int g = 0; g < groups; g++) {
            const size_t at = (size_t)(i / PRODUCT_PANEL * groups + g);
            const size_t lane = (size_t)(i % PRODUCT_PANEL);
            int32_t sum = 0;

            for (size_t c = 0; c < PRODUCT_GROUP; c++) {
                const int got = p->w[at * PRODUCT_GROUP * PRODUCT_PANEL +
                                     c / 4 * 4 * PRODUCT_PANEL + 4 * lane + c % 4];
                const uint8_t *q = r.q + (size_t)i * product_width(k) + (size_t)g * PRODUCT_GROUP;

                ck_assert_int_eq(got, i < n ? q[c] - 128 : 0);
                sum += got;
            }
            ck_assert_int_eq(p->start[at * PRODUCT_PANEL + lane], -128 * sum);
            ck_assert_float_eq(p->scale[at * PRODUCT_PANEL + lane],
                               i < n ? r.a[i * groups + g] : 0);
        }
    rows_clear(&r);
    product_free(p);
    mem_free(W);
}
END_TEST

START_TEST(products_are_near_the_formula_and_equal_in_every_table)
{
    const struct product_ops *op = ops_of(_i);
    const int m = shapes[_i % N_SHAPES][0], n = shapes[_i % N_SHAPES][1],
              k = shapes[_i % N_SHAPES][2];
    float *x = numbers(m * k, 2, 1), *W = numbers(n * k, 0.5f, 2), *b = numbers(n, 1, 3);
    float *got = numbers(m * n, 0, 0), *want = numbers(m * n, 0, 0);
    struct product *p = pack(W, b, n, k);

    if (op) {
        struct rows r = round_rows(op, x, m, k);

        op->multiply(got, (size_t)n, p, r.q, r.a, m, 0, product_panels(n));
        product_scalar.multiply(want, (size_t)n, p, r.q, r.a, m, 0, product_panels(n));
        ck_assert_mem_eq(got, want, (size_t)(m * n) * sizeof *got);
        for (int i = 0; i < m; i++)
            for (int j = 0; j < n; j++) {
                double y = (double)b[j];

                for (int c = 0; c < k; c++)
                    y += (double)x[i * k + c] * (double)W[j * k + c];
                /* half a step of 2/127 and of 0.5/127 each, of either sign: six sigma */
                ck_assert_double_le(fabs((double)got[i * n + j] - y), 1e-5 + 0.03 * sqrt(k));
            }
        rows_clear(&r);
    }
    product_free(p);
    mem_free(x);
    mem_free(W);
    mem_free(b);
    mem_free(got);
    mem_free(want);
}
END_TEST

START_TEST(a_row_and_a_panel_alone_give_the_same_bits)
{
    const struct product_ops *op = ops_of(_i);
    const int m = shapes[_i % N_SHAPES][0], n = shapes[_i % N_SHAPES][1],
              k = shapes[_i % N_SHAPES][2];
    const size_t width = product_width(k), groups = (size_t)product_groups(k);
    float *x = numbers(m * k, 2, 1), *W = numbers(n * k, 0.5f, 2), *b = numbers(n, 1, 3);
    float *all = numbers(m * n, 0, 0), *part = numbers(m * n, 0, 0);
    struct product *p = pack(W, b, n, k);

    if (op) {
        struct rows r = round_rows(op, x, m, k);

        op->multiply(all, (size_t)n, p, r.q, r.a, m, 0, product_panels(n));
        for (int j = product_panels(n) - 1; j >= 0; j--)
            for (int i = 0; i < m; i++)
                op->multiply(part + i * n + j * PRODUCT_PANEL, (size_t)n, p,
                             r.q + (size_t)i * width, r.a + (size_t)i * groups, 1, j, j + 1);
        ck_assert_mem_eq(all, part, (size_t)(m * n) * sizeof *all);
        rows_clear(&r);
    }
    product_free(p);
    mem_free(x);
    mem_free(W);
    mem_free(b);
    mem_free(all);
    mem_free(part);
}
END_TEST

START_TEST(the_largest_sums_do_not_saturate)
{
    const struct product_ops *op = ops_of(_i);
    enum { M = 5, N = 40, K = 256 };
    float x[M * K], W[N * K], b[N] = {0}, y[M * N];

    for (int i = 0; i < M * K; i++)
        x[i] = i / K % 2 ? -127 : 127;
    for (int i = 0; i < N * K; i++)
        W[i] = i / K % 3 ? 127 : -127;
    if (op) {
        struct product *p = pack(W, b, N, K);
        struct rows r = round_rows(op, x, M, K);

        op->multiply(y, N, p, r.q, r.a, M, 0, product_panels(N));
        for (int i = 0; i < M; i++)
            for (int j = 0; j < N; j++)
                ck_assert_float_eq(y[i * N + j],
                                   (float)(127 * 127 * K) * (i % 2 ? -1 : 1) * (j % 3 ? 1 : -1));
        rows_clear(&r);
        product_free(p);
    }
}
END_TEST

START_TEST(what_is_not_finite_is_not_hidden)
{
    static const float bad[] = {NAN, INFINITY, -INFINITY};
    const struct product_ops *op = ops_of(_i);
    enum { M = 3, N = 3, K = 100 };
    float b[N] = {0}, y[M * N];

    for (size_t t = 0; t < sizeof bad / sizeof *bad && op; t++) {
        float *x = numbers(M * K, 1, 1), *W = numbers(N * K, 1, 2);
        struct product *p;
        struct rows r;

        x[1 * K + 70] = bad[t];
        W[2 * K + 3] = bad[t];
        p = pack(W, b, N, K);
        r = round_rows(op, x, M, K);
        op->multiply(y, N, p, r.q, r.a, M, 0, product_panels(N));
        for (int i = 0; i < M; i++)
            for (int j = 0; j < N; j++)
                ck_assert_int_eq(!!isfinite(y[i * N + j]), i != 1 && j != 2);
        rows_clear(&r);
        product_free(p);
        mem_free(x);
        mem_free(W);
    }
}
END_TEST

TCase *product_tests(void)
{
    TCase *tc = tcase_create("product");

    tcase_set_tags(tc, "heavy"); /* arithmetic alone: minutes under valgrind, nothing new to see */
    tcase_add_loop_test(tc, rows_are_rounded_to_the_same_bytes_within_half_a_step, 0, N_ROWS);
    tcase_add_loop_test(tc, zeroes_and_specks_are_rounded_to_zero, 0, N_ROWS);
    tcase_add_loop_test(tc, rows_set_in_parts_are_packed_as_the_reference_rounds_them, 0, N_SHAPES);
    tcase_add_loop_test(tc, products_are_near_the_formula_and_equal_in_every_table, 0, N_PRODUCTS);
    tcase_add_loop_test(tc, a_row_and_a_panel_alone_give_the_same_bits, 0, N_PRODUCTS);
    tcase_add_loop_test(tc, the_largest_sums_do_not_saturate, 0, N_PRODUCTS);
    tcase_add_loop_test(tc, what_is_not_finite_is_not_hidden, 0, N_PRODUCTS);
    return tc;
}
