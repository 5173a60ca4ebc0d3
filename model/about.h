/* about.h -- what the GGUF file of a language model holds, said without making it ready to run.
 *
 *     struct about *a = NULL;
 *     if (about_open(&a, "models/smollm2/model.gguf", &err))
 *         fail(err.text);
 *     printf("%d layers\n", about_facts(a)->layers);
 *     about_close(a);
 *
 * One thread at a time.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MODEL_ABOUT_H
#define MODEL_ABOUT_H

#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "model/model.h"

struct about;

/* Texts are borrowed until about_close. */
struct about_facts {
    const char *name, *path; /* of the model, of the file */
    const char *architecture, *tokenizer;
    const char *chat; /* name of the chat template's row; NULL: none that is known */
    int layers, width, heads, key_heads, head_size, feed, vocabulary;
    int context;         /* tokens */
    int window;          /* tokens that most layers see; 0 = all */
    uint64_t parameters; /* numbers in all tensors */
    const char *types; /* "Q4_1 99.9 %, F32 < 0.1 %": of the parameters, the most frequent first */
};

/* Opens a file and its vocabulary.
 * Errors: those of gguf_open, decoder_config_read and tokenizer_open_gguf; E_NOMEM.
 * Cost: a tenth of a second. */
int about_open(struct about **out, const char *path, struct err *err);
void about_close(struct about *a);

const struct about_facts *about_facts(const struct about *a);

/* SHA-256 of the file, computed on the first call (a second for 500 MB). */
const char *about_sha256(struct about *a);

/* Token ids of a text, with what the model expects around it.  *ids is the caller's (mem_free).
 * Errors: those of tokenizer_encode. */
int about_tokenize(int **ids, size_t *n_ids, const struct about *a, struct model_text text,
                   struct err *err);

/* Appends the spelling of a token. */
void about_spell(struct buf *out, const struct about *a, int token);

#endif
