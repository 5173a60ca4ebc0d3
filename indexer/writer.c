/* writer.c -- the pending commit: add, delete, flush, commit, rollback.
 *
 * The first change takes the write lock and begins one SQLite transaction, which the commit ends.  Documents go
 * into their table at once and wait in a buffer to be indexed; a full buffer becomes a segment inside the
 * transaction, so memory is bounded and nobody sees anything before the commit.  Deletions of what
 * is in a segment are collected in graves (tombstones.h) and written by the commit.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "indexer/inside.h"

enum {
    DOC_MAX = 512 << 20,         /* bytes of a document: far below SQLite's limit */
    LOG_MAX = 4 << 20,           /* bytes of the write-ahead log after which it is emptied */
};

/* ---- beginning and ending ---- */

static void clear_buffer(struct pending *p)
{
    map_clear(&p->by_docno);
    arena_clear(&p->strings);
    p->n_docs = 0;
    p->bytes = 0;
}

static void clear(struct pending *p)
{
    for (size_t i = 0; i < p->n_segments; i++) {
        grave_close(&p->segments[i].grave);
        if (p->segments[i].is_new)
            segment_close(p->segments[i].s);
    }
    clear_buffer(p);
    mem_free(p->segments);
    mem_free(p->docs);
    buf_clear(&p->old);
    stmt_free(p->find);
    stmt_free(p->insert);
    stmt_free(p->update);
    stmt_free(p->delete);
    memset(p, 0, sizeof *p);
}

void index_rollback(struct index *ix)
{
    int was_open = ix->pending.is_open;

    clear(&ix->pending);
    if (was_open)
        db_rollback(ix->wr.db);
}

static int prepare(struct index *ix, struct err *err)
{
    struct pending *p = &ix->pending;
    struct db *db = ix->wr.db;
    int rc = db_prepare(&p->find, db, err,
                        "SELECT id, title, text, meta FROM \"%w_documents\" WHERE docno = ?1",
                        ix->name);

    rc = rc ? rc
            : db_prepare(&p->insert, db, err,
                         "INSERT INTO \"%w_documents\"(docno, title, text, meta) "
                         "VALUES(?1, ?2, ?3, ?4) ON CONFLICT(docno) DO NOTHING",
                         ix->name);
    rc = rc ? rc
            : db_prepare(&p->update, db, err,
                         "UPDATE \"%w_documents\" SET title = ?2, text = ?3, meta = ?4 "
                         "WHERE id = ?1",
                         ix->name);
    return rc ? rc
              : db_prepare(&p->delete, db, err, "DELETE FROM \"%w_documents\" WHERE id = ?1",
                           ix->name);
}

/* Lists the segments of the last commit, which the handle must show. */
static int list_segments(struct index *ix, struct err *err)
{
    struct pending *p = &ix->pending;
    int64_t n_commits = 0;
    int rc = counter_get(&n_commits, ix, &ix->wr, "commits", err);

    if (!rc && (ix->is_stale || n_commits != ix->n_commits)) /* another process committed */
        rc = index_refresh(ix, err);
    rc = rc ? rc : counter_get(&p->next_segment, ix, &ix->wr, "next_segment", err);
    p->n_documents = ix->n_documents;
    p->text_bytes = ix->text_bytes;
    for (int i = 0; !rc && i < ix->n_segments; i++) {
        struct segment *s = ix->segments[i];

        if (mem_reserve((void **)&p->segments, &p->cap_segments, p->n_segments + 1,
                        sizeof *p->segments))
            return err_nomem(err);
        p->segments[p->n_segments++] =
            (struct pending_segment){.id = s->row.id, .passages = s->size, .s = s};
    }
    return rc;
}

static int begin(struct index *ix, struct err *err)
{
    int rc;

    if (ix->mode == INDEX_READ)
        return err_set(err, E_INVALID, "'%s' was opened for reading only", ix->path);
    if (ix->pending.is_open)
        return 0;
    rc = db_begin(ix->wr.db, err);
    if (rc)
        return rc;
    ix->pending.is_open = 1;
    rc = list_segments(ix, err);
    rc = rc ? rc : prepare(ix, err);
    if (rc)
        index_rollback(ix);
    return rc;
}

int pending_add_segment(struct index *ix, int64_t id, uint64_t passages, struct err *err)
{
    struct pending *p = &ix->pending;

    if (mem_reserve((void **)&p->segments, &p->cap_segments, p->n_segments + 1,
                    sizeof *p->segments))
        return err_nomem(err);
    p->segments[p->n_segments++] =
        (struct pending_segment){.id = id, .passages = passages, .is_new = 1};
    return 0;
}

int pending_need(struct index *ix, struct pending_segment *p, struct err *err)
{
    struct segment_row row;
    struct stmt *s = NULL;
    int rc;

    if (p->s)
        return 0;
    rc = store_measure(&ix->wr, err);
    rc = rc ? rc
            : db_prepare(&s, ix->wr.db, err, "SELECT %s, crc FROM \"%w_segments\" WHERE id = %lld",
                         segment_columns, ix->name, (long long)p->id);
    if (rc)
        return rc;
    rc = stmt_step(s, err);
    if (rc == 0)
        rc = err_set(err, E_FORMAT, "'%s' is damaged: segment %lld is missing", ix->path,
                     (long long)p->id);
    else if (rc == 1)
        rc = segment_row_take(&row, s, &ix->wr, err);
    stmt_free(s);
    return rc ? rc : segment_open(&p->s, &ix->wr, &row, (int)ix->recorded.dim, err);
}

/* ---- taking a document out ---- */

/* Buries a document of a segment whose text was title and text. */
static int bury(struct index *ix, struct pending_segment *p, uint32_t document, const char *title,
                const char *text, struct err *err)
{
    struct passage_text *texts = NULL;
    struct span *spans = NULL;
    size_t n = 0, n_title = strlen(title);
    int rc = p->grave.dead ? 0 : grave_open(&p->grave, p->s, err);

    rc = rc ? rc : chunk_text(&spans, &n, text, strlen(text), &ix->chunking, err);
    if (!rc && !(texts = mem_alloc(n, sizeof *texts)))
        rc = err_nomem(err);
    for (size_t i = 0; !rc && i < n; i++)
        texts[i] = (struct passage_text){title, text + spans[i].begin, n_title,
                                         spans[i].end - spans[i].begin};
    rc = rc ? rc : grave_bury(&p->grave, ix->analyzers[0], document, texts, n, err);
    mem_free(texts);
    mem_free(spans);
    return rc;
}

/* Takes a document's passages out of the buffer or its segment. */
static int take_out(struct index *ix, const char *docno, const char *title, const char *text,
                    struct err *err)
{
    struct pending *p = &ix->pending;
    int64_t *at = map_find(&p->by_docno, docno, strlen(docno));

    if (at && *at) {
        p->docs[*at - 1].docno = NULL;
        *at = 0;
        return 0;
    }
    for (size_t i = p->n_segments; i-- > 0;) {
        struct pending_segment *ps = &p->segments[i];
        int rc = pending_need(ix, ps, err);
        const uint64_t *dead;
        int64_t d;
        uint32_t first;

        if (rc)
            return rc;
        d = segment_find_document(ps->s, docno);
        if (d < 0)
            continue;
        first = ps->s->first[d];
        dead = pending_dead(ps);
        if (!dead || !(dead[first >> 6] >> (first & 63) & 1))
            return bury(ix, ps, (uint32_t)d, title, text, err);
    }
    return err_set(err, E_FORMAT, "'%s' is damaged: document '%.100s' is in no segment", ix->path,
                   docno);
}

/* ---- flushing ---- */

static int by_docno_falling(const void *a, const void *b)
{
    const struct build_document *x = a, *y = b;

    return strcmp(y->docno, x->docno);
}

/* Opens the encoder if there is a dense leg, and analyzers for as many workers as pay. */
static int get_ready(struct index *ix, struct build *b, struct err *err)
{
    int rc = index_need_analyzers(ix, invert_workers(ix->pending.bytes, ix->pool), err);

    if (!rc && ix->recorded.dim)
        rc = index_encoder(&b->model, ix, err);
    b->analyzers = ix->analyzers;
    return rc;
}

/* Makes the buffer a segment. */
static int flush(struct index *ix, struct err *err)
{
    struct pending *p = &ix->pending;
    struct build b = {.store = &ix->wr,
                      .chunking = &ix->chunking,
                      .pool = ix->pool,
                      .vectors = ix->recorded.vectors,
                      .dim = (int)ix->recorded.dim,
                      .progress = ix->progress,
                      .payload = ix->payload};
    uint64_t passages = 0;
    size_t n = 0;
    int rc;

    for (size_t i = 0; i < p->n_docs; i++)
        if (p->docs[i].docno)
            p->docs[n++] = p->docs[i];
    p->n_docs = n;
    if (!n) {
        clear_buffer(p);
        return 0;
    }
    qsort(p->docs, n, sizeof *p->docs, by_docno_falling);
    b.segment = p->next_segment;
    rc = get_ready(ix, &b, err);
    rc = rc ? rc : build_segment(&passages, &b, p->docs, n, err);
    rc = rc ? rc : pending_add_segment(ix, p->next_segment, passages, err);
    if (rc)
        return rc;
    p->next_segment++;
    p->n_added += passages;
    clear_buffer(p);
    return 0;
}

/* ---- adding and deleting ---- */

/* Puts a document into the buffer, and the buffer into a segment if it is full. */
static int buffer(struct index *ix, int64_t id, const struct doc *doc, struct err *err)
{
    struct pending *p = &ix->pending;
    size_t n_docno = strlen(doc->docno), n_title = strlen(doc->title), n_text = strlen(doc->text);
    char *docno = arena_dup(&p->strings, doc->docno, n_docno);
    char *title = arena_dup(&p->strings, doc->title, n_title);
    char *text = arena_dup(&p->strings, doc->text, n_text);
    int64_t *at = map_put(&p->by_docno, doc->docno, n_docno);

    if (!docno || !title || !text || !at ||
        mem_reserve((void **)&p->docs, &p->cap_docs, p->n_docs + 1, sizeof *p->docs))
        return err_nomem(err);
    p->docs[p->n_docs++] = (struct build_document){id, docno, title, text, n_title, n_text};
    *at = (int64_t)p->n_docs;
    p->bytes += 64 + n_docno + n_title + n_text;
    return p->bytes >= ix->buffer_bytes ? flush(ix, err) : 0;
}

static int64_t doc_bytes(const char *docno, const char *title, const char *text, const char *meta)
{
    return (int64_t)(strlen(docno) + strlen(title) + strlen(text) + (meta ? strlen(meta) : 0));
}

static int is_same(const char *a, const char *b)
{
    return a && b ? !strcmp(a, b) : a == b;
}

/* Finds a document in its table.  1: found, with its id and, in pending.old, what it was. */
static int find(struct doc *old, int64_t *id, struct index *ix, const char *docno, struct err *err)
{
    struct pending *p = &ix->pending;
    size_t at[3];
    int rc;

    stmt_bind_text(p->find, 1, docno);
    rc = stmt_step(p->find, err);
    if (rc <= 0)
        return rc;
    buf_reset(&p->old);
    for (int i = 0; i < 3; i++) {
        const char *v = stmt_text(p->find, i + 1);

        at[i] = v || i < 2 ? p->old.len : SIZE_MAX;
        buf_add(&p->old, v ? v : "", v ? strlen(v) + 1 : 1);
    }
    *id = stmt_int(p->find, 0);
    stmt_reset(p->find);
    if (buf_error(&p->old))
        return err_nomem(err);
    *old = (struct doc){docno, p->old.data + at[0], p->old.data + at[1],
                        at[2] == SIZE_MAX ? NULL : p->old.data + at[2]};
    return 1;
}

/* Binds the columns that come after the first. */
static int write_document(struct stmt *s, const struct doc *doc, struct err *err)
{
    stmt_bind_text(s, 2, doc->title);
    stmt_bind_text(s, 3, doc->text);
    stmt_bind_text(s, 4, doc->meta);
    return stmt_run(s, err);
}

static int add(struct index *ix, const struct doc *doc, struct err *err)
{
    struct pending *p = &ix->pending;
    int result = INDEX_ADDED, rc;
    struct doc old;
    int64_t id = 0;

    stmt_bind_text(p->insert, 1, doc->docno);
    rc = write_document(p->insert, doc, err);
    if (rc)
        return rc;
    if (db_changes(ix->wr.db)) {
        id = db_last_id(ix->wr.db);
        p->n_documents++;
    } else {
        rc = find(&old, &id, ix, doc->docno, err);
        if (rc == 0)
            rc = err_set(err, E_FORMAT, "'%s' is damaged: document '%.100s' is there and is not",
                         ix->path, doc->docno);
        if (rc < 0)
            return rc;
        if (is_same(old.title, doc->title) && is_same(old.text, doc->text) &&
            is_same(old.meta, doc->meta))
            return INDEX_UNCHANGED;
        result = INDEX_UPDATED;
        p->text_bytes -= doc_bytes(old.docno, old.title, old.text, old.meta);
        rc = take_out(ix, doc->docno, old.title, old.text, err);
        stmt_bind_int(p->update, 1, id);
        rc = rc ? rc : write_document(p->update, doc, err);
        if (rc)
            return rc;
    }
    p->text_bytes += doc_bytes(doc->docno, doc->title, doc->text, doc->meta);
    p->is_dirty = 1;
    rc = buffer(ix, id, doc, err);
    return rc ? rc : result;
}

int index_add(struct index *ix, const struct doc *doc, struct err *err)
{
    struct doc d = *doc;
    int rc;

    d.title = d.title ? d.title : "";
    d.text = d.text ? d.text : "";
    if (!d.docno || !*d.docno)
        return err_set(err, E_INVALID, "a document needs a docno");
    if (doc_bytes(d.docno, d.title, d.text, d.meta) > DOC_MAX)
        return err_set(err, E_LIMIT, "document '%.100s' is over %d MiB: cut it into smaller ones",
                       d.docno, DOC_MAX >> 20);
    rc = begin(ix, err);
    if (rc)
        return rc;
    rc = add(ix, &d, err);
    if (rc < 0)
        index_rollback(ix);
    return rc;
}

static int delete(struct index *ix, const char *docno, struct err *err)
{
    struct pending *p = &ix->pending;
    struct doc old;
    int64_t id = 0;
    int rc = find(&old, &id, ix, docno, err);

    if (rc <= 0)
        return rc;
    rc = take_out(ix, docno, old.title, old.text, err);
    stmt_bind_int(p->delete, 1, id);
    rc = rc ? rc : stmt_run(p->delete, err);
    if (rc)
        return rc;
    p->n_documents--;
    p->text_bytes -= doc_bytes(docno, old.title, old.text, old.meta);
    p->is_dirty = 1;
    return 1;
}

int index_delete(struct index *ix, const char *docno, struct err *err)
{
    int rc;

    if (!docno || !*docno)
        return err_set(err, E_INVALID, "a document needs a docno");
    rc = begin(ix, err);
    if (rc)
        return rc;
    rc = delete (ix, docno, err);
    if (rc < 0)
        index_rollback(ix);
    return rc;
}

/* ---- committing ---- */

static int write_pending(struct index *ix, int merge_all, struct err *err)
{
    struct pending *p = &ix->pending;
    int rc = flush(ix, err);

    rc = rc ? rc : merge_pending(ix, merge_all, err);
    if (!rc && !p->is_dirty) { /* nothing was changed: let the lock go */
        db_rollback(ix->wr.db);
        return 0;
    }
    for (size_t i = 0; !rc && i < p->n_segments; i++)
        if (p->segments[i].grave.dead)
            rc = grave_write(&p->segments[i].grave, &ix->wr, err);
    rc = rc ? rc : counter_set(ix, "commits", ix->n_commits + 1, err);
    rc = rc ? rc : counter_set(ix, "documents", p->n_documents, err);
    rc = rc ? rc : counter_set(ix, "text_bytes", p->text_bytes, err);
    rc = rc ? rc : counter_set(ix, "next_segment", p->next_segment, err);
    return rc ? rc : db_commit(ix->wr.db, err);
}

/* Bytes of the write-ahead log. */
static long long log_bytes(const struct index *ix)
{
    char identity[80];

    file_identity(identity, ix->log_path); /* begins with the size */
    return atoll(identity);
}

static int commit(struct index *ix, int merge_all, struct err *err)
{
    int rc;

    if (!ix->pending.is_open)
        return 0;
    rc = write_pending(ix, merge_all, err);
    if (rc) {
        index_rollback(ix);
        return rc;
    }
    clear(&ix->pending);
    /* The log can start anew only when no reader is in it, so our own one steps out for a moment. */
    db_end_read(ix->rd.db);
    if (log_bytes(ix) > LOG_MAX)
        db_exec(ix->wr.db, NULL, "PRAGMA wal_checkpoint(PASSIVE)"); /* if it fails, the next one does it */
    rc = index_refresh(ix, err);
    if (rc)
        err_wrap(err, "the commit is safe, but reading it back failed");
    return rc;
}

int index_commit(struct index *ix, struct err *err) { return commit(ix, 0, err); }

int index_merge(struct index *ix, struct err *err)
{
    int rc = begin(ix, err);

    return rc ? rc : commit(ix, 1, err);
}
