/* check_model.c -- tests of model/: what the parts share, and the suite. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/check_model.h"

#include <stdint.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/lines.h"
#include "model/model.h"

/* ---- the real model, the bundled texts ---- */

const char *minilm_path(void)
{
    static char path[1024];
    struct err err = {0};
    char *found = NULL;

    if (model_find(&found, "minilm", &err))
        ck_abort_msg("the default model is needed; run ./bootstrap demo (%s)", err.text);
    snprintf(path, sizeof path, "%s", found);
    mem_free(found);
    return path;
}

const char *decoder_path(const char *name)
{
    static char path[1024];
    struct err err = {0};
    char *found = NULL;

    if (model_find_gguf(&found, name, &err)) {
        printf(
            "skipped: what needs the model %s: it is not here; ./bootstrap model %s fetches it\n",
            name, name);
        return NULL;
    }
    snprintf(path, sizeof path, "%s", found);
    mem_free(found);
    return path;
}

void each_scifact_text(void (*fn)(size_t i, const char *text, void *payload), void *payload)
{
    static const char *const files[] = {"corpora/data/scifact/corpus.jsonl.gz",
                                        "corpora/data/scifact/queries.jsonl.gz"};
    struct err err = {0};
    size_t i = 0;

    for (int f = 0; f < 2; f++) {
        struct lines *in = NULL;
        char *line;
        size_t n;
        int rc;

        ck_assert_ok(lines_open(&in, source_path(files[f]), &err), &err);
        while ((rc = lines_next(&line, &n, in, &err)) == 1) {
            struct json *j = NULL;
            struct buf text = {0};

            ck_assert_ok(json_parse(&j, line, n, &err), &err);
            if (json_get(j, "title"))
                buf_printf(&text, "%s ", json_text(json_get(j, "title"), ""));
            buf_puts(&text, json_text(json_get(j, "text"), ""));
            fn(i++, buf_text(&text), payload);
            buf_clear(&text);
            json_free(j);
        }
        ck_assert_ok(rc, &err);
        lines_close(in);
    }
}

int main(void)
{
    Suite *s = suite_create("model");

    suite_add_tcase(s, folder_tests());
    suite_add_tcase(s, safetensors_tests());
    suite_add_tcase(s, weights_tests());
    suite_add_tcase(s, gguf_tests());
    suite_add_tcase(s, gguf_hostile_tests());
    suite_add_tcase(s, gguf_models_tests());
    suite_add_tcase(s, gguf_slow_tests());
    suite_add_tcase(s, characters_tests());
    suite_add_tcase(s, tokenizer_tests());
    suite_add_tcase(s, tokenizer_slow_tests());
    suite_add_tcase(s, tokens_tests());
    suite_add_tcase(s, tokens_broken_tests());
    suite_add_tcase(s, tokens_long_tests());
    suite_add_tcase(s, tokens_slow_tests());
    suite_add_tcase(s, chat_tests());
    suite_add_tcase(s, kernels_tests());
    suite_add_tcase(s, attention_tests());
    suite_add_tcase(s, product_tests());
    suite_add_tcase(s, linear_tests());
    suite_add_tcase(s, encoder_tests());
    suite_add_tcase(s, splade_tests());
    suite_add_tcase(s, pair_tests());
    suite_add_tcase(s, embed_tests());
    suite_add_tcase(s, model_tests());
    suite_add_tcase(s, minilm_tests());
    suite_add_tcase(s, minilm_slow_tests());
    suite_add_tcase(s, session_tests());
    suite_add_tcase(s, masks_tests());
    suite_add_tcase(s, masks_slow_tests());
    suite_add_tcase(s, rope_tests());
    suite_add_tcase(s, decoder_slow_tests());
    suite_add_tcase(s, about_tests());
    suite_add_tcase(s, prompt_tests());
    suite_add_tcase(s, profile_tests());
    suite_add_tcase(s, keys_tests());
    suite_add_tcase(s, keys_code_tests());
    return run_suite(s);
}
