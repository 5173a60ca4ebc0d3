/* check_indexer_languages.c -- a_languages.c, a_cjk.c, stems.c: the analyzers beside the English ones. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"
#include "base/lines.h"
#include "base/utf8.h"
#include "indexer/analyzer.h"
#include "tests/indexer_fixture.h"

static int write_bare(const struct term_token *t, void *payload)
{
    struct buf *b = payload;

    if (b->len)
        buf_putc(b, ' ');
    buf_add(b, t->term, t->len);
    return 0;
}

static void check_terms(const char *kind, const char *text, const char *want)
{
    struct analyzer *a = NULL;
    struct err err = {0};
    struct buf got = {0};

    ck_assert_ok(analyzer_new(&a, kind, &err), &err);
    ck_assert_ok(analyzer_run(a, text, strlen(text), write_bare, &got, &err), &err);
    ck_assert_msg(!strcmp(buf_text(&got), want), "%s of '%s': got '%s', want '%s'", kind, text,
                  buf_text(&got), want);
    buf_clear(&got);
    analyzer_free(a);
}

START_TEST(terms_are_those_of_the_reference)
{
    struct lines *in = NULL;
    struct err err = {0};
    int rc, rows = 0;
    size_t n;
    char *line;

    ck_assert_ok(lines_open(&in, source_path("tests/golden/stems.txt"), &err), &err);
    while ((rc = lines_next(&line, &n, in, &err)) == 1) {
        char *text = strchr(line, '\t'), *want = text ? strchr(text + 1, '\t') : NULL;

        ck_assert_ptr_nonnull(want);
        *text++ = *want++ = '\0';
        check_terms(line, text, want);
        rows++;
    }
    ck_assert_ok(rc, &err);
    ck_assert_int_gt(rows, 190);
    lines_close(in);
}
END_TEST

/* Pairs of texts that one query word should find alike, and of words that it should not. */
static const struct {
    const char *kind, *a, *b;
    int same;
} pairs[] = {
    {"german", "\xc3\x84rzte", "aerzte", 1},
    {"german", "\xc3\x84rzte", "arzt", 1},
    {"german",
     "Stra\xc3\x9f"
     "e",
     "STRASSE", 1},
    {"german", "neue", "neu", 1},
    {"french", "\xc5\x93uvre", "oeuvres", 1},
    {"french", "l\xe2\x80\x99\xc3\xa9t\xc3\xa9", "ete", 1},
    {"french", "aujourd'hui", "hui", 0},
    {"spanish", "canci\xc3\xb3n", "cancion", 1},
    {"spanish", "a\xc3\xb1o", "ano", 0},
    {"swedish", "f\xc3\xa5r", "far", 0},
    {"turkish", "ISPARTA", "\xc4\xb1sparta", 1},
    {"turkish", "\xc4\xb0STANBUL", "istanbul", 1},
    {"turkish", "I\xcc\x87stanbul", "istanbul", 1},
    {"turkish", "ISPARTA", "isparta", 0},
    {"romanian", "c\xc4\x83r\xc8\x9bi", "c\xc4\x83r\xc5\xa3i", 1},
    {"irish", "nAthair", "athair", 1},
    {"irish", "Nathair", "athair", 0},
    {"russian", "\xd1\x91\xd0\xbb\xd0\xba\xd0\xb8", "\xd0\xb5\xd0\xbb\xd0\xba\xd0\xb8", 1},
    {"cjk", "\xef\xbd\xb6\xef\xbe\x9e", "\xe3\x82\xac", 1}, /* half-width ka + mark, ga */
};

START_TEST(spellings_meet_where_they_should)
{
    struct analyzer *a = NULL;
    struct err err = {0};
    struct buf one = {0}, two = {0};

    ck_assert_ok(analyzer_new(&a, pairs[_i].kind, &err), &err);
    ck_assert_ok(analyzer_run(a, pairs[_i].a, strlen(pairs[_i].a), write_bare, &one, &err), &err);
    ck_assert_ok(analyzer_run(a, pairs[_i].b, strlen(pairs[_i].b), write_bare, &two, &err), &err);
    ck_assert_msg((strcmp(buf_text(&one), buf_text(&two)) == 0) == pairs[_i].same, "'%s' and '%s'",
                  buf_text(&one), buf_text(&two));
    buf_clear(&one);
    buf_clear(&two);
    analyzer_free(a);
}
END_TEST

static int write_place(const struct term_token *t, void *payload)
{
    buf_printf(payload, "%zu-%zu:%d ", t->begin, t->end, t->position);
    return 0;
}

START_TEST(bigrams_know_where_they_stand)
{
    /* ABC, a blank, D, a comma, EF with a mark on E, x that touches G */
    const char *text = "\xe4\xb8\xad\xe6\x96\x87\xe5\xad\x97 \xe6\xb0\xb4,\xe3\x81\x8b\xe3\x82\x99"
                       "\xe3\x81\xa3x\xe4\xb8\xad";
    struct analyzer *a = NULL;
    struct err err = {0};
    struct buf got = {0};

    ck_assert_ok(analyzer_new(&a, "cjk", &err), &err);
    for (int round = 0; round < 2; round++) { /* nothing is left over from the run before */
        buf_reset(&got);
        ck_assert_ok(analyzer_run(a, text, strlen(text), write_place, &got, &err), &err);
        ck_assert_str_eq(buf_text(&got), "0-6:0 3-9:1 10-13:2 14-23:3 23-24:4 24-27:5 ");
    }
    buf_clear(&got);
    analyzer_free(a);
}
END_TEST

/* Checks what holds of any term. */
static int check_term(const struct term_token *t, void *payload)
{
    int *last = payload;

    if (t->len < 1 || t->len > TERM_MAX || t->begin >= t->end || t->position <= *last ||
        utf8_check(t->term, t->len) != t->len)
        ck_abort_msg("a term of %zu bytes at %zu-%zu, position %d", t->len, t->begin, t->end,
                     t->position);
    *last = t->position;
    return 0;
}

START_TEST(any_bytes_give_sound_terms_in_every_analyzer)
{
    static const char *const likely[] = {"'",
                                         "\xe2\x80\x99",
                                         "l",
                                         "I",
                                         "\xc4\xb0",
                                         "\xcc\x87",
                                         "ae",
                                         "ss",
                                         "\xe4\xb8\xad",
                                         "\xe3\x82\x99",
                                         "\xd0\xb9",
                                         "\xe0\xa4\x95",
                                         "\xef\xb7\xba",
                                         " ",
                                         "\xc3",
                                         "\xe0\xb8\x97",
                                         "\xc8\x9b",
                                         "nA",
                                         "\xd7\x90"};
    struct analyzer *a = NULL;
    struct err err = {0};
    struct buf text = {0};
    uint64_t seed = 77;

    ck_assert_ok(analyzer_new(&a, analyzer_kinds[_i].name, &err), &err);
    ck_assert_uint_gt(strlen(analyzer_kinds[_i].about), 10);
    for (int round = 0; round < 400; round++) {
        int last = -1;

        buf_reset(&text);
        for (int i = 0; i < (round % 20 ? 12 : 600); i++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            if (round & 1)
                buf_puts(&text, likely[(seed >> 33) % (sizeof likely / sizeof *likely)]);
            else
                buf_putc(&text, (char)(seed >> 40));
        }
        ck_assert_ok(analyzer_run(a, buf_text(&text), text.len, check_term, &last, &err), &err);
    }
    buf_clear(&text);
    analyzer_free(a);
}
END_TEST

START_TEST(long_runs_of_marks_do_not_overflow_a_bigram)
{
    struct analyzer *a = NULL;
    struct err err = {0};
    struct buf text = {0};
    int last = -1;

    for (int i = 0; i < 3; i++) {
        buf_puts(&text, "\xe4\xb8\xad");
        for (int k = 0; k < 700; k++)
            buf_puts(&text, "\xcc\x81");
    }
    ck_assert_ok(analyzer_new(&a, "cjk", &err), &err);
    ck_assert_ok(analyzer_run(a, buf_text(&text), text.len, check_term, &last, &err), &err);
    ck_assert_int_ge(last, 2);
    buf_clear(&text);
    analyzer_free(a);
}
END_TEST

static int stop_at_once(const struct term_token *t, void *payload)
{
    (void)t, (void)payload;
    return E_STOP;
}

START_TEST(a_last_bigram_can_stop_the_analysis)
{
    struct analyzer *a = NULL;
    struct err err = {0};

    ck_assert_ok(analyzer_new(&a, "cjk", &err), &err);
    ck_assert_int_eq(analyzer_run(a, "\xe4\xb8\xad", 3, stop_at_once, NULL, &err), E_STOP);
    ck_assert_int_eq(analyzer_run(a, "\xe4\xb8\xad\xe4\xb8\xad", 6, stop_at_once, NULL, &err),
                     E_STOP);
    analyzer_free(a);
}
END_TEST

START_TEST(every_analyzer_survives_each_failing_allocation)
{
    struct err err = {0};
    int rc;

    FAIL_EACH_ALLOC(rc, {
        struct analyzer *a = NULL;
        int last = -1;

        err_clear(&err);
        rc = analyzer_new(&a, analyzer_kinds[_i].name, &err);
        if (!rc)
            rc = analyzer_run(a, "b\xc3\xa9ta cells \xe4\xb8\xad\xe4\xb8\xad", 18, check_term,
                              &last, &err);
        analyzer_free(a);
    });
}
END_TEST

TCase *tcase_languages(void)
{
    TCase *tc = tcase_create("languages");
    int n = 0;

    while (analyzer_kinds[n].name)
        n++;
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, terms_are_those_of_the_reference);
    tcase_add_loop_test(tc, spellings_meet_where_they_should, 0,
                        (int)(sizeof pairs / sizeof *pairs));
    tcase_add_test(tc, bigrams_know_where_they_stand);
    tcase_add_loop_test(tc, any_bytes_give_sound_terms_in_every_analyzer, 0, n);
    tcase_add_test(tc, long_runs_of_marks_do_not_overflow_a_bigram);
    tcase_add_test(tc, a_last_bigram_can_stop_the_analysis);
    tcase_add_loop_test(tc, every_analyzer_survives_each_failing_allocation, 0, n);
    return tc;
}
