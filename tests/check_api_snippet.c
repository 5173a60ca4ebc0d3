/* check_api_snippet.c -- the window of a text that shows why it was found. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "api/snippet.h"
#include "tests/testing.h"

#include "base/utf8.h"

TCase *snippet_tests(void);

/* The snippet of text for query, in a static buffer, with [] around the matches. */
static const char *snip(const char *text, const char *query, size_t max)
{
    static char out[4096];
    struct analyzer *a = NULL;
    struct err err = {0};
    struct snippet_words words = {0};
    struct arena arena = {0};
    struct match *m;
    size_t n, begin, end, at = 0;

    ck_assert_ok(analyzer_new(&a, NULL, &err), &err);
    ck_assert_ok(snippet_words(&words, a, query, QUERY_OPERATORS, &err), &err);
    ck_assert_ok(snippet_matches(&m, &n, &arena, &words, a, text, strlen(text), &err), &err);
    snippet_choose(&begin, &end, text, strlen(text), max, m, n);
    ck_assert_uint_le(begin, end);
    ck_assert_uint_le(end, strlen(text));
    ck_assert_uint_le(end - begin, max);
    ck_assert_uint_eq(utf8_check(text + begin, end - begin), end - begin);
    for (size_t i = begin; i <= end; i++) {
        for (size_t q = 0; q < n; q++)
            if (m[q].begin >= begin && m[q].end <= end && m[q].end == i)
                out[at++] = ']';
        for (size_t q = 0; q < n; q++)
            if (m[q].begin >= begin && m[q].end <= end && m[q].begin == i)
                out[at++] = '[';
        if (i < end)
            out[at++] = text[i];
        ck_assert_uint_lt(at, sizeof out - 2);
    }
    out[at] = '\0';
    arena_clear(&arena);
    snippet_words_clear(&words);
    analyzer_free(a);
    return out;
}

START_TEST(a_short_text_is_its_own_snippet)
{
    ck_assert_str_eq(snip("The fovea sees.", "fovea", 100), "The [fovea] sees.");
    ck_assert_str_eq(snip("", "fovea", 100), "");
}
END_TEST

START_TEST(words_match_as_the_analyzer_sees_them)
{
    ck_assert_str_eq(snip("Cells divide; a CELL grows.", "dividing cells", 100),
                     "[Cells] [divide]; a [CELL] grows.");
    ck_assert_str_eq(snip("the and of", "the", 100), "the and of");
}
END_TEST

START_TEST(beginnings_and_phrases_are_marked)
{
    ck_assert_str_eq(snip("Configured, configs; conference.", "config*", 100),
                     "[Configured], [configs]; conference.");
    ck_assert_str_eq(snip("The state of the Art, an art of state.", "\"state of the art\"", 100),
                     "The [state of the Art], an [art] of [state].");
    ck_assert_str_eq(snip("cat cat cat dog dog", "\"cat cat\" \"cat dog\"", 100),
                     "[cat cat cat dog] [dog]");
    ck_assert_str_eq(snip("an of the an", "\"of the\" \"an\"", 100), "an of the an");
    ck_assert_str_eq(snip("aab aaab", "\"a a b\" \"aab aaab\"", 100), "[aab aaab]");
    ck_assert_str_eq(snip("x x x y", "\"x x y\"", 100), "[x] [x x y]");
}
END_TEST

START_TEST(marking_survives_each_failing_allocation)
{
    const char *text = "The state of the art: configured cats.";
    struct analyzer *a = NULL;
    struct err err = {0};
    int rc;

    ck_assert_ok(analyzer_new(&a, NULL, &err), &err);
    FAIL_EACH_ALLOC(rc, {
        struct snippet_words words = {0};
        struct arena arena = {0};
        struct match *m;
        size_t n = 0;

        err_clear(&err);
        rc = snippet_words(&words, a, "\"state of the art\" config* cat", QUERY_OPERATORS, &err);
        rc = rc ? rc : snippet_matches(&m, &n, &arena, &words, a, text, strlen(text), &err);
        if (!rc)
            ck_assert_uint_eq(n, 3);
        arena_clear(&arena);
        snippet_words_clear(&words);
    });
    analyzer_free(a);
}
END_TEST

START_TEST(a_phrase_is_shown_rather_than_its_words)
{
    const char *text =
        "The cell and the wall, wall of a cell. Nothing of interest stands here at all, "
        "not for long. But a cell wall is below.";

    ck_assert_ptr_nonnull(strstr(snip(text, "\"cell wall\"", 40), "[cell wall]"));
    ck_assert_ptr_null(strstr(snip(text, "cell wall", 40), "below"));
}
END_TEST

START_TEST(the_window_with_more_different_terms_wins)
{
    const char *text = "alpha alpha alpha alpha. filler filler filler filler filler filler "
                       "filler filler filler. Here alpha meets beta. More filler follows here.";

    ck_assert_ptr_nonnull(strstr(snip(text, "alpha beta", 40), "[alpha] meets [beta]"));
}
END_TEST

START_TEST(the_first_of_equal_windows_wins)
{
    const char *text =
        "one alpha here and lots of other words that fill it up, then one alpha there";

    ck_assert_ptr_nonnull(strstr(snip(text, "alpha", 30), "one [alpha] here"));
}
END_TEST

START_TEST(a_snippet_begins_at_a_sentence_where_there_is_room)
{
    const char *text = "Something else entirely is said first. The fovea is small. It sees well "
                       "and the rest of the eye does not see nearly as well as it does.";

    ck_assert_msg(!strncmp(snip(text, "fovea", 60), "The [fovea] is small.", 21), "%s",
                  snip(text, "fovea", 60));
}
END_TEST

START_TEST(a_snippet_ends_after_a_word)
{
    const char *text = "one two three four five alpha notwithstanding everything else here";

    for (size_t max = 25; max < 40; max++) {
        const char *s = snip(text, "alpha", max);
        ck_assert_msg(!strstr(s, "notwith") || strstr(s, "notwithstanding"), "%zu: %s", max, s);
    }
}
END_TEST

START_TEST(a_text_without_matches_is_shown_from_its_beginning)
{
    ck_assert_str_eq(snip("alpha beta gamma delta", "omega", 12), "alpha beta");
    ck_assert_str_eq(snip("", "omega", 1), "");
}
END_TEST

/* Every maximum and every text: what snip() asserts are the laws. */
START_TEST(snippets_never_cut_characters_nor_exceed_the_maximum)
{
    static const char *const texts[] = {
        "ä ö ü ß é è ê ñ ç å",          "日本語のテキストには空白がありません。日本語のテキスト。",
        "a𝔘b𝔫c𝔦d𝔠e𝔬f𝔡g𝔢 fovea 𝔘𝔫𝔦𝔠𝔬𝔡𝔢", "fovea",
        "   leading and trailing   ",   "fovea\nfovea\tfovea\r\nfovea fovea fovea fovea fovea",
    };

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        for (size_t max = 1; max < 90; max += max < 30 ? 1 : 7)
            snip(texts[i], "fovea 日本語 ö", max);
}
END_TEST

START_TEST(control_characters_become_blanks)
{
    char s[] = "a\x1b[31mb\nc\td\xc2\x9b"
               "e\x7f\xc3\xa9";

    snippet_flatten(s, strlen(s));
    ck_assert_str_eq(s, "a [31mb c d  e \xc3\xa9");
}
END_TEST

TCase *snippet_tests(void)
{
    TCase *tc = tcase_create("snippet.c");

    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, a_short_text_is_its_own_snippet);
    tcase_add_test(tc, words_match_as_the_analyzer_sees_them);
    tcase_add_test(tc, beginnings_and_phrases_are_marked);
    tcase_add_test(tc, a_phrase_is_shown_rather_than_its_words);
    tcase_add_test(tc, marking_survives_each_failing_allocation);
    tcase_add_test(tc, the_window_with_more_different_terms_wins);
    tcase_add_test(tc, the_first_of_equal_windows_wins);
    tcase_add_test(tc, a_snippet_begins_at_a_sentence_where_there_is_room);
    tcase_add_test(tc, a_snippet_ends_after_a_word);
    tcase_add_test(tc, a_text_without_matches_is_shown_from_its_beginning);
    tcase_add_test(tc, snippets_never_cut_characters_nor_exceed_the_maximum);
    tcase_add_test(tc, control_characters_become_blanks);
    return tc;
}
