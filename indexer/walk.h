/* walk.h -- all terms of a segment in order, each with its postings. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef INDEXER_WALK_H
#define INDEXER_WALK_H

#include "indexer/postings.h"
#include "indexer/segment.h"

struct segment_walk {
    struct segment *s;
    struct dictionary_cursor terms; /* the term in hand: .term, .len, .entry */
    struct part_reader part;        /* read on in order, beside the reader that searches use */
    struct term_postings *postings; /* of that term, owned by the walk */
};

/* Begins before the first term.  Cannot fail; end it in any case. */
void segment_walk_begin(struct segment_walk *w, struct segment *s);

/* Moves to the next term.  1; 0 at the end; negative: damaged or out of memory.
 * Cost: the bytes of the term's postings, twice (read, checked). */
int segment_walk_next(struct segment_walk *w, struct err *err);

void segment_walk_end(struct segment_walk *w);

#endif
