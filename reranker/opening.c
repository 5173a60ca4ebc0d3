/* opening.c -- which profile and model a method runs with. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/mem.h"
#include "model/model.h"
#include "reranker/reranker_inside.h"

#define DEFAULT_MODEL "smollm2"

static int copy_profile(struct profile **out, const struct profile *p, struct err *err)
{
    struct buf json = {0};
    int rc = profile_write(&json, p, err);

    if (!rc)
        rc = buf_error(&json) ? err_nomem(err)
                              : profile_parse(out, json.data, json.len, p->name, err);
    buf_clear(&json);
    return rc;
}

/* The profile that was asked for; else what the index has keys for; else the one that ships for the model and method, if there is
 * one. */
static int find_profile(struct profile **out, const struct rerank_options *opt, const char *method,
                        struct err *err)
{
    struct err why = {0};
    char *path = NULL, *name = NULL;
    int rc;

    if (opt->profile && !strcmp(opt->profile, "all"))
        return 0;
    if (opt->profile)
        return profile_open(out, opt->profile, method, err);
    if (opt->model) {
        rc = model_find_gguf(&path, opt->model, err);
        if (rc)
            return rc;
        name = reader_name_of(path);
        mem_free(path);
        if (!name)
            return err_nomem(err);
    }
    if (opt->stored && !strcmp(opt->stored->method, method) &&
        (!name || !strcmp(name, opt->stored->model)))
        rc = copy_profile(out, opt->stored, &why);
    else
        rc = profile_open(out, name ? name : DEFAULT_MODEL, method, &why);
    mem_free(name);
    return rc == E_NOTFOUND ? 0 : rc ? err_set(err, rc, "%s", why.text) : 0;
}

/* The model that was asked for; else the profile's by its name, or where it was when the index got its keys. */
static int open_model(struct reader **out, const struct rerank_options *opt,
                      const struct profile *p, struct err *err)
{
    struct reader_place place = {.given = opt->model};

    if (!p)
        return reader_open(out, opt->model ? opt->model : DEFAULT_MODEL,
                           &(struct reader_options){.precision = opt->precision}, opt->pool, err);
    if (opt->stored && !strcmp(p->sha256, opt->stored->sha256))
        place.recorded = opt->stored_path;
    return reader_open_for(out, p, &place, opt->precision, opt->pool, err);
}

int rerank_open_reader(struct reader **out, struct reranker *r, const struct rerank_options *opt,
                       struct err *err)
{
    const char *method = r->method->name;
    int rc = find_profile(&r->profile, opt, method, err);

    if (!rc && r->profile && strcmp(r->profile->method, method) != 0)
        rc = err_set(err, E_INVALID, "profile '%.60s' is for %s, not for %s", r->profile->name,
                     r->profile->method, method);
    rc = rc ? rc : open_model(out, opt, r->profile, err);
    rc = rc ? rc : reader_check_context(*out, err);
    if (rc)
        return rc;
    if (r->profile)
        buf_printf(&r->describe, "%s, %s, profile %s: %d heads of %d layers, %s%s", method,
                   reader_name(*out), r->profile->name, r->profile->n_heads,
                   profile_layers(r->profile), r->profile->statistic,
                   r->profile->is_calibrated ? ", calibrated" : "");
    else
        buf_printf(&r->describe, "%s, %s, all heads", method, reader_name(*out));
    if (opt->precision == MODEL_F32)
        buf_puts(&r->describe, ", 32-bit floats");
    return 0;
}
