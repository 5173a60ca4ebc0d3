/* tok_gguf.c -- the vocabulary of a GGUF file, "tokenizer.ggml.*", as a struct tokenizer_source. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <limits.h>
#include <string.h>

#include "base/mem.h"
#include "model/gguf.h"
#include "model/tokenizer.h"

/* What is allocated for one source. */
struct loading {
    struct tokenizer_source source;
    char *model, *pre;
    struct token_text *tokens, *merges;
    float *scores;
    int32_t *types;
};

static void clear(struct loading *l)
{
    mem_free(l->model);
    mem_free(l->pre);
    mem_free(l->tokens);
    mem_free(l->merges);
    mem_free(l->scores);
    mem_free(l->types);
}

/* A text as a string; *out stays NULL if there is none. */
static int get_string(char **out, const struct gguf *g, const char *key, struct err *err)
{
    struct token_text text;
    int rc = gguf_text(&text, g, key, err);

    if (rc == 1) {
        if (memchr(text.p, '\0', text.n))
            return err_set(err, E_FORMAT, "%s: a NUL", key);
        *out = mem_dup(text.p, text.n);
        if (!*out)
            return err_nomem(err);
    }
    return rc;
}

static int get_id(int *out, const struct gguf *g, const char *key, struct err *err)
{
    int64_t id = -1;
    int rc = gguf_int(&id, g, key, 0, INT_MAX, err);

    *out = (int)id;
    return rc;
}

static int get_flag(int *out, const struct gguf *g, const char *key, struct err *err)
{
    *out = -1;
    return gguf_bool(out, g, key, err);
}

/* A list must have as many members as there are tokens. */
static int check_length(int found, size_t n, size_t n_tokens, const char *key, struct err *err)
{
    return found == 1 && n != n_tokens
               ? err_set(err, E_FORMAT, "%s has %zu members, but there are %zu tokens", key, n,
                         n_tokens)
               : found;
}

static int get_lists(struct loading *l, const struct gguf *g, struct err *err)
{
    static const char scores[] = "tokenizer.ggml.scores", types[] = "tokenizer.ggml.token_type";
    struct tokenizer_source *s = &l->source;
    size_t n = 0;
    int rc = gguf_texts(&l->tokens, &s->n_tokens, g, "tokenizer.ggml.tokens", err);

    if (rc >= 0)
        rc = gguf_texts(&l->merges, &s->n_merges, g, "tokenizer.ggml.merges", err);
    if (rc >= 0) {
        rc = gguf_numbers(&l->scores, &n, g, scores, err);
        rc = check_length(rc, n, s->n_tokens, scores, err);
    }
    if (rc >= 0) {
        rc = gguf_ints(&l->types, &n, g, types, err);
        rc = check_length(rc, n, s->n_tokens, types, err);
    }
    s->tokens = l->tokens;
    s->merges = l->merges;
    s->scores = l->scores;
    s->types = l->types;
    return rc < 0 ? rc : 0;
}

static int get_special(struct tokenizer_source *s, const struct gguf *g, struct err *err)
{
    int rc = get_id(&s->bos, g, "tokenizer.ggml.bos_token_id", err);

    if (rc >= 0)
        rc = get_id(&s->eos, g, "tokenizer.ggml.eos_token_id", err);
    if (rc >= 0)
        rc = get_id(&s->eot, g, "tokenizer.ggml.eot_token_id", err);
    if (rc >= 0)
        rc = get_id(&s->unk, g, "tokenizer.ggml.unknown_token_id", err);
    if (rc >= 0)
        rc = get_flag(&s->add_bos, g, "tokenizer.ggml.add_bos_token", err);
    if (rc >= 0)
        rc = get_flag(&s->add_eos, g, "tokenizer.ggml.add_eos_token", err);
    if (rc >= 0)
        rc = get_flag(&s->add_space_prefix, g, "tokenizer.ggml.add_space_prefix", err);
    return rc < 0 ? rc : 0;
}

int tokenizer_open_gguf(struct tokenizer **out, const struct gguf *g, struct err *err)
{
    struct loading l = {0};
    int rc = get_string(&l.model, g, "tokenizer.ggml.model", err);

    if (!rc)
        rc = err_set(err, E_FORMAT, "no tokenizer: the key tokenizer.ggml.model is missing");
    if (rc > 0)
        rc = get_string(&l.pre, g, "tokenizer.ggml.pre", err);
    if (rc >= 0)
        rc = get_lists(&l, g, err);
    if (!rc)
        rc = get_special(&l.source, g, err);
    if (!rc) {
        l.source.model = l.model;
        l.source.pre = l.pre;
        rc = tokenizer_new(out, &l.source, err);
    }
    if (rc)
        err_wrap(err, "'%s'", gguf_path(g));
    clear(&l);
    return rc;
}
