/* in_context.c -- the tail behind the passages; see in_context.h. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "reranker/in_context.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "reranker/published.h"

/* Passages of a hundred tokens at least must fit between head and tail. */
static int check_room(const struct in_context *c, struct err *err)
{
    const struct decoder_config *config = decoder_config(reader_decoder(c->reader));

    if ((size_t)config->context >= c->head.n + LEAST_ROOM + TAIL_ROOM)
        return 0;
    return err_set(
        err, E_LIMIT,
        "the model reads %d tokens at a time; its prompt alone, of which %zu come before "
        "the passages, leaves no room for them: take another one than '%.200s'",
        config->context, c->head.n, reader_path(c->reader));
}

int in_context_open(struct in_context *c, struct reranker *r, const struct rerank_options *opt,
                    struct err *err)
{
    const struct profile *p;
    int rc = rerank_open_reader(&c->reader, r, opt, err);

    if (rc)
        return rc;
    c->profile = p = r->profile;
    c->pool = opt->pool;
    c->keeps = opt->attended;
    c->wants = p ? p->wants : opt->wants;
    if (p && strcmp(p->statistic, "published") && !(c->statistic = statistic_find(p->statistic)))
        return err_set(err, E_INVALID, "profile '%.60s': there is no statistic '%.40s'", p->name,
                       p->statistic);
    rc = watch_open(&c->watch, decoder_config(reader_decoder(c->reader)),
                    decoder_layers(reader_decoder(c->reader)), p ? p->heads : NULL,
                    p ? p->n_heads : 0, !c->statistic || opt->attended, err);
    rc = rc ? rc : prompt_head(&c->head, c->reader, err);
    return rc ? rc : check_room(c, err);
}

void in_context_close(struct in_context *c)
{
    session_free(c->session);
    watch_close(c->watch);
    mem_free(c->given);
    tokens_clear(&c->head);
    reader_close(c->reader);
}

int in_context_need(struct in_context *c, int cells, struct err *err)
{
    int want = c->session_cells ? c->session_cells : 1024, rc;

    if (c->session && cells <= c->session_cells)
        return 0;
    while (want < cells)
        want *= 2;
    session_free(c->session);
    c->session = NULL;
    c->session_cells = 0;
    if (want - cells > cells / 4)
        want = cells + cells / 4; /* not twice as much as is needed */
    rc = session_new(&c->session, reader_decoder(c->reader), want, c->pool, err);
    if (!rc)
        c->session_cells = want;
    return rc;
}

size_t in_context_room(const struct in_context *c)
{
    const size_t context = (size_t)decoder_config(reader_decoder(c->reader))->context;

    return context - c->head.n -
           TAIL_ROOM; /* in_context_open has seen to it that this is something */
}

int in_context_tail(struct tokens *out, struct prompt_tail *where, const struct in_context *c,
                    const char *query, struct buf *note, struct err *err)
{
    size_t all;
    int rc = prompt_tail(out, where, c->reader, query, strlen(query), c->wants, SIZE_MAX / 2, err);

    all = where->words.end - where->words.begin;
    if (rc || all <= QUESTION_MAX_TOKENS)
        return rc;
    out->n = 0;
    buf_printf(note, "the query has %zu tokens, the first %d are read", all, QUESTION_MAX_TOKENS);
    return prompt_tail(out, where, c->reader, query, strlen(query), c->wants, QUESTION_MAX_TOKENS,
                       err);
}

/* ---- scoring ---- */

/* What the query gave, less what the content-free one did, whichever comes first. */
static int keep_given(struct in_context *c, const double *masses, size_t cells, int is_content_free,
                      struct err *err)
{
    if (mem_reserve((void **)&c->given, &c->cap_given, cells, sizeof *c->given))
        return err_nomem(err);
    if (!c->n_kept++)
        memset(c->given, 0, cells * sizeof *c->given);
    for (size_t i = 0; i < cells; i++)
        c->given[i] += is_content_free ? -masses[i] : masses[i];
    return 0;
}

/* Reads a tail and watches; masses [cells] gets a copy of what cells were given, if they are kept. */
static int look(double *masses, struct in_context *c, const struct watch_range *passages, int n,
                int position, const char *query, struct err *err)
{
    const int cells = session_cells(c->session);
    struct tokens tail = {0};
    struct prompt_tail where;
    struct buf ignored = {0};
    int rc = in_context_tail(&tail, &where, c, query, &ignored, err), blank;

    buf_clear(&ignored);
    if (!rc) { /* the blank line before the sentence belongs to no row */
        blank = (int)where.asks.begin;
        if (blank)
            rc = session_read(
                c->session,
                &(struct session_input){.ids = tail.ids, .n = blank, .position = position}, NULL,
                err);
        rc = rc ? rc
                : watch_begin(c->watch, passages, n, cells, (int)tail.n - blank,
                              (int)where.words.begin - blank, (int)where.words.end - blank, err);
        rc = rc ? rc
                : session_read(
                      c->session,
                      &(struct session_input){.ids = tail.ids + blank, .n = (int)tail.n - blank},
                      watch_tap(c->watch), err);
    }
    if (!rc && masses)
        memcpy(masses, watch_masses(c->watch), (size_t)cells * sizeof *masses);
    if (!rc && c->keeps)
        rc = keep_given(c, masses ? masses : watch_masses(c->watch), (size_t)cells,
                        !strcmp(query, PROMPT_CONTENT_FREE), err);
    session_cut(c->session, cells);
    tokens_clear(&tail);
    return rc;
}

static int score_published(float *read, struct in_context *c, const struct watch_range *passages,
                           int n, int position, const char *query, struct err *err)
{
    const size_t cells = (size_t)session_cells(c->session);
    double *content_free = mem_alloc(cells, sizeof *content_free);
    double *asked = mem_alloc(cells, sizeof *asked);
    int rc = content_free && asked ? 0 : err_nomem(err);

    rc = rc ? rc : look(content_free, c, passages, n, position, PROMPT_CONTENT_FREE, err);
    rc = rc ? rc : look(asked, c, passages, n, position, query, err);
    for (int i = 0; i < n && !rc; i++) {
        const size_t begin = (size_t)passages[i].begin, end = (size_t)passages[i].end;

        read[i] = begin < end
                      ? (float)published_score(asked + begin, content_free + begin, end - begin)
                      : -INFINITY;
    }
    mem_free(content_free);
    mem_free(asked);
    return rc;
}

/* The heads' scores of a tail: out [heads, n], uncalibrated. */
static int head_scores(float *out, struct in_context *c, const struct watch_range *passages, int n,
                       int position, const char *query, struct err *err)
{
    int rc = look(NULL, c, passages, n, position, query, err);

    return rc ? rc : statistic_run(out, c->statistic, watch_sheet(c->watch), NULL, err);
}

static int score_by_statistic(float *read, struct in_context *c, const struct watch_range *passages,
                              int n, int position, const char *query, struct err *err)
{
    const struct profile *p = c->profile;
    const size_t each = (size_t)p->n_heads * (size_t)n;
    float *asked = mem_alloc(each, sizeof *asked);
    float *content_free = mem_alloc(each, sizeof *content_free);
    double weights[PROFILE_MAX_HEADS];
    int rc = asked && content_free ? 0 : err_nomem(err);

    rc = rc ? rc : head_scores(asked, c, passages, n, position, query, err);
    if (!rc && p->is_calibrated)
        rc = head_scores(content_free, c, passages, n, position, PROMPT_CONTENT_FREE, err);
    for (size_t i = 0; i < each && !rc && p->is_calibrated; i++)
        if (isfinite(asked[i]))
            asked[i] -= content_free[i];
    for (int h = 0; h < p->n_heads; h++)
        weights[h] = p->heads[h].weight;
    if (!rc)
        heads_combine(read, asked, weights, p->n_heads, n);
    mem_free(asked);
    mem_free(content_free);
    return rc;
}

int in_context_score(float *read, struct in_context *c, const struct watch_range *passages, int n,
                     int position, const char *query, struct err *err)
{
    c->n_kept = 0;
    return c->statistic ? score_by_statistic(read, c, passages, n, position, query, err)
                        : score_published(read, c, passages, n, position, query, err);
}
