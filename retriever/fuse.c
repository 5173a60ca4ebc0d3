/* fuse.c -- adds up what each list gives to a document. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "retriever/fuse.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"

struct fusing {
    struct index *ix;
    const struct retrieve_options *opt;
    const struct fusion *fusion;
    double sum_weights;
    struct map seen; /* key of a document or passage -> place + 1 */
    struct fused out;
};

/* The entry for a hit, made if it is new; NULL if out of memory. */
static struct found *find_or_add(struct fusing *f, const struct scored *hit)
{
    int64_t key[2] = {hit->segment, hit->passage}, *place;

    if (!f->opt->by_passage) {
        key[0] = segment_document(index_segment(f->ix, hit->segment), hit->passage);
        key[1] = -1;
    }
    place = map_put(&f->seen, key, sizeof key);
    if (!place)
        return NULL;
    if (!*place) {
        struct fused *out = &f->out;

        if (mem_reserve((void **)&out->items, &out->cap, out->n + 1, sizeof *out->items))
            return NULL;
        memset(&out->items[out->n], 0, sizeof *out->items);
        out->items[out->n].ix = f->ix;
        *place = (int64_t)++out->n;
    }
    return &f->out.items[*place - 1];
}

/* Adds the parts of one list. */
static int add_list(struct fusing *f, const struct ranked *list, int leg, struct err *err)
{
    struct fusion_list about = {.weight = f->opt->weights[leg]};

    if (list->n) {
        about.max = list->items[0].score;
        about.min = list->items[list->n - 1].score;
    }
    for (size_t i = 0; i < list->n; i++) {
        const struct scored *hit = &list->items[i];
        struct found *found = find_or_add(f, hit);
        double part;

        if (!found)
            return err_nomem(err);
        part = f->fusion->part(&about, (int)i + 1, hit->score, f->sum_weights, f->opt->rrf_k);
        found->passage[leg] = *hit;
        found->legs[leg] = (struct leg_score){(int)i + 1, hit->score, (float)part};
        found->score += part;
    }
    return 0;
}

/* Shows the passage of the list that adds most, the first one's on a tie. */
static void choose_passage(struct found *f, int n_lists)
{
    int best = 0;

    for (int i = 1; i < n_lists; i++)
        if (f->legs[i].rank && (!f->legs[best].rank || f->legs[i].part > f->legs[best].part))
            best = i;
    f->best = f->passage[best];
    f->best.score = (float)f->score;
}

static int compare(const void *a, const void *b)
{
    const struct found *x = a, *y = b;

    return scored_compare(x->ix, &x->best, &y->best);
}

int fuse(struct fused *out, struct index *ix, const struct ranked *lists, int n_lists,
         const struct retrieve_options *opt, struct err *err)
{
    struct fusing f = {.ix = ix, .opt = opt, .fusion = fusion_find(opt->fusion)};
    int rc = 0;

    for (int i = 0; i < n_lists; i++)
        f.sum_weights += (double)opt->weights[i];
    if (!(f.sum_weights > 0))
        return err_set(err, E_INVALID, "retriever: the weights of all %d legs are zero", n_lists);
    for (int i = 0; !rc && i < n_lists; i++)
        rc = add_list(&f, &lists[i], i, err);
    map_clear(&f.seen);
    for (size_t i = 0; !rc && i < f.out.n; i++)
        choose_passage(&f.out.items[i], n_lists);
    if (!rc && f.out.n)
        qsort(f.out.items, f.out.n, sizeof *f.out.items, compare);
    if (rc)
        fused_clear(&f.out);
    else
        *out = f.out;
    return rc;
}

void fused_clear(struct fused *f)
{
    mem_free(f->items);
    memset(f, 0, sizeof *f);
}
