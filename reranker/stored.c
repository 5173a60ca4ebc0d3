/* stored.c -- re-ranking by stored keys: the query is read alone, and its heads' queries meet keys that were made when the
 * passages were indexed.
 *
 * Attention of a row is one softmax over all candidates' keys and the prompt's head.  What the content-free query, which
 * calibrates, finds in each passage is stored with its keys; only a statistic that looks at largest logits lets it meet them again.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/mem.h"
#include "model/keys.h"
#include "model/question.h"
#include "reranker/attended.h"
#include "reranker/reranker_inside.h"
#include "reranker/statistics.h"

struct stored {
    struct reader *reader;
    const struct profile *profile;
    const struct statistic *statistic;
    struct pool *pool;
    struct key_plan plan;
    struct asker *asker;
    struct question content_free;
    struct key_maker *maker;       /* of keys that candidates come without; NULL until needed */
    struct key_meeting **meetings; /* [n_meetings], one a thread */
    int n_meetings;
};

/* ---- opening ---- */

static void close(void *self)
{
    struct stored *s = self;

    if (!s)
        return;
    for (int i = 0; i < s->n_meetings; i++)
        key_meeting_free(s->meetings[i]);
    mem_free(s->meetings);
    key_maker_close(s->maker);
    question_clear(&s->content_free);
    asker_close(s->asker);
    reader_close(s->reader);
    mem_free(s);
}

static int open_meetings(struct stored *s, struct err *err)
{
    int rc = 0;

    s->meetings = mem_zalloc((size_t)pool_size(s->pool), sizeof *s->meetings);
    if (!s->meetings)
        return err_nomem(err);
    while (!rc && s->n_meetings < pool_size(s->pool))
        rc = key_meeting_new(&s->meetings[s->n_meetings++], s->plan.d, 64, err);
    return rc;
}

static int open_with_profile(struct stored *s, const struct profile *p, struct err *err)
{
    int rc;

    s->profile = p;
    s->statistic = statistic_find(p->statistic);
    if (!s->statistic)
        return err_set(err, E_INVALID, "profile '%.60s': there is no statistic '%.40s'", p->name,
                       p->statistic);
    if ((rc = key_plan_make(&s->plan, p, decoder_config(reader_decoder(s->reader)), err)) ||
        (rc = asker_open(&s->asker, s->reader, p->heads, p->n_heads, p->wants, s->pool, err)) ||
        (rc = asker_ask(&s->content_free, s->asker, PROMPT_CONTENT_FREE, err)))
        return rc;
    return open_meetings(s, err);
}

static int open(void **self, struct reranker *r, const struct rerank_options *opt, struct err *err)
{
    struct stored *s = mem_zalloc(1, sizeof *s);
    int rc;

    if (!s)
        return err_nomem(err);
    *self = s;
    s->pool = opt->pool;
    rc = rerank_open_reader(&s->reader, r, opt, err);
    if (!rc && !r->profile)
        rc = err_set(err, E_NOTFOUND,
                     "re-ranking by stored keys needs a profile, and none ships for the model %s; "
                     "'fovea heads' makes one",
                     reader_name(s->reader));
    return rc ? rc : open_with_profile(s, r->profile, err);
}

/* ---- running ---- */

/* A query's meeting with all candidates. */
struct meeting {
    const struct stored *s;
    const struct keys *keys; /* [n] */
    const struct question *asks[2];
    struct sheet *sheets[2];
};

/* All heads of one candidate. */
static int meet(int task, int worker, void *payload)
{
    const struct meeting *job = payload;
    const struct stored *s = job->s;
    struct key_meeting *m = s->meetings[worker];
    int slot = -1;

    for (int h = 0; h < s->profile->n_heads; h++) {
        if (s->plan.slot_of[h] != slot) {
            slot = s->plan.slot_of[h];
            key_meeting_take(m, &job->keys[task], slot);
        }
        for (int k = 0; k < 2 && job->asks[k]; k++) {
            const struct question *q = job->asks[k];
            const size_t at = sheet_at(job->sheets[k], h, 0) + (size_t)task;

            if (k && !s->statistic->needs_largest) {
                keys_content_free(job->sheets[k]->log_sums + at, (size_t)job->sheets[k]->passages,
                                  &job->keys[task], h);
                continue;
            }
            key_meeting_run(job->sheets[k]->log_sums + at, job->sheets[k]->largest + at,
                            (size_t)job->sheets[k]->passages, m,
                            q->queries + (size_t)h * (size_t)q->rows * (size_t)q->d, q->rows);
        }
    }
    return 0;
}

/* The keys of candidate i, made now if it came without: into made. */
static int keys_of(struct keys *out, struct stored *s, const struct candidate *c, struct buf *made,
                   struct err *err)
{
    struct err why = {0};
    int rc = 0;

    if (c->keys) {
        rc = keys_view(out, c->keys, c->n_keys, &s->plan, &why);
        return rc ? err_set(err, rc, "'%.100s': %s; 'fovea check' tells more", c->docno, why.text)
                  : 0;
    }
    if (!s->maker)
        rc = key_maker_new(&s->maker, s->profile, s->reader, s->pool, err);
    rc = rc ? rc : key_maker_run(made, s->maker, &c->text, 1, err);
    return rc ? rc : keys_view(out, (const unsigned char *)made->data, made->len, &s->plan, err);
}

/* The stored rows must be those of this content-free query. */
static int check_rows(const struct keys *k, const struct stored *s, const char *docno,
                      struct err *err)
{
    if (!s->profile->is_calibrated || k->rows == s->content_free.rows)
        return 0;
    return err_set(err, E_FORMAT,
                   "'%.100s': its keys were made for another prompt; 'fovea attend --drop' takes "
                   "them out, 'fovea attend' makes them anew",
                   docno);
}

static int run_meeting(float *read, struct meeting *job, int n, struct err *err)
{
    const struct profile *p = job->s->profile;
    float *scores = mem_alloc((size_t)p->n_heads * (size_t)n, sizeof *scores);
    double weights[PROFILE_MAX_HEADS];
    struct sheet sheets[2] = {{0}, {0}};
    int rc = scores ? 0 : err_nomem(err);

    for (int k = 0; k < 2 && job->asks[k] && !rc; k++) {
        job->sheets[k] = &sheets[k];
        rc = question_sheet(&sheets[k], job->asks[k], n, err);
    }
    if (!rc)
        pool_run(job->s->pool, n, meet, job);
    rc = rc ? rc
            : statistic_run(scores, job->s->statistic, &sheets[0], job->asks[1] ? &sheets[1] : NULL,
                            err);
    for (int h = 0; h < p->n_heads; h++)
        weights[h] = p->heads[h].weight;
    if (!rc)
        heads_combine(read, scores, weights, p->n_heads, n);
    for (int k = 0; k < 2; k++)
        sheet_clear(&sheets[k]);
    mem_free(scores);
    return rc;
}

/* The words of a candidate that the query attends to; none if its text is not what its keys were made of. */
static int tell_words(struct candidate *c, struct reranker *r, const struct stored *s,
                      const struct keys *keys, const struct question *q, struct err *err)
{
    struct tokens list = {0};
    struct prompt_range where;
    double *given = mem_alloc((size_t)keys->n, sizeof *given);
    int rc = given ? prompt_passage(&list, &where, s->reader, &c->text, 0, KEYS_MAX_TOKENS, err)
                   : err_nomem(err);

    if (!rc && keys->n && where.end - where.begin == (size_t)keys->n) {
        rc = attended_by_keys(given, keys, &s->plan, s->profile, q,
                              s->profile->is_calibrated ? &s->content_free : NULL, err);
        rc = rc ? rc : attended_set(c, r, given, list.spans + where.begin, (size_t)keys->n, err);
    }
    tokens_clear(&list);
    mem_free(given);
    return rc;
}

static int run(void *self, struct reranker *r, struct candidate *candidates, size_t n,
               const char *query, struct err *err)
{
    struct stored *s = self;
    struct question q = {0};
    struct keys *keys = mem_alloc(n, sizeof *keys);
    struct buf *made = mem_zalloc(n, sizeof *made);
    float *read = mem_alloc(n, sizeof *read);
    struct meeting job = {
        .s = s, .keys = keys, .asks = {&q, s->profile->is_calibrated ? &s->content_free : NULL}};
    int rc = keys && made && read ? 0 : err_nomem(err);

    for (size_t i = 0; i < n && !rc; i++) {
        rc = keys_of(&keys[i], s, &candidates[i], &made[i], err);
        rc = rc ? rc : check_rows(&keys[i], s, candidates[i].docno, err);
        candidates[i].cut = !rc && keys[i].is_cut;
    }
    rc = rc ? rc : asker_ask(&q, s->asker, query, err);
    if (!rc && q.n_left_out)
        buf_printf(&r->note, "the query has %d tokens, the first %d are read",
                   q.n_left_out + QUESTION_MAX_TOKENS, QUESTION_MAX_TOKENS);
    rc = rc ? rc : run_meeting(read, &job, (int)n, err);
    for (size_t i = 0; i < n && !rc; i++)
        candidates[i].read = read[i];
    for (size_t i = 0; i < n && !rc && r->attended; i++)
        rc = tell_words(&candidates[i], r, s, &keys[i], &q, err);
    for (size_t i = 0; made && i < n; i++)
        buf_clear(&made[i]);
    question_clear(&q);
    mem_free(keys);
    mem_free(made);
    mem_free(read);
    return rc;
}

const struct rerank_method rerank_stored = {
    .name = "stored",
    .about = "attention to keys that the index stores: only the query is read",
    .wants_keys = 1,
    .any_order = 1,
    .open = open,
    .run = run,
    .close = close,
};
