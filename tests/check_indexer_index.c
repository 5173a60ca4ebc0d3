/* check_indexer_index.c -- the life of an index: add, update, delete, commit, take turns, run out of memory. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/indexer_fixture.h"

/* ---- life ---- */

START_TEST(what_is_committed_is_found_and_read_back)
{
    struct fixture f;
    struct doc doc, got;
    struct buf text = {0};
    struct span span;
    struct known k;
    int64_t id;

    fixture_open(&f, NULL);
    ck_assert_int_eq(fixture_add(&f, "b", "The Title", "one two two"), INDEX_ADDED);
    doc = (struct doc){"a", "", "two three", "{\"year\":1997}"};
    ck_assert_int_eq(index_add(f.ix, &doc, &f.err), INDEX_ADDED);
    ck_assert_uint_eq(index_n_passages(f.ix), 0); /* nothing is seen before the commit */
    ck_assert_int_eq(index_find(&id, f.ix, "a", &f.err), 0);
    fixture_commit(&f);
    fixture_again(&f);
    fixture_check(&f);

    ck_assert_uint_eq(index_n_passages(f.ix), 2);
    ck_assert_uint_eq(index_n_terms(f.ix), 5 + 2);
    k = known_of(&f, "two");
    ck_assert_uint_eq(k.df, 2);
    ck_assert_uint_eq(known_of(&f, "title").df, 1); /* the title is indexed too */
    ck_assert_uint_eq(known_of(&f, "four").df, 0);
    ck_assert_int_eq(index_find(&id, f.ix, "a", &f.err), 1);
    ck_assert_ok(index_document(&got, &text, f.ix, id, &f.err), &f.err);
    ck_assert_str_eq(got.docno, "a");
    ck_assert_str_eq(got.title, "");
    ck_assert_str_eq(got.text, "two three");
    ck_assert_str_eq(got.meta, "{\"year\":1997}");
    ck_assert_err(index_document(&got, &text, f.ix, 99, &f.err), E_FORMAT, "document 99 is missing",
                  &f.err);
    ck_assert_int_eq(index_find(&id, f.ix, "c'); DROP TABLE fovea_documents; --", &f.err), 0);

    /* passages come by docno falling */
    struct segment *s = index_segment(f.ix, 0);
    ck_assert_str_eq(segment_docno(s, 0), "b");
    ck_assert_str_eq(segment_docno(s, 1), "a");
    ck_assert_int_eq(segment_document(s, 1), id);
    ck_assert_uint_eq(segment_lengths(s)[0], 5);
    ck_assert_ok(index_passage_span(&span, f.ix, s, 0, &f.err), &f.err);
    ck_assert_uint_eq(span.begin, 0);
    ck_assert_uint_eq(span.end, strlen("one two two"));
    buf_clear(&text);
    fixture_close(&f);
}
END_TEST

START_TEST(the_same_content_changes_nothing)
{
    struct fixture f;
    struct index_stats before, after;

    fixture_open(&f, NULL);
    fixture_add(&f, "a", "t", "one two");
    ck_assert_int_eq(fixture_add(&f, "a", "t", "one two"), INDEX_UNCHANGED); /* in the buffer */
    fixture_commit(&f);
    ck_assert_ok(index_stats(&before, f.ix, &f.err), &f.err);
    ck_assert_int_eq(fixture_add(&f, "a", "t", "one two"), INDEX_UNCHANGED);
    fixture_commit(&f);
    ck_assert_ok(index_stats(&after, f.ix, &f.err), &f.err);
    ck_assert_uint_eq(before.n_commits, after.n_commits);
    ck_assert_uint_eq(before.bytes, after.bytes);
    ck_assert_int_eq(before.n_segments, after.n_segments);
    ck_assert_int_eq(fixture_add(&f, "a", "t", "one three"), INDEX_UPDATED);
    fixture_commit(&f);
    fixture_check(&f);
    ck_assert_uint_eq(known_of(&f, "two").df, 0);
    ck_assert_uint_eq(known_of(&f, "three").df, 1);
    fixture_close(&f);
}
END_TEST

START_TEST(the_last_change_before_a_commit_wins)
{
    struct fixture f;

    fixture_open(&f, NULL);
    fixture_add(&f, "a", "", "old");
    ck_assert_int_eq(fixture_add(&f, "a", "", "new"), INDEX_UPDATED);
    fixture_add(&f, "b", "", "gone");
    ck_assert_int_eq(index_delete(f.ix, "b", &f.err), 1);
    ck_assert_int_eq(index_delete(f.ix, "b", &f.err), 0);
    fixture_add(&f, "c", "", "first");
    ck_assert_int_eq(index_delete(f.ix, "c", &f.err), 1);
    ck_assert_int_eq(fixture_add(&f, "c", "", "second"), INDEX_ADDED);
    fixture_commit(&f);
    fixture_check(&f);
    ck_assert_uint_eq(index_n_passages(f.ix), 2);
    ck_assert_uint_eq(known_of(&f, "new").df, 1);
    ck_assert_uint_eq(known_of(&f, "second").df, 1);
    ck_assert_uint_eq(known_of(&f, "old").df + known_of(&f, "gone").df + known_of(&f, "first").df,
                      0);
    /* and the same on what is committed */
    ck_assert_int_eq(index_delete(f.ix, "a", &f.err), 1);
    ck_assert_int_eq(fixture_add(&f, "a", "", "third"), INDEX_ADDED);
    ck_assert_int_eq(fixture_add(&f, "c", "", "fourth"), INDEX_UPDATED);
    ck_assert_int_eq(index_delete(f.ix, "c", &f.err), 1);
    fixture_commit(&f);
    fixture_check(&f);
    ck_assert_uint_eq(index_n_passages(f.ix), 1);
    ck_assert_uint_eq(known_of(&f, "third").df, 1);
    ck_assert_uint_eq(known_of(&f, "second").df + known_of(&f, "new").df, 0);
    fixture_close(&f);
}
END_TEST

START_TEST(rollback_and_close_forget_what_was_not_committed)
{
    struct fixture f;

    fixture_open(&f, NULL);
    fixture_add(&f, "a", "", "kept");
    fixture_commit(&f);
    for (int by_close = 0; by_close < 2; by_close++) {
        fixture_add(&f, "b", "", "lost");
        fixture_add(&f, "a", "", "changed");
        if (by_close)
            fixture_again(&f);
        else
            index_rollback(f.ix);
        fixture_check(&f);
        ck_assert_uint_eq(index_n_passages(f.ix), 1);
        ck_assert_uint_eq(known_of(&f, "kept").df, 1);
        ck_assert_int_eq(fixture_add(&f, "a", "", "kept"), INDEX_UNCHANGED);
        fixture_commit(&f);
    }
    index_rollback(f.ix); /* without anything pending */
    fixture_close(&f);
}
END_TEST

START_TEST(empty_documents_and_an_empty_index_are_fine)
{
    struct fixture f;
    struct term t;

    fixture_open(&f, NULL);
    fixture_commit(&f);
    fixture_check(&f);
    ck_assert_ok(index_merge(f.ix, &f.err), &f.err);
    ck_assert_int_eq(index_n_segments(f.ix), 0);
    ck_assert_int_eq(index_delete(f.ix, "a", &f.err), 0);
    fixture_add(&f, "a", "", "");
    fixture_commit(&f);
    fixture_check(&f);
    ck_assert_uint_eq(index_n_passages(f.ix), 1);
    ck_assert_uint_eq(index_n_terms(f.ix), 0);
    ck_assert_int_eq(segment_find_term(&t, index_segment(f.ix, 0), "a", 1, &f.err), 0);
    ck_assert_int_eq(segment_find_term(&t, index_segment(f.ix, 0), "", 0, &f.err), 0);
    ck_assert_int_eq(index_delete(f.ix, "a", &f.err), 1);
    fixture_commit(&f);
    fixture_check(&f);
    ck_assert_uint_eq(index_n_passages(f.ix), 0);
    ck_assert_int_eq(index_n_segments(f.ix), 0); /* what is wholly dead is gone */
    fixture_close(&f);
}
END_TEST

START_TEST(windows_keep_their_spans)
{
    struct index_options opt = {.settings = {.analyzer = "plain", .chunking = "words:3:1"}};
    struct fixture f;
    struct segment *s;
    struct span span;

    fixture_open(&f, &opt);
    fixture_add(&f, "b", "Head", "one two three four five six");
    fixture_add(&f, "a", "", "x");
    fixture_commit(&f);
    fixture_check(&f);
    s = index_segment(f.ix, 0);
    ck_assert_uint_eq(segment_size(s), 4);
    for (uint32_t p = 0; p < 3; p++) {
        ck_assert_str_eq(segment_docno(s, p), "b");
        ck_assert_uint_eq(segment_lengths(s)[p], p < 2 ? 4 : 3); /* with the title */
    }
    ck_assert_str_eq(segment_docno(s, 3), "a");
    ck_assert_uint_eq(known_of(&f, "head").df, 3);
    ck_assert_uint_eq(known_of(&f, "three").df, 2);
    ck_assert_ok(index_passage_span(&span, f.ix, s, 1, &f.err), &f.err);
    ck_assert_uint_eq(span.begin, strlen("one two "));
    ck_assert_uint_eq(span.end, strlen("one two three four five"));
    ck_assert_int_eq(index_delete(f.ix, "b", &f.err), 1);
    fixture_commit(&f);
    fixture_check(&f);
    ck_assert_uint_eq(index_n_passages(f.ix), 1);
    fixture_close(&f);
}
END_TEST

START_TEST(a_reader_sees_one_commit_until_it_refreshes)
{
    struct fixture f, r;

    fixture_open(&f, NULL);
    fixture_add(&f, "a", "", "one");
    fixture_commit(&f);
    r = f;
    r.ix = NULL;
    ck_assert_ok(index_open(&r.ix, f.path, NULL, &r.err), &r.err);
    for (int i = 0; i < 20; i++) { /* enough commits for merges to delete what the reader shows */
        char docno[16];

        snprintf(docno, sizeof docno, "x%d", i);
        fixture_add(&f, docno, "", "one two");
        fixture_commit(&f);
    }
    ck_assert_int_eq(index_delete(f.ix, "a", &f.err), 1);
    ck_assert_ok(index_merge(f.ix, &f.err), &f.err);
    fixture_add(&f, "pending", "", "one");
    ck_assert_uint_eq(index_n_passages(r.ix), 1);
    ck_assert_uint_eq(known_of(&r, "one").df, 1); /* read only now, after it was merged away */
    ck_assert_ok(index_refresh(r.ix, &r.err), &r.err);
    ck_assert_uint_eq(index_n_passages(r.ix), 20);
    ck_assert_uint_eq(known_of(&r, "two").df, 20);
    fixture_check(&r);
    ck_assert_err(index_add(r.ix, &(struct doc){.docno = "q"}, &r.err), E_INVALID, "reading",
                  &r.err);
    ck_assert_err(index_delete(r.ix, "q", &r.err), E_INVALID, "reading", &r.err);
    index_close(r.ix);
    fixture_close(&f);
}
END_TEST

START_TEST(two_writers_take_turns)
{
    struct fixture f, g;

    fixture_open(&f, NULL);
    g = f;
    g.ix = NULL;
    g.opt.mode = INDEX_WRITE;
    ck_assert_ok(index_open(&g.ix, f.path, &g.opt, &g.err), &g.err);
    for (int i = 0; i < 6; i++) {
        struct fixture *w = i % 2 ? &f : &g;
        char docno[16];

        snprintf(docno, sizeof docno, "d%d", i);
        fixture_add(w, docno, "", "both");
        fixture_add(w, "shared", "", docno);
        fixture_commit(w);
        ck_assert_uint_eq(index_n_passages(w->ix), (size_t)i + 2);
    }
    fixture_check(&f);
    index_close(g.ix);
    fixture_close(&f);
}
END_TEST

static int never_again(const char *what, uint64_t done, uint64_t total, void *payload)
{
    int *n_asked = payload;

    (void)done, (void)total;
    ck_assert_str_eq(what, "waiting for another writer");
    return ++*n_asked == 3;
}

START_TEST(who_waits_for_another_writer_can_be_stopped)
{
    struct fixture f, g;
    int n_asked = 0;

    fixture_open(&f, NULL);
    g = f;
    g.ix = NULL;
    g.opt.mode = INDEX_WRITE;
    g.opt.progress = never_again;
    g.opt.payload = &n_asked;
    ck_assert_ok(index_open(&g.ix, f.path, &g.opt, &g.err), &g.err);
    fixture_add(&f, "a", "", "one");
    ck_assert_err(index_add(g.ix, &(struct doc){.docno = "b"}, &g.err), E_STOP, "another process",
                  &g.err);
    ck_assert_int_eq(n_asked, 3);
    fixture_commit(&f);
    g.ix->progress = NULL;
    fixture_add(&g, "b", "", "two"); /* and goes on */
    fixture_commit(&g);
    fixture_check(&g);
    index_close(g.ix);
    fixture_close(&f);
}
END_TEST

START_TEST(a_bad_document_changes_nothing)
{
    struct fixture f;

    fixture_open(&f, NULL);
    fixture_add(&f, "a", "", "one");
    fixture_commit(&f);
    ck_assert_err(index_add(f.ix, &(struct doc){.docno = ""}, &f.err), E_INVALID, "docno", &f.err);
    ck_assert_err(index_add(f.ix, &(struct doc){.docno = NULL}, &f.err), E_INVALID, "docno",
                  &f.err);
    fixture_add(&f, "b", "", "two");
    fixture_commit(&f);
    ck_assert_uint_eq(index_n_passages(f.ix), 2);
    fixture_close(&f);
}
END_TEST

/* ---- golden ---- */

static void assert_part(struct fixture *f, int part, const void *want, size_t n)
{
    struct part_reader r = index_segment(f->ix, 0)->parts[part];
    unsigned char *p = NULL;

    r.data = NULL;
    r.n_data = 0;
    ck_assert_msg(r.size == n, "%s: %lu bytes, not %zu", part_name(part), (unsigned long)r.size, n);
    ck_assert_ok(part_load(&p, &r, 0, &f->err), &f->err);
    for (size_t i = 0; i < n; i++)
        ck_assert_msg(p[i] == ((const unsigned char *)want)[i], "%s: byte %zu is %02x, not %02x",
                      part_name(part), i, p[i], ((const unsigned char *)want)[i]);
    mem_free(p);
}

/* The example of FORMAT.md. */
START_TEST(a_tiny_index_has_the_bytes_of_the_format)
{
    struct index_options opt = {.settings = {.analyzer = "plain", .chunking = "words:2"}};
    static const unsigned char docnos[] = "b\0a"; /* and the NUL at the end */
    static const unsigned char documents[] = {2 << 1, 2, 1, 1};
    static const unsigned char lengths[] = {1, 2, 1, 2};
    static const unsigned char spans[] = {0, 0, 0, 0, 3, 0, 0, 0, 4, 0, 0, 0,
                                          2, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0};
    /* x in two passages, three bytes of postings; x + y; y */
    static const unsigned char terms[] = {0, 1, 'x', 2, 3, 1, 1, 'y', 1, 1, 0, 1, 'y', 1, 1};
    static const unsigned char index[] = {0, 1, 'x', sizeof terms, 5};
    /* x: passage 0 once, passage 2 twice; xy: passage 1; y: passage 0 */
    static const unsigned char postings[] = {0 << 1 | 1, 1 << 1, 0, 1 << 1 | 1, 0 << 1 | 1};
    struct fixture f;

    fixture_open(&f, &opt);
    fixture_add(&f, "a", "", "x x");
    fixture_add(&f, "b", "", "x y xy");
    fixture_commit(&f);
    /* the passages are "x y" and "xy" of b, then "x x" of a */
    assert_part(&f, PART_DOCNOS, docnos, sizeof docnos);
    assert_part(&f, PART_DOCUMENTS, documents, sizeof documents);
    assert_part(&f, PART_LENGTHS, lengths, sizeof lengths);
    assert_part(&f, PART_SPANS, spans, sizeof spans);
    assert_part(&f, PART_TERMS, terms, sizeof terms);
    assert_part(&f, PART_TERM_INDEX, index, sizeof index);
    assert_part(&f, PART_POSTINGS, postings, sizeof postings);
    assert_part(&f, PART_VECTORS, "", 0);
    fixture_close(&f);
}
END_TEST

/* ---- allocations ---- */

/* A whole life of a handle.  Returns 0 or what failed first. */
static int live(struct fixture *f, const char *text)
{
    struct doc doc = {.docno = "swap", .text = text};
    struct doc more = {.docno = "more", .text = text};
    struct postings p;
    struct term t;
    int rc;

    err_clear(&f->err);
    rc = index_open(&f->ix, f->path, &f->opt, &f->err);
    rc = rc < 0 ? rc : index_add(f->ix, &doc, &f->err);
    rc = rc < 0 ? rc : index_add(f->ix, &more, &f->err);
    rc = rc < 0 ? rc : index_delete(f->ix, "more", &f->err);
    rc = rc < 0 ? rc : index_add(f->ix, &more, &f->err);
    rc = rc < 0 ? rc : index_commit(f->ix, &f->err);
    rc = rc < 0 ? rc : index_merge(f->ix, &f->err);
    rc = rc < 0 ? rc : segment_find_term(&t, index_segment(f->ix, 0), "one", 3, &f->err);
    rc = rc < 0 ? rc : postings_open(&p, index_segment(f->ix, 0), &t, &f->err);
    rc = rc < 0 ? rc : index_check(f->ix, &f->err);
    index_close(f->ix);
    f->ix = NULL;
    ck_assert_msg(rc != E_NOMEM || strstr(f->err.text, "out of memory"), "'%s'", f->err.text);
    return rc;
}

START_TEST(every_failing_allocation_is_reported_and_nothing_is_half_done)
{
    static const char *const texts[] = {"even", "odd"};
    struct fixture f;
    int rc = 0;

    fixture_open(&f, NULL);
    fixture_add(&f, "keep", "", "one two three");
    fixture_add(&f, "swap", "", "four five");
    fixture_commit(&f);
    index_close(f.ix);
    f.ix = NULL;
    f.opt.mode = INDEX_WRITE;
    FAIL_EACH_ALLOC(rc, rc = live(&f, texts[fail_n_ % 2]));
    fixture_again(&f);
    fixture_check(&f);
    ck_assert_uint_eq(index_n_passages(f.ix), 3);
    ck_assert_uint_eq(known_of(&f, "one").df, 1);
    ck_assert_uint_eq(known_of(&f, "four").df, 0);
    fixture_close(&f);
}
END_TEST

START_TEST(a_refresh_that_fails_leaves_a_pending_commit_whole)
{
    struct fixture f;
    int rc = 0;

    fixture_open(&f, NULL);
    fixture_add(&f, "a", "", "one two");
    fixture_add(&f, "b", "", "one");
    fixture_commit(&f);
    ck_assert_int_eq(index_delete(f.ix, "b", &f.err), 1);
    FAIL_EACH_ALLOC(rc, (rc = index_refresh(f.ix, &f.err), err_clear(&f.err)));
    ck_assert_int_eq(index_delete(f.ix, "a", &f.err), 1); /* its segment is still there */
    fixture_add(&f, "c", "", "two");
    fixture_commit(&f);
    fixture_check(&f);
    ck_assert_uint_eq(index_n_passages(f.ix), 1);
    fixture_close(&f);
}
END_TEST

TCase *tcase_index(void)
{
    TCase *tc = tcase_create("index");

    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, what_is_committed_is_found_and_read_back);
    tcase_add_test(tc, the_same_content_changes_nothing);
    tcase_add_test(tc, the_last_change_before_a_commit_wins);
    tcase_add_test(tc, rollback_and_close_forget_what_was_not_committed);
    tcase_add_test(tc, empty_documents_and_an_empty_index_are_fine);
    tcase_add_test(tc, windows_keep_their_spans);
    tcase_add_test(tc, a_reader_sees_one_commit_until_it_refreshes);
    tcase_add_test(tc, two_writers_take_turns);
    tcase_add_test(tc, who_waits_for_another_writer_can_be_stopped);
    tcase_add_test(tc, a_bad_document_changes_nothing);
    tcase_add_test(tc, a_tiny_index_has_the_bytes_of_the_format);
    tcase_add_test(tc, every_failing_allocation_is_reported_and_nothing_is_half_done);
    tcase_add_test(tc, a_refresh_that_fails_leaves_a_pending_commit_whole);
    return tc;
}
