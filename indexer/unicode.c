/* unicode.c -- the only user of ICU in this folder. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "indexer/unicode.h"

#include <unicode/ubrk.h>
#include <unicode/uchar.h>
#include <unicode/unorm2.h>
#include <unicode/uscript.h>
#include <unicode/ustring.h>
#include <unicode/utext.h>
#include <unicode/utf8.h>

#include "base/mem.h"

/* Each rule says what must stay together, and chaining makes runs of them; what no rule
 * joins is a boundary.  $X is any number of characters that WB4 passes over. */
static const char word_rules[] =
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

struct breaks {
    UBreakIterator *icu;
    UText text;
};

static int icu_error(struct err *err, UErrorCode code, const char *what)
{
    if (code == U_MEMORY_ALLOCATION_ERROR)
        return err_nomem(err);
    return err_set(err, E_FORMAT, "ICU: %s: %s", what, u_errorName(code));
}

static UBreakIterator *open_word_rules(UErrorCode *code)
{
    UChar rules[sizeof word_rules];
    UParseError where;

    u_uastrcpy(rules, word_rules);
    return ubrk_openRules(rules, -1, NULL, 0, &where, code);
}

int breaks_open(struct breaks **out, enum breaks_kind kind, struct err *err)
{
    struct breaks *b = mem_zalloc(1, sizeof *b);
    UErrorCode code = U_ZERO_ERROR;

    if (!b)
        return err_nomem(err);
    b->text = (UText)UTEXT_INITIALIZER;
    b->icu = kind == BREAKS_WORDS ? open_word_rules(&code)
                                  : ubrk_open(UBRK_SENTENCE, "", NULL, 0, &code);
    if (U_FAILURE(code)) {
        mem_free(b);
        return icu_error(err, code, "rules of boundaries");
    }
    *out = b;
    return 0;
}

void breaks_close(struct breaks *b)
{
    if (!b)
        return;
    utext_close(&b->text);
    ubrk_close(b->icu);
    mem_free(b);
}

int breaks_begin(struct breaks *b, const char *text, size_t n, struct err *err)
{
    UErrorCode code = U_ZERO_ERROR;

    utext_openUTF8(&b->text, text, (int64_t)n, &code);
    ubrk_setUText(b->icu, &b->text, &code);
    return U_FAILURE(code) ? icu_error(err, code, "opening text") : 0;
}

int breaks_next(size_t *at, struct breaks *b)
{
    int32_t next = ubrk_next(b->icu);

    if (next == UBRK_DONE)
        return 0;
    *at = (size_t)next;
    return 1;
}

/* I and dotted I to their small letters, in place.  Returns the length: a dot above an I goes. */
static int32_t fold_turkish(UChar *s, int32_t n)
{
    int32_t to = 0;

    for (int32_t i = 0; i < n; i++) {
        const int dotted = s[i] == 0x130 || (s[i] == 'I' && i + 1 < n && s[i + 1] == 0x307);

        i += dotted && s[i] == 'I';
        s[to++] = dotted ? 'i' : s[i] == 'I' ? 0x131 : s[i];
    }
    return to;
}

int unicode_fold(char *out, const char *s, size_t n, int turkish, struct err *err)
{
    UChar raw[FOLD_MAX + 1], folded[FOLDED_MAX / 3];
    UErrorCode code = U_ZERO_ERROR;
    const UNormalizer2 *form = unorm2_getNFKCCasefoldInstance(&code);
    int32_t n_raw, n_folded, n_out;

    u_strFromUTF8WithSub(raw, FOLD_MAX + 1, &n_raw, s, (int32_t)n, 0xfffd, NULL, &code);
    if (U_SUCCESS(code) && turkish)
        n_raw = fold_turkish(raw, n_raw);
    n_folded = unorm2_normalize(form, raw, n_raw, folded, FOLDED_MAX / 3, &code);
    for (int32_t i = 0; U_SUCCESS(code) && i < n_folded; i++)
        if (folded[i] == 0x2019)
            folded[i] = '\'';
    u_strToUTF8(out, FOLDED_MAX, &n_out, folded, n_folded, &code);
    if (U_FAILURE(code))
        return icu_error(err, code, "folding");
    return n_out;
}

int unicode_has_letter_or_digit(const char *s, size_t n)
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

int unicode_is_cjk(uint32_t cp)
{
    UErrorCode code = U_ZERO_ERROR;

    if (cp < 0x1100)
        return 0;
    if (u_getIntPropertyValue((UChar32)cp, UCHAR_WORD_BREAK) == U_WB_KATAKANA)
        return 1;
    switch (uscript_getScript((UChar32)cp, &code)) {
    case USCRIPT_HAN:
    case USCRIPT_HIRAGANA:
    case USCRIPT_KATAKANA:
    case USCRIPT_HANGUL:
        return 1;
    default:
        return 0;
    }
}

int unicode_joins(uint32_t cp)
{
    if (cp < 0x300)
        return 0;
    switch (u_getIntPropertyValue((UChar32)cp, UCHAR_GRAPHEME_CLUSTER_BREAK)) {
    case U_GCB_EXTEND:
    case U_GCB_SPACING_MARK:
    case U_GCB_ZWJ:
    case U_GCB_V:
    case U_GCB_T:
        return 1;
    default:
        return 0;
    }
}
