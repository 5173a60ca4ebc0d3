/* r_hybrid.c -- the system "hybrid": words and meaning, fused over each leg's best hits. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/mem.h"
#include "retriever/fuse.h"
#include "retriever/legs.h"
#include "retriever/rows.h"

enum { N_LEGS = 3 };
static const struct leg *const hybrid_legs[N_LEGS] = {&leg_bm25, &leg_dense, &leg_sparse};
_Static_assert((int)N_LEGS <= (int)RETRIEVE_LEGS, "retriever.h has room for fewer legs");

struct hybrid {
    struct index *ix;
    const struct retrieve_options *opt;
    int n_legs; /* the third if the index has it and it has a weight */
    void *states[N_LEGS];
    struct ranked lists[N_LEGS];
    struct fused fused;
};

/* ---- hits ---- */

static int explain_found(struct buf *out, struct hybrid *h, const struct found *f, struct err *err)
{
    buf_printf(out, "hybrid %.6g: %s of %d legs' best %d\n", (double)f->best.score, h->opt->fusion,
               h->n_legs, h->opt->depth);
    for (int i = 0; i < h->n_legs; i++) {
        int rc;

        if (!f->legs[i].rank) {
            buf_printf(out, "0 from %s: not among its best %zu\n", hybrid_legs[i]->name,
                       h->lists[i].n);
            continue;
        }
        buf_printf(out, "%.6g from %s: rank %d, score %.6g, weight %g\n", (double)f->legs[i].part,
                   hybrid_legs[i]->name, f->legs[i].rank, (double)f->legs[i].score,
                   (double)h->opt->weights[i]);
        rc = hybrid_legs[i]->explain(out, h->states[i], &f->passage[i], err);
        if (rc)
            return rc;
    }
    return buf_error(out) ? err_nomem(err) : 0;
}

static int make_hits(struct hits *out, struct hybrid *h, struct err *err)
{
    struct scored *list = mem_alloc(h->fused.n, sizeof *list);
    int rc;

    if (!list)
        return err_nomem(err);
    for (size_t i = 0; i < h->fused.n; i++)
        list[i] = h->fused.items[i].best;
    rc = hits_make(out, h->ix, list, h->fused.n, err);
    mem_free(list);
    for (size_t i = 0; !rc && i < h->fused.n; i++) {
        struct buf text = {0};

        memcpy(out->hits[i].legs, h->fused.items[i].legs, sizeof h->fused.items[i].legs);
        if (!h->opt->explain)
            continue;
        rc = explain_found(&text, h, &h->fused.items[i], err);
        if (!rc)
            out->hits[i].explain = buf_take(&text);
        buf_clear(&text);
    }
    out->n_legs = h->n_legs;
    for (int i = 0; i < h->n_legs; i++)
        out->leg_names[i] = hybrid_legs[i]->name;
    return rc;
}

static int search(struct hits *out, struct index *ix, const struct question *query,
                  const struct retrieve_options *opt, struct err *err)
{
    struct hybrid h = {.ix = ix, .opt = opt};
    struct hits hits = {0};
    int rc = 0;

    h.n_legs = index_sparse_words(ix) > 0 && opt->weights[N_LEGS - 1] > 0 ? N_LEGS : N_LEGS - 1;
    for (int i = 0; !rc && i < h.n_legs; i++) {
        rc = hybrid_legs[i]->open(&h.states[i], ix, query, opt, err);
        if (!rc)
            rc = leg_results(&h.lists[i], hybrid_legs[i], h.states[i], ix, query->filter,
                             (size_t)opt->depth, opt->by_passage, err);
    }
    if (!rc)
        rc = fuse(&h.fused, ix, h.lists, h.n_legs, opt, err);
    if (!rc && h.fused.n > (size_t)opt->k)
        h.fused.n = (size_t)opt->k;
    if (!rc)
        rc = make_hits(&hits, &h, err);
    if (rc)
        hits_clear(&hits);
    else
        *out = hits;
    for (int i = 0; i < h.n_legs; i++) {
        hybrid_legs[i]->close(h.states[i]);
        ranked_clear(&h.lists[i]);
    }
    fused_clear(&h.fused);
    return rc;
}

const struct retriever retriever_hybrid = {
    "hybrid",
    "Words and meaning: bm25 and dense, and sparse if the index has it, their best `depth` hits "
    "fused\n"
    "(minmax or rrf).\n"
    "The best choice for most collections; needs an index made with a model.",
    1,
    search,
    0,
};
