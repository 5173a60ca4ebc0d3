/* characters.c -- ICU, held back to the Unicode versions of the reference; see characters.h.
 *
 * A character younger than a table is unassigned to it, and u_charAge tells how old each is. What remains are
 * characters whose category changed after Unicode 8 (listed in `category_of`), and lower case that ICU 72 does
 * not know yet (`newer_lower`). Found by a sweep over all code points: tests/reference/wordpiece.py.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include "model/characters.h"

#include <stddef.h>
#include <unicode/uchar.h>
#include <unicode/unorm2.h>
#include <unicode/utf16.h>

enum { CATEGORY_AGE = 8, NORMALISER_AGE = 9 };

/* 1 if the character was assigned in Unicode `version` or before. */
static int is_known(uint32_t cp, int version)
{
    UVersionInfo age;

    u_charAge((UChar32)cp, age);
    return age[0] > 0 && age[0] <= version;
}

/* General category in Unicode 8. */
static int category_of(uint32_t cp)
{
    switch (cp) {
    case 0x166d:  /* CANADIAN SYLLABICS CHI SIGN: a symbol since 12 */
    case 0x111c9: /* SHARADA SANDHI MARK: a mark since 11 */
        return U_OTHER_PUNCTUATION;
    case 0x1734: /* HANUNOO SIGN PAMUDPOD: spacing since 14 */
        return U_NON_SPACING_MARK;
    case 0x1885: /* MONGOLIAN LETTER ALI GALI BALUDA: marks since 9 */
    case 0x1886:
        return U_OTHER_LETTER;
    case 0xa9bd: /* JAVANESE CONSONANT SIGN KERET: non-spacing since 11 */
        return U_COMBINING_SPACING_MARK;
    default:
        return is_known(cp, CATEGORY_AGE) ? u_charType((UChar32)cp) : U_UNASSIGNED;
    }
}

static int is_chinese(uint32_t cp)
{
    return (cp >= 0x3400 && cp <= 0x4dbf) || (cp >= 0x4e00 && cp <= 0x9fff) ||
           (cp >= 0xf900 && cp <= 0xfaff) || (cp >= 0x20000 && cp <= 0x2a6df) ||
           (cp >= 0x2a700 && cp <= 0x2b81f) || (cp >= 0x2b920 && cp <= 0x2ceaf) ||
           (cp >= 0x2f800 && cp <= 0x2fa1f);
}

static unsigned ascii_flags(uint32_t cp)
{
    if (cp == '\t' || cp == '\n' || cp == '\r' || cp == ' ')
        return CHAR_SPACE;
    if (cp < ' ' || cp == 0x7f)
        return CHAR_DROP;
    if ((cp >= '0' && cp <= '9') || ((cp | 32) >= 'a' && (cp | 32) <= 'z'))
        return 0;
    return CHAR_PUNCT;
}

unsigned char_flags(uint32_t cp)
{
    unsigned flags = 0;
    UErrorCode rc = U_ZERO_ERROR;
    const UNormalizer2 *nfd;
    UChar parts[CHAR_PARTS_MAX];
    int category;

    if (cp < 0x80)
        return ascii_flags(cp);
    if (cp >= 0x4e00 && cp <= 0x9fff) /* most Chinese text: nothing to look up */
        return CHAR_CHINESE;
    category = category_of(cp);
    if (cp == 0xfffd || category == U_CONTROL_CHAR || category == U_FORMAT_CHAR ||
        category == U_PRIVATE_USE_CHAR)
        return CHAR_DROP;
    if (u_hasBinaryProperty((UChar32)cp, UCHAR_WHITE_SPACE))
        return CHAR_SPACE;
    if (U_MASK(category) & U_GC_P_MASK)
        flags |= CHAR_PUNCT;
    if (is_chinese(cp))
        flags |= CHAR_CHINESE;
    if (category == U_NON_SPACING_MARK)
        flags |= CHAR_MARK;
    if (!is_known(cp, NORMALISER_AGE))
        return flags;
    if (u_getCombiningClass((UChar32)cp))
        flags |= CHAR_REORDERS;
    nfd = unorm2_getNFDInstance(&rc);
    if (U_SUCCESS(rc) && unorm2_getDecomposition(nfd, (UChar32)cp, parts, CHAR_PARTS_MAX, &rc) >= 0)
        flags |= CHAR_COMPOSED;
    return flags;
}

int char_decompose(uint32_t *out, uint32_t cp)
{
    UErrorCode rc = U_ZERO_ERROR;
    const UNormalizer2 *nfd = unorm2_getNFDInstance(&rc);
    UChar parts[CHAR_PARTS_MAX];
    int n = 0, i = 0, len = -1;

    if (U_SUCCESS(rc))
        len = unorm2_getDecomposition(nfd, (UChar32)cp, parts, CHAR_PARTS_MAX, &rc);
    if (len <= 0 || len > CHAR_PARTS_MAX) {
        out[0] = cp;
        return 1;
    }
    while (i < len) {
        uint32_t part = parts[i++];

        if (U16_IS_LEAD(part) && i < len)
            part = (uint32_t)U16_GET_SUPPLEMENTARY(part, parts[i++]);
        out[n++] = part;
    }
    return n;
}

int char_class(uint32_t cp)
{
    return is_known(cp, NORMALISER_AGE) ? u_getCombiningClass((UChar32)cp) : 0;
}

/* Pairs that came with Unicode 16 and 17: first..last map to lower, lower + 1, ... */
static const struct {
    uint32_t first, last, lower;
} newer_lower[] = {
    {0x1c89, 0x1c89, 0x1c8a},    {0xa7cb, 0xa7cb, 0x264},  {0xa7cc, 0xa7cc, 0xa7cd},
    {0xa7ce, 0xa7ce, 0xa7cf},    {0xa7d2, 0xa7d2, 0xa7d3}, {0xa7d4, 0xa7d4, 0xa7d5},
    {0xa7da, 0xa7da, 0xa7db},    {0xa7dc, 0xa7dc, 0x19b},  {0x10d50, 0x10d65, 0x10d70},
    {0x16ea0, 0x16eb8, 0x16ebb},
};

int char_lower(uint32_t *out, uint32_t cp)
{
    if (cp == 0x130) { /* capital I with a dot: the one letter that becomes two */
        out[0] = 'i';
        out[1] = 0x307;
        return 2;
    }
    out[0] = (uint32_t)u_tolower((UChar32)cp);
    for (size_t i = 0; out[0] == cp && i < sizeof newer_lower / sizeof *newer_lower; i++)
        if (cp >= newer_lower[i].first && cp <= newer_lower[i].last)
            out[0] = newer_lower[i].lower + (cp - newer_lower[i].first);
    return 1;
}

/* ---- composition ---- */

int char_parts(uint32_t *out, uint32_t cp)
{
    if (is_known(cp, NORMALISER_AGE))
        return char_decompose(out, cp);
    out[0] = cp;
    return 1;
}

uint32_t char_compose(uint32_t a, uint32_t b)
{
    UErrorCode rc = U_ZERO_ERROR;
    const UNormalizer2 *nfc = unorm2_getNFCInstance(&rc);
    UChar32 whole = U_SUCCESS(rc) ? unorm2_composePair(nfc, (UChar32)a, (UChar32)b) : U_SENTINEL;

    return whole > 0 && is_known((uint32_t)whole, NORMALISER_AGE) ? (uint32_t)whole : 0;
}

int char_joins(uint32_t cp)
{
    UErrorCode rc = U_ZERO_ERROR;
    const UNormalizer2 *nfc = unorm2_getNFCInstance(&rc);

    return U_SUCCESS(rc) && !unorm2_hasBoundaryBefore(nfc, (UChar32)cp);
}

int char_is_composed(uint32_t cp)
{
    return cp < 0x300 || (u_getIntPropertyValue((UChar32)cp, UCHAR_NFC_QUICK_CHECK) == UNORM_YES &&
                          !u_getCombiningClass((UChar32)cp));
}
