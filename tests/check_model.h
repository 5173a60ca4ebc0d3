/* check_model.h -- the parts of tests/check_model, and the small model that they share. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_CHECK_MODEL_H
#define TESTS_CHECK_MODEL_H

#include "tests/testing.h"
#include "tests/tiny_model.h"

TCase *folder_tests(void);       /* check_model_folder.c */
TCase *safetensors_tests(void);  /* check_model_safetensors.c */
TCase *weights_tests(void);      /* check_model_weights.c */
TCase *gguf_tests(void);         /* check_model_gguf.c */
TCase *gguf_hostile_tests(void); /* check_model_gguf_hostile.c */
TCase *gguf_models_tests(void);  /* check_model_gguf_models.c */
TCase *gguf_slow_tests(void);
TCase *tokenizer_tests(void); /* check_model_tokenizer.c */
TCase *tokenizer_slow_tests(void);
TCase *characters_tests(void);
TCase *tokens_tests(void);        /* check_model_tokens.c */
TCase *tokens_broken_tests(void); /* check_model_tokens_broken.c */
TCase *tokens_long_tests(void);
TCase *tokens_slow_tests(void); /* check_model_tokens_golden.c */
TCase *chat_tests(void);        /* check_model_chat.c */
TCase *kernels_tests(void);     /* check_model_kernels.c */
TCase *attention_tests(void);   /* check_model_attention.c */
TCase *product_tests(void);     /* check_model_product.c */
TCase *linear_tests(void);      /* check_model_linear.c */
TCase *encoder_tests(void);     /* check_model_encoder.c */
TCase *splade_tests(void);      /* check_model_splade.c */
TCase *pair_tests(void);        /* check_model_pair.c */
TCase *embed_tests(void);       /* check_model_embed.c */
TCase *model_tests(void);
TCase *minilm_tests(void);
TCase *minilm_slow_tests(void);
TCase *decoder_slow_tests(void); /* check_model_decoder.c */
TCase *session_tests(void);      /* check_model_session.c */
TCase *masks_tests(void);        /* check_model_masks.c */
TCase *masks_slow_tests(void);
TCase *rope_tests(void);    /* check_model_rope.c */
TCase *about_tests(void);   /* check_model_about.c */
TCase *prompt_tests(void);  /* check_model_prompt.c */
TCase *profile_tests(void); /* check_model_profile.c */
TCase *keys_tests(void);    /* check_model_keys.c */
TCase *keys_code_tests(void);

/* The folder of the real model; the test fails if it is not installed.  Static storage. */
const char *minilm_path(void);

/* The file of a real decoder; NULL, having said so, if it is not installed.  Static storage. */
const char *decoder_path(const char *name);

/* Line i of a bundled JSONL file as one text: "title text", or "text" if it has no title.  Calls fn(i, text). */
void each_scifact_text(void (*fn)(size_t i, const char *text, void *payload), void *payload);

#endif
