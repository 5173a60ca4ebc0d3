/* folder.c -- a model folder: config.json, and the other JSON files in their order; see folder.h.
 *
 * Every number is checked against a bound that no real encoder reaches, so that what is computed from it cannot
 * overflow. A file that may be absent and is there must be right.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include "model/folder.h"

#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "model/folder_inside.h"

enum {
    HIDDEN_MAX = 16384,
    LAYERS_MAX = 256,
    HEADS_MAX = 256,
    INTERMEDIATE_MAX = 1 << 17,
    VOCAB_MAX = 1 << 22,
    POSITIONS_MAX = 1 << 17,
    TYPES_MAX = 64,
};

/* ---- config.json ---- */

static int read_activation(struct folder *f, const struct source *s, struct err *err)
{
    static const struct {
        const char *name;
        int activation;
    } names[] = {
        {"gelu", FOLDER_GELU},
        {"gelu_new", FOLDER_GELU_TANH},
        {"gelu_pytorch_tanh", FOLDER_GELU_TANH},
        {"relu", FOLDER_RELU},
    };
    const char *name = NULL;

    if (json_need_text(&name, s->root, "hidden_act", err)) {
        err_wrap(err, "'%s'", s->path);
        return E_FORMAT;
    }
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (!strcmp(name, names[i].name)) {
            f->activation = names[i].activation;
            return 0;
        }
    }
    return err_set(err, E_INVALID, "'%s': hidden_act '%.40s' is not one of gelu, gelu_new, relu",
                   s->path, name);
}

static int read_shape(struct folder *f, const struct source *s, struct err *err)
{
    if (source_int(&f->hidden, s, "hidden_size", 1, HIDDEN_MAX, err) ||
        source_int(&f->layers, s, "num_hidden_layers", 1, LAYERS_MAX, err) ||
        source_int(&f->heads, s, "num_attention_heads", 1, HEADS_MAX, err) ||
        source_int(&f->intermediate, s, "intermediate_size", 1, INTERMEDIATE_MAX, err) ||
        source_int(&f->vocab, s, "vocab_size", 1, VOCAB_MAX, err) ||
        source_int(&f->positions, s, "max_position_embeddings", 3, POSITIONS_MAX, err) ||
        source_int(&f->types, s, "type_vocab_size", 1, TYPES_MAX, err))
        return E_FORMAT;
    if (f->hidden % f->heads)
        return err_set(err, E_FORMAT, "'%s': hidden_size %d is not a multiple of the %d heads",
                       s->path, f->hidden, f->heads);
    return 0;
}

static int read_config(struct folder *f, struct err *err)
{
    struct source s = {0};
    const char *type = NULL, *head, *positions;
    double eps;
    int rc = source_open(&s, f->path, "config.json", err);

    if (!rc)
        rc = err_set(err, E_NOTFOUND, "'%s' is not a model folder: it has no config.json", f->path);
    if (rc < 0)
        return rc;
    if (json_need_text(&type, s.root, "model_type", err)) {
        err_wrap(err, "'%s'", s.path);
        rc = E_FORMAT;
        goto done;
    }
    rc = source_copy(&f->architecture, type, err);
    if (!rc)
        rc = read_shape(f, &s, err);
    if (!rc)
        rc = read_activation(f, &s, err);
    if (rc)
        goto done;
    eps = json_number(json_get(s.root, "layer_norm_eps"), 1e-12);
    if (!(eps > 0 && eps <= 0.1)) {
        rc = err_set(err, E_FORMAT, "'%s': layer_norm_eps %g is not above 0 and at most 0.1",
                     s.path, eps);
        goto done;
    }
    f->layer_norm_eps = (float)eps;
    /* a network that was saved with the head of SPLADE or of a cross-encoder, unless modules.json says more */
    head = json_text(json_at(json_get(s.root, "architectures"), 0), "");
    f->pooling = !strcmp(head, "BertForMaskedLM")                 ? FOLDER_SPLADE
                 : !strcmp(head, "BertForSequenceClassification") ? FOLDER_PAIR
                                                                  : FOLDER_MEAN;
    positions = json_text(json_get(s.root, "position_embedding_type"), "absolute");
    if (strcmp(positions, "absolute") != 0)
        rc = err_set(err, E_INVALID, "'%s': position embeddings '%.40s'; only 'absolute' is known",
                     s.path, positions);
done:
    source_close(&s);
    return rc;
}

/* ---- the folder ---- */

static int set_names(struct folder *f, const char *path, struct err *err)
{
    size_t n = strlen(path);

    while (n > 1 && path[n - 1] == '/')
        n--;
    f->path = mem_dup(path, n);
    if (!f->path)
        return err_nomem(err);
    f->name = mem_strdup(file_basename(f->path));
    f->weights_path = file_join(f->path, "model.safetensors");
    f->query_prefix = mem_strdup("");
    f->passage_prefix = mem_strdup("");
    f->unk = mem_strdup("[UNK]");
    f->cls = mem_strdup("[CLS]");
    f->sep = mem_strdup("[SEP]");
    return f->name && f->weights_path && f->query_prefix && f->passage_prefix && f->unk && f->cls &&
                   f->sep
               ? 0
               : err_nomem(err);
}

int folder_read(struct folder *f, const char *path, struct err *err)
{
    int rc = set_names(f, path, err);

    if (!rc && !file_is_dir(f->path))
        rc = err_set(err, E_NOTFOUND, "'%s' is not a folder", f->path);
    if (!rc)
        rc = read_config(f, err);
    f->max_tokens = f->positions;
    if (!rc)
        rc = folder_read_modules(f, err);
    if (!rc)
        rc = folder_read_tokenizer(f, err);
    if (!rc)
        rc = folder_read_length(f, err);
    if (!rc)
        rc = folder_read_prompts(f, err);
    if (rc)
        folder_clear(f);
    return rc;
}

void folder_clear(struct folder *f)
{
    mem_free(f->path);
    mem_free(f->name);
    mem_free(f->weights_path);
    mem_free(f->architecture);
    mem_free(f->query_prefix);
    mem_free(f->passage_prefix);
    mem_free(f->unk);
    mem_free(f->cls);
    mem_free(f->sep);
    memset(f, 0, sizeof *f);
}
