/* r_hybrid.c -- the system "hybrid": words and meaning, fused over each leg's best hits. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "retriever/fusion.h"
#include "retriever/legs.h"
#include "retriever/rows.h"

enum { N_LEGS = 2 };
static const struct leg *const hybrid_legs[N_LEGS] = {&leg_bm25, &leg_dense};
_Static_assert((int)N_LEGS <= (int)RETRIEVE_LEGS, "retriever.h has room for fewer legs");

/* What one or more legs found: a document, or a passage when hits are passages. */
struct found {
    struct index *ix;   /* for sorting */
    struct scored best; /* passage of the leg that adds most; score is the fused one */
    double score;
    struct scored passage[N_LEGS]; /* where leg.rank > 0 */
    struct leg_score legs[N_LEGS];
};

struct hybrid {
    struct index *ix;
    const struct retrieve_options *opt;
    void *states[N_LEGS];
    struct ranked lists[N_LEGS];
    struct found *found; /* [n] */
    size_t n, cap;
};

/* The entry for a leg's hit, made if it is new. */
static struct found *find_or_add(struct hybrid *h, struct map *seen, const struct scored *hit)
{
    const struct segment *s = index_segment(h->ix, hit->segment);
    struct {
        int64_t a, b;
    } key = {segment_document(s, hit->passage), -1};
    int64_t *place;

    if (h->opt->by_passage) {
        key.a = hit->segment;
        key.b = hit->passage;
    }
    place = map_put(seen, &key, sizeof key);
    if (!place)
        return NULL;
    if (*place)
        return &h->found[*place - 1];
    if (mem_reserve((void **)&h->found, &h->cap, h->n + 1, sizeof *h->found))
        return NULL;
    memset(&h->found[h->n], 0, sizeof *h->found);
    h->found[h->n].ix = h->ix;
    *place = (int64_t)++h->n;
    return &h->found[h->n - 1];
}

/* Adds the parts of one leg's list. */
static int add_list(struct hybrid *h, struct map *seen, int leg, double sum_weights,
                    struct err *err)
{
    const struct ranked *list = &h->lists[leg];
    const struct fusion *fusion = fusion_find(h->opt->fusion);
    struct fusion_list about = {.weight = h->opt->weights[leg]};

    if (list->n) {
        about.max = list->items[0].score;
        about.min = list->items[list->n - 1].score;
    }
    for (size_t i = 0; i < list->n; i++) {
        const struct scored *hit = &list->items[i];
        struct found *f = find_or_add(h, seen, hit);
        double part = fusion->part(&about, (int)i + 1, hit->score, sum_weights, h->opt->rrf_k);

        if (!f)
            return err_nomem(err);
        f->passage[leg] = *hit;
        f->legs[leg] = (struct leg_score){(int)i + 1, hit->score, (float)part};
        f->score += part;
    }
    return 0;
}

/* Shows the passage of the leg that adds most, the first leg's on a tie. */
static void choose_passage(struct found *f)
{
    int best = -1;

    for (int i = 0; i < N_LEGS; i++)
        if (f->legs[i].rank && (best < 0 || f->legs[i].part > f->legs[best].part))
            best = i;
    f->best = f->passage[best];
    f->best.score = (float)f->score;
}

static int compare_found(const void *a, const void *b)
{
    const struct found *x = a, *y = b;

    return scored_compare(x->ix, &x->best, &y->best);
}

static int fuse(struct hybrid *h, struct err *err)
{
    struct map seen = {0};
    double sum_weights = 0;
    int rc = 0;

    for (int i = 0; i < N_LEGS; i++)
        sum_weights += (double)h->opt->weights[i];
    if (sum_weights == 0)
        return err_set(err, E_INVALID, "retriever: the weights of the legs (bm25, dense) are zero");
    for (int i = 0; !rc && i < N_LEGS; i++)
        rc = add_list(h, &seen, i, sum_weights, err);
    map_clear(&seen);
    for (size_t i = 0; !rc && i < h->n; i++)
        choose_passage(&h->found[i]);
    if (!rc && h->n)
        qsort(h->found, h->n, sizeof *h->found, compare_found);
    if (h->n > (size_t)h->opt->k)
        h->n = (size_t)h->opt->k;
    return rc;
}

/* ---- hits ---- */

static int explain_found(struct buf *out, struct hybrid *h, const struct found *f, struct err *err)
{
    buf_printf(out, "hybrid %.6g: %s of %d legs' best %d\n", (double)f->best.score, h->opt->fusion,
               N_LEGS, h->opt->depth);
    for (int i = 0; i < N_LEGS; i++) {
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
    struct scored *list = mem_alloc(h->n, sizeof *list);
    int rc;

    if (!list)
        return err_nomem(err);
    for (size_t i = 0; i < h->n; i++)
        list[i] = h->found[i].best;
    rc = hits_make(out, h->ix, list, h->n, err);
    mem_free(list);
    for (size_t i = 0; !rc && i < h->n; i++) {
        struct buf text = {0};

        memcpy(out->hits[i].legs, h->found[i].legs, sizeof h->found[i].legs);
        if (!h->opt->explain)
            continue;
        rc = explain_found(&text, h, &h->found[i], err);
        if (!rc)
            out->hits[i].explain = buf_take(&text);
        buf_clear(&text);
    }
    out->n_legs = N_LEGS;
    for (int i = 0; i < N_LEGS; i++)
        out->leg_names[i] = hybrid_legs[i]->name;
    return rc;
}

static int search(struct hits *out, struct index *ix, const char *query,
                  const struct retrieve_options *opt, struct err *err)
{
    struct hybrid h = {.ix = ix, .opt = opt};
    struct hits hits = {0};
    int rc = 0;

    for (int i = 0; !rc && i < N_LEGS; i++) {
        rc = hybrid_legs[i]->open(&h.states[i], ix, query, opt, err);
        if (!rc)
            rc = leg_results(&h.lists[i], hybrid_legs[i], h.states[i], ix, (size_t)opt->depth,
                             opt->by_passage, err);
    }
    if (!rc)
        rc = fuse(&h, err);
    if (!rc)
        rc = make_hits(&hits, &h, err);
    if (rc)
        hits_clear(&hits);
    else
        *out = hits;
    for (int i = 0; i < N_LEGS; i++) {
        hybrid_legs[i]->close(h.states[i]);
        ranked_clear(&h.lists[i]);
    }
    mem_free(h.found);
    return rc;
}

const struct retriever retriever_hybrid = {
    "hybrid",
    "Words and meaning: bm25 and dense, their best `depth` hits fused (minmax or rrf).\n"
    "The best choice for most collections; needs an index made with a model.",
    1,
    search,
};
