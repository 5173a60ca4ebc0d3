/* session_new.c -- the memory of a session: cells for keys and values, tables of RoPE, what each thread needs.
 *
 * Keys of KEY_TILE cells lie together, channel by channel, as the product with queries reads them; values lie cell by cell.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "model/model.h"
#include "model/session_inside.h"

/* RoPE's cosines and sines of positions 0..n-1: angle = position / (base^(2i/d) factor[i] scale). */
static float *make_turns(const struct decoder *m, int n, double base, double scale)
{
    const int half = m->cfg.d / 2;
    float *t = mem_alloc_aligned((size_t)n * (size_t)m->cfg.d, sizeof *t);

    for (int p = 0; t && p < n; p++)
        for (int i = 0; i < half; i++) {
            const double factor = m->rope_factors ? (double)m->rope_factors[i] : 1;
            const double angle = p / (pow(base, (double)i / half) * factor * scale);

            t[(size_t)p * 2 * (size_t)half + (size_t)i] = (float)cos(angle);
            t[(size_t)p * 2 * (size_t)half + (size_t)(half + i)] = (float)sin(angle);
        }
    return t;
}

static int hand_open(struct session_hand *h, const struct session *s, struct err *err)
{
    const struct decoder_config *c = &s->m->cfg;
    const int qkv = (c->heads + 2 * c->kv_heads) * c->d, group = c->heads / c->kv_heads;
    const int wide = 2 * c->F > qkv ? 2 * c->F : qkv;
    const int deep = c->F > c->heads * c->d ? c->F : c->heads * c->d;
    const size_t rows = (size_t)(s->score_tokens * group);

    h->norm = mem_alloc_aligned(GEMM_ROWS * (size_t)c->D, sizeof(float));
    h->wide = mem_alloc_aligned(GEMM_ROWS * (size_t)wide, sizeof(float));
    h->y = mem_alloc_aligned(GEMM_ROWS * (size_t)c->D, sizeof(float));
    h->block = mem_alloc_aligned(rows * SCORE_COLUMNS, sizeof(float));
    h->scores = mem_alloc_aligned(rows * (size_t)(s->max_cells + 2 * KEY_TILE), sizeof(float));
    h->mixed = mem_alloc_aligned(2 * rows * (size_t)c->d, sizeof(float));
    if (s->is_coarse && !s->matmul)
        h->cells = mem_alloc_aligned((size_t)s->max_cells * (size_t)c->d, sizeof(float));
    if (!h->norm || !h->wide || !h->y || !h->block || !h->scores || !h->mixed ||
        (s->is_coarse && !s->matmul && !h->cells))
        return err_nomem(err);
    return linear_scratch_new(&h->linear, s->m->lib,
                              wide > c->vocab || !s->m->head ? wide : c->vocab,
                              deep > c->D ? deep : c->D, err);
}

int session_need_room(struct session *s, int tokens, struct err *err)
{
    const struct decoder_config *c = &s->m->cfg;
    const size_t n = (size_t)tokens, wide = (size_t)c->heads * (size_t)c->d;

    if (tokens <= s->room)
        return 0;
    s->room = s->rows = 0;
    mem_free(s->x);
    mem_free(s->queries);
    mem_free(s->context);
    s->x = mem_alloc_aligned(n * (size_t)c->D, sizeof(float));
    s->queries = mem_alloc_aligned(n * wide, sizeof(float));
    s->context = mem_alloc_aligned(n * wide, sizeof(float));
    if (!s->x || !s->queries || !s->context)
        return err_nomem(err);
    s->room = tokens;
    return 0;
}

static int allocate(struct session *s, struct err *err)
{
    const struct decoder_config *c = &s->m->cfg;
    const size_t layers = (size_t)s->m->n_layers, cells = (size_t)s->max_cells;
    const size_t narrow = (size_t)c->kv_heads * (size_t)c->d;
    const int has_window = c->window && c->arch->window_pattern;
    int rc;

    s->positions = mem_alloc(cells, sizeof *s->positions);
    s->turns = make_turns(s->m, s->max_positions, (double)c->rope_base, (double)c->rope_scale);
    if (has_window)
        s->local_turns = make_turns(s->m, s->max_positions, (double)c->arch->local_rope_base, 1);
    s->keys = cells_new(s, layers * narrow * cells);
    s->values = cells_new(s, layers * narrow * cells);
    s->hands = mem_zalloc((size_t)pool_size(s->team), sizeof *s->hands);
    rc = s->positions && s->turns && (s->local_turns || !has_window) && s->keys && s->values &&
                 s->hands
             ? session_need_room(s, SESSION_CHUNK, err)
             : err_nomem(err);
    while (!rc && s->n_hands < pool_size(s->team))
        rc = hand_open(&s->hands[s->n_hands++], s, err);
    return rc;
}

int session_new(struct session **out, const struct decoder *m, int max_cells, struct pool *team,
                struct err *err)
{
    const int group = m->cfg.heads / m->cfg.kv_heads;
    struct session *s;
    int rc;

    if (max_cells < 1 || max_cells > SESSION_MAX_CELLS)
        return err_set(err, E_LIMIT, "room for %d tokens: 1 to %d can be", max_cells,
                       SESSION_MAX_CELLS);
    s = mem_zalloc(1, sizeof *s);
    if (!s)
        return err_nomem(err);
    s->m = m;
    s->team = team;
    s->max_cells = (max_cells + KEY_TILE - 1) / KEY_TILE * KEY_TILE;
    s->max_positions = s->max_cells < m->cfg.context ? s->max_cells : m->cfg.context;
    s->is_plain = 1;
    s->is_coarse = m->precision != MODEL_F32;
    s->matmul = s->is_coarse ? kernels_matmul_bf16(m->kernels) : NULL;
    s->score_tokens = group < SCORE_ROWS ? SCORE_ROWS / group : 1;
    rc = allocate(s, err);
    if (rc) {
        session_free(s);
        return rc;
    }
    *out = s;
    return 0;
}

void session_free(struct session *s)
{
    if (!s)
        return;
    for (struct session_hand *h = s->hands; h < s->hands + s->n_hands; h++) {
        mem_free(h->norm);
        mem_free(h->cells);
        mem_free(h->wide);
        mem_free(h->y);
        mem_free(h->block);
        mem_free(h->scores);
        mem_free(h->mixed);
        linear_scratch_free(h->linear);
    }
    mem_free(s->hands);
    mem_free(s->positions);
    mem_free(s->turns);
    mem_free(s->local_turns);
    mem_free(s->keys);
    mem_free(s->values);
    mem_free(s->x);
    mem_free(s->queries);
    mem_free(s->context);
    mem_free(s);
}
