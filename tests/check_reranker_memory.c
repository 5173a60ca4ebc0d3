/* check_reranker_memory.c -- memory that ends while attention re-ranks, or heads are chosen. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "model/model.h"
#include "reranker/heads.h"
#include "tests/check_reranker_tiny.h"

static struct tiny tiny;
static struct err err;

static void make_tiny(void)
{
    tiny_make(&tiny, "qwen2", 2048);
    tiny.profile.n_heads = 2;
}
static void remove_tiny(void) { tiny_remove(&tiny); }

/* Opens, runs twice and closes, with each allocation failing once. */
static void fail_each(const char *method, const char *profile, int window)
{
    const struct rerank_options opt = {.method = method,
                                       .model = tiny.path,
                                       .profile = profile,
                                       .stored = &tiny.profile,
                                       .first_stage = -1,
                                       .window = window};
    int rc;

    tiny.profile.method = (char *)method;
    FAIL_EACH_ALLOC(rc, {
        struct reranker *r = NULL;
        struct candidate c[TINY_TEXTS];

        err_clear(&err);
        tiny_candidates(c);
        rc = reranker_open(&r, &opt, &err);
        rc = rc ? rc : reranker_run(r, c, 4, "the eye", &err);
        rc = rc ? rc : reranker_run(r, c + 1, 3, "words", &err);
        ck_assert(rc == 0 || err.code == rc);
        reranker_close(r);
    });
}

START_TEST(opening_and_running_stored) { fail_each("stored", NULL, 0); }
END_TEST
START_TEST(opening_and_running_icr) { fail_each("icr", "all", 0); }
END_TEST
START_TEST(opening_and_running_icr_with_a_profile) { fail_each("icr", NULL, 2); }
END_TEST
START_TEST(opening_and_running_icr_blocks) { fail_each("icr-blocks", "all", 2); }
END_TEST
START_TEST(opening_and_running_icr_blocks_with_a_profile) { fail_each("icr-blocks", NULL, 0); }
END_TEST

/* Blocks that are written to a folder, and read from it; whatever fails, what is in it stays right. */
START_TEST(opening_and_running_icr_blocks_with_a_folder)
{
    char folder[128];
    const struct rerank_options opt = {
        .method = "icr-blocks", .model = tiny.path, .first_stage = -1, .cache_dir = folder};
    struct candidate want[TINY_TEXTS], c[TINY_TEXTS];
    struct reranker *r = tiny_open(&tiny, "icr-blocks", 1, NULL);
    int rc, n = 0;

    tiny_candidates(want);
    ck_assert_ok(reranker_run(r, want, 4, "the eye", &err), &err);
    reranker_close(r);
    for (int failed = 1; failed; n++) {
        if (n % 2 == 0) /* a new folder, and once more with what is in it then */
            snprintf(folder, sizeof folder, "%s/blocks%d", tiny.dir, n);
        r = NULL;
        err_clear(&err);
        tiny_candidates(c);
        mem_fail_at(n + 1);
        rc = reranker_open(&r, &opt, &err);
        rc = rc ? rc : reranker_run(r, c, 4, "the eye", &err);
        failed = mem_has_failed();
        mem_fail_at(0);
        ck_assert(rc == E_NOMEM || !rc); /* a block that could not be kept is no failure */
        ck_assert(rc == 0 || err.code == rc);
        for (int i = 0; i < 4 && !rc; i++)
            ck_assert(c[i].at == want[i].at && c[i].read == want[i].read);
        reranker_close(r);
    }
    ck_assert_int_gt(n, 20);
}
END_TEST

/* A run that failed leaves a reranker that works. */
START_TEST(after_a_failure_all_is_as_before)
{
    for (const char *const *method = tiny_methods; *method; method++) {
        struct reranker *r = tiny_open(&tiny, *method, 0, NULL);
        struct candidate want[TINY_TEXTS], c[TINY_TEXTS];

        tiny_candidates(want);
        ck_assert_ok(reranker_run(r, want, TINY_TEXTS, "the eye", &err), &err);
        for (long at = 1; at < 200; at += 3) {
            int rc;

            tiny_candidates(c);
            mem_fail_at(at);
            rc = reranker_run(r, c, TINY_TEXTS, "another word", &err);
            mem_fail_at(0);
            ck_assert(rc == 0 || rc == E_NOMEM);
            err_clear(&err);
            tiny_candidates(c);
            ck_assert_ok(reranker_run(r, c, TINY_TEXTS, "the eye", &err), &err);
            for (size_t i = 0; i < TINY_TEXTS; i++) {
                ck_assert_uint_eq(c[i].at, want[i].at);
                ck_assert(c[i].read == want[i].read);
            }
            if (!rc)
                break;
        }
        reranker_close(r);
    }
}
END_TEST

START_TEST(collecting)
{
    struct candidate c[TINY_TEXTS];
    struct heads_candidate h[TINY_TEXTS];
    struct heads_query queries[2];
    const struct heads_options opt = {0};
    struct reader *r = tiny_reader(&tiny);
    int rc;

    tiny_candidates(c);
    for (size_t i = 0; i < 3; i++)
        h[i] = (struct heads_candidate){c[i].docno, c[i].text, c[i].first, i == 1};
    for (size_t i = 0; i < 2; i++)
        queries[i] = (struct heads_query){i % 2 ? "the eye" : "words", h, 3, 1};
    FAIL_EACH_ALLOC(rc, {
        struct heads_data d;

        err_clear(&err);
        rc = heads_collect(&d, r, queries, 2, &opt, &err);
        if (!rc)
            heads_data_clear(&d);
        else
            ck_assert_ptr_null(d.queries);
    });
    reader_close(r);
}
END_TEST

/* Any of the allocations of trying, but not each of the many that are alike. */
START_TEST(trying_and_applying)
{
    enum { N = 2 * HEADS_FOLDS, HEADS = 4 };
    static float scores[HEADS * 3] = {1, 2, 3, 4, 2, 1, 3, 5, 4, 2, 2, 7}, first[3] = {1, 2, 3};
    static int grades[3] = {0, 1, 0};
    struct heads_scores queries[N];
    const struct heads_data d = {.layers = 1,
                                 .heads_per_layer = HEADS,
                                 .group = 2,
                                 .n_heads = HEADS,
                                 .n_kinds = 1,
                                 .n = N,
                                 .queries = queries};
    int rc = 1;

    for (size_t i = 0; i < N; i++)
        queries[i] = (struct heads_scores){3, scores, first, grades, 1};
    for (long at = 1; rc; at += at < 30 ? 1 : 17) {
        struct heads_choice choice = {0};
        struct profile p = {0};
        int has_failed;

        mem_fail_at(at);
        rc = heads_try(&choice, &d, NULL, &err);
        rc = rc ? rc : heads_apply(&p, &d, heads_best(&choice), &err);
        has_failed = mem_has_failed();
        mem_fail_at(0);
        ck_assert_int_eq(rc, has_failed ? E_NOMEM : 0);
        err_clear(&err);
        mem_free(p.statistic);
        heads_choice_clear(&choice);
    }
}
END_TEST

TCase *memory_tests(void)
{
    TCase *tc = tcase_create("memory");

    tcase_set_timeout(tc, 120);
    tcase_add_checked_fixture(tc, make_tiny, remove_tiny);
    tcase_add_test(tc, opening_and_running_stored);
    tcase_add_test(tc, opening_and_running_icr);
    tcase_add_test(tc, opening_and_running_icr_with_a_profile);
    tcase_add_test(tc, opening_and_running_icr_blocks);
    tcase_add_test(tc, opening_and_running_icr_blocks_with_a_profile);
    tcase_add_test(tc, opening_and_running_icr_blocks_with_a_folder);
    tcase_add_test(tc, after_a_failure_all_is_as_before);
    tcase_add_test(tc, collecting);
    tcase_add_test(tc, trying_and_applying);
    return tc;
}
