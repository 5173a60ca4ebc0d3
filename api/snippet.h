/* snippet.h -- the part of a text that best shows why it was found. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef API_SNIPPET_H
#define API_SNIPPET_H

#include <stddef.h>

#include "base/err.h"
#include "base/hash.h"
#include "base/mem.h"
#include "indexer/analyzer.h"
#include "retriever/retriever.h"

/* One word or phrase of the query in a text. */
struct match {
    size_t begin, end; /* bytes of the text */
    int term;          /* which word, beginning or phrase of the query, from 0 */
    int worth;         /* in a snippet: 1, of a phrase twice its words */
};

struct snippet_phrase;

/* What a query looks for. */
struct snippet_words {
    struct map terms; /* numbered from 1 in the order of their first appearance */
    struct query_prefix *prefixes;
    size_t n_prefixes;
    struct snippet_phrase *phrases; /* of several words each */
    size_t n_phrases;
    struct map phrase_words; /* stop words too, numbered from 1 */
};

/* Reads a query by a syntax (QUERY_PLAIN, QUERY_OPERATORS).
 *
 * words   zeroed; clear it in any case.
 */
int snippet_words(struct snippet_words *words, struct analyzer *a, const char *query, int syntax,
                  struct err *err);
void snippet_words_clear(struct snippet_words *words);

/* Finds the words of a text [n] that have a term of the query, begin as it says, or stand as a phrase of it, in
 * order, none over another.
 * *matches is the arena's; NULL if there are none.  Cost: analyses the text. */
int snippet_matches(struct match **matches, size_t *n_matches, struct arena *arena,
                    const struct snippet_words *words, struct analyzer *a, const char *text,
                    size_t n, struct err *err);

/* Chooses up to max bytes of text [n] that hold as many different terms as possible, then as
 * many matches as possible, then come first.  Begins at a sentence where there is room, and
 * always at a word; ends after a word. */
void snippet_choose(size_t *begin, size_t *end, const char *text, size_t n, size_t max,
                    const struct match *matches, size_t n_matches);

/* Replaces control characters (line ends, escapes) of s[0..n) by blanks, byte for byte, so
 * that it is one line and cannot command a terminal. */
void snippet_flatten(char *s, size_t n);

#endif
