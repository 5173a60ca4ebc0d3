/* session_pine_attend.c -- attention in which each head of each reader lines documents up by importance.
 *
 * A reader is a document, all of whose tokens share a line, or a token of the tail.  Of P tokens of the head and documents
 * of n_0, n_1, ... tokens, N in all:
 *
 *     importance_j = sum over the reader's tokens of the mean over j's tokens of softmax(q . k / sqrt d),
 *                    q and k not turned by RoPE, over the tokens of all other documents
 *     line:          the reader itself (a document), then falling importance; document j begins at P + N - n_j - shift_j,
 *                    where shift_j is the length of all before it in line
 *
 * RoPE depends on distances alone.  Keys stay turned as by P, P + 1, ... in every document, and what should move is the
 * query: by n_j + shift_j - n_i where document i reads, whose own keys then need no turn at all, by n_j + shift_j - N for the tail.
 *
 * Source: Wang et al., 2024, section 3.3 (see session_pine.h).
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <string.h>

#include "model/session_pine_inside.h"

/* One thread's work on a layer's key head. */
struct work {
    const struct session_pass *p;
    const struct pine *pine;
    struct session_hand *hand;
    struct pine_hand *own;
    const struct kernels *kernels;
    const float *turns;
    int layer, key_head, group;
    int window;                 /* positions that are seen, 0 = all */
    const float *keys, *values; /* of the key head */
};

/* Tokens row .. row + rows - 1 of the chunk, which read as one; document: which, or -1 for the tail. */
struct reader {
    int row, rows, document, head;
};

static int tile_begin(int cell) { return cell / KEY_TILE * KEY_TILE; }

/* Keys and values of the key head at hand, as floats. */
static void take_cells(struct work *w)
{
    const struct session *s = w->p->s;
    const void *keys = session_keys(s, w->layer, w->key_head);
    const void *values = session_values(s, w->layer, w->key_head);
    const size_t n = (size_t)s->max_cells * (size_t)s->m->cfg.d;

    if (s->is_coarse) {
        cells_floats(w->own->keys, s, keys, 0, n);
        cells_floats(w->own->values, s, values, 0, n);
    }
    w->keys = s->is_coarse ? w->own->keys : keys;
    w->values = s->is_coarse ? w->own->values : values;
}

/* Keys of the documents as they were before RoPE. */
static void straighten(const struct work *w)
{
    const struct session *s = w->p->s;
    const int d = s->m->cfg.d, half = d / 2, base = tile_begin(w->pine->head);
    const float *keys = w->keys + (size_t)base * (size_t)d;

    for (int cell = w->pine->head; cell < w->pine->cells; cell++) {
        const size_t at = (size_t)(tile_begin(cell) - base) * (size_t)d + (size_t)(cell % KEY_TILE);
        const float *from = keys + at, *t = w->turns + (size_t)s->positions[cell] * (size_t)d;
        float *to = w->own->straight + at;

        for (int i = 0; i < half; i++, from += KEY_TILE, to += KEY_TILE) {
            const float a = from[0], b = from[half * KEY_TILE];

            to[0] = a * t[i] + b * t[half + i];
            to[half * KEY_TILE] = b * t[i] - a * t[half + i];
        }
    }
}

/* Queries [rows, d] of a head, turned by so many positions more; straight: turned back to none. */
static const float *take_queries(const struct work *w, const struct reader *r, int by,
                                 int is_straight)
{
    const struct session *s = w->p->s;
    const size_t d = (size_t)s->m->cfg.d, group = (size_t)w->group;
    float *q = w->own->queries;

    for (int row = r->row; row < r->row + r->rows; row++, q += d) {
        memcpy(q,
               s->queries + (((size_t)w->key_head * (size_t)s->room + (size_t)row) * group +
                             (size_t)(r->head - w->key_head * w->group)) *
                                d,
               d * sizeof *q);
        if (is_straight || by)
            session_turn(q, w->turns, is_straight ? -s->positions[w->p->first + row] : by, (int)d);
    }
    return w->own->queries;
}

/* scores[row][cell - zero] = q . key for cells begin..end-1; keys: of the tile `base` and those behind it. */
static void meet(const struct work *w, float *scores, int ld, int zero, const float *q, int rows,
                 const float *keys, int base, int begin, int end)
{
    const int d = w->p->s->m->cfg.d;

    for (int cell = begin, next; cell < end; cell = next) {
        next = tile_begin(cell) + KEY_TILE < end ? tile_begin(cell) + KEY_TILE : end;
        w->kernels->matmul(scores + (cell - zero), ld, q, d,
                           keys + (size_t)(tile_begin(cell) - base) * (size_t)d + cell % KEY_TILE,
                           KEY_TILE, rows, next - cell, d);
    }
}

static float sharpness(const struct work *w) { return 1 / sqrtf((float)w->p->s->m->cfg.d); }

/* ---- importance ---- */

/* Adds what the reader's tokens, so many at most as fit, give to each document. */
static void add_importance(const struct work *w, const struct reader *r)
{
    const struct pine *pine = w->pine;
    const int n = pine->cells - pine->head;
    const float *q = take_queries(w, r, 0, 1);

    meet(w, w->hand->scores, n, pine->head, q, r->rows, w->own->straight, tile_begin(pine->head),
         pine->head, pine->cells);
    for (int i = 0; i < r->rows; i++) {
        float *row = w->hand->scores + (size_t)i * (size_t)n, sum;

        for (int j = 0; r->document >= 0 && j < pine->places[r->document].n; j++)
            row[pine->places[r->document].begin - pine->head + j] = -INFINITY;
        sum = w->kernels->softmax_exp(row, sharpness(w), n);
        for (int j = 0; j < pine->n; j++) {
            const struct pine_place *place = &pine->places[j];
            double mass = 0;

            for (int t = 0; t < place->n; t++)
                mass += (double)row[place->begin - pine->head + t];
            w->own->importance[j] += mass / (double)sum / place->n;
        }
    }
}

/* Documents in line: order[0] is next to the reader. */
static void line_up(const struct work *w, int document)
{
    const double *importance = w->own->importance;
    int *order = w->own->order;

    for (int j = 0; j < w->pine->n; j++) {
        int at = j;

        for (; at && order[at - 1] != document &&
               (j == document || importance[order[at - 1]] < importance[j]);
             at--)
            order[at] = order[at - 1];
        order[at] = j;
    }
}

/* What queries are turned by for each stretch of cells: head, documents, tail. */
static int make_parts(const struct work *w, const struct reader *r)
{
    const struct pine *pine = w->pine;
    const int all = pine->cells - pine->head;
    const int reach = r->document < 0 ? all : pine->places[r->document].n;
    struct pine_part *part = w->own->parts;
    int shift = 0, n = 0;

    if (pine->head)
        part[n++] = (struct pine_part){0, pine->head, all - reach};
    for (int i = 0; i < pine->n; i++) {
        const struct pine_place *place = &pine->places[w->own->order[i]];

        part[n++] =
            (struct pine_part){place->begin, place->begin + place->n, place->n + shift - reach};
        shift += place->n;
    }
    if (r->document < 0)
        part[n++] = (struct pine_part){pine->cells, w->p->first + r->row + r->rows, 0};
    return n;
}

/* ---- attention ---- */

/* Which cells of a part a token does not see: those behind itself, and those out of the window. */
static void mask(const struct work *w, const struct pine_part *part, int self, float *row)
{
    const int *positions = w->p->s->positions;
    const int is_own = self >= part->begin && self < part->end;

    for (int cell = w->window || !is_own ? part->begin : self + 1; cell < part->end; cell++)
        if ((is_own && cell > self) ||
            (w->window && positions[self] + part->by - positions[cell] >= w->window))
            row[cell] = -INFINITY;
}

static void show(const struct work *w, int row, int head, const float *weight, float share, int n)
{
    const struct session_tap *tap = w->p->tap;
    const struct session_sight sight = {.layer = w->layer,
                                        .head = head,
                                        .row = row,
                                        .weight = weight,
                                        .share = share,
                                        .n = n,
                                        .split = n};

    if (tap && tap->see && tap->watched[w->layer * w->p->s->m->cfg.heads + head])
        tap->see(&sight, tap->payload);
}

/* Some of the reader's tokens, once the parts are known. */
static void attend(const struct work *w, const struct reader *r, int n_parts)
{
    const struct session *s = w->p->s;
    const struct decoder_config *c = &s->m->cfg;
    const size_t d = (size_t)c->d, wide = (size_t)c->heads * d;
    const int end = r->document < 0 ? w->p->first + r->row + r->rows : w->pine->cells;

    for (int i = 0; i < n_parts; i++) {
        const struct pine_part *part = &w->own->parts[i];

        meet(w, w->hand->scores, end, 0, take_queries(w, r, part->by, 0), r->rows, w->keys, 0,
             part->begin, part->end);
        for (int t = 0; t < r->rows; t++)
            mask(w, part, w->p->first + r->row + t, w->hand->scores + (size_t)t * (size_t)end);
    }
    for (int t = 0; t < r->rows; t++) {
        float *row = w->hand->scores + (size_t)t * (size_t)end;
        float share = 1 / w->kernels->softmax_exp(row, sharpness(w), end);
        float *out = s->context + (size_t)(r->row + t) * wide + (size_t)r->head * d;

        show(w, r->row + t, r->head, row, share, end);
        w->kernels->matmul(out, (int)d, row, end, w->values, (int)d, 1, (int)d, end);
        w->kernels->scale(out, share, (int)d);
    }
}

/* All of a reader, a few tokens at a time. */
static void read_all(const struct work *w, const struct reader *all)
{
    const int most = w->p->s->score_tokens * w->group, n = w->pine->n;
    int n_parts;

    memset(w->own->importance, 0, (size_t)n * sizeof *w->own->importance);
    for (int t = 0; n > 1 && t < all->rows; t += most) {
        const int rows = all->rows - t < most ? all->rows - t : most;

        add_importance(w, &(struct reader){all->row + t, rows, all->document, all->head});
    }
    line_up(w, all->document);
    n_parts = make_parts(w, all);
    for (int t = 0; t < all->rows; t += most) {
        const int rows = all->rows - t < most ? all->rows - t : most;

        attend(w, &(struct reader){all->row + t, rows, all->document, all->head}, n_parts);
    }
}

void pine_attend(const struct session_pass *p, int layer, int rank)
{
    struct session *s = p->s;
    const struct decoder_config *c = &s->m->cfg;
    const struct pine *pine = p->pine;
    struct work w = {.p = p,
                     .pine = pine,
                     .hand = &s->hands[rank],
                     .own = &pine->hands[rank],
                     .kernels = s->m->kernels,
                     .turns = session_turns(s, layer),
                     .layer = layer,
                     .group = c->heads / c->kv_heads,
                     .window = decoder_sees_all(c, layer) ? 0 : c->window};

    for (w.key_head = rank; w.key_head < c->kv_heads; w.key_head += s->n_hands) {
        const int first = w.key_head * w.group;

        take_cells(&w);
        straighten(&w);
        for (int head = first; head < first + w.group; head++)
            if (p->first < pine->cells)
                for (int i = 0; i < pine->n; i++)
                    read_all(&w, &(struct reader){pine->places[i].begin - pine->head,
                                                  pine->places[i].n, i, head});
            else
                for (int row = 0; row < p->T; row++)
                    read_all(&w, &(struct reader){row, 1, -1, head});
    }
}
