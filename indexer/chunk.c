/* chunk.c -- windows of words over a text: passages that overlap.
 *
 * A word here is what stands between ASCII blanks: cheap, the same for every analyzer, and close to
 * how the token limits of encoders are usually approximated.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include "indexer/chunk.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

enum { WORDS_MAX = 1000000 };

static int is_blank(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

/* Reads a decimal number of at most WORDS_MAX.  Returns what follows it, or NULL. */
static const char *read_number(int *out, const char *s)
{
    int v = 0;

    if (*s < '0' || *s > '9')
        return NULL;
    for (; *s >= '0' && *s <= '9'; s++) {
        v = v * 10 + (*s - '0');
        if (v > WORDS_MAX)
            return NULL;
    }
    *out = v;
    return s;
}

int chunking_parse(struct chunking *out, const char *text, struct err *err)
{
    struct chunking c = {0, 0};
    const char *s = text;

    if (!strcmp(text, "whole")) {
        *out = c;
        return 0;
    }
    if (!strncmp(text, "words:", 6)) {
        s = read_number(&c.words, text + 6);
        if (s && *s == ':')
            s = read_number(&c.overlap, s + 1);
        if (s && !*s && c.words > 0 && c.overlap < c.words) {
            *out = c;
            return 0;
        }
    }
    return err_set(
        err, E_INVALID,
        "chunking '%s': want 'whole', 'words:N' or 'words:N:OVERLAP' with N 1..%d and OVERLAP < N",
        text, WORDS_MAX);
}

void chunking_format(char out[40], const struct chunking *c)
{
    if (c->words <= 0)
        snprintf(out, 40, "whole");
    else if (c->overlap <= 0)
        snprintf(out, 40, "words:%d", c->words);
    else
        snprintf(out, 40, "words:%d:%d", c->words, c->overlap);
}

/* The next word at or after `at`; 0 if there is none. */
static int next_word(struct span *out, const char *text, size_t n, size_t at)
{
    while (at < n && is_blank(text[at]))
        at++;
    out->begin = at;
    while (at < n && !is_blank(text[at]))
        at++;
    out->end = at;
    return out->begin < out->end;
}

/* The windows of a text, made in one walk: word i opens a window if i is a multiple of the
 * stride; `closed` of them have had their last word. */
static int windows(struct span **spans, size_t *n_spans, const char *text, size_t n,
                   const struct chunking *c)
{
    size_t words = (size_t)c->words, stride = (size_t)(c->words - c->overlap);
    size_t cap = 0, made = 0, closed = 0, i = 0;
    struct span *list = NULL, word;

    for (size_t at = 0; next_word(&word, text, n, at); at = word.end, i++) {
        if (i % stride == 0) {
            if (mem_reserve((void **)&list, &cap, made + 1, sizeof *list)) {
                mem_free(list);
                return E_NOMEM;
            }
            list[made++].begin = word.begin;
        }
        if (i + 1 == closed * stride + words)
            list[closed++].end = word.end;
    }
    /* the first window that reaches the last word is the last: later ones are only overlap */
    if (closed > 0 && i == (closed - 1) * stride + words)
        made = closed;
    else if (made)
        made = closed + 1;
    *spans = list;
    *n_spans = made;
    return 0;
}

int chunk_text(struct span **spans, size_t *n_spans, const char *text, size_t n,
               const struct chunking *c, struct err *err)
{
    struct span *list = NULL;
    size_t made = 0;

    if (c->words > 0 && windows(&list, &made, text, n, c))
        return err_nomem(err);
    if (!made) {
        mem_free(list);
        list = mem_alloc(1, sizeof *list);
        if (!list)
            return err_nomem(err);
        list[0].begin = 0;
        made = 1;
    }
    list[made - 1].end = n;
    *spans = list;
    *n_spans = made;
    return 0;
}
