/* weight_types.c -- the table of weight types, a line each, and the names of those that fovea does not read. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "model/weight_types.h"

#include "model/weight_types_inside.h"

static const struct weight_type types[] = {
    {"F32", WEIGHT_F32, 1, 4, weights_f32},        {"F16", WEIGHT_F16, 1, 2, weights_f16},
    {"BF16", WEIGHT_BF16, 1, 2, weights_bf16},     {"Q8_0", WEIGHT_Q8_0, 32, 34, weights_q8_0},
    {"Q4_0", WEIGHT_Q4_0, 32, 18, weights_q4_0},   {"Q4_1", WEIGHT_Q4_1, 32, 20, weights_q4_1},
    {"Q5_0", WEIGHT_Q5_0, 32, 22, weights_q5_0},   {"Q5_1", WEIGHT_Q5_1, 32, 24, weights_q5_1},
    {"Q4_K", WEIGHT_Q4_K, 256, 144, weights_q4_k}, {"Q5_K", WEIGHT_Q5_K, 256, 176, weights_q5_k},
    {"Q6_K", WEIGHT_Q6_K, 256, 210, weights_q6_k},
};

/* By number; NULL where there is none, or none any more. */
static const char *const names[] = {
    "F32",     "F16",   "Q4_0",   "Q4_1",  NULL,    NULL,     "Q5_0", "Q5_1",    "Q8_0",
    "Q8_1",    "Q2_K",  "Q3_K",   "Q4_K",  "Q5_K",  "Q6_K",   "Q8_K", "IQ2_XXS", "IQ2_XS",
    "IQ3_XXS", "IQ1_S", "IQ4_NL", "IQ3_S", "IQ2_S", "IQ4_XS", "I8",   "I16",     "I32",
    "I64",     "F64",   "IQ1_M",  "BF16",  NULL,    NULL,     NULL,   "TQ1_0",   "TQ2_0",
    NULL,      NULL,    NULL,     "MXFP4", "NVFP4", "Q1_0",
};

const struct weight_type *weight_type_at(size_t i)
{
    return i < sizeof types / sizeof *types ? &types[i] : NULL;
}

const struct weight_type *weight_type_find(int id)
{
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (types[i].id == id)
            return &types[i];
    return NULL;
}

const char *weight_type_name(int id)
{
    const int n = (int)(sizeof names / sizeof *names);

    return id >= 0 && id < n && names[id] ? names[id] : "unknown";
}
