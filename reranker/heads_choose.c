/* heads_choose.c -- tries ways, kinds of scores and numbers of heads against each other, on queries that a choice did not see. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "reranker/heads.h"
#include "reranker/statistics.h"

static const int sizes[] = {1, 2, 4, 8, 16};
static const double fusions[] = {0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1, 1.5, 2};

enum {
    N_SIZES = sizeof sizes / sizeof *sizes,
    N_FUSIONS = sizeof fusions / sizeof *fusions,
};

void heads_kind_name(struct buf *out, int kind)
{
    buf_printf(out, "%s%s", statistics[kind / 2]->name, kind % 2 ? ", calibrated" : "");
}

void heads_choice_clear(struct heads_choice *c)
{
    mem_free(c->results);
    memset(c, 0, sizeof *c);
}

/* ---- measuring ---- */

/* Counts a candidate's place among the others instead of sorting: a query has few relevant ones. */
double heads_ndcg(const struct heads_scores *q, const float *scores)
{
    double sum = 0;

    for (size_t i = 0; i < q->n; i++) {
        size_t place = 0;

        if (q->grades[i] <= 0)
            continue;
        for (size_t k = 0; k < q->n; k++)
            place += scores[k] > scores[i] || (k < i && scores[k] == scores[i]);
        if (place < 10)
            sum += q->grades[i] / log2((double)place + 2);
    }
    return q->ideal > 0 ? sum / q->ideal : 0;
}

/* x [n] becomes mean 0, deviation 1; what is not finite, far below. */
static void standardise(double *x, size_t n)
{
    double sum = 0, squares = 0, mean, deviation;
    size_t k = 0;

    for (size_t i = 0; i < n; i++)
        if (isfinite(x[i])) {
            sum += x[i];
            k++;
        }
    mean = k ? sum / (double)k : 0;
    for (size_t i = 0; i < n; i++)
        if (isfinite(x[i]))
            squares += (x[i] - mean) * (x[i] - mean);
    deviation = k ? sqrt(squares / (double)k) : 0;
    for (size_t i = 0; i < n; i++)
        x[i] = !isfinite(x[i])                  ? -10
               : deviation > 1e-12 * fabs(mean) ? (x[i] - mean) / deviation
                                                : 0;
}

/* nDCG of a query with each weight of the first stage: out [N_FUSIONS]. */
static void measure(double *out, const struct heads_scores *q, const float *scores,
                    const double *weights, int n_heads, double *room, float *sum)
{
    double *read = room, *first = room + q->n;

    for (size_t k = 0; k < q->n; k++) {
        read[k] = 0;
        first[k] = (double)q->first[k];
    }
    for (int h = 0; h < n_heads; h++)
        for (size_t k = 0; weights[h] != 0 && k < q->n; k++)
            read[k] += weights[h] * (double)scores[(size_t)h * q->n + k];
    standardise(read, q->n);
    standardise(first, q->n);
    for (int f = 0; f < N_FUSIONS; f++) {
        for (size_t k = 0; k < q->n; k++)
            sum[k] = (float)(read[k] + fusions[f] * first[k]);
        out[f] += heads_ndcg(q, sum);
    }
}

/* ---- one kind of score ---- */

/* What one thread needs. */
struct trial {
    const struct heads_data *d;
    int kind;
    float **scores;   /* [n][n_heads, candidates] standardised */
    size_t *training; /* [n] */
    double *weights;  /* [n_heads] */
    double *room;     /* [2 * most candidates] */
    float *sums;      /* [most candidates] */
};

static void trial_close(struct trial *t)
{
    for (size_t i = 0; t->scores && i < t->d->n; i++)
        mem_free(t->scores[i]);
    mem_free(t->scores);
    mem_free(t->training);
    mem_free(t->weights);
    mem_free(t->room);
    mem_free(t->sums);
}

static int trial_open(struct trial *t, const struct heads_data *d, int kind, struct err *err)
{
    size_t most = 1;

    for (size_t i = 0; i < d->n; i++)
        most = d->queries[i].n > most ? d->queries[i].n : most;
    *t = (struct trial){.d = d, .kind = kind};
    t->scores = mem_zalloc(d->n, sizeof *t->scores);
    t->training = mem_alloc(d->n, sizeof *t->training);
    t->weights = mem_alloc((size_t)d->n_heads, sizeof *t->weights);
    t->room = mem_alloc(2 * most, sizeof *t->room);
    t->sums = mem_alloc(most, sizeof *t->sums);
    if (!t->scores || !t->training || !t->weights || !t->room || !t->sums)
        return err_nomem(err);
    for (size_t i = 0; i < d->n; i++) {
        const struct heads_scores *q = &d->queries[i];
        const size_t each = (size_t)d->n_heads * q->n;

        t->scores[i] = mem_alloc(each, sizeof **t->scores);
        if (!t->scores[i])
            return err_nomem(err);
        for (size_t h = 0; h < (size_t)d->n_heads; h++) {
            for (size_t k = 0; k < q->n; k++)
                t->room[k] = (double)q->scores[(size_t)kind * each + h * q->n + k];
            standardise(t->room, q->n);
            for (size_t k = 0; k < q->n; k++)
                t->scores[i][h * q->n + k] = (float)t->room[k];
        }
    }
    return 0;
}

/* Chooses on all queries but a fold's (-1 = on all); way NULL = all heads alike. */
static int choose(struct trial *t, const struct heads_way *way, int n, int fold, struct err *err)
{
    struct heads_training training = {t->d, t->scores, t->training, 0};

    for (int h = 0; h < t->d->n_heads; h++)
        t->weights[h] = way ? 0 : 1;
    if (!way)
        return 0;
    for (size_t i = 0; i < t->d->n; i++)
        if ((int)(i % HEADS_FOLDS) != fold)
            t->training[training.n++] = i;
    return way->choose(t->weights, &training, n, err);
}

/* The fusion that is best over some sums. */
static int best_fusion(const double *sums)
{
    int best = 0;

    for (int f = 1; f < N_FUSIONS; f++)
        best = sums[f] > sums[best] ? f : best;
    return best;
}

/* Of the choice at hand. */
static void count_heads(struct heads_result *out, const struct trial *t)
{
    int last = -1;

    for (int h = 0; h < t->d->n_heads; h++)
        if (t->weights[h] != 0) {
            out->n_heads++;
            out->n_key_heads += h / t->d->group != last;
            last = h / t->d->group;
        }
}

/* Adds what queries of a fold come to with each fusion to `fold`, of the other folds to `others`. */
static void measure_fold(double *fold, double *others, const struct trial *t, int number)
{
    for (size_t i = 0; i < t->d->n; i++)
        measure((int)(i % HEADS_FOLDS) == number ? fold : others, &t->d->queries[i], t->scores[i],
                t->weights, t->d->n_heads, t->room, t->sums);
}

/* Chooses, or takes all heads alike (way NULL), and measures: each fold with what the others chose. */
static int try_way(struct heads_result *out, struct trial *t, const struct heads_way *way, int n,
                   struct err *err)
{
    double all[N_FUSIONS] = {0};
    int rc = 0;

    *out = (struct heads_result){.way = way, .kind = t->kind, .n = n};
    for (int fold = 0; fold < HEADS_FOLDS && !rc; fold++) {
        double in[N_FUSIONS] = {0}, outside[N_FUSIONS] = {0};

        rc = choose(t, way, n, fold, err);
        if (rc)
            break;
        measure_fold(outside, in, t, fold);
        out->alone += outside[0] / (double)t->d->n;
        out->fused += outside[best_fusion(in)] / (double)t->d->n;
        for (int f = 0; f < N_FUSIONS; f++)
            all[f] += outside[f];
    }
    out->first_stage = fusions[best_fusion(all)];
    rc = rc ? rc : choose(t, way, n, -1, err);
    count_heads(out, t);
    return rc;
}

/* ---- all of it ---- */

struct trying {
    const struct heads_data *d;
    struct heads_result *results; /* [n_kinds, each] */
    size_t each;
    struct err *errs; /* [n_kinds] */
};

static int try_kind(int kind, int worker, void *payload)
{
    const struct trying *job = payload;
    struct heads_result *to = job->results + (size_t)kind * job->each;
    struct err *err = &job->errs[kind];
    struct trial t;
    int rc = trial_open(&t, job->d, kind, err);

    (void)worker;
    rc = rc ? rc : try_way(to++, &t, NULL, job->d->n_heads, err);
    for (const struct heads_way *const *way = heads_ways; *way && !rc; way++)
        for (int i = 0; i < N_SIZES && !rc; i++)
            rc = try_way(to++, &t, *way, sizes[i], err);
    trial_close(&t);
    return rc;
}

/* Best fused first; fewer key heads before more. */
static int by_fused(const void *a, const void *b)
{
    const struct heads_result *x = a, *y = b;

    if (x->fused != y->fused)
        return x->fused > y->fused ? -1 : 1;
    return x->n_key_heads != y->n_key_heads ? x->n_key_heads - y->n_key_heads : x->kind - y->kind;
}

static double first_stage(const struct heads_data *d)
{
    double sum = 0;

    for (size_t i = 0; i < d->n; i++)
        sum += heads_ndcg(&d->queries[i], d->queries[i].first) / (double)d->n;
    return sum;
}

int heads_try(struct heads_choice *out, const struct heads_data *d, struct pool *pool,
              struct err *err)
{
    struct trying job = {.d = d, .each = 1};
    int rc = 0;

    *out = (struct heads_choice){0};
    if (d->n < 2 * (size_t)HEADS_FOLDS)
        return err_set(
            err, E_INVALID,
            "%zu queries with a relevant candidate: at least %d are needed to choose heads", d->n,
            2 * HEADS_FOLDS);
    for (const struct heads_way *const *way = heads_ways; *way; way++)
        job.each += N_SIZES;
    out->n = job.each * (size_t)d->n_kinds;
    out->results = job.results = mem_zalloc(out->n, sizeof *out->results);
    job.errs = mem_zalloc((size_t)d->n_kinds, sizeof *job.errs);
    rc = job.results && job.errs ? pool_run(pool, d->n_kinds, try_kind, &job) : err_nomem(err);
    for (int i = 0; i < d->n_kinds && rc && job.errs; i++)
        if (job.errs[i].code)
            rc = err_set(err, job.errs[i].code, "%s", job.errs[i].text);
    out->first = first_stage(d);
    mem_free(job.errs);
    if (rc)
        heads_choice_clear(out);
    else
        qsort(out->results, out->n, sizeof *out->results, by_fused);
    return rc;
}

/* All heads alike are more than a profile holds, and none are nothing to store. */
static int is_choice(const struct heads_result *r) { return r->way && r->n_heads; }

const struct heads_result *heads_best(const struct heads_choice *c)
{
    const struct heads_result *first = NULL, *best = NULL;

    for (const struct heads_result *r = c->results; r < c->results + c->n; r++) {
        if (!is_choice(r))
            continue;
        first = first ? first : r;
        if (r->fused < first->fused - HEADS_MARGIN)
            break;
        if (!best || r->n_key_heads < best->n_key_heads)
            best = r;
    }
    return best;
}

int heads_apply(struct profile *p, const struct heads_data *d, const struct heads_result *r,
                struct err *err)
{
    struct trial t;
    int rc = trial_open(&t, d, r->kind, err);

    if (!rc && (!r->n_heads || r->n_heads > PROFILE_MAX_HEADS))
        rc = err_set(err, E_INVALID, "%d heads; a profile has 1 to %d", r->n_heads,
                     PROFILE_MAX_HEADS);
    rc = rc ? rc : choose(&t, r->way, r->n, -1, err);
    p->n_heads = 0;
    for (int h = 0; h < d->n_heads && !rc && p->n_heads < PROFILE_MAX_HEADS; h++)
        if (t.weights[h] != 0)
            p->heads[p->n_heads++] =
                (struct profile_head){h / d->heads_per_layer, h % d->heads_per_layer, t.weights[h]};
    trial_close(&t);
    if (rc)
        return rc;
    mem_free(p->statistic);
    p->statistic = mem_strdup(statistics[r->kind / 2]->name);
    p->is_calibrated = r->kind % 2;
    p->first_stage = p->first_stage_fused = r->first_stage;
    return p->statistic ? 0 : err_nomem(err);
}
