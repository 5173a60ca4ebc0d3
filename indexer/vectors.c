/* vectors.c -- the dense leg of a segment: which way it is searched.
 *
 * Up to VECTORS_EXACT passages all rows are compared with the query (codes.c); that is exact and takes a millisecond.
 * Above, a graph is walked (graph.h), and the nodes met are compared again with all bits that are kept, so
 * scores are exact, and only which passages are found is not.  Explicit factory strings go to FAISS (factory.c).
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include "indexer/vectors.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "indexer/factory.h"
#include "indexer/graph.h"

enum {
    DIM_LEAST = 4, /* of "auto": the size of the part could not tell kinds of shorter rows apart */
    DIM_MOST = 65536,
    WALK_COST = 5000, /* rows that can be scanned while a graph is walked; measured */
    FLUSH = 60 << 10,
};

struct vectors {
    struct codes *codes; /* NULL: FAISS has the rows */
    struct graph *graph; /* NULL: all rows are compared */
    struct walker *walker;
    struct factory_index *factory;
};

/* ---- the setting ---- */

int vectors_is_auto(const char *setting)
{
    return !strncmp(setting, "auto", 4) && (!setting[4] || setting[4] == ':');
}

/* The N of "auto:N"; -1 if it is none. */
static long exact_limit(const char *setting)
{
    char *end;
    long n;

    if (!setting[4])
        return VECTORS_EXACT;
    if (setting[5] < '0' || setting[5] > '9')
        return -1;
    n = strtol(setting + 5, &end, 10);
    return *end || n > GRAPH_NODES ? -1 : n;
}

int vectors_check(const char *setting, int dim, struct err *err)
{
    if (!vectors_is_auto(setting))
        return factory_check(setting, dim, err);
    if (exact_limit(setting) < 0)
        return err_set(err, E_INVALID,
                       "vectors '%.60s': after 'auto:' comes the number of passages up to which a "
                       "segment is searched exactly, as in auto:%d",
                       setting, VECTORS_EXACT);
    if (dim < DIM_LEAST || dim > DIM_MOST)
        return err_set(err, E_INVALID, "vectors 'auto' are of %d to %d numbers, not %d", DIM_LEAST,
                       DIM_MOST, dim);
    return 0;
}

size_t vectors_graph_from(const char *setting)
{
    return vectors_is_auto(setting) ? (size_t)exact_limit(setting) + 1
                                    : factory_graph_from(setting);
}

/* ---- writing ---- */

/* Empties a buffer into a part. */
static void flush(struct part_writer *part, struct buf *b)
{
    if (buf_error(b) && !part->code)
        part->code = err_nomem(part->err);
    part_put(part, b->data, b->len);
    buf_reset(b);
}

static int write_graph(struct vectors_writer *w, uint64_t *bytes)
{
    struct buf b = {.max = SIZE_MAX / 4};
    struct graph *g = NULL;
    struct part_writer part;
    int rc = graph_build(&g, w->codes, w->pool, w->progress, w->payload, w->err);

    if (rc)
        return rc;
    part_begin(&part, w->store, w->segment, PART_GRAPH, w->err);
    graph_put_head(&b, g);
    for (uint32_t i = 0; i < g->n && !part.code; i++) {
        graph_put_node(&b, g, i);
        if (b.len > FLUSH)
            flush(&part, &b);
    }
    flush(&part, &b);
    *bytes = part.size;
    rc = part_finish(&part);
    buf_clear(&b);
    graph_free(g);
    return rc;
}

int vectors_end(struct vectors_writer *w, struct segment_row *row, int failed)
{
    uint64_t *bytes = &row->bytes[PART_GRAPH];
    int rc;

    if (failed && !w->rows.code)
        w->rows.code = failed;
    row->bytes[PART_VECTORS] = w->rows.size;
    rc = part_finish(&w->rows);
    if (!rc && w->codes)
        rc = write_graph(w, bytes);
    else if (!rc && w->all)
        rc = factory_write(bytes, w->store, w->segment, w->setting, w->all, w->n, w->dim, w->err);
    codes_free(w->codes);
    mem_free(w->all);
    mem_free(w->numbers);
    w->codes = NULL;
    w->all = NULL;
    w->numbers = NULL;
    return rc;
}

/* ---- reading ---- */

void vectors_close(struct vectors *v)
{
    if (!v)
        return;
    codes_free(v->codes);
    graph_free(v->graph);
    walker_free(v->walker);
    factory_close(v->factory);
    mem_free(v);
}

static int load_graph(struct vectors *v, struct segment *s, struct err *err)
{
    struct part_reader *r = &s->parts[PART_GRAPH];
    unsigned char *p = NULL;
    const char *wrong;
    int rc = part_load(&p, r, 0, err);

    if (rc)
        return rc;
    rc = graph_read(&v->graph, &wrong, v->codes, p, (size_t)r->size);
    if (rc)
        rc = wrong ? part_damaged(r, err, "%s", wrong) : err_nomem(err);
    mem_free(p);
    return rc ? rc : walker_new(&v->walker, s->size, err);
}

int vectors_need(struct segment *s, struct err *err)
{
    struct vectors *v;
    int rc;

    if (s->vectors)
        return 0;
    if (!s->dim)
        return err_set(err, E_INVALID, "the index has no dense leg");
    v = mem_zalloc(1, sizeof *v);
    if (!v)
        return err_nomem(err);
    if (vectors_kind(s) == ROWS_CODES) {
        rc = vectors_load_codes(&v->codes, s, err);
        if (!rc && s->row.bytes[PART_GRAPH])
            rc = load_graph(v, s, err);
    } else {
        rc = factory_open(&v->factory, s, err);
    }
    if (rc)
        vectors_close(v);
    else
        s->vectors = v;
    return rc;
}

/* ---- searching ---- */

static int is_wanted(const struct segment *s, const uint64_t *excluded, uint32_t p)
{
    return !segment_is_dead(s, p) && !(excluded && excluded[p >> 6] >> (p & 63) & 1);
}

static size_t count_wanted(const struct segment *s, const uint64_t *excluded)
{
    const uint64_t *dead = segment_dead(s);
    size_t n = s->size - s->n_dead;

    if (!excluded)
        return n;
    for (size_t w = 0; w < segment_dead_words(s->size); w++) {
        uint64_t out = excluded[w] & ~(dead ? dead[w] : 0);

        if (w == s->size / 64) /* what comes after the last passage */
            out &= ((uint64_t)1 << (s->size & 63)) - 1;
        n -= (size_t)__builtin_popcountll(out);
    }
    return n;
}

static int by_score(const void *a, const void *b)
{
    const struct near *x = a, *y = b;

    return near_is_before(*y, *x) - near_is_before(*x, *y);
}

/* Walks the graph and keeps the k best that are wanted.  *n < k: it met too few. */
static int walk(struct near *out, size_t *n, struct segment *s, const struct probe *p, size_t k,
                size_t ef, const uint64_t *excluded, struct err *err)
{
    struct vectors *v = s->vectors;
    struct goal goal = {.bytes = p->bytes, .bias = p->bias, .scale = p->scale};
    struct near *near;
    size_t found = 0;
    int rc = graph_walk(v->walker, v->graph, v->codes, &goal, v->graph->n_starts, ef, err);

    if (rc)
        return rc;
    near = mem_alloc(v->walker->n, sizeof *near);
    if (!near)
        return err_nomem(err);
    for (size_t i = 0; i < v->walker->n; i++) {
        uint32_t row = v->walker->spots[i].node;

        if (is_wanted(s, excluded, row))
            near[found++] = (struct near){codes_exact(v->codes, p, row), row};
    }
    qsort(near, found, sizeof *near, by_score);
    *n = found < k ? found : k;
    memcpy(out, near, *n * sizeof *out);
    mem_free(near);
    return 0;
}

/* Candidates to keep on a walk, so that enough of them are wanted; 0: scanning is as fast. */
static size_t candidates(const struct segment *s, size_t k, size_t ef, size_t live)
{
    const double n = (double)s->size, share = (double)live / n;
    double want = (double)(ef > k + k / 4 ? ef : k + k / 4);

    if (!s->vectors->graph || (double)live * share < WALK_COST * want / GRAPH_EF)
        return 0;
    want /= share;
    return want < n ? (size_t)want : 0;
}

static int nearest(struct near *out, size_t *n, struct segment *s, const float *query, size_t k,
                   size_t ef, size_t live, const uint64_t *excluded, struct err *err)
{
    const struct codes *c = s->vectors->codes;
    struct probe p;
    int rc = codes_probe(&p, c, query, err);

    if (rc)
        return rc;
    ef = candidates(s, k, ef ? ef : GRAPH_EF, live);
    if (ef)
        rc = walk(out, n, s, &p, k, ef, excluded, err);
    if (!rc && *n < k)
        *n = codes_scan(out, c, &p, k, segment_dead(s), excluded);
    probe_clear(&p);
    return rc;
}

/* As codes_scan, over plain rows. */
static size_t scan_rows(struct near *all, const struct segment *s, const float *rows,
                        const float *query, size_t k)
{
    size_t n = 0;

    for (uint32_t i = 0; i < s->size; i++) {
        const float *row = rows + (size_t)i * (size_t)s->dim;
        double sum = 0;

        if (segment_is_dead(s, i))
            continue;
        for (int d = 0; d < s->dim; d++)
            sum += (double)row[d] * (double)query[d];
        all[n++] = (struct near){(float)sum, i};
    }
    qsort(all, n, sizeof *all, by_score);
    return n < k ? n : k;
}

int vectors_exact(uint32_t *passages, float *scores, size_t *n, struct segment *s,
                  const float *rows, const float *query, size_t k, struct err *err)
{
    struct near *near = mem_alloc(rows ? s->size : k, sizeof *near);
    struct probe p;
    int rc = near ? 0 : err_nomem(err);

    *n = 0;
    if (!rc && rows) {
        *n = scan_rows(near, s, rows, query, k);
    } else if (!rc) {
        rc = codes_probe(&p, s->vectors->codes, query, err);
        if (!rc) {
            *n = codes_scan(near, s->vectors->codes, &p, k, segment_dead(s), NULL);
            probe_clear(&p);
        }
    }
    for (size_t i = 0; i < *n; i++) {
        passages[i] = near[i].row;
        scores[i] = near[i].score;
    }
    mem_free(near);
    return rc;
}

int segment_nearest(uint32_t *passages, float *scores, size_t *n, struct segment *s,
                    const float *query, size_t k, int ef, const uint64_t *excluded, struct err *err)
{
    const size_t live = count_wanted(s, excluded);
    struct near *near;
    int rc = vectors_need(s, err);

    *n = 0;
    k = k < live ? k : live;
    if (rc || !k)
        return rc;
    near = mem_alloc(k, sizeof *near);
    if (!near)
        return err_nomem(err);
    if (s->vectors->factory)
        rc = factory_nearest(near, n, s, s->vectors->factory, query, k, ef, live, excluded, err);
    else
        rc = nearest(near, n, s, query, k, ef > 0 ? (size_t)ef : 0, live, excluded, err);
    for (size_t i = 0; !rc && i < *n; i++) {
        passages[i] = near[i].row;
        scores[i] = near[i].score;
    }
    mem_free(near);
    return rc;
}
