/* about.c -- the facts of a GGUF file; see about.h. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "model/about.h"

#include <string.h>

#include "base/digest.h"
#include "base/mem.h"
#include "model/architectures.h"
#include "model/chat.h"
#include "model/gguf.h"
#include "model/reader.h"
#include "model/tokenizer.h"

enum { MAX_TYPES = 32 };

struct about {
    struct about_facts facts;
    struct gguf *g;
    struct tokenizer *tokenizer;
    char *name;
    struct buf types;
    char sha256[65]; /* "" until asked for */
};

/* Parameters by type of weights. */
static void count_parameters(struct about *a)
{
    struct {
        const struct weight_type *type;
        uint64_t n;
    } counts[MAX_TYPES] = {{0}};
    int n = 0;

    for (size_t i = 0; i < gguf_n_tensors(a->g); i++) {
        const struct gguf_tensor *t = gguf_at(a->g, i);
        int k = 0;

        while (k < n && counts[k].type != t->type)
            k++;
        if (k == MAX_TYPES)
            continue;
        n = k == n ? n + 1 : n;
        counts[k].type = t->type;
        counts[k].n += (uint64_t)t->rows * t->columns;
        a->facts.parameters += (uint64_t)t->rows * t->columns;
    }
    for (int said = 0; said < n; said++) {
        double share;
        int top = 0;

        for (int k = 1; k < n; k++)
            top = counts[k].n > counts[top].n ? k : top;
        share = 100 * (double)counts[top].n / (double)a->facts.parameters;
        buf_printf(&a->types, "%s%s %s%.1f %%", said ? ", " : "", counts[top].type->name,
                   share < 0.1 ? "< " : "", share < 0.1 ? 0.1 : share);
        counts[top].n = 0;
    }
}

/* The name of the row of the file's chat template, or NULL. */
static int find_chat(struct about *a, struct err *err)
{
    const struct chat *chat = NULL;
    struct token_text text = {0};
    struct err ignored = {0};
    int rc = gguf_text(&text, a->g, "tokenizer.chat_template", err);

    if (rc < 0)
        return rc;
    if (!chat_find(&chat, a->tokenizer, text.p, text.n, a->facts.architecture, &ignored))
        a->facts.chat = chat_name(chat);
    return 0;
}

static void take_sizes(struct about_facts *f, const struct decoder_config *c)
{
    f->architecture = c->arch->name;
    f->layers = c->layers;
    f->width = c->D;
    f->heads = c->heads;
    f->key_heads = c->kv_heads;
    f->head_size = c->d;
    f->feed = c->F;
    f->vocabulary = c->vocab;
    f->context = c->context;
    f->window = c->arch->window_pattern ? c->window : 0;
}

static int read_facts(struct about *a, const char *path, struct err *err)
{
    struct decoder_config config = {0};
    int rc = gguf_open(&a->g, path, err);

    rc = rc ? rc : decoder_config_read(&config, a->g, err);
    rc = rc ? rc : tokenizer_open_gguf(&a->tokenizer, a->g, err);
    if (rc)
        return rc;
    take_sizes(&a->facts, &config);
    if ((rc = find_chat(a, err)))
        return rc;
    count_parameters(a);
    a->name = reader_name_of(path);
    a->facts.name = a->name;
    a->facts.path = gguf_path(a->g);
    a->facts.tokenizer = tokenizer_kind(a->tokenizer);
    a->facts.types = buf_text(&a->types);
    return a->name && !a->types.code ? 0 : err_nomem(err);
}

int about_open(struct about **out, const char *path, struct err *err)
{
    struct about *a = mem_zalloc(1, sizeof *a);
    int rc = a ? read_facts(a, path, err) : err_nomem(err);

    if (rc) {
        about_close(a);
        return rc;
    }
    *out = a;
    return 0;
}

void about_close(struct about *a)
{
    if (!a)
        return;
    tokenizer_close(a->tokenizer);
    gguf_close(a->g);
    buf_clear(&a->types);
    mem_free(a->name);
    mem_free(a);
}

const struct about_facts *about_facts(const struct about *a) { return &a->facts; }

const char *about_sha256(struct about *a)
{
    if (!a->sha256[0]) {
        size_t n;
        const unsigned char *p = gguf_bytes(&n, a->g);

        digest_sha256(a->sha256, p, n);
    }
    return a->sha256;
}

int about_tokenize(int **ids, size_t *n_ids, const struct about *a, struct model_text text,
                   struct err *err)
{
    struct tokens list = {0};
    int rc = tokenizer_encode(&list, a->tokenizer, text.p, text.n, ENCODE_ENDS, err);

    if (rc) {
        tokens_clear(&list);
        return rc;
    }
    *ids = list.ids;
    *n_ids = list.n;
    list.ids = NULL;
    tokens_clear(&list);
    return 0;
}

void about_spell(struct buf *out, const struct about *a, int token)
{
    if (!tokenizer_spell(out, a->tokenizer, token))
        buf_printf(out, "[%d]", token);
}
