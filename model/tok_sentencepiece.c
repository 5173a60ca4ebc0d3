/* tok_sentencepiece.c -- SentencePiece's byte-pair encoding: neighbours join if what they make is a token, best score first.
 *
 * SentencePiece spells the blank U+2581; here tokens and texts have blanks.  It joins over the whole text; here a text
 * is cut before each blank that follows something else, except where a token goes on over that place, so that a
 * word's tokens cost what a word costs.  As in tok_bpe.c, most words are one token, found out when first met.
 *
 * Source: Kudo & Richardson, "SentencePiece", 2018; ids are those of the library `sentencepiece`, and where those two differ
 * of `transformers`: runs of blanks that the file calls the user's tokens are joined like others, in the file's order,
 * not taken from the left (which is the same up to the longest of them, 31 blanks in Gemma).
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdatomic.h>
#include <string.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "model/tokenizer_inside.h"

#define LOWER_BLOCK "\xe2\x96\x81"

enum { NOT_TRIED, IS_WHOLE, IS_CUT }; /* what joining makes of a token's characters */

/* Ranks of scores lie above this; those below are for runs of blanks. */
enum { RANK_MIN = 0x007fffff };

struct sentencepiece {
    struct tokenizer base;
    uint32_t *ranks;          /* [tokens]: 0 the best */
    int byte_ids[256];        /* -1 = none */
    int ascii_ids[128];       /* of single characters; -1 = none */
    unsigned char inner[256]; /* 1: some token has a blank behind this byte */
    atomic_uchar *whole;      /* [tokens] */
};

/* ---- open ---- */

/* The value of "<0xNN>", or -1. */
static int byte_of(const char *s, size_t n)
{
    int value = 0;

    if (n != 6 || memcmp(s, "<0x", 3) || s[5] != '>')
        return -1;
    for (int i = 3; i < 5; i++) {
        const char *digits = "0123456789ABCDEF", *d = s[i] ? strchr(digits, s[i]) : NULL;

        if (!d)
            return -1;
        value = value * 16 + (int)(d - digits);
    }
    return value;
}

static size_t read_blanks(char *to, int *type, const char *spelled, size_t n)
{
    size_t n_to = 0, n_blanks = 0;
    int byte = *type == TOKEN_BYTE ? byte_of(spelled, n) : -1;

    if (byte >= 0) {
        to[0] = (char)byte;
        return 1;
    }
    for (size_t i = 0; i < n; n_to++)
        if (n - i >= 3 && !memcmp(spelled + i, LOWER_BLOCK, 3)) {
            to[n_to] = ' ';
            i += 3;
        } else {
            to[n_to] = spelled[i++];
        }
    for (size_t i = 0; i < n_to; i++)
        n_blanks += to[i] == ' ';
    if (*type == TOKEN_BYTE)
        *type = TOKEN_UNUSED;
    else if (*type == TOKEN_USER && n_to && n_blanks == n_to)
        *type = TOKEN_NORMAL;
    return n_to;
}

/* Numbers that rise as scores fall. */
static uint32_t rank_of_score(float score)
{
    uint32_t bits;
    float f = 0.0f - score; /* turns -0 into 0 */

    memcpy(&bits, &f, sizeof bits);
    return bits >> 31 ? ~bits : bits | 0x80000000u;
}

static int load_ranks(struct sentencepiece *sp, const struct tokenizer_source *source,
                      struct err *err)
{
    uint32_t n_runs = 0;

    for (size_t i = 0; i < source->n_tokens; i++) {
        int is_run = source->types && source->types[i] == TOKEN_USER &&
                     sp->base.pieces.types[i] == TOKEN_NORMAL;

        if (isnan(source->scores[i]))
            return err_set(err, E_FORMAT, "the score of token %zu is not a number", i);
        if (is_run && n_runs < RANK_MIN)
            sp->ranks[i] = n_runs++;
        else
            sp->ranks[i] = rank_of_score(source->scores[i]);
    }
    return 0;
}

static int sentencepiece_load(struct tokenizer *t, const struct tokenizer_source *source,
                              struct err *err)
{
    struct sentencepiece *sp = (struct sentencepiece *)t;
    const struct pieces *p = &t->pieces;

    if (!source->scores)
        return err_set(err, E_FORMAT, "the vocabulary has no scores");
    sp->ranks = mem_alloc(p->n, sizeof *sp->ranks);
    sp->whole = mem_zalloc(p->n, sizeof *sp->whole);
    if (!sp->ranks || !sp->whole)
        return err_nomem(err);
    memset(sp->byte_ids, -1, sizeof sp->byte_ids);
    for (size_t i = 0; i < p->n; i++) {
        size_t n;
        const unsigned char *s = (const unsigned char *)pieces_bytes(&n, p, (int)i);

        if (p->types[i] == TOKEN_BYTE)
            sp->byte_ids[s[0]] = (int)i;
        for (size_t k = 1; k < n && p->types[i] == TOKEN_NORMAL; k++)
            sp->inner[s[k - 1]] |= s[k] == ' ' && s[k - 1] != ' ';
    }
    for (int c = 0; c < 128; c++) {
        char byte = (char)c;

        sp->ascii_ids[c] = pieces_find(p, &byte, 1);
    }
    return load_ranks(sp, source, err);
}

static void sentencepiece_close(struct tokenizer *t)
{
    struct sentencepiece *sp = (struct sentencepiece *)t;

    mem_free(sp->ranks);
    mem_free(sp->whole);
}

/* ---- encode ---- */

/* What rank_of is asked about. */
struct word {
    const struct sentencepiece *sp;
    const char *s; /* the text that symbols point into */
};

static uint32_t rank_of(int *id, const void *payload, const struct symbol *left,
                        const struct symbol *right)
{
    const struct word *w = payload;

    *id = pieces_find(&w->sp->base.pieces, w->s + left->begin, right->end - left->begin);
    return *id < 0 ? MERGE_NONE : w->sp->ranks[*id];
}

/* Joins the characters of a word; the symbols are in e->merging. */
static int join_characters(struct encoding *e, const struct sentencepiece *sp, const char *s,
                           size_t begin, size_t end)
{
    const struct word w = {sp, s};
    struct symbol *symbols;
    uint32_t cp;

    if (encoding_room(e, end - begin))
        return E_NOMEM;
    symbols = e->merging.symbols;
    for (size_t i = begin, n; i < end; i += n) {
        int ascii = !(s[i] & 0x80);

        n = ascii ? 1 : (size_t)utf8_decode(&cp, s + i, end - i);
        symbols[e->merging.n++] =
            (struct symbol){.begin = (uint32_t)i,
                            .end = (uint32_t)(i + n),
                            .id = ascii ? sp->ascii_ids[(unsigned char)s[i]]
                                        : pieces_find(&sp->base.pieces, s + i, n)};
    }
    return merge_symbols(&e->merging, rank_of, &w, e->err);
}

/* A character that is no token: its bytes if they all are, else the unknown token, once for a run of them. */
static int add_unknown(struct encoding *e, const struct sentencepiece *sp, const struct view *v,
                       const struct symbol *c, int *in_run)
{
    int unk = sp->base.special.unk, missing = 0, rc = 0;

    for (uint32_t i = c->begin; i < c->end; i++)
        missing |= sp->byte_ids[(unsigned char)v->s[i]] < 0;
    if (missing) {
        if (*in_run)
            e->out->spans[e->out->n - 1].end = view_origin(v, c->end);
        else if (unk >= 0)
            rc = encoding_put(e, unk, v, c->begin, c->end);
        *in_run = unk >= 0;
        return rc;
    }
    *in_run = 0;
    for (uint32_t i = c->begin; i < c->end && !rc; i++)
        rc = encoding_put(e, sp->byte_ids[(unsigned char)v->s[i]], v, i, i + 1);
    return rc;
}

static int add_word(struct encoding *e, const struct sentencepiece *sp, const struct view *v,
                    size_t begin, size_t end, int *in_run)
{
    int id = pieces_find(&sp->base.pieces, v->s + begin, end - begin);
    int is = id < 0 ? IS_CUT : atomic_load_explicit(&sp->whole[id], memory_order_relaxed);
    const struct merging *m = &e->merging;
    int rc = 0;

    if (is == IS_WHOLE) {
        *in_run = 0;
        return encoding_put(e, id, v, begin, end);
    }
    if (join_characters(e, sp, v->s, begin, end))
        return E_NOMEM;
    if (is == NOT_TRIED)
        atomic_store_explicit(&sp->whole[id],
                              m->n == 1 && m->symbols[0].id == id ? IS_WHOLE : IS_CUT,
                              memory_order_relaxed);
    for (size_t i = 0; i < m->n && !rc; i++) {
        const struct symbol *s = &m->symbols[i];

        if (s->id < 0) {
            rc = add_unknown(e, sp, v, s, in_run);
        } else {
            *in_run = 0;
            rc = encoding_put(e, s->id, v, s->begin, s->end);
        }
    }
    return rc;
}

/* Where the word that begins at `at` ends. */
static size_t word_end(const struct sentencepiece *sp, const char *s, size_t at, size_t end)
{
    size_t i = at + 1;

    while (i < end && (s[i] != ' ' || s[i - 1] == ' ' || sp->inner[(unsigned char)s[i - 1]]))
        i++;
    return i;
}

static int sentencepiece_cut(struct encoding *e, const struct view *text, size_t begin, size_t end)
{
    const struct sentencepiece *sp = (const struct sentencepiece *)e->t;
    int rc = 0, in_run = 0;

    for (size_t at = begin, next; at < end && !rc; at = next) {
        next = word_end(sp, text->s, at, end);
        rc = add_word(e, sp, text, at, next, &in_run);
    }
    return rc;
}

const struct tokenizer_kind tok_sentencepiece = {.name = "sentencepiece",
                                                 .model = "llama",
                                                 .bytes = sizeof(struct sentencepiece),
                                                 .add_bos = 1,
                                                 .space_prefix = 1,
                                                 .blanks = 1,
                                                 .read = read_blanks,
                                                 .load = sentencepiece_load,
                                                 .cut = sentencepiece_cut,
                                                 .close = sentencepiece_close};
