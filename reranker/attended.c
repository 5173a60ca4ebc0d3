/* attended.c -- tokens to words, and what words were given; see attended.h. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "reranker/attended.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* ---- tokens to words ---- */

/* Byte i of title, line feed and text. */
static char byte_at(const struct prompt_passage *p, size_t i)
{
    return i < p->n_title ? p->title[i] : i == p->n_title ? '\n' : p->text[i - p->n_title - 1];
}

static int is_blank(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

/* ASCII that ends a word but is no part of it for people. */
static int is_mark(char c) { return strchr(".,;:!?()[]{}<>\"'`*", c) && c; }

/* The word that byte i is in. */
static void find_word(struct attended *w, const struct prompt_passage *p, size_t i)
{
    const size_t n = p->n_title + 1 + p->n_text;

    w->begin = w->end = i;
    while (w->begin && !is_blank(byte_at(p, w->begin - 1)))
        w->begin--;
    while (w->end < n && !is_blank(byte_at(p, w->end)))
        w->end++;
}

static void trim(struct attended *w, const struct prompt_passage *p)
{
    struct attended t = *w;

    while (t.begin < t.end && is_mark(byte_at(p, t.begin)))
        t.begin++;
    while (t.end > t.begin && is_mark(byte_at(p, t.end - 1)))
        t.end--;
    if (t.begin < t.end)
        *w = t;
}

static int most_first(const void *a, const void *b)
{
    const struct attended *x = a, *y = b;

    if (x->share != y->share)
        return x->share > y->share ? -1 : 1;
    return (x->begin > y->begin) - (x->begin < y->begin);
}

int attended_set(struct candidate *c, struct reranker *r, const double *given,
                 const struct token_span *spans, size_t n, struct err *err)
{
    struct attended *words = mem_alloc(n, sizeof *words);
    const size_t bytes = c->text.n_title + 1 + c->text.n_text;
    size_t n_words = 0, end = 0;
    double total = 0;

    if (!words)
        return err_nomem(err);
    for (size_t i = 0; i < n; i++)
        total += given[i] > 0 ? given[i] : 0;
    for (size_t i = 0; i < n && total > 0; i++) {
        size_t at = spans[i].begin;

        while (at < spans[i].end && at < bytes && is_blank(byte_at(&c->text, at)))
            at++; /* a blank belongs to the token of the word behind it */
        if (!(given[i] > 0) || at >= spans[i].end || at >= bytes)
            continue;
        if (!n_words || at >= end) {
            find_word(&words[n_words], &c->text, at);
            end = words[n_words].end;
            words[n_words++].share = 0;
        }
        words[n_words - 1].share += (float)(given[i] / total);
    }
    qsort(words, n_words, sizeof *words, most_first);
    n_words = n_words < ATTENDED_WORDS ? n_words : ATTENDED_WORDS;
    for (size_t i = 0; i < n_words; i++)
        trim(&words[i], &c->text);
    c->attended = arena_alloc(&r->memory, n_words * sizeof *words);
    if (c->attended && n_words)
        memcpy(c->attended, words, n_words * sizeof *words);
    c->n_attended = c->attended ? n_words : 0;
    mem_free(words);
    return c->attended ? 0 : err_nomem(err);
}

/* ---- by stored keys ---- */

/* given += weight * softmax within the passage of row . keys; logits [n] is room. */
static void add_row(double *given, double *logits, const float *row, const float *keys, int d,
                    int n, double weight)
{
    double most = -INFINITY, sum = 0;

    memset(logits, 0, (size_t)n * sizeof *logits);
    for (int i = 0; i < d; i++)
        for (int t = 0; t < n; t++)
            logits[t] += (double)row[i] * (double)keys[(size_t)i * (size_t)n + (size_t)t];
    for (int t = 0; t < n; t++)
        most = fmax(most, logits[t]);
    for (int t = 0; t < n; t++)
        sum += logits[t] = exp(logits[t] - most);
    for (int t = 0; t < n; t++)
        given[t] += weight * logits[t] / sum;
}

static void add_head(double *given, double *logits, const struct question *q, const float *keys,
                     int head, int n, double weight)
{
    const int words = q->words_end - q->words_begin;

    for (int row = q->words_begin; row < q->words_end; row++)
        add_row(given, logits,
                q->queries + ((size_t)head * (size_t)q->rows + (size_t)row) * (size_t)q->d, keys,
                q->d, n, weight / words);
}

int attended_by_keys(double *given, const struct keys *k, const struct key_plan *plan,
                     const struct profile *p, const struct question *asked,
                     const struct question *content_free, struct err *err)
{
    const size_t n = (size_t)k->n;
    float *keys = mem_alloc((size_t)plan->d * n, sizeof *keys);
    double *logits = mem_alloc(n, sizeof *logits);
    int rc = keys && logits ? 0 : err_nomem(err);

    memset(given, 0, n * sizeof *given);
    for (int h = 0; h < p->n_heads && n && !rc; h++) {
        if (!(p->heads[h].weight > 0))
            continue; /* it counts against a passage */
        keys_decode(keys, k->n, k, plan->slot_of[h]);
        add_head(given, logits, asked, keys, h, k->n, p->heads[h].weight);
        if (content_free)
            add_head(given, logits, content_free, keys, h, k->n, -p->heads[h].weight);
    }
    mem_free(keys);
    mem_free(logits);
    return rc;
}
