/* file.h -- whole files: mapped, read, replaced; and paths. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* A read-only mapping.  A zeroed struct is empty. */
struct file_map {
    const unsigned char *data; /* [size]; NULL if the file is empty */
    size_t size;
};

/* Maps a regular file.  E_IO names path and the system's reason.
 * The bytes are shared with the page cache; unmap with file_unmap. */
int file_open_map(struct file_map *out, const char *path, struct err *err);
void file_unmap(struct file_map *m);

/* Reads a whole file of at most max bytes (E_LIMIT beyond), NUL-terminated.
 * *out is the caller's (mem_free); *n may be NULL. */
int file_read(char **out, size_t *n, const char *path, size_t max, struct err *err);

/* Puts n bytes into path so that a reader sees the old content or all of the new:
 * written beside it, synced, renamed. */
int file_replace(const char *path, const void *p, size_t n, struct err *err);

int file_exists(const char *path);
int file_is_dir(const char *path);
int file_is_regular(const char *path);

/* Bytes of a file; 0 if absent. */
int64_t file_size(const char *path);

/* What tells that a file has not changed since: "size:mtime_ns:inode".  "" if absent. */
void file_identity(char out[80], const char *path);

/* dir + "/" + name; the caller's.  NULL if out of memory. */
char *file_join(const char *dir, const char *name);

/* The part after the last '/'; borrowed from path. */
const char *file_basename(const char *path);

/* The names in a folder, sorted by bytes, without "." and "..".
 * *names is one allocation (mem_free) of *n pointers and the text behind them. */
int file_list(char ***names, size_t *n, const char *dir, struct err *err);

#endif
