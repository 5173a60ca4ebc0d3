/* err.c -- status codes with one line of text; see err.h.
 *
 * Texts quote names and lines of files that anyone may have written.  What could move the cursor, change
 * colours or start a new line is shown as \xNN, here and nowhere else: a text is always one line.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"

/* Does a terminal act on it?  The controls of ASCII and of Latin-1, and the two Unicode line ends. */
static int is_control(uint32_t cp)
{
    return cp < 0x20 || (cp >= 0x7f && cp < 0xa0) || cp == 0x2028 || cp == 0x2029;
}

void err_line(char *out, size_t size, const char *text)
{
    size_t n = strlen(text), at = 0;

    while (n) {
        uint32_t cp;
        int len = utf8_decode(&cp, text, n);
        int is_raw = !is_control(cp) && !(len == 1 && (*text & 0x80));
        size_t needed = is_raw ? (size_t)len : 4 * (size_t)len;

        if (at + needed >= size)
            break;
        for (int i = 0; i < len; i++)
            if (is_raw)
                out[at++] = text[i];
            else
                at += (size_t)snprintf(out + at, size - at, "\\x%02x", (unsigned char)text[i]);
        text += len;
        n -= (size_t)len;
    }
    out[at] = '\0';
}

int err_set(struct err *err, int code, const char *fmt, ...)
{
    char text[sizeof err->text];
    va_list ap;

    if (!err)
        return code;
    if (err->code)
        return err->code;
    err->code = code;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    err_line(err->text, sizeof err->text, text);
    return code;
}

int err_wrap(struct err *err, const char *fmt, ...)
{
    char cause[sizeof err->text], context[sizeof err->text];
    va_list ap;
    size_t n;

    if (!err || !err->code)
        return E_INVALID;
    memcpy(cause, err->text, sizeof cause);
    va_start(ap, fmt);
    vsnprintf(context, sizeof context, fmt, ap);
    va_end(ap);
    err_line(err->text, sizeof err->text, context);
    n = strlen(err->text);
    if (n + 2 < sizeof err->text) {
        memcpy(err->text + n, ": ", 2);
        err_line(err->text + n + 2, sizeof err->text - n - 2, cause);
    }
    return err->code;
}

int err_nomem(struct err *err) { return err_set(err, E_NOMEM, "out of memory"); }

void err_clear(struct err *err)
{
    if (err) {
        err->code = 0;
        err->text[0] = '\0';
    }
}
