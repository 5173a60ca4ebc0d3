/* check_api_command.c -- what the commands are made of: options, JSON, numbers for people. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/testing.h"

#include "api/cli.h"
#include "api/jout.h"
#include "api/options.h"
#include "api/term.h"
#include "base/json.h"

TCase *options_tests(void);
TCase *jout_tests(void);
TCase *term_tests(void);

/* ---- options.c ---- */

struct settings {
    int flag, other, k;
    double b;
    const char *text, *colour;
    struct texts list;
};

static const char *colours(size_t i)
{
    static const char *const names[] = {"red", "green", NULL};

    return names[i];
}

static const struct option_row rows[] = {
    FLAG_ROW("flag", 'f', struct settings, flag, "a flag"),
    FLAG_ROW("other", 'o', struct settings, other, "another"),
    {"hits", 'k', OPT_INT, offsetof(struct settings, k), "N", "hits", .low = 1, .high = 100,
     .number = 10},
    {"b", 0, OPT_NUMBER, offsetof(struct settings, b), "X", "a number", .low = 0, .high = 1,
     .number = 0.4},
    {"text", 't', OPT_TEXT, offsetof(struct settings, text), "TEXT", "a text", .text = "none"},
    {"colour", 0, OPT_CHOICE, offsetof(struct settings, colour), "C", "a colour", colours,
     .text = "red"},
    {"list", 'm', OPT_LIST, offsetof(struct settings, list), "M", "a list", .text = NULL},
    {0}};

static struct settings set;
static char **args;
static int n_args, help;

/* Parses a command line given as one string of words. */
static int parse(const char *line, struct err *err)
{
    static char copy[512];
    static char *argv[32];
    int argc = 0;

    options_free(&set, rows);
    memset(&set, 0, sizeof set);
    snprintf(copy, sizeof copy, "%s", line);
    for (char *s = strtok(copy, " "); s; s = strtok(NULL, " "))
        argv[argc++] = s;
    return options_parse(&set, &args, &n_args, &help, rows, argc, argv, err);
}

START_TEST(options_without_a_command_line_have_their_defaults)
{
    struct err err = {0};

    ck_assert_ok(parse("", &err), &err);
    ck_assert_int_eq(set.k, 10);
    ck_assert_double_eq(set.b, 0.4);
    ck_assert_str_eq(set.text, "none");
    ck_assert_str_eq(set.colour, "red");
    ck_assert_int_eq(set.flag, 0);
    ck_assert_int_eq(n_args, 0);
}
END_TEST

START_TEST(options_may_stand_before_between_and_after_arguments)
{
    struct err err = {0};

    ck_assert_ok(parse("-k5 one --b=0.5 two --text x -fo three -m a --list=b", &err), &err);
    ck_assert_int_eq(n_args, 3);
    ck_assert_str_eq(args[0], "one");
    ck_assert_str_eq(args[1], "two");
    ck_assert_str_eq(args[2], "three");
    ck_assert_int_eq(set.k, 5);
    ck_assert_double_eq(set.b, 0.5);
    ck_assert_str_eq(set.text, "x");
    ck_assert_int_eq(set.flag + set.other, 2);
    ck_assert_uint_eq(set.list.n, 2);
    ck_assert_str_eq(set.list.items[0], "a");
    ck_assert_str_eq(set.list.items[1], "b");
}
END_TEST

START_TEST(two_hyphens_end_the_options_and_one_is_an_argument)
{
    struct err err = {0};

    ck_assert_ok(parse("- -f -- -k --text", &err), &err);
    ck_assert_int_eq(n_args, 3);
    ck_assert_str_eq(args[0], "-");
    ck_assert_str_eq(args[1], "-k");
    ck_assert_str_eq(args[2], "--text");
    ck_assert_int_eq(set.flag, 1);
}
END_TEST

static const struct {
    const char *line, *says;
} slips[] = {
    {"--txet x", "unknown option '--txet'; did you mean '--text'?"},
    {"--col red", "did you mean '--colour'?"},
    {"--xyzzy", "unknown option '--xyzzy'"},
    {"-z", "unknown option '-z'"},
    {"-fz", "unknown option '-z'"},
    {"-k 0", "-k is '0': give a whole number from 1 to 100"},
    {"-k 101", "from 1 to 100"},
    {"-k 1.5", "whole number"},
    {"-k abc", "-k is 'abc'"},
    {"--hits 0x10", "--hits is '0x10'"},
    {"-k -5", "-k is '-5'"},
    {"--b nan", "--b is 'nan': give a number from 0 to 1"},
    {"--b inf", "--b is 'inf'"},
    {"--b=", "--b is ''"},
    {"--text", "--text needs a value: --text TEXT"},
    {"--text --flag", "--text needs a value"},
    {"-m", "-m needs a value"},
    {"--flag=1", "--flag takes no value"},
    {"--colour gren", "--colour is 'gren' (did you mean 'green'?): use one of red, green"},
    {"--colour xxxxxxxx", "use one of red, green"},
    {"--=x", "unknown option '--'"},
    {"--a-name-that-is-much-longer-than-any-name-could-be-in-a-table", "unknown option"},
};

START_TEST(each_slip_is_named_and_what_is_allowed_is_said)
{
    struct err err = {0};

    ck_assert_err(parse(slips[_i].line, &err), E_INVALID, slips[_i].says, &err);
}
END_TEST

START_TEST(help_is_always_an_option)
{
    struct err err = {0};

    ck_assert_ok(parse("--help", &err), &err);
    ck_assert_int_eq(help, 1);
    ck_assert_ok(parse("one -h --xyzzy", &err), &err);
    ck_assert_int_eq(help, 1);
    ck_assert_ok(parse("one", &err), &err);
    ck_assert_int_eq(help, 0);
}
END_TEST

START_TEST(the_help_says_range_choices_and_default)
{
    struct buf b = {0};

    options_spell(&b, &rows[2]);
    ck_assert_str_eq(buf_text(&b), "-k, --hits N");
    buf_reset(&b);
    options_explain(&b, &rows[2]);
    ck_assert_str_eq(buf_text(&b), "hits (1 to 100; default 10)");
    buf_reset(&b);
    options_explain(&b, &rows[5]);
    ck_assert_str_eq(buf_text(&b), "a colour (red, green; default red)");
    buf_reset(&b);
    options_explain(&b, &rows[0]);
    ck_assert_str_eq(buf_text(&b), "a flag");
    buf_reset(&b);
    options_explain(&b, &rows[6]);
    ck_assert_str_eq(buf_text(&b), "a list (may be given more than once)");
    buf_clear(&b);
}
END_TEST

START_TEST(options_survive_each_allocation_failing)
{
    struct err err;
    int rc = 0;

    FAIL_EACH_ALLOC(rc, {
        err = (struct err){0};
        rc = parse("-m a -m b", &err);
    });
    options_free(&set, rows);
}
END_TEST

TCase *options_tests(void)
{
    TCase *tc = tcase_create("options.c");

    tcase_add_test(tc, options_without_a_command_line_have_their_defaults);
    tcase_add_test(tc, options_may_stand_before_between_and_after_arguments);
    tcase_add_test(tc, two_hyphens_end_the_options_and_one_is_an_argument);
    tcase_add_loop_test(tc, each_slip_is_named_and_what_is_allowed_is_said, 0,
                        (int)(sizeof slips / sizeof *slips));
    tcase_add_test(tc, help_is_always_an_option);
    tcase_add_test(tc, the_help_says_range_choices_and_default);
    tcase_add_test(tc, options_survive_each_allocation_failing);
    return tc;
}

/* ---- jout.c ---- */

START_TEST(what_is_written_reads_back_as_json)
{
    static const float floats[] = {0.1f, 1e-30f, 3.4028235e38f, -0.0f, 16777217.0f, 0.33333334f};
    struct jout j = {0};
    struct json *v;
    struct err err = {0};

    jout_open(&j, NULL, '{');
    jout_text(&j, "text", "a \"b\"\n\x01 \xc3\xa4");
    jout_text(&j, "none", NULL);
    jout_int(&j, "int", -5);
    jout_bool(&j, "bool", 1);
    jout_raw(&j, "raw", "{\"x\": [1, 2]}");
    jout_raw(&j, "broken", "{\"x\":");
    jout_open(&j, "floats", '[');
    for (size_t i = 0; i < sizeof floats / sizeof *floats; i++)
        jout_float(&j, NULL, floats[i]);
    jout_close(&j);
    jout_close(&j);
    ck_assert_ok(json_parse(&v, j.b.data, j.b.len, &err), &err);
    ck_assert_str_eq(json_text(json_get(v, "text"), ""), "a \"b\"\n\x01 \xc3\xa4");
    ck_assert_int_eq(json_int(json_get(v, "int"), 0), -5);
    ck_assert_int_eq(json_bool(json_get(v, "bool"), 0), 1);
    ck_assert_uint_eq(json_size(json_get(json_get(v, "raw"), "x")), 2);
    for (size_t i = 0; i < sizeof floats / sizeof *floats; i++)
        ck_assert_float_eq((float)json_number(json_at(json_get(v, "floats"), i), 99), floats[i]);
    json_free(v);
    buf_clear(&j.b);
}
END_TEST

TCase *jout_tests(void)
{
    TCase *tc = tcase_create("jout.c");

    tcase_add_test(tc, what_is_written_reads_back_as_json);
    return tc;
}

/* ---- term.c ---- */

START_TEST(numbers_are_written_for_people)
{
    char s[NUMBER_TEXT];

    ck_assert_str_eq(show_count(s, 0), "0");
    ck_assert_str_eq(show_count(s, 999), "999");
    ck_assert_str_eq(show_count(s, 1000), "1,000");
    ck_assert_str_eq(show_count(s, UINT64_MAX), "18,446,744,073,709,551,615");
    ck_assert_str_eq(show_bytes(s, 0), "0 bytes");
    ck_assert_str_eq(show_bytes(s, 12345678), "12.3 MB");
    ck_assert_str_eq(show_bytes(s, 999999), "1.0 MB");
    ck_assert_str_eq(show_bytes(s, UINT64_MAX), "18446744 TB");
    ck_assert_str_eq(show_time(s, 0.0012), "1.2 ms");
    ck_assert_str_eq(show_time(s, 0.064), "64 ms");
    ck_assert_str_eq(show_time(s, 0.0996), "0.1 s");
    ck_assert_str_eq(show_time(s, 9.94), "9.9 s");
    ck_assert_str_eq(show_time(s, 9.96), "10 s");
    ck_assert_str_eq(show_time(s, 62), "1:02");
    ck_assert_str_eq(show_time(s, 3661), "1:01:01");
    ck_assert_str_eq(show_time(s, -1), "0.0 ms");
    ck_assert_str_eq(show_rate(s, 1234.4), "1,234");
    ck_assert_str_eq(show_rate(s, 12.34), "12.3");
    ck_assert_str_eq(show_rate(s, 0.5), "0.50");
    ck_assert_str_eq(show_rate(s, 1.0 / 0.0), "-");
}
END_TEST

static const char *wrapped(const char *text, const fovea_span *spans, size_t n, int indent,
                           int width)
{
    static char out[512];
    const struct style style = {"<b>", "<f>", "<", ">"};
    FILE *f = tmpfile();
    size_t got;

    term_wrap(f, text, spans, n, indent, width, "", &style);
    rewind(f);
    got = fread(out, 1, sizeof out - 1, f);
    out[got] = '\0';
    fclose(f);
    return out;
}

START_TEST(text_is_wrapped_with_its_matches_marked)
{
    const fovea_span spans[] = {{4, 7}, {8, 11}, {14, 15}};

    ck_assert_str_eq(wrapped("one two six abc", spans, 3, 2, 12), "  one <two>\n  <six> ab<c>\n");
    ck_assert_str_eq(wrapped("", NULL, 0, 2, 12), "\n");
    ck_assert_str_eq(wrapped("a-word-that-is-longer than", NULL, 0, 1, 8),
                     " a-word-that-is-longer\n than\n");
    ck_assert_str_eq(wrapped("a\x1b[1mb \xc2\x9b"
                             "c",
                             NULL, 0, 0, 40),
                     "a [1mb  c\n");
    /* two columns each */
    ck_assert_str_eq(wrapped("日本 日本 日本", NULL, 0, 0, 9), "日本 日本\n日本\n");
}
END_TEST

TCase *term_tests(void)
{
    TCase *tc = tcase_create("term.c");

    tcase_add_test(tc, numbers_are_written_for_people);
    tcase_add_test(tc, text_is_wrapped_with_its_matches_marked);
    return tc;
}
