/* meta.c -- metadata from fields that are text: a JSON object, in which numbers are numbers. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/json.h"
#include "corpora/formats.h"

enum { MAX_DIGITS = 15 }; /* that survive in a double */

static size_t digits(const char *s) { return strspn(s, "0123456789"); }

/* Is it a number as JSON writes it, without an exponent?  "007" is none, nor is what a double would
 * round: those are names. */
static int is_number(const char *s)
{
    size_t whole, part = 0;

    s += *s == '-';
    whole = digits(s);
    if (!whole || (whole > 1 && *s == '0'))
        return 0;
    s += whole;
    if (*s == '.') {
        part = digits(++s);
        if (!part)
            return 0;
        s += part;
    }
    return !*s && whole + part <= MAX_DIGITS;
}

void corpus_meta_add(struct buf *meta, const char *key, const char *value)
{
    if (!*value)
        return;
    buf_putc(meta, meta->len ? ',' : '{');
    json_write_text(meta, key);
    buf_putc(meta, ':');
    if (is_number(value))
        buf_puts(meta, value);
    else
        json_write_text(meta, value);
}

int corpus_meta_end(const char **out, struct buf *meta, struct err *err)
{
    if (meta->len)
        buf_putc(meta, '}');
    if (buf_error(meta))
        return buf_error(meta) == E_NOMEM
                   ? err_nomem(err)
                   : err_set(err, E_LIMIT, "the other fields are too long to be metadata");
    *out = meta->len ? buf_text(meta) : NULL;
    return 0;
}
