/* sgml.c -- see sgml.h. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "corpora/sgml.h"

#include <ctype.h>
#include <string.h>

#include "base/utf8.h"
#include "corpora/html.h"

enum { TAG_MAX_BYTES = 4096, ENTITY_MAX_BYTES = 12 };

/* Where the tag that begins at s ends (its '>'), or NULL. */
static const char *find_close(const char *s, size_t n)
{
    const size_t limit = n < TAG_MAX_BYTES ? n : TAG_MAX_BYTES;

    if (n > 4 && !memcmp(s, "<!--", 4))
        /* up to the next one at most: else a file full of them would be searched over and over */
        for (size_t i = 4; i + 2 < n && memcmp(s + i, "<!-", 3); i++)
            if (!memcmp(s + i, "-->", 3))
                return s + i + 2;
    for (size_t i = 1; i < limit && s[i] != '<'; i++)
        if (s[i] == '>')
            return s + i;
    return NULL;
}

int sgml_tag(struct sgml_tag *out, const char *s, size_t n)
{
    const char *close;
    size_t i = 1, k = 0;

    memset(out, 0, sizeof *out);
    if (n < 3 || *s != '<')
        return 0;
    out->is_end = s[1] == '/';
    i += (size_t)out->is_end;
    if (!isalpha((unsigned char)s[i]) && (out->is_end || !strchr("!?", s[i])))
        return 0;
    close = find_close(s, n);
    if (!close)
        return 0;
    out->len = (size_t)(close - s) + 1;
    for (; isalnum((unsigned char)s[i]) || s[i] == '-' || s[i] == '_'; i++)
        if (k < sizeof out->name - 1)
            out->name[k++] = (char)tolower((unsigned char)s[i]);
    return 1;
}

/* The character of "#233" or "#xe9"; 0 if it is none. */
static uint32_t numbered(const char *name)
{
    static const unsigned short high[32] = {
        /* Windows-1252 from 0x80, which such numbers mean */
        0x20ac, 0x81,   0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021, 0x02c6, 0x2030, 0x0160,
        0x2039, 0x0152, 0x8d,   0x017d, 0x8f,   0x90,   0x2018, 0x2019, 0x201c, 0x201d, 0x2022,
        0x2013, 0x2014, 0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0x9d,   0x017e, 0x0178};
    const int base = name[1] == 'x' || name[1] == 'X' ? 16 : 10;
    const char *s = name + (base == 16 ? 2 : 1);
    uint32_t c = 0;

    for (; isxdigit((unsigned char)*s) && c <= 0x10ffff; s++) {
        if (base == 10 && !isdigit((unsigned char)*s))
            return 0;
        c = c * (uint32_t)base +
            (uint32_t)(isdigit((unsigned char)*s) ? *s - '0' : (*s | 32) - 'a' + 10);
    }
    if (*s || (c < 0x20 && c != '\t' && c != '\n'))
        return 0;
    return c >= 0x80 && c < 0xa0 ? high[c - 0x80] : c;
}

/* The entity at s ("&name;"): its bytes, and the character it stands for; 0 if it is none that is known. */
static size_t entity(uint32_t *c, const char *s, size_t n)
{
    char name[ENTITY_MAX_BYTES];
    size_t i = 1, k = 0;

    for (; i < n && k < sizeof name - 1 && (isalnum((unsigned char)s[i]) || s[i] == '#'); i++)
        name[k++] = s[i];
    name[k] = '\0';
    if (!k || i == n || s[i] != ';')
        return 0;
    *c = name[0] == '#' ? numbered(name) : html_entity(name);
    if (!*c && !strcmp(name, "blank")) /* two of the Federal Register's own */
        *c = ' ';
    if (!*c && !strcmp(name, "hyph"))
        *c = '-';
    return *c ? i + 1 : 0;
}

/* Appends what stands at s, an '&', and returns its bytes. */
static size_t add_entity(struct buf *out, const char *s, size_t n)
{
    char bytes[4];
    uint32_t c;
    size_t len = entity(&c, s, n);

    if (!len)
        c = '&';
    else if (c == 0xa0)
        c = ' ';
    buf_add(out, bytes, (size_t)utf8_encode(bytes, c));
    return len ? len : 1;
}

void sgml_unescape(struct buf *out, const char *s, size_t n)
{
    while (n) {
        const char *at = memchr(s, '&', n);
        size_t k = at ? (size_t)(at - s) : n;

        buf_add(out, s, k);
        if (at)
            k += add_entity(out, at, n - k);
        s += k;
        n -= k;
    }
}

static int is_one_of(const char *name, const char *const *names)
{
    for (; *names; names++)
        if (!strcmp(name, *names))
            return 1;
    return 0;
}

static const char *const inlines[] = {"a",    "b",   "code", "em",     "font", "i", "s",
                                      "span", "sub", "sup",  "strong", "tt",   "u", NULL};
static const char *const paragraphs[] = {"p",  "h1", "h2",    "h3", "h4",  "h5", "h6",
                                         "ul", "ol", "table", "li", "div", NULL};
static const char *const lines[] = {"br", "tr", NULL};

int sgml_is_markup(const char *name)
{
    return is_one_of(name, inlines) || is_one_of(name, paragraphs) || is_one_of(name, lines);
}

/* What a tag leaves in the text. */
static const char *trace(const struct sgml_tag *tag)
{
    if (!tag->name[0] || is_one_of(tag->name, inlines))
        return "";
    if (is_one_of(tag->name, paragraphs))
        return "\n\n";
    return is_one_of(tag->name, lines) ? "\n" : " ";
}

static int is_blank(char c) { return c == ' ' || c == '\t' || c == '\r'; }

/* Drops from out->data[from] what sgml_text says of white space, in place. */
static void tidy(struct buf *out, size_t from)
{
    char *to = out->data + from, *start = to;
    const char *s = to, *end = out->data + out->len;
    int n_newlines = 2; /* in a row, at `to` */

    for (; s < end; s++) {
        if (*s == '\n') {
            while (to > start && is_blank(to[-1]))
                to--;
            if (n_newlines < 2)
                *to++ = '\n';
            n_newlines += n_newlines < 2;
        } else if (!is_blank(*s)) {
            n_newlines = 0;
            *to++ = *s;
        } else if (to > start && to[-1] != ' ' && (!n_newlines || *s != ' ')) {
            *to++ = *s == '\r' ? ' ' : *s;
        }
    }
    while (to > start && (is_blank(to[-1]) || to[-1] == '\n'))
        to--;
    *to = '\0';
    out->len = (size_t)(to - out->data);
}

void sgml_text(struct buf *out, const char *s, size_t n)
{
    const size_t from = out->len;
    const char *end = s + n;

    while (s < end) {
        const char *at = s;
        struct sgml_tag tag;

        while (at < end && *at != '<' && *at != '&')
            at++;
        buf_add(out, s, (size_t)(at - s));
        s = at;
        if (s == end)
            break;
        if (*s == '&') {
            s += add_entity(out, s, (size_t)(end - s));
        } else if (sgml_tag(&tag, s, (size_t)(end - s))) {
            buf_puts(out, trace(&tag));
            s += tag.len;
        } else {
            buf_putc(out, *s++);
        }
    }
    if (!buf_error(out) && out->data)
        tidy(out, from);
}

void sgml_one_line(struct buf *out, size_t from)
{
    char *to, *start;

    if (buf_error(out) || out->len <= from)
        return;
    to = start = out->data + from;
    for (const char *s = start; *s; s++) {
        if (!strchr(" \t\r\n\f\v", *s))
            *to++ = *s;
        else if (to > start && to[-1] != ' ')
            *to++ = ' ';
    }
    while (to > start && to[-1] == ' ')
        to--;
    *to = '\0';
    out->len = (size_t)(to - out->data);
}
