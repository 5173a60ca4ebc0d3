/* cmd_model.c -- `fovea model`: describes a model, or shows what it makes of a text. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/cli.h"
#include "api/jout.h"
#include "api/knobs.h"
#include "api/show_decoder.h"
#include "api/term.h"
#include "base/file.h"
#include "base/mem.h"
#include "model/model.h"

struct settings {
    const char *embed, *tokens, *pieces, *as, *precision;
    int json;
};

static const char *name_of_use(size_t i)
{
    static const char *const names[] = {"query", "passage", NULL};

    return names[i];
}

static const struct option_row rows[] = {
    {"embed", 0, OPT_TEXT, offsetof(struct settings, embed), "TEXT",
     "print the vector of a text, or its weighted words, as JSON", .text = NULL},
    {"tokens", 0, OPT_TEXT, offsetof(struct settings, tokens), "TEXT",
     "print the token ids of a text, as JSON", .text = NULL},
    {"pieces", 0, OPT_TEXT, offsetof(struct settings, pieces), "TEXT",
     "print the tokens of a text as they are spelled, as JSON", .text = NULL},
    {"as", 0, OPT_CHOICE, offsetof(struct settings, as), "USE",
     "what the text is: models may mark queries and passages differently", name_of_use,
     .text = "passage"},
    {"precision", 0, OPT_CHOICE, offsetof(struct settings, precision), "P",
     "how the encoder computes", name_of_precision, .text = "i8"},
    COMMON_ROWS(struct settings),
    {0}};

static int embed(struct model *m, const char *text, int kind)
{
    const struct model_text t = {text, strlen(text)};
    const int dim = model_dim(m);
    float *v = mem_alloc((size_t)dim, sizeof *v);
    struct err err = {0};
    struct jout j = {0};
    int rc;

    if (!v || model_embed(v, m, NULL, &t, 1, kind, &err)) {
        rc = v ? say_err(&err) : say_failed("out of memory");
        mem_free(v);
        return rc;
    }
    jout_open(&j, NULL, '[');
    for (int i = 0; i < dim; i++)
        jout_float(&j, NULL, v[i]);
    jout_close(&j);
    mem_free(v);
    return jout_print(&j) ? EXIT_FAILED : 0;
}

static int heaviest_first(const void *a, const void *b)
{
    const struct model_word *x = a, *y = b;

    if (x->weight != y->weight)
        return x->weight > y->weight ? -1 : 1;
    return x->token < y->token ? -1 : 1;
}

/* {"word": weight, ...}, the heaviest first. */
static int words(struct model *m, const char *text, int kind)
{
    const struct model_text t = {text, strlen(text)};
    struct model_words w = {0};
    struct err err = {0};
    struct jout j = {0};
    struct buf word = {0};

    if (model_embed_words(&w, m, NULL, &t, 1, kind, &err))
        return say_err(&err);
    if (w.n)
        qsort(w.v, w.n, sizeof *w.v, heaviest_first);
    jout_open(&j, NULL, '{');
    for (size_t i = 0; i < w.n; i++) {
        buf_reset(&word);
        model_spell(&word, m, w.v[i].token);
        jout_float(&j, buf_text(&word), w.v[i].weight);
    }
    jout_close(&j);
    buf_clear(&word);
    model_words_clear(&w);
    return jout_print(&j) ? EXIT_FAILED : 0;
}

static int tokens(struct model *m, const char *text, int kind, int spelled)
{
    const struct model_text t = {text, strlen(text)};
    struct err err = {0};
    struct jout j = {0};
    struct buf word = {0};
    int *ids = NULL, n;

    if (model_tokenize(&ids, &n, m, t, kind, &err))
        return say_err(&err);
    jout_open(&j, NULL, '[');
    for (int i = 0; i < n; i++) {
        buf_reset(&word);
        if (spelled)
            model_spell(&word, m, ids[i]);
        if (spelled)
            jout_text(&j, NULL, buf_text(&word));
        else
            jout_int(&j, NULL, ids[i]);
    }
    jout_close(&j);
    buf_clear(&word);
    mem_free(ids);
    return jout_print(&j) ? EXIT_FAILED : 0;
}

static int describe_json(struct model *m)
{
    struct jout j = {0};

    jout_open(&j, NULL, '{');
    jout_text(&j, "model", model_name(m));
    jout_text(&j, "folder", model_path(m));
    jout_text(&j, "architecture", model_architecture(m));
    jout_text(&j, "description", model_describe(m));
    jout_int(&j, "dimensions", model_dim(m));
    jout_int(&j, "max_tokens", model_max_tokens(m));
    jout_text(&j, "pooling", model_pooling(m));
    jout_bool(&j, "sparse", model_is_sparse(m));
    jout_int(&j, "vocabulary", model_vocabulary(m));
    jout_bool(&j, "normalised", model_is_normalised(m));
    jout_text(&j, "query_prefix", model_prefix(m, MODEL_QUERY));
    jout_text(&j, "passage_prefix", model_prefix(m, MODEL_PASSAGE));
    jout_text(&j, "kernels", model_kernels(m));
    jout_text(&j, "sha256", model_sha256(m));
    jout_close(&j);
    return jout_print(&j) ? EXIT_FAILED : 0;
}

static void describe_text(struct model *m)
{
    const char *query = model_prefix(m, MODEL_QUERY), *passage = model_prefix(m, MODEL_PASSAGE);

    printf("%s\n", model_name(m));
    printf("  folder      %s\n", model_path(m));
    printf("  network     %s\n", model_describe(m));
    if (model_is_sparse(m))
        printf("  words       %d, each text gets some with weights (%s)\n", model_vocabulary(m),
               model_pooling(m));
    else
        printf("  vectors     %d dimensions, %s pooling%s\n", model_dim(m), model_pooling(m),
               model_is_normalised(m) ? ", normalised" : "");
    printf("  texts       up to %d tokens\n", model_max_tokens(m));
    if (*query || *passage)
        printf("  prefixes    '%s' for queries, '%s' for passages\n", query, passage);
    printf("  kernels     %s\n", model_kernels(m));
    printf("  SHA-256     %s\n", model_sha256(m));
}

static int show_encoder(const char *path, const struct settings *s)
{
    const int kind = strcmp(s->as, "query") ? MODEL_PASSAGE : MODEL_QUERY;
    const struct model_options opt = {.precision = precision_value(s->precision)};
    struct model *m = NULL;
    struct err err = {0};
    int rc = 0;

    if (model_open(&m, path, &opt, &err))
        return say_err(&err);
    if (s->embed)
        rc = model_is_sparse(m) ? words(m, s->embed, kind) : embed(m, s->embed, kind);
    else if (s->tokens || s->pieces)
        rc = tokens(m, s->pieces ? s->pieces : s->tokens, kind, s->pieces != NULL);
    else if (s->json)
        rc = describe_json(m);
    else
        describe_text(m);
    model_close(m);
    return rc;
}

static int show_gguf(const char *path, const struct settings *s)
{
    if (s->embed)
        return say_failed("'%s' is a language model: it makes no vectors", path);
    if (s->tokens || s->pieces)
        return show_decoder_tokens(path, s->pieces ? s->pieces : s->tokens, s->pieces != NULL);
    return show_decoder(path, s->json);
}

static int run(void *settings, char **args, int n_args)
{
    const struct settings *s = settings;
    struct err err = {0};
    char *path = NULL;
    int rc;

    (void)n_args;
    if ((s->embed != NULL) + (s->tokens != NULL) + (s->pieces != NULL) > 1)
        return say_usage(&cmd_model, "give one of --embed, --tokens and --pieces, not both");
    if (model_is_gguf(args[0]))
        rc = model_find_gguf(&path, args[0], &err) ? say_err(&err) : show_gguf(path, s);
    else
        rc = model_find(&path, args[0], &err) ? say_err(&err) : show_encoder(path, s);
    mem_free(path);
    return rc;
}

const struct command cmd_model = {
    .name = "model",
    .args = "NAME",
    .about = "describe a model, or show what it makes of a text",
    .details =
        "NAME is the name of an installed model or the path of its folder, or of its file if it "
        "is a language model.  'fovea help models' says where models are looked for and what they "
        "are made of.",
    .examples = "fovea model minilm\n"
                "fovea model smollm2\n"
                "fovea model smollm2 --pieces \"what is a fovea?\"\n"
                "fovea model minilm --embed \"what is a fovea?\"\n"
                "fovea model minilm --tokens \"what is a fovea?\" --as query",
    .options = rows,
    .settings_size = sizeof(struct settings),
    .min_args = 1,
    .max_args = 1,
    .run = run,
};
