/* check_indexer_filter_text.c -- what is no filter, and that no text of one becomes SQL. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"
#include "indexer/filter.h"
#include "tests/indexer_fixture.h"

static struct fixture f;

static void add(const char *docno, const char *meta)
{
    struct doc doc = {.docno = docno, .title = "", .text = "word", .meta = meta};

    ck_assert_ok(index_add(f.ix, &doc, &f.err), &f.err);
}

static void setup(void)
{
    fixture_open(&f, NULL);
    add("a", "{\"year\":2020,\"a\":\"x\"}");
    add("b", "{\"year\":2021,\"a\":[1,\"or\"]}");
    add("c", NULL);
    fixture_commit(&f);
}

static void teardown(void) { fixture_close(&f); }

/* How many documents a filter leaves. */
static unsigned kept(const char *where)
{
    const struct filter *filter = NULL;
    unsigned n = 0;

    ck_assert_ok(index_filter(&filter, f.ix, where, &f.err), &f.err);
    for (int i = 0; i < index_n_segments(f.ix); i++)
        n += filter_kept(filter, i);
    return n;
}

static const struct {
    const char *where, *text;
} refused[] = {
    {"", "column 1: a field is expected"},
    {"   ", "a field is expected"},
    {"year", "column 5: one of = != < <= > >= ~ !~, in, like, between, is null is expected after "
             "'year'"},
    {"year >=", "column 8: a value is expected after '>='"},
    {"year >= )", "column 9: a value is expected after '>='"},
    {"year = 2020 source = 'x'", "column 13: 'and' or 'or' is expected after '2020'"},
    {"year = 2020 and", "column 16: a field is expected after 'and'"},
    {"and year = 2020", "column 1: a field is expected"},
    {"\xc3\xa4\xc3\xb6 = ", "column 5: a value is expected after '='"},
    {"(year = 2020", "column 13: 'and', 'or' or ')' is expected after '2020'"},
    {"year = 2020)", "column 12: 'and' or 'or' is expected after '2020'"},
    {"year = bbc", "column 8: a value is expected; text stands in quotes: 'bbc'"},
    {"year = 2023-10-01", "column 8: '2023-10-01' is no number; text stands in quotes"},
    {"year = 10mg", "column 8: '10mg' is no number"},
    {"year = 1.2.3", "column 8: '1.2.3' is no number"},
    {"year = -", "column 8: '-' is no number"},
    {"year = .", "column 8: '.' is no number"},
    {"year = 1e999", "column 8: the number is too large"},
    {"year = 'x", "column 8: the quote ' is not closed"},
    {"year = \"x", "column 8: the quote \" is not closed"},
    {"\"year = 2020", "column 1: the quote \" is not closed"},
    {"year = null", "column 8: nothing compares with null; write FIELD is null"},
    {"year is 2020", "column 9: 'null' or 'not null' is expected after 'is'"},
    {"year is not 2020", "column 13: 'null' is expected after 'not'"},
    {"year not 2020", "column 10: 'in', 'like' or 'between' is expected after 'not'"},
    {"year in 2020", "column 9: '(' is expected after 'in'"},
    {"year in ()", "column 10: a value is expected after '('"},
    {"year in (2020", "column 14: ',' or ')' is expected after '2020'"},
    {"year in (2020,)", "column 15: a value is expected after ','"},
    {"year between 1 or 2", "column 16: 'and' is expected after '1'"},
    {"year between 1 and 'x'", "column 14: a range is from number to number or from text to text"},
    {"year between 1 and true", "column 14: a range is"},
    {"year like 2020", "column 11: a text is expected after 'like'"},
    {"year ~ true", "column 8: a text is expected after '~'"},
    {"ok < true", "column 1: true and false have no order"},
    {"ok between true and false", "column 12: a range is"},
    {"in = 1", "column 1: a field is expected"},
    {"'year' = 1", "column 1: a field is expected"},
    {"1 = 1", "column 1: a field is expected"},
    {"a. = 1", "column 3: a name is expected after '.'"},
    {"a..b = 1", "column 3: a name is expected after '.'"},
    {"\"\" = 1", "column 1: a field has no name"},
    {"a.\"b\\c\" = 1", "column 3: the name of a field cannot hold"},
    {"\"b\"\"c\" = 1", "column 1: the name of a field cannot hold"},
    {"a = \"b\".c", "column 5: a value is expected after '='"},
    {"a = 1; drop table fovea_documents", "column 6: ';' means nothing here"},
    {"a = 1 -- b", "column 7: '--' is no number"},
    {"a = (select 1)", "column 5: a value is expected after '='"},
    {"a = 1 union select 1", "column 7: 'and' or 'or' is expected after '1'"},
    {"a = ?1", "column 5: '?' means nothing here"},
    {"not", "column 4: a field is expected after 'not'"},
    {"()", "column 2: a field is expected after '('"},
    {"a = '\xff'", "the filter is not UTF-8"},
};

START_TEST(what_is_no_filter_is_refused_with_its_column)
{
    const struct filter *filter = NULL;

    ck_assert_err(filter_check(refused[_i].where, &f.err), E_INVALID, refused[_i].text, &f.err);
    ck_assert_err(index_filter(&filter, f.ix, refused[_i].where, &f.err), E_INVALID,
                  "where: ", &f.err);
    ck_assert_ptr_null(filter);
}
END_TEST

/* The longest, deepest and widest filters pass through SQLite; what is beyond the limits does not get there. */
START_TEST(limits_are_within_those_of_sqlite)
{
    const struct filter *filter = NULL;
    struct buf deep = {0}, wide = {0}, list = {0}, nots = {0};

    for (int i = 0; i < FILTER_DEPTH; i++) /* as much as can be left open at a time */
        buf_puts(&deep, "title = 'x' or docno > 'a' and (");
    buf_puts(&deep, "year in (1, 'x', true) and tags between 'a' and 'z'");
    for (int i = 0; i < FILTER_DEPTH; i++)
        buf_putc(&deep, ')');
    ck_assert_uint_eq(kept(buf_text(&deep)), 0);
    for (int i = 0; i < FILTER_TESTS; i++)
        buf_printf(&wide, "%sa.b!=%d", i ? " and " : "", i);
    ck_assert_uint_eq(kept(buf_text(&wide)), 3);
    buf_puts(&list, "x in (1");
    for (int i = 1; i < FILTER_VALUES; i++)
        buf_printf(&list, ",%d", i % 10);
    buf_puts(&list, ")");
    ck_assert_uint_eq(kept(buf_text(&list)), 0);
    for (int i = 0; i < 8000; i++)
        buf_puts(&nots, "not ");
    buf_puts(&nots, "year=2020");
    ck_assert_uint_eq(kept(buf_text(&nots)), 1);

    buf_puts(&wide, " and a=1");
    ck_assert_err(filter_check(buf_text(&wide), &f.err), E_LIMIT, "more than 500 tests", &f.err);
    list.data[list.len - 1] = ',';
    buf_puts(&list, "1)");
    ck_assert_err(filter_check(buf_text(&list), &f.err), E_LIMIT, "more than 10000 values", &f.err);
    ck_assert_err(index_filter(&filter, f.ix, "((((((((((( a=1", &f.err), E_LIMIT,
                  "where: column 11: more than 10 parentheses", &f.err);
    while (nots.len <= FILTER_BYTES)
        buf_puts(&nots, " ");
    ck_assert_err(filter_check(buf_text(&nots), &f.err), E_LIMIT, "32768 are allowed", &f.err);
    buf_clear(&deep);
    buf_clear(&wide);
    buf_clear(&list);
    buf_clear(&nots);
}
END_TEST

/* Nothing that a filter holds is SQL: hostile values are values, hostile names are names. */
START_TEST(no_text_of_a_filter_becomes_sql)
{
    static const char *const hostile[] = {"x' OR '1'='1",
                                          "'; DROP TABLE fovea_documents; --",
                                          "?1",
                                          "x\") OR 1=1 --",
                                          "%w %q %s %n",
                                          "$.\"year\"",
                                          "year\" OR \"a\"=\"a",
                                          "*/ UNION SELECT 1 /*",
                                          ")) OR ((1"};

    for (size_t i = 0; i < sizeof hostile / sizeof *hostile; i++) {
        struct filter_tree tree = {0};
        struct filter_sql sql = {0};
        struct buf text = {0}, name = {0};

        for (const char *s = hostile[i]; *s; s++) { /* as it is written in quotes */
            buf_puts(&text, *s == '\'' ? "''" : (char[]){*s, 0});
            buf_puts(&name, *s == '"' ? "" : (char[]){*s, 0});
        }
        buf_puts(&name, "");
        {
            struct buf where = {0};

            buf_printf(&where, "\"%s\" = '%s' or a in ('%s') or a ~ '%s' or a like '%s'",
                       buf_text(&name), buf_text(&text), buf_text(&text), buf_text(&text),
                       buf_text(&text));
            ck_assert_uint_eq(kept(buf_text(&where)), 0);
            ck_assert_ok(filter_parse(&tree, buf_text(&where), &f.err), &f.err);
            ck_assert_ok(filter_compile(&sql, tree.root, &f.err), &f.err);
            ck_assert_ptr_null(strstr(buf_text(&sql.text), "DROP"));
            if (strlen(hostile[i]) > 3) /* ?1 is there for another reason */
                ck_assert_ptr_null(strstr(buf_text(&sql.text), hostile[i]));
            buf_clear(&where);
        }
        filter_sql_clear(&sql);
        filter_tree_clear(&tree);
        buf_clear(&text);
        buf_clear(&name);
    }
    add("a", "{\"v\":\"x' OR '1'='1\"}");
    fixture_commit(&f);
    ck_assert_uint_eq(kept("v = 'x'' OR ''1''=''1'"), 1);
    fixture_check(&f);
}
END_TEST

/* Any bytes are a filter or an error of one line; beginnings and mutations of filters lead into every branch. */
START_TEST(any_text_is_parsed_or_refused)
{
    static const char signs[] = "'\"().,=<>~! aorntilk019-+e\\%\xc3\xa4\x01";
    static const char *const seeds[] = {
        "not (year in (2020, 'x', true) or source ~ 'b') and a.b is null",
        "year not between 1999 and 2020.5e1 or \"a b\".c like '%x''y'",
        "(docno = 'a' or title !~ \"b\") and tags is not null and n <> -1",
    };
    uint64_t state = (uint64_t)_i + 1;

    for (int i = 0; i < 3000; i++) {
        const char *from = seeds[random_below(&state, 3)];
        size_t n = strlen(from);
        char text[300];
        int rc;

        memcpy(text, from, n + 1);
        text[random_below(&state, (uint32_t)n + 1)] = '\0';
        n = strlen(text);
        for (uint32_t k = n ? random_below(&state, 4) : 0; k; k--)
            text[random_below(&state, (uint32_t)n)] = signs[random_below(&state, sizeof signs - 1)];
        rc = filter_check(text, &f.err);
        ck_assert(rc == 0 || rc == E_INVALID);
        ck_assert(!rc == !f.err.text[0]);
        ck_assert_ptr_null(strchr(f.err.text, '\n'));
        err_clear(&f.err);
    }
}
END_TEST

TCase *tcase_filter_text(void)
{
    TCase *tc = tcase_create("filter text");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, what_is_no_filter_is_refused_with_its_column, 0,
                        (int)(sizeof refused / sizeof *refused));
    tcase_add_test(tc, limits_are_within_those_of_sqlite);
    tcase_add_test(tc, no_text_of_a_filter_becomes_sql);
    tcase_add_loop_test(tc, any_text_is_parsed_or_refused, 0, 4);
    return tc;
}
