/* show_decoder.c -- see show_decoder.h. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "api/show_decoder.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "api/cli.h"
#include "api/jout.h"
#include "base/mem.h"
#include "model/about.h"

static int print_json(struct about *a)
{
    const struct about_facts *f = about_facts(a);
    struct jout j = {0};

    jout_open(&j, NULL, '{');
    jout_text(&j, "model", f->name);
    jout_text(&j, "file", f->path);
    jout_text(&j, "architecture", f->architecture);
    jout_int(&j, "layers", f->layers);
    jout_int(&j, "width", f->width);
    jout_int(&j, "heads", f->heads);
    jout_int(&j, "key_heads", f->key_heads);
    jout_int(&j, "head_size", f->head_size);
    jout_int(&j, "feed_forward", f->feed);
    jout_int(&j, "max_tokens", f->context);
    jout_int(&j, "window", f->window);
    jout_int(&j, "vocabulary", f->vocabulary);
    jout_count(&j, "parameters", f->parameters);
    jout_text(&j, "weights", f->types);
    jout_text(&j, "tokenizer", f->tokenizer);
    jout_text(&j, "chat_template", f->chat);
    jout_text(&j, "kernels", model_best_kernels());
    jout_text(&j, "sha256", about_sha256(a));
    jout_close(&j);
    return jout_print(&j) ? EXIT_FAILED : 0;
}

static void print_text(struct about *a)
{
    const struct about_facts *f = about_facts(a);

    printf("%s\n", f->name);
    printf("  file        %s\n", f->path);
    printf("  network     %s: %d layers of width %d, feed-forward %d\n", f->architecture, f->layers,
           f->width, f->feed);
    printf("  attention   %d heads of %d in a layer, %d key heads\n", f->heads, f->head_size,
           f->key_heads);
    printf("  texts       up to %d tokens", f->context);
    if (f->window)
        printf(", of which most layers see %d", f->window);
    printf("\n  vocabulary  %d tokens (%s)\n", f->vocabulary, f->tokenizer);
    printf("  chats       %s\n", f->chat ? f->chat : "no template that fovea knows");
    printf("  parameters  %.1f million: %s\n", 1e-6 * (double)f->parameters, f->types);
    printf("  kernels     %s\n", model_best_kernels());
    printf("  SHA-256     %s\n", about_sha256(a));
}

int show_decoder(const char *path, int as_json)
{
    struct about *a = NULL;
    struct err err = {0};
    int rc = 0;

    if (about_open(&a, path, &err))
        return say_err(&err);
    if (as_json)
        rc = print_json(a);
    else
        print_text(a);
    about_close(a);
    return rc;
}

int show_decoder_tokens(const char *path, const char *text, int spelled)
{
    const struct model_text t = {text, strlen(text)};
    struct about *a = NULL;
    struct err err = {0};
    struct jout j = {0};
    struct buf word = {0};
    int *ids = NULL, rc;
    size_t n = 0;

    if (about_open(&a, path, &err) || about_tokenize(&ids, &n, a, t, &err)) {
        about_close(a);
        return say_err(&err);
    }
    jout_open(&j, NULL, '[');
    for (size_t i = 0; i < n; i++) {
        buf_reset(&word);
        if (spelled)
            about_spell(&word, a, ids[i]);
        if (spelled)
            jout_text(&j, NULL, buf_text(&word));
        else
            jout_int(&j, NULL, ids[i]);
    }
    jout_close(&j);
    rc = word.code ? say_failed("out of memory") : 0;
    buf_clear(&word);
    mem_free(ids);
    about_close(a);
    return jout_print(&j) || rc ? EXIT_FAILED : 0;
}
