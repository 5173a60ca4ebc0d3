/* tiny_gguf.c -- decoders small enough to be made by tests; see tiny_gguf.h.  tiny_vocabulary.c has the words.
 * Fuzzers use it too, so it does without Check: what cannot be made ends the program. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/tiny_gguf.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/half.h"
#include "model/weight_types.h"
#include "tests/gguf_writer.h"
#include "tests/tiny_vocabulary.h"

struct building {
    const struct tiny_gguf *tiny;
    struct gguf_writer w;
    uint64_t state;
    int vocab;
};

static void must(int ok, const char *what)
{
    if (!ok) {
        fprintf(stderr, "tiny_gguf: cannot make %s\n", what);
        abort();
    }
}

/* ---- random blocks ---- */

static uint32_t next_random(struct building *b)
{
    b->state ^= b->state << 13;
    b->state ^= b->state >> 7;
    b->state ^= b->state << 17;
    return (uint32_t)(b->state >> 32);
}

/* About uniform in -1..1. */
static float next_float(struct building *b)
{
    return (float)(int32_t)next_random(b) / 2147483648.0f;
}

static void put_half(unsigned char *p, float x)
{
    const uint16_t h = half_from_float(x);

    memcpy(p, &h, 2);
}

/* The twelve bytes of Q4_K and Q5_K: eight scales of 32..63, and least values equal to them, so that with
 * dmin = d middle a weight is d s (q - middle). */
static void put_k_scales(unsigned char *p, struct building *b)
{
    unsigned char s[8];

    for (int i = 0; i < 8; i++)
        s[i] = (unsigned char)(32 + next_random(b) % 32);
    for (int i = 0; i < 4; i++) {
        p[i] = p[4 + i] = (unsigned char)(s[i] | (s[4 + i] >> 4) << 6);
        p[8 + i] = (unsigned char)((s[4 + i] & 15) | (s[4 + i] & 15) << 4);
    }
}

/* A block of random integers whose scales make weights of about -spread..spread. */
static void put_block(unsigned char *p, int type, float spread, struct building *b)
{
    const struct weight_type *t = weight_type_find(type);
    const float d = spread * (0.75f + 0.25f * next_float(b));

    for (int i = 0; i < t->bytes; i++)
        p[i] = (unsigned char)(next_random(b) >> 11);
    switch (type) {
    case WEIGHT_Q8_0:
        put_half(p, d / 127);
        break;
    case WEIGHT_Q4_0:
        put_half(p, d / 8);
        break;
    case WEIGHT_Q5_0:
        put_half(p, d / 16);
        break;
    case WEIGHT_Q4_1:
        put_half(p, d / 8);
        put_half(p + 2, -d);
        break;
    case WEIGHT_Q5_1:
        put_half(p, d / 16);
        put_half(p + 2, -d);
        break;
    case WEIGHT_Q4_K:
    case WEIGHT_Q5_K:
        put_half(p, d / 63 / (type == WEIGHT_Q4_K ? 8 : 16));
        put_half(p + 2, d / 63);
        put_k_scales(p + 4, b);
        break;
    default:
        put_half(p + 208, d / 128 / 32);
    }
}

static void put_float(unsigned char *p, int type, float x)
{
    uint32_t bits;

    memcpy(&bits, &x, sizeof bits);
    bits >>= type == WEIGHT_BF16 ? 16 : 0;
    if (type == WEIGHT_F16)
        put_half(p, x);
    else
        memcpy(p, &bits, type == WEIGHT_BF16 ? 2 : 4);
}

/* ---- tensors ---- */

/* The type that the test wants for this matrix. */
static int type_of(const struct tiny_gguf *tiny, const char *name)
{
    const char *at = tiny->types;
    char part[64], type[16];
    int n;

    for (; at && sscanf(at, " %63[^= ]=%15s%n", part, type, &n) == 2; at += n)
        if (strstr(name, part))
            for (size_t i = 0; weight_type_at(i); i++)
                if (!strcmp(weight_type_at(i)->name, type))
                    return weight_type_at(i)->id;
    return tiny->type;
}

static void put_weights(struct building *b, const char *name, int type, uint32_t n_dims,
                        const uint64_t *dims, float middle, float spread)
{
    const struct weight_type *t = weight_type_find(type);
    const size_t n = (size_t)dims[0] * (size_t)(n_dims > 1 ? dims[1] : 1);
    const size_t n_blocks = n / (size_t)t->block, bytes = (size_t)t->bytes;
    unsigned char *p = mem_alloc(n_blocks, bytes);

    must(p && dims[0] % (size_t)t->block == 0, name);
    for (size_t i = 0; i < n_blocks; i++)
        if (t->block == 1)
            put_float(p + i * bytes, type, middle + spread * next_float(b));
        else
            put_block(p + i * bytes, type, spread, b);
    gguf_put_tensor(&b->w, name, (uint32_t)type, n_dims, dims, p, n_blocks * bytes);
    mem_free(p);
}

static void put_matrix(struct building *b, const char *name, int rows, int columns, float spread)
{
    put_weights(b, name, type_of(b->tiny, name), 2, (uint64_t[]){(uint64_t)columns, (uint64_t)rows},
                0, spread);
}

static void put_vector(struct building *b, const char *name, int n, float middle, float spread)
{
    put_weights(b, name, WEIGHT_F32, 1, (uint64_t[]){(uint64_t)n}, middle, spread);
}

static void put_layer(struct building *b, int layer)
{
    const struct tiny_gguf *t = b->tiny;
    const int is_gemma = !strcmp(t->architecture, "gemma3");
    const int q = t->heads * t->head_dim, kv = t->kv_heads * t->head_dim;
    const struct {
        const char *name;
        int rows, columns; /* columns 0: a vector */
        int is_there;
    } parts[] = {
        {"attn_norm.weight", t->dim, 0, 1},
        {"attn_q.weight", q, t->dim, 1},
        {"attn_k.weight", kv, t->dim, 1},
        {"attn_v.weight", kv, t->dim, 1},
        {"attn_q.bias", q, 0, !strcmp(t->architecture, "qwen2")},
        {"attn_k.bias", kv, 0, !strcmp(t->architecture, "qwen2")},
        {"attn_v.bias", kv, 0, !strcmp(t->architecture, "qwen2")},
        {"attn_q_norm.weight", t->head_dim, 0, is_gemma || !strcmp(t->architecture, "qwen3")},
        {"attn_k_norm.weight", t->head_dim, 0, is_gemma || !strcmp(t->architecture, "qwen3")},
        {"attn_output.weight", t->dim, q, 1},
        {"post_attention_norm.weight", t->dim, 0, is_gemma},
        {"ffn_norm.weight", t->dim, 0, 1},
        {"ffn_gate.weight", t->inner, t->dim, 1},
        {"ffn_up.weight", t->inner, t->dim, 1},
        {"ffn_down.weight", t->dim, t->inner, 1},
        {"post_ffw_norm.weight", t->dim, 0, is_gemma},
    };
    char name[64];

    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        snprintf(name, sizeof name, "blk.%d.%s", layer, parts[i].name);
        if (parts[i].is_there && parts[i].columns)
            put_matrix(b, name, parts[i].rows, parts[i].columns, 0.3f);
        else if (parts[i].is_there)
            put_vector(b, name, parts[i].rows, strstr(name, "norm") ? 1 : 0, 0.2f);
    }
}

static void put_tensors(struct building *b)
{
    const struct tiny_gguf *t = b->tiny;

    put_matrix(b, "token_embd.weight", b->vocab, t->dim, 1);
    for (int i = 0; i < t->layers; i++)
        put_layer(b, i);
    put_vector(b, "output_norm.weight", t->dim, 1, 0.2f);
    if (!t->is_tied)
        put_matrix(b, "output.weight", b->vocab, t->dim, 0.5f);
    if (t->rope_factor != 0) {
        const uint64_t n = (uint64_t)t->head_dim / 2;
        float *factors = mem_alloc(n, sizeof *factors);

        for (uint64_t i = 0; i < n; i++)
            factors[i] = i < n / 2 ? 1 : t->rope_factor;
        gguf_put_tensor(&b->w, "rope_freqs.weight", WEIGHT_F32, 1, &n, factors,
                        n * sizeof *factors);
        mem_free(factors);
    }
}

/* ---- values ---- */

static void put_size(struct building *b, const char *name, int v)
{
    char key[96];

    snprintf(key, sizeof key, "%s.%s", b->tiny->architecture, name);
    gguf_put_u32(&b->w, key, (uint32_t)v);
}

static void put_number(struct building *b, const char *name, float v)
{
    char key[96];

    snprintf(key, sizeof key, "%s.%s", b->tiny->architecture, name);
    gguf_put_f32(&b->w, key, v);
}

static void put_values(struct building *b)
{
    const struct tiny_gguf *t = b->tiny;
    char key[96];

    gguf_put_text(&b->w, "general.architecture", t->architecture);
    gguf_put_text(&b->w, "general.name", "tiny");
    put_size(b, "block_count", t->layers);
    put_size(b, "context_length", t->context);
    put_size(b, "embedding_length", t->dim);
    put_size(b, "feed_forward_length", t->inner);
    put_size(b, "attention.head_count", t->heads);
    put_size(b, "attention.head_count_kv", t->kv_heads);
    if (t->head_dim * t->heads != t->dim) {
        put_size(b, "attention.key_length", t->head_dim);
        put_size(b, "attention.value_length", t->head_dim);
    }
    put_number(b, "attention.layer_norm_rms_epsilon", 1e-5f);
    if (t->rope_base != 0)
        put_number(b, "rope.freq_base", t->rope_base);
    if (t->rope_scale != 0) {
        snprintf(key, sizeof key, "%s.rope.scaling.type", t->architecture);
        gguf_put_text(&b->w, key, t->rope_type ? t->rope_type : "linear");
        put_number(b, "rope.scaling.factor", t->rope_scale);
    }
    if (!strcmp(t->architecture, "gemma3"))
        put_size(b, "attention.sliding_window", t->window);
}

/* ---- the face ---- */

struct tiny_gguf tiny_gguf_of(const char *architecture)
{
    const int is_gemma = !strcmp(architecture, "gemma3"), is_llama = !strcmp(architecture, "llama");
    const int is_narrow = is_llama || !strcmp(architecture, "qwen2");

    return (struct tiny_gguf){.architecture = architecture,
                              .seed = 1,
                              .layers = is_gemma ? 6 : 2,
                              .dim = 64,
                              .heads = 4,
                              .kv_heads = 2,
                              .head_dim = is_narrow ? 16 : 32,
                              .inner = 128,
                              .context = 256,
                              .window = 16,
                              .is_tied = !is_llama,
                              .type = WEIGHT_F32,
                              .rope_base = is_llama ? 10000 : 1000000};
}

void tiny_gguf_build(struct buf *out, const struct tiny_gguf *tiny)
{
    struct building b = {.tiny = tiny, .state = 0x9e3779b97f4a7c15u * tiny->seed};

    must(tiny->seed != 0, "a seed of 0");
    for (int i = 0; i < 16; i++)
        next_random(&b);
    put_values(&b);
    b.vocab = strcmp(tiny->architecture, "gemma3")
                  ? tiny_bytes_put(&b.w, strcmp(tiny->architecture, "llama") ? "qwen2" : "smollm")
                  : tiny_pieces_put(&b.w);
    if (tiny->chat)
        gguf_put_text(&b.w, "tokenizer.chat_template", tiny->chat);
    put_tensors(&b);
    gguf_finish(out, &b.w);
    must(!buf_error(out), "memory");
}

void tiny_gguf_write(const char *path, const struct tiny_gguf *tiny)
{
    struct buf b = {0};
    FILE *f = fopen(path, "wb");

    tiny_gguf_build(&b, tiny);
    must(f && fwrite(b.data, 1, b.len, f) == b.len && !fclose(f), path);
    buf_clear(&b);
}
