/* bitpack.h -- 128 integers in as few bits as the largest needs. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef INDEXER_BITPACK_H
#define INDEXER_BITPACK_H

#include <stddef.h>
#include <stdint.h>

enum { BITPACK_N = 128 };

/* The bits that the largest of in[128] needs: 0..32. */
int bitpack_width(const uint32_t *in);

/* Bytes of 128 integers of `width` bits. */
static inline size_t bitpack_bytes(int width) { return (size_t)width * (BITPACK_N / 8); }

/* Packs in[128], each below 2^width, to out[bitpack_bytes(width)]. */
void bitpack_write(unsigned char *out, const uint32_t *in, int width);

/* Unpacks to out[128].  width 0..32; in need not be aligned. */
void bitpack_read(uint32_t *out, const unsigned char *in, int width);

/* Unpacks gaps to numbers that rise: out[i] = before + (in[0] + 1) + ... + (in[i] + 1), modulo 2^32. */
void bitpack_read_rising(uint32_t *out, const unsigned char *in, int width, uint32_t before);

#endif
