/* block_cache.c -- see block_cache.h.  There are some hundreds of blocks at most: they are looked for one by one. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "reranker/block_cache.h"

#include <string.h>

#include "base/digest.h"
#include "base/mem.h"

struct entry {
    uint32_t crc; /* of the tokens */
    int n;
    int *ids;             /* [n] */
    unsigned char *block; /* [bytes] */
    size_t bytes;
    uint64_t used; /* when */
};

struct block_cache {
    struct entry *entries; /* [n] */
    size_t n, cap, most_bytes;
    uint64_t clock;
    struct block_cache_counts counts;
    struct block_disk *disk; /* or NULL */
    unsigned char *room;     /* [cap_room] for a block from or to the disk */
    size_t cap_room;
};

int block_cache_new(struct block_cache **out, size_t most_bytes, struct block_disk *disk,
                    struct err *err)
{
    struct block_cache *c = mem_zalloc(1, sizeof *c);

    if (!c) {
        block_disk_close(disk);
        return err_nomem(err);
    }
    c->disk = disk;
    c->most_bytes = most_bytes;
    *out = c;
    return 0;
}

static void entry_clear(struct entry *e)
{
    mem_free(e->ids);
    mem_free(e->block);
}

void block_cache_free(struct block_cache *c)
{
    if (!c)
        return;
    for (size_t i = 0; i < c->n; i++)
        entry_clear(&c->entries[i]);
    mem_free(c->entries);
    mem_free(c->room);
    block_disk_close(c->disk);
    mem_free(c);
}

static struct entry *find(struct block_cache *c, const struct session_input *in, uint32_t crc)
{
    const size_t bytes = (size_t)in->n * sizeof *in->ids;

    for (struct entry *e = c->entries; e < c->entries + c->n; e++)
        if (e->crc == crc && e->n == in->n && !memcmp(e->ids, in->ids, bytes))
            return e;
    return NULL;
}

static void drop_oldest(struct block_cache *c)
{
    struct entry *oldest = c->entries;

    for (struct entry *e = c->entries; e < c->entries + c->n; e++)
        if (e->used < oldest->used)
            oldest = e;
    c->counts.bytes -= oldest->bytes;
    entry_clear(oldest);
    *oldest = c->entries[--c->n];
}

/* Keeps the last n cells of a session, which are the block. */
static int keep(struct block_cache *c, const struct session *s, const struct session_input *in,
                uint32_t crc, struct err *err)
{
    struct entry e = {
        .crc = crc, .n = in->n, .bytes = session_block_bytes(s, in->n), .used = ++c->clock};

    if (e.bytes > c->most_bytes)
        return 0;
    while (c->counts.bytes + e.bytes > c->most_bytes)
        drop_oldest(c);
    e.ids = mem_alloc((size_t)in->n, sizeof *e.ids);
    e.block = mem_alloc(e.bytes, sizeof *e.block);
    if (!e.ids || !e.block ||
        mem_reserve((void **)&c->entries, &c->cap, c->n + 1, sizeof *c->entries)) {
        entry_clear(&e);
        return err_nomem(err);
    }
    memcpy(e.ids, in->ids, (size_t)in->n * sizeof *e.ids);
    session_save(e.block, s, session_cells(s) - in->n, in->n);
    c->entries[c->n++] = e;
    c->counts.bytes += e.bytes;
    return 0;
}

/* Appends a block that the disk has, or reads it and gives it to the disk. */
static int read_by_disk(struct block_cache *c, struct session *s, const struct session_input *in,
                        struct err *err)
{
    const size_t size = session_block_bytes(s, in->n);
    int rc;

    if (mem_reserve((void **)&c->room, &c->cap_room, size, sizeof *c->room))
        return err_nomem(err);
    if (block_disk_read(c->room, size, c->disk, in->ids, in->n)) {
        c->counts.disk_hits++;
        return session_load(s, c->room, in->n, in->position, err);
    }
    c->counts.misses++;
    rc = session_read(s, in, NULL, err);
    if (rc)
        return rc;
    session_save(c->room, s, session_cells(s) - in->n, in->n);
    block_disk_write(c->disk, c->room, size, in->ids, in->n);
    return 0;
}

int block_cache_read(struct block_cache *c, struct session *s, const struct session_input *in,
                     struct err *err)
{
    const uint32_t crc = digest_crc32(0, in->ids, (size_t)in->n * sizeof *in->ids);
    struct entry *e = find(c, in, crc);
    int rc;

    if (e) {
        c->counts.hits++;
        e->used = ++c->clock;
        return session_load(s, e->block, e->n, in->position, err);
    }
    rc = c->disk ? read_by_disk(c, s, in, err) : session_read(s, in, NULL, err);
    c->counts.misses += !c->disk;
    return rc ? rc : keep(c, s, in, crc, err);
}

struct block_cache_counts block_cache_counts(const struct block_cache *c) { return c->counts; }
