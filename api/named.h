/* named.h -- the documents that a run names: their texts, from an index or from a collection.
 *
 *     struct named_docs d = {0};
 *     named_docs_want(&d, "d17", &err);                 -- for all that will be needed
 *     rc = named_docs_read(&d, "corpus.jsonl", NULL, 0);
 *     const struct named_doc *doc = named_docs_find(&d, "d17");
 *     named_docs_clear(&d);
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef API_NAMED_H
#define API_NAMED_H

#include <stddef.h>

#include "base/err.h"
#include "base/hash.h"
#include "base/mem.h"

struct named_doc {
    int found;
    const char *title, *text; /* [n_title], [n_text], NUL-terminated */
    size_t n_title, n_text;
};

/* Zeroed = empty. */
struct named_docs {
    struct map docnos;      /* to the place in docs */
    struct named_doc *docs; /* [docnos.n] once something was read */
    size_t n_found;
    struct arena memory;
};

/* Adds a name to those that are wanted: before reading.  E_NOMEM. */
int named_docs_want(struct named_docs *d, const char *docno, struct err *err);

/* Reads those that an index holds.  Returns 0, or an exit code having said why.
 * A name that is not there is no error: named_docs_find tells. */
int named_docs_look_up(struct named_docs *d, const char *index_path);

/* Reads those that a collection holds, passing over all others; ends when all are found.
 *
 * format  a name of the table of formats; NULL = guessed.
 */
int named_docs_read(struct named_docs *d, const char *corpus, const char *format, int quiet);

/* A document that was found, or NULL. */
const struct named_doc *named_docs_find(const struct named_docs *d, const char *docno);

void named_docs_clear(struct named_docs *d);

#endif
