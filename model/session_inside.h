/* session_inside.h -- what a session consists of; for model/session*.c alone. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MODEL_SESSION_INSIDE_H
#define MODEL_SESSION_INSIDE_H

#include <stdint.h>
#include <string.h>

#include "model/decoder_inside.h"
#include "model/session.h"

enum {
    KEY_TILE = 64, /* cells whose keys lie together */
    SCORE_ROWS =
        48, /* queries that meet the keys at a time, about: what matmul_bf16.c packs at a time */
    SCORE_CELLS =
        1024, /* cells that they meet at a time; with scores, keys and values a third of a megabyte */
    SCORE_COLUMNS = SCORE_CELLS + 2 * KEY_TILE /* of these scores: whole tiles */
};

/* What one thread of a team needs for itself. */
struct session_hand {
    float *norm; /* [GEMM_ROWS, D] */
    float *
        cells; /* [max_cells, d] of numbers made floats where no product takes them as they are, or NULL */
    float *wide;   /* [2, GEMM_ROWS, F], or [GEMM_ROWS] projections [(H + 2 K) d] */
    float *y;      /* [GEMM_ROWS, D] */
    float *block;  /* [score_rows, SCORE_COLUMNS] */
    float *scores; /* [score_rows, columns], what a tap sees */
    float *mixed;  /* [score_rows, d], twice */
    struct linear_scratch *linear;
    struct err err;
};

struct session {
    const struct decoder *m;
    int is_coarse; /* queries, keys, values and weights are rounded to bfloat16, keys and values kept as that */
    matmul_bf16_fn *matmul; /* by such numbers, or NULL */
    struct pool *team;
    int max_cells, n_cells; /* room: whole tiles */
    int max_positions;
    int is_plain;   /* every cell's position is its number */
    int *positions; /* [max_cells] */
    float *turns,
        *local_turns; /* [positions, d]: cosines, then sines; the second for layers with a window, or NULL */
    void *keys;       /* [layers, K, tiles, d, KEY_TILE] of what session_cells.c says */
    void *values;     /* [layers, K, max_cells, d] */
    int room;         /* tokens that a chunk can have; see session_need_room */
    float *x;         /* [room, D] */
    float *queries;   /* [K, room, H / K, d] */
    float *context;   /* [room, H d] */
    int rows;         /* of the last chunk */
    int score_tokens; /* tokens whose queries, of all heads of a key head, meet the keys at a time */
    struct session_hand *hands; /* [n_hands] */
    int n_hands;
};

/* A chunk on its way. */
struct session_pass {
    struct session *s;
    const int *ids; /* [T] */
    int T;
    int first;      /* cell of its first token */
    int head, from; /* cells 0..head-1 and from.. are seen */
    int both_ways, keys_only;
    const struct session_tap *tap;
    const struct pine
        *pine; /* of runs in which places are found by importance (session_pine.h), or NULL */
    int block; /* tokens that one thread takes at a time */
};

/* Makes room for a chunk of so many tokens; what the last one came to is gone if it was less. */
int session_need_room(struct session *s, int tokens, struct err *err);

/* E_INVALID if an id is not in the vocabulary. */
int session_check_ids(const struct session *s, const int *ids, int n, struct err *err);

/* Takes a chunk through the layers: its cells are p->first .. p->first + p->T - 1, whose positions are set. */
int session_run(struct session_pass *p, struct err *err);

/* x [n] rounded to bfloat16, halves to even. */
static inline void session_round(float *x, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint32_t bits;

        memcpy(&bits, &x[i], sizeof bits);
        bits = (bits + 0x7fff + (bits >> 16 & 1)) & 0xffff0000u;
        memcpy(&x[i], &bits, sizeof bits);
    }
}

/* RoPE: x [d] goes `by` positions on, or back. */
static inline void session_turn(float *x, const float *turns, int by, int d)
{
    const int half = d / 2;
    const float *t = turns + (size_t)(by < 0 ? -by : by) * (size_t)d;

    for (int i = 0; i < half; i++) {
        const float a = x[i], b = x[half + i], sine = by < 0 ? -t[half + i] : t[half + i];

        x[i] = a * t[i] - b * sine;
        x[half + i] = b * t[i] + a * sine;
    }
}

/* A layer's table of turns [positions, d]. */
static inline const float *session_turns(const struct session *s, int layer)
{
    return decoder_sees_all(&s->m->cfg, layer) || !s->local_turns ? s->turns : s->local_turns;
}

/* Does the run end with this layer's queries, keys and values? */
static inline int session_ends_at(const struct session_pass *p, int layer)
{
    return p->keys_only && layer == p->s->m->n_layers - 1;
}

/* Shows a tap the queries of a layer: one thread's share of key heads. */
void session_ask(const struct session_pass *p, int layer, int rank);

/* Attention of a layer: one thread's share of key heads and tokens. */
void session_attend(const struct session_pass *p, int layer, int rank);

/* The same where places are found by importance. */
void pine_attend(const struct session_pass *p, int layer, int rank);

/* A layer for a chunk: one thread's share, of many tokens or of few. */
void session_layer_by_tokens(const struct session_pass *p, int layer, int rank);
void session_layer_by_columns(const struct session_pass *p, int layer, int rank);

/* ---- session_cells.c: keys and values ---- */

/* Bytes of a number. */
static inline size_t cells_bytes(const struct session *s)
{
    return s->is_coarse ? sizeof(uint16_t) : sizeof(float);
}

/* Room for n numbers, all 0; NULL if out of memory. */
void *cells_new(const struct session *s, size_t n);

/* A head's keys [tiles, d, KEY_TILE] and values [max_cells, d]. */
void *session_keys(const struct session *s, int layer, int key_head);
void *session_values(const struct session *s, int layer, int key_head);

/* A token's key and value [d], rounded if the session is coarse, go into a cell. */
void cells_put(struct session *s, int layer, int key_head, int cell, const float *key,
               const float *value);

/* out [n] = numbers of keys or values from the one numbered `at` on. */
void cells_floats(float *out, const struct session *s, const void *cells, size_t at, size_t n);

/* C [m, n] = A [m, k] times numbers [k, n] of keys or values from the one numbered `at` on, row strides ldc, lda, ldb.
 * room [(k - 1) ldb + n] for those made floats, where a session has no product that takes them as they are. */
void cells_multiply(const struct session *s, float *room, float *C, int ldc, const float *A,
                    int lda, const void *cells, size_t at, int ldb, int m, int n, int k);

#endif
