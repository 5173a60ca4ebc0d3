/* check_indexer_chunk.c -- chunk.c and its variants. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"
#include "base/utf8.h"
#include "indexer/chunk.h"
#include "tests/indexer_fixture.h"

/* Spans as "0-5 6-7", each with its headings behind it if it has any: "6-7(Guide > Install)". */
static void cut(struct buf *out, const char *chunking, const char *text, size_t n)
{
    struct chunks got = {0};
    struct chunking c;
    struct err err = {0};

    ck_assert_ok(chunking_parse(&c, chunking, &err), &err);
    ck_assert_ok(chunk_text(&got, text, n, &c, &err), &err);
    for (size_t i = 0; i < got.n; i++) {
        buf_printf(out, "%s%zu-%zu", i ? " " : "", got.spans[i].begin, got.spans[i].end);
        if (*chunk_headings(&got, i))
            buf_printf(out, "(%s)", chunk_headings(&got, i));
    }
    chunks_clear(&got);
}

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
    /* sentences: whole ones, as many as fit */
    {"sentences:4", "", "0-0"},
    {"sentences:4", " \n ", "0-3"},
    {"sentences:4", "One two. Three four. Five.", "0-20 21-26"},
    {"sentences:3", "One two. Three four. Five.", "0-8 9-26"},
    {"sentences:4:2", "One two. Three four. Five six.", "0-20 9-30"},
    {"sentences:4:1", "One two. Three four. Five six.", "0-20 21-30"},
    {"sentences:4:3", "One two. Three. Four. Five six. Seven.", "0-21 9-31 16-38"},
    /* the end of a line ends no sentence, a blank line and an item do */
    {"sentences:3", "One two\nthree four", "0-13 14-18"},
    {"sentences:3", "One\ntwo.\nThree", "0-14"},
    {"sentences:3", "One two\r\n\r\nthree four", "0-7 11-21"},
    {"sentences:3", "One two:\n- three four\n- five six", "0-8 9-21 22-32"},
    {"sentences:4", "One two:\n1. three four\n2. five", "0-8 9-22 23-30"},
    /* full stops that end nothing */
    {"sentences:5", "Dr. Who saw J. Smith. He left.", "0-21 22-30"},
    {"sentences:6", "See Fig. 2 for e.g. Paris. It is 3.5 m.", "0-26 27-39"},
    {"sentences:3", "U.S. Army men. He (cf. Smith) left", "0-14 15-29 30-34"},
    /* one that is too long is cut at words, and the rest of it is packed */
    {"sentences:3", "aa bb cc dd ee. Ff gg. Hh", "0-8 9-15 16-25"},
    /* Chinese: a character is a word; long stretches without blanks */
    {"sentences:4", "\xe4\xb8\xad\xe6\x96\x87\xe3\x80\x82\xe6\xb0\xb4\xe3\x80\x82", "0-9 9-15"},
    {"sentences:1", "aaaaaaaaaabbbbbbbbbbccccccccccddd b", "0-32 32-33 34-35"},
    {"sentences:2", "x aaaaaaaaaabbbbbbbbbbccccccccccddd b", "0-1 2-35 36-37"},
};

START_TEST(passages_are_cut_where_they_should)
{
    struct buf got = {0};

    cut(&got, cuts[_i].chunking, cuts[_i].text, strlen(cuts[_i].text));
    ck_assert_msg(!strcmp(buf_text(&got), cuts[_i].want), "%s of '%s': got %s, want %s",
                  cuts[_i].chunking, cuts[_i].text, buf_text(&got), cuts[_i].want);
    buf_clear(&got);
}
END_TEST

/* Laws: every word is in a window, none has more than N words, neighbours share OVERLAP, none is only overlap. */
START_TEST(windows_cover_the_text_and_share_the_overlap)
{
    char text[400];

    for (int words = 1; words <= 7; words++)
        for (int overlap = 0; overlap < words; overlap++)
            for (int total = 1; total <= 30; total++) {
                struct chunking c;
                char name[40];
                struct err err = {0};
                struct chunks got = {0};
                const struct span *spans;
                size_t n, stride = (size_t)(words - overlap);

                for (int i = 0; i < total; i++)
                    memcpy(text + 2 * i, "w ", 2);
                snprintf(name, sizeof name, "words:%d:%d", words, overlap);
                ck_assert_ok(chunking_parse(&c, name, &err), &err);
                ck_assert_ok(chunk_text(&got, text, (size_t)total * 2 - 1, &c, &err), &err);
                spans = got.spans;
                n = got.n;
                for (size_t i = 0; i < n; i++) {
                    ck_assert_uint_eq(spans[i].begin, 2 * i * stride);
                    if (i + 1 < n)
                        ck_assert_uint_eq(spans[i].end, spans[i].begin + (size_t)words * 2 - 1);
                    if (i > 0)
                        ck_assert_uint_gt(spans[i].end, spans[i - 1].end);
                }
                ck_assert_uint_eq(spans[n - 1].end, (size_t)total * 2 - 1);
                ck_assert_uint_le(spans[n - 1].end - spans[n - 1].begin, (size_t)words * 2 - 1);
                chunks_clear(&got);
            }
}
END_TEST

START_TEST(chunking_reads_back_what_it_writes)
{
    static const char *const good[] = {"whole",       "words:1",        "words:100",
                                       "words:5:2",   "sentences:20:5", "words:1000000:999999",
                                       "sections:80", "sentences:200"};
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
                                      "whole:1",
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
                                      "words:99999999999999999999",
                                      "sentences",
                                      "sentences:0",
                                      "sentences:5:5",
                                      "sections",
                                      "sections:0",
                                      "sections:5:2",
                                      "sectionsX:5"};
    struct err err = {0};
    struct chunking c;

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        ck_assert_err(chunking_parse(&c, bad[i], &err), E_INVALID, "words:N[:OVERLAP]", &err);
}
END_TEST

START_TEST(chunking_survives_each_failing_allocation)
{
    static const char *const names[] = {"words:2:1", "sentences:3:1", "sections:4"};
    const char *text =
        "# A\n## B\na b c. D e f g h.\n\ni j k l m\n## C\n```\nn o p q\nr s t\n```\n";
    struct chunking c;
    struct err err = {0};
    int rc;

    ck_assert_ok(chunking_parse(&c, names[_i], &err), &err);
    FAIL_EACH_ALLOC(rc, {
        struct chunks got = {0};

        err_clear(&err);
        rc = chunk_text(&got, text, strlen(text), &c, &err);
        ck_assert_uint_eq(got.n > 0, rc == 0);
        chunks_clear(&got);
    });
}
END_TEST

/* ---- laws ---- */

static int blank(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

/* What chunk.h promises of any text.  most: no passage has more bytes that are not blank. */
static void check_laws(const char *chunking, const char *text, size_t n, size_t most)
{
    struct chunks c = {0}, again = {0};
    struct chunking how;
    struct err err = {0};
    const int is_utf8 = utf8_check(text, n) == n;
    size_t end = 0;

    ck_assert_ok(chunking_parse(&how, chunking, &err), &err);
    ck_assert_ok(chunk_text(&c, text, n, &how, &err), &err);
    ck_assert_ok(chunk_text(&again, text, n, &how, &err), &err);
    ck_assert_uint_ge(c.n, 1);
    ck_assert_uint_eq(c.n, again.n);
    ck_assert_uint_eq(c.spans[c.n - 1].end, n);
    for (size_t i = 0; i < c.n; i++) {
        const struct span s = c.spans[i];
        size_t bytes = 0;

        if (s.begin > s.end || s.end > n || (i && s.begin <= c.spans[i - 1].begin) ||
            (i && s.end <= c.spans[i - 1].end) || s.begin != again.spans[i].begin ||
            strcmp(chunk_headings(&c, i), chunk_headings(&again, i)) != 0)
            ck_abort_msg("%s: passage %zu is %zu-%zu", chunking, i, s.begin, s.end);
        for (size_t k = end; k < s.begin; k++)
            if (!blank(text[k]))
                ck_abort_msg("%s: byte %zu of %zu is in no passage", chunking, k, n);
        for (size_t k = s.begin; k < s.end; k++)
            bytes += !blank(text[k]);
        if (bytes > most)
            ck_abort_msg("%s: passage %zu has %zu bytes", chunking, i, bytes);
        if (is_utf8 && s.begin < n && ((unsigned char)text[s.begin] & 0xc0) == 0x80)
            ck_abort_msg("%s: passage %zu begins within a character", chunking, i);
        if (strlen(chunk_headings(&c, i)) > 6 * 84)
            ck_abort_msg("%s: passage %zu has long headings", chunking, i);
        end = s.end;
    }
    chunks_clear(&c);
    chunks_clear(&again);
}

START_TEST(any_text_is_covered_in_order_within_the_limit)
{
    static const char *const parts[] = {
        "#",
        "# ",
        "## ",
        "\n",
        "\n",
        "\n\n",
        "\r\n",
        "```",
        "~~~~",
        "---",
        "===",
        "- ",
        "a",
        "b c",
        ". ",
        "Dr. ",
        "1. ",
        "Aa ",
        " ",
        "    ",
        "\t",
        "> ",
        "|",
        "[x](y)",
        "<a>",
        "\xff",
        "\xc3",
        "\xe4\xb8\xad",
        "\xe3\x80\x82",
        "\xcc\x81",
        "\xc2\x85",
        "\xe2\x80\xa9",
        "\xe0\xb8\x97\xe0\xb8\x97\xe0\xb8\x97\xe0\xb8\x97\xe0\xb8\x97\xe0\xb8\x97",
        "supercalifragilistic"};
    static const char *const names[] = {"sentences:1", "sentences:5:3", "sections:1", "sections:7",
                                        "words:3:1"};
    static const size_t most[] = {32, 5 * 32, 32, 7 * 32, SIZE_MAX};
    struct buf text = {0};
    uint64_t seed = 5 + (uint64_t)_i;

    for (int round = 0; round < 3000; round++) {
        buf_reset(&text);
        for (uint32_t left = random_below(&seed, 60); left; left--)
            buf_puts(&text, parts[random_below(&seed, (uint32_t)(sizeof parts / sizeof *parts))]);
        check_laws(names[_i], buf_text(&text), text.len, most[_i]);
    }
    buf_clear(&text);
}
END_TEST

START_TEST(hostile_texts_are_cut_in_little_time)
{
    static const char *const repeated[] = {"#",
                                           "# ",
                                           "#\n",
                                           "# a\n",
                                           "## b\nc\n# d\n",
                                           "```\n",
                                           "~~~\nx\n",
                                           "a\n---\n",
                                           "=\n",
                                           "\n",
                                           "a. ",
                                           "a.",
                                           ". 1",
                                           "<",
                                           "[",
                                           "](",
                                           "# <",
                                           "-",
                                           "- ",
                                           "1. ",
                                           "\xcc\x81",
                                           "\xe4\xb8\xad",
                                           "###### deep\n##### x\n",
                                           "J. ",
                                           "e.g.",
                                           "(",
                                           "\"'. "};
    static const char *const names[] = {"sentences:50:20", "sections:50"};
    struct buf text = {0};

    while (text.len < 1 << 20)
        buf_puts(&text, repeated[_i]);
    for (int i = 0; i < 2; i++)
        check_laws(names[i], buf_text(&text), text.len, 50 * 32);
    buf_clear(&text);
}
END_TEST

TCase *tcase_chunk(void)
{
    TCase *tc = tcase_create("chunk");

    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, passages_are_cut_where_they_should, 0,
                        (int)(sizeof cuts / sizeof *cuts));
    tcase_add_test(tc, windows_cover_the_text_and_share_the_overlap);
    tcase_add_test(tc, chunking_reads_back_what_it_writes);
    tcase_add_test(tc, bad_chunkings_are_refused);
    tcase_add_loop_test(tc, chunking_survives_each_failing_allocation, 0, 3);
    tcase_add_loop_test(tc, any_text_is_covered_in_order_within_the_limit, 0, 5);
    tcase_add_loop_test(tc, hostile_texts_are_cut_in_little_time, 0, 27);
    return tc;
}
