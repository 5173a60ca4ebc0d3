/* cutting.c -- words of any script, pieces, and the list of passages. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "indexer/cutting.h"

#include <stdint.h>
#include <string.h>

#include "base/mem.h"
#include "base/utf8.h"

enum { WORD_BYTES = 32 };

/* ---- passages ---- */

int chunks_add(struct chunks *out, struct span span)
{
    if (mem_reserve((void **)&out->spans, &out->cap_spans, out->n + 1, sizeof *out->spans) ||
        mem_reserve((void **)&out->paths, &out->cap_paths, out->n + 1, sizeof *out->paths))
        return E_NOMEM;
    out->spans[out->n] = span;
    out->paths[out->n++] = out->last;
    return 0;
}

int chunks_set_headings(struct chunks *out, const char *text, size_t n)
{
    if (!out->headings.len)
        buf_putc(&out->headings, '\0'); /* for passages without */
    if (!n) {
        out->last = 0;
    } else if (strlen(buf_text(&out->headings) + out->last) != n ||
               memcmp(out->headings.data + out->last, text, n) != 0) {
        out->last = out->headings.len;
        buf_add(&out->headings, text, n);
        buf_putc(&out->headings, '\0');
    }
    return buf_error(&out->headings);
}

/* ---- words ---- */

/* A character of a script that writes no blanks and has many characters: Han, Kana, Yi, and their wide punctuation. */
static int is_wide(uint32_t cp)
{
    return (cp >= 0x2e80 && cp < 0xa4d0 && !(cp >= 0x3130 && cp < 0x3190)) ||
           (cp >= 0xf900 && cp < 0xfb00) || (cp >= 0xff00 && cp < 0xfff0) ||
           (cp >= 0x20000 && cp < 0x40000);
}

/* The end of the word that begins at `at`; *is_cut: the next one goes on without a blank, and not because a wide
 * character stands between. */
static size_t word_end(const char *text, size_t at, size_t end, int *is_cut)
{
    size_t i = at;
    uint32_t cp;

    *is_cut = 0;
    while (i < end && !is_blank(text[i])) {
        size_t n = 1;

        if (text[i] & 0x80) {
            n = (size_t)utf8_decode(&cp, text + i, end - i);
            if (is_wide(cp))
                return i > at ? i : i + n;
        }
        if (i + n - at > WORD_BYTES) {
            *is_cut = 1;
            return i;
        }
        i += n;
    }
    return i;
}

struct span trim(const char *text, struct span span)
{
    while (span.begin < span.end && is_blank(text[span.begin]))
        span.begin++;
    while (span.begin < span.end && is_blank(text[span.end - 1]))
        span.end--;
    return span;
}

/* Goes over at most `most` words of the span.  Returns how many there were; *end is where they end, if possible
 * not within something that has no blank. */
static size_t take_words(size_t *end, const char *text, struct span span, size_t most)
{
    size_t words = 0, whole = 0, at = span.begin;

    *end = at;
    while (words < most) {
        int is_cut;

        while (at < span.end && is_blank(text[at]))
            at++;
        if (at == span.end) /* all of it */
            return words;
        at = word_end(text, at, span.end, &is_cut);
        words++;
        if (!is_cut || !whole)
            *end = at;
        if (!is_cut)
            whole = words;
    }
    return whole ? whole : words;
}

size_t count_words(const char *text, struct span span)
{
    size_t end;

    return take_words(&end, text, span, SIZE_MAX);
}

int pieces_add(struct pieces *out, const char *text, struct span span, size_t most)
{
    size_t end;

    for (span = trim(text, span); span.begin < span.end; span = trim(text, span)) {
        const size_t words = take_words(&end, text, span, most);

        if (mem_reserve((void **)&out->list, &out->cap, out->n + 1, sizeof *out->list))
            return E_NOMEM;
        out->list[out->n++] = (struct piece){{span.begin, end}, words};
        span.begin = end;
    }
    return 0;
}
