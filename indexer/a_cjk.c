/* a_cjk.c -- Chinese, Japanese, Korean: pairs of neighbouring characters.
 *
 * No dictionary cuts these scripts into words.  Two characters that touch make a term, overlapping: of ABCD come
 * AB, BC, CD.  A character without neighbours is a term by itself.  What is written in other scripts is
 * words, as everywhere.  That is what Lucene's CJKAnalyzer does (less its English stop words); in Lucene
 * letters that touch Hangul are one word with it, here they are cut off.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "indexer/terms.h"

static int give_term(struct analyzer *a, const char *term, size_t len, size_t begin, size_t end)
{
    struct term_token t = {term, len, begin, end, a->position++, 0};

    return a->fn(&t, a->payload);
}

/* Nothing more comes that touches the last character. */
static int end(struct analyzer *a)
{
    const struct term_text *last = &a->last;
    const int alone = last->len && !a->last_is_given;
    int rc = alone ? give_term(a, last->bytes, last->len, last->begin, last->end) : 0;

    a->last.len = 0;
    a->last_is_given = 0;
    return rc;
}

static int give(struct analyzer *a, struct term_token *t)
{
    struct term_text *last = &a->last;
    const int is_character = words_at_character(a->words);
    int rc = 0;

    if (!is_character || last->end != t->begin || last->len + t->len > TERM_MAX)
        rc = end(a);
    if (rc)
        return rc;
    if (!is_character)
        return give_term(a, t->term, t->len, t->begin, t->end);
    if (last->len) {
        size_t n = last->len;

        memcpy(last->bytes + n, t->term, t->len);
        rc = give_term(a, last->bytes, n + t->len, last->begin, t->end);
        a->last_is_given = 1;
    }
    memcpy(last->bytes, t->term, t->len);
    last->len = t->len;
    last->begin = t->begin;
    last->end = t->end;
    return rc;
}

const struct analyzer_steps steps_cjk = {.words = WORDS_CHARACTERS, .give = give, .end = end};
