/* merge.c -- several segments into one, without their dead passages.
 *
 * Segments are in order of docno, terms in order of bytes, postings in order of passage: so everything is a real
 * merge, streamed part by part, and the result has the bytes that a fresh segment of the living documents would
 * have.  (Ids of documents, which depend on when each was added first, are the exception.)
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include "indexer/merge.h"

#include <string.h>

#include "base/mem.h"
#include "indexer/impacts.h"
#include "indexer/vectors.h"
#include "indexer/walk.h"

enum { PROGRESS_EVERY = 4096 }; /* passages or terms */

/* One of the segments that are merged. */
struct source {
    struct segment *s;
    const uint64_t *dead;
    uint32_t *place;          /* [size] number in the merged segment; UINT32_MAX for the dead */
    uint32_t at;              /* the document in hand */
    struct segment_walk walk; /* over its terms */
};

/* A document of the merged segment. */
struct placed {
    uint32_t source, document;
};

struct merging {
    const struct merge *m;
    struct source *sources; /* [n] */
    size_t n;
    struct placed *docs; /* [n_docs], in order */
    size_t n_docs, cap_docs;
    uint32_t n_passages;
    uint32_t *lengths; /* [n_passages] */
    /* sources whose heads are compared, as a heap with the least first */
    uint32_t *heap;
    size_t n_heap;
    int (*compare)(const struct source *a, const struct source *b);
    /* scratch */
    uint64_t *postings, *other;
    size_t cap_postings, cap_other;
    struct err *err;
};

static int is_dead(const struct source *s, uint32_t passage)
{
    return s->dead && (s->dead[passage >> 6] >> (passage & 63) & 1);
}

/* ---- the heap ---- */

static int before(const struct merging *g, size_t a, size_t b)
{
    uint32_t x = g->heap[a], y = g->heap[b];
    int c = g->compare(&g->sources[x], &g->sources[y]);

    return c ? c < 0 : x < y;
}

static void swap(struct merging *g, size_t a, size_t b)
{
    uint32_t t = g->heap[a];

    g->heap[a] = g->heap[b];
    g->heap[b] = t;
}

static void sink(struct merging *g)
{
    for (size_t i = 0, child; (child = 2 * i + 1) < g->n_heap; i = child) {
        if (child + 1 < g->n_heap && before(g, child + 1, child))
            child++;
        if (!before(g, child, i))
            break;
        swap(g, child, i);
    }
}

static void push(struct merging *g, uint32_t source)
{
    size_t i = g->n_heap++;

    g->heap[i] = source;
    for (; i && before(g, i, (i - 1) / 2); i = (i - 1) / 2)
        swap(g, i, (i - 1) / 2);
}

static void pop(struct merging *g)
{
    g->heap[0] = g->heap[--g->n_heap];
    sink(g);
}

/* ---- documents ---- */

static int by_docno_falling(const struct source *a, const struct source *b)
{
    return strcmp(b->s->docno[b->at], a->s->docno[a->at]);
}

/* Moves on to a document that lives.  0 at the end. */
static int skip_dead(struct source *s)
{
    while (s->at < s->s->n_documents && is_dead(s, s->s->first[s->at]))
        s->at++;
    return s->at < s->s->n_documents;
}

/* Decides the order of documents and the number of every passage. */
static int place_documents(struct merging *g)
{
    const char *last = NULL;

    g->compare = by_docno_falling;
    g->n_heap = 0;
    for (size_t i = 0; i < g->n; i++) {
        struct source *s = &g->sources[i];

        s->place = mem_alloc(s->s->size, sizeof *s->place);
        if (!s->place)
            return err_nomem(g->err);
        memset(s->place, 0xff, s->s->size * sizeof *s->place);
        if (skip_dead(s))
            push(g, (uint32_t)i);
    }
    while (g->n_heap) {
        uint32_t from = g->heap[0];
        struct source *s = &g->sources[from];
        const char *docno = s->s->docno[s->at];

        if (last && strcmp(last, docno) <= 0)
            return err_set(g->err, E_FORMAT, "'%s' is damaged: document '%.100s' is out of order",
                           db_path(s->s->store->db), docno);
        last = docno;
        if (mem_reserve((void **)&g->docs, &g->cap_docs, g->n_docs + 1, sizeof *g->docs))
            return err_nomem(g->err);
        g->docs[g->n_docs++] = (struct placed){from, s->at};
        for (uint32_t p = s->s->first[s->at]; p < s->s->first[s->at + 1]; p++)
            s->place[p] = g->n_passages++;
        s->at++;
        if (skip_dead(s))
            sink(g);
        else
            pop(g);
    }
    return 0;
}

static int put_documents(struct merging *g, struct segment_writer *w)
{
    uint32_t at = 0;

    g->lengths = mem_alloc(g->n_passages, sizeof *g->lengths);
    if (!g->lengths)
        return err_nomem(g->err);
    for (size_t i = 0; i < g->n_docs; i++) {
        struct segment *s = g->sources[g->docs[i].source].s;
        uint32_t d = g->docs[i].document;

        segment_put_document(w, s->docno[d], s->documents[d], s->first[d + 1] - s->first[d]);
        for (uint32_t p = s->first[d]; p < s->first[d + 1]; p++) {
            struct span span;
            int rc;

            g->lengths[at++] = s->lengths[p];
            if (!s->row.bytes[PART_SPANS])
                continue;
            rc = segment_read_span(&span, s, p, g->err);
            if (rc)
                return rc;
            segment_put_span(w, &span);
        }
    }
    segment_put_lengths(w, g->lengths);
    return 0;
}

/* ---- terms ---- */

static int by_term(const struct source *a, const struct source *b)
{
    return dictionary_compare(a->walk.terms.term, a->walk.terms.len, b->walk.terms.term,
                              b->walk.terms.len);
}

/* Appends the living postings of a source's current term, renumbered. */
static int take_postings(struct merging *g, struct source *s, size_t *n)
{
    struct postings p;

    if (mem_reserve((void **)&g->postings, &g->cap_postings, *n + s->walk.postings->n,
                    sizeof *g->postings))
        return err_nomem(g->err);
    for (postings_begin(&p, s->walk.postings); p.passage != POSTINGS_END; postings_next(&p))
        if (s->place[p.passage] != UINT32_MAX)
            g->postings[(*n)++] = posting_make(s->place[p.passage], postings_freq(&p));
    return 0;
}

/* Merges g->postings[0..mid) and [mid..n), both sorted. */
static int join_runs(struct merging *g, size_t mid, size_t n)
{
    const uint64_t *p = g->postings;
    size_t a = 0, b = mid, k = 0;

    if (!mid || mid == n || p[mid - 1] < p[mid])
        return 0;
    if (mem_reserve((void **)&g->other, &g->cap_other, n, sizeof *g->other))
        return err_nomem(g->err);
    while (a < mid && b < n)
        g->other[k++] = p[a] < p[b] ? p[a++] : p[b++];
    while (a < mid)
        g->other[k++] = p[a++];
    memcpy(g->postings, g->other, k * sizeof *g->other); /* the rest is in its place */
    return 0;
}

/* Takes the least term from all sources that have it. */
static int merge_term(struct merging *g, struct segment_writer *w)
{
    char term[TERM_MAX];
    const struct dictionary_cursor *least = &g->sources[g->heap[0]].walk.terms;
    size_t len = least->len, n = 0, mid;

    memcpy(term, least->term, len);
    while (g->n_heap) {
        struct source *s = &g->sources[g->heap[0]];
        int rc;

        if (dictionary_compare(s->walk.terms.term, s->walk.terms.len, term, len) != 0)
            break;
        mid = n;
        rc = take_postings(g, s, &n);
        rc = rc ? rc : join_runs(g, mid, n);
        rc = rc ? rc : segment_walk_next(&s->walk, g->err);
        if (rc < 0)
            return rc;
        if (rc)
            sink(g);
        else
            pop(g);
    }
    if (n)
        segment_put_term(w, term, len, g->postings, n);
    return w->code;
}

static int report(struct merging *g, uint64_t done, uint64_t total)
{
    const struct merge *m = g->m;

    if (m->progress && m->progress("passages merged", done, total, m->payload))
        return err_set(g->err, E_STOP, "stopped; the last commit stands");
    return 0;
}

static int put_terms(struct merging *g, struct segment_writer *w)
{
    uint64_t total = 0, done = 0;

    g->compare = by_term;
    g->n_heap = 0;
    for (size_t i = 0; i < g->n; i++) {
        struct source *s = &g->sources[i];
        int rc;

        segment_walk_begin(&s->walk, s->s);
        total += s->s->row.bytes[PART_POSTINGS];
        rc = segment_walk_next(&s->walk, g->err);
        if (rc < 0)
            return rc;
        if (rc)
            push(g, (uint32_t)i);
    }
    for (size_t k = 1; g->n_heap; k++) {
        int rc = merge_term(g, w);

        if (!rc &&
            k % PROGRESS_EVERY == 0) { /* terms, told as passages: their share of the bytes */
            done = 0;
            for (size_t i = 0; i < g->n; i++)
                done += g->sources[i].walk.terms.entry.offset;
            rc = report(
                g, total ? (uint64_t)((double)g->n_passages * (double)done / (double)total) : 0,
                g->n_passages);
        }
        if (rc)
            return rc;
    }
    return 0;
}

/* ---- vectors ---- */

static int put_vectors(struct merging *g, struct segment_row *row)
{
    const struct merge *m = g->m;
    struct vectors_writer w;
    int rc = vectors_begin(&w, m->store, m->segment, m->vectors, m->dim, g->n_passages, g->err);

    if (rc)
        return rc;
    w.pool = m->pool;
    w.progress = m->progress;
    w.payload = m->payload;
    for (size_t i = 0; !rc && !w.rows.code && i < g->n_docs; i++) {
        struct segment *s = g->sources[g->docs[i].source].s;
        uint32_t d = g->docs[i].document;

        for (uint32_t p = s->first[d]; p < s->first[d + 1]; p++)
            vectors_copy(&w, s, p);
        if (!rc && (i + 1) % PROGRESS_EVERY == 0)
            rc = report(g, i + 1, g->n_docs);
    }
    return vectors_end(&w, row, rc);
}

/* ---- impacts ---- */

static int put_impacts(struct merging *g)
{
    struct segment **segments = mem_alloc(g->n, sizeof *segments);
    const uint32_t **place = mem_alloc(g->n, sizeof *place);
    int rc = segments && place ? 0 : err_nomem(g->err);

    for (size_t i = 0; !rc && i < g->n; i++) {
        segments[i] = g->sources[i].s;
        place[i] = g->sources[i].place;
    }
    rc = rc ? rc
            : impacts_merge(g->m->store, g->m->segment, segments, place, g->n, g->n_passages,
                            g->err);
    mem_free(segments);
    mem_free(place);
    return rc;
}

/* ---- all of it ---- */

static int put_all(struct merging *g)
{
    const struct merge *m = g->m;
    struct segment_writer w;
    int rc;

    segment_begin(&w, m->store, m->segment, g->err);
    rc = put_documents(g, &w);
    rc = rc ? rc : put_terms(g, &w);
    if (!rc && m->dim && !w.code)
        rc = put_vectors(g, &w.row);
    if (!rc && m->sparse && !w.code)
        rc = put_impacts(g);
    return segment_end(&w, rc);
}

int merge_segments(uint64_t *passages, const struct merge *m, struct segment *const *segments,
                   const uint64_t *const *dead, size_t n, struct err *err)
{
    struct merging g = {.m = m, .n = n, .err = err};
    int rc = 0;

    g.sources = mem_zalloc(n, sizeof *g.sources);
    g.heap = mem_alloc(n, sizeof *g.heap);
    if (!g.sources || !g.heap)
        rc = err_nomem(err);
    for (size_t i = 0; !rc && i < n; i++) {
        g.sources[i].s = segments[i];
        g.sources[i].dead = dead[i];
    }
    rc = rc ? rc : place_documents(&g);
    if (!rc && g.n_passages)
        rc = put_all(&g);
    if (!rc)
        *passages = g.n_passages;
    for (size_t i = 0; g.sources && i < n; i++) {
        mem_free(g.sources[i].place);
        segment_walk_end(&g.sources[i].walk);
    }
    mem_free(g.sources);
    mem_free(g.heap);
    mem_free(g.docs);
    mem_free(g.lengths);
    mem_free(g.postings);
    mem_free(g.other);
    return rc;
}
