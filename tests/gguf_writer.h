/* gguf_writer.h -- GGUF files as tests need them: right ones, and with any single thing wrong.
 *
 *     struct gguf_writer w = {0};
 *     gguf_put_u32(&w, "llama.block_count", 2);
 *     gguf_put_tensor(&w, "output_norm.weight", WEIGHT_F32, 1, (uint64_t[]){64}, data, 256);
 *     gguf_finish(&bytes, &w);        // takes what was put; bytes: a struct buf, the caller's
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_GGUF_WRITER_H
#define TESTS_GGUF_WRITER_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/* Zeroed = version 3, alignment 32, counts as put. */
struct gguf_writer {
    struct buf values, tensors, data;
    uint64_t n_values, n_tensors;
    uint32_t version;   /* 0 = 3 */
    uint32_t alignment; /* of the data; 0 = 32; other than that writes general.alignment */
};

/* Kinds of values by their numbers in the file. */
enum {
    PUT_U8,
    PUT_I8,
    PUT_U16,
    PUT_I16,
    PUT_U32,
    PUT_I32,
    PUT_F32,
    PUT_BOOL,
    PUT_TEXT,
    PUT_LIST,
    PUT_U64,
    PUT_I64,
    PUT_F64
};

/* A value of any kind from the bytes that stand for it. */
void gguf_put(struct gguf_writer *w, const char *key, uint32_t kind, const void *p, size_t n);

void gguf_put_u32(struct gguf_writer *w, const char *key, uint32_t v);
void gguf_put_f32(struct gguf_writer *w, const char *key, float v);
void gguf_put_bool(struct gguf_writer *w, const char *key, int v);
void gguf_put_text(struct gguf_writer *w, const char *key, const char *v);

/* A list: its n elements, of elements' kind, are the bytes p.  For texts these come from gguf_add_text. */
void gguf_put_list(struct gguf_writer *w, const char *key, uint32_t kind, uint64_t n, const void *p,
                   size_t n_bytes);

/* A text behind its length. */
void gguf_add_text(struct buf *b, const char *p, size_t n);

/* A tensor at the next aligned place.  dims [n_dims], fastest first. */
void gguf_put_tensor(struct gguf_writer *w, const char *name, uint32_t type, uint32_t n_dims,
                     const uint64_t *dims, const void *p, size_t n_bytes);

/* A tensor's line alone, its data wherever `offset` says. */
void gguf_put_tensor_at(struct gguf_writer *w, const char *name, uint32_t type, uint32_t n_dims,
                        const uint64_t *dims, uint64_t offset);

/* The file, added to out (an empty buf); w is empty afterwards. */
void gguf_finish(struct buf *out, struct gguf_writer *w);

#endif
