/* chunk.h -- document to passages: the whole text, windows of words or of sentences, or sections under headings.
 *
 * An index records its chunking as a text ("words:200:40"); `chunk_kinds` is the table of what there is.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef INDEXER_CHUNK_H
#define INDEXER_CHUNK_H

#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"

/* Half-open range of bytes of a document's text. */
struct span {
    size_t begin, end;
};

/* The passages of a text.  Zeroed = none. */
struct chunks {
    struct span *spans; /* [n], rising */
    size_t *paths;      /* [n] where each one's headings begin in `headings` */
    size_t n, cap_spans, cap_paths;
    struct buf headings; /* NUL-terminated texts; the first is empty */
    size_t last;         /* the one of the passages that come next */
};

struct chunking;

/* One row of the table of variants. */
struct chunk_kind {
    const char *name; /* "words" */
    const char *form; /* as it is written: "words:N[:OVERLAP]" */
    const char *about;
    int has_words, has_overlap, has_headings;

    /* Appends the passages of text [n]; E_NOMEM.  None for a text without words. */
    int (*cut)(struct chunks *out, const char *text, size_t n, const struct chunking *c,
               struct err *err);
};
extern const struct chunk_kind *const chunk_kinds[]; /* ends with NULL; default first */

struct chunking {
    int words;                     /* words a passage; 0 = the whole document is one */
    int overlap;                   /* words that a passage shares with the one before; < words */
    const struct chunk_kind *kind; /* a row of the table */
};

/* Parses "whole", "words:N", "words:N:OVERLAP", ...  E_INVALID says what is allowed. */
int chunking_parse(struct chunking *out, const char *text, struct err *err);

/* Writes the form that chunking_parse reads. */
void chunking_format(char out[40], const struct chunking *c);

/* Cuts text [n], valid UTF-8 or not, into passages.
 *
 * They are in order; they leave out nothing but blanks; they begin and end at characters; the last one ends with the
 * text; there is at least one, if only of blanks.  None is only overlap.  The same text gives the same
 * passages, but the sentences of another version of ICU may be others.
 *
 * *out is the caller's (chunks_clear), zeroed before.  Cost: O(n). */
int chunk_text(struct chunks *out, const char *text, size_t n, const struct chunking *c,
               struct err *err);
void chunks_clear(struct chunks *c);

/* The headings above a passage, "Guide > Install", or "".  Borrowed from c.  What is indexed of the passage begins with
 * them; headings within it are not among them. */
const char *chunk_headings(const struct chunks *c, size_t passage);

/* Does a reader have to take spans as they are?  1 if another version of ICU may cut otherwise. */
int chunking_is_by_sentences(const struct chunking *c);

#endif
