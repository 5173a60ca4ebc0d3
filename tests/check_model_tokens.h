/* check_model_tokens.h -- vocabularies small enough to be written out, for the tests of tokenizers of decoders. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_CHECK_MODEL_TOKENS_H
#define TESTS_CHECK_MODEL_TOKENS_H

#include "model/tokenizer.h"
#include "tests/check_model.h"

enum { SMALL_MAX = 400 };

/* A source and what it points to; zeroed = empty. */
struct small {
    struct tokenizer_source source;
    struct token_text tokens[SMALL_MAX], merges[SMALL_MAX];
    float scores[SMALL_MAX];
    int32_t types[SMALL_MAX];
    char room[SMALL_MAX][32];
};

/* Adds a token and returns its id; `text` is a string literal. */
int small_token(struct small *s, const char *text, int type, float score);
void small_merge(struct small *s, const char *text);

/* The 256 bytes (their ids are their values), "th" 256, "the" 257, " t" 258, " the" 259, "in" 260, "ing" 261,
 * U+00E9 262, "<|im_start|>" 263, "<|im_end|>" 264 (control), "<tool>" 265 (the user's), "aa" 266, "aaaa" 267, "  " 268. */
void small_bpe(struct small *s, const char *pre);

/* "<unk>" 0, "<s>" 1, "</s>" 2, the bytes 3..258 if with_bytes, then "▁", "a".."e", "▁a", "ab", "▁ab", "abc", "cd", "▁▁" (the
 * user's), "e▁d", "<b>" (the user's), "▁c", "▁d". */
void small_sentencepiece(struct small *s, int with_bytes);

struct tokenizer *small_open(const struct small *s);

/* The tokens of a text as "id id id". */
const char *ids_text(const struct tokenizer *t, const char *text, size_t n, int flags);

#define ck_assert_ids(t, text, flags, want)                                                        \
    ck_assert_str_eq(ids_text((t), (text), strlen(text), (flags)), (want))

/* The nth of the tokenizers that laws are tried on, 0..N_TOKENIZERS-1, over `s`. */
enum { N_TOKENIZERS = 6 };
struct tokenizer *small_open_nth(struct small *s, int nth);

#endif
