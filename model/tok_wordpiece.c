/* tok_wordpiece.c -- BERT's tokenizer: clean the text, cut it into words, cut words into known pieces.
 *
 * One pass over the bytes fills a buffer with the word at hand and turns it into pieces at its end. ASCII takes a
 * table look-up a byte. Other characters take the long way of the reference: controls dropped, Chinese characters
 * set apart, canonical decomposition, marks removed, lower case, punctuation set apart.
 *
 * Source: Devlin et al., "BERT", 2019; behaviour, to the id, that of the Rust library `tokenizers`
 * (BertNormalizer, BertPreTokenizer, WordPiece), see characters.h for its Unicode versions.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "model/characters.h"
#include "model/tokenizer_inside.h"
#include "model/vocabulary.h"

enum {
    WORD_MAX = 100,    /* characters; a longer word is [UNK] */
    N_CACHED = 0x3100, /* flags of code points below are looked up once, at open */
    PART = 0,          /* what an ASCII byte is: part of a word, */
    BREAK = 1,         /* or something that has flags of characters.h */
};

struct wordpiece {
    struct tokenizer base;
    struct vocabulary vocabulary;
    int unk, cls, sep;
    int lower_case, strip_accents, split_chinese;
    unsigned char is_break[256]; /* PART for ASCII letters and digits; BREAK for all other bytes */
    char lower[256];             /* of PART bytes */
    unsigned char flags[N_CACHED];
};

/* ---- open ---- */

static void fill_tables(struct wordpiece *t)
{
    for (uint32_t cp = 0; cp < N_CACHED; cp++)
        t->flags[cp] = (unsigned char)char_flags(cp);
    memset(t->is_break, BREAK, sizeof t->is_break);
    for (int c = 0; c < 0x80; c++) {
        t->is_break[c] = t->flags[c] ? BREAK : PART;
        t->lower[c] = (char)(t->lower_case && c >= 'A' && c <= 'Z' ? c + 32 : c);
    }
}

static int find_special(int *id, const struct wordpiece *t, const char *token, struct err *err)
{
    *id = vocabulary_find(&t->vocabulary, token);
    return *id >= 0 ? 0
                    : err_set(err, E_FORMAT, "the vocabulary has no special token '%.40s'", token);
}

static void wordpiece_close(struct tokenizer *base)
{
    vocabulary_clear(&((struct wordpiece *)base)->vocabulary);
}

static int wordpiece_spell(struct buf *out, const struct tokenizer *base, int id)
{
    return vocabulary_spell(out, &((const struct wordpiece *)base)->vocabulary, id);
}

int tokenizer_open(struct tokenizer **out, const struct folder *folder, struct err *err)
{
    struct wordpiece *t = mem_zalloc(1, sizeof *t);
    int rc;

    if (!t)
        return err_nomem(err);
    t->base.kind = &tok_wordpiece;
    rc = vocabulary_load(&t->vocabulary, folder->path, folder->vocab, err);
    if (!rc &&
        (find_special(&t->unk, t, folder->unk, err) || find_special(&t->cls, t, folder->cls, err) ||
         find_special(&t->sep, t, folder->sep, err))) {
        err_wrap(err, "'%s'", folder->path);
        rc = E_FORMAT;
    }
    if (rc) {
        tokenizer_close(&t->base);
        return rc;
    }
    t->lower_case = folder->lower_case;
    t->strip_accents = folder->strip_accents;
    t->split_chinese = folder->split_chinese;
    fill_tables(t);
    *out = &t->base;
    return 0;
}

/* ---- words to pieces ---- */

/* One text on its way. */
struct pass {
    const struct wordpiece *t;
    struct ids *out;
    size_t limit; /* out->n at which to stop */
    int failed;   /* out of memory */

    char word[4 * WORD_MAX]; /* the word at hand, cleaned, up to WORD_MAX characters of it */
    size_t n;                /* bytes of it */
    size_t n_chars;          /* characters, also those beyond WORD_MAX */

    /* Characters that wait for canonical order: those of a combining class that were not removed as marks. */
    uint32_t waiting[WORD_MAX + 1];
    size_t n_waiting;
};

static void end_word(struct pass *p)
{
    const struct wordpiece *t = p->t;
    size_t at = 0, n_before = p->out->n;

    if (!p->n_chars)
        return;
    if (mem_reserve((void **)&p->out->v, &p->out->cap, n_before + WORD_MAX + 2,
                    sizeof *p->out->v)) {
        p->failed = 1;
        return;
    }
    while (p->n_chars <= WORD_MAX && at < p->n) {
        int id = t->unk;
        size_t len = vocabulary_match(&id, &t->vocabulary, p->word + at, p->n - at, at > 0);

        if (!len)
            break;
        p->out->v[p->out->n++] = id;
        at += len;
    }
    if (at < p->n) { /* a word is known as a whole or not at all */
        p->out->n = n_before;
        p->out->v[p->out->n++] = t->unk;
    }
    p->n = 0;
    p->n_chars = 0;
}

static void add_char(struct pass *p, uint32_t cp)
{
    if (p->n_chars++ < WORD_MAX)
        p->n += (size_t)utf8_encode(p->word + p->n, cp);
}

/* ---- characters beyond ASCII ---- */

static unsigned flags_of(const struct wordpiece *t, uint32_t cp)
{
    return cp < N_CACHED ? t->flags[cp] : char_flags(cp);
}

/* Takes a character after decomposition: lower case, then words. */
static void put_lower(struct pass *p, uint32_t cp)
{
    uint32_t low[2] = {cp};
    int n = p->t->lower_case ? char_lower(low, cp) : 1;

    for (int i = 0; i < n; i++) {
        unsigned flags = flags_of(p->t, low[i]);

        if (flags & CHAR_SPACE) {
            end_word(p);
        } else if (flags & CHAR_PUNCT) {
            end_word(p);
            add_char(p, low[i]);
            end_word(p);
        } else {
            add_char(p, low[i]);
        }
    }
}

static void put_waiting(struct pass *p)
{
    for (size_t i = 0; i < p->n_waiting; i++)
        put_lower(p, p->waiting[i]);
    p->n_waiting = 0;
}

/* Takes a decomposed character: removes marks, and keeps canonical order among what is left.
 * Order is by class and stable, so marks that go take no part in it, but what has class 0, mark or not, ends
 * a run. */
static void put_ordered(struct pass *p, uint32_t cp)
{
    unsigned flags = flags_of(p->t, cp);
    size_t i;

    if (!(flags & CHAR_REORDERS))
        put_waiting(p);
    if (flags & CHAR_MARK)
        return;
    if (!(flags & CHAR_REORDERS)) {
        put_lower(p, cp);
    } else if (p->n_waiting <= WORD_MAX) { /* more would be a word too long whatever their order */
        for (i = p->n_waiting++; i && char_class(p->waiting[i - 1]) > char_class(cp); i--)
            p->waiting[i] = p->waiting[i - 1];
        p->waiting[i] = cp;
    }
}

/* Takes a character of the text. */
static void put_char(struct pass *p, uint32_t cp)
{
    const struct wordpiece *t = p->t;
    unsigned flags = flags_of(t, cp);
    int apart = (flags & CHAR_CHINESE) && t->split_chinese;

    if (flags & CHAR_DROP)
        return;
    if (apart || (flags & CHAR_SPACE)) {
        put_waiting(p);
        end_word(p);
        if (flags & CHAR_SPACE)
            return;
    }
    if (!t->strip_accents) {
        put_lower(p, cp);
    } else if (flags & CHAR_COMPOSED) {
        uint32_t parts[CHAR_PARTS_MAX];
        int n = char_decompose(parts, cp);

        for (int i = 0; i < n; i++)
            put_ordered(p, parts[i]);
    } else {
        put_ordered(p, cp);
    }
    if (apart) {
        put_waiting(p);
        end_word(p);
    }
}

/* ---- the pass ---- */

/* Takes ASCII letters and digits from s[i..n).  Returns the first place that has something else. */
static size_t add_ascii_run(struct pass *p, const char *s, size_t i, size_t n)
{
    const struct wordpiece *t = p->t;
    size_t room = p->n_chars < WORD_MAX ? WORD_MAX - p->n_chars : 0, begin = i;
    size_t end = n - i > room ? i + room : n;
    char *to = p->word + p->n;

    for (; i < end && t->is_break[(unsigned char)s[i]] == PART; i++)
        *to++ = t->lower[(unsigned char)s[i]];
    p->n += i - begin;
    while (i < n && t->is_break[(unsigned char)s[i]] == PART) /* beyond WORD_MAX: counted only */
        i++;
    p->n_chars += i - begin;
    return i;
}

static void run(struct pass *p, const char *s, size_t n)
{
    const struct wordpiece *t = p->t;
    size_t i = 0;

    while (i < n && p->out->n < p->limit && !p->failed) {
        unsigned char c = (unsigned char)s[i];
        uint32_t cp;

        if (c >= 0x80) {
            i += (size_t)utf8_decode(&cp, s + i, n - i);
            put_char(p, cp);
            continue;
        }
        if (!(t->flags[c] & CHAR_DROP))
            put_waiting(p);
        if (t->is_break[c] == PART) {
            i = add_ascii_run(p, s, i, n);
            continue;
        }
        i++;
        if (t->flags[c] & CHAR_DROP)
            continue;
        end_word(p);
        if (t->flags[c] & CHAR_PUNCT) {
            add_char(p, c);
            end_word(p);
        }
    }
    put_waiting(p);
    end_word(p);
}

static int wordpiece_add(struct ids *out, const struct tokenizer *base, const char *text, size_t n,
                         size_t max, struct err *err)
{
    const struct wordpiece *t = (const struct wordpiece *)base;
    struct pass p;
    size_t begin = out->n;

    p.t = t;
    p.out = out;
    p.limit = begin + max - 1; /* room for [SEP] */
    p.failed = 0;
    p.n = p.n_chars = p.n_waiting = 0;
    if (mem_reserve((void **)&out->v, &out->cap, begin + 2, sizeof *out->v))
        return err_nomem(err);
    out->v[out->n++] = t->cls;
    run(&p, text, n);
    if (p.failed) {
        out->n = begin;
        return err_nomem(err);
    }
    if (out->n > p.limit)
        out->n = p.limit;
    out->v[out->n++] = t->sep;
    return 0;
}

const struct tokenizer_kind tok_wordpiece = {
    .name = "wordpiece", .close = wordpiece_close, .add = wordpiece_add, .spell = wordpiece_spell};
