/* block_disk.h -- the block cache's other half: blocks as files of a folder, within a bound; the oldest go first.
 *
 * A file is named by the SHA-256 of what the block depends on: the opening (model, precision, prompt's head) and its tokens.
 * It is written aside and renamed, and its checksum is looked at when it is read: what is damaged counts as absent.
 * Several processes may use a folder; each then keeps the bound by what it sees.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RERANKER_BLOCK_DISK_H
#define RERANKER_BLOCK_DISK_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct block_disk;

/* Makes the folder if there is none (but not those above it).
 *
 * opening  what all blocks depend on; copied
 * E_IO if it cannot be made or read, E_NOMEM. */
int block_disk_open(struct block_disk **out, const char *dir, uint64_t most_bytes,
                    const char *opening, struct err *err);
void block_disk_close(struct block_disk *d);

/* A block of tokens ids [n]: out [size] bytes.  1, or 0 if there is none, whole, of this size.
 * It then counts as new. */
int block_disk_read(void *out, size_t size, const struct block_disk *d, const int *ids, int n);

/* Keeps a block [size bytes].  A disk that is full or gone is no error: it is not kept then. */
void block_disk_write(struct block_disk *d, const void *block, size_t size, const int *ids, int n);

#endif
