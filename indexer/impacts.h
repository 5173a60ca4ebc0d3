/* impacts.h -- the sparse leg of a segment: which passages have a word of a learned sparse model, and how much.
 *
 * Three parts beside those of segments' rows (FORMAT.md, "Impacts"): the postings have the bytes of BM25's, with the
 * impact (a weight in steps of 1 / IMPACT_STEPS, 8 bits) for the frequency and 0 for every length, so that a block's
 * bound is its largest impact.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef INDEXER_IMPACTS_H
#define INDEXER_IMPACTS_H

#include "indexer/postings.h"
#include "indexer/segment.h"

/* The impact of a weight: rounded to nearest, 0 = left out; over 3.98 (a logit of 53) counts as that. */
uint32_t impact_of(float weight);

/* ---- writing ---- */

/* Sticky: what fails first is reported by impacts_end. */
struct impacts_writer {
    struct store *store;
    int64_t segment;
    struct part_writer postings;
    struct buf index, bytes; /* the directory; one word */
    uint32_t *lengths;       /* [n_passages] 0 */
    int64_t last;            /* the word put last, -1 before the first */
    uint64_t n_words;
    struct err *err;
    int code;
};

void impacts_begin(struct impacts_writer *w, struct store *st, int64_t segment, size_t n_passages,
                   struct err *err);

/* The next word; tokens rise.  postings [n], n >= 1, as in postings.h with freqs 1..IMPACT_MAX. */
void impacts_put(struct impacts_writer *w, int token, const uint64_t *postings, size_t n);

/* Ends the parts.  failed: an error that happened elsewhere, to give up with. */
int impacts_end(struct impacts_writer *w, int failed);

/* ---- reading ---- */

/* The directory, and the words that queries asked for. */
struct impacts {
    uint32_t n;                    /* words */
    uint32_t *tokens;              /* [n] rising */
    uint32_t *counts;              /* [n] postings, dead ones included */
    uint64_t *offsets;             /* [n + 1] of their postings in the part */
    struct term_postings **loaded; /* [n] or NULL */
    uint32_t *lengths;             /* [segment_size] 0 */
    struct part_reader head, index, postings;
};

/* Reads s->impacts if it is not there.  The segment must be of an index with a sparse leg. */
int impacts_need(struct segment *s, struct err *err);
void impacts_close(struct impacts *im);

/* Reads the postings of word number i, not kept: the caller's (term_postings_free). */
int impacts_read(struct term_postings **out, struct segment *s, uint32_t i, struct err *err);

/* Rows of blobs that the three parts have. */
uint64_t impacts_rows(const struct impacts *im);

/* ---- whole segments ---- */

/* Writes the impacts of what lives in segments[n], with no text read.
 *
 * place       [n][segment_size] number in the merged segment, UINT32_MAX for the dead
 * n_passages  of the merged segment
 */
int impacts_merge(struct store *st, int64_t segment, struct segment *const *segments,
                  const uint32_t *const *place, size_t n, uint32_t n_passages, struct err *err);

/* Decodes everything and writes it again: the bytes must be the same.  n_words: of the vocabulary. */
int impacts_check(struct segment *s, int64_t n_words, struct err *err);

#endif
