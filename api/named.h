/* named.h -- the documents that a run names, as a reranker's candidates: out of an index or a collection.
 *
 *     struct named_docs d = {0};
 *     named_docs_want(&d, "d17", &err);                 -- for all that will be needed
 *     rc = named_docs_read(&d, "corpus.jsonl", NULL, 0);
 *     rc = named_docs_add(&list, &d, "d17", &err);      -- list.items [list.n]
 *     candidate_list_clear(&list);
 *     named_docs_clear(&d);
 *
 * Documents of a collection are kept in memory; those of an index are read when they are added.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef API_NAMED_H
#define API_NAMED_H

#include <stddef.h>

#include "api/candidate_list.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/mem.h"

struct index;
struct named_doc;

/* Zeroed = empty. */
struct named_docs {
    struct map docnos;      /* to the place in docs */
    struct named_doc *docs; /* [docnos.n] once something was read */
    size_t n_found;
    struct arena memory; /* of a collection's texts */
    struct index *ix;    /* or NULL */
    const struct reranker *reranker;
    size_t n_missing; /* passages that were added without keys, where keys are wanted */
};

/* Adds a name to those that are wanted: before reading.  E_NOMEM. */
int named_docs_want(struct named_docs *d, const char *docno, struct err *err);

/* Opens the index that documents are in: d->ix.  Returns 0, or an exit code having said why. */
int named_docs_open(struct named_docs *d, const char *index_path);

/* Finds those that the index holds.  A name that is not there is no error: named_docs_has tells.  E_NOMEM.
 *
 * r     borrowed; if it takes the keys that the index stores, a document is added as its passages
 * Cost: a look at the name of each passage. */
int named_docs_look_up(struct named_docs *d, const struct reranker *r, struct err *err);

/* Reads those that a collection holds, passing over all others; ends when all are found.
 *
 * format  a name of the table of formats; NULL = guessed.
 */
int named_docs_read(struct named_docs *d, const char *corpus, const char *format, int quiet);

int named_docs_has(const struct named_docs *d, const char *docno);

/* Appends a document that was found: its passages with their keys, or as a whole.  Only docno, text and keys are set. */
int named_docs_add(struct candidate_list *out, struct named_docs *d, const char *docno,
                   struct err *err);

void named_docs_clear(struct named_docs *d);

#endif
