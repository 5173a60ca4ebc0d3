/* check_model_weights.c -- weights of every type against another implementation's numbers. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/check_model.h"

#include "base/lines.h"
#include "model/weight_types.h"

/* n hexadecimal bytes; the text must hold no more. */
static unsigned char *from_hex(size_t *n, const char *text)
{
    const size_t n_digits = strcspn(text, "\t");
    unsigned char *bytes = mem_alloc(n_digits / 2 + 1, 1);

    for (size_t i = 0; i < n_digits / 2; i++) {
        unsigned x;

        ck_assert_int_eq(sscanf(text + 2 * i, "%2x", &x), 1);
        bytes[i] = (unsigned char)x;
    }
    *n = n_digits / 2;
    return bytes;
}

/* A line of the goldens, TYPE BLOCK BYTES HEX HEX, with the blocks at every offset from an aligned address. */
static void check_line(const struct weight_type *type, const char *blocks_hex, const char *want_hex)
{
    size_t n_bytes, n_want;
    unsigned char *blocks = from_hex(&n_bytes, blocks_hex), *want = from_hex(&n_want, want_hex);
    const size_t n_blocks = n_bytes / (size_t)type->bytes, n = n_want / 4;

    ck_assert_uint_eq(n_bytes % (size_t)type->bytes, 0);
    ck_assert_uint_eq(n, n_blocks * (size_t)type->block);
    ck_assert_uint_ge(n_blocks, 6);
    for (size_t shift = 0; shift < 8; shift++) {
        unsigned char *moved = mem_alloc(n_bytes + shift, 1);
        float *got = mem_alloc(n, sizeof *got);

        memcpy(moved + shift, blocks, n_bytes);
        type->to_f32(got, moved + shift, n_blocks);
        ck_assert_msg(!memcmp(got, want, n_want), "%s at %zu", type->name, shift);
        mem_free(got);
        mem_free(moved);
    }
    mem_free(blocks);
    mem_free(want);
}

START_TEST(every_type_gives_the_numbers_of_ggml_bit_for_bit)
{
    struct lines *in = NULL;
    struct err err = {0};
    char *line;
    size_t n, seen = 0;
    int rc;

    ck_assert_ok(lines_open(&in, source_path("tests/golden/gguf_blocks.txt"), &err), &err);
    while ((rc = lines_next(&line, &n, in, &err)) == 1) {
        const struct weight_type *type = weight_type_at(seen++);
        char name[16];
        int block, bytes, at = 0;

        ck_assert_int_eq(sscanf(line, "%15s %d %d %n", name, &block, &bytes, &at), 3);
        ck_assert_ptr_nonnull(type);
        ck_assert_str_eq(type->name, name);
        ck_assert_int_eq(type->block, block);
        ck_assert_int_eq(type->bytes, bytes);
        check_line(type, line + at, strchr(line + at, '\t') + 1);
    }
    ck_assert_ok(rc, &err);
    ck_assert_ptr_null(weight_type_at(seen));
    ck_assert_uint_eq(seen, 11);
    lines_close(in);
}
END_TEST

START_TEST(a_part_of_the_blocks_is_the_part_of_the_numbers)
{
    enum { N = 256 * 3, GUARD = 8 };
    unsigned char *blocks = mem_alloc(N, 4);
    float *all = mem_alloc(N, sizeof *all), *some = mem_alloc(N + GUARD, sizeof *some);

    for (size_t i = 0; i < N * 4; i++)
        blocks[i] = (unsigned char)(i * 2654435761u >> 13 & 0x3b); /* halves and floats: finite */
    for (size_t k = 0; weight_type_at(k); k++) {
        const struct weight_type *type = weight_type_at(k);
        const size_t block = (size_t)type->block, bytes = (size_t)type->bytes, n = N / block;

        type->to_f32(all, blocks, n);
        for (size_t first = 0; first<n; first += n> 100 ? 37 : 1) {
            for (size_t m = 0; m <= n - first; m += n > 100 ? 29 : 1) {
                for (size_t i = 0; i < GUARD; i++)
                    some[m * block + i] = 77;
                type->to_f32(some, blocks + first * bytes, m);
                ck_assert(!memcmp(some, all + first * block, m * block * sizeof *some));
                for (size_t i = 0; i < GUARD; i++)
                    ck_assert(some[m * block + i] == 77);
            }
        }
    }
    mem_free(blocks);
    mem_free(all);
    mem_free(some);
}
END_TEST

START_TEST(a_type_is_found_by_its_number_and_others_have_a_name)
{
    for (size_t i = 0; weight_type_at(i); i++) {
        const struct weight_type *type = weight_type_at(i);

        ck_assert_ptr_eq(weight_type_find(type->id), type);
        ck_assert_str_eq(weight_type_name(type->id), type->name);
    }
    ck_assert_ptr_null(weight_type_find(9));
    ck_assert_str_eq(weight_type_name(9), "Q8_1");
    ck_assert_str_eq(weight_type_name(23), "IQ4_XS");
    ck_assert_str_eq(weight_type_name(29), "IQ1_M");
    ck_assert_str_eq(weight_type_name(35), "TQ2_0");
    ck_assert_str_eq(weight_type_name(39), "MXFP4");
    for (int id = -2; id < 100; id++)
        ck_assert_ptr_nonnull(weight_type_name(id));
    ck_assert_str_eq(weight_type_name(4), "unknown");
    ck_assert_str_eq(weight_type_name(-1), "unknown");
    ck_assert_str_eq(weight_type_name(2147483647), "unknown");
    ck_assert_ptr_null(weight_type_find(-1));
    ck_assert_ptr_null(weight_type_find(4));
}
END_TEST

TCase *weights_tests(void)
{
    TCase *tc = tcase_create("weight_types.c");

    tcase_add_test(tc, every_type_gives_the_numbers_of_ggml_bit_for_bit);
    tcase_add_test(tc, a_part_of_the_blocks_is_the_part_of_the_numbers);
    tcase_add_test(tc, a_type_is_found_by_its_number_and_others_have_a_name);
    return tc;
}
