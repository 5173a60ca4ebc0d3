/* tiny_vocabulary.c -- the words of tiny decoders; see tiny_vocabulary.h. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/tiny_vocabulary.h"

#include <stdio.h>
#include <string.h>

#include "model/tokenizer_source.h"
#include "tests/tiny_gguf.h"

enum { MAX_TOKENS = 400 };

struct words {
    struct buf texts, merges;
    int32_t types[MAX_TOKENS];
    float scores[MAX_TOKENS];
    uint32_t n, n_merges;
};

static void add(struct words *v, const char *text, int type, float score)
{
    gguf_add_text(&v->texts, text, strlen(text));
    v->types[v->n] = type;
    v->scores[v->n++] = score;
}

static void put_words(struct gguf_writer *w, struct words *v)
{
    gguf_put_list(w, "tokenizer.ggml.tokens", PUT_TEXT, v->n, v->texts.data, v->texts.len);
    gguf_put_list(w, "tokenizer.ggml.token_type", PUT_I32, v->n, v->types, v->n * sizeof *v->types);
    if (v->n_merges)
        gguf_put_list(w, "tokenizer.ggml.merges", PUT_TEXT, v->n_merges, v->merges.data,
                      v->merges.len);
    buf_clear(&v->texts);
    buf_clear(&v->merges);
}

/* The character that stands for a byte in GPT-2's alphabet: itself if it prints, else one from 256 on. */
static void byte_text(char out[4], int byte)
{
    int next = 256, cp = byte;

    for (int i = 0; i <= byte; i++) {
        const int prints = (i >= 33 && i <= 126) || (i >= 161 && i != 173);

        cp = prints ? i : next++;
    }
    memset(out, 0, 4);
    if (cp < 128) {
        out[0] = (char)cp;
    } else {
        out[0] = (char)(0xc0 | cp >> 6);
        out[1] = (char)(0x80 | (cp & 63));
    }
}

/* "LEFT RIGHT", a merge, makes a token of the two. */
static void add_merge(struct words *v, const char *merge)
{
    char text[32] = "";
    size_t n = 0;

    for (const char *c = merge; *c; c++)
        if (*c != ' ')
            text[n++] = *c;
    add(v, text, TOKEN_NORMAL, 0);
    gguf_add_text(&v->merges, merge, strlen(merge));
    v->n_merges++;
}

int tiny_bytes_put(struct gguf_writer *w, const char *pre)
{
#define BLANK "\xc4\xa0" /* U+0120: byte 32 */
    static const char *const merges[] = {
        BLANK " t",    "h e",
        "i n",         BLANK " a",
        "r e",         BLANK "t he",
        "o n",         "e r",
        BLANK " w",    "o r",
        "n d",         "or d",
        BLANK "w ord", BLANK " q",
        BLANK "q u",   "e s",
        BLANK "a nd",  BLANK " o",
        BLANK "o f",   "t h",
        BLANK "t h",   "a n",
        "s w",         "e n",
        "in g",        "\xc3\x83 \xc2\xa9",
    };
    struct words v = {0};
    char text[4];

    add(&v, "<|endoftext|>", TOKEN_CONTROL, 0);
    add(&v, "<|im_start|>", TOKEN_CONTROL, 0);
    add(&v, "<|im_end|>", TOKEN_CONTROL, 0);
    for (int i = 0; i < 256; i++) {
        byte_text(text, i);
        add(&v, text, TOKEN_NORMAL, 0);
    }
    for (size_t i = 0; i < sizeof merges / sizeof *merges; i++)
        add_merge(&v, merges[i]);
    gguf_put_text(w, "tokenizer.ggml.model", "gpt2");
    gguf_put_text(w, "tokenizer.ggml.pre", pre);
    gguf_put_u32(w, "tokenizer.ggml.bos_token_id", TINY_TURN);
    gguf_put_u32(w, "tokenizer.ggml.eos_token_id", TINY_END_OF_TURN);
    gguf_put_bool(w, "tokenizer.ggml.add_bos_token", 0);
    put_words(w, &v);
    return (int)v.n;
}

int tiny_pieces_put(struct gguf_writer *w)
{
#define LOW "\xe2\x96\x81" /* U+2581: a blank */
    static const char *const pieces[] = {
        LOW,      "e",       "t",     "a",      "o",        "i",        "n",
        "s",      "r",       "h",     "l",      "d",        "u",        "c",
        "m",      "f",       "p",     "g",      "w",        "y",        "b",
        "v",      "k",       "x",     "j",      "q",        "z",        ".",
        ",",      "?",       "T",     "A",      "\n",       "\xc3\xa9", "\xe4\xb8\xad",
        LOW "t",  "he",      LOW "a", "in",     LOW "the",  "re",       "on",
        "er",     LOW "w",   "or",    "ord",    LOW "word", LOW LOW,    LOW LOW LOW,
        "nd",     LOW "and", "qu",    LOW "qu", "th",       "ing",      LOW "o",
        LOW "of",
    };
    struct words v = {0};
    char text[8];

    add(&v, "<pad>", TOKEN_CONTROL, -1000);
    add(&v, "<eos>", TOKEN_CONTROL, -1000);
    add(&v, "<bos>", TOKEN_CONTROL, -1000);
    add(&v, "<unk>", TOKEN_UNKNOWN, -1000);
    add(&v, "<start_of_turn>", TOKEN_CONTROL, -1000);
    add(&v, "<end_of_turn>", TOKEN_CONTROL, -1000);
    for (int i = 0; i < 256; i++) {
        snprintf(text, sizeof text, "<0x%02X>", (unsigned)i);
        add(&v, text, TOKEN_BYTE, -1000);
    }
    for (int i = 0; i < (int)(sizeof pieces / sizeof *pieces); i++)
        add(&v, pieces[i], TOKEN_NORMAL, (float)-i);
    gguf_put_text(w, "tokenizer.ggml.model", "llama");
    gguf_put_text(w, "tokenizer.ggml.pre", "default");
    gguf_put_list(w, "tokenizer.ggml.scores", PUT_F32, v.n, v.scores, v.n * sizeof *v.scores);
    gguf_put_u32(w, "tokenizer.ggml.bos_token_id", TINY_GEMMA_BOS);
    gguf_put_u32(w, "tokenizer.ggml.eos_token_id", TINY_GEMMA_EOS);
    gguf_put_u32(w, "tokenizer.ggml.unknown_token_id", 3);
    gguf_put_bool(w, "tokenizer.ggml.add_bos_token", 1);
    gguf_put_bool(w, "tokenizer.ggml.add_eos_token", 0);
    gguf_put_bool(w, "tokenizer.ggml.add_space_prefix", 0);
    put_words(w, &v);
    return (int)v.n;
}
