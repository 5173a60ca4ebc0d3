/* check_model_keys.c -- stored keys: their coding, making and meeting. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/check_model.h"

#include <math.h>

#include "base/half.h"
#include "model/keys_inside.h"
#include "model/model.h"
#include "tests/tiny_gguf.h"

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

static void code(struct buf *out, const float *keys, int n, const struct key_plan *plan)
{
    keys_begin(out, n, plan, 0);
    for (int i = 0; i < plan->n; i++)
        ck_assert_ok(keys_put(out, keys, n, plan, &err), &err);
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
        ck_assert_err(keys_put(&b, keys, 2, &plan, &err), E_FORMAT, "not finite", &err);
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
    memset(b.data + b.len - 2 * (3 * 6 + 9), 0xff, 12); /* lowest: not a number */
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
    const size_t slot = 3 * (4 + 2 + 2), head = 8;
    struct buf b = {0};
    struct keys k;

    keys_begin(&b, 4, &plan, 2);
    for (int i = 0; i < 2; i++)
        ck_assert_ok(keys_put(&b, keys, 4, &plan, &err), &err);
    ck_assert_ok(keys_put_content_free(&b, log_sums, 2, 2, &err), &err);
    view(&k, &b, &plan);
    for (size_t i = 0; i < 14; i++) {
        struct buf bad = {0};

        buf_add(&bad, b.data, b.len);
        if (i < 5) /* the last channel of the last slot */
            memcpy(bad.data + head + slot + 2 * 4, &lowest[i], 4);
        else if (i < 9)
            memcpy(bad.data + head + slot + 3 * 4 + 2 * 2, &steps[i - 5], 2);
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
    ck_assert_ok(keys_put(&b, keys, 2, &plan, &err), &err);
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

START_TEST(a_meeting_is_a_softmax_in_parts)
{
    static float keys[N * D], queries[70 * D], sums[70 * 3], largest[70 * 3];
    struct key_meeting *m = NULL;

    make_keys(keys, N);
    for (int i = 0; i < 70 * D; i++)
        queries[i] = (float)(i * 37 % 19 - 9) / 2000;
    ck_assert_ok(key_meeting_new(&m, D, 32, &err), &err);
    key_meeting_set(m, keys, N);
    key_meeting_run(sums, largest, 3, m, queries, 70); /* more rows than it has room for */
    for (int i = 0; i < 70; i++) {
        double most = -INFINITY, sum = 0;

        for (int pass = 0; pass < 2; pass++)
            for (int t = 0; t < N; t++) {
                double dot = 0;

                for (int c = 0; c < D; c++)
                    dot += (double)queries[i * D + c] * (double)keys[t * D + c];
                if (pass)
                    sum += exp(dot - most);
                else
                    most = fmax(most, dot);
            }
        ck_assert_double_le(fabs((double)largest[3 * i] - most), 1e-4 * (1 + fabs(most)));
        ck_assert_double_le(fabs((double)sums[3 * i] - most - log(sum)), 1e-4 * (1 + fabs(most)));
    }
    key_meeting_set(m, keys, 0);
    key_meeting_run(sums, largest, 1, m, queries, 40);
    for (int i = 0; i < 40; i++)
        ck_assert(isinf(sums[i]) && sums[i] < 0 && isinf(largest[i]));
    key_meeting_free(m);
    key_meeting_free(NULL);
}
END_TEST

/* ---- making ---- */

static char dir[64], path[96];
static struct profile profile;
static struct reader *reader;

static void make_reader(void)
{
    struct tiny_gguf tiny = tiny_gguf_of("qwen3");

    tmp_dir(dir);
    snprintf(path, sizeof path, "%s/tiny.gguf", dir);
    tiny.context = 2048;
    tiny_gguf_write(path, &tiny);
    ck_assert_ok(
        reader_open(&reader, path, &(struct reader_options){.precision = MODEL_F32}, NULL, &err),
        &err);
    profile = (struct profile){.name = (char *)"four",
                               .model = path,
                               .sha256 = (char *)reader_sha256(reader),
                               .bits = 8,
                               .heads = {{0, 0, 1}, {0, 1, 1}, {0, 3, 1}, {1, 2, 1}},
                               .n_heads = 4};
}

static void remove_reader(void)
{
    reader_close(reader);
    tmp_remove(dir);
}

static const struct prompt_passage passages[] = {
    {"The eye", 7, "sees words", 10}, {"", 0, " \n", 2}, {"", 0, "another text of words", 21}};

START_TEST(heads_that_share_a_key_head_share_its_keys)
{
    struct key_plan plan;

    ck_assert_ok(key_plan_make(&plan, &profile, decoder_config(reader_decoder(reader)), &err),
                 &err);
    ck_assert_int_eq(plan.n, 3);
    ck_assert_int_eq(plan.slot_of[0], 0);
    ck_assert_int_eq(plan.slot_of[1], 0);
    ck_assert_int_eq(plan.slot_of[2], 1);
    ck_assert_int_eq(plan.slot_of[3], 2);
    ck_assert_int_eq(plan.slots[2].layer, 1);
    ck_assert_int_eq(plan.slots[2].key_head, 1);
    profile.heads[3].head = 4;
    ck_assert_err(key_plan_make(&plan, &profile, decoder_config(reader_decoder(reader)), &err),
                  E_INVALID, "head 4 of layer 1", &err);
}
END_TEST

/* The keys of a passage that is read behind the prompt's head. */
static int read_keys(float *out, int layer, int key_head, const struct prompt_passage *p)
{
    const int d = decoder_config(reader_decoder(reader))->d;
    struct session *s = NULL;
    struct tokens list = {0};
    struct prompt_range where;
    int n;

    ck_assert_ok(prompt_head(&list, reader, &err), &err);
    ck_assert_ok(prompt_passage(&list, &where, reader, p, 0, KEYS_MAX_TOKENS, &err), &err);
    n = (int)(where.end - where.begin);
    ck_assert_ok(session_new(&s, reader_decoder(reader), 1024, NULL, &err), &err);
    ck_assert_ok(
        session_read(s, &(struct session_input){.ids = list.ids, .n = (int)list.n}, NULL, &err),
        &err);
    if (n)
        session_copy_keys(out, s, layer, key_head, (int)where.begin, n);
    ck_assert_int_eq(d, 32);
    session_free(s);
    tokens_clear(&list);
    return n;
}

START_TEST(keys_are_those_of_the_passage_behind_the_prompts_head)
{
    static float want[KEYS_MAX_TOKENS * 32], got[32 * LD];
    struct buf out[3] = {{0}, {0}, {0}}, alone = {0};
    struct key_maker *k = NULL;
    struct key_plan plan;

    ck_assert_ok(key_plan_make(&plan, &profile, decoder_config(reader_decoder(reader)), &err),
                 &err);
    ck_assert_ok(key_maker_new(&k, &profile, reader, NULL, &err), &err);
    ck_assert_ok(key_maker_run(out, k, passages, 3, &err), &err);
    for (int i = 0; i < 3; i++) {
        struct keys keys;

        view(&keys, &out[i], &plan);
        for (int slot = 0; slot < 3; slot++) {
            const int n =
                read_keys(want, plan.slots[slot].layer, plan.slots[slot].key_head, &passages[i]);

            ck_assert_int_eq(keys.n, n);
            ck_assert_int_eq(n > 0, i != 1);
            keys_decode(got, LD, &keys, slot);
            for (int t = 0; t < n; t++)
                for (int c = 0; c < 32; c++)
                    ck_assert_float_eq_tol(got[c * LD + t], want[t * 32 + c], .05f);
        }
        ck_assert_ok(key_maker_run(&alone, k, &passages[i], 1, &err), &err);
        ck_assert_uint_eq(alone.len, out[i].len);
        ck_assert_mem_eq(alone.data, out[i].data, alone.len);
    }
    for (int i = 0; i < 3; i++)
        buf_clear(&out[i]);
    buf_clear(&alone);
    key_maker_close(k);
    key_maker_close(NULL);
}
END_TEST

START_TEST(a_profile_of_another_file_is_refused)
{
    struct key_maker *k = NULL;

    ck_assert_ok(key_maker_open(&k, &profile, NULL, MODEL_F32, NULL, &err), &err);
    key_maker_close(k);
    k = NULL;
    profile.sha256 = (char *)"0123456789abcdef";
    ck_assert_err(key_maker_open(&k, &profile, NULL, MODEL_F32, NULL, &err), E_INVALID,
                  "SHA-256 0123456789ab", &err);
    ck_assert_ptr_null(k);
}
END_TEST

START_TEST(memory_may_end_while_keys_are_made)
{
    for (profile.is_calibrated = 0; profile.is_calibrated < 2; profile.is_calibrated++) {
        int rc;

        profile.statistic = (char *)"mass";
        FAIL_EACH_ALLOC(rc, {
            struct key_maker *k = NULL;
            struct buf out[3];

            memset(out, 0, sizeof out);
            err_clear(&err);
            rc = key_maker_new(&k, &profile, reader, NULL, &err);
            rc = rc ? rc : key_maker_run(out, k, passages, 3, &err);
            for (int i = 0; i < 3; i++) {
                if (rc)
                    ck_assert_uint_eq(out[i].len, 0);
                buf_clear(&out[i]);
            }
            key_maker_close(k);
        });
    }
}
END_TEST

TCase *keys_tests(void)
{
    TCase *tc = tcase_create("keys");

    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, make_reader, remove_reader);
    tcase_add_loop_test(tc, what_is_coded_comes_back_within_its_bound, 0, 3);
    tcase_add_loop_test(tc, few_and_extreme_keys_are_coded, 0, 3);
    tcase_add_test(tc, keys_that_are_no_numbers_are_refused);
    tcase_add_test(tc, bytes_that_are_no_keys_are_refused);
    tcase_add_test(tc, keys_too_large_for_any_model_are_refused);
    tcase_add_test(tc, content_free_sums_come_back);
    tcase_add_test(tc, a_meeting_is_a_softmax_in_parts);
    tcase_add_test(tc, heads_that_share_a_key_head_share_its_keys);
    tcase_add_test(tc, keys_are_those_of_the_passage_behind_the_prompts_head);
    tcase_add_test(tc, a_profile_of_another_file_is_refused);
    tcase_add_test(tc, memory_may_end_while_keys_are_made);
    return tc;
}
