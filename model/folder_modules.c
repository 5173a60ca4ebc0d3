/* folder_modules.c -- modules.json and 1_Pooling/config.json: how the network's output becomes one vector, or
 * weighted words. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "model/folder_inside.h"

/* The one pooling mode that is switched on: "pooling_mode": "mean", or, in older files,
 * one true among "pooling_mode_cls_token", ... */
static int find_mode(const char **mode, const struct source *s, struct err *err)
{
    static const char *const keys[][2] = {
        {"pooling_mode_cls_token", "cls"},
        {"pooling_mode_max_tokens", "max"},
        {"pooling_mode_mean_tokens", "mean"},
        {"pooling_mode_mean_sqrt_len_tokens", "mean_sqrt_len_tokens"},
        {"pooling_mode_weightedmean_tokens", "weightedmean"},
        {"pooling_mode_lasttoken", "lasttoken"},
    };
    const struct json *named = json_get(s->root, "pooling_mode");
    int n_on = 0;

    *mode = "mean";
    if (json_size(named) == 1)
        named = json_at(named, 0);
    if (named) {
        *mode = json_text(named, NULL);
        return *mode ? 0
                     : err_set(err, E_INVALID, "'%s': several poolings joined are not known",
                               s->path);
    }
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        int on = 0;

        if (source_bool(&on, s, s->root, keys[i][0], err))
            return E_FORMAT;
        if (on) {
            *mode = keys[i][1];
            n_on++;
        }
    }
    return n_on <= 1
               ? 0
               : err_set(err, E_INVALID, "'%s': several poolings joined are not known", s->path);
}

static int read_pooling(struct folder *f, const char *module, struct err *err)
{
    struct source s = {0};
    const char *mode = NULL;
    char *dir = file_join(f->path, module);
    int with_prompt = 1, rc;

    if (!dir)
        return err_nomem(err);
    rc = source_open(&s, dir, "config.json", err);
    if (!rc)
        rc = err_set(err, E_NOTFOUND, "'%s' names the module '%.40s', which has no config.json",
                     f->path, module);
    mem_free(dir);
    if (rc < 0)
        return rc;
    rc = find_mode(&mode, &s, err);
    if (!rc)
        rc = source_bool(&with_prompt, &s, s.root, "include_prompt", err);
    if (rc)
        goto done;
    if (!strcmp(mode, "mean"))
        f->pooling = FOLDER_MEAN;
    else if (!strcmp(mode, "cls"))
        f->pooling = FOLDER_CLS;
    else
        rc = err_set(err, E_INVALID, "'%s': pooling '%.40s' is not one of mean, cls", s.path, mode);
    if (!rc && !with_prompt)
        rc = err_set(err, E_INVALID, "'%s': pooling without the prompt is not known", s.path);
done:
    source_close(&s);
    return rc;
}

/* A SparseEncoder's pooling: only what SPLADE-max is. */
static int read_splade(struct folder *f, const char *module, struct err *err)
{
    struct source s = {0};
    const char *strategy, *activation;
    char *dir = file_join(f->path, module);
    int rc;

    if (!dir)
        return err_nomem(err);
    rc = source_open(&s, dir, "config.json", err);
    if (!rc)
        rc = err_set(err, E_NOTFOUND, "'%s' names the module '%.40s', which has no config.json",
                     f->path, module);
    mem_free(dir);
    if (rc < 0)
        return rc;
    rc = 0;
    strategy = json_text(json_get(s.root, "pooling_strategy"), "max");
    activation = json_text(json_get(s.root, "activation_function"), "relu");
    if (strcmp(strategy, "max") != 0)
        rc = err_set(err, E_INVALID, "'%s': pooling_strategy '%.40s'; only 'max' is known", s.path,
                     strategy);
    else if (strcmp(activation, "relu") != 0)
        rc = err_set(err, E_INVALID, "'%s': activation_function '%.40s'; only 'relu' is known",
                     s.path, activation);
    f->pooling = FOLDER_SPLADE;
    source_close(&s);
    return rc;
}

/* The class of a module without the packages before it, which differ from version to version. */
static const char *class_of(const char *type)
{
    const char *dot = strrchr(type, '.');

    return dot ? dot + 1 : type;
}

static int read_module(struct folder *f, const struct source *s, size_t i, struct err *err)
{
    const struct json *m = json_at(s->root, i);
    const char *type = NULL, *path = json_text(json_get(m, "path"), "");

    if (json_need_text(&type, m, "type", err)) {
        err_wrap(err, "'%s': module %zu", s->path, i);
        return E_FORMAT;
    }
    if (path[0] == '/' || strstr(path, ".."))
        return err_set(err, E_FORMAT, "'%s': the path of module %zu leaves the folder", s->path, i);
    type = class_of(type);
    if (!strcmp(type, "Transformer") || !strcmp(type, "MLMTransformer"))
        return path[0] ? err_set(err, E_INVALID,
                                 "'%s': a network in a folder of its own ('%.40s') is not known",
                                 s->path, path)
                       : 0;
    if (!strcmp(type, "Pooling"))
        return read_pooling(f, path, err);
    if (!strcmp(type, "SpladePooling"))
        return read_splade(f, path, err);
    if (!strcmp(type, "Normalize")) {
        f->normalise = 1;
        return 0;
    }
    return err_set(err, E_INVALID,
                   "'%s': module '%.60s' is not one of Transformer, MLMTransformer, Pooling, "
                   "SpladePooling, Normalize",
                   s->path, type);
}

int folder_read_modules(struct folder *f, struct err *err)
{
    struct source s = {0};
    int rc = source_open(&s, f->path, "modules.json", err);

    if (rc <= 0)
        return rc;
    rc = json_is_array(s.root) ? 0 : err_set(err, E_FORMAT, "'%s' is not an array", s.path);
    for (size_t i = 0; !rc && i < json_size(s.root); i++)
        rc = read_module(f, &s, i, err);
    if (!rc && f->pooling == FOLDER_SPLADE && f->normalise)
        rc = err_set(err, E_INVALID, "'%s': SPLADE weights are not normalised", s.path);
    source_close(&s);
    return rc;
}
