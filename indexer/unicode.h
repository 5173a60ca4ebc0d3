/* unicode.h -- what the indexer asks of ICU: boundaries of words and sentences, folding, a few properties. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef INDEXER_UNICODE_H
#define INDEXER_UNICODE_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* A walk over the boundaries of a text; one thread at a time. */
struct breaks;

/* BREAKS_WORDS: UAX #29 words by rules of our own, see words.h.
 * BREAKS_SENTENCES: UAX #29 sentences as ICU has them for no particular language. */
enum breaks_kind { BREAKS_WORDS, BREAKS_SENTENCES };

int breaks_open(struct breaks **out, enum breaks_kind kind, struct err *err);
void breaks_close(struct breaks *b);

/* Begins at the front of text [n] (UTF-8, invalid bytes are characters of no kind), n < 2 GiB; borrowed while
 * boundaries are asked for. */
int breaks_begin(struct breaks *b, const char *text, size_t n, struct err *err);

/* The next boundary after 0, up to n: 1, and *at its byte; 0 when there is none left. */
int breaks_next(size_t *at, struct breaks *b);

enum {
    FOLD_MAX = 255, /* bytes that are folded at once */
    FOLDED_MAX =
        60 * FOLD_MAX /* of what may become of them: NFKC_Casefold makes at most 18 units of one */
};

/* Folds s [n], n <= FOLD_MAX: NFKC_Casefold, and U+2019 becomes an apostrophe.
 *
 * turkish  1: I is the capital of U+0131, U+0130 that of i, as in Turkish.
 *
 * Returns the bytes written to out [FOLDED_MAX], or a negative code. */
int unicode_fold(char *out, const char *s, size_t n, int turkish, struct err *err);

/* 1 if s [n] holds a letter, a letter-like number or a decimal digit. */
int unicode_has_letter_or_digit(const char *s, size_t n);

/* 1 for characters of the scripts Han, Hiragana, Katakana (and the mark of its long vowels) and Hangul. */
int unicode_is_cjk(uint32_t cp);

/* 1 if the character goes with the one before: marks, joiners, vowels and final consonants of decomposed Hangul. */
int unicode_joins(uint32_t cp);

#endif
