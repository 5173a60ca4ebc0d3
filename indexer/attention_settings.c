/* attention_settings.c -- what the attention leg of an index was made with: recorded, read again with each commit that others
 * make, compared. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <stddef.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "indexer/inside.h"
#include "model/keys.h"

#define DEFAULT_PROFILE "smollm2"
#define METHOD "stored"

/* Rows of the table of settings: key, and where its value is kept. */
static const struct {
    const char *key;
    int is_number;
    size_t at;
} keys[] = {
    {"attention_profile", 0, offsetof(struct attention, json)},
    {"attention_model", 0, offsetof(struct attention, model)},
    {"attention_path", 0, offsetof(struct attention, path)},
    {"attention_bits", 1, offsetof(struct attention, precision_bits)},
    {"attention_slots", 1, offsetof(struct attention, slots)},
    {"attention_dim", 1, offsetof(struct attention, dim)},
};
enum { N_KEYS = sizeof keys / sizeof *keys };

static char **text_at(struct attention *a, int i) { return (char **)((char *)a + keys[i].at); }
static int64_t *number_at(struct attention *a, int i)
{
    return (int64_t *)((char *)a + keys[i].at);
}

void attention_clear(struct attention *a)
{
    for (int i = 0; i < N_KEYS; i++)
        if (!keys[i].is_number)
            mem_free(*text_at(a, i));
    profile_free(a->profile);
    key_maker_close(a->maker);
    reader_close(a->reader);
    stmt_free(a->get);
    mem_free(a->given);
    *a = (struct attention){.generation = a->generation + 1};
}

void attention_plan(struct key_plan *out, const struct attention *a)
{
    *out = (struct key_plan){.n = (int)a->slots,
                             .d = (int)a->dim,
                             .bits = a->profile->bits,
                             .heads = a->profile->is_calibrated ? a->profile->n_heads : 0};
}

int attention_serves(const struct profile *a, const struct profile *b)
{
    int same = !strcmp(a->sha256, b->sha256) && a->bits == b->bits && a->n_heads == b->n_heads &&
               a->is_calibrated == b->is_calibrated && a->wants == b->wants;

    for (int i = 0; same && i < a->n_heads; i++)
        same = a->heads[i].layer == b->heads[i].layer && a->heads[i].head == b->heads[i].head;
    return same;
}

/* ---- PROFILE[:MODEL] ---- */

/* Taken apart: "" and NULL where nothing is said. */
struct choice {
    char *profile; /* owned */
    char *model;   /* points behind it */
};

static int parse_choice(struct choice *out, const char *text, struct err *err)
{
    char *colon;

    out->model = NULL;
    out->profile = mem_strdup(text);
    if (!out->profile)
        return err_nomem(err);
    colon = strchr(out->profile, ':');
    if (colon && !(model_is_path(text) && file_exists(text))) {
        *colon = '\0';
        out->model = colon[1] ? colon + 1 : NULL;
    }
    return 0;
}

/* The profile and its JSON. */
static int open_profile(struct profile **out, char **json, const char *name, struct err *err)
{
    struct buf text = {0};
    int rc = profile_open(out, name, METHOD, err);

    if (rc)
        return rc;
    if (strcmp((*out)->method, METHOD) != 0)
        rc = err_set(err, E_INVALID, "profile '%.100s' is for re-ranking by %s, not by stored keys",
                     name, (*out)->method);
    rc = rc ? rc : profile_write(&text, *out, err);
    if (!rc && !(*json = buf_take(&text)))
        rc = err_nomem(err);
    buf_clear(&text);
    if (rc) {
        profile_free(*out);
        *out = NULL;
    }
    return rc;
}

/* ---- a new leg ---- */

/* Opens the model and notes what it is. */
static int record_model(struct attention *a, const struct index *ix, const char *name,
                        struct err *err)
{
    struct key_plan plan;
    int rc = reader_open_for(&a->reader, a->profile, &(struct reader_place){.given = name},
                             ix->precision, ix->pool, err);

    rc = rc ? rc : reader_check_context(a->reader, err);
    rc = rc ? rc : key_plan_make(&plan, a->profile, decoder_config(reader_decoder(a->reader)), err);
    if (rc)
        return rc;
    a->precision_bits = ix->precision == MODEL_F32 ? 32 : 8;
    a->slots = plan.n;
    a->dim = plan.d;
    a->model = mem_strdup(reader_name(a->reader));
    a->path = mem_strdup(reader_path(a->reader));
    return a->model && a->path ? 0 : err_nomem(err);
}

/* With a model only if there is an index to open it for. */
static int resolve(struct attention *out, const struct index *ix, const char *choice,
                   struct err *err)
{
    struct choice c;
    int rc = parse_choice(&c, choice, err);

    *out = (struct attention){0};
    if (rc)
        return rc;
    rc = open_profile(&out->profile, &out->json, *c.profile ? c.profile : DEFAULT_PROFILE, err);
    if (!rc && ix)
        rc = record_model(out, ix, c.model, err);
    mem_free(c.profile);
    if (rc)
        attention_clear(out);
    return rc;
}

int attention_resolve(struct attention *out, const struct index *ix, const char *choice,
                      struct err *err)
{
    return resolve(out, ix, choice, err);
}

int attention_resolve_profile(struct attention *out, const char *choice, struct err *err)
{
    return resolve(out, NULL, choice, err);
}

/* ---- writing ---- */

static int put(struct stmt *s, const char *key, const char *text, int64_t number, struct err *err)
{
    stmt_bind_text(s, 1, key);
    if (text)
        stmt_bind_text(s, 2, text);
    else
        stmt_bind_int(s, 2, number);
    return stmt_run(s, err);
}

/* The format that the file needs from now on; its number in SQLite's header follows if the file is the indexer's. */
static int set_format(struct index *ix, int64_t format, struct err *err)
{
    int64_t id = 0;
    int rc = counter_set(ix, "format", format, err);

    rc = rc ? rc : db_get_int(&id, ix->wr.db, err, "PRAGMA application_id");
    if (rc || id != INDEX_APPLICATION)
        return rc;
    return db_exec(ix->wr.db, err, "PRAGMA user_version = %d", (int)format);
}

static int prepare_put(struct stmt **out, struct index *ix, struct err *err)
{
    return db_prepare(out, ix->wr.db, err, "INSERT OR REPLACE INTO \"%w_settings\" VALUES(?1, ?2)",
                      ix->name);
}

int attention_rewrite(struct index *ix, const struct attention *a, struct err *err)
{
    struct stmt *s = NULL;
    int rc = prepare_put(&s, ix, err);

    rc = rc ? rc : put(s, "attention", a->profile->name, 0, err);
    rc = rc ? rc : put(s, "attention_profile", a->json, 0, err);
    stmt_free(s);
    return rc;
}

int attention_create(struct index *ix, const struct attention *a, struct err *err)
{
    struct attention *values = (struct attention *)a; /* only read */
    struct stmt *s = NULL;
    int rc = db_exec(ix->wr.db, err,
                     "CREATE TABLE \"%w_attention\"(id INTEGER PRIMARY KEY, document INTEGER NOT "
                     "NULL, crc INTEGER NOT NULL, keys BLOB NOT NULL);"
                     "INSERT INTO \"%w_settings\" VALUES('attention_passages', 0);"
                     "INSERT INTO \"%w_settings\" VALUES('attention_bytes', 0);"
                     "INSERT INTO \"%w_settings\" VALUES('attention_cut', 0);"
                     "INSERT INTO \"%w_settings\" VALUES('attention_empty', 0)",
                     ix->name, ix->name, ix->name, ix->name, ix->name);

    rc = rc ? rc : prepare_put(&s, ix, err);
    rc = rc ? rc : put(s, "attention", a->profile->name, 0, err);
    for (int i = 0; !rc && i < N_KEYS; i++)
        rc = keys[i].is_number ? put(s, keys[i].key, NULL, *number_at(values, i), err)
                               : put(s, keys[i].key, *text_at(values, i), 0, err);
    stmt_free(s);
    return rc ? rc : set_format(ix, INDEX_FORMAT_ATTENTION, err);
}

int attention_drop(struct index *ix, struct err *err)
{
    int rc = db_exec(ix->wr.db, err,
                     "DROP TABLE \"%w_attention\";"
                     "DELETE FROM \"%w_settings\" WHERE key = 'attention' OR key LIKE "
                     "'attention!_%%' ESCAPE '!'",
                     ix->name, ix->name);

    return rc ? rc : set_format(ix, settings_least_format(ix), err);
}

/* ---- reading ---- */

static int take(struct attention *a, int64_t *format, struct stmt *s, struct err *err)
{
    const char *key = stmt_text(s, 0);

    if (key && !strcmp(key, "format"))
        *format = stmt_int(s, 1);
    for (int i = 0; key && i < N_KEYS; i++) {
        if (strcmp(key, keys[i].key) != 0)
            continue;
        if (keys[i].is_number) {
            *number_at(a, i) = stmt_int(s, 1);
            continue;
        }
        mem_free(*text_at(a, i));
        *text_at(a, i) = mem_strdup(stmt_text(s, 1) ? stmt_text(s, 1) : "");
        if (!*text_at(a, i))
            return err_nomem(err);
    }
    return 0;
}

static int read_rows(struct attention *a, int64_t *format, struct index *ix, struct err *err)
{
    struct stmt *s = NULL;
    int rc = db_prepare(&s, ix->rd.db, err,
                        "SELECT key, value FROM \"%w_settings\" WHERE key = 'format' OR key LIKE "
                        "'attention!_%%' ESCAPE '!'",
                        ix->name);

    while (!rc && (rc = stmt_step(s, err)) == 1)
        rc = take(a, format, s, err);
    stmt_free(s);
    return rc;
}

/* Is what was read a leg, and whole? */
static int check_rows(struct attention *a, int64_t format, const struct index *ix, struct err *err)
{
    int n_there = 0;

    for (int i = 0; i < N_KEYS; i++)
        n_there += keys[i].is_number ? *number_at(a, i) > 0 : *text_at(a, i) != NULL;
    if (n_there ? n_there < N_KEYS : format == INDEX_FORMAT_ATTENTION)
        return err_set(err, E_FORMAT, "'%s' is damaged: a setting 'attention_...' is missing",
                       ix->path);
    if (n_there && (a->slots > PROFILE_MAX_HEADS || a->dim > KEYS_MAX_D ||
                    (a->precision_bits != 8 && a->precision_bits != 32)))
        return err_set(
            err, E_FORMAT, "'%s' is damaged: keys of %lld key heads of %lld numbers, %lld bits",
            ix->path, (long long)a->slots, (long long)a->dim, (long long)a->precision_bits);
    return 0;
}

static int is_same(struct attention *a, struct attention *b)
{
    int same = 1;

    for (int i = 0; same && i < N_KEYS; i++) {
        const char *x = keys[i].is_number ? NULL : *text_at(a, i);
        const char *y = keys[i].is_number ? NULL : *text_at(b, i);

        same = keys[i].is_number ? *number_at(a, i) == *number_at(b, i)
               : x && y          ? !strcmp(x, y)
                                 : x == y;
    }
    return same;
}

int attention_load(struct index *ix, struct err *err)
{
    struct attention a = {0}, *was = &ix->attention;
    struct err why = {0};
    int64_t format = 0;
    int rc = read_rows(&a, &format, ix, err);

    rc = rc ? rc : check_rows(&a, format, ix, err);
    if (!rc && !is_same(&a, was)) {
        if (a.json && (rc = profile_parse(&a.profile, a.json, strlen(a.json), "", &why)))
            rc = rc == E_NOMEM ? err_nomem(err)
                               : err_set(err, E_FORMAT, "'%s' is damaged: %s", ix->path, why.text);
        if (!rc) { /* the new settings, and what the caller said of the model */
            a.given = was->given;
            was->given = NULL;
            attention_clear(was);
            a.generation = was->generation;
            *was = a;
            a = (struct attention){0};
        }
    }
    attention_clear(&a);
    ix->settings.attention = was->profile ? was->profile->name : "none";
    return rc;
}

/* ---- comparing ---- */

static int other_profile(const struct index *ix, const char *name, struct err *err)
{
    const struct profile *has = ix->attention.profile;
    struct profile *p = NULL;
    char *json = NULL;
    struct err why = {0};
    int rc = open_profile(&p, &json, name, &why), same;

    if (rc == E_NOTFOUND && !strcmp(name, has->name))
        return 0; /* its file is gone, but the index holds all of it */
    if (rc)
        return err_set(err, rc, "%s", why.text);
    same = !strcmp(json, ix->attention.json);
    if (!same && attention_serves(has, p))
        rc = err_set(err, E_INVALID,
                     "'%s' has the attention profile '%.60s', and '%.60s' weighs the same heads "
                     "otherwise: 'fovea attend' with --profile records it",
                     ix->path, has->name, name);
    else if (!same)
        rc = err_set(err, E_INVALID,
                     "'%s' has keys for the attention profile '%.60s', not '%.60s'%s: open it "
                     "without that setting, or remove them with 'fovea attend --drop' first",
                     ix->path, has->name, name,
                     strcmp(p->name, has->name) ? "" : ", which needs other keys");
    profile_free(p);
    mem_free(json);
    return rc;
}

int attention_compare(struct index *ix, const char *choice, struct err *err)
{
    struct attention *a = &ix->attention;
    struct choice c;
    int rc = 0;

    if (!choice || (!a->profile && settings_is_none(choice)))
        return 0;
    if (settings_is_none(choice))
        return err_set(err, E_INVALID,
                       "'%s' has keys for the attention profile '%.60s', not 'none': open it "
                       "without that setting, or remove them with 'fovea attend --drop'",
                       ix->path, a->profile->name);
    if (!a->profile)
        return err_set(err, E_INVALID,
                       "'%s' was made without attention keys: 'fovea attend' adds them", ix->path);
    rc = parse_choice(&c, choice, err);
    if (!rc && *c.profile)
        rc = other_profile(ix, c.profile, err);
    if (!rc && c.model) {
        mem_free(a->given);
        a->given = mem_strdup(c.model);
        rc = a->given ? 0 : err_nomem(err);
    }
    mem_free(c.profile);
    return rc;
}
