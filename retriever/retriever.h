/* retriever.h -- query x index to ranked hits: words, meaning, or both.
 *
 *     struct retrieve_options opt = {.system = "hybrid", .k = 10};
 *     struct hits hits = {0};
 *     if (retrieve(&hits, ix, "what is a fovea?", &opt, &err)) ...
 *     for (size_t i = 0; i < hits.n; i++)
 *         printf("%s %.4f\n", hits.hits[i].docno, hits.hits[i].score);
 *     hits_clear(&hits);
 *
 * Order: score descending, ties by docno descending, as trec_eval.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RETRIEVER_RETRIEVER_H
#define RETRIEVER_RETRIEVER_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "indexer/index.h"
#include "retriever/query_syntax.h"

enum { RETRIEVE_LEGS = 3 }; /* how many legs a hybrid may have */

struct retrieve_options {
    const char
        *system; /* name of the table; NULL = "hybrid" if the index has vectors, else "bm25" */
    int k;       /* documents wanted, 1.. ; 0 = 10 */
    float k1,
        b; /* BM25; both zero = 0.9 and 0.4 (Lucene's BEIR settings); negative k1 = really zero */
    int exhaustive;     /* 1: score every posting; the same result, for tests and benchmarks */
    const char *fusion; /* "minmax" (default) or "rrf" */
    float weights
        [RETRIEVE_LEGS]; /* of the legs in the order of the table's row (bm25, dense, sparse); all zero = equal */
    int rrf_k;      /* 0 = 60 */
    int depth;      /* hits taken from each leg before fusion; 0 = max(1000, k) */
    int by_passage; /* 1: hits are passages; 0: documents, each with its best passage */
    int explain;    /* 1: fill hits.explain */
    int ef; /* dense, above the exact limit: candidates kept (more: better and slower); 0 = default */
    int syntax; /* QUERY_PLAIN (default): a query is its words; QUERY_OPERATORS: see query_syntax.h */
    const char *where; /* search only documents that this holds for (index_filter); NULL = all */
};

/* One leg's part in a hit. */
struct leg_score {
    int rank;    /* from 1; 0 = this leg did not find it within its depth */
    float score; /* the leg's own score */
    float part;  /* what it adds to the hit's score */
};

struct hit {
    const char *docno; /* owned by the hits */
    int64_t document;  /* id for index_document */
    int segment;       /* where its best passage is: */
    uint32_t passage;  /*   index_segment(ix, segment), passage */
    float score;
    struct leg_score legs[RETRIEVE_LEGS];
    char *
        explain; /* with options.explain: lines of text, e.g. each term's idf, tf, length, part; else NULL */
};

struct hits {
    struct hit *hits; /* [n], best first */
    size_t n;
    int n_legs;                           /* legs that ran */
    const char *leg_names[RETRIEVE_LEGS]; /* "bm25", "dense", "sparse" */
    void *memory;                         /* owns the strings */
};

/* One row of the table of systems. */
struct retriever {
    const char *name;  /* "bm25", "dense", "sparse", "hybrid" */
    const char *about; /* printed by `fovea help retriever NAME` */
    int needs_vectors; /* 1: an index with a dense leg */
    int (*search)(struct hits *out, struct index *ix, const struct question *query,
                  const struct retrieve_options *opt, struct err *err);
    int needs_sparse; /* 1: an index with a sparse leg */
};
extern const struct retriever *const retrievers[]; /* NULL-terminated */

/* The row of that name, or NULL. */
const struct retriever *retriever_find(const char *name);

/* Searches.  A query without any term gives no hits from bm25, which is not an error.
 * With options.where every leg ranks the documents that it holds for, and no others: what is there is found.  BM25's
 * statistics (idf, mean length) stay those of the whole index, so a passage keeps the score that it has without.
 * With QUERY_OPERATORS phrases are filters of that kind too; their words score as words do.
 * E_INVALID: unknown system (lists them), option out of range, no dense leg in the index. */
int retrieve(struct hits *out, struct index *ix, const char *query,
             const struct retrieve_options *opt, struct err *err);

void hits_clear(struct hits *h);

#endif
