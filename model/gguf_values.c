/* gguf_values.c -- the named values of a GGUF file, each asked for as what it should be. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model/gguf_inside.h"

size_t gguf_size(int type)
{
    static const unsigned char sizes[GGUF_N_TYPES] = {
        [GGUF_U8] = 1,  [GGUF_I8] = 1,  [GGUF_U16] = 2, [GGUF_I16] = 2,
        [GGUF_U32] = 4, [GGUF_I32] = 4, [GGUF_F32] = 4, [GGUF_BOOL] = 1,
        [GGUF_U64] = 8, [GGUF_I64] = 8, [GGUF_F64] = 8};

    return type >= 0 && type < GGUF_N_TYPES ? sizes[type] : 0;
}

uint64_t gguf_unsigned(const unsigned char *p, size_t n)
{
    uint64_t v = 0;

    for (size_t i = 0; i < n; i++)
        v |= (uint64_t)p[i] << 8 * i;
    return v;
}

static int compare_key(const void *key, const void *value)
{
    const char *name = key;
    const struct gguf_value *v = value;
    const size_t n = strlen(name);
    const int c = memcmp(name, v->key.p, n < v->key.n ? n : v->key.n);

    return c ? c : (n > v->key.n) - (n < v->key.n);
}

static const struct gguf_value *find(const struct gguf *g, const char *key)
{
    return g->n_values ? bsearch(key, g->values, g->n_values, sizeof *g->values, compare_key)
                       : NULL;
}

static int bad(const struct gguf *g, const char *key, const char *what, struct err *err)
{
    return err_set(err, E_FORMAT, "%s: %s %s", g->path, key, what);
}

static int is_integer(int type)
{
    return gguf_size(type) && type != GGUF_F32 && type != GGUF_F64 && type != GGUF_BOOL;
}

/* An integer of the file.  0: it does not fit into *out. */
static int integer_of(int64_t *out, const unsigned char *p, int type)
{
    const size_t size = gguf_size(type);
    const int is_signed =
        type == GGUF_I8 || type == GGUF_I16 || type == GGUF_I32 || type == GGUF_I64;
    uint64_t v = gguf_unsigned(p, size);

    if (is_signed && size < 8 && v >> (8 * size - 1))
        v |= UINT64_MAX << 8 * size;
    if (!is_signed && v > INT64_MAX)
        return 0;
    *out = (int64_t)v;
    return 1;
}

static double float_of(const unsigned char *p, int type)
{
    const uint64_t bits = gguf_unsigned(p, gguf_size(type));
    const uint32_t low = (uint32_t)bits;
    double d;
    float f;

    if (type == GGUF_F64) {
        memcpy(&d, &bits, sizeof d);
        return d;
    }
    memcpy(&f, &low, sizeof f);
    return (double)f;
}

/* A number of any kind; NaN if it is none. */
static double number_of(const unsigned char *p, int type)
{
    int64_t v;

    if (type == GGUF_F32 || type == GGUF_F64)
        return float_of(p, type);
    return is_integer(type) && integer_of(&v, p, type) ? (double)v : (double)NAN;
}

/* ---- single values ---- */

int gguf_int(int64_t *out, const struct gguf *g, const char *key, int64_t lo, int64_t hi,
             struct err *err)
{
    const struct gguf_value *v = find(g, key);
    int64_t n;

    if (!v)
        return 0;
    if (!is_integer(v->type) || !integer_of(&n, g->map.data + v->at, v->type))
        return bad(g, key, "is not an integer", err);
    if (n < lo || n > hi)
        return err_set(err, E_FORMAT, "%s: %s is %lld, not in %lld..%lld", g->path, key,
                       (long long)n, (long long)lo, (long long)hi);
    *out = n;
    return 1;
}

int gguf_number(float *out, const struct gguf *g, const char *key, struct err *err)
{
    const struct gguf_value *v = find(g, key);
    double n;

    if (!v)
        return 0;
    n = gguf_size(v->type) ? number_of(g->map.data + v->at, v->type) : (double)NAN;
    if (!isfinite(n) || !isfinite((float)n))
        return bad(g, key, "is not a number", err);
    *out = (float)n;
    return 1;
}

int gguf_bool(int *out, const struct gguf *g, const char *key, struct err *err)
{
    const struct gguf_value *v = find(g, key);

    if (!v)
        return 0;
    if (v->type != GGUF_BOOL || g->map.data[v->at] > 1)
        return bad(g, key, "is not true or false", err);
    *out = g->map.data[v->at];
    return 1;
}

static struct token_text text_at(const struct gguf *g, size_t at)
{
    return (struct token_text){(const char *)g->map.data + at + 8,
                               (size_t)gguf_unsigned(g->map.data + at, 8)};
}

int gguf_text(struct token_text *out, const struct gguf *g, const char *key, struct err *err)
{
    const struct gguf_value *v = find(g, key);

    if (!v)
        return 0;
    if (v->type != GGUF_TEXT)
        return bad(g, key, "is not a text", err);
    *out = text_at(g, v->at);
    return 1;
}

static int need(int rc, const struct gguf *g, const char *key, struct err *err)
{
    return rc ? (rc < 0 ? rc : 0) : bad(g, key, "is missing", err);
}

int gguf_need_int(int64_t *out, const struct gguf *g, const char *key, int64_t lo, int64_t hi,
                  struct err *err)
{
    return need(gguf_int(out, g, key, lo, hi, err), g, key, err);
}

int gguf_need_number(float *out, const struct gguf *g, const char *key, struct err *err)
{
    return need(gguf_number(out, g, key, err), g, key, err);
}

int gguf_need_text(struct token_text *out, const struct gguf *g, const char *key, struct err *err)
{
    return need(gguf_text(out, g, key, err), g, key, err);
}

/* ---- lists ---- */

/* Finds a list, and room for its n elements of `size` bytes each. */
static int list_of(const struct gguf_value **v, void **out, size_t *n, size_t size,
                   const struct gguf *g, const char *key, struct err *err)
{
    *out = NULL;
    *n = 0;
    *v = find(g, key);
    if (!*v)
        return 0;
    if ((*v)->type != GGUF_LIST)
        return bad(g, key, "is not a list", err);
    *n = (size_t)(*v)->n; /* it is in the file, so it fits */
    if (!*n)
        return 1;
    *out = mem_alloc(*n, size);
    return *out ? 1 : err_nomem(err);
}

static int refuse(void **out, const struct gguf *g, const char *key, const char *what,
                  struct err *err)
{
    mem_free(*out);
    *out = NULL;
    return bad(g, key, what, err);
}

int gguf_texts(struct token_text **out, size_t *n, const struct gguf *g, const char *key,
               struct err *err)
{
    const struct gguf_value *v;
    int rc = list_of(&v, (void **)out, n, sizeof **out, g, key, err);
    size_t at;

    if (rc < 1)
        return rc;
    if (v->element != GGUF_TEXT)
        return refuse((void **)out, g, key, "is not a list of texts", err);
    at = v->at;
    for (size_t i = 0; i < *n; i++) {
        (*out)[i] = text_at(g, at);
        at += 8 + (*out)[i].n;
    }
    return 1;
}

int gguf_ints(int32_t **out, size_t *n, const struct gguf *g, const char *key, struct err *err)
{
    const struct gguf_value *v;
    int rc = list_of(&v, (void **)out, n, sizeof **out, g, key, err);
    size_t size;

    if (rc < 1)
        return rc;
    size = gguf_size(v->element);
    for (size_t i = 0; i < *n; i++) {
        int64_t x;

        if (!is_integer(v->element) ||
            !integer_of(&x, g->map.data + v->at + i * size, v->element) || x < INT32_MIN ||
            x > INT32_MAX)
            return refuse((void **)out, g, key, "is not a list of integers", err);
        (*out)[i] = (int32_t)x;
    }
    return 1;
}

int gguf_numbers(float **out, size_t *n, const struct gguf *g, const char *key, struct err *err)
{
    const struct gguf_value *v;
    int rc = list_of(&v, (void **)out, n, sizeof **out, g, key, err);
    size_t size;

    if (rc < 1)
        return rc;
    size = gguf_size(v->element);
    for (size_t i = 0; i < *n; i++) {
        const double x = size ? number_of(g->map.data + v->at + i * size, v->element) : (double)NAN;

        if (isnan(x))
            return refuse((void **)out, g, key, "is not a list of numbers", err);
        (*out)[i] = (float)x;
    }
    return 1;
}
