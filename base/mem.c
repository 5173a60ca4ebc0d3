/* mem.c -- allocation with overflow checks, failure on demand, and arenas. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/err.h"

/* Test hook only: 0 in production, so the cost is one relaxed load. */
static atomic_long fail_countdown;
static atomic_int fail_happened;

void mem_fail_at(long n)
{
    atomic_store(&fail_happened, 0);
    atomic_store(&fail_countdown, n);
}

int mem_has_failed(void) { return atomic_load(&fail_happened); }

static int must_fail(void)
{
    if (atomic_load_explicit(&fail_countdown, memory_order_relaxed) <= 0)
        return 0;
    if (atomic_fetch_sub(&fail_countdown, 1) != 1)
        return 0;
    atomic_store(&fail_happened, 1);
    return 1;
}

static int overflows(size_t n, size_t size) { return size && n > (SIZE_MAX >> 1) / size; }

void *mem_alloc(size_t n, size_t size)
{
    if (overflows(n, size) || must_fail())
        return NULL;
    return malloc(n && size ? n * size : 1);
}

void *mem_zalloc(size_t n, size_t size)
{
    if (overflows(n, size) || must_fail())
        return NULL;
    return calloc(n ? n : 1, size ? size : 1);
}

enum { LINE = 64, HUGE_PAGE = 2 << 20 };

/* Weights and caches of a model are gigabytes: in pages of 4 KB the kernel's work to hand them out took 40 % of the
 * time to open a model.  A kernel that has no huge pages to give hands out small ones. */
static void *in_huge_pages(size_t bytes)
{
    void *p;

    if (posix_memalign(&p, HUGE_PAGE, bytes))
        return NULL;
#ifdef MADV_HUGEPAGE
    madvise(p, bytes / HUGE_PAGE * HUGE_PAGE, MADV_HUGEPAGE);
#endif
    return p;
}

void *mem_alloc_aligned(size_t n, size_t size)
{
    size_t bytes;

    if (overflows(n, size) || must_fail())
        return NULL;
    bytes = (n * size + LINE - 1) / LINE * LINE;
    if (bytes >= HUGE_PAGE)
        return in_huge_pages(bytes);
    return aligned_alloc(LINE, bytes ? bytes : LINE);
}

void *mem_resize(void *p, size_t n, size_t size)
{
    if (overflows(n, size) || must_fail())
        return NULL;
    return realloc(p, n && size ? n * size : 1);
}

int mem_reserve(void **p, size_t *cap, size_t need, size_t size)
{
    size_t n = *cap;
    void *q;

    if (need <= n)
        return 0;
    n += n / 2 + 16;
    if (n < need)
        n = need;
    q = mem_resize(*p, n, size);
    if (!q)
        return E_NOMEM;
    *p = q;
    *cap = n;
    return 0;
}

char *mem_dup(const void *p, size_t n)
{
    char *q = n < SIZE_MAX ? mem_alloc(n + 1, 1) : NULL;

    if (q) {
        if (n)
            memcpy(q, p, n);
        q[n] = '\0';
    }
    return q;
}

char *mem_strdup(const char *s) { return s ? mem_dup(s, strlen(s)) : NULL; }

char *mem_printf(const char *fmt, ...)
{
    va_list ap;
    char *s;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (n < 0)
        return NULL;
    s = mem_alloc((size_t)n + 1, 1);
    if (s) {
        va_start(ap, fmt);
        vsnprintf(s, (size_t)n + 1, fmt, ap);
        va_end(ap);
    }
    return s;
}

void mem_free(void *p) { free(p); }

struct arena_block {
    struct arena_block *next;
    size_t used, size; /* bytes of data[] */
    _Alignas(16) unsigned char data[];
};

enum { ARENA_BLOCK = 64 << 10 };

void *arena_alloc(struct arena *a, size_t n)
{
    struct arena_block *b = a->first;
    size_t size;
    void *p;

    if (n > SIZE_MAX / 4)
        return NULL;
    n = (n + 15) & ~(size_t)15;
    if (!b || b->size - b->used < n) {
        size = n > ARENA_BLOCK / 4 ? n : ARENA_BLOCK;
        b = mem_alloc(1, sizeof *b + size);
        if (!b)
            return NULL;
        b->used = 0;
        b->size = size;
        b->next = a->first;
        a->first = b;
    }
    p = b->data + b->used;
    b->used += n;
    return p;
}

char *arena_dup(struct arena *a, const void *p, size_t n)
{
    char *q = n < SIZE_MAX ? arena_alloc(a, n + 1) : NULL;

    if (q) {
        if (n)
            memcpy(q, p, n);
        q[n] = '\0';
    }
    return q;
}

void arena_clear(struct arena *a)
{
    struct arena_block *b = a->first, *next;

    for (; b; b = next) {
        next = b->next;
        mem_free(b);
    }
    a->first = NULL;
}

size_t arena_bytes(const struct arena *a)
{
    size_t n = 0;

    for (const struct arena_block *b = a->first; b; b = b->next)
        n += sizeof *b + b->size;
    return n;
}
