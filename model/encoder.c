/* encoder.c -- BERT: the way of a batch through the layers.
 *
 *     x = LN(word[id] + position[t] + type[0])
 *     per layer:  x = LN(x + O attention(QKV x));  x = LN(x + W2 gelu(W1 x))
 *     out = mean of x over the text, or x of its first token
 *
 * All but attention goes through blocks of tokens, whatever text they belong to: at most
 * GEMM_ROWS, so that a block's intermediate rows stay in the second-level cache.  A team shares
 * a batch in lock step: blocks of tokens, then heads, then blocks again, three meetings a layer.
 * Source: Devlin et al., "BERT", 2019.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <string.h>

#include "base/mem.h"
#include "model/attention.h"
#include "model/encoder_inside.h"

/* What one thread of a team needs for itself. */
struct hand {
    float *wide; /* [GEMM_ROWS, F] */
    float *y;    /* [GEMM_ROWS, D] */
    struct linear_scratch *linear;
    struct attention_scratch *attention;
    struct err err;
};

struct encoder_scratch {
    const struct encoder *encoder;
    struct pool *team; /* or NULL */
    int max_tokens;
    float *x;           /* [max_tokens, D] */
    float *qkv;         /* [max_tokens, 3 D] */
    float *context;     /* [max_tokens, D] */
    struct hand *hands; /* [n_hands] */
    int n_hands;
};

/* One batch on its way. */
struct pass {
    struct encoder_scratch *s;
    const int *ids, *lengths;
    const int *seconds; /* tokens of the first of a pair of texts; NULL: single texts */
    int n_texts, T;
    int rows;        /* tokens of a block */
    int firsts_only; /* 1: of the last layer the first token of each text is enough */
};

/* ---- scratch ---- */

static int hand_open(struct hand *h, const struct encoder *e, int max_tokens, struct err *err)
{
    const int longest = max_tokens < e->positions ? max_tokens : e->positions;
    int rc;

    h->wide = mem_alloc_aligned(GEMM_ROWS * (size_t)e->F, sizeof(float));
    h->y = mem_alloc_aligned(GEMM_ROWS * (size_t)e->D, sizeof(float));
    rc = h->wide && h->y ? 0 : err_nomem(err);
    if (!rc)
        rc = linear_scratch_new(&h->linear, e->lib, 3 * e->D > e->F ? 3 * e->D : e->F,
                                e->D > e->F ? e->D : e->F, err);
    return rc ? rc
              : attention_scratch_new(&h->attention, e->kernels, e->precision, longest, e->D / e->H,
                                      err);
}

int encoder_scratch_new(struct encoder_scratch **out, const struct encoder *e,
                        int max_tokens_in_batch, struct pool *team, struct err *err)
{
    struct encoder_scratch *s = mem_zalloc(1, sizeof *s);
    const size_t T = (size_t)max_tokens_in_batch, D = (size_t)e->D;
    int rc;

    assert(max_tokens_in_batch >= 1);
    if (!s)
        return err_nomem(err);
    s->encoder = e;
    s->team = team;
    s->max_tokens = max_tokens_in_batch;
    s->x = mem_alloc_aligned(T * D, sizeof(float));
    s->qkv = mem_alloc_aligned(T * D * 3, sizeof(float));
    s->context = mem_alloc_aligned(T * D, sizeof(float));
    s->hands = mem_zalloc((size_t)pool_size(team), sizeof *s->hands);
    rc = s->x && s->qkv && s->context && s->hands ? 0 : err_nomem(err);
    while (!rc && s->n_hands < pool_size(team))
        rc = hand_open(&s->hands[s->n_hands++], e, max_tokens_in_batch, err);
    if (rc) {
        encoder_scratch_free(s);
        return rc;
    }
    *out = s;
    return 0;
}

void encoder_scratch_free(struct encoder_scratch *s)
{
    if (!s)
        return;
    for (struct hand *h = s->hands; h < s->hands + s->n_hands; h++) {
        mem_free(h->wide);
        mem_free(h->y);
        linear_scratch_free(h->linear);
        attention_scratch_free(h->attention);
    }
    mem_free(s->hands);
    mem_free(s->x);
    mem_free(s->qkv);
    mem_free(s->context);
    mem_free(s);
}

/* ---- running ---- */

/* The tokens of all texts, or what is wrong with them. */
static int check_batch(const struct encoder *e, const struct encoder_scratch *s, const int *ids,
                       const int *lengths, int n_texts, struct err *err)
{
    int T = 0;

    for (int i = 0; i < n_texts; i++) {
        if (lengths[i] < 1 || lengths[i] > e->positions)
            return err_set(err, E_INVALID,
                           "encoder: text %d has %d tokens, the model reads 1 to %d", i, lengths[i],
                           e->positions);
        if (lengths[i] > s->max_tokens - T)
            return err_set(err, E_INVALID, "encoder: the batch has over %d tokens; cut it",
                           s->max_tokens);
        T += lengths[i];
    }
    for (int t = 0; t < T; t++)
        if (ids[t] < 0 || ids[t] >= e->vocab)
            return err_set(err, E_INVALID,
                           "encoder: token id %d is not in 0..%d; is the "
                           "vocabulary this model's?",
                           ids[t], e->vocab - 1);
    return T;
}

/* One text's tokens become rows of x; from `second` on they are of the second type. */
static void embed(float *x, const struct encoder *e, const int *ids, int length, int second)
{
    const size_t D = (size_t)e->D;

    for (int t = 0; t < length; t++, x += D) {
        const size_t first = (size_t)ids[t] * D;
        const float *places = t < second ? e->places : e->places_second;

        if (!e->words_f32)
            tensor_read_f32(x, e->words, first, D);
        e->kernels->layer_norm(x, e->words_f32 ? e->words_f32 + first : x, places + (size_t)t * D,
                               e->norm.gamma, e->norm.beta, e->eps, e->D);
    }
}

/* x = LN(x + y) for m rows. */
static void add_and_norm(const struct encoder *e, float *x, const float *y, const struct norm *norm,
                         int m)
{
    const size_t D = (size_t)e->D;

    for (size_t i = 0; i < (size_t)m; i++)
        e->kernels->layer_norm(x + i * D, y + i * D, x + i * D, norm->gamma, norm->beta, e->eps,
                               e->D);
}

static int project_block(struct encoder_scratch *s, struct hand *hand, const struct layer *l, int t,
                         int m)
{
    const struct encoder *e = s->encoder;
    const size_t at = (size_t)t * (size_t)e->D;

    return linear_run(s->qkv + 3 * at, l->qkv, e->kernels, hand->linear, s->x + at, m, NULL,
                      &hand->err);
}

static int finish_block(struct encoder_scratch *s, struct hand *hand, const struct layer *l, int t,
                        int m)
{
    const struct encoder *e = s->encoder;
    const struct kernels *k = e->kernels;
    float *x = s->x + (size_t)t * (size_t)e->D;
    const float *context = s->context + (size_t)t * (size_t)e->D;
    int rc;

    if ((rc = linear_run(hand->y, l->context, k, hand->linear, context, m, NULL, &hand->err)))
        return rc;
    add_and_norm(e, x, hand->y, &l->after_attention, m);
    if ((rc = linear_run(hand->wide, l->up, k, hand->linear, x, m, e->activation, &hand->err)) ||
        (rc = linear_run(hand->y, l->down, k, hand->linear, hand->wide, m, NULL, &hand->err)))
        return rc;
    add_and_norm(e, x, hand->y, &l->after_feed_forward, m);
    return 0;
}

typedef int step_fn(struct encoder_scratch *, struct hand *, const struct layer *, int t, int m);

/* Runs a step over the blocks of n rows that are a hand's; nothing any more once it failed. */
static void each_block(step_fn *step, const struct pass *p, int rank, const struct layer *l, int n)
{
    struct hand *hand = &p->s->hands[rank];

    for (int t = rank * p->rows; t < n && !hand->err.code; t += p->s->n_hands * p->rows)
        step(p->s, hand, l, t, n - t < p->rows ? n - t : p->rows);
}

/* Attention of all texts: some of the heads. */
static void attend(const struct pass *p, int rank)
{
    struct encoder_scratch *s = p->s;
    const struct encoder *e = s->encoder;
    const size_t D = (size_t)e->D;
    const int first = e->H * rank / s->n_hands, last = e->H * (rank + 1) / s->n_hands;
    size_t at = 0;

    for (int i = 0; i < p->n_texts; at += (size_t)p->lengths[i++])
        attention_run(s->context + at * D, s->hands[rank].attention, s->qkv + at * D * 3,
                      p->lengths[i], e->H, e->D / e->H, first, last);
}

/* Rows of texts' first tokens move to the front, text after text. */
static void keep_firsts(const struct pass *p)
{
    const size_t D = (size_t)p->s->encoder->D;
    float *x = p->s->x, *context = p->s->context;
    size_t from = 0;

    for (size_t i = 0; i < (size_t)p->n_texts; from += (size_t)p->lengths[i++]) {
        memmove(x + i * D, x + from * D, D * sizeof *x);
        memmove(context + i * D, context + from * D, D * sizeof *context);
    }
}

/* What each thread of a team does. */
static int run_hand(int rank, int worker, void *payload)
{
    const struct pass *p = payload;
    struct encoder_scratch *s = p->s;
    const struct encoder *e = s->encoder;
    const int *ids = p->ids;
    float *x = s->x;

    (void)worker;
    for (int i = 0; rank == 0 && i < p->n_texts; i++) {
        embed(x, e, ids, p->lengths[i], p->seconds ? p->seconds[i] : p->lengths[i]);
        x += (size_t)p->lengths[i] * (size_t)e->D;
        ids += p->lengths[i];
    }
    pool_meet(s->team);
    for (const struct layer *l = e->layers; l < e->layers + e->n_layers; l++) {
        int rows = p->T;

        each_block(project_block, p, rank, l, p->T);
        pool_meet(s->team);
        attend(p, rank);
        pool_meet(s->team);
        if (p->firsts_only && l == e->layers + e->n_layers - 1) {
            if (rank == 0)
                keep_firsts(p);
            rows = p->n_texts;
            pool_meet(s->team);
        }
        each_block(finish_block, p, rank, l, rows);
        pool_meet(s->team);
    }
    return 0;
}

/* Sends a batch through the layers: what became of it is in the scratch. */
static int run_batch(struct pass *p, struct err *err)
{
    struct encoder_scratch *s = p->s;
    int blocks;

    p->T = check_batch(s->encoder, s, p->ids, p->lengths, p->n_texts, err);
    if (p->T < 0)
        return p->T;
    blocks = (p->T + GEMM_ROWS - 1) / GEMM_ROWS;
    blocks = (blocks + s->n_hands - 1) / s->n_hands * s->n_hands; /* as many for each */
    p->rows = blocks ? (p->T + blocks - 1) / blocks : 1;
    for (int i = 0; i < s->n_hands; i++)
        err_clear(&s->hands[i].err);
    pool_together(s->team, run_hand, p);
    for (int i = 0; i < s->n_hands; i++)
        if (s->hands[i].err.code)
            return err_set(err, s->hands[i].err.code, "%s", s->hands[i].err.text);
    return 0;
}

int encoder_states(const float **x, const struct encoder *e, struct encoder_scratch *s,
                   const int *ids, const int *lengths, int n_texts, struct err *err)
{
    struct pass p = {.s = s, .ids = ids, .lengths = lengths, .n_texts = n_texts};

    assert(s->encoder == e);
    *x = s->x;
    return run_batch(&p, err);
}

int encoder_firsts(float *out, const struct encoder *e, struct encoder_scratch *s, const int *ids,
                   const int *lengths, const int *seconds, int n_texts, struct err *err)
{
    struct pass p = {.s = s,
                     .ids = ids,
                     .lengths = lengths,
                     .seconds = seconds,
                     .n_texts = n_texts,
                     .firsts_only = 1};
    int rc;

    assert(s->encoder == e && (!seconds || e->places_second));
    rc = run_batch(&p, err);
    if (!rc && !e->n_layers)
        keep_firsts(&p);
    if (!rc)
        memcpy(out, s->x, (size_t)n_texts * (size_t)e->D * sizeof *out);
    return rc;
}

/* Means of the texts' tokens. */
static void mean_texts(float *out, const struct encoder_scratch *s, const int *lengths, int n_texts)
{
    const struct encoder *e = s->encoder;
    const size_t D = (size_t)e->D;
    const float *x = s->x;

    for (int i = 0; i < n_texts; i++, out += D) {
        memcpy(out, x, D * sizeof *out);
        for (int t = 1; t < lengths[i]; t++)
            e->kernels->add(out, x + (size_t)t * D, e->D);
        e->kernels->scale(out, 1 / (float)lengths[i], e->D);
        x += (size_t)lengths[i] * D;
    }
}

int encoder_run(float *out, const struct encoder *e, struct encoder_scratch *s, const int *ids,
                const int *lengths, int n_texts, struct err *err)
{
    const float *x = NULL;
    int rc;

    if (e->pooling != FOLDER_MEAN)
        return encoder_firsts(out, e, s, ids, lengths, NULL, n_texts, err);
    rc = encoder_states(&x, e, s, ids, lengths, n_texts, err);
    if (!rc)
        mean_texts(out, s, lengths, n_texts);
    return rc;
}
