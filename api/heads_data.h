/* heads_data.h -- queries and candidates for `fovea heads`, from test collections. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef API_HEADS_DATA_H
#define API_HEADS_DATA_H

#include "base/mem.h"
#include "reranker/heads.h"

/* How they are gathered. */
struct heads_source {
    int queries, depth; /* of each collection; candidates of each query */
    const char *index_dir;
    int threads, quiet;
};

/* Zeroed = empty. */
struct heads_set {
    struct heads_query *queries; /* [n] */
    size_t n, cap;
    struct arena memory;
};
void heads_set_clear(struct heads_set *s);

/* Adds judged queries of DATA[:SPLIT], spread over the collection.  Returns 0 or an exit code, having said why. */
int heads_set_add(struct heads_set *s, const char *data, const struct heads_source *how);

/* Adds queries that a model writes for documents of DATA, spread over the collection; r was opened to write. */
int heads_set_write(struct heads_set *s, const char *data, const struct heads_source *how,
                    const struct reader *r, struct pool *pool);

#endif
