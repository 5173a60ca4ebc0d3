/* tok_decode.c -- token ids to text, a token at a time without ever cutting a character. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/utf8.h"
#include "model/tokenizer_inside.h"

#define REPLACEMENT "\xef\xbf\xbd"

/* 1 if s[0..n), which decodes to nothing, may be the begin of a character. */
static int is_begun(const char *s, int n)
{
    static const char *const tails[] = {"\x80\x80\x80", "\x90\x80\x80", "\xa0\x80\x80"};
    unsigned char c = (unsigned char)s[0];
    int len = c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
    uint32_t cp;

    if (c < 0xc2 || c > 0xf4 || n >= len)
        return 0;
    for (int i = 0; i < 3; i++) { /* the lowest second bytes that any first byte takes */
        char whole[4];

        memcpy(whole, s, (size_t)n);
        memcpy(whole + n, n == 1 ? tails[i] : tails[0], (size_t)(4 - n < 3 ? 4 - n : 3));
        if (utf8_decode(&cp, whole, (size_t)len) == len)
            return 1;
    }
    return 0;
}

/* Appends s[0..n) behind what waits. */
static void put_bytes(struct buf *out, struct decoding *d, const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint32_t cp;

        d->held[d->n_held++] = s[i];
        while (d->n_held && !is_begun(d->held, d->n_held)) {
            int len = utf8_decode(&cp, d->held, (size_t)d->n_held);

            if (len == 1 && (d->held[0] & 0x80))
                buf_puts(out, REPLACEMENT);
            else
                buf_add(out, d->held, (size_t)len);
            d->n_held -= len;
            memmove(d->held, d->held + len, (size_t)d->n_held);
        }
    }
}

void decoding_end(struct buf *out, struct decoding *d)
{
    for (int i = 0; i < d->n_held; i++)
        buf_puts(out, REPLACEMENT);
    memset(d, 0, sizeof *d);
}

int tokenizer_decode(struct buf *out, struct decoding *d, const struct tokenizer *t, const int *ids,
                     size_t n, int flags, struct err *err)
{
    const struct pieces *p = &t->pieces;

    for (size_t i = 0; i < n; i++) {
        const char *s;
        size_t len;
        int type;

        if (ids[i] < 0 || (size_t)ids[i] >= p->n)
            return err_set(err, E_INVALID, "token %d: the vocabulary has %zu", ids[i], p->n);
        type = p->types[ids[i]];
        if (type == TOKEN_CONTROL && !(flags & DECODE_CONTROL))
            continue;
        s = pieces_bytes(&len, p, ids[i]);
        if (!d->started && t->space_prefix && type == TOKEN_NORMAL && len && s[0] == ' ') {
            s++; /* the blank that was put in front */
            len--;
        }
        d->started |= type != TOKEN_CONTROL;
        put_bytes(out, d, s, len);
    }
    return buf_error(out) == E_NOMEM ? err_nomem(err)
           : buf_error(out)          ? err_set(err, E_LIMIT, "the text is too long")
                                     : 0;
}
