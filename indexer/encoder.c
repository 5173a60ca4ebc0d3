/* encoder.c -- the encoder of an index, and whether it is the one that made its vectors. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "indexer/inside.h"

/* A model that an index was made with. */
struct needed {
    const char *given;                         /* the caller's name or folder, or NULL */
    const char *name, *folder, *file, *sha256; /* as recorded */
    int is_sparse;
    int64_t size; /* numbers in a vector, or words */
};

/* Where the encoder is: where the caller says, or where it was, or where models are. */
static int find_folder(char **path, const struct index *ix, const struct needed *r, struct err *err)
{
    int rc;

    if (r->given)
        return model_find(path, r->given, err);
    if (file_is_dir(r->folder)) {
        *path = mem_strdup(r->folder);
        return *path ? 0 : err_nomem(err);
    }
    rc = model_find(path, r->name, err);
    return rc ? err_wrap(err, "'%s' needs its encoder", ix->path) : 0;
}

static int check(const struct index *ix, const struct needed *r, struct model *m, struct err *err)
{
    const int fits = model_is_sparse(m) == r->is_sparse &&
                     (r->is_sparse ? model_vocabulary(m) : model_dim(m)) == r->size;
    char identity[80];
    const char *sha;

    file_identity(identity, model_weights_path(m));
    if (fits && !strcmp(identity, r->file))
        return 0; /* the very file that was hashed when the index was made */
    sha = model_sha256(m);
    if (!sha || !*sha)
        return err_set(err, E_IO, "'%s' cannot be read", model_weights_path(m));
    if (!fits || strcmp(sha, r->sha256) != 0)
        return err_set(err, E_INVALID,
                       "'%s' was made with the model '%s' with SHA-256 %.12s..., but '%s' has "
                       "%.12s...: give the folder of the right one",
                       ix->path, r->name, r->sha256, model_weights_path(m), sha);
    return 0;
}

/* Opens *kept unless it is open. */
static int need(struct model **kept, const struct index *ix, const struct needed *r,
                struct err *err)
{
    struct model_options opt = {.precision = ix->precision};
    struct model *m = NULL;
    char *folder = NULL;
    int rc;

    if (*kept)
        return 0;
    rc = find_folder(&folder, ix, r, err);
    rc = rc ? rc : model_open(&m, folder, &opt, err);
    rc = rc ? rc : check(ix, r, m, err);
    mem_free(folder);
    if (rc)
        model_close(m);
    else
        *kept = m;
    return rc;
}

int index_encoder(struct model **out, struct index *ix, struct err *err)
{
    const struct recorded *r = &ix->recorded;
    const struct needed n = {ix->model_given, r->model, r->model_folder, r->model_file,
                             r->model_sha256, 0,        r->dim};
    int rc;

    if (!r->dim)
        return err_set(err, E_INVALID, "'%s' has no dense leg: it was made without a model",
                       ix->path);
    rc = need(&ix->model, ix, &n, err);
    if (!rc)
        *out = ix->model;
    return rc;
}

int index_sparse_encoder(struct model **out, struct index *ix, struct err *err)
{
    const struct recorded *r = &ix->recorded;
    const struct needed n = {ix->sparse_given, r->sparse, r->sparse_folder, r->sparse_file,
                             r->sparse_sha256, 1,         r->sparse_words};
    int rc;

    if (!r->sparse_words)
        return err_set(err, E_INVALID, "'%s' has no sparse leg: it was made without a sparse model",
                       ix->path);
    rc = need(&ix->sparse, ix, &n, err);
    if (!rc)
        *out = ix->sparse;
    return rc;
}
