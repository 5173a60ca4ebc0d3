/* candidates.h -- passages of an index as a reranker's candidates: their stored keys, or where they have none their texts. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef API_CANDIDATES_H
#define API_CANDIDATES_H

#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "indexer/index.h"
#include "reranker/reranker.h"

/* What reading candidates needs; zeroed apart from what candidates_begin sets. */
struct candidate_reader {
    struct index *ix;
    struct arena *memory;             /* of texts and keys */
    int wants_text;                   /* even where there are keys */
    int wants_keys, has_keys;         /* the index has those that the reranker takes */
    size_t n_missing;                 /* candidates without keys, where they are wanted */
    struct buf text, headings, title; /* room */
};

/* Both are borrowed until candidates_end; *out is overwritten. */
void candidates_begin(struct candidate_reader *out, struct index *ix, const struct reranker *r,
                      struct arena *memory);
void candidates_end(struct candidate_reader *r);

/* Reads a passage: c->keys, c->text, or both; the rest of *c stays.
 *
 * document  its id.  Errors: E_FORMAT, E_IO of a damaged file; E_NOMEM. */
int candidate_read(struct candidate *c, struct candidate_reader *r, const struct segment *s,
                   uint32_t passage, int64_t document, struct err *err);

/* What a passage is called to a model: its title and the headings above it, as indexes have it; appended to out. */
void candidate_title(struct buf *out, const char *title, const char *headings);

#endif
