/* model.c -- finds and opens a model folder, and answers questions about it; see model.h. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "model/model.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/digest.h"
#include "base/file.h"
#include "base/mem.h"
#include "model/embed.h"
#include "model/encoder.h"
#include "model/folder.h"
#include "model/kernels.h"
#include "model/pair.h"
#include "model/safetensors.h"
#include "model/splade.h"
#include "model/tokenizer.h"

struct model {
    struct folder folder;
    struct safetensors *weights;
    struct tokenizer *tokenizer;
    struct encoder *encoder;
    struct splade *splade;  /* NULL: vectors, not words */
    struct pair_head *pair; /* NULL: no cross-encoder */
    const struct kernels *kernels;
    char *describe;
    pthread_mutex_t lock; /* guards sha256 */
    char sha256[65];      /* "" until asked for */
    int max_tokens;
};

/* ---- finding ---- */

/* 1 and *path set if dir/name is a folder (dir may be NULL); 0 if not; negative on error. */
static int find_in(char **path, const char *dir, const char *name, struct err *err)
{
    char *joined;

    if (!dir || !*dir)
        return 0;
    joined = strcmp(dir, ".") ? file_join(dir, name) : mem_strdup(name);
    if (!joined)
        return err_nomem(err);
    if (file_is_dir(joined)) {
        *path = joined;
        return 1;
    }
    mem_free(joined);
    return 0;
}

/* Where ./bootstrap puts models; NULL if the environment names no home or memory is out. */
static char *data_folder(void)
{
    const char *data = getenv("XDG_DATA_HOME"), *home = getenv("HOME");

    if (data && *data)
        return mem_printf("%s/fovea/models", data);
    return mem_printf("%s/.local/share/fovea/models", home ? home : "");
}

int model_find(char **path, const char *name, struct err *err)
{
    const char *models = getenv("FOVEA_MODELS");
    char *data = NULL;
    int rc;

    if (!*name)
        return err_set(err, E_INVALID, "the name of the model is empty");
    data = data_folder();
    if (!data)
        return err_nomem(err);
    rc = model_is_path(name) ? find_in(path, ".", name, err) : 0;
    rc = rc ? rc : find_in(path, models, name, err);
    rc = rc ? rc : find_in(path, data, name, err);
    rc = rc ? rc : find_in(path, ".", name, err);
    if (!rc)
        rc = err_set(err, E_NOTFOUND,
                     "there is no model '%.100s': looked in %s%.120s%s'%.120s'; ./bootstrap demo "
                     "fetches minilm "
                     "and smollm2, ./bootstrap model NAME others",
                     name, models && *models ? "'" : "", models && *models ? models : "",
                     models && *models ? "' and " : "", data);
    mem_free(data);
    return rc < 0 ? rc : 0;
}

/* ---- opening ---- */

/* Architectures that can be run, by the model_type of config.json. */
static const char *const architectures[] = {"bert"};

static int check_architecture(const struct folder *f, struct err *err)
{
    for (size_t i = 0; i < sizeof architectures / sizeof *architectures; i++)
        if (!strcmp(f->architecture, architectures[i]))
            return 0;
    return err_set(err, E_INVALID, "'%s': architecture '%.40s' is not known; bert is", f->path,
                   f->architecture);
}

static int apply_options(struct model *m, const struct model_options *o, struct err *err)
{
    if (o->precision != MODEL_I8 && o->precision != MODEL_F32)
        return err_set(err, E_INVALID, "precision %d is neither MODEL_I8 nor MODEL_F32",
                       o->precision);
    if (o->max_tokens && (o->max_tokens < 3 || o->max_tokens > m->folder.positions))
        return err_set(err, E_INVALID, "max tokens %d is not in 3..%d, what '%s' can read",
                       o->max_tokens, m->folder.positions, m->folder.name);
    m->max_tokens = o->max_tokens ? o->max_tokens : m->folder.max_tokens;
    m->kernels = o->kernels ? kernels_find(o->kernels) : kernels_best();
    if (!m->kernels)
        return err_set(err, E_INVALID, "kernels '%.40s' are not there or not for this processor",
                       o->kernels);
    return 0;
}

static int write_description(struct model *m, int precision, struct err *err)
{
    double millions = 0;

    for (int i = 0; i < safetensors_count(m->weights); i++) {
        const struct tensor *t = safetensors_at(m->weights, i);

        if (t->type != TENSOR_OTHER)
            millions += (double)t->n / 1e6;
    }
    m->describe = mem_printf(
        "%s, %d layers, %d heads, %d dimensions, %.1f M parameters, %s pooling, %s, %s",
        m->folder.architecture, m->folder.layers, m->folder.heads, m->folder.hidden, millions,
        model_pooling(m), precision == MODEL_F32 ? "32-bit floats" : "8-bit", m->kernels->name);
    return m->describe ? 0 : err_nomem(err);
}

static int read_folder(struct model *m, const char *path, struct err *err)
{
    struct err said = {0};
    int rc = folder_read(&m->folder, path, &said);

    if (rc == E_NOTFOUND && model_is_gguf(path))
        return err_set(err, E_INVALID,
                       "'%.200s' is a language model: an encoder is needed here, such as minilm",
                       path);
    return rc ? err_set(err, rc, "%s", said.text) : 0;
}

int model_open(struct model **out, const char *path, const struct model_options *opt,
               struct err *err)
{
    static const struct model_options defaults = {0};
    struct model *m = mem_zalloc(1, sizeof *m);
    int rc;

    if (!m)
        return err_nomem(err);
    pthread_mutex_init(&m->lock, NULL);
    if (!opt)
        opt = &defaults;
    rc = read_folder(m, path, err);
    if (!rc)
        rc = check_architecture(&m->folder, err);
    if (!rc)
        rc = apply_options(m, opt, err);
    if (!rc)
        rc = tokenizer_open(&m->tokenizer, &m->folder, err);
    if (!rc)
        rc = safetensors_open(&m->weights, m->folder.weights_path, err);
    if (!rc)
        rc = encoder_open(&m->encoder, m->weights, &m->folder, opt->precision, m->kernels, err);
    if (!rc && model_is_sparse(m))
        rc = splade_open(&m->splade, m->weights, &m->folder, opt->precision, m->kernels, err);
    if (!rc && model_is_cross(m)) {
        rc = pair_open(&m->pair, m->weights, &m->folder, opt->precision, m->kernels, err);
        if (rc)
            err_wrap(err, "'%s'", m->folder.path);
    }
    if (!rc)
        rc = write_description(m, opt->precision, err);
    if (rc) {
        model_close(m);
        return rc;
    }
    *out = m;
    return 0;
}

void model_close(struct model *m)
{
    if (!m)
        return;
    splade_close(m->splade);
    pair_close(m->pair);
    encoder_close(m->encoder);
    safetensors_close(m->weights);
    tokenizer_close(m->tokenizer);
    folder_clear(&m->folder);
    pthread_mutex_destroy(&m->lock);
    mem_free(m->describe);
    mem_free(m);
}

/* ---- what it is ---- */

const char *model_name(const struct model *m) { return m->folder.name; }
const char *model_path(const struct model *m) { return m->folder.path; }
const char *model_weights_path(const struct model *m) { return m->folder.weights_path; }
const char *model_architecture(const struct model *m) { return m->folder.architecture; }

const char *model_pooling(const struct model *m)
{
    static const char *const names[] = {[FOLDER_MEAN] = "mean",
                                        [FOLDER_CLS] = "cls",
                                        [FOLDER_SPLADE] = "splade",
                                        [FOLDER_PAIR] = "pair"};

    return names[m->folder.pooling];
}

const char *model_prefix(const struct model *m, int kind)
{
    return kind == MODEL_QUERY ? m->folder.query_prefix : m->folder.passage_prefix;
}

int model_is_normalised(const struct model *m) { return m->folder.normalise; }
int model_is_sparse(const struct model *m) { return m->folder.pooling == FOLDER_SPLADE; }
int model_is_cross(const struct model *m) { return m->folder.pooling == FOLDER_PAIR; }

int model_dim(const struct model *m)
{
    return model_is_sparse(m) || model_is_cross(m) ? 0 : m->folder.hidden;
}

int model_vocabulary(const struct model *m) { return m->folder.vocab; }
int model_max_tokens(const struct model *m) { return m->max_tokens; }
const char *model_best_kernels(void) { return kernels_best()->name; }

const char *model_kernels(const struct model *m) { return m->kernels->name; }
const char *model_describe(const struct model *m) { return m->describe; }

const char *model_sha256(struct model *m)
{
    pthread_mutex_lock(&m->lock);
    if (!m->sha256[0]) {
        size_t n;
        const unsigned char *p = safetensors_bytes(&n, m->weights);

        digest_sha256(m->sha256, p, n);
    }
    pthread_mutex_unlock(&m->lock);
    return m->sha256;
}

/* ---- running ---- */

static struct embedder embedder_of(const struct model *m, int kind)
{
    return (struct embedder){.tokenizer = m->tokenizer,
                             .encoder = m->encoder,
                             .splade = m->splade,
                             .pair = m->pair,
                             .dim = m->folder.hidden,
                             .max_tokens = m->max_tokens,
                             .normalise = m->folder.normalise,
                             .prefix = model_prefix(m, kind)};
}

/* What a model that cannot do what is asked of it is. */
static int refuse(const struct model *m, const char *wanted, struct err *err)
{
    return err_set(err, E_INVALID, "'%s' %s; %s", m->folder.name,
                   model_is_cross(m)    ? "is a cross-encoder: it scores pairs of texts"
                   : model_is_sparse(m) ? "is a learned sparse model: it makes weighted words"
                                        : "makes vectors",
                   wanted);
}

int model_embed(float *out, struct model *m, struct pool *pool, const struct model_text *texts,
                size_t n, int kind, struct err *err)
{
    struct embedder e = embedder_of(m, kind);

    if (model_is_sparse(m) || model_is_cross(m))
        return refuse(m, "vectors need an encoder", err);
    return embed_texts(out, &e, pool, texts, n, err);
}

int model_embed_words(struct model_words *out, struct model *m, struct pool *pool,
                      const struct model_text *texts, size_t n, int kind, struct err *err)
{
    struct embedder e = embedder_of(m, kind);

    if (!model_is_sparse(m))
        return refuse(m, "weighted words need a learned sparse model (SPLADE)", err);
    return embed_words(out, &e, pool, texts, n, err);
}

int model_score_pairs(float *out, unsigned char *cut, size_t *n_query, struct model *m,
                      struct pool *pool, struct model_text query, const struct model_text *texts,
                      size_t n, struct err *err)
{
    const struct embedder e = embedder_of(m, MODEL_QUERY);
    unsigned char *cuts = cut;
    struct ids ids = {0};
    int rc;

    if (!model_is_cross(m))
        return refuse(m, "pairs need a cross-encoder", err);
    if (!cuts && !(cuts = mem_alloc(n, sizeof *cuts)))
        return err_nomem(err);
    rc = tokenizer_add(&ids, m->tokenizer, query.p, query.n, SIZE_MAX / 4, err);
    if (!rc)
        rc = embed_pairs(out, cuts, &e, pool, &ids, texts, n, err);
    if (!rc && n_query)
        *n_query = ids.n - 2;
    ids_clear(&ids);
    if (!cut)
        mem_free(cuts);
    return rc;
}

void model_words_clear(struct model_words *w)
{
    mem_free(w->v);
    memset(w, 0, sizeof *w);
}

void model_spell(struct buf *out, const struct model *m, int token)
{
    if (!tokenizer_spell(out, m->tokenizer, token))
        buf_printf(out, "[%d]", token);
}

int model_tokenize(int **ids, int *n_ids, struct model *m, struct model_text text, int kind,
                   struct err *err)
{
    struct embedder e = embedder_of(m, kind);
    struct ids list = {0};
    int rc = embed_tokens(&list, &e, text, err);

    if (rc) {
        ids_clear(&list);
        return rc;
    }
    *ids = list.v;
    *n_ids = (int)list.n;
    return 0;
}
