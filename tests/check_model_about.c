/* check_model_about.c -- language models are found by name, folder and file, and described. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/check_model.h"

#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "model/about.h"
#include "model/model.h"
#include "model/weight_types.h"
#include "tests/tiny_gguf.h"

static char dir[64], folder[96], file[128];
static struct err err;

static void make_model(void)
{
    struct tiny_gguf tiny = tiny_gguf_of("gemma3");

    tmp_dir(dir);
    snprintf(folder, sizeof folder, "%s/tiny", dir);
    snprintf(file, sizeof file, "%s/model.gguf", folder);
    ck_assert_int_eq(mkdir(folder, 0700), 0);
    tiny.type = WEIGHT_Q8_0;
    tiny.chat = "{{ bos_token }}{% for m in messages %}<start_of_turn>{% endfor %}";
    tiny_gguf_write(file, &tiny);
}

static void remove_model(void) { tmp_remove(dir); }

START_TEST(a_language_model_is_found_by_name_folder_and_file)
{
    const char *const names[] = {"tiny", folder, file};

    setenv("FOVEA_MODELS", dir, 1);
    for (size_t i = 0; i < 3; i++) {
        char *found = NULL;

        ck_assert_int_eq(model_is_gguf(names[i]), 1);
        ck_assert_ok(model_find_gguf(&found, names[i], &err), &err);
        ck_assert_str_eq(found, file);
        mem_free(found);
    }
}
END_TEST

/* A folder or file of the current folder is not what a name means. */
START_TEST(what_lies_here_does_not_hide_a_model)
{
    char here[128], there[160], *found = NULL;

    setenv("FOVEA_MODELS", dir, 1);
    snprintf(here, sizeof here, "%s/here", dir);
    ck_assert_int_eq(mkdir(here, 0777) || chdir(here), 0);
    snprintf(there, sizeof there, "%s/model.gguf", folder);
    for (int is_folder = 0; is_folder < 2; is_folder++) {
        if (is_folder)
            ck_assert_int_eq(remove("tiny") || mkdir("tiny", 0777), 0);
        else
            tmp_write("tiny", "x", 1);
        ck_assert_ok(model_find_gguf(&found, "tiny", &err), &err);
        ck_assert_str_eq(found, there);
        mem_free(found);
    }
    tmp_write("tiny/model.gguf", "x", 1);
    ck_assert_ok(model_find_gguf(&found, "./tiny", &err), &err);
    ck_assert_str_eq(found, "./tiny/model.gguf");
    mem_free(found);
    ck_assert_ok(model_find_gguf(&found, "tiny/model.gguf", &err), &err);
    ck_assert_str_eq(found, "tiny/model.gguf");
    mem_free(found);
    setenv("FOVEA_MODELS", "nowhere", 1); /* no model has the name: it may be a folder here */
    ck_assert_ok(model_find_gguf(&found, "tiny", &err), &err);
    ck_assert_str_eq(found, "tiny/model.gguf");
    mem_free(found);
    tmp_write("file", "x", 1);
    ck_assert_err(model_find_gguf(&found, "file", &err), E_NOTFOUND, "is ./file", &err);
    tmp_write("file.gguf", "x", 1);
    ck_assert_ok(model_find_gguf(&found, "file.gguf", &err), &err);
    mem_free(found);
    ck_assert_int_eq(model_is_gguf("file"), 0);
    ck_assert_int_eq(model_is_gguf("./file"), 1);
    ck_assert_int_eq(chdir("/"), 0);
}
END_TEST

START_TEST(the_only_file_of_a_folder_needs_no_name)
{
    char other[128], *found = NULL;

    snprintf(other, sizeof other, "%s/tiny-Q8.gguf", folder);
    ck_assert_int_eq(rename(file, other), 0);
    ck_assert_ok(model_find_gguf(&found, folder, &err), &err);
    ck_assert_str_eq(found, other);
    mem_free(found);
    snprintf(other, sizeof other, "%s/tiny-Q4.gguf", folder);
    tmp_write(other, "x", 1);
    ck_assert_err(model_find_gguf(&found, folder, &err), E_INVALID, "2 .gguf files", &err);
    ck_assert_int_eq(model_is_gguf(folder), 1);
}
END_TEST

START_TEST(what_is_no_language_model_is_refused_with_its_reason)
{
    struct model *m = NULL;
    char config[128], *found = NULL;

    setenv("FOVEA_MODELS", dir, 1);
    ck_assert_err(model_find_gguf(&found, "none", &err), E_NOTFOUND, "./bootstrap model NAME",
                  &err);
    ck_assert_int_eq(model_is_gguf("none"), 0);
    ck_assert_err(model_find_gguf(&found, dir, &err), E_NOTFOUND, "no .gguf file", &err);
    ck_assert_int_eq(model_is_gguf(dir), 0);
    ck_assert_err(model_open(&m, folder, NULL, &err), E_INVALID, "is a language model", &err);

    snprintf(config, sizeof config, "%s/config.json", dir);
    tmp_write(config, "{}", 2);
    ck_assert_err(model_find_gguf(&found, dir, &err), E_NOTFOUND, "is an encoder", &err);
}
END_TEST

START_TEST(a_language_model_is_described)
{
    struct tiny_gguf tiny = tiny_gguf_of("gemma3");
    const struct about_facts *f;
    struct about *a = NULL;

    ck_assert_ok(about_open(&a, file, &err), &err);
    f = about_facts(a);
    ck_assert_str_eq(f->name, "tiny");
    ck_assert_str_eq(f->path, file);
    ck_assert_str_eq(f->architecture, "gemma3");
    ck_assert_str_eq(f->tokenizer, "sentencepiece");
    ck_assert_str_eq(f->chat, "gemma");
    ck_assert_int_eq(f->layers, tiny.layers);
    ck_assert_int_eq(f->width, tiny.dim);
    ck_assert_int_eq(f->heads, tiny.heads);
    ck_assert_int_eq(f->key_heads, tiny.kv_heads);
    ck_assert_int_eq(f->head_size, tiny.head_dim);
    ck_assert_int_eq(f->feed, tiny.inner);
    ck_assert_int_eq(f->context, tiny.context);
    ck_assert_int_eq(f->window, tiny.window);
    ck_assert_int_eq(strncmp(f->types, "Q8_0 ", 5), 0);
    ck_assert_ptr_nonnull(strstr(f->types, ", F32 "));
    ck_assert_uint_gt(f->parameters, (uint64_t)f->vocabulary * (uint64_t)f->width);
    ck_assert_uint_eq(strlen(about_sha256(a)), 64);
    about_close(a);
}
END_TEST

START_TEST(a_language_model_shows_its_tokens)
{
    const struct model_text t = {"abc", 3};
    struct about *a = NULL;
    struct buf b = {0};
    int *ids = NULL;
    size_t n = 0;

    ck_assert_ok(about_open(&a, file, &err), &err);
    ck_assert_ok(about_tokenize(&ids, &n, a, t, &err), &err);
    ck_assert_uint_ge(n, 1);
    for (size_t i = ids[0] == TINY_GEMMA_BOS; i < n; i++)
        about_spell(&b, a, ids[i]);
    ck_assert_ptr_nonnull(strstr(buf_text(&b), "abc"));
    about_spell(&b, a, 1 << 30);
    ck_assert_ptr_nonnull(strstr(buf_text(&b), "[1073741824]"));
    buf_clear(&b);
    mem_free(ids);
    about_close(a);
}
END_TEST

START_TEST(each_allocation_may_fail_when_a_language_model_is_described)
{
    int rc;

    FAIL_EACH_ALLOC(rc, {
        struct about *a = NULL;
        char *found = NULL;

        err_clear(&err);
        rc = model_find_gguf(&found, folder, &err);
        rc = rc ? rc : about_open(&a, found, &err);
        about_close(a);
        mem_free(found);
    });
}
END_TEST

TCase *about_tests(void)
{
    TCase *t = tcase_create("about.c");

    tcase_add_checked_fixture(t, make_model, remove_model);
    tcase_add_test(t, a_language_model_is_found_by_name_folder_and_file);
    tcase_add_test(t, what_lies_here_does_not_hide_a_model);
    tcase_add_test(t, the_only_file_of_a_folder_needs_no_name);
    tcase_add_test(t, what_is_no_language_model_is_refused_with_its_reason);
    tcase_add_test(t, a_language_model_is_described);
    tcase_add_test(t, a_language_model_shows_its_tokens);
    tcase_add_test(t, each_allocation_may_fail_when_a_language_model_is_described);
    return t;
}
