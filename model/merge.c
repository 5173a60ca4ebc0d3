/* merge.c -- joining neighbours: a scan for short words, a heap for long ones; see merge.h.
 *
 * The heap holds pairs that may be out of date: one of the two has been joined with another since.  Such an
 * entry is recognised when it comes up, because the pair that is now at its place has another rank.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include "model/merge.h"

#include <string.h>

#include "base/mem.h"

enum { FEW = 24 }; /* symbols up to which scanning is faster */

#define END UINT32_MAX

void merging_clear(struct merging *m)
{
    mem_free(m->symbols);
    mem_free(m->heap);
    memset(m, 0, sizeof *m);
}

/* ---- few symbols ---- */

static size_t merge_few(struct symbol *s, size_t n, merge_rank_fn *rank_of, const void *payload)
{
    uint32_t rank[FEW];
    int id[FEW];

    for (size_t i = 0; i + 1 < n; i++)
        rank[i] = rank_of(&id[i], payload, &s[i], &s[i + 1]);
    while (n > 1) {
        size_t best = 0;

        for (size_t i = 1; i + 1 < n; i++)
            if (rank[i] < rank[best])
                best = i;
        if (rank[best] == MERGE_NONE)
            break;
        s[best].end = s[best + 1].end;
        s[best].id = id[best];
        n--;
        memmove(&s[best + 1], &s[best + 2], (n - best - 1) * sizeof *s);
        if (best + 1 < n) {
            memmove(&rank[best], &rank[best + 1], (n - best - 1) * sizeof *rank);
            memmove(&id[best], &id[best + 1], (n - best - 1) * sizeof *id);
            rank[best] = rank_of(&id[best], payload, &s[best], &s[best + 1]);
        }
        if (best)
            rank[best - 1] = rank_of(&id[best - 1], payload, &s[best - 1], &s[best]);
    }
    return n;
}

/* ---- many symbols ---- */

static int push(struct merging *m, uint64_t entry)
{
    size_t i = m->n_heap;

    if (mem_reserve((void **)&m->heap, &m->cap_heap, i + 1, sizeof *m->heap))
        return E_NOMEM;
    m->n_heap++;
    for (; i && m->heap[(i - 1) / 2] > entry; i = (i - 1) / 2)
        m->heap[i] = m->heap[(i - 1) / 2];
    m->heap[i] = entry;
    return 0;
}

static uint64_t pop(struct merging *m)
{
    uint64_t top = m->heap[0], last = m->heap[--m->n_heap];
    size_t i = 0, child;

    for (; (child = 2 * i + 1) < m->n_heap; i = child) {
        child += child + 1 < m->n_heap && m->heap[child + 1] < m->heap[child];
        if (last <= m->heap[child])
            break;
        m->heap[i] = m->heap[child];
    }
    m->heap[i] = last;
    return top;
}

/* One call's arguments. */
struct job {
    struct merging *m;
    merge_rank_fn *rank;
    const void *payload;
};

/* The rank of the pair at `left` as it is now. */
static uint32_t rank_at(int *id, const struct job *j, uint32_t left)
{
    const struct symbol *s = j->m->symbols;

    return s[left].next == END ? MERGE_NONE : j->rank(id, j->payload, &s[left], &s[s[left].next]);
}

static int offer(const struct job *j, uint32_t left)
{
    int id;
    uint32_t rank = rank_at(&id, j, left);

    return rank == MERGE_NONE ? 0 : push(j->m, (uint64_t)rank << 32 | left);
}

/* Joins the symbol at `left` with its neighbour, which dies: its end is before its begin. */
static int join(const struct job *j, uint32_t left, int id)
{
    struct symbol *s = j->m->symbols, *a = &s[left], *b = &s[a->next];

    a->end = b->end;
    a->id = id;
    b->end = 0;
    a->next = b->next;
    if (a->next != END)
        s[a->next].prev = left;
    return (a->prev != END && offer(j, a->prev)) || offer(j, left) ? E_NOMEM : 0;
}

int merge_by_heap(struct merging *m, merge_rank_fn *rank, const void *payload, struct err *err)
{
    struct job j = {m, rank, payload};
    struct symbol *s = m->symbols;
    size_t kept = 0;

    m->n_heap = 0;
    for (size_t i = 0; i < m->n; i++) {
        s[i].prev = i ? (uint32_t)i - 1 : END;
        s[i].next = i + 1 < m->n ? (uint32_t)i + 1 : END;
    }
    for (size_t i = 0; i < m->n; i++)
        if (offer(&j, (uint32_t)i))
            return err_nomem(err);
    while (m->n_heap) {
        uint64_t top = pop(m);
        uint32_t left = (uint32_t)top;
        int id;

        if (s[left].end && rank_at(&id, &j, left) == top >> 32 && join(&j, left, id))
            return err_nomem(err);
    }
    for (size_t i = 0; i < m->n; i++)
        if (s[i].end)
            s[kept++] = s[i];
    m->n = kept;
    return 0;
}

int merge_symbols(struct merging *m, merge_rank_fn *rank, const void *payload, struct err *err)
{
    if (m->n > FEW)
        return merge_by_heap(m, rank, payload, err);
    m->n = merge_few(m->symbols, m->n, rank, payload);
    return 0;
}
