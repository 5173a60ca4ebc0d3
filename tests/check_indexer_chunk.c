/* check_indexer_chunk.c -- chunk.c and its variants. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"
#include "indexer/chunk.h"
#include "tests/indexer_fixture.h"

static const struct {
    const char *chunking, *text, *want;
} cuts[] = {
    {"whole", "a b c", "0-5"},
    {"whole", "", "0-0"},
    {"words:3", "", "0-0"},
    {"words:3", " \n ", "0-3"},
    {"words:3", "a", "0-1"},
    {"words:3", "a b c", "0-5"},
    {"words:3", "a b c d", "0-5 6-7"},
    {"words:3:1", "a b c", "0-5"},
    {"words:3:1", "a b c d", "0-5 4-7"},
    {"words:3:1", "a b c d e", "0-5 4-9"},
    {"words:3:1", "a b c d e f", "0-5 4-9 8-11"},
    {"words:3:2", "a b c d", "0-5 2-7"},
    {"words:2", "  aa\tbb \n cc  ", "2-7 10-14"},
    {"words:1", "a b", "0-1 2-3"},
};

START_TEST(windows_are_cut_where_they_should)
{
    struct err err = {0};
    struct chunking c;
    struct span *spans = NULL;
    struct buf got = {0};
    size_t n = 0;

    ck_assert_ok(chunking_parse(&c, cuts[_i].chunking, &err), &err);
    ck_assert_ok(chunk_text(&spans, &n, cuts[_i].text, strlen(cuts[_i].text), &c, &err), &err);
    for (size_t i = 0; i < n; i++)
        buf_printf(&got, "%s%zu-%zu", i ? " " : "", spans[i].begin, spans[i].end);
    ck_assert_msg(!strcmp(buf_text(&got), cuts[_i].want), "%s of '%s': got %s, want %s",
                  cuts[_i].chunking, cuts[_i].text, buf_text(&got), cuts[_i].want);
    buf_clear(&got);
    mem_free(spans);
}
END_TEST

/* Laws: every word is in a window, none has more than N words, neighbours share OVERLAP, none is only overlap. */
START_TEST(windows_cover_the_text_and_share_the_overlap)
{
    char text[400];

    for (int words = 1; words <= 7; words++)
        for (int overlap = 0; overlap < words; overlap++)
            for (int total = 1; total <= 30; total++) {
                struct chunking c = {words, overlap};
                struct err err = {0};
                struct span *spans = NULL;
                size_t n = 0, stride = (size_t)(words - overlap);

                for (int i = 0; i < total; i++)
                    memcpy(text + 2 * i, "w ", 2);
                ck_assert_ok(chunk_text(&spans, &n, text, (size_t)total * 2 - 1, &c, &err), &err);
                for (size_t i = 0; i < n; i++) {
                    ck_assert_uint_eq(spans[i].begin, 2 * i * stride);
                    if (i + 1 < n)
                        ck_assert_uint_eq(spans[i].end, spans[i].begin + (size_t)words * 2 - 1);
                    if (i > 0)
                        ck_assert_uint_gt(spans[i].end, spans[i - 1].end);
                }
                ck_assert_uint_eq(spans[n - 1].end, (size_t)total * 2 - 1);
                ck_assert_uint_le(spans[n - 1].end - spans[n - 1].begin, (size_t)words * 2 - 1);
                mem_free(spans);
            }
}
END_TEST

START_TEST(chunking_reads_back_what_it_writes)
{
    static const char *const good[] = {"whole", "words:1", "words:100", "words:1000000:999999",
                                       "words:5:2"};
    struct err err = {0};

    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        struct chunking c;
        char text[40];

        ck_assert_ok(chunking_parse(&c, good[i], &err), &err);
        chunking_format(text, &c);
        ck_assert_str_eq(text, good[i]);
    }
}
END_TEST

START_TEST(bad_chunkings_are_refused)
{
    static const char *const bad[] = {"",
                                      "Whole",
                                      "words",
                                      "words:",
                                      "words:0",
                                      "words:-1",
                                      "words:5:",
                                      "words:5:5",
                                      "words:5:x",
                                      "words:5:1:",
                                      "words:5 ",
                                      "words:1000001",
                                      "words:99999999999999999999"};
    struct err err = {0};
    struct chunking c;

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        ck_assert_err(chunking_parse(&c, bad[i], &err), E_INVALID, "words:N:OVERLAP", &err);
}
END_TEST

START_TEST(chunking_survives_each_failing_allocation)
{
    struct chunking c = {2, 1};
    struct err err = {0};
    int rc;

    FAIL_EACH_ALLOC(rc, {
        struct span *spans = NULL;
        size_t n;

        err_clear(&err);
        rc = chunk_text(&spans, &n, "a b c d e f g h i j k l m n o p q r s t u v w x y z", 51, &c,
                        &err);
        mem_free(spans);
    });
}
END_TEST

TCase *tcase_chunk(void)
{
    TCase *tc = tcase_create("chunk");

    tcase_add_loop_test(tc, windows_are_cut_where_they_should, 0,
                        (int)(sizeof cuts / sizeof *cuts));
    tcase_add_test(tc, windows_cover_the_text_and_share_the_overlap);
    tcase_add_test(tc, chunking_reads_back_what_it_writes);
    tcase_add_test(tc, bad_chunkings_are_refused);
    tcase_add_test(tc, chunking_survives_each_failing_allocation);
    return tc;
}
