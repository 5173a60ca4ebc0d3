/* handle.h -- what is behind the opaque types of fovea.h; for fovea.c, hits.c and rerank.c. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef API_HANDLE_H
#define API_HANDLE_H

#include <stddef.h>

#include "api/fovea.h"
#include "base/err.h"
#include "base/pool.h"
#include "indexer/index.h"

struct reranking; /* rerank.h */

struct fovea {
    struct index *ix;            /* NULL if opening failed */
    struct pool *pool;           /* NULL when reading */
    struct err err;              /* of the last call */
    struct reranking *reranking; /* NULL until a search re-ranks */
    int precision, threads;      /* of models of its own */
    fovea_progress_fn *progress; /* the caller's, or NULL */
    void *payload;
};

/* Begins a call: forgets the last error.  On a handle that failed to open, the error of
 * opening stays and is returned. */
int handle_begin(struct fovea *q);

/* Copies an options struct of the caller into ours [to_size], which is zeroed first.
 *
 * from    begins with its own size; NULL = all defaults.
 *
 * E_INVALID if the size is not set, or if a field that this version does not know is used.
 */
int handle_options(void *to, size_t to_size, const void *from, struct err *err);

#endif
