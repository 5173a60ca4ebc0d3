/* fuzz_eval.c -- runs, judgements and the names of measures. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "base/run.h"
#include "eval/eval.h"
#include "tests/fuzz/fuzz.h"

static void run_qrels(const uint8_t *data, size_t n)
{
    struct qrels qrels = {0};
    struct err err = {0};

    if (!qrels_load(&qrels, fuzz_file(".txt", data, n), &err))
        qrels_clear(&qrels);
}

static void run_run(const uint8_t *data, size_t n)
{
    struct run run = {0};
    struct err err = {0};

    if (!run_load(&run, fuzz_file(".txt", data, n), &err))
        run_sort(&run, &err);
    run_clear(&run);
}

static void run_measures(const uint8_t *data, size_t n)
{
    struct measure m;
    struct err err = {0};
    char *text = fuzz_text(data, n);

    measure_parse(&m, text, &err);
    free(text);
}

static const char *const qrels[] = {"q1 0 d1 1\nq1 0 d2 0\nq2 0 d1 2\n",
                                    "query-id\tcorpus-id\tscore\nq1\td1\t1\n", NULL};
static const char *const runs[] = {"q1 Q0 d1 1 9.5 tag\nq1 Q0 d2 2 9.25 tag\nq2 Q0 d1 1 -1e3 tag\n",
                                   NULL};
static const char *const words[] = {"\t",  " ",   "\n",    "Q0",   "-1", "1e308",
                                    "nan", "inf", "0x1p3", "\r\n", NULL};
static const char *const measures[] = {"nDCG@10",     "P(rel=2)@10", "RBP(p=0.9, rel=2)",
                                       "ndcg_cut_10", "IPrec@0.1",   NULL};
static const char *const measure_words[] = {
    "nDCG", "MAP", "P",    "R",  "RR", "RBP",   "ERR", "infAP",       "(",   ")",
    "@",    "=",   "rel=", "p=", ",",  "_cut_", "_",   "99999999999", "0.5", NULL};

const struct fuzz_target fuzz_qrels = {"qrels", run_qrels, qrels, NULL, words};
const struct fuzz_target fuzz_run = {"run", run_run, runs, NULL, words};
const struct fuzz_target fuzz_measures = {"measures", run_measures, measures, NULL, measure_words};
