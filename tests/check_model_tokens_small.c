/* check_model_tokens_small.c -- vocabularies small enough to be written out; see check_model_tokens.h. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "base/utf8.h"
#include "tests/check_model_tokens.h"

static struct err err;

int small_token(struct small *s, const char *text, int type, float score)
{
    size_t i = s->source.n_tokens++;

    s->tokens[i] = (struct token_text){text, strlen(text)};
    s->types[i] = type;
    s->scores[i] = score;
    s->source.tokens = s->tokens;
    s->source.types = s->types;
    s->source.scores = s->scores;
    return (int)i;
}

void small_merge(struct small *s, const char *text)
{
    s->merges[s->source.n_merges++] = (struct token_text){text, strlen(text)};
    s->source.merges = s->merges;
}

static void small_begin(struct small *s, const char *model)
{
    memset(s, 0, sizeof *s);
    s->source = (struct tokenizer_source){.model = model,
                                          .bos = -1,
                                          .eos = -1,
                                          .eot = -1,
                                          .unk = -1,
                                          .add_bos = -1,
                                          .add_eos = -1,
                                          .add_space_prefix = -1};
}

void small_bpe(struct small *s, const char *pre)
{
    uint32_t next = 256;

    small_begin(s, "gpt2");
    s->source.pre = pre;
    for (uint32_t c = 0; c < 256; c++) {
        int shown = (c >= 33 && c <= 126) || (c >= 161 && c <= 172) || c >= 174;

        s->room[c][utf8_encode(s->room[c], shown ? c : next++)] = '\0';
        small_token(s, s->room[c], TOKEN_NORMAL, 0);
    }
    small_token(s, "th", TOKEN_NORMAL, 0);
    small_token(s, "the", TOKEN_NORMAL, 0);
    small_token(s, "\xc4\xa0t", TOKEN_NORMAL, 0);
    small_token(s, "\xc4\xa0the", TOKEN_NORMAL, 0);
    small_token(s, "in", TOKEN_NORMAL, 0);
    small_token(s, "ing", TOKEN_NORMAL, 0);
    small_token(s, "\xc3\x83\xc2\xa9", TOKEN_NORMAL, 0);
    small_token(s, "<|im_start|>", TOKEN_CONTROL, 0);
    small_token(s, "<|im_end|>", TOKEN_CONTROL, 0);
    small_token(s, "<tool>", TOKEN_USER, 0);
    small_token(s, "aa", TOKEN_NORMAL, 0);
    small_token(s, "aaaa", TOKEN_NORMAL, 0);
    small_token(s, "\xc4\xa0\xc4\xa0", TOKEN_NORMAL, 0);
    small_merge(s, "\xc4\xa0 t");
    small_merge(s, "t h");
    small_merge(s, "th e");
    small_merge(s, "\xc4\xa0t he"); /* dropped below: there is no "he" */
    s->source.n_merges--;
    small_merge(s, "i n");
    small_merge(s, "in g");
    small_merge(s, "\xc3\x83 \xc2\xa9");
    small_merge(s, "a a");
    small_merge(s, "aa aa");
    small_merge(s, "\xc4\xa0 \xc4\xa0");
    s->source.bos = 263;
    s->source.eos = 264;
}

void small_sentencepiece(struct small *s, int with_bytes)
{
    static const char *const words[] = {"\xe2\x96\x81",
                                        "a",
                                        "b",
                                        "c",
                                        "d",
                                        "e",
                                        "\xe2\x96\x81"
                                        "a",
                                        "ab",
                                        "\xe2\x96\x81"
                                        "ab",
                                        "abc",
                                        "cd"};

    small_begin(s, "llama");
    small_token(s, "<unk>", TOKEN_UNKNOWN, 0);
    small_token(s, "<s>", TOKEN_CONTROL, 0);
    small_token(s, "</s>", TOKEN_CONTROL, 0);
    for (int c = 0; c < 256 && with_bytes; c++) {
        snprintf(s->room[c], sizeof s->room[c], "<0x%02X>", (unsigned)c);
        small_token(s, s->room[c], TOKEN_BYTE, 0);
    }
    for (int i = 0; i < 11; i++)
        small_token(s, words[i], TOKEN_NORMAL, (float)-i);
    small_token(s, "  ", TOKEN_USER, -1000);
    small_token(s,
                "e\xe2\x96\x81"
                "d",
                TOKEN_NORMAL, -20);
    small_token(s, "<b>", TOKEN_USER, -1000);
    small_token(s,
                "\xe2\x96\x81"
                "c",
                TOKEN_NORMAL, -21);
    small_token(s,
                "\xe2\x96\x81"
                "d",
                TOKEN_NORMAL, -22);
    s->source.unk = 0;
    s->source.bos = 1;
    s->source.eos = 2;
    s->source.add_space_prefix = 0;
}

struct tokenizer *small_open(const struct small *s)
{
    struct tokenizer *t = NULL;

    ck_assert_ok(tokenizer_new(&t, &s->source, &err), &err);
    return t;
}

const char *ids_text(const struct tokenizer *t, const char *text, size_t n, int flags)
{
    static char out[4096];
    struct tokens list = {0};
    int len = 0;

    ck_assert_ok(tokenizer_encode(&list, t, text, n, flags, &err), &err);
    out[0] = '\0';
    for (size_t i = 0; i < list.n && len < 4000; i++)
        len += snprintf(out + len, 4096 - (size_t)len, "%s%d", i ? " " : "", list.ids[i]);
    tokens_clear(&list);
    return out;
}

struct tokenizer *small_open_nth(struct small *s, int i)
{
    static const char *const pres[] = {"default", "smollm", "qwen2", "llama-bpe"};

    if (i < 4)
        small_bpe(s, pres[i]);
    else
        small_sentencepiece(s, 1);
    if (i == 5)
        s->source.add_space_prefix = 1;
    return small_open(s);
}
