/* check_model_gguf_hostile.c -- GGUF files that only claim to be: each wrong in one thing, cut off, or changed. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/check_model.h"

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

static int open_bytes(const void *p, size_t n)
{
    struct gguf *g = NULL;
    int rc;

    tmp_write(path, p, n);
    rc = gguf_open(&g, path, &err);
    ck_assert(rc ? !g : g != NULL);
    gguf_close(g);
    return rc;
}

static int open_put(struct gguf_writer *w)
{
    struct buf b = {0};
    int rc;

    gguf_finish(&b, w);
    rc = open_bytes(b.data, b.len);
    buf_clear(&b);
    return rc;
}

/* ---- the head ---- */

#define NEVER UINT64_C(0xffffffffffffffff)
#define HALF UINT64_C(0x8000000000000000)

static const struct {
    const char *magic;
    uint32_t version;
    uint64_t n_tensors, n_values;
    const char *part;
    int code;
} heads[] = {
    {"GGUF", 3, 0, 0, NULL, 0},
    {"GGUF", 2, 0, 0, NULL, 0},
    {"GGUF", 1, 0, 0, "version 1; fovea reads 2 and 3", E_INVALID},
    {"GGUF", 4, 0, 0, "version 4; fovea reads 2 and 3", E_INVALID},
    {"GGUF", 0, 0, 0, "version 0", E_INVALID},
    {"GGUF", 0x03000000, 0, 0, "little-endian", E_INVALID},
    {"GGML", 3, 0, 0, "not a GGUF file", E_FORMAT},
    {"FUGG", 3, 0, 0, "not a GGUF file", E_FORMAT},
    {"GGUF", 3, HALF, 0, "more tensors or values", E_FORMAT},
    {"GGUF", 3, 0, HALF, "more tensors or values", E_FORMAT},
    {"GGUF", 3, NEVER, NEVER, "more tensors or values", E_FORMAT},
    {"GGUF", 3, 65537, 0, "more tensors or values", E_FORMAT},
    {"GGUF", 3, 0, 65537, "more tensors or values", E_FORMAT},
    {"GGUF", 3, 65536, 0, "ends too soon at byte 24", E_FORMAT},
    {"GGUF", 3, 0, 65536, "ends too soon at byte 24", E_FORMAT},
    {"GGUF", 3, 1, 0, "ends too soon at byte 24", E_FORMAT},
    {"GGUF", 3, 0, 1, "ends too soon at byte 24", E_FORMAT},
};

START_TEST(a_head_is_not_believed)
{
    struct buf b = {0};
    int rc;

    buf_puts(&b, heads[_i].magic);
    buf_u32(&b, heads[_i].version);
    buf_u64(&b, heads[_i].n_tensors);
    buf_u64(&b, heads[_i].n_values);
    rc = open_bytes(b.data, b.len);
    if (heads[_i].part)
        ck_assert_err(rc, heads[_i].code, heads[_i].part, &err);
    else
        ck_assert_ok(rc, &err);
    buf_clear(&b);
}
END_TEST

START_TEST(what_is_no_file_is_refused)
{
    struct gguf *g = NULL;

    ck_assert_err(gguf_open(&g, dir, &err), E_IO, dir, &err);
    ck_assert_err(gguf_open(&g, path, &err), E_NOTFOUND, path, &err);
    ck_assert_err(open_bytes("", 0), E_FORMAT, path, &err);
    ck_assert_err(open_bytes("GGU", 3), E_FORMAT, path, &err);
    ck_assert_ptr_null(g);
}
END_TEST

/* ---- values ---- */

#define FF8 "\xff\xff\xff\xff\xff\xff\xff\xff"
#define NUL4 "\0\0\0\0"
#define NUL7 NUL4 "\0\0\0"
#define HALF8 NUL7 "\x80"

/* The bytes behind the key "k" and the kind. */
static const struct {
    uint32_t kind;
    const char *bytes;
    size_t n;
    const char *part;
} values[] = {
    {13, "", 0, "unknown kind"},
    {255, "", 0, "unknown kind"},
    {0xffffffff, "", 0, "unknown kind"},
    {PUT_TEXT, FF8, 8, "ends too soon"},
    {PUT_TEXT, HALF8, 8, "ends too soon"},
    {PUT_TEXT, "\6" NUL7 "short", 13, "ends too soon"},
    {PUT_U64, "1234567", 7, "ends too soon"},
    {PUT_LIST, "\0\0\0", 3, "ends too soon"},
    {PUT_LIST, NUL4 FF8, 12, "longer than the file"},
    {PUT_LIST, "\x0a\0\0\0\0\0\0\0\0\0\0\x20", 12, "longer than the file"}, /* 2^61 of 8 bytes */
    {PUT_LIST, "\x0a\0\0\0\1\0\0\0\0\0\0\x20" FF8, 20, "longer than the file"},
    {PUT_LIST, "\0\0\0\0\5\0\0\0\0\0\0\0" NUL4, 16, "longer than the file"},
    {PUT_LIST, "\x08\0\0\0" FF8 "\1" NUL7 "a", 21, "ends too soon"},
    {PUT_LIST, "\x08\0\0\0" FF8 FF8, 20, "ends too soon"},
    {PUT_LIST, "\x08\0\0\0\2" NUL7 "\1" NUL7 "a", 21, "ends too soon"},
    {PUT_LIST, "\x09\0\0\0\1" NUL7 NUL4 NUL4 NUL4, 24, "a list of lists"},
    {PUT_LIST, "\x0d\0\0\0\1" NUL7, 12, "a list of an unknown kind"},
    {PUT_LIST, "\xff\xff\xff\xff\1" NUL7, 12, "a list of an unknown kind"},
};

START_TEST(a_value_is_not_believed)
{
    struct gguf_writer w = {0};

    gguf_put_u32(&w, "a", 1);
    gguf_put(&w, "k", values[_i].kind, values[_i].bytes, values[_i].n);
    ck_assert_err(open_put(&w), E_FORMAT, values[_i].part, &err);
}
END_TEST

START_TEST(keys_are_not_believed)
{
    struct gguf_writer w = {0};
    char key[4098];

    gguf_put_u32(&w, "same", 1);
    gguf_put_text(&w, "other", "x");
    gguf_put_f32(&w, "same", 1);
    ck_assert_err(open_put(&w), E_FORMAT, "the key same is there twice", &err);
    memset(key, 'k', sizeof key);
    key[4097] = '\0';
    gguf_put_u32(&w, key, 1);
    ck_assert_err(open_put(&w), E_FORMAT, "a key is too long", &err);
    key[4096] = '\0';
    gguf_put_u32(&w, key, 1);
    gguf_put_u32(&w, key + 1, 1);
    ck_assert_ok(open_put(&w), &err);
    gguf_put_u32(&w, "\x1b[2J\xff", 1);
    gguf_put_u32(&w, "\x1b[2J\xff", 1);
    ck_assert_err(open_put(&w), E_FORMAT, "the key \\x1b[2J\\xff is there twice", &err);
}
END_TEST

static const struct {
    uint32_t kind;
    const char *bytes;
    size_t n;
} alignments[] = {
    {PUT_U32, "\0\0\0\0", 4},   {PUT_U32, "\7\0\0\0", 4},
    {PUT_U32, "\x0c\0\0\0", 4}, {PUT_U32, "\4\0\0\0", 4},
    {PUT_U32, "\0\0\2\0", 4},   {PUT_U64, FF8, 8},
    {PUT_I32, FF8, 4},          {PUT_F32, "\0\0\0\x42", 4},
    {PUT_BOOL, "\1", 1},        {PUT_TEXT, "\2" NUL7 "32", 10},
};

START_TEST(an_alignment_is_not_believed)
{
    struct gguf_writer w = {0};

    gguf_put(&w, "general.alignment", alignments[_i].kind, alignments[_i].bytes, alignments[_i].n);
    ck_assert_err(open_put(&w), E_FORMAT, "general.alignment", &err);
}
END_TEST

/* ---- tensors ---- */

enum { DATA = 1024 }; /* bytes of data in the file */

static const struct {
    uint32_t type, n_dims;
    uint64_t dims[5], offset;
    const char *part; /* NULL: it is right */
    int code;
} tensors[] = {
    {WEIGHT_F32, 2, {16, 16}, 0, NULL, 0},
    {WEIGHT_F32, 4, {16, 1, 1, 16}, 0, NULL, 0},
    {WEIGHT_F32, 1, {8}, DATA - 32, NULL, 0},
    {WEIGHT_Q6_K, 2, {256, 4}, 0, NULL, 0},
    {WEIGHT_F32, 0, {0}, 0, "1 to 4 dimensions", E_FORMAT},
    {WEIGHT_F32, 5, {1, 1, 1, 1, 1}, 0, "1 to 4 dimensions", E_FORMAT},
    {WEIGHT_F32, 1, {0}, 0, "no sensible shape", E_FORMAT},
    {WEIGHT_F32, 2, {0, 1}, 0, "no sensible shape", E_FORMAT},
    {WEIGHT_F32, 2, {1, 0}, 0, "no sensible shape", E_FORMAT},
    {WEIGHT_F32, 1, {NEVER}, 0, "no sensible shape", E_FORMAT},
    {WEIGHT_F32, 1, {HALF}, 0, "no sensible shape", E_FORMAT},
    {WEIGHT_F32, 2, {1, HALF}, 0, "no sensible shape", E_FORMAT},
    {WEIGHT_F32, 3, {1, 1u << 31, 1u << 31}, 0, "no sensible shape", E_FORMAT},
    {WEIGHT_F32, 4, {1, 1u << 16, 1u << 16, 2}, 0, "no sensible shape", E_FORMAT},
    {WEIGHT_F32, 2, {0xffffffff, 0xffffffff}, 0, "no sensible shape", E_FORMAT},
    {WEIGHT_F32, 2, {1u << 31, 1u << 31}, 0, "no sensible shape", E_FORMAT}, /* 2^64 bytes */
    {WEIGHT_F32, 2, {1u << 31, 1u << 30}, 0, "past the end", E_FORMAT},
    {WEIGHT_F32, 2, {16, 17}, 0, "past the end", E_FORMAT},
    {WEIGHT_F32, 1, {9}, DATA - 32, "past the end", E_FORMAT},
    {WEIGHT_F32, 1, {1}, DATA, "past the end", E_FORMAT},
    {WEIGHT_F32, 1, {1}, HALF, "past the end", E_FORMAT},
    {WEIGHT_F32, 1, {1}, NEVER - 31, "past the end", E_FORMAT},
    {WEIGHT_F32, 1, {1}, NEVER, "is not aligned", E_FORMAT},
    {WEIGHT_F32, 1, {1}, 4, "is not aligned", E_FORMAT},
    {WEIGHT_F32, 1, {1}, 33, "is not aligned", E_FORMAT},
    {WEIGHT_Q4_0, 2, {16, 2}, 0, "not whole blocks", E_FORMAT},
    {WEIGHT_Q4_K, 2, {128, 2}, 0, "not whole blocks", E_FORMAT},
    {WEIGHT_Q8_0, 1, {1}, 0, "not whole blocks", E_FORMAT},
    {4, 1, {32}, 0, "tensor t has weights of type unknown (4)", E_INVALID},
    {9, 1, {32}, 0, "weights of type Q8_1 (9)", E_INVALID},
    {23, 1, {256}, 0, "weights of type IQ4_XS (23), which fovea does not read", E_INVALID},
    {39, 1, {32}, 0, "weights of type MXFP4 (39)", E_INVALID},
    {26, 1, {32}, 0, "weights of type I32 (26)", E_INVALID},
    {99, 1, {32}, 0, "of type unknown (99)", E_INVALID},
    {0xffffffff, 1, {32}, 0, "of type unknown (-1)", E_INVALID},
};

START_TEST(a_tensor_is_not_believed)
{
    static const char data[DATA];
    struct gguf_writer w = {0};
    int rc;

    buf_add(&w.data, data, sizeof data);
    gguf_put_tensor_at(&w, "t", tensors[_i].type, tensors[_i].n_dims, tensors[_i].dims,
                       tensors[_i].offset);
    rc = open_put(&w);
    if (tensors[_i].part)
        ck_assert_err(rc, tensors[_i].code, tensors[_i].part, &err);
    else
        ck_assert_ok(rc, &err);
}
END_TEST

static const struct {
    const char *a, *b;
    uint64_t at_a, n_a, at_b, n_b; /* numbers of 4 bytes */
    const char *part;
} pairs[] = {
    {"a", "b", 0, 8, 32, 8, NULL},
    {"a", "b", 32, 8, 0, 8, NULL},
    {"a", "b", 0, 9, 32, 8, "tensor a lies over another"},
    {"a", "b", 32, 8, 0, 9, "tensor b lies over another"},
    {"a", "b", 0, 64, 32, 8, "lies over another"},
    {"a", "b", 0, 8, 0, 8, "lies over another"},
    {"a", "b", 0, 1, 0, 8, "lies over another"},
    {"a", "a", 0, 8, 32, 8, "tensor a is there twice"},
    {"", "", 0, 8, 32, 8, "is there twice"},
};

START_TEST(two_tensors_share_neither_data_nor_name)
{
    static const char data[DATA];
    struct gguf_writer w = {0};
    int rc;

    buf_add(&w.data, data, sizeof data);
    gguf_put_tensor_at(&w, pairs[_i].a, 0, 1, &pairs[_i].n_a, pairs[_i].at_a);
    gguf_put_tensor_at(&w, pairs[_i].b, 0, 1, &pairs[_i].n_b, pairs[_i].at_b);
    rc = open_put(&w);
    if (pairs[_i].part)
        ck_assert_err(rc, E_FORMAT, pairs[_i].part, &err);
    else
        ck_assert_ok(rc, &err);
}
END_TEST

START_TEST(a_tensors_name_is_not_believed)
{
    struct gguf_writer w = {0};
    char name[4098];

    memset(name, 'n', sizeof name);
    name[4097] = '\0';
    gguf_put_tensor(&w, name, 0, 1, (uint64_t[]){1}, "1234", 4);
    ck_assert_err(open_put(&w), E_FORMAT, "name is not a text", &err);
    gguf_add_text(&w.tensors, "a\0b", 3);
    w.n_tensors = 1;
    ck_assert_err(open_put(&w), E_FORMAT, "name is not a text", &err);
    buf_u64(&w.tensors, NEVER);
    buf_puts(&w.tensors, "abc");
    w.n_tensors = 1;
    ck_assert_err(open_put(&w), E_FORMAT, "ends too soon", &err);
}
END_TEST

/* ---- any damage ---- */

static void small_file(struct buf *b)
{
    struct gguf_writer w = {0};
    struct buf texts = {0};

    gguf_add_text(&texts, "one", 3);
    gguf_add_text(&texts, "two", 3);
    gguf_put_text(&w, "general.architecture", "llama");
    gguf_put_u32(&w, "llama.block_count", 2);
    gguf_put_list(&w, "words", PUT_TEXT, 2, texts.data, texts.len);
    gguf_put_list(&w, "types", PUT_I32, 2, "\1\0\0\0\2\0\0\0", 8);
    gguf_put_tensor(&w, "a", WEIGHT_F16, 2, (uint64_t[]){4, 2}, "0123456789abcdef", 16);
    gguf_put_tensor(&w, "b", WEIGHT_Q4_0, 1, (uint64_t[]){32}, "0123456789abcdef01", 18);
    gguf_finish(b, &w);
    buf_clear(&texts);
}

/* Reads all that can be read: under the sanitizers nothing may be out of bounds. */
static void use(const struct gguf *g)
{
    static const char *const keys[] = {"words", "types", "general.architecture",
                                       "llama.block_count"};
    struct token_text *texts = NULL, text;
    int32_t *ints = NULL;
    float *numbers = NULL, x[1 << 12];
    size_t n, sum = 0;
    int64_t v;

    for (int i = 0; i < 4; i++) {
        if (gguf_texts(&texts, &n, g, keys[i], NULL) == 1)
            for (size_t k = 0; k < n; k++)
                for (size_t c = 0; c < texts[k].n; c++)
                    sum += (unsigned char)texts[k].p[c];
        gguf_ints(&ints, &n, g, keys[i], NULL);
        gguf_numbers(&numbers, &n, g, keys[i], NULL);
        gguf_int(&v, g, keys[i], 0, 1, NULL);
        if (gguf_text(&text, g, keys[i], NULL) == 1 && text.n)
            sum += (unsigned char)text.p[text.n - 1];
        mem_free(texts);
        mem_free(ints);
        mem_free(numbers);
    }
    ck_assert_uint_lt(sum, 1 << 20);
    for (size_t i = 0; i < gguf_n_tensors(g); i++) {
        const struct gguf_tensor *t = gguf_at(g, i);

        ck_assert_ptr_eq(gguf_find(g, t->name), t);
        ck_assert_uint_le(t->columns, sizeof x / sizeof *x);
        for (size_t k = 0; k < t->rows; k++)
            gguf_read_rows(x, t, k, 1);
    }
}

START_TEST(a_file_cut_off_anywhere_is_refused)
{
    struct buf b = {0};

    small_file(&b);
    for (size_t n = 0; n < b.len; n++)
        ck_assert_err(open_bytes(b.data, n), E_FORMAT, path, &err);
    ck_assert_ok(open_bytes(b.data, b.len), &err);
    buf_clear(&b);
}
END_TEST

START_TEST(any_changed_byte_is_survived)
{
    struct buf b = {0};
    int refused = 0;

    small_file(&b);
    for (size_t i = 0; i < b.len; i++) {
        for (int flip = 1; flip < 256; flip = flip * 2 + 1) {
            struct gguf *g = NULL;

            b.data[i] = (char)(b.data[i] ^ flip);
            tmp_write(path, b.data, b.len);
            if (!gguf_open(&g, path, &err))
                use(g);
            else
                refused++;
            gguf_close(g);
            err_clear(&err);
            b.data[i] = (char)(b.data[i] ^ flip);
        }
    }
    ck_assert_int_gt(refused, 500);
    buf_clear(&b);
}
END_TEST

#define COUNT(a) (int)(sizeof(a) / sizeof *(a))

TCase *gguf_hostile_tests(void)
{
    TCase *tc = tcase_create("gguf.c, hostile");

    tcase_add_checked_fixture(tc, make_dir, remove_dir);
    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, a_head_is_not_believed, 0, COUNT(heads));
    tcase_add_test(tc, what_is_no_file_is_refused);
    tcase_add_loop_test(tc, a_value_is_not_believed, 0, COUNT(values));
    tcase_add_test(tc, keys_are_not_believed);
    tcase_add_loop_test(tc, an_alignment_is_not_believed, 0, COUNT(alignments));
    tcase_add_loop_test(tc, a_tensor_is_not_believed, 0, COUNT(tensors));
    tcase_add_loop_test(tc, two_tensors_share_neither_data_nor_name, 0, COUNT(pairs));
    tcase_add_test(tc, a_tensors_name_is_not_believed);
    tcase_add_test(tc, a_file_cut_off_anywhere_is_refused);
    tcase_add_test(tc, any_changed_byte_is_survived);
    return tc;
}
