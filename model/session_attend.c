/* session_attend.c -- attention of a run's tokens over the cells they see: where a decoder's softmax(Q K^T) happens.
 *
 * The heads that share keys go together: a few tokens' queries, of all these heads, meet the keys of the cells that any of
 * them sees, so many cells at a time that their scores stay in the second-level cache.  What a token does not see becomes
 * minus infinity; a block's weights are taken against the largest score so far, and what was summed before is made
 * smaller when a larger one comes.  (Milakov and Gimelshein, "Online normalizer calculation for softmax", 2018; in attention: Rabe
 * and Staats, 2021, and Dao et al., "FlashAttention", 2022.)  Scores that a tap watches are kept whole, and shown at the end.
 *
 * Cells that are seen are one stretch, or two: a shared beginning, and from some cell on.  A stretch's blocks are counted from the
 * first cell that is seen, not from a tile's, and what lies before a window is left out by whole tiles from there: so a
 * block's results are the same bits in whichever cells it lies, and however many tokens are read at a time.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <string.h>

#include "model/session_inside.h"

/* Cells begin..end-1, from column `column` of what a tap sees on; those from `from` to `to` - 1 may be seen.
 * Blocks are counted from `zero`. */
struct stretch {
    int begin, end, column;
    int zero, from, to;
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
    int n_stretches, columns, ld;  /* what a tap sees of a row; ld: floats from a row to the next */
    float most[DECODER_MAX_HEADS]; /* of each row so far: its largest score */
    float sum[DECODER_MAX_HEADS];  /* and the sum of its weights */
};

/* Cells from..to-1 of a stretch, whose scores lie from column from - begin on. */
struct block {
    const struct stretch *stretch;
    int begin, from, to;
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
        *t++ = (struct stretch){0, tile_end(p->head), 0, 0, 0, p->head};
    w->columns = is_split ? tile_end(p->head) : 0;
    *t = (struct stretch){tile_begin(from), end, w->columns, from, from, end};
    if (skip > from) {
        t->from += tile_begin(skip - from);
        t->begin = tile_begin(t->from);
    }
    w->columns += end - t->begin;
    w->n_stretches = (int)(t + 1 - w->stretches);
    w->ld = tile_end(w->columns);
}

/* Scores [rows * group, columns] = Q K^T, a tile of keys at a time. */
static void score(const struct work *w, const struct block *b)
{
    const struct session *s = w->p->s;
    const int d = s->m->cfg.d;
    const void *keys = session_keys(s, w->layer, w->key_head);
    const float *q = s->queries + ((size_t)w->key_head * (size_t)s->room + (size_t)w->row) *
                                      (size_t)w->group * (size_t)d;

    for (int cell = b->begin; cell < b->to; cell += KEY_TILE)
        cells_multiply(s, w->hand->cells, w->hand->block + (cell - b->begin), SCORE_COLUMNS, q, d,
                       keys, (size_t)cell * (size_t)d, KEY_TILE, w->rows * w->group, KEY_TILE, d);
}

/* What token `row` does not see of a block becomes minus infinity. */
static void mask(const struct work *w, const struct block *b, int row)
{
    const struct session_pass *p = w->p;
    const struct session *s = p->s;
    const int self = p->first + row, to = b->stretch->to;
    const int sees = p->both_ways || to <= self ? to : self + 1;
    float *scores = w->hand->block + (size_t)((row - w->row) * w->group) * SCORE_COLUMNS;

    for (int cell = w->window || sees < b->from ? b->from : sees; cell < b->to; cell++) {
        if (cell < sees && s->positions[self] - s->positions[cell] < w->window)
            continue;
        for (int h = 0; h < w->group; h++)
            scores[(size_t)h * SCORE_COLUMNS + (size_t)(cell - b->begin)] = -INFINITY;
    }
}

static int head_of(const struct work *w, int i) { return w->key_head * w->group + i % w->group; }

/* Does a tap see row i of the scores? */
static int is_watched(const struct work *w, int i)
{
    const struct session_tap *tap = w->p->tap;

    return tap && tap->see && tap->watched[w->layer * w->p->s->m->cfg.heads + head_of(w, i)];
}

/* Keeps a block's scores for a tap. */
static void keep(const struct work *w, const struct block *b)
{
    const size_t column = (size_t)(b->stretch->column + (b->from - b->stretch->begin));

    for (int i = 0; i < w->rows * w->group; i++)
        if (is_watched(w, i))
            memcpy(w->hand->scores + (size_t)i * (size_t)w->ld + column,
                   w->hand->block + (size_t)i * SCORE_COLUMNS + (b->from - b->begin),
                   (size_t)(b->to - b->from) * sizeof(float));
}

static float sharpness(const struct work *w) { return 1 / sqrtf((float)w->p->s->m->cfg.d); }

/* Scores of row i become weights against the largest so far; returns what weights of earlier blocks are worth now. */
static float soften(struct work *w, const struct block *b, int i)
{
    const struct kernels *k = w->kernels;
    const float a = sharpness(w), before = w->most[i];
    float *row = w->hand->block + (size_t)i * SCORE_COLUMNS + (b->from - b->begin);
    const float here = k->largest(row, b->to - b->from), most = here > before ? here : before;
    float worth = before;

    /* where nothing was seen yet, any number does to make zeroes of minus infinities */
    const float sum = k->exp_sum(row, a, most > -INFINITY ? most : 0, b->to - b->from);

    if (most > before)
        k->exp_sum(&worth, a, most, 1);
    else
        worth = 1;
    w->most[i] = most;
    w->sum[i] = w->sum[i] * worth + sum;
    if (w->p->s->is_coarse && !w->p->s->matmul)
        session_round(row, (size_t)(b->to - b->from));
    return worth;
}

/* mixed [rows * group, d] += weights times values. */
static void mix(struct work *w, const struct block *b)
{
    const struct session *s = w->p->s;
    const int d = s->m->cfg.d, rows = w->rows * w->group;
    float *mixed = w->hand->mixed, *more = mixed + (size_t)rows * (size_t)d;

    for (int i = 0; i < rows; i++) {
        const float worth = soften(w, b, i);

        if (worth < 1)
            w->kernels->scale(mixed + (size_t)i * (size_t)d, worth, d);
    }
    cells_multiply(s, w->hand->cells, more, d, w->hand->block + (b->from - b->begin), SCORE_COLUMNS,
                   session_values(s, w->layer, w->key_head), (size_t)b->from * (size_t)d, d, rows,
                   d, b->to - b->from);
    w->kernels->add(mixed, more, rows * d);
}

/* All blocks of a stretch. */
static void cross(struct work *w, const struct stretch *t)
{
    struct block b = {.stretch = t};

    for (b.from = t->from; b.from < t->end; b.from = b.to) {
        const int next = t->zero + ((b.from - t->zero) / SCORE_CELLS + 1) * SCORE_CELLS;

        b.begin = tile_begin(b.from);
        b.to = next < t->end ? next : t->end;
        score(w, &b);
        for (int row = w->row; row < w->row + w->rows; row++)
            mask(w, &b, row);
        if (w->p->tap)
            keep(w, &b);
        mix(w, &b);
    }
}

/* Shows a tap the weights of row i. */
static void show(const struct work *w, int i)
{
    const struct session_tap *tap = w->p->tap;
    const struct stretch *a = &w->stretches[0], *b = &w->stretches[w->n_stretches - 1];
    float *weight = w->hand->scores + (size_t)i * (size_t)w->ld, sum = 0;
    struct session_sight sight = {.layer = w->layer,
                                  .head = head_of(w, i),
                                  .row = w->row + i / w->group,
                                  .weight = weight,
                                  .n = w->columns,
                                  .split = w->n_stretches == 2 ? b->column : w->columns,
                                  .first = a->begin,
                                  .second = b->begin};

    for (const struct stretch *t = a; t <= b; t++) {
        memset(weight + t->column, 0, (size_t)(t->from - t->begin) * sizeof *weight);
        sum += w->kernels->exp_sum(weight + t->column + (t->from - t->begin), sharpness(w),
                                   w->most[i], t->end - t->from);
    }
    sight.share = 1 / sum;
    tap->see(&sight, tap->payload);
}

static void attend(struct work *w)
{
    const struct session *s = w->p->s;
    const struct decoder_config *c = &s->m->cfg;
    const size_t d = (size_t)c->d, wide = (size_t)c->heads * d;
    const int rows = w->rows * w->group;

    find_stretches(w);
    for (int i = 0; i < rows; i++) {
        w->most[i] = -INFINITY;
        w->sum[i] = 0;
    }
    memset(w->hand->mixed, 0, (size_t)rows * d * sizeof *w->hand->mixed);
    for (int i = 0; i < w->n_stretches; i++)
        cross(w, &w->stretches[i]);
    for (int i = 0; i < rows; i++) {
        float *out =
            s->context + (size_t)(w->row + i / w->group) * wide + (size_t)head_of(w, i) * d;

        if (is_watched(w, i))
            show(w, i);
        memcpy(out, w->hand->mixed + (size_t)i * d, d * sizeof *out);
        w->kernels->scale(out, 1 / w->sum[i], c->d);
    }
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
    int item = -1, mine = -1;

    if (p->pine) {
        pine_attend(p, layer, rank);
        return;
    }
    for (w.key_head = 0; w.key_head < c->kv_heads; w.key_head++)
        for (w.row = 0; w.row < p->T; w.row += s->score_tokens) {
            /* a tap wants a key head's tokens by one thread, in order */
            item += !p->tap || !w.row;
            if (item > mine)
                mine = pool_take(s->team, mine);
            w.rows = p->T - w.row < s->score_tokens ? p->T - w.row : s->score_tokens;
            if (item == mine)
                attend(&w);
        }
}
