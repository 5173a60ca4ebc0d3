/* buf.h -- growable bytes with a maximum and a sticky error.
 *
 *     struct buf b = {0};                  // at most 1 GiB unless b.max is set
 *     buf_puts(&b, "hello ");
 *     buf_printf(&b, "%d", 42);
 *     if (buf_error(&b)) ...               // one check after any number of appends
 *     char *s = buf_take(&b);              // NUL-terminated; now the caller's
 *
 * After the first failed append all others do nothing; b.data stays valid and
 * NUL-terminated.  A zeroed struct is an empty buffer.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stddef.h>
#include <stdint.h>

struct buf {
    char *data; /* [len + 1], NUL-terminated; NULL while nothing was added */
    size_t len; /* bytes in use, NUL not counted */
    size_t cap; /* bytes allocated */
    size_t max; /* append fails beyond this length; 0 means 1 GiB */
    int code;   /* 0, E_NOMEM or E_LIMIT: sticky */
};

void buf_add(struct buf *b, const void *p, size_t n);
void buf_puts(struct buf *b, const char *s);
void buf_putc(struct buf *b, char c);
void buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Little-endian integers and the variable-length form of FORMAT.md: seven bits a byte,
 * lowest first, high bit set on all but the last. */
void buf_u8(struct buf *b, uint8_t v);
void buf_u32(struct buf *b, uint32_t v);
void buf_u64(struct buf *b, uint64_t v);
void buf_varint(struct buf *b, uint64_t v);

/* Grows the buffer by n uninitialised bytes and returns them, or NULL on failure. */
void *buf_extend(struct buf *b, size_t n);

/* The bytes, NUL-terminated; "" if empty.  Borrowed until the next call. */
const char *buf_text(const struct buf *b);

/* 0, or why an append failed. */
int buf_error(const struct buf *b);

/* Hands the bytes over (free with mem_free) and leaves an empty buffer.
 * NULL if an append failed (and then everything is freed). */
char *buf_take(struct buf *b);

/* Empties, keeping the memory and forgetting the error. */
void buf_reset(struct buf *b);

/* Frees and zeroes (max stays). */
void buf_clear(struct buf *b);

/* Reads what the writers above wrote.  Sticky: after a read beyond the end,
 * `bad` is set and every further read gives 0. */
struct bytes {
    const unsigned char *p, *end; /* unread part */
    int bad;                      /* 1 after a read beyond the end */
};

uint8_t bytes_u8(struct bytes *r);
uint32_t bytes_u32(struct bytes *r);
uint64_t bytes_u64(struct bytes *r);
uint64_t bytes_varint(struct bytes *r);

/* The next n bytes, borrowed; NULL (and bad) if there are fewer. */
const unsigned char *bytes_get(struct bytes *r, size_t n);

#endif
