/* check_indexer_sections.c -- chunk_sections.c, markdown.c, and what an index makes of headings. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/indexer_fixture.h"

static const struct {
    const char *chunking, *text;
    const char *want; /* passages between |, each "headings: text" with newlines as / and \r as \ */
} sections[] = {
    {"sections:50", "no heading\nat all\n\nbut two paragraphs\n",
     ": no heading/at all//but two paragraphs/"},
    {"sections:50", "# Guide\n\nHello.\n\n## Install\nRun it.\n\n### Debian\napt\n\n## Use\nGo.",
     ": # Guide//Hello.|Guide: ## Install/Run it.|Guide > Install: ### Debian/apt|Guide: ## "
     "Use/Go."},
    /* what does not fit goes on below all headings */
    {"sections:5", "# A\n\none two\n\nthree four\n\nfive\n", ": # A//one two|A: three four//five/"},
    /* headings go with what is below them */
    {"sections:9", "# A\n## B\n\n### C\ntext\n# D\n", ": # A/## B//### C/text|: # D/"},
    {"sections:9", "# A\nx\n## B\n# C\ny", ": # A/x|: ## B/# C/y"},
    {"sections:4", "# A\n# B\n# C\n", ": # A/# B|: # C/"},
    /* setext */
    {"sections:9", "Top\n===\nx\n\nSub\nway\n---\ny\n", ": Top/===/x|Top: Sub/way/---/y/"},
    {"sections:9", "a\n\n---\n\nb", ": a//---//b"},
    {"sections:9", "- item\n---\nb\n", ": - item/---/b/"},
    {"sections:9", "| a |\n|---|\n| b |\n", ": | a |/|---|/| b |/"},
    {"sections:12", "====\nTop\n====\nx\n\n## B\ny", ": ====/Top/====/x|Top: ## B/y"},
    /* what is no heading */
    {"sections:9", "#hash\n\n####### seven\n\n    # code\n\n\\# escaped",
     ": #hash//####### seven//    # code//\\# escaped"},
    {"sections:9", "# A #\nx\n## C# ##\ny\n### \nz\n#### D\nw",
     ": # A #/x|A: ## C# ##/y|A > C#: ### /z|A > C#: #### D/w"},
    /* code */
    {"sections:30", "# A\n```sh\n# no heading\n\n## nor this\n```\nx\n# B\ny",
     ": # A/```sh/# no heading//## nor this/```/x|: # B/y"},
    {"sections:30", "# A\n~~~\n```\n# x\n~~~~\n# B", ": # A/~~~/```/# x/~~~~|: # B"},
    {"sections:30", "````\n```\n# x\n````\n# B", ": ````/```/# x/````|: # B"},
    {"sections:30", "``` a`b\n# B", ": ``` a`b|: # B"},
    {"sections:30", "# A\n```\n# never closed\n# x", ": # A/```/# never closed/# x"},
    {"sections:6", "# A\na b c\n```\nd e f g\n```\n", ": # A/a b c|A: ```/d e f g/```/"},
    {"sections:5", "```\na b c\nd e\n\nf g h\n```\n", ": ```/a b c|: d e//f g h|: ```/"},
    /* long paragraphs by sentences */
    {"sections:6", "# A\nOne two three. Four five six seven.\n",
     ": # A/One two three.|A: Four five six seven./"},
    /* carriage returns, front matter */
    {"sections:30", "# A\r\n\r\nx\r\n## B\r\ny\r\n", ": # A\\/\\/x|A: ## B\\/y\\/"},
    {"sections:30", "---\ntitle: x\n---\n# A\ny", ": ---/title: x/---|: # A/y"},
    {"sections:30", "---\n\n# A\ny\n\n---\n", ": ---|: # A/y//---/"},
    /* tags and targets of links are not in the path */
    {"sections:9", "# <a id='x'></a>A [b](http://c/d) ![i](j)\nx\n## E\ny",
     ": # <a id='x'></a>A [b](http://c/d) ![i](j)/x|A b i: ## E/y"},
};

START_TEST(sections_are_passages_below_their_headings)
{
    const char *text = sections[_i].text;
    struct chunks c = {0};
    struct chunking how;
    struct err err = {0};
    struct buf got = {0};

    ck_assert_ok(chunking_parse(&how, sections[_i].chunking, &err), &err);
    ck_assert_ok(chunk_text(&c, text, strlen(text), &how, &err), &err);
    for (size_t i = 0; i < c.n; i++) {
        buf_printf(&got, "%s%s: ", i ? "|" : "", chunk_headings(&c, i));
        for (size_t k = c.spans[i].begin; k < c.spans[i].end; k++)
            buf_putc(&got, text[k] == '\n' ? '/' : text[k] == '\r' ? '\\' : text[k]);
    }
    ck_assert_msg(!strcmp(buf_text(&got), sections[_i].want), "got  %s\nwant %s", buf_text(&got),
                  sections[_i].want);
    buf_clear(&got);
    chunks_clear(&c);
}
END_TEST

/* ---- in an index ---- */

/* A made-up Markdown text. */
static void random_markdown(char out[600], uint64_t *seed)
{
    static const char *const parts[] = {
        "\n# w%u\n", "\n## w%u w1\n", "\n### w%u\n",         "\n\n",
        "w%u w2. ",  "W%u. ",         "\n```\n# w%u\n```\n", "w%u "};
    uint32_t n = random_below(seed, 40);
    size_t at = 0;

    out[0] = '\0';
    for (uint32_t i = 0; i < n; i++) /* all parts are short; not all have a number */
        at += (size_t)snprintf(out + at, 600 - at, parts[random_below(seed, 8)],
                               random_below(seed, 60));
}

/* Adds n documents, or updates them, with these seeds; some are deleted again. */
static void add_some(struct fixture *f, uint64_t seed, int n)
{
    char docno[16], text[600];

    for (int i = 0; i < n; i++) {
        random_markdown(text, &seed);
        snprintf(docno, sizeof docno, "d%d", i);
        fixture_add(f, docno, i % 3 ? "w1" : "", text);
        if (i % 16 == 15)
            fixture_commit(f);
    }
    for (int i = 0; i < n; i += 5) {
        snprintf(docno, sizeof docno, "d%d", i);
        ck_assert_int_eq(index_delete(f->ix, docno, &f->err), 1);
    }
    fixture_commit(f);
}

START_TEST(updates_of_sections_leave_what_a_fresh_index_has)
{
    static const char *const chunkings[] = {"sections:6", "sentences:6:3"};
    static const char *const analyzers[] = {"english", "cjk"};
    struct index_options opt = {
        .settings = {.analyzer = analyzers[_i % 2], .chunking = chunkings[_i / 2]}};
    struct fixture a, b;

    fixture_open(&a, &opt);
    fixture_open(&b, &opt);
    add_some(&a, 1, 60);
    add_some(&a, 2, 60);
    fixture_check(&a);
    add_some(&b, 2, 60);
    assert_same_knowledge(&a, &b);
    ck_assert_ok(index_merge(a.ix, &a.err), &a.err);
    ck_assert_ok(index_merge(b.ix, &b.err), &b.err);
    fixture_check(&a);
    assert_same_parts(&a, &b);
    fixture_again(&a);
    fixture_check(&a);
    ck_assert_str_eq(index_settings(a.ix)->chunking, chunkings[_i / 2]);
    fixture_close(&a);
    fixture_close(&b);
}
END_TEST

/* The lengths of the passages of the only segment, as "3 4 ". */
static void check_lengths(struct fixture *f, const char *want)
{
    struct segment *s = index_segment(f->ix, 0);
    struct buf got = {0};

    for (uint32_t i = 0; i < segment_size(s); i++)
        buf_printf(&got, "%u ", segment_lengths(s)[i]);
    ck_assert_str_eq(buf_text(&got), want);
    buf_clear(&got);
}

START_TEST(headings_are_indexed_with_what_is_below_them)
{
    struct index_options opt = {.settings = {.analyzer = "plain", .chunking = "sections:3"}};
    struct fixture f;

    fixture_open(&f, &opt);
    /* passages: "# Top a"; Top: "b c"; Top: "## Deep d"; Top > Deep: "e f g" */
    fixture_add(&f, "x", "", "# Top\na\n\nb c\n\n## Deep\nd\n\ne f g\n");
    fixture_commit(&f);
    check_lengths(&f, "2 3 3 5 ");
    ck_assert_uint_eq(known_of(&f, "top").df, 4);
    ck_assert_uint_eq(known_of(&f, "deep").df, 2);
    /* another title is indexed beside them, the same title once: with the first passage, where it is text, twice */
    fixture_add(&f, "x", "Other", "# Top\na\n\nb c\n");
    fixture_commit(&f);
    ck_assert_ok(index_merge(f.ix, &f.err), &f.err);
    check_lengths(&f, "3 4 ");
    fixture_add(&f, "x", "Top", "# Top\na\n\nb c\n");
    fixture_commit(&f);
    ck_assert_ok(index_merge(f.ix, &f.err), &f.err);
    check_lengths(&f, "3 3 ");
    fixture_add(&f, "x", "To", "# Top\na\n\nb c\n");
    fixture_commit(&f);
    ck_assert_ok(index_merge(f.ix, &f.err), &f.err);
    check_lengths(&f, "3 4 ");
    fixture_check(&f);
    fixture_close(&f);
}
END_TEST

START_TEST(another_chunking_is_refused)
{
    struct index_options opt = {.settings = {.chunking = "sections:30"}};
    struct index *ix = NULL;
    struct fixture f;

    fixture_open(&f, &opt);
    opt.mode = INDEX_READ;
    opt.settings.chunking = "sections:31";
    ck_assert_err(index_open(&ix, f.path, &opt, &f.err), E_INVALID,
                  "chunking 'sections:30', not 'sections:31'", &f.err);
    fixture_close(&f);
}
END_TEST

TCase *tcase_sections(void)
{
    TCase *tc = tcase_create("sections");

    tcase_add_loop_test(tc, sections_are_passages_below_their_headings, 0,
                        (int)(sizeof sections / sizeof *sections));
    tcase_add_loop_test(tc, updates_of_sections_leave_what_a_fresh_index_has, 0, 4);
    tcase_add_test(tc, headings_are_indexed_with_what_is_below_them);
    tcase_add_test(tc, another_chunking_is_refused);
    return tc;
}
