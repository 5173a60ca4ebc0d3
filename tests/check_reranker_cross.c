/* check_reranker_cross.c -- re-ranking by a cross-encoder: laws, and candidates of all kinds. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "base/buf.h"
#include "base/pool.h"
#include "model/model.h"
#include "tests/check_reranker.h"
#include "tests/tiny_model.h"

static char dir[64];
static struct err err;

static void make_cross(void)
{
    tmp_dir(dir);
    tiny_cross_write(dir, 1, 1);
}

static void remove_cross(void) { tmp_remove(dir); }

static struct reranker *open_cross(float first_stage, int precision, struct pool *pool)
{
    const struct rerank_options opt = {.method = "cross-encoder",
                                       .model = dir,
                                       .precision = precision,
                                       .first_stage = first_stage,
                                       .pool = pool};
    struct reranker *r = NULL;

    ck_assert_ok(reranker_open(&r, &opt, &err), &err);
    return r;
}

static const char query[] = "what does the eye see?";

/* A few candidates of all kinds; the last two are alike. */
static const struct {
    const char *docno, *title, *text;
    float first;
} few[] = {
    {"a", "The eye", "The retina of the eye.", 5},
    {"b", "", "foveation ? foveation", 4},
    {"c", "A title alone", "", 3},
    {"d", "", " \t\n", 2},
    {"e", "", "", 2},
    {"f", "The eye", "x1 of the retina", 1},
    {"g", "The eye", "x1 of the retina", 0},
};
enum { N_FEW = sizeof few / sizeof *few };

static void make_few(struct candidate *c)
{
    for (size_t i = 0; i < N_FEW; i++)
        c[i] = candidate_of(few[i].docno, few[i].title, few[i].text, few[i].first, i);
}

static void run(struct reranker *r, struct candidate *c, size_t n, const char *q)
{
    ck_assert_ok(reranker_run(r, c, n, q, &err), &err);
    check_order(c, n);
}

/* ---- laws ---- */

START_TEST(scores_are_what_the_model_says_of_title_and_text)
{
    struct reranker *r = open_cross(-1, MODEL_F32, NULL);
    struct candidate c[N_FEW];
    struct model *m = NULL;

    ck_assert_ok(model_open(&m, dir, &(struct model_options){.precision = MODEL_F32}, &err), &err);
    make_few(c);
    run(r, c, N_FEW, query);
    for (size_t i = 0; i < N_FEW; i++) {
        struct buf joined = {0};
        struct model_text t;
        float want;

        buf_printf(&joined, "%s %s", few[c[i].at].title, few[c[i].at].text);
        t = (struct model_text){buf_text(&joined), joined.len};
        ck_assert_ok(model_score_pairs(&want, NULL, NULL, m, NULL,
                                       (struct model_text){query, strlen(query)}, &t, 1, &err),
                     &err);
        if (joined.data[strspn(joined.data, " \t\n")]) {
            ck_assert_float_eq(c[i].read, want);
            ck_assert_float_eq(c[i].score, want);
        } else {
            ck_assert(isinf(c[i].read) && c[i].read < 0);
        }
        buf_clear(&joined);
    }
    ck_assert_str_eq(reranker_note(r), "of 2 of 7 passages there is nothing to read");
    model_close(m);
    reranker_close(r);
}
END_TEST

START_TEST(empty_passages_come_last_whatever_the_first_stage_said)
{
    for (int weight = 0; weight < 3; weight++) {
        struct reranker *r = open_cross((float)weight * 100, MODEL_I8, NULL);
        struct candidate c[N_FEW];

        make_few(c);
        c[3].first = c[4].first = 1000;
        run(r, c, N_FEW, query);
        ck_assert_str_eq(c[N_FEW - 2].docno, "e");
        ck_assert_str_eq(c[N_FEW - 1].docno, "d");
        reranker_close(r);
    }
}
END_TEST

START_TEST(equal_texts_have_equal_scores_and_fall_in_order_of_their_names)
{
    struct reranker *r = open_cross(-1, MODEL_I8, NULL);
    struct candidate c[N_FEW];

    make_few(c);
    run(r, c, N_FEW, query);
    for (size_t i = 0; i + 1 < N_FEW; i++)
        if (c[i].docno[0] == 'g') {
            ck_assert_str_eq(c[i + 1].docno, "f");
            ck_assert_float_eq(c[i].score, c[i + 1].score);
            reranker_close(r);
            return;
        }
    ck_abort_msg("g is last");
}
END_TEST

START_TEST(the_order_of_candidates_and_the_threads_change_nothing)
{
    struct pool *pool = NULL;
    struct reranker *alone = open_cross(0.5f, MODEL_I8, NULL), *together;
    struct candidate a[N_FEW], b[N_FEW];

    ck_assert_ok(pool_new(&pool, 3, &err), &err);
    together = open_cross(0.5f, MODEL_I8, pool);
    make_few(a);
    run(alone, a, N_FEW, query);
    for (size_t shift = 0; shift < N_FEW; shift++) {
        for (size_t i = 0; i < N_FEW; i++) {
            const size_t k = (i * 3 + shift) % N_FEW;

            b[i] = candidate_of(few[k].docno, few[k].title, few[k].text, few[k].first, k);
        }
        run(together, b, N_FEW, query);
        for (size_t i = 0; i < N_FEW; i++) {
            ck_assert_uint_eq(a[i].at, b[i].at);
            ck_assert_mem_eq(&a[i].score, &b[i].score, sizeof a[i].score);
        }
    }
    reranker_close(alone);
    reranker_close(together);
    pool_free(pool);
}
END_TEST

START_TEST(with_a_large_weight_the_first_stage_stands)
{
    struct reranker *r = open_cross(1e5f, MODEL_I8, NULL);
    struct candidate c[N_FEW];
    float before = INFINITY;

    make_few(c);
    run(r, c, N_FEW, query);
    for (size_t i = 0; i < N_FEW - 2; i++) { /* the empty ones come behind */
        ck_assert_float_lt(c[i].first, before);
        before = c[i].first;
    }
    reranker_close(r);
}
END_TEST

/* ---- extremes ---- */

START_TEST(a_thousand_candidates_are_permuted)
{
    enum { N = 1000 };
    struct reranker *r = open_cross(-1, MODEL_I8, NULL);
    struct candidate *c = mem_alloc(N, sizeof *c), one;
    static char names[N][8], texts[N][40];

    for (size_t i = 0; i < N; i++) {
        snprintf(names[i], sizeof names[i], "d%zu", i);
        snprintf(texts[i], sizeof texts[i], "retina %zu of the eye", i * i % 997);
        c[i] = candidate_of(names[i], i % 3 ? "the eye" : "", texts[i], 0, i);
    }
    run(r, c, N, query);
    for (size_t i = 0; i < N; i += 111) {
        one = c[i];
        one.at = 0;
        run(r, &one, 1, query);
        ck_assert_float_eq(one.score, c[i].score);
    }
    mem_free(c);
    reranker_close(r);
}
END_TEST

START_TEST(long_queries_and_passages_are_cut_and_said_so)
{
    struct reranker *r = open_cross(-1, MODEL_I8, NULL);
    struct buf words = {0};
    struct candidate c[2];

    for (int i = 0; i < 5000; i++)
        buf_puts(&words, "retina ");
    c[0] = candidate_of("a", "", buf_text(&words), 0, 0);
    c[1] = candidate_of("b", "", "the eye", 0, 1);
    run(r, c, 2, buf_text(&words));
    ck_assert_ptr_nonnull(strstr(reranker_note(r), "the query has 5000 tokens"));
    for (size_t i = 0; i < 2; i++)
        ck_assert_int_eq(c[i].cut, c[i].docno[0] == 'a');
    run(r, c, 2, "eye"); /* the note was of the last run */
    ck_assert_str_eq(reranker_note(r), "");
    buf_clear(&words);
    reranker_close(r);
}
END_TEST

START_TEST(few_candidates_none_and_an_empty_query)
{
    struct reranker *r = open_cross(1, MODEL_I8, NULL);
    struct candidate c[N_FEW];

    make_few(c);
    run(r, c, 0, query);
    run(r, c, 1, query);
    ck_assert(isfinite(c[0].score));
    ck_assert_ok(reranker_run(r, c + 3, 2, query, &err), &err); /* both empty */
    ck_assert_str_eq(c[3].docno, "e");
    ck_assert_err(reranker_run(r, c, 1, " \n", &err), E_INVALID, "the query is empty", &err);
    c[0].first = NAN;
    ck_assert_err(reranker_run(r, c, 1, query, &err), E_INVALID, "first stage", &err);
    reranker_close(r);
}
END_TEST

/* ---- refused, failing ---- */

START_TEST(what_is_no_cross_encoder_is_refused)
{
    struct rerank_options opt = {.method = "cross-encoder"};
    struct reranker *r = NULL;

    ck_assert_err(reranker_open(&r, &opt, &err), E_INVALID, "no default model", &err);
    opt.model = dir;
    opt.profile = "smollm2";
    ck_assert_err(reranker_open(&r, &opt, &err), E_INVALID, "no profile", &err);
    opt.profile = NULL;
    tiny_model_write(dir, 1, "");
    ck_assert_err(reranker_open(&r, &opt, &err), E_INVALID, "is no cross-encoder", &err);
    ck_assert_ptr_null(r);
}
END_TEST

START_TEST(it_survives_each_failing_allocation)
{
    const struct rerank_options opt = {.method = "cross-encoder", .model = dir};
    int rc;

    FAIL_EACH_ALLOC(rc, {
        struct reranker *r = NULL;
        struct candidate c[N_FEW];

        err_clear(&err);
        make_few(c);
        rc = reranker_open(&r, &opt, &err);
        rc = rc ? rc : reranker_run(r, c, N_FEW, query, &err);
        reranker_close(r);
    });
}
END_TEST

TCase *cross_tests(void)
{
    TCase *tc = tcase_create("cross_encoder.c");

    tcase_add_checked_fixture(tc, make_cross, remove_cross);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, scores_are_what_the_model_says_of_title_and_text);
    tcase_add_test(tc, empty_passages_come_last_whatever_the_first_stage_said);
    tcase_add_test(tc, equal_texts_have_equal_scores_and_fall_in_order_of_their_names);
    tcase_add_test(tc, the_order_of_candidates_and_the_threads_change_nothing);
    tcase_add_test(tc, with_a_large_weight_the_first_stage_stands);
    tcase_add_test(tc, a_thousand_candidates_are_permuted);
    tcase_add_test(tc, long_queries_and_passages_are_cut_and_said_so);
    tcase_add_test(tc, few_candidates_none_and_an_empty_query);
    tcase_add_test(tc, what_is_no_cross_encoder_is_refused);
    tcase_add_test(tc, it_survives_each_failing_allocation);
    return tc;
}
