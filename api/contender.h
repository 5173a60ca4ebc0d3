/* contender.h -- what a row of an evaluation is about: a system by itself, or its hits re-ranked. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef API_CONTENDER_H
#define API_CONTENDER_H

#include "base/err.h"
#include "retriever/retriever.h"

struct contender {
    const struct retriever *system;
    const char *rerank; /* METHOD[:MODEL[:PROFILE]]; NULL = as the system ranks */
    char name[64];
};

/* Sets the name, "bm25+stored-smollm2-all": also part of a file's name.  E_INVALID if rerank cannot be read. */
int contender_name(struct contender *c, struct err *err);

/* What an index is to store keys for, "PROFILE:MODEL" with either part or none: *out is the caller's, NULL if the method
 * looks at no keys.  E_INVALID, E_NOMEM. */
int contender_keys(char **out, const char *rerank, struct err *err);

#endif
