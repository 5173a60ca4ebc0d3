/* session_block.c -- cells out of a session, and back into one.
 *
 * Of each layer and key head: keys, channel by channel, then values, cell by cell.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "model/session_inside.h"

size_t session_block_size(const struct session *s, int n)
{
    const struct decoder_config *c = &s->m->cfg;

    return 2 * (size_t)s->m->n_layers * (size_t)c->kv_heads * (size_t)c->d * (size_t)n;
}

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

void session_save(float *out, const struct session *s, int first, int n)
{
    const struct decoder_config *c = &s->m->cfg;
    const size_t d = (size_t)c->d, size = (size_t)n;

    for (int layer = 0; layer < s->m->n_layers; layer++)
        for (int h = 0; h < c->kv_heads; h++, out += 2 * size * d) {
            const float *keys = session_keys(s, layer, h);

            for (struct piece p = piece_at(first, 0, n, c->d); p.at < n;
                 p = piece_at(first, p.at + p.n, n, c->d))
                for (size_t i = 0; i < d; i++)
                    memcpy(out + i * size + (size_t)p.at, keys + p.offset + i * KEY_TILE,
                           (size_t)p.n * sizeof *out);
            memcpy(out + size * d, session_values(s, layer, h) + (size_t)first * d,
                   size * d * sizeof *out);
        }
}

static void load(struct session *s, const float *block, int first, int n, int layer)
{
    const struct decoder_config *c = &s->m->cfg;
    const size_t d = (size_t)c->d, size = (size_t)n;

    block += (size_t)layer * (size_t)c->kv_heads * 2 * size * d;
    for (int h = 0; h < c->kv_heads; h++, block += 2 * size * d) {
        float *keys = session_keys(s, layer, h);

        for (struct piece p = piece_at(first, 0, n, c->d); p.at < n;
             p = piece_at(first, p.at + p.n, n, c->d))
            for (size_t i = 0; i < d; i++)
                memcpy(keys + p.offset + i * KEY_TILE, block + i * size + (size_t)p.at,
                       (size_t)p.n * sizeof *keys);
        memcpy(session_values(s, layer, h) + (size_t)first * d, block + size * d,
               size * d * sizeof *block);
    }
}

/* A block on its way: layers are tasks. */
struct loading {
    struct session *s;
    const float *block;
    int first, n;
};

static int load_layer(int task, int worker, void *payload)
{
    const struct loading *job = payload;

    (void)worker;
    load(job->s, job->block, job->first, job->n, task);
    return 0;
}

int session_load(struct session *s, const float *block, int n, int position, struct err *err)
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
