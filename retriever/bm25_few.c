/* bm25_few.c -- BM25 where a filter leaves few passages: each of them is looked up in the postings of every term.
 *
 * Pruning by block maxima needs a threshold, and the fewer passages count, the later there is one; in the end every
 * posting is decoded for a handful of hits.  Then it is cheaper to go from passage to passage.  Parts are added in the order of
 * bm25.h, so the scores are those of the others to the bit.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "retriever/bm25.h"

/* So many postings are added up in the time of one look-up, which decodes a block. */
enum { LOOKUP_COST = 16 };

struct cursor {
    struct postings p;
    float weight;
};

/* Is it worth it?  Postings are counted by their blocks. */
static int is_worth(const struct cursor *cursors, size_t n, uint32_t kept)
{
    uint64_t blocks = 0;

    for (size_t i = 0; i < n; i++)
        blocks += cursors[i].p.n_blocks;
    return (uint64_t)kept * n * LOOKUP_COST < blocks * POSTINGS_BLOCK;
}

static float score(struct cursor *cursors, size_t n, const struct bm25_query *q, uint32_t passage,
                   uint32_t length)
{
    float sum = 0;

    for (size_t i = 0; i < n; i++) {
        struct postings *p = &cursors[i].p;

        if (p->passage < passage)
            postings_seek(p, passage);
        if (p->passage == passage)
            sum += bm25_part(q, cursors[i].weight, postings_freq(p), length);
    }
    return sum;
}

int bm25_few(struct topk *top, const struct bm25_query *q, int segment, struct err *err)
{
    const struct segment *s = index_segment(q->ix, segment);
    const uint32_t *lengths = segment_lengths(s);
    const uint64_t *out;
    struct cursor *cursors;
    size_t n = 0;
    int rc = 1;

    if (!q->filter)
        return 0;
    out = filter_excluded(q->filter, segment);
    cursors = mem_alloc(q->n, sizeof *cursors);
    if (!cursors)
        return err_nomem(err);
    for (size_t i = 0; i < q->n && rc >= 0; i++) {
        rc = bm25_open(&cursors[n].p, q, &q->terms[i], segment, err);
        cursors[n].weight = q->terms[i].weight;
        n += rc > 0;
    }
    if (rc >= 0)
        rc = is_worth(cursors, n, filter_kept(q->filter, segment));
    for (uint32_t word = 0; rc > 0 && word < (segment_size(s) + 63) / 64; word++) {
        uint64_t kept = ~out[word];

        for (; kept; kept &= kept - 1) {
            uint32_t passage = word * 64 + (uint32_t)__builtin_ctzll(kept);
            float sum;

            if (passage >= segment_size(s))
                break;
            sum = score(cursors, n, q, passage, lengths[passage]);
            if (sum > 0)
                topk_push(top, passage, sum);
        }
    }
    mem_free(cursors);
    return rc;
}

int bm25_search(struct topk *top, const struct bm25_query *q, int segment, struct err *err)
{
    int rc;

    if (!q->n || (q->filter && !filter_kept(q->filter, segment)))
        return 0;
    if (q->exhaustive)
        return bm25_exhaustive(top, q, segment, err);
    rc = bm25_few(top, q, segment, err);
    return rc ? (rc < 0 ? rc : 0) : bm25_maxscore(top, q, segment, err);
}
