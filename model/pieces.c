/* pieces.c -- a hash table for pieces, a trie for marks; see pieces.h. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "model/pieces.h"

#include <limits.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"

/* From a node by a byte to a node.  Node 0 is the root; an edge to 0 is a free slot. */
struct mark_edge {
    uint32_t from;
    unsigned char byte;
    uint32_t to;
    int id; /* of the mark that ends here, or -1 */
};

static int is_mark(int type) { return type == TOKEN_USER || type == TOKEN_CONTROL; }

static uint32_t length(const struct pieces *p, size_t id)
{
    return p->begin[id + 1] - p->begin[id];
}

const char *pieces_bytes(size_t *n_bytes, const struct pieces *p, int id)
{
    *n_bytes = length(p, (size_t)id);
    return p->bytes + p->begin[id];
}

/* ---- pieces ---- */

/* The slot of s[0..n), or the free slot where it belongs. */
static size_t probe(const struct pieces *p, const char *s, size_t n, uint64_t hash)
{
    size_t i = (size_t)hash & p->mask;

    for (; p->slots[i]; i = (i + 1) & p->mask) {
        size_t id = (uint32_t)p->slots[i] - 1;

        if (p->slots[i] >> 32 == hash >> 32 && length(p, id) == n &&
            !memcmp(p->bytes + p->begin[id], s, n))
            break;
    }
    return i;
}

int pieces_find(const struct pieces *p, const char *s, size_t n)
{
    if (n > p->max_bytes)
        return -1;
    return (int)(uint32_t)p->slots[probe(p, s, n, hash_bytes(s, n))] - 1;
}

static int index_pieces(struct pieces *p)
{
    size_t n_slots = 64;

    while (n_slots < 2 * p->n)
        n_slots *= 2;
    p->mask = n_slots - 1;
    p->slots = mem_zalloc(n_slots, sizeof *p->slots);
    if (!p->slots)
        return E_NOMEM;
    for (size_t id = 0; id < p->n; id++) {
        const char *s = p->bytes + p->begin[id];
        uint32_t n = length(p, id);
        uint64_t hash;

        if (p->types[id] != TOKEN_NORMAL || !n)
            continue;
        hash = hash_bytes(s, n);
        p->slots[probe(p, s, n, hash)] = hash >> 32 << 32 | (id + 1);
        if (n > p->max_bytes)
            p->max_bytes = n;
    }
    return 0;
}

/* ---- marks ---- */

static struct mark_edge *edge(const struct pieces *p, uint32_t from, unsigned char byte)
{
    uint64_t key = ((uint64_t)from << 8 | byte) * 0x9e3779b97f4a7c15u;
    size_t i = (size_t)(key >> 32) & p->edge_mask;

    while (p->edges[i].to && (p->edges[i].from != from || p->edges[i].byte != byte))
        i = (i + 1) & p->edge_mask;
    return &p->edges[i];
}

static void add_mark(struct pieces *p, size_t id)
{
    const unsigned char *s = (const unsigned char *)p->bytes + p->begin[id];
    uint32_t n = length(p, id), node = 0;
    struct mark_edge *e = NULL;

    for (uint32_t i = 0; i < n; i++, node = e->to) {
        e = edge(p, node, s[i]);
        if (!e->to)
            *e = (struct mark_edge){node, s[i], (uint32_t)++p->n_nodes, -1};
    }
    if (e) {
        e->id = (int)id;
        p->first[s[0]] = 1;
    }
}

static int index_marks(struct pieces *p, struct err *err)
{
    size_t n_bytes = 0, n_slots = 64;

    for (size_t id = 0; id < p->n; id++) {
        if (!is_mark(p->types[id]))
            continue;
        if (length(p, id) > MARK_BYTES_MAX)
            return err_set(err, E_FORMAT, "token %zu has %u bytes; a special token has at most %d",
                           id, length(p, id), MARK_BYTES_MAX);
        n_bytes += length(p, id);
    }
    while (n_slots < 2 * n_bytes)
        n_slots *= 2;
    p->edge_mask = n_slots - 1;
    p->edges = mem_zalloc(n_slots, sizeof *p->edges);
    if (!p->edges)
        return err_nomem(err);
    for (size_t id = 0; id < p->n; id++)
        if (is_mark(p->types[id]))
            add_mark(p, id);
    return 0;
}

size_t pieces_match_mark(int *id, const struct pieces *p, const char *s, size_t n, int control)
{
    uint32_t node = 0;
    size_t found = 0;

    for (size_t i = 0; i < n; i++) {
        const struct mark_edge *e = edge(p, node, (unsigned char)s[i]);

        if (!e->to)
            break;
        if (e->id >= 0 && (control || p->types[e->id] == TOKEN_USER)) {
            *id = e->id;
            found = i + 1;
        }
        node = e->to;
    }
    return found;
}

int pieces_find_mark(const struct pieces *p, const char *s, size_t n)
{
    int id = -1;

    return n && pieces_match_mark(&id, p, s, n, 1) == n ? id : -1;
}

/* ---- load ---- */

static int check_sizes(size_t *n_bytes, const struct tokenizer_source *source, struct err *err)
{
    *n_bytes = 0;
    if (!source->n_tokens)
        return err_set(err, E_FORMAT, "the vocabulary has no tokens");
    if (source->n_tokens > INT_MAX / 2)
        return err_set(err, E_FORMAT, "a vocabulary of %zu tokens", source->n_tokens);
    for (size_t i = 0; i < source->n_tokens; i++) {
        if (source->tokens[i].n > UINT32_MAX - *n_bytes)
            return err_set(err, E_FORMAT, "the vocabulary has 4 GiB of text or more");
        *n_bytes += source->tokens[i].n;
        if (source->types && (source->types[i] < TOKEN_NORMAL || source->types[i] > TOKEN_BYTE))
            return err_set(err, E_FORMAT, "token %zu has the type %d; there are 1 to 6", i,
                           (int)source->types[i]);
    }
    return 0;
}

int pieces_load(struct pieces *p, const struct tokenizer_source *source, piece_read_fn *read,
                struct err *err)
{
    size_t n_bytes;
    uint32_t at = 0;
    int rc = check_sizes(&n_bytes, source, err);

    if (rc)
        return rc;
    p->n = source->n_tokens;
    p->bytes = mem_alloc(n_bytes + 1, 1);
    p->begin = mem_alloc(p->n + 1, sizeof *p->begin);
    p->types = mem_alloc(p->n, 1);
    if (!p->bytes || !p->begin || !p->types) {
        rc = err_nomem(err);
        goto done;
    }
    for (size_t i = 0; i < p->n; i++) {
        const struct token_text *token = &source->tokens[i];
        int type = source->types ? source->types[i] : TOKEN_NORMAL;

        p->begin[i] = at;
        at += (uint32_t)read(p->bytes + at, &type, token->p, token->n);
        p->types[i] = (unsigned char)type;
    }
    p->begin[p->n] = at;
    rc = index_pieces(p) ? err_nomem(err) : index_marks(p, err);
done:
    if (rc)
        pieces_clear(p);
    return rc;
}

void pieces_clear(struct pieces *p)
{
    mem_free(p->bytes);
    mem_free(p->begin);
    mem_free(p->types);
    mem_free(p->slots);
    mem_free(p->edges);
    memset(p, 0, sizeof *p);
}
