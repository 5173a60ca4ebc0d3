/* check_model_gguf.c -- GGUF files that are right: values, lists, tensors. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/check_model.h"

#include <math.h>
#include <stdint.h>

#include "model/gguf.h"
#include "tests/gguf_writer.h"

static char dir[64], path[128];
static struct err err;

static void make_dir(void)
{
    tmp_dir(dir);
    snprintf(path, sizeof path, "%s/x.gguf", dir);
}

static void remove_dir(void) { tmp_remove(dir); }

/* Writes what was put, and opens it. */
static struct gguf *open_put(struct gguf_writer *w)
{
    struct gguf *g = NULL;
    struct buf b = {0};

    gguf_finish(&b, w);
    tmp_write(path, b.data, b.len);
    buf_clear(&b);
    ck_assert_ok(gguf_open(&g, path, &err), &err);
    ck_assert_str_eq(gguf_path(g), path);
    return g;
}

static int is_text(struct token_text t, const char *want)
{
    return t.n == strlen(want) && !memcmp(t.p, want, t.n);
}

/* ---- values ---- */

#define PUT(w, key, kind, type, value) gguf_put(w, key, kind, &(type){value}, sizeof(type))

static void put_one_of_each(struct gguf_writer *w)
{
    PUT(w, "u8", PUT_U8, uint8_t, 255);
    PUT(w, "i8", PUT_I8, int8_t, -128);
    PUT(w, "u16", PUT_U16, uint16_t, 65535);
    PUT(w, "i16", PUT_I16, int16_t, -32768);
    PUT(w, "u32", PUT_U32, uint32_t, 4294967295);
    PUT(w, "i32", PUT_I32, int32_t, -2147483647 - 1);
    PUT(w, "u64", PUT_U64, uint64_t, INT64_MAX);
    PUT(w, "i64", PUT_I64, int64_t, INT64_MIN);
    PUT(w, "huge", PUT_U64, uint64_t, UINT64_MAX);
    PUT(w, "f32", PUT_F32, float, 0.1f);
    PUT(w, "f64", PUT_F64, double, -1e-300);
    PUT(w, "f64 too large", PUT_F64, double, 1e300);
    PUT(w, "nan", PUT_F32, float, NAN);
    PUT(w, "true", PUT_BOOL, uint8_t, 1);
    PUT(w, "false", PUT_BOOL, uint8_t, 0);
    PUT(w, "neither", PUT_BOOL, uint8_t, 2);
    gguf_put_text(w, "text", "caf\xc3\xa9");
    gguf_put_text(w, "", "of the empty key");
    gguf_put_text(w, "empty", "");
    gguf_put_list(w, "list", PUT_U8, 3, "\1\2\3", 3);
}

START_TEST(integers_of_any_width_are_read)
{
    static const struct {
        const char *key;
        int64_t want;
    } cases[] = {
        {"u8", 255},         {"i8", -128},         {"u16", 65535},     {"i16", -32768},
        {"u32", 4294967295}, {"i32", -2147483648}, {"u64", INT64_MAX}, {"i64", INT64_MIN},
    };
    static const char *const others[] = {"huge", "f32", "true", "text", "list"};
    struct gguf_writer w = {0};
    struct gguf *g;
    int64_t v;

    put_one_of_each(&w);
    g = open_put(&w);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const int64_t want = cases[i].want;

        v = 5;
        ck_assert_int_eq(gguf_int(&v, g, cases[i].key, INT64_MIN, INT64_MAX, &err), 1);
        ck_assert_int_eq(v, want);
        ck_assert_int_eq(gguf_need_int(&v, g, cases[i].key, want, want, &err), 0);
        if (want != INT64_MAX)
            ck_assert_err(gguf_int(&v, g, cases[i].key, want + 1, INT64_MAX, &err), E_FORMAT,
                          cases[i].key, &err);
        if (want != INT64_MIN)
            ck_assert_err(gguf_need_int(&v, g, cases[i].key, INT64_MIN, want - 1, &err), E_FORMAT,
                          "not in", &err);
    }
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        ck_assert_err(gguf_int(&v, g, others[i], INT64_MIN, INT64_MAX, &err), E_FORMAT,
                      "is not an integer", &err);
    v = 7;
    ck_assert_int_eq(gguf_int(&v, g, "u9", 0, 1, &err), 0);
    ck_assert_int_eq(v, 7);
    ck_assert_err(gguf_need_int(&v, g, "u", 0, 1, &err), E_FORMAT, "u is missing", &err);
    gguf_close(g);
}
END_TEST

START_TEST(numbers_flags_and_texts_are_read)
{
    struct gguf_writer w = {0};
    struct token_text t = {0};
    struct gguf *g;
    float x = 9;
    int is = 9;

    put_one_of_each(&w);
    g = open_put(&w);
    ck_assert_int_eq(gguf_number(&x, g, "f32", &err), 1);
    ck_assert(x == 0.1f);
    ck_assert_int_eq(gguf_need_number(&x, g, "f64", &err), 0);
    ck_assert(x == 0);
    ck_assert_int_eq(gguf_number(&x, g, "i8", &err), 1);
    ck_assert(x == -128);
    ck_assert_int_eq(gguf_number(&x, g, "none", &err), 0);
    ck_assert_err(gguf_number(&x, g, "f64 too large", &err), E_FORMAT, "is not a number", &err);
    ck_assert_err(gguf_number(&x, g, "nan", &err), E_FORMAT, "is not a number", &err);
    ck_assert_err(gguf_number(&x, g, "true", &err), E_FORMAT, "is not a number", &err);
    ck_assert_err(gguf_need_number(&x, g, "text", &err), E_FORMAT, "is not a number", &err);
    ck_assert_err(gguf_need_number(&x, g, "none", &err), E_FORMAT, "is missing", &err);
    ck_assert_int_eq(gguf_bool(&is, g, "none", &err), 0);
    ck_assert_int_eq(is, 9);
    ck_assert_int_eq(gguf_bool(&is, g, "true", &err), 1);
    ck_assert_int_eq(is, 1);
    ck_assert_int_eq(gguf_bool(&is, g, "false", &err), 1);
    ck_assert_int_eq(is, 0);
    ck_assert_err(gguf_bool(&is, g, "neither", &err), E_FORMAT, "true or false", &err);
    ck_assert_err(gguf_bool(&is, g, "u8", &err), E_FORMAT, "true or false", &err);
    ck_assert_int_eq(gguf_text(&t, g, "none", &err), 0);
    ck_assert_int_eq(gguf_text(&t, g, "text", &err), 1);
    ck_assert(is_text(t, "caf\xc3\xa9"));
    ck_assert_int_eq(gguf_need_text(&t, g, "", &err), 0);
    ck_assert(is_text(t, "of the empty key"));
    ck_assert_int_eq(gguf_need_text(&t, g, "empty", &err), 0);
    ck_assert(is_text(t, ""));
    ck_assert_err(gguf_text(&t, g, "list", &err), E_FORMAT, "is not a text", &err);
    ck_assert_err(gguf_need_text(&t, g, "none", &err), E_FORMAT, "none is missing", &err);
    gguf_close(g);
}
END_TEST

static void put_lists(struct gguf_writer *w)
{
    struct buf texts = {0};

    gguf_add_text(&texts, "one", 3);
    gguf_add_text(&texts, "", 0);
    gguf_add_text(&texts, "t\0o", 3);
    gguf_put_list(w, "texts", PUT_TEXT, 3, texts.data, texts.len);
    buf_clear(&texts);
    gguf_put_list(w, "i8", PUT_I8, 3, "\1\xff\x80", 3);
    gguf_put_list(w, "u16", PUT_U16, 2, "\1\0\xff\xff", 4);
    gguf_put_list(w, "i64", PUT_I64, 2, (int64_t[]){-2147483648, 2147483647}, 16);
    gguf_put_list(w, "too large", PUT_U32, 2, (uint32_t[]){0, 2147483648}, 8);
    gguf_put_list(w, "f32", PUT_F32, 3, (float[]){0.5f, -INFINITY, 1e-44f}, 12);
    gguf_put_list(w, "f64", PUT_F64, 1, (double[]){0.25}, 8);
    gguf_put_list(w, "nan", PUT_F32, 2, (float[]){1, NAN}, 8);
    gguf_put_list(w, "bools", PUT_BOOL, 2, "\0\1", 2);
    gguf_put_list(w, "empty", PUT_TEXT, 0, "", 0);
    gguf_put_u32(w, "no list", 3);
}

START_TEST(lists_are_read)
{
    struct gguf_writer w = {0};
    struct token_text *texts = NULL;
    int32_t *ints = NULL;
    float *numbers = NULL;
    struct gguf *g;
    size_t n = 9;

    put_lists(&w);
    g = open_put(&w);
    ck_assert_int_eq(gguf_texts(&texts, &n, g, "texts", &err), 1);
    ck_assert(n == 3 && is_text(texts[0], "one") && is_text(texts[1], ""));
    ck_assert(texts[2].n == 3 && !memcmp(texts[2].p, "t\0o", 3));
    mem_free(texts);
    ck_assert_int_eq(gguf_ints(&ints, &n, g, "i8", &err), 1);
    ck_assert(n == 3 && ints[0] == 1 && ints[1] == -1 && ints[2] == -128);
    mem_free(ints);
    ck_assert_int_eq(gguf_ints(&ints, &n, g, "u16", &err), 1);
    ck_assert(n == 2 && ints[0] == 1 && ints[1] == 65535);
    mem_free(ints);
    ck_assert_int_eq(gguf_ints(&ints, &n, g, "i64", &err), 1);
    ck_assert(n == 2 && ints[0] == INT32_MIN && ints[1] == INT32_MAX);
    mem_free(ints);
    ck_assert_int_eq(gguf_numbers(&numbers, &n, g, "f32", &err), 1);
    ck_assert(n == 3 && numbers[0] == 0.5f && numbers[1] == -INFINITY && numbers[2] == 1e-44f);
    mem_free(numbers);
    ck_assert_int_eq(gguf_numbers(&numbers, &n, g, "f64", &err), 1);
    ck_assert(n == 1 && numbers[0] == 0.25f);
    mem_free(numbers);
    ck_assert_int_eq(gguf_numbers(&numbers, &n, g, "i8", &err), 1);
    ck_assert(n == 3 && numbers[2] == -128);
    mem_free(numbers);
    ck_assert_int_eq(gguf_texts(&texts, &n, g, "empty", &err), 1);
    ck_assert(n == 0 && !texts);
    ck_assert_int_eq(gguf_ints(&ints, &n, g, "none", &err), 0);
    ck_assert(n == 0 && !ints);
    gguf_close(g);
}
END_TEST

START_TEST(lists_of_something_else_are_refused)
{
    struct gguf_writer w = {0};
    struct token_text *texts = NULL;
    int32_t *ints = NULL;
    float *numbers = NULL;
    struct gguf *g;
    size_t n;

    put_lists(&w);
    g = open_put(&w);
    ck_assert_err(gguf_texts(&texts, &n, g, "i8", &err), E_FORMAT, "list of texts", &err);
    ck_assert_err(gguf_texts(&texts, &n, g, "no list", &err), E_FORMAT, "is not a list", &err);
    ck_assert_err(gguf_ints(&ints, &n, g, "texts", &err), E_FORMAT, "list of integers", &err);
    ck_assert_err(gguf_ints(&ints, &n, g, "f32", &err), E_FORMAT, "list of integers", &err);
    ck_assert_err(gguf_ints(&ints, &n, g, "bools", &err), E_FORMAT, "list of integers", &err);
    ck_assert_err(gguf_ints(&ints, &n, g, "too large", &err), E_FORMAT, "list of integers", &err);
    ck_assert_err(gguf_numbers(&numbers, &n, g, "texts", &err), E_FORMAT, "list of numbers", &err);
    ck_assert_err(gguf_numbers(&numbers, &n, g, "nan", &err), E_FORMAT, "list of numbers", &err);
    ck_assert_err(gguf_numbers(&numbers, &n, g, "bools", &err), E_FORMAT, "list of numbers", &err);
    ck_assert(!texts && !ints && !numbers);
    gguf_close(g);
}
END_TEST

/* ---- tensors ---- */

START_TEST(tensors_are_found_and_read_by_rows)
{
    static const uint32_t alignments[] = {0, 8, 64, 4096};
    static const uint32_t versions[] = {2, 3};
    float x[24], got[24];

    for (int i = 0; i < 24; i++)
        x[i] = (float)i - 5;
    for (int i = 0; i < 8; i++) {
        struct gguf_writer w = {.alignment = alignments[i / 2], .version = versions[i % 2]};
        const struct gguf_tensor *t;
        struct gguf *g;

        gguf_put_tensor(&w, "z", WEIGHT_F32, 1, (uint64_t[]){3}, x, 12);
        gguf_put_tensor(&w, "cube", WEIGHT_F32, 4, (uint64_t[]){3, 2, 2, 2}, x, 96);
        gguf_put_tensor(&w, "b", WEIGHT_Q8_0, 2, (uint64_t[]){64, 1},
                        "\0\x3c\1\2\3\4\5\6\7\1\2\3\4\5\6\7\1\2\3\4\5\6\7\1\2\3\4\5\6\7\1\2\3\4"
                        "\0\x40\1\2\3\4\5\6\7\1\2\3\4\5\6\7\1\2\3\4\5\6\7\1\2\3\4\5\6\7\1\2\3\4",
                        68);
        g = open_put(&w);
        ck_assert_uint_eq(gguf_n_tensors(g), 3);
        ck_assert_str_eq(gguf_at(g, 0)->name, "b");
        ck_assert_str_eq(gguf_at(g, 2)->name, "z");
        ck_assert_ptr_null(gguf_find(g, "a"));
        ck_assert_ptr_null(gguf_find(g, ""));
        t = gguf_find(g, "cube");
        ck_assert(t && t->n_dims == 4 && t->rows == 8 && t->columns == 3 && t->row_bytes == 12);
        ck_assert_uint_eq((uintptr_t)t->data % (alignments[i / 2] ? alignments[i / 2] : 32), 0);
        gguf_read_rows(got, t, 0, 8);
        ck_assert_mem_eq(got, x, sizeof x);
        gguf_read_rows(got, t, 5, 2);
        ck_assert_mem_eq(got, x + 15, 24);
        t = gguf_find(g, "b");
        ck_assert(t && t->rows == 1 && t->columns == 64 && t->row_bytes == 68);
        ck_assert_str_eq(t->type->name, "Q8_0");
        gguf_close(g);
    }
}
END_TEST

START_TEST(a_file_without_anything_is_a_file)
{
    struct gguf_writer w = {0};
    struct gguf *g = open_put(&w);
    size_t n;

    ck_assert_uint_eq(gguf_n_tensors(g), 0);
    ck_assert_ptr_null(gguf_find(g, "a"));
    ck_assert_mem_eq(gguf_bytes(&n, g), "GGUF", 4);
    ck_assert_uint_eq(n, 24);
    gguf_close(g);
    gguf_close(NULL);
}
END_TEST

START_TEST(each_allocation_of_gguf_may_fail_once)
{
    struct gguf_writer w = {0};
    int rc = 0;

    put_lists(&w);
    gguf_put_tensor(&w, "a", WEIGHT_F32, 1, (uint64_t[]){1}, "\0\0\x80\x3f", 4);
    gguf_close(open_put(&w));
    FAIL_EACH_ALLOC(rc, {
        struct gguf *g = NULL;
        struct token_text *texts = NULL;
        int32_t *ints = NULL;
        float *numbers = NULL;
        size_t n;

        rc = gguf_open(&g, path, &err);
        if (!rc)
            rc = gguf_texts(&texts, &n, g, "texts", &err);
        if (rc >= 0)
            rc = gguf_ints(&ints, &n, g, "i8", &err);
        if (rc >= 0)
            rc = gguf_numbers(&numbers, &n, g, "f32", &err);
        mem_free(texts);
        mem_free(ints);
        mem_free(numbers);
        gguf_close(g);
        err_clear(&err);
    });
}
END_TEST

TCase *gguf_tests(void)
{
    TCase *tc = tcase_create("gguf.c");

    tcase_add_checked_fixture(tc, make_dir, remove_dir);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, integers_of_any_width_are_read);
    tcase_add_test(tc, numbers_flags_and_texts_are_read);
    tcase_add_test(tc, lists_are_read);
    tcase_add_test(tc, lists_of_something_else_are_refused);
    tcase_add_test(tc, tensors_are_found_and_read_by_rows);
    tcase_add_test(tc, a_file_without_anything_is_a_file);
    tcase_add_test(tc, each_allocation_of_gguf_may_fail_once);
    return tc;
}
