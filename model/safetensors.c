/* safetensors.c -- reads the header, believes nothing; see safetensors.h. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "model/safetensors.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/mem.h"
#include "model/weight_types.h"

enum { HEADER_MAX = 100 * 1000 * 1000 };

struct safetensors {
    char *path;
    struct file_map map;
    const unsigned char *data; /* behind the header */
    size_t n_data;
    struct tensor *tensors; /* [n], by place in the data */
    size_t n, cap;
    struct map by_name; /* name -> position in tensors; owns the names */
    struct arena strings;
};

static const struct {
    const char *name;
    int type;
    size_t size; /* bytes of an element */
} dtypes[] = {
    {"F32", TENSOR_F32, 4},    {"F16", TENSOR_F16, 2},       {"BF16", TENSOR_BF16, 2},
    {"F64", TENSOR_OTHER, 8},  {"I64", TENSOR_OTHER, 8},     {"U64", TENSOR_OTHER, 8},
    {"I32", TENSOR_OTHER, 4},  {"U32", TENSOR_OTHER, 4},     {"I16", TENSOR_OTHER, 2},
    {"U16", TENSOR_OTHER, 2},  {"I8", TENSOR_OTHER, 1},      {"U8", TENSOR_OTHER, 1},
    {"BOOL", TENSOR_OTHER, 1}, {"F8_E4M3", TENSOR_OTHER, 1}, {"F8_E5M2", TENSOR_OTHER, 1},
};

/* Bytes of an element; 0 for a type without a fixed size known here, whose bytes can't be checked. */
static size_t element_size(int *type, const char *dtype)
{
    for (size_t i = 0; i < sizeof dtypes / sizeof *dtypes; i++) {
        if (!strcmp(dtype, dtypes[i].name)) {
            *type = dtypes[i].type;
            return dtypes[i].size;
        }
    }
    *type = TENSOR_OTHER;
    return 0;
}

/* ---- the header ---- */

struct reading {
    struct safetensors *st;
    struct err *err;
};

static int bad(const struct reading *r, const char *tensor, const char *why)
{
    return err_set(r->err, E_FORMAT, "'%s': tensor '%.100s': %s", r->st->path, tensor, why);
}

/* Element i of an array as a number from 0 to 2^62; negative if it is anything else. */
static int64_t natural_at(const struct json *array, size_t i)
{
    int64_t x = json_int(json_at(array, i), -1);

    return x > INT64_C(1) << 62 ? -1 : x;
}

static int read_shape(struct tensor *t, const struct reading *r, const struct json *shape)
{
    if (!json_is_array(shape))
        return bad(r, t->name, "field 'shape' is not an array");
    if (json_size(shape) > TENSOR_MAX_DIMS)
        return bad(r, t->name, "more than 8 dimensions");
    t->n_dims = (int)json_size(shape);
    t->n = 1;
    for (int i = 0; i < t->n_dims; i++) {
        t->shape[i] = natural_at(shape, (size_t)i);
        if (t->shape[i] < 0)
            return bad(r, t->name, "a dimension is not a natural number");
        if (__builtin_mul_overflow(t->n, (size_t)t->shape[i], &t->n))
            return bad(r, t->name, "its size overflows");
    }
    return 0;
}

static int read_place(struct tensor *t, const struct reading *r, const struct json *offsets,
                      size_t element)
{
    int64_t begin = natural_at(offsets, 0), end = natural_at(offsets, 1);
    size_t n_bytes;

    if (json_size(offsets) != 2 || begin < 0 || end < begin)
        return bad(r, t->name, "field 'data_offsets' is not a pair of rising offsets");
    if ((uint64_t)end > r->st->n_data)
        return bad(r, t->name, "its data lie beyond the end of the file; is the file cut off?");
    t->data = r->st->data + begin;
    t->n_bytes = (size_t)(end - begin);
    if (element && (__builtin_mul_overflow(t->n, element, &n_bytes) || n_bytes != t->n_bytes))
        return bad(r, t->name, "its shape and its bytes disagree");
    return 0;
}

static int read_entry(const char *name, const struct json *v, void *payload)
{
    const struct reading *r = payload;
    struct safetensors *st = r->st;
    struct tensor t = {0};
    const char *dtype = NULL;
    size_t element;
    int rc;

    if (!strcmp(name, "__metadata__"))
        return json_is_object(v) ? 0 : bad(r, name, "is not an object");
    t.name = arena_dup(&st->strings, name, strlen(name));
    if (!t.name)
        return err_nomem(r->err);
    if (json_need_text(&dtype, v, "dtype", r->err)) {
        err_wrap(r->err, "'%s': tensor '%.100s'", st->path, name);
        return E_FORMAT;
    }
    t.dtype = arena_dup(&st->strings, dtype, strlen(dtype));
    if (!t.dtype)
        return err_nomem(r->err);
    element = element_size(&t.type, t.dtype);
    rc = read_shape(&t, r, json_get(v, "shape"));
    if (!rc)
        rc = read_place(&t, r, json_get(v, "data_offsets"), element);
    if (rc)
        return rc;
    if (mem_reserve((void **)&st->tensors, &st->cap, st->n + 1, sizeof *st->tensors))
        return err_nomem(r->err);
    st->tensors[st->n++] = t;
    return 0;
}

static int by_place(const void *a, const void *b)
{
    const struct tensor *x = a, *y = b;

    if (x->data != y->data)
        return x->data < y->data ? -1 : 1;
    if (x->n_bytes != y->n_bytes) /* an empty tensor before the one that begins in the same place */
        return x->n_bytes < y->n_bytes ? -1 : 1;
    return strcmp(x->name, y->name);
}

/* Tensors must follow one another from the first byte of the data to the last. */
static int check_cover(const struct reading *r)
{
    struct safetensors *st = r->st;
    const unsigned char *at = st->data;

    if (st->n)
        qsort(st->tensors, st->n, sizeof *st->tensors, by_place);
    for (size_t i = 0; i < st->n; i++) {
        const struct tensor *t = &st->tensors[i];
        int64_t *place;

        if (t->data != at)
            return bad(r, t->name,
                       t->data < at ? "its data overlap those of another"
                                    : "there is a gap before its data");
        at += t->n_bytes;
        place = map_put(&st->by_name, t->name, strlen(t->name));
        if (!place)
            return err_nomem(r->err);
        *place = (int64_t)i;
    }
    if (at != st->data + st->n_data)
        return err_set(r->err, E_FORMAT, "'%s' has %zu bytes that belong to no tensor", st->path,
                       (size_t)(st->data + st->n_data - at));
    return 0;
}

static int read_header(struct safetensors *st, struct err *err)
{
    struct reading r = {st, err};
    struct bytes in = {st->map.data, st->map.data + st->map.size, 0};
    const char *text;
    struct json *root = NULL;
    uint64_t n = st->map.size < 8 ? 0 : bytes_u64(&in);
    int rc;

    if (n < 2)
        return err_set(err, E_FORMAT, "'%s' is not a safetensors file", st->path);
    if (n > HEADER_MAX)
        return err_set(err, E_LIMIT, "'%s': a header of %llu bytes; is it a safetensors file?",
                       st->path, (unsigned long long)n);
    if (n > st->map.size - 8)
        return err_set(err, E_FORMAT, "'%s' ends within its header; is the file cut off?",
                       st->path);
    text = (const char *)st->map.data + 8;
    st->data = st->map.data + 8 + n;
    st->n_data = st->map.size - 8 - (size_t)n;
    rc = json_parse(&root, text, (size_t)n, err);
    if (rc) {
        err_wrap(err, "'%s': header", st->path);
        return rc;
    }
    if (!json_is_object(root))
        rc = err_set(err, E_FORMAT, "'%s': the header is not a JSON object", st->path);
    if (!rc)
        rc = json_each(root, read_entry, &r);
    json_free(root);
    return rc ? rc : check_cover(&r);
}

/* ---- the face ---- */

int safetensors_open(struct safetensors **out, const char *path, struct err *err)
{
    struct safetensors *st = mem_zalloc(1, sizeof *st);
    int rc;

    if (!st)
        return err_nomem(err);
    st->path = mem_strdup(path);
    rc = st->path ? file_open_map(&st->map, path, err) : err_nomem(err);
    if (!rc)
        rc = read_header(st, err);
    if (rc) {
        safetensors_close(st);
        return rc;
    }
    *out = st;
    return 0;
}

void safetensors_close(struct safetensors *st)
{
    if (!st)
        return;
    file_unmap(&st->map);
    map_clear(&st->by_name);
    arena_clear(&st->strings);
    mem_free(st->tensors);
    mem_free(st->path);
    mem_free(st);
}

int safetensors_count(const struct safetensors *st) { return (int)st->n; }

const struct tensor *safetensors_at(const struct safetensors *st, int i) { return &st->tensors[i]; }

int safetensors_has(const struct safetensors *st, const char *name)
{
    return map_find(&st->by_name, name, strlen(name)) != NULL;
}

/* "[2, 3]", "?" for any size. */
static void print_shape(struct buf *b, int n_dims, const int64_t *shape)
{
    buf_putc(b, '[');
    for (int i = 0; i < n_dims; i++) {
        buf_puts(b, i ? ", " : "");
        if (shape[i] < 0)
            buf_putc(b, '?');
        else
            buf_printf(b, "%lld", (long long)shape[i]);
    }
    buf_putc(b, ']');
}

static int wrong_shape(const struct safetensors *st, const struct tensor *t, int n_dims,
                       const int64_t *shape, struct err *err)
{
    struct buf found = {0}, wanted = {0};
    int rc;

    print_shape(&found, t->n_dims, t->shape);
    print_shape(&wanted, n_dims, shape);
    rc = err_set(err, E_FORMAT, "'%s': tensor '%.100s' has shape %.80s, the model needs %.80s",
                 st->path, t->name, buf_text(&found), buf_text(&wanted));
    buf_clear(&found);
    buf_clear(&wanted);
    return rc;
}

int safetensors_find(const struct tensor **out, const struct safetensors *st, const char *name,
                     int n_dims, const int64_t *shape, struct err *err)
{
    const int64_t *place = map_find(&st->by_name, name, strlen(name));
    const struct tensor *t;
    int same;

    if (!place)
        return err_set(err, E_NOTFOUND, "'%s' has no tensor '%.100s'", st->path, name);
    t = &st->tensors[*place];
    same = t->n_dims == n_dims;
    for (int i = 0; same && i < n_dims; i++)
        same = shape[i] < 0 || shape[i] == t->shape[i];
    if (!same)
        return wrong_shape(st, t, n_dims, shape, err);
    if (t->type == TENSOR_OTHER)
        return err_set(err, E_INVALID,
                       "'%s': tensor '%.100s' has type %.20s; F32, F16 and BF16 can be read",
                       st->path, name, t->dtype);
    *out = t;
    return 0;
}

const unsigned char *safetensors_bytes(size_t *n, const struct safetensors *st)
{
    *n = st->map.size;
    return st->map.data;
}

/* ---- elements ---- */

const float *tensor_borrow_f32(const struct tensor *t)
{
    if (t->type != TENSOR_F32 || (uintptr_t)t->data % sizeof(float))
        return NULL;
    return (const float *)(const void *)t->data;
}

void tensor_read_f32(float *out, const struct tensor *t, size_t first, size_t n)
{
    static const int ids[] = {
        [TENSOR_F32] = WEIGHT_F32, [TENSOR_F16] = WEIGHT_F16, [TENSOR_BF16] = WEIGHT_BF16};
    const struct weight_type *type = weight_type_find(ids[t->type]);

    type->to_f32(out, t->data + first * (size_t)type->bytes, n);
}
