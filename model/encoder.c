/* encoder.c -- BERT: weights bound by name, and the way of a batch through the layers.
 *
 *     x = LN(word[id] + position[t] + type[0])
 *     per layer:  x = LN(x + O attention(QKV x));  x = LN(x + W2 gelu(W1 x))
 *     out = mean of x over the text, or x of its first token
 *
 * All but attention goes through blocks of GEMM_ROWS tokens, whatever text they
 * belong to: a block's intermediate rows stay in the second-level cache.
 * Source: Devlin et al., "BERT", 2019.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include "model/encoder.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "model/attention.h"
#include "model/bind.h"

struct layer {
    struct linear *qkv;     /* [3 D, D]: Q, K and V in one product */
    struct linear *context; /* [D, D] */
    struct linear *up;      /* [F, D] */
    struct linear *down;    /* [D, F] */
    struct norm after_attention, after_feed_forward;
};

struct encoder {
    const struct kernels *kernels;
    struct gemm_lib *lib;
    int precision, D, H, F, n_layers, vocab, positions, pooling;
    float eps;
    void (*activation)(float *, int);
    const struct tensor *words; /* [V, D], where it is mapped */
    const float *words_f32;     /* the same, or NULL if it must be converted */
    float *places;              /* [positions, D] position embedding + type 0 */
    struct norm norm;
    struct layer *layers; /* [n_layers] */
};

struct encoder_scratch {
    const struct encoder *encoder;
    int max_tokens;
    float *x;       /* [max_tokens, D] */
    float *qkv;     /* [max_tokens, 3 D] */
    float *context; /* [max_tokens, D] */
    float *wide;    /* [GEMM_ROWS, F] */
    float *y;       /* [GEMM_ROWS, D] */
    struct linear_scratch *linear;
    struct attention_scratch *attention;
};

/* ---- binding weights ---- */

static int read_layer(struct layer *layer, const struct binder *b, const struct encoder *e,
                      int precision, int i)
{
    static const char *const parts[] = {
        "attention.self.query",   "attention.self.key",         "attention.self.value",
        "attention.output.dense", "attention.output.LayerNorm", "intermediate.dense",
        "output.dense",           "output.LayerNorm",
    };
    char names[8][96];
    const char *name[8];
    int rc;

    for (int p = 0; p < 8; p++) {
        snprintf(names[p], sizeof names[p], "encoder.layer.%d.%s", i, parts[p]);
        name[p] = names[p];
    }
    if ((rc = bind_linear(&layer->qkv, b, e->lib, precision, e->D, e->D, name, 3)) ||
        (rc = bind_linear(&layer->context, b, e->lib, precision, e->D, e->D, name + 3, 1)) ||
        (rc = bind_norm(&layer->after_attention, b, e->D, name[4])) ||
        (rc = bind_linear(&layer->up, b, e->lib, precision, e->F, e->D, name + 5, 1)) ||
        (rc = bind_linear(&layer->down, b, e->lib, precision, e->D, e->F, name + 6, 1)))
        return rc;
    return bind_norm(&layer->after_feed_forward, b, e->D, name[7]);
}

static int read_embeddings(struct encoder *e, const struct binder *b, int n_types)
{
    const struct tensor *t = NULL;
    float *type = NULL;
    int rc;

    if ((rc = bind_find(&e->words, b, e->vocab, e->D, "embeddings.word_embeddings", ".weight")))
        return rc;
    e->words_f32 = tensor_borrow_f32(e->words);
    e->places = mem_alloc_aligned((size_t)e->positions * (size_t)e->D, sizeof(float));
    type = mem_zalloc((size_t)e->D, sizeof *type);
    if (!e->places || !type) {
        rc = err_nomem(b->err);
        goto done;
    }
    if ((rc = bind_read(e->places, b, e->positions, e->D, "embeddings.position_embeddings",
                        ".weight")))
        goto done;
    if (n_types > 0) {
        rc = bind_find(&t, b, n_types, e->D, "embeddings.token_type_embeddings", ".weight");
        if (rc)
            goto done;
        tensor_read_f32(type, t, 0, (size_t)e->D);
    }
    for (int i = 0; i < e->positions; i++)
        e->kernels->add(e->places + (size_t)i * (size_t)e->D, type, e->D);
    rc = bind_norm(&e->norm, b, e->D, "embeddings.LayerNorm");
done:
    mem_free(type);
    return rc;
}

/* Sizes beyond which no such model exists; they keep every product of two within int. */
enum { MAX_WIDTH = 1 << 15, MAX_LAYERS = 1000, MAX_ROWS = 1 << 24 };

static int check_config(const struct folder *cfg, struct err *err)
{
    if (cfg->hidden < 1 || cfg->hidden > MAX_WIDTH / 3 || cfg->heads < 1 ||
        cfg->hidden % cfg->heads || cfg->intermediate < 1 || cfg->intermediate > MAX_WIDTH ||
        cfg->layers < 0 || cfg->layers > MAX_LAYERS || cfg->vocab < 1 || cfg->vocab > MAX_ROWS ||
        cfg->positions < 1 || cfg->positions > MAX_ROWS || cfg->types < 0 ||
        cfg->types > MAX_ROWS || !(cfg->layer_norm_eps > 0))
        return err_set(err, E_INVALID,
                       "model: cannot run hidden_size %d, %d heads, intermediate_size %d, %d "
                       "layers, %d words, %d positions; see config.json",
                       cfg->hidden, cfg->heads, cfg->intermediate, cfg->layers, cfg->vocab,
                       cfg->positions);
    return 0;
}

int encoder_open(struct encoder **out, const struct safetensors *st, const struct folder *cfg,
                 int precision, const struct kernels *k, struct err *err)
{
    struct binder b = {.st = st, .prefix = "", .err = err};
    struct encoder *e;
    int rc = check_config(cfg, err);

    if (rc)
        return rc;
    if (safetensors_has(st, "bert.embeddings.word_embeddings.weight"))
        b.prefix = "bert.";
    e = mem_zalloc(1, sizeof *e);
    if (!e)
        return err_nomem(err);
    e->kernels = k;
    e->precision = precision;
    e->D = cfg->hidden;
    e->H = cfg->heads;
    e->F = cfg->intermediate;
    e->vocab = cfg->vocab;
    e->positions = cfg->positions;
    e->pooling = cfg->pooling;
    e->eps = cfg->layer_norm_eps;
    e->activation = cfg->activation == FOLDER_RELU        ? k->relu
                    : cfg->activation == FOLDER_GELU_TANH ? k->gelu_tanh
                                                          : k->gelu;
    e->layers = mem_zalloc((size_t)cfg->layers, sizeof *e->layers);
    rc = e->layers ? gemm_lib_open(&e->lib, err) : err_nomem(err);
    if (!rc)
        rc = read_embeddings(e, &b, cfg->types);
    for (e->n_layers = 0; e->n_layers < cfg->layers && !rc; e->n_layers++)
        rc = read_layer(&e->layers[e->n_layers], &b, e, precision, e->n_layers);
    if (rc) {
        encoder_close(e);
        return rc;
    }
    *out = e;
    return 0;
}

void encoder_close(struct encoder *e)
{
    if (!e)
        return;
    for (int i = 0; i < e->n_layers; i++) {
        struct layer *l = &e->layers[i];

        linear_free(l->qkv);
        linear_free(l->context);
        linear_free(l->up);
        linear_free(l->down);
        norm_clear(&l->after_attention);
        norm_clear(&l->after_feed_forward);
    }
    mem_free(e->layers);
    mem_free(e->places);
    norm_clear(&e->norm);
    gemm_lib_close(e->lib);
    mem_free(e);
}

/* ---- running ---- */

int encoder_scratch_new(struct encoder_scratch **out, const struct encoder *e,
                        int max_tokens_in_batch, struct err *err)
{
    struct encoder_scratch *s = mem_zalloc(1, sizeof *s);
    const size_t T = (size_t)max_tokens_in_batch, D = (size_t)e->D, F = (size_t)e->F;
    int longest = max_tokens_in_batch < e->positions ? max_tokens_in_batch : e->positions;
    int rc;

    assert(max_tokens_in_batch >= 1);
    if (!s)
        return err_nomem(err);
    s->encoder = e;
    s->max_tokens = max_tokens_in_batch;
    s->x = mem_alloc_aligned(T * D, sizeof(float));
    s->qkv = mem_alloc_aligned(T * D * 3, sizeof(float));
    s->context = mem_alloc_aligned(T * D, sizeof(float));
    s->wide = mem_alloc_aligned(GEMM_ROWS * F, sizeof(float));
    s->y = mem_alloc_aligned(GEMM_ROWS * D, sizeof(float));
    rc = s->x && s->qkv && s->context && s->wide && s->y ? 0 : err_nomem(err);
    if (!rc)
        rc = linear_scratch_new(&s->linear, e->lib, 3 * e->D > e->F ? 3 * e->D : e->F,
                                e->D > e->F ? e->D : e->F, err);
    if (!rc)
        rc = attention_scratch_new(&s->attention, e->kernels, e->precision, longest, e->D / e->H,
                                   err);
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
    mem_free(s->x);
    mem_free(s->qkv);
    mem_free(s->context);
    mem_free(s->wide);
    mem_free(s->y);
    linear_scratch_free(s->linear);
    attention_scratch_free(s->attention);
    mem_free(s);
}

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

static void embed(struct encoder_scratch *s, const int *ids, const int *lengths, int n_texts)
{
    const struct encoder *e = s->encoder;
    const size_t D = (size_t)e->D;
    float *x = s->x;

    for (int i = 0; i < n_texts; i++)
        for (int t = 0; t < lengths[i]; t++, x += D) {
            const size_t first = (size_t)*ids++ * D;
            const float *place = e->places + (size_t)t * D;

            if (!e->words_f32)
                tensor_read_f32(x, e->words, first, D);
            e->kernels->layer_norm(x, e->words_f32 ? e->words_f32 + first : x, place, e->norm.gamma,
                                   e->norm.beta, e->eps, e->D);
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

static int project_block(struct encoder_scratch *s, const struct layer *l, int t, int m,
                         struct err *err)
{
    const struct encoder *e = s->encoder;
    const size_t at = (size_t)t * (size_t)e->D;

    return linear_run(s->qkv + 3 * at, l->qkv, e->kernels, s->linear, s->x + at, m, NULL, err);
}

static int finish_block(struct encoder_scratch *s, const struct layer *l, int t, int m,
                        struct err *err)
{
    const struct encoder *e = s->encoder;
    const struct kernels *k = e->kernels;
    float *x = s->x + (size_t)t * (size_t)e->D;
    const float *context = s->context + (size_t)t * (size_t)e->D;
    int rc;

    if ((rc = linear_run(s->y, l->context, k, s->linear, context, m, NULL, err)))
        return rc;
    add_and_norm(e, x, s->y, &l->after_attention, m);
    if ((rc = linear_run(s->wide, l->up, k, s->linear, x, m, e->activation, err)) ||
        (rc = linear_run(s->y, l->down, k, s->linear, s->wide, m, NULL, err)))
        return rc;
    add_and_norm(e, x, s->y, &l->after_feed_forward, m);
    return 0;
}

/* Runs a step over T tokens, GEMM_ROWS at a time. */
static int each_block(int (*step)(struct encoder_scratch *, const struct layer *, int, int,
                                  struct err *),
                      struct encoder_scratch *s, const struct layer *l, int T, struct err *err)
{
    int rc = 0;

    for (int t = 0; t < T && !rc; t += GEMM_ROWS)
        rc = step(s, l, t, T - t < GEMM_ROWS ? T - t : GEMM_ROWS, err);
    return rc;
}

static void pool_texts(float *out, const struct encoder_scratch *s, const int *lengths, int n_texts)
{
    const struct encoder *e = s->encoder;
    const size_t D = (size_t)e->D;
    const float *x = s->x;

    for (int i = 0; i < n_texts; i++, out += D) {
        memcpy(out, x, D * sizeof *out);
        if (e->pooling == FOLDER_MEAN) {
            for (int t = 1; t < lengths[i]; t++)
                e->kernels->add(out, x + (size_t)t * D, e->D);
            e->kernels->scale(out, 1 / (float)lengths[i], e->D);
        }
        x += (size_t)lengths[i] * D;
    }
}

int encoder_states(const float **x, const struct encoder *e, struct encoder_scratch *s,
                   const int *ids, const int *lengths, int n_texts, struct err *err)
{
    const size_t D = (size_t)e->D;
    const int T = check_batch(e, s, ids, lengths, n_texts, err);
    int rc = 0;

    assert(s->encoder == e);
    if (T < 0)
        return T;
    embed(s, ids, lengths, n_texts);
    for (const struct layer *l = e->layers; l < e->layers + e->n_layers && !rc; l++) {
        if ((rc = each_block(project_block, s, l, T, err)))
            break;
        for (size_t i = 0, t = 0; i < (size_t)n_texts; t += (size_t)lengths[i++])
            attention_run(s->context + t * D, s->attention, s->qkv + t * D * 3, lengths[i], e->H,
                          e->D / e->H);
        rc = each_block(finish_block, s, l, T, err);
    }
    *x = s->x;
    return rc;
}

int encoder_run(float *out, const struct encoder *e, struct encoder_scratch *s, const int *ids,
                const int *lengths, int n_texts, struct err *err)
{
    const float *x = NULL;
    int rc = encoder_states(&x, e, s, ids, lengths, n_texts, err);

    if (!rc)
        pool_texts(out, s, lengths, n_texts);
    return rc;
}
