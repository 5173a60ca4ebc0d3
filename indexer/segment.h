/* segment.h -- a segment as it is written and as it is held in memory. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef INDEXER_SEGMENT_H
#define INDEXER_SEGMENT_H

#include <stddef.h>
#include <stdint.h>

#include "base/hash.h"
#include "indexer/dictionary.h"
#include "indexer/index.h"
#include "indexer/parts.h"

/* A row of the table of segments; never changed once written. */
struct segment_row {
    int64_t id;
    uint64_t passages, documents; /* dead ones included */
    uint64_t length;              /* sum of the lengths of all passages */
    uint64_t terms;               /* in the dictionary */
    uint64_t bytes[N_PARTS];
};

/* The columns of the table, in the order of the struct, without the checksum. */
extern const char segment_columns[];

/* CRC-32 over the numbers of a row as 64-bit little-endian integers. */
uint32_t segment_row_crc(const struct segment_row *row);

/* ---- writing ---- */

/* Calls must come in this order: documents (each followed by its spans, if kept), lengths, terms.
 * Sticky: what fails first is reported by segment_end. */
struct segment_writer {
    struct store *store;
    struct segment_row row;
    struct part_writer docnos, documents, spans, postings;
    struct dictionary_writer dictionary;
    struct buf bytes;        /* of one term, or one line */
    const uint32_t *lengths; /* borrowed */
    int64_t last_id;
    int code;
    struct err *err;
};

void segment_begin(struct segment_writer *w, struct store *st, int64_t id, struct err *err);
void segment_put_document(struct segment_writer *w, const char *docno, int64_t document,
                          uint32_t n_passages);
void segment_put_span(struct segment_writer *w, const struct span *span);

/* lengths [row.passages], borrowed until the end. */
void segment_put_lengths(struct segment_writer *w, const uint32_t *lengths);

/* Postings as in postings.h. */
void segment_put_term(struct segment_writer *w, const char *term, size_t len,
                      const uint64_t *postings, size_t n);

/* Ends the parts and writes the row.  failed: an error that happened elsewhere, to give up with. */
int segment_end(struct segment_writer *w, int failed);

/* ---- in memory ---- */

struct segment {
    struct store *store; /* borrowed from the index */
    struct segment_row row;
    int dim; /* of vectors; 0 = none */
    struct part_reader parts[N_PARTS];
    uint32_t size, n_documents;
    uint64_t shares_bytes; /* of the shares kept by all terms */
    char *docnos;          /* NUL-terminated, one after the other */
    const char **docno;    /* [n_documents], strictly falling */
    int64_t *documents;    /* [n_documents] */
    uint32_t *first;       /* [n_documents + 1] first passage of each */
    uint32_t *document_of; /* [size]; NULL if every document has one passage */
    uint32_t *lengths;     /* [size] */
    /* deletions */
    uint64_t *dead; /* bit set, or NULL */
    uint32_t n_dead;
    uint64_t dead_length;
    int64_t last_tombstone; /* the row that was read last */
    int n_tombstones;
    uint32_t *dead_postings; /* [row.terms] dead postings of each term, read on first use */
    /* on first use */
    struct dictionary dictionary;
    int has_dictionary;
    struct map terms; /* postings offset -> struct term_postings * */
    struct vectors *vectors;
    struct impacts *impacts; /* of an index with a sparse leg */
};

/* Opens a segment: documents and lengths are read, the rest when it is asked for. */
int segment_open(struct segment **out, struct store *st, const struct segment_row *row, int dim,
                 struct err *err);
void segment_close(struct segment *s);

/* Opens the dictionary if it is not yet. */
int segment_need_dictionary(struct segment *s, struct err *err);

/* The document of that docno, dead or not: its number in 0..n_documents-1, or -1. */
int64_t segment_find_document(const struct segment *s, const char *docno);

/* The number of the document that a passage is of. */
static inline uint32_t segment_document_number(const struct segment *s, uint32_t passage)
{
    return s->document_of ? s->document_of[passage] : passage;
}

/* The span of a passage of a segment that keeps spans. */
int segment_read_span(struct span *out, struct segment *s, uint32_t passage, struct err *err);

static inline size_t segment_dead_words(uint32_t size) { return ((size_t)size + 63) / 64; }

#endif
