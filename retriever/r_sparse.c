/* r_sparse.c -- the system "sparse": weighted words of a learned sparse model, by the inner product.
 *
 *     score = sum over the query's words of weight in the query * impact in the passage / IMPACT_STEPS
 *
 * The query's weights are as the model gives them, the passages' have 8 bits.  A sum of products is what the scorers
 * of bm25.h add up too (`linear`), so pruning by block maxima, and its equality with the exhaustive sum, are theirs.
 *
 * Source: Formal et al., "SPLADE v2" (2021); impacts as in Mackenzie et al., "Wacky weights in learned sparse
 * representations and the revenge of score-at-a-time query evaluation" (2021).
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "retriever/bm25.h"
#include "retriever/legs.h"
#include "retriever/rows.h"

struct sparse_query {
    struct bm25_query *sum;
    struct model *model; /* borrowed from the index */
};

static void close_leg(void *state)
{
    struct sparse_query *q = state;

    if (!q)
        return;
    bm25_query_close(q->sum);
    mem_free(q);
}

static int heaviest_first(const void *a, const void *b)
{
    const struct bm25_term *x = a, *y = b;

    if (x->weight != y->weight)
        return x->weight > y->weight ? -1 : 1;
    return x->token < y->token ? -1 : 1;
}

/* The query's words become the terms of a sum. */
static int take_words(struct bm25_query *sum, const struct model_words *w, struct err *err)
{
    sum->terms = mem_zalloc(w->n, sizeof *sum->terms);
    if (!sum->terms)
        return err_nomem(err);
    for (size_t i = 0; i < w->n; i++)
        sum->terms[i] = (struct bm25_term){.token = w->v[i].token,
                                           .weight = w->v[i].weight / (float)IMPACT_STEPS};
    sum->n = w->n;
    if (sum->n)
        qsort(sum->terms, sum->n, sizeof *sum->terms, heaviest_first);
    return 0;
}

static int open_leg(void **state, struct index *ix, const struct question *query,
                    const struct retrieve_options *opt, struct err *err)
{
    struct model_text text = {query->text, strlen(query->text)};
    struct sparse_query *q = mem_zalloc(1, sizeof *q);
    struct model_words words = {0};
    int rc;

    if (!q)
        return err_nomem(err);
    q->sum = mem_zalloc(1, sizeof *q->sum);
    rc = q->sum ? 0 : err_nomem(err);
    rc = rc ? rc : index_sparse_encoder(&q->model, ix, err);
    if (!rc) {
        q->sum->ix = ix;
        q->sum->filter = query->filter;
        q->sum->linear = 1;
        q->sum->exhaustive = opt->exhaustive;
        q->sum->window = BM25_WINDOW;
        rc = model_embed_words(&words, q->model, NULL, &text, 1, MODEL_QUERY, err);
    }
    rc = rc ? rc : take_words(q->sum, &words, err);
    model_words_clear(&words);
    if (rc)
        close_leg(q);
    else
        *state = q;
    return rc;
}

static int search_segment(struct topk *top, void *state, int segment, struct err *err)
{
    return bm25_search(top, ((struct sparse_query *)state)->sum, segment, err);
}

/* Adds the parts up anew, in the order of the scorers. */
static int explain(struct buf *out, void *state, const struct scored *hit, struct err *err)
{
    const struct sparse_query *s = state;
    const struct bm25_query *q = s->sum;
    float sum = 0;

    buf_printf(out, "sparse %.6g: words of %s\n", (double)hit->score, model_name(s->model));
    for (size_t i = 0; i < q->n; i++) {
        const struct bm25_term *t = &q->terms[i];
        struct postings p;
        int rc = bm25_open(&p, q, t, hit->segment, err);
        float part;

        if (rc < 0)
            return rc;
        if (!rc || postings_seek(&p, hit->passage) != hit->passage)
            continue;
        part = bm25_part(q, t->weight, postings_freq(&p), 0);
        sum += part;
        buf_puts(out, "  ");
        model_spell(out, s->model, t->token);
        buf_printf(out, " %.6g = %.6g in the query x %.6g in the passage\n", (double)part,
                   (double)t->weight * IMPACT_STEPS, (double)postings_freq(&p) / IMPACT_STEPS);
    }
    if (sum != hit->score)
        return err_set(err, E_FORMAT, "sparse: the parts of a hit give %.9g, its score is %.9g",
                       (double)sum, (double)hit->score);
    return 0;
}

const struct leg leg_sparse = {"sparse", open_leg, search_segment, explain, close_leg};

static int search(struct hits *out, struct index *ix, const struct question *query,
                  const struct retrieve_options *opt, struct err *err)
{
    return leg_search(out, &leg_sparse, ix, query, opt, err);
}

const struct retriever retriever_sparse = {
    "sparse",
    "Scores weighted words: a learned sparse model (SPLADE) gives query and passage words, also\n"
    "ones they do not hold; dynamic pruning.  Needs an index made with --sparse.",
    0,
    search,
    1,
};
