/* characters.h -- code points as the BERT tokenizers see them; the only user of ICU in model/.
 *
 * The reference is the Rust library `tokenizers`, whose tables are of three ages: categories of
 * Unicode 8, decomposition of Unicode 9, lower case of Unicode 17.  Functions here give its answers,
 * not those of the ICU at hand: tests/reference/wordpiece.py compares every code point.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MODEL_CHARACTERS_H
#define MODEL_CHARACTERS_H

#include <stdint.h>

enum {
    CHAR_DROP = 1,      /* U+0000, U+FFFD, controls, formats, private use: removed from texts */
    CHAR_SPACE = 2,     /* white space, if not dropped */
    CHAR_PUNCT = 4,     /* punctuation, and all of ASCII that is neither letter nor digit */
    CHAR_CHINESE = 8,   /* an ideograph that stands as a word of its own */
    CHAR_MARK = 16,     /* a non-spacing mark, removed with the accents */
    CHAR_COMPOSED = 32, /* has a canonical decomposition */
    CHAR_REORDERS = 64, /* its combining class is not 0 */
};

/* The flags of a scalar value. */
unsigned char_flags(uint32_t cp);

enum { CHAR_PARTS_MAX = 18 };

/* Writes the full canonical decomposition of a CHAR_COMPOSED code point to
 * out[CHAR_PARTS_MAX].  Returns its length, at least 1. */
int char_decompose(uint32_t *out, uint32_t cp);

/* Canonical combining class, 0..254. */
int char_class(uint32_t cp);

/* Lower case of one code point, alone (a final sigma is like any other): out[2].  Returns 1 or 2. */
int char_lower(uint32_t *out, uint32_t cp);

/* As char_decompose for any code point, as of Unicode 9: one that does not decompose is its own part. */
int char_parts(uint32_t *out, uint32_t cp);

/* The canonical composition of two code points as of Unicode 9, or 0 if they do not compose. */
uint32_t char_compose(uint32_t a, uint32_t b);

/* 1 if a character may change with, or be changed by, what is before it when a text is composed. */
int char_joins(uint32_t cp);

/* 1 if a text of such characters alone is composed already. */
int char_is_composed(uint32_t cp);

#endif
