/* decoder_open.c -- a decoder's weights, bound by name and packed: a task is a layer, or some rows of the head.
 *
 * RoPE turns pairs of numbers.  Files of llama have a pair side by side, the others half a head apart; rows of llama's
 * query and key matrices are put in the others' order, which changes no product of a query and a key.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "model/decoder_inside.h"
#include "model/model.h"
#include "model/product.h"

/* Who reads, and into what. */
struct binder {
    struct decoder *m;
    const struct gguf *g;
    struct err *err;
};

static int find(const struct gguf_tensor **out, const struct binder *b, const char *name,
                size_t rows, size_t columns)
{
    const struct gguf_tensor *t = gguf_find(b->g, name);

    if (!t)
        return err_set(b->err, E_FORMAT, "%s: tensor %s is missing", gguf_path(b->g), name);
    if (t->rows != rows || t->columns != columns)
        return err_set(b->err, E_FORMAT, "%s: tensor %s is %zu x %zu, not %zu x %zu",
                       gguf_path(b->g), name, t->rows, t->columns, rows, columns);
    *out = t;
    return 0;
}

/* A vector of n numbers that must be there, and be finite. */
static int read_vector(float **out, const struct binder *b, const char *name, int n)
{
    const struct gguf_tensor *t = NULL;
    int rc = find(&t, b, name, 1, (size_t)n);

    if (rc)
        return rc;
    *out = mem_alloc_aligned((size_t)n, sizeof **out);
    if (!*out)
        return err_nomem(b->err);
    gguf_read_rows(*out, t, 0, 1);
    for (int i = 0; i < n; i++)
        if (!isfinite((*out)[i]))
            return err_set(b->err, E_FORMAT, "%s: tensor %s holds numbers that are not finite",
                           gguf_path(b->g), name);
    return 0;
}

static const char *name_of(char out[96], int layer, const char *part, const char *what)
{
    snprintf(out, 96, "blk.%d.%s.%s", layer, part, what);
    return out;
}

static int layer_vector(float **out, const struct binder *b, int layer, const char *part, int n)
{
    char name[96];

    return read_vector(out, b, name_of(name, layer, part, "weight"), n);
}

/* The row of a file that row i of a matrix is. */
static size_t source_row(size_t i, int d, int is_turned)
{
    const size_t size = (size_t)d, half = size / 2, in = i % size;

    if (!is_turned)
        return i;
    return i - in + (in < half ? 2 * in : 2 * (in - half) + 1);
}

/* One of the matrices that lie under each other in a layer's product. */
struct part {
    const char *name; /* "attn_q" */
    int rows;
    int is_turned; /* 1: pairs are side by side in the file */
};

enum { ROWS = PRODUCT_PANEL }; /* read at a time: they and what is packed stay in the cache */

static int add_part(struct linear *l, int first, float *w, float *bias, const struct binder *b,
                    int layer, const struct part *part, int columns)
{
    const size_t n = (size_t)part->rows, k = (size_t)columns;
    const struct gguf_tensor *t = NULL, *tb;
    char name[96];
    int rc = find(&t, b, name_of(name, layer, part->name, "weight"), n, k);

    if (rc)
        return rc;
    for (size_t i = 0; i < n; i += ROWS) {
        const size_t rows = n - i < ROWS ? n - i : ROWS;

        for (size_t r = 0; r < rows; r++)
            gguf_read_rows(w + r * k, t, source_row(i + r, b->m->cfg.d, part->is_turned), 1);
        linear_set_rows(l, first + (int)i, (int)rows, w);
    }
    tb = gguf_find(b->g, name_of(name, layer, part->name, "bias"));
    if (!tb)
        return 0;
    if ((rc = find(&tb, b, name, 1, n)))
        return rc;
    gguf_read_rows(w, tb, 0, 1); /* there is room for n more */
    for (size_t i = 0; i < n; i++)
        bias[(size_t)first + i] = w[source_row(i, b->m->cfg.d, part->is_turned)];
    return 0;
}

/* A product of one to three matrices under each other. */
static int read_linear(struct linear **out, const struct binder *b, int layer,
                       const struct part *parts, int n_parts, int columns)
{
    int n = 0, rc, first = 0;
    float *w, *bias;

    for (int i = 0; i < n_parts; i++)
        n += parts[i].rows;
    w = mem_alloc((size_t)columns * ROWS + (size_t)n, sizeof *w);
    bias = mem_zalloc((size_t)n, sizeof *bias);
    rc = w && bias ? linear_begin(out, b->m->lib, b->m->precision, n, columns, b->err)
                   : err_nomem(b->err);
    for (int i = 0; i < n_parts && !rc; first += parts[i++].rows)
        rc = add_part(*out, first, w, bias, b, layer, &parts[i], columns);
    if (!rc) {
        linear_set_bias(*out, bias);
        rc = linear_finish(*out, b->err);
    }
    mem_free(w);
    mem_free(bias);
    return rc;
}

static int read_layer(const struct binder *b, int i)
{
    const struct decoder_config *c = &b->m->cfg;
    const struct architecture *a = c->arch;
    struct decoder_layer *l = &b->m->layers[i];
    const int wide = c->heads * c->d, narrow = c->kv_heads * c->d, turned = !a->pairs_are_halves;
    const struct part qkv[] = {
        {"attn_q", wide, turned}, {"attn_k", narrow, turned}, {"attn_v", narrow, 0}};
    const struct part out = {"attn_output", c->D, 0}, down = {"ffn_down", c->D, 0};
    const struct part gate = {"ffn_gate", c->F, 0}, up = {"ffn_up", c->F, 0};
    int rc;

    if ((rc = layer_vector(&l->norm, b, i, "attn_norm", c->D)) ||
        (rc = read_linear(&l->qkv, b, i, qkv, 3, c->D)) ||
        (rc = read_linear(&l->out, b, i, &out, 1, wide)) ||
        (rc = layer_vector(&l->feed_norm, b, i, "ffn_norm", c->D)) ||
        (rc = read_linear(&l->gate, b, i, &gate, 1, c->D)) ||
        (rc = read_linear(&l->up, b, i, &up, 1, c->D)) ||
        (rc = read_linear(&l->down, b, i, &down, 1, c->F)))
        return rc;
    if (a->has_head_norms && ((rc = layer_vector(&l->q_norm, b, i, "attn_q_norm", c->d)) ||
                              (rc = layer_vector(&l->k_norm, b, i, "attn_k_norm", c->d))))
        return rc;
    if (a->has_output_norms &&
        ((rc = layer_vector(&l->out_norm, b, i, "post_attention_norm", c->D)) ||
         (rc = layer_vector(&l->down_norm, b, i, "post_ffw_norm", c->D))))
        return rc;
    return 0;
}

/* ---- the head: the product behind the last layer; files without one use the word embeddings ---- */

enum { HEAD_ROWS = 64 * ROWS }; /* of a task */

static int begin_head(struct decoder *m, const struct gguf_tensor **t, const struct binder *b)
{
    const char *own = "output.weight", *words = "token_embd.weight";
    int rc = find(t, b, gguf_find(b->g, own) ? own : words, (size_t)m->cfg.vocab, (size_t)m->cfg.D);

    return rc ? rc : linear_begin(&m->head, m->lib, m->precision, m->cfg.vocab, m->cfg.D, b->err);
}

static int read_head_rows(const struct binder *b, const struct gguf_tensor *t, size_t first)
{
    const size_t V = (size_t)b->m->cfg.vocab, D = (size_t)b->m->cfg.D;
    const size_t end = V - first < HEAD_ROWS ? V : first + HEAD_ROWS;
    float *w = mem_alloc(ROWS * D, sizeof *w);

    if (!w)
        return err_nomem(b->err);
    for (size_t i = first; i < end; i += ROWS) {
        const size_t rows = end - i < ROWS ? end - i : ROWS;

        gguf_read_rows(w, t, i, rows);
        linear_set_rows(b->m->head, (int)i, (int)rows, w);
    }
    mem_free(w);
    return 0;
}

/* ---- all by several threads ---- */

struct job {
    struct decoder *m;
    const struct gguf *g;
    const struct gguf_tensor *head; /* or NULL */
    struct err *errs;               /* [tasks] */
};

static int read_task(int task, int worker, void *payload)
{
    struct job *j = payload;
    const struct binder b = {j->m, j->g, &j->errs[task]};

    (void)worker;
    if (task < j->m->n_layers)
        return read_layer(&b, task);
    return read_head_rows(&b, j->head, (size_t)(task - j->m->n_layers) * HEAD_ROWS);
}

static int read_matrices(struct decoder *m, const struct gguf *g, int has_head, struct pool *pool,
                         struct err *err)
{
    const struct binder b = {m, g, err};
    const int heads = has_head ? (m->cfg.vocab + HEAD_ROWS - 1) / HEAD_ROWS : 0;
    const int n = m->n_layers + heads;
    struct job j = {.m = m, .g = g, .errs = mem_zalloc((size_t)n, sizeof *j.errs)};
    int rc = j.errs ? 0 : err_nomem(err);

    if (!rc && has_head)
        rc = begin_head(m, &j.head, &b);
    /* float32 matrices are packed by a library that one thread at a time may ask */
    if (!rc && (rc = pool_run(m->precision == MODEL_F32 ? NULL : pool, n, read_task, &j)))
        for (int i = 0; i < n; i++)
            if (j.errs[i].code) {
                rc = err_set(err, j.errs[i].code, "%s", j.errs[i].text);
                break;
            }
    if (!rc && has_head)
        rc = linear_finish(m->head, err);
    mem_free(j.errs);
    return rc;
}

static int read_all(struct decoder *m, const struct gguf *g, const struct decoder_options *opt,
                    struct pool *pool, struct err *err)
{
    const struct binder b = {m, g, err};
    int rc;

    if ((rc = find(&m->words, &b, "token_embd.weight", (size_t)m->cfg.vocab, (size_t)m->cfg.D)) ||
        (rc = read_vector(&m->norm, &b, "output_norm.weight", m->cfg.D)))
        return rc;
    if (gguf_find(g, "rope_freqs.weight") &&
        (rc = read_vector(&m->rope_factors, &b, "rope_freqs.weight", m->cfg.d / 2)))
        return rc;
    for (int i = 0; m->rope_factors && i < m->cfg.d / 2; i++)
        if (!(m->rope_factors[i] > 0))
            return err_set(err, E_FORMAT, "%s: rope_freqs.weight has a factor that is not positive",
                           gguf_path(g));
    return read_matrices(m, g, opt->has_head, pool, err);
}

int decoder_open(struct decoder **out, const struct gguf *g, const struct decoder_options *opt,
                 struct pool *pool, struct err *err)
{
    struct decoder *m = mem_zalloc(1, sizeof *m);
    int rc;

    if (!m)
        return err_nomem(err);
    m->precision = opt->precision;
    m->kernels = opt->kernels ? kernels_find(opt->kernels) : kernels_best();
    rc = m->kernels
             ? decoder_config_read(&m->cfg, g, err)
             : err_set(err, E_INVALID, "kernels %s: this processor has no such", opt->kernels);
    if (!rc) {
        m->n_layers = opt->layers > 0 && opt->layers < m->cfg.layers ? opt->layers : m->cfg.layers;
        m->layers = mem_zalloc((size_t)m->n_layers, sizeof *m->layers);
        rc = m->layers ? gemm_lib_open(&m->lib, err) : err_nomem(err);
    }
    rc = rc ? rc : read_all(m, g, opt, pool, err);
    if (rc) {
        decoder_close(m);
        return rc;
    }
    *out = m;
    return 0;
}

void decoder_close(struct decoder *m)
{
    if (!m)
        return;
    for (int i = 0; m->layers && i < m->n_layers; i++) {
        struct decoder_layer *l = &m->layers[i];

        mem_free(l->norm);
        linear_free(l->qkv);
        mem_free(l->q_norm);
        mem_free(l->k_norm);
        linear_free(l->out);
        mem_free(l->out_norm);
        mem_free(l->feed_norm);
        linear_free(l->gate);
        linear_free(l->up);
        linear_free(l->down);
        mem_free(l->down_norm);
    }
    mem_free(m->layers);
    mem_free(m->rope_factors);
    mem_free(m->norm);
    linear_free(m->head);
    gemm_lib_close(m->lib);
    mem_free(m);
}

const struct decoder_config *decoder_config(const struct decoder *m) { return &m->cfg; }

int decoder_layers(const struct decoder *m) { return m->n_layers; }

const char *decoder_kernels(const struct decoder *m) { return m->kernels->name; }
