/* index.c -- opens an index, shows one commit of it, and answers what it is.
 *
 * A handle has two connections.  One reads, inside a read transaction that lasts until the next commit or
 * refresh: what the handle shows is one commit, whatever other processes add or merge away meanwhile.  The
 * price is that SQLite cannot empty its write-ahead log past the oldest reader; long-lived
 * readers should refresh now and then.  The other connection writes: the pending commit.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "indexer/impacts.h"
#include "indexer/inside.h"

/* ---- opening ---- */

static int check_options(const char *path, const char *name, const struct index_options *opt,
                         struct err *err)
{
    size_t n = strlen(name);

    if (!path || !*path)
        return err_set(err, E_INVALID, "an index needs a path");
    if (opt->mode < INDEX_READ || opt->mode > INDEX_CREATE)
        return err_set(err, E_INVALID, "mode %d is none of read, write, create", opt->mode);
    for (size_t i = 0; i < n; i++)
        if (!isascii((unsigned char)name[i]) ||
            !(isalnum((unsigned char)name[i]) || name[i] == '_'))
            n = 0;
    if (n < 1 || n > 63 || isdigit((unsigned char)name[0]))
        return err_set(
            err, E_INVALID,
            "the name '%.80s' cannot begin the names of tables: use letters, digits and '_'", name);
    return 0;
}

static int on_wait(void *payload)
{
    const struct index *ix = payload;

    return ix->progress && ix->progress("waiting for another writer", 0, 0, ix->payload);
}

static int tune_writer(struct index *ix, struct err *err)
{
    db_on_wait(ix->wr.db, on_wait, ix);
    /* The log is emptied by us, at moments when our own reader does not hold it; see index_commit. */
    return db_exec(ix->wr.db, err,
                   "PRAGMA cache_size = -32768; PRAGMA wal_autocheckpoint = 0;"
                   "PRAGMA journal_size_limit = 67108864");
}

static int create(struct index *ix, const struct index_settings *want, struct err *err)
{
    int rc = 0, is_new = !file_exists(ix->path), has = 0;

    if (is_new) /* before there is a file: settings that cannot be leave none behind */
        rc = settings_resolve(ix, want, err);
    rc = rc ? rc : db_open(&ix->wr.db, ix->path, DB_CREATE, err);
    if (!rc && !is_new) {
        has = settings_exist(ix->wr.db, ix->name, err);
        rc = has < 0 ? has : has ? 0 : settings_resolve(ix, want, err);
    }
    if (!rc && !has)
        rc = settings_create(ix, err);
    settings_clear(&ix->recorded);
    return rc;
}

static int open_all(struct index *ix, const struct index_options *opt, struct err *err)
{
    int rc = 0;

    if (opt->mode == INDEX_CREATE)
        rc = create(ix, &opt->settings, err);
    else if (opt->mode == INDEX_WRITE)
        rc = db_open(&ix->wr.db, ix->path, DB_WRITE, err);
    rc = rc ? rc : db_open(&ix->rd.db, ix->path, DB_READ, err);
    rc = rc ? rc : settings_load(ix, &opt->settings, err);
    if (!rc && ix->wr.db)
        rc = tune_writer(ix, err);
    if (!rc)
        rc = index_need_analyzers(ix, 1, err);
    ix->is_stale = 1;
    return rc ? rc : index_refresh(ix, err);
}

int index_open(struct index **out, const char *path, const struct index_options *opt,
               struct err *err)
{
    static const struct index_options defaults;
    const char *name;
    struct index *ix;
    int rc;

    opt = opt ? opt : &defaults;
    name = opt->name ? opt->name : "fovea";
    rc = check_options(path, name, opt, err);
    if (rc)
        return rc;
    ix = mem_zalloc(1, sizeof *ix);
    if (!ix)
        return err_nomem(err);
    ix->mode = opt->mode;
    ix->precision = opt->precision;
    ix->pool = opt->pool;
    ix->buffer_bytes = opt->buffer_bytes ? opt->buffer_bytes : INDEX_BUFFER_BYTES;
    ix->progress = opt->progress;
    ix->payload = opt->payload;
    ix->path = mem_strdup(path);
    ix->name = mem_strdup(name);
    ix->rd.name = ix->wr.name = ix->name;
    rc = ix->path && ix->name ? open_all(ix, opt, err) : err_nomem(err);
    if (rc)
        index_close(ix);
    else
        *out = ix;
    return rc;
}

static void forget_segments(struct index *ix)
{
    filters_forget(ix);
    for (int i = 0; i < ix->n_segments; i++)
        segment_close(ix->segments[i]);
    mem_free(ix->segments);
    ix->segments = NULL;
    ix->n_segments = 0;
    ix->n_passages = ix->n_terms = 0;
    ix->n_documents = ix->text_bytes = 0;
    ix->is_stale = 1;
}

void index_close(struct index *ix)
{
    if (!ix)
        return;
    index_rollback(ix);
    forget_segments(ix);
    if (ix->rd.db)
        db_end_read(ix->rd.db);
    store_close(&ix->rd);
    store_close(&ix->wr);
    for (int i = 0; i < ix->n_analyzers; i++)
        analyzer_free(ix->analyzers[i]);
    mem_free(ix->analyzers);
    model_close(ix->model);
    model_close(ix->sparse);
    attention_clear(&ix->attention);
    settings_clear(&ix->recorded);
    mem_free(ix->model_given);
    mem_free(ix->sparse_given);
    mem_free(ix->path);
    mem_free(ix->name);
    mem_free(ix);
}

/* ---- showing a commit ---- */

int store_measure(struct store *st, struct err *err)
{
    int64_t pages = 0, bytes = 0;
    int rc = db_get_int(&pages, st->db, err, "PRAGMA page_count");

    rc = rc ? rc : db_get_int(&bytes, st->db, err, "PRAGMA page_size");
    if (!rc)
        st->max_bytes = (uint64_t)pages * (uint64_t)bytes;
    return rc;
}

int segment_row_take(struct segment_row *row, struct stmt *s, struct store *st, struct err *err)
{
    int at = 0;

    row->id = stmt_int(s, at++);
    row->passages = (uint64_t)stmt_int(s, at++);
    row->documents = (uint64_t)stmt_int(s, at++);
    row->length = (uint64_t)stmt_int(s, at++);
    row->terms = (uint64_t)stmt_int(s, at++);
    for (int i = 0; i < N_PARTS; i++)
        row->bytes[i] = (uint64_t)stmt_int(s, at++);
    if (row->id < 1 || row->id >> SEGMENT_ID_BITS ||
        (uint32_t)stmt_int(s, at) != segment_row_crc(row))
        return err_set(err, E_FORMAT,
                       "'%s' is damaged: the row of segment %lld: the checksum differs",
                       db_path(st->db), (long long)row->id);
    return 0;
}

/* The segment of that id among those that are open, taken out of the list; NULL if it is not. */
static struct segment *take_open(struct index *ix, const struct segment_row *row)
{
    for (int i = 0; i < ix->n_segments; i++) {
        struct segment *s = ix->segments[i];

        if (s && s->row.id == row->id && !memcmp(&s->row, row, sizeof *row)) {
            ix->segments[i] = NULL;
            return s;
        }
    }
    return NULL;
}

/* Opens the segments of the snapshot, keeping those that are open already. */
static int load_segments(struct index *ix, struct segment ***list, int *n, struct err *err)
{
    struct stmt *s = NULL;
    size_t cap = 0;
    int rc = db_prepare(&s, ix->rd.db, err, "SELECT %s, crc FROM \"%w_segments\" ORDER BY id",
                        segment_columns, ix->name);

    if (rc)
        return rc;
    while ((rc = stmt_step(s, err)) == 1) {
        struct segment *seg = NULL;
        struct segment_row row;

        rc = segment_row_take(&row, s, &ix->rd, err);
        if (!rc && mem_reserve((void **)list, &cap, (size_t)*n + 1, sizeof **list))
            rc = err_nomem(err);
        if (!rc && !(seg = take_open(ix, &row)))
            rc = segment_open(&seg, &ix->rd, &row, (int)ix->recorded.dim, err);
        if (rc)
            break;
        (*list)[(*n)++] = seg;
    }
    stmt_free(s);
    return rc;
}

static void count(struct index *ix)
{
    ix->n_passages = ix->n_terms = 0;
    for (int i = 0; i < ix->n_segments; i++) {
        const struct segment *s = ix->segments[i];

        ix->n_passages += s->size - s->n_dead;
        ix->n_terms += s->row.length - s->dead_length;
    }
}

static int load(struct index *ix, int64_t n_commits, struct err *err)
{
    struct segment **list = NULL;
    int64_t n_documents = 0, text_bytes = 0;
    int n = 0, rc = store_measure(&ix->rd, err);

    rc = rc ? rc : counter_get(&n_documents, ix, &ix->rd, "documents", err);
    rc = rc ? rc : counter_get(&text_bytes, ix, &ix->rd, "text_bytes", err);
    rc = rc ? rc : attention_load(ix, err);
    rc = rc ? rc : load_segments(ix, &list, &n, err);
    rc = rc ? rc : tombstones_refresh(list, n, &ix->rd, err);
    forget_segments(ix); /* those that were taken over are NULL by now */
    if (rc) {
        for (int i = 0; i < n; i++)
            segment_close(list[i]);
        mem_free(list);
        return rc;
    }
    ix->segments = list;
    ix->n_segments = n;
    ix->n_commits = n_commits;
    ix->n_documents = n_documents;
    ix->text_bytes = text_bytes;
    ix->is_stale = 0;
    count(ix);
    return 0;
}

int index_show_newest(struct index *ix, struct err *err)
{
    int64_t n_commits = 0;
    int rc;

    db_end_read(ix->rd.db);
    rc = db_begin_read(ix->rd.db, err);
    rc = rc ? rc : counter_get(&n_commits, ix, &ix->rd, "commits", err);
    if (rc) {
        forget_segments(ix);
        return rc;
    }
    if (!ix->is_stale && n_commits == ix->n_commits)
        return 0;
    return load(ix, n_commits, err);
}

int index_refresh(struct index *ix, struct err *err)
{
    /* Who has the write lock shows the newest commit already, and its graves point at the segments. */
    return ix->pending.is_open ? 0 : index_show_newest(ix, err);
}

/* ---- what it is ---- */

int index_stats(struct index_stats *out, struct index *ix, struct err *err)
{
    struct index_stats s = {
        .n_documents = (uint64_t)ix->n_documents,
        .n_passages = ix->n_passages,
        .n_terms = (uint64_t)((double)ix->n_terms * index_unit(ix)),
        .n_segments = ix->n_segments,
        .n_commits = (uint64_t)ix->n_commits,
        .text_bytes = (uint64_t)ix->text_bytes,
    };
    struct attention_counts keys;
    uint64_t sum;
    int rc = store_measure(&ix->rd, err);

    if (rc)
        return rc;
    s.bytes = ix->rd.max_bytes;
    for (int i = 0; i < ix->n_segments; i++) {
        const struct segment *seg = ix->segments[i];
        const uint64_t *bytes = seg->row.bytes;

        s.n_dead += seg->n_dead;
        s.postings_bytes += bytes[PART_TERMS] + bytes[PART_TERM_INDEX] + bytes[PART_POSTINGS];
        if (ix->recorded.sparse_words) {
            rc = impacts_need(ix->segments[i], err);
            if (rc)
                return rc;
            s.postings_bytes += seg->impacts->index.size + seg->impacts->postings.size;
        }
        s.vector_bytes += bytes[PART_VECTORS] + bytes[PART_GRAPH];
    }
    if (ix->attention.profile) {
        rc = attention_counts_read(&keys, ix, &ix->rd, err);
        if (rc)
            return rc;
        s.n_attended = (uint64_t)keys.passages;
        s.attention_bytes = (uint64_t)keys.bytes;
        s.n_attended_cut = keys.cut > 0 ? (uint64_t)keys.cut : 0;
        s.n_attended_empty = keys.empty > 0 ? (uint64_t)keys.empty : 0;
    }
    sum = s.text_bytes + s.postings_bytes + s.vector_bytes + s.attention_bytes;
    s.other_bytes = s.bytes > sum ? s.bytes - sum : 0;
    *out = s;
    return 0;
}

const char *index_path(const struct index *ix) { return ix->path; }
const struct index_settings *index_settings(const struct index *ix) { return &ix->settings; }
const char *index_model_sha256(const struct index *ix) { return ix->recorded.model_sha256; }
const char *index_sparse_sha256(const struct index *ix) { return ix->recorded.sparse_sha256; }
int index_sparse_words(const struct index *ix) { return (int)ix->recorded.sparse_words; }
int index_vector_dim(const struct index *ix) { return (int)ix->recorded.dim; }
struct analyzer *index_analyzer(struct index *ix) { return ix->analyzers[0]; }
int index_n_segments(const struct index *ix) { return ix->n_segments; }
struct segment *index_segment(const struct index *ix, int i) { return ix->segments[i]; }
uint64_t index_n_passages(const struct index *ix) { return ix->n_passages; }
uint64_t index_n_terms(const struct index *ix) { return ix->n_terms; }
double index_unit(const struct index *ix) { return fields_unit(&ix->fields); }

int index_need_analyzers(struct index *ix, int n, struct err *err)
{
    struct analyzer **list;

    if (n <= ix->n_analyzers)
        return 0;
    list = mem_resize(ix->analyzers, (size_t)n, sizeof *list);
    if (!list)
        return err_nomem(err);
    ix->analyzers = list;
    for (; ix->n_analyzers < n; ix->n_analyzers++) {
        int rc = analyzer_new(&list[ix->n_analyzers], ix->recorded.analyzer, err);

        if (rc == E_INVALID)
            err_wrap(err, "'%s' is damaged or made by a newer fovea", ix->path);
        if (rc)
            return rc;
    }
    return 0;
}
