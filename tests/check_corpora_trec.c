/* check_corpora_trec.c -- TREC documents and topics: the fields of the old collections, and what is broken. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/check_corpora.h"

#include <sys/stat.h>

#include "base/utf8.h"
#include "corpora/sgml.h"

static const struct corpus_options none = {0}, skip = {.skip_bad = 1};

START_TEST(tags_leave_paragraphs_lines_words_or_nothing)
{
    static const struct {
        const char *sgml, *text;
    } cases[] = {
        {"a<b>b</b>c<x>d</x> e", "abc d e"},
        {"\n\n<P>\none  two \n</P>\n<p>\n\n\nthree\n</p>", "one two\n\nthree"},
        {"one<br>two<BR/>three", "one\ntwo\nthree"},
        {"a &amp; b &lt;c&gt; &quot;d&apos; &eacute;&#233;&#xE9; &#150; &nbsp;e",
         "a & b <c> \"d' \u00e9\u00e9\u00e9 \u2013 e"},
        {"&AMP &unknown; &#0; &#xZZ; &#99999999; &; &blank;&hyph;",
         "&AMP &unknown; &#0; &#xZZ; &#99999999; &; -"},
        {"1 < 2 > 0 <<b>x", "1 < 2 > 0 <x"},
        {"a<!-- <p> no --> b <!DOCTYPE x> c <?pi?> d", "a b c d"},
        {"<", "<"},
        {"a </", "a </"},
        {"", ""},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf got = {0};

        sgml_text(&got, cases[i].sgml, strlen(cases[i].sgml));
        ck_assert_str_eq(buf_text(&got), cases[i].text);
        buf_clear(&got);
    }
}
END_TEST

START_TEST(fields_of_the_old_collections_become_documents)
{
    put("a.trec",
        "<DOC>\n<DOCNO> FT911-3 "
        "</DOCNO>\n<PROFILE>_AN-BEOA7AAIFT</PROFILE>\n<DATE>910514\n</DATE>\n"
        "<HEADLINE>\nFT  14 MAY 91 / Contigas\n</HEADLINE>\n<TEXT>\nA group &amp; "
        "B.\n</TEXT>\n</DOC>\n"
        "\n<DOC>\n<DOCNO>WSJ870323-0180</DOCNO>\n<HL>  Italy's\nsale </HL>\n<DD> 03/23/87</DD>\n"
        "<SO> WALL STREET JOURNAL (J)</SO>\n<TEXT>\n   One.\n\n   Two.\n</TEXT>\n</DOC>\n"
        "<DOC>\n<DOCNO> LA010189-0001 </DOCNO>\n<DOCID> 1 </DOCID>\n<DATE>\n<P>\nJanuary 1, 1989\n"
        "</P>\n</DATE>\n<HEADLINE>\n<P>\nNEW "
        "BEGINNINGS\n</P>\n</HEADLINE>\n<TEXT>\n<P>\nfirst\n</P>\n<P>\n"
        "second\n</P>\n</TEXT>\n<TYPE><P>List</P></TYPE>\n</DOC>\n"
        "<DOC>\n<DOCNO> FBIS3-1 </DOCNO>\n<HT>  \"cr00000011094001\" </HT>\n<HEADER>\n<H2>   "
        "March</H2>\n"
        "<H3> <TI>      POLITICIANS </TI></H3>\n</HEADER>\n<TEXT>\nPOLITICS\n<F P=100>RSA</F> end\n"
        "</TEXT>\n</DOC>\n");
    expect("a.trec", none,
           "FT911-3|FT 14 MAY 91 / Contigas|A group & "
           "B.|{\"profile\":\"_AN-BEOA7AAIFT\",\"date\":910514}\n"
           "WSJ870323-0180|Italy's sale|One.\n\nTwo.|{\"dd\":\"03/23/87\",\"so\":\"WALL STREET "
           "JOURNAL (J)\"}\n"
           "LA010189-0001|NEW BEGINNINGS|first\n\nsecond|{\"docid\":1,\"date\":\"January 1, "
           "1989\",\"type\":\"List\"}\n"
           "FBIS3-1|POLITICIANS|POLITICS\nRSA end|{\"ht\":\"\\\"cr00000011094001\\\"\"}\n");
}
END_TEST

START_TEST(documents_without_fields_of_text_are_text_all_the_same)
{
    put("a.sgml",
        "<corpus>\n<doc><docno>1</docno> plain <b>text</b>\n<p>more</p></doc><DOC>"
        "<DOCNO>2</DOCNO><TITLE>T</TITLE></DOC>\n"
        "<DOC id=\"AFP_1\" type='story'>\n<HEADLINE>H</HEADLINE><TEXT>x</TEXT></DOC>\n</corpus>");
    expect("a.sgml", none, "1||plain text\n\nmore|\n2|T||\nAFP_1|H|x|\n");
    put("w.trecweb",
        "<DOC>\n<DOCNO>WTX001</DOCNO>\n<DOCHDR>\nhttp://a.b/ 1.2.3.4\nContent-type: text/html\n"
        "</DOCHDR>\n<html><head><title>A page</title></head><body><h1>Head</h1><p>one<p>two</body>"
        "</html>\n</DOC>\n");
    expect("w.trecweb", none, "WTX001|A page|# Head\n\none\n\ntwo|\n");
}
END_TEST

START_TEST(tags_that_are_not_closed_end_where_a_known_one_begins)
{
    put("a.trec", "<DOC>\n<DOCNO>1\n<ODD>\n<HL>Head\n<TEXT>text\n</DOC>\n");
    expect("a.trec", none, "1|Head|text|\n");
}
END_TEST

START_TEST(options_name_the_fields_of_trec_documents)
{
    const struct corpus_options named = {
        .id_field = "url", .title_field = "name", .text_field = "main"};

    put("a.trec",
        "<DOC><DOCNO>1</DOCNO><URL>u</URL><NAME>n</NAME><MAIN>m</MAIN><TEXT>t</TEXT></DOC>");
    expect("a.trec", named, "u|n|m|{\"docno\":1,\"text\":\"t\"}\n");
}
END_TEST

START_TEST(a_folder_of_trec_files_is_read_and_other_files_are_counted)
{
    struct corpus_options opt = {.format = "trec"};
    struct buf want = {0};
    size_t n_bad = 0;

    mkdir(in_dir("t"), 0700);
    mkdir(in_dir("t/fb"), 0700);
    put("t/README", "About the disk.\n");
    put("t/empty", "");
    put("t/a", "<DOC><DOCNO>a</DOCNO><TEXT>x</TEXT></DOC>\n");
    put("t/fb/b", "<DOC><DOCNO>b</DOCNO><TEXT>y caf\xe9</TEXT></DOC>\n");
    run_command("gzip %s", in_dir("t/fb/b"));
    opt.n_bad = &n_bad;
    buf_printf(&want, "bad %s: no <DOC> in the file: is it of TREC's format?\n",
               in_dir("t/README"));
    buf_puts(&want, "a||x|\nb||y caf\xef\xbf\xbd|\n");
    expect("t", opt, buf_text(&want));
    ck_assert_uint_eq(n_bad, 1);
    put("n.trec", "no document\n");
    expect_error("n.trec", NULL, E_FORMAT, "n.trec: no <DOC> in the file");
    put("n.trec", "\n \n");
    expect("n.trec", none, "");
    buf_clear(&want);
}
END_TEST

START_TEST(a_bad_trec_document_is_named_and_passed_over)
{
    static const char text[] =
        "<DOC>\n<DOCNO>1</DOCNO>\n<TEXT>x</TEXT>\n</DOC>\n"
        "<DOC>\n<TEXT>x</TEXT>\n</DOC>\n"
        "<DOC>\n<DOCNO>3</DOCNO>\n"
        "<DOC>\n<DOCNO>4</DOCNO>\n\0\n</DOC>\n"
        "<DOC><DOCNO> </DOCNO></DOC> <DOC><DOCNO>6</DOCNO><TEXT>y</TEXT></DOC>\n"
        "<DOC>\n<DOCNO>7";
    struct buf want = {0};
    char path[1024];

    snprintf(path, sizeof path, "%s", in_dir("a.trec"));
    tmp_write(path, text, sizeof text - 1);
    expect_error("a.trec", NULL, E_FORMAT, "a.trec:5: the document has no <DOCNO>");
    buf_puts(&want, "1||x|\n");
    buf_printf(&want, "bad %s:5: the document has no <DOCNO>\n", path);
    buf_printf(&want, "bad %s:8: the document has no </DOC>\n", path);
    buf_printf(&want, "bad %s:10: NUL byte at byte 19 of the document\n", path);
    buf_printf(&want, "bad %s:14: the document has no <DOCNO>\n6||y|\n", path);
    buf_printf(&want, "bad %s:15: the document has no </DOC>: is the file cut off?\n", path);
    expect("a.trec", skip, buf_text(&want));
    buf_clear(&want);
}
END_TEST

START_TEST(topics_with_and_without_closed_tags_become_queries)
{
    put("old",
        "\n<top>\n\n<num> Number: 301 \n<title> International Organized\nCrime \n\n<desc> "
        "Description: \n"
        "Identify &amp; list.\n\n<narr> Narrative: \nA relevant <b>document</b>.\n\n</top>\n\n"
        "<top>\n<head> Tipster Topic Description\n<num> Number:  051\n<dom> Domain:  "
        "International\n"
        "<title> Topic:  Airbus Subsidies\n<desc> Description:\nDocument\n</top>\n"
        "<top>\n<num> Number: 202\n<desc> Description:\nStatus of nuclear treaties\n</top>\n");
    expect_queries("old", "301|International Organized Crime\n51|Airbus Subsidies\n"
                          "202|Status of nuclear treaties\n");
    put("new",
        "<?xml version=\"1.0\"?>\n<topics>\n<top><num>7</num><title>one &lt; two</title>"
        "<desc>d</desc></top>\n<topic number=\"801\" type=\"faceted\">\n  <query>obama family tree"
        "</query>\n<description>Find</description><subtopic "
        "number=\"1\">x</subtopic>\n</topic>\n</topics>");
    expect_queries("new", "7|one < two\n801|obama family tree\n");
    put("latin", "<top>\n<num>1\n<title>caf\xe9\n</top>\n");
    expect_queries("latin", "1|caf\xef\xbf\xbd\n");
    run_command("gzip -f %s", in_dir("new"));
    expect_queries("new.gz", "7|one < two\n801|obama family tree\n");
}
END_TEST

START_TEST(a_bad_topic_is_named_with_its_reason)
{
    static const struct {
        const char *text, *why;
    } cases[] = {
        {"<top>\n<num>1\n<title>x\n", "q:3: the topic of line 1 has no </top>"},
        {"<top>\n<title>x\n</top>\n", "q:3: the topic has no <num>"},
        {"<top>\n<num>1\n<title>\n</top>\n", "q:4: the topic has neither <title> nor <desc>"},
        {"<top>\n<num>1\n<top>\n", "q:3: a topic begins, but that of line 1 has not ended"},
        {"<top><num>1<title>x</top>\n<top><num>01<title>y</top>\n", "q:2: query '1' comes twice"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct query_list q = {0};
        struct err err = {0};

        put("q", cases[i].text);
        ck_assert_err(queries_load(&q, in_dir("q"), &err), E_FORMAT, cases[i].why, &err);
        ck_assert_ptr_null(q.queries);
    }
}
END_TEST

START_TEST(damaged_trec_never_crashes)
{
    static const char trec[] =
        "<DOC>\n<DOCNO>1</DOCNO><DATE>12</DATE>\n<HL>h &amp; <b>i</b></HL>\n<TEXT>\n<P>x</P>"
        "<!-- c -->\n</TEXT></DOC>\n<top><num>1<title>x<desc>y</top>\n";
    unsigned state = 5;

    for (int round = 0; round < 1000; round++) {
        struct corpus_options opt = {.skip_bad = round & 1};
        struct query_list q = {0};
        struct buf got = {0};
        struct err err = {0};
        char text[sizeof trec];

        memcpy(text, trec, sizeof trec);
        for (int i = 0; i < 4; i++) {
            state = state * 1664525u + 1013904223u;
            text[(state >> 8) % (sizeof trec - 1)] =
                (char)(state & 0x80 ? state >> 16 : (unsigned)"<>/\n&;\0!"[state >> 29]);
        }
        tmp_write(in_dir("a.trec"), text, sizeof trec - 1);
        ck_assert_int_eq(read_all(&got, in_dir("a.trec"), &opt, &err), err.code);
        ck_assert(!strchr(err.text, '\n'));
        ck_assert_uint_eq(utf8_check(buf_text(&got), got.len), got.len);
        memcpy(text, strstr(trec, "<top"), strlen(strstr(trec, "<top")));
        tmp_write(in_dir("q"), text, sizeof trec - 1);
        queries_load(&q, in_dir("q"), NULL);
        queries_clear(&q);
        buf_clear(&got);
    }
}
END_TEST

START_TEST(hostile_trec_is_read_in_linear_time)
{
    static const char *const parts[] = {"<",   "<a",   "<!--", "<x>",  "</x>",  "&",
                                        "<P>", "<HL>", "<a b", "<doc", "</doc "};

    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        struct buf text = {0}, got = {0};
        struct err err = {0};

        buf_puts(&text, "<DOC><DOCNO>1</DOCNO><TEXT>");
        for (int k = 0; k < 100000; k++)
            buf_puts(&text, parts[i]);
        buf_puts(&text, "</TEXT></DOC>\n");
        put("a.trec", buf_text(&text));
        ck_assert_ok(read_all(&got, in_dir("a.trec"), &none, &err), &err);
        buf_clear(&text);
        buf_clear(&got);
    }
}
END_TEST

START_TEST(trec_survives_each_failing_allocation)
{
    int rc;

    mkdir(in_dir("t"), 0700);
    put("t/a", "<DOC id=x><DOCNO>1</DOCNO><D>3</D><HL>h</HL><TEXT>x\xff</TEXT></DOC>\n<DOC></DOC>");
    put("t/b", "<DOC><DOCNO>2</DOCNO> plain</DOC><DOC>");
    fail_each_alloc("t", "trec");
    put("q", "<top>\n<num> Number: 1\n<title> x\n<desc> y\n</top>\n<topic id=2><query>z</topic>\n");
    FAIL_EACH_ALLOC(rc, {
        struct query_list q = {0};

        rc = queries_load(&q, in_dir("q"), NULL);
        queries_clear(&q);
    });
}
END_TEST

void add_trec_tests(Suite *suite)
{
    TCase *tc = corpora_group(suite, "c_trec");

    tcase_add_test(tc, tags_leave_paragraphs_lines_words_or_nothing);
    tcase_add_test(tc, fields_of_the_old_collections_become_documents);
    tcase_add_test(tc, documents_without_fields_of_text_are_text_all_the_same);
    tcase_add_test(tc, tags_that_are_not_closed_end_where_a_known_one_begins);
    tcase_add_test(tc, options_name_the_fields_of_trec_documents);
    tcase_add_test(tc, a_folder_of_trec_files_is_read_and_other_files_are_counted);
    tcase_add_test(tc, a_bad_trec_document_is_named_and_passed_over);
    tcase_add_test(tc, damaged_trec_never_crashes);
    tcase_add_test(tc, hostile_trec_is_read_in_linear_time);
    tcase_add_test(tc, trec_survives_each_failing_allocation);
    tc = corpora_group(suite, "topics");
    tcase_add_test(tc, topics_with_and_without_closed_tags_become_queries);
    tcase_add_test(tc, a_bad_topic_is_named_with_its_reason);
}
