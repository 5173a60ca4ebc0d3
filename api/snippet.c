/* snippet.c -- chooses the window of a text with the most of the query in it.
 *
 * A window is worth first the number of different query terms in it (a phrase counts double its words) and then the
 * number of matches.  Windows that matter begin at a match, so one pass with two fingers over the
 * matches sees all of them.  snippet_words.c finds the matches.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include "api/snippet.h"

#include <string.h>

#include "base/utf8.h"

static int is_blank(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

/* The matches first..last (exclusive) that snippet_choose settles on. */
static void best_window(size_t *first, size_t *last, const struct match *m, size_t n, size_t max)
{
    enum { TERMS = 64 }; /* different terms that are told apart; queries have fewer */
    int seen[TERMS] = {0}, worth[TERMS];
    size_t distinct = 0, best = 0, j = 0;

    *first = *last = 0;
    for (size_t i = 0; i < n; i++) {
        for (; j < n && m[j].end - m[i].begin <= max; j++) {
            const int slot = m[j].term % TERMS;

            if (seen[slot]++ == 0)
                distinct += (size_t)(worth[slot] = m[j].worth);
        }
        size_t value = distinct * 4096 + (j - i < 4095 ? j - i : 4095);
        if (value > best) {
            best = value;
            *first = i;
            *last = j;
        }
        if (i < j) {
            const int slot = m[i].term % TERMS;

            if (--seen[slot] == 0)
                distinct -= (size_t)worth[slot];
        } else {
            j = i + 1; /* a match longer than the window */
        }
    }
}

static int ends_sentence(const char *text, size_t at)
{
    return at >= 2 && is_blank(text[at - 1]) && strchr(".!?\n", text[at - 2]);
}

/* The best place to begin in [low, at]: at a sentence, else at low's next word. */
static size_t begin_at(const char *text, size_t low, size_t at)
{
    size_t i;

    if (low == 0)
        return 0;
    for (i = low; i < at; i++)
        if (ends_sentence(text, i))
            return i;
    for (i = low; i < at; i++)
        if (is_blank(text[i - 1]))
            return i;
    return at;
}

/* The last place in [at, high] that follows a word. */
static size_t end_at(const char *text, size_t at, size_t high, size_t n)
{
    if (high == n)
        return n;
    for (size_t i = high; i >= at && i; i--)
        if (is_blank(text[i]))
            return i;
    return utf8_floor(text, high);
}

void snippet_choose(size_t *begin, size_t *end, const char *text, size_t n, size_t max,
                    const struct match *matches, size_t n_matches)
{
    size_t first, last, from = 0, to = 0, room;

    if (n <= max) {
        *begin = 0;
        *end = n;
        return;
    }
    best_window(&first, &last, matches, n_matches, max);
    if (last > first) {
        from = matches[first].begin;
        to = matches[last - 1].end;
    }
    if (to - from > max)
        to = from + max;
    room = max - (to - from);
    /* Most of the room goes in front: a sentence explains its words by how it begins. */
    size_t low = from > room * 3 / 4 ? from - room * 3 / 4 : 0;
    *begin = begin_at(text, utf8_floor(text, low), from);
    size_t high = *begin + max < n ? *begin + max : n;
    *end = end_at(text, to > *begin ? to : *begin, high > to ? high : to, n);
    while (*end > *begin && is_blank(text[*end - 1]))
        --*end;
    while (*begin < *end && is_blank(text[*begin]))
        ++*begin;
}

void snippet_flatten(char *s, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)s[i];

        if (c < 0x20 || c == 0x7f) {
            s[i] = ' ';
        } else if (c == 0xc2 && i + 1 < n && (unsigned char)s[i + 1] < 0xa0) {
            /* U+0080 to U+009F: terminals read them as controls too */
            s[i] = s[i + 1] = ' ';
            i++;
        }
    }
}
