/* tokenizer_inside.h -- what the kinds of tokenizers share; for tokenizer.c and tok_*.c alone. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MODEL_TOKENIZER_INSIDE_H
#define MODEL_TOKENIZER_INSIDE_H

#include "model/merge.h"
#include "model/pieces.h"
#include "model/split.h"
#include "model/tokenizer.h"
#include "model/view.h"

/* One text on its way to tokens. */
struct encoding {
    const struct tokenizer *t;
    struct tokens *out;
    struct merging merging; /* room for one word */
    struct split *split;    /* of BPE, or NULL */
    struct err *err;
};

/* A row of the table of kinds. */
struct tokenizer_kind {
    const char *name;
    const char *model;   /* tokenizer.ggml.model; NULL: not from a GGUF file */
    size_t bytes;        /* of its struct, which begins with a struct tokenizer */
    int add_bos;         /* where the file does not say */
    int space_prefix;    /* likewise */
    int blanks;          /* 1: U+2581 in a text is a blank */
    piece_read_fn *read; /* a token's spelling to bytes */

    /* Takes what is the kind's own from the source; t->pieces is loaded.  On failure `close` follows. */
    int (*load)(struct tokenizer *t, const struct tokenizer_source *source, struct err *err);
    /* Appends the tokens of bytes begin..end of a text, which hold no marks. */
    int (*cut)(struct encoding *e, const struct view *text, size_t begin, size_t end);
    /* Frees what `load` made; works after a failed one. */
    void (*close)(struct tokenizer *t);

    /* These two instead of all the above, for a kind with a file format of its own. */
    int (*add)(struct ids *out, const struct tokenizer *t, const char *text, size_t n, size_t max,
               struct err *err);
    int (*spell)(struct buf *out, const struct tokenizer *t, int id);
};

extern const struct tokenizer_kind tok_wordpiece, tok_bpe, tok_sentencepiece;

/* What every kind begins with. */
struct tokenizer {
    const struct tokenizer_kind *kind;
    struct pieces pieces; /* empty for WordPiece */
    struct special_ids special;
    int add_bos, add_eos;
    int space_prefix;
};

/* Appends a token that stands for bytes begin..end of a view. */
int encoding_put(struct encoding *e, int id, const struct view *v, size_t begin, size_t end);

/* Room for n symbols in e->merging, which then has none. */
int encoding_room(struct encoding *e, size_t n);

#endif
