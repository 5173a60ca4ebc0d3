/* c_jsonl.c -- one JSON object a line, gzip or not; named fields, the rest kept as metadata. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/lines.h"
#include "base/mem.h"
#include "corpora/formats.h"

static const char *const id_names[] = {"_id", "id", "docno", "docid", NULL};
static const char *const title_names[] = {"title", NULL};
static const char *const text_names[] = {"text", "contents", "body", "doc", NULL};

struct reader {
    struct lines *in;
    struct corpus_options opt;
    struct json *j;  /* the document given last; owns its strings */
    struct buf id;   /* its id, if that was a number */
    struct buf meta; /* its other fields */
};

int corpus_parse_object(struct json **out, const char *line, size_t n, struct err *err)
{
    struct err why = {0};
    struct json *j = NULL;
    int rc = corpus_check_text(line, n, err);

    if (rc)
        return rc;
    rc = json_parse(&j, line, n, &why);
    if (rc) { /* its "line 1, " would only confuse beside the file's line number */
        const char *text = strncmp(why.text, "line 1, ", 8) ? why.text : why.text + 8;

        return err_set(err, rc, "%s", text);
    }
    if (!json_is_object(j)) {
        json_free(j);
        return err_set(err, E_FORMAT, "not a JSON object");
    }
    *out = j;
    return 0;
}

const struct json *corpus_field(const char **used, const struct json *j, const char *const *names)
{
    *used = names[0];
    for (; *names; names++) {
        const struct json *v = json_get(j, *names);

        if (v) {
            *used = *names;
            return v;
        }
    }
    return NULL;
}

int corpus_name_of(const char **out, struct buf *buf, const struct json *v, const char *used,
                   struct err *err)
{
    if (!v)
        return err_set(err, E_FORMAT, "field '%s' is missing", used);
    if (json_is_number(v)) {
        buf_reset(buf);
        json_write(buf, v);
        if (buf_error(buf))
            return err_nomem(err);
        *out = buf_text(buf);
        return 0;
    }
    if (!json_is_string(v))
        return err_set(err, E_FORMAT, "field '%s' is neither a string nor a number", used);
    *out = json_text(v, "");
    return 0;
}

static int is_null(const struct json *j)
{
    return j && !json_is_string(j) && !json_is_number(j) && !json_is_object(j) &&
           !json_is_array(j) && json_bool(j, 2) == 2;
}

/* A text field; `needed` says whether it may be missing or null. */
static int text_of(const char **out, const struct json *v, const char *used, int needed,
                   struct err *err)
{
    *out = "";
    if (json_is_string(v)) {
        *out = json_text(v, "");
        return 0;
    }
    if (!v)
        return needed ? err_set(err, E_FORMAT, "field '%s' is missing", used) : 0;
    if (!needed && is_null(v))
        return 0;
    return err_set(err, E_FORMAT, "field '%s' is not a string", used);
}

struct other_fields {
    struct buf *out;
    const char *used[3]; /* fields that are no metadata */
};

static int add_other(const char *key, const struct json *v, void *payload)
{
    struct other_fields *o = payload;

    for (int i = 0; i < 3; i++)
        if (!strcmp(key, o->used[i]))
            return 0;
    if (is_null(v) || ((json_is_object(v) || json_is_array(v)) && !json_size(v)))
        return 0; /* says nothing: BEIR's sets are full of "metadata": {} */
    buf_putc(o->out, o->out->len ? ',' : '{');
    json_write_text(o->out, key);
    buf_putc(o->out, ':');
    json_write(o->out, v);
    return 0;
}

static const struct json *pick(const char **used, const struct reader *r, const char *named,
                               const char *const *names)
{
    const char *const only[] = {named, NULL};

    return corpus_field(used, r->j, named ? only : names);
}

static int read_document(struct doc *doc, struct reader *r, const char *line, size_t n,
                         struct err *err)
{
    struct other_fields others = {.out = &r->meta};
    const struct json *id, *title, *text;
    int rc;

    json_free(r->j);
    r->j = NULL;
    rc = corpus_parse_object(&r->j, line, n, err);
    if (rc)
        return rc;
    id = pick(&others.used[0], r, r->opt.id_field, id_names);
    title = pick(&others.used[1], r, r->opt.title_field, title_names);
    text = pick(&others.used[2], r, r->opt.text_field, text_names);
    if ((rc = corpus_name_of(&doc->docno, &r->id, id, others.used[0], err)) ||
        (rc = corpus_check_name(doc->docno, "document's id", err)) ||
        (rc = text_of(&doc->title, title, others.used[1], 0, err)) ||
        (rc = text_of(&doc->text, text, others.used[2], 1, err)))
        return rc;
    buf_reset(&r->meta);
    json_each(r->j, add_other, &others);
    if (r->meta.len)
        buf_putc(&r->meta, '}');
    if (buf_error(&r->meta))
        return err_nomem(err);
    doc->meta = r->meta.len ? buf_text(&r->meta) : NULL;
    return 0;
}

static int is_blank(const char *line) { return !line[strspn(line, " \t")]; }

static int next(struct doc *doc, void *self, struct err *err)
{
    struct reader *r = self;

    for (;;) {
        struct err why = {0};
        struct doc found = {0};
        char *line;
        size_t n;
        int rc = lines_next(&line, &n, r->in, &why);

        if (rc != 1 && rc != E_LIMIT)
            return rc ? err_set(err, rc, "%s", why.text) : 0;
        if (rc == 1 && n == strlen(line) && is_blank(line))
            continue;
        if (rc == 1) {
            rc = read_document(&found, r, line, n, &why);
            if (!rc) {
                *doc = found;
                return 1;
            }
            corpus_at_line(&why, lines_name(r->in), lines_number(r->in));
        }
        rc = corpus_bad(&r->opt, &why, err);
        if (rc)
            return rc;
    }
}

static void close_reader(void *self)
{
    struct reader *r = self;

    if (!r)
        return;
    lines_close(r->in);
    json_free(r->j);
    buf_clear(&r->id);
    buf_clear(&r->meta);
    mem_free(r);
}

int corpus_open_jsonl(struct doc_source *out, const char *path, const struct corpus_options *opt,
                      struct err *err)
{
    struct reader *r = mem_zalloc(1, sizeof *r);
    int rc;

    if (!r)
        return err_nomem(err);
    r->opt = *opt;
    rc = lines_open(&r->in, path, err);
    if (rc) {
        close_reader(r);
        return rc;
    }
    *out = (struct doc_source){.next = next, .close = close_reader, .self = r};
    return 0;
}

static int accepts(const char *path)
{
    static const char *const suffixes[] = {".jsonl", ".ndjson", NULL};

    return !strcmp(path, "-") || corpus_has_suffix(path, suffixes);
}

const struct corpus_format corpus_jsonl = {
    .name = "jsonl",
    .about = "One JSON object a line (.jsonl, .ndjson, gzipped or not; standard input): the id is "
             "field _id,\n"
             "else id, docno, docid; the title title; the text text, else contents, body, doc.\n"
             "Other fields are kept as metadata unless empty.",
    .accepts = accepts,
    .open = corpus_open_jsonl,
    .is_by_line = 1,
};
