/* encoder_open.c -- BERT's weights, bound by name. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "model/encoder_inside.h"

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

/* places [positions, D] += row `i` of the type embeddings. */
static int add_type(float *places, const struct encoder *e, const struct binder *b, int n_types,
                    int i)
{
    const struct tensor *t = NULL;
    const size_t D = (size_t)e->D;
    float *type = mem_zalloc(D, sizeof *type);
    int rc = type ? bind_find(&t, b, n_types, e->D, "embeddings.token_type_embeddings", ".weight")
                  : err_nomem(b->err);

    if (!rc)
        tensor_read_f32(type, t, (size_t)i * D, D);
    for (size_t at = 0; !rc && at < (size_t)e->positions; at++)
        e->kernels->add(places + at * D, type, e->D);
    mem_free(type);
    return rc;
}

static int read_embeddings(struct encoder *e, const struct binder *b, const struct folder *cfg)
{
    const size_t n = (size_t)e->positions * (size_t)e->D;
    int rc;

    if ((rc = bind_find(&e->words, b, e->vocab, e->D, "embeddings.word_embeddings", ".weight")))
        return rc;
    e->words_f32 = tensor_borrow_f32(e->words);
    e->places = mem_alloc_aligned(n, sizeof(float));
    if (!e->places)
        return err_nomem(b->err);
    if ((rc = bind_read(e->places, b, e->positions, e->D, "embeddings.position_embeddings",
                        ".weight")))
        return rc;
    if (cfg->pooling == FOLDER_PAIR) {
        e->places_second = mem_alloc_aligned(n, sizeof(float));
        if (!e->places_second)
            return err_nomem(b->err);
        memcpy(e->places_second, e->places, n * sizeof *e->places);
        if ((rc = add_type(e->places_second, e, b, cfg->types, 1)))
            return rc;
    }
    if (cfg->types > 0 && (rc = add_type(e->places, e, b, cfg->types, 0)))
        return rc;
    return bind_norm(&e->norm, b, e->D, "embeddings.LayerNorm");
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
    if (cfg->pooling == FOLDER_PAIR && cfg->types < 2)
        return err_set(err, E_INVALID,
                       "model: a cross-encoder needs two token types, config.json says %d",
                       cfg->types);
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
        rc = read_embeddings(e, &b, cfg);
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
    mem_free(e->places_second);
    norm_clear(&e->norm);
    gemm_lib_close(e->lib);
    mem_free(e);
}
