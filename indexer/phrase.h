/* phrase.h -- which passages hold phrases: words one after another. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef INDEXER_PHRASE_H
#define INDEXER_PHRASE_H

#include "indexer/inside.h"

struct phrases;

/* Analyses phrases.  *out: free it; NULL if none of them has a word that is indexed, so that everything holds them.
 * Returns 0, or E_NOMEM, E_LIMIT. */
int phrases_new(struct phrases **out, struct index *ix, const struct index_phrase *list, size_t n,
                struct err *err);
void phrases_free(struct phrases *p);

/* Adds to `bits` (passages of a segment that are out) all that lack a word of some phrase.
 * Cost: the postings of the rarest word are read, and blocks of the others. */
int phrases_exclude(uint64_t *bits, const struct phrases *p, struct segment *s, struct err *err);

/* Does a passage that phrases_exclude left in hold them for sure? */
int phrases_are_words(const struct phrases *p);

/* Adds the passages of a document (its number in the segment) that do not hold every phrase, and takes them off *kept.
 * Cost: reads the document, and analyses those of its passages that are not out. */
int phrases_look(uint64_t *bits, struct phrases *p, struct index *ix, struct segment *s,
                 uint32_t document, uint32_t *kept, struct err *err);

#endif
