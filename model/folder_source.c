/* folder_source.c -- one JSON file of a model folder, its fields checked; see folder_inside.h. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "model/folder_inside.h"

void source_close(struct source *s)
{
    json_free(s->root);
    mem_free(s->path);
    memset(s, 0, sizeof *s);
}

int source_open(struct source *s, const char *dir, const char *name, struct err *err)
{
    int rc;

    s->path = file_join(dir, name);
    if (!s->path)
        return err_nomem(err);
    if (!file_exists(s->path)) {
        source_close(s);
        return 0;
    }
    rc = json_load(&s->root, s->path, err);
    if (!rc && !json_is_object(s->root) && !json_is_array(s->root))
        rc = err_set(err, E_FORMAT, "'%s' is neither an object nor an array", s->path);
    if (rc) {
        source_close(s);
        return rc;
    }
    return 1;
}

int source_int(int *out, const struct source *s, const char *key, int lo, int hi, struct err *err)
{
    int64_t x = 0;

    if (json_need_integer(&x, s->root, key, lo, hi, err)) {
        err_wrap(err, "'%s'", s->path);
        return E_FORMAT;
    }
    *out = (int)x;
    return 0;
}

int source_lacks(const struct json *j)
{
    return !j || (!json_is_object(j) && !json_is_array(j) && !json_is_string(j) &&
                  !json_is_number(j) && json_bool(j, -1) < 0);
}

int source_bool(int *out, const struct source *s, const struct json *object, const char *key,
                struct err *err)
{
    const struct json *v = json_get(object, key);

    if (source_lacks(v))
        return 0;
    if (json_bool(v, -1) < 0)
        return err_set(err, E_FORMAT, "'%s': field '%s' is not true or false", s->path, key);
    *out = json_bool(v, 0);
    return 0;
}

int source_copy(char **out, const char *text, struct err *err)
{
    char *copy = mem_strdup(text);

    if (!copy)
        return err_nomem(err);
    mem_free(*out);
    *out = copy;
    return 0;
}
