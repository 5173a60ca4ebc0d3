/* impacts.c -- the sparse leg of a segment, written and looked up; see impacts.h and FORMAT.md, "Impacts". */
/* SPDX-License-Identifier: Apache-2.0 */
#include "indexer/impacts.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/mem.h"

enum { HEAD_BYTES = 24 };

uint32_t impact_of(float weight)
{
    float steps = weight * IMPACT_STEPS;

    return steps >= IMPACT_MAX ? IMPACT_MAX : steps > 0 ? (uint32_t)lrintf(steps) : 0;
}

/* ---- writing ---- */

void impacts_begin(struct impacts_writer *w, struct store *st, int64_t segment, size_t n_passages,
                   struct err *err)
{
    memset(w, 0, sizeof *w);
    w->store = st;
    w->segment = segment;
    w->err = err;
    w->last = -1;
    w->bytes.max = SIZE_MAX / 4;
    part_begin(&w->postings, st, segment, PART_IMPACTS, err);
    w->lengths = mem_zalloc(n_passages, sizeof *w->lengths);
    if (!w->lengths)
        w->code = err_nomem(err);
}

void impacts_put(struct impacts_writer *w, int token, const uint64_t *postings, size_t n)
{
    assert(token > w->last && n > 0);
    if (w->code)
        return;
    buf_reset(&w->bytes);
    postings_write(&w->bytes, postings, n, w->lengths);
    buf_varint(&w->index, (uint64_t)(token - w->last - 1));
    buf_varint(&w->index, n);
    buf_varint(&w->index, w->bytes.len);
    if (buf_error(&w->bytes) || buf_error(&w->index))
        w->code = err_nomem(w->err);
    part_put(&w->postings, w->bytes.data, w->bytes.len);
    w->last = token;
    w->n_words++;
}

static int put_part(const struct impacts_writer *w, int part, const struct buf *b)
{
    struct part_writer p;

    part_begin(&p, w->store, w->segment, part, w->err);
    part_put(&p, b->data, b->len);
    return part_finish(&p);
}

int impacts_end(struct impacts_writer *w, int failed)
{
    struct buf head = {0};
    int rc = failed ? failed : w->code, rc_postings;

    if (rc)
        w->postings.code = rc;
    buf_u64(&head, w->n_words);
    buf_u64(&head, w->index.len);
    buf_u64(&head, w->postings.size);
    rc_postings = part_finish(&w->postings);
    rc = rc ? rc : rc_postings;
    rc = rc ? rc : buf_error(&head) ? err_nomem(w->err) : put_part(w, PART_IMPACT_HEAD, &head);
    rc = rc ? rc : put_part(w, PART_IMPACT_INDEX, &w->index);
    buf_clear(&head);
    buf_clear(&w->index);
    buf_clear(&w->bytes);
    mem_free(w->lengths);
    return rc;
}

/* ---- reading ---- */

static struct part_reader reader(const struct segment *s, int part, uint64_t size)
{
    return (struct part_reader){
        .store = s->store, .segment = s->row.id, .part = part, .size = size};
}

static int read_head(struct impacts *im, struct segment *s, struct err *err)
{
    unsigned char head[HEAD_BYTES];
    struct bytes r = {head, head + sizeof head, 0};
    uint64_t n, index, postings;
    int rc;

    im->head = reader(s, PART_IMPACT_HEAD, HEAD_BYTES);
    rc = part_read(head, &im->head, 0, sizeof head, err);
    if (rc)
        return rc;
    n = bytes_u64(&r);
    index = bytes_u64(&r);
    postings = bytes_u64(&r);
    if (n > IMPACT_TOKENS || index > s->store->max_bytes || postings > s->store->max_bytes ||
        index < 3 * n || postings < n)
        return part_damaged(&im->head, err, "its numbers cannot be true");
    im->n = (uint32_t)n;
    im->index = reader(s, PART_IMPACT_INDEX, index);
    im->postings = reader(s, PART_IMPACTS, postings);
    return 0;
}

static int read_index(struct impacts *im, uint32_t size, struct err *err)
{
    unsigned char *p = NULL;
    struct bytes r;
    int64_t token = -1;
    uint64_t at = 0;
    int rc = part_load(&p, &im->index, 1, err);

    if (rc)
        return rc;
    r = (struct bytes){p, p + im->index.size, 0};
    for (uint32_t i = 0; i < im->n && !rc; i++) {
        uint64_t gap = bytes_varint(&r), n = bytes_varint(&r), bytes = bytes_varint(&r);

        if (r.bad || gap >= IMPACT_TOKENS || token + 1 + (int64_t)gap >= IMPACT_TOKENS || !n ||
            n > size || !bytes || bytes > im->postings.size - at) {
            rc = part_damaged(&im->index, err, "word %u does not fit", i);
            break;
        }
        token += 1 + (int64_t)gap;
        im->tokens[i] = (uint32_t)token;
        im->counts[i] = (uint32_t)n;
        im->offsets[i] = at;
        at += bytes;
    }
    im->offsets[im->n] = at;
    if (!rc && (r.p != r.end || at != im->postings.size))
        rc = part_damaged(&im->index, err, "there is more than its %u words", im->n);
    mem_free(p);
    return rc;
}

int impacts_need(struct segment *s, struct err *err)
{
    struct impacts *im;
    int rc;

    if (s->impacts)
        return 0;
    im = mem_zalloc(1, sizeof *im);
    if (!im)
        return err_nomem(err);
    rc = read_head(im, s, err);
    if (!rc) {
        im->tokens = mem_alloc(im->n, sizeof *im->tokens);
        im->counts = mem_alloc(im->n, sizeof *im->counts);
        im->offsets = mem_alloc((size_t)im->n + 1, sizeof *im->offsets);
        im->loaded = mem_zalloc(im->n, sizeof(struct term_postings *));
        im->lengths = mem_zalloc(s->size, sizeof *im->lengths);
        rc = im->tokens && im->counts && im->offsets && im->loaded && im->lengths
                 ? read_index(im, s->size, err)
                 : err_nomem(err);
    }
    if (rc)
        impacts_close(im);
    else
        s->impacts = im;
    return rc;
}

void impacts_close(struct impacts *im)
{
    if (!im)
        return;
    for (uint32_t i = 0; im->loaded && i < im->n; i++)
        term_postings_free(im->loaded[i]);
    mem_free(im->loaded);
    mem_free(im->tokens);
    mem_free(im->counts);
    mem_free(im->offsets);
    mem_free(im->lengths);
    part_close(&im->head);
    part_close(&im->index);
    part_close(&im->postings);
    mem_free(im);
}

int impacts_read(struct term_postings **out, struct segment *s, uint32_t i, struct err *err)
{
    struct impacts *im = s->impacts;
    const size_t bytes = (size_t)(im->offsets[i + 1] - im->offsets[i]);
    unsigned char *data = mem_zalloc(bytes + POSTINGS_PAD, 1);
    struct err why = {0};
    int rc;

    if (!data)
        return err_nomem(err);
    rc = part_read(data, &im->postings, im->offsets[i], bytes, err);
    if (rc) {
        mem_free(data);
        return rc;
    }
    rc = term_postings_new(out, data, bytes, im->counts[i], s->size, im->lengths, &why);
    if (rc == E_FORMAT)
        return part_damaged(&im->postings, err, "word %u: %s", im->tokens[i], why.text);
    return rc ? err_nomem(err) : 0;
}

/* The number of a word, or -1. */
static int64_t find(const struct impacts *im, int token)
{
    uint32_t lo = 0, hi = im->n;

    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;

        if (im->tokens[mid] == (uint32_t)token)
            return mid;
        if (im->tokens[mid] < (uint32_t)token)
            lo = mid + 1;
        else
            hi = mid;
    }
    return -1;
}

int impacts_open(struct postings *p, struct segment *s, int token, struct err *err)
{
    int rc = impacts_need(s, err);
    int64_t i;

    if (rc)
        return rc;
    i = find(s->impacts, token);
    if (i < 0)
        return 0;
    if (!s->impacts->loaded[i])
        rc = impacts_read(&s->impacts->loaded[i], s, (uint32_t)i, err);
    if (rc)
        return rc;
    postings_begin(p, s->impacts->loaded[i]);
    return 1;
}

uint64_t impacts_rows(const struct impacts *im)
{
    return 1 + (im->index.size + PART_ROW - 1) / PART_ROW +
           (im->postings.size + PART_ROW - 1) / PART_ROW;
}
