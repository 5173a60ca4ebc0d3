/* recall.c -- how much of what is nearest a search of the dense leg finds: stored vectors as queries, against the exact answer.
 *
 * The vector itself is left out of both answers.  A passage counts as found if its score reaches the k-th exact one, but for
 * rounding, so that equal scores are not held against the search.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "indexer/segment.h"
#include "indexer/vectors.h"

enum { DEPTH = 100, ASKED = DEPTH + 1 };
#define ROUNDING 1e-5f /* sums of floats in another order */

/* One query and its two answers over the segments so far. */
struct sample {
    int segment;
    uint32_t passage;
    float *query;                     /* [dim] */
    float exact[DEPTH], found[DEPTH]; /* scores, falling */
    size_t n_exact, n_found;
    double exact_ms, ms;
};

struct measuring {
    struct index *ix;
    int dim, ef;
    struct sample *samples;
    size_t n;
    float *queries; /* [n, dim] */
    uint32_t passages[ASKED];
    float scores[ASKED];
};

static double now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return 1e3 * (double)t.tv_sec + 1e-6 * (double)t.tv_nsec;
}

/* Merges the answer of a segment into list [*n], which holds the best DEPTH. */
static void take(float *list, size_t *n, const struct measuring *m, size_t n_found,
                 uint32_t without)
{
    float both[DEPTH] = {0};
    size_t a = 0, b = 0, k = 0;

    while (k < DEPTH && (a < *n || b < n_found)) {
        if (b < n_found && m->passages[b] == without)
            b++;
        else if (b == n_found || (a < *n && list[a] >= m->scores[b]))
            both[k++] = list[a++];
        else
            both[k++] = m->scores[b++];
    }
    memcpy(list, both, k * sizeof *list);
    *n = k;
}

static int ask(struct measuring *m, struct sample *q, int segment, const float *rows,
               struct err *err)
{
    struct segment *s = index_segment(m->ix, segment);
    uint32_t own = segment == q->segment ? q->passage : UINT32_MAX;
    double begin = now_ms();
    size_t n = 0;
    int rc = segment_nearest(m->passages, m->scores, &n, s, q->query, ASKED, m->ef, NULL, err);

    if (rc)
        return rc;
    q->ms += now_ms() - begin;
    take(q->found, &q->n_found, m, n, own);
    begin = now_ms();
    rc = vectors_exact(m->passages, m->scores, &n, s, rows, q->query, ASKED, err);
    q->exact_ms += now_ms() - begin;
    if (!rc)
        take(q->exact, &q->n_exact, m, n, own);
    return rc;
}

/* Chooses the queries: living passages at even distances. */
static int choose(struct measuring *m, struct err *err)
{
    const uint64_t live = index_n_passages(m->ix);
    uint64_t at = 0;
    size_t k = 0;
    int rc = 0;

    for (int i = 0; !rc && i < index_n_segments(m->ix); i++) {
        struct segment *s = index_segment(m->ix, i);

        for (uint32_t p = 0; !rc && p < segment_size(s) && k < m->n; p++) {
            if (segment_is_dead(s, p) || at++ != (2 * k + 1) * live / (2 * m->n))
                continue;
            m->samples[k] = (struct sample){
                .segment = i, .passage = p, .query = m->queries + k * (size_t)m->dim};
            rc = segment_vector(m->samples[k++].query, s, p, err);
        }
    }
    m->n = k;
    return rc;
}

static int measure(struct measuring *m, struct err *err)
{
    int rc = choose(m, err);

    for (int i = 0; !rc && i < index_n_segments(m->ix); i++) {
        struct segment *s = index_segment(m->ix, i);
        float *rows = NULL;

        rc = vectors_need(s, err); /* so that loading is not counted */
        if (!rc && vectors_kind(s) != ROWS_CODES)
            rc = vectors_load(&rows, s, err);
        for (size_t k = 0; !rc && k < m->n; k++)
            rc = ask(m, &m->samples[k], i, rows, err);
        mem_free(rows);
    }
    return rc;
}

static double recall_at(const struct measuring *m, size_t depth)
{
    uint64_t hits = 0, wanted = 0;

    for (size_t i = 0; i < m->n; i++) {
        const struct sample *q = &m->samples[i];
        size_t k = q->n_exact < depth ? q->n_exact : depth;

        wanted += k;
        for (size_t j = 0; j < q->n_found && j < k; j++)
            hits += q->found[j] >= q->exact[k - 1] - ROUNDING * fabsf(q->exact[k - 1]);
    }
    return wanted ? (double)hits / (double)wanted : 1;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static int summarise(struct index_recall *out, const struct measuring *m, struct err *err)
{
    double *ms = mem_alloc(2 * m->n + 2, sizeof *ms);

    if (!ms)
        return err_nomem(err);
    for (size_t i = 0; i < m->n; i++) {
        ms[i] = m->samples[i].ms;
        ms[m->n + i] = m->samples[i].exact_ms;
    }
    qsort(ms, m->n, sizeof *ms, by_value);
    qsort(ms + m->n, m->n, sizeof *ms, by_value);
    *out = (struct index_recall){.n_queries = (int)m->n,
                                 .at_10 = recall_at(m, 10),
                                 .at_100 = recall_at(m, DEPTH),
                                 .p50_ms = m->n ? ms[m->n / 2] : 0,
                                 .exact_p50_ms = m->n ? ms[m->n + m->n / 2] : 0};
    for (int i = 0; i < index_n_segments(m->ix); i++)
        out->n_graphs += index_segment(m->ix, i)->row.bytes[PART_GRAPH] > 0;
    mem_free(ms);
    return 0;
}

int index_recall(struct index_recall *out, struct index *ix, int n_queries, int ef, struct err *err)
{
    struct measuring m = {.ix = ix, .dim = index_vector_dim(ix), .ef = ef};
    uint64_t live = index_n_passages(ix);
    int rc = 0;

    if (m.dim <= 0)
        return err_set(err, E_INVALID, "%s has no dense leg: there is nothing to measure",
                       index_path(ix));
    if (n_queries < 1 || ef < 0)
        return err_set(err, E_INVALID, "recall: %d queries and ef %d cannot be", n_queries, ef);
    m.n = (uint64_t)n_queries < live ? (size_t)n_queries : (size_t)live;
    m.samples = mem_zalloc(m.n, sizeof *m.samples);
    m.queries = mem_alloc(m.n, (size_t)m.dim * sizeof *m.queries);
    if (!m.samples || !m.queries)
        rc = err_nomem(err);
    rc = rc ? rc : measure(&m, err);
    rc = rc ? rc : summarise(out, &m, err);
    mem_free(m.samples);
    mem_free(m.queries);
    return rc;
}
