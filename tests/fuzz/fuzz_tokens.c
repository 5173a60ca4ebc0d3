/* fuzz_tokens.c -- tokenizers of decoders: vocabulary, merges and text all come from the input. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "model/chat.h"
#include "model/tokenizer.h"
#include "tests/fuzz/fuzz.h"

enum { LIST_MAX = 2000 };

/* The input: a byte of options, lines "TYPE SCORE TOKEN" with TYPE a digit and SCORE a byte, an empty line, lines of merges, an empty line,
 * and the text. */
struct input {
    const char *at, *end;
    struct token_text tokens[LIST_MAX], merges[LIST_MAX];
    float scores[LIST_MAX];
    int32_t types[LIST_MAX];
    size_t n_tokens, n_merges;
    unsigned options;
};

/* The next line; 0 if it is empty. */
static int next_line(struct token_text *line, struct input *in)
{
    const char *end = in->at < in->end ? memchr(in->at, '\n', (size_t)(in->end - in->at)) : NULL;

    end = end ? end : in->end;
    *line = (struct token_text){in->at, (size_t)(end - in->at)};
    in->at = end < in->end ? end + 1 : end;
    return line->n > 0;
}

static void read_input(struct input *in, const uint8_t *data, size_t n)
{
    struct token_text line;

    in->options = n ? data[0] : 0;
    in->at = (const char *)data + (n > 0);
    in->end = (const char *)data + n;
    in->n_tokens = in->n_merges = 0;
    while (next_line(&line, in) && in->n_tokens < LIST_MAX) {
        size_t skip = line.n < 2 ? line.n : 2;

        in->types[in->n_tokens] = line.p[0] - '0';
        in->scores[in->n_tokens] = line.n > 1 ? (float)(unsigned char)line.p[1] : 0;
        in->tokens[in->n_tokens++] = (struct token_text){line.p + skip, line.n - skip};
    }
    while (next_line(&line, in) && in->n_merges < LIST_MAX)
        in->merges[in->n_merges++] = line;
}

static void need(int condition)
{
    if (!condition)
        abort();
}

/* What holds for every text and vocabulary. */
static void check(const struct tokens *list, const struct input *in, size_t n_text, int flags)
{
    uint32_t at = 0;

    for (size_t i = 0; i < list->n; i++) {
        need(list->ids[i] >= 0 && (size_t)list->ids[i] < in->n_tokens);
        need((flags & ENCODE_PARSE) || !list->ids[i] ||
             in->types[list->ids[i]] != TOKEN_CONTROL); /* 0: the unknown token */
        need(list->spans[i].begin >= at && list->spans[i].end >= list->spans[i].begin);
        at = list->spans[i].end;
    }
    need(at <= n_text);
}

/* Encoding again, now that whole words are known, changes nothing. */
static void check_again(const struct tokens *first, const struct tokenizer *t, const char *text,
                        size_t n, int flags)
{
    struct tokens again = {0};
    struct err err = {0};

    need(!tokenizer_encode(&again, t, text, n, flags, &err));
    need(again.n == first->n);
    need(!first->n || !memcmp(again.ids, first->ids, first->n * sizeof *first->ids));
    tokens_clear(&again);
}

static void talk(const struct tokenizer *t, const char *text, size_t n)
{
    struct chat_message m[] = {{"system", text, n / 2}, {"user", text + n / 2, n - n / 2}};
    const struct chat *chat = NULL;
    struct chat_range where[2];
    struct tokens list = {0};
    struct err err = {0};

    if (!chat_find(&chat, t, text, n, "gemma3", &err) &&
        !chat_encode(&list, where, chat, t, m, 2, 1, &err))
        for (int i = 0; i < 2; i++)
            need(where[i].begin <= where[i].end && where[i].end <= list.n);
    tokens_clear(&list);
}

static void run(struct input *in, struct tokenizer_source *source)
{
    size_t n = (size_t)(in->end - in->at);
    int flags = in->options & 4 ? ENCODE_PARSE : 0;
    struct decoding decoding = {0};
    struct tokenizer *t = NULL;
    struct tokens list = {0};
    struct buf out = {0};
    struct err err = {0};

    source->tokens = in->tokens;
    source->n_tokens = in->n_tokens;
    source->types = in->options & 8 ? NULL : in->types;
    source->bos = source->eos = source->eot = -1;
    source->unk = in->n_tokens ? 0 : -1;
    source->add_bos = source->add_eos = source->add_space_prefix = in->options & 16 ? 1 : -1;
    if (tokenizer_new(&t, source, &err))
        return;
    if (!tokenizer_encode(&list, t, in->at, n, flags, &err)) {
        if (source->types)
            check(&list, in, n, flags);
        check_again(&list, t, in->at, n, flags);
        need(!tokenizer_decode(&out, &decoding, t, list.ids, list.n, DECODE_CONTROL, &err));
        decoding_end(&out, &decoding);
    }
    talk(t, in->at, n);
    buf_clear(&out);
    tokens_clear(&list);
    tokenizer_close(t);
}

static struct input input;

static void run_bpe(const uint8_t *data, size_t n)
{
    static const char *const pres[] = {"default", "smollm", "qwen2", "llama-bpe"};
    struct tokenizer_source source = {.model = "gpt2"};

    read_input(&input, data, n);
    source.pre = pres[input.options & 3];
    source.merges = input.merges;
    source.n_merges = input.n_merges;
    run(&input, &source);
}

static void run_sentencepiece(const uint8_t *data, size_t n)
{
    struct tokenizer_source source = {.model = "llama", .scores = input.scores};

    read_input(&input, data, n);
    run(&input, &source);
}

static const char *const bpe[] = {
    "01 t\n1 h\n1 e\n1 th\n1 the\n1 \xc4\xa0\n1 \xc4\xa0t\n3 <|im_end|>\n4 <x>\n1 a\n1 aa\n1 "
    "\xc3\x83\n1 \xc2\xa9\n\n"
    "t h\nth e\n\xc4\xa0 t\na a\n\nthe the<|im_end|> aaaaa<x> \xc3\xa9 e\xcc\x81 12 a'll",
    "73 <bos>\n3 <start_of_turn>\n3 <end_of_turn>\n1 \n1 u\n1 s\n1 us\n2 e\n5 r\n6 <0x41>\n\nu "
    "s\nus us\n\n<bos>us<start_of_turn>us  us",
    NULL};
static const char *const sentencepiece[] = {
    "02 <unk>\n19\xe2\x96\x81\n18a\n17b\n16ab\n15\xe2\x96\x81"
    "ab\n4a  \n4b<b>\n6 <0xC3>\n6 <0xA9>\n14b\xe2\x96\x81"
    "a\n\n\n ab  ab<b> b a\xc3\xa9 \xe2\x96\x81x\xff",
    "C3 <s>\n3 <start_of_turn>\n3 "
    "<end_of_turn>\n1aa\n1baa\n1caaa\n1daaaa\n\n\naaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    NULL};
static const char *const words[] = {"\n\n",
                                    "<0x00>",
                                    "\xe2\x96\x81",
                                    "\xc4\xa0",
                                    "<|im_start|>",
                                    "<start_of_turn>",
                                    "<end_of_turn>",
                                    "\xcc\x96\xcc\x81",
                                    "\xea\xb0\x80",
                                    "\xe1\x84\x80\xe1\x85\xa1\xe1\x86\xa8",
                                    "  ",
                                    "\r\n",
                                    "1 a",
                                    NULL};

const struct fuzz_target fuzz_bpe = {"bpe", run_bpe, bpe, NULL, words};
const struct fuzz_target fuzz_sentencepiece = {"sentencepiece", run_sentencepiece, sentencepiece,
                                               NULL, words};
