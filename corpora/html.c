/* html.c -- see html.h.  libxml2 tells tags from text and closes what a page leaves open; a table says
 * what each element means for the text; flow.c lays it out.
 *
 * No tree is built: a tree has a limit of depth, and the text is all that is wanted.  Even so libxml2 looks
 * through the open elements at many tags, so the sum of depths over all events is limited; a page
 * beyond that (100,000 elements, none closed) goes on as a row of tags to be stripped.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include "corpora/html.h"

#include <libxml/HTMLparser.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "corpora/charset.h"
#include "corpora/flow.h"
#include "corpora/html_guard.h"
#include "corpora/html_elements.h"
#include "corpora/sgml.h"

enum { WORK_MAX = 20 * 1000 * 1000 };

/* How much of a page is taken: the next one if there is no text. */
enum part { MAIN, NO_NAVIGATION, ALL };

struct page {
    struct flow flow;
    struct buf *title;
    htmlParserCtxtPtr parser;
    enum part part;
    int main_level;  /* elements open from <main> on; 0 outside */
    int skipped;     /* elements open from the one on that is left out; 0 outside */
    int in_title;    /* 1 inside the first <title> */
    int in_anchor;   /* 1 inside <a href="#..."> */
    int is_texinfo;  /* its headers are navigation */
    int sections;    /* that are open */
    int breaks;      /* <br> in a row */
    int was_stopped; /* too much work, at byte `at` */
    size_t at;
    long work;
};

static int is_left_out(const struct page *p, enum meaning m, const char *const *attributes)
{
    enum aside aside;

    if (m == SKIP)
        return 1;
    if (p->part != ALL && (m == NAV || (m == FOOTER && !p->sections)))
        return 1;
    aside = element_aside(attributes, p->is_texinfo);
    return aside == HIDDEN || (aside == NAVIGATION && p->part != ALL);
}

/* Called at each event: the work that libxml2 may have had with it. */
static void count_work(struct page *p)
{
    const long at = xmlByteConsumed(p->parser);

    if (p->was_stopped)
        return;
    if (at > 0)
        p->at = (size_t)at;
    p->work += p->parser->nameNr;
    if (p->work > WORK_MAX) {
        p->was_stopped = 1;
        xmlStopParser(p->parser);
    }
}

/* One is a new line, more are a paragraph; in cells a space: a row is a line. */
static void line_break(struct page *p)
{
    if (p->breaks++)
        flow_break(&p->flow, 2);
    else if (p->flow.cells && !p->flow.pre)
        flow_text(&p->flow, " ", 1);
    else
        flow_break(&p->flow, 1);
}

/* Is it the part of the page that its author calls the main one? */
static int is_main(const char *name, const char *const *attributes)
{
    return !strcmp(name, "main") || !strcmp(element_attribute(attributes, "role"), "main");
}

static int is_wanted(const struct page *p) { return p->part != MAIN || p->main_level; }

static void add_text(struct page *p, const char *s)
{
    if (is_wanted(p))
        flow_text(&p->flow, s, strlen(s));
}

static void begin(struct page *p, enum meaning m, const char *name, const char *const *attributes)
{
    struct flow *f = &p->flow;

    switch (m) {
    case BREAK:
        line_break(p);
        break;
    case CELL:
        flow_cell(f);
        break;
    case HEADING:
        flow_heading(f, name[1] - '0');
        break;
    case IMAGE:
        add_text(p, element_attribute(attributes, "alt"));
        break;
    case ITEM:
        flow_item(f);
        break;
    case LINE:
        flow_break(f, 1);
        break;
    case LIST:
        flow_list(f);
        break;
    case PRE:
        flow_pre(f);
        break;
    case ROW:
        flow_row(f);
        break;
    case TABLE:
        flow_table(f);
        break;
    case TITLE:
        p->in_title = !p->title->len;
        break;
    case INLINE:
    case SKIP:
        break;
    case SECTION:
        p->sections++;
        flow_break(f, 2);
        break;
    case BLOCK:
    case FOOTER:
    case NAV:
        flow_break(f, 2);
        break;
    }
}

static void on_start(void *payload, const xmlChar *xml_name, const xmlChar **xml_attributes)
{
    const char *const *attributes = (const char *const *)xml_attributes;
    const char *name = (const char *)xml_name;
    struct page *p = payload;
    enum meaning m = element_meaning(name);

    count_work(p);
    if (!strcmp(name, "meta") && element_is_texinfo(attributes))
        p->is_texinfo = 1;
    if (!strcmp(name, "a"))
        p->in_anchor = element_attribute(attributes, "href")[0] == '#';
    if (p->skipped || is_left_out(p, m, attributes)) {
        p->skipped++;
        return;
    }
    if (p->main_level || is_main(name, attributes))
        p->main_level++;
    if (p->part == MAIN && p->main_level == 1)
        p->flow.depth = 0; /* lists beside it do not matter */
    if (m != INLINE)
        p->in_title = 0; /* it was not closed */
    if (m != BREAK)
        p->breaks = 0;
    begin(p, m, name, attributes);
}

static void on_end(void *payload, const xmlChar *name)
{
    struct page *p = payload;
    struct flow *f = &p->flow;

    count_work(p);
    if (p->skipped) {
        p->skipped--;
        return;
    }
    p->main_level -= p->main_level > 0;
    switch (element_meaning((const char *)name)) {
    case CELL:
        flow_cell_end(f);
        break;
    case HEADING:
        flow_heading_end(f);
        break;
    case ITEM:
        flow_item_end(f);
        break;
    case LINE:
    case ROW:
        flow_break(f, 1);
        break;
    case LIST:
        flow_list_end(f);
        break;
    case PRE:
        flow_pre_end(f);
        break;
    case TITLE:
        p->in_title = 0;
        break;
    case SECTION:
        p->sections -= p->sections > 0;
        flow_break(f, 2);
        break;
    case BLOCK:
    case FOOTER:
    case NAV:
        flow_break(f, 2);
        break;
    case TABLE:
        flow_table_end(f);
        break;
    case INLINE:
        p->in_anchor = 0;
        break;
    case BREAK:
    case IMAGE:
    case SKIP:
        break;
    }
}

static void on_text(void *payload, const xmlChar *s, int n)
{
    struct page *p = payload;

    if (p->skipped || n <= 0 || (p->in_anchor && is_anchor_sign((const char *)s, (size_t)n)))
        return;
    if (p->in_title) {
        buf_add(p->title, s, (size_t)n);
        return;
    }
    if (p->breaks && strspn((const char *)s, " \t\r\n") < (size_t)n)
        p->breaks = 0;
    if (is_wanted(p))
        flow_text(&p->flow, (const char *)s, (size_t)n);
}

/* Pages are full of errors; they matter only as work. */
static void on_error(void *payload, const char *fmt, ...)
{
    (void)fmt;
    count_work(payload);
}

/* One pass of libxml2 over UTF-8.  E_NOMEM. */
static int parse(struct page *p, const char *page, size_t n)
{
    int is_out_of_memory;

    p->parser = htmlCreateMemoryParserCtxt(page, (int)n);
    if (!p->parser)
        return E_NOMEM;
    /* the encoding is known: the byte order mark says so, what the page says is ignored */
    htmlCtxtUseOptions(p->parser, HTML_PARSE_RECOVER | HTML_PARSE_NONET | HTML_PARSE_IGNORE_ENC);
    p->parser->options |= XML_PARSE_HUGE;
    memset(p->parser->sax, 0, sizeof *p->parser->sax);
    p->parser->sax->startElement = on_start;
    p->parser->sax->endElement = on_end;
    p->parser->sax->characters = p->parser->sax->ignorableWhitespace = on_text;
    p->parser->sax->error = p->parser->sax->fatalError = on_error;
    p->parser->userData = p;
    htmlParseDocument(p->parser);
    is_out_of_memory = p->parser->errNo == XML_ERR_NO_MEMORY;
    if (p->parser->disableSAX)
        p->was_stopped = 1;
    htmlFreeParserCtxt(p->parser);
    p->parser = NULL;
    return is_out_of_memory ? E_NOMEM : 0;
}

/* What is left of a page that was given up. */
static void strip_rest(struct page *p, const char *page, size_t n)
{
    const char *s = page + p->at, *end = page + n, *next = memchr(s, '>', n - p->at);
    const char *open = memchr(s, '<', n - p->at);

    if (next && (!open || next < open)) /* inside a tag */
        s = next + 1;
    flow_end(&p->flow);
    if (p->flow.out->len > p->flow.start)
        buf_puts(p->flow.out, "\n\n");
    sgml_text(p->flow.out, s, (size_t)(end - s));
}

/* Reads page (UTF-8 behind a byte order mark) once. */
static int read_page(struct buf *text, struct buf *title, const char *page, size_t n,
                     enum part part)
{
    struct page p = {.flow = {.out = text, .start = text->len}, .title = title, .part = part};
    const size_t title_at = title->len, good = html_guard(page, n);
    int rc = parse(&p, page, good);

    if (!rc && good < n && !p.was_stopped) {
        p.was_stopped = 1;
        p.at = good;
    }
    if (!rc && p.was_stopped)
        strip_rest(&p, page, n);
    flow_end(&p.flow);
    sgml_one_line(title, title_at);
    if (title->len == title_at && p.flow.title_end > p.flow.title_at)
        buf_add(title, text->data + p.flow.title_at, p.flow.title_end - p.flow.title_at);
    return rc;
}

/* Only a guess, to spare a pass. */
static int may_have_main(const char *page)
{
    const char *role = strcasestr(page, "role");

    if (strcasestr(page, "<main"))
        return 1;
    for (; role; role = strcasestr(role + 4, "role")) {
        role += strspn(role + 4, " =\"'");
        if (!strncasecmp(role + 4, "main", 4))
            return 1;
    }
    return 0;
}

int html_to_text(struct buf *text, struct buf *title, const char *page, size_t n, struct err *err)
{
    struct buf utf8 = {.max = (size_t)INT32_MAX};
    const size_t text_at = text->len, title_at = title->len;
    enum part part;
    int rc;

    buf_puts(&utf8, "\xef\xbb\xbf");
    charset_to_utf8(&utf8, page, n);
    buf_putc(&utf8, '\n'); /* libxml2 looks for the mark in four bytes or more */
    rc = buf_error(&utf8);
    part = !rc && may_have_main(utf8.data) ? MAIN : NO_NAVIGATION;
    for (; part <= ALL && !rc && text->len == text_at; part++) {
        if (title->data)
            title->data[title->len = title_at] = '\0';
        rc = read_page(text, title, utf8.data, utf8.len, part);
        if (!rc)
            rc = buf_error(text) ? buf_error(text) : buf_error(title);
    }
    buf_clear(&utf8);
    if (!rc)
        return 0;
    return rc == E_NOMEM ? err_nomem(err)
                         : err_set(err, E_LIMIT, "the page's text is too long (over %zu bytes)",
                                   text->max ? text->max : (size_t)1 << 30);
}

uint32_t html_entity(const char *name)
{
    const htmlEntityDesc *e = htmlEntityLookup((const xmlChar *)name);

    return e ? (uint32_t)e->value : 0;
}
