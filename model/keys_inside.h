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

/* Bits of each channel: widths [plan->n, d], each 0, 2, 4 or 8, in the mean at most plan->bits.
 *
 * keys    [plan->n, n, d]
 * energy  [plan->n, d] the mean square of what queries ask a channel; not used with 8 bits
 * E_NOMEM.  Cost: O(channels log channels + keys). */
int keys_choose_widths(unsigned char *widths, const float *keys, int n, const float *energy,
                       const struct key_plan *plan, struct err *err);

/* A slot's keys [n, d], in widths [d].  E_FORMAT if they are not finite; E_NOMEM. */
int keys_put(struct buf *out, const float *keys, int n, const unsigned char *widths,
             const struct key_plan *plan, struct err *err);

/* Looks at the head and the slots that were put so far, which must be all. */
void keys_view_slots(struct keys *out, const struct buf *b);

/* After the slots: log sums [heads, rows] of the content-free query; heads 0 = none.  E_FORMAT if they are not finite; E_NOMEM. */
int keys_put_content_free(struct buf *out, const float *log_sums, int heads, int rows,
                          struct err *err);

#endif
