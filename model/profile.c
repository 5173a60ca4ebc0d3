/* profile.c -- profiles as JSON; see profile.h.
 *
 *     {"name": "smollm2", "method": "stored", "model": "smollm2", "sha256": "...", "statistic": "log-mass",
 *      "calibrated": true, "wants": "find", "bits": 8, "first_stage": 0.5, "first_stage_fused": 1,
 *      "heads": [{"layer": 9, "head": 3, "weight": 1}], "chosen": "for people"}
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include "model/profile.h"

#include <math.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "model/model.h"
#include "model/prompt.h"

enum { PROFILE_BYTES = 1 << 20, LAYERS_MAX = 1 << 10, NAME_BYTES = 100 };

static const char *const wants_names[] = {[PROMPT_FIND] = "find", [PROMPT_ANSWER] = "answer"};
static const char *const methods[] = {"stored", "icr-blocks", "icr"};

/* ---- reading ---- */

static int need_text(char **out, const struct json *j, const char *key, struct err *err)
{
    const char *text;
    int rc = json_need_text(&text, j, key, err);

    if (rc)
        return rc;
    *out = mem_strdup(text);
    return *out ? 0 : err_nomem(err);
}

int profile_is_name(const char *name)
{
    char line[NAME_BYTES + 1];

    err_line(line, sizeof line, name);
    return *name && !strcmp(line, name) && !strchr(name, '/');
}

/* A name will be printed, and looked for: it can neither paint the terminal nor lead to any file. */
static int need_bare_name(char **out, const struct json *j, const char *key, struct err *err)
{
    int rc = need_text(out, j, key, err);

    return rc || profile_is_name(*out)
               ? rc
               : err_set(err, E_FORMAT,
                         "field '%s' is no name of up to %d printable characters without a slash",
                         key, NAME_BYTES);
}

static int need_number(double *out, const struct json *j, const char *key, double lo, double hi,
                       struct err *err)
{
    const struct json *v = json_get(j, key);

    if (!v || !json_is_number(v))
        return err_set(err, E_FORMAT, "field '%s' is missing or no number", key);
    *out = json_number(v, 0);
    if (!(*out >= lo && *out <= hi))
        return err_set(err, E_FORMAT, "field '%s' is not in %g..%g", key, lo, hi);
    return 0;
}

static int read_head(struct profile_head *out, const struct json *j, struct err *err)
{
    int64_t layer = 0, head = 0;
    int rc;

    if ((rc = json_need_integer(&layer, j, "layer", 0, LAYERS_MAX, err)) ||
        (rc = json_need_integer(&head, j, "head", 0, LAYERS_MAX, err)) ||
        (rc = need_number(&out->weight, j, "weight", -1e6, 1e6, err)))
        return rc;
    out->layer = (int)layer;
    out->head = (int)head;
    return 0;
}

static int is_before(const struct profile_head *a, const struct profile_head *b)
{
    return a->layer < b->layer || (a->layer == b->layer && a->head < b->head);
}

static int read_heads(struct profile *p, const struct json *heads, struct err *err)
{
    const size_t n = json_size(heads);
    int rc = 0;

    if (!json_is_array(heads) || !n || n > PROFILE_MAX_HEADS)
        return err_set(err, E_FORMAT, "field 'heads' is no list of 1 to %d heads",
                       PROFILE_MAX_HEADS);
    for (size_t i = 0; i < n && !rc; i++) {
        rc = read_head(&p->heads[i], json_at(heads, i), err);
        if (!rc && i && !is_before(&p->heads[i - 1], &p->heads[i]))
            rc = err_set(err, E_FORMAT, "heads are not in order of layer and head, each once");
    }
    p->n_heads = (int)n;
    return rc;
}

int profile_takes_bits(int bits) { return bits == 8 || (bits >= 2 && bits <= 4); }

/* Which of some names a field has. */
static int need_name(int *out, const struct json *j, const char *key, const char *const *names,
                     int n, struct err *err)
{
    const char *text;
    int rc = json_need_text(&text, j, key, err);

    for (*out = 0; !rc && *out < n; ++*out)
        if (!strcmp(text, names[*out]))
            return 0;
    return rc ? rc : err_set(err, E_FORMAT, "field '%s' is '%.40s', which is not known", key, text);
}

static int read_fields(struct profile *p, const struct json *j, struct err *err)
{
    const struct json *calibrated;
    int64_t bits = 0;
    int rc, method;

    if (!json_is_object(j))
        return err_set(err, E_FORMAT, "it is no JSON object");
    if ((rc = need_bare_name(&p->name, j, "name", err)) ||
        (rc = need_name(&method, j, "method", methods, 3, err)) ||
        (rc = need_text(&p->method, j, "method", err)) ||
        (rc = need_bare_name(&p->model, j, "model", err)) ||
        (rc = need_text(&p->sha256, j, "sha256", err)) ||
        (rc = need_text(&p->statistic, j, "statistic", err)) ||
        (rc = need_text(&p->chosen, j, "chosen", err)) ||
        (rc = need_name(&p->wants, j, "wants", wants_names, 2, err)) ||
        (rc = json_need_integer(&bits, j, "bits", 2, 8, err)) ||
        (rc = need_number(&p->first_stage, j, "first_stage", 0, 1e6, err)))
        return rc;
    p->first_stage_fused = p->first_stage;
    if (json_get(j, "first_stage_fused") &&
        (rc = need_number(&p->first_stage_fused, j, "first_stage_fused", 0, 1e6, err)))
        return rc;
    p->bits = (int)bits;
    if (!profile_takes_bits(p->bits))
        return err_set(err, E_FORMAT, "field 'bits' is not 8, 4, 3 or 2");
    calibrated = json_get(j, "calibrated");
    p->is_calibrated = json_bool(calibrated, 0);
    if (p->is_calibrated != json_bool(calibrated, 1))
        return err_set(err, E_FORMAT, "field 'calibrated' is neither true nor false");
    return read_heads(p, json_get(j, "heads"), err);
}

int profile_parse(struct profile **out, const char *json, size_t n, const char *source,
                  struct err *err)
{
    struct profile *p = mem_zalloc(1, sizeof *p);
    struct json *root = NULL;
    struct err why = {0};
    int rc;

    if (!p)
        return err_nomem(err);
    rc = json_parse(&root, json, n, &why);
    rc = rc ? rc : read_fields(p, root, &why);
    json_free(root);
    if (rc) {
        profile_free(p);
        return rc == E_NOMEM ? err_nomem(err)
                             : err_set(err, rc, "profile %.200s: %s", source, why.text);
    }
    *out = p;
    return 0;
}

void profile_free(struct profile *p)
{
    if (!p)
        return;
    mem_free(p->name);
    mem_free(p->method);
    mem_free(p->model);
    mem_free(p->sha256);
    mem_free(p->statistic);
    mem_free(p->chosen);
    mem_free(p);
}

/* ---- finding ---- */

/* "smollm2" and "stored" or NULL for "smollm2-stored.json"? */
static int is_called(const char *file, const char *name, const char *method)
{
    const size_t n = strlen(name);

    if (strncmp(file, name, n))
        return 0;
    if (!strcmp(file + n, ".json"))
        return 1; /* the whole name of a file */
    return method && file[n] == '-' && !strncmp(file + n + 1, method, strlen(method)) &&
           !strcmp(file + n + 1 + strlen(method), ".json");
}

static int not_there(const char *name, const char *method, struct err *err)
{
    struct buf known = {0};
    const int is_hidden = !model_is_path(name) && file_is_regular(name);
    const char *file;
    size_t n;
    int rc;

    for (int i = 0; profile_shipped(&file, &n, i); i++)
        buf_printf(&known, "%s%.*s", i ? ", " : "", (int)(strlen(file) - strlen(".json")), file);
    rc = buf_error(&known)
             ? err_nomem(err)
             : err_set(err, E_NOTFOUND,
                       "there is no profile '%.100s'%s%s: neither a file%s%.100s%s nor one that "
                       "ships (%s); 'fovea heads' makes one",
                       name, method ? " for " : "", method ? method : "",
                       is_hidden ? " (that is './" : "", is_hidden ? name : "",
                       is_hidden ? "')" : "", buf_text(&known));
    buf_clear(&known);
    return rc;
}

int profile_open(struct profile **out, const char *name, const char *method, struct err *err)
{
    const char *file, *text;
    char *bytes = NULL;
    size_t n;
    int rc;

    if (!model_is_path(name) || !file_is_regular(name)) {
        for (int i = 0; (text = profile_shipped(&file, &n, i)); i++)
            if (is_called(file, name, method))
                return profile_parse(out, text, n, file, err);
        return not_there(name, method, err);
    }
    rc = file_read(&bytes, &n, name, PROFILE_BYTES, err);
    rc = rc ? rc : profile_parse(out, bytes, n, name, err);
    mem_free(bytes);
    return rc;
}

/* ---- writing ---- */

static void put_text(struct buf *out, const char *key, const char *value)
{
    buf_printf(out, "  \"%s\": ", key);
    json_write_text(out, value);
    buf_puts(out, ",\n");
}

static void put_number(struct buf *out, const char *key, double x)
{
    buf_printf(out, "\"%s\": ", key);
    json_write_number(out, x);
}

int profile_write(struct buf *out, const struct profile *p, struct err *err)
{
    if (!profile_is_name(p->name) || !profile_is_name(p->model))
        return err_set(err, E_INVALID,
                       "a profile '%.60s' for a model '%.60s': names have up to %d printable "
                       "characters and no slash",
                       p->name, p->model, NAME_BYTES);
    buf_puts(out, "{\n");
    put_text(out, "name", p->name);
    put_text(out, "method", p->method);
    put_text(out, "model", p->model);
    put_text(out, "sha256", p->sha256);
    put_text(out, "statistic", p->statistic);
    buf_printf(out, "  \"calibrated\": %s,\n", p->is_calibrated ? "true" : "false");
    put_text(out, "wants", wants_names[p->wants]);
    buf_printf(out, "  \"bits\": %d,\n  ", p->bits);
    put_number(out, "first_stage", p->first_stage);
    if (p->first_stage_fused != p->first_stage) {
        buf_puts(out, ",\n  ");
        put_number(out, "first_stage_fused", p->first_stage_fused);
    }
    buf_puts(out, ",\n  \"heads\": [");
    for (int i = 0; i < p->n_heads; i++) {
        const struct profile_head *h = &p->heads[i];

        buf_printf(out, "%s\n    {\"layer\": %d, \"head\": %d, ", i ? "," : "", h->layer, h->head);
        put_number(out, "weight", h->weight);
        buf_putc(out, '}');
    }
    buf_puts(out, "\n  ],\n  \"chosen\": ");
    json_write_text(out, p->chosen);
    buf_puts(out, "\n}\n");
    return buf_error(out) ? err_nomem(err) : 0;
}

int profile_layers(const struct profile *p) { return p->heads[p->n_heads - 1].layer + 1; }
