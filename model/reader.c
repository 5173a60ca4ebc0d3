/* reader.c -- opens what belongs together: file, vocabulary, template, weights. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "model/reader.h"

#include <string.h>

#include "base/digest.h"
#include "base/file.h"
#include "base/mem.h"
#include "model/gguf.h"
#include "model/model.h"

struct reader {
    char *name;
    struct gguf *file;
    struct tokenizer *tokenizer;
    const struct chat *chat;
    struct decoder *decoder;
    char sha256[65]; /* "" until asked for */
};

char *reader_name_of(const char *path)
{
    const char *base = file_basename(path), *folder;
    size_t n;

    if (strcmp(base, "model.gguf") || base == path) {
        n = strlen(base);
        if (n > strlen(".gguf") && !strcmp(base + n - strlen(".gguf"), ".gguf"))
            n -= strlen(".gguf");
        return mem_printf("%.*s", (int)n, base);
    }
    for (n = (size_t)(base - path); n && path[n - 1] == '/'; n--)
        ;
    for (folder = path + n; folder > path && folder[-1] != '/'; folder--)
        ;
    return n ? mem_printf("%.*s", (int)(path + n - folder), folder) : mem_strdup("model");
}

/* The row of the model's template; a model without one that is known is read without turns. */
static int find_chat(struct reader *r, struct err *err)
{
    struct token_text text = {0}, architecture = {0};
    struct err ignored = {0};
    char name[64] = "";
    int rc = gguf_text(&text, r->file, "tokenizer.chat_template", err);

    if (rc < 0 || (rc = gguf_text(&architecture, r->file, "general.architecture", err)) < 0)
        return rc;
    if (architecture.n < sizeof name && architecture.n)
        memcpy(name, architecture.p, architecture.n);
    rc = chat_find(&r->chat, r->tokenizer, text.p, text.n, name, &ignored);
    if (rc)
        r->chat = NULL;
    return rc == E_NOMEM ? err_nomem(err) : 0;
}

int reader_open(struct reader **out, const char *name, const struct reader_options *opt,
                struct pool *pool, struct err *err)
{
    const struct decoder_options decoder = {
        .precision = opt->precision, .layers = opt->layers, .has_head = opt->has_head};
    struct reader *r = mem_zalloc(1, sizeof *r);
    char *path = NULL;
    int rc;

    if (!r)
        return err_nomem(err);
    rc = model_find_gguf(&path, name, err);
    if (!rc && !(r->name = reader_name_of(path)))
        rc = err_nomem(err);
    rc = rc ? rc : gguf_open(&r->file, path, err);
    rc = rc ? rc : tokenizer_open_gguf(&r->tokenizer, r->file, err);
    rc = rc ? rc : find_chat(r, err);
    rc = rc ? rc : decoder_open(&r->decoder, r->file, &decoder, pool, err);
    mem_free(path);
    if (rc) {
        reader_close(r);
        return rc;
    }
    *out = r;
    return 0;
}

void reader_close(struct reader *r)
{
    if (!r)
        return;
    decoder_close(r->decoder);
    tokenizer_close(r->tokenizer);
    gguf_close(r->file);
    mem_free(r->name);
    mem_free(r);
}

const struct decoder *reader_decoder(const struct reader *r) { return r->decoder; }
const struct tokenizer *reader_tokenizer(const struct reader *r) { return r->tokenizer; }
const struct chat *reader_chat(const struct reader *r) { return r->chat; }
const char *reader_name(const struct reader *r) { return r->name; }
const char *reader_path(const struct reader *r) { return gguf_path(r->file); }

int reader_check_context(const struct reader *r, struct err *err)
{
    const int context = decoder_config(r->decoder)->context;

    if (context >= READER_MIN_CONTEXT)
        return 0;
    return err_set(err, E_LIMIT,
                   "the model reads %d tokens at a time, and ranking by attention needs %d: take "
                   "another one than '%.200s', such as smollm2",
                   context, READER_MIN_CONTEXT, reader_path(r));
}

const char *reader_sha256(struct reader *r)
{
    if (!r->sha256[0]) {
        size_t n;
        const unsigned char *p = gguf_bytes(&n, r->file);

        digest_sha256(r->sha256, p, n);
    }
    return r->sha256;
}
