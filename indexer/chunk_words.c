/* chunk_words.c -- no cutting at all, and windows of words: passages that overlap.
 *
 * A word here is what stands between ASCII blanks: cheap, the same for every analyzer, and close to
 * how the token limits of encoders are usually approximated.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "indexer/cutting.h"

static int cut_whole(struct chunks *out, const char *text, size_t n, const struct chunking *c,
                     struct err *err)
{
    (void)text, (void)c, (void)err;
    return chunks_add(out, (struct span){0, n});
}

const struct chunk_kind chunk_whole = {
    .name = "whole",
    .form = "whole",
    .about = "a document is one passage",
    .cut = cut_whole,
};

/* The next word at or after `at`; 0 if there is none. */
static int next_word(struct span *out, const char *text, size_t n, size_t at)
{
    while (at < n && is_blank(text[at]))
        at++;
    out->begin = at;
    while (at < n && !is_blank(text[at]))
        at++;
    out->end = at;
    return out->begin < out->end;
}

/* One walk makes all windows: word i opens one if i is a multiple of the stride; `closed` of
 * them have had their last word. */
static int cut_words(struct chunks *out, const char *text, size_t n, const struct chunking *c,
                     struct err *err)
{
    size_t words = (size_t)c->words, stride = (size_t)(c->words - c->overlap);
    size_t closed = 0, i = 0;
    struct span word;

    (void)err;
    for (size_t at = 0; next_word(&word, text, n, at); at = word.end, i++) {
        if (i % stride == 0 && chunks_add(out, word))
            return E_NOMEM;
        if (i + 1 == closed * stride + words)
            out->spans[closed++].end = word.end;
    }
    /* the first window that reaches the last word is the last: later ones are only overlap */
    if (closed > 0 && i == (closed - 1) * stride + words)
        out->n = closed;
    else if (out->n)
        out->n = closed + 1;
    return 0;
}

const struct chunk_kind chunk_words = {
    .name = "words",
    .form = "words:N[:OVERLAP]",
    .about = "windows of N words; a window shares OVERLAP words with the one before",
    .has_words = 1,
    .has_overlap = 1,
    .cut = cut_words,
};
