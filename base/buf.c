/* buf.c -- growable bytes and a bounds-checked reader; see buf.h. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"

enum { BUF_MAX_DEFAULT = 1 << 30 };

void *buf_extend(struct buf *b, size_t n)
{
    size_t max = b->max ? b->max : BUF_MAX_DEFAULT;
    char *p;

    if (b->code)
        return NULL;
    if (n > max || b->len > max - n) {
        b->code = E_LIMIT;
        return NULL;
    }
    if (mem_reserve((void **)&b->data, &b->cap, b->len + n + 1, 1)) {
        b->code = E_NOMEM;
        return NULL;
    }
    p = b->data + b->len;
    b->len += n;
    b->data[b->len] = '\0';
    return p;
}

void buf_add(struct buf *b, const void *p, size_t n)
{
    void *to = buf_extend(b, n);

    if (to && n)
        memcpy(to, p, n);
}

void buf_puts(struct buf *b, const char *s) { buf_add(b, s, strlen(s)); }

void buf_putc(struct buf *b, char c) { buf_add(b, &c, 1); }

void buf_printf(struct buf *b, const char *fmt, ...)
{
    va_list ap;
    char *to;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (n < 0)
        return;
    to = buf_extend(b, (size_t)n);
    if (to) {
        va_start(ap, fmt);
        vsnprintf(to, (size_t)n + 1, fmt, ap);
        va_end(ap);
    }
}

void buf_u8(struct buf *b, uint8_t v) { buf_add(b, &v, 1); }

void buf_u32(struct buf *b, uint32_t v)
{
    unsigned char x[4];

    for (int i = 0; i < 4; i++)
        x[i] = (unsigned char)(v >> (8 * i));
    buf_add(b, x, sizeof x);
}

void buf_u64(struct buf *b, uint64_t v)
{
    buf_u32(b, (uint32_t)v);
    buf_u32(b, (uint32_t)(v >> 32));
}

void buf_varint(struct buf *b, uint64_t v)
{
    unsigned char x[10];
    size_t n = 0;

    for (; v >= 0x80; v >>= 7)
        x[n++] = (unsigned char)(v | 0x80);
    x[n++] = (unsigned char)v;
    buf_add(b, x, n);
}

const char *buf_text(const struct buf *b) { return b->data ? b->data : ""; }

int buf_error(const struct buf *b) { return b->code; }

char *buf_take(struct buf *b)
{
    char *p;

    if (!b->code && !b->data)
        buf_extend(b, 0);
    if (b->code) {
        buf_clear(b);
        return NULL;
    }
    p = b->data;
    b->data = NULL;
    b->len = b->cap = 0;
    return p;
}

void buf_reset(struct buf *b)
{
    b->len = 0;
    b->code = 0;
    if (b->data)
        b->data[0] = '\0';
}

void buf_clear(struct buf *b)
{
    mem_free(b->data);
    b->data = NULL;
    b->len = b->cap = 0;
    b->code = 0;
}

const unsigned char *bytes_get(struct bytes *r, size_t n)
{
    const unsigned char *p = r->p;

    if (r->bad || (size_t)(r->end - r->p) < n) {
        r->bad = 1;
        return NULL;
    }
    r->p += n;
    return p;
}

uint8_t bytes_u8(struct bytes *r)
{
    const unsigned char *p = bytes_get(r, 1);

    return p ? *p : 0;
}

uint32_t bytes_u32(struct bytes *r)
{
    const unsigned char *p = bytes_get(r, 4);

    return p ? (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24
             : 0;
}

uint64_t bytes_u64(struct bytes *r)
{
    uint64_t lo = bytes_u32(r);

    return lo | (uint64_t)bytes_u32(r) << 32;
}

uint64_t bytes_varint(struct bytes *r)
{
    uint64_t v = 0;

    for (int shift = 0; shift < 64; shift += 7) {
        uint8_t c = bytes_u8(r);

        v |= (uint64_t)(c & 0x7f) << shift;
        if (!(c & 0x80))
            return r->bad ? 0 : v;
    }
    r->bad = 1; /* more than ten bytes: not something we wrote */
    return 0;
}
