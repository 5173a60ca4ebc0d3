/* check_model_gguf_models.c -- GGUF files of models: tiny ones of every architecture, and real ones against the ggml
 * project's own reader. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/check_model.h"

#include <math.h>
#include <stdint.h>

#include "base/digest.h"
#include "base/lines.h"
#include "model/gguf.h"
#include "tests/tiny_gguf.h"

static char dir[64], path[128];
static struct err err;

static void make_dir(void)
{
    tmp_dir(dir);
    snprintf(path, sizeof path, "%s/x.gguf", dir);
}

static void remove_dir(void) { tmp_remove(dir); }

static int is_text(struct token_text t, const char *want)
{
    return t.n == strlen(want) && !memcmp(t.p, want, t.n);
}

/* ---- tiny models ---- */

static const char *const names[] = {"llama", "qwen2", "qwen3", "gemma3"};

/* Rows of a tensor read one by one are the rows read at once, finite and not all alike. */
static void check_rows(const struct gguf_tensor *t)
{
    float *all = mem_alloc(t->rows * t->columns, sizeof *all);
    float *row = mem_alloc(t->columns, sizeof *row);
    size_t differing = 0;

    gguf_read_rows(all, t, 0, t->rows);
    for (size_t i = 0; i < t->rows; i++) {
        gguf_read_rows(row, t, i, 1);
        ck_assert_mem_eq(row, all + i * t->columns, t->columns * sizeof *row);
        for (size_t k = 0; k < t->columns; k++) {
            ck_assert(isfinite(row[k]) && fabsf(row[k]) < 10);
            differing += row[k] != all[0];
        }
    }
    ck_assert_msg(differing > 0, "%s", t->name);
    mem_free(all);
    mem_free(row);
}

START_TEST(tiny_models_hold_what_they_should)
{
    struct tiny_gguf tiny = tiny_gguf_of(names[_i]);
    struct gguf *g = NULL;
    struct token_text *words = NULL, text;
    size_t n;

    tiny.dim = tiny.inner = 256; /* whole blocks of every type */
    tiny.head_dim = 64;
    tiny.rope_factor = 8;
    tiny.types = "attn_v=Q6_K attn_q=Q5_0 attn_k=BF16 attn_output=Q5_1 ffn_up=Q4_1 ffn_gate=Q4_K "
                 "ffn_down=Q5_K token_embd=Q8_0 output=Q4_0";
    tiny.chat = "<|im_start|>";
    tiny_gguf_write(path, &tiny);
    ck_assert_ok(gguf_open(&g, path, &err), &err);
    ck_assert_int_eq(gguf_need_text(&text, g, "general.architecture", &err), 0);
    ck_assert(is_text(text, names[_i]));
    ck_assert_int_eq(gguf_texts(&words, &n, g, "tokenizer.ggml.tokens", &err), 1);
    ck_assert_uint_eq(gguf_find(g, "token_embd.weight")->rows, n);
    ck_assert_str_eq(gguf_find(g, "token_embd.weight")->type->name, "Q8_0");
    ck_assert_str_eq(gguf_find(g, "blk.1.ffn_gate.weight")->type->name, "Q4_K");
    ck_assert_str_eq(gguf_find(g, "blk.1.attn_output.weight")->type->name, "Q5_1");
    ck_assert_str_eq(gguf_find(g, "output_norm.weight")->type->name, "F32");
    ck_assert_uint_eq(gguf_find(g, "rope_freqs.weight")->columns, 32);
    ck_assert_int_eq(gguf_find(g, "output.weight") != NULL, !tiny.is_tied);
    ck_assert_int_eq(gguf_find(g, "blk.0.attn_q.bias") != NULL, _i == 1);
    ck_assert_int_eq(gguf_find(g, "blk.0.attn_q_norm.weight") != NULL, _i >= 2);
    ck_assert_int_eq(gguf_find(g, "blk.0.post_ffw_norm.weight") != NULL, _i == 3);
    for (size_t i = 0; i < gguf_n_tensors(g); i++)
        check_rows(gguf_at(g, i));
    mem_free(words);
    gguf_close(g);
}
END_TEST

START_TEST(a_tiny_model_is_its_seed)
{
    struct tiny_gguf tiny = tiny_gguf_of(names[_i]);
    struct buf first = {0}, again = {0}, other = {0};

    tiny_gguf_build(&first, &tiny);
    tiny_gguf_build(&again, &tiny);
    tiny.seed = 2;
    tiny_gguf_build(&other, &tiny);
    ck_assert_uint_eq(first.len, again.len);
    ck_assert_mem_eq(first.data, again.data, first.len);
    ck_assert_uint_eq(first.len, other.len);
    ck_assert_mem_ne(first.data, other.data, first.len);
    buf_clear(&first);
    buf_clear(&again);
    buf_clear(&other);
}
END_TEST

/* ---- real models ---- */

static const char *const models[] = {"smollm2", "gemma3", "qwen0.5b"};

/* The model's file, or NULL after saying that it is not there. */
static struct gguf *open_model(const char *model)
{
    const char *file = decoder_path(model);
    struct gguf *g = NULL;

    if (!file)
        return NULL;
    ck_assert_ok(gguf_open(&g, file, &err), &err);
    return g;
}

/* CRC-32 of texts, each behind its length as u64. */
static uint32_t crc_of_texts(const struct token_text *texts, size_t n)
{
    uint32_t crc = 0;

    for (size_t i = 0; i < n; i++) {
        crc = digest_crc32(crc, &(uint64_t){texts[i].n}, 8);
        crc = digest_crc32(crc, texts[i].p, texts[i].n);
    }
    return crc;
}

/* A line's value against the file's; `want` is what follows the name.  See tests/reference/gguf_values.py. */
static void check_value(const struct gguf *g, const char *kind, const char *name, const char *want)
{
    struct token_text *texts = NULL, text;
    int32_t *ints = NULL;
    float *numbers = NULL, x;
    uint32_t bits;
    char got[64] = "";
    int64_t v;
    size_t n;
    int is;

    if (!strcmp(kind, "int")) {
        ck_assert_ok(gguf_need_int(&v, g, name, INT64_MIN, INT64_MAX, &err), &err);
        snprintf(got, sizeof got, "%lld", (long long)v);
    } else if (!strcmp(kind, "bool")) {
        ck_assert_int_eq(gguf_bool(&is, g, name, &err), 1);
        snprintf(got, sizeof got, "%d", is);
    } else if (!strcmp(kind, "number")) {
        ck_assert_ok(gguf_need_number(&x, g, name, &err), &err);
        memcpy(&bits, &x, sizeof bits);
        snprintf(got, sizeof got, "%08x", __builtin_bswap32(bits)); /* bytes in the file's order */
    } else if (!strcmp(kind, "text")) {
        ck_assert_ok(gguf_need_text(&text, g, name, &err), &err);
        snprintf(got, sizeof got, "%zu\t%08x", text.n, digest_crc32(0, text.p, text.n));
    } else if (!strcmp(kind, "texts")) {
        ck_assert_int_eq(gguf_texts(&texts, &n, g, name, &err), 1);
        snprintf(got, sizeof got, "%zu\t%08x", n, crc_of_texts(texts, n));
    } else if (!strcmp(kind, "ints")) {
        ck_assert_int_eq(gguf_ints(&ints, &n, g, name, &err), 1);
        snprintf(got, sizeof got, "%zu\t%08x", n, digest_crc32(0, ints, n * sizeof *ints));
    } else if (!strcmp(kind, "numbers")) {
        ck_assert_int_eq(gguf_numbers(&numbers, &n, g, name, &err), 1);
        snprintf(got, sizeof got, "%zu\t%08x", n, digest_crc32(0, numbers, n * sizeof *numbers));
    }
    ck_assert_msg(!strcmp(got, want), "%s: %s, not %s", name, got, want);
    mem_free(texts);
    mem_free(ints);
    mem_free(numbers);
}

static void check_tensor(const struct gguf *g, const char *name, const char *want)
{
    const struct gguf_tensor *t = gguf_find(g, name);
    float *row;
    uint32_t crc = 0;
    char got[64];

    ck_assert_msg(t != NULL, "%s", name);
    row = mem_alloc(t->columns, sizeof *row);
    for (size_t i = 0; i < t->rows; i++) {
        gguf_read_rows(row, t, i, 1);
        crc = digest_crc32(crc, row, t->columns * sizeof *row);
    }
    snprintf(got, sizeof got, "%s\t%zu\t%zu\t%08x", t->type->name, t->rows, t->columns, crc);
    ck_assert_msg(!strcmp(got, want), "%s: %s, not %s", name, got, want);
    mem_free(row);
}

START_TEST(real_models_are_read_as_by_ggml)
{
    struct gguf *g = open_model(models[_i]);
    struct lines *in = NULL;
    char *line, kind[16], name[128];
    size_t n, n_tensors = 0;
    int rc;

    if (!g)
        return;
    ck_assert_ok(lines_open(&in, source_path("tests/golden/gguf_models.txt"), &err), &err);
    while ((rc = lines_next(&line, &n, in, &err)) == 1) {
        const size_t n_model = strcspn(line, "\t");
        int at = 0;

        if (strlen(models[_i]) != n_model || memcmp(line, models[_i], n_model))
            continue;
        ck_assert_int_eq(sscanf(line + n_model, " %15s %127s %n", kind, name, &at), 2);
        if (!strcmp(kind, "tensor")) {
            check_tensor(g, name, line + n_model + at);
            n_tensors++;
        } else {
            check_value(g, kind, name, line + n_model + at);
        }
    }
    ck_assert_ok(rc, &err);
    ck_assert_uint_eq(n_tensors, gguf_n_tensors(g));
    lines_close(in);
    gguf_close(g);
}
END_TEST

TCase *gguf_models_tests(void)
{
    TCase *tc = tcase_create("gguf.c, tiny models");

    tcase_add_checked_fixture(tc, make_dir, remove_dir);
    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, tiny_models_hold_what_they_should, 0, 4);
    tcase_add_loop_test(tc, a_tiny_model_is_its_seed, 0, 4);
    return tc;
}

TCase *gguf_slow_tests(void)
{
    TCase *tc = tcase_create("gguf.c, real models");

    tcase_set_tags(tc, "slow");
    tcase_set_timeout(tc, 300);
    tcase_add_loop_test(tc, real_models_are_read_as_by_ggml, 0, 3);
    return tc;
}
