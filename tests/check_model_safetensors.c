/* check_model_safetensors.c -- files that are right, and files that only claim to be. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/check_model.h"

#include <math.h>
#include <stdint.h>

#include "base/buf.h"
#include "model/safetensors.h"

static char dir[64], path[128];
static struct err err;

static void make_dir(void)
{
    tmp_dir(dir);
    snprintf(path, sizeof path, "%s/x.safetensors", dir);
}

static void remove_dir(void) { tmp_remove(dir); }

/* A file of this header and n_data bytes 0, 1, 2, ... */
static void put_file(const char *header, size_t n_data)
{
    struct buf b = {0};

    buf_u64(&b, strlen(header));
    buf_puts(&b, header);
    for (size_t i = 0; i < n_data; i++)
        buf_u8(&b, (uint8_t)i);
    tmp_write(path, b.data, b.len);
    buf_clear(&b);
}

static int open_file(struct safetensors **st, const char *header, size_t n_data)
{
    put_file(header, n_data);
    return safetensors_open(st, path, &err);
}

/* Headers of two lengths, so that the data are aligned in one file and not in the other. */
#define TWO(pad)                                                                                   \
    "{\"__metadata__\":{\"format\":\"pt\"},\"b\":{\"dtype\":\"F32\",\"shape\":[2,3],\"data_"       \
    "offsets\":[8,32]},"                                                                           \
    "\"a\":{\"dtype\":\"I64\",\"shape\":[],\"data_offsets\":[0,8]}}" pad

START_TEST(tensors_are_found_by_name_and_shape)
{
    static const char *const headers[] = {TWO(""), TWO(" "), TWO("  "), TWO("   ")};
    struct safetensors *st = NULL;
    const struct tensor *t = NULL;
    float want[6], got[6];
    int n_borrowed = 0;

    for (int i = 0; i < 4; i++) {
        unsigned char bytes[24];

        for (unsigned char k = 0; k < 24; k++)
            bytes[k] = (unsigned char)(8 + k);
        memcpy(want, bytes, sizeof want);
        ck_assert_ok(open_file(&st, headers[i], 32), &err);
        ck_assert_int_eq(safetensors_count(st), 2);
        ck_assert_str_eq(safetensors_at(st, 0)->name, "a");
        ck_assert(safetensors_has(st, "b") && !safetensors_has(st, "c"));
        ck_assert_ok(safetensors_find(&t, st, "b", 2, (int64_t[]){-1, 3}, &err), &err);
        ck_assert_uint_eq(t->n, 6);
        tensor_read_f32(got, t, 0, 6);
        ck_assert_int_eq(memcmp(got, want, sizeof want), 0);
        tensor_read_f32(got, t, 4, 2);
        ck_assert_int_eq(memcmp(got, want + 4, 8), 0);
        if (tensor_borrow_f32(t)) {
            n_borrowed++;
            ck_assert_int_eq(memcmp(tensor_borrow_f32(t), want, sizeof want), 0);
        }
        safetensors_close(st);
    }
    ck_assert_int_eq(n_borrowed, 1); /* one of four paddings aligns the data */
}
END_TEST

START_TEST(a_tensor_that_does_not_fit_is_refused_by_name)
{
    struct safetensors *st = NULL;
    const struct tensor *t = NULL;

    ck_assert_ok(open_file(&st, TWO(""), 32), &err);
    ck_assert_err(safetensors_find(&t, st, "c", 0, NULL, &err), E_NOTFOUND, "no tensor 'c'", &err);
    ck_assert_err(safetensors_find(&t, st, "b", 2, (int64_t[]){3, 2}, &err), E_FORMAT,
                  "'b' has shape [2, 3], the model needs [3, 2]", &err);
    ck_assert_err(safetensors_find(&t, st, "b", 1, (int64_t[]){-1}, &err), E_FORMAT,
                  "the model needs [?]", &err);
    ck_assert_err(safetensors_find(&t, st, "a", 0, NULL, &err), E_INVALID, "'a' has type I64",
                  &err);
    ck_assert_ptr_null(t);
    safetensors_close(st);
}
END_TEST

/* binary16 by its definition. */
static double half_value(unsigned h)
{
    unsigned exponent = h >> 10 & 31, fraction = h & 1023;
    double x = exponent ? ldexp(1024 + fraction, (int)exponent - 25) : ldexp(fraction, -24);

    return h & 0x8000 ? -x : x;
}

START_TEST(all_halves_become_the_floats_they_stand_for)
{
    struct tensor t = {.type = TENSOR_F16, .n = 65536};
    unsigned char *bytes = mem_alloc(65536, 2);
    float *got = mem_alloc(65536, sizeof *got);

    for (unsigned i = 0; i < 65536; i++) {
        bytes[2 * i] = (unsigned char)i;
        bytes[2 * i + 1] = (unsigned char)(i >> 8);
    }
    t.data = bytes;
    tensor_read_f32(got, &t, 0, 65536);
    for (unsigned i = 0; i < 65536; i++) {
        if ((i & 0x7c00) == 0x7c00)
            ck_assert(i & 0x3ff ? isnan(got[i]) : isinf(got[i]) && (got[i] < 0) == (i >= 0x8000));
        else
            ck_assert((double)got[i] == half_value(i) && !signbit(got[i]) == (i < 0x8000));
    }
    t.type = TENSOR_BF16;
    tensor_read_f32(got, &t, 0, 65536);
    for (unsigned i = 0; i < 65536; i++) {
        uint32_t bits;

        memcpy(&bits, &got[i], 4);
        ck_assert_uint_eq(bits, i << 16);
    }
    mem_free(bytes);
    mem_free(got);
}
END_TEST

#define T(dtype, shape, offsets)                                                                   \
    "{\"a\":{\"dtype\":\"" dtype "\",\"shape\":" shape ",\"data_offsets\":" offsets "}}"
#define PAIR(x, y)                                                                                 \
    "{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":" x                                   \
    "},\"b\":{\"dtype\":\"U8\",\"shape\":[4],"                                                     \
    "\"data_offsets\":" y "}}"

static const struct {
    const char *header;
    size_t n_data;
    const char *part;
    int code;
} broken[] = {
    {"", 8, "not a safetensors file", E_FORMAT},
    {"{}", 1, "1 bytes that belong to no tensor", E_FORMAT},
    {"[]", 0, "not a JSON object", E_FORMAT},
    {"{\"a\":1}", 0, "'dtype' is missing", E_FORMAT},
    {"{\"a\":{}}", 0, "'dtype' is missing", E_FORMAT},
    {"{\"__metadata__\":[]}", 0, "is not an object", E_FORMAT},
    {"{\"a\":}", 0, "header", E_FORMAT},
    {"{} x", 0, "header", E_FORMAT},
    {"{\"a\":{\"dtype\":7}}", 0, "not a string", E_FORMAT},
    {"{\"a\":{\"dtype\":\"F32\"}}", 0, "'shape'", E_FORMAT},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1]}}", 4, "'data_offsets'", E_FORMAT},
    {T("F32", "{}", "[0,4]"), 4, "'shape'", E_FORMAT},
    {T("F32", "[-1]", "[0,4]"), 4, "natural number", E_FORMAT},
    {T("F32", "[1.5]", "[0,4]"), 4, "natural number", E_FORMAT},
    {T("F32", "[9223372036854775807]", "[0,4]"), 4, "natural number", E_FORMAT},
    {T("F32", "[\"1\"]", "[0,4]"), 4, "natural number", E_FORMAT},
    {T("F32", "[4294967296,4294967296]", "[0,4]"), 4, "overflows", E_FORMAT},
    {T("F32", "[4611686018427387904]", "[0,4]"), 4, "disagree", E_FORMAT},
    {T("F32", "[1,1,1,1,1,1,1,1,1]", "[0,4]"), 4, "8 dimensions", E_FORMAT},
    {T("F32", "[1]", "[0]"), 4, "pair", E_FORMAT},
    {T("F32", "[1]", "[0,4,8]"), 4, "pair", E_FORMAT},
    {T("F32", "[1]", "[4,0]"), 4, "pair", E_FORMAT},
    {T("F32", "[1]", "[-4,0]"), 4, "pair", E_FORMAT},
    {T("F32", "[1]", "[0,8]"), 8, "disagree", E_FORMAT},
    {T("F32", "[2]", "[0,8]"), 7, "beyond the end", E_FORMAT},
    {T("F32", "[1]", "[0,4611686018427387904]"), 4, "beyond the end", E_FORMAT},
    {T("F32", "[1]", "[1,5]"), 5, "gap", E_FORMAT},
    {T("F32", "[1]", "[0,4]"), 5, "belong to no tensor", E_FORMAT},
    {PAIR("[0,4]", "[3,7]"), 7, "overlap", E_FORMAT},
    {PAIR("[0,4]", "[0,4]"), 4, "overlap", E_FORMAT},
    {PAIR("[0,4]", "[5,9]"), 9, "gap", E_FORMAT},
};

START_TEST(a_broken_file_is_refused)
{
    struct safetensors *st = NULL;

    ck_assert_err(open_file(&st, broken[_i].header, broken[_i].n_data), broken[_i].code,
                  broken[_i].part, &err);
    ck_assert_ptr_null(st);
}
END_TEST

START_TEST(a_header_that_is_too_long_is_refused)
{
    struct safetensors *st = NULL;
    static const struct {
        uint64_t n;
        int code;
    } headers[] = {
        {100000001, E_LIMIT}, {UINT64_MAX, E_LIMIT}, {100, E_FORMAT}, {3, E_FORMAT}, {0, E_FORMAT}};

    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
        struct buf b = {0};

        buf_u64(&b, headers[i].n);
        buf_puts(&b, "{}");
        tmp_write(path, b.data, b.len);
        buf_clear(&b);
        ck_assert_err(safetensors_open(&st, path, &err), headers[i].code, path, &err);
    }
    for (size_t n = 0; n < 10; n++) {
        tmp_write(path, "\2\0\0\0\0\0\0\0{}", n);
        ck_assert_err(safetensors_open(&st, path, &err), E_FORMAT, path, &err);
    }
    tmp_write(path, "\2\0\0\0\0\0\0\0{}", 10); /* no tensor at all is a file */
    ck_assert_ok(safetensors_open(&st, path, &err), &err);
    ck_assert_int_eq(safetensors_count(st), 0);
    safetensors_close(st);
    ck_assert_err(safetensors_open(&st, dir, &err), E_IO, dir, &err);
    remove(path);
    ck_assert_err(safetensors_open(&st, path, &err), E_NOTFOUND, path, &err);
}
END_TEST

START_TEST(empty_tensors_and_types_of_the_future_are_let_be)
{
    struct safetensors *st = NULL;
    const struct tensor *t = NULL;

    ck_assert_ok(open_file(&st,
                           "{\"n\":{\"dtype\":\"F4\",\"shape\":[3],\"data_offsets\":[4,6]},"
                           "\"e\":{\"dtype\":\"F32\",\"shape\":[0,7],\"data_offsets\":[4,4]},"
                           "\"f\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}",
                           6),
                 &err);
    ck_assert_int_eq(safetensors_count(st), 3);
    ck_assert_ok(safetensors_find(&t, st, "e", 2, (int64_t[]){0, 7}, &err), &err);
    ck_assert_uint_eq(t->n, 0);
    ck_assert_err(safetensors_find(&t, st, "n", 1, (int64_t[]){3}, &err), E_INVALID, "type F4",
                  &err);
    safetensors_close(st);
}
END_TEST

/* Reads all that can be read: under the sanitizers nothing may be out of bounds. */
static void use(const struct safetensors *st)
{
    for (int i = 0; i < safetensors_count(st); i++) {
        const struct tensor *t = safetensors_at(st, i);
        float x;

        if (t->type != TENSOR_OTHER)
            for (size_t k = 0; k < t->n; k++)
                tensor_read_f32(&x, t, k, 1);
    }
}

START_TEST(any_damage_is_survived)
{
    struct buf whole = {0};
    char *copy;

    buf_u64(&whole, strlen(TWO("")));
    buf_puts(&whole, TWO(""));
    for (int i = 0; i < 32; i++)
        buf_u8(&whole, (uint8_t)i);
    copy = mem_dup(whole.data, whole.len);
    for (size_t n = 0; n < whole.len; n++) { /* cut off anywhere: never taken for whole */
        struct safetensors *st = NULL;

        tmp_write(path, copy, n);
        ck_assert_int_lt(safetensors_open(&st, path, &err), 0);
        err_clear(&err);
    }
    for (size_t i = 0; i < whole.len - 32; i++) { /* one byte changed */
        for (int flip = 1; flip < 256; flip = flip * 2 + 1) {
            struct safetensors *st = NULL;

            copy[i] = (char)(whole.data[i] ^ flip);
            tmp_write(path, copy, whole.len);
            if (!safetensors_open(&st, path, &err))
                use(st);
            safetensors_close(st);
            err_clear(&err);
        }
        copy[i] = whole.data[i];
    }
    mem_free(copy);
    buf_clear(&whole);
}
END_TEST

START_TEST(each_allocation_of_safetensors_may_fail_once)
{
    int rc = 0;

    put_file(TWO(""), 32);
    FAIL_EACH_ALLOC(rc, {
        struct safetensors *st = NULL;

        rc = safetensors_open(&st, path, &err);
        safetensors_close(st);
        err_clear(&err);
    });
}
END_TEST

TCase *safetensors_tests(void)
{
    TCase *tc = tcase_create("safetensors.c");

    tcase_add_checked_fixture(tc, make_dir, remove_dir);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, tensors_are_found_by_name_and_shape);
    tcase_add_test(tc, a_tensor_that_does_not_fit_is_refused_by_name);
    tcase_add_test(tc, all_halves_become_the_floats_they_stand_for);
    tcase_add_loop_test(tc, a_broken_file_is_refused, 0, sizeof broken / sizeof *broken);
    tcase_add_test(tc, a_header_that_is_too_long_is_refused);
    tcase_add_test(tc, empty_tensors_and_types_of_the_future_are_let_be);
    tcase_add_test(tc, any_damage_is_survived);
    tcase_add_test(tc, each_allocation_of_safetensors_may_fail_once);
    return tc;
}
