/* settings.c -- what an index was made with: recorded once, compared at each open. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <stddef.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "indexer/inside.h"
#include "indexer/vectors.h"

/* Rows of the table: key, and where its value is kept. */
static const struct {
    const char *key;
    int is_number;
    size_t at;
} keys[] = {
    {"format", 1, offsetof(struct recorded, format)},
    {"analyzer", 0, offsetof(struct recorded, analyzer)},
    {"chunking", 0, offsetof(struct recorded, chunking)},
    {"vectors", 0, offsetof(struct recorded, vectors)},
    {"dim", 1, offsetof(struct recorded, dim)},
    {"model", 0, offsetof(struct recorded, model)},
    {"model_folder", 0, offsetof(struct recorded, model_folder)},
    {"model_file", 0, offsetof(struct recorded, model_file)},
    {"model_sha256", 0, offsetof(struct recorded, model_sha256)},
    {"model_pooling", 0, offsetof(struct recorded, model_pooling)},
    {"model_query_prefix", 0, offsetof(struct recorded, model_query_prefix)},
    {"model_passage_prefix", 0, offsetof(struct recorded, model_passage_prefix)},
    {"model_normalised", 1, offsetof(struct recorded, model_normalised)},
    {"model_bits", 1, offsetof(struct recorded, model_bits)},
    {"sparse", 0, offsetof(struct recorded, sparse)},
    {"sparse_folder", 0, offsetof(struct recorded, sparse_folder)},
    {"sparse_file", 0, offsetof(struct recorded, sparse_file)},
    {"sparse_sha256", 0, offsetof(struct recorded, sparse_sha256)},
    {"sparse_words", 1, offsetof(struct recorded, sparse_words)},
    {"sparse_bits", 1, offsetof(struct recorded, sparse_bits)},
    {"fields", 0, offsetof(struct recorded, fields)},
};
enum { N_KEYS = sizeof keys / sizeof *keys };

/* Is the key written with a sparse leg only? */
static int is_of_sparse(int i) { return !strncmp(keys[i].key, "sparse", 6); }
static int is_fields(int i) { return !strcmp(keys[i].key, "fields"); }

static char **text_at(struct recorded *r, int i) { return (char **)((char *)r + keys[i].at); }
static int64_t *number_at(struct recorded *r, int i) { return (int64_t *)((char *)r + keys[i].at); }

void settings_clear(struct recorded *r)
{
    for (int i = 0; i < N_KEYS; i++)
        if (!keys[i].is_number)
            mem_free(*text_at(r, i));
    memset(r, 0, sizeof *r);
}

int settings_replace(char **to, const char *text, struct err *err)
{
    char *p = mem_strdup(text ? text : "");

    if (!p)
        return err_nomem(err);
    mem_free(*to);
    *to = p;
    return 0;
}

int settings_fields(struct fields *f, char **to, const char *text, struct err *err)
{
    struct buf form = {0};
    int rc = fields_parse(f, text, err);

    if (rc)
        return rc;
    fields_format(&form, f);
    rc = buf_error(&form) ? err_nomem(err) : settings_replace(to, buf_text(&form), err);
    buf_clear(&form);
    return rc;
}

int settings_empty(struct recorded *r, struct err *err)
{
    int rc = 0;

    for (int i = 0; !rc && i < N_KEYS; i++)
        if (!keys[i].is_number)
            rc = settings_replace(text_at(r, i), "", err);
    return rc;
}

int64_t settings_least_format(const struct index *ix)
{
    const struct recorded *r = &ix->recorded;

    if (!ix->fields.is_plain)
        return INDEX_FORMAT_FIELDS;
    if (r->dim && vectors_is_auto(r->vectors))
        return INDEX_FORMAT_CODES;
    return r->sparse_words ? INDEX_FORMAT_SPARSE : INDEX_FORMAT_PLAIN;
}

int settings_is_none(const char *name) { return !name || !*name || !strcmp(name, "none"); }
/* ---- making the tables ---- */

static const char tables[] =
    "CREATE TABLE \"%w_settings\"(key TEXT PRIMARY KEY, value) WITHOUT ROWID;"
    "CREATE TABLE \"%w_documents\"(id INTEGER PRIMARY KEY, docno TEXT NOT NULL UNIQUE,"
    " title TEXT NOT NULL, text TEXT NOT NULL, meta TEXT, crc INTEGER NOT NULL);"
    "CREATE TABLE \"%w_segments\"(id INTEGER PRIMARY KEY, passages INTEGER NOT NULL,"
    " documents INTEGER NOT NULL, length INTEGER NOT NULL, terms INTEGER NOT NULL,"
    " docnos_bytes INTEGER NOT NULL, documents_bytes INTEGER NOT NULL,"
    " lengths_bytes INTEGER NOT NULL, spans_bytes INTEGER NOT NULL,"
    " terms_bytes INTEGER NOT NULL, term_index_bytes INTEGER NOT NULL,"
    " postings_bytes INTEGER NOT NULL, vectors_bytes INTEGER NOT NULL,"
    " graph_bytes INTEGER NOT NULL, crc INTEGER NOT NULL);"
    "CREATE TABLE \"%w_blobs\"(id INTEGER PRIMARY KEY, crc INTEGER NOT NULL, data BLOB NOT NULL);"
    "CREATE TABLE \"%w_tombstones\"(id INTEGER PRIMARY KEY, segment INTEGER NOT NULL,"
    " crc INTEGER NOT NULL, data BLOB NOT NULL);";

static int set(struct stmt *s, const char *key, const char *text, int64_t number, struct err *err)
{
    stmt_bind_text(s, 1, key);
    if (text)
        stmt_bind_text(s, 2, text);
    else
        stmt_bind_int(s, 2, number);
    return stmt_run(s, err);
}

static int write_settings(struct index *ix, struct err *err)
{
    static const char *const counters[] = {"commits", "documents", "text_bytes"};
    struct recorded *r = &ix->recorded;
    struct stmt *s = NULL;
    int rc = db_prepare(&s, ix->wr.db, err, "INSERT INTO \"%w_settings\" VALUES(?1, ?2)", ix->name);

    for (int i = 0; !rc && i < N_KEYS; i++)
        rc = (is_of_sparse(i) && !r->sparse_words) || (is_fields(i) && ix->fields.is_plain) ? 0
             : keys[i].is_number ? set(s, keys[i].key, NULL, *number_at(r, i), err)
                                 : set(s, keys[i].key, *text_at(r, i), 0, err);
    for (size_t i = 0; !rc && i < sizeof counters / sizeof *counters; i++)
        rc = set(s, counters[i], NULL, 0, err);
    rc = rc ? rc : set(s, "next_segment", NULL, 1, err);
    rc = rc ? rc : set(s, "next_tombstone", NULL, 1, err);
    stmt_free(s);
    return rc;
}

/* Marks the file as fovea's, unless it is someone else's database. */
static int mark_file(struct index *ix, struct err *err)
{
    int64_t id = 0, n_tables = 0;
    int rc = db_get_int(&id, ix->wr.db, err, "PRAGMA application_id");

    rc = rc ? rc : db_get_int(&n_tables, ix->wr.db, err, "SELECT count(*) FROM sqlite_schema");
    if (rc || id || n_tables)
        return rc;
    rc = db_exec(ix->wr.db, err, "PRAGMA application_id = %d", INDEX_APPLICATION);
    return rc ? rc : db_exec(ix->wr.db, err, "PRAGMA user_version = %d", (int)ix->recorded.format);
}

int settings_exist(struct db *db, const char *name, struct err *err)
{
    char *table = mem_printf("%s_settings", name);
    int has = table ? db_has_table(db, table, err) : err_nomem(err);

    mem_free(table);
    return has;
}

int index_exists(const char *path, const char *name, struct err *err)
{
    struct db *db = NULL;
    int rc;

    if (!file_exists(path))
        return 0;
    rc = db_open(&db, path, DB_READ, err);
    rc = rc ? rc : settings_exist(db, name ? name : "fovea", err);
    db_close(db);
    return rc;
}

int settings_create(struct index *ix, struct err *err)
{
    const char *n = ix->name;
    int rc = db_begin(ix->wr.db, err), has;

    if (rc)
        return rc;
    has = settings_exist(ix->wr.db, ix->name, err);
    if (has) { /* negative, or another process was faster */
        db_rollback(ix->wr.db);
        return has < 0 ? has : 0;
    }
    rc = mark_file(ix, err);
    rc = rc ? rc : db_exec(ix->wr.db, err, tables, n, n, n, n, n);
    rc = rc ? rc : write_settings(ix, err);
    if (!rc && ix->attention.profile)
        rc = attention_create(ix, &ix->attention, err);
    rc = rc ? rc : db_commit(ix->wr.db, err);
    if (rc)
        db_rollback(ix->wr.db);
    return rc;
}

/* ---- reading and comparing ---- */

static int take_setting(struct recorded *r, struct stmt *s, struct err *err)
{
    const char *key = stmt_text(s, 0);

    for (int i = 0; key && i < N_KEYS; i++)
        if (!strcmp(key, keys[i].key)) {
            if (!keys[i].is_number)
                return settings_replace(text_at(r, i), stmt_text(s, 1), err);
            *number_at(r, i) = stmt_int(s, 1);
        }
    return 0;
}

static int read_settings(struct index *ix, struct err *err)
{
    struct recorded *r = &ix->recorded;
    struct err why = {0};
    struct stmt *s = NULL;
    int rc = db_prepare(&s, ix->rd.db, err, "SELECT key, value FROM \"%w_settings\"", ix->name);

    if (rc)
        return rc;
    while ((rc = stmt_step(s, err)) == 1) {
        rc = take_setting(r, s, err);
        if (rc)
            break;
    }
    stmt_free(s);
    if (rc)
        return rc;
    if (r->format > INDEX_FORMAT)
        return err_set(err, E_FORMAT,
                       "'%s' has index format %lld, this fovea reads up to %d: use a newer fovea",
                       ix->path, (long long)r->format, INDEX_FORMAT);
    for (int i = 0; !rc && !r->sparse_words && i < N_KEYS; i++)
        if (is_of_sparse(i) && !keys[i].is_number)
            rc = settings_replace(text_at(r, i), text_at(r, i) == &r->sparse ? "none" : "", err);
    if (!rc && (rc = settings_fields(&ix->fields, &r->fields, r->fields, &why)) == E_INVALID)
        rc = err_set(err, E_FORMAT, "'%s' is damaged: %s", ix->path, why.text);
    if (rc)
        return rc == E_NOMEM ? err_nomem(err) : rc;
    for (int i = 0; i < N_KEYS; i++)
        if (!keys[i].is_number && !*text_at(r, i))
            return err_set(err, E_FORMAT, "'%s' is damaged: setting '%s' is missing", ix->path,
                           keys[i].key);
    if (r->format < 1 || r->dim < 0 || r->dim > 1 << 16 || r->sparse_words < 0 ||
        r->sparse_words > IMPACT_TOKENS)
        return err_set(err, E_FORMAT, "'%s' is damaged: format %lld, dim %lld", ix->path,
                       (long long)r->format, (long long)r->dim);
    return 0;
}

static int differs(const struct index *ix, const char *what, const char *recorded, const char *want,
                   struct err *err)
{
    return err_set(err, E_INVALID,
                   "'%s' was made with %s '%s', not '%s': open it without that setting, or make "
                   "another index",
                   ix->path, what, recorded, want);
}

/* Vectors of one index are all made alike: who writes computes as the first one did. */
static int take_precision(struct index *ix, struct err *err)
{
    const struct recorded *r = &ix->recorded;
    int64_t bits = r->model_bits    ? r->model_bits
                   : r->sparse_bits ? r->sparse_bits
                                    : ix->attention.precision_bits;

    if (ix->mode == INDEX_READ || !bits)
        return 0;
    if (bits != 32 && ix->precision == MODEL_F32)
        return differs(ix, "precision", "i8", "f32", err);
    ix->precision = bits == 32 ? MODEL_F32 : MODEL_I8;
    return 0;
}

/* Is `want` the recorded encoder?  A folder counts by its name; its bytes are compared when it is opened. */
static int is_same_model(const char *name, const char *folder, const char *want)
{
    size_t n = strlen(want), begin;

    if (settings_is_none(want) || settings_is_none(name))
        return settings_is_none(want) == settings_is_none(name);
    if (!strcmp(want, folder))
        return 1;
    while (n > 1 && want[n - 1] == '/')
        n--;
    for (begin = n; begin && want[begin - 1] != '/'; begin--)
        ;
    return n - begin == strlen(name) && !memcmp(want + begin, name, n - begin);
}

int settings_load(struct index *ix, const struct index_settings *want, struct err *err)
{
    struct recorded *r = &ix->recorded;
    char chunking[40], *fields = NULL;
    struct fields f;
    struct chunking c;
    int rc = settings_exist(ix->rd.db, ix->name, err);

    if (rc < 0)
        return rc;
    if (!rc)
        return err_set(err, E_FORMAT, "'%s' is not an index: it has no table '%s_settings'",
                       ix->path, ix->name);
    rc = read_settings(ix, err);
    if (!rc && want->chunking) {
        rc = chunking_parse(&c, want->chunking, err);
        if (!rc)
            chunking_format(chunking, &c);
    }
    if (rc)
        return rc;
    if (want->analyzer && strcmp(want->analyzer, r->analyzer) != 0)
        return differs(ix, "analyzer", r->analyzer, want->analyzer, err);
    if (want->chunking && strcmp(chunking, r->chunking) != 0)
        return differs(ix, "chunking", r->chunking, want->chunking, err);
    if (want->model && !is_same_model(r->model, r->model_folder, want->model))
        return differs(ix, "model", r->model, want->model, err);
    if (want->sparse && !is_same_model(r->sparse, r->sparse_folder, want->sparse))
        return differs(ix, "sparse model", r->sparse, want->sparse, err);
    if (want->vectors && r->dim && strcmp(want->vectors, r->vectors) != 0)
        return differs(ix, "vectors", r->vectors, want->vectors, err);
    if (want->fields) {
        rc = settings_fields(&f, &fields, want->fields, err);
        if (!rc && strcmp(fields, r->fields) != 0)
            rc = differs(ix, "fields", r->fields, fields, err);
        mem_free(fields);
        if (rc)
            return rc;
    }
    if (!settings_is_none(want->model)) {
        rc = settings_replace(&ix->model_given, want->model, err);
        if (rc)
            return rc;
    }
    if (!settings_is_none(want->sparse))
        rc = settings_replace(&ix->sparse_given, want->sparse, err);
    rc = rc ? rc : attention_load(ix, err);
    rc = rc ? rc : attention_compare(ix, want->attention, err);
    rc = rc ? rc : take_precision(ix, err);
    if (rc)
        return rc;
    ix->settings.analyzer = r->analyzer;
    ix->settings.chunking = r->chunking;
    ix->settings.model = r->model;
    ix->settings.vectors = r->vectors;
    ix->settings.sparse = r->sparse;
    ix->settings.fields = r->fields;
    rc = chunking_parse(&ix->chunking, r->chunking, err);
    return rc ? err_wrap(err, "'%s' is damaged", ix->path) : 0;
}

/* ---- counters ---- */

int counter_get(int64_t *out, struct index *ix, struct store *st, const char *key, struct err *err)
{
    int64_t v = -1;
    int rc = db_get_int(&v, st->db, err, "SELECT value FROM \"%w_settings\" WHERE key = '%q'",
                        ix->name, key);

    if (rc)
        return rc;
    if (v < 0)
        return err_set(err, E_FORMAT, "'%s' is damaged: setting '%s' is missing", ix->path, key);
    *out = v;
    return 0;
}

int counter_set(struct index *ix, const char *key, int64_t value, struct err *err)
{
    return db_exec(ix->wr.db, err, "UPDATE \"%w_settings\" SET value = %lld WHERE key = '%q'",
                   ix->name, (long long)value, key);
}
