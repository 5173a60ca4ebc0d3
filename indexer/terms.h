/* terms.h -- what analyzers are made of, for analyzer.c and its variants (a_*.c) alone. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef INDEXER_TERMS_H
#define INDEXER_TERMS_H

#include <stddef.h>
#include <stdint.h>

#include "indexer/analyzer.h"
#include "indexer/stems.h"
#include "indexer/words.h"

/* The text of a word that a variant rewrites, or of a character that waits for the next one. */
struct term_text {
    char bytes[2 * TERM_MAX];
    size_t len;
    size_t begin, end; /* of the text */
};

struct analyzer {
    const struct analyzer_kind *kind;
    const struct analyzer_steps *steps; /* of the kind */
    struct words *words;
    struct stems *stems; /* NULL: words stay as they are */
    /* the run */
    const char *text;
    analyzer_fn *fn;
    void *payload;
    int position, no_memory;
    int how;                     /* of analyzer_run_as */
    struct term_text word, last; /* the variant's */
    int last_is_given;           /* a_cjk.c: a bigram held `last` already */
};

/* What a variant does to each word; any of them may be NULL. */
struct analyzer_steps {
    unsigned words; /* WORDS_... of words.h */

    /* Before the stem is taken.  May move t->term and t->len, into a->word too.  Returns 0 to drop the word. */
    int (*prepare)(struct analyzer *a, struct term_token *t);

    /* Rewrites the stem s [n] in place; returns its length, at least 1. */
    stem_fn *finish;

    /* In place of a->fn: makes terms of words; and once after the last word. */
    int (*give)(struct analyzer *a, struct term_token *t);
    int (*end)(struct analyzer *a);
};

/* a_english.c, a_languages.c, a_cjk.c */
extern const struct analyzer_steps steps_plain, steps_english, steps_catalan, steps_french,
    steps_german, steps_irish, steps_italian, steps_portuguese, steps_romanian, steps_spanish,
    steps_turkish, steps_cjk;

#endif
