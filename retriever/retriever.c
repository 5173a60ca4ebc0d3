/* retriever.c -- the table of systems and the way into it. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "retriever/retriever.h"

#include <math.h>
#include <string.h>

#include "base/buf.h"
#include "retriever/fusion.h"
#include "retriever/rows.h"

const struct retriever *const retrievers[] = {&retriever_bm25, &retriever_dense, &retriever_sparse,
                                              &retriever_hybrid, NULL};

enum { K_DEFAULT = 10, DEPTH_DEFAULT = 1000, RRF_K_DEFAULT = 60, EF_MOST = 1000000 };

const struct retriever *retriever_find(const char *name)
{
    for (const struct retriever *const *r = retrievers; *r; r++)
        if (!strcmp((*r)->name, name))
            return *r;
    return NULL;
}

static int unknown_system(const char *name, struct err *err)
{
    struct buf names = {0};
    int rc;

    for (const struct retriever *const *r = retrievers; *r; r++)
        buf_printf(&names, "%s%s", names.len ? ", " : "", (*r)->name);
    rc = err_set(err, E_INVALID, "retriever: system '%s' is unknown; there are: %s", name,
                 buf_text(&names));
    buf_clear(&names);
    return rc;
}

/* Checks what the caller gave and puts the defaults in. */
static int resolve(struct retrieve_options *o, struct err *err)
{
    float sum = 0;

    if (o->k < 0)
        return err_set(err, E_INVALID, "retriever: k is %d; it must be 1 or more (0 = %d)", o->k,
                       K_DEFAULT);
    if (o->depth < 0)
        return err_set(err, E_INVALID, "retriever: depth is %d; it must be 1 or more (0 = default)",
                       o->depth);
    if (o->ef < 0 || o->ef > EF_MOST)
        return err_set(err, E_INVALID, "retriever: ef is %d; it must be 1 to %d (0 = default)",
                       o->ef, EF_MOST);
    if (o->syntax != QUERY_PLAIN && o->syntax != QUERY_OPERATORS)
        return err_set(err, E_INVALID, "retriever: syntax is %d; it must be %d (plain) or %d",
                       o->syntax, QUERY_PLAIN, QUERY_OPERATORS);
    if (o->rrf_k < 0)
        return err_set(err, E_INVALID, "retriever: rrf_k is %d; it must be 1 or more (0 = %d)",
                       o->rrf_k, RRF_K_DEFAULT);
    if (!(o->k1 <= 1000))
        return err_set(err, E_INVALID, "retriever: k1 is %g; it must be 0 to 1000", (double)o->k1);
    if (!(o->b >= 0 && o->b <= 1))
        return err_set(err, E_INVALID, "retriever: b is %g; it must be 0 to 1", (double)o->b);
    for (int i = 0; i < RETRIEVE_LEGS; i++) {
        if (!(o->weights[i] >= 0 && o->weights[i] <= 1e6f))
            return err_set(err, E_INVALID, "retriever: weight %d is %g; it must be 0 to 1e6", i + 1,
                           (double)o->weights[i]);
        sum += o->weights[i];
    }
    for (int i = 0; i < RETRIEVE_LEGS && sum == 0; i++)
        o->weights[i] = 1;
    if (!o->fusion)
        o->fusion = fusions[0].name;
    if (!fusion_find(o->fusion))
        return fusion_unknown(o->fusion, err);
    o->k = o->k ? o->k : K_DEFAULT;
    o->depth = o->depth ? o->depth : o->k > DEPTH_DEFAULT ? o->k : DEPTH_DEFAULT;
    o->rrf_k = o->rrf_k ? o->rrf_k : RRF_K_DEFAULT;
    if (o->k1 == 0 && o->b == 0) {
        o->k1 = 0.9f;
        o->b = 0.4f;
    }
    if (o->k1 < 0)
        o->k1 = 0;
    return 0;
}

/* Finds what a query and a predicate leave to search.  1 if that is something, 0 if not, or negative. */
static int find_filter(struct question *q, struct index *ix, const char *where, struct err *err)
{
    struct index_phrase phrases[QUERY_PHRASES];
    int rc;

    for (size_t i = 0; i < q->n_phrases; i++)
        phrases[i] = (struct index_phrase){q->text + q->phrases[i].begin,
                                           q->phrases[i].end - q->phrases[i].begin};
    rc = index_filter_phrases(&q->filter, ix, where, phrases, q->n_phrases, err);
    if (rc || !q->filter)
        return rc ? rc : 1;
    for (int i = 0; i < index_n_segments(ix); i++)
        if (filter_kept(q->filter, i))
            return 1;
    return 0;
}

int retrieve(struct hits *out, struct index *ix, const char *query,
             const struct retrieve_options *opt, struct err *err)
{
    struct retrieve_options o = opt ? *opt : (struct retrieve_options){0};
    const struct retriever *row;
    struct question q = {0};
    int rc;

    if (!o.system)
        o.system = index_vector_dim(ix) > 0 ? "hybrid" : "bm25";
    row = retriever_find(o.system);
    if (!row)
        return unknown_system(o.system, err);
    rc = resolve(&o, err);
    if (rc)
        return rc;
    if (row->needs_vectors && index_vector_dim(ix) <= 0)
        return err_set(err, E_INVALID,
                       "retriever: '%s' needs vectors, and %s has no dense leg; use bm25, or index "
                       "with a model",
                       row->name, index_path(ix));
    if (row->needs_sparse && index_sparse_words(ix) <= 0)
        return err_set(err, E_INVALID,
                       "retriever: '%s' needs weighted words, and %s has no sparse leg; index with "
                       "--sparse MODEL",
                       row->name, index_path(ix));
    rc = query_parse(&q, query, o.syntax, err);
    rc = rc ? rc : find_filter(&q, ix, o.where, err);
    if (rc == 0) /* no model needs to be opened for that */
        memset(out, 0, sizeof *out);
    else if (rc > 0)
        rc = row->search(out, ix, &q, &o, err);
    query_clear(&q);
    return rc;
}
