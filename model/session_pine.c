/* session_pine.c -- reading documents without an order: cells and chunks; session_pine_attend.c has the attention.
 *
 * Documents go through a layer together, as one chunk, since each sees what the layer below made of the others.  A document's
 * cells have positions from the head's end on, as a block's: what a query is turned by does the rest.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include "model/session_pine.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "model/session_pine_inside.h"

/* Any order will do that the tokens decide. */
static int compare(const void *a, const void *b)
{
    const struct pine_place *x = a, *y = b;

    if (x->n != y->n)
        return x->n < y->n ? -1 : 1;
    for (int i = 0; i < x->n; i++)
        if (x->ids[i] != y->ids[i])
            return x->ids[i] < y->ids[i] ? -1 : 1;
    return x->given < y->given ? -1 : x->given > y->given;
}

static int check(int *cells, const struct session *s, const struct pine_document *documents, int n,
                 struct err *err)
{
    const int most = s->max_cells < s->max_positions ? s->max_cells : s->max_positions;
    int left = most - s->n_cells, rc = 0;

    if (!s->is_plain || n < 1)
        return err_set(err, E_INVALID, "documents in any order need a head that was read causally");
    for (int i = 0; i < n && !rc; i++) {
        if (documents[i].n < 1)
            return err_set(err, E_INVALID, "document %d has no tokens", i);
        if (documents[i].n > left)
            return err_set(err, E_LIMIT, "document %d of %d tokens: there is room for %d in all", i,
                           documents[i].n, most);
        left -= documents[i].n;
        rc = session_check_ids(s, documents[i].ids, documents[i].n, err);
    }
    *cells = most - left;
    return rc;
}

static int hand_open(struct pine_hand *h, const struct pine *p, struct err *err)
{
    const struct session *s = p->s;
    const size_t d = (size_t)s->m->cfg.d, n = (size_t)p->n;
    const size_t rows = (size_t)(s->score_tokens * (s->m->cfg.heads / s->m->cfg.kv_heads));

    h->straight = mem_alloc_aligned((size_t)(p->cells - p->head + 2 * KEY_TILE) * d, sizeof(float));
    if (s->is_coarse) {
        h->keys = mem_alloc_aligned((size_t)s->max_cells * d, sizeof(float));
        h->values = mem_alloc_aligned((size_t)s->max_cells * d, sizeof(float));
        if (!h->keys || !h->values)
            return err_nomem(err);
    }
    h->queries = mem_alloc_aligned(rows * d, sizeof(float));
    h->importance = mem_alloc(n, sizeof *h->importance);
    h->order = mem_alloc(n, sizeof *h->order);
    h->parts = mem_alloc(n + 2, sizeof *h->parts);
    return h->straight && h->queries && h->importance && h->order && h->parts ? 0 : err_nomem(err);
}

static int allocate(struct pine *p, struct err *err)
{
    int rc;

    p->places = mem_alloc((size_t)p->n, sizeof *p->places);
    p->hands = mem_zalloc((size_t)p->s->n_hands, sizeof *p->hands);
    rc = p->places && p->hands ? 0 : err_nomem(err);
    while (!rc && p->n_hands < p->s->n_hands)
        rc = hand_open(&p->hands[p->n_hands++], p, err);
    return rc;
}

/* Gives cells to the documents, and takes them through the layers. */
static int read_documents(struct pine *p, const struct pine_document *documents, struct err *err)
{
    struct session *s = p->s;
    const int n = p->cells - p->head;
    struct session_pass pass = {.s = s, .T = n, .first = p->head, .pine = p};
    int *ids = mem_alloc((size_t)n, sizeof *ids), cell = p->head, rc;

    if (!ids)
        return err_nomem(err);
    for (int i = 0; i < p->n; i++)
        p->places[i] = (struct pine_place){documents[i].ids, i, 0, documents[i].n};
    qsort(p->places, (size_t)p->n, sizeof *p->places, compare);
    for (int i = 0; i < p->n; i++) {
        struct pine_place *place = &p->places[i];

        place->begin = cell;
        for (int t = 0; t < place->n; t++)
            s->positions[cell + t] = p->head + t;
        memcpy(ids + (cell - p->head), place->ids, (size_t)place->n * sizeof *ids);
        place->ids = NULL; /* the caller's */
        cell += place->n;
    }
    pass.ids = ids;
    rc = session_need_room(s, n, err);
    rc = rc ? rc : session_run(&pass, err);
    mem_free(ids);
    if (rc)
        return rc;
    s->n_cells = p->cells;
    s->is_plain = 0;
    return 0;
}

int pine_read(struct pine **out, struct session *s, const struct pine_document *documents, int n,
              struct err *err)
{
    struct pine *p;
    int cells = 0, rc = check(&cells, s, documents, n, err);

    if (rc)
        return rc;
    p = mem_zalloc(1, sizeof *p);
    if (!p)
        return err_nomem(err);
    p->s = s;
    p->n = n;
    p->head = s->n_cells;
    p->cells = cells;
    rc = allocate(p, err);
    rc = rc ? rc : read_documents(p, documents, err);
    if (rc) {
        pine_free(p);
        return rc;
    }
    *out = p;
    return 0;
}

void pine_free(struct pine *p)
{
    if (!p)
        return;
    for (struct pine_hand *h = p->hands; h < p->hands + p->n_hands; h++) {
        mem_free(h->straight);
        mem_free(h->keys);
        mem_free(h->values);
        mem_free(h->queries);
        mem_free(h->importance);
        mem_free(h->order);
        mem_free(h->parts);
    }
    mem_free(p->hands);
    mem_free(p->places);
    mem_free(p);
}

int pine_cells(const struct pine *p) { return p->cells; }

int pine_cell(const struct pine *p, int i)
{
    int at = 0;

    assert(i >= 0 && i < p->n);
    while (p->places[at].given != i)
        at++;
    return p->places[at].begin;
}

int pine_read_tail(struct pine *p, const int *ids, int n, const struct session_tap *tap,
                   struct err *err)
{
    struct session *s = p->s;
    const int first = s->n_cells;
    const int most = s->max_cells < s->max_positions ? s->max_cells : s->max_positions;
    struct session_pass pass = {.s = s, .ids = ids, .T = n, .first = first, .tap = tap, .pine = p};
    int rc;

    assert(first >= p->cells);
    if (n < 1 || n > most - first)
        return err_set(err, n < 1 ? E_INVALID : E_LIMIT,
                       "%d tokens behind %d: there is room for %d", n, first, most);
    rc = session_check_ids(s, ids, n, err);
    rc = rc ? rc : session_need_room(s, n, err);
    for (int t = 0; t < n && !rc; t++)
        s->positions[first + t] = first + t;
    rc = rc ? rc : session_run(&pass, err);
    if (!rc)
        s->n_cells = first + n;
    return rc;
}
