/* sentences.c -- text to sentences: UAX #29 as ICU has it, with three departures that suit text as people write it.
 *
 * 1. The end of a line ends no sentence (rule SB4 would end one): text is wrapped.  A blank line does, and so does
 *    a line before one that begins like an item of a list.
 * 2. After a full stop behind an abbreviation, an initial or the number of an item the sentence goes on.  That is a guess; where it
 *    is wrong two sentences stay together, which costs a passage little.
 * 3. A sentence that is too long is cut at words.
 *
 * Source: Unicode Standard Annex #29, section 5.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "indexer/cutting.h"
#include "indexer/unicode.h"

/* ---- lines ---- */

static size_t line_end(const char *text, size_t at, size_t end)
{
    const char *p = memchr(text + at, '\n', end - at);

    return p ? (size_t)(p - text) + 1 : end;
}

/* 1 if the line at `at` is blank or begins with a bullet or a number of a list. */
static int begins_anew(const char *text, size_t at, size_t end)
{
    size_t digits = 0;

    while (at < end && is_blank(text[at]) && text[at] != '\n')
        at++;
    if (at == end || text[at] == '\n')
        return 1;
    while (at < end && text[at] >= '0' && text[at] <= '9' && digits < 4)
        at++, digits++;
    if (at == end)
        return 0;
    if (digits)
        at += text[at] == '.' || text[at] == ')' ? 1 : end;
    else if (end - at > 3 && !memcmp(text + at, "\xe2\x80\xa2", 3)) /* bullet */
        at += 3;
    else
        at += strchr("-*+", text[at]) ? 1 : end;
    return at < end && is_blank(text[at]);
}

/* Where the lines from `at` on end that are read as one. */
static size_t stretch_end(const char *text, size_t at, size_t end)
{
    do {
        at = line_end(text, at, end);
    } while (at < end && !begins_anew(text, at, end));
    return at;
}

/* ---- full stops that end nothing ---- */

static const char abbreviations[][8] = {
    "abb", "al",  "approx", "art", "bd",  "bzw",  "ca",  "cf",  "ch",  "dept", "dr",  "ed",
    "eds", "eq",  "eqs",    "ex",  "fig", "figs", "geb", "gen", "gov", "hr",   "lt",  "mlle",
    "mme", "mr",  "mrs",    "ms",  "no",  "nos",  "nr",  "op",  "pp",  "prof", "ref", "refs",
    "rev", "sec", "sen",    "sr",  "sra", "st",   "str", "tab", "vgl", "vol",  "vs",
};

static int is_abbreviation(const char *s, size_t n)
{
    char lower[8] = "";

    if (n >= sizeof lower)
        return 0;
    for (size_t i = 0; i < n; i++)
        lower[i] = (char)(s[i] | ((unsigned)(s[i] - 'A') < 26u) << 5);
    for (size_t i = 0; i < sizeof abbreviations / sizeof *abbreviations; i++)
        if (!strcmp(lower, abbreviations[i]))
            return 1;
    return 0;
}

/* "J", "e.g", "U.S": single letters with dots between them. */
static int is_initials(const char *s, size_t n)
{
    if (n % 2 == 0)
        return 0;
    for (size_t i = 0; i < n; i++)
        if (i % 2 ? s[i] != '.' : ((unsigned)(s[i] | 0x20) - 'a') >= 26u)
            return 0;
    return 1;
}

static int is_number(const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (s[i] < '0' || s[i] > '9')
            return 0;
    return n > 0;
}

/* Does text [n], which ICU would end here, go on? */
static int goes_on(const char *text, size_t n)
{
    struct span s = trim(text, (struct span){0, n});
    size_t begin;

    if (s.begin == s.end || text[s.end - 1] != '.')
        return 0;
    s.end--;
    for (begin = s.end; begin > s.begin && !is_blank(text[begin - 1]) && text[begin - 1] != '(';)
        begin--;
    return is_abbreviation(text + begin, s.end - begin) ||
           is_initials(text + begin, s.end - begin) ||
           (begin == s.begin && is_number(text + begin, s.end - begin));
}

/* ---- sentences ---- */

/* The sentences of text[begin..end), whose lines are read as one. */
static int add_stretch(struct pieces *out, const char *text, struct span span, size_t most,
                       struct breaks *breaks, struct buf *line, struct err *err)
{
    size_t n = span.end - span.begin, from = 0, at;
    int rc;

    buf_reset(line);
    buf_add(line, text + span.begin, n);
    if (buf_error(line))
        return E_NOMEM;
    for (size_t i = 0; i < n; i++)
        if (is_blank(line->data[i]))
            line->data[i] = ' ';
    rc = breaks_begin(breaks, line->data, n, err);
    while (!rc && breaks_next(&at, breaks)) {
        if (at < n && goes_on(line->data + from, at - from))
            continue;
        rc = pieces_add(out, text, (struct span){span.begin + from, span.begin + at}, most);
        from = at;
    }
    return rc;
}

int pieces_add_sentences(struct pieces *out, const char *text, struct span span, size_t most,
                         struct err *err)
{
    struct buf line = {.max = SIZE_MAX / 4};
    struct breaks *breaks = NULL;
    int rc = breaks_open(&breaks, BREAKS_SENTENCES, err);

    for (size_t at = span.begin, end; !rc && at < span.end; at = end) {
        end = stretch_end(text, at, span.end);
        rc = add_stretch(out, text, (struct span){at, end}, most, breaks, &line, err);
    }
    breaks_close(breaks);
    buf_clear(&line);
    return rc;
}
