/* tiny_model.c -- models small enough to be made by the tests that need one; see tiny_model.h. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/tiny_model.h"

#include <stdint.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "tests/testing.h"

void folder_put(const char *dir, const char *name, const char *text)
{
    char path[512];
    const char *slash = strchr(name, '/');

    if (slash) {
        snprintf(path, sizeof path, "%s/%.*s", dir, (int)(slash - name), name);
        mkdir(path, 0777);
    }
    snprintf(path, sizeof path, "%s/%s", dir, name);
    tmp_write(path, text, strlen(text));
}

struct writer {
    struct buf header, data;
    const char *prefix;
    uint64_t state;
};

/* About uniform in -1..1 (xorshift). */
static float next_random(struct writer *w)
{
    w->state ^= w->state << 13;
    w->state ^= w->state >> 7;
    w->state ^= w->state << 17;
    return (float)(int32_t)(w->state >> 32) / 2147483648.0f;
}

static void put_tensor(struct writer *w, const char *name, int rows, int cols, float middle,
                       float spread)
{
    size_t n = (size_t)(rows * (cols ? cols : 1)), begin = w->data.len;

    for (size_t i = 0; i < n; i++) {
        float x = middle + spread * next_random(w);

        buf_add(&w->data, &x, sizeof x);
    }
    buf_printf(&w->header, "%s\"%s%s\":{\"dtype\":\"F32\",\"shape\":[%d", begin ? "," : "{",
               w->prefix, name, rows);
    if (cols)
        buf_printf(&w->header, ",%d", cols);
    buf_printf(&w->header, "],\"data_offsets\":[%zu,%zu]}", begin, w->data.len);
}

static void put_layer(struct writer *w, int i)
{
    static const struct {
        const char *name;
        int out, in; /* in 0: a layer norm */
    } parts[] = {
        {"attention.self.query", TINY_DIM, TINY_DIM},
        {"attention.self.key", TINY_DIM, TINY_DIM},
        {"attention.self.value", TINY_DIM, TINY_DIM},
        {"attention.output.dense", TINY_DIM, TINY_DIM},
        {"attention.output.LayerNorm", TINY_DIM, 0},
        {"intermediate.dense", TINY_INNER, TINY_DIM},
        {"output.dense", TINY_DIM, TINY_INNER},
        {"output.LayerNorm", TINY_DIM, 0},
    };
    char name[128];

    for (size_t p = 0; p < sizeof parts / sizeof *parts; p++) {
        snprintf(name, sizeof name, "encoder.layer.%d.%s.weight", i, parts[p].name);
        put_tensor(w, name, parts[p].out, parts[p].in, parts[p].in ? 0 : 1,
                   parts[p].in ? 0.3f : 0.1f);
        snprintf(name, sizeof name, "encoder.layer.%d.%s.bias", i, parts[p].name);
        put_tensor(w, name, parts[p].out, 0, 0, 0.1f);
    }
}

static int put_vocabulary(const char *dir)
{
    struct buf b = {0};
    int n = 4;

    buf_puts(&b, "[PAD]\n[UNK]\n[CLS]\n[SEP]\n");
    for (int c = 0x21; c < 0x7f; c++) {
        if (c >= 'A' && c <= 'Z')
            continue;
        buf_printf(&b, "%c\n##%c\n", c, c);
        n += 2;
    }
    buf_puts(&b, "the\nretina\nof\neye\nfove\n##ation\n##ing\n");
    n += 7;
    folder_put(dir, "vocab.txt", buf_text(&b));
    buf_clear(&b);
    return n;
}

/* config.json and the files that say how text is cleaned. */
static void put_config(const char *dir, int n_words, const char *architecture)
{
    struct buf config = {0};

    buf_printf(&config,
               "{\"model_type\":\"bert\",\"hidden_size\":%d,\"num_hidden_layers\":%d,"
               "\"num_attention_heads\":%d,\"intermediate_size\":%d,\"hidden_act\":\"gelu\","
               "\"layer_norm_eps\":1e-12,\"max_position_embeddings\":%d,\"type_vocab_size\":2,"
               "\"vocab_size\":%d,\"architectures\":[\"%s\"]}",
               TINY_DIM, TINY_LAYERS, TINY_HEADS, TINY_INNER, TINY_POSITIONS, n_words,
               architecture);
    folder_put(dir, "config.json", buf_text(&config));
    folder_put(dir, "tokenizer_config.json",
               "{\"do_lower_case\":true,\"strip_accents\":null,\"tokenize_chinese_chars\":true}");
    buf_clear(&config);
}

static void put_network(struct writer *w, int n_words)
{
    put_tensor(w, "embeddings.word_embeddings.weight", n_words, TINY_DIM, 0, 1);
    put_tensor(w, "embeddings.position_embeddings.weight", TINY_POSITIONS, TINY_DIM, 0, 0.3f);
    put_tensor(w, "embeddings.token_type_embeddings.weight", 2, TINY_DIM, 0, 0.1f);
    put_tensor(w, "embeddings.LayerNorm.weight", TINY_DIM, 0, 1, 0.1f);
    put_tensor(w, "embeddings.LayerNorm.bias", TINY_DIM, 0, 0, 0.1f);
    for (int i = 0; i < TINY_LAYERS; i++)
        put_layer(w, i);
}

static void put_head(struct writer *w, int n_words)
{
    w->prefix = "cls.predictions.";
    put_tensor(w, "transform.dense.weight", TINY_DIM, TINY_DIM, 0, 0.3f);
    put_tensor(w, "transform.dense.bias", TINY_DIM, 0, 0, 0.1f);
    put_tensor(w, "transform.LayerNorm.weight", TINY_DIM, 0, 1, 0.1f);
    put_tensor(w, "transform.LayerNorm.bias", TINY_DIM, 0, 0, 0.1f);
    put_tensor(w, "bias", n_words, 0, -3, 0.5f);
}

static void put_weights(struct writer *w, const char *dir)
{
    struct buf file = {0};
    char path[512];

    buf_putc(&w->header, '}');
    buf_u64(&file, w->header.len);
    buf_add(&file, w->header.data, w->header.len);
    buf_add(&file, w->data.data, w->data.len);
    ck_assert_int_eq(buf_error(&file), 0);
    snprintf(path, sizeof path, "%s/model.safetensors", dir);
    tmp_write(path, file.data, file.len);
    buf_clear(&w->header);
    buf_clear(&w->data);
    buf_clear(&file);
}

void tiny_splade_write(const char *dir, unsigned seed)
{
    struct writer w = {.prefix = "bert.", .state = 0x9e3779b97f4a7c15u ^ seed};
    int n_words = put_vocabulary(dir);

    put_config(dir, n_words, "BertForMaskedLM");
    put_network(&w, n_words);
    put_head(&w, n_words);
    put_weights(&w, dir);
}

void tiny_cross_write(const char *dir, unsigned seed, int n_labels)
{
    struct writer w = {.prefix = "bert.", .state = 0x9e3779b97f4a7c15u ^ seed};
    int n_words = put_vocabulary(dir);

    put_config(dir, n_words, "BertForSequenceClassification");
    put_network(&w, n_words);
    put_tensor(&w, "pooler.dense.weight", TINY_DIM, TINY_DIM, 0, 0.3f);
    put_tensor(&w, "pooler.dense.bias", TINY_DIM, 0, 0, 0.1f);
    w.prefix = "";
    put_tensor(&w, "classifier.weight", n_labels, TINY_DIM, 0, 1);
    put_tensor(&w, "classifier.bias", n_labels, 0, 0, 0.1f);
    put_weights(&w, dir);
}

void tiny_model_write(const char *dir, unsigned seed, const char *weight_prefix)
{
    struct writer w = {.prefix = weight_prefix, .state = 0x9e3779b97f4a7c15u ^ seed};
    int n_words = put_vocabulary(dir);

    put_config(dir, n_words, "BertModel");
    folder_put(dir, "modules.json",
               "[{\"path\":\"\",\"type\":\"sentence_transformers.models.Transformer\"},"
               "{\"path\":\"1_Pooling\",\"type\":\"sentence_transformers.models.Pooling\"},"
               "{\"path\":\"2_Normalize\",\"type\":\"sentence_transformers.models.Normalize\"}]");
    folder_put(dir, "1_Pooling/config.json", "{\"pooling_mode_mean_tokens\":true}");
    put_network(&w, n_words);
    put_weights(&w, dir);
}
