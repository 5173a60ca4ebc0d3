/* check_eval_measures.c -- the names of measures, and what stands in parentheses and behind them. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/eval_fixture.h"

START_TEST(both_languages_name_the_same_measure)
{
    static const struct {
        const char *name, *other;
        int cutoff, rel;
    } cases[] = {
        {"nDCG@10", "ndcg_cut_10", 10, 1}, {"nDCG", "ndcg", 0, 1},
        {"NDCG@3", "ndcg_cut.3", 3, 1},    {"AP", "map", 0, 1},
        {"MAP@7", "map_cut_7", 7, 1},      {"P@5", "P_5", 5, 1},
        {"R@100", "recall_100", 100, 1},   {"RR", "recip_rank", 0, 1},
        {"MRR@10", "RR@10", 10, 1},        {"Success@1", "success_1", 1, 1},
        {"Rprec", "rprec", 0, 1},          {"Bpref", "bpref", 0, 1},
        {"NumRet", "num_ret", 0, 1},       {"p@5", "P.5", 5, 1},
        {"SetP", "set_P", 0, 1},           {"infAP", "INFAP", 0, 1},
        {"ERR@20", "err@20", 20, 1},
    };
    struct measure m, n;
    struct err err = {0};

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ck_assert_ok(measure_parse(&m, cases[i].name, &err), &err);
        ck_assert_ok(measure_parse(&n, cases[i].other, &err), &err);
        ck_assert_msg(m.kind == n.kind, "%s is not %s", cases[i].name, cases[i].other);
        ck_assert_int_eq(m.cutoff, cases[i].cutoff);
        ck_assert_int_eq(n.cutoff, cases[i].cutoff);
        ck_assert_int_eq(m.rel, cases[i].rel);
        ck_assert_str_eq(m.name, cases[i].name);
    }
    ck_assert_ok(measure_parse(&m, "P(rel=2)@5", &err), &err);
    ck_assert(m.rel == 2 && m.has_rel && m.cutoff == 5);
    ck_assert_ok(measure_parse(&m, "AP(rel=3)", &err), &err);
    ck_assert(m.rel == 3 && m.cutoff == 0);
    ck_assert_ok(measure_parse(&m, "RBP( p=0.95, rel=2 )@7", &err), &err);
    ck_assert(m.rel == 2 && m.has_rel && m.cutoff == 7);
    ck_assert_double_eq(m.p, 0.95);
    ck_assert_str_eq(m.name, "RBP(p=0.95,rel=2)@7");
    ck_assert_ok(measure_parse(&m, "Rbp", &err), &err);
    ck_assert_double_eq(m.p, 0.8);
    ck_assert_ok(measure_parse(&m, "ndcg_cut.10", &err), &err);
    ck_assert_str_eq(m.name, "ndcg_cut_10");
    ck_assert_ok(measure_parse(&m, "IPrec@0.25", &err), &err);
    ck_assert_double_eq(m.recall, 0.25);
    ck_assert_ok(measure_parse(&m, "num_rel", &err), &err);
    ck_assert(measure_is_count(&m) && measure_is_per_query(&m));
    ck_assert_ok(measure_parse(&m, "gm_map", &err), &err);
    ck_assert(!measure_is_count(&m) && !measure_is_per_query(&m));
}
END_TEST

START_TEST(a_wrong_measure_is_refused_with_what_to_write)
{
    static const struct {
        const char *name, *why;
    } cases[] = {
        {"nDGC@10", "unknown measure 'nDGC@10': known are nDCG[@k], AP[@k]"},
        {"", "unknown measure ''"},
        {"@10", "unknown measure"},
        {"P", "needs a cut-off: P@10"},
        {"recall", "needs a cut-off: R@10"},
        {"IPrec", "needs a cut-off: IPrec@0.1"},
        {"Rprec@5", "Rprec takes no cut-off"},
        {"P@0", "cut-off '0' is not in 1.."},
        {"P@-1", "cut-off '-1' is not in"},
        {"P@10x", "cut-off '10x' is not in"},
        {"P@99999999999999999999", "is not in 1.."},
        {"P@", "cut-off '' is not in"},
        {"P_", "cut-off '' is not in"},
        {"P(rel=2@5", "parameters are written (rel=2)"},
        {"P()@5", "parameters are written (rel=2)"},
        {"P(rel=2,)@5", "parameters are written (rel=2)"},
        {"P(rel)@5", "parameters are written (rel=2)"},
        {"P(", "parameters are written (rel=2)"},
        {"P(k=2)@5", "P has no parameter k"},
        {"P(=2)@5", "P has no parameter "},
        {"P(p=0.8)@5", "P has no parameter p"},
        {"P(rel=-1)@5", "rel is '-1': give a whole number from 0"},
        {"P(rel=2=3)@5", "rel is '2=3'"},
        {"P(rel=1,rel=2)@5", "rel is there twice"},
        {"RBP(p=1)", "p is '1': give a number from 0 up to, but not, 1"},
        {"RBP(p=-0.5)", "p is '-0.5'"},
        {"RBP(p=nan)", "p is 'nan'"},
        {"RBP(p=)", "p is ''"},
        {"rbp", "of trec_eval is another one: write RBP, or RBP(p=0.9)"},
        {"ERR(rel=2)@10", "ERR has no parameter rel"},
        {"infAP@10", "infAP takes no cut-off"},
        {"P(rel=2)x", "'x' is too much"},
        {"nDCG(rel=2)@10", "nDCG has no parameter rel"},
        {"IPrec@1.5", "recall '1.5' is not in 0..1"},
        {"IPrec@nan", "recall 'nan' is not in 0..1"},
        {"IPrec@0.1.2", "is not in 0..1"},
        {"P@111111111111111111111111111111111111111111", "is too long"},
    };
    struct measure m;
    struct err err = {0};

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        ck_assert_err(measure_parse(&m, cases[i].name, &err), E_INVALID, cases[i].why, &err);
}
END_TEST

START_TEST(every_measure_of_the_list_can_be_asked_for)
{
    char *list = measure_list(), *save, *line;
    struct measure m;
    struct err err = {0};
    int n = 0;

    ck_assert_ptr_nonnull(list);
    for (line = strtok_r(list, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
        char *word, *rest;

        if (*line == ' ')
            continue;
        for (word = strtok_r(line, " ,():", &rest); word; word = strtok_r(NULL, " ,():", &rest)) {
            char *k = strpbrk(word, "@_") ? strrchr(word, 'k') : NULL;

            if (k && !k[1] && (k[-1] == '@' || k[-1] == '_'))
                *k = '7';
            if (!strcmp(word, "trec_eval"))
                continue;
            ck_assert_ok(measure_parse(&m, word, &err), &err);
            n++;
        }
    }
    ck_assert_int_ge(n, 35);
    mem_free(list);
}
END_TEST

START_TEST(naming_measures_survives_each_failing_allocation)
{
    int rc;

    FAIL_EACH_ALLOC(rc, {
        struct err err = {0};
        struct measure m;
        char *list = measure_list();

        rc = list ? measure_parse(&m, "none", &err) : E_NOMEM;
        if (rc == E_INVALID)
            rc = 0;
        mem_free(list);
    });
}
END_TEST

TCase *eval_measures(void)
{
    TCase *tc = tcase_create("measures");

    tcase_set_timeout(tc, 30);
    tcase_add_test(tc, both_languages_name_the_same_measure);
    tcase_add_test(tc, a_wrong_measure_is_refused_with_what_to_write);
    tcase_add_test(tc, every_measure_of_the_list_can_be_asked_for);
    tcase_add_test(tc, naming_measures_survives_each_failing_allocation);
    return tc;
}
