/* gguf.h -- a GGUF file: named values and named tensors in a mapped file; nothing in it is believed.
 *
 *     struct gguf *g = NULL;
 *     int64_t layers;
 *     if (gguf_open(&g, "model.gguf", &err) ||
 *         gguf_need_int(&layers, g, "llama.block_count", 1, 1000, &err))
 *         fail(err.text);
 *     const struct gguf_tensor *t = gguf_find(g, "output_norm.weight");
 *     gguf_read_rows(x, t, 0, t->rows);
 *     gguf_close(g);
 *
 * The file, little-endian: "GGUF", u32 version (2 or 3), u64 tensors, u64 values; the values, each a key, a type
 * and what is of that type; the tensors, each a name, u32 n_dims, u64 dims fastest first, u32 type,
 * u64 offset; padding to the alignment; the data, which the offsets count from.
 *
 * Read-only once open: may be shared by threads.  Keys and texts are not NUL-terminated in the file.
 * Source: the format's description in the ggml project, docs/gguf.md.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MODEL_GGUF_H
#define MODEL_GGUF_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "model/tokenizer_source.h"
#include "model/weight_types.h"

struct gguf_tensor {
    const char *name; /* NUL-terminated; borrowed until gguf_close, as all pointers here */
    const struct weight_type *type;
    int n_dims;           /* 1..4 */
    size_t rows, columns; /* columns = the fastest dimension; rows = the product of the others */
    size_t row_bytes;     /* whole blocks */
    const unsigned char *data; /* [rows, row_bytes], aligned as the file says, 8 bytes at least */
};

struct gguf;

/* Maps a file and checks all of its header.
 * Errors: E_NOTFOUND, E_IO; E_FORMAT names file, key or tensor and what is wrong; E_INVALID names a
 * version or a type of weights that fovea does not read; E_NOMEM.
 * Cost: a walk over the header, some 10 ms for a vocabulary of 150,000 words. */
int gguf_open(struct gguf **out, const char *path, struct err *err);
void gguf_close(struct gguf *g);
const char *gguf_path(const struct gguf *g);

/* ---- values ---- */

/* 1: *out is set; 0: there is none of that name, *out stays; E_FORMAT: it is of another kind or not in
 * lo..hi.  An integer may be of any width; a number may be any float or integer. */
int gguf_int(int64_t *out, const struct gguf *g, const char *key, int64_t lo, int64_t hi,
             struct err *err);
int gguf_number(float *out, const struct gguf *g, const char *key, struct err *err);
int gguf_bool(int *out, const struct gguf *g, const char *key, struct err *err);
int gguf_text(struct token_text *out, const struct gguf *g, const char *key, struct err *err);

/* The same for what must be there: 0, or E_FORMAT. */
int gguf_need_int(int64_t *out, const struct gguf *g, const char *key, int64_t lo, int64_t hi,
                  struct err *err);
int gguf_need_number(float *out, const struct gguf *g, const char *key, struct err *err);
int gguf_need_text(struct token_text *out, const struct gguf *g, const char *key, struct err *err);

/* Lists.  Returns 1, 0 or E_FORMAT as above, or E_NOMEM; *out is one allocation, the caller's (mem_free), [*n];
 * texts in it are borrowed.  An empty list is 1 with *n == 0 and *out NULL. */
int gguf_texts(struct token_text **out, size_t *n, const struct gguf *g, const char *key,
               struct err *err);
int gguf_ints(int32_t **out, size_t *n, const struct gguf *g, const char *key, struct err *err);
int gguf_numbers(float **out, size_t *n, const struct gguf *g, const char *key, struct err *err);

/* ---- tensors ---- */

size_t gguf_n_tensors(const struct gguf *g);
const struct gguf_tensor *gguf_at(const struct gguf *g, size_t i);           /* in order of names */
const struct gguf_tensor *gguf_find(const struct gguf *g, const char *name); /* NULL: none */

/* Rows first..first+n-1 as float32.  out [n, columns].  Cost: about 1 ns a number. */
void gguf_read_rows(float *out, const struct gguf_tensor *t, size_t first, size_t n);

/* The file's bytes, for a checksum. */
const unsigned char *gguf_bytes(size_t *n, const struct gguf *g);

#endif
