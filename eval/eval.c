/* eval.c -- meets rankings with judgements and averages what the measures say.
 *
 * Queries are taken in the order of their ids (strcmp), as trec_eval takes them, so that sums of
 * doubles come out the same.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include "eval/eval.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "eval/measures.h"

static const double GEOMETRIC_FLOOR = 0.00001; /* trec_eval's MIN_GEO_MEAN */

size_t view_depth(const struct measure *m, const struct view *v)
{
    return m->cutoff && (size_t)m->cutoff < v->n_ret ? (size_t)m->cutoff : v->n_ret;
}

size_t view_rel_ret(const struct view *v, int rel, size_t depth)
{
    size_t n = 0;

    for (size_t i = 0; i < depth; i++)
        n += v->ranking[i] >= rel;
    return n;
}

size_t view_rel(const struct view *v, int rel)
{
    size_t n = 0;

    while (n < v->n_grades && v->grades[n] >= rel)
        n++;
    return n;
}

/* Scratch memory for the view of one query. */
struct scratch {
    int *ranking, *grades;
    size_t ranking_cap, grades_cap;
};

static int compare_descending(const void *a, const void *b)
{
    int x = *(const int *)a, y = *(const int *)b;

    return (x < y) - (x > y);
}

/* Fills the view of a query; r is NULL if the run lacks it. */
static int make_view(struct view *v, struct scratch *s, const struct topic *t,
                     const struct ranking *r, const struct eval_options *opt, struct err *err)
{
    size_t n = r ? r->n : 0;

    if (opt->max_docs && n > opt->max_docs)
        n = opt->max_docs;
    if (mem_reserve((void **)&s->ranking, &s->ranking_cap, n + 1, sizeof *s->ranking) ||
        mem_reserve((void **)&s->grades, &s->grades_cap, t->n + 1, sizeof *s->grades))
        return err_nomem(err);
    *v = (struct view){.ranking = s->ranking, .grades = s->grades, .n_grades = t->n};
    for (size_t i = 0; i < t->n; i++)
        s->grades[i] = t->judged[i].grade;
    qsort(s->grades, t->n, sizeof *s->grades, compare_descending);
    for (size_t i = 0; i < n; i++) {
        int grade = NO_GRADE;

        if (i && run_line_compare(&r->lines[i - 1], &r->lines[i]) > 0)
            return err_set(err, E_INVALID, "query '%s': the ranking is not sorted (run_sort)",
                           r->qid);
        topic_grade(&grade, t, r->lines[i].docno);
        if (grade >= 0 || !opt->judged_only)
            s->ranking[v->n_ret++] = grade;
    }
    return 0;
}

static int compare_topics(const void *a, const void *b)
{
    return strcmp((*(const struct topic *const *)a)->qid, (*(const struct topic *const *)b)->qid);
}

/* The topics to score, sorted: all, or those that the run has.  *out [*n] is the caller's. */
static int choose_topics(const struct topic ***out, struct eval_result *res, const struct run *run,
                         const struct qrels *qrels, int complete, struct err *err)
{
    const struct topic **chosen = mem_alloc(qrels->n + 1, sizeof *chosen);
    size_t n = 0, n_both = 0;

    if (!chosen)
        return err_nomem(err);
    for (size_t i = 0; i < qrels->n; i++) {
        int found = run_find(run, qrels->topics[i].qid) != NULL;

        n_both += (size_t)found;
        if (found || complete)
            chosen[n++] = &qrels->topics[i];
    }
    if (!n_both) {
        mem_free(chosen);
        return err_set(
            err, E_INVALID,
            "no query of the run is judged: the run has %zu queries%s%s, the judgements %zu%s%s",
            run->n, run->n ? ", e.g. " : "", run->n ? run->rankings[0].qid : "", qrels->n,
            qrels->n ? ", e.g. " : "", qrels->n ? qrels->topics[0].qid : "");
    }
    qsort(chosen, n, sizeof *chosen, compare_topics);
    res->n_queries = n;
    res->n_missing = qrels->n - n_both;
    res->n_unjudged = run->n - n_both;
    *out = chosen;
    return 0;
}

static double average(const double *values, size_t n, size_t stride, enum average how)
{
    double sum = 0;

    for (size_t i = 0; i < n; i++) {
        double x = values[i * stride];

        sum += how == AVERAGE_GEOMETRIC ? log(x > GEOMETRIC_FLOOR ? x : GEOMETRIC_FLOOR) : x;
    }
    if (how == AVERAGE_SUM)
        return sum;
    return how == AVERAGE_GEOMETRIC ? exp(sum / (double)n) : sum / (double)n;
}

/* Scores the chosen topics into res, whose arrays are there. */
static int score_topics(struct eval_result *res, const struct topic *const *topics,
                        const struct run *run, const struct measure *measures,
                        const struct eval_options *opt, struct err *err)
{
    struct scratch s = {0};
    size_t n = res->n_measures;
    struct view v;
    int rc = 0;

    for (size_t q = 0; q < res->n_queries && !rc; q++) {
        rc = make_view(&v, &s, topics[q], run_find(run, topics[q]->qid), opt, err);
        for (size_t i = 0; i < n && !rc; i++) {
            struct measure m = measures[i];

            if (opt->level && !m.has_rel)
                m.rel = opt->level;
            res->values[q * n + i] = m.kind->score(&m, &v);
        }
        res->qids[q] = topics[q]->qid;
    }
    for (size_t i = 0; i < n && !rc; i++)
        res->mean[i] = average(res->values + i, res->n_queries, n, measures[i].kind->average);
    mem_free(s.ranking);
    mem_free(s.grades);
    return rc;
}

int eval_run_with(struct eval_result *out, const struct run *run, const struct qrels *qrels,
                  const struct measure *measures, size_t n_measures, const struct eval_options *opt,
                  struct err *err)
{
    static const struct eval_options defaults;
    struct eval_result res = {.n_measures = n_measures};
    const struct topic **topics = NULL;
    int rc;

    if (!opt)
        opt = &defaults;
    if (opt->level < 0)
        return err_set(err, E_INVALID, "relevance level %d is negative", opt->level);
    rc = choose_topics(&topics, &res, run, qrels, opt->complete, err);
    if (rc)
        return rc;
    res.qids = mem_alloc(res.n_queries, sizeof *res.qids);
    res.values = mem_alloc(res.n_queries, n_measures * sizeof *res.values);
    res.mean = mem_alloc(n_measures, sizeof *res.mean);
    if (!res.qids || !res.values || !res.mean)
        rc = err_nomem(err);
    else
        rc = score_topics(&res, topics, run, measures, opt, err);
    if (!rc) {
        *out = res;
        memset(&res, 0, sizeof res);
    }
    eval_result_clear(&res);
    mem_free(topics);
    return rc;
}

int eval_run(struct eval_result *out, const struct run *run, const struct qrels *qrels,
             const struct measure *measures, size_t n_measures, int complete, struct err *err)
{
    struct eval_options opt = {.complete = complete};

    return eval_run_with(out, run, qrels, measures, n_measures, &opt, err);
}

/* Cuts r down to the queries that `other` has. */
static void keep_common(struct eval_result *r, const struct eval_result *other)
{
    const size_t n = r->n_queries;
    size_t kept = 0;

    for (size_t q = 0, o = 0; q < n && o < other->n_queries;) {
        const int order = strcmp(r->qids[q], other->qids[o]);

        if (order == 0) {
            r->qids[kept] = r->qids[q];
            memmove(r->values + kept * r->n_measures, r->values + q * r->n_measures,
                    r->n_measures * sizeof *r->values);
            kept++;
        }
        q += order <= 0;
        o += order >= 0;
    }
    r->n_queries = kept;
    r->n_missing += n - kept;
}

int eval_pair(struct eval_result *results, size_t n, const struct measure *measures,
              struct err *err)
{
    for (size_t i = 1; i < n; i++)
        keep_common(&results[0], &results[i]);
    for (size_t i = 1; i < n; i++)
        keep_common(&results[i], &results[0]);
    if (n && !results[0].n_queries)
        return err_set(err, E_INVALID, "no judged query is in all runs");
    for (size_t i = 0; i < n; i++)
        for (size_t m = 0; m < results[i].n_measures; m++)
            results[i].mean[m] = average(results[i].values + m, results[i].n_queries,
                                         results[i].n_measures, measures[m].kind->average);
    return 0;
}

void eval_result_clear(struct eval_result *r)
{
    if (!r)
        return;
    mem_free(r->qids);
    mem_free(r->values);
    mem_free(r->mean);
    memset(r, 0, sizeof *r);
}
