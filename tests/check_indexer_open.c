/* check_indexer_open.c -- what may be opened, and what is said of the rest: settings, names, permissions, full disks. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/file.h"
#include "tests/indexer_fixture.h"

static void open_fails(const char *path, int mode, const struct index_settings *settings, int code,
                       const char *part)
{
    struct index_options opt = {.mode = mode};
    struct index *ix = NULL;
    struct err err = {0};

    if (settings)
        opt.settings = *settings;
    ck_assert_err(index_open(&ix, path, &opt, &err), code, part, &err);
    ck_assert_ptr_null(ix);
}

START_TEST(what_is_no_index_is_refused_in_one_line)
{
    char dir[64], path[96];
    struct db *db = NULL;
    struct err err = {0};

    snprintf(path, sizeof path, "%s/x", tmp_dir(dir));
    open_fails(path, INDEX_READ, NULL, E_NOTFOUND, "does not exist");
    open_fails(path, INDEX_WRITE, NULL, E_NOTFOUND, "does not exist");
    open_fails(dir, INDEX_CREATE, NULL, E_INVALID, "folder");
    tmp_write(path, "", 0);
    open_fails(path, INDEX_READ, NULL, E_FORMAT, "not an index");
    tmp_write(path, "This is a text, and not a database at all, however long it may be.\n", 67);
    for (int mode = INDEX_READ; mode <= INDEX_CREATE; mode++)
        open_fails(path, mode, NULL, E_FORMAT, "not an index");
    remove(path);
    ck_assert_ok(db_open(&db, path, DB_CREATE, &err), &err);
    ck_assert_ok(db_exec(db, &err, "CREATE TABLE mine(a)"), &err);
    db_close(db);
    open_fails(path, INDEX_READ, NULL, E_FORMAT, "not an index");
    open_fails(path, INDEX_WRITE, NULL, E_FORMAT, "not an index");
    open_fails("", INDEX_READ, NULL, E_INVALID, "path");
    open_fails(path, 7, NULL, E_INVALID, "mode");
    tmp_remove(dir);
}
END_TEST

START_TEST(bad_settings_leave_no_file)
{
    static const struct {
        struct index_settings settings;
        const char *part;
    } rows[] = {
        {{.analyzer = "klingon"}, "klingon"},
        {{.chunking = "words:0"}, "words:0"},
        {{.model = "/no/such/model/anywhere"}, "model"},
    };
    char dir[64], path[96];
    struct index_options opt = {.mode = INDEX_CREATE, .settings = rows[_i].settings};
    struct index *ix = NULL;
    struct err err = {0};
    int rc;

    snprintf(path, sizeof path, "%s/x", tmp_dir(dir));
    rc = index_open(&ix, path, &opt, &err);
    ck_assert(rc == E_INVALID || rc == E_NOTFOUND);
    ck_assert_ptr_nonnull(strstr(err.text, rows[_i].part));
    ck_assert_int_ne(access(path, F_OK), 0);
    tmp_remove(dir);
}
END_TEST

START_TEST(other_settings_than_recorded_are_named)
{
    struct fixture f;

    fixture_open(&f, NULL);
    fixture_add(&f, "a", "", "one");
    fixture_commit(&f);
    for (int mode = INDEX_READ; mode <= INDEX_CREATE; mode++) {
        open_fails(f.path, mode, &(struct index_settings){.analyzer = "english"}, E_INVALID,
                   "analyzer 'plain', not 'english'");
        open_fails(f.path, mode, &(struct index_settings){.chunking = "words:5"}, E_INVALID,
                   "chunking 'whole', not 'words:5'");
        open_fails(f.path, mode, &(struct index_settings){.model = "minilm"}, E_INVALID,
                   "model 'none', not 'minilm'");
    }
    open_fails(f.path, INDEX_READ, &(struct index_settings){.chunking = "words"}, E_INVALID,
               "words");
    f.opt.settings = (struct index_settings){
        .analyzer = "plain", .chunking = "whole", .model = "none", .sparse = "none"};
    fixture_again(&f);
    ck_assert_str_eq(index_settings(f.ix)->analyzer, "plain");
    ck_assert_str_eq(index_settings(f.ix)->chunking, "whole");
    ck_assert_str_eq(index_settings(f.ix)->model, "none");
    ck_assert_int_eq(index_vector_dim(f.ix), 0);
    ck_assert_str_eq(index_model_sha256(f.ix), "");
    struct model *m;
    ck_assert_err(index_encoder(&m, f.ix, &f.err), E_INVALID, "no dense leg", &f.err);
    fixture_close(&f);
}
END_TEST

START_TEST(a_newer_format_is_refused_by_number)
{
    struct fixture f;
    char text[80];

    fixture_open(&f, NULL);
    ck_assert_ok(db_exec(f.ix->wr.db, &f.err,
                         "UPDATE fovea_settings SET value = %d WHERE key = 'format';"
                         "DELETE FROM fovea_settings WHERE key = 'analyzer'",
                         INDEX_FORMAT + 1),
                 &f.err);
    snprintf(text, sizeof text, "index format %d, this fovea reads up to %d", INDEX_FORMAT + 1,
             INDEX_FORMAT);
    for (int mode = INDEX_READ; mode <= INDEX_CREATE; mode++)
        open_fails(f.path, mode, NULL, E_FORMAT, text);
    fixture_close(&f);
}
END_TEST

START_TEST(two_indexes_share_a_database_with_other_tables)
{
    struct fixture f;
    struct index_options opt = {
        .mode = INDEX_CREATE, .name = "second", .settings = {.analyzer = "plain"}};
    struct index *other = NULL;
    int64_t n = 0;

    fixture_open(&f, NULL);
    ck_assert_ok(index_open(&other, f.path, &opt, &f.err), &f.err);
    fixture_add(&f, "a", "", "one");
    fixture_commit(&f);
    ck_assert_int_eq(index_add(other, &(struct doc){.docno = "b", .text = "two"}, &f.err),
                     INDEX_ADDED);
    ck_assert_ok(index_commit(other, &f.err), &f.err);
    ck_assert_ok(index_check(other, &f.err), &f.err);
    fixture_check(&f);
    ck_assert_ok(db_get_int(&n, f.ix->rd.db, &f.err, "PRAGMA application_id"), &f.err);
    ck_assert_int_eq(n, INDEX_APPLICATION);
    index_close(other);
    fixture_close(&f);
}
END_TEST

START_TEST(spans_are_right_in_a_database_of_utf_16)
{
    static const char text[] = "na\xc3\xafve retina";
    struct fixture f = {.opt.mode = INDEX_CREATE};
    struct span span;
    struct db *db = NULL;

    snprintf(f.path, sizeof f.path, "%s/theirs.db", tmp_dir(f.dir));
    ck_assert_ok(db_open(&db, f.path, DB_CREATE, &f.err), &f.err);
    ck_assert_ok(db_exec(db, &f.err, "PRAGMA encoding = 'UTF-16'; CREATE TABLE t(v)"), &f.err);
    db_close(db);
    ck_assert_ok(index_open(&f.ix, f.path, &f.opt, &f.err), &f.err);
    fixture_add(&f, "a", "", text);
    fixture_commit(&f);
    fixture_check(&f);
    ck_assert_ok(index_passage_span(&span, f.ix, index_segment(f.ix, 0), 0, &f.err), &f.err);
    ck_assert_uint_eq(span.begin, 0);
    ck_assert_uint_eq(span.end, strlen(text));
    fixture_close(&f);
}
END_TEST

START_TEST(the_log_is_emptied_behind_a_symbolic_link_too)
{
    struct fixture f;
    char link[120], log[120];
    char *text = mem_zalloc(1, 600001);

    fixture_open(&f, NULL);
    index_close(f.ix);
    f.ix = NULL;
    snprintf(link, sizeof link, "%s/link.fovea", f.dir);
    snprintf(log, sizeof log, "%s-wal", f.path);
    ck_assert_int_eq(symlink("test.fovea", link), 0);
    f.opt.mode = INDEX_WRITE;
    ck_assert_ok(index_open(&f.ix, link, &f.opt, &f.err), &f.err);
    memset(text, '-', 600000);
    for (int i = 0; i < 20; i++) {
        char docno[16];

        snprintf(docno, sizeof docno, "d%d", i);
        fixture_add(&f, docno, "", text);
        fixture_commit(&f);
        ck_assert_int_lt(file_size(log), 8 << 20);
    }
    ck_assert_int_gt(file_size(log), 0);
    mem_free(text);
    fixture_close(&f);
}
END_TEST

START_TEST(an_index_exists_once_its_tables_do)
{
    struct fixture f;

    fixture_open(&f, NULL);
    ck_assert_int_eq(index_exists(f.path, NULL, &f.err), 1);
    ck_assert_int_eq(index_exists(f.path, "other", &f.err), 0);
    index_close(f.ix);
    f.ix = NULL;
    tmp_write(f.path, "", 0); /* what a run that was killed at once leaves */
    ck_assert_int_eq(index_exists(f.path, NULL, &f.err), 0);
    tmp_write(f.path, "no database\n", 12);
    ck_assert_int_eq(index_exists(f.path, NULL, &f.err), E_FORMAT);
    unlink(f.path);
    err_clear(&f.err);
    ck_assert_int_eq(index_exists(f.path, NULL, &f.err), 0);
    fixture_close(&f);
}
END_TEST

START_TEST(names_that_are_no_prefix_are_refused)
{
    static const char *const names[] = {"", "a b", "1a", "a\"b", "\xc3\xa9", "a-b"};
    struct index_options opt = {.mode = INDEX_CREATE, .name = names[_i]};
    struct index *ix = NULL;
    struct err err = {0};

    ck_assert_err(index_open(&ix, "/dev/null/x", &opt, &err), E_INVALID, "name", &err);
}
END_TEST

/* What a test does as someone who may not write: a process of its own. */
static void as_nobody(void (*fn)(const char *path), const char *path)
{
    int status;
    pid_t pid = fork();

    if (!pid) {
        if (geteuid() == 0 && setuid(65534))
            _exit(2);
        fn(path);
        _exit(0);
    }
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "as nobody: status %d", status);
}

static void read_but_not_write(const char *path)
{
    struct index_options opt = {.mode = INDEX_WRITE};
    struct index *ix = NULL;
    struct err err = {0};

    if (index_open(&ix, path, NULL, &err) || index_n_passages(ix) != 1 || index_check(ix, &err))
        _exit(3);
    index_close(ix);
    if (index_open(&ix, path, &opt, &err) != E_IO || !strstr(err.text, "read-only"))
        _exit(4);
}

START_TEST(a_read_only_file_or_folder_can_be_searched)
{
    struct fixture f;

    fixture_open(&f, NULL);
    fixture_add(&f, "a", "", "one");
    fixture_commit(&f);
    index_close(f.ix);
    f.ix = NULL;
    ck_assert_int_eq(chmod(f.path, 0444), 0);
    ck_assert_int_eq(chmod(f.dir, 0777), 0);
    as_nobody(read_but_not_write, f.path);
    ck_assert_int_eq(chmod(f.dir, 0555), 0);
    as_nobody(read_but_not_write, f.path);
    chmod(f.dir, 0700);
    fixture_close(&f);
}
END_TEST

/* Fills the file up to a limit of the process and expects one clear line. */
static void run_full(const char *path)
{
    struct index_options opt = {.mode = INDEX_WRITE, .buffer_bytes = 20000};
    struct rlimit most = {600000, 600000};
    struct index *ix = NULL;
    struct err err = {0};
    char docno[16], text[600];
    uint64_t seed = 5;
    int rc = 0;

    if (index_open(&ix, path, &opt, &err))
        _exit(3);
    signal(SIGXFSZ, SIG_IGN); /* then write() fails as on a full disk */
    if (setrlimit(RLIMIT_FSIZE, &most))
        _exit(4);
    for (int i = 0; i < 20000 && rc >= 0; i++) {
        snprintf(docno, sizeof docno, "n%d", i);
        random_text(text, &seed);
        rc = index_add(ix, &(struct doc){.docno = docno, .text = text}, &err);
    }
    rc = rc < 0 ? rc : index_commit(ix, &err);
    if (rc != E_IO || index_n_passages(ix) != 1)
        _exit(5);
    err_clear(&err);
    if (index_check(ix, &err) || index_commit(ix, &err)) /* nothing is pending any more */
        _exit(6);
    index_close(ix);
}

START_TEST(a_full_disk_keeps_the_last_commit)
{
    struct fixture f;

    fixture_open(&f, NULL);
    fixture_add(&f, "a", "", "one");
    fixture_commit(&f);
    index_close(f.ix);
    f.ix = NULL;
    chmod(f.path, 0666);
    chmod(f.dir, 0777);
    as_nobody(run_full, f.path);
    ck_assert_ok(index_open(&f.ix, f.path, &f.opt, &f.err), &f.err);
    ck_assert_uint_eq(index_n_passages(f.ix), 1);
    fixture_check(&f);
    fixture_close(&f);
}
END_TEST

TCase *tcase_open(void)
{
    TCase *tc = tcase_create("open");

    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, what_is_no_index_is_refused_in_one_line);
    tcase_add_loop_test(tc, bad_settings_leave_no_file, 0, 3);
    tcase_add_test(tc, other_settings_than_recorded_are_named);
    tcase_add_test(tc, a_newer_format_is_refused_by_number);
    tcase_add_test(tc, two_indexes_share_a_database_with_other_tables);
    tcase_add_test(tc, an_index_exists_once_its_tables_do);
    tcase_add_test(tc, the_log_is_emptied_behind_a_symbolic_link_too);
    tcase_add_test(tc, spans_are_right_in_a_database_of_utf_16);
    tcase_add_loop_test(tc, names_that_are_no_prefix_are_refused, 0, 6);
    tcase_add_test(tc, a_read_only_file_or_folder_can_be_searched);
    tcase_add_test(tc, a_full_disk_keeps_the_last_commit);
    return tc;
}
