/* check_eval.c -- judgements, which queries count and are paired, and memory running out. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/eval_fixture.h"

/* ---- qrels.c ---- */

START_TEST(judgements_come_in_four_columns_or_three)
{
    static const char *const texts[] = {
        "# by hand\n1 0 a 2\n\n1\t0\tb   -1\r\n2 Q0 a 0\n1 0 c +1",
        "query-id\tcorpus-id\tscore\n1\ta\t2\n1\tb\t-1\n2\ta\t0\n1\tc\t1\n",
        "1\ta\t2\n1\tb\t-1\n2\ta\t0 \n1\tc\t1\n",
        "\xef\xbb\xbf"
        "1 a 2\n1 b -1\n2 a 0\n  1 c 1\n",
    };

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct qrels q = {0};
        struct err err = {0};
        int grade = 99;

        ck_assert_ok(load_qrels(&q, texts[i], &err), &err);
        ck_assert_uint_eq(q.n, 2);
        ck_assert_str_eq(q.topics[0].qid, "1");
        ck_assert_uint_eq(q.topics[0].n, 3);
        ck_assert_int_eq(topic_grade(&grade, qrels_find(&q, "1"), "b"), 1);
        ck_assert_int_eq(grade, -1);
        ck_assert_int_eq(topic_grade(&grade, qrels_find(&q, "2"), "a"), 1);
        ck_assert_int_eq(grade, 0);
        ck_assert_int_eq(topic_grade(&grade, qrels_find(&q, "2"), "b"), 0);
        ck_assert_ptr_null(qrels_find(&q, "3"));
        qrels_clear(&q);
    }
}
END_TEST

START_TEST(beir_names_may_hold_spaces)
{
    struct qrels q = {0};
    struct err err = {0};
    int grade = 0;

    ck_assert_ok(load_qrels(&q, "query-id\tcorpus-id\tscore\nq 1\tmy doc.txt\t3\n", &err), &err);
    ck_assert_int_eq(topic_grade(&grade, qrels_find(&q, "q 1"), "my doc.txt"), 1);
    ck_assert_int_eq(grade, 3);
    qrels_clear(&q);
}
END_TEST

START_TEST(a_bad_judgement_is_named_with_its_reason)
{
    static const struct {
        const char *text, *why;
    } cases[] = {
        {"1 0 a 1\n1 0 b\n", "qrels:2: grade 'b' is not a whole number"},
        {"1 0 a 1\n1 b\n", "qrels:2: 2 columns, needed are"},
        {"1\n", "qrels:1: 1 column, needed are"},
        {"1 0 a 1 2 3\n", "qrels:1: 5 columns or more"},
        {"1 0 a 0.5\n", "qrels:1: grade '0.5' is not a whole number"},
        {"1\ta\t\n", "qrels:1: grade '' is not a whole number"},
        {"1 0 a 99999999999\n", "qrels:1: grade '99999999999' is out of range"},
        {"1\t\t1\n", "qrels:1: the document is empty"},
        {"\ta\t1\n", "qrels:1: the query is empty"},
        {"1 a 1\nq d score\n", "qrels:2: grade 'score'"},
        {"1 0 a 1\n2 0 a 1\n1 0 b 1\n1 0 a 1\n",
         "qrels:4: document 'a' of query '1' is judged twice"},
        {"1 0 a 1\n1 0 a 0\n", "qrels:2: document 'a' of query '1' is judged twice"},
    };
    struct qrels q = {0};
    struct err err = {0};

    ck_assert_ok(load_qrels(&q, "kept 0 d 1\n", &err), &err);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        ck_assert_err(load_qrels(&q, cases[i].text, &err), E_FORMAT, cases[i].why, &err);
    tmp_write(in_dir("qrels"), "1 0 a\0 1\n", 9);
    ck_assert_err(qrels_load(&q, in_dir("qrels"), &err), E_FORMAT, "qrels:1: NUL byte", &err);
    ck_assert_err(qrels_load(&q, in_dir("none"), &err), E_NOTFOUND, "none", &err);
    ck_assert_ptr_nonnull(qrels_find(&q, "kept"));
    qrels_clear(&q);
}
END_TEST

/* ---- eval.c ---- */

START_TEST(missing_queries_count_only_when_asked)
{
    struct eval_options complete = {.complete = 1};
    struct run run = {0};
    struct qrels qrels = {0};
    struct eval_result res = {0};
    struct measure ms[2];
    struct err err = {0};

    load_both(&run, &qrels, "10 Q0 a 1 1 t\n9 Q0 a 1 1 t\nx Q0 a 1 1 t\n",
              "9 0 a 1\n8 0 a 1\n8 0 b 1\n10 0 b 1\n10 0 a 0\n");
    ck_assert_double_eq(mean_of("P@1", &run, &qrels, NULL), 0.5);
    ck_assert_double_eq(mean_of("P@1", &run, &qrels, &complete), 1.0 / 3);
    ck_assert_double_eq(mean_of("num_q", &run, &qrels, &complete), 3);
    ck_assert_double_eq(mean_of("num_ret", &run, &qrels, &complete), 2);
    ck_assert_double_eq(mean_of("num_rel", &run, &qrels, NULL), 2);
    ck_assert_double_eq(mean_of("num_rel", &run, &qrels, &complete), 4);
    ck_assert_double_eq_tol(mean_of("gm_map", &run, &qrels, &complete), exp(2 * log(0.00001) / 3),
                            1e-15);
    ck_assert_ok(measure_parse(&ms[0], "AP", &err), &err);
    ck_assert_ok(measure_parse(&ms[1], "num_rel", &err), &err);
    ck_assert_ok(eval_run(&res, &run, &qrels, ms, 2, 1, &err), &err);
    ck_assert_uint_eq(res.n_queries, 3);
    ck_assert_uint_eq(res.n_missing, 1);
    ck_assert_uint_eq(res.n_unjudged, 1);
    ck_assert_str_eq(res.qids[0], "10"); /* by strcmp, as trec_eval */
    ck_assert_str_eq(res.qids[1], "8");
    ck_assert_str_eq(res.qids[2], "9");
    ck_assert_double_eq(res.values[1 * 2 + 1], 2);
    ck_assert_double_eq(res.values[2 * 2 + 0], 1);
    eval_result_clear(&res);
    run_clear(&run);
    qrels_clear(&qrels);
}
END_TEST

START_TEST(a_measure_that_says_rel_does_not_heed_the_level)
{
    struct eval_options level = {.level = 2};
    struct run run = {0};
    struct qrels qrels = {0};

    load_both(&run, &qrels, "1 Q0 a 1 3 t\n1 Q0 b 1 2 t\n1 Q0 c 1 1 t\n",
              "1 0 a 1\n1 0 b 2\n1 0 c 0\n");
    ck_assert_double_eq(mean_of("RR", &run, &qrels, NULL), 1);
    ck_assert_double_eq(mean_of("RR", &run, &qrels, &level), 0.5);
    ck_assert_double_eq(mean_of("RR(rel=2)", &run, &qrels, NULL), 0.5);
    ck_assert_double_eq(mean_of("RR(rel=1)", &run, &qrels, &level), 1);
    ck_assert_double_eq(mean_of("RR(rel=3)", &run, &qrels, &level), 0);
    ck_assert_double_eq(mean_of("num_rel(rel=0)", &run, &qrels, &level), 3);
    run_clear(&run);
    qrels_clear(&qrels);
}
END_TEST

START_TEST(damaged_files_are_refused_or_read_but_never_crash)
{
    static const char lines[] =
        "1 Q0 d1 1 0.5 t\n1\t0\td2\t-1\n# x\nq d 3\n2 Q0 d1 2 1e9 t\n1 0 d3 2\n";
    char text[sizeof lines];

    rng_state = 7;
    for (int round = 0; round < 300; round++) {
        struct run run = {0};
        struct qrels qrels = {0};
        struct err err = {0};

        memcpy(text, lines, sizeof text);
        for (int i = 0; i < 4; i++)
            text[rng(sizeof text - 1)] = rng(2) ? "\t \n\r#0-"[rng(7)] : (char)rng(256);
        tmp_write(in_dir("x"), text, rng(sizeof text));
        ck_assert_int_eq(run_load(&run, in_dir("x"), &err), err.code);
        ck_assert(err.code <= 0 && !strchr(err.text, '\n') && (!err.code || err.text[0]));
        err_clear(&err);
        ck_assert_int_eq(qrels_load(&qrels, in_dir("x"), &err), err.code);
        ck_assert(err.code <= 0 && !strchr(err.text, '\n') && (!err.code || err.text[0]));
        qrels_clear(&qrels);
        run_clear(&run);
    }
}
END_TEST

START_TEST(a_run_that_no_judgement_meets_is_an_error)
{
    struct run run = {0};
    struct qrels qrels = {0};
    struct eval_result res = {0};
    struct measure m;
    struct err err = {0};

    load_both(&run, &qrels, "q1 Q0 a 1 1 t\n", "1 0 a 1\n");
    ck_assert_ok(measure_parse(&m, "AP", &err), &err);
    ck_assert_err(eval_run(&res, &run, &qrels, &m, 1, 1, &err), E_INVALID,
                  "the run has 1 queries, e.g. q1, the judgements 1, e.g. 1", &err);
    run_clear(&run);
    ck_assert_err(eval_run(&res, &run, &qrels, &m, 1, 0, &err), E_INVALID,
                  "the run has 0 queries, the", &err);
    qrels_clear(&qrels);
}
END_TEST

/* Scores by one measure. */
static void score(struct eval_result *out, const struct run *run, const struct qrels *qrels,
                  const struct measure *m, int complete)
{
    struct err err = {0};

    ck_assert_ok(eval_run(out, run, qrels, m, 1, complete, &err), &err);
}

START_TEST(results_are_paired_on_the_queries_that_all_have)
{
    static const char *const texts[] = {"1 Q0 a 1 1 t\n2 Q0 x 1 1 t\n4 Q0 a 1 1 t\n",
                                        "4 Q0 a 1 1 t\n9 Q0 a 1 1 t\n2 Q0 a 1 1 t\n",
                                        "2 Q0 x 1 2 t\n2 Q0 a 1 1 t\n3 Q0 a 1 1 t\n4 Q0 a 1 1 t\n"};
    static const double means[] = {0.5, 1, 0.75};
    struct eval_result res[3] = {{0}};
    struct qrels qrels = {0};
    struct measure m;
    struct err err = {0};

    ck_assert_ok(measure_parse(&m, "RR", &err), &err);
    ck_assert_ok(load_qrels(&qrels, "1 0 a 1\n2 0 a 1\n3 0 a 1\n4 0 a 1\n", &err), &err);
    for (int complete = 0; complete < 2; complete++) {
        for (size_t i = 0; i < 3; i++) {
            struct run run = {0};

            tmp_write(in_dir("run"), texts[i], strlen(texts[i]));
            ck_assert_ok(run_load(&run, in_dir("run"), &err), &err);
            score(&res[i], &run, &qrels, &m, complete);
            run_clear(&run);
        }
        ck_assert_ok(eval_pair(res, 3, &m, &err), &err);
        for (size_t i = 0; i < 3; i++) {
            ck_assert_uint_eq(res[i].n_queries, complete ? 4 : 2);
            ck_assert_str_eq(res[i].qids[0], complete ? "1" : "2");
            ck_assert_str_eq(res[i].qids[res[i].n_queries - 1], "4");
            ck_assert_uint_eq(res[i].n_missing, complete ? i == 1 ? 2 : 1 : 2);
            if (!complete)
                ck_assert_double_eq(res[i].mean[0], means[i]);
            eval_result_clear(&res[i]);
        }
    }
    qrels_clear(&qrels);
}
END_TEST

START_TEST(runs_without_a_common_query_are_no_pair)
{
    static const char *const texts[] = {"1 Q0 a 1 1 t\n", "2 Q0 a 1 1 t\n"};
    struct eval_result res[2] = {{0}};
    struct qrels qrels = {0};
    struct measure m;
    struct err err = {0};

    ck_assert_ok(measure_parse(&m, "RR", &err), &err);
    ck_assert_ok(load_qrels(&qrels, "1 0 a 1\n2 0 a 1\n", &err), &err);
    for (size_t i = 0; i < 2; i++) {
        struct run run = {0};

        tmp_write(in_dir("run"), texts[i], strlen(texts[i]));
        ck_assert_ok(run_load(&run, in_dir("run"), &err), &err);
        score(&res[i], &run, &qrels, &m, 0);
        run_clear(&run);
    }
    ck_assert_err(eval_pair(res, 2, &m, &err), E_INVALID, "no judged query is in all runs", &err);
    eval_result_clear(&res[0]);
    eval_result_clear(&res[1]);
    qrels_clear(&qrels);
}
END_TEST

START_TEST(a_ranking_out_of_order_is_refused)
{
    struct run run = {0};
    struct qrels qrels = {0};
    struct eval_result res = {0};
    struct measure m;
    struct err err = {0};

    ck_assert_ok(load_qrels(&qrels, "1 0 a 1\n", &err), &err);
    ck_assert_ok(run_add(&run, "1", "a", 1, &err), &err);
    ck_assert_ok(run_add(&run, "1", "b", 1, &err), &err);
    ck_assert_ok(measure_parse(&m, "AP", &err), &err);
    ck_assert_err(eval_run(&res, &run, &qrels, &m, 1, 0, &err), E_INVALID, "not sorted", &err);
    run_clear(&run);
    qrels_clear(&qrels);
}
END_TEST

START_TEST(a_query_without_relevant_documents_or_without_hits_counts_as_zero)
{
    static const char *const names[] = {"nDCG", "nDCG@5", "AP",    "P@5",       "R@5",
                                        "RR",   "Rprec",  "Bpref", "Success@5", "SetF"};
    struct run run = {0};
    struct qrels qrels = {0};
    struct err err = {0};

    load_both(&run, &qrels, "1 Q0 a 1 1 t\n2 Q0 a 1 1 t\n",
              "1 0 a 1\n2 0 a 0\n2 0 b -1\n3 0 a 1\n");
    ck_assert_ok(run_add_query(&run, "3", &err), &err);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        double one = strstr(names[i], "P@") ? 0.2 : 1;

        ck_assert_double_eq_tol(mean_of(names[i], &run, &qrels, NULL), one / 3, 1e-15);
    }
    run_clear(&run);
    qrels_clear(&qrels);
}
END_TEST

START_TEST(scoring_survives_each_failing_allocation)
{
    int rc;

    tmp_write(in_dir("run"), "1 Q0 a 1 2 t\n2 Q0 a 1 1 t\n", 26);
    tmp_write(in_dir("qrels"), "1 0 a 1\n2 0 a 1\n3 0 b 1\n", 24);
    FAIL_EACH_ALLOC(rc, {
        struct run run = {0};
        struct qrels qrels = {0};
        struct eval_result res = {0};
        struct err err = {0};
        struct measure m;

        rc = run_load(&run, in_dir("run"), &err);
        if (!rc)
            rc = qrels_load(&qrels, in_dir("qrels"), &err);
        if (!rc)
            rc = measure_parse(&m, "nDCG@10", &err);
        if (!rc)
            rc = eval_run(&res, &run, &qrels, &m, 1, 1, &err);
        ck_assert(rc == 0 || !res.values);
        eval_result_clear(&res);
        qrels_clear(&qrels);
        run_clear(&run);
    });
}
END_TEST

static Suite *eval_suite(void)
{
    static const struct {
        const char *file;
        const TTest *const *tests[10];
    } groups[] = {
        {"qrels",
         {&judgements_come_in_four_columns_or_three, &beir_names_may_hold_spaces,
          &a_bad_judgement_is_named_with_its_reason}},
        {"eval",
         {&missing_queries_count_only_when_asked, &a_measure_that_says_rel_does_not_heed_the_level,
          &damaged_files_are_refused_or_read_but_never_crash,
          &a_run_that_no_judgement_meets_is_an_error, &a_ranking_out_of_order_is_refused,
          &results_are_paired_on_the_queries_that_all_have,
          &runs_without_a_common_query_are_no_pair,
          &a_query_without_relevant_documents_or_without_hits_counts_as_zero,
          &scoring_survives_each_failing_allocation}},
    };
    Suite *suite = suite_create("eval");
    TCase *tc;

    for (size_t g = 0; g < sizeof groups / sizeof *groups; g++) {
        tc = tcase_create(groups[g].file);
        tcase_set_timeout(tc, 30); /* a busy machine, sanitizers */
        tcase_add_checked_fixture(tc, make_dir, drop_dir);
        for (size_t i = 0; i < 10 && groups[g].tests[i]; i++)
            tcase_add_test(tc, *groups[g].tests[i]);
        suite_add_tcase(suite, tc);
    }
    suite_add_tcase(suite, eval_measures());
    suite_add_tcase(suite, eval_laws());
    suite_add_tcase(suite, eval_golden());
    suite_add_tcase(suite, eval_significance());
    if (getenv("TREC_EVAL_TESTS"))
        suite_add_tcase(suite, eval_trec());
    return suite;
}

int main(void) { return run_suite(eval_suite()); }
