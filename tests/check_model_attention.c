/* check_model_attention.c -- attention against its formula, its laws, and its integers bit by bit. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/check_model.h"

#include <math.h>
#include <stdint.h>

#include "model/attention.h"
#include "model/kernels.h"
#include "model/model.h"
#include "tests/check_model_numbers.h"

static struct err err;

/* ---- attention in integers ---- */

static const int heads[][2] = {/* T, d */
                               {1, 32},  {2, 32},   {3, 16},   {15, 64}, {16, 32},
                               {17, 8},  {31, 20},  {33, 32},  {48, 33}, {64, 6},
                               {100, 1}, {129, 40}, {256, 32}, {511, 64}};
enum { N_HEADS = sizeof heads / sizeof *heads };

/* Everything that the operations of attention_i8.h write for one head. */
struct packed {
    float *top, *q_scale, *out;
    int8_t *K;
    int32_t *start, *S;
    int16_t *V, *P;
    uint8_t *Q;
};

static void free_packed(struct packed *p)
{
    mem_free(p->top);
    mem_free(p->q_scale);
    mem_free(p->out);
    mem_free(p->K);
    mem_free(p->start);
    mem_free(p->S);
    mem_free(p->V);
    mem_free(p->P);
    mem_free(p->Q);
}

static void alloc_packed(struct packed *p, int m, int T, int d)
{
    const size_t pad_T = (size_t)attention_i8_pad_tokens(T), rows = (size_t)m;
    const size_t pad_d = (size_t)attention_i8_pad_channels(d), n = (size_t)d;

    *p = (struct packed){.top = mem_alloc(n, sizeof(float)),
                         .q_scale = mem_alloc(rows, sizeof(float)),
                         .out = mem_alloc(rows * n, sizeof(float)),
                         .K = mem_alloc(pad_T * pad_d, 1),
                         .start = mem_alloc(pad_T, sizeof(int32_t)),
                         .S = mem_alloc(rows * pad_T, sizeof(int32_t)),
                         .V = mem_alloc((size_t)(T + T % 2) * n, sizeof(int16_t)),
                         .P = mem_alloc(rows * pad_T, sizeof(int16_t)),
                         .Q = mem_alloc(rows * pad_d, 1)};
}

/* Packs x [T, 3 d] as one head and scores its first m tokens. */
static void pack(struct packed *p, const struct attention_i8 *op, const float *x, int m, int T,
                 int d)
{
    const int ld = 3 * d;
    float *inverse = mem_alloc((size_t)d, sizeof *inverse);

    op->max_columns(p->top, x + 2 * d, ld, T, d);
    for (int c = 0; c < d; c++)
        inverse[c] = p->top[c] > 0 ? (float)attention_i8_value_max(T) / p->top[c] : 0;
    op->pack_values(p->V, x + 2 * d, ld, inverse, T, d);
    op->max_columns(p->top, x + d, ld, T, d);
    for (int c = 0; c < d; c++)
        inverse[c] = p->top[c] > 0 ? 127 / p->top[c] : 0;
    op->pack_keys(p->K, p->start, x + d, ld, inverse, T, d);
    op->pack_queries(p->Q, p->q_scale, x, ld, p->top, m, d);
    op->score(p->S, p->Q, p->K, p->start, m, T, d);
    mem_free(inverse);
}

START_TEST(integer_attention_packs_and_scores_to_the_same_bits)
{
    const struct kernels *k = kernels_find(tables[_i / N_HEADS]);
    const int T = heads[_i % N_HEADS][0], d = heads[_i % N_HEADS][1], m = T < 13 ? T : 13;
    const size_t pad_T = (size_t)attention_i8_pad_tokens(T);
    const size_t pad_d = (size_t)attention_i8_pad_channels(d);
    float *x = numbers(T * 3 * d, 2, 1);
    struct packed got, want;

    for (int t = 0; t < T; t++)
        x[t * 3 * d + d] = 0; /* a channel that says nothing */
    alloc_packed(&got, m, T, d);
    alloc_packed(&want, m, T, d);
    pack(&want, &attention_i8_scalar, x, m, T, d);
    if (k && k->attention_i8) {
        pack(&got, k->attention_i8, x, m, T, d);
        ck_assert_mem_eq(got.top, want.top, (size_t)d * sizeof *got.top);
        ck_assert_mem_eq(got.K, want.K, pad_T * pad_d);
        ck_assert_mem_eq(got.start, want.start, pad_T * sizeof *got.start);
        ck_assert_mem_eq(got.V, want.V, (size_t)(T + T % 2) * (size_t)d * sizeof *got.V);
        ck_assert_mem_eq(got.Q, want.Q, (size_t)m * pad_d);
        ck_assert_mem_eq(got.q_scale, want.q_scale, (size_t)m * sizeof *got.q_scale);
        ck_assert_mem_eq(got.S, want.S, (size_t)m * pad_T * sizeof *got.S);
    }
    free_packed(&got);
    free_packed(&want);
    mem_free(x);
}
END_TEST

START_TEST(integer_scores_are_those_of_float32)
{
    const int T = heads[_i][0], d = heads[_i][1], m = T < 13 ? T : 13;
    const size_t pad_T = (size_t)attention_i8_pad_tokens(T);
    float *x = numbers(T * 3 * d, 2, 1);
    struct packed p;

    alloc_packed(&p, m, T, d);
    pack(&p, &attention_i8_scalar, x, m, T, d); /* folds with top, not top / 127 */
    for (int i = 0; i < m; i++)
        for (int t = 0; t < T; t++) {
            double want = 0, got = (double)p.q_scale[i] / 127 * p.S[(size_t)i * pad_T + (size_t)t];

            for (int c = 0; c < d; c++)
                want += (double)x[i * 3 * d + c] * (double)x[t * 3 * d + d + c];
            /* each factor is off by up to 1/254 of its largest: 4 / 127 a product at the worst */
            if (!(fabs(got - want) <= d * 4.0 / 127))
                ck_abort_msg("[%d,%d]: %g, want %g", i, t, got, want);
        }
    free_packed(&p);
    mem_free(x);
}
END_TEST

START_TEST(integer_weights_are_within_one_unit)
{
    const struct kernels *k = kernels_find(tables[_i / N_HEADS]);
    const int T = heads[_i % N_HEADS][0], pad_T = attention_i8_pad_tokens(T);
    int32_t *S = mem_alloc((size_t)pad_T, sizeof *S), sum = 0, got_sum;
    int16_t *got = mem_alloc((size_t)pad_T, sizeof *got);
    int16_t *want = mem_alloc((size_t)pad_T, sizeof *want);

    for (int t = 0; t < pad_T; t++)
        S[t] = t < T ? (t * 7919 + 13) % 400003 - 200000 : INT32_MAX / 2; /* padding is not read */
    if (k && k->attention_i8) {
        got_sum = k->attention_i8->weigh(got, S, 2e-5f, T);
        attention_i8_scalar.weigh(want, S, 2e-5f, T);
        for (int t = 0; t < pad_T; t++) {
            ck_assert_int_le(abs(got[t] - want[t]), t < T ? 1 : 0); /* 1e-4 of 4095, rounded */
            ck_assert_int_ge(got[t], 0);
            ck_assert_int_le(got[t], ATTENTION_I8_WEIGHT_MAX);
            sum += got[t];
        }
        ck_assert_int_eq(got_sum, sum);
    }
    mem_free(S);
    mem_free(got);
    mem_free(want);
}
END_TEST

START_TEST(integer_values_mix_to_the_same_bits)
{
    const struct kernels *k = kernels_find(tables[_i / N_HEADS]);
    const int T = heads[_i % N_HEADS][0], d = heads[_i % N_HEADS][1], m = T < 13 ? T : 13;
    const int pad_T = attention_i8_pad_tokens(T), max = attention_i8_value_max(T);
    float *v_scale = numbers(d, 1, 1), *share = numbers(m, 1, 2);
    struct packed got, want;

    alloc_packed(&got, m, T, d);
    alloc_packed(&want, m, T, d);
    for (int i = 0; i < (T + T % 2) * d;
         i++) /* the largest there are, to prove that nothing overflows */
        want.V[i] = (int16_t)(T % 2 && i >= (T - 1) * d && i % 2 ? 0 : i / 2 % d % 2 ? max : -max);
    for (int i = 0; i < m * pad_T; i++)
        want.P[i] = (int16_t)(i % pad_T < T ? ATTENTION_I8_WEIGHT_MAX - i / pad_T : 0);
    if (k && k->attention_i8) {
        k->attention_i8->mix(got.out, d, want.P, want.V, v_scale, share, m, T, d);
        attention_i8_scalar.mix(want.out, d, want.P, want.V, v_scale, share, m, T, d);
        ck_assert_mem_eq(got.out, want.out, (size_t)(m * d) * sizeof(float));
        assert_near(got.out, &(float){v_scale[0] * share[0] * -(float)max * 4095 * (float)T}, 1, 0,
                    1e-6f);
    }
    free_packed(&got);
    free_packed(&want);
    mem_free(v_scale);
    mem_free(share);
}
END_TEST

START_TEST(integer_values_never_overflow)
{
    for (int T = 1; T <= ATTENTION_I8_MAX_TOKENS; T++) {
        int64_t max = attention_i8_value_max(T);

        ck_assert_int_le(max * ATTENTION_I8_WEIGHT_MAX * T, INT32_MAX);
        ck_assert_int_ge(max, 127);
    }
}
END_TEST

/* ---- attention ---- */

/* All heads of x [T, 3 H d]; NULL if this processor has not got the table. */
static float *attend(const char *table, int precision, const float *x, int T, int H, int d)
{
    const struct kernels *k = kernels_find(table);
    struct attention_scratch *s = NULL;
    float *out = numbers(T * H * d, 0, 0);

    if (!k) {
        mem_free(out);
        return NULL;
    }
    ck_assert_ok(attention_scratch_new(&s, k, precision, T, d, &err), &err);
    attention_run(out, s, x, T, H, d, 0, H / 2);
    attention_run(out, s, x, T, H, d, H / 2, H);
    attention_scratch_free(s);
    return out;
}

START_TEST(attention_is_softmax_of_queries_and_keys_times_values)
{
    enum { T = 37, H = 3, D = 20, ALL = H * D };
    float *x = numbers(T * 3 * ALL, 1.5f, 7);
    float *out = attend(tables[_i % N_TABLES], precisions[_i / N_TABLES], x, T, H, D);

    for (int t = 0; out && t < T; t++)
        for (int c = 0; c < ALL; c++) {
            const int h = c / D * D;
            double top = 0, bottom = 0;

            for (int u = 0; u < T; u++) {
                double s = 0;

                for (int i = h; i < h + D; i++)
                    s += (double)x[t * 3 * ALL + i] * (double)x[u * 3 * ALL + ALL + i];
                s = exp(s / sqrt(D));
                bottom += s;
                top += s * (double)x[u * 3 * ALL + 2 * ALL + c];
            }
            /* float32 rounds to 1e-7; 8-bit scores are off by 0.01, so weights by 1 in 100 */
            ck_assert_msg(fabs((double)out[t * ALL + c] - top / bottom) <=
                              (precisions[_i / N_TABLES] == MODEL_F32 ? 3e-6 : 0.02),
                          "token %d, channel %d: %g, want %g", t, c, (double)out[t * ALL + c],
                          top / bottom);
        }
    mem_free(out);
    mem_free(x);
}
END_TEST

START_TEST(attention_to_equal_values_gives_that_value)
{
    enum { T = 53, H = 2, D = 16, ALL = H * D };
    float *x = numbers(T * 3 * ALL, 3, 7), *out;

    for (int t = 0; t < T; t++)
        for (int c = 0; c < ALL; c++)
            x[t * 3 * ALL + 2 * ALL + c] = (float)(c - 5);
    out = attend(tables[_i % N_TABLES], precisions[_i / N_TABLES], x, T, H, D);
    for (int i = 0; out && i < T * ALL; i++) /* weights sum to 1 */
        ck_assert_float_le(fabsf(out[i] - (float)(i % ALL - 5)),
                           1e-5f * fabsf((float)(i % ALL - 5)));
    mem_free(out);
    mem_free(x);
}
END_TEST

START_TEST(attention_does_not_see_the_order_of_keys)
{
    enum { T = 29, H = 2, D = 32, ALL = H * D };
    float *x = numbers(T * 3 * ALL, 2, 7), *y = copy_of(x, T * 3 * ALL), *a, *b;

    for (int t = 0; t < T; t++) /* keys and values from the last token to the first */
        memcpy(y + t * 3 * ALL + ALL, x + (T - 1 - t) * 3 * ALL + ALL, 2 * ALL * sizeof *y);
    a = attend(tables[_i % N_TABLES], precisions[_i / N_TABLES], x, T, H, D);
    b = attend(tables[_i % N_TABLES], precisions[_i / N_TABLES], y, T, H, D);
    if (a && b)
        assert_near(a, b, T * ALL, 2e-6f, 0); /* sums in another order */
    mem_free(a);
    mem_free(b);
    mem_free(x);
    mem_free(y);
}
END_TEST

START_TEST(attention_survives_each_failing_allocation)
{
    struct attention_scratch *s = NULL;
    int rc;

    FAIL_EACH_ALLOC(rc, {
        err_clear(&err);
        rc = attention_scratch_new(&s, kernels_best(), MODEL_I8, 20, 16, &err);
        attention_scratch_free(rc ? NULL : s);
    });
}
END_TEST

TCase *attention_tests(void)
{
    TCase *tc = tcase_create("attention");

    tcase_add_loop_test(tc, integer_attention_packs_and_scores_to_the_same_bits, 0,
                        N_TABLES * N_HEADS);
    tcase_add_loop_test(tc, integer_scores_are_those_of_float32, 0, N_HEADS);
    tcase_add_loop_test(tc, integer_weights_are_within_one_unit, 0, N_TABLES * N_HEADS);
    tcase_add_loop_test(tc, integer_values_mix_to_the_same_bits, 0, N_TABLES * N_HEADS);
    tcase_add_test(tc, integer_values_never_overflow);
    tcase_add_loop_test(tc, attention_is_softmax_of_queries_and_keys_times_values, 0, 2 * N_TABLES);
    tcase_add_loop_test(tc, attention_to_equal_values_gives_that_value, 0, 2 * N_TABLES);
    tcase_add_loop_test(tc, attention_does_not_see_the_order_of_keys, 0, 2 * N_TABLES);
    tcase_add_test(tc, attention_survives_each_failing_allocation);
    return tc;
}
