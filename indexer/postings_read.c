/* postings_read.c -- checks a term's bytes once and finds its blocks, so that cursors need no checks.
 *
 * After this, every block is known to unpack to rising passages below the segment's size and to
 * frequencies of at least 1, whoever wrote the file.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/mem.h"
#include "indexer/bitpack.h"
#include "indexer/postings.h"

/* Reads the pairs of a line; NULL out only counts them.  Returns how many, 0 if they are wrong. */
static uint16_t get_impacts(struct impact *out, struct bytes *r)
{
    unsigned n = bytes_u8(r);
    struct impact last = {0, 0};

    if (n < 1 || n > IMPACTS_MAX)
        return 0;
    for (unsigned i = 0; i < n; i++) {
        uint64_t freq = bytes_varint(r), length = bytes_varint(r);

        if (r->bad || !freq || (i && !length) || freq > UINT32_MAX - last.freq ||
            length > UINT32_MAX - last.length)
            return 0;
        last.freq += (uint32_t)freq;
        last.length += (uint32_t)length;
        if (out)
            out[i] = last;
    }
    return (uint16_t)n;
}

/* Walks the directory at r.  With t NULL it is only checked and measured.
 *
 * n_impacts, bytes  of all blocks
 * Returns 0 if it is wrong. */
static int get_directory(struct term_postings *t, size_t *n_impacts, size_t *bytes, struct bytes *r,
                         uint32_t n_blocks, uint32_t size)
{
    int64_t last = -1;

    *n_impacts = *bytes = 0;
    for (uint32_t b = 0; b < n_blocks; b++) {
        uint64_t gap = bytes_varint(r), block = bytes_varint(r);
        struct impact *im = t ? t->impacts + *n_impacts : NULL;
        uint16_t n_im = get_impacts(im, r);

        if (r->bad || !n_im || gap >= size || last + 1 + (int64_t)gap >= size || block > UINT32_MAX)
            return 0;
        last += 1 + (int64_t)gap;
        if (t)
            t->blocks[b] = (struct postings_block){
                .last = (uint32_t)last, .n = POSTINGS_BLOCK, .n_impacts = n_im, .impacts = im};
        *n_impacts += n_im;
        *bytes += (size_t)block;
    }
    return 1;
}

/* Do 128 packed postings end where the directory says, with freqs that are numbers? */
static int check_packed(const unsigned char *p, size_t bytes, int64_t before, uint32_t last)
{
    uint32_t v[POSTINGS_BLOCK];
    uint64_t end = (uint64_t)(before + POSTINGS_BLOCK);

    if (bytes < 2 || p[0] > 32 || p[1] > 32 ||
        bytes != 2 + bitpack_bytes(p[0]) + bitpack_bytes(p[1]))
        return 0;
    bitpack_read(v, p + 2, p[0]);
    for (int i = 0; i < POSTINGS_BLOCK; i++)
        end += v[i];
    if (end != last)
        return 0;
    if (p[1] == 32) {
        bitpack_read(v, p + 2 + bitpack_bytes(p[0]), 32);
        for (int i = 0; i < POSTINGS_BLOCK; i++)
            if (v[i] == UINT32_MAX)
                return 0;
    }
    return 1;
}

/* Decodes the n postings of the loose block to t->loose, for it is read more often than packed ones: most
 * terms have no other, and varints are slow. */
static int read_loose(struct term_postings *t, const unsigned char *p, size_t bytes, unsigned n,
                      int64_t before, uint32_t size, uint32_t *last)
{
    struct bytes r = {p, p + bytes, 0};
    uint32_t *passages = t->loose, *freqs = t->loose + n;

    for (unsigned i = 0; i < n; i++) {
        uint64_t v = bytes_varint(&r), gap = v >> 1, freq = 1;

        if (r.bad || gap >= size || before + 1 + (int64_t)gap >= size)
            return 0;
        before += 1 + (int64_t)gap;
        if (!(v & 1)) {
            freq = bytes_varint(&r);
            if (freq > UINT32_MAX - 2)
                return 0;
            freq += 2;
        }
        passages[i] = (uint32_t)before;
        freqs[i] = (uint32_t)freq;
    }
    *last = (uint32_t)before;
    return !r.bad && r.p == r.end;
}

/* Bytes of the packed block at p, `left` bytes before the end; 0 if it is not there. */
static size_t packed_bytes(const unsigned char *p, size_t left)
{
    size_t n;

    if (left < 2 || p[0] > 32 || p[1] > 32)
        return 0;
    n = 2 + bitpack_bytes(p[0]) + bitpack_bytes(p[1]);
    return n <= left ? n : 0;
}

/* Checks the blocks from p to end and notes where each begins. */
static int check_blocks(struct term_postings *t, const unsigned char *p, const unsigned char *end,
                        uint32_t size)
{
    int64_t before = -1;

    for (uint32_t b = 0; b < t->n_blocks; b++) {
        struct postings_block *block = &t->blocks[b];
        uint32_t left = t->n - b * POSTINGS_BLOCK, last;
        size_t bytes = (size_t)(end - p);

        block->data = left >= POSTINGS_BLOCK ? p : (const unsigned char *)t->loose;
        if (left >= POSTINGS_BLOCK) {
            bytes = packed_bytes(p, bytes);
            if (!check_packed(p, bytes, before, block->last))
                return 0;
        } else {
            block->n = (uint16_t)left;
            if (!read_loose(t, p, bytes, block->n, before, size, &last) || last != block->last)
                return 0;
        }
        p += bytes;
        before = block->last;
    }
    return p == end;
}

/* A term of one block has no directory: its last passage and bounds come from its postings. */
static int read_single(struct term_postings *t, size_t bytes, uint32_t size,
                       const uint32_t *lengths)
{
    struct postings_block *b = t->blocks;
    uint64_t postings[POSTINGS_BLOCK];
    struct postings p;

    b->data = t->n < POSTINGS_BLOCK ? (const unsigned char *)t->loose : t->data;
    b->n = (uint16_t)t->n;
    b->impacts = t->impacts;
    if (t->n < POSTINGS_BLOCK) {
        if (!read_loose(t, t->data, bytes, t->n, -1, size, &b->last))
            return 0;
    } else {
        uint32_t v[POSTINGS_BLOCK];
        uint64_t last = POSTINGS_BLOCK - 1;

        if (packed_bytes(t->data, bytes) != bytes)
            return 0;
        bitpack_read(v, t->data + 2, t->data[0]);
        for (int i = 0; i < POSTINGS_BLOCK; i++)
            last += v[i];
        b->last = (uint32_t)last;
        if (last >= size || !check_packed(t->data, bytes, -1, b->last))
            return 0;
    }
    postings_begin(&p, t);
    for (uint32_t i = 0; i < t->n; i++, postings_next(&p))
        postings[i] = posting_make(p.passage, postings_freq(&p));
    b->n_impacts = (uint16_t)impacts_of(t->impacts, postings, t->n, lengths);
    return 1;
}

static int read_all(struct term_postings *t, size_t bytes, uint32_t size, const uint32_t *lengths,
                    struct err *err)
{
    struct bytes r = {t->data, t->data + bytes, 0};
    size_t n_impacts = IMPACTS_MAX, block_bytes = 0;
    int is_single = t->n_blocks == 1;

    if (!is_single && (!get_directory(NULL, &n_impacts, &block_bytes, &r, t->n_blocks, size) ||
                       block_bytes != (size_t)(r.end - r.p)))
        return err_set(err, E_FORMAT, "the directory of blocks is wrong");
    t->blocks = mem_zalloc(t->n_blocks, sizeof *t->blocks);
    t->impacts = mem_alloc(n_impacts, sizeof *t->impacts);
    t->loose = mem_alloc((size_t)2 * (t->n % POSTINGS_BLOCK), sizeof *t->loose);
    if (!t->blocks || !t->impacts || !t->loose)
        return err_nomem(err);
    if (is_single)
        return read_single(t, bytes, size, lengths)
                   ? 0
                   : err_set(err, E_FORMAT, "the postings do not add up");
    r = (struct bytes){t->data, t->data + bytes, 0};
    get_directory(t, &n_impacts, &block_bytes, &r, t->n_blocks, size);
    if (!check_blocks(t, r.p, r.end, size))
        return err_set(err, E_FORMAT, "a block differs from its directory");
    return 0;
}

int term_postings_new(struct term_postings **out, unsigned char *data, size_t bytes, uint32_t n,
                      uint32_t size, const uint32_t *lengths, struct err *err)
{
    struct term_postings *t = mem_zalloc(1, sizeof *t);
    int rc;

    if (!t) {
        mem_free(data);
        return err_nomem(err);
    }
    t->data = data;
    t->n = n;
    t->n_blocks = (uint32_t)(((uint64_t)n + POSTINGS_BLOCK - 1) / POSTINGS_BLOCK);
    if (!n || n > size)
        rc = err_set(err, E_FORMAT, "%u postings in %u passages", n, size);
    else
        rc = read_all(t, bytes, size, lengths, err);
    if (rc)
        term_postings_free(t);
    else
        *out = t;
    return rc;
}

void term_postings_free(struct term_postings *t)
{
    if (!t)
        return;
    mem_free(t->blocks);
    mem_free(t->impacts);
    mem_free(t->loose);
    mem_free(t->shares);
    mem_free(t->data);
    mem_free(t);
}
