/* folder_texts.c -- how texts are treated before the network: cleaning, special tokens, longest text, prompts. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <string.h>

#include "model/folder_inside.h"

/* ---- lengths, prompts ---- */

/* Positions the network does not have are no use: the limit is cut to them. */
static void limit_tokens(struct folder *f, const struct json *v)
{
    double n = json_number(v, 0);

    if (n >= 3 && n < f->max_tokens)
        f->max_tokens = (int)n;
}

int folder_read_length(struct folder *f, struct err *err)
{
    struct source s = {0};
    const struct json *v;
    int lower = 0, rc = source_open(&s, f->path, "sentence_bert_config.json", err);

    if (rc <= 0)
        return rc;
    rc = source_bool(&lower, &s, s.root, "do_lower_case", err);
    v = json_get(s.root, "max_seq_length");
    if (!rc && !source_lacks(v)) {
        int64_t n = json_int(v, 0);

        if (n < 3 || n > INT32_MAX)
            rc = err_set(err, E_FORMAT, "'%s': max_seq_length is not an integer of at least 3",
                         s.path);
        limit_tokens(f, v);
    }
    if (lower)
        f->lower_case = 1;
    source_close(&s);
    return rc;
}

int folder_read_prompts(struct folder *f, struct err *err)
{
    static const char *const for_passages[] = {"document", "passage", "corpus"};
    struct source s = {0};
    const struct json *prompts, *fallback, *query, *passage = NULL;
    int rc = source_open(&s, f->path, "config_sentence_transformers.json", err);

    if (rc <= 0)
        return rc;
    prompts = json_get(s.root, "prompts");
    fallback = json_get(prompts, json_text(json_get(s.root, "default_prompt_name"), ""));
    query = json_get(prompts, "query");
    for (size_t i = 0; !passage && i < 3; i++)
        passage = json_get(prompts, for_passages[i]);
    if (source_lacks(query))
        query = fallback;
    if (source_lacks(passage))
        passage = fallback;
    rc = 0;
    if ((!source_lacks(prompts) && !json_is_object(prompts)) ||
        (!source_lacks(query) && !json_is_string(query)) ||
        (!source_lacks(passage) && !json_is_string(passage)))
        rc = err_set(err, E_FORMAT, "'%s': field 'prompts' does not map names to texts", s.path);
    if (!rc)
        rc = source_copy(&f->query_prefix, json_text(query, ""), err);
    if (!rc)
        rc = source_copy(&f->passage_prefix, json_text(passage, ""), err);
    source_close(&s);
    return rc;
}

/* ---- tokenizer_config.json, tokenizer.json ---- */

static int set_special(char **out, const struct source *s, const char *key, struct err *err)
{
    const struct json *v = json_get(s->root, key);
    const char *text = json_text(json_is_object(v) ? json_get(v, "content") : v, NULL);

    if (source_lacks(v))
        return 0;
    if (!text || !*text)
        return err_set(err, E_FORMAT, "'%s': field '%s' is not a token", s->path, key);
    return source_copy(out, text, err);
}

/* What tokenizer_config.json leaves open, -1 here, is looked up in tokenizer.json. */
static int read_normalizer(int *lower, int *strip, int *chinese, const char *dir, struct err *err)
{
    struct source s = {0};
    const struct json *n;
    const char *type;
    int clean = 1, rc = source_open(&s, dir, "tokenizer.json", err);

    if (rc <= 0)
        return rc;
    n = json_get(s.root, "normalizer");
    type = json_text(json_get(n, "type"), "none");
    if (strcmp(type, "BertNormalizer") != 0)
        rc = err_set(err, E_INVALID, "'%s': normalizer '%.40s'; only BertNormalizer is known",
                     s.path, type);
    else if (*lower < 0)
        rc = source_bool(lower, &s, n, "lowercase", err);
    else
        rc = 0;
    if (!rc && *strip < 0)
        rc = source_bool(strip, &s, n, "strip_accents", err);
    if (!rc && *chinese < 0)
        rc = source_bool(chinese, &s, n, "handle_chinese_chars", err);
    if (!rc)
        rc = source_bool(&clean, &s, n, "clean_text", err);
    if (!rc && !clean)
        rc = err_set(err, E_INVALID, "'%s': a normalizer without clean_text is not known", s.path);
    source_close(&s);
    return rc;
}

int folder_read_tokenizer(struct folder *f, struct err *err)
{
    struct source s = {0};
    int lower = -1, strip = -1, chinese = -1;
    int rc = source_open(&s, f->path, "tokenizer_config.json", err);

    if (rc > 0) {
        rc = source_bool(&lower, &s, s.root, "do_lower_case", err);
        if (!rc)
            rc = source_bool(&strip, &s, s.root, "strip_accents", err);
        if (!rc)
            rc = source_bool(&chinese, &s, s.root, "tokenize_chinese_chars", err);
        if (!rc)
            rc = set_special(&f->unk, &s, "unk_token", err);
        if (!rc)
            rc = set_special(&f->cls, &s, "cls_token", err);
        if (!rc)
            rc = set_special(&f->sep, &s, "sep_token", err);
        limit_tokens(f, json_get(s.root, "model_max_length"));
        source_close(&s);
    }
    if (!rc && (lower < 0 || chinese < 0))
        rc = read_normalizer(&lower, &strip, &chinese, f->path, err);
    f->lower_case = lower != 0;
    f->strip_accents = strip < 0 ? f->lower_case : strip;
    f->split_chinese = chinese != 0;
    return rc;
}
