/* bm25_query.c -- from a question to weighted terms.
 *
 * Each different term comes once, with its count.  Its entry is looked up in every segment first,
 * because idf needs the df of the whole index.
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
};

static int on_term(const struct term_token *t, void *payload)
{
    struct reading *r = payload;

    if (mem_reserve((void **)&r->terms, &r->cap, r->n + 1, sizeof *r->terms))
        return E_NOMEM;
    buf_add(&r->text, t->term, t->len);
    if (buf_error(&r->text))
        return E_NOMEM;
    r->terms[r->n++] = (struct bm25_term){.len = t->len, .count = 1};
    return 0;
}

static int compare_bytes(const void *a, const void *b)
{
    const struct bm25_term *x = a, *y = b;
    int c = memcmp(x->bytes, y->bytes, x->len < y->len ? x->len : y->len);

    return c ? c : (x->len > y->len) - (x->len < y->len);
}

static int compare_weight(const void *a, const void *b)
{
    const struct bm25_term *x = a, *y = b;

    if (x->weight != y->weight)
        return x->weight > y->weight ? -1 : 1;
    return compare_bytes(a, b);
}

/* Makes q->terms: each term of the text once. */
static int read_terms(struct bm25_query *q, const char *text, struct err *err)
{
    struct reading r = {0};
    const char *at;
    int rc = analyzer_run(index_analyzer(q->ix), text, strlen(text), on_term, &r, err);

    q->terms = r.terms;
    if (rc == E_NOMEM)
        err_nomem(err);
    if (rc || !r.n) {
        buf_clear(&r.text);
        return rc;
    }
    at = q->text = buf_take(&r.text);
    for (size_t i = 0; i < r.n; i++) {
        r.terms[i].bytes = at;
        at += r.terms[i].len;
    }
    qsort(r.terms, r.n, sizeof *r.terms, compare_bytes);
    for (size_t i = 0; i < r.n; i++) {
        if (q->n && !compare_bytes(&q->terms[q->n - 1], &r.terms[i]))
            q->terms[q->n - 1].count++;
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

/* Finds the terms, drops those that no live passage has, weighs and orders the others. */
static int weigh_terms(struct bm25_query *q, struct err *err)
{
    size_t n_segments = (size_t)index_n_segments(q->ix), kept = 0;
    uint64_t n_passages = index_n_passages(q->ix);

    q->entries = mem_zalloc(q->n * n_segments, sizeof *q->entries);
    if (!q->entries)
        return err_nomem(err);
    for (size_t i = 0; i < q->n; i++) {
        struct bm25_term t = q->terms[i];
        double df;
        int rc;

        t.entries = q->entries + i * n_segments;
        rc = find_term(q, &t, err);
        if (rc)
            return rc;
        if (t.df > n_passages)
            return err_set(
                err, E_FORMAT, "index %s: a term is in %llu passages of %llu; run `fovea check`",
                index_path(q->ix), (unsigned long long)t.df, (unsigned long long)n_passages);
        df = (double)t.df;
        t.idf = log(1 + ((double)n_passages - df + 0.5) / (df + 0.5));
        t.weight = (float)(t.count * t.idf);
        if (t.df)
            q->terms[kept++] = t;
    }
    q->n = kept;
    qsort(q->terms, q->n, sizeof *q->terms, compare_weight);
    return 0;
}

int bm25_query_open(struct bm25_query **out, struct index *ix, const char *text,
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
    rc = index_filter(&q->filter, ix, opt->where, err);
    rc = rc ? rc : read_terms(q, text, err);
    if (!rc && q->n)
        rc = weigh_terms(q, err);
    if (rc)
        bm25_query_close(q);
    else
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
