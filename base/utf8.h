/* utf8.h -- UTF-8 in and out, nothing more (boundaries and folding are the analyzer's).
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/* Decodes one code point of s[0..n), n >= 1.
 *
 * Returns the bytes used, 1..4, and sets *cp.  A byte that starts no valid
 * sequence (overlong, surrogate, above U+10FFFF, cut off) is one byte long and
 * decodes to U+FFFD.
 */
int utf8_decode(uint32_t *cp, const char *s, size_t n);

/* Writes cp (a scalar value; others become U+FFFD) to out[4].  Returns bytes written. */
int utf8_encode(char *out, uint32_t cp);

/* The offset of the first byte that is not part of valid UTF-8, or n if all is valid. */
size_t utf8_check(const char *s, size_t n);

/* Appends s with every invalid byte replaced by U+FFFD. */
void utf8_repair(struct buf *out, const char *s, size_t n);

/* The largest i <= at that does not cut a character of s in two. */
size_t utf8_floor(const char *s, size_t at);

#endif
