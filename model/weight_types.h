/* weight_types.h -- the ways in which files keep weights, and what each stands for as float32.
 *
 *     const struct weight_type *type = weight_type_find(14);     // Q6_K
 *     type->to_f32(out, blocks, n / type->block);
 *
 * A row is a whole number of blocks; a block is `bytes` bytes for `block` numbers, mostly small integers
 * with a scale, some with a least value.  Results are the format's exact products, rounded to float32 once an
 * operation, the same bits on every machine.
 * Source: the formats of the ggml project (ggml-common.h describes the blocks).
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MODEL_WEIGHT_TYPES_H
#define MODEL_WEIGHT_TYPES_H

#include <stddef.h>
#include <stdint.h>

/* Types by ggml's number, which is the one in a GGUF file. */
enum {
    WEIGHT_F32 = 0,
    WEIGHT_F16 = 1,
    WEIGHT_Q4_0 = 2,
    WEIGHT_Q4_1 = 3,
    WEIGHT_Q5_0 = 6,
    WEIGHT_Q5_1 = 7,
    WEIGHT_Q8_0 = 8,
    WEIGHT_Q4_K = 12,
    WEIGHT_Q5_K = 13,
    WEIGHT_Q6_K = 14,
    WEIGHT_BF16 = 30,
};

struct weight_type {
    const char *name; /* "Q6_K" */
    int id;           /* WEIGHT_... */
    int block;        /* numbers of a block */
    int bytes;        /* of a block */
    /* out[0..n_blocks * block) = what the blocks stand for.  blocks: at any address, n_blocks * bytes
     * bytes, not over out.  Cost: 0.2 to 0.6 ns a number. */
    void (*to_f32)(float *out, const void *blocks, size_t n_blocks);
};

/* The type of ggml's number id; NULL if fovea does not read it. */
const struct weight_type *weight_type_find(int id);

/* Type i of those that fovea reads, i from 0; NULL after the last. */
const struct weight_type *weight_type_at(size_t i);

/* Its name for messages, also where fovea does not read it ("IQ4_XS"); "unknown" for numbers that no type has. */
const char *weight_type_name(int id);

#endif
