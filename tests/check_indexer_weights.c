/* check_indexer_weights.c -- what documents with weighted fields put into an index, and what changes leave there. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/indexer_fixture.h"

static int add_with(struct fixture *f, const char *docno, const char *title, const char *text,
                    const char *meta)
{
    const struct doc doc = {docno, title, text, meta};
    int rc = index_add(f->ix, &doc, &f->err);

    ck_assert_msg(rc >= 0, "index_add: %s", f->err.text);
    return rc;
}

/* Frequencies of a term in the passages of the only segment, as "0 2 ", and their lengths if term is NULL. */
static void check_counts(struct fixture *f, const char *term, const char *want)
{
    struct segment *s = index_segment(f->ix, 0);
    struct buf got = {0};
    struct postings p;
    struct term t;

    ck_assert_int_eq(index_n_segments(f->ix), 1);
    if (term) {
        ck_assert_int_eq(segment_find_term(&t, s, term, strlen(term), &f->err), 1);
        ck_assert_ok(postings_open(&p, s, &t, &f->err), &f->err);
    }
    for (uint32_t i = 0; i < segment_size(s); i++)
        buf_printf(&got, "%u ",
                   !term                       ? segment_lengths(s)[i]
                   : postings_seek(&p, i) == i ? postings_freq(&p)
                                               : 0);
    ck_assert_str_eq(buf_text(&got), want);
    buf_clear(&got);
}

START_TEST(words_count_as_their_fields_weigh)
{
    struct index_options opt = {.settings = {.analyzer = "plain", .chunking = "sections:3"}};
    struct fixture f;

    opt.settings.fields = "title:3,headings:0.5,text:1,tags:2";
    fixture_open(&f, &opt);
    ck_assert_double_eq(index_unit(f.ix), 0.5);
    ck_assert_str_eq(index_settings(f.ix)->fields, opt.settings.fields);
    /* passages: "# Top a"; Top: "b c"; Top: "## Deep d"; Top > Deep: "e f g"; in halves */
    add_with(&f, "x", "Other", "# Top\na\n\nb c\n\n## Deep\nd\n\ne f g\n",
             "{\"tags\":[\"a\",\"t\"]}");
    fixture_commit(&f);
    check_counts(&f, NULL, "18 19 19 22 ");
    check_counts(&f, "other", "6 6 6 6 ");
    check_counts(&f, "top", "2 1 1 1 ");
    check_counts(&f, "deep", "0 0 2 1 ");
    check_counts(&f, "a", "6 4 4 4 ");
    check_counts(&f, "t", "4 4 4 4 ");
    ck_assert_uint_eq(index_n_terms(f.ix), 18 + 19 + 19 + 22);
    /* what is the title and the topmost heading counts as the title */
    add_with(&f, "x", "Top", "# Top\na\n\nb c\n\n## Deep\nd\n\ne f g\n", NULL);
    fixture_commit(&f);
    ck_assert_ok(index_merge(f.ix, &f.err), &f.err);
    check_counts(&f, NULL, "10 10 10 13 ");
    check_counts(&f, "top", "8 6 6 6 ");
    check_counts(&f, "deep", "0 0 2 1 ");
    fixture_check(&f);
    fixture_close(&f);
}
END_TEST

START_TEST(a_field_of_weight_0_is_not_there)
{
    struct index_options opt = {.settings = {.analyzer = "plain", .fields = "title:0,tags:1"}};
    struct index_stats stats;
    struct fixture f;

    fixture_open(&f, &opt);
    add_with(&f, "x", "w1 w2", "w3 w4", "{\"tags\":\"w5\",\"other\":\"w6\"}");
    add_with(&f, "y", "w1", "", NULL);
    fixture_commit(&f);
    ck_assert_uint_eq(known_of(&f, "w1").df + known_of(&f, "w2").df + known_of(&f, "w6").df, 0);
    ck_assert_uint_eq(known_of(&f, "w3").df, 1);
    ck_assert_uint_eq(known_of(&f, "w5").df, 1);
    ck_assert_ok(index_stats(&stats, f.ix, &f.err), &f.err);
    ck_assert_uint_eq(stats.n_terms, 3);
    fixture_check(&f);
    fixture_close(&f);
}
END_TEST

/* ---- changes ---- */

static const char *const weighted[] = {"title:3,headings:0.5,tags:2",
                                       "title:0.25,text:0,tags.list:64",
                                       "title:2,headings:2,text:2", "headings:1,tags:1"};

/* Document i in its `version`; half of them have sections. */
static void add_version(struct fixture *f, int i, uint64_t version)
{
    uint64_t seed = (uint64_t)i * 1000 + version;
    char docno[16], title[600], text[600], tags[600], body[1900], meta[1300];

    snprintf(docno, sizeof docno, "d%d", i);
    random_text(title, &seed);
    random_text(text, &seed);
    random_text(tags, &seed);
    title[random_below(&seed, 20)] = '\0';
    snprintf(body, sizeof body, "# %.40s\n\n%s\n\n## w%u w7\n\n%s", title, text, i % 50, tags);
    snprintf(meta, sizeof meta,
             i % 3   ? "{\"tags\":[\"%s\",\"w%d\"]}"
             : i % 2 ? "{\"metadata\":{\"tags\":{\"list\":\"%s\",\"n\":%d}}}"
                     : "{\"other\":\"%s\",\"tags\":%d}",
             tags, i % 100);
    add_with(f, docno, i % 4 ? title : "", i % 2 ? body : text, i % 7 ? meta : NULL);
}

/* Updates, some of meta alone, and deletions. */
static void change_all(struct fixture *f, int n, uint64_t version, int commits_every)
{
    char docno[16];

    for (int i = 0; i < n; i++) {
        add_version(f, i, version);
        if (i % commits_every == commits_every - 1)
            fixture_commit(f);
    }
    for (int i = 0; i < n; i += 6) {
        snprintf(docno, sizeof docno, "d%d", i);
        ck_assert_int_eq(index_delete(f->ix, docno, &f->err), 1);
    }
    fixture_commit(f);
}

START_TEST(changes_leave_what_a_fresh_index_has)
{
    struct index_options opt = {.settings = {.analyzer = "plain", .fields = weighted[_i]}};
    struct fixture a, b;

    opt.settings.chunking = _i % 2 ? "words:20:5" : "sections:12";
    fixture_open(&a, &opt);
    fixture_open(&b, &opt);
    change_all(&a, 120, 1, 17);
    change_all(&a, 120, 2, 40);
    change_all(&b, 120, 2, 1000);
    assert_same_knowledge(&a, &b);
    fixture_check(&a);
    fixture_again(&a); /* settings as recorded */
    ck_assert_ok(index_merge(a.ix, &a.err), &a.err);
    ck_assert_ok(index_merge(b.ix, &b.err), &b.err);
    assert_same_parts(&a, &b);
    fixture_check(&a);
    fixture_close(&a);
    fixture_close(&b);
}
END_TEST

START_TEST(a_change_of_meta_alone_is_indexed)
{
    struct index_options opt = {.settings = {.analyzer = "plain", .fields = "tags:2"}};
    struct fixture f;

    fixture_open(&f, &opt);
    add_with(&f, "x", "w1", "w2", "{\"tags\":\"w3\"}");
    add_with(&f, "y", "w1", "w2", "{\"tags\":\"w3\"}");
    fixture_commit(&f);
    ck_assert_int_eq(add_with(&f, "x", "w1", "w2", "{\"tags\":\"w3\"}"), INDEX_UNCHANGED);
    ck_assert_int_eq(add_with(&f, "x", "w1", "w2", "{\"tags\":\"w4\"}"), INDEX_UPDATED);
    fixture_commit(&f);
    ck_assert_uint_eq(known_of(&f, "w1").df, 2);
    ck_assert_uint_eq(known_of(&f, "w3").df, 1);
    ck_assert_uint_eq(known_of(&f, "w4").df, 1);
    ck_assert_uint_eq(index_n_terms(f.ix), 8);
    fixture_check(&f);
    fixture_close(&f);
}
END_TEST

/* Few bytes of documents may be many of passages, each with its title: more than the analyzers were made for. */
START_TEST(long_titles_of_short_passages_need_no_more_analyzers_than_there_are)
{
    struct index_options opt = {.settings = {.analyzer = "plain", .chunking = "words:1"}};
    struct err err = {0};
    struct buf title = {0}, text = {0};
    struct fixture a, b;

    opt.settings.fields = _i ? "title:2" : NULL;
    for (int i = 0; i < 400; i++) {
        buf_printf(&title, "w%d ", i % 50);
        buf_printf(&text, "w%d ", i % 70);
    }
    fixture_open(&b, &opt);
    ck_assert_ok(pool_new(&opt.pool, 2, &err), &err);
    fixture_open(&a, &opt);
    fixture_add(&a, "x", buf_text(&title), buf_text(&text));
    fixture_add(&b, "x", buf_text(&title), buf_text(&text));
    fixture_commit(&a);
    fixture_commit(&b);
    assert_same_parts(&a, &b);
    fixture_close(&a);
    fixture_close(&b);
    pool_free(opt.pool);
    buf_clear(&title);
    buf_clear(&text);
}
END_TEST

START_TEST(a_passage_of_too_much_weight_is_refused)
{
    struct index_options opt = {.settings = {.analyzer = "plain", .fields = "title:0.25,text:64"}};
    const size_t n = (size_t)PASSAGE_LENGTH_MAX / 256; /* words of the longest text that may be */
    char *text = mem_alloc(2 * n + 3, 1);
    struct doc doc = {.docno = "x", .title = "", .text = text};
    struct fixture f;

    ck_assert_ptr_nonnull(text);
    for (size_t i = 0; i < n + 1; i++)
        memcpy(text + 2 * i, "w ", 3);
    fixture_open(&f, &opt);
    ck_assert_ok(index_add(f.ix, &doc, &f.err), &f.err);
    ck_assert_err(index_commit(f.ix, &f.err), E_LIMIT, "a passage has over 2147483647 words",
                  &f.err);
    ck_assert_uint_eq(index_n_passages(f.ix), 0);
    text[2 * n] = '\0';
    ck_assert_ok(index_add(f.ix, &doc, &f.err), &f.err);
    fixture_commit(&f);
    ck_assert_uint_eq(index_n_terms(f.ix), 256 * n);
    fixture_check(&f);
    ck_assert_int_eq(index_delete(f.ix, "x", &f.err), 1);
    fixture_commit(&f);
    ck_assert_uint_eq(known_of(&f, "w").df, 0);
    mem_free(text);
    fixture_close(&f);
}
END_TEST

/* The whole way with fields of all kinds: 0 or what failed. */
static int work(const char *path, struct err *err)
{
    const struct doc first = {"x", "w1", "# h\nw2", "{\"tags\":[\"w3\",\"w4\"]}"},
                     second = {"x", "w1", "# h\nw2", "{\"tags\":\"w5\"}"},
                     third = {"y", "t", "w6", NULL};
    struct index_options opt = {.mode = INDEX_CREATE,
                                .settings = {.analyzer = "plain",
                                             .chunking = "sections:2",
                                             .fields = "title:2,headings:.5,tags:2"}};
    struct index *ix = NULL;
    int rc = index_open(&ix, path, &opt, err);

    rc = rc < 0 ? rc : index_add(ix, &first, err);
    rc = rc < 0 ? rc : index_add(ix, &third, err);
    rc = rc < 0 ? rc : index_commit(ix, err);
    rc = rc < 0 ? rc : index_add(ix, &second, err);
    rc = rc < 0 ? rc : index_commit(ix, err);
    rc = rc < 0 ? rc : index_delete(ix, "x", err);
    rc = rc < 0 ? rc : index_merge(ix, err);
    index_close(ix);
    return rc;
}

START_TEST(each_failing_allocation_is_an_error_and_nothing_more)
{
    char dir[64], path[96];
    struct err err = {0};
    int rc = 0;

    tmp_dir(dir);
    snprintf(path, sizeof path, "%s/test.fovea", dir);
    FAIL_EACH_ALLOC(rc, {
        remove(path);
        err_clear(&err);
        rc = work(path, &err);
    });
    tmp_remove(dir);
}
END_TEST

TCase *tcase_weights(void)
{
    TCase *tc = tcase_create("weights");

    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, words_count_as_their_fields_weigh);
    tcase_add_test(tc, a_field_of_weight_0_is_not_there);
    tcase_add_loop_test(tc, changes_leave_what_a_fresh_index_has, 0,
                        (int)(sizeof weighted / sizeof *weighted));
    tcase_add_test(tc, a_change_of_meta_alone_is_indexed);
    tcase_add_loop_test(tc, long_titles_of_short_passages_need_no_more_analyzers_than_there_are, 0,
                        2);
    tcase_add_test(tc, a_passage_of_too_much_weight_is_refused);
    tcase_add_test(tc, each_failing_allocation_is_an_error_and_nothing_more);
    return tc;
}
