/* tokenizer.h -- text to token ids.
 *
 *     struct tokenizer *t = NULL;
 *     struct ids ids = {0};
 *     if (tokenizer_open(&t, &folder, &err) ||
 *         tokenizer_add(&ids, t, text, n, 256, &err))
 *         fail(err.text);
 *     ids_clear(&ids);
 *     tokenizer_close(t);
 *
 * Read-only once open: may be shared by threads.
 *
 * Special tokens are never made from text: a text "[SEP]" is the words "[", "sep", "]".  The reference
 * turns it into the special token, which lets a document end its own passage; this is the
 * one deliberate difference.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MODEL_TOKENIZER_H
#define MODEL_TOKENIZER_H

#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "model/folder.h"

struct tokenizer;

/* A growing list of token ids; zeroed = empty. */
struct ids {
    int *v; /* [n] */
    size_t n, cap;
};
void ids_clear(struct ids *ids);

/* Opens the WordPiece tokenizer of a folder: vocab.txt (one token a line) or, if there is none,
 * tokenizer.json.
 *
 * Errors: E_NOTFOUND if neither is there; E_FORMAT for a token that is not UTF-8, an id outside
 * the model's vocabulary, a missing special token; E_INVALID for another kind of tokenizer.
 * Cost: about 8 bytes for each byte of vocabulary, twice rounded up to a power of two.
 */
int tokenizer_open(struct tokenizer **out, const struct folder *folder, struct err *err);
void tokenizer_close(struct tokenizer *t);

/* Appends [CLS], the tokens of a text, [SEP]; at most max ids in all.
 *
 * text    [n] bytes; invalid UTF-8 counts as U+FFFD, which is dropped as the reference drops it.
 * max     >= 2; tokens beyond are cut off, [SEP] stays.
 *
 * Returns 0 or E_NOMEM.
 * Cost: O(n), and no more of the text is read than the ids need.
 * Source: Devlin et al., "BERT", 2019; Schuster & Nakajima 2012 (greedy longest match).
 */
int tokenizer_add(struct ids *out, const struct tokenizer *t, const char *text, size_t n,
                  size_t max, struct err *err);

/* Appends the spelling of a token as in the vocabulary.  1, or 0 if there is none of this id. */
int tokenizer_spell(struct buf *out, const struct tokenizer *t, int id);

#endif
