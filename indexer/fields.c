/* fields.c -- reads and writes lists of weighted fields, and takes the texts of fields out of a document's JSON. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "indexer/fields.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "indexer/filter_token.h"

enum { STEPS_MAX = FIELD_WEIGHT_MAX * FIELD_STEPS };

/* ---- reading a list ---- */

struct reading {
    struct fields *out;
    const char *text, *at;
    size_t n_names; /* bytes in out->names */
    int seen[3];    /* title, headings, text */
    struct err *err;
};

static const char *const builtin[] = {"title", "headings", "text"};

static int *builtin_weight(struct fields *f, int i)
{
    return i == 0 ? &f->title : i == 1 ? &f->headings : &f->text;
}

static int wrong(const struct reading *r, const char *what)
{
    return err_set(r->err, E_INVALID,
                   "fields '%.80s': %s at byte %d; want NAME:WEIGHT,... as in "
                   "title:3,headings:0.5,keywords:2",
                   r->text, what, (int)(r->at - r->text) + 1);
}

static void skip_blanks(struct reading *r) { r->at += strspn(r->at, " \t\r\n"); }

/* 1 and behind it, if the character is there. */
static int accept(struct reading *r, char c)
{
    skip_blanks(r);
    if (*r->at != c)
        return 0;
    r->at++;
    skip_blanks(r);
    return 1;
}

/* Appends the parts of a name to out->names. */
static int read_name(struct member *f, struct reading *r)
{
    char *names = r->out->names;
    int n_parts = 0;

    f->at = (uint16_t)r->n_names;
    do {
        const char *begin = r->at,
                   *end = *begin == '"' ? token_skip_quoted(begin) : token_skip_name(begin);
        size_t n;

        if (!end)
            return wrong(r, "a quote is not closed");
        if (end == begin || (*begin >= '0' && *begin <= '9') || *begin == '-')
            return wrong(r, "a name is expected");
        n = (size_t)(end - begin);
        if (*begin == '"')
            n = token_unquote(names + r->n_names, begin, end);
        else
            memcpy(names + r->n_names, begin, n);
        if (!n || ++n_parts > FIELD_PARTS)
            return wrong(r, n ? "a name has too many parts" : "a name is empty");
        r->n_names += n;
        names[r->n_names++] = '\0';
        r->at = end;
    } while (*r->at == '.' && r->at++);
    f->n = (uint16_t)(r->n_names - f->at);
    return 0;
}

/* A number from 0 to 64, in steps of a quarter: "2", "0.5", ".25", "1.750". */
static int read_weight(int *steps, struct reading *r)
{
    const char *begin = r->at, *s = begin;
    int whole = 0, hundredths = 0, n_digits = 0;

    for (; *s >= '0' && *s <= '9'; s++, n_digits++)
        whole = whole > STEPS_MAX ? whole : whole * 10 + (*s - '0');
    if (*s == '.')
        for (int place = 100; *++s >= '0' && *s <= '9'; n_digits++) {
            place /= 10;
            if (!place && *s != '0')
                return wrong(r, "a weight is no multiple of 0.25");
            hundredths += place * (*s - '0');
        }
    if (!n_digits)
        return wrong(r, "a weight is expected");
    if (whole > FIELD_WEIGHT_MAX || (whole == FIELD_WEIGHT_MAX && hundredths))
        return wrong(r, "a weight is over 64");
    if (hundredths % (100 / FIELD_STEPS))
        return wrong(r, "a weight is no multiple of 0.25");
    *steps = whole * FIELD_STEPS + hundredths * FIELD_STEPS / 100;
    r->at = s;
    return 0;
}

static int is_same_name(const struct fields *f, const struct member *a, const struct member *b)
{
    return a->n == b->n && !memcmp(f->names + a->at, f->names + b->at, a->n);
}

/* Which of the three a name is, or -1; begin: as it is written. */
static int find_builtin(const struct fields *f, const struct member *name, const char *begin)
{
    for (int i = 0; *begin != '"' && i < 3; i++)
        if (name->n == strlen(builtin[i]) + 1 && !strcmp(f->names + name->at, builtin[i]))
            return i;
    return -1;
}

static int read_one(struct reading *r)
{
    struct fields *f = r->out;
    struct member name = {0};
    const char *begin;
    int steps = 0, is, rc;

    skip_blanks(r);
    begin = r->at;
    rc = read_name(&name, r);
    if (rc)
        return rc;
    is = find_builtin(f, &name, begin);
    for (int i = 0; i < f->n_more; i++)
        if (is_same_name(f, &name, &f->more[i]))
            return wrong(r, "a field is named twice");
    if (is >= 0 && r->seen[is]++)
        return wrong(r, "a field is named twice");
    if (!accept(r, ':'))
        return wrong(r, "':' is expected");
    rc = read_weight(&steps, r);
    if (rc)
        return rc;
    if (is >= 0) {
        *builtin_weight(f, is) = steps;
        r->n_names = name.at;
        return 0;
    }
    if (f->n_more == FIELDS_MAX)
        return wrong(r, "there are more than 16 fields beside title, headings and text");
    name.weight = (uint16_t)steps;
    f->more[f->n_more++] = name;
    return 0;
}

/* ---- one form for all that mean the same ---- */

static int compare(const struct fields *f, const struct member *a, const struct member *b)
{
    int c = memcmp(f->names + a->at, f->names + b->at, a->n < b->n ? a->n : b->n);

    return c ? c : (a->n > b->n) - (a->n < b->n);
}

/* Drops members of weight 0 and sorts the others (few: by insertion). */
static void sort(struct fields *f)
{
    int n = 0;

    for (int i = 0; i < f->n_more; i++) {
        const struct member one = f->more[i];
        int to = n;

        if (!one.weight)
            continue;
        for (; to > 0 && compare(f, &one, &f->more[to - 1]) < 0; to--)
            f->more[to] = f->more[to - 1];
        f->more[to] = one;
        n++;
    }
    f->n_more = n;
}

static int gcd(int a, int b)
{
    while (b) {
        int rest = a % b;

        a = b;
        b = rest;
    }
    return a;
}

int fields_parse(struct fields *out, const char *text, struct err *err)
{
    struct reading r = {.out = out, .text = text, .at = text, .err = err};
    int rc = 0;

    *out = (struct fields){.title = FIELD_STEPS, .headings = FIELD_STEPS, .text = FIELD_STEPS};
    if (text && strlen(text) >= FIELDS_BYTES) /* so that names fit in */
        return err_set(err, E_INVALID, "fields '%.80s...': the list is over %d bytes", text,
                       FIELDS_BYTES - 1);
    if (text)
        do
            rc = read_one(&r);
        while (!rc && accept(&r, ','));
    if (rc)
        return rc;
    if (text && *r.at)
        return wrong(&r, "',' is expected");
    sort(out);
    out->unit = gcd(gcd(out->title, out->headings), out->text);
    for (int i = 0; i < out->n_more; i++)
        out->unit = gcd(out->unit, out->more[i].weight);
    if (!out->unit)
        return err_set(err, E_INVALID, "fields '%.80s': all weights are 0, nothing would be found",
                       text);
    out->is_plain = !out->n_more && out->title == FIELD_STEPS && out->headings == FIELD_STEPS &&
                    out->text == FIELD_STEPS;
    return 0;
}

double fields_unit(const struct fields *f) { return (double)f->unit / FIELD_STEPS; }

/* ---- writing a list ---- */

static void put_name(struct buf *out, const char *name, int is_alone)
{
    int bare = *token_skip_name(name) == '\0' && !strchr("0123456789-", *name);

    for (int i = 0; is_alone && i < 3; i++)
        bare &= strcmp(name, builtin[i]) != 0;
    if (bare) {
        buf_puts(out, name);
        return;
    }
    buf_putc(out, '"');
    for (; *name; name++) {
        if (*name == '"')
            buf_putc(out, '"');
        buf_putc(out, *name);
    }
    buf_putc(out, '"');
}

static void put_weight(struct buf *out, int steps)
{
    static const char *const quarters[] = {"", ".25", ".5", ".75"};

    buf_printf(out, ":%d%s", steps / FIELD_STEPS, quarters[steps % FIELD_STEPS]);
}

void fields_format(struct buf *out, const struct fields *f)
{
    const int weights[] = {f->title, f->headings, f->text};

    for (int i = 0; i < 3; i++) {
        buf_printf(out, "%s%s", i ? "," : "", builtin[i]);
        put_weight(out, weights[i]);
    }
    for (int i = 0; i < f->n_more; i++) {
        const char *first = f->names + f->more[i].at, *end = first + f->more[i].n;

        for (const char *s = first; s < end; s += strlen(s) + 1) {
            buf_putc(out, s == first ? ',' : '.');
            put_name(out, s, s == first && s + strlen(s) + 1 == end);
        }
        put_weight(out, f->more[i].weight);
    }
}

/* ---- a document's fields ---- */

static const struct json *find_member(const struct json *j, const struct fields *f,
                                      const struct member *name)
{
    const char *s = f->names + name->at, *end = s + name->n;

    for (; j && s < end; s += strlen(s) + 1)
        j = json_get(j, s);
    return j;
}

/* Appends what can be searched for in a value that is no list, behind a blank if something is there. */
static void put_scalar(struct buf *out, size_t first, const struct json *v)
{
    if (!json_is_string(v) && !json_is_number(v))
        return;
    if (out->len > first)
        buf_putc(out, ' ');
    if (json_is_string(v))
        buf_puts(out, json_text(v, ""));
    else
        json_write(out, v);
}

static void put_value(struct buf *out, const struct json *v)
{
    const size_t first = out->len;

    put_scalar(out, first, v);
    if (json_is_array(v))
        for (size_t i = 0; i < json_size(v); i++)
            put_scalar(out, first, json_at(v, i));
}

/* Writes the texts one behind the other, each with its NUL. */
static void put_texts(struct buf *out, const struct fields *f, const struct json *meta)
{
    for (int i = 0; i < f->n_more; i++) {
        const struct json *v = find_member(meta, f, &f->more[i]);

        if (!v)
            v = find_member(json_get(meta, "metadata"), f, &f->more[i]);
        if (v)
            put_value(out, v);
        buf_putc(out, '\0');
    }
}

int fields_read(const char *const **out, size_t *bytes, struct arena *memory,
                const struct fields *f, const char *meta, struct err *err)
{
    struct json *j = NULL;
    struct buf texts = {.max = SIZE_MAX / 4};
    const char **list = NULL;
    char *at;
    int rc = 0;

    if (bytes)
        *bytes = 0;
    *out = NULL;
    if (!f->n_more || !meta)
        return 0;
    if (json_parse(&j, meta, strlen(meta), NULL) == E_NOMEM)
        return err_nomem(err);
    if (!j)
        return 0;
    put_texts(&texts, f, j);
    json_free(j);
    if (buf_error(&texts)) {
        rc = err_nomem(err);
    } else if (texts.len > (size_t)f->n_more) {
        list = arena_alloc(memory, (size_t)f->n_more * sizeof *list);
        at = arena_dup(memory, texts.data, texts.len);
        if (!list || !at)
            rc = err_nomem(err);
        for (int i = 0; !rc && i < f->n_more; at += strlen(at) + 1, i++)
            list[i] = at;
        if (!rc) {
            *out = list;
            if (bytes)
                *bytes = texts.len;
        }
    }
    buf_clear(&texts);
    return rc;
}
