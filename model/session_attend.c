/* session_attend.c -- attention of a run's tokens over the cells they see: where a decoder's softmax(Q K^T) happens.
 *
 * The heads that share keys go together: a few tokens' queries, of all these heads, meet the keys of all cells that
 * any of them sees, tile by tile; what a token does not see becomes minus infinity; then softmax, then the
 * values.  Nothing is kept of it, but a tap may look at the weights while they are there.
 *
 * Cells that are seen are one stretch, or two: a shared beginning, and from some cell on.  Columns of the scores are
 * the first's cells and then the second's, each from the start of a tile.  Sums over the second begin with the first cell
 * that is seen, not with its tile, and what lies before a window is left out by whole tiles from there: so a block's
 * results are the same bits in whichever cells it lies.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <string.h>

#include "model/session_inside.h"

/* Cells begin..end-1, from column `column` on; those from `from` to `to` - 1 may be seen. */
struct stretch {
    int begin, end, column;
    int from, to;
};

/* Some tokens' queries against the keys of one head. */
struct work {
    const struct session_pass *p;
    const struct kernels *kernels;
    struct session_hand *hand;
    int layer, key_head, group; /* group: heads that share the keys */
    int row, rows;              /* tokens of the chunk */
    int window;                 /* positions that are seen, 0 = all */
    struct stretch stretches[2];
    int n_stretches, columns, ld; /* ld: floats from a row of scores to the next */
};

static int tile_begin(int cell) { return cell / KEY_TILE * KEY_TILE; }
static int tile_end(int cell) { return tile_begin(cell + KEY_TILE - 1); }

/* The first cell that can be in the window of any row; only known where positions are cell numbers. */
static int window_begin(const struct work *w)
{
    const struct session *s = w->p->s;
    const int first = w->p->first + w->row;

    return w->window && s->is_plain && first >= w->window ? first - w->window + 1 : 0;
}

static void find_stretches(struct work *w)
{
    const struct session_pass *p = w->p;
    const int end = p->both_ways ? p->first + p->T : p->first + w->row + w->rows;
    const int is_split = p->head && p->from >= p->head, skip = window_begin(w);
    struct stretch *t = w->stretches;
    int from = is_split || !p->head ? p->from : 0;

    if (is_split)
        *t++ = (struct stretch){0, tile_end(p->head), 0, 0, p->head};
    w->columns = is_split ? tile_end(p->head) : 0;
    from += skip > from ? tile_begin(skip - from) : 0;
    *t++ = (struct stretch){tile_begin(from), end, w->columns, from, end};
    w->columns += end - tile_begin(from);
    w->n_stretches = (int)(t - w->stretches);
    w->ld = tile_end(w->columns);
}

/* scores [rows * group, columns] = Q K^T, a tile of keys at a time. */
static void score(const struct work *w)
{
    const struct session *s = w->p->s;
    const int d = s->m->cfg.d;
    const void *keys = session_keys(s, w->layer, w->key_head);
    const float *q = s->queries + ((size_t)w->key_head * (size_t)s->room + (size_t)w->row) *
                                      (size_t)w->group * (size_t)d;

    for (int i = 0; i < w->n_stretches; i++) {
        const struct stretch *t = &w->stretches[i];

        for (int cell = t->begin; cell < t->end; cell += KEY_TILE)
            cells_multiply(s, w->hand->cells, w->hand->scores + t->column + (cell - t->begin),
                           w->ld, q, d, keys, (size_t)cell * (size_t)d, KEY_TILE,
                           w->rows * w->group, KEY_TILE, d);
    }
}

/* Columns of a stretch that token `row` does not see become minus infinity; those before `from` are left. */
static void mask(const struct work *w, const struct stretch *t, int row)
{
    const struct session_pass *p = w->p;
    const struct session *s = p->s;
    const int self = p->first + row, sees = p->both_ways || t->to <= self ? t->to : self + 1;
    float *scores =
        w->hand->scores + (size_t)((row - w->row) * w->group) * (size_t)w->ld + t->column;

    for (int cell = w->window ? t->from : sees; cell < t->end; cell++) {
        if (cell < sees && s->positions[self] - s->positions[cell] < w->window)
            continue;
        for (int h = 0; h < w->group; h++)
            scores[(size_t)h * (size_t)w->ld + (size_t)(cell - t->begin)] = -INFINITY;
    }
}

/* Softmax of a row of scores, not yet divided: returns what to divide by. */
static float soften(const struct work *w, float *row)
{
    const float a = 1 / sqrtf((float)w->p->s->m->cfg.d);
    float most = -INFINITY, sum = 0;

    for (int i = 0; i < w->n_stretches; i++) {
        const struct stretch *t = &w->stretches[i];
        float here = w->kernels->largest(row + t->column + (t->from - t->begin), t->end - t->from);

        most = here > most ? here : most;
    }
    for (int i = 0; i < w->n_stretches; i++) {
        const struct stretch *t = &w->stretches[i];
        float *seen = row + t->column + (t->from - t->begin);

        memset(row + t->column, 0, (size_t)(t->from - t->begin) * sizeof *row);
        sum += w->kernels->exp_sum(seen, a, most, t->end - t->from);
    }
    return sum;
}

/* mixed [rows * group, d] = weights times values. */
static void mix(const struct work *w)
{
    const struct session *s = w->p->s;
    const size_t d = (size_t)s->m->cfg.d, n = (size_t)(w->rows * w->group) * d;
    const void *values = session_values(s, w->layer, w->key_head);

    for (int i = 0; i < w->n_stretches; i++) {
        const struct stretch *t = &w->stretches[i];
        const int is_first = i == 0;

        cells_multiply(s, w->hand->cells, w->hand->mixed + (is_first ? 0 : n), (int)d,
                       w->hand->scores + t->column + (t->from - t->begin), w->ld, values,
                       (size_t)t->from * d, (int)d, w->rows * w->group, (int)d, t->end - t->from);
        if (!is_first)
            w->kernels->add(w->hand->mixed, w->hand->mixed + n, (int)n);
    }
}

static void show(const struct work *w, int row, int head, const float *weight, float share)
{
    const struct session_tap *tap = w->p->tap;
    const struct stretch *a = &w->stretches[0], *b = &w->stretches[w->n_stretches - 1];
    const struct session_sight sight = {.layer = w->layer,
                                        .head = head,
                                        .row = row,
                                        .weight = weight,
                                        .share = share,
                                        .n = w->columns,
                                        .split = w->n_stretches == 2 ? b->column : w->columns,
                                        .first = a->begin,
                                        .second = b->begin};

    tap->see(&sight, tap->payload);
}

/* Softmax of each row, what the tap wants of it, and the values. */
static void finish(const struct work *w)
{
    const struct session *s = w->p->s;
    const struct decoder_config *c = &s->m->cfg;
    const struct session_tap *tap = w->p->tap;
    const size_t d = (size_t)c->d, wide = (size_t)c->heads * d;
    float share[DECODER_MAX_HEADS];

    for (int i = 0; i < w->rows * w->group; i++) {
        float *weight = w->hand->scores + (size_t)i * (size_t)w->ld;
        const int head = w->key_head * w->group + i % w->group;

        share[i] = 1 / soften(w, weight);
        if (tap && tap->see && tap->watched[w->layer * c->heads + head])
            show(w, w->row + i / w->group, head, weight, share[i]);
    }
    for (int i = 0; s->is_coarse && !s->matmul && i < w->rows * w->group; i++)
        session_round(w->hand->scores + (size_t)i * (size_t)w->ld, (size_t)w->columns);
    mix(w);
    for (int i = 0; i < w->rows * w->group; i++) {
        float *out = s->context + (size_t)(w->row + i / w->group) * wide +
                     (size_t)(w->key_head * w->group + i % w->group) * d;

        memcpy(out, w->hand->mixed + (size_t)i * d, d * sizeof *out);
        w->kernels->scale(out, share[i], (int)d);
    }
}

static void attend(struct work *w)
{
    find_stretches(w);
    score(w);
    for (int row = w->row; row < w->row + w->rows; row++)
        for (int i = 0; i < w->n_stretches; i++)
            mask(w, &w->stretches[i], row);
    finish(w);
}

void session_ask(const struct session_pass *p, int layer, int rank)
{
    const struct session *s = p->s;
    const struct decoder_config *c = &s->m->cfg;
    const int group = c->heads / c->kv_heads;
    const unsigned char *watched =
        p->tap ? p->tap->watched + (size_t)layer * (size_t)c->heads : NULL;

    if (!p->tap || !p->tap->ask)
        return;
    for (int k = rank; k < c->kv_heads; k += s->n_hands)
        for (int row = 0; row < p->T; row++)
            for (int h = 0; h < group; h++) {
                const size_t at =
                    ((size_t)k * (size_t)s->room + (size_t)row) * (size_t)group + (size_t)h;
                const struct session_question q = {layer, k * group + h, row,
                                                   s->queries + at * (size_t)c->d};

                if (watched[q.head])
                    p->tap->ask(&q, p->tap->payload);
            }
}

void session_attend(const struct session_pass *p, int layer, int rank)
{
    struct session *s = p->s;
    const struct decoder_config *c = &s->m->cfg;
    struct work w = {.p = p,
                     .kernels = s->m->kernels,
                     .hand = &s->hands[rank],
                     .layer = layer,
                     .group = c->heads / c->kv_heads,
                     .window = decoder_sees_all(c, layer) ? 0 : c->window};
    int item = 0;

    if (p->pine) {
        pine_attend(p, layer, rank);
        return;
    }
    for (w.key_head = 0; w.key_head < c->kv_heads; w.key_head++)
        for (w.row = 0; w.row < p->T; w.row += s->score_tokens) {
            /* a tap wants a key head's tokens by one thread, in order; else neighbours, which cost alike, are dealt out */
            const int owner = (p->tap ? w.key_head : item++) % s->n_hands;

            w.rows = p->T - w.row < s->score_tokens ? p->T - w.row : s->score_tokens;
            if (owner == rank)
                attend(&w);
        }
}
