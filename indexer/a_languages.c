/* a_languages.c -- what some languages need before and after their stemmer.
 *
 * Snowball's stemmers expect words as they are spelled, with their accents, and without what elision glues to them.
 * Accents that people leave out when they type are taken away afterwards, in the languages where that does not make
 * another word of many words (French, Italian, Portuguese, Spanish, Catalan; not the umlauts and rings of the north).
 * There are no stop words: a frequent word weighs little in BM25.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "indexer/terms.h"

/* ---- elision ---- */

/* Cuts off what stands before an apostrophe if it is one of the words [ends with ""]. */
static void cut_elision(struct term_token *t, const char words[][8])
{
    const char *at = memchr(t->term, '\'', t->len);
    size_t n = at ? (size_t)(at - t->term) : 0;

    if (!n || n + 1 == t->len)
        return;
    for (; **words; words++)
        if (strlen(*words) == n && !memcmp(*words, t->term, n)) {
            t->term += n + 1;
            t->len -= n + 1;
            return;
        }
}

/* ---- letters ---- */

/* A letter that is spelled in two ways, both of two bytes in UTF-8. */
struct spelling {
    char from[3], to[3];
};

/* Copies the term to a->word with the letters of `from` replaced.  rows: [ends with ""] */
static void respell(struct analyzer *a, struct term_token *t, const struct spelling *rows)
{
    char *s = a->word.bytes;

    memcpy(s, t->term, t->len);
    for (size_t i = 0; i + 1 < t->len; i++)
        for (const struct spelling *r = rows; *r->from; r++)
            if (!memcmp(s + i, r->from, 2)) {
                memcpy(s + i, r->to, 2);
                i++;
                break;
            }
    t->term = s;
}

/* Takes accents and cedillas off the letters of Latin-1; n with tilde is another letter. */
static size_t take_accents(char *s, size_t n)
{
    static const char bare[32 + 1] = "aaaaaa\0ceeeeiiii\0\0ooooo\0\0uuuuy\0y";
    size_t to = 0;

    for (size_t i = 0; i < n; i++) {
        const unsigned c = (unsigned char)s[i], next = i + 1 < n ? (unsigned char)s[i + 1] : 0;
        const char letter = c == 0xc3 && next >= 0xa0 && next < 0xc0 ? bare[next - 0xa0] : 0;

        s[to++] = letter ? letter : s[i];
        i += letter != 0;
    }
    return to;
}

/* ---- French, Italian, Catalan ---- */

static int prepare_french(struct analyzer *a, struct term_token *t)
{
    static const char words[][8] = {"l", "d",  "j",     "m",      "t",      "s",      "n",
                                    "c", "qu", "jusqu", "lorsqu", "puisqu", "quoiqu", ""};
    static const struct spelling ligatures[] = {{"\xc5\x93", "oe"}, {"\xc3\xa6", "ae"}, {"", ""}};

    cut_elision(t, words);
    respell(a, t, ligatures);
    return 1;
}

static int prepare_italian(struct analyzer *a, struct term_token *t)
{
    static const char words[][8] = {"l",    "un",  "d",    "dell",  "all",   "dall", "nell", "sull",
                                    "coll", "c",   "s",    "m",     "t",     "v",    "n",    "gl",
                                    "degl", "agl", "dagl", "quest", "quell", ""};

    (void)a;
    cut_elision(t, words);
    return 1;
}

static int prepare_catalan(struct analyzer *a, struct term_token *t)
{
    static const char words[][8] = {"l", "d", "n", "s", "m", "t", ""};

    (void)a;
    cut_elision(t, words);
    return 1;
}

const struct analyzer_steps steps_french = {.prepare = prepare_french, .finish = take_accents};
const struct analyzer_steps steps_italian = {.prepare = prepare_italian, .finish = take_accents};
const struct analyzer_steps steps_catalan = {.prepare = prepare_catalan, .finish = take_accents};
const struct analyzer_steps steps_portuguese = {.finish = take_accents};
const struct analyzer_steps steps_spanish = {.finish = take_accents};

/* ---- German ---- */

static int is_vowel(char c) { return c && strchr("aeiouy", c); }

/* ae, oe and ue are umlauts in words of people whose keyboards have none: the stemmer then takes the dots away. Not
 * after a vowel or q (neue, Quelle); a word that never had an umlaut (Israel) is changed alike wherever it stands. */
static int prepare_german(struct analyzer *a, struct term_token *t)
{
    char *s = a->word.bytes;

    memcpy(s, t->term, t->len);
    for (size_t i = 0; i + 1 < t->len; i++) {
        if (s[i + 1] != 'e' || (i && (is_vowel(s[i - 1]) || s[i - 1] == 'q')))
            continue;
        if (s[i] == 'a')
            memcpy(s + i++, "\xc3\xa4", 2);
        else if (s[i] == 'o')
            memcpy(s + i++, "\xc3\xb6", 2);
        else if (s[i] == 'u')
            memcpy(s + i++, "\xc3\xbc", 2);
    }
    t->term = s;
    return 1;
}

const struct analyzer_steps steps_german = {.prepare = prepare_german};

/* ---- Irish ---- */

/* n, t and h before a capital vowel are not the word's own (an tUisce, na hEireann), which folding has hidden. */
static int prepare_irish(struct analyzer *a, struct term_token *t)
{
    static const char words[][8] = {"d", "m", "b", ""};
    const char *s = a->text + t->begin;
    const int accented = t->end - t->begin > 2 && (unsigned char)s[1] == 0xc3 &&
                         memchr("\x81\x89\x8d\x93\x9a", s[2], 5) != NULL;

    cut_elision(t, words);
    if (t->end - t->begin > 1 && t->len > 1 && strchr("nth", t->term[0]) && s[0] == t->term[0] &&
        s[1] && (strchr("AEIOU", s[1]) || accented)) {
        t->term++;
        t->len--;
    }
    return 1;
}

const struct analyzer_steps steps_irish = {.prepare = prepare_irish};

/* ---- Romanian ---- */

/* The stemmer knows the letters with cedilla, which stood in for those with comma below until Unicode had them. */
static int prepare_romanian(struct analyzer *a, struct term_token *t)
{
    static const struct spelling commas[] = {
        {"\xc8\x99", "\xc5\x9f"}, {"\xc8\x9b", "\xc5\xa3"}, {"", ""}};

    respell(a, t, commas);
    return 1;
}

const struct analyzer_steps steps_romanian = {.prepare = prepare_romanian};

/* ---- Turkish ---- */

/* Endings of names follow an apostrophe (Istanbul'da). */
static int prepare_turkish(struct analyzer *a, struct term_token *t)
{
    const char *at = memchr(t->term, '\'', t->len);

    (void)a;
    if (at && at > t->term)
        t->len = (size_t)(at - t->term);
    return 1;
}

const struct analyzer_steps steps_turkish = {.words = WORDS_TURKISH, .prepare = prepare_turkish};
