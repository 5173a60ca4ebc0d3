/* graph_walk.c -- the walk: always on from the best node whose neighbours were not visited, until the best ef are done.
 *
 * Time goes into waiting for memory, so the rows of all new neighbours are asked for before the first is compared.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/mem.h"
#include "indexer/graph.h"

enum { AHEAD = 4 /* rows asked for before the one in hand */, LINE = 64 };

int walker_new(struct walker **out, uint32_t n_nodes, struct err *err)
{
    struct walker *w = mem_zalloc(1, sizeof *w);

    if (w)
        w->seen = mem_alloc(((size_t)n_nodes + 63) / 64, sizeof *w->seen);
    if (!w || !w->seen) {
        walker_free(w);
        return err_nomem(err);
    }
    w->n_nodes = n_nodes;
    *out = w;
    return 0;
}

void walker_free(struct walker *w)
{
    if (!w)
        return;
    mem_free(w->seen);
    mem_free(w->spots);
    mem_free(w);
}

static int see(struct walker *w, uint32_t node)
{
    uint64_t bit = (uint64_t)1 << (node & 63), *word = &w->seen[node >> 6];
    int is_new = !(*word & bit);

    *word |= bit;
    return is_new;
}

static void ask_for(const struct codes *c, uint32_t node)
{
    const uint8_t *row = c->high + node * c->stride;

    for (size_t at = 0; at < c->stride; at += LINE)
        __builtin_prefetch(row + at);
    __builtin_prefetch(&c->scale[node]);
}

static int is_better(struct spot a, float score, uint32_t node)
{
    return a.score > score || (a.score == score && (a.node & ~(uint32_t)SPOT_DONE) < node);
}

/* Keeps a node if it is among the best ef.  Returns its place, or ef. */
static size_t keep(struct walker *w, float score, uint32_t node, size_t ef)
{
    size_t low = 0, high = w->n;

    if (w->n == ef && is_better(w->spots[ef - 1], score, node))
        return ef;
    while (low < high) {
        size_t mid = (low + high) / 2;

        if (is_better(w->spots[mid], score, node))
            low = mid + 1;
        else
            high = mid;
    }
    w->n += w->n < ef;
    memmove(w->spots + low + 1, w->spots + low, (w->n - low - 1) * sizeof *w->spots);
    w->spots[low] = (struct spot){score, node};
    return low;
}

/* Begins at the best of the starts. */
static void begin(struct walker *w, const struct graph *g, const struct codes *c,
                  const struct goal *goal, uint32_t n_starts, size_t ef)
{
    struct spot best = {0};

    for (uint32_t i = 0; i < n_starts; i++) {
        uint32_t node = g->starts[i];
        const uint8_t *row =
            g->start_codes ? g->start_codes + i * c->stride : c->high + node * c->stride;
        float score = goal_score(goal, c, row, node);

        if (i == 0 || score > best.score)
            best = (struct spot){score, node};
    }
    see(w, best.node);
    keep(w, best.score, best.node, ef);
}

/* Visits the neighbours of a node.  Returns the best place that one of them took, or ef. */
static size_t visit(struct walker *w, const struct graph *g, const struct codes *c,
                    const struct goal *goal, uint32_t node, size_t ef)
{
    const uint32_t *links = g->links + (size_t)node * g->room;
    uint32_t fresh[2 * GRAPH_DEGREE], n = 0;
    size_t first = ef;

    for (uint32_t k = 0; k < g->room && links[k] != GRAPH_NONE; k++) {
        fresh[n] = links[k];
        n += (uint32_t)see(w, links[k]);
    }
    for (uint32_t k = 0; k < AHEAD && k < n; k++)
        ask_for(c, fresh[k]);
    for (uint32_t k = 0; k < n; k++) {
        size_t place;

        if (k + AHEAD < n)
            ask_for(c, fresh[k + AHEAD]);
        place =
            keep(w, goal_score(goal, c, c->high + fresh[k] * c->stride, fresh[k]), fresh[k], ef);
        first = place < first ? place : first;
    }
    return first;
}

int graph_walk(struct walker *w, const struct graph *g, const struct codes *c,
               const struct goal *goal, uint32_t n_starts, size_t ef, struct err *err)
{
    if (mem_reserve((void **)&w->spots, &w->cap, ef + 1, sizeof *w->spots))
        return err_nomem(err);
    memset(w->seen, 0, ((size_t)w->n_nodes + 63) / 64 * sizeof *w->seen);
    w->n = 0;
    begin(w, g, c, goal, n_starts, ef);
    for (size_t at = 0; at < w->n;) {
        uint32_t node = w->spots[at].node;
        size_t first;

        if (node & SPOT_DONE) {
            at++;
            continue;
        }
        w->spots[at].node |= SPOT_DONE;
        first = visit(w, g, c, goal, node, ef);
        at = first <= at ? first : at + 1;
    }
    for (size_t i = 0; i < w->n; i++)
        w->spots[i].node &= ~(uint32_t)SPOT_DONE;
    return 0;
}
