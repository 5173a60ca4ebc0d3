/* gguf_inside.h -- what a GGUF file consists of; for model/gguf*.c alone. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MODEL_GGUF_INSIDE_H
#define MODEL_GGUF_INSIDE_H

#include "base/file.h"
#include "base/mem.h"
#include "model/gguf.h"

/* Kinds of values, as the file numbers them. */
enum {
    GGUF_U8,
    GGUF_I8,
    GGUF_U16,
    GGUF_I16,
    GGUF_U32,
    GGUF_I32,
    GGUF_F32,
    GGUF_BOOL,
    GGUF_TEXT,
    GGUF_LIST,
    GGUF_U64,
    GGUF_I64,
    GGUF_F64,
    GGUF_N_TYPES
};

struct gguf_value {
    struct token_text key;
    int type;
    int element; /* of a list */
    uint64_t n;  /* of a list */
    size_t at;   /* of the value, or of the list's first element, in the file */
};

struct gguf {
    char *path;
    struct file_map map;
    struct arena names;
    struct gguf_value *values;   /* [n_values], by key */
    struct gguf_tensor *tensors; /* [n_tensors], by name */
    size_t n_values, n_tensors;
};

/* Bytes of a value; 0 for texts, lists and kinds that there are not. */
size_t gguf_size(int type);

/* n bytes, 1..8, as an unsigned number. */
uint64_t gguf_unsigned(const unsigned char *p, size_t n);

#endif
