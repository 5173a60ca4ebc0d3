/* charset.c -- see charset.h.  iconv, which is part of the C library, knows the encodings. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "corpora/charset.h"

#include <ctype.h>
#include <errno.h>
#include <iconv.h>
#include <string.h>
#include <strings.h>

#include "base/utf8.h"

enum { HEAD_BYTES = 4096, LABEL_BYTES = 32, STEP_BYTES = 16 << 10 };

struct encoding {
    const char *label, *name; /* what pages say, lower case; what iconv says */
    int is_wide;              /* characters of several bytes */
};

static const struct encoding fallback = {"windows-1252", "CP1252", 0};

/* Only these are asked for: a page does not choose what iconv loads.  As browsers do, Latin-1 is
 * read as Windows-1252, which has letters where Latin-1 has control characters. */
static const struct encoding encodings[] = {
    {"ascii", "CP1252", 0},
    {"big5", "BIG5-HKSCS", 1},
    {"big5-hkscs", "BIG5-HKSCS", 1},
    {"cp1250", "CP1250", 0},
    {"cp1251", "CP1251", 0},
    {"cp1252", "CP1252", 0},
    {"euc-jp", "EUC-JP", 1},
    {"euc-kr", "CP949", 1},
    {"gb18030", "GB18030", 1},
    {"gb2312", "GB18030", 1},
    {"gbk", "GB18030", 1},
    {"ibm866", "CP866", 0},
    {"iso-2022-jp", "ISO-2022-JP", 1},
    {"iso-8859-1", "CP1252", 0},
    {"iso-8859-10", "ISO-8859-10", 0},
    {"iso-8859-13", "ISO-8859-13", 0},
    {"iso-8859-14", "ISO-8859-14", 0},
    {"iso-8859-15", "ISO-8859-15", 0},
    {"iso-8859-16", "ISO-8859-16", 0},
    {"iso-8859-2", "ISO-8859-2", 0},
    {"iso-8859-3", "ISO-8859-3", 0},
    {"iso-8859-4", "ISO-8859-4", 0},
    {"iso-8859-5", "ISO-8859-5", 0},
    {"iso-8859-6", "ISO-8859-6", 0},
    {"iso-8859-7", "ISO-8859-7", 0},
    {"iso-8859-8", "ISO-8859-8", 0},
    {"iso-8859-9", "CP1254", 0},
    {"iso8859-1", "CP1252", 0},
    {"koi8-r", "KOI8-R", 0},
    {"koi8-u", "KOI8-U", 0},
    {"ks_c_5601-1987", "CP949", 1},
    {"latin1", "CP1252", 0},
    {"macintosh", "MACINTOSH", 0},
    {"shift_jis", "CP932", 1},
    {"sjis", "CP932", 1},
    {"tis-620", "CP874", 0},
    {"us-ascii", "CP1252", 0},
    {"windows-1250", "CP1250", 0},
    {"windows-1251", "CP1251", 0},
    {"windows-1252", "CP1252", 0},
    {"windows-1253", "CP1253", 0},
    {"windows-1254", "CP1254", 0},
    {"windows-1255", "CP1255", 0},
    {"windows-1256", "CP1256", 0},
    {"windows-1257", "CP1257", 0},
    {"windows-1258", "CP1258", 0},
    {"windows-31j", "CP932", 1},
    {"windows-874", "CP874", 0},
    {"x-sjis", "CP932", 1},
};

/* The value of attribute `name` in s[0..n), lower case, or "". */
static void find_value(char out[LABEL_BYTES], const char *s, size_t n, const char *name)
{
    const size_t len = strlen(name);
    size_t k = 0;

    out[0] = '\0';
    for (size_t i = 0; i + len < n; i++) {
        size_t at = i + len;

        if (strncasecmp(s + i, name, len))
            continue;
        while (at < n && isspace((unsigned char)s[at]))
            at++;
        if (at == n || s[at++] != '=')
            continue;
        while (at < n && (isspace((unsigned char)s[at]) || s[at] == '"' || s[at] == '\''))
            at++;
        while (at < n && k < LABEL_BYTES - 1 &&
               (isalnum((unsigned char)s[at]) || strchr("-_", s[at])))
            out[k++] = (char)tolower((unsigned char)s[at++]);
        out[k] = '\0';
        return;
    }
}

/* What the page's beginning says of its encoding, or "". */
static void declared(char label[LABEL_BYTES], const char *page, size_t n)
{
    const char *end = page + (n < HEAD_BYTES ? n : HEAD_BYTES);

    label[0] = '\0';
    for (const char *s = page; s < end && !label[0]; s++) {
        const char *close;

        s = memchr(s, '<', (size_t)(end - s));
        if (!s)
            return;
        close = memchr(s, '>', (size_t)(end - s));
        if (!close)
            close = end;
        if (close - s > 5 && !strncasecmp(s, "<meta", 5))
            find_value(label, s, (size_t)(close - s), "charset");
        else if (close - s > 5 && !strncasecmp(s, "<?xml", 5))
            find_value(label, s, (size_t)(close - s), "encoding");
    }
}

static const struct encoding *find_encoding(const char *label)
{
    for (size_t i = 0; i < sizeof encodings / sizeof *encodings; i++)
        if (!strcmp(encodings[i].label, label))
            return &encodings[i];
    return NULL;
}

/* Appends without NULs, which no text may hold. */
static void add(struct buf *out, const char *s, size_t n)
{
    while (n) {
        const char *nul = memchr(s, '\0', n);
        size_t k = nul ? (size_t)(nul - s) : n;

        buf_add(out, s, k);
        k += nul != NULL;
        s += k;
        n -= k;
    }
}

static void repair(struct buf *out, const char *s, size_t n)
{
    struct buf good = {.max = out->max};

    utf8_repair(&good, s, n);
    if (buf_error(&good))
        out->code = buf_error(&good);
    else
        add(out, good.data, good.len);
    buf_clear(&good);
}

/* Returns 0 if iconv knows the encoding. */
static int convert(struct buf *out, const char *name, const char *s, size_t n)
{
    iconv_t cd = iconv_open("UTF-8", name);
    char step[STEP_BYTES], *in = (char *)(size_t)s;
    size_t left = n;

    if (cd == (iconv_t)-1)
        return -1;
    while (left && !buf_error(out)) {
        char *to = step;
        size_t room = sizeof step;
        int bad = iconv(cd, &in, &left, &to, &room) == (size_t)-1 && errno != E2BIG;

        add(out, step, (size_t)(to - step));
        if (bad) { /* a byte that means nothing here, or half a character at the end */
            buf_puts(out, "\xef\xbf\xbd");
            in++;
            left--;
        }
    }
    iconv_close(cd);
    return 0;
}

void charset_to_utf8(struct buf *out, const char *page, size_t n)
{
    const struct encoding *e = NULL;
    const char *wide = NULL;
    char label[LABEL_BYTES];
    int is_utf8;

    if (n >= 3 && !memcmp(page, "\xef\xbb\xbf", 3)) {
        repair(out, page + 3, n - 3);
        return;
    }
    if (n >= 2 && (!memcmp(page, "\xff\xfe", 2) || !memcmp(page, "\xfe\xff", 2)))
        wide = page[0] == '\xff' ? "UTF-16LE" : "UTF-16BE";
    if (wide && !convert(out, wide, page + 2, n - 2))
        return;
    is_utf8 = utf8_check(page, n) == n;
    declared(label, page, n);
    if (label[0])
        e = find_encoding(label);
    else if (!is_utf8)
        e = &fallback;
    if (e && !e->is_wide && is_utf8)
        e = NULL;
    if (!e && !is_utf8 && strncmp(label, "utf", 3)) /* a label that is not known */
        e = &fallback;
    if (!e || convert(out, e->name, page, n))
        repair(out, page, n);
}
