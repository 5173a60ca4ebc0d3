/* chunk_sentences.c -- windows of whole sentences. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "indexer/cutting.h"

/* The first piece of the window after [begin, end): as many of the last pieces again as have at most `overlap` words
 * and leave room for piece `end`. */
static size_t next_begin(const struct pieces *p, size_t begin, size_t end, const struct chunking *c)
{
    size_t room = (size_t)c->words - p->list[end].words, shared = 0, i = end;

    if (room > (size_t)c->overlap)
        room = (size_t)c->overlap;
    while (i > begin + 1 && shared + p->list[i - 1].words <= room)
        shared += p->list[--i].words;
    return i;
}

static int cut_sentences(struct chunks *out, const char *text, size_t n, const struct chunking *c,
                         struct err *err)
{
    struct pieces p = {0};
    size_t begin = 0, end = 0;
    int rc = pieces_add_sentences(&p, text, (struct span){0, n}, (size_t)c->words, err);

    while (!rc && end < p.n) {
        size_t words = 0;

        for (end = begin; end < p.n && words + p.list[end].words <= (size_t)c->words; end++)
            words += p.list[end].words;
        rc = chunks_add(out, (struct span){p.list[begin].span.begin, p.list[end - 1].span.end});
        if (end < p.n)
            begin = next_begin(&p, begin, end, c);
    }
    mem_free(p.list);
    return rc;
}

const struct chunk_kind chunk_sentences = {
    .name = "sentences",
    .form = "sentences:N[:OVERLAP]",
    .about = "windows of whole sentences of at most N words together (a longer sentence is cut); "
             "a window begins with the sentences of the one before that have at most OVERLAP words",
    .has_words = 1,
    .has_overlap = 1,
    .cut = cut_sentences,
};
