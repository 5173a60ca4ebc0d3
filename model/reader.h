/* reader.h -- a language model that reads: a decoder with its tokenizer and chat template, from one GGUF file.
 *
 *     struct reader *r = NULL;
 *     reader_open(&r, "smollm2", &(struct reader_options){0}, pool, &err);
 *     session_new(&s, reader_decoder(r), 4096, pool, &err);
 *     ...
 *     reader_close(r);
 *
 * Read-only once open: may be shared by threads and sessions.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MODEL_READER_H
#define MODEL_READER_H

#include "base/err.h"
#include "base/pool.h"
#include "model/chat.h"
#include "model/decoder.h"
#include "model/tokenizer.h"

struct reader;

struct reader_options {
    int precision; /* MODEL_I8 or MODEL_F32 (model.h) */
    int layers;    /* the first so many alone; 0 = all */
    int has_head;  /* 1: it is to write, too */
};

/* Opens a model by its name, folder or file (model_find_gguf).
 *
 * pool   shares the work of opening, or NULL; not kept.
 * Errors: those of model_find_gguf, gguf_open, tokenizer_open_gguf and decoder_open.
 * Cost: decoder_open's.
 */
int reader_open(struct reader **out, const char *name, const struct reader_options *opt,
                struct pool *pool, struct err *err);
void reader_close(struct reader *r);

struct profile;

/* Where a profile's model may be. */
struct reader_place {
    const char *given; /* what the user names: there or nowhere; or NULL */
    const char *
        recorded; /* where it was once: looked at if it is not found by the profile's name for it; or NULL */
};

/* Opens the model of a profile, as many layers as its heads need: what is given, else the one of the profile's name, and if
 * that is not there, or another, what lies where the model was.
 *
 * Errors: those of reader_open; E_INVALID, with both SHA-256, for a model that is not the profile's.
 * Cost: reader_open's and reader_sha256's.
 */
int reader_open_for(struct reader **out, const struct profile *p, const struct reader_place *place,
                    int precision, struct pool *pool, struct err *err);

const struct decoder *reader_decoder(const struct reader *r);
const struct tokenizer *reader_tokenizer(const struct reader *r);
const struct chat *
reader_chat(const struct reader *r); /* NULL: the model has no chat template that is known */
const char *reader_name(const struct reader *r); /* of its folder, or of its file */
const char *reader_path(const struct reader *r); /* of the file */

/* Tokens that a model must be able to read if passages are to be ranked by its attention: a prompt's head and tail, a query
 * (QUESTION_MAX_TOKENS), and a passage (KEYS_MAX_TOKENS) or the places that stand for it. */
enum { READER_MIN_CONTEXT = 1024 };

/* E_LIMIT, with what is needed, if the model reads fewer. */
int reader_check_context(const struct reader *r, struct err *err);

/* What a model in this file is called: "smollm2" of ".../smollm2/model.gguf", "tiny" of ".../tiny.gguf".  The caller's; NULL if
 * out of memory. */
char *reader_name_of(const char *path);

/* SHA-256 of the file in hexadecimal, computed on the first call (a second for 500 MB); one thread at a time. */
const char *reader_sha256(struct reader *r);

#endif
