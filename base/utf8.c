/* utf8.c -- decoding with every malformed byte accounted for; see utf8.h.
 *
 * The table of well-formed sequences is the one of the Unicode Standard, section 3.9, table 3-7:
 * it bounds the second byte so that overlong forms, surrogates and values above U+10FFFF never decode.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include "base/utf8.h"

static int is_tail(unsigned char c) { return (c & 0xc0) == 0x80; }

int utf8_decode(uint32_t *cp, const char *text, size_t n)
{
    const unsigned char *s = (const unsigned char *)text;
    unsigned char lo = 0x80, hi = 0xbf;
    int len;

    if (s[0] < 0x80) {
        *cp = s[0];
        return 1;
    }
    *cp = 0xfffd;
    if (s[0] < 0xc2 || s[0] > 0xf4)
        return 1;
    len = s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
    if (n < (size_t)len)
        return 1;
    if (s[0] == 0xe0)
        lo = 0xa0; /* overlong */
    else if (s[0] == 0xed)
        hi = 0x9f; /* surrogates */
    else if (s[0] == 0xf0)
        lo = 0x90; /* overlong */
    else if (s[0] == 0xf4)
        hi = 0x8f; /* above U+10FFFF */
    if (s[1] < lo || s[1] > hi)
        return 1;
    for (int i = 2; i < len; i++)
        if (!is_tail(s[i]))
            return 1;
    *cp = s[0] & (0xffu >> (len + 1));
    for (int i = 1; i < len; i++)
        *cp = *cp << 6 | (s[i] & 0x3f);
    return len;
}

int utf8_encode(char *out, uint32_t cp)
{
    if (cp > 0x10ffff || (cp >= 0xd800 && cp <= 0xdfff))
        cp = 0xfffd;
    if (cp < 0x80) {
        out[0] = (char)cp;
        return 1;
    }
    if (cp < 0x800) {
        out[0] = (char)(0xc0 | cp >> 6);
        out[1] = (char)(0x80 | (cp & 0x3f));
        return 2;
    }
    if (cp < 0x10000) {
        out[0] = (char)(0xe0 | cp >> 12);
        out[1] = (char)(0x80 | (cp >> 6 & 0x3f));
        out[2] = (char)(0x80 | (cp & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | cp >> 18);
    out[1] = (char)(0x80 | (cp >> 12 & 0x3f));
    out[2] = (char)(0x80 | (cp >> 6 & 0x3f));
    out[3] = (char)(0x80 | (cp & 0x3f));
    return 4;
}

size_t utf8_check(const char *s, size_t n)
{
    size_t i = 0;
    uint32_t cp;

    while (i < n) {
        int len;

        if (!(s[i] & 0x80)) {
            i++;
            continue;
        }
        len = utf8_decode(&cp, s + i, n - i);
        if (len == 1) /* a valid sequence above ASCII has two bytes or more */
            return i;
        i += (size_t)len;
    }
    return n;
}

void utf8_repair(struct buf *out, const char *s, size_t n)
{
    while (n) {
        size_t good = utf8_check(s, n);

        buf_add(out, s, good);
        if (good == n)
            return;
        buf_add(out, "\xef\xbf\xbd", 3);
        s += good + 1;
        n -= good + 1;
    }
}

size_t utf8_floor(const char *s, size_t at)
{
    size_t i = at;

    while (i && at - i < 3 && is_tail((unsigned char)s[i]))
        i--;
    return i;
}
