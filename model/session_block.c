/* session_block.c -- cells out of a session, and back into one, or all of them into another.
 *
 * Of each layer and key head: keys, channel by channel, then values, cell by cell; numbers as the session has them.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "model/session_inside.h"

size_t session_block_bytes(const struct session *s, int n)
{
    const struct decoder_config *c = &s->m->cfg;

    return 2 * (size_t)s->m->n_layers * (size_t)c->kv_heads * (size_t)c->d * (size_t)n *
           cells_bytes(s);
}

/* ---- cells ---- */

/* A stretch of cells that lie in one tile: cells first + at .. + n. */
struct piece {
    int at, n;
    size_t offset; /* in the keys of a head */
};

static struct piece piece_at(int first, int at, int n, int d)
{
    const int cell = first + at, in = cell % KEY_TILE, left = n - at;

    return (struct piece){at, left < KEY_TILE - in ? left : KEY_TILE - in,
                          (size_t)(cell - in) * (size_t)d + (size_t)in};
}

/* Where the block has what a head of a layer keeps. */
static size_t head_at(const struct session *s, int layer, int head, int n)
{
    const struct decoder_config *c = &s->m->cfg;

    return 2 * ((size_t)layer * (size_t)c->kv_heads + (size_t)head) * (size_t)n * (size_t)c->d;
}

static void save(unsigned char *block, const struct session *s, int first, int n, int layer)
{
    const struct decoder_config *c = &s->m->cfg;
    const size_t d = (size_t)c->d, size = (size_t)n, each = cells_bytes(s);

    for (int h = 0; h < c->kv_heads; h++) {
        const unsigned char *keys = session_keys(s, layer, h),
                            *values = session_values(s, layer, h);
        unsigned char *to = block + head_at(s, layer, h, n) * each;

        for (struct piece p = piece_at(first, 0, n, c->d); p.at < n;
             p = piece_at(first, p.at + p.n, n, c->d))
            for (size_t i = 0; i < d; i++)
                memcpy(to + (i * size + (size_t)p.at) * each,
                       keys + (p.offset + i * KEY_TILE) * each, (size_t)p.n * each);
        memcpy(to + size * d * each, values + (size_t)first * d * each, size * d * each);
    }
}

void session_save(void *out, const struct session *s, int first, int n)
{
    for (int layer = 0; layer < s->m->n_layers; layer++)
        save(out, s, first, n, layer);
}

static void load(struct session *s, const unsigned char *block, int first, int n, int layer)
{
    const struct decoder_config *c = &s->m->cfg;
    const size_t d = (size_t)c->d, size = (size_t)n, each = cells_bytes(s);

    for (int h = 0; h < c->kv_heads; h++) {
        unsigned char *keys = session_keys(s, layer, h), *values = session_values(s, layer, h);
        const unsigned char *from = block + head_at(s, layer, h, n) * each;

        for (struct piece p = piece_at(first, 0, n, c->d); p.at < n;
             p = piece_at(first, p.at + p.n, n, c->d))
            for (size_t i = 0; i < d; i++)
                memcpy(keys + (p.offset + i * KEY_TILE) * each,
                       from + (i * size + (size_t)p.at) * each, (size_t)p.n * each);
        memcpy(values + (size_t)first * d * each, from + size * d * each, size * d * each);
    }
}

/* A block on its way: layers are tasks. */
struct loading {
    struct session *s;
    const void *block;
    int first, n;
};

static int load_layer(int task, int worker, void *payload)
{
    const struct loading *job = payload;

    (void)worker;
    load(job->s, job->block, job->first, job->n, task);
    return 0;
}

int session_load(struct session *s, const void *block, int n, int position, struct err *err)
{
    struct loading job = {s, block, s->n_cells, n};

    if (n < 1 || n > s->max_cells - s->n_cells || position < 1 ||
        n > s->max_positions - (position - 1))
        return err_set(err, E_LIMIT, "%d tokens behind %d: there is room for %d", n, s->n_cells,
                       s->max_cells);
    pool_run(s->team, s->m->n_layers, load_layer, &job);
    for (int i = 0; i < n; i++) {
        s->positions[s->n_cells + i] = position - 1 + i;
        s->is_plain = s->is_plain && position - 1 == s->n_cells;
    }
    s->n_cells += n;
    return 0;
}

/* ---- all of them ---- */

static void copy_layer(struct session *to, const struct session *from, int layer)
{
    const struct decoder_config *c = &from->m->cfg;
    const size_t cell = (size_t)c->d * cells_bytes(from);
    const int tiles = (from->n_cells + KEY_TILE - 1) / KEY_TILE * KEY_TILE;

    for (int h = 0; h < c->kv_heads; h++) {
        memcpy(session_keys(to, layer, h), session_keys(from, layer, h), (size_t)tiles * cell);
        memcpy(session_values(to, layer, h), session_values(from, layer, h),
               (size_t)from->n_cells * cell);
    }
}

int session_fork(struct session **out, const struct session *s, int max_cells, struct pool *team,
                 struct err *err)
{
    struct session *copy = NULL;
    int rc;

    if (max_cells < s->n_cells)
        return err_set(err, E_LIMIT, "room for %d tokens: %d were read", max_cells, s->n_cells);
    rc = session_new(&copy, s->m, max_cells, team, err);
    if (rc)
        return rc;
    for (int layer = 0; layer < s->m->n_layers; layer++)
        copy_layer(copy, s, layer);
    memcpy(copy->positions, s->positions, (size_t)s->n_cells * sizeof *s->positions);
    copy->n_cells = s->n_cells;
    copy->is_plain = s->is_plain;
    *out = copy;
    return 0;
}
