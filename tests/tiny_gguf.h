/* tiny_gguf.h -- decoders small enough to be made by the tests that need one, as GGUF files.
 *
 *     struct tiny_gguf tiny = tiny_gguf_of("qwen3");
 *     tiny.types = "attn_v=Q6_K token_embd=Q8_0";      // dimensions must be whole blocks
 *     tiny_gguf_write(path, &tiny);
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_TINY_GGUF_H
#define TESTS_TINY_GGUF_H

#include "base/buf.h"

/* Ids of the vocabularies' marks.  Words of llama and the qwens are byte-level BPE, of gemma3 SentencePiece. */
enum {
    TINY_END_OF_TEXT = 0, /* "<|endoftext|>", "<|im_start|>", "<|im_end|>" */
    TINY_TURN = 1,
    TINY_END_OF_TURN = 2,
    TINY_GEMMA_EOS = 1, /* "<pad>", "<eos>", "<bos>", "<unk>", "<start_of_turn>", "<end_of_turn>" */
    TINY_GEMMA_BOS = 2,
    TINY_GEMMA_TURN = 4,
    TINY_GEMMA_END_OF_TURN = 5,
};

struct tiny_gguf {
    const char *architecture; /* "llama", "qwen2", "qwen3" or "gemma3" */
    unsigned seed;            /* of the weights; not 0 */
    int layers, dim, heads, kv_heads, head_dim, inner, context;
    int window;        /* of gemma3's local layers */
    int is_tied;       /* 1: no output.weight, the embeddings serve */
    int type;          /* WEIGHT_... of matrices; norms and biases are F32 */
    const char *types; /* "PART=TYPE ...": of matrices whose name has PART; or NULL */
    float rope_base;   /* 0: the file does not say */
    float rope_factor; /* not 0: rope_freqs.weight, 1 for the first half and this for the rest */
    float rope_scale;  /* not 0: rope.scaling.type and this factor */
    const char *rope_type; /* NULL: "linear" */
    const char *chat;      /* tokenizer.chat_template, or NULL */
};

/* 2 layers (gemma3: 6), 64 wide, 4 heads of 32 (llama, qwen2: of 16) over 2, 128 inner, 256 positions, windows of 16;
 * F32 matrices, tied but for llama. */
struct tiny_gguf tiny_gguf_of(const char *architecture);

/* The file's bytes, added to out.  The same struct gives the same bytes. */
void tiny_gguf_build(struct buf *out, const struct tiny_gguf *tiny);

void tiny_gguf_write(const char *path, const struct tiny_gguf *tiny);

#endif
