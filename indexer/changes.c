/* changes.c -- add, replace, delete: in the table of documents, the buffer, and the graves of segments. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/mem.h"
#include "indexer/inside.h"

enum { DOC_MAX = 512 << 20 }; /* bytes of a document: far below SQLite's limit */

/* ---- taking a document out ---- */

/* Buries a document of a segment, as it was. */
static int bury(struct index *ix, struct pending_segment *p, uint32_t document,
                const struct doc *old, struct err *err)
{
    const char *title = old->title, *text = old->text, *const *more = NULL;
    struct passage_text *texts = NULL;
    struct arena memory = {0};
    struct chunks c = {0};
    size_t n_title = strlen(title);
    int rc = p->grave.dead ? 0 : grave_open(&p->grave, p->s, err);

    rc = rc ? rc : fields_read(&more, NULL, &memory, &ix->fields, old->meta, err);
    rc = rc ? rc : chunk_text(&c, text, strlen(text), &ix->chunking, err);
    if (!rc && !(texts = mem_alloc(c.n, sizeof *texts)))
        rc = err_nomem(err);
    for (size_t i = 0; !rc && i < c.n; i++)
        texts[i] = (struct passage_text){.title = title,
                                         .n_title = n_title,
                                         .text = text + c.spans[i].begin,
                                         .n_text = c.spans[i].end - c.spans[i].begin,
                                         .headings = chunk_headings(&c, i),
                                         .n_headings = strlen(chunk_headings(&c, i)),
                                         .more = more};
    rc = rc ? rc : grave_bury(&p->grave, ix->analyzers[0], document, texts, c.n, &ix->fields, err);
    arena_clear(&memory);
    mem_free(texts);
    chunks_clear(&c);
    return rc;
}

/* Takes a document's passages out of the buffer or its segment. */
static int take_out(struct index *ix, const struct doc *old, struct err *err)
{
    const char *docno = old->docno;
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
            return bury(ix, ps, (uint32_t)d, old, err);
    }
    return err_set(err, E_FORMAT, "'%s' is damaged: document '%.100s' is in no segment", ix->path,
                   docno);
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
    const char *const *more = NULL;
    size_t n_more = 0;

    if (fields_read(&more, &n_more, &p->strings, &ix->fields, doc->meta, err) || !docno || !title ||
        !text || !at ||
        mem_reserve((void **)&p->docs, &p->cap_docs, p->n_docs + 1, sizeof *p->docs))
        return err_nomem(err);
    p->docs[p->n_docs++] =
        (struct build_document){id, docno, title, text, n_title, n_text, more, document_crc(doc)};
    *at = (int64_t)p->n_docs;
    p->bytes += 64 + n_docno + n_title + n_text + n_more;
    return p->bytes >= ix->buffer_bytes ? pending_flush(ix, err) : 0;
}

static int64_t doc_bytes(const char *docno, const char *title, const char *text, const char *meta)
{
    return (int64_t)(strlen(docno) + strlen(title) + strlen(text) + (meta ? strlen(meta) : 0));
}

static int is_same(const char *a, const char *b) { return a && b ? !strcmp(a, b) : a == b; }

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
    stmt_bind_int(s, 5, document_crc(doc));
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
        rc = take_out(ix, &old, err);
        rc = rc ? rc : attention_forget(&p->attention, id, err);
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
    rc = pending_begin(ix, err);
    if (rc)
        return rc;
    rc = add(ix, &d, err);
    if (rc < 0)
        index_rollback(ix);
    return rc;
}

static int delete (struct index *ix, const char *docno, struct err *err)
{
    struct pending *p = &ix->pending;
    struct doc old;
    int64_t id = 0;
    int rc = find(&old, &id, ix, docno, err);

    if (rc <= 0)
        return rc;
    rc = take_out(ix, &old, err);
    rc = rc ? rc : attention_forget(&p->attention, id, err);
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
    rc = pending_begin(ix, err);
    if (rc)
        return rc;
    rc = delete (ix, docno, err);
    if (rc < 0)
        index_rollback(ix);
    return rc;
}
