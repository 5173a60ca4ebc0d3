/* writer.c -- the pending commit: begin, flush, commit, rollback; changes.c fills it.
 *
 * The first change takes the write lock and begins one SQLite transaction, which the commit ends.  Documents go
 * into their table at once and wait in a buffer to be indexed; a full buffer becomes a segment inside the
 * transaction, so memory is bounded and nobody sees anything before the commit.  Deletions of what
 * is in a segment are collected in graves (tombstones.h) and written by the commit.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "indexer/inside.h"

enum { LOG_MAX = 4 << 20 }; /* bytes of the write-ahead log after which it is emptied */

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
    attention_end(&p->attention);
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
    int rc =
        db_prepare(&p->find, db, err,
                   "SELECT id, title, text, meta FROM \"%w_documents\" WHERE docno = ?1", ix->name);

    rc = rc ? rc
            : db_prepare(&p->insert, db, err,
                         "INSERT INTO \"%w_documents\"(docno, title, text, meta, crc) "
                         "VALUES(?1, ?2, ?3, ?4, ?5) ON CONFLICT(docno) DO NOTHING",
                         ix->name);
    rc = rc ? rc
            : db_prepare(&p->update, db, err,
                         "UPDATE \"%w_documents\" SET title = ?2, text = ?3, meta = ?4, "
                         "crc = ?5 WHERE id = ?1",
                         ix->name);
    rc = rc ? rc
            : db_prepare(&p->delete, db, err, "DELETE FROM \"%w_documents\" WHERE id = ?1",
                         ix->name);
    return rc ? rc : attention_begin(&p->attention, ix, err);
}

/* Lists the segments of the last commit, which the handle must show. */
static int list_segments(struct index *ix, struct err *err)
{
    struct pending *p = &ix->pending;
    int64_t n_commits = 0;
    int rc = counter_get(&n_commits, ix, &ix->wr, "commits", err);

    if (!rc && (ix->is_stale || n_commits != ix->n_commits)) /* another process committed */
        rc = index_show_newest(ix, err);
    rc = rc ? rc : counter_get(&p->next_segment, ix, &ix->wr, "next_segment", err);
    if (!rc && p->next_segment >> SEGMENT_ID_BITS)
        rc = err_set(err, E_FORMAT, "'%s' is damaged: setting 'next_segment' is %lld", ix->path,
                     (long long)p->next_segment);
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

int pending_begin(struct index *ix, struct err *err)
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

/* ---- flushing ---- */

static int by_docno_falling(const void *a, const void *b)
{
    const struct build_document *x = a, *y = b;

    return strcmp(y->docno, x->docno);
}

/* Opens the encoders of the legs that there are, and analyzers for as many workers as pay. */
static int get_ready(struct index *ix, struct build *b, struct err *err)
{
    int rc = index_need_analyzers(ix, invert_workers(ix->pending.bytes, ix->pool), err);

    if (!rc && ix->recorded.dim)
        rc = index_encoder(&b->model, ix, err);
    if (!rc && ix->recorded.sparse_words)
        rc = index_sparse_encoder(&b->sparse, ix, err);
    if (!rc && ix->attention.profile)
        rc = attention_need_maker(&b->keys, ix, err);
    b->analyzers = ix->analyzers;
    b->n_analyzers = ix->n_analyzers;
    return rc;
}

int pending_flush(struct index *ix, struct err *err)
{
    struct pending *p = &ix->pending;
    struct build b = {.store = &ix->wr,
                      .chunking = &ix->chunking,
                      .fields = &ix->fields,
                      .pool = ix->pool,
                      .vectors = ix->recorded.vectors,
                      .dim = (int)ix->recorded.dim,
                      .attention = &p->attention,
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

/* ---- committing ---- */

static int write_counters(struct index *ix, struct err *err)
{
    const struct pending *p = &ix->pending;
    int rc = counter_set(ix, "commits", ix->n_commits + 1, err);

    rc = rc ? rc : counter_set(ix, "documents", p->n_documents, err);
    rc = rc ? rc : counter_set(ix, "text_bytes", p->text_bytes, err);
    return rc ? rc : counter_set(ix, "next_segment", p->next_segment, err);
}

static int write_pending(struct index *ix, int merge, struct err *err)
{
    struct pending *p = &ix->pending;
    int rc = pending_flush(ix, err);

    if (!rc && merge != MERGE_NOTHING)
        rc = merge_pending(ix, merge == MERGE_ALL, err);
    if (!rc && !p->is_dirty && !p->attention.is_dirty) { /* nothing was changed: let the lock go */
        db_rollback(ix->wr.db);
        return 0;
    }
    for (size_t i = 0; !rc && i < p->n_segments; i++)
        if (p->segments[i].grave.dead)
            rc = grave_write(&p->segments[i].grave, &ix->wr, err);
    if (!rc && p->is_dirty) /* keys alone are no commit that readers need to know of */
        rc = write_counters(ix, err);
    rc = rc ? rc : attention_finish(&p->attention, ix, err);
    return rc ? rc : db_commit(ix->wr.db, err);
}

int pending_commit(struct index *ix, int merge, struct err *err)
{
    int rc;

    if (!ix->pending.is_open)
        return 0;
    rc = write_pending(ix, merge, err);
    if (rc) {
        index_rollback(ix);
        return rc;
    }
    clear(&ix->pending);
    /* The log can start anew only when no reader is in it, so our own one steps out for a moment. */
    db_end_read(ix->rd.db);
    if (db_log_bytes(ix->wr.db) > LOG_MAX)
        db_exec(ix->wr.db, NULL,
                "PRAGMA wal_checkpoint(PASSIVE)"); /* if it fails, the next one does it */
    rc = index_refresh(ix, err);
    if (rc)
        err_wrap(err, "the commit is safe, but reading it back failed");
    return rc;
}

int index_commit(struct index *ix, struct err *err) { return pending_commit(ix, MERGE_TIERS, err); }

int index_merge(struct index *ix, struct err *err)
{
    int rc = pending_begin(ix, err);

    return rc ? rc : pending_commit(ix, MERGE_ALL, err);
}
