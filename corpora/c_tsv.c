/* c_tsv.c -- docno TAB [title TAB] text, a line a document, gzip or not.
 *
 * The first line decides whether there is a title: 2 columns or 3.  Every other line must have
 * as many, so that a tab inside a text is noticed and not taken for a border.  A first line such
 * as "id TAB text" is a header and is passed over.  There is no quoting.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/lines.h"
#include "base/mem.h"
#include "corpora/formats.h"

enum { MAX_COLUMNS = 3 };

struct reader {
    struct lines *in;
    struct corpus_options opt;
    int n_columns; /* 2 or 3; 0 before the first line */
};

/* Cuts a line at its tabs, in place.  Returns the number of columns, which may be over MAX_COLUMNS. */
static int split(char *columns[MAX_COLUMNS], char *line)
{
    int n = 0;

    for (char *s = line; s; n++) {
        char *tab = strchr(s, '\t');

        if (n < MAX_COLUMNS)
            columns[n] = s;
        if (tab)
            *tab++ = '\0';
        s = tab;
    }
    return n;
}

static int is_one_of(const char *s, const char *const *names)
{
    for (; *names; names++)
        if (!strcmp(s, *names))
            return 1;
    return 0;
}

static int is_header(char *const *columns, int n)
{
    static const char *const ids[] = {"_id", "id", "docno", "docid", "doc_id", "pid", NULL};
    static const char *const texts[] = {"text", "contents", "body", "doc", "passage", NULL};

    return n > 1 && n <= MAX_COLUMNS && is_one_of(columns[0], ids) &&
           is_one_of(columns[n - 1], texts);
}

/* 1: a document; 0: a header; negative: an error. */
static int read_document(struct doc *doc, struct reader *r, char *line, size_t n, struct err *err)
{
    char *columns[MAX_COLUMNS];
    int n_columns, rc = corpus_check_text(line, n, err);

    if (rc)
        return rc;
    n_columns = split(columns, line);
    if (n_columns < 2 || n_columns > MAX_COLUMNS)
        return err_set(err, E_FORMAT,
                       "%d column%s, needed are id TAB text or id TAB title TAB text", n_columns,
                       n_columns == 1 ? "" : "s");
    if (!r->n_columns) {
        r->n_columns = n_columns;
        if (is_header(columns, n_columns))
            return 0;
    }
    if (n_columns != r->n_columns)
        return err_set(err, E_FORMAT, "%d columns, the lines before have %d", n_columns,
                       r->n_columns);
    rc = corpus_check_name(columns[0], "document's id", err);
    if (rc)
        return rc;
    *doc = (struct doc){.docno = columns[0],
                        .title = n_columns == 3 ? columns[1] : "",
                        .text = columns[n_columns - 1]};
    return 1;
}

static int next(struct doc *doc, void *self, struct err *err)
{
    struct reader *r = self;

    for (;;) {
        struct err why = {0};
        char *line;
        size_t n;
        int rc = lines_next(&line, &n, r->in, &why);

        if (rc != 1 && rc != E_LIMIT)
            return rc ? err_set(err, rc, "%s", why.text) : 0;
        if (rc == 1 && !n)
            continue;
        if (rc == 1) {
            rc = read_document(doc, r, line, n, &why);
            if (rc == 1)
                return 1;
            if (!rc)
                continue;
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
    mem_free(r);
}

static int open_tsv(struct doc_source *out, const char *path, const struct corpus_options *opt,
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
    static const char *const suffixes[] = {".tsv", NULL};

    return corpus_has_suffix(path, suffixes);
}

const struct corpus_format corpus_tsv = {
    .name = "tsv",
    .about = "A line a document (.tsv, gzipped or not): id TAB text, or id TAB title TAB text; the "
             "first line\n"
             "decides which.  A header line is recognised.  No quoting.",
    .accepts = accepts,
    .open = open_tsv,
    .is_by_line = 1,
};
