/* jout.c -- JSON for programs that call ours; see jout.h. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "api/jout.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/cli.h"
#include "base/json.h"

static void begin_member(struct jout *j, const char *key)
{
    if (j->comma)
        buf_putc(&j->b, ',');
    j->comma = 1;
    if (key) {
        json_write_text(&j->b, key);
        buf_putc(&j->b, ':');
    }
}

void jout_open(struct jout *j, const char *key, char bracket)
{
    assert((size_t)j->depth < sizeof j->closers);
    begin_member(j, key);
    buf_putc(&j->b, bracket);
    j->closers[j->depth++] = bracket == '{' ? '}' : ']';
    j->comma = 0;
}

void jout_close(struct jout *j)
{
    assert(j->depth > 0);
    buf_putc(&j->b, j->closers[--j->depth]);
    j->comma = 1;
}

void jout_text(struct jout *j, const char *key, const char *v)
{
    begin_member(j, key);
    if (v)
        json_write_text(&j->b, v);
    else
        buf_puts(&j->b, "null");
}

void jout_int(struct jout *j, const char *key, int64_t v)
{
    begin_member(j, key);
    buf_printf(&j->b, "%lld", (long long)v);
}

void jout_count(struct jout *j, const char *key, uint64_t v)
{
    begin_member(j, key);
    buf_printf(&j->b, "%llu", (unsigned long long)v);
}

void jout_number(struct jout *j, const char *key, double v)
{
    begin_member(j, key);
    json_write_number(&j->b, v);
}

void jout_float(struct jout *j, const char *key, float v)
{
    char text[40];

    begin_member(j, key);
    if (!isfinite(v)) {
        buf_puts(&j->b, "null");
        return;
    }
    for (int digits = 6; digits <= 9; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, (double)v);
        if (strtof(text, NULL) == v)
            break;
    }
    buf_puts(&j->b, text);
}

void jout_bool(struct jout *j, const char *key, int v)
{
    begin_member(j, key);
    buf_puts(&j->b, v ? "true" : "false");
}

void jout_raw(struct jout *j, const char *key, const char *text)
{
    struct json *v = NULL;

    begin_member(j, key);
    if (text && !json_parse(&v, text, strlen(text), NULL))
        json_write(&j->b, v);
    else
        buf_puts(&j->b, "null");
    json_free(v);
}

int jout_print(struct jout *j)
{
    int rc = 0;

    assert(j->depth == 0);
    if (buf_error(&j->b)) {
        say("out of memory");
        rc = -1;
    } else {
        fwrite(j->b.data, 1, j->b.len, stdout);
        putchar('\n');
    }
    buf_clear(&j->b);
    *j = (struct jout){0};
    return rc;
}
