/* segment.c -- a segment in memory: its documents and lengths at once, the rest on demand. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "indexer/segment.h"

#include <string.h>

#include "base/mem.h"
#include "indexer/impacts.h"
#include "indexer/postings.h"
#include "indexer/tombstones.h"
#include "indexer/vectors.h"

/* ---- opening ---- */

static int read_docnos(struct segment *s, struct err *err)
{
    struct part_reader *r = &s->parts[PART_DOCNOS];
    const char *p, *end;
    int rc = part_load((unsigned char **)&s->docnos, r, 0, err);

    if (rc)
        return rc;
    s->docno = mem_alloc((size_t)s->n_documents + 1, sizeof *s->docno);
    if (!s->docno)
        return err_nomem(err);
    p = s->docnos;
    end = p + r->size;
    for (uint32_t i = 0; i < s->n_documents; i++) {
        const char *nul = p < end ? memchr(p, 0, (size_t)(end - p)) : NULL;

        if (!nul)
            return part_damaged(r, err, "%u names were expected, %u are there", s->n_documents, i);
        s->docno[i] = p;
        p = nul + 1;
    }
    s->docno[s->n_documents] = p;
    return p == end ? 0 : part_damaged(r, err, "there are more than %u names", s->n_documents);
}

/* Numbers the passages: first[], and document_of[] where it is not the identity. */
static int read_documents(struct segment *s, struct err *err)
{
    struct part_reader *part = &s->parts[PART_DOCUMENTS];
    unsigned char *p = NULL;
    struct bytes r;
    uint64_t at = 0, v, n;
    int64_t id = 0;
    int rc = part_load(&p, part, 0, err);

    if (rc)
        return rc;
    s->documents = mem_alloc(s->n_documents, sizeof *s->documents);
    s->first = mem_alloc((size_t)s->n_documents + 1, sizeof *s->first);
    if (s->size != s->n_documents)
        s->document_of = mem_alloc(s->size, sizeof *s->document_of);
    if (!s->documents || !s->first || (s->size != s->n_documents && !s->document_of)) {
        rc = err_nomem(err);
        goto done;
    }
    r = (struct bytes){p, p + part->size, 0};
    for (uint32_t i = 0; i < s->n_documents; i++) {
        v = bytes_varint(&r);
        n = bytes_varint(&r);
        id = (int64_t)((uint64_t)id + ((v >> 1) ^ (0 - (v & 1))));
        if (r.bad || !n || n > s->size - at) {
            rc = part_damaged(part, err, "document %u does not fit", i);
            goto done;
        }
        s->documents[i] = id;
        s->first[i] = (uint32_t)at;
        for (uint64_t k = 0; s->document_of && k < n; k++)
            s->document_of[at + k] = i;
        at += n;
    }
    s->first[s->n_documents] = (uint32_t)at;
    if (at != s->size || r.p != r.end)
        rc = part_damaged(part, err, "it is of %llu passages, not %u", (unsigned long long)at,
                          s->size);
done:
    mem_free(p);
    return rc;
}

static int read_lengths(struct segment *s, struct err *err)
{
    struct part_reader *r = &s->parts[PART_LENGTHS];
    unsigned char *p = NULL;
    unsigned width;
    int rc = part_load(&p, r, 0, err);

    if (rc)
        return rc;
    width = r->size ? p[0] : 0;
    if ((width != 1 && width != 2 && width != 4) || r->size != 1 + (uint64_t)width * s->size) {
        rc = part_damaged(r, err, "%u lengths of %u bytes were expected", s->size, width);
        goto done;
    }
    s->lengths = mem_alloc(s->size, sizeof *s->lengths);
    if (!s->lengths) {
        rc = err_nomem(err);
        goto done;
    }
    for (uint32_t i = 0; i < s->size; i++) {
        const unsigned char *v = p + 1 + (size_t)width * i;

        s->lengths[i] = v[0];
        if (width > 1)
            s->lengths[i] |= (uint32_t)v[1] << 8;
        if (width > 2)
            s->lengths[i] |= (uint32_t)v[2] << 16 | (uint32_t)v[3] << 24;
    }
done:
    mem_free(p);
    return rc;
}

/* Are the numbers of the row possible?  Bounds everything that is allocated later. */
static int check_row(const struct segment_row *row, const struct store *st, struct err *err)
{
    int ok = row->passages && row->passages < UINT32_MAX && row->documents &&
             row->documents <= row->passages && row->terms < UINT32_MAX &&
             row->passages <= row->bytes[PART_LENGTHS] &&
             row->documents <= row->bytes[PART_DOCNOS] && row->terms <= row->bytes[PART_TERMS] &&
             (!row->bytes[PART_SPANS] || row->bytes[PART_SPANS] == 8 * row->passages);

    for (int i = 0; i < N_PARTS; i++)
        ok = ok && row->bytes[i] <= st->max_bytes;
    if (!ok)
        return err_set(err, E_FORMAT, "'%s' is damaged: the row of segment %lld cannot be true",
                       db_path(st->db), (long long)row->id);
    return 0;
}

int segment_open(struct segment **out, struct store *st, const struct segment_row *row, int dim,
                 struct err *err)
{
    struct segment *s;
    int rc = check_row(row, st, err);

    if (rc)
        return rc;
    s = mem_zalloc(1, sizeof *s);
    if (!s)
        return err_nomem(err);
    s->store = st;
    s->row = *row;
    s->dim = dim;
    s->size = (uint32_t)row->passages;
    s->n_documents = (uint32_t)row->documents;
    for (int i = 0; i < N_PARTS; i++)
        s->parts[i] =
            (struct part_reader){.store = st, .segment = row->id, .part = i, .size = row->bytes[i]};
    rc = read_docnos(s, err);
    rc = rc ? rc : read_documents(s, err);
    rc = rc ? rc : read_lengths(s, err);
    if (rc)
        segment_close(s);
    else
        *out = s;
    return rc;
}

void segment_close(struct segment *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < s->terms.n; i++)
        term_postings_free((struct term_postings *)(intptr_t)s->terms.entries[i].value);
    map_clear(&s->terms);
    if (s->has_dictionary)
        dictionary_close(&s->dictionary);
    vectors_close(s->vectors);
    impacts_close(s->impacts);
    for (int i = 0; i < N_PARTS; i++)
        part_close(&s->parts[i]);
    mem_free(s->docnos);
    mem_free(s->docno);
    mem_free(s->documents);
    mem_free(s->first);
    mem_free(s->document_of);
    mem_free(s->lengths);
    mem_free(s->dead);
    mem_free(s->dead_postings);
    mem_free(s);
}

/* ---- what index.h shows ---- */

uint32_t segment_size(const struct segment *s) { return s->size; }
const uint32_t *segment_lengths(const struct segment *s) { return s->lengths; }
const uint64_t *segment_dead(const struct segment *s) { return s->dead; }

const char *segment_docno(const struct segment *s, uint32_t passage)
{
    return s->docno[segment_document_number(s, passage)];
}

size_t segment_docno_length(const struct segment *s, uint32_t passage)
{
    const char **docno = s->docno + segment_document_number(s, passage);

    return (size_t)(docno[1] - docno[0]) - 1;
}

int64_t segment_document(const struct segment *s, uint32_t passage)
{
    return s->documents[segment_document_number(s, passage)];
}

int64_t segment_find_document(const struct segment *s, const char *docno)
{
    uint32_t lo = 0, hi = s->n_documents;

    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;
        int c = strcmp(s->docno[mid], docno);

        if (c == 0)
            return mid;
        if (c > 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return -1;
}

int segment_read_span(struct span *out, struct segment *s, uint32_t passage, struct err *err)
{
    unsigned char v[8];
    struct bytes r = {v, v + sizeof v, 0};
    int rc = part_read(v, &s->parts[PART_SPANS], 8 * (uint64_t)passage, sizeof v, err);

    if (rc)
        return rc;
    out->begin = bytes_u32(&r);
    out->end = out->begin + bytes_u32(&r);
    return 0;
}

int segment_need_dictionary(struct segment *s, struct err *err)
{
    int rc;

    if (s->has_dictionary)
        return 0;
    rc = dictionary_open(&s->dictionary, &s->parts[PART_TERMS], &s->parts[PART_TERM_INDEX],
                         (uint32_t)s->row.terms, s->row.bytes[PART_POSTINGS], err);
    s->has_dictionary = !rc;
    return rc;
}

int segment_find_term(struct term *out, struct segment *s, const char *term, size_t len,
                      struct err *err)
{
    struct dictionary_entry e;
    uint32_t dead = 0;
    int rc;

    if (len == 0 || len > TERM_MAX)
        return 0;
    rc = segment_need_dictionary(s, err);
    rc = rc ? rc : dictionary_find(&e, &s->dictionary, term, len, err);
    if (rc <= 0)
        return rc;
    if (s->n_dead) {
        rc = tombstones_need_terms(s, err);
        if (rc)
            return rc;
        dead = s->dead_postings[e.number];
        if (dead > e.n)
            return part_damaged(&s->parts[PART_TERMS], err,
                                "a term has more deletions than postings");
        if (dead == e.n) /* a fresh index would not know it */
            return 0;
    }
    *out = (struct term){.df = e.n - dead, .n = e.n, .offset = e.offset, .bytes = e.bytes};
    return 1;
}

/* The term's postings, read on first use. */
static int need_postings(struct term_postings **out, struct segment *s, const struct term *t,
                         struct err *err)
{
    struct part_reader *r = &s->parts[PART_POSTINGS];
    struct term_postings *loaded = NULL;
    int64_t *slot = map_find(&s->terms, &t->offset, sizeof t->offset);
    unsigned char *data;
    struct err why = {0};
    int rc;

    if (slot) {
        *out = (struct term_postings *)(intptr_t)*slot;
        return 0;
    }
    if (t->bytes > r->size)
        return part_damaged(r, err, "a term of %llu bytes", (unsigned long long)t->bytes);
    data = mem_zalloc((size_t)t->bytes + POSTINGS_PAD, 1);
    if (!data)
        return err_nomem(err);
    rc = part_read(data, r, t->offset, (size_t)t->bytes, err);
    if (rc) {
        mem_free(data);
        return rc;
    }
    rc = term_postings_new(&loaded, data, (size_t)t->bytes, t->n, s->size, s->lengths, &why);
    if (rc)
        return rc == E_FORMAT
                   ? part_damaged(r, err, "at %llu: %s", (unsigned long long)t->offset, why.text)
                   : err_nomem(err);
    slot = map_put(&s->terms, &t->offset, sizeof t->offset);
    if (!slot) {
        term_postings_free(loaded);
        return err_nomem(err);
    }
    *slot = (int64_t)(intptr_t)loaded;
    *out = loaded;
    return 0;
}

int postings_open(struct postings *p, struct segment *s, const struct term *t, struct err *err)
{
    struct term_postings *postings = NULL;
    int rc = need_postings(&postings, s, t, err);

    if (!rc)
        postings_begin(p, postings);
    return rc;
}

/* Computes the shares of all postings for t->base and t->slope. */
static void fill_shares(struct term_postings *t, const uint32_t *lengths)
{
    struct postings p;
    float *at = t->shares;

    for (postings_begin(&p, t); p.passage != POSTINGS_END; postings_next(&p))
        *at++ = posting_share((float)(int32_t)postings_freq(&p), (float)(int32_t)lengths[p.passage],
                              t->base, t->slope);
}

/* Decides whether the term's shares for base and slope are kept, now that it is opened with them. */
static int keep_shares(struct term_postings *t, struct segment *s, float base, float slope,
                       struct err *err)
{
    uint64_t bytes = (uint64_t)t->n * sizeof *t->shares;

    if (t->base == base && t->slope == slope) {
        if (t->shares || s->shares_bytes + bytes > SHARES_MAX_BYTES)
            return 0;
        t->shares = mem_alloc(t->n, sizeof *t->shares);
        if (!t->shares)
            return err_nomem(err);
        s->shares_bytes += bytes;
        fill_shares(t, s->lengths);
        return 0;
    }
    if (t->shares)
        s->shares_bytes -= bytes;
    mem_free(t->shares);
    t->shares = NULL;
    t->base = base;
    t->slope = slope;
    return 0;
}

int postings_open_shares(struct postings *p, struct segment *s, const struct term *t, float base,
                         float slope, struct err *err)
{
    struct term_postings *postings = NULL;
    int rc = need_postings(&postings, s, t, err);

    rc = rc ? rc : keep_shares(postings, s, base, slope, err);
    if (rc)
        return rc;
    postings_begin(p, postings);
    p->shares = postings->shares;
    return 0;
}
