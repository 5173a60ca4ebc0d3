/* heads_logistic.c -- ways to choose heads by regression.
 *
 *     logistic  by the weights of a conditional logistic regression (McFadden, 1974): the softmax over a query's candidates
 *               of their weighted sum of heads is to meet the relevant ones
 *     key-heads the same, and whole groups of heads that share a key head, whose keys are stored once: one group after the
 *               other, whichever explains best what those before did not
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "reranker/heads_inside.h"

enum {
    KEY_POOL = 12, /* key heads to choose among */
    STEPS = 300,   /* of descent */
};

/* ---- logistic regression ---- */

/* Weights of some heads, on their way. */
struct regression {
    const struct heads_training *t;
    const int *heads; /* [n] */
    int n;
    const float *offset; /* [candidates of all] what is there already; NULL = nothing */
    double *p;           /* [most candidates] */
};

/* Adds the gradient of -log P(relevant) of query i, if it is wanted; offset: of its candidates.  Returns -log P. */
static double add_gradient(double *gradient, const double *w, const struct regression *r, size_t i,
                           const float *offset)
{
    const struct heads_scores *q = &r->t->data->queries[r->t->queries[i]];
    const float *scores = r->t->scores[r->t->queries[i]];
    double most = -INFINITY, all = 0, relevant = 0, loss = 0;

    for (size_t k = 0; k < q->n; k++) {
        r->p[k] = offset ? (double)offset[k] : 0;
        for (int h = 0; h < r->n; h++)
            r->p[k] += w[h] * (double)scores[(size_t)r->heads[h] * q->n + k];
        most = fmax(most, r->p[k]);
        relevant += q->grades[k] > 0 ? q->grades[k] : 0;
    }
    if (relevant <= 0)
        return 0;
    for (size_t k = 0; k < q->n; k++)
        all += exp(r->p[k] - most);
    for (size_t k = 0; k < q->n; k++) {
        const double share = q->grades[k] > 0 ? q->grades[k] / relevant : 0;
        const double off = exp(r->p[k] - most) / all - share;

        loss -= share * (r->p[k] - most - log(all));
        for (int h = 0; h < r->n && gradient; h++)
            gradient[h] += off * (double)scores[(size_t)r->heads[h] * q->n + k];
    }
    return loss;
}

/* Sum over the training queries. */
static double add_gradients(double *gradient, const double *w, const struct regression *r)
{
    const float *offset = r->offset;
    double loss = 0;

    for (size_t i = 0; i < r->t->n; i++) {
        loss += add_gradient(gradient, w, r, i, offset);
        if (offset)
            offset += r->t->data->queries[r->t->queries[i]].n;
    }
    return loss;
}

/* Weights w [r->n]: Adam (Kingma and Ba, 2015) on the mean, with a little decay. */
static int regress(double *w, struct regression *r, int steps, struct err *err)
{
    const double decay = 0.05, rate = 0.1;
    const size_t n = (size_t)r->n;
    size_t most = 1;
    double *g = mem_zalloc(3 * n, sizeof *g);
    int rc;

    for (size_t i = 0; i < r->t->n; i++)
        if (r->t->data->queries[r->t->queries[i]].n > most)
            most = r->t->data->queries[r->t->queries[i]].n;
    mem_free(r->p);
    r->p = mem_alloc(most, sizeof *r->p);
    rc = g && r->p ? 0 : err_nomem(err);
    for (size_t i = 0; i < n; i++)
        w[i] = r->offset ? 0 : 0.3 / (double)n;
    for (int step = 1; step <= steps && !rc; step++) {
        memset(g, 0, n * sizeof *g);
        add_gradients(g, w, r);
        for (size_t i = 0; i < n; i++) {
            const double x = g[i] / (double)r->t->n + decay * w[i];

            double *mean = g + n + i, *square = g + 2 * n + i;

            *mean = 0.9 * *mean + 0.1 * x;
            *square = 0.99 * *square + 0.01 * x * x;
            w[i] -= rate * (*mean / (1 - pow(0.9, step))) /
                    (sqrt(*square / (1 - pow(0.99, step))) + 1e-8);
        }
    }
    mem_free(g);
    return rc;
}

/* Fits the best heads alone, keeps the n of the largest weights, and fits those again. */
static int choose_logistic(double *weights, const struct heads_training *t, int n, struct err *err)
{
    const int pool = t->data->n_heads < HEADS_POOL ? t->data->n_heads : HEADS_POOL;
    struct heads_rated *r = NULL, kept[HEADS_POOL];
    double w[HEADS_POOL];
    int heads[HEADS_POOL] = {0}, rc = heads_rate(&r, t, heads_ndcg, err);
    struct regression job = {.t = t, .heads = heads, .n = pool};

    n = n < pool ? n : pool;
    for (int i = 0; i < pool && !rc; i++)
        heads[i] = r[i].head;
    rc = rc ? rc : regress(w, &job, STEPS, err);
    for (int i = 0; i < pool && !rc; i++)
        kept[i] = (struct heads_rated){heads[i], w[i]};
    if (!rc) {
        qsort(kept, (size_t)pool, sizeof *kept, heads_by_rate);
        for (int i = 0; i < n; i++)
            heads[i] = kept[i].head;
        job.n = n;
        rc = regress(w, &job, STEPS, err);
    }
    for (int i = 0; i < n && !rc; i++)
        weights[heads[i]] = w[i];
    mem_free(r);
    mem_free(job.p);
    return rc;
}

/* ---- key heads ---- */

/* Key heads to choose among: those of the best heads, each once; returns how many. */
static int pool_key_heads(int *key_heads, const struct heads_rated *r, const struct heads_data *d)
{
    int n = 0;

    for (int i = 0; i < d->n_heads && n < KEY_POOL; i++) {
        const int key_head = r[i].head / d->group;
        int k = 0;

        while (k < n && key_heads[k] != key_head)
            k++;
        if (k == n)
            key_heads[n++] = key_head;
    }
    return n;
}

/* s->now += the weighted heads of a regression. */
static void add_heads(struct heads_sums *s, const struct regression *r, const double *w)
{
    size_t at = 0;

    for (size_t i = 0; i < r->t->n; i++) {
        const struct heads_scores *q = &r->t->data->queries[r->t->queries[i]];

        for (int h = 0; h < r->n; h++)
            for (size_t k = 0; k < q->n; k++)
                s->now[at + k] +=
                    (float)(w[h] *
                            (double)r->t->scores[r->t->queries[i]][(size_t)r->heads[h] * q->n + k]);
        at += q->n;
    }
}

static void heads_of(int *heads, int key_head, int group)
{
    for (int i = 0; i < group; i++)
        heads[i] = key_head * group + i;
}

/* Adds the key head whose heads lower the loss most: its place in pool becomes -1. */
static int add_key_head(int *chosen, int *pool, int n_pool, struct heads_sums *s,
                        const struct heads_training *t, struct err *err)
{
    const int group = t->data->group;
    int heads[PROFILE_MAX_HEADS], best = -1, rc = 0;
    double w[PROFILE_MAX_HEADS], kept[PROFILE_MAX_HEADS] = {0}, least = INFINITY;
    struct regression job = {.t = t, .heads = heads, .n = group, .offset = s->now};

    for (int i = 0; i < n_pool && !rc; i++) {
        double loss;

        if (pool[i] < 0)
            continue;
        heads_of(heads, pool[i], group);
        rc = regress(w, &job, STEPS / 5, err);
        loss = rc ? 0 : add_gradients(NULL, w, &job);
        if (!rc && loss < least) {
            least = loss;
            best = i;
            memcpy(kept, w, sizeof kept);
        }
    }
    mem_free(job.p);
    if (rc || best < 0)
        return rc;
    heads_of(heads, pool[best], group);
    add_heads(s, &job, kept);
    *chosen = pool[best];
    pool[best] = -1;
    return 0;
}

/* n key heads; as many as a profile has room for. */
static int choose_key_heads(double *weights, const struct heads_training *t, int n, struct err *err)
{
    const int group = t->data->group, room = PROFILE_MAX_HEADS / group;
    int pool[KEY_POOL] = {0}, heads[PROFILE_MAX_HEADS] = {0}, n_pool = 0, n_heads = 0, rc;
    double w[PROFILE_MAX_HEADS];
    struct heads_rated *r = NULL;
    struct heads_sums s = {0};
    struct regression job = {.t = t, .heads = heads};

    rc = heads_rate(&r, t, heads_ndcg, err);
    rc = rc ? rc : heads_sums_new(&s, t, err);
    if (!rc)
        n_pool = pool_key_heads(pool, r, t->data);
    for (int i = 0; i < n && i < room && i < n_pool && !rc; i++) {
        int key_head = 0;

        rc = add_key_head(&key_head, pool, n_pool, &s, t, err);
        heads_of(heads + n_heads, key_head, group);
        n_heads += group;
    }
    job.n = n_heads;
    rc = rc || !n_heads ? rc : regress(w, &job, STEPS, err);
    for (int i = 0; i < n_heads && !rc; i++)
        weights[heads[i]] = w[i];
    mem_free(job.p);
    mem_free(s.now);
    mem_free(s.with);
    mem_free(r);
    return rc;
}

const struct heads_way heads_logistic = {"logistic", "weighted by logistic regression",
                                         choose_logistic};
const struct heads_way heads_key_heads = {
    "key-heads", "all heads of the best key heads, weighted by logistic regression",
    choose_key_heads};
