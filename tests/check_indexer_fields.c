/* check_indexer_fields.c -- lists of weighted fields: read, written, found in documents, recorded. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/indexer_fixture.h"

/* ---- lists ---- */

static const struct {
    const char *text, *form;
    double unit;
} lists[] = {
    {NULL, "title:1,headings:1,text:1", 1},
    {"title:1", "title:1,headings:1,text:1", 1},
    {"title:3", "title:3,headings:1,text:1", 1},
    {" title : 3 ,\ttext:02.50", "title:3,headings:1,text:2.5", 0.5},
    {"text:64,title:64.0,headings:64.00", "title:64,headings:64,text:64", 64},
    {"headings:.5", "title:1,headings:0.5,text:1", 0.5},
    {"headings:0.750000", "title:1,headings:0.75,text:1", 0.25},
    {"headings:2.,title:4,text:6", "title:4,headings:2,text:6", 2},
    {"text:0,title:0,headings:0,b:9,a:6", "title:0,headings:0,text:0,a:6,b:9", 3},
    {"b:1,a.b:2,a:3", "title:1,headings:1,text:1,a:3,a.b:2,b:1", 1},
    {"keywords:0", "title:1,headings:1,text:1", 1},
    {"\"title\":2,\"x y\":2,\"a\"\"b\":1",
     "title:1,headings:1,text:1,\"a\"\"b\":1,\"title\":2,\"x y\":2", 1},
    {"\"key\":2", "title:1,headings:1,text:1,key:2", 1},
    {"meta.title:2,\"a.b\":1", "title:1,headings:1,text:1,\"a.b\":1,meta.title:2", 1},
    {"sch\xc3\xb6n_1-2:1", "title:1,headings:1,text:1,sch\xc3\xb6n_1-2:1", 1},
};

START_TEST(lists_that_mean_the_same_have_one_form)
{
    struct fields f, again;
    struct err err = {0};
    struct buf form = {0}, second = {0};

    ck_assert_ok(fields_parse(&f, lists[_i].text, &err), &err);
    fields_format(&form, &f);
    ck_assert_str_eq(buf_text(&form), lists[_i].form);
    ck_assert_double_eq(fields_unit(&f), lists[_i].unit);
    ck_assert_int_eq(f.is_plain, !strcmp(lists[_i].form, "title:1,headings:1,text:1"));
    ck_assert_ok(fields_parse(&again, buf_text(&form), &err), &err);
    fields_format(&second, &again);
    ck_assert_str_eq(buf_text(&second), lists[_i].form);
    ck_assert_double_eq(fields_unit(&again), lists[_i].unit);
    buf_clear(&form);
    buf_clear(&second);
}
END_TEST

static const struct {
    const char *text, *part;
} refused[] = {
    {"", "a name is expected at byte 1"},
    {" ", "a name is expected at byte 2"},
    {",", "a name is expected at byte 1"},
    {"title", "':' is expected at byte 6"},
    {"title:", "a weight is expected at byte 7"},
    {"title:1,", "a name is expected at byte 9"},
    {"title:1;text:2", "',' is expected at byte 8"},
    {"title:1 text:2", "',' is expected at byte 9"},
    {"title:-1", "a weight is expected"},
    {"title:+1", "a weight is expected"},
    {"title:.", "a weight is expected"},
    {"title:1e3", "',' is expected"},
    {"title:nan", "a weight is expected"},
    {"title:inf", "a weight is expected"},
    {"title:0x10", "',' is expected"},
    {"title:64.25", "a weight is over 64"},
    {"title:65", "a weight is over 64"},
    {"title:99999999999999999999", "a weight is over 64"},
    {"title:0.3", "no multiple of 0.25"},
    {"title:0.251", "no multiple of 0.25"},
    {"title:0.2500000000000000000000001", "no multiple of 0.25"},
    {"title:1,title:2", "a field is named twice at byte 14"},
    {"a:1,\"a\":2", "a field is named twice"},
    {"title:0,text:0,headings:0", "all weights are 0"},
    {"title:0,text:0,headings:0,a:0", "all weights are 0"},
    {"a.:1", "a name is expected at byte 3"},
    {".a:1", "a name is expected at byte 1"},
    {"a..b:1", "a name is expected at byte 3"},
    {"1a:1", "a name is expected"},
    {"-a:1", "a name is expected"},
    {"\"a:1", "a quote is not closed at byte 1"},
    {"\"\":1", "a name is empty"},
    {"a b:1", "':' is expected"},
    {"a'b:1", "':' is expected"},
    {"a.b.c.d.e.f.g.h.i:1", "too many parts"},
    {"a1:1,a2:1,a3:1,a4:1,a5:1,a6:1,a7:1,a8:1,a9:1,b1:1,b2:1,b3:1,b4:1,b5:1,b6:1,b7:1,b8:1",
     "more than 16 fields"},
};

START_TEST(other_lists_are_refused_and_told_where)
{
    struct fields f;
    struct err err = {0};

    ck_assert_err(fields_parse(&f, refused[_i].text, &err), E_INVALID, refused[_i].part, &err);
}
END_TEST

START_TEST(long_lists_are_refused)
{
    char text[FIELDS_BYTES + 1];
    struct fields f;
    struct err err = {0};

    memset(text, 'a', sizeof text);
    memcpy(text + FIELDS_BYTES - 2, ":1", 3);
    ck_assert_err(fields_parse(&f, text, &err), E_INVALID, "over 1023 bytes", &err);
    memcpy(text + FIELDS_BYTES - 3, ":1", 3);
    ck_assert_ok(fields_parse(&f, text, &err), &err);
    ck_assert_int_eq(f.n_more, 1);
}
END_TEST

/* ---- members of meta ---- */

static const struct {
    const char *meta, *want[3]; /* of tags, a.b and "a.b"; all NULL: nothing */
} members[] = {
    {NULL, {0}},
    {"", {0}},
    {"{", {0}},
    {"[1]", {0}},
    {"\"tags\"", {0}},
    {"{}", {0}},
    {"{\"tags\":null,\"a\":{\"b\":true}}", {0}},
    {"{\"tags\":\"x y\"}", {"x y", "", ""}},
    {"{\"tags\":[\"x\",\"y z\",3,null,[\"no\"],{\"no\":1},1.5],\"a\":{\"b\":-7}}",
     {"x y z 3 1.5", "-7", ""}},
    {"{\"a.b\":\"whole\",\"a\":{\"b\":\"part\"}}", {"", "part", "whole"}},
    {"{\"metadata\":{\"tags\":\"in\",\"a\":{\"b\":\"deep\"}}}", {"in", "deep", ""}},
    {"{\"metadata\":{\"tags\":\"in\"},\"tags\":\"out\"}", {"out", "", ""}},
    {"{\"metadata\":\"tags\",\"a\":\"b\"}", {0}},
    {"{\"a\":[{\"b\":\"no\"}]}", {0}},
};

START_TEST(fields_are_found_in_meta_and_in_its_metadata)
{
    const char *const *texts = NULL;
    struct arena memory = {0};
    struct err err = {0};
    size_t bytes = 9;
    struct fields f;

    ck_assert_ok(fields_parse(&f, "tags:1,a.b:2,\"a.b\":3", &err), &err);
    ck_assert_int_eq(f.n_more, 3); /* by name: a.b, "a.b", tags */
    ck_assert_ok(fields_read(&texts, &bytes, &memory, &f, members[_i].meta, &err), &err);
    if (!members[_i].want[0]) {
        ck_assert_ptr_null(texts);
        ck_assert_uint_eq(bytes, 0);
    } else {
        ck_assert_ptr_nonnull(texts);
        ck_assert_str_eq(texts[2], members[_i].want[0]);
        ck_assert_str_eq(texts[0], members[_i].want[1]);
        ck_assert_str_eq(texts[1], members[_i].want[2]);
        ck_assert_uint_gt(bytes, 3);
    }
    arena_clear(&memory);
}
END_TEST

/* ---- settings ---- */

static int open_with(struct fixture *f, const char *fields)
{
    struct index_options opt = {.mode = INDEX_WRITE, .settings = {.fields = fields}};

    index_close(f->ix);
    f->ix = NULL;
    return index_open(&f->ix, f->path, &opt, &f->err);
}

START_TEST(an_index_keeps_its_fields_and_refuses_others)
{
    struct index_options opt = {.settings = {.analyzer = "plain", .fields = "tags:2, title:3"}};
    struct fixture f;

    fixture_open(&f, &opt);
    ck_assert_str_eq(index_settings(f.ix)->fields, "title:3,headings:1,text:1,tags:2");
    ck_assert_ok(open_with(&f, NULL), &f.err);
    ck_assert_ok(open_with(&f, "text:1,tags:2.00,title:3,year:0"), &f.err);
    ck_assert_str_eq(index_settings(f.ix)->fields, "title:3,headings:1,text:1,tags:2");
    ck_assert_err(open_with(&f, "title:3"), E_INVALID,
                  "was made with fields 'title:3,headings:1,text:1,tags:2', not "
                  "'title:3,headings:1,text:1'",
                  &f.err);
    ck_assert_err(open_with(&f, "title:x"), E_INVALID, "a weight is expected", &f.err);
    fixture_close(&f);
    fixture_open(&f, NULL);
    ck_assert_str_eq(index_settings(f.ix)->fields, "title:1,headings:1,text:1");
    ck_assert_double_eq(index_unit(f.ix), 1);
    ck_assert_ok(open_with(&f, "text:1"), &f.err);
    ck_assert_err(open_with(&f, "text:2"), E_INVALID, "was made with fields", &f.err);
    fixture_close(&f);
}
END_TEST

START_TEST(only_weighted_fields_need_a_new_format)
{
    struct index_options opt = {.settings = {.analyzer = "plain", .fields = "title:1,text:1"}};
    struct fixture f;
    int64_t n = 9;

    fixture_open(&f, &opt);
    ck_assert_int_eq(f.ix->recorded.format, INDEX_FORMAT_PLAIN);
    ck_assert_ok(db_get_int(&n, f.ix->rd.db, &f.err,
                            "SELECT count(*) FROM fovea_settings WHERE key = 'fields'"),
                 &f.err);
    ck_assert_int_eq(n, 0);
    fixture_close(&f);
    opt.settings.fields = "title:2";
    fixture_open(&f, &opt);
    ck_assert_int_eq(f.ix->recorded.format, INDEX_FORMAT_FIELDS);
    ck_assert_ok(db_exec(f.ix->wr.db, &f.err,
                         "UPDATE fovea_settings SET value = 'title:99' WHERE key = 'fields'"),
                 &f.err);
    ck_assert_err(open_with(&f, NULL), E_FORMAT, "is damaged", &f.err);
    fixture_close(&f);
}
END_TEST

TCase *tcase_fields(void)
{
    TCase *tc = tcase_create("fields");

    tcase_add_loop_test(tc, lists_that_mean_the_same_have_one_form, 0,
                        (int)(sizeof lists / sizeof *lists));
    tcase_add_loop_test(tc, other_lists_are_refused_and_told_where, 0,
                        (int)(sizeof refused / sizeof *refused));
    tcase_add_test(tc, long_lists_are_refused);
    tcase_add_loop_test(tc, fields_are_found_in_meta_and_in_its_metadata, 0,
                        (int)(sizeof members / sizeof *members));
    tcase_add_test(tc, an_index_keeps_its_fields_and_refuses_others);
    tcase_add_test(tc, only_weighted_fields_need_a_new_format);
    return tc;
}
