/* term.c -- printing for people; see term.h. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "api/term.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/err.h"
#include "base/utf8.h"
#include "indexer/index.h"

int term_width(FILE *f)
{
    const char *columns = getenv("COLUMNS");
    struct winsize w;
    int n = 80;

    if (isatty(fileno(f)) && ioctl(fileno(f), TIOCGWINSZ, &w) == 0 && w.ws_col)
        n = w.ws_col;
    else if (columns && atoi(columns) > 0)
        n = atoi(columns);
    return n < 40 ? 40 : n > 120 ? 120 : n;
}

struct style term_style(FILE *f)
{
    const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

    if (!isatty(fileno(f)) || (no && *no) || !term || !strcmp(term, "dumb"))
        return (struct style){"", "", "", ""};
    return (struct style){"\033[1m", "\033[2m", "\033[1;33m", "\033[0m"};
}

/* Columns that a code point takes: the common ranges of combining and wide characters. */
static int cell_width(uint32_t c)
{
    if ((c >= 0x300 && c <= 0x36f) || (c >= 0x200b && c <= 0x200f) || (c >= 0xfe00 && c <= 0xfe0f))
        return 0;
    if ((c >= 0x1100 && c <= 0x115f) || (c >= 0x2e80 && c <= 0xa4cf) ||
        (c >= 0xac00 && c <= 0xd7a3) || (c >= 0xf900 && c <= 0xfaff) ||
        (c >= 0xfe30 && c <= 0xfe6f) || (c >= 0xff00 && c <= 0xff60) ||
        (c >= 0xffe0 && c <= 0xffe6) || (c >= 0x1f300 && c <= 0x1f64f) ||
        (c >= 0x1f900 && c <= 0x1f9ff) || (c >= 0x20000 && c <= 0x3fffd))
        return 2;
    return 1;
}

/* The characters of one word: bytes up to the next blank, and the columns they take. */
static size_t word_length(const char *s, size_t n, int *width)
{
    size_t i = 0;
    uint32_t c;

    *width = 0;
    while (i < n && s[i] != ' ') {
        int len = utf8_decode(&c, s + i, n - i);
        *width += cell_width(c);
        i += (size_t)len;
    }
    return i;
}

static void put_safely(FILE *f, const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const unsigned char c = (unsigned char)s[i];
        const int c1 = c == 0xc2 && i + 1 < n && (unsigned char)s[i + 1] < 0xa0;

        putc(c < 0x20 || c == 0x7f || c1 ? ' ' : c, f);
        i += (size_t)c1;
    }
}

void term_puts(FILE *f, const char *text) { put_safely(f, text, strlen(text)); }

const char *show_name(char *out, const char *name)
{
    err_line(out, NAME_TEXT, name);
    return out;
}

/* One word text[i..end) with the spans that reach into it; *span is the first that may. */
static void put_word(FILE *f, const char *text, size_t i, size_t end, const fovea_span *spans,
                     size_t n_spans, size_t *span, const char *base, const struct style *style)
{
    fputs(base, f);
    while (i < end) {
        while (*span < n_spans && spans[*span].end <= i)
            ++*span;
        const int in = *span < n_spans && spans[*span].begin <= i;
        size_t to = *span == n_spans ? end : in ? spans[*span].end : spans[*span].begin;
        to = to < end ? to : end;
        fputs(in ? style->match : "", f);
        put_safely(f, text + i, to - i);
        fputs(in ? style->plain : "", f);
        fputs(in ? base : "", f);
        i = to;
    }
    fputs(*base ? style->plain : "", f);
}

/* column: where the first line stands; indent: where the others begin. */
static void wrap(FILE *f, const char *text, const fovea_span *spans, size_t n_spans, int column,
                 int indent, int width, const char *base, const struct style *style)
{
    const size_t n = strlen(text);
    size_t i = 0, span = 0, len;
    int empty = 1, w; /* empty: no word stands on this line yet */

    for (; i < n; i += len) {
        i += strspn(text + i, " ");
        len = word_length(text + i, n - i, &w);
        if (!len)
            break;
        if (!empty && column + 1 + w > width) {
            putc('\n', f);
            column = 0;
            empty = 1;
        }
        if (empty) {
            fprintf(f, "%*s", indent - column, "");
            column = indent;
        } else {
            putc(' ', f);
            column++;
        }
        put_word(f, text, i, i + len, spans, n_spans, &span, base, style);
        column += w;
        empty = 0;
    }
    putc('\n', f);
}

void term_wrap(FILE *f, const char *text, const fovea_span *spans, size_t n_spans, int indent,
               int width, const char *base, const struct style *style)
{
    wrap(f, text, spans, n_spans, 0, indent, width, base, style);
}

void term_wrap_on(FILE *f, const char *text, int indent, int width)
{
    static const struct style plain = {"", "", "", ""};

    wrap(f, text, NULL, 0, indent, indent, width, "", &plain);
}

const char *show_count(char *out, uint64_t n)
{
    char digits[24];
    const int len = snprintf(digits, sizeof digits, "%llu", (unsigned long long)n);
    char *p = out;

    for (int i = 0; i < len; i++) {
        if (i && (len - i) % 3 == 0)
            *p++ = ',';
        *p++ = digits[i];
    }
    *p = '\0';
    return out;
}

const char *show_bytes(char *out, uint64_t n)
{
    static const char *const units[] = {"bytes", "kB", "MB", "GB", "TB"};
    double x = (double)n;
    int u = 0;

    while (x >= 999.5 && u < 4) {
        x /= 1000;
        u++;
    }
    snprintf(out, NUMBER_TEXT, u && x < 99.95 ? "%.1f %s" : "%.0f %s", x, units[u]);
    return out;
}

const char *show_rate(char *out, double r)
{
    if (!(r < 1e15))
        snprintf(out, NUMBER_TEXT, "-");
    else if (r >= 99.95)
        show_count(out, (uint64_t)(r + 0.5));
    else
        snprintf(out, NUMBER_TEXT, r >= 9.95 ? "%.1f" : "%.2f", r);
    return out;
}

const char *show_time(char *out, double s)
{
    const uint64_t t = s > 0 && s < 1e12 ? (uint64_t)(s + 0.5) : 0;

    if (s < 0.0995)
        snprintf(out, NUMBER_TEXT, s < 0.00995 ? "%.1f ms" : "%.0f ms", s > 0 ? 1000 * s : 0);
    else if (s < 9.95)
        snprintf(out, NUMBER_TEXT, "%.1f s", s);
    else if (t < 60)
        snprintf(out, NUMBER_TEXT, "%u s", (unsigned)t);
    else if (t < 3600)
        snprintf(out, NUMBER_TEXT, "%u:%02u", (unsigned)(t / 60), (unsigned)(t % 60));
    else
        snprintf(out, NUMBER_TEXT, "%llu:%02u:%02u", (unsigned long long)(t / 3600),
                 (unsigned)(t / 60 % 60), (unsigned)(t % 60));
    return out;
}

const char *show_left_out(char *out, uint64_t n_cut, uint64_t n_empty)
{
    char n[NUMBER_TEXT];
    int at = 0;

    *out = '\0';
    if (n_cut)
        at = snprintf(out, NAME_TEXT, "%s cut at %d words or %d tokens", show_count(n, n_cut),
                      INDEX_KEYS_WORDS, INDEX_KEYS_TOKENS);
    if (n_empty)
        snprintf(out + at, NAME_TEXT - (size_t)at, "%s%s empty", at ? ", " : "",
                 show_count(n, n_empty));
    return out;
}
