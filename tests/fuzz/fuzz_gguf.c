/* fuzz_gguf.c -- GGUF files: the reader, the vocabularies and the decoders in them. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "model/gguf.h"
#include "model/model.h"
#include "model/session.h"
#include "model/tokenizer.h"
#include "tests/fuzz/fuzz.h"
#include "tests/gguf_writer.h"
#include "tests/tiny_gguf.h"

enum { MAX_ROW = 1 << 16 };

static struct gguf *open_bytes(const uint8_t *data, size_t n)
{
    struct gguf *g = NULL;
    struct err err = {0};

    return gguf_open(&g, fuzz_file(".gguf", data, n), &err) ? NULL : g;
}

/* ---- the reader ---- */

/* Every value of the seeds' keys as everything that a value can be. */
static void read_values(const struct gguf *g)
{
    static const char *const keys[] = {"a", "text", "texts", "ints", "general.alignment", ""};

    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        struct token_text *texts = NULL, text;
        int32_t *ints = NULL;
        float *numbers = NULL, x;
        int64_t v;
        size_t n;
        int is;

        gguf_int(&v, g, keys[i], -1, 1000, NULL);
        gguf_number(&x, g, keys[i], NULL);
        gguf_bool(&is, g, keys[i], NULL);
        if (gguf_text(&text, g, keys[i], NULL) == 1)
            free(fuzz_text((const uint8_t *)text.p, text.n));
        if (gguf_texts(&texts, &n, g, keys[i], NULL) == 1)
            for (size_t k = 0; k < n; k++)
                free(fuzz_text((const uint8_t *)texts[k].p, texts[k].n));
        gguf_ints(&ints, &n, g, keys[i], NULL);
        gguf_numbers(&numbers, &n, g, keys[i], NULL);
        mem_free(texts);
        mem_free(ints);
        mem_free(numbers);
    }
}

static void run_gguf(const uint8_t *data, size_t n)
{
    struct gguf *g = open_bytes(data, n);
    float *row;

    if (!g)
        return;
    read_values(g);
    for (size_t i = 0; i < gguf_n_tensors(g); i++) {
        const struct gguf_tensor *t = gguf_at(g, i);

        if (gguf_find(g, t->name) != t)
            abort();
        if (t->columns > MAX_ROW)
            continue;
        row = mem_alloc(t->columns, sizeof *row); /* no more than that may be written */
        gguf_read_rows(row, t, 0, 1);
        gguf_read_rows(row, t, t->rows - 1, 1);
        mem_free(row);
    }
    gguf_close(g);
}

static void add_seed(struct gguf_writer *w)
{
    struct buf b = {0};

    gguf_finish(&b, w);
    fuzz_seed(b.data, b.len);
    buf_clear(&b);
}

static void file_seeds(void)
{
    static const unsigned char block[210];
    struct gguf_writer w = {.version = 2, .alignment = 8};
    struct buf texts = {0};

    gguf_put_u32(&w, "a", 7);
    gguf_put_text(&w, "text", "words");
    gguf_add_text(&texts, "one", 3);
    gguf_add_text(&texts, "", 0);
    gguf_put_list(&w, "texts", PUT_TEXT, 2, texts.data, texts.len);
    gguf_put_list(&w, "ints", PUT_I16, 2, "\1\0\xff\xff", 4);
    gguf_put_tensor(&w, "t", WEIGHT_F16, 3, (uint64_t[]){2, 2, 1}, block, 8);
    add_seed(&w);
    for (size_t i = 0; weight_type_at(i); i++) {
        const struct weight_type *t = weight_type_at(i);

        gguf_put_tensor(&w, t->name, (uint32_t)t->id, 1, (uint64_t[]){(uint64_t)t->block}, block,
                        (size_t)t->bytes);
    }
    gguf_put(&w, "", PUT_F64, block, 8);
    add_seed(&w);
    buf_clear(&texts);
}

/* ---- vocabularies and decoders ---- */

static void run_words(const uint8_t *data, size_t n)
{
    static const char text[] = "The word of caf\xc3\xa9s, and  the\n\xe4\xb8\xad <|im_end|><eos>";
    struct gguf *g = open_bytes(data, n);
    struct tokenizer *t = NULL;
    struct tokens list = {0};
    struct err err = {0};

    if (g && !tokenizer_open_gguf(&t, g, &err))
        tokenizer_encode(&list, t, text, sizeof text - 1, ENCODE_ENDS, &err);
    tokens_clear(&list);
    tokenizer_close(t);
    gguf_close(g);
}

/* Five tokens through a decoder, in float32 and in 8 bits. */
static void run_decoder(const uint8_t *data, size_t n)
{
    struct gguf *g = open_bytes(data, n);

    for (int precision = 0; g && precision < 2; precision++) {
        const struct decoder_options opt = {.precision = precision ? MODEL_I8 : MODEL_F32,
                                            .has_head = 1};
        const int ids[] = {0, 1, 2, 3, 4};
        const struct session_input in = {.ids = ids, .n = 5};
        struct decoder *m = NULL;
        struct session *s = NULL;
        struct err err = {0};
        float *logits;

        if (!decoder_open(&m, g, &opt, NULL, &err) && decoder_config(m)->vocab >= 5 &&
            !session_new(&s, m, 16, NULL, &err) && !session_read(s, &in, NULL, &err)) {
            logits = mem_alloc((size_t)decoder_config(m)->vocab, sizeof *logits);
            session_logits(logits, s, 4, 1, &err);
            mem_free(logits);
        }
        session_free(s);
        decoder_close(m);
    }
    gguf_close(g);
}

/* The smallest models of whole blocks. */
static void model_seeds(void)
{
    static const char *const names[] = {"llama", "qwen2", "qwen3", "gemma3"};

    for (int i = 0; i < 4; i++) {
        struct tiny_gguf tiny = tiny_gguf_of(names[i]);
        struct buf b = {0};

        tiny.layers = i == 3 ? 6 : 1;
        tiny.dim = tiny.inner = 32;
        tiny.heads = 2;
        tiny.kv_heads = 1;
        tiny.head_dim = 16;
        tiny.context = 64;
        tiny.window = 3;
        tiny.is_tied = 1;
        tiny.type = WEIGHT_Q4_0;
        tiny.types = "attn_v=Q8_0 ffn_down=Q5_1";
        tiny.rope_factor = i ? 0 : 4;
        tiny_gguf_build(&b, &tiny);
        fuzz_seed(b.data, b.len);
        buf_clear(&b);
    }
}

/* The vocabulary alone. */
static void word_seeds(void)
{
    static const char *const names[] = {"llama", "qwen2", "gemma3"};

    for (int i = 0; i < 3; i++) {
        struct tiny_gguf tiny = tiny_gguf_of(names[i]);
        struct buf b = {0};

        tiny.layers = 0;
        tiny.dim = 32;
        tiny.is_tied = 1;
        tiny.type = WEIGHT_Q4_0;
        tiny_gguf_build(&b, &tiny);
        fuzz_seed(b.data, b.len);
        buf_clear(&b);
    }
}

static const char *const words[] = {"GGUF",
                                    "general.architecture",
                                    "general.alignment",
                                    "llama.block_count",
                                    "llama.attention.head_count_kv",
                                    "llama.attention.key_length",
                                    "llama.rope.scaling.type",
                                    "gemma3.attention.sliding_window",
                                    "tokenizer.ggml.model",
                                    "tokenizer.ggml.tokens",
                                    "tokenizer.ggml.scores",
                                    "tokenizer.ggml.token_type",
                                    "tokenizer.ggml.merges",
                                    "tokenizer.ggml.eos_token_id",
                                    "tokenizer.ggml.add_bos_token",
                                    "gpt2",
                                    "llama",
                                    "qwen2",
                                    "<0x41>",
                                    "\xe2\x96\x81",
                                    "\xc4\xa0",
                                    "token_embd.weight",
                                    "blk.0.attn_q.weight",
                                    "output.weight",
                                    "rope_freqs.weight",
                                    NULL};

const struct fuzz_target fuzz_gguf = {"gguf", run_gguf, NULL, file_seeds, words};
const struct fuzz_target fuzz_gguf_words = {"gguf_words", run_words, NULL, word_seeds, words};
const struct fuzz_target fuzz_decoder = {"decoder", run_decoder, NULL, model_seeds, words};
