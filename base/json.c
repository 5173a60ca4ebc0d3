/* json.c -- the only user of jansson: struct json is its json_t under another name. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json.h"

#include <jansson.h>
#include <math.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/number.h"
#include "base/utf8.h"

/* jansson has macros of these names; ours are functions. */
#undef json_is_object
#undef json_is_array
#undef json_is_string
#undef json_is_number

enum { JSON_FILE_MAX = 256 << 20 };

static const json_t *in(const struct json *j) { return (const json_t *)(const void *)j; }
static const struct json *out_of(const json_t *j) { return (const struct json *)(const void *)j; }

int json_parse(struct json **out, const char *text, size_t n, struct err *err)
{
    const size_t flags = JSON_DECODE_ANY | JSON_REJECT_DUPLICATES;
    json_error_t why;
    json_t *j;
    void *probe =
        mem_alloc(1, 1); /* so that tests can make this call fail: jansson allocates alone */

    if (!probe)
        return err_nomem(err);
    mem_free(probe);
    j = json_loadb(text, n, flags, &why);
    if (!j && json_error_code(&why) == json_error_numeric_overflow)
        j = json_loadb(text, n, flags | JSON_DECODE_INT_AS_REAL, &why);
    if (!j) {
        if (json_error_code(&why) == json_error_out_of_memory)
            return err_nomem(err);
        return err_set(err, E_FORMAT, "line %d, column %d: %s", why.line, why.column, why.text);
    }
    *out = (struct json *)(void *)j;
    return 0;
}

int json_load(struct json **out, const char *path, struct err *err)
{
    char *text = NULL;
    size_t n;
    int rc = file_read(&text, &n, path, JSON_FILE_MAX, err);

    if (rc)
        return rc;
    rc = json_parse(out, text, n, err);
    if (rc == E_FORMAT)
        err_wrap(err, "'%s' is not valid JSON", path);
    mem_free(text);
    return rc;
}

void json_free(struct json *root)
{
    if (root)
        json_decref((json_t *)(void *)root);
}

static int has_type(const struct json *j, json_type type)
{
    return j && json_typeof(in(j)) == type;
}

int json_is_object(const struct json *j) { return has_type(j, JSON_OBJECT); }
int json_is_array(const struct json *j) { return has_type(j, JSON_ARRAY); }
int json_is_string(const struct json *j) { return has_type(j, JSON_STRING); }
int json_is_number(const struct json *j)
{
    return has_type(j, JSON_INTEGER) || has_type(j, JSON_REAL);
}

const struct json *json_get(const struct json *j, const char *key)
{
    return json_is_object(j) ? out_of(json_object_get(in(j), key)) : NULL;
}

size_t json_size(const struct json *j)
{
    if (json_is_array(j))
        return json_array_size(in(j));
    return json_is_object(j) ? json_object_size(in(j)) : 0;
}

const struct json *json_at(const struct json *j, size_t i)
{
    return json_is_array(j) ? out_of(json_array_get(in(j), i)) : NULL;
}

const char *json_text(const struct json *j, const char *fallback)
{
    return json_is_string(j) ? json_string_value(in(j)) : fallback;
}

double json_number(const struct json *j, double fallback)
{
    return json_is_number(j) ? json_number_value(in(j)) : fallback;
}

int64_t json_int(const struct json *j, int64_t fallback)
{
    return has_type(j, JSON_INTEGER) ? (int64_t)json_integer_value(in(j)) : fallback;
}

int json_bool(const struct json *j, int fallback)
{
    if (has_type(j, JSON_TRUE))
        return 1;
    return has_type(j, JSON_FALSE) ? 0 : fallback;
}

int json_need_text(const char **out, const struct json *j, const char *key, struct err *err)
{
    const struct json *v = json_get(j, key);

    if (!v)
        return err_set(err, E_FORMAT, "field '%s' is missing", key);
    if (!json_is_string(v))
        return err_set(err, E_FORMAT, "field '%s' is not a string", key);
    *out = json_text(v, "");
    return 0;
}

int json_need_integer(int64_t *out, const struct json *j, const char *key, int64_t lo, int64_t hi,
                      struct err *err)
{
    const struct json *v = json_get(j, key);
    int64_t x;

    if (!v)
        return err_set(err, E_FORMAT, "field '%s' is missing", key);
    if (!has_type(v, JSON_INTEGER))
        return err_set(err, E_FORMAT, "field '%s' is not an integer", key);
    x = json_int(v, 0);
    if (x < lo || x > hi)
        return err_set(err, E_FORMAT, "field '%s' is %lld, it must be in %lld..%lld", key,
                       (long long)x, (long long)lo, (long long)hi);
    *out = x;
    return 0;
}

int json_each(const struct json *j, int (*fn)(const char *key, const struct json *v, void *payload),
              void *payload)
{
    const char *key;
    json_t *v;
    int rc = 0;

    if (!json_is_object(j))
        return 0;
    json_object_foreach((json_t *)(uintptr_t)j, key, v)
    {
        rc = fn(key, out_of(v), payload);
        if (rc)
            break;
    }
    return rc;
}

static void write_members(struct buf *out, const json_t *object)
{
    const char *key, *comma = "";
    json_t *v;

    buf_putc(out, '{');
    json_object_foreach((json_t *)(uintptr_t)object, key, v)
    {
        buf_puts(out, comma);
        json_write_text(out, key);
        buf_putc(out, ':');
        json_write(out, out_of(v));
        comma = ",";
    }
    buf_putc(out, '}');
}

/* Recursion is bounded by the parser, which takes 2,048 levels. */
void json_write(struct buf *out, const struct json *j)
{
    switch (json_typeof(in(j))) {
    case JSON_OBJECT:
        write_members(out, in(j));
        break;
    case JSON_ARRAY:
        buf_putc(out, '[');
        for (size_t i = 0; i < json_size(j); i++) {
            if (i)
                buf_putc(out, ',');
            json_write(out, json_at(j, i));
        }
        buf_putc(out, ']');
        break;
    case JSON_STRING:
        json_write_text(out, json_text(j, ""));
        break;
    case JSON_INTEGER:
        buf_printf(out, "%lld", (long long)json_int(j, 0));
        break;
    case JSON_REAL:
        json_write_number(out, json_number(j, 0));
        break;
    default:
        buf_puts(out, json_is_true(in(j)) ? "true" : json_is_false(in(j)) ? "false" : "null");
    }
}

void json_write_text(struct buf *out, const char *text)
{
    size_t n = strlen(text);

    buf_putc(out, '"');
    while (n) {
        uint32_t cp;
        int len = utf8_decode(&cp, text, n);

        if (cp == '"' || cp == '\\')
            buf_printf(out, "\\%c", (int)cp);
        else if (cp == '\n')
            buf_puts(out, "\\n");
        else if (cp == '\t')
            buf_puts(out, "\\t");
        else if (cp == '\r')
            buf_puts(out, "\\r");
        else if (cp < 0x20 || cp == 0x7f)
            buf_printf(out, "\\u%04x", (unsigned)cp);
        else if (cp == 0xfffd)
            buf_puts(out, "\xef\xbf\xbd");
        else
            buf_add(out, text, (size_t)len);
        text += len;
        n -= (size_t)len;
    }
    buf_putc(out, '"');
}

void json_write_number(struct buf *out, double x)
{
    char text[40];

    if (!isfinite(x)) {
        buf_puts(out, "null");
        return;
    }
    number_write(text, x, 1);
    buf_puts(out, text);
}
