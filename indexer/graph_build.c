/* graph_build.c -- the graph, from batches of rows in a shuffled order.
 *
 * The rows of a batch are searched in the graph of the batches before, at the same time and without seeing each other;
 * then what they found is linked back, each node by one task.  So nothing depends on which thread does what.
 *
 * A node p takes a candidate c as neighbour unless it has one, s, that is much nearer to c than p is:
 * SPREAD * |s - c|^2 <= |p - c|^2.  Vectors of unequal length get one more number, lift, that makes all equally long:
 * then the nearest of a query, whose own lift is 0, are those with the largest products
 * (Bachrach et al., "Speeding up the Xbox recommender system using a Euclidean transformation", 2014).
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "indexer/graph.h"

enum {
    ROOM = GRAPH_DEGREE + GRAPH_DEGREE / 2, /* neighbours of a node before they are chosen anew */
    TASK = 32,                              /* nodes of a task */
    BATCH_MOST = 8192,                      /* rows of a batch, */
    BATCH_SHARE = 16,                       /* and at most 1/16 of those before */
};
#define SPREAD 1.2f

/* What one thread works with. */
struct hand {
    struct walker *walker;
    int8_t *
        bytes; /* [1 + GRAPH_DEGREE, stride]: the node's own, then those of the neighbours it has chosen */
    struct spot *spots; /* [cap] candidates */
    size_t cap;
};

struct builder {
    const struct codes *c;
    struct graph *g;
    struct pool *pool;
    uint32_t *order; /* [n] rows as they are put in */
    float *lift;     /* [n], or NULL: all vectors are about equally long */
    float top;       /* the longest, squared */
    struct hand *hands;
    uint32_t first, end; /* the batch, in order */
    uint32_t *n_back;  /* [n + 1] links to a node from this batch, then where they begin in back */
    uint32_t *back;    /* [BATCH_MOST * GRAPH_DEGREE] nodes that link to it */
    uint32_t *targets; /* [n_targets] nodes that are linked to */
    uint32_t n_targets;
    struct err *err;
};

/* ---- choosing neighbours ---- */

/* A row as a goal: its bytes with sign to `bytes`. */
static struct goal goal_of(const struct builder *b, int8_t *bytes, uint32_t node)
{
    const uint8_t *row = b->c->high + node * b->c->stride;
    struct goal t = {.bytes = bytes, .scale = 65536 * b->c->scale[node], .lift = b->lift};
    int32_t sum = 0;

    for (size_t at = 0; at < b->c->stride; at += DOTS_STEP)
        for (size_t i = at; i < at + DOTS_STEP; i++) {
            bytes[i] = (int8_t)(row[i] ^ 0x80);
            sum += bytes[i];
        }
    t.bias = 128 * sum;
    t.own_lift = b->lift ? b->lift[node] : 0;
    return t;
}

/* Chooses among candidates [n], nearest first, the neighbours of a node: to links [ROOM]. */
static void choose(struct builder *b, struct hand *h, uint32_t *links, uint32_t node,
                   const struct spot *spots, size_t n)
{
    const struct codes *c = b->c;
    struct goal kept[GRAPH_DEGREE];
    uint32_t n_kept = 0;

    for (size_t i = 0; i < n && n_kept < GRAPH_DEGREE; i++) {
        const uint8_t *row = c->high + spots[i].node * c->stride;
        float far = b->top - spots[i].score;
        uint32_t k = 0;

        if (spots[i].node == node)
            continue;
        while (k < n_kept && SPREAD * (b->top - goal_score(&kept[k], c, row, spots[i].node)) > far)
            k++;
        if (k < n_kept)
            continue;
        kept[n_kept] = goal_of(b, h->bytes + (n_kept + 1) * c->stride, spots[i].node);
        links[n_kept++] = spots[i].node;
    }
    for (uint32_t k = n_kept; k < ROOM; k++)
        links[k] = GRAPH_NONE;
}

static uint32_t count_links(const uint32_t *links)
{
    uint32_t n = 0;

    while (n < ROOM && links[n] != GRAPH_NONE)
        n++;
    return n;
}

static int spot_compare(const void *a, const void *b)
{
    const struct spot *x = a, *y = b;

    if (x->score != y->score)
        return x->score > y->score ? -1 : 1;
    return (x->node > y->node) - (x->node < y->node);
}

/* Chooses anew among the neighbours that a node has and `more`. */
static int choose_again(struct builder *b, struct hand *h, uint32_t node, const uint32_t *more,
                        uint32_t n_more)
{
    uint32_t *links = b->g->links + (size_t)node * ROOM, n = count_links(links);
    struct goal t;

    if (mem_reserve((void **)&h->spots, &h->cap, n + n_more, sizeof *h->spots))
        return E_NOMEM;
    t = goal_of(b, h->bytes, node);
    for (uint32_t i = 0; i < n + n_more; i++) {
        uint32_t other = i < n ? links[i] : more[i - n];

        h->spots[i].node = other;
        h->spots[i].score = goal_score(&t, b->c, b->c->high + other * b->c->stride, other);
    }
    qsort(h->spots, n + n_more, sizeof *h->spots, spot_compare);
    choose(b, h, links, node, h->spots, n + n_more);
    return 0;
}

/* ---- a batch ---- */

/* Finds the neighbours of some rows of the batch. */
static int find_some(int task, int worker, void *payload)
{
    struct builder *b = payload;
    struct hand *h = &b->hands[worker];
    uint32_t at = b->first + (uint32_t)task * TASK;

    for (uint32_t end = at + TASK < b->end ? at + TASK : b->end; at < end; at++) {
        uint32_t node = b->order[at],
                 n_starts = b->first < b->g->n_starts ? b->first : b->g->n_starts;
        struct goal t = goal_of(b, h->bytes, node);

        if (graph_walk(h->walker, b->g, b->c, &t, n_starts, GRAPH_EF_BUILD, NULL))
            return E_NOMEM;
        choose(b, h, b->g->links + (size_t)node * ROOM, node, h->walker->spots, h->walker->n);
    }
    return 0;
}

/* Sorts the links of the batch by where they go. */
static void turn_round(struct builder *b)
{
    uint32_t total = 0;

    b->n_targets = 0;
    for (uint32_t at = b->first; at < b->end; at++) {
        const uint32_t *links = b->g->links + (size_t)b->order[at] * ROOM;

        for (uint32_t k = 0; k < ROOM && links[k] != GRAPH_NONE; k++)
            if (!b->n_back[links[k]]++)
                b->targets[b->n_targets++] = links[k];
    }
    for (uint32_t i = 0; i < b->n_targets; i++) {
        total += b->n_back[b->targets[i]];
        b->n_back[b->targets[i]] = total;
    }
    for (uint32_t at = b->end; at-- > b->first;) {
        const uint32_t *links = b->g->links + (size_t)b->order[at] * ROOM;

        for (uint32_t k = 0; k < ROOM && links[k] != GRAPH_NONE; k++)
            b->back[--b->n_back[links[k]]] = b->order[at];
    }
}

/* Links some of the targets back. */
static int link_some(int task, int worker, void *payload)
{
    struct builder *b = payload;
    uint32_t at = (uint32_t)task * TASK;

    for (uint32_t end = at + TASK < b->n_targets ? at + TASK : b->n_targets; at < end; at++) {
        uint32_t node = b->targets[at], *links = b->g->links + (size_t)node * ROOM;
        uint32_t begin = b->n_back[node], n = count_links(links);
        uint32_t n_more =
            (at + 1 < b->n_targets ? b->n_back[b->targets[at + 1]] : b->n_back[b->g->n]) - begin;

        if (n + n_more > ROOM) {
            if (choose_again(b, &b->hands[worker], node, b->back + begin, n_more))
                return E_NOMEM;
        } else {
            memcpy(links + n, b->back + begin, n_more * sizeof *links);
        }
    }
    return 0;
}

static int tasks(uint32_t n) { return (int)((n + TASK - 1) / TASK); }

static int put_batch(struct builder *b)
{
    int rc = pool_run(b->pool, tasks(b->end - b->first), find_some, b);
    uint32_t n = 0;

    if (rc)
        return rc;
    turn_round(b);
    for (uint32_t at = b->first; at < b->end; at++)
        n += count_links(b->g->links + (size_t)b->order[at] * ROOM);
    b->n_back[b->g->n] = n;
    rc = pool_run(b->pool, tasks(b->n_targets), link_some, b);
    for (uint32_t i = 0; i < b->n_targets; i++)
        b->n_back[b->targets[i]] = 0;
    return rc;
}

/* No node keeps more than GRAPH_DEGREE. */
static int trim_some(int task, int worker, void *payload)
{
    struct builder *b = payload;
    uint32_t node = (uint32_t)task * TASK, end = node + TASK < b->g->n ? node + TASK : b->g->n;

    for (; node < end; node++)
        if (count_links(b->g->links + (size_t)node * ROOM) > GRAPH_DEGREE &&
            choose_again(b, &b->hands[worker], node, NULL, 0))
            return E_NOMEM;
    return 0;
}

/* ---- all of it ---- */

/* A fixed shuffle: neighbours in the index are often alike, and a graph wants to be begun everywhere. */
static void shuffle(uint32_t *order, uint32_t n)
{
    uint64_t x = 0x9e3779b97f4a7c15u;

    for (uint32_t i = 0; i < n; i++) {
        uint32_t at;

        x = x * 6364136223846793005u + 1442695040888963407u;
        at = (uint32_t)((x >> 32) * (i + 1) >> 32);
        order[i] = order[at];
        order[at] = i;
    }
}

/* Sets lift and top. */
static int lift_up(struct builder *b)
{
    const struct codes *c = b->c;
    float most = 0, least = INFINITY;

    for (uint32_t i = 0; i < c->n; i++) {
        most = c->length[i] > most ? c->length[i] : most;
        least = c->length[i] < least ? c->length[i] : least;
    }
    b->top = most * most;
    if (least > 0.999f * most)
        return 0;
    b->lift = mem_alloc(c->n, sizeof *b->lift);
    if (!b->lift)
        return E_NOMEM;
    for (uint32_t i = 0; i < c->n; i++)
        b->lift[i] = sqrtf(b->top - c->length[i] * c->length[i]);
    return 0;
}

static int prepare(struct builder *b)
{
    const uint32_t n = b->c->n;
    int n_hands = pool_size(b->pool);

    b->order = mem_alloc(n, sizeof *b->order);
    b->n_back = mem_zalloc((size_t)n + 1, sizeof *b->n_back);
    b->back = mem_alloc((size_t)BATCH_MOST * GRAPH_DEGREE, sizeof *b->back);
    b->targets = mem_alloc((size_t)BATCH_MOST * GRAPH_DEGREE, sizeof *b->targets);
    b->hands = mem_zalloc((size_t)n_hands, sizeof *b->hands);
    b->g = mem_zalloc(1, sizeof *b->g);
    if (!b->order || !b->n_back || !b->back || !b->targets || !b->hands || !b->g || lift_up(b))
        return E_NOMEM;
    b->g->n = n;
    b->g->room = ROOM;
    b->g->n_starts = n < GRAPH_ENTRIES ? n : GRAPH_ENTRIES;
    b->g->links = mem_alloc(n, ROOM * sizeof *b->g->links);
    b->g->starts = mem_alloc(b->g->n_starts, sizeof *b->g->starts);
    if (!b->g->links || !b->g->starts)
        return E_NOMEM;
    shuffle(b->order, n);
    memcpy(b->g->starts, b->order, b->g->n_starts * sizeof *b->g->starts);
    memset(b->g->links, 0xff, (size_t)n * ROOM * sizeof *b->g->links);
    for (int i = 0; i < n_hands; i++) {
        if (walker_new(&b->hands[i].walker, n, NULL))
            return E_NOMEM;
        b->hands[i].bytes = mem_alloc(1 + GRAPH_DEGREE, b->c->stride);
        if (!b->hands[i].bytes)
            return E_NOMEM;
    }
    return 0;
}

static int build(struct builder *b, index_progress_fn *progress, void *payload)
{
    int rc = 0;

    for (b->first = 1; !rc && b->first < b->c->n; b->first = b->end) {
        uint32_t n = b->first / BATCH_SHARE + 1;

        n = n < BATCH_MOST ? n : BATCH_MOST;
        b->end = n < b->c->n - b->first ? b->first + n : b->c->n;
        rc = put_batch(b);
        if (!rc && progress && progress("vectors linked", b->end, b->c->n, payload))
            rc = err_set(b->err, E_STOP, "stopped; the last commit stands");
    }
    return rc ? rc : pool_run(b->pool, tasks(b->c->n), trim_some, b);
}

int graph_build(struct graph **out, const struct codes *c, struct pool *pool,
                index_progress_fn *progress, void *payload, struct err *err)
{
    struct builder b = {.c = c, .pool = pool, .err = err};
    int rc = prepare(&b);

    rc = rc ? rc : build(&b, progress, payload);
    if (rc == E_NOMEM)
        rc = err_nomem(err);
    for (int i = 0; b.hands && i < pool_size(pool); i++) {
        walker_free(b.hands[i].walker);
        mem_free(b.hands[i].bytes);
        mem_free(b.hands[i].spots);
    }
    mem_free(b.hands);
    mem_free(b.order);
    mem_free(b.lift);
    mem_free(b.n_back);
    mem_free(b.back);
    mem_free(b.targets);
    if (rc)
        graph_free(b.g);
    else
        *out = b.g;
    return rc;
}
