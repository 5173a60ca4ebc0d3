/* check_indexer_analyzer.c -- analyzer.c and words.c. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"
#include "base/json.h"
#include "base/lines.h"
#include "base/utf8.h"
#include "indexer/analyzer.h"
#include "tests/testing.h"

TCase *tcase_analyzer(void);

/* Terms as "term@begin-end:position ", so that two analyses can be compared as text. */
static int write_term(const struct term_token *t, void *payload)
{
    struct buf *b = payload;

    if (t->len < 1 || t->len > TERM_MAX || t->begin >= t->end) /* a ck_assert writes to a file */
        ck_abort_msg("a term of %zu bytes at %zu-%zu", t->len, t->begin, t->end);
    buf_add(b, t->term, t->len);
    buf_printf(b, "@%zu-%zu:%d ", t->begin, t->end, t->position);
    return 0;
}

static int write_bare(const struct term_token *t, void *payload)
{
    struct buf *b = payload;

    buf_add(b, t->term, t->len);
    buf_putc(b, ' ');
    return 0;
}

static void check_terms(const char *kind, const char *text, const char *want)
{
    struct analyzer *a = NULL;
    struct err err = {0};
    struct buf got = {0};

    ck_assert_ok(analyzer_new(&a, kind, &err), &err);
    ck_assert_ok(analyzer_run(a, text, strlen(text), write_bare, &got, &err), &err);
    ck_assert_msg(!strcmp(buf_text(&got), want), "'%s': got '%s', want '%s'", text, buf_text(&got),
                  want);
    buf_clear(&got);
    analyzer_free(a);
}

static const struct {
    const char *kind, *text, *want;
} golden[] = {
    {"plain", "The Quick-brown fox", "the quick brown fox "},
    {"english", "The Quick-brown foxes are running", "quick brown fox run "},
    /* WB6, WB7: ':' '.' ''' between letters only */
    {"plain", "a:b a.b a'b 1:2 a.1 1.a a::b a.. 'a'", "a:b a.b a'b 1 2 a 1 1 a a b a a "},
    /* WB11, WB12: ',' ';' '.' ''' between digits only */
    {"plain", "1,2 1;2 1.2 1'2 a,b a;b 1,,2 1,000.50", "1,2 1;2 1.2 1'2 a b a b 1 2 1,000.50 "},
    /* WB13a, WB13b; a word needs a letter or a digit */
    {"plain", "_a a_ a_b 1_ __ _:_ a_:b", "_a a_ a_b 1_ a_ b "},
    {"plain", "IL-2 COX-2's x86 3D e.g. U.S.A.", "il 2 cox 2 s x86 3d e.g u.s.a "},
    {"english", "dogs' dog's DOG'S it's o'neill's", "dog dog dog o'neil "},
    {"english", "Alzheimer\xe2\x80\x99s don\xe2\x80\x99t", "alzheim don't "},
    {"english", "to be or not to be, that is the question", "question "},
    {"plain", "", ""},
    {"plain", " \t\n.,;:'_ \x01\x7f", ""},
    /* folding: ligature, sharp s, final sigma, micro sign, full width, soft hyphen, composed or not */
    {"plain",
     "\xef\xac\x81ne STRA\xc3\x9f"
     "E \xce\xa3\xce\x91\xcf\x82 \xc2\xb5m \xef\xbc\xa1\xef\xbc\x91",
     "fine strasse \xcf\x83\xce\xb1\xcf\x83 \xce\xbcm a1 "},
    {"plain",
     "co\xc2\xad"
     "op e\xcc\x81t\xc3\xa9",
     "coop \xc3\xa9t\xc3\xa9 "},
    /* Han and Hiragana by the character, Katakana and Thai by the run, Hangul by the word */
    {"plain",
     "\xe4\xb8\xad\xe6\x96\x87 \xe3\x81\xb2\xe3\x82\x89 \xe3\x82\xab\xe3\x82\xbf "
     "\xe0\xb9\x84\xe0\xb8\x97\xe0\xb8\xa2 \xed\x95\x9c\xea\xb5\xad",
     "\xe4\xb8\xad \xe6\x96\x87 \xe3\x81\xb2 \xe3\x82\x89 \xe3\x82\xab\xe3\x82\xbf "
     "\xe0\xb9\x84\xe0\xb8\x97\xe0\xb8\xa2 \xed\x95\x9c\xea\xb5\xad "},
    {"plain", "\xf0\x9f\x98\x80 \xc2\xbd \xe2\x80\x94 \xc2\xa9", ""},
    /* invalid bytes separate; cut-off and overlong sequences too */
    {"plain",
     "ab\xff"
     "cd \xc3 e\xc0\xaf"
     "f \xe2\x82",
     "ab cd e f "},
    {"porter2", "generously skies dying", "generous sky die "},
};

START_TEST(words_are_found_folded_dropped_and_stemmed)
{
    check_terms(golden[_i].kind, golden[_i].text, golden[_i].want);
}
END_TEST

START_TEST(offsets_and_positions_count_bytes_and_words)
{
    struct analyzer *a = NULL;
    struct err err = {0};
    struct buf got = {0};
    const char *text = "The fox's \xce\xb2-cell, the end";

    ck_assert_ok(analyzer_new(&a, NULL, &err), &err);
    ck_assert_str_eq(analyzer_name(a), "english");
    ck_assert_ok(analyzer_run(a, text, strlen(text), write_term, &got, &err), &err);
    ck_assert_str_eq(buf_text(&got), "fox@4-9:1 \xce\xb2@10-12:2 cell@13-17:3 end@23-26:5 ");
    buf_clear(&got);
    analyzer_free(a);
}
END_TEST

/* The two paths must agree on the text; the buffers are kept from text to text. */
struct both {
    struct analyzer *a;
    struct buf fast, reference;
};

static void check_paths(struct both *both, const char *text, size_t n)
{
    struct err err = {0};

    buf_reset(&both->fast);
    buf_reset(&both->reference);
    ck_assert_ok(analyzer_run(both->a, text, n, write_term, &both->fast, &err), &err);
    ck_assert_ok(analyzer_run_unicode(both->a, text, n, write_term, &both->reference, &err), &err);
    ck_assert_msg(!strcmp(buf_text(&both->fast), buf_text(&both->reference)),
                  "text '%.*s'\nfast '%s'\nICU  '%s'", (int)n, text, buf_text(&both->fast),
                  buf_text(&both->reference));
}

static void both_open(struct both *both, const char *kind)
{
    struct err err = {0};

    memset(both, 0, sizeof *both);
    ck_assert_ok(analyzer_new(&both->a, kind, &err), &err);
}

static void both_close(struct both *both)
{
    analyzer_free(both->a);
    buf_clear(&both->fast);
    buf_clear(&both->reference);
}

static uint64_t next_random(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return *state >> 33;
}

START_TEST(ascii_path_gives_what_icu_gives_on_random_ascii)
{
    static const char likely[] = "aB1_.,;:' \t-a1";
    struct both both;
    uint64_t seed = 29;
    char text[40];

    both_open(&both, "plain");
    for (int round = 0; round < 20000; round++) {
        size_t n = next_random(&seed) % sizeof text;

        for (size_t i = 0; i < n; i++)
            text[i] = round & 1 ? (char)(next_random(&seed) % 128)
                                : likely[next_random(&seed) % (sizeof likely - 1)];
        check_paths(&both, text, n);
    }
    both_close(&both);
}
END_TEST

/* What is not ASCII takes ICU between two blanks: every context that a cut at a blank could disturb. */
START_TEST(cutting_at_blanks_changes_no_boundary_in_mixed_text)
{
    static const char *const parts[] = {
        "a",
        "B",
        "1",
        "_",
        ".",
        "'",
        ":",
        ",",
        " ",
        " ",
        "\n",
        "\r",
        "\t",
        "\xc2\xa0",
        "\xcc\x81",
        "\xe2\x80\x8d",
        "\xc2\xad",
        "\xd7\x90",
        "\"",
        "\xe2\x80\x99",
        "\xe3\x82\xab",
        "\xe4\xb8\xad",
        "\xf0\x9f\x87\xa9",
        "\xf0\x9f\x98\x80",
        "\xe0\xb8\x97",
        "\xce\xb2",
        "\xff",
        "\xe2\x82",
        "\xe2\x84\xa2",
        "\xe3\x80\x80",
        "I",
        "\xc4\xb0",
        "\xcc\x87",
        "\xed\x95\x9c",
        "\xe3\x83\xbc",
        "\xe1\x85\xa1",
    };
    static const char *const kinds[] = {"english", "cjk", "turkish", "irish"};
    struct both both;
    struct buf text = {0};
    uint64_t seed = 30;

    both_open(&both, kinds[_i]);
    for (int round = 0; round < 20000; round++) {
        buf_reset(&text);
        for (uint64_t left = next_random(&seed) % 14; left; left--)
            buf_puts(&text, parts[next_random(&seed) % (sizeof parts / sizeof *parts)]);
        check_paths(&both, buf_text(&text), text.len);
    }
    buf_clear(&text);
    both_close(&both);
}
END_TEST

START_TEST(paths_agree_on_every_scifact_text)
{
    struct both both;
    struct lines *in = NULL;
    struct err err = {0};
    size_t n, texts = 0;
    char *line;
    int rc;

    both_open(&both, "english");
    ck_assert_ok(lines_open(&in, source_path("corpora/data/scifact/corpus.jsonl.gz"), &err), &err);
    while ((rc = lines_next(&line, &n, in, &err)) == 1) {
        struct json *j = NULL;
        const char *text;

        ck_assert_ok(json_parse(&j, line, n, &err), &err);
        text = json_text(json_get(j, "text"), NULL);
        ck_assert_ptr_nonnull(text);
        check_paths(&both, text, strlen(text));
        json_free(j);
        texts++;
    }
    ck_assert_ok(rc, &err);
    ck_assert_uint_eq(texts, 5183);
    lines_close(in);
    both_close(&both);
}
END_TEST

/* A long word comes in pieces that hold all of it, each of valid UTF-8. */
static int check_piece(const struct term_token *t, void *payload)
{
    size_t *total = payload;

    ck_assert_uint_le(t->len, TERM_MAX);
    ck_assert_uint_eq(utf8_check(t->term, t->len), t->len);
    *total += t->len;
    return 0;
}

START_TEST(long_words_are_cut_at_characters)
{
    enum { N = 5000 };
    struct both both;
    struct err err = {0};
    struct buf text = {0};
    size_t total = 0;

    both_open(&both, "plain");
    for (int i = 0; i < N; i++)
        buf_puts(&text, "x");
    ck_assert_ok(analyzer_run(both.a, buf_text(&text), text.len, check_piece, &total, &err), &err);
    ck_assert_uint_eq(total, N);
    check_paths(&both, buf_text(&text), text.len);
    buf_reset(&text);
    total = 0;
    for (int i = 0; i < N; i++)
        buf_puts(&text, i % 2 ? "\xd0\xb9" : "\xf0\x90\x90\xa8"); /* two and four bytes */
    ck_assert_ok(analyzer_run(both.a, buf_text(&text), text.len, check_piece, &total, &err), &err);
    ck_assert_uint_eq(total, N * 3);
    buf_reset(&text);
    for (int i = 0; i < N; i++)
        buf_puts(&text, "\xef\xb7\xba"); /* U+FDFA folds to 18 characters, four words */
    ck_assert_ok(analyzer_run(both.a, buf_text(&text), text.len, check_piece, &total, &err), &err);
    buf_clear(&text);
    both_close(&both);
}
END_TEST

START_TEST(the_stem_cache_changes_nothing)
{
    struct analyzer *warm = NULL;
    struct err err = {0};
    uint64_t seed = 31;

    ck_assert_ok(analyzer_new(&warm, "english", &err), &err);
    for (int round = 0; round < 30000; round++) { /* many more words than the cache holds */
        struct buf cold_terms = {0}, warm_terms = {0};
        struct analyzer *cold = NULL;
        char word[48];
        size_t n = 3 + next_random(&seed) % 40;

        for (size_t i = 0; i < n; i++)
            word[i] = "aeinrstdgl"[next_random(&seed) % 10];
        ck_assert_ok(analyzer_run(warm, word, n, write_bare, &warm_terms, &err), &err);
        if (round % 64 == 0) {
            ck_assert_ok(analyzer_new(&cold, "english", &err), &err);
            ck_assert_ok(analyzer_run(cold, word, n, write_bare, &cold_terms, &err), &err);
            ck_assert_str_eq(buf_text(&warm_terms), buf_text(&cold_terms));
            buf_reset(&warm_terms);
            ck_assert_ok(analyzer_run(warm, word, n, write_bare, &warm_terms, &err), &err);
            ck_assert_str_eq(buf_text(&warm_terms), buf_text(&cold_terms));
        }
        buf_clear(&warm_terms);
        buf_clear(&cold_terms);
        analyzer_free(cold);
    }
    analyzer_free(warm);
}
END_TEST

static int stop_at_second(const struct term_token *t, void *payload)
{
    (void)payload;
    return t->position == 1 ? E_STOP : 0;
}

START_TEST(a_callback_can_stop_the_analysis)
{
    struct analyzer *a = NULL;
    struct err err = {0};

    ck_assert_ok(analyzer_new(&a, "plain", &err), &err);
    ck_assert_int_eq(analyzer_run(a, "one two three", 13, stop_at_second, NULL, &err), E_STOP);
    ck_assert_int_eq(analyzer_run_unicode(a, "one two three", 13, stop_at_second, NULL, &err),
                     E_STOP);
    ck_assert_int_eq(analyzer_run(a, "one", 3, stop_at_second, NULL, &err), 0);
    analyzer_free(a);
}
END_TEST

START_TEST(an_unknown_analyzer_is_refused_with_the_list)
{
    struct analyzer *a = NULL;
    struct err err = {0};

    ck_assert_err(analyzer_new(&a, "klingon", &err), E_INVALID, "english, porter2, plain", &err);
    ck_assert_ptr_null(a);
    analyzer_free(NULL);
}
END_TEST

START_TEST(an_analyzer_survives_each_failing_allocation)
{
    struct err err = {0};
    int rc;

    FAIL_EACH_ALLOC(rc, {
        struct analyzer *a = NULL;
        struct buf got = {0};

        err_clear(&err);
        rc = analyzer_new(&a, "english", &err);
        if (!rc)
            rc = analyzer_run(a, "b\xc3\xa9ta cells", 11, write_bare, &got, &err);
        if (!rc)
            rc = buf_error(&got);
        buf_clear(&got);
        analyzer_free(a);
    });
}
END_TEST

TCase *tcase_analyzer(void)
{
    TCase *tc = tcase_create("analyzer");

    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, words_are_found_folded_dropped_and_stemmed, 0,
                        (int)(sizeof golden / sizeof *golden));
    tcase_add_test(tc, offsets_and_positions_count_bytes_and_words);
    tcase_add_test(tc, ascii_path_gives_what_icu_gives_on_random_ascii);
    tcase_add_loop_test(tc, cutting_at_blanks_changes_no_boundary_in_mixed_text, 0, 4);
    tcase_add_test(tc, paths_agree_on_every_scifact_text);
    tcase_add_test(tc, long_words_are_cut_at_characters);
    tcase_add_test(tc, the_stem_cache_changes_nothing);
    tcase_add_test(tc, a_callback_can_stop_the_analysis);
    tcase_add_test(tc, an_unknown_analyzer_is_refused_with_the_list);
    tcase_add_test(tc, an_analyzer_survives_each_failing_allocation);
    return tc;
}
