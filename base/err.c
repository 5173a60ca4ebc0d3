/* err.c -- status codes with one line of text; see err.h. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int err_set(struct err *err, int code, const char *fmt, ...)
{
    va_list ap;

    if (!err)
        return code;
    if (err->code)
        return err->code;
    err->code = code;
    va_start(ap, fmt);
    vsnprintf(err->text, sizeof err->text, fmt, ap);
    va_end(ap);
    return code;
}

int err_wrap(struct err *err, const char *fmt, ...)
{
    char cause[sizeof err->text];
    va_list ap;
    int n;

    if (!err || !err->code)
        return E_INVALID;
    memcpy(cause, err->text, sizeof cause);
    va_start(ap, fmt);
    n = vsnprintf(err->text, sizeof err->text, fmt, ap);
    va_end(ap);
    if (n >= 0 && (size_t)n + 2 < sizeof err->text)
        snprintf(err->text + n, sizeof err->text - (size_t)n, ": %.*s",
                 (int)(sizeof err->text - (size_t)n - 3), cause);
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
