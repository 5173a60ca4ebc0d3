/* eval_fixture.h -- runs and judgements from text for a test of eval/. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_EVAL_FIXTURE_H
#define TESTS_EVAL_FIXTURE_H

#include "eval/eval.h"
#include "tests/testing.h"

TCase *eval_measures(void);
TCase *eval_laws(void);
TCase *eval_golden(void);
TCase *eval_trec(void);
TCase *eval_significance(void);

/* Numbers that are random enough and the same everywhere. */
static unsigned rng_state;

static inline unsigned rng(unsigned n)
{
    rng_state = rng_state * 1664525u + 1013904223u;
    return (rng_state >> 8) % n;
}

static char dir[64];

static inline void make_dir(void) { tmp_dir(dir); }
static inline void drop_dir(void) { tmp_remove(dir); }

static inline const char *in_dir(const char *name)
{
    static char path[128];

    snprintf(path, sizeof path, "%s/%s", dir, name);
    return path;
}

static inline int load_qrels(struct qrels *q, const char *text, struct err *err)
{
    tmp_write(in_dir("qrels"), text, strlen(text));
    return qrels_load(q, in_dir("qrels"), err);
}

static inline void load_both(struct run *run, struct qrels *qrels, const char *run_text,
                             const char *qrels_text)
{
    struct err err = {0};

    tmp_write(in_dir("run"), run_text, strlen(run_text));
    ck_assert_ok(run_load(run, in_dir("run"), &err), &err);
    ck_assert_ok(load_qrels(qrels, qrels_text, &err), &err);
}

/* One measure of one run, averaged. */
static inline double mean_of(const char *name, const struct run *run, const struct qrels *qrels,
                             const struct eval_options *opt)
{
    struct eval_result res = {0};
    struct measure m;
    struct err err = {0};
    double mean;

    ck_assert_ok(measure_parse(&m, name, &err), &err);
    ck_assert_ok(eval_run_with(&res, run, qrels, &m, 1, opt, &err), &err);
    mean = res.mean[0];
    eval_result_clear(&res);
    return mean;
}

#endif
