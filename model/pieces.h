/* pieces.h -- the tokens of a vocabulary as bytes: bytes to id, id to bytes, and the tokens that stand out of a text.
 *
 * Two ways lead from bytes to a token.  Pieces are what words are made of: `pieces_find` knows the normal ones
 * alone, so that no text makes a control token.  Marks are found in a text before it is cut into words: the
 * user's tokens always, control tokens only where the caller says that the text is a template.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MODEL_PIECES_H
#define MODEL_PIECES_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "model/tokenizer_source.h"

struct pieces {
    size_t n;             /* tokens */
    char *bytes;          /* their bytes, one after the other */
    uint32_t *begin;      /* [n + 1]: token i is bytes[begin[i], begin[i + 1]) */
    unsigned char *types; /* [n], enum token_type */
    uint32_t max_bytes;   /* of the longest normal token */

    uint64_t *slots; /* [mask + 1]: upper half of the hash, id + 1; 0 = free */
    size_t mask;

    struct mark_edge *edges; /* [edge_mask + 1]: the trie of marks */
    size_t edge_mask;
    int n_nodes;
    unsigned char first[256]; /* 1: some mark begins with this byte */
};

enum { MARK_BYTES_MAX = 256 };

/* Writes what a token stands for in a text to `to`, at most n bytes.  Sets *type where the spelling says more than the file
 * does.  Returns the number of bytes. */
typedef size_t piece_read_fn(char *to, int *type, const char *spelled, size_t n);

/* Fills a zeroed *p.  Of two pieces with the same bytes the later one is found.
 *
 * Errors: E_FORMAT for no tokens, a type that there is not, or a mark of more than MARK_BYTES_MAX bytes.
 * Cost: the bytes of the vocabulary, 5 bytes a token, 16 to 32 a token for the table.
 */
int pieces_load(struct pieces *p, const struct tokenizer_source *source, piece_read_fn *read,
                struct err *err);
void pieces_clear(struct pieces *p);

/* The normal piece that is exactly s[0..n), or -1. */
int pieces_find(const struct pieces *p, const char *s, size_t n);

/* The mark that is exactly s[0..n), of any type, or -1. */
int pieces_find_mark(const struct pieces *p, const char *s, size_t n);

/* The longest mark that s[0..n) begins with; control tokens only if `control`.  *id is set.  Returns its bytes, or 0. */
size_t pieces_match_mark(int *id, const struct pieces *p, const char *s, size_t n, int control);

/* The bytes of a token 0..n-1; *n_bytes is set.  Borrowed until pieces_clear. */
const char *pieces_bytes(size_t *n_bytes, const struct pieces *p, int id);

#endif
