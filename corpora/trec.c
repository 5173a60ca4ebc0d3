/* trec.c -- see trec.h.
 *
 * The collections have no common grammar and not all tags are closed.  So there is no tree: a field is what
 * lies between a tag and its end, and a tag that is known to begin a title or text ends any field that is not.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include "corpora/trec.h"

#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "corpora/formats.h"
#include "corpora/html.h"
#include "corpora/sgml.h"

enum { META_MAX_BYTES = 256, ALL_META_BYTES = 64 << 10, NAME_BYTES = 32 };

enum kind { NOTHING, OTHER, HEADER, ID, TITLE, TEXT };

static const struct {
    const char *name;
    enum kind kind;
} fields[] = {
    {"docno", ID},      {"headline", TITLE}, {"title", TITLE},   {"hl", TITLE},
    {"head", TITLE},    {"ttl", TITLE},      {"ti", TITLE},      {"text", TEXT},
    {"body", TEXT},     {"lp", TEXT},        {"leadpara", TEXT}, {"lead", TEXT},
    {"abstract", TEXT}, {"content", TEXT},   {"contents", TEXT}, {"dochdr", HEADER},
};

struct parser {
    struct trec *t;
    const struct corpus_options *opt;
    char name[NAME_BYTES]; /* of the field that is open */
    enum kind kind;        /* NOTHING: none is */
    const char *from;      /* where it, or what is between two, begins */
    const char *page;      /* behind a DOCHDR */
};

void trec_clear(struct trec *t)
{
    buf_clear(&t->docno);
    buf_clear(&t->title);
    buf_clear(&t->text);
    buf_clear(&t->meta);
    buf_clear(&t->rest);
}

static enum kind kind_of(const char *name, const struct corpus_options *opt)
{
    const char *named[] = {opt->id_field, opt->title_field, opt->text_field};

    for (size_t i = 0; i < 3; i++)
        if (named[i] && !strcasecmp(name, named[i]))
            return (enum kind)(ID + i);
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        if (!strcmp(name, fields[i].name))
            return fields[i].kind >= ID && named[fields[i].kind - ID] ? OTHER : fields[i].kind;
    return OTHER;
}

/* Adds text to what is there, apart from it by `between`. */
static void append(struct buf *out, const char *s, size_t n, const char *between)
{
    const size_t at = out->len;

    buf_puts(out, at ? between : "");
    const size_t start = out->len;

    sgml_text(out, s, n);
    if (!buf_error(out) && out->len == start && at) /* nothing came */
        out->data[out->len = at] = '\0';
}

static void add_other(struct parser *p, const char *s, size_t n)
{
    struct buf value = {0}, key = {0};

    sgml_text(&value, s, n);
    sgml_one_line(&value, 0);
    buf_printf(&key, "\"%s\":", p->name);
    if (buf_error(&value) || buf_error(&key))
        p->t->meta.code = E_NOMEM;
    else if (value.len > META_MAX_BYTES)
        append(&p->t->rest, s, n, "\n\n");
    else if (p->t->meta.len < ALL_META_BYTES &&
             !strstr(buf_text(&p->t->meta), buf_text(&key))) /* the first of several counts */
        corpus_meta_add(&p->t->meta, p->name, buf_text(&value));
    buf_clear(&value);
    buf_clear(&key);
}

/* Ends the field that is open, or what was between two, at `end`. */
static void flush(struct parser *p, const char *end)
{
    const size_t n = (size_t)(end - p->from);

    switch (p->kind) {
    case NOTHING:
        append(&p->t->rest, p->from, n, "\n\n");
        break;
    case OTHER:
        add_other(p, p->from, n);
        break;
    case HEADER:
        break;
    case ID:
        if (!p->t->docno.len) {
            sgml_text(&p->t->docno, p->from, n);
            sgml_one_line(&p->t->docno, 0);
        }
        break;
    case TITLE:
        append(&p->t->title, p->from, n, " ");
        sgml_one_line(&p->t->title, 0);
        break;
    case TEXT:
        append(&p->t->text, p->from, n, "\n\n");
        break;
    }
    p->kind = NOTHING;
}

/* A start tag at s. */
static void begin_field(struct parser *p, const struct sgml_tag *tag, const char *s)
{
    const enum kind kind = kind_of(tag->name, p->opt);

    if (sgml_is_markup(tag->name) && kind == OTHER)
        return;
    if (p->kind == OTHER &&
        kind != OTHER) /* never closed, or it holds fields: nothing of its own */
        p->kind = HEADER;
    else if (p->kind != NOTHING && (kind == OTHER || kind <= p->kind))
        return;
    flush(p, s);
    p->kind = kind;
    p->from = s + tag->len;
    memcpy(p->name, tag->name, sizeof p->name);
}

static void end_field(struct parser *p, const struct sgml_tag *tag, const char *s)
{
    if (p->kind == NOTHING || strcmp(tag->name, p->name))
        return;
    if (p->kind == HEADER && !strcmp(tag->name, "dochdr"))
        p->page = s + tag->len;
    flush(p, s);
    p->from = s + tag->len;
}

static void parse(struct parser *p, const char *s, const char *end)
{
    p->from = s;
    while (!p->page && (s = memchr(s, '<', (size_t)(end - s)))) {
        struct sgml_tag tag;

        if (!sgml_tag(&tag, s, (size_t)(end - s))) {
            s++;
            continue;
        }
        if (tag.is_end)
            end_field(p, &tag, s);
        else if (tag.name[0])
            begin_field(p, &tag, s);
        s += tag.len;
    }
    if (!p->page)
        flush(p, end);
}

static int check(const struct trec *t, struct err *err)
{
    const struct buf *all[] = {&t->docno, &t->title, &t->text, &t->rest};

    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (buf_error(all[i]))
            return buf_error(all[i]) == E_NOMEM ? err_nomem(err)
                                                : err_set(err, E_LIMIT, "the document is too long");
    return 0;
}

/* Parses valid UTF-8. */
static int parse_document(struct doc *doc, struct trec *t, const char *s, size_t n,
                          const struct corpus_options *opt, struct err *err)
{
    struct parser p = {.t = t, .opt = opt};
    int rc;

    parse(&p, s, s + n);
    if (p.page && !t->text.len) {
        rc = html_to_text(&t->text, &t->title, p.page, (size_t)(s + n - p.page), err);
        if (rc)
            return rc;
    }
    rc = check(t, err);
    if (!rc)
        rc = corpus_meta_end(&doc->meta, &t->meta, err);
    if (rc)
        return rc;
    doc->docno = buf_text(&t->docno);
    doc->title = buf_text(&t->title);
    doc->text = buf_text(t->text.len ? &t->text : &t->rest);
    return 0;
}

int trec_parse(struct doc *doc, struct trec *t, const char *s, size_t n, const char *id,
               const struct corpus_options *opt, struct err *err)
{
    struct buf *const all[] = {&t->docno, &t->title, &t->text, &t->meta, &t->rest};
    struct buf good = {0};
    const char *nul = memchr(s, '\0', n);
    int rc = 0;

    if (nul)
        return err_set(err, E_FORMAT, "NUL byte at byte %zu of the document",
                       (size_t)(nul - s) + 1);
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        buf_reset(all[i]);
    if (utf8_check(s, n) < n) {
        utf8_repair(&good, s, n);
        rc = buf_error(&good) ? err_nomem(err) : 0;
        s = good.data;
        n = good.len;
    }
    if (!rc)
        rc = parse_document(doc, t, s, n, opt, err);
    if (!rc && !doc->docno[0] && id)
        doc->docno = id;
    if (!rc && !doc->docno[0])
        rc = err_set(err, E_FORMAT, "the document has no <%s>",
                     opt->id_field ? opt->id_field : "DOCNO");
    if (!rc)
        rc = corpus_check_name(doc->docno, "document's id", err);
    buf_clear(&good);
    return rc;
}
