/* tokenizer_source.h -- a vocabulary as a model's file holds it, before a tokenizer is made of it.
 *
 * Names are those of GGUF's keys, "tokenizer.ggml.*".  All pointers are borrowed and needed no longer than
 * tokenizer_new (tokenizer.h) takes.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MODEL_TOKENIZER_SOURCE_H
#define MODEL_TOKENIZER_SOURCE_H

#include <stddef.h>
#include <stdint.h>

/* What a token is for. */
enum token_type {
    TOKEN_NORMAL = 1,
    TOKEN_UNKNOWN = 2, /* stands for what nothing else stands for */
    TOKEN_CONTROL = 3, /* begins and ends texts and turns; never made from a text */
    TOKEN_USER = 4,    /* a text that is always this one token */
    TOKEN_UNUSED = 5,  /* fills the table */
    TOKEN_BYTE = 6,    /* "<0xNN>": a byte of a character that has no token */
};

/* Bytes of a file; not NUL-terminated. */
struct token_text {
    const char *p; /* [n] */
    size_t n;
};

struct tokenizer_source {
    const char *model; /* "gpt2": byte-level BPE; "llama": SentencePiece; "t5": unigram */
    const char *pre;   /* how BPE cuts texts into words; NULL = "default" */
    size_t n_tokens;   /* 1..2^31-1 */
    const struct token_text *tokens; /* [n_tokens]; an id is a place in this list */
    const float *scores;  /* [n_tokens], larger is better; NULL where the kind needs none */
    const int32_t *types; /* [n_tokens], enum token_type; NULL = all normal */
    size_t n_merges;
    const struct token_text *merges; /* [n_merges] "LEFT RIGHT", best first; for BPE */
    int bos, eos, eot, unk;          /* ids; -1 = there is none */
    int add_bos, add_eos;            /* around each text: 0, 1; -1 = as is usual for the kind */
    int add_space_prefix; /* a blank in front of a text: 0, 1; -1 = as is usual for the kind */
};

#endif
