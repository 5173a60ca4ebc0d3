/* postings_write.c -- a term's postings as blocks of 128, with what bounds each; see FORMAT.md, "Postings".
 *
 * Bounds are the (freq, length) pairs that no other posting of the block beats in both, as in Mallia, Siedlaczek,
 * Suel, "An experimental study of index compression and DAAT query processing methods" and
 * Lucene's impacts: they hold for any score that grows with freq and falls with length, so the
 * parameters of BM25 stay free.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <string.h>

#include "indexer/bitpack.h"
#include "indexer/postings.h"

_Static_assert((int)BITPACK_N == (int)POSTINGS_BLOCK, "a block is packed in one piece");

/* Joins the two neighbours whose common bound (larger freq, smaller length) gives away least. */
static int join_closest(struct impact *im, int n)
{
    uint64_t least = UINT64_MAX;
    int at = 0;

    for (int i = 0; i + 1 < n; i++) {
        uint64_t loss = (uint64_t)(im[i + 1].freq - im[i].freq) * (im[i + 1].length - im[i].length);

        if (loss < least) {
            least = loss;
            at = i;
        }
    }
    im[at].freq = im[at + 1].freq;
    for (int i = at + 1; i + 1 < n; i++)
        im[i] = im[i + 1];
    return n - 1;
}

/* Adds a pair to those that no other beats, which are kept with both members rising. */
static int keep_unbeaten(struct impact *im, int n, struct impact x)
{
    int end = n, begin;

    while (end && im[end - 1].freq >= x.freq)
        end--;
    if (end < n && im[end].length <= x.length)
        return n; /* im[end] is the shortest of those with at least this freq */
    if (end < n && im[end].freq == x.freq)
        end++;
    for (begin = end; begin && im[begin - 1].length >= x.length;)
        begin--;
    memmove(im + begin + 1, im + end, (size_t)(n - end) * sizeof *im); /* begin..end are beaten */
    im[begin] = x;
    return n - (end - begin) + 1;
}

int impacts_of(struct impact *out, const uint64_t *postings, size_t n, const uint32_t *lengths)
{
    struct impact all[POSTINGS_BLOCK + 1] = {{0, 0}};
    int kept = 0;

    assert(n > 0 && n <= POSTINGS_BLOCK);
    for (size_t i = 0; i < n; i++)
        kept = keep_unbeaten(
            all, kept,
            (struct impact){posting_freq(postings[i]), lengths[posting_passage(postings[i])]});
    while (kept > IMPACTS_MAX)
        kept = join_closest(all, kept);
    memcpy(out, all, (size_t)kept * sizeof *out);
    return kept;
}

/* 128 postings: two widths, the gaps between passages, the freqs. */
static void put_packed(struct buf *b, const uint64_t *postings, int64_t before)
{
    uint32_t gaps[POSTINGS_BLOCK], freqs[POSTINGS_BLOCK];
    int w_gaps, w_freqs;
    unsigned char *to;

    for (int i = 0; i < POSTINGS_BLOCK; i++) {
        int64_t passage = posting_passage(postings[i]);

        gaps[i] = (uint32_t)(passage - before - 1);
        freqs[i] = posting_freq(postings[i]) - 1;
        before = passage;
    }
    w_gaps = bitpack_width(gaps);
    w_freqs = bitpack_width(freqs);
    buf_u8(b, (uint8_t)w_gaps);
    buf_u8(b, (uint8_t)w_freqs);
    to = buf_extend(b, bitpack_bytes(w_gaps) + bitpack_bytes(w_freqs));
    if (to) {
        bitpack_write(to, gaps, w_gaps);
        bitpack_write(to + bitpack_bytes(w_gaps), freqs, w_freqs);
    }
}

/* Fewer postings: gap and "freq is 1" in one number, then the freq if it is not. */
static void put_loose(struct buf *b, const uint64_t *postings, size_t n, int64_t before)
{
    for (size_t i = 0; i < n; i++) {
        int64_t passage = posting_passage(postings[i]);
        uint32_t freq = posting_freq(postings[i]);

        buf_varint(b, (uint64_t)(passage - before - 1) << 1 | (freq == 1));
        if (freq > 1)
            buf_varint(b, freq - 2);
        before = passage;
    }
}

static void put_block(struct buf *b, const uint64_t *postings, size_t n, int64_t before)
{
    if (n == POSTINGS_BLOCK)
        put_packed(b, postings, before);
    else
        put_loose(b, postings, n, before);
}

/* A line of the directory: how far the block goes, its bytes, its bounds. */
static void put_line(struct buf *b, const uint64_t *postings, size_t n, int64_t before,
                     size_t bytes, const uint32_t *lengths)
{
    struct impact im[IMPACTS_MAX], last = {0, 0};
    int n_im = impacts_of(im, postings, n, lengths);

    buf_varint(b, (uint64_t)(posting_passage(postings[n - 1]) - before - 1));
    buf_varint(b, bytes);
    buf_u8(b, (uint8_t)n_im);
    for (int i = 0; i < n_im; i++) {
        buf_varint(b, im[i].freq - last.freq);
        buf_varint(b, im[i].length - last.length);
        last = im[i];
    }
}

void postings_write(struct buf *out, const uint64_t *postings, size_t n, const uint32_t *lengths)
{
    struct buf blocks = {.max = out->max};
    int64_t before = -1;

    if (n <= POSTINGS_BLOCK) {
        put_block(out, postings, n, before);
        return;
    }
    for (size_t i = 0; i < n; i += POSTINGS_BLOCK) {
        size_t k = n - i < POSTINGS_BLOCK ? n - i : POSTINGS_BLOCK, begin = blocks.len;

        put_block(&blocks, postings + i, k, before);
        put_line(out, postings + i, k, before, blocks.len - begin, lengths);
        before = posting_passage(postings[i + k - 1]);
    }
    buf_add(out, blocks.data, blocks.len);
    if (buf_error(&blocks) && !out->code)
        out->code = buf_error(&blocks);
    buf_clear(&blocks);
}
