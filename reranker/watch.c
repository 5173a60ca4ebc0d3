/* watch.c -- a tap that adds up attention by passage, and by cell. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "reranker/watch.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"

/* The least share that counts: weights below are rounded to 0 where they are made. */
#define LEAST 1e-38

struct watch {
    int layers, heads_per_layer, kv_heads, group;
    int n_heads;
    unsigned char *watched; /* [layers, H] */
    int *place;             /* [layers, H] */
    struct session_tap tap;
    const struct watch_range *passages; /* [n], borrowed from watch_begin to the end of the run */
    int n, cells, rows;
    struct sheet sheet;
    int keeps_masses;
    double *masses; /* [kv_heads, cells]; what one thread at a time adds to */
    size_t cap_masses;
};

/* ---- the tap ---- */

/* Where the weight of a cell is; < 0 or >= n: nowhere. */
static int weight_of(const struct session_sight *s, int cell)
{
    if (cell - s->first < s->split)
        return cell - s->first;
    return cell >= s->second ? cell - s->second + s->split : -1;
}

/* Sums up cells begin..end-1 of what was seen; those that it does not tell of have no weight. */
static void sum_cells(double *sum, double *most, const struct session_sight *s, int begin, int end)
{
    *sum = *most = 0;
    for (int cell = begin; cell < end; cell++) {
        const int i = weight_of(s, cell);

        if (i < 0 || i >= s->n)
            continue;
        *sum += (double)s->weight[i];
        *most = fmax(*most, (double)s->weight[i]);
    }
}

static void add_masses(struct watch *w, const struct session_sight *s)
{
    double *to = w->masses + (size_t)(s->head / w->group) * (size_t)w->cells;
    const double share = (double)s->share / w->rows;

    for (int i = 0; i < s->n; i++) {
        const int cell = i < s->split ? s->first + i : s->second + i - s->split;

        if (cell < w->cells)
            to[cell] += share * (double)s->weight[i];
    }
}

static void see(const struct session_sight *s, void *payload)
{
    struct watch *w = payload;
    const int head = w->place[s->layer * w->heads_per_layer + s->head];
    const size_t at = sheet_at(&w->sheet, head, s->row);
    double rest = 1;

    for (int i = 0; i < w->n; i++) {
        const struct watch_range *p = &w->passages[i];
        double sum, most;

        if (p->begin == p->end) {
            w->sheet.log_sums[at + (size_t)i] = w->sheet.largest[at + (size_t)i] = -INFINITY;
            continue;
        }
        sum_cells(&sum, &most, s, p->begin, p->end);
        rest -= sum * (double)s->share;
        w->sheet.log_sums[at + (size_t)i] = (float)log(fmax(sum * (double)s->share, LEAST));
        w->sheet.largest[at + (size_t)i] = (float)log(fmax(most * (double)s->share, LEAST));
    }
    w->sheet.rest[(size_t)head * (size_t)w->rows + (size_t)s->row] = (float)log(fmax(rest, LEAST));
    if (w->keeps_masses)
        add_masses(w, s);
}

/* ---- opening ---- */

static int watch_heads(struct watch *w, const struct profile_head *heads, struct err *err)
{
    const size_t all = (size_t)w->layers * (size_t)w->heads_per_layer;

    w->watched = mem_zalloc(all, 1);
    w->place = mem_zalloc(all, sizeof *w->place);
    if (!w->watched || !w->place)
        return err_nomem(err);
    for (int i = 0; i < w->n_heads; i++) {
        const size_t at =
            heads ? (size_t)heads[i].layer * (size_t)w->heads_per_layer + (size_t)heads[i].head
                  : (size_t)i;

        if (at >= all || (heads && heads[i].head >= w->heads_per_layer))
            return err_set(err, E_INVALID, "the model has no head %d in layer %d", heads[i].head,
                           heads[i].layer);
        w->watched[at] = 1;
        w->place[at] = i;
    }
    w->tap = (struct session_tap){.watched = w->watched, .see = see, .payload = w};
    return 0;
}

int watch_open(struct watch **out, const struct decoder_config *c, int layers,
               const struct profile_head *heads, int n_heads, int masses, struct err *err)
{
    struct watch *w = mem_zalloc(1, sizeof *w);
    int rc;

    if (!w)
        return err_nomem(err);
    w->layers = layers;
    w->heads_per_layer = c->heads;
    w->kv_heads = c->kv_heads;
    w->group = c->heads / c->kv_heads;
    w->n_heads = heads ? n_heads : layers * c->heads;
    w->keeps_masses = masses;
    rc = watch_heads(w, heads, err);
    if (rc)
        watch_close(w);
    else
        *out = w;
    return rc;
}

void watch_close(struct watch *w)
{
    if (!w)
        return;
    sheet_clear(&w->sheet);
    mem_free(w->watched);
    mem_free(w->place);
    mem_free(w->masses);
    mem_free(w);
}

int watch_begin(struct watch *w, const struct watch_range *passages, int n, int cells, int rows,
                int words_begin, int words_end, struct err *err)
{
    const size_t masses = (size_t)w->kv_heads * (size_t)cells;
    int rc;

    sheet_clear(&w->sheet);
    rc = sheet_new(&w->sheet, w->n_heads, rows, n, err);
    if (!rc && w->keeps_masses &&
        mem_reserve((void **)&w->masses, &w->cap_masses, masses, sizeof *w->masses))
        rc = err_nomem(err);
    if (rc)
        return rc;
    if (w->keeps_masses)
        memset(w->masses, 0, masses * sizeof *w->masses);
    w->passages = passages;
    w->n = n;
    w->cells = cells;
    w->rows = rows;
    w->sheet.words_begin = words_begin;
    w->sheet.words_end = words_end;
    return 0;
}

const struct session_tap *watch_tap(const struct watch *w) { return &w->tap; }
const struct sheet *watch_sheet(const struct watch *w) { return &w->sheet; }

const double *watch_masses(struct watch *w)
{
    for (int k = 1; k < w->kv_heads; k++)
        for (size_t i = 0; i < (size_t)w->cells; i++)
            w->masses[i] += w->masses[(size_t)k * (size_t)w->cells + i];
    return w->masses;
}
