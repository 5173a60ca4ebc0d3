/* check_eval_laws.c -- what every measure keeps: bounds, the ideal ranking, no loss by lifting what is relevant. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/eval_fixture.h"

static const char *const bounded[] = {
    "nDCG",      "nDCG@1",      "nDCG@10",  "AP",           "AP@5",
    "gm_map",    "P@5",         "R@10",     "RR",           "RR@3",
    "Rprec",     "Bpref",       "gm_bpref", "Judged",       "Judged@3",
    "Success@1", "IPrec@0.3",   "SetP",     "SetR",         "SetF",
    "ERR",       "ERR@3",       "RBP",      "RBP(p=0.5)@4", "RBP(p=0,rel=2)",
    "infAP",     "infAP(rel=2)"};
enum { N_BOUNDED = sizeof bounded / sizeof *bounded };

/* Five queries over 30 documents with grades -1..3; two thirds are found, with few different scores.
 * The lines of the run come in another order if shuffled. */
static void random_both(struct run *run, struct qrels *qrels, unsigned seed, int shuffled)
{
    struct err err = {0};
    char text[8192], docno[16], qid[16];
    size_t at = 0;

    rng_state = seed;
    for (int q = 0; q < 5; q++) {
        snprintf(qid, sizeof qid, "%d", q);
        for (int d = 0; d < 30; d++) {
            int grade = (int)rng(8) - 4, other = (shuffled ? d * 7 + q : d) % 30;
            uint64_t hash;

            at += (size_t)snprintf(text + at, sizeof text - at, "%s 0 d%d %d\n", qid, d,
                                   grade < -1 ? 0 : grade);
            snprintf(docno, sizeof docno, "d%d", other);
            hash = hash_bytes(docno, strlen(docno)) + seed * (unsigned)q;
            if (hash % 3)
                ck_assert_ok(run_add(run, qid, docno, (double)(hash / 3 % 5), &err), &err);
        }
        at += (size_t)snprintf(text + at, sizeof text - at, "%s 0 r 3\n%s 0 n 0\n", qid, qid);
    }
    ck_assert_ok(load_qrels(qrels, text, &err), &err);
    ck_assert_ok(run_sort(run, &err), &err);
}

START_TEST(measures_lie_in_0_to_1_and_do_not_see_the_order_of_lines)
{
    for (unsigned seed = 1; seed <= 40; seed++) {
        struct run run = {0}, other = {0};
        struct qrels qrels = {0};

        random_both(&run, &qrels, seed, 0);
        random_both(&other, &qrels, seed, 1);
        for (int i = 0; i < N_BOUNDED; i++) {
            double a = mean_of(bounded[i], &run, &qrels, NULL);

            ck_assert_msg(a >= 0 && a <= 1, "%s is %g", bounded[i], a);
            ck_assert_msg(a == mean_of(bounded[i], &other, &qrels, NULL), "%s sees the order",
                          bounded[i]);
        }
        run_clear(&run);
        run_clear(&other);
        qrels_clear(&qrels);
    }
}
END_TEST

/* A run that ranks by sign * grade. */
static void graded_run(struct run *run, const struct qrels *qrels, int sign)
{
    struct err err = {0};

    for (size_t q = 0; q < qrels->n; q++)
        for (size_t i = 0; i < qrels->topics[q].n; i++)
            ck_assert_ok(run_add(run, qrels->topics[q].qid, qrels->topics[q].judged[i].docno,
                                 sign * qrels->topics[q].judged[i].grade, &err),
                         &err);
    ck_assert_ok(run_sort(run, &err), &err);
}

START_TEST(the_ideal_ranking_scores_1_and_its_reverse_the_least)
{
    static const char *const names[] = {"nDCG",    "nDCG@1", "nDCG@7",  "nDCG@1000", "AP",
                                        "RR",      "Rprec",  "Bpref",   "Success@1", "IPrec@0",
                                        "IPrec@1", "SetR",   "Judged@5"};

    for (unsigned seed = 1; seed <= 20; seed++) {
        struct run run = {0}, best = {0}, worst = {0};
        struct qrels qrels = {0};

        random_both(&run, &qrels, seed, 0);
        graded_run(&best, &qrels, 1);
        graded_run(&worst, &qrels, -1);
        for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
            ck_assert_msg(mean_of(names[i], &best, &qrels, NULL) == 1, "%s of the ideal is not 1",
                          names[i]);
            ck_assert_double_le(mean_of(names[i], &worst, &qrels, NULL), 1);
        }
        ck_assert_double_eq(mean_of("Bpref", &worst, &qrels, NULL), 0);
        ck_assert_double_lt(mean_of("nDCG", &worst, &qrels, NULL),
                            mean_of("nDCG", &best, &qrels, NULL));
        run_clear(&run);
        run_clear(&best);
        run_clear(&worst);
        qrels_clear(&qrels);
    }
}
END_TEST

START_TEST(lifting_a_relevant_document_never_lowers_a_measure)
{
    for (unsigned seed = 1; seed <= 20; seed++) {
        struct run run = {0};
        struct qrels qrels = {0};
        struct err err = {0};
        double before[N_BOUNDED];
        int grade;

        random_both(&run, &qrels, seed, 0);
        for (int i = 0; i < N_BOUNDED; i++)
            before[i] = mean_of(bounded[i], &run, &qrels, NULL);
        for (size_t q = 0; q < run.n; q++)
            for (size_t i = run.rankings[q].n - 1; i > 0; i--) {
                struct run_line *l = &run.rankings[q].lines[i];

                if (topic_grade(&grade, qrels_find(&qrels, run.rankings[q].qid), l->docno) &&
                    grade == 3) {
                    l->score = 100;
                    break;
                }
            }
        ck_assert_ok(run_sort(&run, &err), &err);
        for (int i = 0; i < N_BOUNDED; i++)
            if (strncmp(bounded[i], "Judged", 6)) /* does not look at grades */
                ck_assert_msg(mean_of(bounded[i], &run, &qrels, NULL) >= before[i] - 1e-15,
                              "%s fell", bounded[i]);
        run_clear(&run);
        qrels_clear(&qrels);
    }
}
END_TEST

TCase *eval_laws(void)
{
    TCase *tc = tcase_create("laws");

    tcase_set_timeout(tc, 30); /* a busy machine, sanitizers */
    tcase_add_checked_fixture(tc, make_dir, drop_dir);
    tcase_add_test(tc, measures_lie_in_0_to_1_and_do_not_see_the_order_of_lines);
    tcase_add_test(tc, the_ideal_ranking_scores_1_and_its_reverse_the_least);
    tcase_add_test(tc, lifting_a_relevant_document_never_lowers_a_measure);
    return tc;
}
