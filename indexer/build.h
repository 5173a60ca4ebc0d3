/* build.h -- documents to a new segment: chunk, invert, embed, write. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef INDEXER_BUILD_H
#define INDEXER_BUILD_H

#include "indexer/attention.h"
#include "indexer/invert.h"
#include "indexer/segment.h"

/* A document that waits to be indexed; strings borrowed. */
struct build_document {
    int64_t id;
    const char *docno, *title, *text;
    size_t n_title, n_text;
    const char *const *more; /* see fields_read */
    uint32_t crc;            /* of its row */
};

struct build {
    struct store *store;
    int64_t segment;
    const struct chunking *chunking;
    const struct fields *fields;
    struct analyzer *const *analyzers; /* [n_analyzers], see invert */
    int n_analyzers;
    struct pool *pool;
    struct model *model; /* NULL = no dense leg */
    const char *vectors; /* factory string */
    int dim;
    struct model *sparse;   /* NULL = no sparse leg */
    struct key_maker *keys; /* NULL = no attention leg */
    struct attention_writer *attention;
    index_progress_fn *progress;
    void *payload;
};

/* Writes a segment of n >= 1 documents, which come by docno falling; *passages says of how many passages. */
int build_segment(uint64_t *passages, const struct build *b, const struct build_document *docs,
                  size_t n, struct err *err);

#endif
