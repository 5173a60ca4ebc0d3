/* check_api_hits.c -- searching through the C interface: what holds for every hit of every search. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "model/model.h"
#include "tests/api_fixture.h"

static void check_spans(const fovea_span *spans, size_t n, const char *text)
{
    size_t at = 0;

    for (size_t i = 0; i < n; i++) {
        ck_assert_uint_ge(spans[i].begin, at);
        ck_assert_uint_lt(spans[i].begin, spans[i].end);
        ck_assert_uint_le(spans[i].end, strlen(text));
        at = spans[i].end;
    }
}

/* What holds for every hit of every search. */
static void check_hits(const fovea_hits *hits)
{
    const fovea_hit *before = NULL;

    for (size_t i = 0; i < fovea_hits_count(hits); i++) {
        const fovea_hit *hit = fovea_hits_get(hits, i);
        ck_assert_int_eq(hit->rank, (int)i + 1);
        if (before)
            ck_assert(before->score > hit->score ||
                      (before->score == hit->score && strcmp(before->docno, hit->docno) >= 0));
        before = hit;
        ck_assert_uint_eq(hit->passage.end - hit->passage.begin, strlen(hit->text));
        ck_assert_uint_le(hit->snippet_begin + strlen(hit->snippet), strlen(hit->text));
        for (size_t c = 0; hit->snippet[c]; c++)
            ck_assert(hit->snippet[c] == hit->text[hit->snippet_begin + c] ||
                      hit->snippet[c] == ' ');
        check_spans(hit->matches, hit->n_matches, hit->snippet);
        check_spans(hit->title_matches, hit->n_title_matches, hit->title);
        ck_assert_uint_ge(hit->n_legs, 1);
    }
    ck_assert_ptr_null(fovea_hits_get(hits, fovea_hits_count(hits)));
}

START_TEST(hits_carry_what_a_person_wants_to_see)
{
    const fovea_hit *hit;
    fovea_hits *hits;
    fovea *ix = make();

    ck_assert_done(fovea_search(&hits, ix, "fovea of the eye", NULL), ix);
    fovea_close(ix); /* hits outlive the handle */
    check_hits(hits);
    ck_assert_str_eq(fovea_hits_system(hits), "bm25");
    ck_assert_uint_eq(fovea_hits_count(hits), 2);
    hit = fovea_hits_get(hits, 0);
    ck_assert_str_eq(hit->docno, "eye");
    ck_assert_str_eq(hit->title, docs[0].title);
    ck_assert_str_eq(hit->text, docs[0].text);
    ck_assert_str_eq(hit->snippet, docs[0].text);
    ck_assert_str_eq(hit->meta, docs[0].meta);
    ck_assert_uint_eq(hit->n_matches, 1);
    ck_assert_uint_eq(hit->matches[0].begin, 4); /* fovea */
    ck_assert_uint_eq(hit->matches[0].end, 9);
    ck_assert_uint_eq(hit->n_title_matches, 1);
    ck_assert_uint_eq(hit->title_matches[0].begin, 4); /* eye */
    ck_assert_ptr_null(hit->explain);
    ck_assert_uint_eq(hit->n_legs, 1);
    ck_assert_str_eq(hit->legs[0].name, "bm25");
    ck_assert_int_eq(hit->legs[0].rank, 1);
    ck_assert_float_eq(hit->legs[0].score, hit->score);
    hit = fovea_hits_get(hits, 1);
    ck_assert_str_eq(hit->docno, "owl"); /* "foveas" is found too */
    ck_assert_uint_eq(hit->n_matches, 2);
    ck_assert_ptr_null(hit->meta);
    fovea_hits_free(hits);
}
END_TEST

START_TEST(docnos_alone_are_the_same_hits)
{
    fovea_search_options opt = FOVEA_SEARCH_OPTIONS_INIT;
    fovea_hits *full, *bare;
    fovea *ix = make();

    ck_assert_done(fovea_search(&full, ix, "sees eye", &opt), ix);
    opt.fields = FOVEA_DOCNOS;
    ck_assert_done(fovea_search(&bare, ix, "sees eye", &opt), ix);
    ck_assert_uint_eq(fovea_hits_count(full), fovea_hits_count(bare));
    ck_assert_uint_ge(fovea_hits_count(full), 3);
    for (size_t i = 0; i < fovea_hits_count(full); i++) {
        const fovea_hit *a = fovea_hits_get(full, i), *b = fovea_hits_get(bare, i);
        ck_assert_str_eq(a->docno, b->docno);
        ck_assert_float_eq(a->score, b->score);
        ck_assert_str_eq(b->text, "");
        ck_assert_str_eq(b->snippet, "");
    }
    fovea_hits_free(full);
    fovea_hits_free(bare);
    fovea_close(ix);
}
END_TEST

START_TEST(passages_are_parts_of_their_documents)
{
    fovea_options opt = FOVEA_OPTIONS_INIT;
    fovea_search_options search = FOVEA_SEARCH_OPTIONS_INIT;
    fovea_hits *hits;
    fovea *ix;

    opt.chunking = "words:4:1";
    ix = open_with(&opt, FOVEA_CREATE);
    for (int i = 0; i < N_DOCS; i++)
        ck_assert_int_eq(add_doc(ix, i), FOVEA_ADDED);
    ck_assert_done(fovea_commit(ix), ix);
    search.by_passage = 1;
    search.k = 100;
    ck_assert_done(fovea_search(&hits, ix, "eye retina cells ground", &search), ix);
    check_hits(hits);
    ck_assert_uint_gt(fovea_hits_count(hits), N_DOCS);
    for (size_t i = 0; i < fovea_hits_count(hits); i++) {
        const fovea_hit *hit = fovea_hits_get(hits, i);
        fovea_document *doc;
        ck_assert_done(fovea_get(&doc, ix, hit->docno), ix);
        ck_assert_int_eq(strncmp(doc->text + hit->passage.begin, hit->text, strlen(hit->text)), 0);
        fovea_document_free(doc);
    }
    fovea_hits_free(hits);
    search.by_passage = 0;
    ck_assert_done(fovea_search(&hits, ix, "eye retina cells ground", &search), ix);
    check_hits(hits);
    ck_assert_uint_eq(fovea_hits_count(hits), N_DOCS);
    fovea_hits_free(hits);
    fovea_close(ix);
}
END_TEST

START_TEST(a_search_explains_itself_when_asked)
{
    fovea_search_options opt = FOVEA_SEARCH_OPTIONS_INIT;
    fovea_hits *hits;
    fovea *ix = make();

    opt.explain = 1;
    ck_assert_done(fovea_search(&hits, ix, "retina", &opt), ix);
    ck_assert_uint_eq(fovea_hits_count(hits), 1);
    ck_assert_ptr_nonnull(fovea_hits_get(hits, 0)->explain);
    ck_assert_ptr_nonnull(strstr(fovea_hits_get(hits, 0)->explain, "retina"));
    fovea_hits_free(hits);
    fovea_close(ix);
}
END_TEST

START_TEST(a_search_that_makes_no_sense_is_refused)
{
    fovea_search_options opt = FOVEA_SEARCH_OPTIONS_INIT;
    fovea_hits *hits;
    fovea *ix = make();

    opt.system = "psychic";
    ck_assert_fovea(fovea_search(&hits, ix, "x", &opt), ix, FOVEA_INVALID, "psychic");
    ck_assert_ptr_null(hits);
    opt.system = "dense";
    ck_assert_fovea(fovea_search(&hits, ix, "x", &opt), ix, FOVEA_INVALID, "dense");
    opt = (fovea_search_options)FOVEA_SEARCH_OPTIONS_INIT;
    opt.k = -1;
    ck_assert_fovea(fovea_search(&hits, ix, "x", &opt), ix, FOVEA_INVALID, "k");
    opt = (fovea_search_options)FOVEA_SEARCH_OPTIONS_INIT;
    opt.fields = 9;
    ck_assert_fovea(fovea_search(&hits, ix, "x", &opt), ix, FOVEA_INVALID, "options.fields is 9");
    opt = (fovea_search_options)FOVEA_SEARCH_OPTIONS_INIT;
    opt.snippet_bytes = 1 << 20;
    ck_assert_fovea(fovea_search(&hits, ix, "x", &opt), ix, FOVEA_INVALID, "snippet_bytes");
    ck_assert_done(fovea_search(&hits, ix, "", NULL), ix);
    ck_assert_str_eq(fovea_error(ix), "");
    ck_assert_uint_eq(fovea_hits_count(hits), 0);
    fovea_hits_free(hits);
    fovea_close(ix);
}
END_TEST

/* Queries that a person may paste: nothing of this is an error. */
START_TEST(a_filter_leaves_some_hits_with_their_scores)
{
    fovea_search_options opt = FOVEA_SEARCH_OPTIONS_INIT;
    fovea_hits *all, *some;
    fovea *ix = make();

    ck_assert_done(fovea_search(&all, ix, "fovea eye ear cochlea", NULL), ix);
    ck_assert_uint_gt(fovea_hits_count(all), 1);
    for (size_t i = 0; i < fovea_hits_count(all); i++) {
        const fovea_hit *hit = fovea_hits_get(all, i);
        char where[100];

        snprintf(where, sizeof where, "docno = '%s' and (title is null or title ~ '')", hit->docno);
        opt.where = where;
        ck_assert_done(fovea_search(&some, ix, "fovea eye ear cochlea", &opt), ix);
        check_hits(some);
        ck_assert_uint_eq(fovea_hits_count(some), 1);
        ck_assert_str_eq(fovea_hits_get(some, 0)->docno, hit->docno);
        ck_assert(fovea_hits_get(some, 0)->score == hit->score);
        fovea_hits_free(some);
    }
    fovea_hits_free(all);
    opt.where = "docno = 'none of them'";
    ck_assert_done(fovea_search(&some, ix, "fovea", &opt), ix);
    ck_assert_uint_eq(fovea_hits_count(some), 0);
    fovea_hits_free(some);
    opt.where = "docno = ";
    ck_assert_fovea(fovea_search(&some, ix, "fovea", &opt), ix, FOVEA_INVALID,
                    "where: column 8: a value is expected after '='");
    ck_assert_ptr_null(some);
    fovea_close(ix);
}
END_TEST

START_TEST(operators_are_understood_where_they_are_asked_for)
{
    static const struct {
        const char *query;
        size_t plain, operators;
        const char *first;
    } rows[] = {{"\"part of the retina\" owl", 2, 1, "eye"},
                {"\"retina part\"", 1, 0, NULL},
                {"\"it hunts at night\" \"each eye\"", 2, 1, "owl"},
                {"fove*", 0, 2, NULL},
                {"\"sees\" \"fovea\"", 3, 1, "eye"}};
    fovea *ix = make();

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        fovea_search_options opt = FOVEA_SEARCH_OPTIONS_INIT;
        fovea_hits *hits;

        ck_assert_int_eq(opt.syntax, FOVEA_PLAIN);
        ck_assert_done(fovea_search(&hits, ix, rows[i].query, &opt), ix);
        ck_assert_uint_eq(fovea_hits_count(hits), rows[i].plain);
        fovea_hits_free(hits);
        opt.syntax = FOVEA_OPERATORS;
        ck_assert_done(fovea_search(&hits, ix, rows[i].query, &opt), ix);
        check_hits(hits);
        ck_assert_uint_eq(fovea_hits_count(hits), rows[i].operators);
        if (rows[i].first)
            ck_assert_str_eq(fovea_hits_get(hits, 0)->docno, rows[i].first);
        for (size_t k = 0; k < fovea_hits_count(hits); k++)
            ck_assert_uint_gt(fovea_hits_get(hits, k)->n_matches, 0);
        fovea_hits_free(hits);
        opt.syntax = 2;
        ck_assert_fovea(fovea_search(&hits, ix, rows[i].query, &opt), ix, FOVEA_INVALID,
                        "options.syntax is 2");
    }
    fovea_close(ix);
}
END_TEST

START_TEST(any_text_is_a_query)
{
    static const char *const queries[] = {"\xff\xfe broken \xc3 fovea",
                                          "'); DROP TABLE fovea_documents; --",
                                          "\"eye\" AND NOT (",
                                          "eye eye eye eye eye eye eye eye",
                                          "日本語 eye",
                                          "\x01\x02 eye \x1b[31m",
                                          "%s%n%d eye"};
    char *big = malloc(200001);
    fovea_hits *hits;
    fovea *ix = make();

    for (size_t i = 0; i < sizeof queries / sizeof *queries; i++) {
        ck_assert_done(fovea_search(&hits, ix, queries[i], NULL), ix);
        check_hits(hits);
        fovea_hits_free(hits);
    }
    for (int i = 0; i < 200000; i += 4)
        memcpy(big + i, i % 40 ? "eye " : "owl ", 4);
    big[200000] = '\0';
    ck_assert_done(fovea_search(&hits, ix, big, NULL), ix);
    check_hits(hits);
    fovea_hits_free(hits);
    free(big);
    ck_assert_uint_eq(count(ix), N_DOCS);
    fovea_close(ix);
}
END_TEST

START_TEST(with_a_model_words_and_meaning_are_searched)
{
    fovea_options opt = FOVEA_OPTIONS_INIT;
    fovea_info info = FOVEA_INFO_INIT;
    struct err err = {0};
    char *model = NULL;
    fovea_hits *hits;
    fovea *ix;

    if (model_find(&model, "minilm", &err))
        return; /* not installed: nothing to test with */
    mem_free(model);
    opt.model = "minilm";
    ix = open_with(&opt, FOVEA_CREATE);
    for (int i = 0; i < N_DOCS; i++)
        ck_assert_int_eq(add_doc(ix, i), FOVEA_ADDED);
    ck_assert_done(fovea_commit(ix), ix);
    ck_assert_done(fovea_describe(&info, ix), ix);
    ck_assert_str_eq(info.model, "minilm");
    ck_assert_int_eq(info.dim, 384);
    ck_assert_uint_eq(strlen(info.model_sha256), 64);
    ck_assert_done(fovea_search(&hits, ix, "organ of hearing", NULL), ix);
    check_hits(hits);
    ck_assert_str_eq(fovea_hits_system(hits), "hybrid");
    ck_assert_str_eq(fovea_hits_get(hits, 0)->docno, "ear"); /* shares no word with the query */
    ck_assert_uint_eq(fovea_hits_get(hits, 0)->n_legs, 2);
    fovea_hits_free(hits);
    ck_assert_done(fovea_check(ix), ix);
    fovea_close(ix);
}
END_TEST

START_TEST(a_hit_in_a_section_says_what_it_is_below)
{
    static const char text[] = "# Guide\n\n## Install\n\nFirst this.\n\nThen that, on Debian.\n";
    fovea_search_options so = FOVEA_SEARCH_OPTIONS_INIT;
    fovea_options opt = FOVEA_OPTIONS_INIT;
    const fovea_hit *hit;
    fovea_hits *hits;
    fovea *ix;

    opt.chunking = "sections:6";
    ix = open_with(&opt, FOVEA_CREATE);
    ck_assert_int_eq(fovea_add(ix, "guide", "Guide", text, NULL), FOVEA_ADDED);
    ck_assert_done(fovea_commit(ix), ix);
    so.by_passage = 1;
    ck_assert_done(fovea_search(&hits, ix, "install debian", &so), ix);
    check_hits(hits);
    ck_assert_uint_eq(fovea_hits_count(hits), 2);
    hit = fovea_hits_get(hits, 0);
    ck_assert_str_eq(hit->headings, "Guide > Install");
    ck_assert_str_eq(hit->text, "Then that, on Debian.\n");
    hit = fovea_hits_get(hits, 1);
    ck_assert_str_eq(hit->headings, "");
    ck_assert_str_eq(hit->text, "# Guide\n\n## Install\n\nFirst this.");
    fovea_hits_free(hits);
    fovea_close(ix);
}
END_TEST

TCase *hits_tests(void)
{
    TCase *tc = tcase_create("hits.c");
    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_test(tc, hits_carry_what_a_person_wants_to_see);
    tcase_add_test(tc, docnos_alone_are_the_same_hits);
    tcase_add_test(tc, passages_are_parts_of_their_documents);
    tcase_add_test(tc, a_hit_in_a_section_says_what_it_is_below);
    tcase_add_test(tc, a_search_explains_itself_when_asked);
    tcase_add_test(tc, a_search_that_makes_no_sense_is_refused);
    tcase_add_test(tc, a_filter_leaves_some_hits_with_their_scores);
    tcase_add_test(tc, operators_are_understood_where_they_are_asked_for);
    tcase_add_test(tc, any_text_is_a_query);
    tcase_add_test(tc, with_a_model_words_and_meaning_are_searched);
    tcase_set_timeout(tc, 30);
    return tc;
}
