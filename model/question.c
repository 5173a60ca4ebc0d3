/* question.c -- reads queries alone; see question.h. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "model/question.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "model/keys.h"

struct asker {
    const struct reader *reader;
    int n_heads, wants, group; /* group: heads that share a key head */
    const struct profile_head *heads;
    unsigned char *watched; /* [layers, H] */
    int *place;             /* [layers, H] of a watched head in heads */
    struct session *session;
    struct tokens prompt; /* the head, and a tail behind it */
    size_t n_head;
    float *head_keys; /* [n_heads, n_head, d] */

    /* The tail's tokens before the query are the same for all queries: they are read once, and stay in the session. */
    size_t n_same;
    int same_rows;
    float *same; /* [n_heads, same_rows, d] what they ask for */
};

void question_clear(struct question *q)
{
    mem_free(q->queries);
    mem_free(q->rest);
    memset(q, 0, sizeof *q);
}

/* ---- reading with watched heads ---- */

/* Where the rows of a part of the tail go; those before `first` go nowhere. */
struct asking {
    const struct asker *a;
    float *queries; /* [n_heads, rows, d]; the part's begin at row `at` */
    int rows, at, first;
};

static void note(const struct session_question *q, void *payload)
{
    const struct asking *job = payload;
    const struct decoder_config *c = decoder_config(reader_decoder(job->a->reader));
    const size_t d = (size_t)c->d;
    const size_t head = (size_t)job->a->place[q->layer * c->heads + q->head];
    const float share = 1 / sqrtf((float)c->d);
    float *to;

    if (q->row < job->first)
        return;
    to = job->queries + (head * (size_t)job->rows + (size_t)(job->at + q->row - job->first)) * d;
    for (size_t i = 0; i < d; i++)
        to[i] = q->query[i] * share;
}

/* Reads the prompt from token `begin`, which is in the tail, to `end`, and keeps what its rows ask for. */
static int read_tail(struct asker *a, size_t begin, size_t end, struct asking *job, struct err *err)
{
    const struct session_tap tap = {.watched = a->watched, .ask = note, .payload = job};
    const struct session_input in = {.ids = a->prompt.ids + begin,
                                     .n = (int)(end - begin),
                                     .position = (int)begin + QUESTION_DISTANCE + 1,
                                     .keys_only = 1};

    session_cut(a->session, (int)begin);
    if (begin == end)
        return 0;
    return session_read(a->session, &in, &tap, err);
}

/* ---- opening ---- */

static int watch_heads(struct asker *a, struct err *err)
{
    const struct decoder_config *c = decoder_config(reader_decoder(a->reader));
    const size_t all = (size_t)c->layers * (size_t)c->heads;

    a->group = c->heads / c->kv_heads;
    a->watched = mem_zalloc(all, 1);
    a->place = mem_zalloc(all, sizeof *a->place);
    if (!a->watched || !a->place)
        return err_nomem(err);
    for (int i = 0; i < a->n_heads; i++) {
        const struct profile_head *h = &a->heads[i];
        const size_t at = (size_t)h->layer * (size_t)c->heads + (size_t)h->head;

        if (h->layer >= decoder_layers(reader_decoder(a->reader)) || h->head >= c->heads)
            return err_set(err, E_INVALID, "the model has no head %d in layer %d", h->head,
                           h->layer);
        a->watched[at] = 1;
        a->place[at] = i;
    }
    return 0;
}

/* Reads the prompt's head, and keeps its keys. */
static int read_head(struct asker *a, struct err *err)
{
    const struct decoder_config *c = decoder_config(reader_decoder(a->reader));
    const struct session_input in = {.ids = a->prompt.ids, .n = (int)a->n_head, .keys_only = 1};
    const size_t each = a->n_head * (size_t)c->d;
    int rc = session_read(a->session, &in, NULL, err);

    if (rc)
        return rc;
    if (a->n_head > KEYS_MAX_TOKENS) /* what meets them has room for no more */
        return err_set(err, E_LIMIT, "the prompt's head has %zu tokens; %d can be", a->n_head,
                       KEYS_MAX_TOKENS);
    a->head_keys = mem_alloc((size_t)a->n_heads * each, sizeof *a->head_keys);
    if (!a->head_keys)
        return err_nomem(err);
    for (int i = 0; i < a->n_heads; i++)
        session_copy_keys(a->head_keys + (size_t)i * each, a->session, a->heads[i].layer,
                          a->heads[i].head / a->group, 0, (int)a->n_head);
    return 0;
}

/* Reads the tail up to where a query begins. */
static int read_same(struct asker *a, struct err *err)
{
    const size_t d = (size_t)decoder_config(reader_decoder(a->reader))->d;
    struct prompt_tail where;
    struct asking job = {.a = a};
    int rc = prompt_tail(&a->prompt, &where, a->reader, "", 0, a->wants, 1, err);

    if (rc)
        return rc;
    a->n_same = where.words.begin - a->n_head;
    a->same_rows = job.rows = (int)(where.words.begin - where.asks.begin);
    job.first = (int)(where.asks.begin - a->n_head);
    a->same = job.queries =
        mem_alloc((size_t)a->n_heads * (size_t)a->same_rows * d, sizeof *a->same);
    return a->same ? read_tail(a, a->n_head, a->n_head + a->n_same, &job, err) : err_nomem(err);
}

int asker_open(struct asker **out, const struct reader *r, const struct profile_head *heads,
               int n_heads, int wants, struct pool *pool, struct err *err)
{
    struct asker *a = mem_zalloc(1, sizeof *a);
    int rc;

    if (!a)
        return err_nomem(err);
    a->reader = r;
    a->heads = heads;
    a->n_heads = n_heads;
    a->wants = wants;
    rc = watch_heads(a, err);
    rc = rc ? rc : prompt_head(&a->prompt, r, err);
    a->n_head = a->prompt.n;
    rc = rc ? rc
            : session_new(&a->session, reader_decoder(r),
                          (int)a->n_head + QUESTION_DISTANCE + SESSION_CHUNK, pool, err);
    rc = rc ? rc : read_head(a, err);
    rc = rc ? rc : read_same(a, err);
    if (rc) {
        asker_close(a);
        return rc;
    }
    *out = a;
    return 0;
}

void asker_close(struct asker *a)
{
    if (!a)
        return;
    session_free(a->session);
    tokens_clear(&a->prompt);
    mem_free(a->watched);
    mem_free(a->place);
    mem_free(a->head_keys);
    mem_free(a->same);
    mem_free(a);
}

/* ---- asking ---- */

/* What each row gives to the prompt's head. */
static int meet_head(struct question *q, const struct asker *a, struct err *err)
{
    const size_t rows = (size_t)q->rows, d = (size_t)q->d;
    float *largest = mem_alloc(rows, sizeof *largest);
    struct key_meeting *m = NULL;
    int rc = largest ? key_meeting_new(&m, q->d, q->rows, err) : err_nomem(err);

    for (size_t i = 0; !rc && i < (size_t)q->n_heads; i++) {
        key_meeting_set(m, a->head_keys + i * a->n_head * d, (int)a->n_head);
        key_meeting_run(q->rest + i * rows, largest, 1, m, q->queries + i * rows * d, q->rows);
    }
    for (size_t i = 0; !rc && i < (size_t)q->n_heads * rows; i++)
        if (!isfinite(q->rest[i]))
            rc = err_set(err, E_FORMAT,
                         "the model yields numbers that are not finite; is its file damaged?");
    key_meeting_free(m);
    mem_free(largest);
    return rc;
}

/* Appends the tail to the prompt. */
static int cut_tail(struct prompt_tail *where, struct question *out, struct asker *a,
                    const char *query, struct err *err)
{
    struct prompt_tail whole;
    int rc;

    a->prompt.n = a->n_head;
    rc = prompt_tail(&a->prompt, &whole, a->reader, query, strlen(query), a->wants, SIZE_MAX / 2,
                     err);
    if (rc)
        return rc;
    a->prompt.n = a->n_head;
    out->n_left_out = (int)(whole.words.end - whole.words.begin) - QUESTION_MAX_TOKENS;
    if (out->n_left_out < 0)
        out->n_left_out = 0;
    return prompt_tail(&a->prompt, where, a->reader, query, strlen(query), a->wants,
                       QUESTION_MAX_TOKENS, err);
}

int asker_ask(struct question *out, struct asker *a, const char *query, struct err *err)
{
    const struct decoder_config *c = decoder_config(reader_decoder(a->reader));
    struct question q = {.n_heads = a->n_heads, .d = c->d};
    struct prompt_tail where;
    int rc = cut_tail(&where, &q, a, query, err);

    if (rc)
        return rc;
    q.rows = (int)(where.asks.end - where.asks.begin);
    q.words_begin = (int)(where.words.begin - where.asks.begin);
    q.words_end = (int)(where.words.end - where.asks.begin);
    q.queries = mem_alloc((size_t)q.n_heads * (size_t)q.rows * (size_t)q.d, sizeof *q.queries);
    q.rest = mem_alloc((size_t)q.n_heads * (size_t)q.rows, sizeof *q.rest);
    rc = q.queries && q.rest ? 0 : err_nomem(err);
    if (!rc) {
        struct asking job = {.a = a, .queries = q.queries, .rows = q.rows, .at = a->same_rows};
        const size_t each = (size_t)a->same_rows * (size_t)q.d, all = (size_t)q.rows * (size_t)q.d;

        for (size_t i = 0; i < (size_t)q.n_heads; i++)
            memcpy(q.queries + i * all, a->same + i * each, each * sizeof *q.queries);
        rc = read_tail(a, a->n_head + a->n_same, a->prompt.n, &job, err);
    }
    rc = rc ? rc : meet_head(&q, a, err);
    if (rc)
        question_clear(&q);
    else
        *out = q;
    return rc;
}
