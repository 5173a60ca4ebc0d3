/* gguf.c -- reading a GGUF file's header with suspicion. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "model/gguf.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "model/gguf_inside.h"

enum {
    MAX_VALUES = 1 << 16,
    MAX_TENSORS = 1 << 16,
    MAX_NAME = 1 << 12,
    MAX_DIMS = 4,
    MAX_ALIGNMENT = 1 << 16,
};

/* Where reading is.  Once it failed, nothing is read any more. */
struct cursor {
    struct gguf *g;
    size_t at;
    struct err *err;
    int rc;
};

static int bad(struct cursor *c, const char *what)
{
    if (!c->rc)
        c->rc = err_set(c->err, E_FORMAT, "%s: %s at byte %zu; the file is damaged or cut off",
                        c->g->path, what, c->at);
    return c->rc;
}

/* The next n bytes; NULL past the end. */
static const unsigned char *take(struct cursor *c, uint64_t n)
{
    const unsigned char *p = c->g->map.data + c->at;

    if (c->rc || n > c->g->map.size - c->at) {
        bad(c, "the header ends too soon");
        return NULL;
    }
    c->at += (size_t)n;
    return p;
}

static uint64_t take_u(struct cursor *c, size_t n)
{
    const unsigned char *p = take(c, n);

    return p ? gguf_unsigned(p, n) : 0;
}

static struct token_text take_text(struct cursor *c)
{
    struct token_text t = {"", 0};
    const uint64_t n = take_u(c, 8);
    const unsigned char *p = take(c, n);

    if (p) {
        t.p = (const char *)p;
        t.n = (size_t)n;
    }
    return t;
}

/* ---- values ---- */

/* Passes over a list, whose elements are all of a size, or texts. */
static void take_list(struct cursor *c, struct gguf_value *v)
{
    v->element = (int)take_u(c, 4);
    v->n = take_u(c, 8);
    v->at = c->at;
    if (v->element == GGUF_TEXT) {
        for (uint64_t i = 0; i < v->n && !c->rc; i++)
            take_text(c);
    } else if (gguf_size(v->element)) {
        if (v->n > (c->g->map.size - c->at) / gguf_size(v->element))
            bad(c, "a list is longer than the file");
        else
            take(c, v->n * gguf_size(v->element));
    } else {
        bad(c, v->element == GGUF_LIST ? "a list of lists, which fovea does not read,"
                                       : "a list of an unknown kind");
    }
}

static void take_value(struct cursor *c, struct gguf_value *v)
{
    v->key = take_text(c);
    v->type = (int)take_u(c, 4);
    v->at = c->at;
    if (v->key.n > MAX_NAME)
        bad(c, "a key is too long");
    else if (v->type == GGUF_TEXT)
        take_text(c);
    else if (v->type == GGUF_LIST)
        take_list(c, v);
    else if (gguf_size(v->type))
        take(c, gguf_size(v->type));
    else
        bad(c, "a value is of an unknown kind");
}

static int compare_texts(struct token_text a, struct token_text b)
{
    const int c = memcmp(a.p, b.p, a.n < b.n ? a.n : b.n);

    return c ? c : (a.n > b.n) - (a.n < b.n);
}

static int compare_values(const void *a, const void *b)
{
    return compare_texts(((const struct gguf_value *)a)->key, ((const struct gguf_value *)b)->key);
}

static int read_values(struct cursor *c, size_t n)
{
    struct gguf *g = c->g;

    g->values = mem_zalloc(n + 1, sizeof *g->values);
    if (!g->values)
        return err_nomem(c->err);
    for (; g->n_values < n && !c->rc; g->n_values++)
        take_value(c, &g->values[g->n_values]);
    if (c->rc)
        return c->rc;
    qsort(g->values, n, sizeof *g->values, compare_values);
    for (size_t i = 1; i < n; i++)
        if (!compare_values(&g->values[i - 1], &g->values[i]))
            return err_set(c->err, E_FORMAT, "%s: the key %.*s is there twice", g->path,
                           (int)g->values[i].key.n, g->values[i].key.p);
    return 0;
}

/* ---- tensors ---- */

static int tensor_bad(struct cursor *c, const struct gguf_tensor *t, const char *what)
{
    if (!c->rc)
        c->rc = err_set(c->err, E_FORMAT, "%s: tensor %s %s", c->g->path, t->name, what);
    return c->rc;
}

static void take_dims(struct cursor *c, struct gguf_tensor *t)
{
    uint64_t rows = 1, columns;

    t->n_dims = (int)take_u(c, 4);
    if (t->n_dims < 1 || t->n_dims > MAX_DIMS) {
        tensor_bad(c, t, "does not have 1 to 4 dimensions");
        return;
    }
    columns = take_u(c, 8);
    for (int i = 1; i < t->n_dims; i++) {
        const uint64_t n = take_u(c, 8);

        if (n < 1 || n > UINT32_MAX || rows > UINT32_MAX / n) {
            tensor_bad(c, t, "has no sensible shape");
            return;
        }
        rows *= n;
    }
    if (columns < 1 || columns > UINT32_MAX)
        tensor_bad(c, t, "has no sensible shape");
    t->rows = (size_t)rows;
    t->columns = (size_t)columns;
}

/* A tensor's line in the header.  *offset counts from the data. */
static void take_tensor(struct cursor *c, struct gguf_tensor *t, uint64_t *offset)
{
    const struct token_text name = take_text(c);
    int type;

    if (name.n > MAX_NAME || memchr(name.p, 0, name.n)) {
        bad(c, "a tensor's name is not a text");
        return;
    }
    t->name = arena_dup(&c->g->names, name.p, name.n);
    if (!t->name) {
        c->rc = err_nomem(c->err);
        return;
    }
    take_dims(c, t);
    type = (int)take_u(c, 4);
    *offset = take_u(c, 8);
    if (c->rc)
        return;
    t->type = weight_type_find(type);
    if (!t->type) {
        c->rc = err_set(
            c->err, E_INVALID,
            "%s: tensor %s has weights of type %s (%d), which fovea does not read; it reads "
            "F32, F16, BF16, Q8_0, Q4_0, Q4_1, Q5_0, Q5_1, Q4_K, Q5_K and Q6_K",
            c->g->path, t->name, weight_type_name(type), type);
        return;
    }
    if (t->columns % (size_t)t->type->block)
        tensor_bad(c, t, "has rows that are not whole blocks");
    t->row_bytes = t->columns / (size_t)t->type->block * (size_t)t->type->bytes;
    if (t->row_bytes > SIZE_MAX / t->rows)
        tensor_bad(c, t, "has no sensible shape");
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(((const struct gguf_tensor *)a)->name, ((const struct gguf_tensor *)b)->name);
}

static int compare_data(const void *a, const void *b)
{
    const struct gguf_tensor *x = a, *y = b;

    return (x->data > y->data) - (x->data < y->data);
}

/* Puts the tensors at their data: inside the file, aligned, and no two over each other. */
static int place(struct cursor *c, const uint64_t *offsets, size_t alignment)
{
    struct gguf *g = c->g;
    const size_t begin = (c->at + alignment - 1) / alignment * alignment;

    for (size_t i = 0; i < g->n_tensors; i++) {
        struct gguf_tensor *t = &g->tensors[i];

        if (offsets[i] % alignment)
            return tensor_bad(c, t, "is not aligned");
        if (begin > g->map.size || offsets[i] > g->map.size - begin ||
            t->rows * t->row_bytes > g->map.size - begin - (size_t)offsets[i])
            return tensor_bad(c, t, "reaches past the end of the file; is the file cut off?");
        t->data = g->map.data + begin + (size_t)offsets[i];
    }
    qsort(g->tensors, g->n_tensors, sizeof *g->tensors, compare_data);
    for (size_t i = 1; i < g->n_tensors; i++) {
        const struct gguf_tensor *t = &g->tensors[i - 1];

        if (t->data + t->rows * t->row_bytes > t[1].data)
            return tensor_bad(c, t, "lies over another");
    }
    qsort(g->tensors, g->n_tensors, sizeof *g->tensors, compare_names);
    for (size_t i = 1; i < g->n_tensors; i++)
        if (!compare_names(&g->tensors[i - 1], &g->tensors[i]))
            return tensor_bad(c, &g->tensors[i], "is there twice");
    return 0;
}

static int read_tensors(struct cursor *c, size_t n)
{
    struct gguf *g = c->g;
    uint64_t *offsets = mem_zalloc(n + 1, sizeof *offsets);
    int64_t alignment = 32;
    int rc;

    g->tensors = mem_zalloc(n + 1, sizeof *g->tensors);
    rc = offsets && g->tensors ? 0 : err_nomem(c->err);
    for (; !rc && g->n_tensors < n; rc = c->rc) {
        take_tensor(c, &g->tensors[g->n_tensors], &offsets[g->n_tensors]);
        g->n_tensors++;
    }
    if (!rc)
        rc = gguf_int(&alignment, g, "general.alignment", 8, MAX_ALIGNMENT, c->err);
    if (rc >= 0 && alignment % 8)
        rc = err_set(c->err, E_FORMAT, "%s: general.alignment is not a multiple of 8", g->path);
    if (rc >= 0)
        rc = place(c, offsets, (size_t)alignment);
    mem_free(offsets);
    return rc;
}

/* ---- the file ---- */

static int read_header(struct gguf *g, struct err *err)
{
    struct cursor c = {.g = g, .err = err};
    const unsigned char *magic = take(&c, 4);
    uint64_t version, n_tensors, n_values;
    int rc;

    if (!magic || memcmp(magic, "GGUF", 4))
        return err_set(err, E_FORMAT, "%s: not a GGUF file", g->path);
    version = take_u(&c, 4);
    if (!c.rc && version != 2 && version != 3)
        return err_set(err, E_INVALID, "%s: GGUF of version %llu; fovea reads 2 and 3%s", g->path,
                       (unsigned long long)version,
                       version > 0xffff ? " (and little-endian files alone)" : "");
    n_tensors = take_u(&c, 8);
    n_values = take_u(&c, 8);
    if (n_tensors > MAX_TENSORS || n_values > MAX_VALUES)
        bad(&c, "more tensors or values than can be");
    rc = c.rc ? c.rc : read_values(&c, (size_t)n_values);
    return rc ? rc : read_tensors(&c, (size_t)n_tensors);
}

int gguf_open(struct gguf **out, const char *path, struct err *err)
{
    struct gguf *g = mem_zalloc(1, sizeof *g);
    int rc;

    if (!g)
        return err_nomem(err);
    g->path = mem_strdup(path);
    rc = g->path ? file_open_map(&g->map, path, err) : err_nomem(err);
    rc = rc ? rc : read_header(g, err);
    if (rc) {
        gguf_close(g);
        return rc;
    }
    *out = g;
    return 0;
}

void gguf_close(struct gguf *g)
{
    if (!g)
        return;
    file_unmap(&g->map);
    arena_clear(&g->names);
    mem_free(g->values);
    mem_free(g->tensors);
    mem_free(g->path);
    mem_free(g);
}

const char *gguf_path(const struct gguf *g) { return g->path; }

size_t gguf_n_tensors(const struct gguf *g) { return g->n_tensors; }

const struct gguf_tensor *gguf_at(const struct gguf *g, size_t i) { return &g->tensors[i]; }

const struct gguf_tensor *gguf_find(const struct gguf *g, const char *name)
{
    const struct gguf_tensor key = {.name = name};

    return g->n_tensors ? bsearch(&key, g->tensors, g->n_tensors, sizeof *g->tensors, compare_names)
                        : NULL;
}

void gguf_read_rows(float *out, const struct gguf_tensor *t, size_t first, size_t n)
{
    const size_t blocks = t->columns / (size_t)t->type->block;

    t->type->to_f32(out, t->data + first * t->row_bytes, n * blocks);
}

const unsigned char *gguf_bytes(size_t *n, const struct gguf *g)
{
    *n = g->map.size;
    return g->map.data;
}
