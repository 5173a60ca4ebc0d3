/* embed.h -- many texts to vectors, words or scores: tokens, batches by length, all threads. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MODEL_EMBED_H
#define MODEL_EMBED_H

#include <stddef.h>

#include "base/err.h"
#include "base/pool.h"
#include "model/encoder.h"
#include "model/model.h"
#include "model/pair.h"
#include "model/splade.h"
#include "model/tokenizer.h"

/* What turns a text into a vector.  Everything is borrowed. */
struct embedder {
    const struct tokenizer *tokenizer;
    const struct encoder *encoder;
    const struct splade *splade;  /* NULL: embed_texts, else embed_words */
    const struct pair_head *pair; /* not NULL: embed_pairs */
    int dim;                      /* D */
    int max_tokens;               /* of a text */
    int normalise;                /* 1: vectors of length 1 */
    const char *prefix;           /* put before every text; "" for none */
};

/* Appends the ids of one text with its prefix.  E_NOMEM. */
int embed_tokens(struct ids *out, const struct embedder *e, struct model_text text,
                 struct err *err);

/* out [n, dim] = vectors of texts [n]; see model_embed.
 * Errors: E_NOMEM; E_FORMAT if the network yields numbers that are not finite. */
int embed_texts(float *out, const struct embedder *e, struct pool *pool,
                const struct model_text *texts, size_t n, struct err *err);

/* out [n] = the weighted words of texts [n], the caller's; see model_embed_words.  Errors as embed_texts.
 * Until the call ends, texts' lists wait in memory: 8 bytes a word. */
int embed_words(struct model_words *out, const struct embedder *e, struct pool *pool,
                const struct model_text *texts, size_t n, struct err *err);

/* out [n] = scores of the query with each of texts [n]; see model_score_pairs.
 *
 * cut    [n] 1 for a text that was too long.
 * query  as tokenizer_add makes it without a limit.
 */
int embed_pairs(float *out, unsigned char *cut, const struct embedder *e, struct pool *pool,
                const struct ids *query, const struct model_text *texts, size_t n, struct err *err);

#endif
