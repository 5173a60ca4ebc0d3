/* r_dense.c -- the system "dense": nearest passages by the inner product of embeddings. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/mem.h"
#include "retriever/legs.h"
#include "retriever/rows.h"

struct dense_query {
    struct index *ix;
    int dim, ef;
    float *vector;               /* [dim] */
    const struct filter *filter; /* or NULL */
};

static void close_leg(void *state)
{
    struct dense_query *q = state;

    if (!q)
        return;
    mem_free(q->vector);
    mem_free(q);
}

static int open_leg(void **state, struct index *ix, const struct question *query,
                    const struct retrieve_options *opt, struct err *err)
{
    struct model_text text = {query->text, strlen(query->text)};
    struct dense_query *q = mem_zalloc(1, sizeof *q);
    struct model *m = NULL;
    int rc;

    if (!q)
        return err_nomem(err);
    q->ix = ix;
    q->ef = opt->ef;
    q->dim = index_vector_dim(ix);
    q->vector = mem_alloc((size_t)q->dim, sizeof *q->vector);
    q->filter = query->filter;
    rc = q->vector ? 0 : err_nomem(err);
    rc = rc ? rc : index_encoder(&m, ix, err);
    if (!rc && model_dim(m) != q->dim)
        rc = err_set(err, E_INVALID, "dense: model %s makes vectors of %d, index %s holds %d",
                     model_name(m), model_dim(m), index_path(ix), q->dim);
    if (!rc)
        rc = model_embed(q->vector, m, NULL, &text, 1, MODEL_QUERY, err);
    if (rc)
        close_leg(q);
    else
        *state = q;
    return rc;
}

static int search_segment(struct topk *top, void *state, int segment, struct err *err)
{
    const struct dense_query *q = state;
    const uint64_t *excluded = q->filter ? filter_excluded(q->filter, segment) : NULL;
    uint32_t *passages;
    float *scores;
    size_t n = 0;
    int rc;

    if (q->filter && !filter_kept(q->filter, segment))
        return 0;
    passages = mem_alloc(top->k, sizeof *passages);
    scores = mem_alloc(top->k, sizeof *scores);
    if (passages && scores)
        rc = segment_nearest(passages, scores, &n, index_segment(q->ix, segment), q->vector, top->k,
                             q->ef, excluded, err);
    else
        rc = err_nomem(err);
    for (size_t i = 0; !rc && i < n; i++)
        topk_push(top, passages[i], scores[i]);
    mem_free(passages);
    mem_free(scores);
    return rc;
}

static int explain(struct buf *out, void *state, const struct scored *hit, struct err *err)
{
    const struct dense_query *q = state;

    (void)err;
    buf_printf(out, "dense %.6g: inner product of the query's and the passage's %d numbers\n",
               (double)hit->score, q->dim);
    return 0;
}

const struct leg leg_dense = {"dense", open_leg, search_segment, explain, close_leg};

static int search(struct hits *out, struct index *ix, const struct question *query,
                  const struct retrieve_options *opt, struct err *err)
{
    return leg_search(out, &leg_dense, ix, query, opt, err);
}

const struct retriever retriever_dense = {
    "dense",
    "Scores meaning: the inner product of the query's and the passage's embeddings.\n"
    "Finds paraphrases; needs an index made with a model.",
    1,
    search,
    0,
};
