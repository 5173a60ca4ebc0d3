/* check_model_folder.c -- the JSON files of a model folder: what they decide, and when they are refused. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/check_model.h"

#include "model/folder.h"

static char dir[64];
static struct err err;

static void make_model(void)
{
    tmp_dir(dir);
    tiny_model_write(dir, 1, "");
}

static void remove_model(void) { tmp_remove(dir); }

static void drop(const char *name)
{
    char path[128];

    snprintf(path, sizeof path, "%s/%s", dir, name);
    ck_assert_int_eq(remove(path), 0);
}

START_TEST(a_whole_folder_is_read)
{
    struct folder f = {0};

    ck_assert_ok(folder_read(&f, dir, &err), &err);
    ck_assert_str_eq(f.path, dir);
    ck_assert_ptr_nonnull(strstr(dir, f.name));
    ck_assert_str_eq(f.architecture, "bert");
    ck_assert_int_eq(f.hidden, TINY_DIM);
    ck_assert_int_eq(f.layers, TINY_LAYERS);
    ck_assert_int_eq(f.heads, TINY_HEADS);
    ck_assert_int_eq(f.intermediate, TINY_INNER);
    ck_assert_int_eq(f.positions, TINY_POSITIONS);
    ck_assert_int_eq(f.max_tokens, TINY_POSITIONS);
    ck_assert_int_eq(f.types, 2);
    ck_assert_int_eq(f.activation, FOLDER_GELU);
    ck_assert(f.layer_norm_eps == 1e-12f);
    ck_assert_int_eq(f.pooling, FOLDER_MEAN);
    ck_assert(f.normalise && f.lower_case && f.strip_accents && f.split_chinese);
    ck_assert_str_eq(f.query_prefix, "");
    ck_assert_str_eq(f.passage_prefix, "");
    folder_clear(&f);
    folder_clear(&f);
}
END_TEST

START_TEST(a_folder_with_config_alone_has_defaults)
{
    struct folder f = {0};
    char slashes[80];

    drop("modules.json");
    drop("tokenizer_config.json");
    snprintf(slashes, sizeof slashes, "%s//", dir);
    ck_assert_ok(folder_read(&f, slashes, &err), &err);
    ck_assert_str_eq(f.path, dir);
    ck_assert_int_eq(f.pooling, FOLDER_MEAN);
    ck_assert(!f.normalise && f.lower_case && f.strip_accents && f.split_chinese);
    ck_assert_str_eq(f.cls, "[CLS]");
    folder_clear(&f);
}
END_TEST

START_TEST(prompts_are_the_prefixes)
{
    struct folder f = {0};

    folder_put(dir, "config_sentence_transformers.json",
               "{\"prompts\":{\"query\":\"query: \",\"passage\":\"passage: "
               "\"},\"default_prompt_name\":null}");
    ck_assert_ok(folder_read(&f, dir, &err), &err);
    ck_assert_str_eq(f.query_prefix, "query: ");
    ck_assert_str_eq(f.passage_prefix, "passage: ");
    folder_clear(&f);
    folder_put(
        dir, "config_sentence_transformers.json",
        "{\"prompts\":{\"query\":\"q \",\"document\":\"\",\"passage\":\"p \",\"any\":\"a \"},"
        "\"default_prompt_name\":\"any\"}");
    ck_assert_ok(folder_read(&f, dir, &err), &err);
    ck_assert_str_eq(f.query_prefix, "q ");
    ck_assert_str_eq(f.passage_prefix, ""); /* "document" comes before "passage", even if empty */
    folder_clear(&f);
    folder_put(dir, "config_sentence_transformers.json",
               "{\"prompts\":{\"any\":\"a \"},\"default_prompt_name\":\"any\"}");
    ck_assert_ok(folder_read(&f, dir, &err), &err);
    ck_assert_str_eq(f.query_prefix, "a ");
    ck_assert_str_eq(f.passage_prefix, "a ");
    folder_clear(&f);
}
END_TEST

START_TEST(the_shortest_limit_counts)
{
    static const struct {
        const char *sentence, *tokenizer;
        int want;
    } rows[] = {
        {"{\"max_seq_length\":16}", "{}", 16},
        {"{\"max_seq_length\":512}", "{}", TINY_POSITIONS},
        {"{\"max_seq_length\":null}", "{\"model_max_length\":20}", 20},
        {"{\"max_seq_length\":16}", "{\"model_max_length\":20}", 16},
        {"{}", "{\"model_max_length\":1000000000000000019884624838656}", TINY_POSITIONS},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct folder f = {0};

        folder_put(dir, "sentence_bert_config.json", rows[i].sentence);
        folder_put(dir, "tokenizer_config.json", rows[i].tokenizer);
        ck_assert_ok(folder_read(&f, dir, &err), &err);
        ck_assert_int_eq(f.max_tokens, rows[i].want);
        folder_clear(&f);
    }
}
END_TEST

START_TEST(the_tokenizer_is_told_how_to_clean)
{
    static const struct {
        const char *config, *json;
        int lower, strip, chinese;
    } rows[] = {
        {"{}", NULL, 1, 1, 1},
        {"{\"do_lower_case\":false}", NULL, 0, 0, 1},
        {"{\"do_lower_case\":false,\"strip_accents\":true}", NULL, 0, 1, 1},
        {"{\"do_lower_case\":true,\"strip_accents\":false,\"tokenize_chinese_chars\":false}", NULL,
         1, 0, 0},
        {"{}",
         "{\"normalizer\":{\"type\":\"BertNormalizer\",\"lowercase\":false,\"strip_accents\":null,"
         "\"handle_chinese_chars\":false,\"clean_text\":true}}",
         0, 0, 0},
        {"{\"do_lower_case\":true}",
         "{\"normalizer\":{\"type\":\"BertNormalizer\",\"lowercase\":false}}", 1, 1, 1},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct folder f = {0};

        folder_put(dir, "tokenizer_config.json", rows[i].config);
        if (rows[i].json)
            folder_put(dir, "tokenizer.json", rows[i].json);
        ck_assert_ok(folder_read(&f, dir, &err), &err);
        ck_assert_int_eq(f.lower_case, rows[i].lower);
        ck_assert_int_eq(f.strip_accents, rows[i].strip);
        ck_assert_int_eq(f.split_chinese, rows[i].chinese);
        folder_clear(&f);
    }
}
END_TEST

START_TEST(special_tokens_may_be_spelled_otherwise)
{
    struct folder f = {0};

    folder_put(dir, "tokenizer_config.json",
               "{\"unk_token\":\"<unk>\",\"cls_token\":{\"content\":\"<s>\"},\"sep_token\":null}");
    ck_assert_ok(folder_read(&f, dir, &err), &err);
    ck_assert_str_eq(f.unk, "<unk>");
    ck_assert_str_eq(f.cls, "<s>");
    ck_assert_str_eq(f.sep, "[SEP]");
    folder_clear(&f);
}
END_TEST

static const struct {
    const char *modules, *pooling;
    int want, code;
    const char *part;
} poolings[] = {
    {NULL, "{\"pooling_mode_cls_token\":true,\"pooling_mode_mean_tokens\":false}", FOLDER_CLS, 0,
     ""},
    {NULL, "{\"pooling_mode\":\"cls\"}", FOLDER_CLS, 0, ""},
    {NULL, "{\"pooling_mode\":[\"cls\"]}", FOLDER_CLS, 0, ""},
    {NULL, "{\"pooling_mode\":\"mean\",\"pooling_mode_cls_token\":true}", FOLDER_MEAN, 0, ""},
    {NULL, "{}", FOLDER_MEAN, 0, ""},
    {NULL, "{\"pooling_mode_max_tokens\":true}", 0, E_INVALID, "'max'"},
    {NULL, "{\"pooling_mode_mean_sqrt_len_tokens\":true}", 0, E_INVALID, "'mean_sqrt_len_tokens'"},
    {NULL, "{\"pooling_mode\":\"lasttoken\"}", 0, E_INVALID, "'lasttoken'"},
    {NULL, "{\"pooling_mode\":[\"cls\",\"mean\"]}", 0, E_INVALID, "several"},
    {NULL, "{\"pooling_mode_cls_token\":true,\"pooling_mode_mean_tokens\":true}", 0, E_INVALID,
     "several"},
    {NULL, "{\"pooling_mode_cls_token\":1}", 0, E_FORMAT, "not true or false"},
    {NULL, "{\"include_prompt\":false}", 0, E_INVALID, "without the prompt"},
    {NULL, "{\"pooling_mode", 0, E_FORMAT, "1_Pooling/config.json"},
    {NULL, "7", 0, E_FORMAT, "neither an object nor an array"},
    {"{}", NULL, 0, E_FORMAT, "not an array"},
    {"[{}]", NULL, 0, E_FORMAT, "'type' is missing"},
    {"[7]", NULL, 0, E_FORMAT, "'type' is missing"},
    {"[{\"type\":\"a.b.Dense\",\"path\":\"2_Dense\"}]", NULL, 0, E_INVALID, "'Dense'"},
    {"[{\"type\":\"Transformer\",\"path\":\"0_Transformer\"}]", NULL, 0, E_INVALID,
     "0_Transformer"},
    {"[{\"type\":\"Pooling\",\"path\":\"9_Pooling\"}]", NULL, 0, E_NOTFOUND, "9_Pooling"},
    {"[{\"type\":\"Pooling\",\"path\":\"../x\"}]", NULL, 0, E_FORMAT, "leaves the folder"},
    {"[{\"type\":\"Pooling\",\"path\":\"/etc\"}]", NULL, 0, E_FORMAT, "leaves the folder"},
    {"[{\"type\":\"x.Transformer\",\"path\":\"\"}]", NULL, FOLDER_MEAN, 0, ""},
    {"[]", NULL, FOLDER_MEAN, 0, ""},
};

START_TEST(modules_and_pooling_are_known_or_refused_by_name)
{
    struct folder f = {0};

    if (poolings[_i].modules)
        folder_put(dir, "modules.json", poolings[_i].modules);
    if (poolings[_i].pooling)
        folder_put(dir, "1_Pooling/config.json", poolings[_i].pooling);
    if (poolings[_i].code) {
        ck_assert_err(folder_read(&f, dir, &err), poolings[_i].code, poolings[_i].part, &err);
        ck_assert_ptr_null(f.path);
        return;
    }
    ck_assert_ok(folder_read(&f, dir, &err), &err);
    ck_assert_int_eq(f.pooling, poolings[_i].want);
    ck_assert_int_eq(f.normalise, !poolings[_i].modules);
    folder_clear(&f);
}
END_TEST

#define CONFIG(hidden, layers, heads, inner, vocab, positions, types, rest)                        \
    "{\"model_type\":\"bert\",\"hidden_size\":" hidden ",\"num_hidden_layers\":" layers            \
    ",\"num_attention_heads\":" heads ",\"intermediate_size\":" inner ",\"vocab_size\":" vocab     \
    ",\"max_position_embeddings\":" positions ",\"type_vocab_size\":" types "," rest "}"
#define ACT "\"hidden_act\":\"gelu\""

static const struct {
    const char *file, *text, *part;
    int code;
} broken[] = {
    {"config.json", "", "config.json", E_FORMAT},
    {"config.json", "{", "config.json", E_FORMAT},
    {"config.json", "\"bert\"", "neither an object", E_FORMAT},
    {"config.json", "[]", "'model_type' is missing", E_FORMAT},
    {"config.json", "{\"model_type\":7}", "'model_type' is not a string", E_FORMAT},
    {"config.json", "{\"model_type\":\"bert\"}", "'hidden_size' is missing", E_FORMAT},
    {"config.json", CONFIG("0", "2", "2", "64", "99", "48", "2", ACT), "'hidden_size' is 0",
     E_FORMAT},
    {"config.json", CONFIG("-32", "2", "2", "64", "99", "48", "2", ACT), "'hidden_size'", E_FORMAT},
    {"config.json", CONFIG("9999999999", "2", "2", "64", "99", "48", "2", ACT), "'hidden_size'",
     E_FORMAT},
    {"config.json", CONFIG("32.5", "2", "2", "64", "99", "48", "2", ACT), "'hidden_size'",
     E_FORMAT},
    {"config.json", CONFIG("\"32\"", "2", "2", "64", "99", "48", "2", ACT), "'hidden_size'",
     E_FORMAT},
    {"config.json", CONFIG("32", "0", "2", "64", "99", "48", "2", ACT), "'num_hidden_layers'",
     E_FORMAT},
    {"config.json", CONFIG("32", "2", "0", "64", "99", "48", "2", ACT), "'num_attention_heads'",
     E_FORMAT},
    {"config.json", CONFIG("32", "2", "3", "64", "99", "48", "2", ACT), "multiple of the 3 heads",
     E_FORMAT},
    {"config.json", CONFIG("32", "2", "2", "0", "99", "48", "2", ACT), "'intermediate_size'",
     E_FORMAT},
    {"config.json", CONFIG("32", "2", "2", "64", "0", "48", "2", ACT), "'vocab_size'", E_FORMAT},
    {"config.json", CONFIG("32", "2", "2", "64", "99", "2", "2", ACT), "'max_position_embeddings'",
     E_FORMAT},
    {"config.json", CONFIG("32", "2", "2", "64", "99", "48", "0", ACT), "'type_vocab_size'",
     E_FORMAT},
    {"config.json", CONFIG("32", "2", "2", "64", "99", "48", "2", "\"x\":1"),
     "'hidden_act' is missing", E_FORMAT},
    {"config.json", CONFIG("32", "2", "2", "64", "99", "48", "2", "\"hidden_act\":\"swish\""),
     "'swish'", E_INVALID},
    {"config.json", CONFIG("32", "2", "2", "64", "99", "48", "2", ACT ",\"layer_norm_eps\":0"),
     "eps", E_FORMAT},
    {"config.json", CONFIG("32", "2", "2", "64", "99", "48", "2", ACT ",\"layer_norm_eps\":1"),
     "eps", E_FORMAT},
    {"config.json",
     CONFIG("32", "2", "2", "64", "99", "48", "2", ACT ",\"position_embedding_type\":\"alibi\""),
     "'alibi'", E_INVALID},
    {"tokenizer_config.json", "{,", "tokenizer_config.json", E_FORMAT},
    {"tokenizer_config.json", "{\"do_lower_case\":\"yes\"}", "'do_lower_case'", E_FORMAT},
    {"tokenizer_config.json", "{\"strip_accents\":1}", "'strip_accents'", E_FORMAT},
    {"tokenizer_config.json", "{\"tokenize_chinese_chars\":[]}", "'tokenize_chinese_chars'",
     E_FORMAT},
    {"tokenizer_config.json", "{\"cls_token\":7}", "'cls_token'", E_FORMAT},
    {"tokenizer_config.json", "{\"sep_token\":{}}", "'sep_token'", E_FORMAT},
    {"sentence_bert_config.json", "{]", "sentence_bert_config.json", E_FORMAT},
    {"sentence_bert_config.json", "{\"max_seq_length\":2}", "max_seq_length", E_FORMAT},
    {"sentence_bert_config.json", "{\"max_seq_length\":\"long\"}", "max_seq_length", E_FORMAT},
    {"sentence_bert_config.json", "{\"do_lower_case\":0}", "do_lower_case", E_FORMAT},
    {"config_sentence_transformers.json", "x", "config_sentence_transformers.json", E_FORMAT},
    {"config_sentence_transformers.json", "{\"prompts\":[]}", "'prompts'", E_FORMAT},
    {"config_sentence_transformers.json", "{\"prompts\":{\"query\":7}}", "'prompts'", E_FORMAT},
    {"config_sentence_transformers.json", "{\"prompts\":{\"document\":{}}}", "'prompts'", E_FORMAT},
};

START_TEST(a_broken_file_of_a_folder_is_refused_by_name)
{
    struct folder f = {0};

    folder_put(dir, broken[_i].file, broken[_i].text);
    ck_assert_err(folder_read(&f, dir, &err), broken[_i].code, broken[_i].part, &err);
    ck_assert_ptr_null(f.path);
}
END_TEST

START_TEST(a_strange_normalizer_is_refused_by_name)
{
    struct folder f = {0};

    drop("tokenizer_config.json");
    folder_put(dir, "tokenizer.json", "{\"normalizer\":{\"type\":\"Lowercase\"}}");
    ck_assert_err(folder_read(&f, dir, &err), E_INVALID, "'Lowercase'", &err);
    folder_put(dir, "tokenizer.json", "{\"normalizer\":null}");
    ck_assert_err(folder_read(&f, dir, &err), E_INVALID, "'none'", &err);
    folder_put(dir, "tokenizer.json",
               "{\"normalizer\":{\"type\":\"BertNormalizer\",\"clean_text\":false}}");
    ck_assert_err(folder_read(&f, dir, &err), E_INVALID, "clean_text", &err);
}
END_TEST

START_TEST(what_is_no_model_folder_is_refused)
{
    struct folder f = {0};
    char path[128];

    snprintf(path, sizeof path, "%s/nothing", dir);
    ck_assert_err(folder_read(&f, path, &err), E_NOTFOUND, "is not a folder", &err);
    snprintf(path, sizeof path, "%s/config.json", dir);
    ck_assert_err(folder_read(&f, path, &err), E_NOTFOUND, "is not a folder", &err);
    drop("config.json");
    ck_assert_err(folder_read(&f, dir, &err), E_NOTFOUND, "has no config.json", &err);
}
END_TEST

START_TEST(each_allocation_of_the_folder_may_fail_once)
{
    int rc = 0;

    folder_put(dir, "config_sentence_transformers.json",
               "{\"prompts\":{\"query\":\"q\",\"passage\":\"p\"}}");
    folder_put(dir, "sentence_bert_config.json", "{\"max_seq_length\":16}");
    folder_put(dir, "tokenizer_config.json", "{\"cls_token\":\"[CLS]\"}");
    folder_put(dir, "tokenizer.json", "{\"normalizer\":{\"type\":\"BertNormalizer\"}}");
    FAIL_EACH_ALLOC(rc, {
        struct folder f = {0};

        rc = folder_read(&f, dir, &err);
        folder_clear(&f);
        err_clear(&err);
    });
}
END_TEST

TCase *folder_tests(void)
{
    TCase *tc = tcase_create("folder.c");

    tcase_add_checked_fixture(tc, make_model, remove_model);
    tcase_add_test(tc, a_whole_folder_is_read);
    tcase_add_test(tc, a_folder_with_config_alone_has_defaults);
    tcase_add_test(tc, prompts_are_the_prefixes);
    tcase_add_test(tc, the_shortest_limit_counts);
    tcase_add_test(tc, the_tokenizer_is_told_how_to_clean);
    tcase_add_test(tc, special_tokens_may_be_spelled_otherwise);
    tcase_add_loop_test(tc, modules_and_pooling_are_known_or_refused_by_name, 0,
                        sizeof poolings / sizeof *poolings);
    tcase_add_loop_test(tc, a_broken_file_of_a_folder_is_refused_by_name, 0,
                        sizeof broken / sizeof *broken);
    tcase_add_test(tc, a_strange_normalizer_is_refused_by_name);
    tcase_add_test(tc, what_is_no_model_folder_is_refused);
    tcase_add_test(tc, each_allocation_of_the_folder_may_fail_once);
    return tc;
}
