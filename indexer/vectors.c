/* vectors.c -- vectors of passages, searched by FAISS: the only user of its C interface.
 *
 * Rows are always kept: as they came ("Flat", searched exactly), or in half precision beside what FAISS
 * built from them (HNSW, IVF, ...).  So merging never asks the encoder again, and since FAISS
 * is trained on the rows as they are kept, a merged segment is what a fresh one would be.
 *
 * FAISS runs in the calling thread alone: one OpenMP thread, so that results do not depend on the
 * machine and nothing is lost by fork().
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include "indexer/vectors.h"

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wstrict-prototypes"
#include <faiss/c_api/AutoTune_c.h>
#include <faiss/c_api/IndexFlat_c.h>
#include <faiss/c_api/Index_c.h>
#include <faiss/c_api/error_c.h>
#include <faiss/c_api/index_factory_c.h>
#include <faiss/c_api/index_io_c.h>
#pragma GCC diagnostic pop
#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "indexer/half.h"
#include "indexer/segment.h"

enum { GRAPH_FROM = 8192 };

struct vectors {
    FaissIndex *index; /* all rows of the segment, number by number */
};

/* FAISS's last words, without its source lines. */
static int faiss_failed(struct err *err, const char *doing)
{
    const char *text = faiss_get_last_error(), *cut;

    text = text ? text : "unknown reason";
    while ((cut = strstr(text, ".cpp:")) != NULL)
        text = cut + 5;
    while (*text && strchr("0123456789: ", *text))
        text++;
    if (strstr(text, "bad_alloc"))
        return err_nomem(err);
    return err_set(err, E_INVALID, "FAISS cannot %s: %.200s", doing, text);
}

/* OpenMP's number of threads belongs to the calling thread: given back as it was found. */
static int threads_one(void)
{
    int n = omp_get_max_threads();

    omp_set_num_threads(1);
    return n;
}

static int is_flat(const char *factory) { return !strcmp(factory, "Flat"); }

size_t vectors_graph_from(const char *factory)
{
    const char *ivf = strstr(factory, "IVF");
    unsigned long lists = ivf ? strtoul(ivf + 3, NULL, 10) : 0;

    if (is_flat(factory))
        return SIZE_MAX;
    return 40 * lists > GRAPH_FROM ? 40 * lists : GRAPH_FROM;
}

int vectors_check(const char *factory, int dim, struct err *err)
{
    FaissIndex *index = NULL;
    int rc = 0;

    if (faiss_index_factory(&index, dim, factory, METRIC_INNER_PRODUCT)) {
        rc = faiss_failed(err, "build the vectors");
        rc = rc == E_NOMEM ? rc : err_wrap(err, "vectors '%.60s' of %d numbers", factory, dim);
    }
    if (index)
        faiss_Index_free(index);
    return rc;
}

/* ---- writing ---- */

int vectors_begin(struct vectors_writer *w, struct store *st, int64_t segment, const char *factory,
                  int dim, size_t n, struct err *err)
{
    memset(w, 0, sizeof *w);
    w->store = st;
    w->segment = segment;
    w->factory = factory;
    w->dim = dim;
    w->is_half = !is_flat(factory);
    w->n = n;
    w->err = err;
    if (n >= vectors_graph_from(factory)) {
        w->all = mem_alloc(n, (size_t)dim * sizeof *w->all);
        if (!w->all)
            return err_nomem(err);
    }
    part_begin(&w->rows, st, segment, PART_VECTORS, err);
    return 0;
}

static void put_halves(struct vectors_writer *w, const float *row)
{
    for (int i = 0; i < w->dim; i++) {
        uint16_t h = half_from_float(row[i]);
        unsigned char bytes[2] = {(unsigned char)h, (unsigned char)(h >> 8)};

        part_put(&w->rows, bytes, sizeof bytes);
        if (w->all)
            w->all[w->added * (size_t)w->dim + (size_t)i] = half_to_float(h);
    }
}

static int is_finite(const float *row, int dim, float most)
{
    for (int i = 0; i < dim; i++)
        if (!(fabsf(row[i]) <= most))
            return 0;
    return 1;
}

void vectors_put(struct vectors_writer *w, const float *rows, size_t k)
{
    for (size_t r = 0; r < k && !w->rows.code; r++, w->added++) {
        const float *row = rows + r * (size_t)w->dim;

        if (!is_finite(row, w->dim, w->is_half ? 65504.0f : 3e38f))
            w->rows.code = err_set(w->err, E_LIMIT, "the encoder gave a vector with a number that is too large");
        else if (w->is_half)
            put_halves(w, row);
        else
            part_put(&w->rows, row, (size_t)w->dim * sizeof *row);
    }
}

static ssize_t write_part(void *cookie, const char *p, size_t n)
{
    struct part_writer *w = cookie;

    part_put(w, p, n);
    return w->code ? 0 : (ssize_t)n;
}

/* Trains on all rows and adds them, in this thread. */
static int train(FaissIndex **out, const struct vectors_writer *w)
{
    int n_threads = threads_one(), rc;
    FaissIndex *index = NULL;

    rc = faiss_index_factory(&index, w->dim, w->factory, METRIC_INNER_PRODUCT);
    if (!rc && !faiss_Index_is_trained(index))
        rc = faiss_Index_train(index, (idx_t)w->n, w->all);
    if (!rc)
        rc = faiss_Index_add(index, (idx_t)w->n, w->all);
    omp_set_num_threads(n_threads);
    if (rc) {
        rc = faiss_failed(w->err, "build the vectors");
        if (index)
            faiss_Index_free(index);
        return rc;
    }
    *out = index;
    return 0;
}

static int write_graph(struct vectors_writer *w, uint64_t *bytes)
{
    cookie_io_functions_t io = {.write = write_part};
    struct part_writer part;
    FaissIndex *index = NULL;
    FILE *f = NULL;
    int rc = train(&index, w), rc_part;

    if (rc)
        return rc;
    part_begin(&part, w->store, w->segment, PART_GRAPH, w->err);
    f = fopencookie(&part, "wb", io);
    if (!f)
        rc = err_nomem(w->err);
    else if (faiss_write_index(index, f) && !part.code)
        rc = faiss_failed(w->err, "write the vectors");
    if (f && fclose(f) && !rc && !part.code)
        rc = err_set(w->err, E_IO, "writing the vectors failed");
    if (rc && !part.code)
        part.code = rc;
    *bytes = part.size;
    rc_part = part_finish(&part);
    faiss_Index_free(index);
    return rc ? rc : rc_part;
}

int vectors_end(struct vectors_writer *w, struct segment_row *row, int failed)
{
    int rc;

    if (failed)
        w->rows.code = failed;
    row->bytes[PART_VECTORS] = w->rows.size;
    rc = part_finish(&w->rows);
    if (!rc && w->all)
        rc = write_graph(w, &row->bytes[PART_GRAPH]);
    mem_free(w->all);
    w->all = NULL;
    return rc;
}

/* ---- reading ---- */

void vectors_close(struct vectors *v)
{
    if (!v)
        return;
    if (v->index)
        faiss_Index_free(v->index);
    mem_free(v);
}

/* Bytes of a number of a row: 4 or 2; 0 if the part has the wrong size. */
static size_t number_bytes(const struct segment *s)
{
    uint64_t n = (uint64_t)s->size * (uint64_t)s->dim, bytes = s->row.bytes[PART_VECTORS];

    return bytes == 4 * n ? 4 : bytes == 2 * n ? 2 : 0;
}

static int take_row(float *out, const unsigned char *p, size_t width, int dim)
{
    if (width == 4)
        memcpy(out, p, (size_t)dim * sizeof *out);
    else
        for (int i = 0; i < dim; i++)
            out[i] = half_to_float((uint16_t)(p[2 * i] | p[2 * i + 1] << 8));
    return is_finite(out, dim, 3.4e38f);
}

/* All rows in one exact index. */
static int load_rows(FaissIndex **out, struct segment *s, struct err *err)
{
    struct part_reader *r = &s->parts[PART_VECTORS];
    size_t width = number_bytes(s), row = width * (size_t)s->dim;
    FaissIndexFlatIP *index = NULL;
    unsigned char *p = NULL;
    float *rows = NULL;
    int rc;

    if (!width)
        return part_damaged(r, err, "%llu bytes for %u vectors of %d", (unsigned long long)r->size,
                            s->size, s->dim);
    rc = part_load(&p, r, 0, err);
    if (rc)
        return rc;
    rows = mem_alloc(s->size, (size_t)s->dim * sizeof *rows);
    if (!rows)
        rc = err_nomem(err);
    for (uint32_t i = 0; !rc && i < s->size; i++)
        if (!take_row(rows + (size_t)i * (size_t)s->dim, p + i * row, width, s->dim))
            rc = part_damaged(r, err, "vector %u holds what is no number", i);
    mem_free(p);
    if (!rc && (faiss_IndexFlatIP_new_with(&index, s->dim) ||
                faiss_Index_add(index, (idx_t)s->size, rows)))
        rc = faiss_failed(err, "load the vectors");
    mem_free(rows);
    if (rc && index)
        faiss_Index_free(index);
    else if (!rc)
        *out = index;
    return rc;
}

/* A part as a stream. */
struct stream {
    struct part_reader *part;
    uint64_t at;
    struct err *err;
};

static ssize_t read_part(void *cookie, char *out, size_t n)
{
    struct stream *s = cookie;
    uint64_t left = s->part->size - s->at;

    if (n > left)
        n = (size_t)left;
    if (n && part_read(out, s->part, s->at, n, s->err))
        return -1;
    s->at += n;
    return (ssize_t)n;
}

/* Settings of a search that trade time for recall; what an index does not know is passed over. */
static void tune(FaissIndex *index)
{
    FaissParameterSpace *space = NULL;

    if (faiss_ParameterSpace_new(&space))
        return;
    (void)faiss_ParameterSpace_set_index_parameter(space, index, "efSearch", 128);
    (void)faiss_ParameterSpace_set_index_parameter(space, index, "nprobe", 32);
    faiss_ParameterSpace_free(space);
}

static int load_graph(FaissIndex **out, struct segment *s, struct err *err)
{
    cookie_io_functions_t io = {.read = read_part};
    struct part_reader *r = &s->parts[PART_GRAPH];
    struct stream stream = {r, 0, err};
    FILE *f = fopencookie(&stream, "rb", io);
    FaissIndex *index = NULL;
    int rc = 0;

    if (!f)
        return err_nomem(err);
    if (faiss_read_index(f, 0, &index))
        rc = part_damaged(r, err, "FAISS cannot read it");
    else if (faiss_Index_d(index) != s->dim || faiss_Index_ntotal(index) != s->size ||
             faiss_Index_metric_type(index) != METRIC_INNER_PRODUCT)
        rc = part_damaged(r, err, "it is of %lld vectors of %d", (long long)faiss_Index_ntotal(index),
                          faiss_Index_d(index));
    fclose(f);
    part_close(r);
    if (rc) {
        if (index)
            faiss_Index_free(index);
        return rc;
    }
    tune(index);
    *out = index;
    return 0;
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
    rc = s->row.bytes[PART_GRAPH] ? load_graph(&v->index, s, err) : load_rows(&v->index, s, err);
    if (rc)
        vectors_close(v);
    else
        s->vectors = v;
    return rc;
}

int segment_vector(float *out, struct segment *s, uint32_t passage, struct err *err)
{
    struct part_reader *r = &s->parts[PART_VECTORS];
    size_t width = s->dim ? number_bytes(s) : 0, row = width * (size_t)s->dim;
    unsigned char *p;
    int rc;

    if (!s->dim)
        return err_set(err, E_INVALID, "the index has no dense leg");
    if (!width)
        return part_damaged(r, err, "%llu bytes for %u vectors of %d", (unsigned long long)r->size,
                            s->size, s->dim);
    p = mem_alloc(row, 1);
    if (!p)
        return err_nomem(err);
    rc = part_read(p, r, (uint64_t)passage * row, row, err);
    if (!rc && !take_row(out, p, width, s->dim))
        rc = part_damaged(r, err, "vector %u holds what is no number", passage);
    mem_free(p);
    return rc;
}

/* ---- searching ---- */

/* What FAISS found, and what is left of it. */
struct found {
    float *scores; /* [asked], falling */
    idx_t *labels; /* [asked] */
    size_t n;
};

struct near {
    float score;
    uint32_t passage;
};

static int by_score(const void *a, const void *b)
{
    const struct near *x = a, *y = b;

    if (x->score != y->score)
        return x->score > y->score ? -1 : 1;
    return (x->passage > y->passage) - (x->passage < y->passage);
}

static int ask(struct found *f, struct segment *s, const float *query, size_t n, struct err *err)
{
    int n_threads, rc;

    mem_free(f->scores);
    mem_free(f->labels);
    f->scores = mem_alloc(n, sizeof *f->scores);
    f->labels = mem_alloc(n, sizeof *f->labels);
    f->n = 0;
    if (!f->scores || !f->labels)
        return err_nomem(err);
    n_threads = threads_one();
    rc = faiss_Index_search(s->vectors->index, 1, query, (idx_t)n, f->scores, f->labels);
    omp_set_num_threads(n_threads);
    if (rc)
        return faiss_failed(err, "search the vectors");
    while (f->n < n && f->labels[f->n] >= 0 && f->labels[f->n] < (idx_t)s->size)
        f->n++;
    return 0;
}

/* Live passages of what was found to near[], in FAISS's order.  Returns how many. */
static size_t take_live(struct near *near, const struct found *f, const struct segment *s)
{
    size_t n = 0;

    for (size_t i = 0; i < f->n; i++)
        if (!segment_is_dead(s, (uint32_t)f->labels[i]))
            near[n++] = (struct near){f->scores[i], (uint32_t)f->labels[i]};
    return n;
}

int segment_nearest(uint32_t *passages, float *scores, size_t *n, struct segment *s,
                    const float *query, size_t k, struct err *err)
{
    size_t live = s->size - s->n_dead, want, found = 0;
    struct found f = {0};
    struct near *near = NULL;
    int rc = vectors_need(s, err);

    *n = 0;
    k = k < live ? k : live;
    if (rc || !k)
        return rc;
    /* FAISS leaves open which of equal scores it returns, and knows nothing of deletions: ask for more until the
     * k-th live score is above the last one, so that all passages that could share its place are here */
    for (want = k + 1 + (s->n_dead < k ? s->n_dead : k);; want *= 2) {
        if (want > s->size)
            want = s->size;
        rc = ask(&f, s, query, want, err);
        if (rc)
            goto done;
        mem_free(near);
        near = mem_alloc(f.n, sizeof *near);
        if (!near) {
            rc = err_nomem(err);
            goto done;
        }
        found = take_live(near, &f, s);
        if (want == s->size || f.n < want || (found >= k && near[k - 1].score > f.scores[f.n - 1]))
            break;
    }
    qsort(near, found, sizeof *near, by_score);
    *n = found < k ? found : k;
    for (size_t i = 0; i < *n; i++) {
        passages[i] = near[i].passage;
        scores[i] = near[i].score;
    }
done:
    mem_free(near);
    mem_free(f.scores);
    mem_free(f.labels);
    return rc;
}
