/* analyzer.h -- text to terms: split, fold, stop, stem.
 *
 * The index records the name of its analyzer and gives it out again
 * (index_analyzer), so documents and queries can never be analysed differently.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef INDEXER_ANALYZER_H
#define INDEXER_ANALYZER_H

#include <stddef.h>

#include "base/err.h"

struct analyzer; /* one thread at a time */

/* One row of the table of analyzers. */
struct analyzer_kind {
    const char *name; /* "english", "plain", ... as recorded in the index */
    const char *about;
    const char *stemmer;                /* libstemmer's algorithm, or NULL */
    const struct analyzer_steps *steps; /* what else is done to words: a_*.c, terms.h */
};
extern const struct analyzer_kind analyzer_kinds[]; /* ends with a NULL name; default first */

/* Opens an analyzer by name, NULL = the default.  E_INVALID lists the names. */
int analyzer_new(struct analyzer **out, const char *name, struct err *err);
const char *analyzer_name(const struct analyzer *a);
void analyzer_free(struct analyzer *a);

/* A term as the analyzer finds it. */
struct term_token {
    const char *term;  /* [len], not NUL-terminated; borrowed during the call */
    size_t len;        /* 1..TERM_MAX */
    size_t begin, end; /* bytes of the text it stands for */
    int position;      /* 0, 1, ...: stop words leave gaps */
    int is_dropped;    /* a stop word: only with ANALYZER_ALL */
};

enum { TERM_MAX = 255 }; /* longer words are split, as Lucene's StandardTokenizer does */

/* Called for each term in order; non-zero ends the analysis and is returned. */
typedef int analyzer_fn(const struct term_token *t, void *payload);

/* Splits text [n] (UTF-8, invalid bytes act as separators) at UAX #29 word boundaries, keeps words with a letter
 * or digit, folds (NFKC_Casefold), and goes on as the kind says: English cuts possessive 's, drops stop words, stems.
 * ASCII text never enters ICU.  words.h says how words are found.
 *
 * Returns 0 or what fn returned; E_LIMIT for a text of 2 GiB or more; E_NOMEM.
 * Cost: O(n). */
int analyzer_run(struct analyzer *a, const char *text, size_t n, analyzer_fn *fn, void *payload,
                 struct err *err);

/* Departures from analyzer_run, a set of bits. */
enum {
    ANALYZER_ALL =
        1, /* words that are dropped come too, as they are, with is_dropped set: for phrases */
    ANALYZER_WHOLE = 2 /* words keep their endings, but have the letters of stems: for prefixes */
};

/* As analyzer_run, but for what `how` says. */
int analyzer_run_as(struct analyzer *a, int how, const char *text, size_t n, analyzer_fn *fn,
                    void *payload, struct err *err);

/* As analyzer_run with the same result, but every byte goes through ICU: the reference for tests. */
int analyzer_run_unicode(struct analyzer *a, const char *text, size_t n, analyzer_fn *fn,
                         void *payload, struct err *err);

#endif
