/* architectures.h -- the table of decoders: what one differs in from another, and a model's sizes. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MODEL_ARCHITECTURES_H
#define MODEL_ARCHITECTURES_H

#include "base/err.h"
#include "model/gguf.h"

enum { DECODER_MAX_HEADS = 1024 };

/* One row of the table. */
struct architecture {
    const char *name;     /* general.architecture */
    int pairs_are_halves; /* 1: RoPE turns x[i] with x[i + d/2]; 0: the file has x[2i] with x[2i + 1] */
    int has_head_norms;    /* RMS norm of each head's query and key */
    int has_output_norms;  /* RMS norm of what attention and feed-forward add */
    int uses_gelu;         /* tanh form; else SiLU */
    int scales_embeddings; /* by sqrt D */
    int window_pattern;    /* every n-th layer sees all, the others a window; 0: all see all */
    float local_rope_base; /* of layers with a window */
};
extern const struct architecture *const architectures[]; /* ends with NULL */

/* A model's sizes, read from the file and checked. */
struct decoder_config {
    const struct architecture *arch;
    int layers, D, heads, kv_heads, d, F, vocab, context;
    int window; /* tokens that a layer with a window sees, itself included; 0 = all */
    float eps, rope_base;
    float rope_scale; /* positions are divided by it, in layers that see all */
};

/* 1 if this layer sees all tokens before. */
static inline int decoder_sees_all(const struct decoder_config *c, int layer)
{
    return !c->window || !c->arch->window_pattern || (layer + 1) % c->arch->window_pattern == 0;
}

/* Errors: E_INVALID for an architecture that is not in the table, or RoPE of a kind that fovea does not
 * compute; E_FORMAT names the value that is missing or not sensible. */
int decoder_config_read(struct decoder_config *out, const struct gguf *g, struct err *err);

#endif
