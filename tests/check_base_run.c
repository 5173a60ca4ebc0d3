/* check_base_run.c -- base/run.c: the order of trec_eval, TREC runs in and out. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/testing.h"

#include <math.h>

#include "base/run.h"

TCase *tcase_run(void);

static char dir[64];

static void make_dir(void) { tmp_dir(dir); }
static void drop_dir(void) { tmp_remove(dir); }

static const char *in_dir(const char *name)
{
    static char path[128];

    snprintf(path, sizeof path, "%s/%s", dir, name);
    return path;
}

/* Writes text and reads it as a run. */
static int load_text(struct run *run, const char *text, struct err *err)
{
    tmp_write(in_dir("x.run"), text, strlen(text));
    return run_load(run, in_dir("x.run"), err);
}

static void add(struct run *run, const char *qid, const char *docno, double score)
{
    struct err err = {0};

    ck_assert_ok(run_add(run, qid, docno, score, &err), &err);
}

START_TEST(ties_are_broken_by_docno_descending)
{
    static const char *const want[] = {"z", "b10", "b", "a", "A", "-"};
    struct run run = {0};
    struct err err = {0};
    const struct ranking *r;

    add(&run, "q", "a", 1);
    add(&run, "q", "A", 1);
    add(&run, "q", "b", 1);
    add(&run, "q", "b10", 1);
    add(&run, "q", "-", -1e300);
    add(&run, "q", "z", 1.0000000000000002);
    ck_assert_ok(run_sort(&run, &err), &err);
    r = run_find(&run, "q");
    ck_assert_uint_eq(r->n, 6);
    for (size_t i = 0; i < r->n; i++)
        ck_assert_str_eq(r->lines[i].docno, want[i]);
    run_clear(&run);
}
END_TEST

START_TEST(queries_keep_the_order_of_first_appearance)
{
    struct run run = {0};
    struct err err = {0};
    char qid[16];

    ck_assert_ok(run_add_query(&run, "none", &err), &err);
    for (int round = 0; round < 3; round++)
        for (int q = 999; q >= 0; q--) {
            snprintf(qid, sizeof qid, "%d", q);
            add(&run, qid, round ? round > 1 ? "c" : "b" : "a", round);
        }
    ck_assert_ok(run_sort(&run, &err), &err);
    ck_assert_uint_eq(run.n, 1001);
    ck_assert_str_eq(run.rankings[0].qid, "none");
    ck_assert_uint_eq(run.rankings[0].n, 0);
    ck_assert_str_eq(run.rankings[1].qid, "999");
    ck_assert_uint_eq(run_find(&run, "0")->n, 3);
    ck_assert_str_eq(run_find(&run, "0")->lines[0].docno, "c");
    ck_assert_ptr_null(run_find(&run, "1000"));
    run_clear(&run);
    ck_assert_ptr_null(run_find(&run, "0"));
}
END_TEST

START_TEST(a_document_named_twice_is_an_error_even_with_two_scores)
{
    struct run run = {0};
    struct err err = {0};

    add(&run, "q", "a", 3);
    add(&run, "q", "b", 2);
    add(&run, "q", "a", 1);
    ck_assert_err(run_sort(&run, &err), E_FORMAT, "query 'q' names document 'a' twice", &err);
    run_clear(&run);
}
END_TEST

START_TEST(a_trec_run_is_read_whatever_its_white_space_and_ranks)
{
    struct run run = {0};
    struct err err = {0};

    ck_assert_ok(load_text(&run,
                           "# a comment\n\n"
                           "1\tQ0\td1\t7\t0.5\tmine more words\r\n"
                           "  1   Q0  d#2   9  1e-3  other  \n"
                           "   \n"
                           "2 x d3 rank +.25 mine\n"
                           "1 Q0 d4 1 -inf mine",
                           &err),
                 &err);
    ck_assert_uint_eq(run.n, 2);
    ck_assert_str_eq(run.tag, "mine");
    ck_assert_uint_eq(run.rankings[0].n, 3);
    ck_assert_str_eq(run.rankings[0].lines[0].docno, "d1");
    ck_assert_str_eq(run.rankings[0].lines[1].docno, "d#2");
    ck_assert_double_eq(run.rankings[0].lines[1].score, 0.001);
    ck_assert_str_eq(run.rankings[0].lines[2].docno, "d4");
    ck_assert_double_eq(run.rankings[1].lines[0].score, 0.25);
    run_clear(&run);
}
END_TEST

START_TEST(a_bad_line_of_a_run_is_named)
{
    static const struct {
        const char *text, *want;
    } cases[] = {
        {"1 Q0 d 1 0.5 x\n1 Q0 d2 2 0.4\n", "x.run:2: 5 columns, a run has six"},
        {"1 Q0 d 1 high x\n", "x.run:1: score 'high' is not a number"},
        {"1 Q0 d 1 0.5x x\n", "x.run:1: score '0.5x' is not a number"},
        {"1 Q0 d 1 nan x\n", "x.run:1: score 'nan' is not a number"},
        {"1 Q0 d 1 1 x\n2 Q0 d 1 1 x\n1 Q0 d 2 0 x\n", "x.run: query '1' names document 'd' twice"},
        {"{\"_id\": 1}\n", "x.run:1: 2 columns"},
    };
    struct run run = {0};
    struct err err = {0};

    add(&run, "kept", "d", 1);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        ck_assert_err(load_text(&run, cases[i].text, &err), E_FORMAT, cases[i].want, &err);
    tmp_write(in_dir("x.run"), "1 Q0 d\0 1 1 x\n", 14);
    ck_assert_err(run_load(&run, in_dir("x.run"), &err), E_FORMAT, "x.run:1: NUL byte", &err);
    ck_assert_err(run_load(&run, in_dir("no.run"), &err), E_NOTFOUND, "no.run", &err);
    ck_assert_err(run_add(&run, "q", "d", NAN, &err), E_INVALID, "not a number", &err);
    ck_assert_uint_eq(run_find(&run, "kept")->n, 1);
    run_clear(&run);
    ck_assert_ok(load_text(&run, "", &err), &err);
    ck_assert_uint_eq(run.n, 0);
    run_clear(&run);
}
END_TEST

START_TEST(a_written_run_reads_back_bit_by_bit)
{
    static const double scores[] = {1e308,    2.0 / 3, 0.1f, 0.1, 5e-324, 0, -0.3333333333333333,
                                    -INFINITY};
    struct run run = {0}, back = {0};
    struct err err = {0};
    char docno[16];
    FILE *f;

    for (int i = 0; i < 8; i++) {
        snprintf(docno, sizeof docno, "d%d", i);
        add(&run, "q", docno, scores[i]);
    }
    ck_assert_ok(run_sort(&run, &err), &err);
    f = fopen(in_dir("out.run"), "w");
    ck_assert_ptr_nonnull(f);
    ranking_write(f, &run.rankings[0], "t");
    ck_assert_int_eq(fclose(f), 0);
    ck_assert_ok(run_load(&back, in_dir("out.run"), &err), &err);
    ck_assert_uint_eq(back.rankings[0].n, 8);
    for (size_t i = 0; i < 8; i++) {
        ck_assert_str_eq(back.rankings[0].lines[i].docno, run.rankings[0].lines[i].docno);
        ck_assert(back.rankings[0].lines[i].score == run.rankings[0].lines[i].score);
    }
    run_clear(&run);
    run_clear(&back);
}
END_TEST

START_TEST(names_with_white_space_do_not_tear_a_line_apart)
{
    struct run run = {0};
    char text[128] = "";
    FILE *f = fmemopen(text, sizeof text, "w");

    ck_assert_ptr_nonnull(f);
    add(&run, "q 1", "my file.txt", 0.5);
    ranking_write(f, &run.rankings[0], NULL);
    fclose(f);
    ck_assert_str_eq(text, "q%201 Q0 my%20file.txt 1 0.5 fovea\n");
    run_clear(&run);
}
END_TEST

START_TEST(runs_survive_each_failing_allocation)
{
    struct err err = {0};
    int rc;

    tmp_write(in_dir("x.run"), "1 Q0 a 1 2 t\n2 Q0 a 1 1 t\n1 Q0 b 1 3 t\n", 39);
    FAIL_EACH_ALLOC(rc, {
        struct run run = {0};

        err_clear(&err);
        rc = run_load(&run, in_dir("x.run"), &err);
        ck_assert_uint_eq(run.n, rc ? 0 : 2);
        run_clear(&run);
    });
}
END_TEST

TCase *tcase_run(void)
{
    TCase *tc = tcase_create("run");

    tcase_set_timeout(tc, 30);
    tcase_add_checked_fixture(tc, make_dir, drop_dir);
    tcase_add_test(tc, ties_are_broken_by_docno_descending);
    tcase_add_test(tc, queries_keep_the_order_of_first_appearance);
    tcase_add_test(tc, a_document_named_twice_is_an_error_even_with_two_scores);
    tcase_add_test(tc, a_trec_run_is_read_whatever_its_white_space_and_ranks);
    tcase_add_test(tc, a_bad_line_of_a_run_is_named);
    tcase_add_test(tc, a_written_run_reads_back_bit_by_bit);
    tcase_add_test(tc, names_with_white_space_do_not_tear_a_line_apart);
    tcase_add_test(tc, runs_survive_each_failing_allocation);
    return tc;
}
