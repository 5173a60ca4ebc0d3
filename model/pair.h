/* pair.h -- a cross-encoder: a query and a passage read together become one number.
 *
 *     [CLS] query [SEP] passage [SEP]                  tokens of the first type, then of the second
 *     h = tanh(W x[CLS] + b)                           the pooler
 *     logit[i] = h . C[i] + c[i]                       the classifier, one label or two
 *     score = logit[0], or logit[1] - logit[0]: what a softmax would rise with
 *
 * Source: Nogueira, Cho, "Passage Re-ranking with BERT", 2019; weights' names as in transformers'
 * BertForSequenceClassification, cutting and types as its tokenizer has them.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MODEL_PAIR_H
#define MODEL_PAIR_H

#include "base/err.h"
#include "model/folder.h"
#include "model/kernels.h"
#include "model/model.h"
#include "model/safetensors.h"
#include "model/tokenizer.h"

struct pair_head; /* pooler and classifier; read-only once open, may be shared by threads */

/* Binds [bert.]pooler.dense and classifier.
 *
 * st, cfg   not kept.
 * precision MODEL_I8 or MODEL_F32, of the pooler; the classifier is always float32.
 * k         borrowed until pair_close.
 *
 * Errors: E_NOTFOUND names the missing tensor; E_FORMAT one of the wrong shape or with numbers that are not finite;
 * E_INVALID for a classifier of more than two labels; E_NOMEM.
 */
int pair_open(struct pair_head **out, const struct safetensors *st, const struct folder *cfg,
              int precision, const struct kernels *k, struct err *err);
void pair_close(struct pair_head *h);

/* What one thread needs. */
struct pair_scratch;
int pair_scratch_new(struct pair_scratch **out, const struct pair_head *h, struct err *err);
void pair_scratch_free(struct pair_scratch *s);

/* out [n] = scores of first tokens x [n, D] of encoder_firsts.  A score does not depend on the other rows.
 * E_FORMAT if numbers are not finite; E_IO. */
int pair_run(float *out, const struct pair_head *h, struct pair_scratch *s, const float *x, int n,
             struct err *err);

/* How many tokens of a query of n_query and a passage of n_passage are read where there is room for `room`: the longer
 * is cut; if both are longer than half they share the room, and what is odd goes to the longer, on a tie to the passage
 * ("longest first" of the reference). */
void pair_share(size_t *query, size_t *passage, size_t n_query, size_t n_passage, size_t room);

/* Appends the ids of a pair; at most max in all.
 *
 * second  out: where the tokens of the second type begin, counted from the pair's first.
 * cut     out: 1 if the passage was too long.
 * query   [CLS], the query's tokens, [SEP], as tokenizer_add makes them without a limit.
 *
 * Returns 0; E_NOMEM; those of tokenizer_add.  On failure the list may hold a part of the pair.
 */
int pair_tokens(struct ids *out, int *second, unsigned char *cut, const struct tokenizer *t,
                const struct ids *query, struct model_text passage, size_t max, struct err *err);

#endif
