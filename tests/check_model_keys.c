/* check_model_keys.c -- stored keys: their making and meeting. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/check_model.h"

#include <math.h>

#include "model/keys.h"
#include "model/model.h"
#include "tests/tiny_gguf.h"

static struct err err;

enum { D = 16, N = 200, LD = KEYS_MAX_TOKENS };

START_TEST(a_meeting_is_a_softmax_in_parts)
{
    static float keys[N * D], queries[70 * D], sums[70 * 3], largest[70 * 3];
    struct key_meeting *m = NULL;

    for (int i = 0; i < N * D; i++)
        keys[i] = (float)(i % D * 100 - 300) + (float)(i * 61 % 97) / 97 * (float)(i % D + 1);
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

        ck_assert_ok(keys_view(&keys, (const unsigned char *)out[i].data, out[i].len, &plan, &err),
                     &err);
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
    tcase_add_test(tc, a_meeting_is_a_softmax_in_parts);
    tcase_add_test(tc, heads_that_share_a_key_head_share_its_keys);
    tcase_add_test(tc, keys_are_those_of_the_passage_behind_the_prompts_head);
    tcase_add_test(tc, a_profile_of_another_file_is_refused);
    tcase_add_test(tc, memory_may_end_while_keys_are_made);
    return tc;
}
