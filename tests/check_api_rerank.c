/* check_api_rerank.c -- re-ranked searches through the C interface. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "api/candidates.h"
#include "api/rerank.h"
#include "tests/api_fixture.h"
#include "tests/tiny_model.h"

enum { MANY = 50 };

static char cross[64], spec[96];

static void set_up_cross(void)
{
    set_up();
    tmp_dir(cross);
    tiny_cross_write(cross, 1, 1);
    snprintf(spec, sizeof spec, "cross-encoder:%s", cross);
}

static void tear_down_cross(void)
{
    tmp_remove(cross);
    tear_down();
}

/* An index of MANY documents that "eye" finds; the later the worse. */
static fovea *make_many(void)
{
    fovea *ix = open_mode(FOVEA_CREATE);
    char docno[16], text[256];

    for (int i = 0; i < MANY; i++) {
        snprintf(docno, sizeof docno, "d%02d", i);
        snprintf(
            text, sizeof text, "eye %.*s retina of %d %c", i * 4,
            "of the the of the of the of the the of the of the of the the of the of the the of the "
            "the of the the of the of the of the the of the of the the of the the of the of the "
            "the of the the of the of the of the the ",
            i, 'a' + i % 26);
        ck_assert_int_eq(fovea_add(ix, docno, i % 2 ? "x1" : NULL, text, NULL), FOVEA_ADDED);
    }
    ck_assert_done(fovea_commit(ix), ix);
    return ix;
}

static fovea_hits *search(fovea *ix, const fovea_search_options *opt)
{
    fovea_hits *hits = NULL;

    ck_assert_done(fovea_search(&hits, ix, "eye", opt), ix);
    return hits;
}

/* What holds for every re-ranked result. */
static void check_reranked(const fovea_hits *hits, const fovea_hits *first, int depth)
{
    const size_t n = fovea_hits_count(hits);
    unsigned char seen[MANY + 1] = {0};

    for (size_t i = 0; i < n; i++) {
        const fovea_hit *h = fovea_hits_get(hits, i), *f;
        const fovea_leg *leg = &h->legs[h->n_legs - 1];

        ck_assert(h->first_rank >= 1 && h->first_rank <= MANY && !seen[h->first_rank]++);
        f = fovea_hits_get(first, (size_t)h->first_rank - 1);
        ck_assert_str_eq(h->docno, f->docno);
        ck_assert_str_eq(h->text, f->text);
        ck_assert_float_eq(h->first_score, f->score);
        ck_assert_uint_eq(h->n_legs, f->n_legs + 1);
        ck_assert_float_eq(h->legs[0].score, f->legs[0].score);
        ck_assert_str_eq(leg->name, "cross-encoder");
        if (i) {
            const fovea_hit *before = fovea_hits_get(hits, i - 1);

            ck_assert(before->score > h->score ||
                      (before->score == h->score && strcmp(before->docno, h->docno) > 0));
        }
        if ((int)i < depth) {
            ck_assert_int_le(h->first_rank, depth);
            ck_assert_int_eq(leg->rank, (int)i + 1); /* there is no weight of the first stage */
            ck_assert_float_eq(leg->score, h->score);
        } else {
            ck_assert_int_eq(h->first_rank, (int)i + 1);
            ck_assert_int_eq(leg->rank, 0);
        }
    }
}

START_TEST(the_first_hits_are_permuted_and_the_others_follow)
{
    static const int depths[] = {1, 7, 20, MANY, 1000};
    fovea_search_options opt = FOVEA_SEARCH_OPTIONS_INIT;
    const int depth = depths[_i];
    fovea_hits *first, *hits;
    fovea *ix = make_many();

    opt.k = MANY;
    first = search(ix, &opt);
    ck_assert_uint_eq(fovea_hits_count(first), MANY);
    ck_assert_str_eq(fovea_hits_reranker(first), "");
    ck_assert_int_eq(fovea_hits_get(first, 0)->first_rank, 0);
    opt.rerank = spec;
    opt.rerank_depth = depth;
    hits = search(ix, &opt);
    ck_assert_uint_eq(fovea_hits_count(hits), MANY);
    ck_assert_str_eq(fovea_hits_reranker(hits), "cross-encoder");
    ck_assert_str_eq(fovea_hits_system(hits), "bm25");
    check_reranked(hits, first, depth);
    fovea_hits_free(hits);
    opt.k = 3; /* the best of what was re-ranked, whatever k is */
    hits = search(ix, &opt);
    ck_assert_uint_eq(fovea_hits_count(hits), 3);
    check_reranked(hits, first, depth);
    fovea_hits_free(hits);
    fovea_hits_free(first);
    fovea_close(ix);
}
END_TEST

START_TEST(by_default_twenty_are_reranked_and_bare_hits_are_the_same)
{
    fovea_search_options opt = FOVEA_SEARCH_OPTIONS_INIT;
    fovea_hits *hits, *bare, *first;
    fovea *ix = make_many();

    opt.k = MANY;
    first = search(ix, &opt);
    opt.rerank = spec;
    hits = search(ix, &opt);
    check_reranked(hits, first, 20);
    opt.fields = FOVEA_DOCNOS;
    bare = search(ix, &opt);
    for (size_t i = 0; i < MANY; i++) {
        ck_assert_str_eq(fovea_hits_get(hits, i)->docno, fovea_hits_get(bare, i)->docno);
        ck_assert_float_eq(fovea_hits_get(hits, i)->score, fovea_hits_get(bare, i)->score);
    }
    fovea_hits_free(bare);
    fovea_hits_free(hits);
    opt.k = 0;
    hits = search(ix, &opt);
    ck_assert_uint_eq(fovea_hits_count(hits), 10);
    fovea_hits_free(hits);
    fovea_hits_free(first);
    fovea_close(ix);
}
END_TEST

START_TEST(the_first_stage_has_the_weight_that_it_is_given)
{
    fovea_search_options opt = FOVEA_SEARCH_OPTIONS_INIT;
    fovea_hits *hits;
    fovea *ix = make_many();

    opt.rerank = spec;
    opt.rerank_first = 1e5f;
    hits = search(ix, &opt);
    for (size_t i = 1; i < fovea_hits_count(hits);
         i++) /* those that had equal scores may change places */
        ck_assert_float_le(fovea_hits_get(hits, i)->first_score,
                           fovea_hits_get(hits, i - 1)->first_score);
    fovea_hits_free(hits);
    opt.rerank_first = -1;
    hits = search(ix, &opt);
    ck_assert_float_eq(fovea_hits_get(hits, 0)->score, fovea_hits_get(hits, 0)->legs[1].score);
    fovea_hits_free(hits);
    fovea_close(ix);
}
END_TEST

START_TEST(passages_are_reranked_with_title_and_explained)
{
    fovea_options options = FOVEA_OPTIONS_INIT;
    fovea_search_options opt = FOVEA_SEARCH_OPTIONS_INIT;
    fovea_hits *hits;
    fovea *ix;

    options.chunking = "words:4";
    ix = open_with(&options, FOVEA_CREATE);
    for (int i = 0; i < N_DOCS; i++)
        ck_assert_int_eq(add_doc(ix, i), FOVEA_ADDED);
    ck_assert_done(fovea_commit(ix), ix);
    opt.by_passage = opt.explain = 1;
    opt.syntax = FOVEA_OPERATORS;
    opt.rerank = spec;
    ck_assert_done(fovea_search(&hits, ix, "\"the eye\" fov*", &opt), ix);
    ck_assert_uint_ge(fovea_hits_count(hits), 2);
    for (size_t i = 0; i < fovea_hits_count(hits); i++) {
        const fovea_hit *h = fovea_hits_get(hits, i);

        ck_assert_ptr_nonnull(strstr(h->explain, "cross-encoder: reading "));
        ck_assert_ptr_nonnull(strstr(h->explain, "\nbm25 "));
        ck_assert_str_eq(h->docno, "eye"); /* the phrase is in the title */
    }
    fovea_hits_free(hits);
    fovea_close(ix);
}
END_TEST

START_TEST(what_cannot_be_read_comes_last)
{
    fovea_options options = FOVEA_OPTIONS_INIT;
    fovea_search_options opt = FOVEA_SEARCH_OPTIONS_INIT;
    const fovea_hit *last;
    fovea_hits *hits;
    fovea *ix;
    int n_cut = 0;

    options.fields = "k:9";
    ix = open_with(&options, FOVEA_CREATE);
    for (int i = 0; i < N_DOCS; i++)
        ck_assert_int_eq(add_doc(ix, i), FOVEA_ADDED);
    ck_assert_int_eq(fovea_add(ix, "void", NULL, "", "{\"k\": \"eye\"}"), FOVEA_ADDED);
    ck_assert_done(fovea_commit(ix), ix);
    hits = search(ix, &opt);
    ck_assert_str_eq(fovea_hits_get(hits, 0)->docno, "void");
    fovea_hits_free(hits);
    opt.rerank = spec;
    hits = search(ix, &opt);
    last = fovea_hits_get(hits, fovea_hits_count(hits) - 1);
    ck_assert_str_eq(last->docno, "void");
    ck_assert_int_eq(last->first_rank, 1);
    ck_assert_int_eq(last->legs[1].rank, 0);
    ck_assert(isfinite(last->score));
    ck_assert_str_eq(fovea_hits_note(hits),
                     "of 1 of 3 passages there is nothing to read; of 1 of 3 "
                     "passages only the beginning is read");
    for (size_t i = 0; i < 3; i++) /* this model has little room */
        n_cut += fovea_hits_get(hits, i)->cut;
    ck_assert_int_eq(n_cut, 1);
    ck_assert_int_eq(last->cut, 0);
    fovea_hits_free(hits);
    fovea_close(ix);
}
END_TEST

START_TEST(an_empty_query_leaves_the_first_order_and_a_long_one_is_cut)
{
    fovea_options options = FOVEA_OPTIONS_INIT;
    fovea_search_options opt = FOVEA_SEARCH_OPTIONS_INIT;
    struct buf lengthy = {0};
    char encoder[64];
    fovea_hits *hits;
    fovea *ix;

    tmp_dir(encoder);
    tiny_model_write(encoder, 1, "");
    options.model = encoder;
    ix = open_with(&options, FOVEA_CREATE);
    for (int i = 0; i < N_DOCS; i++)
        ck_assert_int_eq(add_doc(ix, i), FOVEA_ADDED);
    ck_assert_done(fovea_commit(ix), ix);
    opt.rerank = spec;
    ck_assert_done(fovea_search(&hits, ix, " ", &opt), ix);
    ck_assert_uint_eq(fovea_hits_count(hits), N_DOCS); /* of the dense leg */
    for (size_t i = 0; i < N_DOCS; i++) {
        ck_assert_int_eq(fovea_hits_get(hits, i)->first_rank, (int)i + 1);
        ck_assert_float_eq(fovea_hits_get(hits, i)->score, fovea_hits_get(hits, i)->first_score);
    }
    ck_assert_ptr_nonnull(strstr(fovea_hits_note(hits), "the query is empty"));
    fovea_hits_free(hits);
    for (int i = 0; i < 5000; i++)
        buf_puts(&lengthy, "eye ");
    ck_assert_done(fovea_search(&hits, ix, buf_text(&lengthy), &opt), ix);
    ck_assert_ptr_nonnull(strstr(fovea_hits_note(hits), "the query has 5000 tokens"));
    fovea_hits_free(hits);
    ck_assert_done(fovea_search(&hits, ix, "nothingofthekind", &opt), ix);
    fovea_hits_free(hits);
    buf_clear(&lengthy);
    fovea_close(ix);
    tmp_remove(encoder);
}
END_TEST

static const struct {
    const char *rerank;
    int depth;
    float first;
    int code;
    const char *text;
} refused[] = {
    {"nosuch", 0, 0, FOVEA_INVALID, "there is no re-ranking by 'nosuch'; there are "},
    {"", 0, 0, FOVEA_INVALID, "there is no re-ranking by ''"},
    {"cross-encoder", 0, 0, FOVEA_INVALID, "no default model"},
    {"cross-encoder:", 0, 0, FOVEA_INVALID, "ends with nothing"},
    {"cross-encoder:m:", 0, 0, FOVEA_INVALID, "ends with nothing"},
    {"cross-encoder:no-such-model", 0, 0, FOVEA_NOTFOUND, "no-such-model"},
    {"cross-encoder:x", -1, 0, FOVEA_INVALID, "rerank_depth is -1"},
    {"cross-encoder:x", 10001, 0, FOVEA_INVALID, "rerank_depth is 10001"},
    {"cross-encoder:x", 0, NAN, FOVEA_INVALID, "rerank_first"},
};
enum { N_REFUSED = sizeof refused / sizeof *refused };

START_TEST(what_makes_no_sense_is_refused_and_the_handle_stays_usable)
{
    fovea_search_options opt = FOVEA_SEARCH_OPTIONS_INIT;
    fovea_hits *hits = NULL;
    fovea *ix = make();

    opt.rerank = refused[_i].rerank;
    opt.rerank_depth = refused[_i].depth;
    opt.rerank_first = refused[_i].first;
    ck_assert_fovea(fovea_search(&hits, ix, "eye", &opt), ix, refused[_i].code, refused[_i].text);
    ck_assert_ptr_null(hits);
    opt.rerank = spec;
    opt.rerank_depth = 0;
    opt.rerank_first = 0;
    fovea_hits_free(search(ix, &opt));
    fovea_close(ix);
}
END_TEST

START_TEST(a_choice_is_taken_apart)
{
    struct rerank_choice c;
    struct err err = {0};
    char file[96], text[128];

    ck_assert_ok(rerank_choice_parse(&c, "stored", &err), &err);
    ck_assert_str_eq(c.method->name, "stored");
    ck_assert(!c.model && !c.profile);
    ck_assert_int_eq(rerank_default_depth(c.method), 100);
    ck_assert_ok(rerank_choice_parse(&c, "icr:m", &err), &err);
    ck_assert_str_eq(c.model, "m");
    ck_assert_ptr_null(c.profile);
    ck_assert_int_eq(rerank_default_depth(c.method), 20);
    rerank_choice_clear(&c);
    ck_assert_ok(rerank_choice_parse(&c, "icr:/a/m:p.json", &err), &err);
    ck_assert_str_eq(c.model, "/a/m");
    ck_assert_str_eq(c.profile, "p.json");
    rerank_choice_clear(&c);
    ck_assert_ok(rerank_choice_parse(&c, "icr::all", &err), &err);
    ck_assert_ptr_null(c.model);
    ck_assert_str_eq(c.profile, "all");
    rerank_choice_clear(&c);
    snprintf(file, sizeof file, "%s/a:b", dir); /* a path with a colon */
    tmp_write(file, "", 0);
    snprintf(text, sizeof text, "icr:%s", file);
    ck_assert_ok(rerank_choice_parse(&c, text, &err), &err);
    ck_assert_str_eq(c.model, file);
    ck_assert_ptr_null(c.profile);
    rerank_choice_clear(&c);
}
END_TEST

START_TEST(titles_are_joined_as_indexes_join_them)
{
    static const char *const cases[][3] = {
        {"", "", ""},
        {"T", "", "T"},
        {"", "A > B", "A > B"},
        {"T", "A > B", "T A > B"},
        {"T", "T > B", "T > B"},
        {"T", "T", "T"},
        {"T", "Tea", "T Tea"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf b = {0};

        candidate_title(&b, cases[i][0], cases[i][1]);
        ck_assert_str_eq(buf_text(&b), cases[i][2]);
        buf_clear(&b);
    }
}
END_TEST

START_TEST(a_reranked_search_survives_each_failing_allocation)
{
    fovea_search_options opt = FOVEA_SEARCH_OPTIONS_INIT;
    fovea *ix = make();
    int rc;

    fovea_close(ix);
    opt.rerank = spec;
    opt.explain = 1;
    FAIL_EACH_ALLOC(rc, {
        fovea_hits *hits = NULL;
        fovea_options options = FOVEA_OPTIONS_INIT;

        options.threads = 1;
        rc = fovea_open(&ix, path, &options);
        rc = rc ? rc : fovea_search(&hits, ix, "the eye", &opt);
        if (!rc)
            ck_assert_uint_ge(fovea_hits_count(hits), 1);
        else
            ck_assert_ptr_null(hits);
        fovea_hits_free(hits);
        fovea_close(ix);
    });
}
END_TEST

TCase *rerank_tests(void)
{
    TCase *tc = tcase_create("rerank.c");

    tcase_add_checked_fixture(tc, set_up_cross, tear_down_cross);
    tcase_set_timeout(tc, 120);
    tcase_add_loop_test(tc, the_first_hits_are_permuted_and_the_others_follow, 0, 5);
    tcase_add_test(tc, by_default_twenty_are_reranked_and_bare_hits_are_the_same);
    tcase_add_test(tc, the_first_stage_has_the_weight_that_it_is_given);
    tcase_add_test(tc, passages_are_reranked_with_title_and_explained);
    tcase_add_test(tc, what_cannot_be_read_comes_last);
    tcase_add_test(tc, an_empty_query_leaves_the_first_order_and_a_long_one_is_cut);
    tcase_add_loop_test(tc, what_makes_no_sense_is_refused_and_the_handle_stays_usable, 0,
                        N_REFUSED);
    tcase_add_test(tc, a_choice_is_taken_apart);
    tcase_add_test(tc, titles_are_joined_as_indexes_join_them);
    tcase_add_test(tc, a_reranked_search_survives_each_failing_allocation);
    return tc;
}
