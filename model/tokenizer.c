/* tokenizer.c -- the table of tokenizers, and the way that those of GGUF files share.
 *
 * A text is mended (view.h), marks are taken out of it (pieces.h), and what is between them is cut by the kind.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include "model/tokenizer.h"

#include <string.h>

#include "base/mem.h"
#include "model/tokenizer_inside.h"

static const struct tokenizer_kind *const kinds[] = {&tok_wordpiece, &tok_bpe, &tok_sentencepiece};

enum { N_KINDS = sizeof kinds / sizeof *kinds };

/* ---- lists ---- */

void ids_clear(struct ids *ids)
{
    mem_free(ids->v);
    memset(ids, 0, sizeof *ids);
}

void tokens_clear(struct tokens *list)
{
    mem_free(list->ids);
    mem_free(list->spans);
    memset(list, 0, sizeof *list);
}

static int reserve(struct tokens *list, size_t need)
{
    size_t cap_ids = list->cap, cap_spans = list->cap;

    if (need <= list->cap)
        return 0;
    if (mem_reserve((void **)&list->ids, &cap_ids, need, sizeof *list->ids) ||
        mem_reserve((void **)&list->spans, &cap_spans, need, sizeof *list->spans))
        return E_NOMEM;
    list->cap = cap_ids < cap_spans ? cap_ids : cap_spans;
    return 0;
}

static int put(struct tokens *list, int id, uint32_t begin, uint32_t end, struct err *err)
{
    if (list->n == list->cap && reserve(list, list->n + 1))
        return err_nomem(err);
    list->ids[list->n] = id;
    list->spans[list->n++] = (struct token_span){begin, end};
    return 0;
}

int tokens_add(struct tokens *out, int id, struct err *err)
{
    uint32_t at = out->n ? out->spans[out->n - 1].end : 0;

    return put(out, id, at, at, err);
}

/* ---- what kinds use ---- */

int encoding_put(struct encoding *e, int id, const struct view *v, size_t begin, size_t end)
{
    return put(e->out, id, view_origin(v, begin), view_origin(v, end), e->err);
}

int encoding_room(struct encoding *e, size_t n)
{
    e->merging.n = 0;
    return mem_reserve((void **)&e->merging.symbols, &e->merging.cap, n, sizeof *e->merging.symbols)
               ? err_nomem(e->err)
               : 0;
}

/* ---- open ---- */

static int find_kind(const struct tokenizer_kind **out, const char *model, struct err *err)
{
    struct buf known = {0};
    int rc;

    for (int i = 0; i < N_KINDS; i++)
        if (kinds[i]->model && !strcmp(kinds[i]->model, model)) {
            *out = kinds[i];
            return 0;
        }
    for (int i = 0; i < N_KINDS; i++)
        if (kinds[i]->model)
            buf_printf(&known, "%s%s (%s)", known.len ? ", " : "", kinds[i]->model, kinds[i]->name);
    rc = buf_error(&known)
             ? err_nomem(err)
             : err_set(err, E_INVALID, "a tokenizer of the kind '%.40s'; known are: %s", model,
                       buf_text(&known));
    buf_clear(&known);
    return rc;
}

static int check_id(const struct tokenizer_source *s, int id, const char *name, struct err *err)
{
    return id < -1 || (id >= 0 && (size_t)id >= s->n_tokens)
               ? err_set(err, E_FORMAT, "the %s token is %d, but there are %zu tokens", name, id,
                         s->n_tokens)
               : 0;
}

static int check_source(const struct tokenizer_source *s, struct err *err)
{
    int rc = check_id(s, s->bos, "BOS", err);

    if (!rc)
        rc = check_id(s, s->eos, "EOS", err);
    if (!rc)
        rc = check_id(s, s->eot, "EOT", err);
    return rc ? rc : check_id(s, s->unk, "unknown", err);
}

/* The token that ends a turn, for the many files that do not say. */
static int find_end_of_turn(const struct pieces *p)
{
    static const char *const known[] = {"<|im_end|>", "<|eot_id|>", "<end_of_turn>"};
    int id = -1;

    for (size_t i = 0; i < sizeof known / sizeof *known && id < 0; i++)
        id = pieces_find_mark(p, known[i], strlen(known[i]));
    return id;
}

int tokenizer_new(struct tokenizer **out, const struct tokenizer_source *source, struct err *err)
{
    const struct tokenizer_kind *kind = NULL;
    struct tokenizer *t;
    int rc = find_kind(&kind, source->model, err);

    if (!rc)
        rc = check_source(source, err);
    if (rc)
        return rc;
    t = mem_zalloc(1, kind->bytes);
    if (!t)
        return err_nomem(err);
    t->kind = kind;
    t->special = (struct special_ids){source->bos, source->eos, source->eot, source->unk};
    t->add_bos = (source->add_bos < 0 ? kind->add_bos : source->add_bos) && source->bos >= 0;
    t->add_eos = source->add_eos > 0 && source->eos >= 0;
    t->space_prefix = source->add_space_prefix < 0 ? kind->space_prefix : source->add_space_prefix;
    rc = pieces_load(&t->pieces, source, kind->read, err);
    if (!rc)
        rc = kind->load(t, source, err);
    if (!rc && t->special.eot < 0)
        t->special.eot = find_end_of_turn(&t->pieces);
    if (rc)
        tokenizer_close(t);
    else
        *out = t;
    return rc;
}

void tokenizer_close(struct tokenizer *t)
{
    if (!t)
        return;
    t->kind->close(t);
    pieces_clear(&t->pieces);
    mem_free(t);
}

/* ---- encode ---- */

/* Cuts a view at its marks. */
static int cut_at_marks(struct encoding *e, const struct view *v, int control)
{
    const struct tokenizer *t = e->t;
    size_t begin = 0, at = 0;
    int rc = 0;

    while (at < v->n && !rc) {
        int id = -1;
        size_t n = t->pieces.first[(unsigned char)v->s[at]]
                       ? pieces_match_mark(&id, &t->pieces, v->s + at, v->n - at, control)
                       : 0;

        if (!n) {
            at++;
            continue;
        }
        if (begin < at)
            rc = t->kind->cut(e, v, begin, at);
        if (!rc)
            rc = encoding_put(e, id, v, at, at + n);
        begin = at += n;
    }
    return rc || begin == v->n ? rc : t->kind->cut(e, v, begin, v->n);
}

int tokenizer_encode(struct tokens *out, const struct tokenizer *t, const char *text, size_t n,
                     int flags, struct err *err)
{
    struct encoding e = {.t = t, .out = out, .err = err};
    struct view v = {0};
    size_t n_before = out->n;
    int rc;

    if (!t->kind->cut)
        return err_set(err, E_INVALID,
                       "the tokenizer %s does not say which bytes a token stands for",
                       t->kind->name);
    rc = view_open(&v, text, n, t->space_prefix, t->kind->blanks, err);
    if (!rc && (flags & ENCODE_ENDS) && t->add_bos)
        rc = put(out, t->special.bos, 0, 0, err);
    if (!rc)
        rc = cut_at_marks(&e, &v, flags & ENCODE_PARSE);
    if (!rc && (flags & ENCODE_ENDS) && t->add_eos)
        rc = put(out, t->special.eos, (uint32_t)n, (uint32_t)n, err);
    if (rc)
        out->n = n_before;
    merging_clear(&e.merging);
    split_close(e.split);
    view_clear(&v);
    return rc;
}

/* Appends at most max ids of the list. */
static int take_ids(struct ids *out, const struct tokenizer *t, const struct tokens *list,
                    size_t max, struct err *err)
{
    size_t n = list->n < max ? list->n : max;

    if (mem_reserve((void **)&out->v, &out->cap, out->n + n, sizeof *out->v))
        return err_nomem(err);
    if (n)
        memcpy(out->v + out->n, list->ids, n * sizeof *out->v);
    out->n += n;
    if (n < list->n && t->add_eos)
        out->v[out->n - 1] = t->special.eos;
    return 0;
}

int tokenizer_add(struct ids *out, const struct tokenizer *t, const char *text, size_t n,
                  size_t max, struct err *err)
{
    struct tokens list = {0};
    int rc;

    if (t->kind->add)
        return t->kind->add(out, t, text, n, max, err);
    rc = tokenizer_encode(&list, t, text, n, ENCODE_ENDS, err);
    if (!rc)
        rc = take_ids(out, t, &list, max, err);
    tokens_clear(&list);
    return rc;
}

/* ---- what a tokenizer says of itself ---- */

int tokenizer_spell(struct buf *out, const struct tokenizer *t, int id)
{
    const char *s;
    size_t n;

    if (t->kind->spell)
        return t->kind->spell(out, t, id);
    if (id < 0 || (size_t)id >= t->pieces.n)
        return 0;
    s = pieces_bytes(&n, &t->pieces, id);
    buf_add(out, s, n);
    return 1;
}

struct special_ids tokenizer_specials(const struct tokenizer *t)
{
    return t->pieces.n ? t->special : (struct special_ids){-1, -1, -1, -1};
}

size_t tokenizer_size(const struct tokenizer *t) { return t->pieces.n; }

int tokenizer_find_special(const struct tokenizer *t, const char *spelling)
{
    return t->pieces.n ? pieces_find_mark(&t->pieces, spelling, strlen(spelling)) : -1;
}

const char *tokenizer_kind(const struct tokenizer *t) { return t->kind->name; }
