/* find.c -- where a decoder's file is. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "model/model.h"

static int ends_with(const char *s, const char *end)
{
    const size_t n = strlen(s), k = strlen(end);

    return n >= k && !strcmp(s + n - k, end);
}

static int file_is_here(const char *folder, const char *name)
{
    char *path = file_join(folder, name);
    const int is_here = path && file_is_regular(path);

    mem_free(path);
    return is_here;
}

/* The one .gguf in a folder: its name, or NULL; *n says how many there are. */
static char *only_gguf(size_t *n, char *const *names, size_t n_names)
{
    char *found = NULL;

    *n = 0;
    for (size_t i = 0; i < n_names; i++)
        if (ends_with(names[i], ".gguf")) {
            found = names[i];
            ++*n;
        }
    return *n == 1 ? found : NULL;
}

/* model.gguf in a folder, or whatever .gguf is alone there. */
static int find_in_folder(char **path, const char *folder, struct err *err)
{
    char **names = NULL, *file = file_join(folder, "model.gguf");
    size_t n_names = 0, n = 0;
    const char *found;
    int rc = file ? 0 : err_nomem(err);

    if (!rc && file_is_regular(file)) {
        *path = file;
        return 0;
    }
    mem_free(file);
    rc = rc ? rc : file_list(&names, &n_names, folder, err);
    if (rc)
        return rc;
    found = only_gguf(&n, names, n_names);
    if (found) {
        *path = file_join(folder, found);
        rc = *path ? 0 : err_nomem(err);
    } else if (n) {
        rc = err_set(err, E_INVALID, "'%.200s' has %zu .gguf files: name the one that is meant",
                     folder, n);
    } else {
        rc = err_set(err, E_NOTFOUND,
                     file_is_here(folder, "config.json")
                         ? "'%.200s' is an encoder: a language model is needed here, such as "
                           "smollm2 (./bootstrap model smollm2 fetches it)"
                         : "'%.200s' has no .gguf file, as a language model has",
                     folder);
    }
    mem_free(names);
    return rc;
}

int model_is_path(const char *name)
{
    return strchr(name, '/') || ends_with(name, ".gguf") || ends_with(name, ".json") ||
           !strcmp(name, ".") || !strcmp(name, "..");
}

int model_find_gguf(char **path, const char *name, struct err *err)
{
    char *folder = NULL;
    struct err why = {0};
    int rc;

    if (model_is_path(name) && file_is_regular(name)) {
        *path = mem_strdup(name);
        return *path ? 0 : err_nomem(err);
    }
    rc = model_find(&folder, name, &why);
    if (rc == E_NOTFOUND && file_is_regular(name))
        rc = err_set(err, rc, "there is no model '%.100s'; the path of the file is ./%.100s", name,
                     name);
    else if (rc)
        rc = err_set(err, rc, "%s", why.text);
    rc = rc ? rc : find_in_folder(path, folder, err);
    mem_free(folder);
    return rc;
}

int model_is_gguf(const char *name)
{
    char *folder = NULL, *file = NULL;
    struct err err = {0};
    int is_gguf = 0;

    if (model_is_path(name) && file_is_regular(name))
        return 1;
    if (!model_find(&folder, name, &err) && !file_is_here(folder, "config.json"))
        is_gguf = !find_in_folder(&file, folder, &err) || err.code == E_INVALID;
    mem_free(folder);
    mem_free(file);
    return is_gguf;
}
