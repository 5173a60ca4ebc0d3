/* rows.c -- the vectors themselves: written, and read one by one or all at once.
 *
 * Rows are always kept: as they came ("Flat", searched exactly), or in half precision beside what FAISS
 * builds from them (HNSW, IVF, ...).  So merging never asks the encoder again.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "indexer/half.h"
#include "indexer/segment.h"
#include "indexer/vectors.h"

int vectors_begin(struct vectors_writer *w, struct store *st, int64_t segment, const char *factory,
                  int dim, size_t n, struct err *err)
{
    memset(w, 0, sizeof *w);
    w->store = st;
    w->segment = segment;
    w->factory = factory;
    w->dim = dim;
    w->is_half = strcmp(factory, "Flat") != 0;
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
            w->rows.code = err_set(w->err, E_LIMIT,
                                   "the encoder gave a vector with a number that is too large");
        else if (w->is_half)
            put_halves(w, row);
        else
            part_put(&w->rows, row, (size_t)w->dim * sizeof *row);
    }
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

int vectors_load(float **out, struct segment *s, struct err *err)
{
    struct part_reader *r = &s->parts[PART_VECTORS];
    size_t width = number_bytes(s), row = width * (size_t)s->dim;
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
    if (rc)
        mem_free(rows);
    else
        *out = rows;
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
