/* bm25_query.c -- from a question to weighted terms.
 *
 * Each different term comes once, with its count.  Its entry is looked up in every segment first,
 * because idf needs the df of the whole index.  The terms of a prefix share an idf: they are spellings of one thing, and the
 * rarest of them must not weigh most.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "retriever/bm25.h"

/* ---- analysis ---- */

struct reading {
    struct buf text;         /* the terms one behind the other */
    struct bm25_term *terms; /* bytes are set when the text no longer moves */
    size_t n, cap;
    struct query_prefix *prefixes; /* [n_prefixes] */
    size_t n_prefixes, next;       /* the next of them that the text comes to */
};

/* E_NOMEM without a word about it. */
static int add_term(struct reading *r, const char *term, size_t len, size_t prefix)
{
    if (mem_reserve((void **)&r->terms, &r->cap, r->n + 1, sizeof *r->terms))
        return E_NOMEM;
    buf_add(&r->text, term, len);
    if (buf_error(&r->text))
        return E_NOMEM;
    r->terms[r->n++] = (struct bm25_term){.len = len, .count = 1, .prefix = (int)prefix};
    return 0;
}

static int on_term(const struct term_token *t, void *payload)
{
    struct reading *r = payload;

    while (r->next < r->n_prefixes && r->prefixes[r->next].end < t->end)
        r->next++;
    if (r->next < r->n_prefixes && r->prefixes[r->next].end == t->end)
        return add_term(r, t->term, t->len, r->next + 1);
    return add_term(r, t->term, t->len, 0);
}

/* Is one of the words of the query that are prefixes this term? */
static int is_read(const struct reading *r, size_t prefix, const struct index_term *t)
{
    const char *at = buf_text(&r->text);

    for (size_t i = 0; i < r->n; at += r->terms[i++].len)
        if (r->terms[i].prefix == (int)prefix && r->terms[i].len == t->len &&
            !memcmp(at, t->term, t->len))
            return 1;
    return 0;
}

/* Adds the terms that begin with prefix number `prefix`, counted from 1. */
static int expand(struct reading *r, struct index *ix, size_t prefix, struct err *err)
{
    const struct query_prefix *p = &r->prefixes[prefix - 1];
    struct index_term *found = mem_alloc(BM25_EXPANSION, sizeof *found);
    size_t n = 0, room = BM25_EXPANSION;
    int rc = found ? index_terms_beginning(found, &n, ix, p->term, p->len, BM25_EXPANSION, err)
                   : err_nomem(err);

    for (size_t i = 0; i < r->n; i++)
        room -= r->terms[i].prefix == (int)prefix;
    for (size_t i = 0; !rc && i < n && room; i++)
        if (!is_read(r, prefix, &found[i])) {
            rc = add_term(r, found[i].term, found[i].len, prefix) ? err_nomem(err) : 0;
            room--;
        }
    mem_free(found);
    return rc;
}

static int compare_bytes(const void *a, const void *b)
{
    const struct bm25_term *x = a, *y = b;
    int c = memcmp(x->bytes, y->bytes, x->len < y->len ? x->len : y->len);

    return c ? c : (x->len > y->len) - (x->len < y->len);
}

static int compare_bytes_and_prefix(const void *a, const void *b)
{
    const struct bm25_term *x = a, *y = b;
    int c = compare_bytes(a, b);

    return c ? c : x->prefix - y->prefix;
}

static int compare_weight(const void *a, const void *b)
{
    const struct bm25_term *x = a, *y = b;

    if (x->weight != y->weight)
        return x->weight > y->weight ? -1 : 1;
    return compare_bytes(a, b);
}

static int compare_bytes_and_weight(const void *a, const void *b)
{
    int c = compare_bytes(a, b);

    c = c ? c : compare_weight(a, b);
    return c ? c : compare_bytes_and_prefix(a, b);
}

/* Makes q->terms: each term of the text once, and each term of a prefix. */
static int read_terms(struct bm25_query *q, const struct question *query, struct err *err)
{
    struct analyzer *a = index_analyzer(q->ix);
    struct reading r = {0};
    const char *at;
    int rc = query_prefixes(&r.prefixes, &r.n_prefixes, query, a, err);

    if (!rc) {
        rc = analyzer_run(a, query->text, strlen(query->text), on_term, &r, err);
        if (rc == E_NOMEM)
            err_nomem(err);
    }
    for (size_t i = 1; !rc && i <= r.n_prefixes; i++)
        rc = expand(&r, q->ix, i, err);
    mem_free(r.prefixes);
    q->terms = r.terms;
    if (rc || !r.n) {
        buf_clear(&r.text);
        return rc;
    }
    at = q->text = buf_take(&r.text);
    for (size_t i = 0; i < r.n; i++) {
        r.terms[i].bytes = at;
        at += r.terms[i].len;
    }
    qsort(r.terms, r.n, sizeof *r.terms, compare_bytes_and_prefix);
    for (size_t i = 0; i < r.n; i++) {
        if (q->n && !compare_bytes_and_prefix(&q->terms[q->n - 1], &r.terms[i]))
            q->terms[q->n - 1].count += !r.terms[i].prefix;
        else
            q->terms[q->n++] = r.terms[i];
    }
    return 0;
}

/* ---- statistics ---- */

/* Looks a term up in every segment. */
static int find_term(struct bm25_query *q, struct bm25_term *t, struct err *err)
{
    for (int i = 0; i < index_n_segments(q->ix); i++) {
        struct term *e = &t->entries[i];
        int rc = segment_find_term(e, index_segment(q->ix, i), t->bytes, t->len, err);

        if (rc < 0)
            return rc;
        if (rc == 0)
            memset(e, 0, sizeof *e);
        t->df += e->df;
    }
    return 0;
}

/* Finds the terms and drops those that no live passage has. */
static int find_terms(struct bm25_query *q, struct err *err)
{
    size_t n_segments = (size_t)index_n_segments(q->ix), kept = 0;
    uint64_t n_passages = index_n_passages(q->ix);

    q->entries = mem_zalloc(q->n * n_segments, sizeof *q->entries);
    if (!q->entries)
        return err_nomem(err);
    for (size_t i = 0; i < q->n; i++) {
        struct bm25_term t = q->terms[i];
        int rc;

        t.entries = q->entries + i * n_segments;
        rc = find_term(q, &t, err);
        if (rc)
            return rc;
        if (t.df > n_passages)
            return err_set(
                err, E_FORMAT, "index %s: a term is in %llu passages of %llu; run `fovea check`",
                index_path(q->ix), (unsigned long long)t.df, (unsigned long long)n_passages);
        if (t.df)
            q->terms[kept++] = t;
    }
    q->n = kept;
    return 0;
}

/* Weighs and orders the terms. */
static void weigh_terms(struct bm25_query *q)
{
    const uint64_t n_passages = index_n_passages(q->ix);
    uint64_t sums[QUERY_PREFIXES + 1] = {0};
    size_t kept = 0;
    int begins = 0;

    for (size_t i = 0; i < q->n; i++) {
        sums[q->terms[i].prefix] += q->terms[i].df;
        begins |= q->terms[i].prefix;
    }
    for (size_t i = 0; i < q->n; i++) {
        struct bm25_term *t = &q->terms[i];
        double df;

        t->idf_df = t->prefix ? sums[t->prefix] : t->df;
        if (t->idf_df > n_passages)
            t->idf_df = n_passages;
        df = (double)t->idf_df;
        t->idf = log(1 + ((double)n_passages - df + 0.5) / (df + 0.5));
        t->weight = (float)(t->count * t->idf);
    }
    if (!q->n)
        return;
    if (begins) { /* else all terms differ */
        qsort(q->terms, q->n, sizeof *q->terms, compare_bytes_and_weight);
        for (size_t i = 0; i < q->n; i++)
            if (!kept || compare_bytes(&q->terms[kept - 1], &q->terms[i]) != 0)
                q->terms[kept++] = q->terms[i];
        q->n = kept;
    }
    qsort(q->terms, q->n, sizeof *q->terms, compare_weight);
}

int bm25_query_open(struct bm25_query **out, struct index *ix, const struct question *query,
                    const struct retrieve_options *opt, struct err *err)
{
    struct bm25_query *q = mem_zalloc(1, sizeof *q);
    const double unit = index_unit(ix);
    int rc;

    if (!q)
        return err_nomem(err);
    q->ix = ix;
    q->k1 = opt->k1;
    q->b = opt->b;
    q->exhaustive = opt->exhaustive;
    q->window = BM25_WINDOW;
    if (index_n_passages(ix))
        q->mean_length = (double)index_n_terms(ix) * unit / (double)index_n_passages(ix);
    q->base = (float)((double)q->k1 * (1 - (double)q->b) / unit);
    if (q->mean_length > 0)
        q->slope = (float)((double)q->k1 * (double)q->b / q->mean_length);
    q->filter = query->filter;
    rc = read_terms(q, query, err);
    if (!rc && q->n)
        rc = find_terms(q, err);
    if (rc) {
        bm25_query_close(q);
        return rc;
    }
    weigh_terms(q);
    *out = q;
    return rc;
}

void bm25_query_close(struct bm25_query *q)
{
    if (!q)
        return;
    mem_free(q->terms);
    mem_free(q->text);
    mem_free(q->entries);
    mem_free(q);
}
