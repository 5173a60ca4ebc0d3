/* check_reranker.c -- tests of reranker/: what holds for every method. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/check_reranker.h"

START_TEST(an_unknown_method_is_refused_with_those_that_are)
{
    const struct rerank_options none = {.method = "nosuch"}, nothing = {0};
    struct reranker *r = NULL;
    struct err err = {0};

    ck_assert_err(reranker_open(&r, &none, &err), E_INVALID, "no re-ranking by 'nosuch'", &err);
    ck_assert_int_eq(reranker_open(&r, &none, &err), E_INVALID);
    for (const struct rerank_method *const *m = rerank_methods; *m; m++)
        ck_assert_ptr_nonnull(strstr(err.text, (*m)->name));
    err_clear(&err);
    ck_assert_err(reranker_open(&r, &nothing, &err), E_INVALID, "no re-ranking by ''", &err);
    ck_assert_ptr_null(r);
    reranker_close(NULL);
}
END_TEST

START_TEST(a_model_that_is_not_there_is_an_error_with_its_name)
{
    for (const struct rerank_method *const *m = rerank_methods; *m; m++) {
        const struct rerank_options opt = {.method = (*m)->name, .model = "no-such-model"};
        struct reranker *r = NULL;
        struct err err = {0};

        ck_assert_err(reranker_open(&r, &opt, &err), E_NOTFOUND, "no-such-model", &err);
        ck_assert_ptr_null(r);
    }
}
END_TEST

int main(void)
{
    Suite *s = suite_create("reranker");
    TCase *tc = tcase_create("reranker.c");

    tcase_add_test(tc, an_unknown_method_is_refused_with_those_that_are);
    tcase_add_test(tc, a_model_that_is_not_there_is_an_error_with_its_name);
    suite_add_tcase(s, tc);
    suite_add_tcase(s, cross_tests());
    suite_add_tcase(s, laws_tests());
    suite_add_tcase(s, limits_tests());
    suite_add_tcase(s, disk_tests());
    suite_add_tcase(s, sheet_tests());
    suite_add_tcase(s, heads_tests());
    suite_add_tcase(s, memory_tests());
    suite_add_tcase(s, golden_tests());
    return run_suite(s);
}
