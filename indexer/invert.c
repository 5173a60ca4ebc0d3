/* invert.c -- analyses passages in parallel and sorts what comes out by term.
 *
 * Passages are dealt out in runs of about 256 KiB of text.  A worker numbers the terms as it meets them and
 * notes (term, freq) pairs passage by passage.  Then the workers' numbers become one numbering, in order of the
 * terms' bytes, and one counting sort puts the pairs in order of (term, passage): what the
 * result is does not depend on which worker did what.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include "indexer/invert.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "indexer/postings.h"

enum { RUN_BYTES = 256 << 10 };

/* Where the current passage noted a term. */
struct seen {
    uint32_t passage; /* + 1; 0 = never */
    uint32_t at;      /* in the run's pairs, from the passage's first */
};

struct worker {
    struct analyzer *analyzer;
    struct map terms;
    struct seen *seen; /* [n_seen], by term number */
    size_t n_seen;
    uint32_t *rank; /* [terms.n] place of the term in the common order */
    struct buf text;
    struct err err;
};

struct run {
    size_t begin, end; /* passages */
    uint64_t *pairs;   /* term << 32 | freq, passage after passage */
    size_t n, cap;
    int worker;
};

struct inverting {
    const struct passage_text *texts;
    const struct fields *fields;
    struct worker *workers;
    int n_workers;
    struct run *runs;
    int n_runs;
    uint32_t *lengths, *n_pairs; /* [n] of each passage */
};

/* What the analyzer's callback sees. */
struct passage {
    struct worker *w;
    struct run *r;
    uint32_t number, length;
    uint32_t factor; /* of the words that come */
    size_t first;    /* of its pairs */
};

static int grow_seen(struct worker *w)
{
    size_t n = w->n_seen ? 2 * w->n_seen : 4096;
    struct seen *p = mem_resize(w->seen, n, sizeof *p);

    if (!p)
        return E_NOMEM;
    memset(p + w->n_seen, 0, (n - w->n_seen) * sizeof *p);
    w->seen = p;
    w->n_seen = n;
    return 0;
}

static int on_term(const struct term_token *t, void *payload)
{
    struct passage *p = payload;
    struct worker *w = p->w;
    struct run *r = p->r;
    size_t known = w->terms.n;
    int64_t *number = map_put(&w->terms, t->term, t->len);
    struct seen *seen;

    if (!number)
        return E_NOMEM;
    if (w->terms.n > known)
        *number = (int64_t)known;
    if ((size_t)*number >= w->n_seen && grow_seen(w))
        return E_NOMEM;
    if (p->length > PASSAGE_LENGTH_MAX - p->factor)
        return E_LIMIT;
    p->length += p->factor;
    seen = &w->seen[*number];
    if (seen->passage == p->number + 1) {
        r->pairs[p->first + seen->at] += p->factor;
        return 0;
    }
    if (mem_reserve((void **)&r->pairs, &r->cap, r->n + 1, sizeof *r->pairs))
        return E_NOMEM;
    *seen = (struct seen){p->number + 1, (uint32_t)(r->n - p->first)};
    r->pairs[r->n++] = (uint64_t)*number << 32 | p->factor;
    return 0;
}

static int analyse(struct passage *p, const struct passage_text *text, const struct fields *fields)
{
    struct worker *w = p->w;
    struct stretch s = {0};

    buf_reset(&w->text);
    while (passage_next(&s, text, fields, &w->text)) {
        int rc;

        p->factor = s.factor;
        rc = analyzer_run(w->analyzer, s.text, s.n, on_term, p, &w->err);
        if (rc)
            return rc == E_NOMEM ? err_nomem(&w->err)
                   : w->err.code ? rc
                                 : passage_too_long(&w->err);
    }
    if (buf_error(&w->text))
        return buf_error(&w->text) == E_NOMEM
                   ? err_nomem(&w->err)
                   : err_set(&w->err, E_LIMIT, "a passage is over 2 GiB: cut its document");
    return 0;
}

static int analyse_run(int task, int worker, void *payload)
{
    struct inverting *v = payload;
    struct worker *w = &v->workers[worker];
    struct run *r = &v->runs[task];

    r->worker = worker;
    for (size_t i = r->begin; i < r->end; i++) {
        struct passage p = {.w = w, .r = r, .number = (uint32_t)i, .first = r->n};
        int rc = analyse(&p, &v->texts[i], v->fields);

        if (rc)
            return rc;
        v->lengths[i] = p.length;
        v->n_pairs[i] = (uint32_t)(r->n - p.first);
    }
    return 0;
}

int invert_workers(size_t bytes, const struct pool *pool)
{
    size_t runs = bytes / RUN_BYTES + 1, size = (size_t)pool_size(pool);

    return (int)(runs < size ? runs : size);
}

/* Cuts the passages into runs. */
static int make_runs(struct inverting *v, size_t n)
{
    size_t cap = 0, bytes = 0;
    struct run *r = NULL;

    for (size_t i = 0; i < n; i++) {
        if (!r || bytes >= RUN_BYTES) {
            if (mem_reserve((void **)&v->runs, &cap, (size_t)v->n_runs + 1, sizeof *v->runs))
                return E_NOMEM;
            r = &v->runs[v->n_runs++];
            *r = (struct run){.begin = i};
            bytes = 0;
        }
        bytes += v->texts[i].n_title + v->texts[i].n_headings + v->texts[i].n_text;
        r->end = i + 1;
    }
    return 0;
}

/* ---- one order of terms ---- */

/* A term with its first bytes as a number, which decides most comparisons. */
struct keyed {
    uint64_t head;
    const struct map_entry *e;
    uint32_t number; /* in its map */
};

static int by_bytes(const void *a, const void *b)
{
    const struct keyed *x = a, *y = b;
    int c;

    if (x->head != y->head)
        return x->head < y->head ? -1 : 1;
    c = memcmp(x->e->key, y->e->key, x->e->len < y->e->len ? x->e->len : y->e->len);
    return c ? c : (x->e->len > y->e->len) - (x->e->len < y->e->len);
}

static uint64_t head_of(const struct map_entry *e)
{
    uint64_t v = 0;

    for (uint32_t i = 0; i < 8; i++)
        v = v << 8 | (i < e->len ? (unsigned char)e->key[i] : 0);
    return v;
}

/* Sorts the terms of one map. */
static struct keyed *sort_terms(const struct map *m)
{
    struct keyed *k = mem_alloc(m->n, sizeof *k);

    if (!k)
        return NULL;
    for (size_t i = 0; i < m->n; i++)
        k[i] = (struct keyed){head_of(&m->entries[i]), &m->entries[i], (uint32_t)i};
    qsort(k, m->n, sizeof *k, by_bytes);
    return k;
}

/* Merges the sorted terms of all workers: fills out->terms and each worker's rank[]. */
static int rank_terms(struct inverted *out, struct inverting *v)
{
    struct keyed **sorted = mem_zalloc((size_t)v->n_workers, sizeof *sorted);
    size_t *at = mem_zalloc((size_t)v->n_workers, sizeof *at);
    size_t total = 0;
    int rc = E_NOMEM;

    for (int i = 0; i < v->n_workers; i++)
        total += v->workers[i].terms.n;
    out->terms = mem_alloc(total + 1, sizeof *out->terms);
    if (!sorted || !at || !out->terms)
        goto done;
    for (int i = 0; i < v->n_workers; i++) {
        struct worker *w = &v->workers[i];

        sorted[i] = sort_terms(&w->terms);
        w->rank = mem_alloc(w->terms.n, sizeof *w->rank);
        if (!sorted[i] || !w->rank)
            goto done;
    }
    for (;;) {
        const struct keyed *least = NULL;

        for (int i = 0; i < v->n_workers; i++)
            if (at[i] < v->workers[i].terms.n && (!least || by_bytes(&sorted[i][at[i]], least) < 0))
                least = &sorted[i][at[i]];
        if (!least)
            break;
        for (int i = 0; i < v->n_workers; i++)
            if (at[i] < v->workers[i].terms.n && by_bytes(&sorted[i][at[i]], least) == 0 &&
                &sorted[i][at[i]] != least)
                v->workers[i].rank[sorted[i][at[i]++].number] = (uint32_t)out->n_terms;
        for (int i = 0; i < v->n_workers; i++)
            if (at[i] < v->workers[i].terms.n && &sorted[i][at[i]] == least) {
                v->workers[i].rank[least->number] = (uint32_t)out->n_terms;
                at[i]++;
                break;
            }
        out->terms[out->n_terms++] =
            (struct inverted_term){.term = least->e->key, .len = least->e->len};
    }
    rc = 0;
done:
    for (int i = 0; sorted && i < v->n_workers; i++)
        mem_free(sorted[i]);
    mem_free(sorted);
    mem_free(at);
    return rc;
}

/* Counting sort of all pairs by term; passages come in order, so postings rise. */
static int sort_postings(struct inverted *out, struct inverting *v)
{
    size_t total = 0;
    size_t *to = mem_zalloc(out->n_terms + 1, sizeof *to);

    if (!to)
        return E_NOMEM;
    for (int i = 0; i < v->n_runs; i++)
        for (size_t k = 0; k < v->runs[i].n; k++)
            to[v->workers[v->runs[i].worker].rank[v->runs[i].pairs[k] >> 32]]++;
    for (size_t t = 0; t <= out->n_terms; t++) {
        size_t n = to[t];

        out->terms[t].begin = to[t] = total;
        total += n;
    }
    out->postings = mem_alloc(total, sizeof *out->postings);
    for (int i = 0; out->postings && i < v->n_runs; i++) {
        struct run *r = &v->runs[i];
        const uint32_t *rank = v->workers[r->worker].rank;
        size_t k = 0;

        for (size_t p = r->begin; p < r->end; p++)
            for (size_t stop = k + v->n_pairs[p]; k < stop; k++)
                out->postings[to[rank[r->pairs[k] >> 32]]++] =
                    posting_make((uint32_t)p, (uint32_t)r->pairs[k]);
        mem_free(r->pairs);
        r->pairs = NULL;
    }
    mem_free(to);
    return out->postings ? 0 : E_NOMEM;
}

/* Hands the terms' memory over and frees the rest. */
static void end(struct inverted *out, struct inverting *v)
{
    for (int i = 0; v->workers && i < v->n_workers; i++) {
        struct worker *w = &v->workers[i];

        if (out->strings)
            out->strings[i] = w->terms;
        else
            map_clear(&w->terms);
        mem_free(w->seen);
        mem_free(w->rank);
        buf_clear(&w->text);
    }
    for (int i = 0; v->runs && i < v->n_runs; i++)
        mem_free(v->runs[i].pairs);
    mem_free(v->workers);
    mem_free(v->runs);
    mem_free(v->n_pairs);
    out->lengths = v->lengths;
}

int invert(struct inverted *out, const struct passage_text *texts, size_t n,
           const struct fields *fields, struct analyzer *const *analyzers, int n_analyzers,
           struct pool *pool, struct err *err)
{
    struct inverting v = {.texts = texts, .fields = fields};
    size_t bytes = 0;
    int rc = E_NOMEM;

    for (size_t i = 0; i < n; i++)
        bytes += texts[i].n_title + texts[i].n_headings + texts[i].n_text;
    memset(out, 0, sizeof *out);
    v.n_workers = invert_workers(bytes, pool);
    if (v.n_workers < pool_size(pool) || n_analyzers < v.n_workers) /* this thread alone */
        v.n_workers = 1, pool = NULL;
    v.workers = mem_zalloc((size_t)v.n_workers, sizeof *v.workers);
    out->strings = mem_zalloc((size_t)v.n_workers, sizeof *out->strings);
    out->n_strings = out->strings ? v.n_workers : 0;
    v.lengths = mem_alloc(n, sizeof *v.lengths);
    v.n_pairs = mem_alloc(n, sizeof *v.n_pairs);
    if (!v.workers || !out->strings || !v.lengths || !v.n_pairs || make_runs(&v, n))
        goto done;
    for (int i = 0; i < v.n_workers; i++) {
        v.workers[i].analyzer = analyzers[i];
        v.workers[i].text.max = (size_t)1 << 31;
    }
    rc = pool_run(pool, v.n_runs, analyse_run, &v);
    for (int i = 0; rc && i < v.n_workers; i++)
        if (v.workers[i].err.code == rc)
            err_set(err, rc, "%s", v.workers[i].err.text);
    if (!rc)
        rc = rank_terms(out, &v);
    if (!rc)
        rc = sort_postings(out, &v);
done:
    end(out, &v);
    if (rc)
        inverted_clear(out);
    return rc == E_NOMEM ? err_nomem(err) : rc;
}

void inverted_clear(struct inverted *v)
{
    for (int i = 0; i < v->n_strings; i++)
        map_clear(&v->strings[i]);
    mem_free(v->strings);
    mem_free(v->terms);
    mem_free(v->postings);
    mem_free(v->lengths);
    memset(v, 0, sizeof *v);
}
