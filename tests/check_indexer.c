/* check_indexer.c -- runs the tests of indexer/. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/indexer_fixture.h"

int main(void)
{
    Suite *s = suite_create("indexer");

    suite_add_tcase(s, tcase_analyzer());
    suite_add_tcase(s, tcase_languages());
    suite_add_tcase(s, tcase_chunk());
    suite_add_tcase(s, tcase_sections());
    suite_add_tcase(s, tcase_bitpack());
    suite_add_tcase(s, tcase_postings());
    suite_add_tcase(s, tcase_parts());
    suite_add_tcase(s, tcase_dictionary());
    suite_add_tcase(s, tcase_index());
    suite_add_tcase(s, tcase_fields());
    suite_add_tcase(s, tcase_weights());
    suite_add_tcase(s, tcase_open());
    suite_add_tcase(s, tcase_merge());
    suite_add_tcase(s, tcase_damage());
    suite_add_tcase(s, tcase_vectors());
    suite_add_tcase(s, tcase_graph());
    suite_add_tcase(s, tcase_dense());
    suite_add_tcase(s, tcase_sparse());
    suite_add_tcase(s, tcase_attention());
    suite_add_tcase(s, tcase_keys());
    suite_add_tcase(s, tcase_filter());
    suite_add_tcase(s, tcase_filter_text());
    return run_suite(s);
}
