/* check_base_db.c -- base/db.c: what is committed stays, other files and other processes are named. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/testing.h"

#include <sys/wait.h>
#include <unistd.h>

#include "base/db.h"

TCase *tcase_db(void);
TCase *tcase_lock(void);

static char dir[64];

static void make_dir(void) { tmp_dir(dir); }
static void drop_dir(void) { tmp_remove(dir); }

static const char *in_dir(const char *name)
{
    static char path[128];

    snprintf(path, sizeof path, "%s/%s", dir, name);
    return path;
}

START_TEST(a_database_keeps_what_was_committed_and_nothing_else)
{
    struct err err = {0};
    struct db *db = NULL;
    struct stmt *s = NULL;
    int64_t n = -1;
    size_t size;

    ck_assert_err(db_open(&db, in_dir("x.db"), DB_READ, &err), E_NOTFOUND, "does not exist", &err);
    ck_assert_ok(db_open(&db, in_dir("x.db"), DB_CREATE, &err), &err);
    ck_assert_ok(db_exec(db, &err, "CREATE TABLE %w(id INTEGER PRIMARY KEY, v)", "t"), &err);
    ck_assert_ok(db_begin(db, &err), &err);
    ck_assert_ok(db_prepare(&s, db, &err, "INSERT INTO t(v) VALUES(?1)"), &err);
    stmt_bind_blob(s, 1, "abcd", 4);
    ck_assert_ok(stmt_run(s, &err), &err);
    ck_assert_ok(db_commit(db, &err), &err);
    ck_assert_ok(db_begin(db, &err), &err);
    stmt_bind_text(s, 1, "gone");
    ck_assert_ok(stmt_run(s, &err), &err);
    stmt_free(s);
    db_rollback(db);
    ck_assert_ok(db_get_int(&n, db, &err, "SELECT count(*) FROM t"), &err);
    ck_assert_int_eq(n, 1);
    ck_assert_ok(db_prepare(&s, db, &err, "SELECT v FROM t"), &err);
    ck_assert_int_eq(stmt_step(s, &err), 1);
    ck_assert_mem_eq(stmt_blob(s, 0, &size), "abcd", 4);
    ck_assert_uint_eq(size, 4);
    ck_assert_int_eq(stmt_step(s, &err), 0);
    stmt_free(s);
    ck_assert_int_eq(db_has_table(db, "t", &err), 1);
    ck_assert_int_eq(db_has_table(db, "u", &err), 0);
    ck_assert_ok(db_check(db, &err), &err);
    db_close(db);
}
END_TEST

START_TEST(a_file_that_is_no_database_is_named)
{
    struct err err = {0};
    struct db *db = NULL;

    tmp_write(in_dir("x.txt"),
              "this is a text, long enough to hold a header of SQLite: it is none at all, and so "
              "on until one hundred bytes are there.",
              118);
    ck_assert_err(db_open(&db, in_dir("x.txt"), DB_READ, &err), E_FORMAT, "not an index", &err);
    ck_assert_err(db_open(&db, dir, DB_CREATE, &err), E_INVALID, "folder", &err);
    ck_assert_err(db_open(&db, "/dev/null", DB_CREATE, &err), E_INVALID, "regular file", &err);
}
END_TEST

/* Another process makes a file: says so when it has the lock, and ends a little later. */
static void make_slowly(int ready)
{
    struct err err = {0};
    struct db *db = NULL;
    int rc = db_open(&db, in_dir("x.db"), DB_CREATE, &err);

    rc = rc ? rc
            : db_exec(db, &err, "PRAGMA journal_mode = DELETE; BEGIN IMMEDIATE; CREATE TABLE t(v)");
    if (rc || write(ready, "!", 1) != 1)
        _exit(1);
    usleep(300000);
    rc = db_exec(db, &err, "COMMIT");
    db_close(db);
    _exit(rc ? 2 : 0);
}

START_TEST(who_opens_a_file_that_another_is_making_waits_for_it)
{
    struct err err = {0};
    struct db *db = NULL;
    int status, ends[2];
    char c;
    pid_t pid;

    ck_assert_int_eq(pipe(ends), 0);
    pid = fork();
    if (!pid)
        make_slowly(ends[1]);
    ck_assert_int_eq(read(ends[0], &c, 1), 1);
    ck_assert_ok(db_open(&db, in_dir("x.db"), DB_CREATE, &err), &err);
    ck_assert_int_eq(db_has_table(db, "t", &err), 1);
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "status %d", status);
    db_close(db);
    close(ends[0]);
    close(ends[1]);
}
END_TEST

/* Takes ten seconds, which it waits for the lock. */
START_TEST(a_reader_does_not_look_behind_a_lock_or_a_log)
{
    struct err err = {0};
    struct db *db = NULL, *other = NULL;
    int64_t n = 0;

    ck_assert_ok(db_open(&db, in_dir("x.db"), DB_CREATE, &err), &err);
    ck_assert_ok(db_exec(db, &err, "PRAGMA journal_mode = DELETE; CREATE TABLE t(v)"), &err);
    ck_assert_ok(db_exec(db, &err, "BEGIN EXCLUSIVE"), &err);
    ck_assert_err(db_open(&other, in_dir("x.db"), DB_READ, &err), E_IO, "another process", &err);
    ck_assert_ptr_null(other);
    ck_assert_ok(db_exec(db, &err, "COMMIT"), &err);
    ck_assert_ok(db_open(&other, in_dir("x.db"), DB_READ, &err), &err);
    ck_assert_ok(db_get_int(&n, other, &err, "SELECT count(*) FROM sqlite_schema"), &err);
    ck_assert_int_eq(n, 1);
    db_close(other);
    db_close(db);
}
END_TEST

TCase *tcase_db(void)
{
    TCase *tc = tcase_create("db");

    tcase_add_checked_fixture(tc, make_dir, drop_dir);
    tcase_add_test(tc, a_database_keeps_what_was_committed_and_nothing_else);
    tcase_add_test(tc, a_file_that_is_no_database_is_named);
    tcase_add_test(tc, who_opens_a_file_that_another_is_making_waits_for_it);
    return tc;
}

TCase *tcase_lock(void)
{
    TCase *tc = tcase_create("lock");

    tcase_set_tags(tc, "slow");
    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, make_dir, drop_dir);
    tcase_add_test(tc, a_reader_does_not_look_behind_a_lock_or_a_log);
    return tc;
}
