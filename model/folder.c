/* folder.c -- the JSON files of a model folder, one function a file; see folder.h.
 *
 * Every number is checked against a bound that no real encoder reaches, so that what is computed from it cannot
 * overflow. A file that may be absent and is there must be right.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include "model/folder.h"

#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"

enum {
    HIDDEN_MAX = 16384,
    LAYERS_MAX = 256,
    HEADS_MAX = 256,
    INTERMEDIATE_MAX = 1 << 17,
    VOCAB_MAX = 1 << 22,
    POSITIONS_MAX = 1 << 17,
    TYPES_MAX = 64,
};

/* One JSON file at work: its path for messages. */
struct source {
    char *path;
    struct json *root; /* an object or array */
};

static void source_close(struct source *s)
{
    json_free(s->root);
    mem_free(s->path);
    memset(s, 0, sizeof *s);
}

/* Opens NAME in dir.  1: opened; 0: it does not exist; negative: error. */
static int source_open(struct source *s, const char *dir, const char *name, struct err *err)
{
    int rc;

    s->path = file_join(dir, name);
    if (!s->path)
        return err_nomem(err);
    if (!file_exists(s->path)) {
        source_close(s);
        return 0;
    }
    rc = json_load(&s->root, s->path, err);
    if (!rc && !json_is_object(s->root) && !json_is_array(s->root))
        rc = err_set(err, E_FORMAT, "'%s' is neither an object nor an array", s->path);
    if (rc) {
        source_close(s);
        return rc;
    }
    return 1;
}

/* An integer field in lo..hi. */
static int need_int(int *out, const struct source *s, const char *key, int lo, int hi,
                    struct err *err)
{
    int64_t x = 0;

    if (json_need_integer(&x, s->root, key, lo, hi, err)) {
        err_wrap(err, "'%s'", s->path);
        return E_FORMAT;
    }
    *out = (int)x;
    return 0;
}

static int is_null_or_absent(const struct json *j)
{
    return !j || (!json_is_object(j) && !json_is_array(j) && !json_is_string(j) &&
                  !json_is_number(j) && json_bool(j, -1) < 0);
}

/* A field that is true, false, or absent or null (*out stays). */
static int get_bool(int *out, const struct source *s, const struct json *object, const char *key,
                    struct err *err)
{
    const struct json *v = json_get(object, key);

    if (is_null_or_absent(v))
        return 0;
    if (json_bool(v, -1) < 0)
        return err_set(err, E_FORMAT, "'%s': field '%s' is not true or false", s->path, key);
    *out = json_bool(v, 0);
    return 0;
}

/* Replaces *out by a copy of text. */
static int set_text(char **out, const char *text, struct err *err)
{
    char *copy = mem_strdup(text);

    if (!copy)
        return err_nomem(err);
    mem_free(*out);
    *out = copy;
    return 0;
}

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
    if (need_int(&f->hidden, s, "hidden_size", 1, HIDDEN_MAX, err) ||
        need_int(&f->layers, s, "num_hidden_layers", 1, LAYERS_MAX, err) ||
        need_int(&f->heads, s, "num_attention_heads", 1, HEADS_MAX, err) ||
        need_int(&f->intermediate, s, "intermediate_size", 1, INTERMEDIATE_MAX, err) ||
        need_int(&f->vocab, s, "vocab_size", 1, VOCAB_MAX, err) ||
        need_int(&f->positions, s, "max_position_embeddings", 3, POSITIONS_MAX, err) ||
        need_int(&f->types, s, "type_vocab_size", 1, TYPES_MAX, err))
        return E_FORMAT;
    if (f->hidden % f->heads)
        return err_set(err, E_FORMAT, "'%s': hidden_size %d is not a multiple of the %d heads",
                       s->path, f->hidden, f->heads);
    return 0;
}

static int read_config(struct folder *f, struct err *err)
{
    struct source s = {0};
    const char *type = NULL, *positions;
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
    rc = set_text(&f->architecture, type, err);
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
    positions = json_text(json_get(s.root, "position_embedding_type"), "absolute");
    if (strcmp(positions, "absolute") != 0)
        rc = err_set(err, E_INVALID, "'%s': position embeddings '%.40s'; only 'absolute' is known",
                     s.path, positions);
done:
    source_close(&s);
    return rc;
}

/* ---- modules.json, 1_Pooling/config.json ---- */

/* The one pooling mode that is switched on: "pooling_mode": "mean", or, in older files,
 * one true among "pooling_mode_cls_token", ... */
static int find_mode(const char **mode, const struct source *s, struct err *err)
{
    static const char *const keys[][2] = {
        {"pooling_mode_cls_token", "cls"},
        {"pooling_mode_max_tokens", "max"},
        {"pooling_mode_mean_tokens", "mean"},
        {"pooling_mode_mean_sqrt_len_tokens", "mean_sqrt_len_tokens"},
        {"pooling_mode_weightedmean_tokens", "weightedmean"},
        {"pooling_mode_lasttoken", "lasttoken"},
    };
    const struct json *named = json_get(s->root, "pooling_mode");
    int n_on = 0;

    *mode = "mean";
    if (json_size(named) == 1)
        named = json_at(named, 0);
    if (named) {
        *mode = json_text(named, NULL);
        return *mode ? 0
                     : err_set(err, E_INVALID, "'%s': several poolings joined are not known",
                               s->path);
    }
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        int on = 0;

        if (get_bool(&on, s, s->root, keys[i][0], err))
            return E_FORMAT;
        if (on) {
            *mode = keys[i][1];
            n_on++;
        }
    }
    return n_on <= 1
               ? 0
               : err_set(err, E_INVALID, "'%s': several poolings joined are not known", s->path);
}

static int read_pooling(struct folder *f, const char *module, struct err *err)
{
    struct source s = {0};
    const char *mode = NULL;
    char *dir = file_join(f->path, module);
    int with_prompt = 1, rc;

    if (!dir)
        return err_nomem(err);
    rc = source_open(&s, dir, "config.json", err);
    if (!rc)
        rc = err_set(err, E_NOTFOUND, "'%s' names the module '%.40s', which has no config.json",
                     f->path, module);
    mem_free(dir);
    if (rc < 0)
        return rc;
    rc = find_mode(&mode, &s, err);
    if (!rc)
        rc = get_bool(&with_prompt, &s, s.root, "include_prompt", err);
    if (rc)
        goto done;
    if (!strcmp(mode, "mean"))
        f->pooling = FOLDER_MEAN;
    else if (!strcmp(mode, "cls"))
        f->pooling = FOLDER_CLS;
    else
        rc = err_set(err, E_INVALID, "'%s': pooling '%.40s' is not one of mean, cls", s.path, mode);
    if (!rc && !with_prompt)
        rc = err_set(err, E_INVALID, "'%s': pooling without the prompt is not known", s.path);
done:
    source_close(&s);
    return rc;
}

/* The class of a module without the packages before it, which differ from version to version. */
static const char *class_of(const char *type)
{
    const char *dot = strrchr(type, '.');

    return dot ? dot + 1 : type;
}

static int read_module(struct folder *f, const struct source *s, size_t i, struct err *err)
{
    const struct json *m = json_at(s->root, i);
    const char *type = NULL, *path = json_text(json_get(m, "path"), "");

    if (json_need_text(&type, m, "type", err)) {
        err_wrap(err, "'%s': module %zu", s->path, i);
        return E_FORMAT;
    }
    if (path[0] == '/' || strstr(path, ".."))
        return err_set(err, E_FORMAT, "'%s': the path of module %zu leaves the folder", s->path, i);
    type = class_of(type);
    if (!strcmp(type, "Transformer"))
        return path[0] ? err_set(err, E_INVALID,
                                 "'%s': a network in a folder of its own ('%.40s') is not known",
                                 s->path, path)
                       : 0;
    if (!strcmp(type, "Pooling"))
        return read_pooling(f, path, err);
    if (!strcmp(type, "Normalize")) {
        f->normalise = 1;
        return 0;
    }
    return err_set(err, E_INVALID,
                   "'%s': module '%.60s' is not one of Transformer, Pooling, Normalize", s->path,
                   type);
}

static int read_modules(struct folder *f, struct err *err)
{
    struct source s = {0};
    int rc = source_open(&s, f->path, "modules.json", err);

    if (rc <= 0)
        return rc;
    rc = json_is_array(s.root) ? 0 : err_set(err, E_FORMAT, "'%s' is not an array", s.path);
    for (size_t i = 0; !rc && i < json_size(s.root); i++)
        rc = read_module(f, &s, i, err);
    source_close(&s);
    return rc;
}

/* ---- lengths, prompts ---- */

/* Positions the network does not have are no use: the limit is cut to them. */
static void limit_tokens(struct folder *f, const struct json *v)
{
    double n = json_number(v, 0);

    if (n >= 3 && n < f->max_tokens)
        f->max_tokens = (int)n;
}

static int read_length(struct folder *f, struct err *err)
{
    struct source s = {0};
    const struct json *v;
    int lower = 0, rc = source_open(&s, f->path, "sentence_bert_config.json", err);

    if (rc <= 0)
        return rc;
    rc = get_bool(&lower, &s, s.root, "do_lower_case", err);
    v = json_get(s.root, "max_seq_length");
    if (!rc && !is_null_or_absent(v)) {
        int64_t n = json_int(v, 0);

        if (n < 3 || n > INT32_MAX)
            rc = err_set(err, E_FORMAT, "'%s': max_seq_length is not an integer of at least 3",
                         s.path);
        limit_tokens(f, v);
    }
    if (lower)
        f->lower_case = 1;
    source_close(&s);
    return rc;
}

static int read_prompts(struct folder *f, struct err *err)
{
    static const char *const for_passages[] = {"document", "passage", "corpus"};
    struct source s = {0};
    const struct json *prompts, *fallback, *query, *passage = NULL;
    int rc = source_open(&s, f->path, "config_sentence_transformers.json", err);

    if (rc <= 0)
        return rc;
    prompts = json_get(s.root, "prompts");
    fallback = json_get(prompts, json_text(json_get(s.root, "default_prompt_name"), ""));
    query = json_get(prompts, "query");
    for (size_t i = 0; !passage && i < 3; i++)
        passage = json_get(prompts, for_passages[i]);
    if (is_null_or_absent(query))
        query = fallback;
    if (is_null_or_absent(passage))
        passage = fallback;
    rc = 0;
    if ((!is_null_or_absent(prompts) && !json_is_object(prompts)) ||
        (!is_null_or_absent(query) && !json_is_string(query)) ||
        (!is_null_or_absent(passage) && !json_is_string(passage)))
        rc = err_set(err, E_FORMAT, "'%s': field 'prompts' does not map names to texts", s.path);
    if (!rc)
        rc = set_text(&f->query_prefix, json_text(query, ""), err);
    if (!rc)
        rc = set_text(&f->passage_prefix, json_text(passage, ""), err);
    source_close(&s);
    return rc;
}

/* ---- tokenizer_config.json, tokenizer.json ---- */

static int set_special(char **out, const struct source *s, const char *key, struct err *err)
{
    const struct json *v = json_get(s->root, key);
    const char *text = json_text(json_is_object(v) ? json_get(v, "content") : v, NULL);

    if (is_null_or_absent(v))
        return 0;
    if (!text || !*text)
        return err_set(err, E_FORMAT, "'%s': field '%s' is not a token", s->path, key);
    return set_text(out, text, err);
}

/* What tokenizer_config.json leaves open, -1 here, is looked up in tokenizer.json. */
static int read_normalizer(int *lower, int *strip, int *chinese, const char *dir, struct err *err)
{
    struct source s = {0};
    const struct json *n;
    const char *type;
    int clean = 1, rc = source_open(&s, dir, "tokenizer.json", err);

    if (rc <= 0)
        return rc;
    n = json_get(s.root, "normalizer");
    type = json_text(json_get(n, "type"), "none");
    if (strcmp(type, "BertNormalizer") != 0)
        rc = err_set(err, E_INVALID, "'%s': normalizer '%.40s'; only BertNormalizer is known",
                     s.path, type);
    else if (*lower < 0)
        rc = get_bool(lower, &s, n, "lowercase", err);
    else
        rc = 0;
    if (!rc && *strip < 0)
        rc = get_bool(strip, &s, n, "strip_accents", err);
    if (!rc && *chinese < 0)
        rc = get_bool(chinese, &s, n, "handle_chinese_chars", err);
    if (!rc)
        rc = get_bool(&clean, &s, n, "clean_text", err);
    if (!rc && !clean)
        rc = err_set(err, E_INVALID, "'%s': a normalizer without clean_text is not known", s.path);
    source_close(&s);
    return rc;
}

static int read_tokenizer(struct folder *f, struct err *err)
{
    struct source s = {0};
    int lower = -1, strip = -1, chinese = -1;
    int rc = source_open(&s, f->path, "tokenizer_config.json", err);

    if (rc > 0) {
        rc = get_bool(&lower, &s, s.root, "do_lower_case", err);
        if (!rc)
            rc = get_bool(&strip, &s, s.root, "strip_accents", err);
        if (!rc)
            rc = get_bool(&chinese, &s, s.root, "tokenize_chinese_chars", err);
        if (!rc)
            rc = set_special(&f->unk, &s, "unk_token", err);
        if (!rc)
            rc = set_special(&f->cls, &s, "cls_token", err);
        if (!rc)
            rc = set_special(&f->sep, &s, "sep_token", err);
        limit_tokens(f, json_get(s.root, "model_max_length"));
        source_close(&s);
    }
    if (!rc && (lower < 0 || chinese < 0))
        rc = read_normalizer(&lower, &strip, &chinese, f->path, err);
    f->lower_case = lower != 0;
    f->strip_accents = strip < 0 ? f->lower_case : strip;
    f->split_chinese = chinese != 0;
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
    f->pooling = FOLDER_MEAN;
    if (!rc)
        rc = read_modules(f, err);
    if (!rc)
        rc = read_tokenizer(f, err);
    if (!rc)
        rc = read_length(f, err);
    if (!rc)
        rc = read_prompts(f, err);
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
