/* a_english.c -- English: the possessive and the stop words of Lucene's EnglishAnalyzer, on which
 * published BM25 figures on BEIR rest.
 *
 * A stop word has at most five letters: it is a number, its bytes, first one highest.  The compiler
 * puts each into a slot of its own (STOP_HASH was searched for until all 33 had one), so a word is compared once.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include "indexer/terms.h"

enum { STOP_LONGEST = 5, STOP_SLOTS = 64 };

#define STOP_HASH 0xcb95eb79ea0c21e1u
#define SLOT(v) (size_t)((uint64_t)(v)*STOP_HASH >> 58)
#define STOP(v) [SLOT(v)] = (v)
#define STOP_1(a) STOP((uint64_t)(a))
#define STOP_2(a, b) STOP((uint64_t)(a) << 8 | (b))
#define STOP_3(a, b, c) STOP((uint64_t)(a) << 16 | (b) << 8 | (c))
#define STOP_4(a, b, c, d) STOP((uint64_t)(a) << 24 | (b) << 16 | (c) << 8 | (d))
#define STOP_5(a, b, c, d, e) STOP((uint64_t)(a) << 32 | (b) << 24 | (c) << 16 | (d) << 8 | (e))

static const uint64_t stop_words[STOP_SLOTS] = {
    STOP_1('a'),
    STOP_2('a', 'n'),
    STOP_3('a', 'n', 'd'),
    STOP_3('a', 'r', 'e'),
    STOP_2('a', 's'),
    STOP_2('a', 't'),
    STOP_2('b', 'e'),
    STOP_3('b', 'u', 't'),
    STOP_2('b', 'y'),
    STOP_3('f', 'o', 'r'),
    STOP_2('i', 'f'),
    STOP_2('i', 'n'),
    STOP_4('i', 'n', 't', 'o'),
    STOP_2('i', 's'),
    STOP_2('i', 't'),
    STOP_2('n', 'o'),
    STOP_3('n', 'o', 't'),
    STOP_2('o', 'f'),
    STOP_2('o', 'n'),
    STOP_2('o', 'r'),
    STOP_4('s', 'u', 'c', 'h'),
    STOP_4('t', 'h', 'a', 't'),
    STOP_3('t', 'h', 'e'),
    STOP_5('t', 'h', 'e', 'i', 'r'),
    STOP_4('t', 'h', 'e', 'n'),
    STOP_5('t', 'h', 'e', 'r', 'e'),
    STOP_5('t', 'h', 'e', 's', 'e'),
    STOP_4('t', 'h', 'e', 'y'),
    STOP_4('t', 'h', 'i', 's'),
    STOP_2('t', 'o'),
    STOP_3('w', 'a', 's'),
    STOP_4('w', 'i', 'l', 'l'),
    STOP_4('w', 'i', 't', 'h'),
};

static int is_stop_word(const char *word, size_t len)
{
    uint64_t v = 0;

    if (len > STOP_LONGEST)
        return 0;
    for (size_t i = 0; i < len; i++)
        v = v << 8 | (unsigned char)word[i];
    return stop_words[SLOT(v)] == v;
}

static int prepare(struct analyzer *a, struct term_token *t)
{
    (void)a;
    if (t->len > 2 && t->term[t->len - 1] == 's' && t->term[t->len - 2] == '\'')
        t->len -= 2;
    return !is_stop_word(t->term, t->len);
}

const struct analyzer_steps steps_english = {.prepare = prepare};
const struct analyzer_steps steps_plain = {0};
