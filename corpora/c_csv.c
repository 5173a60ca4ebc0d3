/* c_csv.c -- a CSV file as documents: the header row names the fields, a record is a document. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/hash.h"
#include "base/mem.h"
#include "corpora/csv.h"
#include "corpora/formats.h"

static const char *const id_names[] = {"_id", "id", "docno", "docid", NULL};
static const char *const title_names[] = {"title", NULL};
static const char *const text_names[] = {"text", "contents", "body", "doc", NULL};

static const size_t none = (size_t)-1;

struct reader {
    struct csv csv;
    struct corpus_options opt;
    struct map names; /* of the columns, in order; empty before the header */
    size_t id, title, text;
    struct buf meta;
};

/* The column of the given name, or else of the first of the usual ones that there is: as it is
 * written, else in any case. */
static size_t find_column(const struct reader *r, const char *named, const char *const *usual)
{
    const char *const only[] = {named, NULL};

    for (const char *const *name = named ? only : usual; *name; name++) {
        for (size_t i = 0; i < r->names.n; i++)
            if (!strcmp(r->names.entries[i].key, *name))
                return i;
        for (size_t i = 0; i < r->names.n; i++)
            if (!strcasecmp(r->names.entries[i].key, *name))
                return i;
    }
    return none;
}

/* A column without a name still has its place among the others. */
static int add_name(struct reader *r, const char *name, size_t i, struct err *err)
{
    size_t n;
    char unnamed[32];
    int64_t *place;

    name += strspn(name, " ");
    for (n = strlen(name); n && name[n - 1] == ' ';)
        n--;
    if (!n)
        n = (size_t)snprintf(unnamed, sizeof unnamed, "column %zu", i + 1), name = unnamed;
    place = map_put(&r->names, name, n);
    if (!place)
        return err_nomem(err);
    if ((*place)++)
        return err_set(err, E_FORMAT, "column '%.*s' comes twice in the header", (int)n, name);
    return 0;
}

static int need_column(size_t column, const char *named, const char *what, const char *usual,
                       const char *option, struct err *err)
{
    if (column != none)
        return 0;
    if (named)
        return err_set(err, E_FORMAT, "the header has no column '%s'", named);
    return err_set(
        err, E_FORMAT,
        "the header has no column for the %s (%s): name one with %s; the first line must "
        "be a header",
        what, usual, option);
}

/* Reads the first record.  Nothing can be read without it, so an error is one even when skipping. */
static int read_header(struct reader *r, struct err *err)
{
    struct err why = {0};
    int rc = csv_next(&r->csv, &why);

    if (rc != 1)
        return rc ? err_set(err, rc, "%s", why.text) : 0;
    rc = 0;
    for (size_t i = 0; i < r->csv.n_fields && !rc; i++)
        rc = add_name(r, csv_field(&r->csv, i), i, &why);
    if (!rc) {
        r->id = find_column(r, r->opt.id_field, id_names);
        r->title = find_column(r, r->opt.title_field, title_names);
        r->text = find_column(r, r->opt.text_field, text_names);
        rc = need_column(r->id, r->opt.id_field, "id", "_id, id, docno, docid", "--id-field", &why);
    }
    if (!rc)
        rc = need_column(r->text, r->opt.text_field, "text", "text, contents, body, doc",
                         "--text-field", &why);
    if (!rc && r->title == none && r->opt.title_field)
        rc = need_column(none, r->opt.title_field, "", "", "", &why);
    if (!rc)
        return 1;
    corpus_at_line(&why, lines_name(r->csv.in), r->csv.line);
    return err_set(err, rc, "%s", why.text);
}

static int read_document(struct doc *doc, struct reader *r, struct err *err)
{
    const size_t n = r->csv.n_fields;
    int rc;

    if (n != r->names.n)
        return err_set(err, E_FORMAT, "%zu column%s, the header has %zu", n, n == 1 ? "" : "s",
                       r->names.n);
    *doc = (struct doc){.docno = csv_field(&r->csv, r->id),
                        .title = r->title == none ? "" : csv_field(&r->csv, r->title),
                        .text = csv_field(&r->csv, r->text)};
    rc = corpus_check_name(doc->docno, "document's id", err);
    if (rc)
        return rc;
    buf_reset(&r->meta);
    for (size_t i = 0; i < n; i++)
        if (i != r->id && i != r->title && i != r->text)
            corpus_meta_add(&r->meta, r->names.entries[i].key, csv_field(&r->csv, i));
    return corpus_meta_end(&doc->meta, &r->meta, err);
}

static int next(struct doc *doc, void *self, struct err *err)
{
    struct reader *r = self;
    int rc = r->names.n ? 1 : read_header(r, err);

    if (rc != 1)
        return rc;
    for (;;) {
        struct err why = {0};

        rc = csv_next(&r->csv, &why);
        if (!rc || (rc < 0 && !r->csv.is_bad))
            return rc ? err_set(err, rc, "%s", why.text) : 0;
        if (rc == 1) {
            rc = read_document(doc, r, &why);
            if (!rc)
                return 1;
            corpus_at_line(&why, lines_name(r->csv.in), r->csv.line);
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
    csv_close(&r->csv);
    map_clear(&r->names);
    buf_clear(&r->meta);
    mem_free(r);
}

static int open_csv(struct doc_source *out, const char *path, const struct corpus_options *opt,
                    struct err *err)
{
    struct reader *r = mem_zalloc(1, sizeof *r);
    int rc;

    if (!r)
        return err_nomem(err);
    r->opt = *opt;
    rc = csv_open(&r->csv, path, err);
    if (rc) {
        close_reader(r);
        return rc;
    }
    *out = (struct doc_source){.next = next, .close = close_reader, .self = r};
    return 0;
}

static int accepts(const char *path)
{
    static const char *const suffixes[] = {".csv", NULL};

    return corpus_has_suffix(path, suffixes);
}

const struct corpus_format corpus_csv = {
    .name = "csv",
    .about =
        "A record a document (.csv, gzipped or not): RFC 4180; the first line names the columns, "
        "which are\n"
        "separated by commas, semicolons, tabs or bars.  Id, title and text are found as in "
        "jsonl; other\n"
        "columns are kept as metadata unless empty, numbers as numbers.",
    .accepts = accepts,
    .open = open_csv,
};
