/* segment_write.c -- puts the parts of a segment into the file; see FORMAT.md, "Segments".
 *
 * The builder and the merger write through here, so that the same documents give the same bytes
 * whichever way they came together.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/digest.h"
#include "indexer/postings.h"
#include "indexer/segment.h"

const char segment_columns[] =
    "id, passages, documents, length, terms, docnos_bytes, documents_bytes, lengths_bytes, "
    "spans_bytes, terms_bytes, term_index_bytes, postings_bytes, vectors_bytes, graph_bytes";

uint32_t segment_row_crc(const struct segment_row *row)
{
    uint64_t v[5 + N_PARTS] = {(uint64_t)row->id, row->passages, row->documents, row->length,
                               row->terms};
    unsigned char bytes[sizeof v];

    memcpy(v + 5, row->bytes, sizeof row->bytes);
    for (size_t i = 0; i < sizeof v; i++)
        bytes[i] = (unsigned char)(v[i / 8] >> (8 * (i % 8)));
    return digest_crc32(0, bytes, sizeof bytes);
}

void segment_begin(struct segment_writer *w, struct store *st, int64_t id, struct err *err)
{
    memset(w, 0, sizeof *w);
    w->store = st;
    w->row.id = id;
    w->err = err;
    w->bytes.max = SIZE_MAX / 4;
    part_begin(&w->docnos, st, id, PART_DOCNOS, err);
    part_begin(&w->documents, st, id, PART_DOCUMENTS, err);
    part_begin(&w->spans, st, id, PART_SPANS, err);
    part_begin(&w->postings, st, id, PART_POSTINGS, err);
    dictionary_begin(&w->dictionary, st, id, err);
}

/* Empties the scratch buffer into a part. */
static void put_bytes(struct segment_writer *w, struct part_writer *part)
{
    if (buf_error(&w->bytes) && !w->code)
        w->code = buf_error(&w->bytes) == E_LIMIT
                      ? err_set(w->err, E_LIMIT, "the postings of one term are too many")
                      : err_nomem(w->err);
    part_put(part, w->bytes.data, w->bytes.len);
    buf_reset(&w->bytes);
}

void segment_put_document(struct segment_writer *w, const char *docno, int64_t document,
                          uint32_t n_passages)
{
    uint64_t step = (uint64_t)(document - w->last_id);

    part_put(&w->docnos, docno, strlen(docno) + 1);
    /* zigzag: small numbers for small steps either way */
    buf_varint(&w->bytes, step << 1 ^ (0 - (step >> 63)));
    buf_varint(&w->bytes, n_passages);
    put_bytes(w, &w->documents);
    w->last_id = document;
    w->row.documents++;
    w->row.passages += n_passages;
}

void segment_put_span(struct segment_writer *w, const struct span *span)
{
    buf_u32(&w->bytes, (uint32_t)span->begin);
    buf_u32(&w->bytes, (uint32_t)(span->end - span->begin));
    put_bytes(w, &w->spans);
}

void segment_put_lengths(struct segment_writer *w, const uint32_t *lengths)
{
    struct part_writer part;
    uint32_t longest = 0, width;
    int rc;

    for (uint64_t i = 0; i < w->row.passages; i++) {
        w->row.length += lengths[i];
        longest = lengths[i] > longest ? lengths[i] : longest;
    }
    width = longest < 1u << 8 ? 1 : longest < 1u << 16 ? 2 : 4;
    part_begin(&part, w->store, w->row.id, PART_LENGTHS, w->err);
    part_put(&part, &(unsigned char){(unsigned char)width}, 1);
    for (uint64_t i = 0; i < w->row.passages; i++) {
        unsigned char v[4];

        for (uint32_t k = 0; k < width; k++)
            v[k] = (unsigned char)(lengths[i] >> (8 * k));
        part_put(&part, v, width);
    }
    w->row.bytes[PART_LENGTHS] = part.size;
    rc = part_finish(&part);
    if (!w->code)
        w->code = rc;
    w->lengths = lengths;
}

void segment_put_term(struct segment_writer *w, const char *term, size_t len,
                      const uint64_t *postings, size_t n)
{
    if (w->code)
        return;
    postings_write(&w->bytes, postings, n, w->lengths);
    dictionary_add(&w->dictionary, term, len, (uint32_t)n, w->bytes.len);
    put_bytes(w, &w->postings);
}

static int write_row(struct segment_writer *w)
{
    struct stmt *s = NULL;
    int at = 0, rc;

    rc = db_prepare(&s, w->store->db, w->err,
                    "INSERT INTO \"%w_segments\"(%s, crc) "
                    "VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15)",
                    w->store->name, segment_columns);
    if (rc)
        return rc;
    stmt_bind_int(s, ++at, w->row.id);
    stmt_bind_int(s, ++at, (int64_t)w->row.passages);
    stmt_bind_int(s, ++at, (int64_t)w->row.documents);
    stmt_bind_int(s, ++at, (int64_t)w->row.length);
    stmt_bind_int(s, ++at, (int64_t)w->row.terms);
    for (int i = 0; i < N_PARTS; i++)
        stmt_bind_int(s, ++at, (int64_t)w->row.bytes[i]);
    stmt_bind_int(s, ++at, segment_row_crc(&w->row));
    rc = stmt_run(s, w->err);
    stmt_free(s);
    return rc;
}

int segment_end(struct segment_writer *w, int failed)
{
    struct part_writer *parts[] = {&w->docnos, &w->documents, &w->spans, &w->postings};
    int rc = failed ? failed : w->code;
    int rc_dictionary;

    if (rc) { /* give up: write no more rows */
        w->dictionary.terms.code = w->dictionary.index.code = rc;
        for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
            parts[i]->code = rc;
    }
    w->row.terms = w->dictionary.n;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        int rc_part;

        w->row.bytes[parts[i]->part] = parts[i]->size;
        rc_part = part_finish(parts[i]);
        rc = rc ? rc : rc_part;
    }
    rc_dictionary = dictionary_finish(&w->dictionary);
    rc = rc ? rc : rc_dictionary;
    w->row.bytes[PART_TERMS] = w->dictionary.terms.size;
    w->row.bytes[PART_TERM_INDEX] = w->dictionary.index.size;
    buf_clear(&w->bytes);
    return rc ? rc : write_row(w);
}
