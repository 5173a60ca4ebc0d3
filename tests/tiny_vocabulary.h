/* tiny_vocabulary.h -- the words of tiny_gguf.h's models: "tokenizer.ggml.*". */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_TINY_VOCABULARY_H
#define TESTS_TINY_VOCABULARY_H

#include "tests/gguf_writer.h"

/* Byte-level BPE: three marks, the 256 bytes, some merges.  pre: how texts are cut into words.
 * Returns the number of tokens. */
int tiny_bytes_put(struct gguf_writer *w, const char *pre);

/* SentencePiece: six marks, the 256 bytes, blanks, letters and some pieces.  Returns the number of tokens. */
int tiny_pieces_put(struct gguf_writer *w);

#endif
