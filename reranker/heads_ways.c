/* heads_ways.c -- the table of ways to choose heads.
 *
 *     best      those that rank best alone, by nDCG at 10
 *     qr        those that give relevant passages most (Zhang et al., "Query-focused retrieval heads", 2025)
 *     core      those that tell relevant passages from others best: the share of the relevant ones in a softmax over all
 *               (Tran et al., "Contrastive retrieval heads", 2025)
 *     greedy    one after the other, whichever adds most to nDCG at 10
 *     logistic  by the weights of a conditional logistic regression (McFadden, 1974): the softmax over a query's candidates
 *               of their weighted sum of heads is to meet the relevant ones
 *     key-heads the same, and whole groups of heads that share a key head, whose keys are stored once: one group after the
 *               other, whichever explains best what those before did not
 *
 * The first four weigh heads alike.  Scores are standardised over a query's candidates.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "reranker/heads_inside.h"

/* ---- heads one by one ---- */

int heads_by_rate(const void *a, const void *b)
{
    const struct heads_rated *x = a, *y = b;

    if (x->rate != y->rate)
        return x->rate > y->rate ? -1 : 1;
    return x->head - y->head;
}

int heads_rate(struct heads_rated **out, const struct heads_training *t, heads_rate_fn *rate,
               struct err *err)
{
    const size_t n_heads = (size_t)t->data->n_heads;
    struct heads_rated *r = mem_zalloc(n_heads, sizeof *r);

    if (!r)
        return err_nomem(err);
    for (size_t h = 0; h < n_heads; h++) {
        r[h].head = (int)h;
        for (size_t i = 0; i < t->n; i++) {
            const struct heads_scores *q = &t->data->queries[t->queries[i]];

            r[h].rate += rate(q, t->scores[t->queries[i]] + h * q->n);
        }
    }
    qsort(r, n_heads, sizeof *r, heads_by_rate);
    *out = r;
    return 0;
}

static double rate_mean(const struct heads_scores *q, const float *scores)
{
    double sum = 0;
    int n = 0;

    for (size_t i = 0; i < q->n; i++)
        if (q->grades[i] > 0) {
            sum += (double)scores[i];
            n++;
        }
    return n ? sum / n : 0;
}

static double rate_contrast(const struct heads_scores *q, const float *scores)
{
    double relevant = 0, all = 0;

    for (size_t i = 0; i < q->n; i++) {
        const double e = exp((double)scores[i]);

        all += e;
        relevant += q->grades[i] > 0 ? e : 0;
    }
    return all > 0 ? relevant / all : 0;
}

static int choose_by(double *weights, const struct heads_training *t, int n, heads_rate_fn *rate,
                     struct err *err)
{
    struct heads_rated *r = NULL;
    int rc = heads_rate(&r, t, rate, err);

    for (int i = 0; i < n && !rc && i < t->data->n_heads; i++)
        weights[r[i].head] = 1;
    mem_free(r);
    return rc;
}

static int choose_best(double *weights, const struct heads_training *t, int n, struct err *err)
{
    return choose_by(weights, t, n, heads_ndcg, err);
}

static int choose_qr(double *weights, const struct heads_training *t, int n, struct err *err)
{
    return choose_by(weights, t, n, rate_mean, err);
}

static int choose_core(double *weights, const struct heads_training *t, int n, struct err *err)
{
    return choose_by(weights, t, n, rate_contrast, err);
}

/* ---- greedy ---- */

int heads_sums_new(struct heads_sums *s, const struct heads_training *t, struct err *err)
{
    *s = (struct heads_sums){0};
    for (size_t i = 0; i < t->n; i++)
        s->n += t->data->queries[t->queries[i]].n;
    s->now = mem_zalloc(s->n, sizeof *s->now);
    s->with = mem_alloc(s->n, sizeof *s->with);
    return s->now && s->with ? 0 : err_nomem(err);
}

/* with = now + head's scores; returns the sum of nDCG. */
static double try_head(struct heads_sums *s, const struct heads_training *t, int head)
{
    double sum = 0;
    size_t at = 0;

    for (size_t i = 0; i < t->n; i++) {
        const struct heads_scores *q = &t->data->queries[t->queries[i]];
        const float *scores = t->scores[t->queries[i]] + (size_t)head * q->n;

        for (size_t k = 0; k < q->n; k++)
            s->with[at + k] = s->now[at + k] + scores[k];
        sum += heads_ndcg(q, s->with + at);
        at += q->n;
    }
    return sum;
}

static int choose_greedy(double *weights, const struct heads_training *t, int n, struct err *err)
{
    const int pool = t->data->n_heads < HEADS_POOL ? t->data->n_heads : HEADS_POOL;
    struct heads_rated *r = NULL;
    struct heads_sums s = {0};
    int rc = heads_rate(&r, t, heads_ndcg, err);

    rc = rc ? rc : heads_sums_new(&s, t, err);
    for (int step = 0; step < n && step < pool && !rc; step++) {
        int best = -1;
        double most = -1;

        for (int i = 0; i < pool; i++) {
            const double x = weights[r[i].head] == 0 ? try_head(&s, t, r[i].head) : -1;

            if (x > most) {
                most = x;
                best = r[i].head;
            }
        }
        weights[best] = 1;
        try_head(&s, t, best);
        memcpy(s.now, s.with, s.n * sizeof *s.now);
    }
    mem_free(r);
    mem_free(s.now);
    mem_free(s.with);
    return rc;
}

/* ---- the table ---- */

static const struct heads_way best = {"best", "rank best alone", choose_best};
static const struct heads_way qr = {"qr", "attend to relevant passages most", choose_qr};
static const struct heads_way core = {"core", "tell relevant from others best", choose_core};
static const struct heads_way greedy = {"greedy", "add most, one after the other", choose_greedy};

const struct heads_way *const heads_ways[] = {
    &best, &qr, &core, &greedy, &heads_logistic, &heads_key_heads, NULL};
