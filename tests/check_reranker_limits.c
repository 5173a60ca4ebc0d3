/* check_reranker_limits.c -- re-ranking at its edges: nothing to read, too much to read, and what is said of it. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "base/buf.h"
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

START_TEST(empty_passages_come_last_whatever_the_first_stage_said)
{
    for (const char *const *method = tiny_methods; *method; method++)
        for (int window = 0; window < 4; window += 3) {
            const struct rerank_options opt = {.first_stage = 100, .window = window};
            struct reranker *r = tiny_open(&tiny, *method, 0, &opt);
            struct candidate c[TINY_TEXTS];

            tiny_candidates(c);
            c[3].first = c[4].first = 1000;
            run(r, c, TINY_TEXTS, query);
            ck_assert_str_eq(c[TINY_TEXTS - 2].docno, "e");
            ck_assert_str_eq(c[TINY_TEXTS - 1].docno, "d");
            ck_assert_ptr_nonnull(strstr(reranker_note(r), "of 2 of 9 passages there is nothing"));
            for (size_t i = 0; i < TINY_TEXTS; i++)
                ck_assert_int_eq(isfinite(c[i].read) != 0, i < TINY_TEXTS - 2);
            reranker_close(r);
        }
}
END_TEST

START_TEST(nothing_but_empty_passages_are_in_order_of_their_names)
{
    for (const char *const *method = tiny_methods; *method; method++) {
        struct reranker *r = tiny_open(&tiny, *method, 0, NULL);
        struct candidate c[2] = {candidate_of("x", "", "", 2, 0), candidate_of("y", "", " ", 1, 1)};

        run(r, c, 2, query);
        ck_assert_str_eq(c[0].docno, "y");
        reranker_close(r);
    }
}
END_TEST

START_TEST(one_candidate_is_a_ranking_and_none_is_too)
{
    for (const char *const *method = tiny_methods; *method; method++) {
        struct reranker *r = tiny_open(&tiny, *method, 0, NULL);
        struct candidate c = candidate_of("only", "The eye", "sees", 3, 0);

        run(r, &c, 1, query);
        ck_assert(isfinite(c.score));
        run(r, &c, 0, query);
        ck_assert_str_eq(reranker_note(r), "");
        reranker_close(r);
    }
}
END_TEST

START_TEST(a_query_of_5000_words_is_cut_and_said_so)
{
    struct buf long_query = {0}, longer = {0};

    for (int i = 0; i < 5000; i++)
        buf_printf(&long_query, "%sword%d", i ? " " : "", i % 7);
    buf_printf(&longer, "%s and something else", buf_text(&long_query));
    for (const char *const *method = tiny_methods; *method; method++) {
        struct reranker *r = tiny_open(&tiny, *method, 0, NULL);
        struct candidate c[TINY_TEXTS], d[TINY_TEXTS];

        tiny_candidates(c);
        tiny_candidates(d);
        run(r, c, TINY_TEXTS, buf_text(&long_query));
        ck_assert_ptr_nonnull(strstr(reranker_note(r), " tokens, the first 400 are read"));
        run(r, d, TINY_TEXTS, buf_text(&longer));
        for (size_t i = 0; i < TINY_TEXTS; i++) {
            ck_assert_str_eq(c[i].docno, d[i].docno);
            ck_assert(c[i].read == d[i].read);
        }
        run(r, c, TINY_TEXTS, query);
        ck_assert_ptr_null(strstr(reranker_note(r), "tokens"));
        reranker_close(r);
    }
    buf_clear(&long_query);
    buf_clear(&longer);
}
END_TEST

START_TEST(an_empty_query_is_refused)
{
    for (const char *const *method = tiny_methods; *method; method++) {
        struct reranker *r = tiny_open(&tiny, *method, 0, NULL);
        struct candidate c[TINY_TEXTS];

        tiny_candidates(c);
        ck_assert_err(reranker_run(r, c, TINY_TEXTS, " \n", &err), E_INVALID, "empty", &err);
        ck_assert_err(reranker_run(r, c, TINY_TEXTS, "\xe3\x80\x80\xc2\xa0\x01", &err), E_INVALID,
                      "empty", &err);
        ck_assert(!reranker_is_empty("\xe3\x80\x80\xe7\x9c\xbc") && !reranker_is_empty("\xff"));
        c[1].first = NAN;
        ck_assert_err(reranker_run(r, c, TINY_TEXTS, query, &err), E_INVALID, "'b'", &err);
        reranker_close(r);
    }
}
END_TEST

/* 300 words of different ends: as long as a passage is read. */
static char *long_text(int seed)
{
    struct buf b = {0};

    for (int i = 0; i < 400; i++)
        buf_printf(&b, "%s%c%d", i ? " " : "", 'a' + (i * seed) % 26, i * seed % 10);
    return buf_take(&b);
}

START_TEST(more_than_the_window_holds_is_read_in_windows)
{
    enum { MANY = 60 };
    char *texts[5], names[MANY][8];

    for (int i = 0; i < 5; i++)
        texts[i] = long_text(i + 1);
    for (int m = 0; m < 2; m++) {
        struct reranker *r = tiny_open(&tiny, tiny_methods[m], m, NULL);
        struct candidate c[MANY];
        double above = 0;

        for (size_t i = 0; i < MANY; i++) {
            snprintf(names[i], sizeof names[i], "d%02zu", i);
            c[i] = candidate_of(names[i], "", i % 4 ? texts[i % 5] : "short", (float)(MANY - i), i);
        }
        run(r, c, MANY, query);
        for (size_t i = 0; i < MANY; i++)
            above += isfinite(c[i].read);
        ck_assert_double_eq(above, MANY);
        if (!m) /* blocks are not bound to the model's places */
            ck_assert_ptr_nonnull(strstr(reranker_note(r), "60 candidates do not fit"));
        reranker_close(r);
    }
    for (int i = 0; i < 5; i++)
        mem_free(texts[i]);
}
END_TEST

START_TEST(a_thousand_candidates_are_all_ranked)
{
    enum { MANY = 1000 };
    static struct candidate c[MANY];
    static char names[MANY][8];
    static const char *const texts[] = {"the eye", "sees", "cells in the night", "below"};

    for (const char *const *method = tiny_methods; *method; method++) {
        const struct rerank_options opt = {.first_stage = 0};
        struct reranker *r = tiny_open(&tiny, *method, 0, &opt);
        char seen[MANY] = {0};

        for (size_t i = 0; i < MANY; i++) {
            snprintf(names[i], sizeof names[i], "d%03zu", i);
            c[i] = candidate_of(names[i], "", texts[i % 4], (float)(MANY - i), i);
        }
        run(r, c, MANY, query);
        for (size_t i = 0; i < MANY; i++) {
            ck_assert(isfinite(c[i].score));
            ck_assert_int_eq(seen[c[i].at]++, 0);
        }
        ck_assert_int_eq(strstr(reranker_note(r), "1000 candidates do not fit") != NULL,
                         !strcmp(*method, "icr"));
        reranker_close(r);
    }
}
END_TEST

/* As many words as are read, one more, and as many tokens and more; blanks behind are nothing. */
START_TEST(passages_that_are_too_long_are_said_to_be_cut)
{
    static const struct {
        int words, long_ones;
        const char *behind;
        int cut;
    } cases[] = {{PROMPT_WORDS, 0, "", 0},
                 {PROMPT_WORDS, 0, " \n", 0},
                 {PROMPT_WORDS + 1, 0, "", 1},
                 {250, 1, "", 1}};
    enum { N = sizeof cases / sizeof *cases };

    for (const char *const *method = tiny_methods; *method; method++) {
        struct reranker *r = tiny_open(&tiny, *method, 0, NULL);
        struct buf texts[N] = {{0}};
        struct candidate c[N];

        for (size_t i = 0; i < N; i++) {
            for (int k = 0; k < cases[i].words; k++)
                buf_printf(&texts[i], "%s%s", k ? " " : "", cases[i].long_ones ? "xyz123" : "and");
            buf_puts(&texts[i], cases[i].behind);
            c[i] = candidate_of("d", "", buf_text(&texts[i]), 0, i);
        }
        for (int again = 0; again < 2; again++) {
            run(r, c, N, query);
            ck_assert_uint_eq(reranker_n_cut(r), 2);
            for (size_t i = 0; i < N; i++)
                ck_assert_int_eq(c[i].cut, cases[c[i].at].cut);
        }
        run(r, c, 0, query);
        ck_assert_uint_eq(reranker_n_cut(r), 0);
        for (size_t i = 0; i < N; i++)
            buf_clear(&texts[i]);
        reranker_close(r);
    }
}
END_TEST

START_TEST(a_model_of_few_places_says_so)
{
    static const int contexts[] = {1, 10, 64, 200, 600, READER_MIN_CONTEXT - 1};

    for (int i = 0; i < 6; i++)
        for (const char *const *method = tiny_methods; *method; method++) {
            struct rerank_options opt = {.method = *method};
            struct reranker *r = NULL;
            struct tiny t;

            tiny_make(&t, "qwen2", contexts[i]);
            t.profile.method = (char *)*method;
            opt.model = t.path;
            opt.stored = &t.profile;
            ck_assert_err(reranker_open(&r, &opt, &err), E_LIMIT, "needs 1024: take another", &err);
            tiny_remove(&t);
        }
}
END_TEST

START_TEST(the_fewest_places_are_enough_for_the_longest_query_and_passages)
{
    char *texts[3];
    struct buf long_query = {0};

    for (int i = 0; i < 3; i++)
        texts[i] = long_text(i + 1);
    for (int i = 0; i < 900; i++)
        buf_puts(&long_query, "eye ");
    for (const char *const *method = tiny_methods; *method; method++)
        for (int all = 0; all < 2; all++) {
            struct candidate c[3];
            struct reranker *r;
            struct tiny t;

            if (all && !strcmp(*method, "stored"))
                continue;
            tiny_make(&t, "qwen2", READER_MIN_CONTEXT);
            r = tiny_open(&t, *method, all, NULL);
            for (size_t i = 0; i < 3; i++)
                c[i] = candidate_of("d", "A title", texts[i], 0, i);
            run(r, c, 3, buf_text(&long_query));
            ck_assert(isfinite(c[2].score));
            ck_assert_uint_eq(reranker_n_cut(r), 3);
            reranker_close(r);
            tiny_remove(&t);
        }
    for (int i = 0; i < 3; i++)
        mem_free(texts[i]);
    buf_clear(&long_query);
}
END_TEST

TCase *limits_tests(void)
{
    TCase *tc = tcase_create("limits");

    tcase_add_checked_fixture(tc, make_llama, remove_tiny);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, empty_passages_come_last_whatever_the_first_stage_said);
    tcase_add_test(tc, nothing_but_empty_passages_are_in_order_of_their_names);
    tcase_add_test(tc, one_candidate_is_a_ranking_and_none_is_too);
    tcase_add_test(tc, a_query_of_5000_words_is_cut_and_said_so);
    tcase_add_test(tc, an_empty_query_is_refused);
    tcase_add_test(tc, more_than_the_window_holds_is_read_in_windows);
    tcase_add_test(tc, a_thousand_candidates_are_all_ranked);
    tcase_add_test(tc, passages_that_are_too_long_are_said_to_be_cut);
    tcase_add_test(tc, a_model_of_few_places_says_so);
    tcase_add_test(tc, the_fewest_places_are_enough_for_the_longest_query_and_passages);
    return tc;
}
