/* documents.c -- documents by id and docno, and where passages lie in them. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/digest.h"
#include "indexer/inside.h"

static int missing(const struct index *ix, int64_t document, struct err *err)
{
    return err_set(err, E_FORMAT, "'%s' is damaged: document %lld is missing", ix->path,
                   (long long)document);
}

uint32_t document_crc(const struct doc *doc)
{
    uint32_t crc = digest_crc32(0, doc->docno, strlen(doc->docno) + 1);

    crc = digest_crc32(crc, doc->title, strlen(doc->title) + 1);
    crc = digest_crc32(crc, doc->text, strlen(doc->text) + 1);
    return doc->meta ? digest_crc32(crc, doc->meta, strlen(doc->meta) + 1) : crc;
}

int document_check(const struct index *ix, const struct doc *doc, int64_t crc, struct err *err)
{
    if (crc == document_crc(doc))
        return 0;
    return err_set(err, E_FORMAT, "'%s' is damaged: document '%.100s' does not have its checksum",
                   ix->path, doc->docno);
}

int documents_select(struct stmt **out, struct index *ix, struct err *err)
{
    return db_prepare(out, ix->rd.db, err,
                      "SELECT docno, title, text, meta, crc FROM \"%w_documents\" WHERE id = ?1",
                      ix->name);
}

int documents_read(struct doc *out, struct buf *text, struct index *ix, struct stmt *s,
                   int64_t document, struct err *err)
{
    size_t at[4];
    int rc;

    buf_reset(text);
    stmt_bind_int(s, 1, document);
    rc = stmt_step(s, err);
    if (rc == 0)
        rc = missing(ix, document, err);
    if (rc < 0)
        goto done;
    for (int i = 0; i < 4; i++) {
        const char *v = stmt_text(s, i);

        at[i] = v ? text->len : SIZE_MAX;
        if (v)
            buf_add(text, v, strlen(v) + 1);
    }
    if (buf_error(text)) {
        rc = err_nomem(err);
        goto done;
    }
    out->docno = at[0] == SIZE_MAX ? "" : text->data + at[0];
    out->title = at[1] == SIZE_MAX ? "" : text->data + at[1];
    out->text = at[2] == SIZE_MAX ? "" : text->data + at[2];
    out->meta = at[3] == SIZE_MAX ? NULL : text->data + at[3];
    rc = document_check(ix, out, stmt_int(s, 4), err);
done:
    stmt_reset(s);
    return rc;
}

int index_document(struct doc *out, struct buf *text, struct index *ix, int64_t document,
                   struct err *err)
{
    struct stmt *s = NULL;
    int rc = documents_select(&s, ix, err);

    rc = rc ? rc : documents_read(out, text, ix, s, document, err);
    stmt_free(s);
    return rc;
}

int index_find(int64_t *document, struct index *ix, const char *docno, struct err *err)
{
    int64_t id = -1;
    int rc = db_get_int(&id, ix->rd.db, err, "SELECT id FROM \"%w_documents\" WHERE docno = '%q'",
                        ix->name, docno);

    if (rc)
        return rc;
    if (id < 0)
        return 0;
    *document = id;
    return 1;
}

/* Bytes of a document's text as index_document gives it.  SQLite's own length() counts what the file
 * holds: UTF-16 in some databases, and what comes after a NUL in damaged ones. */
static int text_bytes(size_t *out, struct index *ix, int64_t document, struct err *err)
{
    struct stmt *s = NULL;
    const char *text;
    int rc = db_prepare(&s, ix->rd.db, err, "SELECT text FROM \"%w_documents\" WHERE id = %lld",
                        ix->name, (long long)document);

    if (rc)
        return rc;
    rc = stmt_step(s, err);
    text = rc == 1 ? stmt_text(s, 0) : NULL;
    if (text) {
        *out = strlen(text);
        rc = 0;
    } else if (rc >= 0) {
        rc = missing(ix, document, err);
    }
    stmt_free(s);
    return rc;
}

int index_passage_span(struct span *out, struct index *ix, const struct segment *s,
                       uint32_t passage, struct err *err)
{
    struct span span = {0, 0};
    size_t n = 0;
    int rc = text_bytes(&n, ix, segment_document(s, passage), err);

    if (rc)
        return rc;
    span.end = n;
    if (s->row.bytes[PART_SPANS]) /* the handle is the reader's alone, hence the cast */
        rc = segment_read_span(&span, (struct segment *)s, passage, err);
    if (!rc && (span.begin > span.end || span.end > n))
        rc = err_set(err, E_FORMAT, "'%s' is damaged: a span ends at %zu of %zu bytes", ix->path,
                     span.end, n);
    if (!rc)
        *out = span;
    return rc;
}

int index_passage_headings(struct buf *out, const struct index *ix, const char *text,
                           struct span span, struct err *err)
{
    struct chunks c = {0};
    size_t i = 0;
    int rc;

    buf_reset(out);
    if (!ix->chunking.kind->has_headings)
        return 0;
    rc = chunk_text(&c, text, strlen(text), &ix->chunking, err);
    if (rc)
        return rc;
    while (i + 1 < c.n && c.spans[i + 1].begin <= span.begin)
        i++;
    buf_puts(out, chunk_headings(&c, i));
    chunks_clear(&c);
    return buf_error(out) ? err_nomem(err) : 0;
}
