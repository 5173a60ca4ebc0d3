/* dictionary.c -- finds and walks terms; see FORMAT.md, "Terms".
 *
 * In memory are the first terms of the blocks; a look-up is a binary search over them and a walk through one
 * block, which is read from the file the first time.  What was found is remembered.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include "indexer/dictionary.h"

#include <string.h>

#include "base/mem.h"

enum { KNOWN_MAX = 1 << 15 }; /* terms remembered, about 2 MB */

int dictionary_compare(const char *a, size_t n_a, const char *b, size_t n_b)
{
    int c = memcmp(a, b, n_a < n_b ? n_a : n_b);

    return c ? c : (n_a > n_b) - (n_a < n_b);
}

/* Reads a front-coded term over the one before it in term[TERM_MAX].  Sets r->bad if it is none. */
static void get_term(char *term, size_t *len, struct bytes *r)
{
    size_t shared = bytes_u8(r), rest = bytes_u8(r);
    const unsigned char *p = bytes_get(r, rest);

    if (!p || shared > *len || shared + rest > TERM_MAX || shared + rest == 0) {
        r->bad = 1;
        return;
    }
    memcpy(term + shared, p, rest);
    *len = shared + rest;
}

/* Fills the arrays from the index.  Checks order and sums. */
static int read_index(struct dictionary *d, struct part_reader *index, const unsigned char *p,
                      struct err *err)
{
    struct bytes r = {p, p + index->size, 0};
    char term[TERM_MAX] = "", before[TERM_MAX];
    size_t len = 0, n_before;
    struct buf firsts = {0};
    uint64_t terms = 0, postings = 0;
    int rc = 0;

    for (uint32_t b = 0; b < d->n_blocks; b++) {
        memcpy(before, term, len);
        n_before = len;
        get_term(term, &len, &r);
        d->block_at[b] = terms;
        d->postings_at[b] = postings;
        d->first_at[b] = (uint32_t)firsts.len;
        terms += bytes_varint(&r);
        postings += bytes_varint(&r);
        if (r.bad || (b && dictionary_compare(before, n_before, term, len) >= 0) ||
            terms > d->terms->size || postings > d->postings_bytes || terms <= d->block_at[b]) {
            rc = part_damaged(index, err, "block %u does not follow", b);
            goto done;
        }
        buf_add(&firsts, term, len);
    }
    d->block_at[d->n_blocks] = terms;
    d->postings_at[d->n_blocks] = postings;
    d->first_at[d->n_blocks] = (uint32_t)firsts.len;
    if (r.p != r.end || terms != d->terms->size || postings != d->postings_bytes)
        rc = part_damaged(index, err, "its sums differ from the parts");
    else if (buf_error(&firsts) || !(d->firsts = buf_take(&firsts)))
        rc = err_nomem(err);
done:
    buf_clear(&firsts);
    return rc;
}

int dictionary_open(struct dictionary *d, struct part_reader *terms, struct part_reader *index,
                    uint32_t n_terms, uint64_t postings_bytes, struct err *err)
{
    unsigned char *p = NULL;
    uint32_t n_blocks = (uint32_t)(((uint64_t)n_terms + DICTIONARY_BLOCK - 1) / DICTIONARY_BLOCK);
    int rc;

    memset(d, 0, sizeof *d);
    d->terms = terms;
    d->n_terms = n_terms;
    d->n_blocks = n_blocks;
    d->postings_bytes = postings_bytes;
    if (n_terms > terms->size) /* bounds what is allocated next */
        return part_damaged(terms, err, "%u terms do not fit", n_terms);
    rc = part_load(&p, index, 0, err);
    if (rc)
        return rc;
    d->first_at = mem_alloc((size_t)n_blocks + 1, sizeof *d->first_at);
    d->block_at = mem_alloc((size_t)n_blocks + 1, sizeof *d->block_at);
    d->postings_at = mem_alloc((size_t)n_blocks + 1, sizeof *d->postings_at);
    d->blocks = mem_zalloc(n_blocks, sizeof *d->blocks);
    if (!d->first_at || !d->block_at || !d->postings_at || !d->blocks)
        rc = err_nomem(err);
    else
        rc = read_index(d, index, p, err);
    mem_free(p);
    if (rc)
        dictionary_close(d);
    return rc;
}

void dictionary_close(struct dictionary *d)
{
    for (uint32_t b = 0; d->blocks && b < d->n_blocks; b++)
        mem_free(d->blocks[b]);
    mem_free(d->blocks);
    mem_free(d->firsts);
    mem_free(d->first_at);
    mem_free(d->block_at);
    mem_free(d->postings_at);
    mem_free(d->entries);
    map_clear(&d->known);
    memset(d, 0, sizeof *d);
}

/* The last block whose first term is <= term; n_blocks if there is none. */
static uint32_t find_block(const struct dictionary *d, const char *term, size_t len)
{
    uint32_t lo = 0, hi = d->n_blocks;

    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;
        const char *first = d->firsts + d->first_at[mid];

        if (dictionary_compare(first, d->first_at[mid + 1] - d->first_at[mid], term, len) <= 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo ? lo - 1 : d->n_blocks;
}

static size_t block_bytes(const struct dictionary *d, uint32_t b)
{
    return (size_t)(d->block_at[b + 1] - d->block_at[b]);
}

static uint32_t block_terms(const struct dictionary *d, uint32_t b)
{
    uint32_t left = d->n_terms - b * DICTIONARY_BLOCK;

    return left < DICTIONARY_BLOCK ? left : DICTIONARY_BLOCK;
}

static int need_block(struct dictionary *d, uint32_t b, struct err *err)
{
    unsigned char *p;
    int rc;

    if (d->blocks[b])
        return 0;
    p = mem_alloc(block_bytes(d, b), 1);
    if (!p)
        return err_nomem(err);
    rc = part_read(p, d->terms, d->block_at[b], block_bytes(d, b), err);
    if (rc)
        mem_free(p);
    else
        d->blocks[b] = p;
    return rc;
}

/* Reads what follows a term.  Sets r->bad if it cannot be. */
static void get_entry(struct dictionary_entry *e, const struct dictionary *d, uint32_t b,
                      struct bytes *r)
{
    uint64_t n = bytes_varint(r);

    e->bytes = bytes_varint(r);
    if (!n || n > UINT32_MAX || !e->bytes || e->bytes > d->postings_at[b + 1] - e->offset)
        r->bad = 1;
    e->n = (uint32_t)n;
}

/* Looks a term up in its block. */
static int find(struct dictionary_entry *out, struct dictionary *d, const char *term, size_t len,
                struct err *err)
{
    uint32_t b = find_block(d, term, len), n;
    struct dictionary_entry e = {0};
    char at[TERM_MAX];
    size_t n_at = 0;
    struct bytes r;
    int rc;

    if (b == d->n_blocks)
        return 0;
    rc = need_block(d, b, err);
    if (rc)
        return rc;
    r = (struct bytes){d->blocks[b], d->blocks[b] + block_bytes(d, b), 0};
    n = block_terms(d, b);
    e.offset = d->postings_at[b];
    for (uint32_t i = 0; i < n; i++) {
        int order;

        get_term(at, &n_at, &r);
        get_entry(&e, d, b, &r);
        if (r.bad)
            return part_damaged(d->terms, err, "block %u", b);
        order = dictionary_compare(at, n_at, term, len);
        if (order == 0) {
            e.number = b * DICTIONARY_BLOCK + i;
            *out = e;
            return 1;
        }
        if (order > 0)
            break;
        e.offset += e.bytes;
    }
    return 0;
}

static int remember(struct dictionary *d, const struct dictionary_entry *e, const char *term,
                    size_t len, struct err *err)
{
    int64_t *at;

    if (d->known.n == KNOWN_MAX)
        map_clear(&d->known);
    if (mem_reserve((void **)&d->entries, &d->cap, d->known.n + 1, sizeof *d->entries) ||
        !(at = map_put(&d->known, term, len)))
        return err_nomem(err);
    *at = (int64_t)d->known.n - 1;
    d->entries[*at] = *e;
    return 0;
}

int dictionary_find(struct dictionary_entry *out, struct dictionary *d, const char *term,
                    size_t len, struct err *err)
{
    const int64_t *at = map_find(&d->known, term, len);
    int found, rc;

    if (at) {
        *out = d->entries[*at];
        return 1;
    }
    found = find(out, d, term, len, err);
    rc = found == 1 ? remember(d, out, term, len, err) : 0;
    return rc ? rc : found;
}

/* Moves the cursor to the beginning of block b. */
static int enter_block(struct dictionary_cursor *c, uint32_t b, struct err *err)
{
    struct dictionary *d = c->d;
    size_t n = block_bytes(d, b);
    int rc;

    if (mem_reserve((void **)&c->block, &c->cap, n, 1))
        return err_nomem(err);
    rc = part_read(c->block, d->terms, d->block_at[b], n, err);
    if (rc)
        return rc;
    c->left = (struct bytes){c->block, c->block + n, 0};
    return 0;
}

int dictionary_next(struct dictionary_cursor *c, struct err *err)
{
    struct dictionary *d = c->d;
    uint32_t b = c->next / DICTIONARY_BLOCK;
    char before[TERM_MAX];
    size_t n_before = c->len;
    int is_first = c->next % DICTIONARY_BLOCK == 0;

    if (c->next == d->n_terms)
        return 0;
    if (is_first) {
        int rc = enter_block(c, b, err);

        if (rc)
            return rc;
        c->entry.offset = d->postings_at[b];
    } else {
        c->entry.offset += c->entry.bytes;
    }
    memcpy(before, c->term, n_before);
    if (is_first)
        c->len = 0;
    get_term(c->term, &c->len, &c->left);
    get_entry(&c->entry, d, b, &c->left);
    if (c->left.bad || (c->next && dictionary_compare(before, n_before, c->term, c->len) >= 0))
        return part_damaged(d->terms, err, "term %u does not follow", c->next);
    c->entry.number = c->next++;
    if (c->next == d->n_terms || c->next % DICTIONARY_BLOCK == 0)
        if (c->left.p != c->left.end || c->entry.offset + c->entry.bytes != d->postings_at[b + 1])
            return part_damaged(d->terms, err, "block %u has another length than its index says",
                                b);
    return 1;
}

int dictionary_seek(struct dictionary_cursor *c, const char *term, size_t len, struct err *err)
{
    const uint32_t b = find_block(c->d, term, len);
    int rc;

    c->next = b < c->d->n_blocks ? b * DICTIONARY_BLOCK : 0;
    do
        rc = dictionary_next(c, err);
    while (rc == 1 && dictionary_compare(c->term, c->len, term, len) < 0);
    return rc;
}

void dictionary_cursor_close(struct dictionary_cursor *c)
{
    mem_free(c->block);
    c->block = NULL;
    c->cap = 0;
}
