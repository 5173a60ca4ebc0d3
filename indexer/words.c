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
#include <unicode/ubrk.h>
#include <unicode/uchar.h>
#include <unicode/unorm2.h>
#include <unicode/ustring.h>
#include <unicode/utext.h>
#include <unicode/utf16.h>
#include <unicode/utf8.h>

#include "base/mem.h"

/* ---- the rules, for what is not ASCII ---- */

/* Each rule says what must stay together, and chaining makes runs of them; what no rule
 * joins is a boundary.  $X is any number of characters that WB4 passes over. */
static const char rules[] =
    "!!chain; !!quoted_literals_only;\n"
    "$CR = [\\p{Word_Break=CR}]; $LF = [\\p{Word_Break=LF}];\n"
    "$NL = [\\p{Word_Break=Newline}];\n"
    "$ZWJ = [\\p{Word_Break=ZWJ}];\n"
    "$Skip = [\\p{Word_Break=Extend}\\p{Word_Break=Format}\\p{Word_Break=ZWJ}];\n"
    "$Hebrew = [\\p{Word_Break=Hebrew_Letter}];\n"
    "$Letter = [\\p{Word_Break=ALetter}\\p{Word_Break=Hebrew_Letter}];\n"
    "$Digit = [\\p{Word_Break=Numeric}];\n"
    "$Kata = [\\p{Word_Break=Katakana}];\n"
    "$Under = [\\p{Word_Break=ExtendNumLet}];\n"
    "$Single = [\\p{Word_Break=Single_Quote}]; $Double = [\\p{Word_Break=Double_Quote}];\n"
    "$JoinL = [\\p{Word_Break=MidLetter}\\p{Word_Break=MidNumLet}\\p{Word_Break=Single_Quote}];\n"
    "$JoinD = [\\p{Word_Break=MidNum}\\p{Word_Break=MidNumLet}\\p{Word_Break=Single_Quote}];\n"
    "$Space = [\\p{Word_Break=WSegSpace}];\n"
    "$Flag = [\\p{Word_Break=Regional_Indicator}];\n"
    "$Picture = [\\p{Extended_Pictographic}];\n"
    "$Thai = [\\p{Line_Break=Complex_Context}];\n"
    "$X = $Skip*;\n"
    "$CR $LF;\n"                                 /* WB3 */
    "$ZWJ $Picture;\n"                           /* WB3c */
    "$Space $Space;\n"                           /* WB3d */
    "[^$CR $LF $NL] $X;\n"                       /* WB4 */
    "$Letter $X $Letter;\n"                      /* WB5 */
    "$Letter $X $JoinL $X $Letter;\n"            /* WB6, WB7 */
    "$Hebrew $X $Single;\n"                      /* WB7a */
    "$Hebrew $X $Double $X $Hebrew;\n"           /* WB7b, WB7c */
    "$Digit $X $Digit;\n"                        /* WB8 */
    "$Letter $X $Digit;\n"                       /* WB9 */
    "$Digit $X $Letter;\n"                       /* WB10 */
    "$Digit $X $JoinD $X $Digit;\n"              /* WB11, WB12 */
    "$Kata $X $Kata;\n"                          /* WB13 */
    "[$Letter $Digit $Kata $Under] $X $Under;\n" /* WB13a */
    "$Under $X [$Letter $Digit $Kata];\n"        /* WB13b */
    "^$Flag $X $Flag;\n"                         /* WB15, WB16 */
    "$Thai $X $Thai;\n"                          /* not UAX #29: Lucene's SOUTHEAST_ASIAN */
    ".;\n";                                      /* WB999 */

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

enum { FOLDED_MAX = 20 * WORD_MAX }; /* NFKC_Casefold makes at most 18 units of one */

struct words {
    UBreakIterator *breaks;   /* made when first needed */
    const UNormalizer2 *fold; /* ICU's own */
    /* the walk */
    const char *text;
    word_fn *fn;
    void *payload;
    char word[WORD_MAX + 1];
    UChar raw[WORD_MAX + 1], folded[FOLDED_MAX];
    char folded8[3 * FOLDED_MAX];
};

int words_new(struct words **out, struct err *err)
{
    struct words *w = mem_zalloc(1, sizeof *w);

    if (!w)
        return err_nomem(err);
    *out = w;
    return 0;
}

void words_free(struct words *w)
{
    if (!w)
        return;
    if (w->breaks)
        ubrk_close(w->breaks);
    mem_free(w);
}

static int icu_error(struct err *err, UErrorCode code, const char *what)
{
    if (code == U_MEMORY_ALLOCATION_ERROR)
        return err_nomem(err);
    return err_set(err, E_FORMAT, "ICU: %s: %s", what, u_errorName(code));
}

static int open_rules(struct words *w, struct err *err)
{
    UChar rules16[sizeof rules];
    UErrorCode code = U_ZERO_ERROR;
    UParseError where;

    if (w->breaks)
        return 0;
    u_uastrcpy(rules16, rules);
    w->fold = unorm2_getNFKCCasefoldInstance(&code);
    w->breaks = ubrk_openRules(rules16, -1, NULL, 0, &where, &code);
    if (U_SUCCESS(code))
        return 0;
    w->breaks = NULL;
    return icu_error(err, code, "word rules");
}

/* ---- one word ---- */

/* The end of the piece of s[begin..end) that starts at begin: at most WORD_MAX bytes, whole characters. */
static size_t piece_end(const char *s, size_t begin, size_t end)
{
    size_t at = begin + WORD_MAX;

    if (end - begin <= WORD_MAX)
        return end;
    while (at > begin + WORD_MAX - 3 && U8_IS_TRAIL((uint8_t)s[at]))
        at--;
    return at;
}

static int ascii_word(struct words *w, size_t begin, size_t end)
{
    const char *s = w->text;
    int rc = 0;

    for (size_t stop; !rc && begin < end; begin = stop) {
        unsigned kind = 0;

        stop = end - begin <= WORD_MAX ? end : begin + WORD_MAX;
        for (size_t i = begin; i < stop; i++) {
            unsigned char c = (unsigned char)s[i];
            unsigned upper = (unsigned)(c - 'A') < 26u;

            kind |= class_of[c];
            w->word[i - begin] = (char)(c | upper << 5);
        }
        if (kind & (LETTER | DIGIT))
            rc = w->fn(w->word, stop - begin, begin, stop, w->payload);
    }
    return rc;
}

/* 1 if UTF-8 s [n] holds a letter, a letter-like number or a decimal digit. */
static int has_letter_or_digit(const char *s, size_t n)
{
    const uint32_t wanted = U_GC_L_MASK | U_GC_NL_MASK | U_GC_ND_MASK;
    const uint8_t *u = (const uint8_t *)s;

    for (int32_t i = 0; i < (int32_t)n;) {
        UChar32 c;

        U8_NEXT(u, i, (int32_t)n, c);
        if (c >= 0 && U_GET_GC_MASK(c) & wanted)
            return 1;
    }
    return 0;
}

/* Folds s [n], n <= WORD_MAX, to w->folded8.  Returns its length or a negative code. */
static int fold(struct words *w, const char *s, size_t n, struct err *err)
{
    UErrorCode code = U_ZERO_ERROR;
    int32_t n_raw, n_folded, n_out;

    u_strFromUTF8WithSub(w->raw, WORD_MAX + 1, &n_raw, s, (int32_t)n, 0xfffd, NULL, &code);
    n_folded = unorm2_normalize(w->fold, w->raw, n_raw, w->folded, FOLDED_MAX, &code);
    for (int32_t i = 0; U_SUCCESS(code) && i < n_folded; i++)
        if (w->folded[i] == 0x2019)
            w->folded[i] = '\'';
    u_strToUTF8(w->folded8, sizeof w->folded8, &n_out, w->folded, n_folded, &code);
    if (U_FAILURE(code))
        return icu_error(err, code, "folding");
    return n_out;
}

/* A word that is not ASCII: cut, folded, cut again if folding made it long. */
static int unicode_word(struct words *w, size_t begin, size_t end, struct err *err)
{
    int rc = 0;

    for (size_t stop; !rc && begin < end; begin = stop) {
        int n;

        stop = piece_end(w->text, begin, end);
        if (!has_letter_or_digit(w->text + begin, stop - begin))
            continue;
        n = fold(w, w->text + begin, stop - begin, err);
        if (n < 0)
            return n;
        for (size_t i = 0, j; !rc && i < (size_t)n; i = j) {
            j = piece_end(w->folded8, i, (size_t)n);
            rc = w->fn(w->folded8 + i, j - i, begin, stop, w->payload);
        }
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
    UErrorCode code = U_ZERO_ERROR;
    UText text = UTEXT_INITIALIZER;
    int rc = open_rules(w, err);

    if (rc)
        return rc;
    utext_openUTF8(&text, w->text + begin, (int64_t)(end - begin), &code);
    ubrk_setUText(w->breaks, &text, &code);
    if (U_FAILURE(code))
        rc = icu_error(err, code, "opening text");
    for (int32_t at = 0, next; !rc && (next = ubrk_next(w->breaks)) != UBRK_DONE; at = next) {
        size_t from = begin + (size_t)at, to = begin + (size_t)next;

        if (find_non_ascii(w->text, from, to) < to)
            rc = unicode_word(w, from, to, err);
        else if (class_of[(unsigned char)w->text[from]] & WORD)
            rc = ascii_word(w, from, to);
    }
    utext_close(&text);
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
