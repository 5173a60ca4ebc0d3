/* gguf_writer.c -- GGUF files as tests need them; see gguf_writer.h. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/gguf_writer.h"

#include <string.h>

void gguf_add_text(struct buf *b, const char *p, size_t n)
{
    buf_u64(b, n);
    buf_add(b, p, n);
}

void gguf_put(struct gguf_writer *w, const char *key, uint32_t kind, const void *p, size_t n)
{
    gguf_add_text(&w->values, key, strlen(key));
    buf_u32(&w->values, kind);
    buf_add(&w->values, p, n);
    w->n_values++;
}

void gguf_put_u32(struct gguf_writer *w, const char *key, uint32_t v)
{
    gguf_put(w, key, PUT_U32, &v, sizeof v);
}

void gguf_put_f32(struct gguf_writer *w, const char *key, float v)
{
    gguf_put(w, key, PUT_F32, &v, sizeof v);
}

void gguf_put_bool(struct gguf_writer *w, const char *key, int v)
{
    gguf_put(w, key, PUT_BOOL, &(uint8_t){(uint8_t)v}, 1);
}

void gguf_put_text(struct gguf_writer *w, const char *key, const char *v)
{
    const uint64_t n = strlen(v);

    gguf_put(w, key, PUT_TEXT, &n, sizeof n);
    buf_puts(&w->values, v);
}

void gguf_put_list(struct gguf_writer *w, const char *key, uint32_t kind, uint64_t n, const void *p,
                   size_t n_bytes)
{
    gguf_put(w, key, PUT_LIST, &kind, sizeof kind);
    buf_u64(&w->values, n);
    buf_add(&w->values, p, n_bytes);
}

static uint32_t alignment_of(const struct gguf_writer *w)
{
    return w->alignment ? w->alignment : 32;
}

static void pad(struct buf *b, size_t alignment)
{
    while (b->len % alignment)
        buf_u8(b, 0);
}

void gguf_put_tensor_at(struct gguf_writer *w, const char *name, uint32_t type, uint32_t n_dims,
                        const uint64_t *dims, uint64_t offset)
{
    gguf_add_text(&w->tensors, name, strlen(name));
    buf_u32(&w->tensors, n_dims);
    for (uint32_t i = 0; i < n_dims; i++)
        buf_u64(&w->tensors, dims[i]);
    buf_u32(&w->tensors, type);
    buf_u64(&w->tensors, offset);
    w->n_tensors++;
}

void gguf_put_tensor(struct gguf_writer *w, const char *name, uint32_t type, uint32_t n_dims,
                     const uint64_t *dims, const void *p, size_t n_bytes)
{
    pad(&w->data, alignment_of(w));
    gguf_put_tensor_at(w, name, type, n_dims, dims, w->data.len);
    buf_add(&w->data, p, n_bytes);
}

void gguf_finish(struct buf *out, struct gguf_writer *w)
{
    if (w->alignment)
        gguf_put_u32(w, "general.alignment", w->alignment);
    buf_add(out, "GGUF", 4);
    buf_u32(out, w->version ? w->version : 3);
    buf_u64(out, w->n_tensors);
    buf_u64(out, w->n_values);
    buf_add(out, w->values.data, w->values.len);
    buf_add(out, w->tensors.data, w->tensors.len);
    if (w->data.len)
        pad(out, alignment_of(w));
    buf_add(out, w->data.data, w->data.len);
    buf_clear(&w->values);
    buf_clear(&w->tensors);
    buf_clear(&w->data);
    memset(w, 0, sizeof *w);
}
