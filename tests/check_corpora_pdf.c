/* check_corpora_pdf.c -- PDF by pdftotext: real files, and programs of that name that behave badly. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/check_corpora.h"

#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "corpora/pdf.h"

/* Writes a PDF file of one page a text (lines end in \n); title may be NULL. */
static void put_pdf(const char *name, const char *title, const char *const *texts)
{
    struct buf b = {0};
    int n = 0;

    while (texts[n])
        n++;
    buf_puts(&b,
             "%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[");
    for (int i = 0; i < n; i++)
        buf_printf(&b, "%d 0 R ", 10 + 2 * i);
    buf_printf(&b,
               "]/Count %d>>endobj\n3 0 obj<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>endobj\n",
               n);
    if (title)
        buf_printf(&b, "4 0 obj<</Title(%s)>>endobj\n", title);
    for (int i = 0; i < n; i++) {
        struct buf s = {0};

        buf_puts(&s, "BT /F1 12 Tf 14 TL 72 720 Td ");
        for (const char *t = texts[i]; *t; t += *t == '\n') {
            const size_t k = strcspn(t, "\n");

            buf_puts(&s, "(");
            buf_add(&s, t, k);
            buf_puts(&s, ") Tj T* ");
            t += k;
        }
        buf_puts(&s, "ET");
        buf_printf(&b,
                   "%d 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents %d 0 R"
                   "/Resources<</Font<</F1 3 0 R>>>>>>endobj\n%d 0 obj<</Length "
                   "%zu>>stream\n%s\nendstream endobj\n",
                   10 + 2 * i, 11 + 2 * i, 11 + 2 * i, s.len, buf_text(&s));
        buf_clear(&s);
    }
    buf_printf(&b, "trailer<</Root 1 0 R%s>>\n%%%%EOF\n", title ? "/Info 4 0 R" : "");
    tmp_write(in_dir(name), b.data, b.len);
    buf_clear(&b);
}

static int has_pdftotext(void) { return system("command -v pdftotext >/dev/null 2>&1") == 0; }

/* A program of that name, the only one on PATH beside the usual ones. */
static void fake(const char *script)
{
    struct buf text = {0};

    buf_printf(&text, "#!/bin/sh\n%s\n", script);
    mkdir(in_dir("bin"), 0700);
    put("bin/pdftotext", buf_text(&text));
    chmod(in_dir("bin/pdftotext"), 0700);
    buf_reset(&text);
    buf_printf(&text, "%s:/usr/bin:/bin", in_dir("bin"));
    setenv("PATH", buf_text(&text), 1);
    buf_clear(&text);
}

START_TEST(pages_of_a_pdf_become_paragraphs)
{
    static const char *const texts[] = {"The fovea & the eye\nsees < sharp >.\n1", "Second page\n2",
                                        NULL};

    if (!has_pdftotext())
        return;
    mkdir(in_dir("t"), 0700);
    put_pdf("t/a.pdf", "About \\(R&D\\) eyes", texts);
    put_pdf("t/b.PDF", NULL, texts);
    put_pdf("t/c.pdf", "Microsoft Word - paper.doc", texts + 1);
    put_pdf("t/-d.pdf", "minus", texts + 1);
    expect("t", (struct corpus_options){0},
           "-d.pdf|minus|Second page|\n"
           "a.pdf|About (R&D) eyes|The fovea & the eye\nsees < sharp >.\n\nSecond page|\n"
           "b.PDF|The fovea & the eye|The fovea & the eye\nsees < sharp >.\n\nSecond page|\n"
           "c.pdf|paper.doc|Second page|\n");
    ck_assert_int_eq(chdir(in_dir("t")), 0); /* a name is no option, wherever it is read */
    {
        struct buf got = {0};
        struct err err = {0};

        ck_assert_ok(read_all(&got, "-d.pdf", NULL, &err), &err);
        ck_assert_str_eq(buf_text(&got), "-d.pdf|minus|Second page|\n");
        buf_clear(&got);
    }
}
END_TEST

START_TEST(a_broken_pdf_is_bad_in_the_words_of_pdftotext)
{
    static const char *const texts[] = {"text", NULL};
    struct corpus_options skip = {.skip_bad = 1};
    struct buf want = {0};

    if (!has_pdftotext())
        return;
    mkdir(in_dir("t"), 0700);
    put("t/a.pdf", "no PDF at all");
    put("t/b.pdf", "");
    put_pdf("t/c.pdf", NULL, texts);
    expect_error("t", NULL, E_FORMAT, "a.pdf: Syntax Error: Couldn't find trailer dictionary");
    expect_error("t/b.pdf", NULL, E_FORMAT, "b.pdf: ");
    skip.n_bad = &(size_t){0};
    buf_puts(&want, "x");
    {
        struct buf got = {0};
        struct err err = {0};

        ck_assert_ok(read_all(&got, in_dir("t"), &skip, &err), &err);
        ck_assert_str_eq(buf_text(&got), "c.pdf|text|text|\n");
        ck_assert_uint_eq(*skip.n_bad, 2);
        buf_clear(&got);
    }
    buf_clear(&want);
}
END_TEST

START_TEST(without_pdftotext_a_pdf_says_what_it_needs)
{
    struct corpus_options skip = {.skip_bad = 1};
    struct buf want = {0};

    put("a.pdf", "x");
    setenv("PATH", in_dir("nowhere"), 1);
    expect_error("a.pdf", NULL, E_NOTFOUND,
                 "a.pdf: a PDF file needs pdftotext (package poppler-utils)");
    buf_printf(&want, "bad %s: a PDF file needs pdftotext (package poppler-utils)\n",
               in_dir("a.pdf"));
    expect("a.pdf", skip, buf_text(&want));
    buf_clear(&want);
}
END_TEST

static const struct {
    const char *script;
    int code;
    const char *why;
} bad_programs[] = {
    {"exec sleep 100", E_LIMIT, "pdftotext was stopped after 1 s"},
    {"exec >&-; exec sleep 100", E_LIMIT, "pdftotext was stopped after 1 s"},
    {"while :; do echo '<pre>'; done", E_LIMIT, "its text is over 1 MiB"},
    {"while :; do echo wrong >&2; done", E_LIMIT, "pdftotext was stopped after 1 s"},
    {"exec >&- 2>&-; exec sleep 100", E_FORMAT, "pdftotext died of signal 9"},
    {"kill -9 $$", E_FORMAT, "pdftotext died of signal 9"},
    {"exit 3", E_FORMAT, "pdftotext gave up with exit code 3"},
    {"echo one >&2; echo 'Error: two' >&2; echo three >&2; exit 1", E_FORMAT, "a.pdf: Error: two"},
    {"echo one >&2; exit 1", E_FORMAT, "a.pdf: one"},
    {"echo nothing", E_FORMAT, "pdftotext wrote no text"},
    {"printf '<pre>'", E_FORMAT, "pdftotext wrote no text"},
};

START_TEST(a_program_that_behaves_badly_is_ended)
{
    const struct pdf_limits limits = {1, 1 << 20};
    struct buf text = {0}, title = {0};
    struct timespec begin, end;
    struct err err = {0};

    fake(bad_programs[_i].script);
    clock_gettime(CLOCK_MONOTONIC, &begin);
    ck_assert_err(pdf_to_text(&text, &title, in_dir("a.pdf"), &limits, &err), bad_programs[_i].code,
                  bad_programs[_i].why, &err);
    clock_gettime(CLOCK_MONOTONIC, &end);
    ck_assert_int_lt(end.tv_sec - begin.tv_sec, 20);
    ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1); /* no child is left */
    buf_clear(&text);
    buf_clear(&title);
}
END_TEST

START_TEST(output_of_any_bytes_becomes_text)
{
    struct buf text = {0}, title = {0};
    struct err err = {0};

    fake("printf '<title>a\\303\\n&lt;b</title>\\n<pre>\\n  "
         "\\342\\200\\242\\n\\none\\001\\377\\000x </pre>"
         "\\n\\n\\n\\ntwo\\n12\\n\\f\\f7\\n\\f13\\nthree\\n\\342\\200\\242\\n</pre></html>'");
    ck_assert_ok(pdf_to_text(&text, &title, in_dir("a.pdf"), NULL, &err), &err);
    ck_assert_str_eq(buf_text(&title), "a\xef\xbf\xbd <b");
    ck_assert_str_eq(buf_text(&text), "- one\xef\xbf\xbd x </pre>\n\ntwo\n\n13\nthree");
    buf_clear(&text);
    buf_clear(&title);
}
END_TEST

START_TEST(pdf_survives_each_failing_allocation)
{
    const char *path = in_dir("a.pdf");
    int rc;

    fake("printf '<title>t</title>\\n<pre>\\ntext\\n</pre></html>'");
    FAIL_EACH_ALLOC(rc, {
        struct buf text = {0};
        struct buf title = {0};
        struct err err = {0};

        rc = pdf_to_text(&text, &title, path, NULL, &err);
        buf_clear(&text);
        buf_clear(&title);
    });
}
END_TEST

/* "heavy": under memcheck the children would be checked, which are not ours. */
void add_pdf_tests(Suite *suite)
{
    TCase *tc = corpora_group(suite, "pdf");

    tcase_set_tags(tc, "heavy");
    tcase_add_test(tc, pages_of_a_pdf_become_paragraphs);
    tcase_add_test(tc, a_broken_pdf_is_bad_in_the_words_of_pdftotext);
    tcase_add_test(tc, without_pdftotext_a_pdf_says_what_it_needs);
    tcase_add_loop_test(tc, a_program_that_behaves_badly_is_ended, 0,
                        (int)(sizeof bad_programs / sizeof *bad_programs));
    tcase_add_test(tc, output_of_any_bytes_becomes_text);
    tcase_add_test(tc, pdf_survives_each_failing_allocation);
}
