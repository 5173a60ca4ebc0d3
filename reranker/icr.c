/* icr.c -- in-context re-ranking as published: all candidates in one prompt, causal attention.
 *
 * Candidates are numbered in the prompt's order: that of the array, or its reverse, which puts the first stage's best next to
 * the query.  The prompt is read once; the content-free tail and the query's are read behind it in turn.
 * Source: Chen et al., "Attention in large language models yields efficient zero-shot re-rankers", 2024.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/mem.h"
#include "model/keys.h"
#include "reranker/attended.h"
#include "reranker/in_context.h"
#include "reranker/windows.h"

struct icr {
    struct in_context context;
    int reversed, most;

    /* the run at hand */
    struct candidate *candidates;
    struct reranker *owner;
    const char *query;
    size_t max_tokens; /* of a passage */
};

static void close(void *self)
{
    struct icr *s = self;

    if (s)
        in_context_close(&s->context);
    mem_free(s);
}

static int open(void **self, struct reranker *r, const struct rerank_options *opt, struct err *err)
{
    struct icr *s = mem_zalloc(1, sizeof *s);

    if (!s)
        return err_nomem(err);
    *self = s;
    s->reversed = opt->reversed;
    s->most = opt->window;
    return in_context_open(&s->context, r, opt, err);
}

/* The prompt of candidates some[n]: tokens, and where each passage is. */
static int write_prompt(struct tokens *prompt, struct watch_range *where, const struct icr *s,
                        const size_t *some, size_t n, struct err *err)
{
    int rc = prompt_head(prompt, s->context.reader, err);

    for (size_t i = 0; i < n && !rc; i++) {
        const size_t k = s->reversed ? n - 1 - i : i;
        struct prompt_range range;

        rc = prompt_passage(prompt, &range, s->context.reader, &s->candidates[some[k]].text,
                            (int)i + 1, s->max_tokens, err);
        where[k] = (struct watch_range){(int)range.begin, (int)range.end};
    }
    return rc;
}

/* A window_fn. */
static int score(float *read, const size_t *some, size_t n, void *self, struct err *err)
{
    struct icr *s = self;
    struct in_context *c = &s->context;
    struct watch_range *where = mem_alloc(n, sizeof *where);
    float *scores = mem_alloc(n, sizeof *scores);
    struct tokens prompt = {0};
    int rc = where && scores ? write_prompt(&prompt, where, s, some, n, err) : err_nomem(err);

    rc = rc ? rc : in_context_need(c, (int)prompt.n + TAIL_ROOM, err);
    if (!rc) {
        session_cut(c->session, 0);
        rc = session_read(
            c->session,
            &(struct session_input){.ids = prompt.ids, .n = (int)prompt.n, .keys_only = 1}, NULL,
            err);
    }
    rc = rc ? rc : in_context_score(scores, c, where, (int)n, SESSION_CONTINUE, s->query, err);
    for (size_t i = 0; i < n && !rc; i++)
        read[some[i]] = scores[i];
    for (size_t i = 0; i < n && !rc && c->keeps; i++)
        rc = attended_set(&s->candidates[some[i]], s->owner, c->given + where[i].begin,
                          prompt.spans + where[i].begin, (size_t)(where[i].end - where[i].begin),
                          err);
    tokens_clear(&prompt);
    mem_free(where);
    mem_free(scores);
    return rc;
}

/* Tokens of each passage in a prompt. */
static int measure(size_t *lengths, struct icr *s, struct candidate *candidates, size_t n,
                   struct err *err)
{
    struct tokens list = {0};
    struct prompt_range range;
    int rc = 0;

    for (size_t i = 0; i < n && !rc; i++) {
        list.n = 0;
        rc = prompt_passage(&list, &range, s->context.reader, &candidates[i].text, (int)n,
                            s->max_tokens, err);
        lengths[i] = list.n;
        candidates[i].cut = range.is_cut;
    }
    tokens_clear(&list);
    return rc;
}

static int run(void *self, struct reranker *r, struct candidate *candidates, size_t n,
               const char *query, struct err *err)
{
    struct icr *s = self;
    const size_t room = in_context_room(&s->context);
    size_t *lengths = mem_alloc(n, sizeof *lengths);
    float *read = mem_alloc(n, sizeof *read);
    struct windows w = {lengths, room, (size_t)s->most, score, s};
    struct tokens tail = {0};
    struct prompt_tail where;
    int rc = lengths && read ? 0 : err_nomem(err);

    s->candidates = candidates;
    s->owner = r;
    s->query = query;
    s->max_tokens = room - MARKER_ROOM < KEYS_MAX_TOKENS ? room - MARKER_ROOM : KEYS_MAX_TOKENS;
    rc = rc ? rc : measure(lengths, s, candidates, n, err);
    rc = rc ? rc : in_context_tail(&tail, &where, &s->context, query, &r->note, err);
    rc = rc ? rc : windows_run(read, n, &w, &r->note, err);
    for (size_t i = 0; i < n && !rc; i++)
        candidates[i].read = read[i];
    tokens_clear(&tail);
    mem_free(lengths);
    mem_free(read);
    return rc;
}

const struct rerank_method rerank_icr = {
    .name = "icr",
    .about = "in-context attention, all candidates in one prompt, as published",
    .open = open,
    .run = run,
    .close = close,
};
