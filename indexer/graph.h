/* graph.h -- a graph over vectors, on which a search walks from one to its neighbours, ever nearer to the query.
 *
 *     graph_build(&g, codes, pool, progress, payload, err);
 *     walker_new(&w, codes->n, ef, err);
 *     n = graph_search(w, g, codes, &probe, ef);       // w->spots[0..n): the nearest it met
 *
 * One layer of nodes with at most GRAPH_DEGREE neighbours each, chosen so that every direction is covered
 * (Malkov and Yashunin, "Efficient and robust approximate nearest neighbor search using hierarchical navigable
 * small world graphs", 2016; the rule with a factor: Subramanya et al., "DiskANN", 2019).  A sample of nodes, compared
 * one by one, stands for the upper layers: the best of it is where a walk begins.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef INDEXER_GRAPH_H
#define INDEXER_GRAPH_H

#include <stddef.h>
#include <stdint.h>

#include "base/pool.h"
#include "indexer/codes.h"
#include "indexer/index.h"

enum {
    GRAPH_DEGREE = 32,     /* most neighbours of a node */
    GRAPH_ENTRIES = 512,   /* nodes where walks may begin */
    GRAPH_EF = 96,         /* candidates that a walk keeps, if nothing is said */
    GRAPH_EF_BUILD = 96,   /* the same while a graph is built */
    GRAPH_NODES = 1 << 30, /* more than these have no graph */
};
#define GRAPH_NONE UINT32_MAX

struct graph {
    uint32_t n;
    uint32_t room;    /* places for neighbours of each node */
    uint32_t *links;  /* [n, room], GRAPH_NONE behind the last */
    uint32_t *starts; /* [n_starts] nodes where walks begin */
    uint32_t n_starts;
    uint8_t *start_codes; /* [n_starts, stride] their rows, side by side; NULL while it is built */
};

void graph_free(struct graph *g);

/* Builds the graph of all rows, which must have lengths; low is not needed.  The result does not depend on the number of threads.
 *
 * progress  called with "vectors linked"; may be NULL; non-zero: E_STOP.
 * Memory: 4 * (1.5 * GRAPH_DEGREE + 3) bytes a row beside the rows.  Source: insertion in batches, each searched in the graph
 * before it: Manohar et al., "ParlayANN: Scalable and Deterministic Parallel Graph-Based Approximate Nearest
 * Neighbor Search Algorithms", 2024. */
int graph_build(struct graph **out, const struct codes *c, struct pool *pool,
                index_progress_fn *progress, void *payload, struct err *err);

/* ---- as bytes; see FORMAT.md ---- */

/* Appends the head, or the neighbours of one node. */
void graph_put_head(struct buf *out, const struct graph *g);
void graph_put_node(struct buf *out, const struct graph *g, uint32_t node);

/* Reads it for rows c.  NULL in *wrong if it is well formed (or out of memory: E_NOMEM), else what is wrong with it: E_FORMAT. */
int graph_read(struct graph **out, const char **wrong, const struct codes *c,
               const unsigned char *p, size_t n);

/* ---- walking ---- */

/* A node met on a walk. */
struct spot {
    float score;
    uint32_t node; /* with SPOT_DONE: its neighbours were visited */
};
enum { SPOT_DONE = 1 << 30 };

/* What a walk needs; one thread at a time. */
struct walker {
    uint64_t *seen;     /* [n / 64] bit set of nodes */
    struct spot *spots; /* [ef] the best met, best first */
    size_t n, cap;
    uint32_t n_nodes;
};
int walker_new(struct walker **out, uint32_t n_nodes, struct err *err);
void walker_free(struct walker *w);

/* Where a walk goes: comparing rows with this. */
struct goal {
    const int8_t *bytes; /* [stride] */
    int32_t bias;        /* 128 * their sum */
    float scale;         /* of a product */
    const float *lift;   /* [n] of each row, or NULL */
    float own_lift;      /* adds own_lift * lift[i] */
};

/* Finds the ef nodes nearest to the goal: w->spots[0..w->n), best first, node numbers without SPOT_DONE.
 * n_starts  of g->starts that may be used.  E_NOMEM. */
int graph_walk(struct walker *w, const struct graph *g, const struct codes *c,
               const struct goal *goal, uint32_t n_starts, size_t ef, struct err *err);

static inline float goal_score(const struct goal *t, const struct codes *c, const uint8_t *row,
                               uint32_t i)
{
    float score =
        t->scale * c->scale[i] * (float)(c->dots->bytes(row, t->bytes, c->stride) - t->bias);

    return t->lift ? score + t->own_lift * t->lift[i] : score;
}

#endif
