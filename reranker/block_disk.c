/* block_disk.c -- see block_disk.h.
 *
 *     file   "fovea-b2", CRC-32 of the block u32, its bytes u32, the block; all as this processor has them
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include "reranker/block_disk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/digest.h"
#include "base/file.h"
#include "base/mem.h"

static const char MAGIC[8] = {'f', 'o', 'v', 'e', 'a', '-', 'b', '2'};
static const char ENDING[] = ".block";

enum { HEAD_BYTES = 16, NAME_BYTES = 64 + sizeof ENDING };

struct block_disk {
    char *dir, *opening;
    uint64_t most_bytes, bytes; /* of all files, as far as we know */
};

/* A file of the folder. */
struct kept {
    const char *name;
    struct timespec time;
    uint64_t bytes;
};

/* ---- the folder ---- */

static int is_block_name(const char *name)
{
    return strlen(name) == NAME_BYTES - 1 && strspn(name, "0123456789abcdef") == 64 &&
           !strcmp(name + 64, ENDING);
}

static int by_age(const void *a, const void *b)
{
    const struct kept *x = a, *y = b;

    if (x->time.tv_sec != y->time.tv_sec)
        return x->time.tv_sec < y->time.tv_sec ? -1 : 1;
    if (x->time.tv_nsec != y->time.tv_nsec)
        return x->time.tv_nsec < y->time.tv_nsec ? -1 : 1;
    return strcmp(x->name, y->name);
}

/* Blocks of the folder, oldest first: *list [*n]; names [..] belong to it. */
static int look(struct kept **list, size_t *n, char ***names, const struct block_disk *d,
                struct err *err)
{
    size_t n_names = 0;
    int rc = file_list(names, &n_names, d->dir, err);

    *n = 0;
    if (rc)
        return rc;
    *list = mem_alloc(n_names, sizeof **list);
    if (!*list)
        return err_nomem(err);
    for (size_t i = 0; i < n_names; i++) {
        char *path = is_block_name((*names)[i]) ? file_join(d->dir, (*names)[i]) : NULL;
        struct stat st;

        if (path && !stat(path, &st) && S_ISREG(st.st_mode))
            (*list)[(*n)++] = (struct kept){(*names)[i], st.st_mtim, (uint64_t)st.st_size};
        mem_free(path);
    }
    qsort(*list, *n, sizeof **list, by_age);
    return 0;
}

/* Counts, and removes the oldest until `more` bytes have room. */
static int make_room(struct block_disk *d, uint64_t more, struct err *err)
{
    struct kept *list = NULL;
    char **names = NULL;
    size_t n = 0;
    int rc = look(&list, &n, &names, d, err);

    d->bytes = 0;
    for (size_t i = 0; i < n; i++)
        d->bytes += list[i].bytes;
    for (size_t i = 0; i < n && d->bytes + more > d->most_bytes; i++) {
        char *path = file_join(d->dir, list[i].name);

        if (path && (!unlink(path) || errno == ENOENT))
            d->bytes -= list[i].bytes;
        mem_free(path);
    }
    mem_free(list);
    mem_free(names);
    return rc;
}

int block_disk_open(struct block_disk **out, const char *dir, uint64_t most_bytes,
                    const char *opening, struct err *err)
{
    struct block_disk *d = mem_zalloc(1, sizeof *d);
    int rc = 0;

    if (!d)
        return err_nomem(err);
    d->most_bytes = most_bytes;
    if (!(d->dir = mem_strdup(dir)) || !(d->opening = mem_strdup(opening)))
        rc = err_nomem(err);
    else if (mkdir(dir, 0777) && errno != EEXIST)
        rc = err_set(err, E_IO, "cannot make the folder '%.300s': %s", dir, strerror(errno));
    rc = rc ? rc : make_room(d, 0, err);
    if (rc) {
        block_disk_close(d);
        return rc;
    }
    *out = d;
    return 0;
}

void block_disk_close(struct block_disk *d)
{
    if (!d)
        return;
    mem_free(d->dir);
    mem_free(d->opening);
    mem_free(d);
}

/* ---- a block ---- */

/* Its file; the caller's.  NULL if out of memory. */
static char *path_of(const struct block_disk *d, const int *ids, int n)
{
    struct buf all = {0};
    char name[NAME_BYTES] = "", *path = NULL;

    buf_add(&all, d->opening, strlen(d->opening) + 1);
    buf_add(&all, ids, (size_t)n * sizeof *ids);
    if (!buf_error(&all)) {
        digest_sha256(name, all.data, all.len);
        strcat(name, ENDING);
        path = file_join(d->dir, name);
    }
    buf_clear(&all);
    return path;
}

int block_disk_read(void *out, size_t size, const struct block_disk *d, const int *ids, int n)
{
    char *path = path_of(d, ids, n);
    struct file_map map = {0};
    struct err ignored = {0};
    uint32_t crc, count;
    int found = 0;

    if (path && file_is_regular(path) && !file_open_map(&map, path, &ignored) &&
        map.size == HEAD_BYTES + size && !memcmp(map.data, MAGIC, sizeof MAGIC)) {
        memcpy(&crc, map.data + sizeof MAGIC, sizeof crc);
        memcpy(&count, map.data + sizeof MAGIC + sizeof crc, sizeof count);
        memcpy(out, map.data + HEAD_BYTES, size);
        found = count == size && digest_crc32(0, out, size) == crc;
    }
    file_unmap(&map);
    if (found)
        (void)utimensat(AT_FDCWD, path, NULL, 0); /* used now */
    mem_free(path);
    return found;
}

void block_disk_write(struct block_disk *d, const void *block, size_t size, const int *ids, int n)
{
    const uint64_t bytes = HEAD_BYTES + (uint64_t)size;
    const uint32_t head[2] = {digest_crc32(0, block, size), (uint32_t)size};
    struct buf all = {.max = SIZE_MAX / 2};
    struct err ignored = {0};
    char *path = path_of(d, ids, n);

    if (path && bytes <= d->most_bytes && size <= UINT32_MAX &&
        (d->bytes + bytes <= d->most_bytes || !make_room(d, bytes, &ignored)) &&
        d->bytes + bytes <= d->most_bytes) {
        buf_add(&all, MAGIC, sizeof MAGIC);
        buf_add(&all, head, sizeof head);
        buf_add(&all, block, size);
        if (!buf_error(&all) && !file_replace(path, all.data, all.len, &ignored))
            d->bytes += bytes;
    }
    buf_clear(&all);
    mem_free(path);
}
