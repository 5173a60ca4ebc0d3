/* splade.c -- the masked-language-model head and SPLADE's pooling, a block of words at a time; see splade.h.
 *
 * log(1 + max(0, .)) rises, so the maximum is taken of the logits, and the logarithm once for each word that stays.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include "model/splade.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "model/bind.h"

static const char head[] = "cls.predictions.";

struct splade {
    const struct kernels *kernels;
    struct gemm_lib *lib;
    int D, V, n_blocks;
    float eps;
    void (*activation)(float *, int);
    struct linear *dense; /* [D, D] */
    struct norm norm;
    struct linear **blocks; /* [n_blocks], each [SPLADE_BLOCK, D], the last perhaps fewer rows */
};

struct splade_scratch {
    const struct splade *head;
    int max_tokens;
    float *h;    /* [max_tokens, D] transformed tokens */
    float *y;    /* [GEMM_ROWS, SPLADE_BLOCK] logits */
    float *most; /* [SPLADE_BLOCK] the largest so far of the text in hand, 0 at least */
    struct linear_scratch *linear;
};

/* ---- opening ---- */

static int block_words(const struct splade *s, int block)
{
    int left = s->V - block * SPLADE_BLOCK;

    return left < SPLADE_BLOCK ? left : SPLADE_BLOCK;
}

static int check_finite(const float *x, size_t n, const char *name, struct err *err)
{
    for (size_t i = 0; i < n; i++)
        if (!isfinite(x[i]))
            return err_set(err, E_FORMAT,
                           "model: tensor '%s' has numbers that are not finite; is the weights "
                           "file damaged?",
                           name);
    return 0;
}

/* The decoder's matrix: of its own, or the word embeddings. */
static int find_decoder(const struct tensor **out, const struct splade *s,
                        const struct safetensors *st, struct err *err)
{
    struct binder b = {st, "", err};

    if (safetensors_has(st, "cls.predictions.decoder.weight"))
        return bind_find(out, &b, s->V, s->D, head, "decoder.weight");
    if (safetensors_has(st, "bert.embeddings.word_embeddings.weight"))
        b.prefix = "bert.";
    return bind_find(out, &b, s->V, s->D, "embeddings.word_embeddings", ".weight");
}

static int read_decoder(struct splade *s, const struct safetensors *st, int precision,
                        struct err *err)
{
    const struct binder b = {st, "", err};
    const struct tensor *t = NULL;
    const size_t D = (size_t)s->D;
    float *bias = mem_alloc((size_t)s->V, sizeof *bias);
    float *w = mem_alloc(SPLADE_BLOCK * D, sizeof *w);
    int rc = bias && w ? 0 : err_nomem(err);

    rc = rc ? rc : find_decoder(&t, s, st, err);
    rc = rc ? rc
            : bind_read(bias, &b, s->V, 0, head,
                        safetensors_has(st, "cls.predictions.bias") ? "bias" : "decoder.bias");
    rc = rc ? rc : check_finite(bias, (size_t)s->V, "cls.predictions.bias", err);
    for (int i = 0; !rc && i < s->n_blocks; i++) {
        const int n = block_words(s, i);
        const size_t first = (size_t)i * SPLADE_BLOCK;

        tensor_read_f32(w, t, first * D, (size_t)n * D);
        rc = check_finite(w, (size_t)n * D, t->name, err);
        if (!rc)
            rc = linear_new(&s->blocks[i], s->lib, precision, w, bias + first, n, s->D, err);
    }
    mem_free(bias);
    mem_free(w);
    return rc;
}

int splade_open(struct splade **out, const struct safetensors *st, const struct folder *cfg,
                int precision, const struct kernels *k, struct err *err)
{
    static const char *const dense[] = {"cls.predictions.transform.dense"};
    const struct binder b = {st, "", err};
    struct splade *s = mem_zalloc(1, sizeof *s);
    int rc;

    if (!s)
        return err_nomem(err);
    s->kernels = k;
    s->D = cfg->hidden;
    s->V = cfg->vocab;
    s->n_blocks = (s->V + SPLADE_BLOCK - 1) / SPLADE_BLOCK;
    s->eps = cfg->layer_norm_eps;
    s->activation = cfg->activation == FOLDER_RELU        ? k->relu
                    : cfg->activation == FOLDER_GELU_TANH ? k->gelu_tanh
                                                          : k->gelu;
    s->blocks = mem_zalloc((size_t)s->n_blocks, sizeof(struct linear *));
    rc = s->blocks ? gemm_lib_open(&s->lib, err) : err_nomem(err);
    rc = rc ? rc : bind_linear(&s->dense, &b, s->lib, precision, s->D, s->D, dense, 1);
    rc = rc ? rc : bind_norm(&s->norm, &b, s->D, "cls.predictions.transform.LayerNorm");
    rc = rc ? rc : read_decoder(s, st, precision, err);
    if (rc) {
        splade_close(s);
        return rc;
    }
    *out = s;
    return 0;
}

void splade_close(struct splade *s)
{
    if (!s)
        return;
    for (int i = 0; s->blocks && i < s->n_blocks; i++)
        linear_free(s->blocks[i]);
    mem_free(s->blocks);
    linear_free(s->dense);
    norm_clear(&s->norm);
    gemm_lib_close(s->lib);
    mem_free(s);
}

/* ---- running ---- */

int splade_scratch_new(struct splade_scratch **out, const struct splade *s, int max_tokens,
                       struct err *err)
{
    struct splade_scratch *w = mem_zalloc(1, sizeof *w);
    int rc;

    assert(max_tokens >= 1);
    if (!w)
        return err_nomem(err);
    w->head = s;
    w->max_tokens = max_tokens;
    w->h = mem_alloc_aligned((size_t)max_tokens * (size_t)s->D, sizeof *w->h);
    w->y = mem_alloc_aligned((size_t)GEMM_ROWS * SPLADE_BLOCK, sizeof *w->y);
    w->most = mem_alloc_aligned(SPLADE_BLOCK, sizeof *w->most);
    rc = w->h && w->y && w->most ? 0 : err_nomem(err);
    if (!rc)
        rc = linear_scratch_new(&w->linear, s->lib, s->D > SPLADE_BLOCK ? s->D : SPLADE_BLOCK, s->D,
                                err);
    if (rc) {
        splade_scratch_free(w);
        return rc;
    }
    *out = w;
    return 0;
}

void splade_scratch_free(struct splade_scratch *s)
{
    if (!s)
        return;
    mem_free(s->h);
    mem_free(s->y);
    mem_free(s->most);
    linear_scratch_free(s->linear);
    mem_free(s);
}

/* h = LN(activation(dense x)) for all T tokens. */
static int transform(struct splade_scratch *w, const float *x, int T, struct err *err)
{
    const struct splade *s = w->head;
    const size_t D = (size_t)s->D;

    for (int t = 0; t < T; t += GEMM_ROWS) {
        const int m = T - t < GEMM_ROWS ? T - t : GEMM_ROWS;
        float *h = w->h + (size_t)t * D;
        int rc = linear_run(h, s->dense, s->kernels, w->linear, x + (size_t)t * D, m, s->activation,
                            err);

        if (rc)
            return rc;
        for (float *row = h; row < h + (size_t)m * D; row += D)
            s->kernels->layer_norm(row, row, NULL, s->norm.gamma, s->norm.beta, s->eps, s->D);
    }
    for (size_t i = 0; i < (size_t)T * D; i++)
        if (!isfinite(w->h[i]))
            return err_set(
                err, E_FORMAT,
                "the model yields numbers that are not finite; is its weights file damaged?");
    return 0;
}

/* Appends the words of a block that the text in hand has, and makes room for the next text. */
static int end_text(struct model_words *out, struct splade_scratch *w, int first, int n,
                    struct err *err)
{
    for (int i = 0; i < n; i++) {
        float weight;

        if (!(w->most[i] > 0))
            continue;
        weight = log1pf(w->most[i]);
        if (!(weight > 0)) /* a logit too small for its logarithm */
            continue;
        if (!isfinite(weight))
            return err_set(err, E_FORMAT, "the model yields numbers that are too large");
        if (mem_reserve((void **)&out->v, &out->cap, out->n + 1, sizeof *out->v))
            return err_nomem(err);
        out->v[out->n++] = (struct model_word){first + i, weight};
    }
    memset(w->most, 0, (size_t)n * sizeof *w->most);
    return 0;
}

/* One block of words for all texts. */
static int run_block(struct model_words *out, struct splade_scratch *w, int block,
                     const int *lengths, int T, struct err *err)
{
    const struct splade *s = w->head;
    const int n = block_words(s, block);
    int text = 0, left = lengths[0], rc = 0;

    memset(w->most, 0, (size_t)n * sizeof *w->most);
    for (int t = 0; t < T && !rc; t += GEMM_ROWS) {
        const int m = T - t < GEMM_ROWS ? T - t : GEMM_ROWS;

        rc = linear_run(w->y, s->blocks[block], s->kernels, w->linear,
                        w->h + (size_t)t * (size_t)s->D, m, NULL, err);
        for (int i = 0; i < m && !rc; i++) {
            s->kernels->max(w->most, w->y + (size_t)i * (size_t)n, n);
            if (--left)
                continue;
            rc = end_text(&out[text++], w, block * SPLADE_BLOCK, n, err);
            left = t + i + 1 < T ? lengths[text] : 0;
        }
    }
    return rc;
}

int splade_run(struct model_words *out, const struct splade *s, struct splade_scratch *scratch,
               const float *x, const int *lengths, int n_texts, struct err *err)
{
    int T = 0, rc;

    for (int i = 0; i < n_texts; i++)
        T += lengths[i];
    assert(scratch->head == s && T <= scratch->max_tokens);
    rc = T ? transform(scratch, x, T, err) : 0;
    for (int i = 0; T && i < s->n_blocks && !rc; i++)
        rc = run_block(out, scratch, i, lengths, T, err);
    return rc;
}
