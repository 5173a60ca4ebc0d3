/* keys_inside.h -- how keys become bytes; for model/keys*.c alone. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MODEL_KEYS_INSIDE_H
#define MODEL_KEYS_INSIDE_H

#include "base/buf.h"
#include "model/keys.h"

/* The head of a passage of n tokens; then its slots are put, in order, and what the content-free query's rows find. */
void keys_begin(struct buf *out, int n, const struct key_plan *plan, int rows);

/* Notes that the passage went on behind its tokens: any time after keys_begin. */
void keys_set_cut(struct buf *out);

/* A slot's keys [n, d].  E_FORMAT if they are not finite; E_NOMEM. */
int keys_put(struct buf *out, const float *keys, int n, const struct key_plan *plan,
             struct err *err);

/* After the slots: log sums [heads, rows] of the content-free query; heads 0 = none.  E_FORMAT if they are not finite; E_NOMEM. */
int keys_put_content_free(struct buf *out, const float *log_sums, int heads, int rows,
                          struct err *err);

#endif
