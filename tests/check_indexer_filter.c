/* check_indexer_filter.c -- filters: what they mean, and how they follow the index. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"
#include "indexer/filter_parse.h"
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
    tcase_add_test(tc, filters_follow_commits_and_are_kept_between_them);
    tcase_add_test(tc, ids_may_lie_far_apart);
    tcase_add_test(tc, metadata_that_is_no_json_is_damage);
    tcase_add_test(tc, a_filter_survives_each_failing_allocation);
    return tc;
}
