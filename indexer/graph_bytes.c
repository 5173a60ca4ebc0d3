/* graph_bytes.c -- a graph as bytes, and back: every number is checked; see FORMAT.md, "graph". */
/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "indexer/graph.h"

enum { ROOM_MOST = 2 * GRAPH_DEGREE };

void graph_free(struct graph *g)
{
    if (!g)
        return;
    mem_free(g->links);
    mem_free(g->starts);
    mem_free(g->start_codes);
    mem_free(g);
}

void graph_put_head(struct buf *out, const struct graph *g)
{
    buf_u32(out, g->n);
    buf_varint(out, GRAPH_DEGREE);
    buf_varint(out, g->n_starts);
    for (uint32_t i = 0; i < g->n_starts; i++)
        buf_u32(out, g->starts[i]);
}

static int by_number(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

void graph_put_node(struct buf *out, const struct graph *g, uint32_t node)
{
    uint32_t links[ROOM_MOST] = {0}, n = 0, next = 0;

    for (; n < g->room && g->links[(size_t)node * g->room + n] != GRAPH_NONE; n++)
        links[n] = g->links[(size_t)node * g->room + n];
    qsort(links, n, sizeof *links, by_number);
    buf_varint(out, n);
    for (uint32_t i = 0; i < n; i++) {
        buf_varint(out, links[i] - next);
        next = links[i] + 1;
    }
}

/* ---- reading ---- */

static const char *read_node(struct graph *g, uint32_t node, struct bytes *r)
{
    uint32_t *links = g->links + (size_t)node * g->room;
    uint64_t n = bytes_varint(r), next = 0;

    if (n > g->room)
        return "a node has too many neighbours";
    for (uint64_t i = 0; i < n; i++) {
        uint64_t gap = bytes_varint(r);

        if (gap >= g->n || next + gap >= g->n || next + gap == node)
            return "a node has a neighbour that cannot be";
        links[i] = (uint32_t)(next + gap);
        next += gap + 1;
    }
    for (uint64_t i = n; i < g->room; i++)
        links[i] = GRAPH_NONE;
    return NULL;
}

static const char *read_starts(struct graph *g, const struct codes *c, struct bytes *r)
{
    for (uint32_t i = 0; i < g->n_starts; i++) {
        uint32_t node = bytes_u32(r);

        if (node >= g->n)
            return "it begins at a node that is not there";
        g->starts[i] = node;
        memcpy(g->start_codes + i * c->stride, c->high + node * c->stride, c->stride);
    }
    return NULL;
}

static const char *read_head(struct graph *g, const struct codes *c, struct bytes *r)
{
    uint64_t room, n_starts;

    g->n = bytes_u32(r);
    room = bytes_varint(r);
    n_starts = bytes_varint(r);
    if (g->n != c->n || !g->n)
        return "it is of another number of vectors";
    if (!room || room > ROOM_MOST)
        return "its nodes have too many neighbours";
    if (!n_starts || n_starts > g->n || n_starts > (uint64_t)(r->end - r->p) / 4)
        return "it begins at too many nodes";
    if (g->n > (uint64_t)(r->end - r->p)) /* a byte a node at least */
        return "it is too short";
    g->room = (uint32_t)room;
    g->n_starts = (uint32_t)n_starts;
    return NULL;
}

int graph_read(struct graph **out, const char **wrong, const struct codes *c,
               const unsigned char *p, size_t n)
{
    struct bytes r = {p, p + n, 0};
    struct graph *g = mem_zalloc(1, sizeof *g);
    int rc = 0;

    *wrong = NULL;
    if (!g)
        return E_NOMEM;
    *wrong = read_head(g, c, &r);
    if (!*wrong) {
        g->links = mem_alloc(g->n, g->room * sizeof *g->links);
        g->starts = mem_alloc(g->n_starts, sizeof *g->starts);
        g->start_codes = mem_alloc_aligned(g->n_starts, c->stride);
        if (!g->links || !g->starts || !g->start_codes)
            rc = E_NOMEM;
        else
            *wrong = read_starts(g, c, &r);
    }
    for (uint32_t i = 0; !rc && !*wrong && i < g->n; i++)
        *wrong = read_node(g, i, &r);
    if (!rc && !*wrong && (r.bad || r.p != r.end))
        *wrong = r.bad ? "it ends too early" : "it is too long";
    if (!rc && *wrong)
        rc = E_FORMAT;
    if (rc)
        graph_free(g);
    else
        *out = g;
    return rc;
}
