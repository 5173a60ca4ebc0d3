/* build.c -- the way of a batch of documents into a segment. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "indexer/build.h"

#include <string.h>

#include "base/mem.h"
#include "indexer/impacts.h"
#include "indexer/vectors.h"

/* A call of the encoder takes passages until they have so many bytes a thread (a second's work for a large
 * encoder): enough for it to sort them by length, and soon over when someone asks to stop. */
enum {
    EMBED_BATCH = 256,
    EMBED_BYTES = 32 << 10,
    CUT_BYTES = 2 << 10 /* of a text, about what is not cut off */
};

/* Passages of all documents, in order. */
struct passages {
    struct passage_text *texts; /* [n] */
    struct span *spans;         /* [n] */
    uint32_t *counts;           /* [n_documents] */
    struct arena headings;      /* owns texts[].headings */
    size_t n, cap_texts, cap_spans;
};

static void passages_clear(struct passages *p)
{
    mem_free(p->texts);
    mem_free(p->spans);
    mem_free(p->counts);
    arena_clear(&p->headings);
}

/* Gives the passages of a document, the last ones of p, the headings above them. */
static int add_headings(struct passages *p, const struct chunks *c)
{
    const char *last = "", *kept = "";

    for (size_t i = 0; i < c->n; i++) {
        struct passage_text *t = &p->texts[p->n - c->n + i];
        const char *headings = chunk_headings(c, i);

        if (headings != last)
            kept = arena_dup(&p->headings, headings, strlen(headings));
        if (!kept)
            return E_NOMEM;
        last = headings;
        t->headings = kept;
        t->n_headings = strlen(kept);
    }
    return 0;
}

static int add_document(struct passages *p, const struct build_document *d, uint32_t *count,
                        const struct chunking *chunking, struct err *err)
{
    struct chunks c = {0};
    int rc = chunk_text(&c, d->text, d->n_text, chunking, err);
    const size_t n = c.n;

    if (rc)
        return rc;
    if (p->n + n >= UINT32_MAX / 2)
        rc = err_set(err, E_LIMIT, "too many passages for one segment");
    else if (mem_reserve((void **)&p->texts, &p->cap_texts, p->n + n, sizeof *p->texts) ||
             mem_reserve((void **)&p->spans, &p->cap_spans, p->n + n, sizeof *p->spans))
        rc = err_nomem(err);
    for (size_t i = 0; !rc && i < n; i++, p->n++) {
        p->spans[p->n] = c.spans[i];
        p->texts[p->n] = (struct passage_text){.title = d->title,
                                               .n_title = d->n_title,
                                               .text = d->text + c.spans[i].begin,
                                               .n_text = c.spans[i].end - c.spans[i].begin,
                                               .more = d->more};
    }
    if (!rc && c.headings.len && add_headings(p, &c))
        rc = err_nomem(err);
    *count = (uint32_t)n;
    chunks_clear(&c);
    return rc;
}

/* What the models read: in[n] of texts[n], n <= EMBED_BATCH; their bytes are in `bytes`. */
static int join_texts(struct model_text *in, const struct passage_text *texts, size_t n,
                      struct buf *bytes, struct err *err)
{
    size_t at[EMBED_BATCH];

    buf_reset(bytes);
    for (size_t i = 0; i < n; i++) {
        at[i] = bytes->len;
        passage_text_add(bytes, &texts[i]);
        in[i].n = bytes->len - at[i];
    }
    if (buf_error(bytes))
        return err_nomem(err);
    for (size_t i = 0; i < n; i++)
        in[i].p = buf_text(bytes) + at[i];
    return 0;
}

/* Embeds texts[n], n <= EMBED_BATCH, to out. */
static int embed_batch(float *out, const struct build *b, const struct passage_text *texts,
                       size_t n, struct buf *bytes, struct err *err)
{
    struct model_text in[EMBED_BATCH];
    int rc = join_texts(in, texts, n, bytes, err);

    return rc ? rc : model_embed(out, b->model, b->pool, in, n, MODEL_PASSAGE, err);
}

/* How many of the passages from `first` on go into one call. */
static size_t batch_size(const struct build *b, const struct passages *p, size_t first)
{
    size_t most = (size_t)EMBED_BYTES * (size_t)pool_size(b->pool), bytes = 0, n = 0;

    while (n < EMBED_BATCH && first + n < p->n && bytes < most) {
        const struct passage_text *t = &p->texts[first + n++];
        size_t len = t->n_title + t->n_text;

        bytes += len < CUT_BYTES ? len : CUT_BYTES;
    }
    return n;
}

static int embed_all(struct vectors_writer *w, const struct build *b, const struct passages *p,
                     struct err *err)
{
    float *rows = mem_alloc((size_t)EMBED_BATCH * (size_t)b->dim, sizeof *rows);
    struct buf bytes = {.max = SIZE_MAX / 4};
    int rc = rows ? 0 : err_nomem(err);

    for (size_t i = 0, n; !rc && i < p->n; i += n) {
        n = batch_size(b, p, i);
        rc = embed_batch(rows, b, p->texts + i, n, &bytes, err);
        if (rc)
            break;
        vectors_put(w, rows, n);
        if (b->progress && b->progress("passages embedded", i + n, p->n, b->payload))
            rc = err_set(err, E_STOP, "stopped; the last commit stands");
    }
    buf_clear(&bytes);
    mem_free(rows);
    return rc;
}

static int write_vectors(struct segment_row *row, const struct build *b, const struct passages *p,
                         struct err *err)
{
    struct vectors_writer w;
    int rc = vectors_begin(&w, b->store, b->segment, b->vectors, b->dim, p->n, err);

    if (rc)
        return rc;
    w.pool = b->pool;
    w.progress = b->progress;
    w.payload = b->payload;
    rc = embed_all(&w, b, p, err);
    return vectors_end(&w, row, rc);
}

/* ---- the sparse leg ---- */

/* Impacts as they come, passage after passage: token << 40 | passage << 8 | impact. */
struct weighed {
    uint64_t *v; /* [n] */
    size_t n, cap;
};

static int weigh_batch(struct weighed *out, const struct build *b, const struct passages *p,
                       size_t first, size_t n, struct buf *bytes, struct err *err)
{
    struct model_text in[EMBED_BATCH];
    struct model_words words[EMBED_BATCH];
    int rc = join_texts(in, p->texts + first, n, bytes, err);

    rc = rc ? rc : model_embed_words(words, b->sparse, b->pool, in, n, MODEL_PASSAGE, err);
    if (rc)
        return rc;
    for (size_t i = 0; i < n; i++) {
        if (!rc && mem_reserve((void **)&out->v, &out->cap, out->n + words[i].n, sizeof *out->v))
            rc = err_nomem(err);
        for (size_t k = 0; !rc && k < words[i].n; k++) {
            const uint32_t impact = impact_of(words[i].v[k].weight);

            if (impact)
                out->v[out->n++] =
                    (uint64_t)words[i].v[k].token << 40 | (uint64_t)(first + i) << 8 | impact;
        }
        model_words_clear(&words[i]);
    }
    return rc;
}

static int weigh_all(struct weighed *out, const struct build *b, const struct passages *p,
                     struct err *err)
{
    struct buf bytes = {.max = SIZE_MAX / 4};
    int rc = 0;

    for (size_t i = 0, n; !rc && i < p->n; i += n) {
        n = batch_size(b, p, i);
        rc = weigh_batch(out, b, p, i, n, &bytes, err);
        if (!rc && b->progress && b->progress("passages weighed", i + n, p->n, b->payload))
            rc = err_set(err, E_STOP, "stopped; the last commit stands");
    }
    buf_clear(&bytes);
    return rc;
}

/* Sorts by word, counting (passages rise already), and writes. */
static int write_words(struct impacts_writer *w, const struct weighed *in, int n_words,
                       struct err *err)
{
    size_t *ends = mem_zalloc((size_t)n_words + 1, sizeof *ends);
    uint64_t *sorted = mem_alloc(in->n, sizeof *sorted);
    int rc = ends && sorted ? 0 : err_nomem(err);

    if (!rc) {
        for (size_t i = 0; i < in->n; i++)
            ends[(in->v[i] >> 40) + 1]++;
        for (int t = 0; t < n_words; t++)
            ends[t + 1] += ends[t];
        for (size_t i = 0; i < in->n; i++) /* ends[t] moves from the word's begin to its end */
            sorted[ends[in->v[i] >> 40]++] =
                posting_make((uint32_t)(in->v[i] >> 8), (uint32_t)in->v[i] & 0xff);
        for (int t = 0; t < n_words; t++) {
            const size_t begin = t ? ends[t - 1] : 0;

            if (ends[t] > begin)
                impacts_put(w, t, sorted + begin, ends[t] - begin);
        }
    }
    mem_free(ends);
    mem_free(sorted);
    return rc;
}

static int write_impacts(const struct build *b, const struct passages *p, struct err *err)
{
    struct impacts_writer w;
    struct weighed in = {0};
    int rc;

    impacts_begin(&w, b->store, b->segment, p->n, err);
    rc = weigh_all(&in, b, p, err);
    rc = rc ? rc : write_words(&w, &in, model_vocabulary(b->sparse), err);
    mem_free(in.v);
    return impacts_end(&w, rc);
}

/* ---- the attention leg ---- */

static int write_keys(const struct build *b, const struct build_document *docs, size_t n,
                      const struct passages *p, struct err *err)
{
    struct attention_writer *w = b->attention;
    size_t at = 0;
    int rc = 0;

    for (size_t i = 0; i < n && !rc; i++)
        for (uint32_t k = 0; k < p->counts[i] && !rc; k++) {
            rc = attention_make(&w->keys, b->keys, &p->texts[at++], &w->title, err);
            rc = rc ? rc : attention_put(w, docs[i].id, k, docs[i].crc, &w->keys, err);
            if (rc == 0)
                rc = err_set(err, E_FORMAT,
                             "'%s' is damaged: it has keys of document '%.100s' already",
                             db_path(w->db), docs[i].docno);
            rc = rc > 0 ? 0 : rc;
            if (!rc && b->progress && b->progress("passages read", at, p->n, b->payload))
                rc = err_set(err, E_STOP, "stopped; the last commit stands");
        }
    return rc;
}

/* ---- all of it ---- */

static void write_terms(struct segment_writer *w, const struct inverted *v)
{
    for (size_t i = 0; i < v->n_terms; i++)
        segment_put_term(w, v->terms[i].term, v->terms[i].len, v->postings + v->terms[i].begin,
                         v->terms[i + 1].begin - v->terms[i].begin);
}

static int write_all(const struct build *b, const struct build_document *docs, size_t n,
                     const struct passages *p, const struct inverted *v, struct err *err)
{
    struct segment_writer w;
    size_t at = 0;
    int rc = 0;

    segment_begin(&w, b->store, b->segment, err);
    for (size_t i = 0; i < n; i++) {
        segment_put_document(&w, docs[i].docno, docs[i].id, p->counts[i]);
        for (uint32_t k = 0; b->chunking->words && k < p->counts[i]; k++)
            segment_put_span(&w, &p->spans[at + k]);
        at += p->counts[i];
    }
    segment_put_lengths(&w, v->lengths);
    write_terms(&w, v);
    if (b->model && !w.code)
        rc = write_vectors(&w.row, b, p, err);
    if (b->sparse && !w.code && !rc)
        rc = write_impacts(b, p, err);
    if (b->keys && !w.code && !rc)
        rc = write_keys(b, docs, n, p, err);
    return segment_end(&w, rc);
}

int build_segment(uint64_t *passages, const struct build *b, const struct build_document *docs,
                  size_t n, struct err *err)
{
    struct passages p = {0};
    struct inverted v = {0};
    int rc = 0;

    p.counts = mem_alloc(n, sizeof *p.counts);
    if (!p.counts)
        rc = err_nomem(err);
    for (size_t i = 0; !rc && i < n; i++)
        rc = add_document(&p, &docs[i], &p.counts[i], b->chunking, err);
    if (!rc)
        rc = invert(&v, p.texts, p.n, b->fields, b->analyzers, b->n_analyzers, b->pool, err);
    if (!rc)
        rc = write_all(b, docs, n, &p, &v, err);
    if (!rc)
        *passages = p.n;
    inverted_clear(&v);
    passages_clear(&p);
    return rc;
}
