/* session.c -- tokens through the layers.
 *
 *     x = word[id]
 *     per layer:  q, k, v = W norm(x), turned by RoPE;   x += O attention(q, k, v);   x += D (act(G norm(x)) * U norm(x))
 *
 * A chunk's tokens go through a layer together, a block of them a thread; threads meet before attention, which
 * needs the keys of all, and after it.
 * Sources: Vaswani et al., "Attention is all you need", 2017; Su et al., "RoFormer", 2021; Ainslie et al., "GQA", 2023.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <math.h>
#include <string.h>

#include "model/session_inside.h"

/* ---- one layer ---- */

/* x [d] turned by its position's angles. */
static void turn(float *x, const float *turns, int d)
{
    const int half = d / 2;

    for (int i = 0; i < half; i++) {
        const float a = x[i], b = x[half + i];

        x[i] = a * turns[i] - b * turns[half + i];
        x[half + i] = b * turns[i] + a * turns[half + i];
    }
}

/* One token's queries go where attention reads them; its keys and values into its cell. */
static void place_token(const struct session_pass *p, int layer, int row, float *qkv)
{
    struct session *s = p->s;
    const struct decoder *m = s->m;
    const struct decoder_config *c = &m->cfg;
    const struct decoder_layer *l = &m->layers[layer];
    const size_t d = (size_t)c->d, group = (size_t)(c->heads / c->kv_heads);
    const int cell = p->first + row;
    const float *table = decoder_sees_all(c, layer) || !s->local_turns ? s->turns : s->local_turns;
    const float *turns = table + (size_t)s->positions[cell] * d;
    float *q = qkv, *k = q + (size_t)c->heads * d, *v = k + (size_t)c->kv_heads * d;

    for (int h = 0; h < c->heads + c->kv_heads; h++) {
        float *x = qkv + (size_t)h * d;
        const float *norm = h < c->heads ? l->q_norm : l->k_norm;

        if (norm)
            m->kernels->rms_norm(x, x, norm, c->eps, c->d);
        turn(x, turns, c->d);
    }
    for (int h = 0; h < c->kv_heads; h++) {
        float *to = session_keys(s, layer, h) + (size_t)(cell / KEY_TILE * KEY_TILE) * d +
                    (size_t)(cell % KEY_TILE);

        for (size_t i = 0; i < d; i++)
            to[i * KEY_TILE] = k[(size_t)h * d + i];
        memcpy(session_values(s, layer, h) + (size_t)cell * d, v + (size_t)h * d, d * sizeof *v);
        memcpy(s->queries + ((size_t)h * SESSION_CHUNK + (size_t)row) * group * d,
               q + (size_t)h * group * d, group * d * sizeof *q);
    }
}

/* Queries, keys and values of m tokens from row t on. */
static int project(const struct session_pass *p, struct session_hand *h, int layer, int t, int m)
{
    struct session *s = p->s;
    const struct decoder_config *c = &s->m->cfg;
    const struct decoder_layer *l = &s->m->layers[layer];
    const size_t D = (size_t)c->D, wide = (size_t)((c->heads + 2 * c->kv_heads) * c->d);
    int rc;

    for (size_t i = 0; i < (size_t)m; i++)
        s->m->kernels->rms_norm(h->norm + i * D, s->x + ((size_t)t + i) * D, l->norm, c->eps, c->D);
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

/* act(gate) * up, in place of the gates: rows of 2 F become rows of F. */
static void gate(const struct decoder *m, float *wide, int rows)
{
    const int F = m->cfg.F;
    void (*const act)(float *, int) =
        m->cfg.arch->uses_gelu ? m->kernels->gelu_tanh : m->kernels->silu;
    float *to = wide;

    for (int i = 0; i < rows; i++, wide += 2 * (size_t)F, to += F) {
        act(wide, F);
        m->kernels->multiply(wide, wide + F, F);
        if (to != wide)
            memmove(to, wide, (size_t)F * sizeof *to);
    }
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
    for (size_t i = 0; i < (size_t)rows; i++)
        m->kernels->rms_norm(h->norm + i * D, x + i * D, l->feed_norm, c->eps, c->D);
    rc = linear_run(h->wide, l->gate_up, m->kernels, h->linear, h->norm, rows, NULL, &h->err);
    if (rc)
        return rc;
    gate(m, h->wide, rows);
    rc = linear_run(h->y, l->down, m->kernels, h->linear, h->wide, rows, NULL, &h->err);
    if (!rc)
        add_rows(m, x, h->y, l->down_norm, rows);
    return rc;
}

/* ---- all layers ---- */

typedef int step_fn(const struct session_pass *p, struct session_hand *h, int layer, int t, int m);

/* Runs a step over the blocks that are a hand's; nothing any more once it failed. */
static void each_block(step_fn *step, const struct session_pass *p, int layer, int rank)
{
    struct session_hand *h = &p->s->hands[rank];

    for (int t = rank * p->block; t < p->T && !h->err.code; t += p->s->n_hands * p->block)
        step(p, h, layer, t, p->T - t < p->block ? p->T - t : p->block);
}

static void embed(const struct session_pass *p, int rank)
{
    struct session *s = p->s;
    const struct decoder *m = s->m;
    const float scale = sqrtf((float)m->cfg.D);

    for (int t = rank; t < p->T; t += s->n_hands) {
        float *x = s->x + (size_t)t * (size_t)m->cfg.D;

        gguf_read_rows(x, m->words, (size_t)p->ids[t], 1);
        if (m->cfg.arch->scales_embeddings)
            m->kernels->scale(x, scale, m->cfg.D);
    }
}

/* What each thread of a team does. */
static int run_hand(int rank, int worker, void *payload)
{
    const struct session_pass *p = payload;
    struct session *s = p->s;

    (void)worker;
    embed(p, rank);
    pool_meet(s->team);
    for (int layer = 0; layer < s->m->n_layers; layer++) {
        each_block(project, p, layer, rank);
        pool_meet(s->team);
        session_attend(p, layer, rank);
        pool_meet(s->team);
        each_block(finish, p, layer, rank);
        pool_meet(s->team);
    }
    return 0;
}

static int check_finite(const struct session *s, struct err *err)
{
    const size_t n = (size_t)s->rows * (size_t)s->m->cfg.D;

    for (size_t i = 0; i < n; i++)
        if (!isfinite(s->x[i]))
            return err_set(err, E_FORMAT,
                           "the model yields numbers that are not finite; is its file damaged?");
    return 0;
}

static int read_chunk(struct session_pass *p, struct err *err)
{
    struct session *s = p->s;
    int blocks = (p->T + GEMM_ROWS - 1) / GEMM_ROWS;

    blocks = (blocks + s->n_hands - 1) / s->n_hands * s->n_hands; /* as many for each */
    p->block = (p->T + blocks - 1) / blocks;
    for (int i = 0; i < s->n_hands; i++)
        err_clear(&s->hands[i].err);
    pool_together(s->team, run_hand, p);
    for (int i = 0; i < s->n_hands; i++)
        if (s->hands[i].err.code)
            return err_set(err, s->hands[i].err.code, "%s", s->hands[i].err.text);
    s->rows = p->T;
    return check_finite(s, err);
}

/* ---- the face ---- */

int session_cells(const struct session *s) { return s->n_cells; }

void session_cut(struct session *s, int n)
{
    assert(n >= 0 && n <= s->n_cells);
    s->n_cells = n;
    s->is_plain = 1;
    for (int i = 0; i < n && s->is_plain; i++)
        s->is_plain = s->positions[i] == i;
}

static int check_input(const struct session *s, const struct session_input *in,
                       const struct session_tap *tap, int position, struct err *err)
{
    if (in->n < 1)
        return err_set(err, E_INVALID, "a run of no tokens");
    if (in->n > s->max_cells - s->n_cells || in->n > s->max_cells - position)
        return err_set(err, E_LIMIT, "%d tokens behind %d: there is room for %d", in->n, s->n_cells,
                       s->max_cells);
    if (in->head < 0 || in->head > s->n_cells || in->from < SESSION_ITSELF ||
        in->from > s->n_cells || position < 0)
        return err_set(err, E_INVALID, "cells 0 to %d and from %d: there are %d", in->head,
                       in->from, s->n_cells);
    if ((tap || in->both_ways) && in->n > SESSION_CHUNK)
        return err_set(err, E_LIMIT, "%d tokens cannot be watched at a time; %d can", in->n,
                       SESSION_CHUNK);
    for (int i = 0; i < in->n; i++)
        if (in->ids[i] < 0 || in->ids[i] >= s->m->cfg.vocab)
            return err_set(err, E_INVALID,
                           "token %d is not in 0..%d; is the vocabulary this model's?", in->ids[i],
                           s->m->cfg.vocab - 1);
    return 0;
}

int session_read(struct session *s, const struct session_input *in, const struct session_tap *tap,
                 struct err *err)
{
    const int before = s->n_cells, was_plain = s->is_plain;
    int position = in->position ? in->position - 1 : before ? s->positions[before - 1] + 1 : 0;
    struct session_pass p = {.s = s,
                             .head = in->head,
                             .from = in->from == SESSION_ITSELF ? before : in->from,
                             .both_ways = in->both_ways,
                             .tap = tap};
    int rc = check_input(s, in, tap, position, err);

    for (int i = 0; i < in->n && !rc; i += p.T) {
        p.ids = in->ids + i;
        p.T = in->n - i < SESSION_CHUNK ? in->n - i : SESSION_CHUNK;
        p.first = before + i;
        s->is_plain = s->is_plain && position == p.first;
        for (int t = 0; t < p.T; t++)
            s->positions[p.first + t] = position++;
        rc = read_chunk(&p, err);
        s->n_cells = p.first + p.T;
    }
    if (rc) {
        s->n_cells = before;
        s->is_plain = was_plain;
    }
    return rc;
}

int session_logits(float *out, struct session *s, int first, int n, struct err *err)
{
    const struct decoder *m = s->m;
    const size_t D = (size_t)m->cfg.D, V = (size_t)m->cfg.vocab;
    struct session_hand *h = &s->hands[0];
    int rc = 0;

    if (!m->head || m->n_layers < m->cfg.layers)
        return err_set(err, E_INVALID, "the decoder was opened without its head");
    if (first < 0 || n < 1 || n > s->rows - first)
        return err_set(err, E_INVALID, "logits of tokens %d to %d: the last chunk has %d", first,
                       first + n - 1, s->rows);
    for (int t = 0; t < n && !rc; t += GEMM_ROWS) {
        const int rows = n - t < GEMM_ROWS ? n - t : GEMM_ROWS;

        for (size_t i = 0; i < (size_t)rows; i++)
            m->kernels->rms_norm(h->norm + i * D, s->x + ((size_t)(first + t) + i) * D, m->norm,
                                 m->cfg.eps, m->cfg.D);
        err_clear(&h->err);
        rc = linear_run(out + (size_t)t * V, m->head, m->kernels, h->linear, h->norm, rows, NULL,
                        err);
    }
    return rc;
}

const float *session_states(const struct session *s, int *rows)
{
    *rows = s->rows;
    return s->x;
}
