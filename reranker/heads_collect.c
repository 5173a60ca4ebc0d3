/* heads_collect.c -- what every head of a model says of the candidates of labelled queries.
 *
 * Queries are taken in batches.  All of a batch are asked first; then each passage that is a candidate of any of them is read
 * once, and while its keys are there all these queries meet them.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "model/keys.h"
#include "reranker/heads.h"
#include "model/question.h"
#include "reranker/statistics.h"

enum { HEADS_BATCH = 100, BLANK_TOKENS = 8 };

/* A query of the batch. */
struct asked {
    struct question question;
    struct sheet sheet, content_free;
};

/* Candidate number `place` of query number `query` of the batch. */
struct use {
    const struct heads_candidate *candidate;
    int query, place;
};

struct collecting {
    const struct reader *reader;
    const struct decoder_config *cfg;
    struct pool *pool;
    struct profile_head *heads; /* [n_heads] all of the model */
    int n_heads, layers, group;
    struct asker *asker;
    struct question content_free;
    struct session *session; /* for passages */
    struct tokens prompt;
    size_t n_head;
    struct key_meeting **meetings; /* [threads] */
    float **keys;                  /* [threads][KEYS_MAX_TOKENS, d] */
    int threads;

    struct asked *asked; /* [n_asked] of the batch */
    int n_asked;
    struct use *uses; /* [n_uses] by passage */
    size_t n_uses, cap_uses;

    /* the passage at hand */
    const struct use *use; /* [n_use] who wants it */
    size_t n_use;
    int first, n; /* its cells */
};

static int count_statistics(void)
{
    int n = 0;

    while (statistics[n])
        n++;
    return n;
}

/* ---- opening ---- */

static int open_meetings(struct collecting *c, struct err *err)
{
    int rc = 0;

    c->threads = pool_size(c->pool);
    c->meetings = mem_zalloc((size_t)c->threads, sizeof *c->meetings);
    c->keys = mem_zalloc((size_t)c->threads, sizeof *c->keys);
    if (!c->meetings || !c->keys)
        return err_nomem(err);
    for (int i = 0; i < c->threads && !rc; i++) {
        c->keys[i] = mem_alloc(KEYS_MAX_TOKENS * (size_t)c->cfg->d, sizeof **c->keys);
        rc = c->keys[i] ? key_meeting_new(&c->meetings[i], c->cfg->d, 64, err) : err_nomem(err);
    }
    return rc;
}

static int open_all(struct collecting *c, int wants, struct err *err)
{
    int rc;

    c->heads = mem_zalloc((size_t)c->n_heads, sizeof *c->heads);
    if (!c->heads)
        return err_nomem(err);
    for (int i = 0; i < c->n_heads; i++)
        c->heads[i] = (struct profile_head){i / c->cfg->heads, i % c->cfg->heads, 1};
    if ((rc = asker_open(&c->asker, c->reader, c->heads, c->n_heads, wants, c->pool, err)) ||
        (rc = asker_ask(&c->content_free, c->asker, PROMPT_CONTENT_FREE, err)) ||
        (rc = prompt_head(&c->prompt, c->reader, err)))
        return rc;
    c->n_head = c->prompt.n;
    if ((rc = session_new(&c->session, reader_decoder(c->reader),
                          (int)c->n_head + BLANK_TOKENS + KEYS_MAX_TOKENS, c->pool, err)) ||
        (rc = session_read(c->session,
                           &(struct session_input){.ids = c->prompt.ids, .n = (int)c->n_head}, NULL,
                           err)))
        return rc;
    return open_meetings(c, err);
}

static void close_batch(struct collecting *c)
{
    for (int i = 0; i < c->n_asked; i++) {
        question_clear(&c->asked[i].question);
        sheet_clear(&c->asked[i].sheet);
        sheet_clear(&c->asked[i].content_free);
    }
    mem_free(c->asked);
    c->asked = NULL;
    c->n_asked = 0;
    c->n_uses = 0;
}

static void close_all(struct collecting *c)
{
    close_batch(c);
    mem_free(c->uses);
    for (int i = 0; i < c->threads; i++) {
        if (c->meetings)
            key_meeting_free(c->meetings[i]);
        if (c->keys)
            mem_free(c->keys[i]);
    }
    mem_free(c->meetings);
    mem_free(c->keys);
    session_free(c->session);
    tokens_clear(&c->prompt);
    question_clear(&c->content_free);
    asker_close(c->asker);
    mem_free(c->heads);
}

/* ---- a batch ---- */

static int ask_batch(struct collecting *c, const struct heads_query *queries, size_t n,
                     struct err *err)
{
    int rc = 0;

    c->asked = mem_zalloc(n, sizeof *c->asked);
    if (!c->asked)
        return err_nomem(err);
    for (size_t i = 0; i < n && !rc; i++) {
        struct asked *a = &c->asked[c->n_asked++];

        if ((rc = asker_ask(&a->question, c->asker, queries[i].text, err)) ||
            (rc = question_sheet(&a->sheet, &a->question, (int)queries[i].n, err)) ||
            (rc = question_sheet(&a->content_free, &c->content_free, (int)queries[i].n, err)))
            break;
        if (mem_reserve((void **)&c->uses, &c->cap_uses, c->n_uses + queries[i].n, sizeof *c->uses))
            rc = err_nomem(err);
        for (size_t k = 0; k < queries[i].n && !rc; k++)
            c->uses[c->n_uses++] = (struct use){&queries[i].candidates[k], c->n_asked - 1, (int)k};
    }
    return rc;
}

static int compare_text(const char *a, size_t n_a, const char *b, size_t n_b)
{
    const int order = memcmp(a, b, n_a < n_b ? n_a : n_b);

    return order ? order : (n_a > n_b) - (n_a < n_b);
}

/* By passage: a document may have several, and documents of two collections one name. */
static int compare_passages(const struct heads_candidate *x, const struct heads_candidate *y)
{
    const struct prompt_passage *a = &x->text, *b = &y->text;
    int order = strcmp(x->docno, y->docno);

    order = order ? order : compare_text(a->title, a->n_title, b->title, b->n_title);
    return order ? order : compare_text(a->text, a->n_text, b->text, b->n_text);
}

static int by_passage(const void *a, const void *b)
{
    const struct use *x = a, *y = b;
    const int order = compare_passages(x->candidate, y->candidate);

    return order ? order : x->query != y->query ? x->query - y->query : x->place - y->place;
}

/* The heads of one key head: its keys meet all who want the passage. */
static int meet_task(int task, int worker, void *payload)
{
    const struct collecting *c = payload;
    const int layer = task / c->cfg->kv_heads, key_head = task % c->cfg->kv_heads;
    const size_t d = (size_t)c->cfg->d;
    struct key_meeting *m = c->meetings[worker];

    if (c->n)
        session_copy_keys(c->keys[worker], c->session, layer, key_head, c->first, c->n);
    key_meeting_set(m, c->keys[worker], c->n);
    for (int h = 0; h < c->group; h++) {
        const int head = layer * c->cfg->heads + key_head * c->group + h;

        for (size_t i = 0; i < c->n_use; i++) {
            const struct asked *a = &c->asked[c->use[i].query];
            const struct question *const asks[] = {&a->question, &c->content_free};
            const struct sheet *const sheets[] = {&a->sheet, &a->content_free};

            for (int k = 0; k < 2; k++) {
                const struct question *q = asks[k];
                const size_t at = sheet_at(sheets[k], head, 0) + (size_t)c->use[i].place;

                key_meeting_run(sheets[k]->log_sums + at, sheets[k]->largest + at,
                                (size_t)sheets[k]->passages, m,
                                q->queries + (size_t)head * (size_t)q->rows * d, q->rows);
            }
        }
    }
    return 0;
}

/* Reads the passage that uses[n] want. */
static int read_passage(struct collecting *c, const struct use *use, size_t n, struct err *err)
{
    struct prompt_range where;
    int rc;

    c->prompt.n = c->n_head;
    rc = prompt_passage(&c->prompt, &where, c->reader, &use->candidate->text, 0, KEYS_MAX_TOKENS,
                        err);
    if (rc)
        return rc;
    c->use = use;
    c->n_use = n;
    c->first = (int)where.begin;
    c->n = (int)(where.end - where.begin);
    session_cut(c->session, (int)c->n_head);
    if (c->n)
        rc = session_read(c->session,
                          &(struct session_input){.ids = c->prompt.ids + c->n_head,
                                                  .n = (int)(c->prompt.n - c->n_head),
                                                  .keys_only = 1},
                          NULL, err);
    return rc ? rc : pool_run(c->pool, c->layers * c->cfg->kv_heads, meet_task, c);
}

/* Sheets become scores. */
static int score(struct heads_scores *out, const struct asked *a, const struct heads_query *q,
                 const struct heads_data *d, struct err *err)
{
    const size_t each = (size_t)d->n_heads * q->n;
    int rc = 0;

    out->n = q->n;
    out->ideal = q->ideal;
    out->scores = mem_alloc((size_t)d->n_kinds * each, sizeof *out->scores);
    out->first = mem_alloc(q->n, sizeof *out->first);
    out->grades = mem_alloc(q->n, sizeof *out->grades);
    if (!out->scores || !out->first || !out->grades)
        return err_nomem(err);
    for (size_t i = 0; i < q->n; i++) {
        out->first[i] = q->candidates[i].first;
        out->grades[i] = q->candidates[i].grade;
    }
    for (int kind = 0; kind < d->n_kinds && !rc; kind++)
        rc = statistic_run(out->scores + (size_t)kind * each, statistics[kind / 2], &a->sheet,
                           kind % 2 ? &a->content_free : NULL, err);
    return rc;
}

/* Queries first..first+n-1. */
static int run_batch(struct heads_data *out, struct collecting *c,
                     const struct heads_query *queries, size_t first, size_t n, size_t *done,
                     size_t total, const struct heads_options *opt, struct err *err)
{
    int rc = ask_batch(c, queries + first, n, err);

    if (!rc)
        qsort(c->uses, c->n_uses, sizeof *c->uses, by_passage);
    for (size_t i = 0, k; i < c->n_uses && !rc; i = k) {
        for (k = i + 1;
             k < c->n_uses && !compare_passages(c->uses[k].candidate, c->uses[i].candidate);)
            k++;
        rc = read_passage(c, c->uses + i, k - i, err);
        *done += k - i;
        if (!rc && opt->progress && opt->progress(*done, total, opt->payload))
            rc = err_set(err, E_STOP, "stopped");
    }
    for (size_t i = 0; i < n && !rc; i++)
        rc = score(&out->queries[first + i], &c->asked[i], &queries[first + i], out, err);
    close_batch(c);
    return rc;
}

int heads_collect(struct heads_data *out, const struct reader *r, const struct heads_query *queries,
                  size_t n, const struct heads_options *opt, struct err *err)
{
    struct collecting c = {.reader = r,
                           .cfg = decoder_config(reader_decoder(r)),
                           .layers = decoder_layers(reader_decoder(r)),
                           .pool = opt->pool};
    size_t done = 0, total = 0;
    int rc;

    c.group = c.cfg->heads / c.cfg->kv_heads;
    c.n_heads = c.layers * c.cfg->heads;
    *out = (struct heads_data){.layers = c.layers,
                               .heads_per_layer = c.cfg->heads,
                               .group = c.group,
                               .n_heads = c.n_heads,
                               .n_kinds = 2 * count_statistics(),
                               .n = n};
    for (size_t i = 0; i < n; i++)
        total += queries[i].n;
    out->queries = mem_zalloc(n, sizeof *out->queries);
    rc = out->queries ? reader_check_context(r, err) : err_nomem(err);
    rc = rc ? rc : open_all(&c, opt->wants, err);
    for (size_t i = 0; i < n && !rc; i += HEADS_BATCH)
        rc = run_batch(out, &c, queries, i, n - i < HEADS_BATCH ? n - i : HEADS_BATCH, &done, total,
                       opt, err);
    close_all(&c);
    if (rc)
        heads_data_clear(out);
    return rc;
}

void heads_data_clear(struct heads_data *d)
{
    for (size_t i = 0; d->queries && i < d->n; i++) {
        mem_free(d->queries[i].scores);
        mem_free(d->queries[i].first);
        mem_free(d->queries[i].grades);
    }
    mem_free(d->queries);
    memset(d, 0, sizeof *d);
}
