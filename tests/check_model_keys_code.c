/* check_model_keys_code.c -- the bytes of stored keys. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/check_model.h"

#include <math.h>

#include "base/half.h"
#include "model/keys_inside.h"

static struct err err;

enum { D = 16, N = 200, LD = KEYS_MAX_TOKENS };

static const int bit_counts[] = {8, 4, 2};

/* Keys as models make them: each channel with its own place and width; some constant, one with a far outlier. */
static void make_keys(float *keys, int n)
{
    unsigned seed = 3;

    for (int i = 0; i < n; i++)
        for (int c = 0; c < D; c++) {
            double x = -6;

            for (int k = 0; k < 12; k++)
                x += (double)(rand_r(&seed) % 10000) / 10000;
            keys[i * D + c] = c == 3   ? -17.25f
                              : c == 5 ? (float)(i == 7 ? 1000 : x)
                                       : (float)(100 * c - 300 + x * (c + 1));
        }
}

static int put(struct buf *out, const float *keys, int n, int bits, const struct key_plan *plan)
{
    unsigned char widths[D];

    memset(widths, bits, sizeof widths);
    return keys_put(out, keys, n, widths, plan, &err);
}

/* All channels in as many bits. */
static void code(struct buf *out, const float *keys, int n, const struct key_plan *plan)
{
    keys_begin(out, n, plan, 0);
    for (int i = 0; i < plan->n; i++)
        ck_assert_ok(put(out, keys, n, plan->bits, plan), &err);
}

static void view(struct keys *k, const struct buf *b, const struct key_plan *plan)
{
    ck_assert_ok(keys_view(k, (const unsigned char *)b->data, b->len, plan, &err), &err);
}

START_TEST(what_is_coded_comes_back_within_its_bound)
{
    const struct key_plan plan = {.n = 2, .d = D, .bits = bit_counts[_i]};
    /* of a step and of a variance: for a normal distribution 0.0115 and 0.119 (Max, 1960), and some for the sample */
    const double most = plan.bits == 8 ? .66 : 1e9, lost = plan.bits == 4 ? .02 : .15;
    static float keys[N * D], back[D * LD];
    struct buf b = {0};
    struct keys k;

    make_keys(keys, N);
    code(&b, keys, N, &plan);
    view(&k, &b, &plan);
    ck_assert_int_eq(k.n, N);
    for (int slot = 0; slot < 2; slot++) {
        keys_decode(back, LD, &k, slot);
        for (int c = 0; c < D; c++) {
            double least = INFINITY, top = -INFINITY, sum = 0, squares = 0, off = 0, far = 0;

            for (int i = 0; i < N; i++) {
                const double x = (double)keys[i * D + c];

                least = fmin(least, x);
                top = fmax(top, x);
                sum += x / N;
                squares += x * x / N;
                far = fmax(far, fabs((double)back[c * LD + i] - x));
                off += pow((double)back[c * LD + i] - x, 2) / N;
            }
            if (c == 3)
                ck_assert_double_eq(far, 0);
            ck_assert_double_le(far, most * (top - least) / 255 + 1e-4);
            if (plan.bits < 8 && c != 5 && c != 3)
                ck_assert_double_le(off, lost * (squares - sum * sum));
        }
    }
    buf_clear(&b);
}
END_TEST

/* What rounding changes of the logits of queries with such energies. */
static double loss(const float *keys, const struct key_plan *plan, const unsigned char *widths,
                   const float *energy)
{
    static float back[D * LD];
    struct buf b = {0};
    struct keys k;
    double sum = 0;

    keys_begin(&b, N, plan, 0);
    for (int slot = 0; slot < plan->n; slot++)
        ck_assert_ok(keys_put(&b, keys + slot * N * D, N, widths + slot * D, plan, &err), &err);
    view(&k, &b, plan);
    for (int slot = 0; slot < plan->n; slot++) {
        keys_decode(back, LD, &k, slot);
        for (int i = 0; i < N; i++)
            for (int c = 0; c < D; c++)
                sum += (double)energy[slot * D + c] *
                       pow((double)(back[c * LD + i] - keys[(slot * N + i) * D + c]), 2) / N;
    }
    buf_clear(&b);
    return sum;
}

START_TEST(bits_go_where_queries_lose_least)
{
    const struct key_plan plan = {.n = 2, .d = D, .bits = _i + 2};
    static float keys[2 * N * D], energy[2 * D];
    unsigned char chosen[2 * D], even[2 * D];
    int sum = 0;

    make_keys(keys, N);
    make_keys(keys + N * D, N);
    for (int c = 0; c < 2 * D; c++)
        energy[c] = c < D ? 1 : c == D + 1 ? 0 : 0.01f;
    ck_assert_ok(keys_choose_widths(chosen, keys, N, energy, &plan, &err), &err);
    for (int c = 0; c < 2 * D; c++) {
        ck_assert(chosen[c] == 0 || chosen[c] == 2 || chosen[c] == 4 || chosen[c] == 8);
        sum += chosen[c];
    }
    ck_assert_int_le(sum, 2 * D * plan.bits);
    ck_assert_int_ge(sum, 2 * D * plan.bits - 4); /* what is left is no step for anybody */
    ck_assert_int_eq(chosen[3], 0);               /* it never varies, */
    ck_assert_int_eq(chosen[D + 1], 0);           /* and this one is not asked */
    ck_assert_int_ge(chosen[D - 1], chosen[2]);   /* the wider channel */
    ck_assert_int_ge(chosen[D - 1], chosen[2 * D - 1]);
    memset(even, plan.bits == 3 ? 2 : plan.bits, sizeof even);
    ck_assert_double_lt(loss(keys, &plan, chosen, energy), loss(keys, &plan, even, energy));
}
END_TEST

START_TEST(eight_bits_are_for_all_channels)
{
    const struct key_plan plan = {.n = 1, .d = D, .bits = 8};
    static float keys[N * D];
    unsigned char widths[D];

    make_keys(keys, N);
    ck_assert_ok(keys_choose_widths(widths, keys, N, NULL, &plan, &err), &err);
    for (int c = 0; c < D; c++)
        ck_assert_int_eq(widths[c], 8);
}
END_TEST

START_TEST(few_and_extreme_keys_are_coded)
{
    static const float rows[][2] = {
        {0, -0.0f}, {1e-30f, -1e-30f}, {3e5f, -3e5f}, {1e6f, 1}, {5, 5}};
    struct key_plan plan = {.n = 1, .d = 1, .bits = bit_counts[_i]};

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (int n = 0; n <= 2; n++) {
            float back[2] = {0};
            struct buf b = {0};
            struct keys k;

            code(&b, rows[i], n, &plan);
            view(&k, &b, &plan);
            ck_assert_int_eq(k.n, n);
            keys_decode(back, 2, &k, 0);
            for (int t = 0; t < n; t++)
                ck_assert(isfinite(back[t]));
            if (n == 1)
                ck_assert(back[0] == rows[i][0]);
            buf_clear(&b);
        }
}
END_TEST

START_TEST(keys_that_are_no_numbers_are_refused)
{
    const struct key_plan plan = {.n = 1, .d = 2, .bits = 8};
    static const float bad[] = {NAN, INFINITY, -INFINITY, 1e7f, -3e38f};

    for (int i = 0; i < 5; i++) {
        const float keys[4] = {1, 2, 3, bad[i]};
        struct buf b = {0};

        keys_begin(&b, 2, &plan, 0);
        ck_assert_err(put(&b, keys, 2, 8, &plan), E_FORMAT, "not finite", &err);
        buf_clear(&b);
    }
}
END_TEST

START_TEST(bytes_that_are_no_keys_are_refused)
{
    const struct key_plan plan = {.n = 2, .d = 3, .bits = 4};
    static float keys[5 * 3] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    static float back[512 * KEYS_MAX_TOKENS];
    struct key_plan other;
    struct buf b = {0};
    struct keys k;
    int refused = 0;

    code(&b, keys, 5, &plan);
    view(&k, &b, &plan);
    view(&k, &b, NULL);
    for (size_t n = 0; n < b.len; n++) /* cut short */
        ck_assert_err(keys_view(&k, (unsigned char *)b.data, n, &plan, &err), E_FORMAT,
                      "no stored keys", &err);
    for (size_t i = 0; i < b.len; i++) /* any byte anything else */
        for (int v = 0; v < 256; v++) {
            const char was = b.data[i];

            b.data[i] = (char)v;
            if (keys_view(&k, (unsigned char *)b.data, b.len, NULL, &err)) {
                refused++;
                err_clear(&err);
            } else {
                for (int slot = 0; slot < k.slots; slot++)
                    keys_decode(back, LD, &k, slot);
            }
            b.data[i] = was;
        }
    ck_assert_int_gt(refused, 1000);
    memset(b.data + b.len - 2 * (1 + 3 * 6 + 9) + 1, 0xff, 12); /* lowest: not a number */
    ck_assert_err(keys_view(&k, (unsigned char *)b.data, b.len, &plan, &err), E_FORMAT,
                  "not numbers", &err);
    buf_reset(&b);
    code(&b, keys, 5, &plan);
    for (int i = 0; i < 4; i++) {
        other = plan;
        *(int *[]){&other.n, &other.d, &other.bits, &other.heads}[i] += 2;
        ck_assert_err(keys_view(&k, (unsigned char *)b.data, b.len, &other, &err), E_FORMAT,
                      "the profile has", &err);
    }
    buf_clear(&b);
}
END_TEST

/* What finite bytes can make of others: a product that is not. */
START_TEST(keys_too_large_for_any_model_are_refused)
{
    static const float lowest[] = {1e38f, -1e38f, 3e6f, INFINITY, NAN};
    static const float sums[][2] = {{1e38f, 0}, {-1e30f, 0}, {0, 1e34f}, {0, -1}, {NAN, 0}};
    const struct key_plan plan = {.n = 2, .d = 3, .bits = 4, .heads = 2};
    static const float keys[4 * 3] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
    const float log_sums[4] = {1, 2, 3, 4};
    const uint16_t steps[] = {0x7c00, 0xfc00, 0x7e00, 0xbc00}; /* inf, -inf, NaN, -1 */
    const size_t slot = 1 + 3 * (4 + 2 + 2), head = 8;
    struct buf b = {0};
    struct keys k;

    keys_begin(&b, 4, &plan, 2);
    for (int i = 0; i < 2; i++)
        ck_assert_ok(put(&b, keys, 4, 4, &plan), &err);
    ck_assert_ok(keys_put_content_free(&b, log_sums, 2, 2, &err), &err);
    view(&k, &b, &plan);
    for (size_t i = 0; i < 14; i++) {
        struct buf bad = {0};

        buf_add(&bad, b.data, b.len);
        if (i < 5) /* the last channel of the last slot */
            memcpy(bad.data + head + slot + 1 + 2 * 4, &lowest[i], 4);
        else if (i < 9)
            memcpy(bad.data + head + slot + 1 + 3 * 4 + 2 * 2, &steps[i - 5], 2);
        else
            memcpy(bad.data + head + 2 * slot, sums[i - 9], 8);
        ck_assert_err(keys_view(&k, (unsigned char *)bad.data, bad.len, &plan, &err), E_FORMAT,
                      "that no model makes", &err);
        buf_clear(&bad);
    }
    buf_clear(&b);
}
END_TEST

START_TEST(content_free_sums_come_back)
{
    const struct key_plan plan = {.n = 1, .d = 2, .bits = 8, .heads = 3};
    const float keys[4] = {1, 2, 3, 4};
    float sums[3 * 5], got[2 * 5];
    struct buf b = {0};
    struct keys k;

    for (int i = 0; i < 15; i++)
        sums[i] = (float)(i * i) / 3 - 20;
    keys_begin(&b, 2, &plan, 5);
    ck_assert_ok(put(&b, keys, 2, 8, &plan), &err);
    ck_assert_ok(keys_put_content_free(&b, sums, 3, 5, &err), &err);
    view(&k, &b, &plan);
    ck_assert_int_eq(k.rows, 5);
    for (int h = 0; h < 3; h++) {
        keys_content_free(got, 2, &k, h);
        for (int i = 0; i < 5; i++)
            ck_assert_float_eq_tol(got[2 * i], sums[h * 5 + i], 1e-3f);
    }
    buf_clear(&b);
    sums[4] = NAN;
    ck_assert_err(keys_put_content_free(&b, sums, 3, 5, &err), E_FORMAT, "not finite", &err);
    buf_clear(&b);
}
END_TEST

TCase *keys_code_tests(void)
{
    TCase *tc = tcase_create("keys_code");

    tcase_add_loop_test(tc, what_is_coded_comes_back_within_its_bound, 0, 3);
    tcase_add_loop_test(tc, bits_go_where_queries_lose_least, 0, 3);
    tcase_add_test(tc, eight_bits_are_for_all_channels);
    tcase_add_loop_test(tc, few_and_extreme_keys_are_coded, 0, 3);
    tcase_add_test(tc, keys_that_are_no_numbers_are_refused);
    tcase_add_test(tc, bytes_that_are_no_keys_are_refused);
    tcase_add_test(tc, keys_too_large_for_any_model_are_refused);
    tcase_add_test(tc, content_free_sums_come_back);
    return tc;
}
