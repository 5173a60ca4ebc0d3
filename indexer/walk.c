/* walk.c -- reads dictionary and postings of a segment from front to back. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "indexer/walk.h"

#include <string.h>

#include "base/mem.h"

void segment_walk_begin(struct segment_walk *w, struct segment *s)
{
    memset(w, 0, sizeof *w);
    w->s = s;
    w->terms.d = &s->dictionary;
    w->part = s->parts[PART_POSTINGS];
    w->part.data = NULL;
    w->part.n_data = 0;
}

int segment_walk_next(struct segment_walk *w, struct err *err)
{
    const struct dictionary_entry *e = &w->terms.entry;
    struct err why = {0};
    unsigned char *data;
    int rc = segment_need_dictionary(w->s, err);

    term_postings_free(w->postings);
    w->postings = NULL;
    rc = rc ? rc : dictionary_next(&w->terms, err);
    if (rc <= 0)
        return rc;
    data = mem_zalloc((size_t)e->bytes + POSTINGS_PAD, 1);
    if (!data)
        return err_nomem(err);
    rc = part_read(data, &w->part, e->offset, (size_t)e->bytes, err);
    if (rc) {
        mem_free(data);
        return rc;
    }
    rc = term_postings_new(&w->postings, data, (size_t)e->bytes, e->n, w->s->size, w->s->lengths,
                           &why);
    if (rc == E_NOMEM)
        return err_nomem(err);
    return rc ? part_damaged(&w->part, err, "term %u: %s", e->number, why.text) : 1;
}

void segment_walk_end(struct segment_walk *w)
{
    term_postings_free(w->postings);
    w->postings = NULL;
    dictionary_cursor_close(&w->terms);
    part_close(&w->part);
}
