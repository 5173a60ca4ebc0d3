/* tombstones.c -- deletions without touching a segment; see FORMAT.md, "Tombstones".
 *
 * A document frequency must count live passages only, or scores would depend on what was deleted.  So the one
 * who deletes analyses the text once more and notes, beside the passages, how many postings each term lost;
 * readers subtract.  Rows grow by one for each commit that deletes from a segment and are
 * joined into one from time to time.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include "indexer/tombstones.h"

#include <string.h>

#include "base/digest.h"
#include "base/mem.h"
#include "indexer/walk.h"

enum { ROWS_MAX = 16 }; /* of one segment, then they are joined */

/* ---- reading ---- */

static int damaged(const struct segment *s, struct err *err, const char *what)
{
    return err_set(err, E_FORMAT, "'%s' is damaged: tombstones of segment %lld: %s",
                   db_path(s->store->db), (long long)s->row.id, what);
}

/* Reads the passages of a row into the bit set; r is left at the terms. */
static int read_passages(struct segment *s, struct bytes *r, struct err *err)
{
    uint64_t n = bytes_varint(r);
    int64_t passage = -1;

    if (n > s->size)
        return damaged(s, err, "more passages than there are");
    for (uint64_t i = 0; i < n; i++) {
        uint64_t gap = bytes_varint(r);

        if (r->bad || gap >= s->size || passage + 1 + (int64_t)gap >= s->size)
            return damaged(s, err, "a passage that is not there");
        passage += 1 + (int64_t)gap;
        if (s->dead[passage >> 6] >> (passage & 63) & 1)
            continue; /* rows that were joined come again */
        s->dead[passage >> 6] |= (uint64_t)1 << (passage & 63);
        s->n_dead++;
        s->dead_length += s->lengths[passage];
    }
    return r->bad ? damaged(s, err, "they end early") : 0;
}

/* The bytes of a row whose columns are crc, data. */
static int take_data(struct bytes *r, const struct segment *s, struct stmt *row, int col,
                     struct err *err)
{
    size_t n;
    const unsigned char *p = stmt_blob(row, col + 1, &n);

    if (!p || digest_crc32(0, p, n) != (uint32_t)stmt_int(row, col))
        return damaged(s, err, "the checksum differs");
    *r = (struct bytes){p, p + n, 0};
    return 0;
}

static int apply(struct segment *s, struct stmt *row, struct err *err)
{
    struct bytes r;
    int rc = take_data(&r, s, row, 2, err);

    if (rc)
        return rc;
    if (!s->dead) {
        s->dead = mem_zalloc(segment_dead_words(s->size), sizeof *s->dead);
        if (!s->dead)
            return err_nomem(err);
    }
    rc = read_passages(s, &r, err);
    if (rc)
        return rc;
    s->last_tombstone = stmt_int(row, 0);
    mem_free(s->dead_postings); /* out of date */
    s->dead_postings = NULL;
    return 0;
}

int tombstones_refresh(struct segment *const *segments, int n, struct store *st, struct err *err)
{
    struct stmt *row = NULL;
    int rc;

    for (int i = 0; i < n; i++)
        segments[i]->n_tombstones = 0;
    rc = db_prepare(&row, st->db, err,
                    "SELECT id, segment, crc, data FROM \"%w_tombstones\" ORDER BY id", st->name);
    if (rc)
        return rc;
    while ((rc = stmt_step(row, err)) == 1) {
        struct segment *s = NULL;

        for (int i = 0; i < n; i++)
            if (segments[i]->row.id == stmt_int(row, 1))
                s = segments[i];
        if (!s) {
            rc = err_set(err, E_FORMAT,
                         "'%s' is damaged: tombstones of a segment %lld that is not there",
                         db_path(st->db), (long long)stmt_int(row, 1));
            break;
        }
        s->n_tombstones++;
        if (stmt_int(row, 0) > s->last_tombstone) {
            rc = apply(s, row, err);
            if (rc)
                break;
        }
    }
    stmt_free(row);
    return rc;
}

/* Adds the terms of a row to counts[row.terms]. */
static int add_terms(uint32_t *counts, const struct segment *s, struct bytes *r, struct err *err)
{
    uint64_t n = bytes_varint(r), number = UINT64_MAX;

    for (; n && !r->bad; n--) /* the passages, which are known */
        bytes_varint(r);
    n = bytes_varint(r);
    for (; n && !r->bad; n--) {
        uint64_t gap = bytes_varint(r), count = bytes_varint(r);

        if (gap >= s->row.terms || number + 1 + gap >= s->row.terms || count > s->size)
            return damaged(s, err, "a term that is not there");
        number += 1 + gap;
        counts[number] += (uint32_t)count;
    }
    return r->bad || r->p != r->end ? damaged(s, err, "they do not end where they should") : 0;
}

int tombstones_need_terms(struct segment *s, struct err *err)
{
    struct stmt *row = NULL;
    uint32_t *counts = NULL;
    int rc;

    if (s->dead_postings)
        return 0;
    counts = mem_zalloc(s->row.terms, sizeof *counts);
    if (!counts)
        return err_nomem(err);
    rc = db_prepare(&row, s->store->db, err,
                    "SELECT crc, data FROM \"%w_tombstones\" WHERE segment = %lld", s->store->name,
                    (long long)s->row.id);
    while (!rc && (rc = stmt_step(row, err)) == 1) {
        struct bytes r;

        rc = take_data(&r, s, row, 0, err);
        rc = rc ? rc : add_terms(counts, s, &r, err);
    }
    stmt_free(row);
    if (rc)
        mem_free(counts);
    else
        s->dead_postings = counts;
    return rc;
}

/* ---- deleting ---- */

int grave_open(struct grave *g, struct segment *s, struct err *err)
{
    size_t words = segment_dead_words(s->size);
    uint64_t *dead = mem_zalloc(words, sizeof *dead);
    uint32_t *counts = mem_zalloc(s->row.terms, sizeof *counts);
    uint32_t *once = mem_zalloc(s->row.terms, sizeof *once);

    if (!dead || !counts || !once) {
        mem_free(dead);
        mem_free(counts);
        mem_free(once);
        return err_nomem(err);
    }
    if (s->dead)
        memcpy(dead, s->dead, words * sizeof *dead);
    *g = (struct grave){.s = s, .dead = dead, .counts = counts, .once = once};
    return 0;
}

void grave_close(struct grave *g)
{
    mem_free(g->dead);
    mem_free(g->counts);
    mem_free(g->once);
    memset(g, 0, sizeof *g);
}

/* The terms of a document's passages: collected first, counted when nothing can fail any more. */
struct digging {
    struct grave *g;
    uint32_t passage;
    uint32_t length;   /* terms of the passage so far, as their fields weigh */
    uint32_t factor;   /* of the terms that come */
    int is_strange;    /* a term that was not indexed */
    uint32_t *numbers; /* [n] a number for each passage that has the term */
    size_t n, cap;
    struct err *err;
};

static int dug_up(struct digging *d, uint32_t number)
{
    if (mem_reserve((void **)&d->numbers, &d->cap, d->n + 1, sizeof *d->numbers))
        return err_nomem(d->err);
    d->numbers[d->n++] = number;
    return 0;
}

static int on_term(const struct term_token *t, void *payload)
{
    struct digging *d = payload;
    struct dictionary_entry e;
    int rc = dictionary_find(&e, &d->g->s->dictionary, t->term, t->len, d->err);

    if (rc < 0)
        return rc;
    d->is_strange |= !rc || d->length > PASSAGE_LENGTH_MAX;
    d->length += d->factor;
    if (!rc || d->g->once[e.number] == d->passage + 1)
        return 0;
    d->g->once[e.number] = d->passage + 1;
    return dug_up(d, e.number);
}

/* Analyses the texts.  1: the terms are those that were indexed; 0: they are not. */
static int dig(struct digging *d, struct analyzer *a, uint32_t first, uint32_t count,
               const struct passage_text *texts, size_t n, const struct fields *fields)
{
    struct buf text = {.max = (size_t)1 << 31};
    int rc = 0, same = n == count;

    for (size_t i = 0; !rc && same && i < n; i++) {
        struct stretch s = {0};

        buf_reset(&text);
        d->passage = first + (uint32_t)i;
        d->length = 0;
        while (!rc && passage_next(&s, &texts[i], fields, &text)) {
            d->factor = s.factor;
            rc = analyzer_run(a, s.text, s.n, on_term, d, d->err);
        }
        if (!rc && buf_error(&text))
            rc = err_nomem(d->err);
        same = !d->is_strange && d->length == d->g->s->lengths[d->passage];
    }
    buf_clear(&text);
    return rc ? rc : same;
}

/* Finds the terms of passages in the postings: slow, but it needs no text. */
static int dig_deep(struct digging *d, uint32_t first, uint32_t count)
{
    struct segment *s = d->g->s;
    struct segment_walk walk;
    int rc;

    d->n = 0;
    segment_walk_begin(&walk, s);
    while ((rc = segment_walk_next(&walk, d->err)) == 1) {
        struct postings p;

        postings_begin(&p, walk.postings);
        for (postings_seek(&p, first); p.passage < first + count; postings_next(&p)) {
            rc = dug_up(d, walk.terms.entry.number);
            if (rc)
                goto done;
        }
    }
done:
    segment_walk_end(&walk);
    return rc;
}

int grave_bury(struct grave *g, struct analyzer *a, uint32_t document,
               const struct passage_text *texts, size_t n, const struct fields *fields,
               struct err *err)
{
    struct segment *s = g->s;
    uint32_t first = s->first[document], count = s->first[document + 1] - first;
    struct digging d = {.g = g, .err = err};
    int rc = segment_need_dictionary(s, err);

    rc = rc ? rc : dig(&d, a, first, count, texts, n, fields);
    if (rc == 0) /* words are cut otherwise than they were: another version of Unicode, say */
        rc = dig_deep(&d, first, count);
    for (size_t i = 0; rc >= 0 && i < d.n; i++)
        g->counts[d.numbers[i]]++;
    for (uint32_t p = first; rc >= 0 && p < first + count; p++)
        g->dead[p >> 6] |= (uint64_t)1 << (p & 63);
    if (rc >= 0)
        g->n_new += count;
    mem_free(d.numbers);
    return rc < 0 ? rc : 0;
}

/* Appends the passages that are set in `dead` and not in `before` (or NULL). */
static void put_passages(struct buf *b, const struct segment *s, const uint64_t *dead,
                         const uint64_t *before)
{
    int64_t last = -1;
    uint64_t n = 0;

    for (size_t w = 0; w < segment_dead_words(s->size); w++)
        n += (uint64_t)__builtin_popcountll(dead[w] & ~(before ? before[w] : 0));
    buf_varint(b, n);
    for (size_t w = 0; w < segment_dead_words(s->size); w++)
        for (uint64_t bits = dead[w] & ~(before ? before[w] : 0); bits; bits &= bits - 1) {
            int64_t passage = (int64_t)(w * 64) + __builtin_ctzll(bits);

            buf_varint(b, (uint64_t)(passage - last - 1));
            last = passage;
        }
}

static void put_terms(struct buf *b, const uint32_t *counts, uint64_t n_terms)
{
    int64_t last = -1;
    uint64_t n = 0;

    for (uint64_t t = 0; t < n_terms; t++)
        n += counts[t] != 0;
    buf_varint(b, n);
    for (uint64_t t = 0; t < n_terms; t++)
        if (counts[t]) {
            buf_varint(b, (uint64_t)((int64_t)t - last - 1));
            buf_varint(b, counts[t]);
            last = (int64_t)t;
        }
}

static int write_row(struct store *st, const struct segment *s, struct buf *b, struct err *err)
{
    struct stmt *row = NULL;
    int rc;

    if (buf_error(b))
        return err_nomem(err);
    /* Ids only grow, also after all rows are gone: readers remember the last they saw. */
    rc = db_prepare(&row, st->db, err,
                    "INSERT INTO \"%w_tombstones\"(id, segment, crc, data) VALUES("
                    "(SELECT value FROM \"%w_settings\" WHERE key = 'next_tombstone'), ?1, ?2, ?3)",
                    st->name, st->name);
    if (rc)
        return rc;
    stmt_bind_int(row, 1, s->row.id);
    stmt_bind_int(row, 2, digest_crc32(0, b->data, b->len));
    stmt_bind_blob_borrowed(row, 3, b->data, b->len);
    rc = stmt_run(row, err);
    stmt_free(row);
    return rc ? rc
              : db_exec(st->db, err,
                        "UPDATE \"%w_settings\" SET value = value + 1 WHERE key = 'next_tombstone'",
                        st->name);
}

int grave_write(struct grave *g, struct store *st, struct err *err)
{
    struct segment *s = g->s;
    struct buf b = {0};
    int join = s->n_tombstones >= ROWS_MAX, rc = 0;

    if (!g->n_new)
        return 0;
    if (join)
        rc = tombstones_need_terms(s, err);
    for (uint64_t t = 0; join && !rc && t < s->row.terms; t++)
        g->counts[t] += s->dead_postings[t];
    if (join && !rc)
        rc = db_exec(st->db, err, "DELETE FROM \"%w_tombstones\" WHERE segment = %lld", st->name,
                     (long long)s->row.id);
    if (!rc) {
        put_passages(&b, s, g->dead, join ? NULL : s->dead);
        put_terms(&b, g->counts, s->row.terms);
        rc = write_row(st, s, &b, err);
    }
    buf_clear(&b);
    return rc;
}
