/* encoder.h -- BERT: token ids to one vector per text.
 *
 *     struct encoder *e = NULL;
 *     struct encoder_scratch *s = NULL;
 *     if (encoder_open(&e, st, cfg, MODEL_I8, kernels_best(), &err) ||
 *         encoder_scratch_new(&s, e, 512, NULL, &err))
 *         goto done;
 *     encoder_run(v, e, s, ids, &n_ids, 1, &err);
 *
 * An encoder is read-only once open and may be shared by threads; scratch is
 * what changes while tokens flow through, one thread at a time.
 *
 * Texts of a batch lie one after the other, without padding: everything but
 * attention works on all tokens of a batch at once.  A text's vector does not
 * depend on the rest of its batch.
 *
 * L layers, H heads, T tokens of the batch, D hidden size, F feed-forward size,
 * V vocabulary.  Source: Devlin et al., "BERT", 2019; MODEL.md has the weights' names.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MODEL_ENCODER_H
#define MODEL_ENCODER_H

#include "base/err.h"
#include "base/pool.h"
#include "model/folder.h"
#include "model/kernels.h"
#include "model/safetensors.h"

struct encoder;
struct encoder_scratch;

/* Binds the weights by name (with or without "bert." in front), checks their shapes,
 * and makes the matrices ready for `precision`.
 *
 * st        borrowed until encoder_close: word embeddings are read where they are mapped.
 * cfg       not kept.
 * precision MODEL_I8 or MODEL_F32.
 * k         borrowed until encoder_close: a table of kernels_best or kernels_find.
 *
 * Errors: E_NOTFOUND names the missing tensor; E_FORMAT one of the wrong shape; E_INVALID
 * a configuration this encoder cannot run; E_NOMEM.
 * Cost: one pass over the matrices; one byte per weight in MODEL_I8, four in MODEL_F32.
 */
int encoder_open(struct encoder **out, const struct safetensors *st, const struct folder *cfg,
                 int precision, const struct kernels *k, struct err *err);
void encoder_close(struct encoder *e);

/* Room for batches of up to max_tokens_in_batch tokens; `e` must outlive it.
 *
 * team   threads that share each batch, for when there are fewer batches than threads, or
 *        NULL: the caller alone.  The result does not depend on it.  It must outlive the scratch.
 *
 * Cost: about 20 D bytes a token, and what one block of tokens needs a thread (a few MB). */
int encoder_scratch_new(struct encoder_scratch **out, const struct encoder *e,
                        int max_tokens_in_batch, struct pool *team, struct err *err);
void encoder_scratch_free(struct encoder_scratch *s);

/* Runs n_texts texts through the network and pools each into one vector.
 *
 * out      [n_texts, D], pooled, not normalised.
 * ids      [T] all tokens, text after text, special tokens included.
 * lengths  [n_texts], each 1..positions of the model; their sum T is at most the scratch's room.
 *
 * Returns 0; E_INVALID for an id outside 0..V-1 or a length that does not fit; E_IO if the
 * matrix library refuses.  Cost: O(T (D^2 + D F) L) and O(length^2 D L) per text.
 * Allocates nothing.
 */
int encoder_run(float *out, const struct encoder *e, struct encoder_scratch *s, const int *ids,
                const int *lengths, int n_texts, struct err *err);

/* The same up to the last layer: *x [T, D] is what each token has become, valid until the
 * scratch is used again.  For heads of their own (splade.h). */
int encoder_states(const float **x, const struct encoder *e, struct encoder_scratch *s,
                   const int *ids, const int *lengths, int n_texts, struct err *err);

/* Up to the last layer, of which only the first token of each text is computed: out [n_texts, D].  For heads that read
 * [CLS] (pair.h).
 *
 * seconds  [n_texts] how many tokens the first of a pair of texts has, after which tokens are of the second type
 *          (folder.h: FOLDER_PAIR); NULL: single texts.
 */
int encoder_firsts(float *out, const struct encoder *e, struct encoder_scratch *s, const int *ids,
                   const int *lengths, const int *seconds, int n_texts, struct err *err);

#endif
