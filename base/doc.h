/* doc.h -- the nouns that flow into an index: a document and a stream of them. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_DOC_H
#define BASE_DOC_H

#include "base/err.h"

/* One document.  Strings are NUL-terminated UTF-8 without embedded NULs. */
struct doc {
    const char *docno; /* its name in runs and qrels; not empty */
    const char *title; /* "" if none */
    const char *text;  /* "" if none */
    const char *meta;  /* other fields as a JSON object, or NULL */
};

/* A stream of documents.  Readers of corpora/ make them; the indexer eats them.
 *
 * next    1 and *doc filled: a document, borrowed until the next call;
 *         0: the end; negative: an error (the stream may then only be closed).
 * close   frees the source.
 */
struct doc_source {
    int (*next)(struct doc *doc, void *self, struct err *err);
    void (*close)(void *self);
    void *self;
};

#endif
