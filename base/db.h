/* db.h -- SQLite: the only user of <sqlite3.h> beside the SQL door in api/.
 *
 *     struct db *db; struct stmt *s;
 *     db_open(&db, "index.fovea", DB_CREATE, &err);
 *     db_prepare(&s, db, &err, "SELECT text FROM %s_documents WHERE id = ?1", name);
 *     stmt_bind_int(s, 1, id);
 *     while ((rc = stmt_step(s, &err)) == 1) stmt_text(s, 0);
 *     stmt_reset(s); ... stmt_free(s);
 *     db_close(db);
 *
 * Errors name the file and SQLite's reason in words for a person: a full disk,
 * a read-only file, a locked file, "not an index".
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_DB_H
#define BASE_DB_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct db;   /* a connection; one thread at a time */
struct stmt; /* a prepared statement */

enum {
    DB_READ = 0,   /* the file must exist; nothing is written to it */
    DB_WRITE = 1,  /* the file must exist */
    DB_CREATE = 2, /* made if absent */
};

/* Opens a file in WAL mode (when writable), foreign keys off, busy time-out 10 s.
 * E_NOTFOUND if it does not exist and mode is not DB_CREATE; E_FORMAT if it is no SQLite file. */
int db_open(struct db **out, const char *path, int mode, struct err *err);
void db_close(struct db *db);

/* Calls fn every 20 ms while the lock of another connection is waited for; what waits then returns
 * E_STOP if fn returns non-zero. */
void db_on_wait(struct db *db, int (*fn)(void *payload), void *payload);

/* Was the last failure a lock that another connection holds? */
int db_is_locked(const struct db *db);

/* Bytes of the write-ahead log beside the file; 0 without one. */
int64_t db_log_bytes(struct db *db);

/* The path as given. */
const char *db_path(const struct db *db);

/* Runs statements without results; printf-like, with SQLite's %q and %w too. */
int db_exec(struct db *db, struct err *err, const char *fmt, ...);

/* The first column of the first row as an integer; *out is unchanged if there is no row. */
int db_get_int(int64_t *out, struct db *db, struct err *err, const char *fmt, ...);

/* 1 if a table of this name exists, 0 if not, negative on error. */
int db_has_table(struct db *db, const char *name, struct err *err);

/* Write transactions (BEGIN IMMEDIATE) do not nest.  db_rollback without a
 * transaction does nothing. */
int db_begin(struct db *db, struct err *err);
int db_commit(struct db *db, struct err *err);
void db_rollback(struct db *db);

/* Read transactions: all reads between see one commit. */
int db_begin_read(struct db *db, struct err *err);
void db_end_read(struct db *db);

int64_t db_last_id(struct db *db);

/* Rows changed by the last INSERT, UPDATE or DELETE. */
int64_t db_changes(struct db *db);

int db_prepare(struct stmt **out, struct db *db, struct err *err, const char *fmt, ...);

/* Parameters are numbered from 1.  Texts and blobs are copied by bind, except with
 * stmt_bind_blob_borrowed, whose bytes must live until the next reset or bind.
 * A failed bind is reported by the next stmt_step. */
void stmt_bind_int(struct stmt *s, int i, int64_t v);
void stmt_bind_real(struct stmt *s, int i, double v);
void stmt_bind_text(struct stmt *s, int i, const char *v); /* NULL binds NULL */
void stmt_bind_blob(struct stmt *s, int i, const void *p, size_t n);
void stmt_bind_blob_borrowed(struct stmt *s, int i, const void *p, size_t n);

/* 1: a row; 0: done (and reset); negative: error. */
int stmt_step(struct stmt *s, struct err *err);

/* Steps once for statements without rows, then resets.  0 or negative. */
int stmt_run(struct stmt *s, struct err *err);

/* Columns of the current row, from 0; borrowed until the next step or reset. */
int64_t stmt_int(struct stmt *s, int col);
const char *stmt_text(struct stmt *s, int col); /* NULL for NULL */
const void *stmt_blob(struct stmt *s, int col, size_t *n);

void stmt_reset(struct stmt *s);
void stmt_free(struct stmt *s);

/* SQLite's own verdict on the file: 0 if `PRAGMA integrity_check` says ok, else E_FORMAT with its first line. */
int db_check(struct db *db, struct err *err);

/* The version of the SQLite library. */
const char *db_version(void);

#endif
