/* bm25.h -- BM25 as Lucene computes it since version 8, and two ways to find its best passages.
 *
 *     idf(t)   = ln(1 + (N - df + 0.5) / (df + 0.5))
 *     part     = count(t in query) * idf(t) * f / (f + k1 * (1 - b + b * length / mean length))
 *     score    = sum of parts over the query's different terms
 *
 * N, df and the mean length are over the live passages of the whole index.  Without the factor
 * (k1 + 1), which changes no order.  Lengths are exact; Lucene rounds those above 39 to
 * steps that grow with the length (one byte a document), hence its figures differ in the third decimal.
 *
 * All arithmetic is float32, in one order: terms by weight descending, then by their
 * bytes.  So both ways give the same bytes.
 *
 * Source: Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond" (2009);
 * Kamphuis et al., "Which BM25 Do You Mean?" (2020) for the variants.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RETRIEVER_BM25_H
#define RETRIEVER_BM25_H

#include <stddef.h>
#include <stdint.h>

#include "indexer/index.h"
#include "retriever/retriever.h"
#include "retriever/topk.h"

struct bm25_term {
    const char *bytes; /* [len], owned by the query */
    size_t len;
    int count;   /* times in the query */
    uint64_t df; /* live passages of the index with it, >= 1 */
    uint64_t
        idf_df; /* of which idf is: df, or of a prefix's term the sum over all its terms, at most N */
    int prefix; /* the query's prefix that it begins with, from 1; 0 = it is a word of the query */
    double idf;
    float weight;         /* count * idf */
    struct term *entries; /* [n_segments]; n == 0 where a segment does not have it */
    int token;            /* of a linear query: the word, instead of bytes, df and entries */
};

enum { BM25_WINDOW = 8192 }; /* their sums stay in the first-level cache */

struct bm25_query {
    struct index *ix;
    struct bm25_term *terms; /* [n], in the order of summation */
    size_t n;
    float base, slope; /* k1 (1 - b) / unit and k1 b / mean length: freq and length are in units */
    float k1, b;
    double mean_length;          /* in words, not in units */
    const struct filter *filter; /* or NULL */
    int exhaustive;
    int linear;           /* 1: parts are weight * freq, of the sparse leg's words (r_sparse.c) */
    uint32_t window;      /* passages that bm25_maxscore takes at a time, 1..BM25_WINDOW */
    char *text;           /* bytes of the terms */
    struct term *entries; /* of all terms */
};

/* A prefix stands for so many terms at most. */
enum { BM25_EXPANSION = 64 };

/* Analyses a query and looks its terms up.  No term of it in the index: n == 0, not an error.
 *
 * A prefix (query_syntax.h) stands for the terms of the index that begin so, those with the highest df, and for the term that it is
 * itself as a word, stemmed.  All of them have the idf of a term that is in as many passages as they
 * are together.  A term that is found in two ways counts once, the heavier. */
int bm25_query_open(struct bm25_query **out, struct index *ix, const struct question *query,
                    const struct retrieve_options *opt, struct err *err);
void bm25_query_close(struct bm25_query *q);

/* The one place where a part is computed.  base and slope are those of the query. */
static inline float bm25_formula(float weight, float freq, float length, float base, float slope)
{
    return weight * posting_share(freq, length, base, slope);
}

/* A term's part in a score.  Grows with freq and falls with length, up to rounding. */
static inline float bm25_part(const struct bm25_query *q, float weight, uint32_t freq,
                              uint32_t length)
{
    if (q->linear)
        return weight * (float)(int32_t)freq;
    return bm25_formula(weight, (float)(int32_t)freq, (float)(int32_t)length, q->base, q->slope);
}

/* Opens a cursor on a term's postings.  1; 0 if the segment has none; negative. */
static inline int bm25_open(struct postings *p, const struct bm25_query *q,
                            const struct bm25_term *t, int segment, struct err *err)
{
    struct segment *s = index_segment(q->ix, segment);
    int rc;

    if (q->linear)
        return impacts_open(p, s, t->token, err);
    if (!t->entries[segment].n)
        return 0;
    rc = postings_open_shares(p, s, &t->entries[segment], q->base, q->slope, err);
    return rc ? rc : 1;
}

/* Passages of a segment to pass over: bit set, or NULL if there are none. */
static inline const uint64_t *bm25_excluded(const struct bm25_query *q, int segment)
{
    return q->filter ? filter_excluded(q->filter, segment)
                     : segment_dead(index_segment(q->ix, segment));
}

/* Pushes the best passages of a segment that are not excluded, in whichever of the ways below suits. */
int bm25_search(struct topk *top, const struct bm25_query *q, int segment, struct err *err);

/* Push the best passages of a segment that are not excluded; the same ones with the same scores. */
int bm25_exhaustive(struct topk *top, const struct bm25_query *q, int segment, struct err *err);
int bm25_maxscore(struct topk *top, const struct bm25_query *q, int segment, struct err *err);

/* The same, if the filter leaves so few that looking each of them up is worth it: 1.  If not: 0, and nothing is pushed. */
int bm25_few(struct topk *top, const struct bm25_query *q, int segment, struct err *err);

#endif
