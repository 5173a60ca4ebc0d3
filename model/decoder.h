/* decoder.h -- a decoder's weights, from a GGUF file, made ready to run.
 *
 *     struct decoder *m = NULL;
 *     decoder_open(&m, g, &(struct decoder_options){.has_head = 1}, pool, &err);
 *     ... sessions (model/session.h) ...
 *     decoder_close(m);
 *
 * Read-only once open: may be shared by threads and sessions.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MODEL_DECODER_H
#define MODEL_DECODER_H

#include "base/err.h"
#include "base/pool.h"
#include "model/architectures.h"
#include "model/gguf.h"

struct decoder;

struct decoder_options {
    int precision;       /* MODEL_I8 or MODEL_F32 (model.h) */
    int layers;          /* the first so many alone; 0 = all */
    int has_head;        /* 1: logits can be asked for; costs a byte a word and channel */
    const char *kernels; /* NULL = the best this processor has */
};

/* Binds the weights by name, checks their shapes and packs the matrices.
 *
 * g       borrowed until decoder_close: word embeddings are read where they are mapped.
 * pool    shares the work, or NULL; not kept.
 *
 * Errors: E_FORMAT names the tensor that is missing or of another shape; those of decoder_config_read; E_INVALID
 * for kernels that this processor has not got; E_NOMEM.
 * Cost: about 1 ns a weight, shared by the threads, a third of it the system's for new memory.
 */
int decoder_open(struct decoder **out, const struct gguf *g, const struct decoder_options *opt,
                 struct pool *pool, struct err *err);
void decoder_close(struct decoder *m);

const struct decoder_config *decoder_config(const struct decoder *m);
int decoder_layers(const struct decoder *m); /* that were opened */
const char *decoder_kernels(const struct decoder *m);

#endif
