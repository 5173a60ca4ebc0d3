/* attention.h -- multi-head attention: the only place where softmax(Q K^T) happens.
 *
 * T tokens of one text, H heads of d numbers, D = H d.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MODEL_ATTENTION_H
#define MODEL_ATTENTION_H

#include "base/err.h"
#include "model/kernels.h"

struct attention_scratch;

/* Room for texts of up to max_tokens and heads of d numbers.
 *
 * k         borrowed until attention_scratch_free.
 * precision MODEL_F32, or MODEL_I8: integers where the table has them (cosine 0.99999 to
 *           float32 by attention alone), float32 elsewhere. */
int attention_scratch_new(struct attention_scratch **out, const struct kernels *k, int precision,
                          int max_tokens, int d, struct err *err);
void attention_scratch_free(struct attention_scratch *s);

/* Lets every token of one text see all of it: out = softmax(Q K^T / sqrt d) V, head by head.
 *
 * out     [T, D]
 * qkv     [T, 3 D]: a token's Q, K and V, each with its heads one after the other.
 * T       1..max_tokens
 * first, last   the heads first..last-1 alone; the others' part of out stays
 *
 * Cost: 4 T^2 d operations and T^2 exponentials a head.
 */
void attention_run(float *out, struct attention_scratch *s, const float *qkv, int T, int H, int d,
                   int first, int last);

#endif
