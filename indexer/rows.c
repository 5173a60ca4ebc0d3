/* rows.c -- the vectors themselves: written, copied, and read one by one or all at once.
 *
 * Rows are always kept, whatever is built from them, so merging never asks the encoder again.  With "auto" a
 * row is a scale and numbers of 16 bits, whose error is a sixth of half precision's for a vector of length 1; what is
 * built for FAISS has halves beside it, and "Flat" the floats as they came.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "indexer/graph.h"
#include "base/half.h"
#include "indexer/segment.h"
#include "indexer/vectors.h"

static size_t row_bytes(int kind, int dim)
{
    return kind == ROWS_FLOATS   ? 4 * (size_t)dim
           : kind == ROWS_HALVES ? 2 * (size_t)dim
                                 : 2 * (size_t)dim + 4;
}

int vectors_begin(struct vectors_writer *w, struct store *st, int64_t segment, const char *setting,
                  int dim, size_t n, struct err *err)
{
    const int has_graph = n >= vectors_graph_from(setting) && n <= GRAPH_NODES;
    int rc = 0;

    memset(w, 0, sizeof *w);
    w->store = st;
    w->segment = segment;
    w->setting = setting;
    w->dim = dim;
    w->kind = vectors_is_auto(setting)       ? ROWS_CODES
              : strcmp(setting, "Flat") != 0 ? ROWS_HALVES
                                             : ROWS_FLOATS;
    w->n = n;
    w->err = err;
    w->numbers = mem_alloc((size_t)dim, sizeof *w->numbers);
    if (!w->numbers)
        return err_nomem(err);
    if (has_graph && w->kind == ROWS_CODES) {
        rc = codes_new(&w->codes, (uint32_t)n, dim, 0, 1, err);
    } else if (has_graph) {
        w->all = mem_alloc(n, (size_t)dim * sizeof *w->all);
        rc = w->all ? 0 : err_nomem(err);
    }
    if (rc) {
        mem_free(w->numbers);
        return rc;
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

/* Adds w->numbers. */
static void put_code(struct vectors_writer *w, float scale)
{
    part_put(&w->rows, &scale, sizeof scale);
    part_put(&w->rows, w->numbers, (size_t)w->dim * sizeof *w->numbers);
    if (w->codes)
        codes_set(w->codes, (uint32_t)w->added, w->numbers, scale);
}

static int is_finite(const float *row, int dim, float most)
{
    for (int i = 0; i < dim; i++)
        if (!(fabsf(row[i]) <= most))
            return 0;
    return 1;
}

static void put_row(struct vectors_writer *w, const float *row)
{
    static const float most[] = {
        [ROWS_FLOATS] = 3e38f, [ROWS_HALVES] = 65504, [ROWS_CODES] = 65504};

    if (!is_finite(row, w->dim, most[w->kind]))
        w->rows.code =
            err_set(w->err, E_LIMIT, "the encoder gave a vector with a number that is too large");
    else if (w->kind == ROWS_HALVES)
        put_halves(w, row);
    else if (w->kind == ROWS_FLOATS)
        part_put(&w->rows, row, (size_t)w->dim * sizeof *row);
    else
        put_code(w, code_from_floats(w->numbers, row, w->dim));
}

void vectors_put(struct vectors_writer *w, const float *rows, size_t k)
{
    for (size_t r = 0; r < k && !w->rows.code; r++, w->added++)
        put_row(w, rows + r * (size_t)w->dim);
}

/* ---- reading ---- */

int vectors_kind(const struct segment *s)
{
    for (int kind = ROWS_FLOATS; kind <= ROWS_CODES; kind++)
        if (s->row.bytes[PART_VECTORS] == (uint64_t)s->size * row_bytes(kind, s->dim))
            return kind;
    return ROWS_NONE;
}

/* Why rows cannot be read: 0, E_INVALID, E_FORMAT. */
static int wrong_size(struct segment *s, struct err *err)
{
    struct part_reader *r = &s->parts[PART_VECTORS];

    if (!s->dim)
        return err_set(err, E_INVALID, "the index has no dense leg");
    if (vectors_kind(s) == ROWS_NONE)
        return part_damaged(r, err, "%llu bytes for %u vectors of %d", (unsigned long long)r->size,
                            s->size, s->dim);
    return 0;
}

/* Reads a code: 1, or 0 if it cannot be one. */
static int take_code(int16_t *q, float *scale, const unsigned char *p, int dim)
{
    memcpy(scale, p, sizeof *scale);
    memcpy(q, p + sizeof *scale, (size_t)dim * sizeof *q);
    return code_is_valid(q, dim, *scale);
}

/* Reads a row as floats.  q [dim] is scratch. */
static int take_row(float *out, int16_t *q, const unsigned char *p, int kind, int dim)
{
    float scale;

    if (kind == ROWS_CODES) {
        if (!take_code(q, &scale, p, dim))
            return 0;
        for (int i = 0; i < dim; i++)
            out[i] = scale * (float)q[i];
        return 1;
    }
    if (kind == ROWS_FLOATS)
        memcpy(out, p, (size_t)dim * sizeof *out);
    else
        for (int i = 0; i < dim; i++)
            out[i] = half_to_float((uint16_t)(p[2 * i] | p[2 * i + 1] << 8));
    return is_finite(out, dim, 3.4e38f);
}

/* Calls for each row in turn with its bytes; stops at the first that is not well formed. */
static int each_row(struct segment *s, int (*row)(void *to, uint32_t i, const unsigned char *p),
                    void *to, struct err *err)
{
    struct part_reader *r = &s->parts[PART_VECTORS];
    size_t n = row_bytes(vectors_kind(s), s->dim);
    unsigned char *p = mem_alloc(n, 1);
    int rc = p ? 0 : err_nomem(err);

    for (uint32_t i = 0; !rc && i < s->size; i++) {
        rc = part_read(p, r, i * (uint64_t)n, n, err);
        if (!rc && !row(to, i, p))
            rc = part_damaged(r, err, "vector %u holds what is no number", i);
    }
    mem_free(p);
    part_close(r);
    return rc;
}

struct loading {
    struct codes *codes;
    float *rows;
    int16_t *q;
    int kind, dim;
};

static int load_row(void *to, uint32_t i, const unsigned char *p)
{
    struct loading *l = to;

    return take_row(l->rows + (size_t)i * (size_t)l->dim, l->q, p, l->kind, l->dim);
}

static int load_code(void *to, uint32_t i, const unsigned char *p)
{
    struct loading *l = to;
    float scale;

    if (!take_code(l->q, &scale, p, l->dim))
        return 0;
    codes_set(l->codes, i, l->q, scale);
    return 1;
}

/* No part can be longer than the file, so a damaged size asks for no more memory than a few times that. */
static int check_load(struct segment *s, struct err *err)
{
    struct part_reader *r = &s->parts[PART_VECTORS];
    int rc = wrong_size(s, err);

    if (!rc && r->size > r->store->max_bytes)
        rc = part_damaged(r, err, "it cannot have %llu bytes", (unsigned long long)r->size);
    return rc;
}

int vectors_load(float **out, struct segment *s, struct err *err)
{
    struct loading l = {.kind = vectors_kind(s), .dim = s->dim};
    int rc = check_load(s, err);

    if (rc)
        return rc;
    l.rows = mem_alloc(s->size, (size_t)s->dim * sizeof *l.rows);
    l.q = mem_alloc((size_t)s->dim, sizeof *l.q);
    rc = l.rows && l.q ? each_row(s, load_row, &l, err) : err_nomem(err);
    mem_free(l.q);
    if (rc)
        mem_free(l.rows);
    else
        *out = l.rows;
    return rc;
}

int vectors_load_codes(struct codes **out, struct segment *s, struct err *err)
{
    struct loading l = {.kind = ROWS_CODES, .dim = s->dim};
    int rc = check_load(s, err);

    if (rc)
        return rc;
    l.q = mem_alloc((size_t)s->dim, sizeof *l.q);
    rc = l.q ? codes_new(&l.codes, s->size, s->dim, 1, 0, err) : err_nomem(err);
    rc = rc ? rc : each_row(s, load_code, &l, err);
    mem_free(l.q);
    if (rc)
        codes_free(l.codes);
    else
        *out = l.codes;
    return rc;
}

/* The bytes of one row: the caller's. */
static int read_bytes(unsigned char **out, struct segment *s, uint32_t passage, struct err *err)
{
    int rc = wrong_size(s, err);
    size_t n = rc ? 0 : row_bytes(vectors_kind(s), s->dim);
    unsigned char *p;

    if (rc)
        return rc;
    p = mem_alloc(n, 1);
    if (!p)
        return err_nomem(err);
    rc = part_read(p, &s->parts[PART_VECTORS], (uint64_t)passage * n, n, err);
    if (rc)
        mem_free(p);
    else
        *out = p;
    return rc;
}

int segment_vector(float *out, struct segment *s, uint32_t passage, struct err *err)
{
    unsigned char *p = NULL;
    int16_t *q;
    int rc = read_bytes(&p, s, passage, err);

    if (rc)
        return rc;
    q = mem_alloc((size_t)s->dim, sizeof *q);
    if (!q)
        rc = err_nomem(err);
    else if (!take_row(out, q, p, vectors_kind(s), s->dim))
        rc = part_damaged(&s->parts[PART_VECTORS], err, "vector %u holds what is no number",
                          passage);
    mem_free(q);
    mem_free(p);
    return rc;
}

void vectors_copy(struct vectors_writer *w, struct segment *s, uint32_t passage)
{
    unsigned char *p = NULL;
    float *row = NULL, scale;
    int16_t *q = w->numbers;
    int rc = w->rows.code, ok = 1;

    rc = rc ? rc : read_bytes(&p, s, passage, w->err);
    if (!rc && vectors_kind(s) == ROWS_CODES && w->kind == ROWS_CODES) {
        ok = take_code(q, &scale, p, s->dim);
        if (ok)
            put_code(w, scale);
    } else if (!rc) {
        row = mem_alloc((size_t)s->dim, sizeof *row);
        if (!row)
            rc = err_nomem(w->err);
        else if ((ok = take_row(row, q, p, vectors_kind(s), s->dim)) != 0)
            put_row(w, row);
    }
    if (!ok)
        rc = part_damaged(&s->parts[PART_VECTORS], w->err, "vector %u holds what is no number",
                          passage);
    if (rc && !w->rows.code)
        w->rows.code = rc;
    w->added++;
    mem_free(row);
    mem_free(p);
}
