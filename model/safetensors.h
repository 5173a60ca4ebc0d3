/* safetensors.h -- named tensors in a mapped file; nothing in the file is believed.
 *
 *     struct safetensors *st = NULL;
 *     const struct tensor *w;
 *     if (safetensors_open(&st, "model.safetensors", &err) ||
 *         safetensors_find(&w, st, "pooler.dense.weight", 2, (int64_t[]){384, 384}, &err))
 *         fail(err.text);
 *     const float *p = tensor_borrow_f32(w);      // NULL: not F32, or not aligned
 *     if (!p) tensor_read_f32(copy, w, 0, w->n);
 *     safetensors_close(st);
 *
 * The file: u64 length of the header, little-endian; the header, a JSON object
 * {"NAME": {"dtype": "F32", "shape": [2, 3], "data_offsets": [begin, end]}, "__metadata__": {...}};
 * the data, which the offsets count from.  Tensors must cover the data without
 * gap or overlap.  Data need not be aligned to anything.
 *
 * Read-only once open: may be shared by threads.
 * Source: the format's description in the safetensors project's README.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MODEL_SAFETENSORS_H
#define MODEL_SAFETENSORS_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum { TENSOR_MAX_DIMS = 8 };

/* Element types that can be read; TENSOR_OTHER may be in a file but is refused when asked for. */
enum { TENSOR_F32, TENSOR_F16, TENSOR_BF16, TENSOR_OTHER };

struct tensor {
    const char *name;  /* borrowed until safetensors_close, as all pointers here */
    const char *dtype; /* as the file spells it */
    int type;          /* TENSOR_... */
    int n_dims;
    int64_t shape[TENSOR_MAX_DIMS]; /* [n_dims], slowest first, each >= 0 */
    size_t n;                       /* elements: the product of shape */
    const unsigned char *data;      /* [n_bytes], not aligned */
    size_t n_bytes;
};

struct safetensors;

/* Maps a file and checks all of its header.
 * Errors: E_NOTFOUND, E_IO; E_FORMAT names file, tensor and what is wrong with it; E_LIMIT
 * for a header over 100 MB; E_NOMEM. */
int safetensors_open(struct safetensors **out, const char *path, struct err *err);
void safetensors_close(struct safetensors *st);

/* Tensors in order of their data. */
int safetensors_count(const struct safetensors *st);
const struct tensor *safetensors_at(const struct safetensors *st, int i);

int safetensors_has(const struct safetensors *st, const char *name);

/* Finds a tensor that must be there with this shape.
 *
 * shape   [n_dims]; -1 allows any size.
 *
 * Errors: E_NOTFOUND; E_FORMAT says shape found and wanted; E_INVALID names an element type
 * that cannot be read.
 */
int safetensors_find(const struct tensor **out, const struct safetensors *st, const char *name,
                     int n_dims, const int64_t *shape, struct err *err);

/* The file's bytes, for a checksum. */
const unsigned char *safetensors_bytes(size_t *n, const struct safetensors *st);

/* The elements where they are mapped, if they are F32 and aligned to 4 bytes; else NULL. */
const float *tensor_borrow_f32(const struct tensor *t);

/* out[0..n) = elements first..first+n of t as float32; exact for every type.
 * t->type is not TENSOR_OTHER; first + n <= t->n. */
void tensor_read_f32(float *out, const struct tensor *t, size_t first, size_t n);

#endif
