/* markdown.c -- headings, fenced code and paragraphs, line by line.
 *
 * Source: CommonMark 0.31, sections 4.2 (ATX headings), 4.3 (setext headings), 4.5 (fenced code).  Front matter, lines
 * between two "---" at the very start, is not CommonMark but in many files.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include "indexer/markdown.h"

#include <string.h>

#include "indexer/cutting.h"

/* A line without its end, and without the blanks around it. */
struct line {
    struct span all; /* with its end */
    const char *s;   /* [n] */
    size_t n;
    size_t indent; /* blanks before s; a tab counts four */
};

static struct line line_at(const char *text, size_t at, size_t end)
{
    const char *p = memchr(text + at, '\n', end - at);
    struct line l = {.all = {at, p ? (size_t)(p - text) + 1 : end}};
    const struct span inner = trim(text, l.all);

    for (size_t i = at; i < inner.begin; i++)
        l.indent += text[i] == '\t' ? 4 : 1;
    l.s = text + inner.begin;
    l.n = inner.end - inner.begin;
    return l;
}

/* How often the line's first byte is repeated. */
static size_t run(const struct line *l)
{
    size_t n = 0;

    while (n < l->n && l->s[n] == l->s[0])
        n++;
    return n;
}

/* ---- what a line is ---- */

/* 1..6 for "## Text", else 0; *inner is the text. */
static int atx_level(struct span *inner, const char *text, const struct line *l)
{
    const size_t level = l->n && l->s[0] == '#' ? run(l) : 0;
    size_t end = l->n;

    if (level < 1 || level > 6 || l->indent > 3 || (level < l->n && !is_blank(l->s[level])))
        return 0;
    while (end > level && l->s[end - 1] == '#')
        end--;
    if (end < l->n && end > level && !is_blank(l->s[end - 1])) /* "# C#" */
        end = l->n;
    inner->begin = (size_t)(l->s - text) + level;
    inner->end = (size_t)(l->s - text) + end;
    *inner = trim(text, *inner);
    return (int)level;
}

/* 1 for a line of =, 2 for one of -, which underline a heading; else 0. */
static int underline_level(const struct line *l)
{
    if (!l->n || l->indent > 3 || run(l) != l->n)
        return 0;
    return l->s[0] == '=' ? 1 : l->s[0] == '-' ? 2 : 0;
}

/* The length of the fence that the line opens, or 0. */
static size_t fence_length(const struct line *l)
{
    const size_t n = l->n && (l->s[0] == '`' || l->s[0] == '~') ? run(l) : 0;

    if (n < 3 || l->indent > 3)
        return 0;
    return l->s[0] == '`' && memchr(l->s + n, '`', l->n - n) ? 0 : n;
}

/* Does a paragraph that begins with this line belong to a list, a quote or a table? */
static int begins_container(const struct line *l)
{
    size_t i = 0;

    if (l->indent > 3 || strchr(">|", l->s[0]))
        return 1;
    while (i < l->n && i < 9 && l->s[i] >= '0' && l->s[i] <= '9')
        i++;
    if (i < l->n && (i ? l->s[i] == '.' || l->s[i] == ')' : strchr("-*+", l->s[0]) != NULL))
        return i + 1 == l->n || is_blank(l->s[i + 1]);
    return 0;
}

/* ---- blocks ---- */

/* The end of the code that a fence opens: behind the line that closes it, or the end of the text. */
static size_t code_end(const char *text, const struct line *open, size_t n)
{
    const size_t fence = fence_length(open);
    size_t at = open->all.end;

    while (at < n) {
        const struct line l = line_at(text, at, n);

        at = l.all.end;
        if (l.n >= fence && l.s[0] == open->s[0] && l.indent <= 3 && run(&l) == l.n)
            break;
    }
    return at;
}

/* The end of the front matter, or 0 if the text has none. */
static size_t front_matter_end(const char *text, size_t n)
{
    struct line l = line_at(text, 0, n);
    int lines = 0;

    if (l.n != 3 || memcmp(text, "---", 3) != 0)
        return 0;
    while (l.all.end < n && lines++ < 200) {
        l = line_at(text, l.all.end, n);
        if (!l.n)
            return 0;
        if (l.n == 3 && !l.indent && (!memcmp(l.s, "---", 3) || !memcmp(l.s, "...", 3)))
            return l.all.end;
    }
    return 0;
}

/* A paragraph that begins with line `first`, or a heading if it is underlined. */
static void read_paragraph(struct markdown_block *b, const struct markdown *m,
                           const struct line *first)
{
    const int plain = !begins_container(first);
    size_t at = first->all.end, begin = first->all.begin;
    int lines = 1;

    if (underline_level(first)) { /* a rule, or the line above a heading that has two */
        begin = at;
        lines = 0;
    }
    b->kind = MARKDOWN_TEXT;
    for (; at < m->n; lines++) {
        const struct line l = line_at(m->text, at, m->n);
        const int level = plain && lines > 0 && lines <= 3 ? underline_level(&l) : 0;
        struct span inner;

        if (!l.n || fence_length(&l) || atx_level(&inner, m->text, &l))
            break;
        if (level) {
            b->kind = MARKDOWN_HEADING;
            b->level = level;
            b->heading = trim(m->text, (struct span){begin, at});
            at = l.all.end;
            break;
        }
        at = l.all.end;
    }
    b->span.end = at;
}

int markdown_next(struct markdown_block *out, struct markdown *m)
{
    struct line l;
    size_t end;

    do {
        if (m->at >= m->n)
            return 0;
        l = line_at(m->text, m->at, m->n);
        end = m->at ? 0 : front_matter_end(m->text, m->n);
        m->at = l.all.end;
    } while (!l.n);
    *out = (struct markdown_block){.kind = MARKDOWN_CODE, .span = l.all};
    if (end) {
        out->span.end = end;
    } else if (fence_length(&l)) {
        out->span.end = code_end(m->text, &l, m->n);
    } else if ((out->level = atx_level(&out->heading, m->text, &l))) {
        out->kind = MARKDOWN_HEADING;
    } else {
        read_paragraph(out, m, &l);
    }
    m->at = out->span.end;
    return 1;
}

/* ---- the text of a heading ---- */

/* The length of what begins at s and is no text: a tag, the target of a link; or 0. */
static size_t mark_length(const char *s, size_t n)
{
    const char *close = NULL;

    if (s[0] == '<' && n > 1 && (strchr("/!", s[1]) || ((unsigned)(s[1] | 0x20) - 'a') < 26u))
        close = memchr(s, '>', n);
    else if (s[0] == ']' && n > 1 && s[1] == '(')
        close = memchr(s, ')', n);
    else if (s[0] == '[' || s[0] == ']' || (s[0] == '!' && n > 1 && s[1] == '['))
        return 1;
    return close ? (size_t)(close - s) + 1 : 0;
}

void markdown_plain(struct buf *out, const char *text, size_t n)
{
    const size_t first = out->len;
    int blank = 0;

    for (size_t i = 0; i < n;) {
        const size_t mark = mark_length(text + i, n - i);

        if (mark) {
            i += mark;
        } else if (is_blank(text[i]) || !text[i]) {
            blank = 1;
            i++;
        } else {
            if (blank && out->len > first)
                buf_putc(out, ' ');
            blank = 0;
            buf_putc(out, text[i++]);
        }
    }
}
