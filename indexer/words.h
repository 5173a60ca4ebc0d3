/* words.h -- text to folded words: the first half of every analyzer. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef INDEXER_WORDS_H
#define INDEXER_WORDS_H

#include <stddef.h>

#include "base/err.h"

struct words; /* buffers and rules; one thread at a time */

enum { WORD_MAX = 255 }; /* bytes of a word; longer ones are cut at characters */

/* Told about each word: word [len], len 1..WORD_MAX, folded, borrowed during the call;
 * begin, end: the bytes of the text it stands for.  Non-zero ends the walk. */
typedef int word_fn(const char *word, size_t len, size_t begin, size_t end, void *payload);

/* Departures from the rule, a set of bits. */
enum {
    WORDS_TURKISH = 1, /* I is folded to a dotless i, U+0130 to i */
    WORDS_CHARACTERS =
        2 /* each Han, Hiragana, Katakana and Hangul character, with its marks, is a word */
};

int words_new(struct words **out, unsigned style, struct err *err);
void words_free(struct words *w);

/* During a call of word_fn: is the word a character of its own, by WORDS_CHARACTERS? */
int words_at_character(const struct words *w);

/* Walks over the words of text [n] (UTF-8; invalid bytes separate).
 *
 * A word lies between two UAX #29 word boundaries and holds a letter or a digit.  ICU's own
 * word iterator is not used as it comes, but with rules that are UAX #29 to the letter (':' joins
 * letters, no dictionaries) and, as in Lucene's StandardTokenizer, with runs of the scripts that write
 * no spaces (Thai, Lao, Khmer, Myanmar) kept together; a Han or Hiragana character is a word.
 * Folding is NFKC_Casefold (of ASCII: lower case) with U+2019 made an apostrophe.
 *
 * all_unicode  1: never take the ASCII path, for tests.  The words are the same.
 *
 * Returns 0, what fn returned, E_LIMIT for a text of 2 GiB or more, E_NOMEM.
 * Cost: O(n); text between two blanks meets ICU only if it is not ASCII. */
int words_walk(struct words *w, const char *text, size_t n, int all_unicode, word_fn *fn,
               void *payload, struct err *err);

#endif
