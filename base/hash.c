/* hash.c -- insertion-ordered hash map over byte strings.
 *
 * The hash multiplies 8-byte words by a 64-bit odd constant and folds the high
 * half of the 128-bit product back (the "mum" construction of wyhash).  It is
 * not meant to resist an adversary; the map stays correct with any collisions.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include "base/hash.h"

#include <string.h>

#include "base/err.h"

static uint64_t fold(uint64_t a, uint64_t b)
{
    unsigned __int128 p = (unsigned __int128)a * b;

    return (uint64_t)p ^ (uint64_t)(p >> 64);
}

uint64_t hash_bytes(const void *p, size_t n)
{
    const unsigned char *s = p;
    uint64_t h = 0x9e3779b97f4a7c15u ^ n, w;

    for (; n >= 8; n -= 8, s += 8) {
        memcpy(&w, s, 8);
        h = fold(h ^ w, 0xd6e8feb86659fd93u);
    }
    if (n) {
        w = 0;
        memcpy(&w, s, n);
        h = fold(h ^ w, 0xd6e8feb86659fd93u);
    }
    return fold(h, 0xa0761d6478bd642fu);
}

static size_t probe(const struct map *m, const void *key, size_t len, uint64_t h)
{
    size_t mask = m->n_slots - 1, i = (size_t)h & mask;

    for (; m->slots[i]; i = (i + 1) & mask) {
        const struct map_entry *e = &m->entries[m->slots[i] - 1];

        if (e->hash == (uint32_t)(h >> 32) && e->len == len && !memcmp(e->key, key, len))
            break;
    }
    return i;
}

/* Doubles the slots; entries stay where they are. */
static int rehash(struct map *m)
{
    size_t n_slots = m->n_slots ? m->n_slots * 2 : 64;
    uint32_t *slots = mem_zalloc(n_slots, sizeof *slots);

    if (!slots)
        return E_NOMEM;
    for (size_t e = 0; e < m->n; e++) {
        uint64_t h = hash_bytes(m->entries[e].key, m->entries[e].len);
        size_t i = (size_t)h & (n_slots - 1);

        while (slots[i])
            i = (i + 1) & (n_slots - 1);
        slots[i] = (uint32_t)e + 1;
    }
    mem_free(m->slots);
    m->slots = slots;
    m->n_slots = n_slots;
    return 0;
}

int64_t *map_put(struct map *m, const void *key, size_t len)
{
    uint64_t h = hash_bytes(key, len);
    struct map_entry *e;
    size_t i;

    if (len > UINT32_MAX || m->n >= UINT32_MAX - 1)
        return NULL;
    if (2 * (m->n + 1) > m->n_slots && rehash(m))
        return NULL;
    i = probe(m, key, len, h);
    if (m->slots[i])
        return &m->entries[m->slots[i] - 1].value;
    if (mem_reserve((void **)&m->entries, &m->cap, m->n + 1, sizeof *m->entries))
        return NULL;
    e = &m->entries[m->n];
    e->key = arena_dup(&m->keys, key, len);
    if (!e->key)
        return NULL;
    e->len = (uint32_t)len;
    e->hash = (uint32_t)(h >> 32);
    e->value = 0;
    m->slots[i] = (uint32_t)++m->n;
    return &e->value;
}

int64_t *map_find(const struct map *m, const void *key, size_t len)
{
    size_t i;

    if (!m->n)
        return NULL;
    i = probe(m, key, len, hash_bytes(key, len));
    return m->slots[i] ? &m->entries[m->slots[i] - 1].value : NULL;
}

size_t map_bytes(const struct map *m)
{
    return m->cap * sizeof *m->entries + m->n_slots * sizeof *m->slots + arena_bytes(&m->keys);
}

void map_clear(struct map *m)
{
    mem_free(m->entries);
    mem_free(m->slots);
    arena_clear(&m->keys);
    memset(m, 0, sizeof *m);
}
