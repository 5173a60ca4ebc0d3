/* dictionary_write.c -- blocks of 32 front-coded terms, and an index of their first terms. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <string.h>

#include "indexer/dictionary.h"

static size_t shared_bytes(const char *a, size_t n_a, const char *b, size_t n_b)
{
    size_t n = n_a < n_b ? n_a : n_b, i = 0;

    while (i < n && a[i] == b[i])
        i++;
    return i;
}

/* Appends term as what differs from the one before. */
static void put_term(struct buf *b, const char *before, size_t n_before, const char *term,
                     size_t len)
{
    size_t shared = shared_bytes(before, n_before, term, len);

    buf_u8(b, (uint8_t)shared);
    buf_u8(b, (uint8_t)(len - shared));
    buf_add(b, term + shared, len - shared);
}

void dictionary_begin(struct dictionary_writer *w, struct store *st, int64_t segment,
                      struct err *err)
{
    memset(w, 0, sizeof *w);
    part_begin(&w->terms, st, segment, PART_TERMS, err);
    part_begin(&w->index, st, segment, PART_TERM_INDEX, err);
}

static void end_block(struct dictionary_writer *w)
{
    struct buf line = {0};

    if (!w->block.len && !buf_error(&w->block)) /* what failed at once is empty too */
        return;
    put_term(&line, w->previous, w->n_previous, w->first, w->n_first);
    buf_varint(&line, w->block.len);
    buf_varint(&line, w->block_postings);
    if (buf_error(&line) || buf_error(&w->block))
        w->index.code = err_nomem(w->index.err);
    part_put(&w->index, line.data, line.len);
    part_put(&w->terms, w->block.data, w->block.len);
    memcpy(w->previous, w->first, w->n_first);
    w->n_previous = w->n_first;
    w->block_postings = 0;
    buf_reset(&w->block);
    buf_clear(&line);
}

void dictionary_add(struct dictionary_writer *w, const char *term, size_t len, uint32_t n,
                    uint64_t bytes)
{
    assert(len > 0 && len <= TERM_MAX);
    assert(!w->n || dictionary_compare(w->last, w->n_last, term, len) < 0);
    if (w->n % DICTIONARY_BLOCK == 0) {
        end_block(w);
        memcpy(w->first, term, len);
        w->n_first = len;
        w->n_last = 0; /* a block starts with a whole term */
    }
    put_term(&w->block, w->last, w->n_last, term, len);
    buf_varint(&w->block, n);
    buf_varint(&w->block, bytes);
    w->block_postings += bytes;
    memcpy(w->last, term, len);
    w->n_last = len;
    w->n++;
}

int dictionary_finish(struct dictionary_writer *w)
{
    int rc_terms, rc_index;

    end_block(w);
    rc_terms = part_finish(&w->terms);
    rc_index = part_finish(&w->index);
    buf_clear(&w->block);
    return rc_terms ? rc_terms : rc_index;
}
