/* encoder.c -- the encoder of an index, and whether it is the one that made its vectors. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "indexer/inside.h"

/* Where the encoder is: where the caller says, or where it was, or where models are. */
static int find_folder(char **path, const struct index *ix, struct err *err)
{
    const struct recorded *r = &ix->recorded;
    int rc;

    if (ix->model_given)
        return model_find(path, ix->model_given, err);
    if (file_is_dir(r->model_folder)) {
        *path = mem_strdup(r->model_folder);
        return *path ? 0 : err_nomem(err);
    }
    rc = model_find(path, r->model, err);
    return rc ? err_wrap(err, "'%s' needs its encoder", ix->path) : 0;
}

static int check(const struct index *ix, struct model *m, struct err *err)
{
    const struct recorded *r = &ix->recorded;
    char identity[80];
    const char *sha;

    file_identity(identity, model_weights_path(m));
    if (model_dim(m) == r->dim && !strcmp(identity, r->model_file))
        return 0; /* the very file that was hashed when the index was made */
    sha = model_sha256(m);
    if (!sha || !*sha)
        return err_set(err, E_IO, "'%s' cannot be read", model_weights_path(m));
    if (model_dim(m) != r->dim || strcmp(sha, r->model_sha256) != 0)
        return err_set(err, E_INVALID,
                       "'%s' was made with the model '%s' with SHA-256 %.12s..., but '%s' has "
                       "%.12s...: give the folder of the right one",
                       ix->path, r->model, r->model_sha256, model_weights_path(m), sha);
    return 0;
}

int index_encoder(struct model **out, struct index *ix, struct err *err)
{
    struct model_options opt = {.precision = ix->precision};
    struct model *m = NULL;
    char *folder = NULL;
    int rc;

    if (!ix->recorded.dim)
        return err_set(err, E_INVALID, "'%s' has no dense leg: it was made without a model",
                       ix->path);
    if (!ix->model) {
        rc = find_folder(&folder, ix, err);
        rc = rc ? rc : model_open(&m, folder, &opt, err);
        rc = rc ? rc : check(ix, m, err);
        mem_free(folder);
        if (rc) {
            model_close(m);
            return rc;
        }
        ix->model = m;
    }
    *out = ix->model;
    return 0;
}
