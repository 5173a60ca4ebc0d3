/* embed.c -- the common path from texts to vectors, words and scores; see embed.h.
 *
 * First all texts become ids, a slice of texts a task. Then texts are sorted by length, longest first, and cut into
 * batches of a few hundred tokens, a batch a task: long ones first, so that threads end together; a single short text,
 * a query, is a batch that all threads share. None of this can be seen in the result, for a text's vector depends on
 * that text alone.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include "model/embed.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"

enum {
    SLICE = 64,         /* texts that one task tokenises */
    BATCH_TOKENS = 768, /* tokens of a full batch: enough rows to keep the matrix product busy */
    BATCH_LEAST =
        64, /* tokens below which splitting work between threads costs more than it gives */
};

/* Where a text is: its ids are at ids[slice].v[at .. at + length). */
struct place {
    size_t text, at;
    int length;
    int second; /* of a pair: where tokens of the second text begin */
};

/* What one thread needs; made when it gets its first task. */
struct worker {
    int is_ready;
    struct encoder_scratch *scratch;
    int *ids;     /* [room] */
    int *lengths; /* [most_texts] */
    int *seconds; /* [most_texts] of pairs */
    float *rows;  /* [most_texts, dim] */
    struct pair_scratch *pair;
    float *scores; /* [most_texts] */
    struct splade_scratch *head;
    struct model_words *words; /* [most_texts]; lists move on to the job's */
    struct err err;
    int failed_task; /* where err happened */
};

struct job {
    const struct embedder *e;
    const struct model_text *texts;
    float *out;                /* vectors go here, */
    struct model_words *words; /* or words */
    float *scores;             /* or scores */
    unsigned char *cut;        /* and which texts were too long */
    const struct ids *query;   /* of pairs */
    size_t n;
    struct pool *team; /* shares each batch if there are fewer batches than threads; else NULL */
    int n_workers;
    struct worker *workers; /* [n_workers] */
    struct ids *slices;     /* [n_slices] */
    int n_slices;
    struct place *places; /* [n], by text, then by length */
    size_t *batches;      /* [n_batches + 1], first place of each */
    int n_batches;
    int room;          /* tokens of the largest batch */
    size_t most_texts; /* texts of the batch that has most */
};

int embed_tokens(struct ids *out, const struct embedder *e, struct model_text text, struct err *err)
{
    struct buf joined = {.max = SIZE_MAX / 2};
    int rc;

    if (!*e->prefix)
        return tokenizer_add(out, e->tokenizer, text.p, text.n, (size_t)e->max_tokens, err);
    buf_puts(&joined, e->prefix);
    buf_add(&joined, text.p, text.n);
    rc = buf_error(&joined) ? err_nomem(err)
                            : tokenizer_add(out, e->tokenizer, joined.data, joined.len,
                                            (size_t)e->max_tokens, err);
    buf_clear(&joined);
    return rc;
}

static int failed(struct worker *w, int task, int rc)
{
    w->failed_task = task;
    return rc;
}

/* ---- tokens ---- */

static int tokenise_slice(int task, int worker, void *payload)
{
    struct job *j = payload;
    struct worker *w = &j->workers[worker];
    struct ids *ids = &j->slices[task];
    size_t begin = (size_t)task * SLICE, end = begin + SLICE < j->n ? begin + SLICE : j->n;

    for (size_t i = begin; i < end; i++) {
        size_t at = ids->n;
        int second = 0, rc;

        rc = j->scores ? pair_tokens(ids, &second, &j->cut[i], j->e->tokenizer, j->query,
                                     j->texts[i], (size_t)j->e->max_tokens, &w->err)
                       : embed_tokens(ids, j->e, j->texts[i], &w->err);
        if (rc)
            return failed(w, task, rc);
        j->places[i] = (struct place){i, at, (int)(ids->n - at), second};
    }
    return 0;
}

/* ---- batches ---- */

static int longest_first(const void *a, const void *b)
{
    const struct place *x = a, *y = b;

    if (x->length != y->length)
        return x->length > y->length ? -1 : 1;
    return x->text < y->text ? -1 : 1;
}

/* Fills batches; a text longer than a batch is one of its own. */
static int plan(struct job *j, struct err *err)
{
    size_t total = 0, full, tokens = 0, first = 0, n_batches = 0;

    for (size_t i = 0; i < j->n; i++)
        total += (size_t)j->places[i].length;
    full = total / (size_t)(2 * j->n_workers) + 1; /* few texts: something for every thread */
    full = full > BATCH_TOKENS ? BATCH_TOKENS : full < BATCH_LEAST ? BATCH_LEAST : full;
    qsort(j->places, j->n, sizeof *j->places, longest_first);
    j->batches = mem_alloc(j->n + 1, sizeof *j->batches);
    if (!j->batches)
        return err_nomem(err);
    for (size_t i = 0; i <= j->n; i++) {
        size_t length = i < j->n ? (size_t)j->places[i].length : 0;

        if (i == j->n || (i > first && tokens + length > full)) {
            j->batches[n_batches++] = first;
            if (tokens > (size_t)j->room)
                j->room = (int)tokens;
            if (i - first > j->most_texts)
                j->most_texts = i - first;
            first = i;
            tokens = 0;
        }
        tokens += length;
    }
    j->batches[n_batches] = j->n;
    if (n_batches > INT_MAX)
        return err_set(err, E_LIMIT, "%zu texts are too many for one call", j->n);
    j->n_batches = (int)n_batches;
    return 0;
}

static int prepare(struct worker *w, const struct job *j)
{
    int rc = encoder_scratch_new(&w->scratch, j->e->encoder, j->room, j->team, &w->err);

    if (rc)
        return rc;
    w->ids = mem_alloc((size_t)j->room, sizeof *w->ids);
    w->lengths = mem_alloc(j->most_texts, sizeof *w->lengths);
    w->seconds = mem_alloc(j->most_texts, sizeof *w->seconds);
    if (!w->ids || !w->lengths || !w->seconds)
        return err_nomem(&w->err);
    if (j->words) {
        w->words = mem_zalloc(j->most_texts, sizeof *w->words);
        rc = w->words ? splade_scratch_new(&w->head, j->e->splade, j->room, &w->err)
                      : err_nomem(&w->err);
    } else {
        w->rows = mem_alloc_aligned(j->most_texts * (size_t)j->e->dim, sizeof *w->rows);
        w->scores = mem_alloc(j->most_texts, sizeof *w->scores);
        rc = w->rows && w->scores ? 0 : err_nomem(&w->err);
    }
    if (!rc && j->scores)
        rc = pair_scratch_new(&w->pair, j->e->pair, &w->err);
    w->is_ready = !rc;
    return rc;
}

/* Copies a pooled row, brought to length 1 if that is asked for. */
static int finish_row(float *out, const float *row, const struct embedder *e, struct err *err)
{
    double sum = 0, scale = 1;

    for (int i = 0; i < e->dim; i++)
        sum += (double)row[i] * (double)row[i];
    if (!isfinite(sum))
        return err_set(
            err, E_FORMAT,
            "the model yields numbers that are not finite; is its weights file damaged?");
    if (e->normalise)
        scale = 1 / fmax(sqrt(sum), 1e-12);
    for (int i = 0; i < e->dim; i++)
        out[i] = (float)(row[i] * scale);
    return 0;
}

/* A batch of n texts to words. */
static int weigh_batch(struct job *j, struct worker *w, const struct place *places, size_t n)
{
    const float *x = NULL;
    int rc = encoder_states(&x, j->e->encoder, w->scratch, w->ids, w->lengths, (int)n, &w->err);

    if (!rc)
        rc = splade_run(w->words, j->e->splade, w->head, x, w->lengths, (int)n, &w->err);
    for (size_t i = 0; i < n; i++) {
        if (!rc)
            j->words[places[i].text] = w->words[i];
        else
            model_words_clear(&w->words[i]);
        w->words[i] = (struct model_words){0};
    }
    return rc;
}

/* A batch of n pairs to scores. */
static int score_batch(struct job *j, struct worker *w, const struct place *places, size_t n)
{
    int rc = encoder_firsts(w->rows, j->e->encoder, w->scratch, w->ids, w->lengths, w->seconds,
                            (int)n, &w->err);

    if (!rc)
        rc = pair_run(w->scores, j->e->pair, w->pair, w->rows, (int)n, &w->err);
    for (size_t i = 0; i < n && !rc; i++)
        j->scores[places[i].text] = w->scores[i];
    return rc;
}

static int run_batch(int task, int worker, void *payload)
{
    struct job *j = payload;
    struct worker *w = &j->workers[worker];
    const struct place *places = j->places + j->batches[task];
    size_t n = j->batches[task + 1] - j->batches[task], dim = (size_t)j->e->dim;
    int *to, rc = w->is_ready ? 0 : prepare(w, j);

    if (rc)
        return failed(w, task, rc);
    to = w->ids;
    for (size_t i = 0; i < n; i++) {
        const struct place *p = &places[i];

        memcpy(to, j->slices[p->text / SLICE].v + p->at, (size_t)p->length * sizeof *to);
        to += p->length;
        w->lengths[i] = p->length;
        w->seconds[i] = p->second;
    }
    if (j->words || j->scores) {
        rc = j->words ? weigh_batch(j, w, places, n) : score_batch(j, w, places, n);
        return rc ? failed(w, task, rc) : 0;
    }
    rc = encoder_run(w->rows, j->e->encoder, w->scratch, w->ids, w->lengths, (int)n, &w->err);
    for (size_t i = 0; !rc && i < n; i++)
        rc = finish_row(j->out + places[i].text * dim, w->rows + i * dim, j->e, &w->err);
    return rc ? failed(w, task, rc) : 0;
}

/* ---- the job ---- */

/* Hands on the error of the first task that failed, whichever thread ran it. */
static int run_all(struct job *j, struct pool *pool, int n_tasks, pool_fn *fn, struct err *err)
{
    int rc = pool_run(pool, n_tasks, fn, j);
    const struct worker *first = NULL;

    for (int i = 0; rc && i < j->n_workers; i++) {
        const struct worker *w = &j->workers[i];

        if (w->err.code && (!first || w->failed_task < first->failed_task))
            first = w;
    }
    if (first)
        err_set(err, first->err.code, "%s", first->err.text);
    return rc;
}

static void clear(struct job *j)
{
    for (int i = 0; j->workers && i < j->n_workers; i++) {
        encoder_scratch_free(j->workers[i].scratch);
        mem_free(j->workers[i].ids);
        mem_free(j->workers[i].lengths);
        mem_free(j->workers[i].seconds);
        mem_free(j->workers[i].scores);
        pair_scratch_free(j->workers[i].pair);
        mem_free(j->workers[i].rows);
        mem_free(j->workers[i].words);
        splade_scratch_free(j->workers[i].head);
    }
    for (int i = 0; j->slices && i < j->n_slices; i++)
        ids_clear(&j->slices[i]);
    mem_free(j->workers);
    mem_free(j->slices);
    mem_free(j->places);
    mem_free(j->batches);
}

static int run_job(const struct job *what, struct pool *pool, struct err *err)
{
    struct job j = *what;
    const size_t n = j.n;
    size_t n_slices = (n + SLICE - 1) / SLICE;
    int rc = 0;

    j.n_workers = pool_size(pool);
    if (!n)
        return 0;
    if (n_slices > INT_MAX)
        return err_set(err, E_LIMIT, "%zu texts are too many for one call", n);
    j.n_slices = (int)n_slices;
    j.workers = mem_zalloc((size_t)j.n_workers, sizeof *j.workers);
    j.slices = mem_zalloc(n_slices, sizeof *j.slices);
    j.places = mem_alloc(n, sizeof *j.places);
    if (!j.workers || !j.slices || !j.places)
        rc = err_nomem(err);
    if (!rc)
        rc = run_all(&j, pool, j.n_slices, tokenise_slice, err);
    if (!rc)
        rc = plan(&j, err);
    if (!rc && j.n_batches < j.n_workers)
        j.team = pool;
    if (!rc)
        rc = run_all(&j, j.team ? NULL : pool, j.n_batches, run_batch, err);
    clear(&j);
    return rc;
}

int embed_texts(float *out, const struct embedder *e, struct pool *pool,
                const struct model_text *texts, size_t n, struct err *err)
{
    const struct job j = {.e = e, .texts = texts, .out = out, .n = n};

    return run_job(&j, pool, err);
}

int embed_words(struct model_words *out, const struct embedder *e, struct pool *pool,
                const struct model_text *texts, size_t n, struct err *err)
{
    const struct job j = {.e = e, .texts = texts, .words = out, .n = n};
    int rc;

    memset(out, 0, n * sizeof *out);
    rc = run_job(&j, pool, err);
    for (size_t i = 0; rc && i < n; i++)
        model_words_clear(&out[i]);
    return rc;
}

int embed_pairs(float *out, unsigned char *cut, const struct embedder *e, struct pool *pool,
                const struct ids *query, const struct model_text *texts, size_t n, struct err *err)
{
    const struct job j = {
        .e = e, .texts = texts, .scores = out, .cut = cut, .query = query, .n = n};

    return run_job(&j, pool, err);
}
