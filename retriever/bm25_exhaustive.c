/* bm25_exhaustive.c -- scores every posting of every term: the reference.
 *
 * One sum a passage, one term after the other, and nothing left out on purpose.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "retriever/bm25.h"

static int add_term(float *sums, const struct bm25_query *q, const struct bm25_term *t, int segment,
                    struct err *err)
{
    struct segment *s = index_segment(q->ix, segment);
    const uint32_t *lengths = segment_lengths(s);
    struct postings p;
    int rc;

    rc = bm25_open(&p, q, t, segment, err);
    if (rc <= 0)
        return rc;
    for (; p.passage != POSTINGS_END; postings_next(&p))
        sums[p.passage] += bm25_part(q, t->weight, postings_freq(&p), lengths[p.passage]);
    return 0;
}

int bm25_exhaustive(struct topk *top, const struct bm25_query *q, int segment, struct err *err)
{
    const struct segment *s = index_segment(q->ix, segment);
    const uint64_t *out = bm25_excluded(q, segment);
    float *sums = mem_zalloc(segment_size(s), sizeof *sums);
    int rc = 0;

    if (!sums)
        return err_nomem(err);
    for (size_t i = 0; !rc && i < q->n; i++)
        rc = add_term(sums, q, &q->terms[i], segment, err);
    for (uint32_t p = 0; !rc && p < segment_size(s); p++)
        if (sums[p] > 0 && !(out && out[p >> 6] >> (p & 63) & 1))
            topk_push(top, p, sums[p]);
    mem_free(sums);
    return rc;
}
