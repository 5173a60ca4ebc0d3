/* check_retriever_syntax.c -- what is an operator in a query and what is text; no text is an error. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"
#include "tests/retriever_fixture.h"

static struct err err;

/* Phrases in <>, prefixes before a ~, each behind the text: "a b |<a b>|c~". */
static void write_out(struct buf *out, const struct question *q)
{
    buf_puts(out, q->text);
    for (size_t i = 0; i < q->n_phrases; i++)
        buf_printf(out, "|<%.*s>", (int)(q->phrases[i].end - q->phrases[i].begin),
                   q->text + q->phrases[i].begin);
    for (size_t i = 0; i < q->n_prefixes; i++)
        buf_printf(out, "|%.*s~", (int)q->prefixes[i], q->text);
}

static const struct {
    const char *query, *means;
} rows[] = {
    {"", ""},
    {"two words", "two words"},
    {"\"as it is\" said", " as it is  said|<as it is>"},
    {"say \"a b\" and \"c\"", "say  a b  and  c |<a b>|<c>"},
    {"(\"a b\")", "( a b )|<a b>"},
    {"\"a\"b \"c\"\"d\"", " a b  c  d |<a>|<c>|<d>"},
    {"one \" alone", "one \" alone"},
    {"\"", "\""},
    {"\"\"", "  "},
    {"\" \t\"", "  \t "},
    {"\"\"\"", "  \""},
    {"\"a b\" c\"", " a b  c\"|<a b>"},
    {"a 5\" disk and a 3\" disk", "a 5\" disk and a 3\" disk"},
    {"it\"s \"so\"", "it\"s  so |<so>"},
    {"\xe2\x80\x9c"
     "a b\xe2\x80\x9d \xe2\x80\x9e"
     "c\xe2\x80\x9c",
     "   a b       c   |<a b>|<c>"},
    {"\xe2\x80\x9c"
     "a\"",
     "   a |<a>"},
    {"\xe2\x80\x99 \xe2\x80", "\xe2\x80\x99 \xe2\x80"},
    {"\xd7\xa6\xd7\x94\"\xd7\x9c \"a\"", "\xd7\xa6\xd7\x94\"\xd7\x9c  a |<a>"},
    {"\"\xd7\xa6\xd7\x94\"\xd7\x9c a\"",
     " \xd7\xa6\xd7\x94\"\xd7\x9c a |<\xd7\xa6\xd7\x94\"\xd7\x9c a>"},
    {"conf* it", "conf  it|conf~"},
    {"a* bc*, (d*)", "a  bc , (d )|a~|a  bc~|a  bc , (d~"},
    {"\xc3\xa9* x_* l'*", "\xc3\xa9  x_  l' |\xc3\xa9~|\xc3\xa9  x_~|\xc3\xa9  x_  l'~"},
    {"* ** a** 2*3 *a f()* a *", "* ** a** 2*3 *a f()* a *"},
    {"*a*", "*a |*a~"},
    {"\"a* b\" c*", " a* b  c |<a* b>| a* b  c~"},
};

START_TEST(operators_are_what_the_grammar_says)
{
    struct question q = {0};
    struct buf out = {0};

    ck_assert_ok(query_parse(&q, rows[_i].query, QUERY_OPERATORS, &err), &err);
    ck_assert_uint_eq(strlen(q.text), strlen(rows[_i].query));
    write_out(&out, &q);
    ck_assert_str_eq(buf_text(&out), rows[_i].means);
    buf_clear(&out);
    query_clear(&q);
}
END_TEST

START_TEST(plain_text_has_no_operators)
{
    struct question q = {0};

    ck_assert_ok(query_parse(&q, rows[_i].query, QUERY_PLAIN, &err), &err);
    ck_assert_str_eq(q.text, rows[_i].query);
    ck_assert_uint_eq(q.n_phrases + q.n_prefixes, 0);
    query_clear(&q);
}
END_TEST

/* ---- beginnings as dictionaries spell them ---- */

static const struct {
    const char *analyzer, *query, *prefixes;
} spellings[] = {
    {"english", "Config* the* a* Running* happy*", "config the running happy"},
    {"english", "John's* it's*", "john it"},
    {"plain", "foo-ba* x.y* e2e* \xef\xbc\xa1\xef\xbc\xa2*", "ba x.y e2e ab"},
    {"plain", "\xc3\x89* \xc3\x89l*", "\xc3\xa9l"},
    {"french", "l'\xc3\x89l\xc3\xa8v* \xc5\x93uv*", "elev oeuv"},
    {"german", "H\xc3\xa4us* Haeus* Stra\xc3\x9f*", "haus haus strass"},
    {"spanish", "Ni\xc3\xb1* \xc3\xa1rb*", "ni\xc3\xb1 arb"},
    {"greek", "\xce\x98\xce\xac\xce\xbb\xce\xb1\xcf\x83\xcf\x83*",
     "\xce\xb8\xce\xb1\xce\xbb\xce\xb1\xcf\x83\xcf\x83"},
    {"turkish", "ISTAN*", "\xc4\xb1stan"},
    {"cjk", "\xe6\x9d\xb1* \xe6\x9d\xb1\xe4\xba\xac\xe9\x83\xbd* abc*",
     "\xe4\xba\xac\xe9\x83\xbd abc"},
};

START_TEST(beginnings_are_spelled_as_terms_but_keep_their_endings)
{
    struct analyzer *a = NULL;
    struct question q = {0};
    struct query_prefix *p = NULL;
    struct buf out = {0};
    size_t n = 0;

    ck_assert_ok(analyzer_new(&a, spellings[_i].analyzer, &err), &err);
    ck_assert_ok(query_parse(&q, spellings[_i].query, QUERY_OPERATORS, &err), &err);
    ck_assert_ok(query_prefixes(&p, &n, &q, a, &err), &err);
    for (size_t i = 0; i < n; i++)
        buf_printf(&out, "%s%.*s", i ? " " : "", (int)p[i].len, p[i].term);
    ck_assert_str_eq(buf_text(&out), spellings[_i].prefixes);
    buf_clear(&out);
    mem_free(p);
    query_clear(&q);
    analyzer_free(a);
}
END_TEST

/* ---- what nobody types ---- */

static char *repeat(const char *s, int n)
{
    struct buf b = {0};

    while (n--)
        buf_puts(&b, s);
    return buf_take(&b);
}

START_TEST(immoderate_queries_are_bounded)
{
    static const struct {
        const char *text;
        int times;
        size_t n_phrases, n_prefixes;
    } many[] = {{"\"", 10000, 0, 0},          {"\"", 10001, 0, 0},         {"\"a", 10000, 1, 0},
                {"\"a\"", 5000, 64, 0},       {"ab* ", 5000, 0, 32},       {"*", 10000, 0, 0},
                {"\xe2\x80\x9c", 9999, 0, 0}, {"\xff\"\x80*", 9999, 64, 1}};
    char *text = repeat(many[_i].text, many[_i].times);
    struct question q = {0};

    ck_assert_ok(query_parse(&q, text, QUERY_OPERATORS, &err), &err);
    ck_assert_uint_eq(q.n_phrases, many[_i].n_phrases);
    ck_assert_uint_eq(q.n_prefixes, many[_i].n_prefixes);
    query_clear(&q);
    mem_free(text);
}
END_TEST

START_TEST(parsing_survives_each_failing_allocation)
{
    struct analyzer *a = NULL;
    int rc;

    ck_assert_ok(analyzer_new(&a, "french", &err), &err);
    FAIL_EACH_ALLOC(rc, {
        struct question q = {0};
        struct query_prefix *p = NULL;
        size_t n;

        err_clear(&err);
        rc = query_parse(&q, "\"a b\" \xc3\xa9t\xc3\xa9* \"c\"", QUERY_OPERATORS, &err);
        rc = rc ? rc : query_prefixes(&p, &n, &q, a, &err);
        mem_free(p);
        query_clear(&q);
    });
    analyzer_free(a);
}
END_TEST

TCase *tcase_syntax(void)
{
    TCase *tc = tcase_create("query_syntax.c");

    tcase_add_loop_test(tc, operators_are_what_the_grammar_says, 0, sizeof rows / sizeof *rows);
    tcase_add_loop_test(tc, plain_text_has_no_operators, 0, sizeof rows / sizeof *rows);
    tcase_add_loop_test(tc, beginnings_are_spelled_as_terms_but_keep_their_endings, 0,
                        sizeof spellings / sizeof *spellings);
    tcase_add_loop_test(tc, immoderate_queries_are_bounded, 0, 8);
    tcase_add_test(tc, parsing_survives_each_failing_allocation);
    return tc;
}
