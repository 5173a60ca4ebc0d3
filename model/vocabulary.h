/* vocabulary.h -- the pieces of a WordPiece vocabulary, and the longest one that a word begins with. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MODEL_VOCABULARY_H
#define MODEL_VOCABULARY_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

/* A trie in one hash table: a node is the slot of the edge that leads to it. */
struct vocabulary {
    struct vocabulary_slot *slots; /* [1 << bits] */
    int bits;
    uint32_t inner; /* the node behind "##", where pieces inside a word begin; 0 if there is none */
};

/* Loads `dir`/vocab.txt, or `dir`/tokenizer.json if that does not exist, into a zeroed *v.
 * Ids must be below `limit`.  Errors as in tokenizer_open. */
int vocabulary_load(struct vocabulary *v, const char *dir, int limit, struct err *err);
void vocabulary_clear(struct vocabulary *v);

/* The id of a token as it is spelled in the file, or -1. */
int vocabulary_find(const struct vocabulary *v, const char *token);

/* Appends the spelling of a token, "##" in front of what continues a word.  1, or 0 if no token has this id
 * (of two tokens spelled alike the first).  For showing: cost O(size of the vocabulary). */
int vocabulary_spell(struct buf *out, const struct vocabulary *v, int id);

/* The longest piece that s[0..n) begins with; inside != 0 wants one that continues a word.
 * *id is set.  Returns its bytes, 0 if there is none. */
size_t vocabulary_match(int *id, const struct vocabulary *v, const char *s, size_t n, int inside);

#endif
