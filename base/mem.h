/* mem.h -- memory: the one place through which fovea allocates.
 *
 * Every allocation of the project passes here so that a test can make any one
 * of them fail (mem_fail_at), which is how the recovery paths are proved.
 * Threads: all functions may be called from any thread.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stddef.h>

/* n objects of `size` bytes, uninitialised; n may be 0 (the result may be freed).
 * Returns NULL if out of memory or n * size overflows.  Free with mem_free. */
void *mem_alloc(size_t n, size_t size) __attribute__((malloc, warn_unused_result));

/* As mem_alloc, filled with zero bytes. */
void *mem_zalloc(size_t n, size_t size) __attribute__((malloc, warn_unused_result));

/* As mem_alloc, aligned to 64 bytes (a cache line, an AVX-512 register). */
void *mem_alloc_aligned(size_t n, size_t size) __attribute__((malloc, warn_unused_result));

/* Resizes p (NULL or from mem_alloc/mem_zalloc, not aligned) to n objects.
 * Returns NULL on failure, and p is then still valid. */
void *mem_resize(void *p, size_t n, size_t size) __attribute__((warn_unused_result));

/* Makes room in a growing array: *p has capacity *cap objects; at least `need`
 * are wanted.  Grows by half at a time.  Returns 0, or E_NOMEM with *p as it was.
 *
 *     if (mem_reserve((void **)&a, &cap, n + 1, sizeof *a)) ...
 */
int mem_reserve(void **p, size_t *cap, size_t need, size_t size)
    __attribute__((warn_unused_result));

/* A copy of n bytes of p followed by a NUL (so it suits text too). */
char *mem_dup(const void *p, size_t n) __attribute__((malloc, warn_unused_result));

/* A copy of a C string; NULL gives NULL. */
char *mem_strdup(const char *s) __attribute__((malloc, warn_unused_result));

/* A new string as printf would print it. */
char *mem_printf(const char *fmt, ...) __attribute__((format(printf, 1, 2), warn_unused_result));

/* Frees what the functions above gave; NULL is allowed. */
void mem_free(void *p);

/* For tests: makes the n-th allocation from now fail (1 = the next), and only
 * that one; 0 turns it off.  Counts allocations of all threads. */
void mem_fail_at(long n);

/* For tests: true if the failure asked for by mem_fail_at has happened. */
int mem_has_failed(void);

/* Memory that is freed all at once: a chain of blocks of at least 64 KiB.
 * A zeroed struct is an empty arena.  One thread at a time. */
struct arena {
    struct arena_block *first; /* the block in use; older ones behind it */
};

/* n bytes aligned to 16; NULL if out of memory.  Valid until arena_clear. */
void *arena_alloc(struct arena *a, size_t n) __attribute__((warn_unused_result));

/* A copy of n bytes followed by a NUL, in the arena. */
char *arena_dup(struct arena *a, const void *p, size_t n) __attribute__((warn_unused_result));

/* Frees everything; the arena may be used again. */
void arena_clear(struct arena *a);

/* Bytes that the arena holds from the system. */
size_t arena_bytes(const struct arena *a);

#endif
