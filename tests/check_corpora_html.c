/* check_corpora_html.c -- pages as Markdown: what becomes of each element, of encodings and of what is broken. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/check_corpora.h"

#include <sys/stat.h>

#include "base/utf8.h"
#include "corpora/html.h"

/* "title|text" of a page; the caller's. */
static char *page_text(const char *page, size_t n)
{
    struct buf text = {0}, title = {0}, both = {0};
    struct err err = {0};

    ck_assert_ok(html_to_text(&text, &title, page, n, &err), &err);
    buf_printf(&both, "%s|%s", buf_text(&title), buf_text(&text));
    ck_assert_uint_eq(utf8_check(both.data, both.len), both.len);
    ck_assert_uint_eq(strlen(both.data), both.len);
    buf_clear(&text);
    buf_clear(&title);
    return buf_take(&both);
}

static const struct {
    const char *page, *text;
} pages[] = {
    /* title, headings */
    {"<title> A &amp;\n B </title><h1>One <i>two</i></h1>text", "A & B|# One two\n\ntext"},
    {"a<h2>B<br>c</h2><h6>d</h6>e", "B c|a\n\n## B c\n\n###### d\n\ne"},
    {"<h3> </h3><h2>x</h2>", "x|## x"},
    /* paragraphs, lines, words */
    {"<p>a\n  b<p>c</p>d<div><div>e</div></div>f<br>g<br><br>h<hr>i",
     "|a b\n\nc\n\nd\n\ne\n\nf\ng\n\nh\n\ni"},
    {"a<b>b</b><span>c</span> <i> d</i>&nbsp;e&shy;f", "|abc d ef"},
    {"<p># a<p>#b<p>``` c<p>####### d<br>## e # f",
     "|\\# a\n\n#b\n\n\\``` c\n\n####### d\n\\## e # f"},
    {"<dl><dt>t<dd>d<dt>u<dd>e</dl>", "|t\nd\nu\ne"},
    {"<blockquote><p>q</p></blockquote>x", "|q\n\nx"},
    {"a<img src=x alt='an owl'>b<img>", "|aan owlb"},
    /* lists */
    {"x<ul><li>a<li><p>b</p><p>c</p><ol><li>d<li>e</ol>f</ul>y",
     "|x\n\n- a\n- b\n\n  c\n  - d\n  - e\n  f\n\ny"},
    {"<ul><li></li><li>a</li></ul><li>stray", "|- a\n\n- stray"},
    /* tables */
    {"x<table><caption>c</caption><tr><th>a<th>b</tr><tr><td>1<br>2<td><p>3</p></td></"
     "tr><tr><td><td>4</tr></table>y",
     "|x\n\nc\na | b\n1 2 | 3\n4\n\ny"},
    {"<table><tr><td><h2>a</h2>b<td><ul><li>c</ul></table>", "a|## a\n\nb\n\n- c"},
    {"<table><tr><td><table><tr><td>a<td>b</table><td>c</table>", "|a | b\n\nc"},
    /* preformatted */
    {"x<pre>\n # a\n\n\tb  <b>c</b> \n</pre>y", "|x\n\n```\n # a\n\n\tb  c\n```\n\ny"},
    {"<pre>``` a</pre><pre> \n </pre>", "|````\n``` a\n````"},
    {"<ul><li>a<pre>b</pre>c</ul>", "|- a\n\n```\nb\n```\n\n  c"},
    {"<pre>a<br>b\r\nc", "|```\na\nb\nc\n```"},
    /* left out */
    {"<script>if (a<b) "
     "'<p>'</script><style>p{}</style><noscript>no</noscript><svg><title>s</title></svg>a"
     "<select><option>o</select><textarea>t</textarea><template>t</template><!-- c --><?php x ?>",
     "|a"},
    {"<nav>n</nav><div role='navigation'>n</div><div class='x navheader'>n</div><p hidden>h</p>"
     "<p style='color:red;display: none'>h</p><h1>a<a class='headerlink' "
     "href='#a'>\xc2\xb6</a></h1>"
     "<h2><a href='#b'>#</a>b</h2><footer>f</footer><article>c<footer>by d</footer></article>",
     "a|# a\n\n## b\n\nc\n\nby d"},
    {"<nav><ul><li>only</ul></nav><p hidden>h</p>", "|- only"},
    {"<meta name=Generator content='texi2any'><div class=header>Next</div>a", "|a"},
    {"<title>t</title>menu<h1>Book</h1><ul><li><main><h2>a</h2><div>b</div><img "
     "alt=i></main>c</ul><img alt=d>",
     "t|## a\n\nb\n\ni"},
    {"a<div class=x role=main>b<p>c</div>d", "|b\n\nc"},
    {"a<main> </main>b", "|a\n\nb"},
    {"<meta name=Generator content='makeinfo'><div class=contents>1 a</div><h1>a</h1>", "a|# a"},
    {"<div class=header>Head</div>a", "|Head\n\na"},
    /* entities */
    {"&eacute;&#233;&#xe9; &euro; &lt;p&gt; &unknown; &amp;amp; & x 3 < 4 > 2",
     "|\u00e9\u00e9\u00e9 \u20ac <p> &unknown; &amp; & x 3 < 4 > 2"},
    /* broken */
    {"", "|"},
    {"plain text", "|plain text"},
    {"<p>a<b>b</p>c</i></b></div>d<", "|ab\n\ncd<"},
    {"<p>cut <a href=\"x", "|cut"},
    {"<title>no end", "no end|"},
    {"<title>no end<body><p>a", "no end|a"},
    {"<html><body>a</body></html>b<p>c", "|a\n\nb\n\nc"},
};

START_TEST(elements_of_a_page_become_markdown)
{
    char *got = page_text(pages[_i].page, strlen(pages[_i].page));

    ck_assert_str_eq(got, pages[_i].text);
    mem_free(got);
}
END_TEST

START_TEST(pages_in_any_encoding_become_utf8)
{
#define BYTES(s) s, sizeof(s) - 1
    static const struct {
        const char *page;
        size_t n;
        const char *text;
    } cases[] = {
        {BYTES("\xef\xbb\xbf<meta charset=latin1><p>\xc3\xa9"), "|\u00e9"},
        {BYTES("<p>\xc3\xa9"), "|\u00e9"},
        {BYTES("<p>\xe9 \x80 \x93x\x94"), "|\u00e9 \u20ac \u201cx\u201d"},
        {BYTES(
             "<META http-equiv=Content-Type content='text/html; charset = ISO-8859-2'><p>\xb3\xf3"),
         "|\u0142\u00f3"},
        {BYTES("<?xml version='1.0' encoding='windows-1251'?><p>\xe4\xe0"), "|\u0434\u0430"},
        {BYTES("<meta charset=\"Shift_JIS\"><p>\x93\xfa\x96\x7b\x81"), "|\u65e5\u672c\ufffd"},
        {BYTES("<meta charset=euc-jp><p>\xc6\xfc\xff\xcb\xdc"), "|\u65e5\ufffd\u672c"},
        {BYTES("<meta charset=iso-8859-1><p>\xc3\xa9"),
         "|\u00e9"}, /* it is UTF-8, whatever it says */
        {BYTES("<meta charset=utf-8><p>a\xe9z"), "|a\ufffdz"},
        {BYTES("<meta charset=no-such><p>\xe9"), "|\u00e9"},
        {BYTES("<meta charset=../../x><p>\xe9"), "|\u00e9"},
        {BYTES("\xff\xfe<\0p\0>\0\xe9\0\xac\x20"), "|\u00e9\u20ac"},
        {BYTES("\xfe\xff\0<\0p\0>\0\xe9\x20\xac\0"), "|\u00e9\u20ac\ufffd"},
        {BYTES("<p>a\0b\0<\0br>c\x01\x7f"), "|ab\nc"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *got = page_text(cases[i].page, cases[i].n);

        ck_assert_msg(!strcmp(got, cases[i].text), "%zu: got '%s', want '%s'", i, got,
                      cases[i].text);
        mem_free(got);
    }
}
END_TEST

/* The same thing n times, text behind it. */
static char *many(const char *head, const char *part, int n, const char *tail)
{
    struct buf page = {0};

    buf_puts(&page, head);
    for (int i = 0; i < n; i++)
        buf_puts(&page, part);
    buf_puts(&page, tail);
    return buf_take(&page);
}

START_TEST(hostile_pages_give_their_text_in_time)
{
    static const struct {
        const char *head, *part;
        int n;
        const char *tail;
    } cases[] = {
        {"first ", "<div>", 100000, "last"},
        {"first ", "<b>x ", 100000, "</i>last"},
        {"first ", "<ul><li>x ", 100000, "last"},
        {"first ", "<table><tr><td>x ", 100000, "last"},
        {"first <b><b><b><b><b><b><b><b><b><b><b><b><b><b><b><b>", "</i>", 300000, "last"},
        {"first ", "<p><font>x</p>", 50000, "last"},
        {"first <a ", "x ", 100000, ">last"},
        {"first ", "<a x='1' y=2 z>", 50000, "last"},
        {"first <!-- -->", "&", 50000, "last"},
        {"first ", "<", 100000, " last"},
        {"first <pre>", "<pre>", 50000, "last"},
        {"first ", "</p>", 100000, "last"},
        {"first ", "<svg>", 50000, "</svg>last"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *page = many(cases[i].head, cases[i].part, cases[i].n, cases[i].tail),
             *got = page_text(page, strlen(page));

        ck_assert_msg(strstr(got, "first"), "%zu: %.50s", i, got);
        ck_assert_msg(i == 12 || strstr(got, "last"), "%zu: %.50s", i, got);
        ck_assert_uint_lt(strlen(got), 2 * strlen(page) + 3000000);
        mem_free(page);
        mem_free(got);
    }
}
END_TEST

START_TEST(attributes_without_end_do_not_stop_a_page)
{
    struct buf page = {0};
    char *got;

    buf_puts(&page, "<h1>first</h1><script>if (a<b) x='</p>';</script><a ");
    for (int i = 0; i < 100000; i++)
        buf_printf(&page, "x%d=\"1\" ", i);
    buf_puts(&page, "><p>last");
    got = page_text(page.data, page.len);
    ck_assert_ptr_nonnull(strstr(got, "first|# first\n\n"));
    ck_assert_ptr_nonnull(strstr(got, "last"));
    mem_free(got);
    buf_clear(&page);
}
END_TEST

START_TEST(damaged_pages_never_crash)
{
    unsigned state = 17;

    for (int round = 0; round < 3000; round++) {
        char page[512];
        size_t n = (size_t)snprintf(page, sizeof page, "%s", pages[round % 30].page);

        for (int i = 0; i < 4 && n; i++) {
            state = state * 1664525u + 1013904223u;
            page[(state >> 8) % n] =
                (char)(state & 0x80 ? state >> 16 : (unsigned)"<>/\"&;\0!"[state >> 29]);
        }
        mem_free(page_text(page, n));
    }
}
END_TEST

START_TEST(a_folder_takes_pages_among_texts)
{
    struct corpus_options skip = {.skip_bad = 1};
    struct buf want = {0};

    mkdir(in_dir("t"), 0700);
    put("t/a.html", "<title>A</title><p>x");
    put("t/b.HTM", "<h1>B</h1>y");
    put("t/c.xhtml",
        "<?xml version=\"1.0\"?><html><head><script src='a'/></head><body>z<br/>w</body></html>");
    put("t/d.md", "# D\nv");
    tmp_write(in_dir("t/e.html"), "\x1f\x8b\0\0", 4);
    buf_printf(&want,
               "a.html|A|x|\nb.HTM|B|# B\n\ny|\nc.xhtml|c|z\nw|\nd.md|D|# D\nv|\n"
               "bad %s: not a text file (NUL byte at byte 3)\n",
               in_dir("t/e.html"));
    expect("t", skip, buf_text(&want));
    expect("t/a.html", skip, "a.html|A|x|\n");
    expect_error("t", NULL, E_FORMAT, "e.html: not a text file");
    buf_clear(&want);
}
END_TEST

START_TEST(pages_survive_each_failing_allocation)
{
    static const char page[] =
        "<meta charset=latin1><title>T</title><h1>\xe9</h1><ul><li>a</ul><pre>b</pre>";
    int rc;

    FAIL_EACH_ALLOC(rc, {
        struct buf text = {0};
        struct buf title = {0};
        struct err err = {0};

        rc = html_to_text(&text, &title, page, sizeof page - 1, &err);
        buf_clear(&text);
        buf_clear(&title);
    });
    mkdir(in_dir("t"), 0700);
    put("t/a.html", "<div><p>x</div>");
    fail_each_alloc("t", NULL);
}
END_TEST

void add_html_tests(Suite *suite)
{
    TCase *tc = corpora_group(suite, "html");

    tcase_add_loop_test(tc, elements_of_a_page_become_markdown, 0,
                        (int)(sizeof pages / sizeof *pages));
    tcase_add_test(tc, pages_in_any_encoding_become_utf8);
    tcase_add_test(tc, hostile_pages_give_their_text_in_time);
    tcase_add_test(tc, attributes_without_end_do_not_stop_a_page);
    tcase_add_test(tc, damaged_pages_never_crash);
    tcase_add_test(tc, a_folder_takes_pages_among_texts);
    tcase_add_test(tc, pages_survive_each_failing_allocation);
}
