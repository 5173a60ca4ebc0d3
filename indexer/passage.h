/* passage.h -- what is indexed of a passage. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef INDEXER_PASSAGE_H
#define INDEXER_PASSAGE_H

#include <stddef.h>

#include "base/buf.h"
#include "indexer/fields.h"

/* A passage: what models read is the title, the headings above it and the text with a blank between them.  What is empty is
 * left out, and so is the title if the topmost heading is the same.  Words are counted in the same, or as fields say. */
struct passage_text {
    const char *title; /* [n_title] */
    const char *text;  /* [n_text], borrowed from the document */
    size_t n_title, n_text;
    const char *headings; /* [n_headings], see chunk_headings */
    size_t n_headings;
    const char *const *more; /* see fields_read; NULL = none */
};

/* Appends title and headings as models read them: what passage_text_add puts before the text, without the last blank. */
void passage_title_add(struct buf *out, const struct passage_text *p);

/* Appends what models read. */
void passage_text_add(struct buf *out, const struct passage_text *p);

/* A stretch of what words are counted in. */
struct stretch {
    const char *text; /* [n], borrowed from the passage or the scratch */
    size_t n;
    uint32_t factor; /* what each of its words counts, in the fields' units; >= 1 */
    int at;          /* of passage_next: 0 before the first */
};

/* Goes on to the next stretch of a passage: 1, or 0 after the last.  No word reaches from one to another.
 *
 *     struct stretch s = {0};
 *     while (passage_next(&s, &p, fields, &scratch)) ...
 *
 * scratch  buf_error says afterwards whether it was enough. */
int passage_next(struct stretch *s, const struct passage_text *p, const struct fields *f,
                 struct buf *scratch);

/* The largest sum of factors, of a passage's words, that postings can take. */
enum { PASSAGE_LENGTH_MAX = INT32_MAX };

/* E_LIMIT: a passage has more. */
int passage_too_long(struct err *err);

#endif
