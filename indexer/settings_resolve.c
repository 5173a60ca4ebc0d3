/* settings_resolve.c -- what a new index is made with: names become what they stand for, models are opened and described. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "base/file.h"
#include "base/mem.h"
#include "indexer/inside.h"
#include "indexer/vectors.h"

static int open_model(struct model **out, const struct index *ix, const char *name, struct err *err)
{
    const struct model_options opt = {.precision = ix->precision};
    char *folder = NULL;
    int rc = model_find(&folder, name, err);

    rc = rc ? rc : model_open(out, folder, &opt, err);
    mem_free(folder);
    return rc;
}

/* Which file a model's weights are, so that another one is noticed. */
static int identify(char identity[80], const char **sha, struct model *m, struct err *err)
{
    file_identity(identity, model_weights_path(m));
    *sha = model_sha256(m);
    if (!*sha || !**sha)
        return err_set(err, E_IO, "'%s' cannot be read", model_weights_path(m));
    return 0;
}

/* Opens the encoder of a new index and notes what it is. */
static int record_model(struct index *ix, const char *name, struct err *err)
{
    struct recorded *r = &ix->recorded;
    char identity[80];
    const char *sha;
    int rc = open_model(&ix->model, ix, name, err);

    if (rc)
        return rc;
    if (model_is_sparse(ix->model))
        return err_set(err, E_INVALID,
                       "'%.80s' is a learned sparse model: it makes weighted words, not vectors",
                       model_path(ix->model));
    if (model_is_cross(ix->model))
        return err_set(err, E_INVALID,
                       "'%.80s' is a cross-encoder: it scores pairs of texts and makes no vectors",
                       model_path(ix->model));
    rc = identify(identity, &sha, ix->model, err);
    if (rc)
        return rc;
    r->dim = model_dim(ix->model);
    r->model_normalised = model_is_normalised(ix->model);
    r->model_bits = ix->precision == MODEL_F32 ? 32 : 8;
    rc = settings_replace(&r->model, model_name(ix->model), err);
    rc = rc ? rc : settings_replace(&r->model_folder, model_path(ix->model), err);
    rc = rc ? rc : settings_replace(&r->model_file, identity, err);
    rc = rc ? rc : settings_replace(&r->model_sha256, sha, err);
    rc = rc ? rc : settings_replace(&r->model_pooling, model_pooling(ix->model), err);
    rc = rc ? rc
            : settings_replace(&r->model_query_prefix, model_prefix(ix->model, MODEL_QUERY), err);
    return rc ? rc
              : settings_replace(&r->model_passage_prefix, model_prefix(ix->model, MODEL_PASSAGE),
                                 err);
}

/* The same for the learned sparse model. */
static int record_sparse(struct index *ix, const char *name, struct err *err)
{
    struct recorded *r = &ix->recorded;
    char identity[80];
    const char *sha;
    int rc = open_model(&ix->sparse, ix, name, err);

    if (rc)
        return rc;
    if (!model_is_sparse(ix->sparse))
        return err_set(err, E_INVALID,
                       "'%.80s' makes vectors: a sparse leg needs a learned sparse model (SPLADE)",
                       model_path(ix->sparse));
    if (model_vocabulary(ix->sparse) > IMPACT_TOKENS)
        return err_set(err, E_LIMIT, "'%.80s' has over %d words", model_path(ix->sparse),
                       IMPACT_TOKENS);
    rc = identify(identity, &sha, ix->sparse, err);
    if (rc)
        return rc;
    r->sparse_words = model_vocabulary(ix->sparse);
    r->sparse_bits = ix->precision == MODEL_F32 ? 32 : 8;
    rc = settings_replace(&r->sparse, model_name(ix->sparse), err);
    rc = rc ? rc : settings_replace(&r->sparse_folder, model_path(ix->sparse), err);
    rc = rc ? rc : settings_replace(&r->sparse_file, identity, err);
    return rc ? rc : settings_replace(&r->sparse_sha256, sha, err);
}

int settings_resolve(struct index *ix, const struct index_settings *want, struct err *err)
{
    struct recorded *r = &ix->recorded;
    struct analyzer *a = NULL;
    char chunking[40];
    int rc = chunking_parse(&ix->chunking, want->chunking ? want->chunking : "whole", err);

    if (rc)
        return rc;
    rc = analyzer_new(&a, want->analyzer, err);
    if (rc)
        return rc;
    chunking_format(chunking, &ix->chunking);
    rc = settings_empty(r, err);
    rc = rc ? rc : settings_replace(&r->analyzer, analyzer_name(a), err);
    rc = rc ? rc : settings_replace(&r->chunking, chunking, err);
    rc = rc ? rc : settings_replace(&r->vectors, want->vectors ? want->vectors : "auto", err);
    rc = rc ? rc : settings_replace(&r->model, "none", err);
    rc = rc ? rc : settings_replace(&r->sparse, "none", err);
    rc = rc ? rc : settings_fields(&ix->fields, &r->fields, want->fields, err);
    analyzer_free(a);
    if (!rc && !settings_is_none(want->model))
        rc = record_model(ix, want->model, err);
    if (!rc && !settings_is_none(want->sparse))
        rc = record_sparse(ix, want->sparse, err);
    if (!rc && r->dim)
        rc = vectors_check(r->vectors, (int)r->dim, err);
    if (!rc && !settings_is_none(want->attention))
        rc = attention_resolve(&ix->attention, ix, want->attention, err);
    r->format = settings_least_format(ix);
    return rc;
}
