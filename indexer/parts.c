/* parts.c -- rows of 64 KiB, each with its CRC-32; see FORMAT.md, "Blobs".
 *
 * A row is the unit of reading: small enough that a query reads little beside what it wants (SQLite walks
 * a chain of pages to reach the middle of a blob), large enough that its checksum is checked each time
 * it is read: no damaged byte is ever searched.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include "indexer/parts.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/digest.h"
#include "base/mem.h"

static const char *const part_names[N_ALL_PARTS] = {
    [PART_DOCNOS] = "docnos",
    [PART_DOCUMENTS] = "documents",
    [PART_LENGTHS] = "lengths",
    [PART_SPANS] = "spans",
    [PART_TERMS] = "terms",
    [PART_TERM_INDEX] = "term_index",
    [PART_POSTINGS] = "postings",
    [PART_VECTORS] = "vectors",
    [PART_GRAPH] = "graph",
    [PART_IMPACT_HEAD] = "impact_head",
    [PART_IMPACT_INDEX] = "impact_index",
    [PART_IMPACTS] = "impacts",
};

const char *part_name(int part) { return part >= 0 && part < N_ALL_PARTS ? part_names[part] : "?"; }

void store_close(struct store *st)
{
    stmt_free(st->get_row);
    stmt_free(st->put_row);
    db_close(st->db);
    memset(st, 0, sizeof *st);
}

int part_damaged(const struct part_reader *r, struct err *err, const char *fmt, ...)
{
    char what[240];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(what, sizeof what, fmt, ap);
    va_end(ap);
    return err_set(err, E_FORMAT, "'%s' is damaged: segment %lld, %s: %s", db_path(r->store->db),
                   (long long)r->segment, part_name(r->part), what);
}

/* The length that row number `row` must have. */
static size_t row_bytes(const struct part_reader *r, uint64_t row)
{
    uint64_t left = r->size - row * PART_ROW;

    return left < PART_ROW ? (size_t)left : PART_ROW;
}

/* Reads the current row of the statement into the reader. */
static int take_row(struct part_reader *r, uint64_t row, struct err *err)
{
    struct stmt *s = r->store->get_row;
    size_t n;
    const void *p = stmt_blob(s, 1, &n);

    if (n != row_bytes(r, row))
        return part_damaged(r, err, "row %llu has %zu bytes, not %zu", (unsigned long long)row, n,
                            row_bytes(r, row));
    if (!p || digest_crc32(0, p, n) != (uint32_t)stmt_int(s, 0))
        return part_damaged(r, err, "row %llu: the checksum differs", (unsigned long long)row);
    if (!r->data)
        r->data = mem_alloc(r->size < PART_ROW ? (size_t)r->size : PART_ROW, 1);
    if (!r->data)
        return err_nomem(err);
    memcpy(r->data, p, n);
    r->n_data = n;
    r->row = row;
    return 0;
}

static int fetch_row(struct part_reader *r, uint64_t row, struct err *err)
{
    struct store *st = r->store;
    int rc = 0;

    if (r->n_data && r->row == row)
        return 0;
    r->n_data = 0;
    if (!st->get_row)
        rc = db_prepare(&st->get_row, st->db, err,
                        "SELECT crc, data FROM \"%w_blobs\" WHERE id = ?1", st->name);
    if (rc)
        return rc;
    stmt_bind_int(st->get_row, 1, part_row_id(r->segment, r->part, row));
    rc = stmt_step(st->get_row, err);
    if (rc == 1)
        rc = take_row(r, row, err);
    else if (rc == 0)
        rc = part_damaged(r, err, "row %llu is missing", (unsigned long long)row);
    stmt_reset(st->get_row);
    return rc;
}

int part_read(void *out, struct part_reader *r, uint64_t offset, size_t n, struct err *err)
{
    unsigned char *to = out;

    if (offset > r->size || n > r->size - offset)
        return part_damaged(r, err, "%zu bytes at %llu of %llu were asked for", n,
                            (unsigned long long)offset, (unsigned long long)r->size);
    while (n) {
        size_t at = (size_t)(offset % PART_ROW), k;
        int rc = fetch_row(r, offset / PART_ROW, err);

        if (rc)
            return rc;
        k = r->n_data - at < n ? r->n_data - at : n;
        memcpy(to, r->data + at, k);
        to += k;
        offset += k;
        n -= k;
    }
    return 0;
}

int part_load(unsigned char **out, struct part_reader *r, size_t pad, struct err *err)
{
    unsigned char *p;
    int rc;

    if (r->size > r->store->max_bytes)
        return part_damaged(r, err, "it cannot have %llu bytes", (unsigned long long)r->size);
    p = mem_alloc((size_t)r->size + pad, 1);
    if (!p)
        return err_nomem(err);
    rc = part_read(p, r, 0, (size_t)r->size, err);
    if (rc) {
        mem_free(p);
        return rc;
    }
    memset(p + r->size, 0, pad);
    part_close(r);
    *out = p;
    return 0;
}

void part_close(struct part_reader *r)
{
    mem_free(r->data);
    r->data = NULL;
    r->n_data = 0;
}

void part_begin(struct part_writer *w, struct store *st, int64_t segment, int part, struct err *err)
{
    memset(w, 0, sizeof *w);
    w->store = st;
    w->segment = segment;
    w->part = part;
    w->err = err;
}

static int write_row(struct part_writer *w)
{
    struct store *st = w->store;
    int rc = 0;

    if (w->n_rows >> PART_ROW_BITS)
        return err_set(w->err, E_LIMIT, "'%s': %s of a segment would be over 1 TiB",
                       db_path(st->db), part_name(w->part));
    if (!st->put_row)
        rc = db_prepare(&st->put_row, st->db, w->err,
                        "INSERT INTO \"%w_blobs\"(id, crc, data) VALUES(?1, ?2, ?3)", st->name);
    if (rc)
        return rc;
    stmt_bind_int(st->put_row, 1, part_row_id(w->segment, w->part, w->n_rows++));
    stmt_bind_int(st->put_row, 2, digest_crc32(0, w->row.data, w->row.len));
    stmt_bind_blob_borrowed(st->put_row, 3, w->row.data, w->row.len);
    rc = stmt_run(st->put_row, w->err);
    buf_reset(&w->row);
    return rc;
}

void part_put(struct part_writer *w, const void *p, size_t n)
{
    const unsigned char *from = p;

    w->size += n;
    while (n && !w->code) {
        size_t room = PART_ROW - w->row.len, k = n < room ? n : room;

        buf_add(&w->row, from, k);
        from += k;
        n -= k;
        if (buf_error(&w->row))
            w->code = err_nomem(w->err);
        else if (w->row.len == PART_ROW)
            w->code = write_row(w);
    }
}

int part_finish(struct part_writer *w)
{
    int rc = w->code;

    if (!rc && w->row.len)
        rc = write_row(w);
    buf_clear(&w->row);
    w->code = 0;
    return rc;
}
