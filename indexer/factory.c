/* factory.c -- vectors by a FAISS factory string: the only user of FAISS's C interface.
 *
 * FAISS is trained on the rows as they are kept (rows.c), so a merged segment is what a fresh one would be.
 *
 * FAISS runs in the calling thread alone: one OpenMP thread, so that results do not depend on the
 * machine and nothing is lost by fork().
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include "indexer/factory.h"

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wstrict-prototypes"
#include <faiss/c_api/AutoTune_c.h>
#include <faiss/c_api/IndexFlat_c.h>
#include <faiss/c_api/Index_c.h>
#include <faiss/c_api/error_c.h>
#include <faiss/c_api/index_factory_c.h>
#include <faiss/c_api/index_io_c.h>
#pragma GCC diagnostic pop
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "indexer/segment.h"
#include "indexer/vectors.h"

enum { GRAPH_FROM = 8192, EF_DEFAULT = 128, PROBES_DEFAULT = 32 };

struct factory_index {
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

size_t factory_graph_from(const char *factory)
{
    const char *ivf = strstr(factory, "IVF");
    unsigned long lists = ivf ? strtoul(ivf + 3, NULL, 10) : 0;

    if (!strcmp(factory, "Flat"))
        return SIZE_MAX;
    return 40 * lists > GRAPH_FROM ? 40 * lists : GRAPH_FROM;
}

int factory_check(const char *factory, int dim, struct err *err)
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

static ssize_t write_part(void *cookie, const char *p, size_t n)
{
    struct part_writer *w = cookie;

    part_put(w, p, n);
    return w->code ? 0 : (ssize_t)n;
}

/* Trains on rows [n, dim] and adds them, in this thread. */
static int train(FaissIndex **out, const char *factory, const float *rows, size_t n, int dim,
                 struct err *err)
{
    int n_threads = threads_one(), rc;
    FaissIndex *index = NULL;

    rc = faiss_index_factory(&index, dim, factory, METRIC_INNER_PRODUCT);
    if (!rc && !faiss_Index_is_trained(index))
        rc = faiss_Index_train(index, (idx_t)n, rows);
    if (!rc)
        rc = faiss_Index_add(index, (idx_t)n, rows);
    omp_set_num_threads(n_threads);
    if (rc) {
        rc = faiss_failed(err, "build the vectors");
        if (index)
            faiss_Index_free(index);
        return rc;
    }
    *out = index;
    return 0;
}

int factory_write(uint64_t *bytes, struct store *st, int64_t segment, const char *factory,
                  const float *rows, size_t n, int dim, struct err *err)
{
    cookie_io_functions_t io = {.write = write_part};
    struct part_writer part;
    FaissIndex *index = NULL;
    FILE *f = NULL;
    int rc = train(&index, factory, rows, n, dim, err), rc_part;

    if (rc)
        return rc;
    part_begin(&part, st, segment, PART_GRAPH, err);
    f = fopencookie(&part, "wb", io);
    if (!f)
        rc = err_nomem(err);
    else if (faiss_write_index(index, f) && !part.code)
        rc = faiss_failed(err, "write the vectors");
    if (f && fclose(f) && !rc && !part.code)
        rc = err_set(err, E_IO, "writing the vectors failed");
    if (rc && !part.code)
        part.code = rc;
    *bytes = part.size;
    rc_part = part_finish(&part);
    faiss_Index_free(index);
    return rc ? rc : rc_part;
}

/* ---- reading ---- */

void factory_close(struct factory_index *f)
{
    if (!f)
        return;
    if (f->index)
        faiss_Index_free(f->index);
    mem_free(f);
}

/* All rows in one exact index. */
static int load_rows(FaissIndex **out, struct segment *s, struct err *err)
{
    FaissIndexFlatIP *index = NULL;
    float *rows = NULL;
    int rc = vectors_load(&rows, s, err);

    if (rc)
        return rc;
    if (faiss_IndexFlatIP_new_with(&index, s->dim) || faiss_Index_add(index, (idx_t)s->size, rows))
        rc = faiss_failed(err, "load the vectors");
    mem_free(rows);
    if (!rc)
        *out = index;
    else if (index)
        faiss_Index_free(index);
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
        rc = part_damaged(r, err, "it is of %lld vectors of %d",
                          (long long)faiss_Index_ntotal(index), faiss_Index_d(index));
    fclose(f);
    part_close(r);
    if (rc) {
        if (index)
            faiss_Index_free(index);
        return rc;
    }
    *out = index;
    return 0;
}

int factory_open(struct factory_index **out, struct segment *s, struct err *err)
{
    struct factory_index *f = mem_zalloc(1, sizeof *f);
    int rc;

    if (!f)
        return err_nomem(err);
    rc = s->row.bytes[PART_GRAPH] ? load_graph(&f->index, s, err) : load_rows(&f->index, s, err);
    if (rc)
        factory_close(f);
    else
        *out = f;
    return rc;
}

/* ---- searching ---- */

/* What FAISS found, and what is left of it. */
struct found {
    float *scores; /* [asked], falling */
    idx_t *labels; /* [asked] */
    size_t n;
};

static int by_score(const void *a, const void *b)
{
    const struct near *x = a, *y = b;

    return near_is_before(*y, *x) - near_is_before(*x, *y);
}

/* What trades time for recall; what an index does not know is passed over. */
static void tune(FaissIndex *index, int ef)
{
    FaissParameterSpace *space = NULL;

    if (faiss_ParameterSpace_new(&space))
        return;
    (void)faiss_ParameterSpace_set_index_parameter(space, index, "efSearch", ef ? ef : EF_DEFAULT);
    (void)faiss_ParameterSpace_set_index_parameter(space, index, "nprobe",
                                                   ef ? (ef + 3) / 4 : PROBES_DEFAULT);
    faiss_ParameterSpace_free(space);
}

static int ask(struct found *f, FaissIndex *index, const struct segment *s, const float *query,
               size_t n, struct err *err)
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
    rc = faiss_Index_search(index, 1, query, (idx_t)n, f->scores, f->labels);
    omp_set_num_threads(n_threads);
    if (rc)
        return faiss_failed(err, "search the vectors");
    while (f->n < n && f->labels[f->n] >= 0 && f->labels[f->n] < (idx_t)s->size)
        f->n++;
    return 0;
}

static int is_wanted(const struct segment *s, const uint64_t *excluded, uint32_t p)
{
    return !segment_is_dead(s, p) && !(excluded && excluded[p >> 6] >> (p & 63) & 1);
}

/* What is wanted of what was found to near[], in FAISS's order.  Returns how many. */
static size_t take_wanted(struct near *near, const struct found *f, const struct segment *s,
                          const uint64_t *excluded)
{
    size_t n = 0;

    for (size_t i = 0; i < f->n; i++)
        if (is_wanted(s, excluded, (uint32_t)f->labels[i]))
            near[n++] = (struct near){f->scores[i], (uint32_t)f->labels[i]};
    return n;
}

int factory_nearest(struct near *out, size_t *n, struct segment *s, struct factory_index *index,
                    const float *query, size_t k, int ef, size_t live, const uint64_t *excluded,
                    struct err *err)
{
    size_t gone = s->size - live, want, found = 0;
    struct found f = {0};
    struct near *near = NULL;
    int rc = 0;

    tune(index->index, ef);
    /* FAISS leaves open which of equal scores it returns, and knows nothing of deletions: ask for more until the
     * k-th live score is above the last one, so that all passages that could share its place are here */
    for (want = k + 1 + (gone < k ? gone : k);; want *= 2) {
        if (want > s->size)
            want = s->size;
        rc = ask(&f, index->index, s, query, want, err);
        if (rc)
            goto done;
        mem_free(near);
        near = mem_alloc(f.n, sizeof *near);
        if (!near) {
            rc = err_nomem(err);
            goto done;
        }
        found = take_wanted(near, &f, s, excluded);
        if (want == s->size || f.n < want || (found >= k && near[k - 1].score > f.scores[f.n - 1]))
            break;
    }
    qsort(near, found, sizeof *near, by_score);
    *n = found < k ? found : k;
    memcpy(out, near, *n * sizeof *out);
done:
    mem_free(near);
    mem_free(f.scores);
    mem_free(f.labels);
    return rc;
}
