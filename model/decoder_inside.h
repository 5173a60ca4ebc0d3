/* decoder_inside.h -- what a decoder consists of; for model/decoder*.c and model/session*.c alone. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MODEL_DECODER_INSIDE_H
#define MODEL_DECODER_INSIDE_H

#include "model/decoder.h"
#include "model/kernels.h"
#include "model/linear.h"

/* H heads of d numbers, K of them with keys and values of their own. */
struct decoder_layer {
    float *norm;              /* [D] */
    struct linear *qkv;       /* [(H + 2 K) d, D] queries, keys, values */
    float *q_norm, *k_norm;   /* [d] or NULL */
    struct linear *out;       /* [D, H d] */
    float *out_norm;          /* [D] or NULL */
    float *feed_norm;         /* [D] */
    struct linear *gate, *up; /* [F, D] */
    struct linear *down;      /* [D, F] */
    float *down_norm;         /* [D] or NULL */
};

struct decoder {
    struct decoder_config cfg;
    const struct kernels *kernels;
    struct gemm_lib *lib;
    int precision, n_layers;
    const struct gguf_tensor *words; /* [vocab, D] */
    float *rope_factors;             /* [d / 2] what frequencies are divided by, or NULL */
    struct decoder_layer *layers;    /* [n_layers] */
    float *norm;                     /* [D] */
    struct linear *head;             /* [vocab, D] or NULL */
};

#endif
