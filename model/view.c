/* view.c -- mending and composing texts while remembering origins; see view.h.
 *
 * Composition is UAX #15, in time linear in the text however many marks a letter carries: a run of marks is put in order
 * by counting, since there are only 255 classes.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include "model/view.h"

#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "model/characters.h"

#define LOWER_BLOCK "\xe2\x96\x81" /* U+2581, SentencePiece's blank */
#define BLOCK_BYTES (sizeof LOWER_BLOCK - 1)

void view_clear(struct view *v)
{
    mem_free(v->own_s);
    mem_free(v->own_from);
    memset(v, 0, sizeof *v);
}

struct view view_part(const struct view *v, size_t begin, size_t end)
{
    return (struct view){.s = v->s + begin,
                         .n = end - begin,
                         .from = v->from ? v->from + begin : NULL,
                         .base = v->base + (uint32_t)begin};
}

/* ---- a text that changes: bytes and origins grow together ---- */

struct change {
    struct buf bytes;
    uint32_t *from; /* [bytes.len] */
    size_t cap;
    int failed; /* out of memory */
};

static void add(struct change *c, const char *s, size_t n, uint32_t from, int each)
{
    if (c->failed ||
        mem_reserve((void **)&c->from, &c->cap, c->bytes.len + n + 1, sizeof *c->from)) {
        c->failed = 1;
        return;
    }
    for (size_t i = 0; i < n; i++)
        c->from[c->bytes.len + i] = from + (each ? (uint32_t)i : 0);
    buf_add(&c->bytes, s, n);
}

static int finish(struct view *out, struct change *c, uint32_t end, struct err *err)
{
    int code = c->failed ? E_NOMEM : buf_error(&c->bytes);

    if (!code)
        add(c, "", 1, end, 0); /* the origin of the end; its byte is the NUL */
    if (code || c->failed || buf_error(&c->bytes)) {
        mem_free(c->from);
        buf_clear(&c->bytes);
        return err_nomem(err);
    }
    out->n = c->bytes.len - 1;
    out->s = out->own_s = buf_take(&c->bytes);
    out->from = out->own_from = c->from;
    return 0;
}

/* ---- mend ---- */

int view_open(struct view *out, const char *text, size_t n, int prefix, int blanks, struct err *err)
{
    struct change c = {.bytes = {.max = (size_t)4 * VIEW_BYTES_MAX}};

    if (n > VIEW_BYTES_MAX)
        return err_set(err, E_LIMIT, "a text of %zu bytes; a tokenizer takes up to %d", n,
                       VIEW_BYTES_MAX);
    prefix = prefix && n;
    if (!prefix && utf8_check(text, n) == n &&
        !(blanks && n && memmem(text, n, LOWER_BLOCK, BLOCK_BYTES))) {
        *out = (struct view){.s = text, .n = n};
        return 0;
    }
    if (prefix)
        add(&c, " ", 1, 0, 0);
    for (size_t i = 0, valid = 0; i < n && !c.failed;) {
        const char *block;
        size_t end;

        if (i >= valid)
            valid = i + utf8_check(text + i, n - i);
        block = blanks && i < valid ? memmem(text + i, valid - i, LOWER_BLOCK, BLOCK_BYTES) : NULL;
        end = block ? (size_t)(block - text) : valid;
        add(&c, text + i, end - i, (uint32_t)i, 1);
        i = end;
        if (block) {
            add(&c, " ", 1, (uint32_t)i, 0);
            i += BLOCK_BYTES;
        } else if (i < n) {
            add(&c, "\xef\xbf\xbd", 3, (uint32_t)i, 0);
            i++;
        }
    }
    return finish(out, &c, (uint32_t)n, err);
}

/* ---- compose ---- */

/* Characters from one that begins something anew up to the next, decomposed. */
struct run {
    struct run_char {
        uint32_t cp;
        int class;
    } * v, *sorted; /* [n] */
    size_t n, cap, cap_sorted;
};

static int push(struct run *r, uint32_t cp)
{
    if (mem_reserve((void **)&r->v, &r->cap, r->n + 1, sizeof *r->v))
        return E_NOMEM;
    r->v[r->n++] = (struct run_char){cp, char_class(cp)};
    return 0;
}

/* Canonical order of v[begin..end), all of class > 0: by class, stable. */
static int sort_marks(struct run *r, size_t begin, size_t end)
{
    size_t at[256] = {0}, sum = begin;

    if (end - begin < 2)
        return 0;
    if (mem_reserve((void **)&r->sorted, &r->cap_sorted, r->n, sizeof *r->sorted))
        return E_NOMEM;
    for (size_t i = begin; i < end; i++)
        at[r->v[i].class & 255]++;
    for (int k = 0; k < 256; k++) {
        size_t n = at[k];

        at[k] = sum;
        sum += n;
    }
    for (size_t i = begin; i < end; i++)
        r->sorted[at[r->v[i].class & 255]++] = r->v[i];
    memcpy(r->v + begin, r->sorted + begin, (end - begin) * sizeof *r->v);
    return 0;
}

static int order(struct run *r)
{
    for (size_t i = 0, begin = 0; i <= r->n; i++)
        if (i == r->n || !r->v[i].class) {
            if (sort_marks(r, begin, i))
                return E_NOMEM;
            begin = i + 1;
        }
    return 0;
}

/* Joins each starter with what follows it and is not blocked. */
static void compose(struct run *r)
{
    size_t kept = 0, starter = SIZE_MAX;
    int last_class = 0;

    for (size_t i = 0; i < r->n; i++) {
        struct run_char c = r->v[i];
        int adjacent = starter != SIZE_MAX && kept == starter + 1;
        uint32_t whole = starter != SIZE_MAX && (adjacent || last_class < c.class)
                             ? char_compose(r->v[starter].cp, c.cp)
                             : 0;

        if (whole) {
            r->v[starter].cp = whole;
            continue;
        }
        if (!c.class)
            starter = kept;
        last_class = c.class;
        r->v[kept++] = c;
    }
    r->n = kept;
}

/* 1 if the character begins anew: nothing before it can change it or be changed by it. */
static int is_boundary(uint32_t cp) { return cp < 0x300 || !char_joins(cp); }

/* Composes the run s[0..n), whose bytes come from `from`. */
static int add_run(struct change *c, struct run *r, const char *s, size_t n, uint32_t from)
{
    uint32_t cp, parts[CHAR_PARTS_MAX];
    char utf8[4];

    r->n = 0;
    for (size_t i = 0; i < n;) {
        int n_parts;

        i += (size_t)utf8_decode(&cp, s + i, n - i);
        n_parts = char_parts(parts, cp);
        for (int k = 0; k < n_parts; k++)
            if (push(r, parts[k]))
                return E_NOMEM;
    }
    if (order(r))
        return E_NOMEM;
    compose(r);
    for (size_t i = 0; i < r->n; i++)
        add(c, utf8, (size_t)utf8_encode(utf8, r->v[i].cp), from, 0);
    return c->failed ? E_NOMEM : 0;
}

static int is_composed(const char *s, size_t n)
{
    uint32_t cp;

    for (size_t i = 0; i < n;) {
        if ((unsigned char)s[i] < 0xcc) { /* below U+0300, or a byte within a character that is */
            i++;
            continue;
        }
        i += (size_t)utf8_decode(&cp, s + i, n - i);
        if (!char_is_composed(cp))
            return 0;
    }
    return 1;
}

int view_compose(struct view *out, const struct view *in, size_t begin, size_t end, struct err *err)
{
    struct change c = {.bytes = {.max = (size_t)4 * VIEW_BYTES_MAX}};
    struct run r = {0};
    uint32_t cp;
    int failed = 0;

    if (is_composed(in->s + begin, end - begin)) {
        *out = view_part(in, begin, end);
        return 0;
    }
    for (size_t i = begin; i < end && !failed;) {
        size_t next = i + (size_t)utf8_decode(&cp, in->s + i, end - i);

        while (next < end) {
            size_t len = (size_t)utf8_decode(&cp, in->s + next, end - next);

            if (is_boundary(cp))
                break;
            next += len;
        }
        failed = add_run(&c, &r, in->s + i, next - i, view_origin(in, i));
        i = next;
    }
    mem_free(r.v);
    mem_free(r.sorted);
    c.failed |= failed;
    return finish(out, &c, view_origin(in, end), err);
}
