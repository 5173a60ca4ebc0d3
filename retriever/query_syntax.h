/* query_syntax.h -- what a question asks for beside its words: "as it is written", begin*.
 *
 *     query    = { phrase | prefix | anything }
 *     phrase   = quote text quote          its words stand in a passage, one after another
 *     prefix   = word "*"                  every word that begins so
 *     quote    = " or its curled forms, U+201C to U+201E
 *
 * Nothing is an error.  A quote is text if none closes it, if it follows an ASCII letter or digit (5" disks), or if it
 * stands between two Hebrew letters; a * is text within a phrase, and if no word ends before it or one goes on behind it (2*3).
 * An operator becomes blanks in the text, so bytes stay where they were.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RETRIEVER_QUERY_SYNTAX_H
#define RETRIEVER_QUERY_SYNTAX_H

#include <stddef.h>

#include "base/err.h"
#include "indexer/index.h"

enum {
    QUERY_PLAIN = 0,       /* everything is text: as questions of test collections want it */
    QUERY_OPERATORS = 1,   /* the grammar above */
    QUERY_PHRASES = 64,    /* phrases that count; the words of more are words like others */
    QUERY_PREFIXES = 32,   /* the same of prefixes */
    QUERY_PREFIX_LEAST = 2 /* characters; what is shorter is a word */
};

/* A question.  Zeroed = without a word. */
struct question {
    char *text; /* its words, operators made blanks; owned */
    struct span
        *phrases;     /* [n_phrases] what stands between quotes, in text; none is of blanks alone */
    size_t *prefixes; /* [n_prefixes] where the words end that a * follows, rising */
    size_t n_phrases, n_prefixes;
    const struct filter *filter; /* what may be found, or NULL: everything.  retrieve() sets it. */
};

/* Reads a text by a syntax, QUERY_PLAIN or QUERY_OPERATORS.
 *
 * *out is the caller's (query_clear); zeroed on failure.
 * Returns 0 or E_NOMEM.  Cost: O(n). */
int query_parse(struct question *out, const char *text, int syntax, struct err *err);
void query_clear(struct question *q);

/* The beginning of a word that a * follows, as the dictionary's terms are spelled. */
struct query_prefix {
    char term[TERM_MAX]; /* [len] */
    size_t len;
    size_t end; /* of the word, in query.text */
};

/* The prefixes of a query that are long enough: (*out)[*n] in order, free with mem_free.  E_NOMEM, E_LIMIT. */
int query_prefixes(struct query_prefix **out, size_t *n, const struct question *q,
                   struct analyzer *a, struct err *err);

#endif
