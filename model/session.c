/* session.c -- tokens through the layers.
 *
 *     x = word[id]
 *     per layer:  q, k, v = W norm(x), turned by RoPE;   x += O attention(q, k, v);   x += D (act(G norm(x)) * U norm(x))
 *
 * A chunk's tokens go through a layer together (session_layer.c); threads meet before attention, which needs the keys of
 * all, and after it.
 * Sources: Vaswani et al., "Attention is all you need", 2017; Su et al., "RoFormer", 2021; Ainslie et al., "GQA", 2023.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <math.h>
#include <string.h>

#include "model/session_inside.h"

enum { FEW_TOKENS = 32 }; /* at most: threads share columns rather than tokens */

/* ---- all layers ---- */

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
        if (s->n_hands > 1 && p->T <= FEW_TOKENS)
            session_layer_by_columns(p, layer, rank);
        else
            session_layer_by_tokens(p, layer, rank);
    }
    return 0;
}

static int first_error(const struct session *s, struct err *err)
{
    for (int i = 0; i < s->n_hands; i++)
        if (s->hands[i].err.code)
            return err_set(err, s->hands[i].err.code, "%s", s->hands[i].err.text);
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

int session_run(struct session_pass *p, struct err *err)
{
    struct session *s = p->s;
    int blocks = (p->T + GEMM_ROWS - 1) / GEMM_ROWS, rc;

    blocks = (blocks + s->n_hands - 1) / s->n_hands * s->n_hands; /* as many for each */
    p->block = (p->T + blocks - 1) / blocks;
    for (int i = 0; i < s->n_hands; i++)
        err_clear(&s->hands[i].err);
    pool_together(s->team, run_hand, p);
    rc = first_error(s, err);
    s->rows = p->T;
    return rc || p->keys_only ? rc : check_finite(s, err);
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

int session_check_ids(const struct session *s, const int *ids, int n, struct err *err)
{
    for (int i = 0; i < n; i++)
        if (ids[i] < 0 || ids[i] >= s->m->cfg.vocab)
            return err_set(err, E_INVALID,
                           "token %d is not in 0..%d; is the vocabulary this model's?", ids[i],
                           s->m->cfg.vocab - 1);
    return 0;
}

static int check_input(const struct session *s, const struct session_input *in, int position,
                       struct err *err)
{
    if (in->n < 1)
        return err_set(err, E_INVALID, "a run of no tokens");
    if (in->n > s->max_cells - s->n_cells)
        return err_set(err, E_LIMIT, "%d tokens behind %d: there is room for %d", in->n, s->n_cells,
                       s->max_cells);
    if (in->n > s->max_positions - position)
        return err_set(err, E_LIMIT,
                       "%d tokens from place %d on: there is room for %d; the model reads %d",
                       in->n, position, s->max_positions, s->m->cfg.context);
    if (in->head < 0 || in->head > s->n_cells || in->from < SESSION_ITSELF ||
        in->from > s->n_cells || position < 0)
        return err_set(err, E_INVALID, "cells 0 to %d and from %d: there are %d", in->head,
                       in->from, s->n_cells);
    return session_check_ids(s, in->ids, in->n, err);
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
                             .keys_only = in->keys_only,
                             .tap = tap};
    const int chunk = (tap || in->both_ways) && in->n > SESSION_CHUNK ? in->n : SESSION_CHUNK;
    int rc = check_input(s, in, position, err);

    rc = rc ? rc : session_need_room(s, chunk, err);

    for (int i = 0; i < in->n && !rc; i += p.T) {
        p.ids = in->ids + i;
        p.T = in->n - i < chunk ? in->n - i : chunk;
        p.first = before + i;
        s->is_plain = s->is_plain && position == p.first;
        for (int t = 0; t < p.T; t++)
            s->positions[p.first + t] = position++;
        rc = session_run(&p, err);
        s->n_cells = p.first + p.T;
    }
    if (rc) {
        s->n_cells = before;
        s->is_plain = was_plain;
    }
    return rc;
}

/* Logits on their way: threads share the columns. */
struct heading {
    struct session *s;
    const float *x; /* [n, D] */
    float *out;
    int n;
};

static int run_head(int rank, int worker, void *payload)
{
    const struct heading *job = payload;
    struct session *s = job->s;
    const struct decoder *m = s->m;
    const size_t D = (size_t)m->cfg.D, V = (size_t)m->cfg.vocab;
    struct session_hand *h = &s->hands[rank];
    int rc = 0;

    (void)worker;
    err_clear(&h->err);
    for (int t = 0; t < job->n && !rc; t += GEMM_ROWS) {
        const int rows = job->n - t < GEMM_ROWS ? job->n - t : GEMM_ROWS;

        for (size_t i = 0; i < (size_t)rows; i++)
            m->kernels->rms_norm(h->norm + i * D, job->x + ((size_t)t + i) * D, m->norm, m->cfg.eps,
                                 m->cfg.D);
        rc = linear_run_part(job->out + (size_t)t * V, m->head, m->kernels, h->linear, h->norm,
                             rows, rank, s->n_hands, &h->err);
    }
    return rc;
}

int session_logits(float *out, struct session *s, int first, int n, struct err *err)
{
    struct heading job = {s, s->x + (size_t)first * (size_t)s->m->cfg.D, out, n};

    if (!s->m->head || s->m->n_layers < s->m->cfg.layers)
        return err_set(err, E_INVALID, "the decoder was opened without its head");
    if (first < 0 || n < 1 || n > s->rows - first)
        return err_set(err, E_INVALID, "logits of tokens %d to %d: the last chunk has %d", first,
                       first + n - 1, s->rows);
    pool_together(s->team, run_head, &job);
    return first_error(s, err);
}

void session_copy_keys(float *out, const struct session *s, int layer, int key_head, int first,
                       int n)
{
    const size_t d = (size_t)s->m->cfg.d;
    const void *keys = session_keys(s, layer, key_head);

    assert(first >= 0 && n >= 0 && first + n <= s->n_cells);
    for (int cell = first; cell < first + n; cell++, out += d) {
        const size_t at = (size_t)(cell / KEY_TILE * KEY_TILE) * d + (size_t)(cell % KEY_TILE);

        for (size_t i = 0; i < d; i++)
            cells_floats(out + i, s, keys, at + i * KEY_TILE, 1);
    }
}

const float *session_states(const struct session *s, int *rows)
{
    *rows = s->rows;
    return s->x;
}
