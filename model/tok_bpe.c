/* tok_bpe.c -- byte-level BPE: words by a pattern, bytes joined by a list of merges.
 *
 * Vocabularies spell bytes with printable characters (GPT-2's alphabet: "Ġ" is the blank); here tokens are the bytes
 * themselves.  Most words of a text are one token.  Whether the merges turn a token's bytes into that token is found out
 * when it is first met and remembered, so that such words cost one look-up.
 *
 * Source: Radford et al., "Language models are unsupervised multitask learners", 2019; ids are those of the Rust library
 * `tokenizers` (BPE, ByteLevel).
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include <stdatomic.h>
#include <string.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "model/tokenizer_inside.h"

/* Two tokens that join; rank_1 = 0 is a free slot. */
struct pair {
    uint32_t left, right;
    uint32_t rank_1; /* place in the list of merges, + 1 */
    int id;          /* what they become */
};

enum { NOT_TRIED, IS_WHOLE, IS_CUT }; /* what the merges make of a token's bytes */

struct bpe {
    struct tokenizer base;
    struct splitter *splitter;
    int byte_ids[256];
    struct pair *pairs; /* [mask + 1] */
    size_t mask;
    atomic_uchar *whole; /* [tokens] */
};

/* ---- GPT-2's alphabet ---- */

/* The byte that a character spells, or -1. */
static int byte_of(uint32_t cp)
{
    if ((cp >= 33 && cp <= 126) || (cp >= 161 && cp <= 172) || (cp >= 174 && cp <= 255))
        return (int)cp;
    if (cp >= 256 && cp <= 288) /* 0..32 */
        return (int)cp - 256;
    if (cp >= 289 && cp <= 322) /* 127..160 */
        return (int)cp - 289 + 127;
    return cp == 323 ? 173 : -1;
}

/* A token that is not spelled in the alphabet stands for itself, and so do marks. */
static size_t read_alphabet(char *to, int *type, const char *spelled, size_t n)
{
    size_t n_to = 0;

    for (size_t i = 0; i < n && *type == TOKEN_NORMAL;) {
        uint32_t cp;
        int byte;

        i += (size_t)utf8_decode(&cp, spelled + i, n - i);
        byte = byte_of(cp);
        if (byte < 0)
            break;
        to[n_to++] = (char)byte;
        if (i == n)
            return n_to;
    }
    memcpy(to, spelled, n);
    return n;
}

/* ---- merges ---- */

static struct pair *find_pair(const struct bpe *b, uint32_t left, uint32_t right)
{
    uint64_t key = ((uint64_t)left << 32 | right) * 0x9e3779b97f4a7c15u;
    size_t i = (size_t)(key >> 32) & b->mask;

    while (b->pairs[i].rank_1 && (b->pairs[i].left != left || b->pairs[i].right != right))
        i = (i + 1) & b->mask;
    return &b->pairs[i];
}

static uint32_t rank_of(int *id, const void *payload, const struct symbol *left,
                        const struct symbol *right)
{
    const struct pair *p = find_pair(payload, (uint32_t)left->id, (uint32_t)right->id);

    *id = p->id;
    return p->rank_1 - 1; /* of a free slot: MERGE_NONE */
}

/* The token that is spelled so: a normal one, or a mark. */
static int find_spelled(const struct bpe *b, const char *spelled, size_t n, char *room)
{
    int type = TOKEN_NORMAL,
        id = pieces_find(&b->base.pieces, room, read_alphabet(room, &type, spelled, n));

    return id >= 0 ? id : pieces_find_mark(&b->base.pieces, spelled, n);
}

static int add_merge(struct bpe *b, size_t rank, const struct token_text *merge, struct buf *room,
                     struct err *err)
{
    const char *blank = merge->n > 2 ? memchr(merge->p + 1, ' ', merge->n - 2) : NULL;
    size_t n_left = blank ? (size_t)(blank - merge->p) : 0, n_right = merge->n - n_left - 1;
    int left, right, id;
    struct pair *p;

    if (!blank)
        return err_set(err, E_FORMAT, "merge %zu, '%.*s', is not two tokens", rank,
                       (int)(merge->n < 40 ? merge->n : 40), merge->p);
    buf_reset(room);
    if (!buf_extend(room, 2 * merge->n))
        return err_nomem(err);
    left = find_spelled(b, merge->p, n_left, room->data);
    right = find_spelled(b, blank + 1, n_right, room->data);
    memcpy(room->data + merge->n, merge->p, n_left);
    memcpy(room->data + merge->n + n_left, blank + 1, n_right);
    id = find_spelled(b, room->data + merge->n, n_left + n_right, room->data);
    if (left < 0 || right < 0 || id < 0)
        return err_set(err, E_FORMAT, "merge %zu, '%.*s': the vocabulary has no token for %s", rank,
                       (int)(merge->n < 40 ? merge->n : 40), merge->p,
                       left < 0    ? "the left part"
                       : right < 0 ? "the right part"
                                   : "the two together");
    p = find_pair(b, (uint32_t)left, (uint32_t)right);
    if (!p->rank_1 && b->base.pieces.types[id] != TOKEN_CONTROL) /* a text makes no control token */
        *p = (struct pair){(uint32_t)left, (uint32_t)right, (uint32_t)rank + 1, id};
    return 0;
}

static int load_merges(struct bpe *b, const struct tokenizer_source *source, struct err *err)
{
    struct buf room = {0};
    size_t n_slots = 64;
    int rc = 0;

    if (source->n_merges > MERGE_NONE / 4)
        return err_set(err, E_FORMAT, "a vocabulary of %zu merges", source->n_merges);
    while (n_slots < source->n_merges + source->n_merges / 2)
        n_slots *= 2;
    b->mask = n_slots - 1;
    b->pairs = mem_zalloc(n_slots, sizeof *b->pairs);
    if (!b->pairs)
        return err_nomem(err);
    for (size_t i = 0; i < source->n_merges && !rc; i++)
        rc = add_merge(b, i, &source->merges[i], &room, err);
    buf_clear(&room);
    return rc;
}

/* ---- open ---- */

static int bpe_load(struct tokenizer *t, const struct tokenizer_source *source, struct err *err)
{
    struct bpe *b = (struct bpe *)t;
    int rc;

    for (int c = 0; c < 256; c++) {
        char byte = (char)c;

        b->byte_ids[c] = pieces_find(&t->pieces, &byte, 1);
    }
    b->whole = mem_zalloc(t->pieces.n, sizeof *b->whole);
    if (!b->whole)
        return err_nomem(err);
    rc = splitter_open(&b->splitter, source->pre, err);
    return rc ? rc : load_merges(b, source, err);
}

static void bpe_close(struct tokenizer *t)
{
    struct bpe *b = (struct bpe *)t;

    splitter_close(b->splitter);
    mem_free(b->pairs);
    mem_free(b->whole);
}

/* ---- encode ---- */

/* Joins the bytes of a word; the symbols are in e->merging.  Vocabularies that were made from small samples, such as
 * SmolLM2's, lack the bytes of rare controls. */
static int join_bytes(struct encoding *e, const struct bpe *b, const char *s, size_t begin,
                      size_t end)
{
    struct symbol *symbols;

    if (encoding_room(e, end - begin))
        return E_NOMEM;
    symbols = e->merging.symbols;
    for (size_t i = begin; i < end; i++) {
        int id = b->byte_ids[(unsigned char)s[i]];

        if (id >= 0) /* the reference drops what has no token, and so does this */
            symbols[e->merging.n++] =
                (struct symbol){.begin = (uint32_t)i, .end = (uint32_t)i + 1, .id = id};
    }
    return merge_symbols(&e->merging, rank_of, b, e->err);
}

static int add_word(struct encoding *e, const struct bpe *b, const struct view *v, size_t begin,
                    size_t end)
{
    int id = pieces_find(&b->base.pieces, v->s + begin, end - begin);
    int is = id < 0 ? IS_CUT
             : splitter_about(b->splitter)->whole_words
                 ? IS_WHOLE
                 : atomic_load_explicit(&b->whole[id], memory_order_relaxed);
    const struct merging *m = &e->merging;
    int rc = 0;

    if (is == IS_WHOLE)
        return encoding_put(e, id, v, begin, end);
    if (join_bytes(e, b, v->s, begin, end))
        return E_NOMEM;
    if (is == NOT_TRIED)
        atomic_store_explicit(&b->whole[id],
                              m->n == 1 && m->symbols[0].id == id ? IS_WHOLE : IS_CUT,
                              memory_order_relaxed);
    for (size_t i = 0; i < m->n && !rc; i++)
        rc = encoding_put(e, m->symbols[i].id, v, m->symbols[i].begin, m->symbols[i].end);
    return rc;
}

static int bpe_cut(struct encoding *e, const struct view *text, size_t begin, size_t end)
{
    const struct bpe *b = (const struct bpe *)e->t;
    struct view v = view_part(text, begin, end);
    int rc = 0;

    if (!e->split)
        rc = split_open(&e->split, b->splitter, e->err);
    if (!rc && splitter_about(b->splitter)->composes)
        rc = view_compose(&v, text, begin, end, e->err);
    for (size_t at = 0, next = 0; at < v.n && !rc; at = next) {
        rc = split_next(&next, e->split, v.s, v.n, at, e->err);
        if (!rc)
            rc = add_word(e, b, &v, at, next);
    }
    view_clear(&v);
    return rc;
}

const struct tokenizer_kind tok_bpe = {.name = "bpe",
                                       .model = "gpt2",
                                       .bytes = sizeof(struct bpe),
                                       .read = read_alphabet,
                                       .load = bpe_load,
                                       .cut = bpe_cut,
                                       .close = bpe_close};
