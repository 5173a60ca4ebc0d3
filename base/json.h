/* json.h -- checked access to JSON; the only user of jansson.
 *
 *     struct json *j;
 *     if (json_parse(&j, line, n, &err)) ...
 *     const char *id;
 *     if (json_need_text(&id, j, "_id", &err)) ...     // "field '_id' is missing"
 *     json_free(j);
 *
 * Values returned are borrowed from the tree and valid until json_free of its root.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

struct json; /* a value of any kind */

/* Parses one JSON value of any kind; E_FORMAT says line, column and reason.
 * Duplicate keys and trailing text are errors; strings may not hold U+0000.
 * A text with an integer beyond 64 bits (model folders write int(1e30) for "no limit") is read
 * with all its integers as reals. */
int json_parse(struct json **out, const char *text, size_t n, struct err *err);

/* Parses a file of at most 256 MiB. */
int json_load(struct json **out, const char *path, struct err *err);

void json_free(struct json *root);

/* Kinds. */
int json_is_object(const struct json *j);
int json_is_array(const struct json *j);
int json_is_string(const struct json *j);
int json_is_number(const struct json *j);

/* Member of an object, or NULL (also when j is NULL or no object). */
const struct json *json_get(const struct json *j, const char *key);

/* Elements of an array or object; 0 for others. */
size_t json_size(const struct json *j);

/* Element i of an array; NULL beyond the end. */
const struct json *json_at(const struct json *j, size_t i);

/* Values; the fall-back if j is NULL or of another kind. */
const char *json_text(const struct json *j, const char *fallback);
double json_number(const struct json *j, double fallback);
int64_t json_int(const struct json *j, int64_t fallback);
int json_bool(const struct json *j, int fallback);

/* A string member that must be there: E_FORMAT "field 'key' is missing" or
 * "field 'key' is not a string". */
int json_need_text(const char **out, const struct json *j, const char *key, struct err *err);

/* An integer member that must be there and lie in lo..hi. */
int json_need_integer(int64_t *out, const struct json *j, const char *key, int64_t lo, int64_t hi,
                      struct err *err);

/* Calls fn for every member of an object in the order of the file, until it returns
 * non-zero, and returns that. */
int json_each(const struct json *j, int (*fn)(const char *key, const struct json *v, void *payload),
              void *payload);

/* Writes j in compact form, members in the order of the file. */
void json_write(struct buf *out, const struct json *j);

/* Writes text as a JSON string with quotes and escapes; invalid UTF-8 becomes U+FFFD. */
void json_write_text(struct buf *out, const char *text);

/* Writes a finite number in the shortest form that reads back the same; null for others. */
void json_write_number(struct buf *out, double x);

#endif
