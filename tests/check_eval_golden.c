/* check_eval_golden.c -- every measure against the values of the reference, and, where they are, trec_eval's own tests. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "base/lines.h"
#include "tests/eval_fixture.h"

static const struct {
    const char *name, *qrels;
} golden[] = {
    {"random", "tests/golden/measures/random.qrels"},
    {"cranfield", "corpora/data/cranfield/qrels/test.tsv"},
    {"scifact", "corpora/data/scifact/qrels/test.tsv"},
};

static void parse_flags(struct eval_options *opt, const char *flags)
{
    const char *m = strstr(flags, "-M"), *l = strstr(flags, "-l");

    *opt = (struct eval_options){.complete = strstr(flags, "-c") != NULL,
                                 .judged_only = strstr(flags, "-J") != NULL,
                                 .max_docs = m ? (size_t)atoi(m + 2) : 0,
                                 .level = l ? atoi(l + 2) : 0};
}

static double value_of(const struct eval_result *res, const char *qid)
{
    if (!strcmp(qid, "all"))
        return res->mean[0];
    for (size_t q = 0; q < res->n_queries; q++)
        if (!strcmp(res->qids[q], qid))
            return res->values[q];
    ck_abort_msg("query %s was not scored", qid);
}

/* Compares all lines "FLAGS MEASURE QUERY VALUE" of a file.  Returns how many there are. */
static size_t compare_golden(const char *path, const struct run *run, const struct qrels *qrels)
{
    struct eval_result res = {0};
    struct eval_options opt;
    struct lines *in = NULL;
    struct measure m;
    struct err err = {0};
    char *line, flags[16], name[40], qid[64], now[64] = "";
    size_t n, count = 0;
    double want;

    ck_assert_ok(lines_open(&in, path, &err), &err);
    while (lines_next(&line, &n, in, &err) == 1) {
        char key[64];

        ck_assert_int_eq(sscanf(line, "%15s %39s %63s %lf", flags, name, qid, &want), 4);
        snprintf(key, sizeof key, "%s %s", flags, name);
        if (strcmp(key, now)) {
            strcpy(now, key);
            eval_result_clear(&res);
            parse_flags(&opt, flags);
            ck_assert_ok(measure_parse(&m, name, &err), &err);
            ck_assert_ok(eval_run_with(&res, run, qrels, &m, 1, &opt, &err), &err);
        }
        ck_assert_msg(fabs(value_of(&res, qid) - want) <= 1e-13 * (1 + fabs(want)), "%s: got %.17g",
                      line, value_of(&res, qid));
        count++;
    }
    ck_assert_ok(err.code, &err);
    eval_result_clear(&res);
    lines_close(in);
    return count;
}

START_TEST(values_are_those_of_the_reference)
{
    struct run run = {0};
    struct qrels qrels = {0};
    struct err err = {0};
    char path[128];

    snprintf(path, sizeof path, "tests/golden/measures/%s.run.gz", golden[_i].name);
    ck_assert_ok(run_load(&run, source_path(path), &err), &err);
    ck_assert_ok(qrels_load(&qrels, source_path(golden[_i].qrels), &err), &err);
    snprintf(path, sizeof path, "tests/golden/measures/%s.txt", golden[_i].name);
    ck_assert_uint_ge(compare_golden(source_path(path), &run, &qrels), 90);
    run_clear(&run);
    qrels_clear(&qrels);
}
END_TEST

TCase *eval_golden(void)
{
    TCase *tc = tcase_create("golden");

    tcase_set_timeout(tc, 30);
    tcase_add_loop_test(tc, values_are_those_of_the_reference, 0,
                        (int)(sizeof golden / sizeof *golden));
    return tc;
}

/* ---- trec_eval's own tests, where they are (tests/trec_eval.sh) ---- */

static const struct {
    const char *expected, *flags, *run, *qrels;
    size_t n; /* lines of it that name measures of ours */
} trec_eval_tests[] = {
    {"out.test", "", "results.test", "qrels.test", 29},
    {"out.test", "", "results.test", "qrels.test.with-comments", 29},
    {"out.comment.test", "", "results.comment.test", "qrels.comment.test", 29},
    {"out.test.a", "", "results.test", "qrels.test", 64},
    {"out.test.aq", "", "results.test", "qrels.test", 64},
    {"out.test.aqc", "-c", "results.trunc", "qrels.test", 64},
    {"out.test.aqcM", "-c-M100", "results.trunc", "qrels.test", 64},
    {"out.test.aql", "-l2", "results.test", "qrels.rel_level", 64},
    {"out.test.meas_params", "", "results.test", "qrels.test", 16},
};

START_TEST(values_are_printed_as_trec_eval_prints_them)
{
    const char *folder = getenv("TREC_EVAL_TESTS");
    struct run run = {0};
    struct qrels qrels = {0};
    struct eval_options opt;
    struct lines *in = NULL;
    struct err err = {0};
    char path[512], *line, name[40], qid[64], want[32], got[32];
    size_t n, compared = 0, skipped = 0;

    snprintf(path, sizeof path, "%.400s/trec_eval-test/%s", folder, trec_eval_tests[_i].run);
    ck_assert_ok(run_load(&run, path, &err), &err);
    snprintf(path, sizeof path, "%.400s/trec_eval-test/%s", folder, trec_eval_tests[_i].qrels);
    ck_assert_ok(qrels_load(&qrels, path, &err), &err);
    parse_flags(&opt, trec_eval_tests[_i].flags);
    snprintf(path, sizeof path, "%.400s/trec_eval-test/%s", folder, trec_eval_tests[_i].expected);
    ck_assert_ok(lines_open(&in, path, &err), &err);
    while (lines_next(&line, &n, in, &err) == 1) {
        struct eval_result res = {0};
        struct measure m;

        if (sscanf(line, "%39s %63s %31s", name, qid, want) != 3 || measure_parse(&m, name, &err)) {
            err_clear(&err);
            skipped++;
            continue;
        }
        ck_assert_ok(eval_run_with(&res, &run, &qrels, &m, 1, &opt, &err), &err);
        snprintf(got, sizeof got, "%.*f", measure_is_count(&m) ? 0 : 4, value_of(&res, qid));
        ck_assert_msg(!strcmp(got, want), "%s: %s of %s is %s, not %s", path, name, qid, got, want);
        eval_result_clear(&res);
        compared++;
    }
    lines_close(in);
    run_clear(&run);
    qrels_clear(&qrels);
    printf("%-22s %zu values equal, %zu of other measures\n", trec_eval_tests[_i].expected,
           compared, skipped);
    ck_assert_uint_ge(compared, trec_eval_tests[_i].n);
}
END_TEST

START_TEST(an_official_run_scores_as_published)
{
    const char *folder = getenv("TREC_EVAL_TESTS");
    struct run run = {0};
    struct qrels qrels = {0};
    struct err err = {0};
    char path[512], text[16];

    snprintf(path, sizeof path, "%.400s/trec-dl-2019/runs/bm25base_p.txt", folder);
    ck_assert_ok(run_load(&run, path, &err), &err);
    snprintf(path, sizeof path, "%.400s/trec-dl-2019/qrels/test.tsv", folder);
    ck_assert_ok(qrels_load(&qrels, path, &err), &err);
    snprintf(text, sizeof text, "%.4f", mean_of("ndcg_cut_10", &run, &qrels, NULL));
    ck_assert_str_eq(text, "0.5058");
    printf("%-22s %zu values equal\n", "trec-dl-2019",
           compare_golden(source_path("tests/golden/measures/trec-dl-2019.txt"), &run, &qrels));
    run_clear(&run);
    qrels_clear(&qrels);
}
END_TEST

TCase *eval_trec(void)
{
    TCase *tc = tcase_create("trec_eval");

    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, values_are_printed_as_trec_eval_prints_them, 0,
                        (int)(sizeof trec_eval_tests / sizeof *trec_eval_tests));
    tcase_add_test(tc, an_official_run_scores_as_published);
    return tc;
}
