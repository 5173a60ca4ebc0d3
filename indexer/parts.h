/* parts.h -- the byte strings of a segment, cut into checked rows of the table of blobs. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef INDEXER_PARTS_H
#define INDEXER_PARTS_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/db.h"

/* What a segment consists of; FORMAT.md says what is in each.  The numbers are on disk. */
enum {
    PART_DOCNOS = 0,
    PART_DOCUMENTS = 1,
    PART_LENGTHS = 2,
    PART_SPANS = 3,
    PART_TERMS = 4,
    PART_TERM_INDEX = 5,
    PART_POSTINGS = 6,
    PART_VECTORS = 7,
    PART_GRAPH = 8,
    N_PARTS = 9, /* those whose size is in the segment's row */
    /* of an index with a sparse leg: the head says how long the others are */
    PART_IMPACT_HEAD = 9,
    PART_IMPACT_INDEX = 10,
    PART_IMPACTS = 11,
    N_ALL_PARTS = 12,
};

enum { PART_ROW = 64 << 10 }; /* bytes of every row of a part but the last */

/* The key of a row: segment, part and number, so that a part lies in one piece and needs no directory. */
enum { PART_ROW_BITS = 24, PART_KIND_BITS = 4, SEGMENT_ID_BITS = 34 };

static inline int64_t part_row_id(int64_t segment, int part, uint64_t row)
{
    return (segment << PART_KIND_BITS | part) << PART_ROW_BITS | (int64_t)row;
}

/* "docnos", "postings", ... */
const char *part_name(int part);

/* One connection to the tables of an index, with its statements. */
struct store {
    struct db *db;
    const char *name;     /* prefix of the tables; borrowed from the index */
    struct stmt *get_row; /* made on first use */
    struct stmt *put_row;
    uint64_t
        max_bytes; /* no part can be longer than the file: bounds what a damaged size asks for */
};

void store_close(struct store *st);

/* Reads a part anywhere; keeps the row read last. */
struct part_reader {
    struct store *store;
    int64_t segment;
    int part;
    uint64_t size;       /* bytes of the part */
    unsigned char *data; /* the row in hand, or NULL */
    size_t n_data;
    uint64_t row; /* its number */
};

/* Copies n bytes at offset.  E_FORMAT if they are not there or a checksum differs. */
int part_read(void *out, struct part_reader *r, uint64_t offset, size_t n, struct err *err);

/* The whole part, followed by `pad` zero bytes, in one allocation: the caller's (mem_free). */
int part_load(unsigned char **out, struct part_reader *r, size_t pad, struct err *err);

/* Sets E_FORMAT: "FILE is damaged: segment 3, postings: WHAT". */
int part_damaged(const struct part_reader *r, struct err *err, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

void part_close(struct part_reader *r);

/* Writes a part from its beginning.  Sticky: the first failure is kept and reported by part_finish. */
struct part_writer {
    struct store *store;
    int64_t segment;
    int part;
    uint64_t size; /* bytes put so far */
    struct buf row;
    uint64_t n_rows;
    int code;
    struct err *err; /* borrowed until part_finish */
};

void part_begin(struct part_writer *w, struct store *st, int64_t segment, int part,
                struct err *err);
void part_put(struct part_writer *w, const void *p, size_t n);

/* Writes the last row and frees; 0 or what failed.  Must be called once for each part_begin. */
int part_finish(struct part_writer *w);

#endif
