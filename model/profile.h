/* profile.h -- which heads of a model rank, how, and with what weights: a small JSON file.
 *
 *     struct profile *p = NULL;
 *     profile_open(&p, "smollm2", "stored", &err);      -- one that ships with fovea, or a file
 *     ...
 *     profile_free(p);
 *
 * `fovea heads` makes them.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MODEL_PROFILE_H
#define MODEL_PROFILE_H

#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"

enum { PROFILE_MAX_HEADS = 64 };

struct profile_head {
    int layer, head;
    double weight;
};

struct profile {
    char *name;         /* "smollm2"; this and the model's: profile_is_name */
    char *method;       /* "stored", "icr-blocks" or "icr" */
    char *model;        /* name of the model it is for */
    char *sha256;       /* of the model's file */
    char *statistic;    /* of reranker/statistics.h */
    int is_calibrated;  /* 1: the content-free query's is taken off */
    int wants;          /* PROMPT_FIND or PROMPT_ANSWER */
    int bits;           /* of a number of a stored key, in the mean: profile_takes_bits */
    double first_stage; /* weight of the first stage's scores, beside the heads' sum */
    double
        first_stage_fused; /* the same where the first stage fuses several rankings, and knows more by itself */
    struct profile_head heads[PROFILE_MAX_HEADS]; /* [n_heads], by layer, then head; each once */
    int n_heads;
    char *chosen; /* how they were chosen, for people */
};

/* 1 for 8, 4, 3 and 2. */
int profile_takes_bits(int bits);

/* 1 for what a profile or its model can be called: 1 to 100 bytes of UTF-8 without control characters and slashes. */
int profile_is_name(const char *name);

/* Reads a profile: the path of a file (model_is_path), or the name of one that ships (for this method; a name alone is enough).
 *
 * Errors: E_NOTFOUND with the names there are; E_FORMAT names file, field and reason.
 */
int profile_open(struct profile **out, const char *name, const char *method, struct err *err);

/* The same from text; `source` is what errors call it. */
int profile_parse(struct profile **out, const char *json, size_t n, const char *source,
                  struct err *err);
void profile_free(struct profile *p);

/* Appends it as JSON: what profile_parse reads.  E_INVALID for names that it would refuse. */
int profile_write(struct buf *out, const struct profile *p, struct err *err);

/* Profile i of those that ship: its text [*n] and its file's name; NULL beyond the last. */
const char *profile_shipped(const char **name, size_t *n, int i);

/* Layers of the model that are needed: the last with a head of the profile, and those before. */
int profile_layers(const struct profile *p);

#endif
