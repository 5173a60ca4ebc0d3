/* watch.h -- what heads attend to while a session reads a prompt's tail: the side of `icr` and `icr-blocks` that looks. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RERANKER_WATCH_H
#define RERANKER_WATCH_H

#include "model/profile.h"
#include "model/session.h"
#include "reranker/sheet.h"

/* Cells of a passage; begin = end for an empty one. */
struct watch_range {
    int begin, end;
};

struct watch;

/* heads   [n_heads], copied; NULL = all of the first `layers` layers
 * masses  1: what each cell gets is kept too */
int watch_open(struct watch **out, const struct decoder_config *c, int layers,
               const struct profile_head *heads, int n_heads, int masses, struct err *err);
void watch_close(struct watch *w);

/* Gets ready for a run of `rows` tokens that sees passages [n] among `cells` cells; what was seen before is forgotten.
 * words_begin, words_end: rows of the query's own tokens. */
int watch_begin(struct watch *w, const struct watch_range *passages, int n, int cells, int rows,
                int words_begin, int words_end, struct err *err);

/* For session_read. */
const struct session_tap *watch_tap(const struct watch *w);

/* After the run.  Logs of attention shares: the total of a row is 0. */
const struct sheet *watch_sheet(const struct watch *w);

/* After the run: [cells] the sum over heads of the mean attention of the rows.  Valid until the next watch_begin. */
const double *watch_masses(struct watch *w);

#endif
