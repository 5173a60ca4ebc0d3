/* digest.h -- checksums: CRC-32 for what fovea writes, SHA-256 for the models it reads. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_DIGEST_H
#define BASE_DIGEST_H

#include <stddef.h>
#include <stdint.h>

/* CRC-32 (IEEE 802.3, as zlib and PNG) of n bytes, continuing from crc; start with 0. */
uint32_t digest_crc32(uint32_t crc, const void *p, size_t n);

/* The same without the processor's carry-less products: the reference that tests compare with. */
uint32_t digest_crc32_scalar(uint32_t crc, const void *p, size_t n);

/* SHA-256 (FIPS 180-4) of n bytes as 64 hex digits and a NUL.  Uses the
 * processor's SHA instructions where it has them. */
void digest_sha256(char out[65], const void *p, size_t n);

/* The same without those instructions: the reference that tests compare with. */
void digest_sha256_scalar(char out[65], const void *p, size_t n);

#endif
