/* check_indexer_filter.c -- filters: what they mean, what is no filter, and that nothing of them reaches SQL. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"
#include "indexer/filter.h"
#include "tests/indexer_fixture.h"

static struct fixture f;

static void add(const char *docno, const char *title, const char *meta)
{
    struct doc doc = {.docno = docno, .title = title, .text = "word", .meta = meta};

    ck_assert_ok(index_add(f.ix, &doc, &f.err), &f.err);
}

/* Documents with one letter for a name, in two segments. */
static void setup(void)
{
    fixture_open(&f, NULL);
    add("a", "The eye", "{\"year\":2020,\"source\":\"bbc\",\"tags\":[\"x\",\"y\"],\"ok\":true}");
    add("b", "", "{\"year\":\"2021\",\"source\":\"BBC News\",\"tags\":[],\"n\":-1.5}");
    add("c", "Fovea", "{\"metadata\":{\"year\":1999,\"source\":\"it's\"},\"tags\":\"x\"}");
    fixture_commit(&f);
    add("d", "", NULL);
    add("e", "100%",
        "{\"year\":null,\"tags\":[1,\"10\",null,[5]],\"a\":{\"b\":{\"c d\":7}},\"ok\":false}");
    add("f", "x",
        "{\"year\":\"unknown\",\"docno\":\"zz\",\"gr\xc3\xb6\xc3\x9f"
        "e\":\"\xc3\xa4\","
        "\"big\":9007199254740993,\"s\":\"a''b\",\"or\":1,\"x.y\":3,\"a-b\":1}");
    add("g", "y",
        "{\"year\":2020.0,\"source\":\"\",\"ok\":1,\"n\":\"1e3\",\"d\":\"2023-10-01T12:00\"}");
    fixture_commit(&f);
}

static void teardown(void) { fixture_close(&f); }

/* Names of the documents that a filter leaves, in order. */
static const char *kept(char out[32], const char *where)
{
    const struct filter *filter = NULL;
    size_t n = 0, counted = 0;

    ck_assert_ok(index_filter(&filter, f.ix, where, &f.err), &f.err);
    ck_assert_ptr_nonnull(filter);
    for (char c = 'a'; c <= 'g'; c++)
        for (int i = 0; i < index_n_segments(f.ix); i++) {
            struct segment *s = index_segment(f.ix, i);
            const uint64_t *excluded = filter_excluded(filter, i);

            for (uint32_t p = 0; p < segment_size(s); p++)
                if (segment_docno(s, p)[0] == c && !(excluded[p >> 6] >> (p & 63) & 1))
                    out[n++] = c;
        }
    for (int i = 0; i < index_n_segments(f.ix); i++)
        counted += filter_kept(filter, i);
    ck_assert_uint_eq(counted, n);
    out[n] = '\0';
    return out;
}

static const struct {
    const char *where, *kept;
} meanings[] = {
    /* numbers: as numbers, whatever kind of JSON they are */
    {"year = 2020", "ag"},
    {"year >= 2020", "abg"},
    {"year > 2020", "b"},
    {"year < 2020", "c"},
    {"year <= 2e3", "c"},
    {"n < 0", "b"},
    {"n = 1000", "g"},
    {"n = -1.50", "b"},
    {"n = +1000.0", "g"},
    {"big = 9007199254740993", "f"},
    {"big = 9007199254740992", ""},
    {"big < 1e300", "f"},
    {"year between 1999 and 2020", "acg"},
    {"year not between 1999 and 2020", "bdef"},
    {"year in (1999, 2021)", "bc"},
    /* texts: as texts */
    {"year = '2020'", "a"},
    {"year = '2021'", "b"},
    {"year = 'unknown'", "f"},
    {"source = 'bbc'", "a"},
    {"source = \"bbc\"", "a"},
    {"source == 'it''s'", "c"},
    {"source = \"it's\"", "c"},
    {"source = ''", "g"},
    {"source > 'a'", "ac"},
    {"s = 'a''''b'", "f"},
    {"d >= '2023-10' and d < '2023-11'", "g"},
    {"d between '2023' and '2024'", "g"},
    {"gr\xc3\xb6\xc3\x9f"
     "e = '\xc3\xa4'",
     "f"},
    /* patterns: letters in either case */
    {"source like 'bbc%'", "ab"},
    {"source not like 'bbc%'", "cdefg"},
    {"source like 'b_c'", "a"},
    {"source ~ 'NEWS'", "b"},
    {"source !~ 'news'", "acdefg"},
    {"source ~ ''", "abcg"},
    {"title ~ '%'", "e"},
    {"year like '20%'", "abg"},
    /* true and false */
    {"ok = true", "a"},
    {"ok != true", "bcdefg"},
    {"ok = false", "e"},
    {"ok = 'true'", "a"},
    {"ok = 1", "g"},
    {"ok in (true, 1)", "ag"},
    /* lists: any element */
    {"tags = 'x'", "ac"},
    {"tags != 'x'", "bdefg"},
    {"tags = 10", "e"},
    {"tags = '1'", "e"},
    {"tags = 5", ""},
    {"tags in ('y', 10)", "ae"},
    {"tags > 'x'", "a"},
    {"tags ~ '0'", "e"},
    /* null: absent, null, nothing in a list */
    {"year is null", "de"},
    {"year is not null", "abcfg"},
    {"tags is null", "bdfg"},
    {"a is not null", "e"},
    {"not year is null", "abcfg"},
    {"title is null", "bd"},
    {"docno is null", ""},
    /* where fields are */
    {"metadata.year = 1999", "c"},
    {"a.b.\"c d\" = 7", "e"},
    {"a.b = 7", ""},
    {"\"x.y\" = 3", "f"},
    {"x.y = 3", ""},
    {"a-b = 1", "f"},
    {"\"or\" = 1", "f"},
    {"YEAR = 2020", ""},
    {"bogus = 1", ""},
    {"bogus != 1", "abcdefg"},
    {"docno = 'b'", "b"},
    {"docno in ('a','g','zz')", "ag"},
    {"docno > 'e'", "fg"},
    {"\"docno\" = 'zz'", "f"},
    {"docno.x = 1", ""},
    {"title = 'Fovea'", "c"},
    {"TITLE like 'the %'", "a"},
    {"title = true", ""},
    /* and, or, not */
    {"year = 2020 and ok = true", "a"},
    {"year = 2020 or source = 'it''s' and ok = true", "ag"},
    {"(year = 2020 or source = 'it''s') and ok = true", "a"},
    {"not (year = 2020 or source = 'it''s')", "bdef"},
    {"not year = 2020 and not source = 'it''s'", "bdef"},
    {"not not year = 2020", "ag"},
    {"NOT(year=2020)AND(docno<'c'OR docno='g')", "b"},
    {"  ( ( year=2020 ) )\n", "ag"},
    {"not (not (year > 0 and not ok = 1) or tags = 'y')", "bc"},
};

START_TEST(a_filter_keeps_the_documents_that_it_holds_for)
{
    char out[32];

    ck_assert_msg(!strcmp(kept(out, meanings[_i].where), meanings[_i].kept), "%s keeps %s, not %s",
                  meanings[_i].where, out, meanings[_i].kept);
}
END_TEST

/* There is no third way: what a filter does not keep, its negation does. */
START_TEST(not_keeps_exactly_the_others)
{
    char in[32], out[32], text[300], all[64];
    size_t n = 0;

    snprintf(text, sizeof text, "not (%s)", meanings[_i].where);
    kept(in, meanings[_i].where);
    kept(out, text);
    for (char c = 'a'; c <= 'g'; c++)
        if ((strchr(in, c) != NULL) != (strchr(out, c) != NULL))
            all[n++] = c;
    all[n] = '\0';
    ck_assert_msg(!strcmp(all, "abcdefg"), "%s keeps %s, %s keeps %s", meanings[_i].where, in, text,
                  out);
}
END_TEST

/* Trees of "and", "or" and "not" keep what the sets of their tests make. */
static unsigned random_tree(struct buf *out, uint64_t *state, const unsigned sets[], int depth)
{
    int i = (int)random_below(state, (int)(sizeof meanings / sizeof *meanings)), is_and;
    unsigned set;

    switch (depth < 6 ? random_below(state, 4) : 0) {
    case 0:
        buf_printf(out, "(%s)", meanings[i].where);
        return sets[i];
    case 1:
        buf_puts(out, "not (");
        set = ~random_tree(out, state, sets, depth + 1) & 127;
        buf_putc(out, ')');
        return set;
    default:
        is_and = (int)random_below(state, 2);
        buf_putc(out, '(');
        set = random_tree(out, state, sets, depth + 1);
        for (uint32_t n = 1 + random_below(state, 3); n; n--) {
            unsigned other;

            buf_puts(out, is_and ? " and " : " or ");
            other = random_tree(out, state, sets, depth + 1);
            set = is_and ? set & other : set | other;
        }
        buf_putc(out, ')');
        return set;
    }
}

static unsigned set_of(const char *names)
{
    unsigned set = 0;

    for (; *names; names++)
        set |= 1u << (*names - 'a');
    return set;
}

START_TEST(trees_of_tests_are_sets_of_documents)
{
    unsigned sets[sizeof meanings / sizeof *meanings], set;
    uint64_t state = (uint64_t)_i + 1;
    struct buf text = {0};
    char out[32];

    for (size_t i = 0; i < sizeof meanings / sizeof *meanings; i++)
        sets[i] = set_of(meanings[i].kept);
    for (int i = 0; i < 40; i++) {
        buf_reset(&text);
        set = random_tree(&text, &state, sets, 0);
        if (text.len > FILTER_BYTES)
            continue;
        ck_assert_msg(set_of(kept(out, buf_text(&text))) == set, "%s keeps %s", buf_text(&text),
                      out);
    }
    buf_clear(&text);
}
END_TEST

/* ---- what is no filter ---- */

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
    char out[32];

    for (int i = 0; i < FILTER_DEPTH; i++) /* as much as can be left open at a time */
        buf_puts(&deep, "title = 'x' or docno > 'a' and (");
    buf_puts(&deep, "year in (1, 'x', true) and tags between 'a' and 'z'");
    for (int i = 0; i < FILTER_DEPTH; i++)
        buf_putc(&deep, ')');
    ck_assert_int_lt((int)strlen(kept(out, buf_text(&deep))), 8);
    for (int i = 0; i < FILTER_TESTS; i++)
        buf_printf(&wide, "%sa.b!=%d", i ? " and " : "", i);
    ck_assert_str_eq(kept(out, buf_text(&wide)), "abcdefg");
    buf_puts(&list, "x in (1");
    for (int i = 1; i < FILTER_VALUES; i++)
        buf_printf(&list, ",%d", i % 10);
    buf_puts(&list, ")");
    ck_assert_str_eq(kept(out, buf_text(&list)), "");
    for (int i = 0; i < 8000; i++)
        buf_puts(&nots, "not ");
    buf_puts(&nots, "year=2020");
    ck_assert_str_eq(kept(out, buf_text(&nots)), "ag");

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
    char out[32];

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
            ck_assert_str_eq(kept(out, buf_text(&where)), "");
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
    add("a", "", "{\"v\":\"x' OR '1'='1\"}");
    fixture_commit(&f);
    ck_assert_str_eq(kept(out, "v = 'x'' OR ''1''=''1'"), "a");
    fixture_check(&f);
}
END_TEST

/* Any bytes are a filter or an error of one line; beginnings and mutations of filters lead into every branch. */
START_TEST(any_text_is_parsed_or_refused)
{
    uint64_t state = (uint64_t)_i + 1;

    for (int i = 0; i < 3000; i++) {
        const char *from = meanings[random_below(&state, sizeof meanings / sizeof *meanings)].where;
        size_t n = strlen(from);
        char text[300];
        int rc;

        memcpy(text, from, n + 1);
        text[random_below(&state, (uint32_t)n + 1)] = '\0';
        n = strlen(text);
        for (uint32_t k = n ? random_below(&state, 4) : 0; k; k--)
            text[random_below(&state, (uint32_t)n)] =
                "'\"().,=<>~! aorntilk019-+e\\%\xc3\xa4\x01"[random_below(&state, 33)];
        rc = filter_check(text, &f.err);
        ck_assert(rc == 0 || rc == E_INVALID);
        ck_assert(!rc == !f.err.text[0]);
        ck_assert_ptr_null(strchr(f.err.text, '\n'));
        err_clear(&f.err);
    }
}
END_TEST

/* ---- in the index ---- */

START_TEST(filters_follow_commits_and_are_kept_between_them)
{
    const struct filter *one, *two, *other;
    char out[32], text[16];

    ck_assert_str_eq(kept(out, "year = 2020"), "ag");
    ck_assert_ok(index_filter(&one, f.ix, "year = 2020", &f.err), &f.err);
    ck_assert_ok(index_filter(&two, f.ix, "year = 2020", &f.err), &f.err);
    ck_assert_ptr_eq(one, two);
    for (int i = 0; i < 3; i++) {
        snprintf(text, sizeof text, "year=%d", i);
        ck_assert_ok(index_filter(&other, f.ix, text, &f.err), &f.err);
    }
    ck_assert_ok(index_filter(&two, f.ix, "year = 2020", &f.err), &f.err);
    ck_assert_ptr_eq(one, two);
    for (int i = 0; i < 10; i++) { /* more than are kept */
        snprintf(text, sizeof text, "year=%d", i);
        ck_assert_ok(index_filter(&other, f.ix, text, &f.err), &f.err);
    }
    ck_assert_str_eq(kept(out, "year = 2020"), "ag");
    add("d", "", "{\"year\":2020}");
    ck_assert_str_eq(kept(out, "year = 2020"), "ag"); /* not committed yet */
    ck_assert_int_eq(index_delete(f.ix, "a", &f.err), 1);
    fixture_commit(&f);
    ck_assert_str_eq(kept(out, "year = 2020"), "dg");
    ck_assert_str_eq(kept(out, "year != 2020"), "bcef");
    ck_assert_ok(index_merge(f.ix, &f.err), &f.err);
    ck_assert_str_eq(kept(out, "year = 2020"), "dg");
    fixture_again(&f);
    ck_assert_str_eq(kept(out, "year = 2020"), "dg");
    ck_assert_ok(index_filter(&one, f.ix, NULL, &f.err), &f.err);
    ck_assert_ptr_null(one);
}
END_TEST

/* Ids far apart, as after many replacements, are looked up in another way than those in a row. */
START_TEST(ids_may_lie_far_apart)
{
    struct db *db = NULL;
    char out[32];

    index_close(f.ix);
    f.ix = NULL;
    ck_assert_ok(db_open(&db, f.path, DB_WRITE, &f.err), &f.err);
    ck_assert_ok(
        db_exec(db, &f.err, "UPDATE fovea_documents SET id = 4000000000 WHERE docno = 'g'"),
        &f.err);
    db_close(db);
    fixture_again(&f);
    add("a", "", "{\"year\":2020}");
    add("b", "", "{\"year\":2020}");
    fixture_commit(&f);
    /* the row of g is not that of its passage any more, so g is not there; the others are */
    ck_assert_str_eq(kept(out, "year = 2020"), "ab");
    ck_assert_str_eq(kept(out, "year = 2020 or docno > 'd'"), "abef");
}
END_TEST

START_TEST(metadata_that_is_no_json_is_damage)
{
    const struct filter *filter;
    char out[32];

    add("b", "", "{\"year\":");
    fixture_commit(&f);
    ck_assert_err(index_filter(&filter, f.ix, "year = 2020", &f.err), E_FORMAT,
                  "the metadata of a document is no JSON", &f.err);
    ck_assert_str_eq(kept(out, "docno = 'b'"), "b");
}
END_TEST

START_TEST(a_filter_survives_each_failing_allocation)
{
    static const char where[] = "not (year in (2020, 'x', true) or source ~ 'b') and a.b is null";
    const struct filter *filter;
    int rc = 0;

    FAIL_EACH_ALLOC(rc, {
        filters_forget(f.ix);
        err_clear(&f.err);
        rc = index_filter(&filter, f.ix, where, &f.err);
    });
    ck_assert_ptr_nonnull(filter);
}
END_TEST

TCase *tcase_filter(void)
{
    TCase *tc = tcase_create("filter");
    int n = (int)(sizeof meanings / sizeof *meanings);

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, a_filter_keeps_the_documents_that_it_holds_for, 0, n);
    tcase_add_loop_test(tc, not_keeps_exactly_the_others, 0, n);
    tcase_add_loop_test(tc, trees_of_tests_are_sets_of_documents, 0, 5);
    tcase_add_loop_test(tc, what_is_no_filter_is_refused_with_its_column, 0,
                        (int)(sizeof refused / sizeof *refused));
    tcase_add_test(tc, limits_are_within_those_of_sqlite);
    tcase_add_test(tc, no_text_of_a_filter_becomes_sql);
    tcase_add_loop_test(tc, any_text_is_parsed_or_refused, 0, 4);
    tcase_add_test(tc, filters_follow_commits_and_are_kept_between_them);
    tcase_add_test(tc, ids_may_lie_far_apart);
    tcase_add_test(tc, metadata_that_is_no_json_is_damage);
    tcase_add_test(tc, a_filter_survives_each_failing_allocation);
    return tc;
}
