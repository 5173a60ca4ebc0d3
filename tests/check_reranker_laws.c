/* check_reranker_laws.c -- what holds of re-ranking by attention, whatever the model: on tiny ones. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "base/buf.h"
#include "base/pool.h"
#include "model/keys.h"
#include "model/model.h"
#include "tests/check_reranker_tiny.h"

static struct tiny tiny;
static struct err err;

static const char query[] = "what does the eye see?";

static void make_llama(void) { tiny_make(&tiny, "llama", 2048); }
static void remove_tiny(void) { tiny_remove(&tiny); }

static void run(struct reranker *r, struct candidate *c, size_t n, const char *q)
{
    ck_assert_ok(reranker_run(r, c, n, q, &err), &err);
    check_order(c, n);
}

/* What came out: bytes that must not change. */
static void put_result(struct buf *out, const struct candidate *c, size_t n)
{
    buf_reset(out);
    for (size_t i = 0; i < n; i++)
        buf_printf(out, "%s %.9g %.9g %d\n", c[i].docno, (double)c[i].score, (double)c[i].read,
                   c[i].cut);
}

static void shuffle(struct candidate *c, size_t n, unsigned seed)
{
    for (size_t i = n; i > 1; i--) {
        const size_t k = (size_t)rand_r(&seed) % i;
        const struct candidate x = c[i - 1];

        c[i - 1] = c[k];
        c[k] = x;
    }
}

START_TEST(shuffled_candidates_give_the_same_bytes)
{
    static const char *const kinds[] = {"llama", "qwen2", "qwen3", "gemma3"};

    for (int k = 0; k < 4; k++) {
        struct tiny t;

        tiny_make(&t, kinds[k], 2048);
        for (int all = 0; all < 2; all++)
            for (int m = 1; m <= 2 - all; m++) { /* stored needs a profile */
                const struct rerank_options opt = {.first_stage = 0.3f};
                struct reranker *r = tiny_open(&t, tiny_methods[m], all, &opt);
                struct buf want = {0}, got = {0};

                for (unsigned seed = 0; seed < 6; seed++) {
                    struct candidate c[TINY_TEXTS];

                    tiny_candidates(c);
                    if (seed)
                        shuffle(c, TINY_TEXTS, seed);
                    run(r, c, TINY_TEXTS, query);
                    put_result(seed ? &got : &want, c, TINY_TEXTS);
                    if (seed)
                        ck_assert_str_eq(buf_text(&got), buf_text(&want));
                }
                buf_clear(&want);
                buf_clear(&got);
                reranker_close(r);
            }
        tiny_remove(&t);
    }
}
END_TEST

START_TEST(a_profile_weighs_a_fused_first_stage_for_itself)
{
    for (int fused = 0; fused < 2; fused++) {
        const struct rerank_options opt = {.first_stage = -1, .first_is_fused = fused};
        struct candidate c[TINY_TEXTS];
        struct reranker *r;
        int follows = 1;

        tiny.profile.first_stage_fused = 1e6;
        r = tiny_open(&tiny, "stored", 0, &opt);
        tiny_candidates(c);
        run(r, c, TINY_TEXTS, query);
        for (size_t i = 1; i < TINY_TEXTS && isfinite(c[i].read); i++)
            follows &= c[i].first <= c[i - 1].first;
        ck_assert_int_eq(follows, fused);
        reranker_close(r);
    }
    tiny.profile.first_stage_fused = 0;
}
END_TEST

START_TEST(threads_and_repetition_do_not_change_a_byte)
{
    for (const char *const *method = tiny_methods; *method; method++) {
        struct buf want = {0}, got = {0};

        for (int threads = 0; threads < 4; threads++) {
            struct rerank_options opt = {.first_stage = -1};
            struct reranker *r;

            if (threads)
                ck_assert_ok(pool_new(&opt.pool, threads, &err), &err);
            r = tiny_open(&tiny, *method, 0, &opt);
            for (int again = 0; again < 2; again++) {
                struct candidate c[TINY_TEXTS];

                tiny_candidates(c);
                run(r, c, TINY_TEXTS, query);
                put_result(want.len ? &got : &want, c, TINY_TEXTS);
                if (got.len)
                    ck_assert_str_eq(buf_text(&got), buf_text(&want));
                ck_assert_ok(reranker_run(r, c, 3, "another question of words", &err), &err);
            }
            reranker_close(r);
            pool_free(opt.pool);
        }
        buf_clear(&want);
        buf_clear(&got);
    }
}
END_TEST

START_TEST(equal_texts_tie_and_fall_in_order_of_their_names)
{
    for (int m = 1; m < 3; m++) { /* in icr a passage's place counts */
        struct reranker *r = tiny_open(&tiny, tiny_methods[m], 0, NULL);
        struct candidate c[4] = {candidate_of("m", "The eye", "of words", 1, 0),
                                 candidate_of("z", "", "another", 9, 1),
                                 candidate_of("k", "The eye", "of words", 5, 2),
                                 candidate_of("n", "The eye", "of words", 3, 3)};
        char names[8] = "";

        run(r, c, 4, query);
        for (int i = 0; i < 4; i++)
            if (*c[i].docno != 'z')
                strcat(names, c[i].docno);
        ck_assert_str_eq(names, "nmk");
        reranker_close(r);
    }
}
END_TEST

/* What the content-free query finds is stored rounded; but for `largest` its keys are met again. */
START_TEST(calibrating_by_the_same_query_leaves_nothing)
{
    tiny.profile.statistic = (char *)"largest";
    for (const char *const *method = tiny_methods; *method; method++)
        for (int all = 0; all < 2; all++) {
            struct candidate c[TINY_TEXTS];
            struct reranker *r;

            if (all && !strcmp(*method, "stored"))
                continue;
            r = tiny_open(&tiny, *method, all, NULL);
            tiny_candidates(c);
            run(r, c, TINY_TEXTS, PROMPT_CONTENT_FREE);
            for (size_t i = 0; i < TINY_TEXTS; i++)
                ck_assert(c[i].read == 0 || (isinf(c[i].read) && c[i].read < 0));
            reranker_close(r);
        }
}
END_TEST

/* The worst that keys_view lets pass: hostile, for no model makes them. */
static void make_extreme(struct buf *b, const struct key_plan *plan, int sign)
{
    unsigned char *keys = (unsigned char *)b->data;
    const size_t d = (size_t)plan->d, head = 8, n = keys[0];
    const size_t slot = (b->len - head - 8 - 2 * (size_t)keys[6] * keys[7]) / (size_t)plan->n;
    const size_t first = slot - d * (4 + 2 + n); /* scales and codes end a slot */
    const float lowest = (float)sign * 1e6f, sums[2] = {(float)sign * 1e12f, 1e7f};
    const uint16_t step = 0x7bff; /* 65504 */

    for (size_t s = 0; s < (size_t)plan->n; s++)
        for (size_t k = 0; k < d; k++) {
            memcpy(keys + head + s * slot + first + 4 * k, &lowest, 4);
            memcpy(keys + head + s * slot + first + 4 * d + 2 * k, &step, 2);
        }
    memcpy(keys + head + (size_t)plan->n * slot, sums, 8);
}

START_TEST(a_passage_with_extreme_keys_spoils_no_other_one)
{
    static const char *const names[] = {"mass", "word-mass", "log-mass", "largest", "peak"};
    const struct rerank_options opt = {.first_stage = 0.5f};
    struct buf keys[TINY_TEXTS] = {{0}};
    struct candidate c[TINY_TEXTS];
    struct key_maker *maker = NULL;
    struct key_plan plan;
    struct reader *reader = tiny_reader(&tiny);

    ck_assert_ok(key_maker_new(&maker, &tiny.profile, reader, NULL, &err), &err);
    ck_assert_ok(key_plan_make(&plan, &tiny.profile, decoder_config(reader_decoder(reader)), &err),
                 &err);
    tiny_candidates(c);
    for (size_t i = 0; i < TINY_TEXTS; i++)
        ck_assert_ok(key_maker_run(&keys[i], maker, &c[i].text, 1, &err), &err);
    for (int sign = -1; sign <= 1; sign += 2) {
        make_extreme(&keys[1], &plan, sign);
        for (size_t t = 0; t < sizeof names / sizeof *names; t++) {
            struct reranker *r;

            tiny.profile.statistic = (char *)names[t];
            r = tiny_open(&tiny, "stored", 0, &opt);
            tiny_candidates(c);
            for (size_t i = 0; i < TINY_TEXTS; i++) {
                c[i].keys = (const unsigned char *)keys[i].data;
                c[i].n_keys = keys[i].len;
            }
            ck_assert_ok(reranker_run(r, c, TINY_TEXTS, query, &err), &err);
            for (size_t i = 0; i < TINY_TEXTS; i++)
                ck_assert_msg(isfinite(c[i].score) || !strcmp(c[i].docno, "d") ||
                                  !strcmp(c[i].docno, "e"),
                              "%s: %s has no score", names[t], c[i].docno);
            reranker_close(r);
        }
    }
    for (size_t i = 0; i < TINY_TEXTS; i++)
        buf_clear(&keys[i]);
    key_maker_close(maker);
    reader_close(reader);
}
END_TEST

START_TEST(keys_of_another_profile_are_refused)
{
    struct reranker *r = tiny_open(&tiny, "stored", 0, NULL);
    struct candidate c[TINY_TEXTS];
    static const unsigned char damaged[] = {1, 0, 3, 8, 16, 0, 1};

    tiny_candidates(c);
    c[2].keys = damaged;
    c[2].n_keys = sizeof damaged;
    ck_assert_err(reranker_run(r, c, TINY_TEXTS, query, &err), E_FORMAT, "'c'", &err);
    reranker_close(r);
}
END_TEST

START_TEST(a_profile_of_another_model_or_method_is_refused)
{
    struct rerank_options opt = {.method = "icr", .model = tiny.path, .stored = &tiny.profile};
    struct buf json = {0};
    char path[128];
    struct reranker *r = NULL;

    ck_assert_ok(profile_write(&json, &tiny.profile, &err), &err);
    snprintf(path, sizeof path, "%s/p.json", tiny.dir);
    tmp_write(path, json.data, json.len);
    opt.profile = path;
    ck_assert_err(reranker_open(&r, &opt, &err), E_INVALID, "is for stored, not for icr", &err);
    buf_clear(&json);
    opt = (struct rerank_options){.method = "stored", .model = tiny.path, .stored = &tiny.profile};
    tiny.sha256[0] = tiny.sha256[0] == '0' ? '1' : '0';
    ck_assert_err(reranker_open(&r, &opt, &err), E_INVALID, "SHA-256", &err);
    tiny.sha256[0] = '\0';
    ck_assert_err(reranker_open(&r, &opt, &err), E_INVALID, "SHA-256", &err);
    ck_assert_ptr_null(r);
}
END_TEST

START_TEST(a_profile_with_heads_that_the_model_has_not_got_is_refused)
{
    static const struct profile_head wrong[] = {{7, 0, 1}, {1, 4, 1}, {1000, 1000, 1}};

    for (const char *const *method = tiny_methods; *method; method++)
        for (int i = 0; i < 3; i++) {
            struct rerank_options opt = {.method = *method, .model = tiny.path};
            struct reranker *r = NULL;

            opt.stored = &tiny.profile;
            tiny.profile.method = (char *)*method;
            tiny.profile.heads[2] = wrong[i];
            ck_assert_err(reranker_open(&r, &opt, &err), E_INVALID, "head", &err);
        }
}
END_TEST

START_TEST(a_statistic_that_there_is_not_is_refused)
{
    for (const char *const *method = tiny_methods; *method; method++) {
        struct rerank_options opt = {.method = *method, .model = tiny.path};
        struct reranker *r = NULL;

        opt.stored = &tiny.profile;
        tiny.profile.method = (char *)*method;
        tiny.profile.statistic = (char *)"nosuch";
        ck_assert_err(reranker_open(&r, &opt, &err), E_INVALID, "no statistic 'nosuch'", &err);
    }
}
END_TEST

TCase *laws_tests(void)
{
    TCase *tc = tcase_create("attention");

    tcase_add_checked_fixture(tc, make_llama, remove_tiny);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, shuffled_candidates_give_the_same_bytes);
    tcase_add_test(tc, a_profile_weighs_a_fused_first_stage_for_itself);
    tcase_add_test(tc, threads_and_repetition_do_not_change_a_byte);
    tcase_add_test(tc, equal_texts_tie_and_fall_in_order_of_their_names);
    tcase_add_test(tc, calibrating_by_the_same_query_leaves_nothing);
    tcase_add_test(tc, a_passage_with_extreme_keys_spoils_no_other_one);
    tcase_add_test(tc, keys_of_another_profile_are_refused);
    tcase_add_test(tc, a_profile_of_another_model_or_method_is_refused);
    tcase_add_test(tc, a_profile_with_heads_that_the_model_has_not_got_is_refused);
    tcase_add_test(tc, a_statistic_that_there_is_not_is_refused);
    return tc;
}
