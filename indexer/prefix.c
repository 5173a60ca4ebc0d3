/* prefix.c -- the terms of all segments that begin alike, and those of them that most passages have.
 *
 * Dictionaries are sorted, so the terms that begin alike follow one another: one cursor a segment, merged.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "indexer/inside.h"

struct range {
    struct segment *s;
    struct dictionary_cursor c;
    int has_term; /* the cursor is on a term that begins so */
};

/* rc: what moving the cursor gave.  0 or negative. */
static int settle(struct range *r, const char *prefix, size_t len, int rc)
{
    r->has_term = rc == 1 && r->c.len >= len && !memcmp(r->c.term, prefix, len);
    return rc < 0 ? rc : 0;
}

static int open_range(struct range *r, struct segment *s, const char *prefix, size_t len,
                      struct err *err)
{
    int rc = segment_need_dictionary(s, err);

    if (!rc && s->n_dead)
        rc = tombstones_need_terms(s, err);
    if (rc)
        return rc;
    r->s = s;
    r->c.d = &s->dictionary;
    return settle(r, prefix, len, dictionary_seek(&r->c, prefix, len, err));
}

/* Live passages with the cursor's term. */
static uint32_t live(const struct range *r)
{
    const uint32_t dead = r->s->n_dead ? r->s->dead_postings[r->c.entry.number] : 0;

    return dead < r->c.entry.n ? r->c.entry.n - dead : 0;
}

/* Puts a term where it belongs among the `most` best: more passages first, then by bytes.  Terms come by bytes. */
static void put(struct index_term *out, size_t *n, size_t most, const struct index_term *t)
{
    size_t at = *n;

    while (at && out[at - 1].df < t->df)
        at--;
    if (at == most)
        return;
    if (*n < most)
        ++*n;
    memmove(out + at + 1, out + at, (*n - at - 1) * sizeof *out);
    out[at] = *t;
}

/* The least term of all ranges with its df; moves those that are on it.  1, 0 at the end, or negative. */
static int next_term(struct index_term *t, struct range *ranges, int n, const char *prefix,
                     size_t len, struct err *err)
{
    const struct range *least = NULL;

    for (int i = 0; i < n; i++)
        if (ranges[i].has_term && (!least || dictionary_compare(ranges[i].c.term, ranges[i].c.len,
                                                                least->c.term, least->c.len) < 0))
            least = &ranges[i];
    if (!least)
        return 0;
    memcpy(t->term, least->c.term, least->c.len);
    t->len = least->c.len;
    t->df = 0;
    for (int i = 0; i < n; i++) {
        struct range *r = &ranges[i];
        int rc;

        if (!r->has_term || r->c.len != t->len || memcmp(r->c.term, t->term, t->len) != 0)
            continue;
        t->df += live(r);
        rc = settle(r, prefix, len, dictionary_next(&r->c, err));
        if (rc)
            return rc;
    }
    return 1;
}

int index_terms_beginning(struct index_term *out, size_t *n, struct index *ix, const char *prefix,
                          size_t len, size_t most, struct err *err)
{
    struct range *ranges = mem_zalloc((size_t)ix->n_segments, sizeof *ranges);
    struct index_term t;
    int rc = ranges ? 0 : err_nomem(err);

    *n = 0;
    for (int i = 0; !rc && i < ix->n_segments; i++)
        rc = open_range(&ranges[i], ix->segments[i], prefix, len, err);
    while (!rc) {
        rc = next_term(&t, ranges, ix->n_segments, prefix, len, err);
        if (rc <= 0)
            break;
        rc = 0;
        if (t.df)
            put(out, n, most, &t);
    }
    for (int i = 0; ranges && i < ix->n_segments; i++)
        dictionary_cursor_close(&ranges[i].c);
    mem_free(ranges);
    return rc;
}
