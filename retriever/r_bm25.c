/* r_bm25.c -- the system "bm25" and its explanations. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "retriever/bm25.h"
#include "retriever/legs.h"
#include "retriever/rows.h"

static int open_leg(void **state, struct index *ix, const struct question *query,
                    const struct retrieve_options *opt, struct err *err)
{
    struct bm25_query *q = NULL;
    int rc = bm25_query_open(&q, ix, query, opt, err);

    *state = q;
    return rc;
}

static int search_segment(struct topk *top, void *state, int segment, struct err *err)
{
    return bm25_search(top, state, segment, err);
}

/* The frequency of a term in a passage, 0 if it is not there. */
static int find_freq(uint32_t *freq, const struct bm25_query *q, const struct bm25_term *t,
                     const struct scored *hit, struct err *err)
{
    struct postings p;
    int rc;

    *freq = 0;
    if (!t->entries[hit->segment].n)
        return 0;
    rc = postings_open(&p, index_segment(q->ix, hit->segment), &t->entries[hit->segment], err);
    if (!rc && postings_seek(&p, hit->passage) == hit->passage)
        *freq = postings_freq(&p);
    return rc;
}

/* Adds the parts up anew, in the order of the scorers. */
static int explain(struct buf *out, void *state, const struct scored *hit, struct err *err)
{
    const struct bm25_query *q = state;
    uint32_t length = segment_lengths(index_segment(q->ix, hit->segment))[hit->passage], freq;
    const double unit = index_unit(q->ix);
    float sum = 0;

    buf_printf(out, "bm25 %.6g: %.12g terms (mean %.6g), k1 %g, b %g\n", (double)hit->score,
               length * unit, q->mean_length, (double)q->k1, (double)q->b);
    for (size_t i = 0; i < q->n; i++) {
        const struct bm25_term *t = &q->terms[i];
        int rc = find_freq(&freq, q, t, hit, err);
        float part;

        if (rc)
            return rc;
        if (!freq)
            continue;
        part = bm25_part(q, t->weight, freq, length);
        sum += part;
        buf_printf(out, "  %.*s %.6g = ", (int)t->len, t->bytes, (double)part);
        if (t->count > 1)
            buf_printf(out, "%d x ", t->count);
        buf_printf(out, "idf %.6g (%sin %llu of %llu) x tf %.6g (%.12g times)\n", t->idf,
                   t->prefix ? "all that begin so: " : "", (unsigned long long)t->idf_df,
                   (unsigned long long)index_n_passages(q->ix), (double)(part / t->weight),
                   freq * unit);
    }
    if (sum != hit->score)
        return err_set(err, E_FORMAT, "bm25: the parts of a hit give %.9g, its score is %.9g",
                       (double)sum, (double)hit->score);
    return 0;
}

static void close_leg(void *state) { bm25_query_close(state); }

const struct leg leg_bm25 = {"bm25", open_leg, search_segment, explain, close_leg};

static int search(struct hits *out, struct index *ix, const struct question *query,
                  const struct retrieve_options *opt, struct err *err)
{
    return leg_search(out, &leg_bm25, ix, query, opt, err);
}

const struct retriever retriever_bm25 = {
    "bm25",
    "Scores words: BM25 with Lucene's formula (k1, b), exact lengths, dynamic pruning.\n"
    "Finds what shares rare words with the query; needs no model.",
    0,
    search,
    0,
};
