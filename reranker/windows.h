/* windows.h -- more candidates than a prompt holds: windows that slide from the last candidates to the first.
 *
 * A window's best are carried into the next, which overlaps it by half (Sun et al., "Is ChatGPT good at search?", 2023).
 * Scores of different windows do not compare, so places are what comes out.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RERANKER_WINDOWS_H
#define RERANKER_WINDOWS_H

#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"

/* Scores candidates some[n], numbers of candidates: read [..] gets a score at each of these numbers; -inf if there is nothing
 * to read. */
typedef int window_fn(float *read, const size_t *some, size_t n, void *self, struct err *err);

struct windows {
    const size_t *lengths; /* [n] tokens of each candidate, each at most room */
    size_t room;           /* tokens of all candidates of a window */
    size_t most;           /* candidates of a window; 0 = as many as there is room for */
    window_fn *score;
    void *self;
};

/* read [n]: scores if one window is enough, else places, the best n; what scored -inf stays so.  note says then how many windows there were. */
int windows_run(float *read, size_t n, const struct windows *w, struct buf *note, struct err *err);

#endif
