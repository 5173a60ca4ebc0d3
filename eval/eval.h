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
 *
 * All computing is in double and in trec_eval's order (topics by strcmp of their ids), so that
 * sums come out the same to the last bit.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef EVAL_EVAL_H
#define EVAL_EVAL_H

#include <stddef.h>

#include "base/err.h"
#include "base/hash.h"
#include "base/run.h"

/* One judged document. */
struct judgement {
    const char *docno;
    int grade; /* 0 = not relevant, higher is better; negative = in the pool, but not judged */
};

/* The judgements of one query. */
struct topic {
    const char *qid;
    struct judgement *judged; /* [n], by strcmp of docno */
    size_t n, cap;
};

/* Zeroed = empty. */
struct qrels {
    struct topic *topics; /* [n], in order of first appearance */
    size_t n, cap;
    struct map qids; /* qid -> position in topics; owns the ids */
    struct arena docnos;
};

/* Reads TREC qrels (qid 0 docno grade, white space between), or BEIR's three columns (qid docno grade,
 * with or without a header line); gzip too; "-" is standard input.  Empty lines and lines that start
 * with '#' are passed over.  E_FORMAT "FILE:LINE: reason"; a document judged twice is an error.
 * What *out held before is freed on success and kept on failure. */
int qrels_load(struct qrels *out, const char *path, struct err *err);

/* The judgements of a query, or NULL. */
const struct topic *qrels_find(const struct qrels *q, const char *qid);

/* 1 and *grade if the topic has a grade for docno (also a negative one), else 0.  O(log n). */
int topic_grade(int *grade, const struct topic *t, const char *docno);

void qrels_clear(struct qrels *q);

struct measure_kind; /* a row of the table in measures.c; one file a kind */

/* A measure with its parameters. */
struct measure {
    const struct measure_kind *kind;
    int cutoff;    /* @k; 0 = the whole ranking */
    double recall; /* IPrec@recall: in 0..1 */
    double p;      /* RBP's persistence: in 0..1, 1 excluded; default 0.8 */
    int rel;       /* the least grade that counts as relevant; default 1 */
    int has_rel;   /* 1 if the name said rel=, so that eval_options.level leaves it alone */
    char name[40]; /* as it is printed: the text that was parsed, without blanks */
};

/* Parses one name, e.g. "nDCG@10", "P(rel=2)@10", "RBP(p=0.9, rel=2)", "ndcg_cut_10"; capitals do not matter.
 * E_INVALID lists what is known. */
int measure_parse(struct measure *out, const char *text, struct err *err);

/* 1 if it counts things (num_ret and its kind): printed as a whole number, and a sum over the queries. */
int measure_is_count(const struct measure *m);

/* 1 if trec_eval -q prints it for each query (all but num_q and the geometric means). */
int measure_is_per_query(const struct measure *m);

/* Prints the table: name, about, source; the caller's (mem_free). */
char *measure_list(void);

struct eval_result {
    size_t n_queries, n_measures;
    const char **qids; /* [n_queries] by strcmp; borrowed from the qrels */
    double *values;    /* [n_queries, n_measures] */
    double *mean;      /* [n_measures]: mean, sum or geometric mean as the measure says */
    size_t n_missing;  /* queries of the qrels that the run lacks (counted as 0 or left out) */
    size_t n_unjudged; /* queries of the run that the qrels lack (always left out) */
};

/* The command-line options of trec_eval that change values.  Zeroed = its defaults. */
struct eval_options {
    int complete;    /* -c: queries of the qrels that the run lacks count as 0 */
    int judged_only; /* -J: documents without a judgement are taken out of the rankings */
    size_t max_docs; /* -M: only so many documents of each ranking; 0 = all */
    int level;       /* -l: the least relevant grade for measures that do not say rel=; 0 = 1 */
};

/* Scores a run.
 *
 * run        each ranking in trec_eval's order (run_sort).
 * complete   1: queries of the qrels that the run lacks count as 0 (trec_eval -c); 0: only queries that both have.
 *
 * A query without relevant documents counts, with 0 for most measures, as in trec_eval.
 * Returns 0; E_INVALID if no query is in both or a ranking is not sorted.  Clear with eval_result_clear.
 * Cost: O(lines * log judgements) once, O(lines) for each measure.
 */
int eval_run(struct eval_result *out, const struct run *run, const struct qrels *qrels,
             const struct measure *measures, size_t n_measures, int complete, struct err *err);

/* The same with all options; opt may be NULL. */
int eval_run_with(struct eval_result *out, const struct run *run, const struct qrels *qrels,
                  const struct measure *measures, size_t n_measures, const struct eval_options *opt,
                  struct err *err);

/* Cuts the results of several runs down to the queries that all of them have, so that row q is the same
 * query in each, and averages anew.
 *
 * results   [n], from the same qrels and measures [n_measures]; n_missing grows by what was cut.
 *
 * Returns 0; E_INVALID if no query is left, and the results are then of no use.
 */
int eval_pair(struct eval_result *results, size_t n, const struct measure *measures,
              struct err *err);

void eval_result_clear(struct eval_result *r);

#endif
