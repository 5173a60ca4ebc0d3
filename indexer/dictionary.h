/* dictionary.h -- a segment's terms in order of their bytes: written, looked up, walked. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef INDEXER_DICTIONARY_H
#define INDEXER_DICTIONARY_H

#include <stddef.h>
#include <stdint.h>

#include "base/hash.h"
#include "indexer/analyzer.h"
#include "indexer/parts.h"

enum { DICTIONARY_BLOCK = 32 }; /* terms */

/* A term as the dictionary knows it. */
struct dictionary_entry {
    uint32_t number; /* 0.. in order of the terms */
    uint32_t n;      /* postings, dead ones included; >= 1 */
    uint64_t offset; /* of its postings in the part */
    uint64_t bytes;  /* of its postings */
};

/* Compares as the dictionary sorts: by bytes, the shorter first. */
int dictionary_compare(const char *a, size_t n_a, const char *b, size_t n_b);

/* ---- writing ---- */

struct dictionary_writer {
    struct part_writer terms, index;
    uint32_t n;              /* terms added */
    struct buf block;        /* the block that is being filled */
    uint64_t block_postings; /* bytes of postings of its terms */
    char first[TERM_MAX];    /* its first term */
    size_t n_first;
    char last[TERM_MAX]; /* the term added last */
    size_t n_last;
    char previous[TERM_MAX]; /* first term of the block before */
    size_t n_previous;
};

void dictionary_begin(struct dictionary_writer *w, struct store *st, int64_t segment,
                      struct err *err);

/* Adds the next term; terms must come in order.  Failures show at the end. */
void dictionary_add(struct dictionary_writer *w, const char *term, size_t len, uint32_t n,
                    uint64_t bytes);
int dictionary_finish(struct dictionary_writer *w);

/* ---- reading ---- */

struct dictionary {
    struct part_reader *terms; /* the part; borrowed */
    uint32_t n_terms, n_blocks;
    uint64_t postings_bytes;          /* of the part of postings */
    char *firsts;                     /* the first terms of the blocks, one after the other */
    uint32_t *first_at;               /* [n_blocks + 1] where each begins in firsts */
    uint64_t *block_at;               /* [n_blocks + 1] where each block begins in the part */
    uint64_t *postings_at;            /* [n_blocks + 1] where its postings begin */
    unsigned char **blocks;           /* [n_blocks] blocks that were read, or NULL */
    struct map known;                 /* terms that were found: queries repeat words */
    struct dictionary_entry *entries; /* [known.n] theirs */
    size_t cap;
};

/* Reads the index of the blocks.  Both readers are borrowed until close. */
int dictionary_open(struct dictionary *d, struct part_reader *terms, struct part_reader *index,
                    uint32_t n_terms, uint64_t postings_bytes, struct err *err);

/* 1 found, 0 not there, negative. */
int dictionary_find(struct dictionary_entry *out, struct dictionary *d, const char *term,
                    size_t len, struct err *err);

void dictionary_close(struct dictionary *d);

/* A walk over all terms in order. */
struct dictionary_cursor {
    struct dictionary *d;
    uint32_t next;        /* number of the term that comes next */
    struct bytes left;    /* what is left of its block */
    unsigned char *block; /* the block, owned */
    size_t cap;
    char term[TERM_MAX]; /* the current term, [len] */
    size_t len;
    struct dictionary_entry entry;
};

/* 1 and the cursor holds a term, 0 at the end, negative: damaged.  Start with a zeroed cursor
 * and .d set; checks order and sums on the way. */
int dictionary_next(struct dictionary_cursor *c, struct err *err);
/* The same, on the first term that is not below a term; of a zeroed cursor with .d set.  Reads no more than that takes. */
int dictionary_seek(struct dictionary_cursor *c, const char *term, size_t len, struct err *err);
void dictionary_cursor_close(struct dictionary_cursor *c);

#endif
