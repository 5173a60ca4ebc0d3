/* check_api.c -- the C interface: its laws, its errors, and memory running out anywhere. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "base/db.h"
#include "tests/api_fixture.h"

/* ---- fovea.c ---- */

START_TEST(a_handle_that_failed_to_open_says_why_whatever_is_called)
{
    fovea_hits *hits = (fovea_hits *)1;
    fovea_document *doc = (fovea_document *)1;
    fovea_info info = FOVEA_INFO_INIT;
    fovea *ix = NULL;

    ck_assert_int_eq(fovea_open(&ix, path, NULL), FOVEA_NOTFOUND);
    ck_assert_ptr_nonnull(ix);
    ck_assert_int_eq(fovea_error_code(ix), FOVEA_NOTFOUND);
    ck_assert_ptr_nonnull(strstr(fovea_error(ix), path));
    ck_assert_fovea(fovea_add(ix, "a", NULL, NULL, NULL), ix, FOVEA_NOTFOUND, path);
    ck_assert_fovea(fovea_delete(ix, "a"), ix, FOVEA_NOTFOUND, path);
    ck_assert_fovea(fovea_commit(ix), ix, FOVEA_NOTFOUND, path);
    ck_assert_fovea(fovea_merge(ix), ix, FOVEA_NOTFOUND, path);
    ck_assert_fovea(fovea_refresh(ix), ix, FOVEA_NOTFOUND, path);
    ck_assert_fovea(fovea_check(ix), ix, FOVEA_NOTFOUND, path);
    ck_assert_fovea(fovea_describe(&info, ix), ix, FOVEA_NOTFOUND, path);
    ck_assert_fovea(fovea_search(&hits, ix, "x", NULL), ix, FOVEA_NOTFOUND, path);
    ck_assert_ptr_null(hits);
    ck_assert_fovea(fovea_get(&doc, ix, "x"), ix, FOVEA_NOTFOUND, path);
    ck_assert_ptr_null(doc);
    fovea_rollback(ix);
    fovea_close(ix);
}
END_TEST

START_TEST(null_is_allowed_where_things_are_freed)
{
    fovea_close(NULL);
    fovea_hits_free(NULL);
    fovea_document_free(NULL);
    ck_assert_uint_eq(fovea_hits_count(NULL), 0);
    ck_assert_ptr_null(fovea_hits_get(NULL, 0));
    ck_assert_str_eq(fovea_error(NULL), "out of memory");
    ck_assert_int_eq(fovea_error_code(NULL), FOVEA_NOMEM);
}
END_TEST

START_TEST(options_that_make_no_sense_are_refused)
{
    fovea_options opt = FOVEA_OPTIONS_INIT;
    fovea *ix = NULL;

    opt.mode = 3;
    ck_assert_fovea(fovea_open(&ix, path, &opt), ix, FOVEA_INVALID, "options.mode is 3");
    fovea_close(ix);
    opt = (fovea_options)FOVEA_OPTIONS_INIT;
    opt.threads = -1;
    ck_assert_fovea(fovea_open(&ix, path, &opt), ix, FOVEA_INVALID, "options.threads is -1");
    fovea_close(ix);
    opt = (fovea_options)FOVEA_OPTIONS_INIT;
    opt.precision = 16;
    ck_assert_fovea(fovea_open(&ix, path, &opt), ix, FOVEA_INVALID, "options.precision is 16");
    fovea_close(ix);
    memset(&opt, 0, sizeof opt);
    ck_assert_fovea(fovea_open(&ix, path, &opt), ix, FOVEA_INVALID, "_INIT macro");
    fovea_close(ix);
}
END_TEST

START_TEST(options_may_be_of_an_older_or_a_newer_program)
{
    struct {
        fovea_options opt;
        int newer[4];
    } both = {FOVEA_OPTIONS_INIT, {0}};
    fovea *ix = NULL;

    both.opt.mode = FOVEA_CREATE;
    both.opt.size = sizeof both;
    ck_assert_done(fovea_open(&ix, path, &both.opt), ix);
    fovea_close(ix);
    both.newer[2] = 1;
    ck_assert_fovea(fovea_open(&ix, path, &both.opt), ix, FOVEA_INVALID, "newer version");
    fovea_close(ix);
    /* one that knows `mode` and nothing behind it */
    memset(&both, 0xff, sizeof both);
    both.opt.size = offsetof(fovea_options, precision);
    both.opt.mode = FOVEA_READ;
    ck_assert_done(fovea_open(&ix, path, &both.opt), ix);
    fovea_close(ix);
}
END_TEST

START_TEST(info_may_be_of_an_older_or_a_newer_program)
{
    struct {
        fovea_info info;
        char newer[16];
    } both = {FOVEA_INFO_INIT, {0}};
    fovea_recall recall = FOVEA_RECALL_INIT;
    fovea *ix = make();

    memset(both.newer, 7, sizeof both.newer);
    both.info.size = sizeof both;
    ck_assert_done(fovea_describe(&both.info, ix), ix);
    ck_assert_uint_eq(both.info.n_documents, N_DOCS);
    ck_assert_int_eq(both.newer[0], 0);
    memset(&both.info.n_passages, 7, sizeof both.info.n_passages);
    both.info.size = offsetof(fovea_info, n_passages);
    ck_assert_done(fovea_describe(&both.info, ix), ix);
    ck_assert_uint_ne(both.info.n_passages, N_DOCS);
    both.info.size = 0;
    ck_assert_fovea(fovea_describe(&both.info, ix), ix, FOVEA_INVALID, "FOVEA_INFO_INIT");
    ck_assert_fovea(fovea_measure_recall(&recall, ix, 0, 0), ix, FOVEA_INVALID, "no dense leg");
    recall.size = 0;
    ck_assert_fovea(fovea_measure_recall(&recall, ix, 0, 0), ix, FOVEA_INVALID,
                    "FOVEA_RECALL_INIT");
    fovea_close(ix);
}
END_TEST

START_TEST(adding_says_what_became_of_the_document)
{
    fovea *ix = make();

    ck_assert_int_eq(add_doc(ix, 0), FOVEA_UNCHANGED);
    ck_assert_int_eq(fovea_add(ix, "eye", "The eye", "Another text.", NULL), FOVEA_UPDATED);
    ck_assert_int_eq(fovea_add(ix, "new", NULL, NULL, NULL), FOVEA_ADDED);
    ck_assert_done(fovea_commit(ix), ix);
    ck_assert_uint_eq(count(ix), N_DOCS + 1);
    ck_assert_fovea(fovea_add(ix, "", NULL, NULL, NULL), ix, FOVEA_INVALID, "docno");
    ck_assert_fovea(fovea_add(ix, NULL, NULL, NULL, NULL), ix, FOVEA_INVALID, "docno");
    ck_assert_done(fovea_check(ix), ix);
    fovea_close(ix);
}
END_TEST

START_TEST(what_is_no_text_or_no_metadata_is_refused_and_the_rest_stays)
{
    static const struct {
        const char *docno, *title, *text, *meta, *why;
    } cases[] = {
        {"a\xff", "t", "x", NULL, "its name is not UTF-8 at byte 2 (0xff)"},
        {"a", "\xc3", "x", NULL, "document 'a': its title is not UTF-8 at byte 1 (0xc3)"},
        {"a", "t", "x\xed\xa0\x80", NULL, "document 'a': its text is not UTF-8 at byte 2 (0xed)"},
        {"a", "t", "x", "", "document 'a': its meta is not a JSON object: "},
        {"a", "t", "x", "{\"k\":", "document 'a': its meta is not a JSON object: "},
        {"a", "t", "x", "[1]", "document 'a': its meta is not a JSON object"},
        {"a", "t", "x", "{\"k\":\"\xff\"}", "document 'a': its meta is not a JSON object: "},
    };
    fovea *ix = open_mode(FOVEA_CREATE);
    fovea_document *doc = NULL;

    ck_assert_int_eq(fovea_add(ix, "before", NULL, "x", "{}"), FOVEA_ADDED);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        ck_assert_fovea(fovea_add(ix, cases[i].docno, cases[i].title, cases[i].text, cases[i].meta),
                        ix, FOVEA_INVALID, cases[i].why);
    ck_assert_done(fovea_commit(ix), ix);
    ck_assert_done(fovea_get(&doc, ix, "before"), ix);
    fovea_document_free(doc);
    ck_assert_fovea(fovea_get(&doc, ix, "a"), ix, FOVEA_NOTFOUND, "'a'");
    fovea_close(ix);
}
END_TEST

START_TEST(deleting_says_whether_it_was_there)
{
    fovea_hits *hits;
    fovea *ix = make();

    ck_assert_int_eq(fovea_delete(ix, "eye"), 1);
    ck_assert_int_eq(fovea_delete(ix, "eye"), 0);
    ck_assert_int_eq(fovea_delete(ix, "no such"), 0);
    ck_assert_fovea(fovea_delete(ix, ""), ix, FOVEA_INVALID, "docno");
    ck_assert_done(fovea_commit(ix), ix);
    ck_assert_uint_eq(count(ix), N_DOCS - 1);
    ck_assert_done(fovea_search(&hits, ix, "retina", NULL), ix);
    ck_assert_uint_eq(fovea_hits_count(hits), 0);
    fovea_hits_free(hits);
    ck_assert_done(fovea_merge(ix), ix);
    ck_assert_done(fovea_check(ix), ix);
    fovea_close(ix);
}
END_TEST

START_TEST(what_is_not_committed_is_forgotten)
{
    fovea *ix = make();

    ck_assert_int_eq(fovea_add(ix, "new", NULL, "novelty", NULL), FOVEA_ADDED);
    fovea_rollback(ix);
    ck_assert_done(fovea_commit(ix), ix);
    ck_assert_uint_eq(count(ix), N_DOCS);
    ck_assert_int_eq(fovea_delete(ix, "eye"), 1);
    fovea_close(ix);
    ix = open_mode(FOVEA_READ);
    ck_assert_uint_eq(count(ix), N_DOCS);
    fovea_close(ix);
}
END_TEST

START_TEST(a_reader_sees_a_commit_after_refresh)
{
    fovea *writer = make(), *reader = open_mode(FOVEA_READ);
    fovea_hits *hits;

    ck_assert_int_eq(fovea_add(writer, "new", NULL, "novelty", NULL), FOVEA_ADDED);
    ck_assert_done(fovea_refresh(reader), reader);
    ck_assert_uint_eq(count(reader), N_DOCS);
    ck_assert_done(fovea_commit(writer), writer);
    ck_assert_done(fovea_refresh(reader), reader);
    ck_assert_uint_eq(count(reader), N_DOCS + 1);
    ck_assert_done(fovea_search(&hits, reader, "novelty", NULL), reader);
    ck_assert_uint_eq(fovea_hits_count(hits), 1);
    fovea_hits_free(hits);
    fovea_close(reader);
    fovea_close(writer);
}
END_TEST

START_TEST(a_reader_cannot_change_anything)
{
    fovea *ix = make();

    fovea_close(ix);
    ix = open_mode(FOVEA_READ);
    ck_assert_int_lt(fovea_add(ix, "new", NULL, "novelty", NULL) < 0 ? -1 : fovea_commit(ix), 0);
    ck_assert_str_ne(fovea_error(ix), "");
    fovea_close(ix);
    ix = open_mode(FOVEA_READ);
    ck_assert_uint_eq(count(ix), N_DOCS);
    fovea_close(ix);
}
END_TEST

START_TEST(a_document_reads_back_as_it_was_added)
{
    fovea_document *doc;
    fovea *ix = make();

    for (int i = 0; i < N_DOCS; i++) {
        ck_assert_done(fovea_get(&doc, ix, docs[i].docno), ix);
        ck_assert_str_eq(doc->docno, docs[i].docno);
        ck_assert_str_eq(doc->title, docs[i].title ? docs[i].title : "");
        ck_assert_str_eq(doc->text, docs[i].text);
        ck_assert_pstr_eq(doc->meta, docs[i].meta);
        fovea_document_free(doc);
    }
    ck_assert_fovea(fovea_get(&doc, ix, "no such"), ix, FOVEA_NOTFOUND, "no document 'no such'");
    ck_assert_ptr_null(doc);
    ck_assert_fovea(fovea_get(&doc, ix, ""), ix, FOVEA_INVALID, "docno");
    fovea_close(ix);
}
END_TEST

START_TEST(an_index_tells_how_it_was_made_and_refuses_other_settings)
{
    fovea_options opt = FOVEA_OPTIONS_INIT;
    fovea_info info = FOVEA_INFO_INIT;
    fovea *ix;

    opt.chunking = "words:5:2";
    opt.analyzer = "plain";
    opt.fields = "n:1,title:2.5";
    ix = open_with(&opt, FOVEA_CREATE);
    for (int i = 0; i < N_DOCS; i++)
        ck_assert_int_eq(add_doc(ix, i), FOVEA_ADDED);
    ck_assert_done(fovea_commit(ix), ix);
    ck_assert_done(fovea_describe(&info, ix), ix);
    ck_assert_str_eq(info.chunking, "words:5:2");
    ck_assert_str_eq(info.analyzer, "plain");
    ck_assert_str_eq(info.model, "none");
    ck_assert_str_eq(info.model_sha256, "");
    ck_assert_str_eq(info.fields, "title:2.5,headings:1,text:1,n:1");
    ck_assert_str_eq(info.vectors, "");
    ck_assert_int_eq(info.dim, 0);
    ck_assert_uint_gt(info.n_passages, N_DOCS);
    ck_assert_uint_gt(info.file_bytes, 0);
    fovea_close(ix);
    ix = open_with(&opt, FOVEA_WRITE);
    fovea_close(ix);
    opt.analyzer = "english";
    ck_assert_fovea(fovea_open(&ix, path, &opt), ix, FOVEA_INVALID, "plain");
    fovea_close(ix);
    opt.analyzer = NULL;
    opt.fields = "title:2";
    ck_assert_fovea(fovea_open(&ix, path, &opt), ix, FOVEA_INVALID, "fields");
    fovea_close(ix);
    ix = open_mode(FOVEA_READ);
    fovea_close(ix);
}
END_TEST

START_TEST(a_file_that_is_no_index_is_refused_and_left_alone)
{
    static const char text[] = "This is a letter, and no index; it is long enough to be a header, "
                               "and longer than one hundred bytes, so that nobody is in doubt.";
    char back[sizeof text] = "";
    fovea_options opt = FOVEA_OPTIONS_INIT;
    struct err err = {0};
    struct db *db;
    fovea *ix;
    FILE *f;

    tmp_write(path, text, sizeof text);
    for (int mode = FOVEA_READ; mode <= FOVEA_CREATE; mode++) {
        opt.mode = mode;
        ck_assert_fovea(fovea_open(&ix, path, &opt), ix, FOVEA_FORMAT, path);
        fovea_close(ix);
    }
    f = fopen(path, "rb");
    ck_assert_uint_eq(fread(back, 1, sizeof back, f), sizeof back);
    fclose(f);
    ck_assert_str_eq(back, text);
    /* SQLite, but somebody else's */
    ck_assert_int_eq(remove(path), 0);
    ck_assert_ok(db_open(&db, path, DB_CREATE, &err), &err);
    ck_assert_ok(db_exec(db, &err, "CREATE TABLE letters(text)"), &err);
    db_close(db);
    ck_assert_fovea(fovea_open(&ix, path, NULL), ix, FOVEA_FORMAT, path);
    fovea_close(ix);
}
END_TEST

START_TEST(a_newer_format_is_refused_and_named)
{
    struct err err = {0};
    struct db *db;
    fovea *ix = make();

    fovea_close(ix);
    ck_assert_ok(db_open(&db, path, DB_WRITE, &err), &err);
    ck_assert_ok(db_exec(db, &err, "UPDATE fovea_settings SET value = 99 WHERE key = 'format'"),
                 &err);
    ck_assert_int_eq(db_changes(db), 1);
    db_close(db);
    ck_assert_fovea(fovea_open(&ix, path, NULL), ix, FOVEA_FORMAT, "format 99");
    fovea_close(ix);
}
END_TEST

static int stop(const char *what, uint64_t done, uint64_t total, void *payload)
{
    int *calls = payload;

    (void)done, (void)total;
    ck_assert_ptr_nonnull(what);
    ++*calls;
    return 1;
}

START_TEST(a_callback_can_stop_long_work_and_the_last_commit_stands)
{
    fovea_options opt = FOVEA_OPTIONS_INIT;
    fovea *ix = make();
    int calls = 0;

    for (int i = 0; i < 10000; i++) {
        char docno[20], text[40];
        snprintf(docno, sizeof docno, "d%d", i);
        snprintf(text, sizeof text, "number%d goes on", i);
        ck_assert_int_eq(fovea_add(ix, docno, NULL, text, NULL), FOVEA_ADDED);
    }
    ck_assert_done(fovea_commit(ix), ix);
    fovea_close(ix);
    opt.progress = stop;
    opt.payload = &calls;
    ix = open_with(&opt, FOVEA_WRITE);
    ck_assert_int_eq(fovea_delete(ix, "eye"), 1);
    ck_assert_int_eq(fovea_merge(ix), FOVEA_STOP);
    ck_assert_int_ge(calls, 1);
    ck_assert_str_ne(fovea_error(ix), "");
    fovea_close(ix);
    ix = open_mode(FOVEA_READ);
    ck_assert_uint_eq(count(ix), N_DOCS + 10000);
    ck_assert_done(fovea_check(ix), ix);
    fovea_close(ix);
}
END_TEST

START_TEST(the_versions_of_header_library_and_package_agree)
{
    int major, minor, patch;

    ck_assert_str_eq(fovea_version(), FOVEA_VERSION);
    ck_assert_str_eq(FOVEA_VERSION, PACKAGE_VERSION);
    ck_assert_int_eq(sscanf(FOVEA_VERSION, "%d.%d.%d", &major, &minor, &patch), 3);
    ck_assert_int_eq(major * 10000 + minor * 100 + patch, FOVEA_VERSION_NUMBER);
}
END_TEST

/* ---- memory running out ---- */

/* Opens, changes, searches and reads once; the first failure's code. */
static int whole_life(const char *file)
{
    fovea_options opt = FOVEA_OPTIONS_INIT;
    fovea_search_options search = FOVEA_SEARCH_OPTIONS_INIT;
    fovea_document *doc = NULL;
    fovea_hits *hits = NULL;
    fovea *ix = NULL;
    int rc;

    opt.mode = FOVEA_CREATE;
    opt.threads = 1;
    search.explain = 1;
    rc = fovea_open(&ix, file, &opt);
    for (int i = 0; i < N_DOCS && rc >= 0; i++)
        rc = add_doc(ix, i);
    if (rc >= 0)
        rc = fovea_delete(ix, "mole");
    if (rc >= 0)
        rc = fovea_commit(ix);
    if (rc >= 0)
        rc = fovea_search(&hits, ix, "what does the eye see?", &search);
    if (rc >= 0)
        rc = fovea_get(&doc, ix, "eye");
    if (rc < 0) {
        ck_assert_int_eq(fovea_error_code(ix), rc);
        ck_assert_str_ne(fovea_error(ix), "");
    }
    fovea_document_free(doc);
    fovea_hits_free(hits);
    fovea_close(ix);
    return rc;
}

/* Whatever fails: an error or the right result, and an index that is whole. */
START_TEST(each_allocation_may_fail_once_and_the_index_is_whole)
{
    int failed = 1, n_errors = 0;

    for (long n = 1; failed; n++) {
        fovea *ix = NULL;
        int rc;

        mem_fail_at(n);
        rc = whole_life(path);
        failed = mem_has_failed();
        mem_fail_at(0);
        ck_assert_msg(rc >= 0 || (failed && rc == FOVEA_NOMEM), "allocation %ld: code %d", n, rc);
        n_errors += rc < 0;
        rc = fovea_open(&ix, path, NULL);
        if (rc == 0)
            rc = fovea_check(ix);
        /* before the first commit there is no file, or none with an index */
        ck_assert_msg(rc == 0 || rc == FOVEA_NOTFOUND || strstr(fovea_error(ix), "not an index"),
                      "allocation %ld: %s", n, fovea_error(ix));
        fovea_close(ix);
        remove(path);
        ck_assert_int_lt(n, 100000);
    }
    ck_assert_int_gt(n_errors, 100);
}
END_TEST

static Suite *api_suite(void)
{
    Suite *s = suite_create("api");
    TCase *tc = tcase_create("fovea.c");

    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_test(tc, a_handle_that_failed_to_open_says_why_whatever_is_called);
    tcase_add_test(tc, null_is_allowed_where_things_are_freed);
    tcase_add_test(tc, options_that_make_no_sense_are_refused);
    tcase_add_test(tc, options_may_be_of_an_older_or_a_newer_program);
    tcase_add_test(tc, info_may_be_of_an_older_or_a_newer_program);
    tcase_add_test(tc, adding_says_what_became_of_the_document);
    tcase_add_test(tc, what_is_no_text_or_no_metadata_is_refused_and_the_rest_stays);
    tcase_add_test(tc, deleting_says_whether_it_was_there);
    tcase_add_test(tc, what_is_not_committed_is_forgotten);
    tcase_add_test(tc, a_reader_sees_a_commit_after_refresh);
    tcase_add_test(tc, a_reader_cannot_change_anything);
    tcase_add_test(tc, a_document_reads_back_as_it_was_added);
    tcase_add_test(tc, an_index_tells_how_it_was_made_and_refuses_other_settings);
    tcase_add_test(tc, a_file_that_is_no_index_is_refused_and_left_alone);
    tcase_add_test(tc, a_newer_format_is_refused_and_named);
    tcase_add_test(tc, a_callback_can_stop_long_work_and_the_last_commit_stands);
    tcase_add_test(tc, the_versions_of_header_library_and_package_agree);
    suite_add_tcase(s, tc);

    suite_add_tcase(s, hits_tests());

    tc = tcase_create("memory");
    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_test(tc, each_allocation_may_fail_once_and_the_index_is_whole);
    tcase_set_timeout(tc, 120);
    suite_add_tcase(s, tc);

    suite_add_tcase(s, snippet_tests());
    suite_add_tcase(s, rerank_tests());
    suite_add_tcase(s, rerank_keys_tests());
    suite_add_tcase(s, attend_tests());
    suite_add_tcase(s, options_tests());
    suite_add_tcase(s, jout_tests());
    suite_add_tcase(s, compare_tests());
    suite_add_tcase(s, term_tests());
    suite_add_tcase(s, memory_tests());
    suite_add_tcase(s, memory_tests_all());
    return s;
}

int main(void) { return run_suite(api_suite()); }
