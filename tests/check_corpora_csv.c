/* check_corpora_csv.c -- CSV: quotes, borders, headers, and quotes that are never closed. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/check_corpora.h"

#include "base/utf8.h"
#include "corpora/csv.h"

static const struct corpus_options none = {0}, skip = {.skip_bad = 1};

START_TEST(quoted_fields_hold_borders_quotes_and_newlines)
{
    put("a.csv", "\xef\xbb\xbfid,title,text\r\n"
                 "1,\"a, b\",\"say \"\"hi\"\"\"\r\n"
                 "\r\n"
                 "2,\"\",\"two\r\nlines\n\n\"\n"
                 "3, 5\" pipe ,x\"y\"\n"
                 "4,,\"\"\"\"");
    expect("a.csv", none,
           "1|a, b|say \"hi\"|\n"
           "2||two\nlines\n\n|\n"
           "3| 5\" pipe |x\"y\"|\n"
           "4||\"|\n");
}
END_TEST

START_TEST(the_border_is_what_the_first_line_has_most_of)
{
    static const char *const files[] = {"docno;text;a,b\n1;x, y;z\n",
                                        "docno\ttext\ta,b\n1\tx, y\tz\n",
                                        "docno|text|a,b\n1|x, y|z\n",
                                        "docno,text,\"a,b\"\n1,\"x, y\",z\n",
                                        "\"docno\";\"text\";\"a,b\"\n1;\"x, y\";z\n",
                                        "sep=^\r\ndocno^text^a,b\r\n1^x, y^z\r\n"};

    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        put("a.csv", files[i]);
        expect("a.csv", none, "1||x, y|{\"a,b\":\"z\"}\n");
    }
}
END_TEST

START_TEST(other_columns_become_metadata_and_numbers_stay_numbers)
{
    put("a.csv", "ID, Year ,zip,price,text,,n,big,e\n"
                 "a,1984,01234,-1.50,x,q,-0,1234567890123456,1e5\n"
                 "b,,-,.5,x,,1.,+1,0\n");
    expect("a.csv", none,
           "a||x|{\"Year\":1984,\"zip\":\"01234\",\"price\":-1.50,\"column 6\":\"q\",\"n\":-0,"
           "\"big\":\"1234567890123456\",\"e\":\"1e5\"}\n"
           "b||x|{\"zip\":\"-\",\"price\":\".5\",\"n\":\"1.\",\"big\":\"+1\",\"e\":0}\n");
}
END_TEST

START_TEST(columns_are_chosen_as_fields_of_json_are)
{
    const struct corpus_options named = {
        .id_field = "url", .title_field = "Headline", .text_field = "abstract"};

    put("a.csv", "url,headline,abstract,text\nu,h,a,t\n");
    expect("a.csv", named, "u|h|a|{\"text\":\"t\"}\n");
    put("b.csv", "docid,id,body,Text\nd,i,b,t\n"); /* as JSONL prefers them */
    expect("b.csv", none, "i||t|{\"docid\":\"d\",\"body\":\"b\"}\n");
    run_command("gzip -k %s", in_dir("b.csv"));
    expect("b.csv.gz", none, "i||t|{\"docid\":\"d\",\"body\":\"b\"}\n");
    put("empty.csv", "");
    expect("empty.csv", none, "");
    put("header.csv", "\nid,text");
    expect("header.csv", none, "");
}
END_TEST

START_TEST(a_header_that_names_no_fields_is_an_error_even_when_skipping)
{
    static const struct {
        const char *text, *why;
    } cases[] = {
        {"1,x\n2,y\n", "a.csv:1: the header has no column for the id (_id, id, docno, docid): name "
                       "one with --id-field"},
        {"\nid,x\n2,y\n", "a.csv:2: the header has no column for the text"},
        {"id,text,id\n", "a.csv:1: column 'id' comes twice in the header"},
        {"id,\"text\nx\n", "a.csv:1: a quote is opened and not closed"},
        {"id,te\xffxt\n", "a.csv:1: invalid UTF-8 at byte 6"},
    };
    struct corpus_options opt = {.title_field = "headline", .skip_bad = 1};
    struct buf got = {0};
    struct err err = {0};

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        put("a.csv", cases[i].text);
        expect_error("a.csv", NULL, E_FORMAT, cases[i].why);
        ck_assert_err(read_all(&got, in_dir("a.csv"), &skip, &err), E_FORMAT, cases[i].why, &err);
    }
    put("a.csv", "id,text\n");
    ck_assert_err(read_all(&got, in_dir("a.csv"), &opt, &err), E_FORMAT,
                  "a.csv:1: the header has no column 'headline'", &err);
    buf_clear(&got);
}
END_TEST

START_TEST(a_bad_record_is_named_and_passed_over)
{
    static const char text[] =
        "id,text\na,x\nb\nc,1,2\n,y\nd,\"z\"w\ne,\xff\nf,\"\0\"\ng,\"1\n2\"\nh,\"3\n4\n5\"6\n";
    struct buf want = {0};
    char path[1024];

    snprintf(path, sizeof path, "%s", in_dir("a.csv"));
    tmp_write(path, text, sizeof text - 1);
    expect_error("a.csv", NULL, E_FORMAT, "a.csv:3: 1 column, the header has 2");
    buf_puts(&want, "a||x|\n");
    buf_printf(&want, "bad %s:3: 1 column, the header has 2\n", path);
    buf_printf(&want, "bad %s:4: 3 columns, the header has 2\n", path);
    buf_printf(&want, "bad %s:5: the document's id is empty\n", path);
    buf_printf(&want,
               "bad %s:6: text behind a closing quote (column 2): a quote inside quotes is written "
               "twice\n",
               path);
    buf_printf(&want, "bad %s:7: invalid UTF-8 at byte 3 (0xff)\n", path);
    buf_printf(&want, "bad %s:8: NUL byte at byte 4\n", path);
    buf_puts(&want, "g||1\n2|\n");
    buf_printf(
        &want,
        "bad %s:13: text behind a closing quote (column 2): a quote inside quotes is written "
        "twice\n",
        path);
    buf_printf(&want, "bad %s:12: 1 column, the header has 2\n", path);
    buf_printf(&want, "bad %s:13: 1 column, the header has 2\n", path);
    expect("a.csv", skip, buf_text(&want));
    buf_clear(&want);
}
END_TEST

START_TEST(a_quote_that_is_never_closed_costs_one_record)
{
    struct buf want = {0};

    put("a.csv", "id,text\na,\"x\nb,y\nc,\"z\nz\"\nd,w");
    buf_printf(&want,
               "bad %s:4: text behind a closing quote (column 2): a quote inside quotes is "
               "written twice\n",
               in_dir("a.csv"));
    buf_puts(&want, "b||y|\nc||z\nz|\nd||w|\n");
    expect("a.csv", skip, buf_text(&want));
    put("a.csv", "id,text\na,\"x\nb,y\nc,z");
    buf_reset(&want);
    buf_printf(&want, "bad %s:2: a quote is opened and not closed\nb||y|\nc||z|\n",
               in_dir("a.csv"));
    expect("a.csv", skip, buf_text(&want));
    buf_clear(&want);
}
END_TEST

START_TEST(a_long_file_of_open_quotes_is_read_in_linear_time)
{
    struct corpus_options opt = skip;
    struct buf text = {0}, got = {0};
    struct err err = {0};
    size_t n_bad = 0;

    buf_puts(&text, "id,text\n");
    for (int i = 0; i < 200000; i++)
        buf_puts(&text, "a,\"\"\"x\n");
    put("a.csv", buf_text(&text));
    opt.n_bad = &n_bad;
    ck_assert_ok(read_all(&got, in_dir("a.csv"), &opt, &err), &err);
    ck_assert_uint_ge(n_bad, 1);
    ck_assert_str_eq(buf_text(&got), "");
    buf_clear(&text);
    buf_clear(&got);
}
END_TEST

START_TEST(damaged_csv_never_crashes)
{
    static const char csv[] = "id;title;text;n\n1;\"a \"\"b\"\"\";x;3\n2;\"c\nd\";\xc3\xa9;-4.5\n";
    unsigned state = 11;

    for (int round = 0; round < 500; round++) {
        struct corpus_options opt = {.skip_bad = round & 1};
        struct buf got = {0};
        struct err err = {0};
        char text[sizeof csv];

        memcpy(text, csv, sizeof csv);
        for (int i = 0; i < 3; i++) {
            state = state * 1664525u + 1013904223u;
            text[(state >> 8) % (sizeof csv - 1)] =
                (char)(state & 0x80 ? state >> 16 : (unsigned)"\"\"\n;,\0\r\""[state >> 29]);
        }
        tmp_write(in_dir("a.csv"), text, sizeof csv - 1);
        ck_assert_int_eq(read_all(&got, in_dir("a.csv"), &opt, &err), err.code);
        ck_assert(!strchr(err.text, '\n'));
        ck_assert_uint_eq(utf8_check(buf_text(&got), got.len), got.len);
        buf_clear(&got);
    }
}
END_TEST

START_TEST(csv_survives_each_failing_allocation)
{
    put("a.csv", "id,title,text,k\n1,T,\"x\ny\",v\nbad\n2,T,\"y\"\"\nz,v\n");
    fail_each_alloc("a.csv", NULL);
}
END_TEST

void add_csv_tests(Suite *suite)
{
    TCase *tc = corpora_group(suite, "c_csv");

    tcase_add_test(tc, quoted_fields_hold_borders_quotes_and_newlines);
    tcase_add_test(tc, the_border_is_what_the_first_line_has_most_of);
    tcase_add_test(tc, other_columns_become_metadata_and_numbers_stay_numbers);
    tcase_add_test(tc, columns_are_chosen_as_fields_of_json_are);
    tcase_add_test(tc, a_header_that_names_no_fields_is_an_error_even_when_skipping);
    tcase_add_test(tc, a_bad_record_is_named_and_passed_over);
    tcase_add_test(tc, a_quote_that_is_never_closed_costs_one_record);
    tcase_add_test(tc, a_long_file_of_open_quotes_is_read_in_linear_time);
    tcase_add_test(tc, damaged_csv_never_crashes);
    tcase_add_test(tc, csv_survives_each_failing_allocation);
}
