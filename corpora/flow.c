/* flow.c -- see flow.h.
 *
 * Markdown because the program's chunking knows it: a page's headings cut passages as a note's do.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include "corpora/flow.h"

#include <string.h>

enum {
    MAX_INDENT = 8
}; /* levels: deeper ones say nothing, and would let a small page grow large */

static void indent(struct flow *f, int levels)
{
    for (int i = 0; i < levels && i < MAX_INDENT; i++)
        buf_puts(f->out, "  ");
}

/* Would this word make its line a heading or a fence? */
static int is_mark(const char *word, size_t n)
{
    size_t k = 0;

    if (n >= 3 && (!memcmp(word, "```", 3) || !memcmp(word, "~~~", 3)))
        return 1;
    while (k < n && word[k] == '#')
        k++;
    return k == n && n <= 6;
}

/* Writes what waits; the next word of n bytes follows. */
static void begin_word(struct flow *f, const char *word, size_t n)
{
    const int is_first = f->out->len == f->start, was_in_line = f->in_line && !f->newlines;

    if (f->newlines && !is_first) {
        buf_add(f->out, "\n\n", (size_t)f->newlines);
        f->in_line = 0;
    }
    if (!was_in_line) {
        if (!f->heading)
            indent(f, f->depth - (f->bullet != 0));
        if (f->bullet)
            buf_puts(f->out, "- ");
        else if (!f->heading && is_mark(word, n))
            buf_putc(f->out, '\\');
    } else if (f->cell) {
        buf_puts(f->out, " | ");
    } else if (f->space) {
        buf_putc(f->out, ' ');
    }
    if (f->heading && !f->marked) {
        buf_add(f->out, "###### ", (size_t)f->heading);
        buf_putc(f->out, ' ');
        f->marked = 1;
        if (f->title_at == f->title_end)
            f->title_at = f->title_end = f->out->len;
    }
    f->newlines = f->space = f->cell = f->bullet = f->fresh = f->closed = 0;
    f->in_line = 1;
}

/* Bytes of white space at s; a no-break space is some too. */
static size_t white(const char *s, size_t n)
{
    if (strchr(" \t\n\r\f\v", *s))
        return 1;
    return n > 1 && !memcmp(s, "\xc2\xa0", 2) ? 2 : 0;
}

/* Bytes at s that are not to be seen: control characters, soft hyphens. */
static size_t hidden(const char *s, size_t n)
{
    if ((unsigned char)*s < ' ' || *s == 0x7f)
        return 1;
    return n > 1 && !memcmp(s, "\xc2\xad", 2) ? 2 : 0;
}

static void add_plain(struct flow *f, const char *s, size_t n)
{
    for (size_t i = 0; i < n;) {
        size_t k = s[i] == '\n' || s[i] == '\t' ? 0 : white(s + i, n - i);

        if (s[i] != '\r' && k) {
            buf_putc(&f->plain, ' ');
        } else if (s[i] == '\r') { /* CR LF is one newline, a lone CR too */
            if (i + 1 == n || s[i + 1] != '\n')
                buf_putc(&f->plain, '\n');
        } else if (s[i] == '\n' || s[i] == '\t' || !(k = hidden(s + i, n - i))) {
            buf_putc(&f->plain, s[i]);
            k = 1;
        }
        i += k;
    }
}

void flow_text(struct flow *f, const char *s, size_t n)
{
    size_t i = 0;

    if (f->pre) {
        add_plain(f, s, n);
        return;
    }
    while (i < n) {
        size_t from, k = white(s + i, n - i);

        if (k) {
            f->space = 1;
            i += k;
            continue;
        }
        k = hidden(s + i, n - i);
        if (k) {
            i += k;
            continue;
        }
        for (from = i; i < n && !white(s + i, n - i) && !hidden(s + i, n - i);)
            i++;
        if (f->newlines || f->space || f->cell || f->bullet || !f->in_line || f->fresh ||
            (f->heading && !f->marked))
            begin_word(f, s + from, i - from);
        buf_add(f->out, s + from, i - from);
    }
}

static void need(struct flow *f, int newlines)
{
    if (f->newlines < newlines)
        f->newlines = newlines;
    f->space = f->cell = 0;
}

void flow_break(struct flow *f, int newlines)
{
    if (f->pre) {
        if (f->plain.len && f->plain.data[f->plain.len - 1] != '\n')
            buf_putc(&f->plain, '\n');
    } else if (f->heading) {
        f->space = 1;
    } else if (!f->fresh) {
        need(f, newlines);
    }
}

/* What follows may not join the line that was. */
static void close_block(struct flow *f, int newlines)
{
    need(f, newlines);
    f->closed = 1;
    f->fresh = 0;
}

void flow_heading(struct flow *f, int level)
{
    if (f->pre)
        return;
    need(f, 2);
    f->fresh = f->bullet = f->marked = 0;
    f->heading = level;
}

void flow_heading_end(struct flow *f)
{
    if (!f->heading)
        return;
    if (f->marked && f->title_at == f->title_end)
        f->title_end = f->out->len;
    f->heading = 0;
    close_block(f, 2);
}

void flow_list(struct flow *f)
{
    if (!f->pre && !f->heading) {
        if (f->depth && !f->closed && f->newlines > 1)
            f->newlines = 1;
        need(f, f->depth ? 1 : 2);
        f->closed = 1;
    }
    f->depth++;
}

void flow_list_end(struct flow *f)
{
    if (f->depth)
        f->depth--;
    f->bullet = 0;
    if (!f->pre && !f->heading)
        close_block(f, f->depth ? 1 : 2);
}

void flow_item(struct flow *f)
{
    if (f->pre || f->heading) {
        flow_break(f, 1);
        return;
    }
    if (!f->closed && f->newlines > 1)
        f->newlines = 1; /* paragraphs in items do not make the list loose */
    need(f, f->depth ? 1 : 2);
    f->bullet = f->fresh = 1;
}

void flow_item_end(struct flow *f)
{
    f->bullet = f->fresh = 0;
    flow_break(f, 1);
}

void flow_table(struct flow *f)
{
    flow_break(f, 2);
    f->closed |= !f->fresh;
}

void flow_table_end(struct flow *f)
{
    flow_break(f, 2);
    f->closed |= f->newlines > 0;
}

void flow_row(struct flow *f)
{
    f->fresh = 0;
    if (!f->closed && f->newlines > 1)
        f->newlines = 1; /* nor do paragraphs in cells part rows */
    flow_break(f, 1);
    f->row_at = f->out->len;
}

void flow_cell(struct flow *f)
{
    f->cells++;
    if (f->pre || f->heading) {
        f->space = 1;
        return;
    }
    if (!f->closed && f->out->len > f->row_at) {
        f->newlines = 0;
        f->cell = 1;
    }
    f->fresh = 1;
}

void flow_pre(struct flow *f) { f->pre++; }

void flow_cell_end(struct flow *f)
{
    f->cells -= f->cells > 0;
    f->fresh = 0;
}

/* The longest run of back-quotes in the text: the fence must be longer. */
static size_t longest_run(const struct buf *b)
{
    size_t longest = 0, n = 0;

    for (size_t i = 0; i < b->len; i++) {
        n = b->data[i] == '`' ? n + 1 : 0;
        longest = n > longest ? n : longest;
    }
    return longest;
}

static void put_fence(struct flow *f, size_t n)
{
    for (size_t i = 0; i < n; i++)
        buf_putc(f->out, '`');
}

void flow_pre_end(struct flow *f)
{
    const char *s = buf_text(&f->plain), *line;
    size_t n = f->plain.len, fence;

    if (!f->pre || --f->pre)
        return;
    while (n && strchr(" \t\n", s[n - 1]))
        n--;
    while (n && (line = memchr(s, '\n', n)) && strspn(s, " \t\n") > (size_t)(line - s)) {
        n -= (size_t)(line - s) + 1; /* an empty first line */
        s = line + 1;
    }
    fence = longest_run(&f->plain) + 1;
    fence = fence < 3 ? 3 : fence;
    if (n) {
        if (f->out->len > f->start)
            buf_add(f->out, "\n\n", 2);
        put_fence(f, fence);
        buf_putc(f->out, '\n');
        buf_add(f->out, s, n);
        buf_putc(f->out, '\n');
        put_fence(f, fence);
        f->in_line = 1;
        close_block(f, 2);
        f->bullet = 0;
    }
    if (buf_error(&f->plain) && !f->out->code)
        f->out->code = buf_error(&f->plain);
    buf_reset(&f->plain);
}

void flow_end(struct flow *f)
{
    flow_heading_end(f);
    if (f->pre) {
        f->pre = 1;
        flow_pre_end(f);
    }
    buf_clear(&f->plain);
}
