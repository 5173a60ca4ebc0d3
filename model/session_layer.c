/* session_layer.c -- one layer, in two ways that threads can share it.
 *
 * Many tokens: each thread takes blocks of tokens and reads all weights.  Few: each takes some columns of every product, so
 * that weights are read once, which is what a few tokens cost.  Both give the same bits.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "model/session_inside.h"

/* One token's queries go where attention reads them; its keys and values into its cell. */
static void place_token(const struct session_pass *p, int layer, int row, float *qkv)
{
    struct session *s = p->s;
    const struct decoder *m = s->m;
    const struct decoder_config *c = &m->cfg;
    const struct decoder_layer *l = &m->layers[layer];
    const size_t d = (size_t)c->d, group = (size_t)(c->heads / c->kv_heads);
    const int cell = p->first + row;
    const float *turns = session_turns(s, layer);
    float *q = qkv, *k = q + (size_t)c->heads * d, *v = k + (size_t)c->kv_heads * d;

    for (int h = 0; h < c->heads + c->kv_heads; h++) {
        float *x = qkv + (size_t)h * d;
        const float *norm = h < c->heads ? l->q_norm : l->k_norm;

        if (norm)
            m->kernels->rms_norm(x, x, norm, c->eps, c->d);
        session_turn(x, turns, s->positions[cell], c->d);
    }
    if (s->is_coarse)
        session_round(qkv, (size_t)(c->heads + 2 * c->kv_heads) * d);
    for (int h = 0; h < c->kv_heads; h++) {
        cells_put(s, layer, h, cell, k + (size_t)h * d, v + (size_t)h * d);
        memcpy(s->queries + ((size_t)h * (size_t)s->room + (size_t)row) * group * d,
               q + (size_t)h * group * d, group * d * sizeof *q);
    }
}

static void norm_rows(float *to, const struct decoder *m, const float *x, const float *norm,
                      int rows)
{
    const size_t D = (size_t)m->cfg.D;

    for (size_t i = 0; i < (size_t)rows; i++)
        m->kernels->rms_norm(to + i * D, x + i * D, norm, m->cfg.eps, m->cfg.D);
}

/* Queries, keys and values of m tokens from row t on. */
static int project(const struct session_pass *p, struct session_hand *h, int layer, int t, int m)
{
    struct session *s = p->s;
    const struct decoder_config *c = &s->m->cfg;
    const struct decoder_layer *l = &s->m->layers[layer];
    const size_t D = (size_t)c->D, wide = (size_t)((c->heads + 2 * c->kv_heads) * c->d);
    int rc;

    norm_rows(h->norm, s->m, s->x + (size_t)t * D, l->norm, m);
    rc = linear_run(h->wide, l->qkv, s->m->kernels, h->linear, h->norm, m, NULL, &h->err);
    for (int i = 0; i < m && !rc; i++)
        place_token(p, layer, t + i, h->wide + (size_t)i * wide);
    return rc;
}

/* x += y, or its norm. */
static void add_rows(const struct decoder *m, float *x, float *y, const float *norm, int rows)
{
    const int D = m->cfg.D;

    for (int i = 0; i < rows; i++, x += D, y += D) {
        if (norm)
            m->kernels->rms_norm(y, y, norm, m->cfg.eps, D);
        m->kernels->add(x, y, D);
    }
}

/* One thread's part of act(x gate^T) * (x up^T), wide [rows, F]. */
static int gated(const struct decoder *m, const struct decoder_layer *l, struct session_hand *h,
                 float *wide, const float *x, int rows, int part, int parts)
{
    return linear_run_gated(
        wide, wide + GEMM_ROWS * (size_t)m->cfg.F, l->gate, l->up, m->kernels, h->linear, x, rows,
        m->cfg.arch->uses_gelu ? m->kernels->gelu_tanh : m->kernels->silu, part, parts, &h->err);
}

/* What follows attention, for m tokens from row t on. */
static int finish(const struct session_pass *p, struct session_hand *h, int layer, int t, int rows)
{
    struct session *s = p->s;
    const struct decoder *m = s->m;
    const struct decoder_config *c = &m->cfg;
    const struct decoder_layer *l = &m->layers[layer];
    const size_t D = (size_t)c->D;
    float *x = s->x + (size_t)t * D;
    int rc = linear_run(h->y, l->out, m->kernels, h->linear,
                        s->context + (size_t)t * (size_t)(c->heads * c->d), rows, NULL, &h->err);

    if (rc)
        return rc;
    add_rows(m, x, h->y, l->out_norm, rows);
    norm_rows(h->norm, m, x, l->feed_norm, rows);
    rc = gated(m, l, h, h->wide, h->norm, rows, 0, 1);
    if (rc)
        return rc;
    rc = linear_run(h->y, l->down, m->kernels, h->linear, h->wide, rows, NULL, &h->err);
    if (!rc)
        add_rows(m, x, h->y, l->down_norm, rows);
    return rc;
}

/* ---- the two ways to share a layer ---- */

typedef int step_fn(const struct session_pass *p, struct session_hand *h, int layer, int t, int m);

/* Runs a step over all blocks, which threads take as they come to it; nothing any more once it failed. */
static void each_block(step_fn *step, const struct session_pass *p, int layer, int rank)
{
    struct session_hand *h = &p->s->hands[rank];
    struct pool *team = p->s->team;

    for (int i = pool_take(team, -1), t; (t = i * p->block) < p->T; i = pool_take(team, i))
        if (!h->err.code)
            step(p, h, layer, t, p->T - t < p->block ? p->T - t : p->block);
}

void session_layer_by_tokens(const struct session_pass *p, int layer, int rank)
{
    struct pool *team = p->s->team;

    each_block(project, p, layer, rank);
    pool_meet(team);
    session_ask(p, layer, rank);
    if (session_ends_at(p, layer))
        return;
    session_attend(p, layer, rank);
    pool_meet(team);
    each_block(finish, p, layer, rank);
    pool_meet(team);
}

/* A product that all threads share, into rows of the first one's memory; then they meet. */
static void share(const struct session_pass *p, int rank, float *y, const struct linear *l,
                  const float *x)
{
    struct session_hand *h = &p->s->hands[rank];

    if (!h->err.code)
        linear_run_part(y, l, p->s->m->kernels, h->linear, x, p->T, rank, p->s->n_hands, &h->err);
    pool_meet(p->s->team);
}

void session_layer_by_columns(const struct session_pass *p, int layer, int rank)
{
    struct session *s = p->s;
    const struct decoder *m = s->m;
    const struct decoder_layer *l = &m->layers[layer];
    const size_t width = (size_t)((m->cfg.heads + 2 * m->cfg.kv_heads) * m->cfg.d);
    float *norm = s->hands[rank].norm, *wide = s->hands[0].wide, *y = s->hands[0].y;

    norm_rows(norm, m, s->x, l->norm, p->T);
    share(p, rank, wide, l->qkv, norm);
    for (int t = 0; t < p->T && !rank; t++)
        place_token(p, layer, t, wide + (size_t)t * width);
    pool_meet(s->team);
    session_ask(p, layer, rank);
    if (session_ends_at(p, layer))
        return;
    session_attend(p, layer, rank);
    pool_meet(s->team);
    share(p, rank, y, l->out, s->context);
    if (!rank)
        add_rows(m, s->x, y, l->out_norm, p->T);
    pool_meet(s->team);
    norm_rows(norm, m, s->x, l->feed_norm, p->T);
    if (!s->hands[rank].err.code)
        gated(m, l, &s->hands[rank], wide, norm, p->T, rank, s->n_hands);
    pool_meet(s->team);
    share(p, rank, y, l->down, wide);
    if (!rank)
        add_rows(m, s->x, y, l->down_norm, p->T);
    pool_meet(s->team);
}
