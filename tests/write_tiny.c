/* write_tiny.c -- writes a small random model for the shell tests: write_tiny cross|encoder DIR.
 *
 * The writers check what they do as tests do, so they run as one. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/testing.h"
#include "tests/tiny_model.h"

static const char *kind, *dir;

START_TEST(a_model_is_written)
{
    if (!strcmp(kind, "cross"))
        tiny_cross_write(dir, 1, 1);
    else
        tiny_model_write(dir, 1, "");
}
END_TEST

int main(int argc, char **argv)
{
    Suite *s = suite_create("tiny");
    TCase *tc = tcase_create("tiny");

    if (argc != 3 || (strcmp(argv[1], "cross") && strcmp(argv[1], "encoder"))) {
        fprintf(stderr, "usage: write_tiny cross|encoder DIR\n");
        return 2;
    }
    kind = argv[1];
    dir = argv[2];
    tcase_add_test(tc, a_model_is_written);
    suite_add_tcase(s, tc);
    return run_suite(s);
}
