/* words.c -- UAX #29 words: a table for ASCII, ICU's rule engine for the rest.
 *
 * ASCII blanks are word boundaries in every context (rules WB3a to WB4, WB999), so a text may be
 * cut at them: stretches of pure ASCII take the table, others the rules.  In ASCII
 * UAX #29 comes down to this: letters, digits and '_' join each other (WB5, 8, 9, 10, 13a, 13b);
 * ':' '.' ''' join the letters around them (WB6, 7); ',' ';' '.' ''' the digits (WB11, 12).
 *
 * Source: Unicode Standard Annex #29, section 4.1.1.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include "indexer/words.h"

#include <stdint.h>
#include <string.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "indexer/unicode.h"

_Static_assert((int)WORD_MAX == (int)FOLD_MAX, "a word is folded at once");

/* ---- the table, for ASCII ---- */

enum {
    LETTER = 1,
    DIGIT = 2,
    UNDER = 4,
    WORD = LETTER | DIGIT | UNDER,
    JOINS = 3,                       /* shift from what is joined to what joins: */
    JOINS_LETTERS = LETTER << JOINS, /* 8 */
    JOINS_DIGITS = DIGIT << JOINS,   /* 16 */
    BLANK = 64,                      /* not 32: shifted by JOINS it would join underscores */
};

static const uint8_t class_of[256] = {
    ['a' ... 'z'] = LETTER,
    ['A' ... 'Z'] = LETTER,
    ['0' ... '9'] = DIGIT,
    ['_'] = UNDER,
    [':'] = JOINS_LETTERS,
    [','] = JOINS_DIGITS,
    [';'] = JOINS_DIGITS,
    ['.'] = JOINS_LETTERS | JOINS_DIGITS,
    ['\''] = JOINS_LETTERS | JOINS_DIGITS,
    [' '] = BLANK,
    ['\t'] = BLANK,
    ['\n'] = BLANK,
    ['\v'] = BLANK,
    ['\f'] = BLANK,
    ['\r'] = BLANK,
};

struct words {
    struct breaks *breaks; /* made when first needed */
    unsigned style;        /* WORDS_... */
    int at_character;
    /* the walk */
    const char *text, *end;
    word_fn *fn;
    void *payload;
    char word[WORD_MAX + 8]; /* eight bytes are written at a time */
    char folded[FOLDED_MAX];
};

int words_new(struct words **out, unsigned style, struct err *err)
{
    struct words *w = mem_zalloc(1, sizeof *w);

    if (!w)
        return err_nomem(err);
    w->style = style;
    *out = w;
    return 0;
}

void words_free(struct words *w)
{
    if (!w)
        return;
    breaks_close(w->breaks);
    mem_free(w);
}

int words_at_character(const struct words *w) { return w->at_character; }

/* ---- one word ---- */

/* The end of the piece of s[begin..end) that starts at begin: at most WORD_MAX bytes, whole characters. */
static size_t piece_end(const char *s, size_t begin, size_t end)
{
    size_t at = begin + WORD_MAX;

    if (end - begin <= WORD_MAX)
        return end;
    while (at > begin + WORD_MAX - 3 && ((unsigned char)s[at] & 0xc0) == 0x80)
        at--;
    return at;
}

/* Gives the n bytes of w->folded, cut again if folding made them long. */
static int give_folded(struct words *w, size_t n, size_t begin, size_t end)
{
    int rc = 0;

    for (size_t i = 0, j; !rc && i < n; i = j) {
        j = piece_end(w->folded, i, n);
        rc = w->fn(w->folded + i, j - i, begin, end, w->payload);
    }
    return rc;
}

/* A lower-case ASCII word [n] whose capital I's, at the bytes where the text has them, lose their dots. */
static int give_turkish(struct words *w, size_t n, size_t begin, size_t end)
{
    size_t to = 0;

    for (size_t i = 0; i < n; i++) {
        if (w->text[begin + i] == 'I') {
            memcpy(w->folded + to, "\xc4\xb1", 2);
            to += 2;
        } else {
            w->folded[to++] = w->word[i];
        }
    }
    return give_folded(w, to, begin, end);
}

/* Eight bytes with their ASCII capitals made small. */
static uint64_t lower8(uint64_t v)
{
    const uint64_t ones = 0x0101010101010101u, low = v & 0x7f * ones;
    const uint64_t from_a = low + (0x80 - 'A') * ones, past_z = low + (0x7f - 'Z') * ones;

    return v | ((from_a ^ past_z) & ~v & 0x80 * ones) >> 2;
}

/* Writes s[n] in small letters to w->word, eight bytes at a time where the text has them. */
static void lower(struct words *w, const char *s, size_t n)
{
    size_t i = 0;

    if (n + 8 <= (size_t)(w->end - s))
        for (uint64_t v; i < n; i += 8) {
            memcpy(&v, s + i, 8);
            v = lower8(v);
            memcpy(w->word + i, &v, 8);
        }
    for (; i < n; i++)
        w->word[i] = (char)(s[i] | ((unsigned)(s[i] - 'A') < 26u) << 5);
}

/* 1 if s [n] holds a letter or a digit. */
static int has_ascii_letter_or_digit(const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (class_of[(unsigned char)s[i]] & (LETTER | DIGIT))
            return 1;
    return 0;
}

static int ascii_word(struct words *w, size_t begin, size_t end)
{
    const char *s = w->text;
    int rc = 0;

    for (size_t stop; !rc && begin < end; begin = stop) {
        stop = end - begin <= WORD_MAX ? end : begin + WORD_MAX;
        if (!has_ascii_letter_or_digit(s + begin, stop - begin))
            continue;
        lower(w, s + begin, stop - begin);
        if (w->style & WORDS_TURKISH && memchr(s + begin, 'I', stop - begin))
            rc = give_turkish(w, stop - begin, begin, stop);
        else
            rc = w->fn(w->word, stop - begin, begin, stop, w->payload);
    }
    return rc;
}

/* A word that is not ASCII: cut and folded. */
static int unicode_word(struct words *w, size_t begin, size_t end, struct err *err)
{
    int rc = 0;

    for (size_t stop; !rc && begin < end; begin = stop) {
        int n;

        stop = piece_end(w->text, begin, end);
        if (!unicode_has_letter_or_digit(w->text + begin, stop - begin))
            continue;
        n = unicode_fold(w->folded, w->text + begin, stop - begin, !!(w->style & WORDS_TURKISH),
                         err);
        if (n < 0)
            return n;
        rc = give_folded(w, (size_t)n, begin, stop);
    }
    return rc;
}

/* ---- characters of their own ---- */

/* The end of the character at `at`, with the marks that go with it; *cjk: is it one of Chinese, Japanese or Korean? */
static size_t character_end(const char *s, size_t at, size_t end, int *cjk)
{
    uint32_t cp;

    at += (size_t)utf8_decode(&cp, s + at, end - at);
    *cjk = unicode_is_cjk(cp);
    while (at < end) {
        int n = utf8_decode(&cp, s + at, end - at);

        if (!unicode_joins(cp))
            break;
        at += (size_t)n;
    }
    return at;
}

/* A word that is not ASCII, cut at each CJK character. */
static int characters(struct words *w, size_t begin, size_t end, struct err *err)
{
    size_t from = begin; /* of what is not CJK */
    int rc = 0;

    for (size_t at = begin, stop; !rc && at < end; at = stop) {
        int cjk;

        stop = character_end(w->text, at, end, &cjk);
        if (!cjk && stop < end)
            continue;
        rc = unicode_word(w, from, cjk ? at : stop, err);
        from = stop;
        if (rc || !cjk)
            continue;
        w->at_character = 1;
        rc = unicode_word(w, at, stop, err);
        w->at_character = 0;
    }
    return rc;
}

/* ---- stretches of text ---- */

/* The end of the ASCII word that starts at i, where class_of is WORD. */
static size_t ascii_word_end(const unsigned char *s, size_t i, size_t end)
{
    for (;;) {
        while (i < end && class_of[s[i]] & WORD)
            i++;
        if (i + 1 >= end || !(class_of[s[i]] >> JOINS & class_of[s[i - 1]] & class_of[s[i + 1]]))
            return i;
        i += 2;
    }
}

static int walk_ascii(struct words *w, size_t begin, size_t end)
{
    const unsigned char *s = (const unsigned char *)w->text;
    int rc = 0;

    for (size_t i = begin; !rc && i < end;) {
        size_t stop;

        if (!(class_of[s[i]] & WORD)) {
            i++;
            continue;
        }
        stop = ascii_word_end(s, i, end);
        rc = ascii_word(w, i, stop);
        i = stop;
    }
    return rc;
}

/* The first byte of s[i..end) that is not ASCII, or end. */
static size_t find_non_ascii(const char *s, size_t i, size_t end)
{
    for (uint64_t v; end - i >= 8; i += 8) {
        memcpy(&v, s + i, 8);
        if (v & 0x8080808080808080u)
            break;
    }
    while (i < end && !(s[i] & 0x80))
        i++;
    return i;
}

static int walk_unicode(struct words *w, size_t begin, size_t end, struct err *err)
{
    int rc = w->breaks ? 0 : breaks_open(&w->breaks, BREAKS_WORDS, err);
    size_t from = begin, at;

    rc = rc ? rc : breaks_begin(w->breaks, w->text + begin, end - begin, err);
    for (size_t to; !rc && breaks_next(&at, w->breaks); from = to) {
        to = begin + at;
        if (find_non_ascii(w->text, from, to) == to) {
            if (class_of[(unsigned char)w->text[from]] & WORD)
                rc = ascii_word(w, from, to);
        } else if (w->style & WORDS_CHARACTERS) {
            rc = characters(w, from, to, err);
        } else {
            rc = unicode_word(w, from, to, err);
        }
    }
    return rc;
}

/* The end of the stretch for ICU that begins at `begin` and has its first non-ASCII byte at `at`:
 * up to the blank after it, and on while what stands between two blanks is not ASCII either. */
static size_t unicode_end(const char *s, size_t at, size_t n)
{
    size_t stop = at, i = at;
    int ascii = 0;

    for (; i < n; i++) {
        if (class_of[(unsigned char)s[i]] & BLANK) {
            if (ascii)
                return stop;
            stop = i;
            ascii = 1;
        } else if (s[i] & 0x80) {
            ascii = 0;
        }
    }
    return ascii ? stop : n;
}

int words_walk(struct words *w, const char *text, size_t n, int all_unicode, word_fn *fn,
               void *payload, struct err *err)
{
    int rc = 0;

    if (n > INT32_MAX - 1)
        return err_set(err, E_LIMIT, "analyzer: a text of %zu bytes is over 2 GiB", n);
    w->text = text;
    w->end = text + n;
    w->fn = fn;
    w->payload = payload;
    if (all_unicode)
        return walk_unicode(w, 0, n, err);
    for (size_t at = 0; !rc && at < n;) {
        size_t strange = find_non_ascii(text, at, n), blank = strange;

        while (strange < n && blank > at && !(class_of[(unsigned char)text[blank - 1]] & BLANK))
            blank--;
        rc = walk_ascii(w, at, blank);
        at = blank;
        if (!rc && strange < n) {
            size_t stop = unicode_end(text, strange, n);

            rc = walk_unicode(w, at, stop, err);
            at = stop;
        }
    }
    return rc;
}
