/* eval.h -- run x judgements to measures, to the digit of trec_eval.
 *
 *     struct measure ms[2];
 *     measure_parse(&ms[0], "nDCG@10", &err);
 *     measure_parse(&ms[1], "R@100", &err);
 *     struct eval_result res = {0};
 *     eval_run(&res, &run, &qrels, ms, 2, 0, &err);
 *     printf("%.4f\n", res.mean[0]);
 *     eval_result_clear(&res);
 *
 * Names are those of ir-measures (nDCG@10, AP, P@5, R@100, RR@10, Rprec, Bpref, Success@1, Judged@10)
 * and of trec_eval (ndcg_cut_10, map, P_5, recall_100, recip_rank, bpref, ...).
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef EVAL_EVAL_H
#define EVAL_EVAL_H

#include <stddef.h>

#include "base/err.h"
#include "base/hash.h"
#include "base/run.h"

/* The judgements of one query. */
struct topic {
    const char *qid;
    struct map grades; /* docno -> grade; not there = not judged */
};

struct qrels {
    struct topic *topics; /* [n], in order of first appearance */
    size_t n, cap;
    struct map qids; /* qid -> position in topics */
};

/* Reads TREC qrels (qid 0 docno grade), or BEIR's three columns (qid docno grade, with or without a
 * header line); gzip too.  E_FORMAT "FILE:LINE: reason"; a document judged twice is an error. */
int qrels_load(struct qrels *out, const char *path, struct err *err);
const struct topic *qrels_find(const struct qrels *q, const char *qid);
void qrels_clear(struct qrels *q);

struct measure_kind; /* a row of the table in measures.c; one file a kind */

/* A measure with its parameters. */
struct measure {
    const struct measure_kind *kind;
    int cutoff;     /* @k; 0 = the whole ranking */
    int rel;        /* the least grade that counts as relevant; default 1 */
    char name[40];  /* as it is printed */
};

/* Parses one name, e.g. "nDCG@10", "P(rel=2)@10", "ndcg_cut_10".  E_INVALID lists what is known. */
int measure_parse(struct measure *out, const char *text, struct err *err);

/* Prints the table: name, about, source; the caller's (mem_free). */
char *measure_list(void);

struct eval_result {
    size_t n_queries, n_measures;
    const char **qids;  /* [n_queries] borrowed from the qrels */
    double *values;     /* [n_queries, n_measures] */
    double *mean;       /* [n_measures]: mean, sum or geometric mean as the measure says */
};

/* Scores a run.
 *
 * complete   1: queries of the qrels that the run lacks count as 0 (trec_eval -c); 0: only queries that both have.
 * E_INVALID if no query is in both.
 */
int eval_run(struct eval_result *out, const struct run *run, const struct qrels *qrels,
             const struct measure *measures, size_t n_measures, int complete, struct err *err);
void eval_result_clear(struct eval_result *r);

#endif
