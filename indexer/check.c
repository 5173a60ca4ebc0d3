/* check.c -- the whole index: SQLite's file, every segment, and the tables against each other. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "indexer/check.h"

#include <string.h>

#include "base/mem.h"
#include "indexer/impacts.h"
#include "indexer/inside.h"

/* What is counted over all segments. */
struct tally {
    struct index *ix;
    struct map seen; /* ids of the documents that live in a segment */
    struct stmt *find;
    uint64_t text_bytes, n_rows;
    struct attention_tally attention;
    struct err *err;
};

static int damaged(const struct index *ix, struct err *err, const char *what, long long is,
                   long long want)
{
    return err_set(err, E_FORMAT, "'%s' is damaged: %s: %lld, not %lld", ix->path, what, is, want);
}

/* Do the passages of a document lie where its text is cut? */
static int check_spans(struct tally *t, struct segment *s, uint32_t d, const char *text)
{
    uint32_t first = s->first[d], count = s->first[d + 1] - first;
    struct chunks c = {0};
    struct span span;
    int rc = chunk_text(&c, text, strlen(text), &t->ix->chunking, t->err);

    if (!rc && c.n != count)
        rc = damaged(t->ix, t->err, "passages of a document", (long long)count, (long long)c.n);
    for (uint32_t i = 0; !rc && s->row.bytes[PART_SPANS] && i < count; i++) {
        rc = segment_read_span(&span, s, first + i, t->err);
        if (!rc && (span.begin != c.spans[i].begin || span.end != c.spans[i].end))
            rc = part_damaged(&s->parts[PART_SPANS], t->err, "passage %u is not where its text is",
                              first + i);
    }
    chunks_clear(&c);
    return rc;
}

/* Sentences may end elsewhere with another version of ICU.  What must hold then: passages begin one after the other, leave
 * out nothing but blanks, and end with the text. */
static int check_cover(struct tally *t, struct segment *s, uint32_t d, const char *text)
{
    const uint32_t first = s->first[d], end = s->first[d + 1];
    const size_t n = strlen(text);
    struct span span, before = {0, 0};
    int rc = 0;

    for (uint32_t i = first; s->row.bytes[PART_SPANS] && i < end; before = span, i++) {
        rc = segment_read_span(&span, s, i, t->err);
        if (rc)
            return rc;
        if (span.end > n || span.begin > span.end || (i > first && span.begin <= before.begin) ||
            (i + 1 == end && span.end != n) ||
            (span.begin > before.end &&
             before.end + strspn(text + before.end, " \t\n\v\f\r") < span.begin))
            rc = part_damaged(&s->parts[PART_SPANS], t->err, "passage %u is not where its text is",
                              i);
    }
    return rc;
}

/* A document that lives in segment s: it must be in the table, and nowhere else. */
static int check_document(struct tally *t, struct segment *s, uint32_t d)
{
    int64_t id = s->documents[d], *seen = map_put(&t->seen, &id, sizeof id);
    struct doc doc = {0};
    int rc;

    if (!seen)
        return err_nomem(t->err);
    if (*seen)
        return part_damaged(&s->parts[PART_DOCUMENTS], t->err, "'%.100s' is in two segments",
                            s->docno[d]);
    *seen = 1;
    stmt_bind_int(t->find, 1, id);
    rc = stmt_step(t->find, t->err);
    if (rc < 0)
        return rc;
    if (rc)
        doc = (struct doc){stmt_text(t->find, 0), stmt_text(t->find, 1), stmt_text(t->find, 2),
                           stmt_text(t->find, 3)};
    if (!doc.docno || !doc.title || !doc.text || strcmp(doc.docno, s->docno[d]) != 0) {
        rc = part_damaged(&s->parts[PART_DOCUMENTS], t->err,
                          "'%.100s' is not in the table of documents", s->docno[d]);
    } else {
        t->text_bytes += strlen(doc.docno) + strlen(doc.title) + strlen(doc.text);
        t->text_bytes += doc.meta ? strlen(doc.meta) : 0;
        rc = document_check(t->ix, &doc, stmt_int(t->find, 4), t->err);
        if (!rc)
            rc = chunking_is_by_sentences(&t->ix->chunking) ? check_cover(t, s, d, doc.text)
                                                            : check_spans(t, s, d, doc.text);
        if (!rc)
            rc = attention_check(&t->attention, t->ix, id, s->first[d + 1] - s->first[d],
                                 stmt_int(t->find, 4), t->err);
    }
    stmt_reset(t->find);
    return rc;
}

static int check_one(struct tally *t, struct segment *s)
{
    int rc = check_segment(s, t->err);

    if (!rc && t->ix->recorded.sparse_words) {
        rc = impacts_check(s, t->ix->recorded.sparse_words, t->err);
        t->n_rows += rc ? 0 : impacts_rows(s->impacts);
    }
    for (uint32_t d = 0; !rc && d < s->n_documents; d++)
        if (!segment_is_dead(s, s->first[d]))
            rc = check_document(t, s, d);
    for (int i = 0; i < N_PARTS; i++)
        t->n_rows += (s->row.bytes[i] + PART_ROW - 1) / PART_ROW;
    if (!t->ix->chunking.words != !s->row.bytes[PART_SPANS])
        rc = rc ? rc
                : part_damaged(&s->parts[PART_SPANS], t->err, "they do not go with the chunking");
    return rc;
}

static int check_counts(struct tally *t)
{
    struct index *ix = t->ix;
    int64_t n_documents = 0, n_rows = 0;
    int rc = db_get_int(&n_documents, ix->rd.db, t->err, "SELECT count(*) FROM \"%w_documents\"",
                        ix->name);

    rc = rc ? rc
            : db_get_int(&n_rows, ix->rd.db, t->err, "SELECT count(*) FROM \"%w_blobs\"", ix->name);
    if (rc)
        return rc;
    if (n_documents != (int64_t)t->seen.n)
        return damaged(ix, t->err, "documents in segments", (long long)t->seen.n, n_documents);
    if (n_documents != ix->n_documents)
        return damaged(ix, t->err, "setting 'documents'", ix->n_documents, n_documents);
    if (ix->text_bytes != (int64_t)t->text_bytes)
        return damaged(ix, t->err, "setting 'text_bytes'", ix->text_bytes,
                       (long long)t->text_bytes);
    if (n_rows != (int64_t)t->n_rows)
        return damaged(ix, t->err, "rows of blobs", n_rows, (long long)t->n_rows);
    return 0;
}

/* Are the ids that come next larger than those that are there? */
static int check_next_id(struct index *ix, const char *table, const char *counter, struct err *err)
{
    int64_t next = 0, last = 0;
    int rc = counter_get(&next, ix, &ix->rd, counter, err);

    rc = rc ? rc
            : db_get_int(&last, ix->rd.db, err, "SELECT max(id) FROM \"%w_%w\"", ix->name, table);
    if (!rc && next <= last)
        rc = err_set(err, E_FORMAT, "'%s' is damaged: setting '%s' is %lld, but %lld is taken",
                     ix->path, counter, (long long)next, (long long)last);
    return rc;
}

int index_check(struct index *ix, struct err *err)
{
    struct tally t = {.ix = ix, .err = err};
    int rc = db_check(ix->rd.db, err);

    rc = rc ? rc : index_refresh(ix, err);
    rc = rc ? rc
            : db_prepare(&t.find, ix->rd.db, err,
                         "SELECT docno, title, text, meta, crc FROM \"%w_documents\" WHERE id = ?1",
                         ix->name);
    for (int i = 0; !rc && i < ix->n_segments; i++) {
        rc = check_one(&t, ix->segments[i]);
        if (!rc && ix->progress &&
            ix->progress("segments checked", (uint64_t)i + 1, (uint64_t)ix->n_segments,
                         ix->payload))
            rc = err_set(err, E_STOP, "stopped");
    }
    rc = rc ? rc : check_counts(&t);
    rc = attention_check_end(&t.attention, ix, rc, err);
    rc = rc ? rc : check_next_id(ix, "segments", "next_segment", err);
    rc = rc ? rc : check_next_id(ix, "tombstones", "next_tombstone", err);
    stmt_free(t.find);
    map_clear(&t.seen);
    return rc;
}
