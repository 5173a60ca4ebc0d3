/* c_trec.c -- files of TREC documents, many a file, gzip or not; or a folder of such files. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/lines.h"
#include "base/mem.h"
#include "corpora/folder.h"
#include "corpora/formats.h"
#include "corpora/trec.h"

enum { DOC_MAX_BYTES = 64 << 20 };

static const char *const suffixes[] = {".trec", ".trectext", ".trecweb", ".sgml", ".sgm", NULL};

struct reader {
    struct corpus_options opt;
    struct folder files;
    struct lines *in; /* NULL between files */
    const char *rest; /* what of the line read last is not taken yet, or NULL */
    size_t rest_n;
    int is_inside;     /* between <DOC> and </DOC> */
    size_t begun;      /* the line of the <DOC> */
    struct buf raw;    /* what is between */
    struct buf id;     /* its attribute `id` */
    int has_documents; /* in this file */
    int has_text;      /* anything but white space */
    struct trec trec;  /* the document given last */
};

/* The tag <NAME ...> in s[0..n), or NULL; *len is its length. */
static const char *find_tag(size_t *len, const char *s, size_t n, const char *name)
{
    const size_t k = strlen(name);
    const char *end = s + n;

    while ((s = memchr(s, '<', (size_t)(end - s)))) {
        const char *close = ++s + k;

        if ((size_t)(end - s) <= k || strncasecmp(s, name, k) ||
            (*close != '>' && !isspace((unsigned char)*close)))
            continue;
        while (close < end && *close != '>' && *close != '<')
            close++;
        if (close < end && *close == '>') {
            *len = (size_t)(close - s) + 2;
            return s - 1;
        }
    }
    return NULL;
}

/* Takes the value of id="..." out of a tag. */
static void take_id(struct buf *out, const char *tag, size_t n)
{
    const char *s, *end = tag + n;

    buf_reset(out);
    for (s = tag; s + 4 < end; s++)
        if (isspace((unsigned char)s[0]) && !strncasecmp(s + 1, "id=", 3)) {
            s += 4;
            s += *s == '"' || *s == '\'';
            buf_add(out, s, strcspn(s, "\"'> \t"));
            return;
        }
}

/* Begins a document at a tag <DOC>.  E_FORMAT if one was open. */
static int begin(struct reader *r, const char *tag, size_t len, struct err *err)
{
    const size_t begun = r->begun;
    const int was_inside = r->is_inside;

    take_id(&r->id, tag, len);
    buf_reset(&r->raw);
    r->is_inside = r->has_documents = 1;
    r->begun = lines_number(r->in);
    if (!was_inside)
        return 0;
    err_set(err, E_FORMAT, "the document has no </DOC>");
    corpus_at_line(err, lines_name(r->in), begun);
    return E_FORMAT;
}

static int end_document(struct doc *doc, struct reader *r, struct err *err)
{
    int rc = buf_error(&r->raw);

    r->is_inside = 0;
    if (rc == E_NOMEM || buf_error(&r->id))
        return err_nomem(err);
    if (rc)
        err_set(err, rc, "the document is over %d MiB long", DOC_MAX_BYTES >> 20);
    else
        rc = trec_parse(doc, &r->trec, buf_text(&r->raw), r->raw.len,
                        r->id.len ? buf_text(&r->id) : NULL, &r->opt, err);
    if (rc)
        corpus_at_line(err, lines_name(r->in), r->begun);
    return rc ? rc : 1;
}

/* Takes from the rest of a line up to the end of a document: 1 and the document; 0: the line is used up;
 * negative: a bad document. */
static int take(struct doc *doc, struct reader *r, struct err *err)
{
    while (r->rest) {
        size_t len = 0, end_len = 0;
        const char *s = r->rest, *open = find_tag(&len, s, r->rest_n, "doc"),
                   *close = r->is_inside ? find_tag(&end_len, s, r->rest_n, "/doc") : NULL;

        if (close && (!open || close < open)) {
            buf_add(&r->raw, s, (size_t)(close - s));
            r->rest = close + end_len;
            r->rest_n -= (size_t)(r->rest - s);
            return end_document(doc, r, err);
        }
        if (open) {
            r->rest = open + len;
            r->rest_n -= (size_t)(r->rest - s);
            if (begin(r, open, len, err))
                return E_FORMAT;
            continue;
        }
        if (r->is_inside) {
            buf_add(&r->raw, s, r->rest_n);
            buf_putc(&r->raw, '\n');
        }
        r->has_text |= s[strspn(s, " \t")] != '\0';
        r->rest = NULL;
    }
    return 0;
}

/* The end of a file.  0, or why it was bad. */
static int end_file(struct reader *r, struct err *err)
{
    int rc = 0;

    if (r->is_inside) {
        rc = err_set(err, E_FORMAT, "the document has no </DOC>: is the file cut off?");
        corpus_at_line(err, lines_name(r->in), r->begun);
    } else if (!r->has_documents && r->has_text) {
        rc = err_set(err, E_FORMAT, "%s: no <DOC> in the file: is it of TREC's format?",
                     lines_name(r->in));
    }
    lines_close(r->in);
    r->in = NULL;
    return rc;
}

/* The next file: 1; 0 if there is none. */
static int next_file(struct reader *r, struct err *err)
{
    int rc = folder_next(&r->files, err);

    if (rc != 1)
        return rc;
    r->is_inside = r->has_documents = r->has_text = 0;
    r->rest = NULL;
    rc = lines_open(&r->in, r->files.path, err);
    return rc ? rc : 1;
}

/* Other files may lie in a folder by right, without being an error. */
static int pass_over(struct reader *r, int has_documents, const struct err *why, struct err *err)
{
    struct corpus_options opt = r->opt;

    if (r->files.is_folder && !has_documents && !corpus_has_suffix(r->files.path, suffixes))
        opt.skip_bad = 1;
    return corpus_bad(&opt, why, err);
}

static int next(struct doc *doc, void *self, struct err *err)
{
    struct reader *r = self;
    int rc = 0;

    for (;;) {
        struct err why = {0};
        char *line;

        if (!r->in) {
            rc = next_file(r, err);
            if (rc != 1)
                return rc;
        }
        rc = take(doc, r, &why);
        if (rc == 1)
            return 1;
        if (!rc) {
            rc = lines_next(&line, &r->rest_n, r->in, &why);
            if (rc == 1) {
                r->rest = line;
                continue;
            }
            if (rc && rc != E_LIMIT)
                return err_set(err, rc, "%s", why.text);
            r->is_inside &= !rc; /* the document of a line that is too long is lost */
            if (!rc)
                rc = end_file(r, &why);
        }
        if (rc && (rc = pass_over(r, r->has_documents, &why, err)))
            return rc;
    }
}

static void close_reader(void *self)
{
    struct reader *r = self;

    if (!r)
        return;
    lines_close(r->in);
    folder_close(&r->files);
    buf_clear(&r->raw);
    buf_clear(&r->id);
    trec_clear(&r->trec);
    mem_free(r);
}

static int open_trec(struct doc_source *out, const char *path, const struct corpus_options *opt,
                     struct err *err)
{
    struct reader *r = mem_zalloc(1, sizeof *r);
    int rc;

    if (!r)
        return err_nomem(err);
    r->opt = *opt;
    r->raw.max = DOC_MAX_BYTES;
    rc = strcmp(path, "-") ? folder_open(&r->files, path, opt, err) : lines_open(&r->in, path, err);
    if (rc)
        close_reader(r);
    else
        *out = (struct doc_source){.next = next, .close = close_reader, .self = r};
    return rc;
}

static int accepts(const char *path) { return corpus_has_suffix(path, suffixes); }

const struct corpus_format corpus_trec = {
    .name = "trec",
    .about =
        "TREC documents <DOC> <DOCNO> ... </DOC>, many a file (.trec, .trectext, .trecweb, .sgml, "
        ".sgm, "
        "gzipped\n"
        "or not), or a folder of such files (with --format trec).  Title and text are the usual "
        "fields or\n"
        "those named by --title-field and --text-field; other short fields are kept as metadata.",
    .accepts = accepts,
    .open = open_trec,
};
