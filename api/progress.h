/* progress.h -- how far long work is: a line that rewrites itself on a terminal, a line now
 * and then elsewhere; always on standard error. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef API_PROGRESS_H
#define API_PROGRESS_H

#include <stdint.h>

struct progress {
    const char *label; /* in front, or NULL */
    const char *unit;  /* "documents" */
    uint64_t total;    /* 0 = not known */
    int quiet, terminal;
    double start, last; /* seconds: of the beginning and of the last line */
    int shown;          /* a line stands on the terminal */
};

/* Seconds on a clock that only goes forward. */
double clock_now(void);

void progress_begin(struct progress *p, const char *label, const char *unit, uint64_t total,
                    int quiet);

/* Shows how far the work is.
 *
 * position  of total; fractions are fine (a batch that is half embedded).
 * before    how much of position cost nothing (was done before), so that the rate is honest.
 *
 * Cheap: looks at the clock and prints ten times a second on a terminal, every 30 s elsewhere.
 */
void progress_update(struct progress *p, double position, double before);

/* Takes the line away, as the result follows (or an error). */
void progress_end(struct progress *p);

#endif
