/* pool.h -- a fixed set of threads that share a list of tasks.
 *
 *     struct pool *p;
 *     pool_new(&p, 2, &err);
 *     pool_run(p, n_batches, embed_batch, &work);
 *     pool_free(p);
 *
 * Tasks are handed out in order, so what a task computes must not depend on
 * which thread runs it: that is what makes results equal for any thread count.
 * Threads do not survive fork(): create pools after it.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_POOL_H
#define BASE_POOL_H

#include "base/err.h"

struct pool;

/* One task.  task in 0..n-1; worker in 0..pool_size()-1 names scratch memory
 * that no other running task uses.  Non-zero ends the run early. */
typedef int pool_fn(int task, int worker, void *payload);

/* n_threads >= 1 counts the caller, who works too: 1 starts no thread.
 * 0 means one per processor this process may run on, 64 at most. */
int pool_new(struct pool **out, int n_threads, struct err *err);

/* Threads, the caller included. */
int pool_size(const struct pool *p);

/* Runs tasks 0..n-1 and waits.  p may be NULL: all run in the caller as worker 0.
 * Returns 0, or the first non-zero result in order of task number among those run. */
int pool_run(struct pool *p, int n, pool_fn *fn, void *payload);

/* Runs fn(rank, rank, payload) on every thread at once, rank 0..pool_size()-1, the caller being 0, and
 * waits.  p may be NULL: the caller alone.  Returns 0, or the non-zero result of the lowest rank. */
int pool_together(struct pool *p, pool_fn *fn, void *payload);

/* In a run of pool_together: waits until every thread is here.  What one wrote before, all see after.
 * Every rank must come as often as the others, after an error too.  Waiting burns
 * processor time, so what lies between two meetings should be microseconds long.
 * p may be NULL: nothing.  Cost: 0.2 us. */
void pool_meet(struct pool *p);

/* In a run of pool_together: the number of the next task since the last meeting that no thread has taken: 0, 1, ...
 * `last` is what this thread took before, -1 at first; each thread stops at the first that is not a task.  Numbers are
 * to stay below INT_MAX / 2.  p may be NULL: last + 1. */
int pool_take(struct pool *p, int last);

void pool_free(struct pool *p);

#endif
