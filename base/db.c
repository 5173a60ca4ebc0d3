/* db.c -- SQLite behind a narrow face; see db.h. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "base/db.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <string.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"

enum { BUSY_MS = 10000, WAIT_MS = 20 };

struct db {
    sqlite3 *sql;
    char *path;
    int in_transaction; /* 1 write, 2 read */
    int is_busy;        /* the last error was a lock that another connection holds */
    int is_stopped;     /* and on_wait did not want to wait for it */
    int (*on_wait)(void *payload);
    void *payload;
};

struct stmt {
    sqlite3_stmt *stmt;
    struct db *db;
    int bind_rc; /* the first bind that failed */
};

/* SQLite's result in words for the person who meets it. */
static int sql_error(struct db *db, int rc, struct err *err)
{
    const char *path = db->path;
    int system = db->sql ? sqlite3_system_errno(db->sql) : 0;

    db->is_busy = 0;
    switch (rc & 0xff) {
    case SQLITE_NOMEM:
        return err_nomem(err);
    case SQLITE_FULL:
        return err_set(err, E_IO,
                       "'%s': the disk is full; the last commit is kept, free some space and go on",
                       path);
    case SQLITE_READONLY:
        return err_set(err, E_IO,
                       "'%s' is read-only: check the permissions of the file and its folder", path);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        db->is_busy = 1;
        if (db->is_stopped)
            return err_set(err, E_STOP, "stopped while another process was writing to '%s'", path);
        return err_set(
            err, E_IO,
            "'%s' is locked: another process is writing to it; try again when it has finished",
            path);
    case SQLITE_NOTADB:
        return err_set(err, E_FORMAT, "'%s' is not an index: it is no SQLite file", path);
    case SQLITE_CORRUPT:
        return err_set(err, E_FORMAT, "'%s' is damaged: %s", path, sqlite3_errmsg(db->sql));
    case SQLITE_CANTOPEN:
        return err_set(err, E_IO, "cannot open '%s': %s", path,
                       system && system != ENOENT
                           ? strerror(system)
                           : "check that the folder is there and may be written to");
    case SQLITE_TOOBIG:
        return err_set(err, E_LIMIT, "'%s': a text or blob is over SQLite's limit of 1 GB", path);
    case SQLITE_IOERR:
        return err_set(err, E_IO, "'%s': %s%s%s", path, sqlite3_errmsg(db->sql), system ? ": " : "",
                       system ? strerror(system) : "");
    default:
        return err_set(err, E_IO, "'%s': %s", path,
                       db->sql ? sqlite3_errmsg(db->sql) : sqlite3_errstr(rc));
    }
}

static int out_of_memory_for_tests(struct err *err)
{
    void *p = mem_alloc(1, 1); /* SQLite allocates alone: this is where a test can make it fail */

    mem_free(p);
    return p ? 0 : err_nomem(err);
}

/* Called by SQLite again and again while another connection holds a lock; 0 gives up. */
static int wait_for_lock(void *payload, int n_before)
{
    struct db *db = payload;

    db->is_stopped = db->on_wait && db->on_wait(db->payload);
    if (db->is_stopped || n_before >= BUSY_MS / WAIT_MS)
        return 0;
    sqlite3_sleep(WAIT_MS);
    return 1;
}

/* Where two connections could wait for each other, as when both make a new file, SQLite gives up at once:
 * here one of them will be through soon. */
static int use_log(struct db *db, struct err *err)
{
    struct err why;
    int n = 0, rc;

    sqlite3_busy_handler(db->sql, NULL, NULL);
    do {
        err_clear(&why);
        rc = db_exec(db, &why, "PRAGMA journal_mode=WAL");
    } while (rc == E_IO && db->is_busy && wait_for_lock(db, n++));
    sqlite3_busy_handler(db->sql, wait_for_lock, db);
    return rc ? err_set(err, rc, "%s", why.text) : 0;
}

/* Reads the first page, so that a file of another kind is found out here and not later. */
static int touch(struct db *db, int mode, struct err *err)
{
    int64_t n;
    int rc;

    if (mode != DB_READ &&
        sqlite3_db_readonly(db->sql, "main") == 1) /* SQLite would find out at the first write */
        return sql_error(db, SQLITE_READONLY, err);
    rc = db_get_int(&n, db, err, "SELECT count(*) FROM sqlite_schema");
    /* Only a new file takes it: long rows leave less of a large page empty (a seventh of an index). */
    if (!rc && mode == DB_CREATE)
        rc = db_exec(db, err, "PRAGMA page_size=16384");
    if (!rc && mode != DB_READ) {
        rc = use_log(db, err);
        /* NORMAL loses no consistency in WAL, but may lose the last commits at a power cut: FULL does not. */
        if (!rc)
            rc = db_exec(db, err, "PRAGMA synchronous=FULL");
    }
    return rc;
}

/* "file:PATH?immutable=1" with what a URI would misread percent-encoded. */
static char *immutable_uri(const char *path)
{
    struct buf b = {0};

    buf_puts(&b, "file:");
    for (; *path; path++)
        if (strchr("%?#", *path))
            buf_printf(&b, "%%%02X", (unsigned char)*path);
        else
            buf_putc(&b, *path);
    buf_puts(&b, "?immutable=1");
    return buf_take(&b);
}

void db_on_wait(struct db *db, int (*fn)(void *payload), void *payload)
{
    db->on_wait = fn;
    db->payload = payload;
}

int db_is_locked(const struct db *db) { return db->is_busy; }

static int open_file(struct db *db, int mode, int is_immutable, struct err *err)
{
    /* Who only reads asks for more: the last one to close tidies SQLite's files beside the
     * index away, if it may.  query_only keeps the promise. */
    static const int flags[] = {SQLITE_OPEN_READWRITE, SQLITE_OPEN_READWRITE,
                                SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE};
    char *uri = is_immutable ? immutable_uri(db->path) : NULL;
    int rc;

    if (is_immutable && !uri)
        return err_nomem(err);
    rc = uri ? sqlite3_open_v2(uri, &db->sql,
                               SQLITE_OPEN_READONLY | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX, NULL)
             : sqlite3_open_v2(db->path, &db->sql, flags[mode] | SQLITE_OPEN_NOMUTEX, NULL);
    mem_free(uri);
    if (rc)
        return sql_error(db, rc, err);
    sqlite3_extended_result_codes(db->sql, 1);
    sqlite3_busy_handler(db->sql, wait_for_lock, db);
    if (mode == DB_READ) {
        rc = db_exec(db, err, "PRAGMA query_only=1");
        if (rc)
            return rc;
    }
    return touch(db, mode, err);
}

int64_t db_log_bytes(struct db *db)
{
    const char *file = sqlite3_db_filename(db->sql, "main"); /* where symbolic links lead */

    return file && *file ? file_size(sqlite3_filename_wal(file)) : 0;
}

/* Is a log beside the file without which it is not whole? */
static int has_log(struct db *db)
{
    const char *file = sqlite3_db_filename(db->sql, "main");

    return !file || !*file || file_exists(sqlite3_filename_wal(file)) ||
           file_exists(sqlite3_filename_journal(file));
}

int db_open(struct db **out, const char *path, int mode, struct err *err)
{
    struct err why = {0};
    struct db *db;
    int rc;

    if (mode != DB_CREATE && !file_exists(path))
        return err_set(err, E_NOTFOUND, "'%s' does not exist", path);
    if (file_is_dir(path))
        return err_set(err, E_INVALID, "'%s' is a folder, not an index file", path);
    if (file_exists(path) && !file_is_regular(path)) /* what is written to /dev/null is gone */
        return err_set(err, E_INVALID, "'%s' is no regular file: an index needs one", path);
    db = mem_zalloc(1, sizeof *db);
    if (!db)
        return err_nomem(err);
    db->path = mem_strdup(path);
    if (!db->path) {
        rc = err_nomem(err);
        goto done;
    }
    rc = open_file(db, mode, 0, &why);
    if (rc == E_IO && mode == DB_READ && !db->is_busy && !has_log(db)) {
        /* A reader in WAL mode makes files beside the index.  Where it may not (a read-only medium, someone
         * else's folder) and nobody is or was writing, the file is read as one that never changes. */
        sqlite3_close_v2(db->sql);
        db->sql = NULL;
        err_clear(&why);
        rc = open_file(db, mode, 1, &why);
    }
    if (rc) {
        err_set(err, rc, "%s", why.text);
        goto done;
    }
    *out = db;
    db = NULL;
done:
    db_close(db);
    return rc;
}

void db_close(struct db *db)
{
    if (!db)
        return;
    sqlite3_close_v2(db->sql);
    mem_free(db->path);
    mem_free(db);
}

const char *db_path(const struct db *db) { return db->path; }

/* Formats with SQLite's own printf, so that %q and %w quote. */
static int prepare_va(sqlite3_stmt **out, struct db *db, struct err *err, const char *fmt,
                      va_list ap)
{
    char *sql = sqlite3_vmprintf(fmt, ap);
    int rc;

    if (!sql)
        return err_nomem(err);
    rc = sqlite3_prepare_v2(db->sql, sql, -1, out, NULL);
    sqlite3_free(sql);
    return rc ? sql_error(db, rc, err) : 0;
}

int db_exec(struct db *db, struct err *err, const char *fmt, ...)
{
    va_list ap;
    char *sql;
    int rc = out_of_memory_for_tests(err);

    if (rc)
        return rc;
    va_start(ap, fmt);
    sql = sqlite3_vmprintf(fmt, ap);
    va_end(ap);
    if (!sql)
        return err_nomem(err);
    rc = sqlite3_exec(db->sql, sql, NULL, NULL, NULL);
    sqlite3_free(sql);
    return rc ? sql_error(db, rc, err) : 0;
}

int db_get_int(int64_t *out, struct db *db, struct err *err, const char *fmt, ...)
{
    sqlite3_stmt *s = NULL;
    va_list ap;
    int rc = out_of_memory_for_tests(err);

    if (rc)
        return rc;
    va_start(ap, fmt);
    rc = prepare_va(&s, db, err, fmt, ap);
    va_end(ap);
    if (rc)
        return rc;
    rc = sqlite3_step(s);
    if (rc == SQLITE_ROW)
        *out = sqlite3_column_int64(s, 0);
    rc = rc == SQLITE_ROW || rc == SQLITE_DONE ? 0 : sql_error(db, rc, err);
    sqlite3_finalize(s);
    return rc;
}

int db_has_table(struct db *db, const char *name, struct err *err)
{
    int64_t n = 0;
    int rc = db_get_int(
        &n, db, err, "SELECT count(*) FROM sqlite_schema WHERE type='table' AND name='%q'", name);

    return rc ? rc : n > 0;
}

int db_begin(struct db *db, struct err *err)
{
    int rc = db_exec(db, err, "BEGIN IMMEDIATE");

    if (!rc)
        db->in_transaction = 1;
    return rc;
}

int db_commit(struct db *db, struct err *err)
{
    int rc = db_exec(db, err, "COMMIT");

    if (!rc)
        db->in_transaction = 0;
    return rc;
}

void db_rollback(struct db *db)
{
    /* After a full disk SQLite may have rolled back by itself. */
    if (db->in_transaction && !sqlite3_get_autocommit(db->sql))
        sqlite3_exec(db->sql, "ROLLBACK", NULL, NULL, NULL);
    db->in_transaction = 0;
}

int db_begin_read(struct db *db, struct err *err)
{
    int64_t n;
    int rc = db_exec(db, err, "BEGIN");

    if (rc)
        return rc;
    db->in_transaction = 2;
    rc = db_get_int(&n, db, err,
                    "SELECT count(*) FROM sqlite_schema"); /* the snapshot is taken here */
    if (rc)
        db_end_read(db);
    return rc;
}

void db_end_read(struct db *db) { db_rollback(db); }

int64_t db_last_id(struct db *db) { return sqlite3_last_insert_rowid(db->sql); }
int64_t db_changes(struct db *db) { return sqlite3_changes64(db->sql); }

int db_prepare(struct stmt **out, struct db *db, struct err *err, const char *fmt, ...)
{
    struct stmt *s = mem_zalloc(1, sizeof *s);
    va_list ap;
    int rc;

    if (!s)
        return err_nomem(err);
    s->db = db;
    va_start(ap, fmt);
    rc = prepare_va(&s->stmt, db, err, fmt, ap);
    va_end(ap);
    if (rc) {
        mem_free(s);
        return rc;
    }
    *out = s;
    return 0;
}

static void bound(struct stmt *s, int rc)
{
    if (!s->bind_rc)
        s->bind_rc = rc;
}

void stmt_bind_int(struct stmt *s, int i, int64_t v)
{
    bound(s, sqlite3_bind_int64(s->stmt, i, v));
}

void stmt_bind_real(struct stmt *s, int i, double v)
{
    bound(s, sqlite3_bind_double(s->stmt, i, v));
}

void stmt_bind_text(struct stmt *s, int i, const char *v)
{
    bound(s, v ? sqlite3_bind_text64(s->stmt, i, v, strlen(v), SQLITE_TRANSIENT, SQLITE_UTF8)
               : sqlite3_bind_null(s->stmt, i));
}

void stmt_bind_blob(struct stmt *s, int i, const void *p, size_t n)
{
    bound(s, n ? sqlite3_bind_blob64(s->stmt, i, p, n, SQLITE_TRANSIENT)
               : sqlite3_bind_zeroblob(s->stmt, i, 0));
}

void stmt_bind_blob_borrowed(struct stmt *s, int i, const void *p, size_t n)
{
    bound(s, n ? sqlite3_bind_blob64(s->stmt, i, p, n, SQLITE_STATIC)
               : sqlite3_bind_zeroblob(s->stmt, i, 0));
}

int stmt_step(struct stmt *s, struct err *err)
{
    int rc = s->bind_rc;

    if (!rc) {
        rc = sqlite3_step(s->stmt);
        if (rc == SQLITE_ROW)
            return 1;
    }
    if (rc != SQLITE_DONE)
        sql_error(s->db, rc, err);
    stmt_reset(s);
    if (rc == SQLITE_DONE)
        return 0;
    return err && err->code ? err->code : E_IO;
}

int stmt_run(struct stmt *s, struct err *err)
{
    int rc = stmt_step(s, err);

    stmt_reset(s);
    return rc > 0 ? 0 : rc;
}

int64_t stmt_int(struct stmt *s, int col) { return sqlite3_column_int64(s->stmt, col); }

const char *stmt_text(struct stmt *s, int col)
{
    return (const char *)sqlite3_column_text(s->stmt, col);
}

const void *stmt_blob(struct stmt *s, int col, size_t *n)
{
    const void *p = sqlite3_column_blob(s->stmt, col);

    *n = (size_t)sqlite3_column_bytes(s->stmt, col);
    return p;
}

void stmt_reset(struct stmt *s)
{
    sqlite3_reset(s->stmt);
    s->bind_rc = 0;
}

void stmt_free(struct stmt *s)
{
    if (s) {
        sqlite3_finalize(s->stmt);
        mem_free(s);
    }
}

int db_check(struct db *db, struct err *err)
{
    struct stmt *s = NULL;
    int rc = db_prepare(&s, db, err, "PRAGMA integrity_check(1)");

    if (rc)
        return rc;
    rc = stmt_step(s, err);
    if (rc == 1) {
        const char *verdict = stmt_text(s, 0), *line = verdict ? strchr(verdict, '\n') : NULL;

        if (line && !strncmp(verdict, "***", 3)) /* a heading: what is wrong comes below it */
            verdict = line + 1;
        rc = verdict && !strcmp(verdict, "ok")
                 ? 0
                 : err_set(err, E_FORMAT, "'%s' is damaged: %s", db->path, verdict ? verdict : "?");
    }
    stmt_free(s);
    return rc;
}

const char *db_version(void) { return sqlite3_libversion(); }
