/* tokenizer.h -- text to token ids and back.
 *
 *     struct tokenizer *t = NULL;
 *     struct tokens list = {0};
 *     if (tokenizer_new(&t, &source, &err) ||
 *         tokenizer_encode(&list, t, text, n, ENCODE_ENDS, &err))
 *         fail(err.text);
 *     feed(session, list.ids, list.n);
 *     tokens_clear(&list);
 *     tokenizer_close(t);
 *
 * There is a table of kinds (tokenizer.c): WordPiece for encoders, from a folder; byte-level BPE and SentencePiece for
 * decoders, from the vocabulary in a GGUF file.  Read-only once open: may be shared by threads.
 *
 * Control tokens are never made from text: a text "[SEP]" is the words "[", "sep", "]", and "<|im_end|>" is the
 * characters it is spelled with.  References turn it into the special token, which lets a document end its own passage;
 * this is the one deliberate difference.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MODEL_TOKENIZER_H
#define MODEL_TOKENIZER_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "model/folder.h"
#include "model/tokenizer_source.h"

struct gguf;
struct tokenizer;

/* A growing list of token ids; zeroed = empty. */
struct ids {
    int *v; /* [n] */
    size_t n, cap;
};
void ids_clear(struct ids *ids);

/* Token ids and what they stand for; zeroed = empty.  Token i is bytes spans[i].begin..end of its text; of one
 * text's tokens each begins where the one before ended, and together they cover the text.  A token without text (BOS,
 * or the first bytes of a character that has several tokens) is empty. */
struct tokens {
    int *ids; /* [n] */
    struct token_span {
        uint32_t begin, end;
    } * spans; /* [n] */
    size_t n, cap;
};
void tokens_clear(struct tokens *list);

/* Opens the WordPiece tokenizer of a folder: vocab.txt (one token a line) or, if there is none,
 * tokenizer.json.
 *
 * Errors: E_NOTFOUND if neither is there; E_FORMAT for a token that is not UTF-8, an id outside
 * the model's vocabulary, a missing special token; E_INVALID for another kind of tokenizer.
 * Cost: about 8 bytes for each byte of vocabulary, twice rounded up to a power of two.
 */
int tokenizer_open(struct tokenizer **out, const struct folder *folder, struct err *err);

/* Makes the tokenizer of a vocabulary; what `source` points to is copied.
 *
 * Errors: E_INVALID for a kind or a way of cutting words that is not known, with those that are; E_FORMAT for a
 * vocabulary that contradicts itself.
 * Cost: about 100 bytes a token; a tenth of a second for 150,000 tokens and as many merges.
 */
int tokenizer_new(struct tokenizer **out, const struct tokenizer_source *source, struct err *err);

/* Makes the tokenizer of the vocabulary in a GGUF file, which may be closed afterwards.
 *
 * Errors: those of tokenizer_new; E_FORMAT if the file has no vocabulary, or a list of it another length than the tokens.
 */
int tokenizer_open_gguf(struct tokenizer **out, const struct gguf *g, struct err *err);

void tokenizer_close(struct tokenizer *t);

/* Appends the ids of a text with what the model expects around it ([CLS] and [SEP]; BOS and EOS if it says so);
 * at most max ids in all.
 *
 * text    [n] bytes; invalid UTF-8 counts as U+FFFD, which WordPiece drops as the reference drops it.
 * max     >= 2; tokens beyond are cut off, [SEP] or EOS stays.
 *
 * Returns 0 or E_NOMEM; E_LIMIT for a text of more than 1 GiB.
 * Cost: O(n); WordPiece reads no more of the text than the ids need.
 * Source: Devlin et al., "BERT", 2019; Schuster & Nakajima 2012 (greedy longest match).
 */
int tokenizer_add(struct ids *out, const struct tokenizer *t, const char *text, size_t n,
                  size_t max, struct err *err);

enum {
    ENCODE_ENDS = 1, /* BOS and EOS where the model says that it was trained with them */
    ENCODE_PARSE =
        2, /* control tokens spelled out become tokens: for templates, never for text of others */
};

/* Appends the tokens of a text, with the bytes of the text that they stand for.
 *
 * text    [n] bytes; invalid UTF-8 counts as U+FFFD.
 * flags   ENCODE_*, or 0.
 *
 * Returns 0; E_INVALID for WordPiece, which does not say what it cut; E_LIMIT for a text of more than 1 GiB; E_NOMEM.
 * On failure the list is as it was.
 * Cost: O(n log n) at worst, for one word of n bytes.
 */
int tokenizer_encode(struct tokens *out, const struct tokenizer *t, const char *text, size_t n,
                     int flags, struct err *err);

/* Appends a token that stands for no text, such as the end of a turn. */
int tokens_add(struct tokens *out, int id, struct err *err);

enum { DECODE_CONTROL = 1 }; /* control tokens are spelled out, not left out */

/* Between two calls of tokenizer_decode: the first bytes of a character.  Zeroed = at the begin of a text. */
struct decoding {
    char held[4];
    int n_held;
    int started; /* 1 once a token was decoded */
};

/* Appends the text of tokens as far as it is whole characters; what is not waits in *d for the next call.
 *
 * Returns 0, E_INVALID for an id outside the vocabulary or WordPiece, or the error of out.
 */
int tokenizer_decode(struct buf *out, struct decoding *d, const struct tokenizer *t, const int *ids,
                     size_t n, int flags, struct err *err);

/* Appends U+FFFD for each byte that waits, and makes *d ready for another text. */
void decoding_end(struct buf *out, struct decoding *d);

/* Appends the spelling of a token as in the vocabulary: bytes, for a decoder's.  1, or 0 if there is none of
 * this id. */
int tokenizer_spell(struct buf *out, const struct tokenizer *t, int id);

/* Special tokens; -1 = there is none, and for all of WordPiece. */
struct special_ids {
    int bos, eos; /* begin and end of a text */
    int eot;      /* end of a turn in a conversation */
    int unk;
};
struct special_ids tokenizer_specials(const struct tokenizer *t);

/* Number of tokens; 0 for WordPiece, whose folder says it. */
size_t tokenizer_size(const struct tokenizer *t);

/* The id of a control or user's token by its spelling, e.g. "<|im_start|>"; -1 if there is none. */
int tokenizer_find_special(const struct tokenizer *t, const char *spelling);

/* "bpe", "sentencepiece", ... */
const char *tokenizer_kind(const struct tokenizer *t);

#endif
