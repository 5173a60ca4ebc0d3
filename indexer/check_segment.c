/* check_segment.c -- one segment, part by part.
 *
 * Postings are decoded and written again: the bytes must be the same, which covers order, widths, directory and bounds at
 * once.  Frequencies must add up to the lengths, and deletions to the tombstones.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/mem.h"
#include "indexer/check.h"
#include "indexer/tombstones.h"
#include "indexer/vectors.h"
#include "indexer/walk.h"

struct checking {
    struct segment *s;
    uint64_t *sums;     /* [size] of the freqs of each passage */
    uint64_t *postings; /* of one term */
    size_t cap;
    struct buf again; /* the term, written again */
    struct segment_walk walk;
    struct err *err;
};

static int check_documents(const struct segment *s, struct err *err)
{
    uint64_t sum = 0;

    for (uint32_t d = 0; d < s->n_documents; d++) {
        if (!*s->docno[d] || (d && strcmp(s->docno[d - 1], s->docno[d]) <= 0))
            return part_damaged(&s->parts[PART_DOCNOS], err, "'%.100s' is out of order",
                                s->docno[d]);
        for (uint32_t p = s->first[d] + 1; p < s->first[d + 1]; p++)
            if (segment_is_dead(s, p) != segment_is_dead(s, p - 1))
                return part_damaged(&s->parts[PART_DOCUMENTS], err, "'%.100s' is half deleted",
                                    s->docno[d]);
    }
    for (uint32_t p = 0; p < s->size; p++)
        sum += s->lengths[p];
    if (sum != s->row.length)
        return part_damaged(&s->parts[PART_LENGTHS], err, "they add up to %llu, not %llu",
                            (unsigned long long)sum, (unsigned long long)s->row.length);
    return 0;
}

/* Decodes a term into c->postings and counts. */
static void unpack(struct checking *c, const struct term_postings *t, uint32_t *n_dead)
{
    struct postings p;
    size_t n = 0;

    for (postings_begin(&p, t); p.passage != POSTINGS_END; postings_next(&p)) {
        uint32_t freq = postings_freq(&p);

        c->postings[n++] = posting_make(p.passage, freq);
        c->sums[p.passage] += freq;
        *n_dead += (uint32_t)segment_is_dead(c->s, p.passage);
    }
}

static int check_term(struct checking *c)
{
    const struct dictionary_entry *e = &c->walk.terms.entry;
    const struct term_postings *t = c->walk.postings;
    struct segment *s = c->s;
    uint32_t n_dead = 0, want = s->n_dead ? s->dead_postings[e->number] : 0;

    if (mem_reserve((void **)&c->postings, &c->cap, e->n, sizeof *c->postings))
        return err_nomem(c->err);
    unpack(c, t, &n_dead);
    buf_reset(&c->again);
    postings_write(&c->again, c->postings, e->n, s->lengths);
    if (buf_error(&c->again))
        return err_nomem(c->err);
    if (c->again.len != e->bytes || memcmp(c->again.data, t->data, c->again.len) != 0)
        return part_damaged(&c->walk.part, c->err,
                            "term %u: its bytes or bounds are not what its postings give",
                            e->number);
    if (n_dead != want)
        return part_damaged(&c->walk.part, c->err,
                            "term %u: %u postings are deleted, tombstones say %u", e->number,
                            n_dead, want);
    return 0;
}

static int check_terms(struct segment *s, struct err *err)
{
    struct checking c = {.s = s, .err = err, .again = {.max = SIZE_MAX / 4}};
    int rc = s->n_dead ? tombstones_need_terms(s, err) : 0;

    segment_walk_begin(&c.walk, s);
    if (!rc && !(c.sums = mem_zalloc(s->size, sizeof *c.sums)))
        rc = err_nomem(err);
    while (!rc && (rc = segment_walk_next(&c.walk, err)) == 1)
        rc = check_term(&c);
    for (uint32_t p = 0; !rc && p < s->size; p++)
        if (c.sums[p] != s->lengths[p])
            rc = part_damaged(&s->parts[PART_LENGTHS], err, "passage %u has %llu terms, not %u", p,
                              (unsigned long long)c.sums[p], s->lengths[p]);
    segment_walk_end(&c.walk);
    mem_free(c.sums);
    mem_free(c.postings);
    buf_clear(&c.again);
    return rc;
}

static int check_vectors(struct segment *s, struct err *err)
{
    float *v;
    int rc = 0;

    if (!s->dim) {
        if (s->row.bytes[PART_VECTORS] || s->row.bytes[PART_GRAPH])
            rc = part_damaged(&s->parts[PART_VECTORS], err, "there should be none");
        return rc;
    }
    v = mem_alloc((size_t)s->dim, sizeof *v);
    if (!v)
        return err_nomem(err);
    for (uint32_t p = 0; !rc && p < s->size; p++)
        rc = segment_vector(v, s, p, err);
    mem_free(v);
    if (!rc && s->row.bytes[PART_GRAPH])
        rc = vectors_need(s, err);
    return rc;
}

int check_segment(struct segment *s, struct err *err)
{
    int rc = check_documents(s, err);

    rc = rc ? rc : check_terms(s, err);
    return rc ? rc : check_vectors(s, err);
}
