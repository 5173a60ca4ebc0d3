/* write.h -- a language model that answers: a request, as a user's turn, to the text of the next turn, the likeliest token each
 * time.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MODEL_WRITE_H
#define MODEL_WRITE_H

#include "base/buf.h"
#include "base/pool.h"
#include "model/reader.h"

struct writer;

/* r     opened with has_head; borrowed until close
 * pool  borrowed until close, or NULL */
int writer_open(struct writer **out, const struct reader *r, struct pool *pool, struct err *err);
void writer_close(struct writer *w);

/* Appends the answer to a request: at most max_tokens tokens, blanks around it left out.
 * E_LIMIT for a request that is too long; E_INVALID for a model that was not opened to write.
 * Cost: a run of the request through the model, then all its weights for each token. */
int writer_answer(struct buf *out, struct writer *w, const char *request, int max_tokens,
                  struct err *err);

#endif
