/* hash.h -- a map from byte strings to 64-bit integers, and the hash behind it.
 *
 *     struct map m = {0};
 *     int64_t *v = map_put(&m, "term", 4);   // new keys start at 0
 *     if (v) ++*v;
 *     map_clear(&m);
 *
 * Open addressing with linear probing, keys copied into an arena.  Slots keep
 * the order of insertion, so iteration is deterministic.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

#include "base/mem.h"

/* A 64-bit hash of n bytes; the same on every machine and run. */
uint64_t hash_bytes(const void *p, size_t n);

struct map_entry {
    const char *key; /* [len + 1], NUL-terminated, owned by the map */
    uint32_t len;    /* bytes of key */
    uint32_t hash;   /* upper half of hash_bytes */
    int64_t value;
};

struct map {
    struct map_entry *entries; /* [n], in order of insertion: iterate over these */
    size_t n, cap;
    uint32_t *slots; /* [n_slots], entry number + 1, or 0 */
    size_t n_slots;  /* a power of two */
    struct arena keys;
};

/* The value of key, added as 0 if it is new.  NULL if out of memory.
 * Valid until the next map_put. */
int64_t *map_put(struct map *m, const void *key, size_t len);

/* The value of key, or NULL if it is not there. */
int64_t *map_find(const struct map *m, const void *key, size_t len);

/* Bytes held. */
size_t map_bytes(const struct map *m);

/* Frees and zeroes. */
void map_clear(struct map *m);

#endif
