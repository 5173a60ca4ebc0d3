/* encoder_inside.h -- what an encoder consists of; for model/encoder*.c alone. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MODEL_ENCODER_INSIDE_H
#define MODEL_ENCODER_INSIDE_H

#include "model/bind.h"
#include "model/encoder.h"
#include "model/kernels.h"
#include "model/linear.h"

struct layer {
    struct linear *qkv;     /* [3 D, D]: Q, K and V in one product */
    struct linear *context; /* [D, D] */
    struct linear *up;      /* [F, D] */
    struct linear *down;    /* [D, F] */
    struct norm after_attention, after_feed_forward;
};

struct encoder {
    const struct kernels *kernels;
    struct gemm_lib *lib;
    int precision, D, H, F, n_layers, vocab, positions, pooling;
    float eps;
    void (*activation)(float *, int);
    const struct tensor *words; /* [V, D], where it is mapped */
    const float *words_f32;     /* the same, or NULL if it must be converted */
    float *places;              /* [positions, D] position embedding + type 0 */
    float *places_second;       /* the same + type 1, of pairs' second texts; NULL: no pairs */
    struct norm norm;
    struct layer *layers; /* [n_layers] */
};

#endif
