/* splade.h -- what tokens have become, to weighted words of the vocabulary: a learned sparse vector.
 *
 *     h = LN(activation(W x + b))                  the masked-language-model head's transform, per token
 *     logit[v] = h . E[v] + c[v]                   E: the word embeddings (tied), or a decoder of its own
 *     weight[v] = log(1 + max(0, max over the text's tokens of logit[v]))
 *
 * Words of weight 0 are left out: a text keeps some tens to hundreds of V.
 *
 * The vocabulary is cut into blocks of SPLADE_BLOCK words, and a block's logits are folded into
 * the maximum of their text while they are in the second-level cache: the logits of all tokens,
 * [T, V], are never there at once.
 *
 * Source: Formal, Lassance, Piwowarski, Clinchant, "SPLADE v2", 2021 (max pooling); weights'
 * names as in transformers' BertForMaskedLM.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MODEL_SPLADE_H
#define MODEL_SPLADE_H

#include "base/err.h"
#include "model/folder.h"
#include "model/kernels.h"
#include "model/model.h"
#include "model/safetensors.h"

enum { SPLADE_BLOCK = 1024 }; /* words: 64 tokens' logits of them are 256 KiB */

struct splade;         /* the head; read-only once open, may be shared by threads */
struct splade_scratch; /* what one thread needs */

/* Binds cls.predictions.{transform.dense, transform.LayerNorm, bias or decoder.bias} and, as the decoder,
 * cls.predictions.decoder.weight if it is there, else the word embeddings.
 *
 * st        not kept.
 * cfg       not kept: hidden, vocab, activation, layer_norm_eps.
 * precision MODEL_I8 or MODEL_F32, of both products.
 * k         borrowed until splade_close.
 *
 * Errors: E_NOTFOUND names the missing tensor; E_FORMAT one of the wrong shape or with numbers that
 * are not finite; E_NOMEM.
 * Cost: one pass over V D weights; 2 V D bytes in MODEL_I8, 4 V D in MODEL_F32.
 */
int splade_open(struct splade **out, const struct safetensors *st, const struct folder *cfg,
                int precision, const struct kernels *k, struct err *err);
void splade_close(struct splade *s);

/* Room for batches of up to max_tokens tokens; s must outlive it. */
int splade_scratch_new(struct splade_scratch **out, const struct splade *s, int max_tokens,
                       struct err *err);
void splade_scratch_free(struct splade_scratch *s);

/* Appends to out[i] the weighted words of text i, by token rising.
 *
 * out      [n_texts], zeroed or with room from before (.n is what counts).
 * x        [T, D] of encoder_states.
 * lengths  [n_texts], each >= 1; their sum T is at most the scratch's room.
 *
 * Returns 0; E_FORMAT if numbers are not finite; E_NOMEM; E_IO.  A text's words do not depend on
 * the rest of its batch.  Cost: T D (D + V) products.
 */
int splade_run(struct model_words *out, const struct splade *s, struct splade_scratch *scratch,
               const float *x, const int *lengths, int n_texts, struct err *err);

#endif
