/* vectors_fixture.h -- a segment with made-up vectors, written below the encoder. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_VECTORS_FIXTURE_H
#define TESTS_VECTORS_FIXTURE_H

#include "indexer/vectors.h"
#include "tests/indexer_fixture.h"

enum { DIM = 12 };

struct field {
    struct fixture f;
    struct segment *s;
    float *rows; /* [n, DIM] as they were put */
    uint32_t n;
};

/* values: every number is one of so many, so that scores tie. */
static inline void open_field(struct field *v, const char *factory, uint32_t n, uint32_t values)
{
    struct segment_writer w;
    struct vectors_writer vw;
    uint32_t *lengths = mem_zalloc(n, sizeof *lengths);
    uint64_t seed = n;
    int rc;

    memset(v, 0, sizeof *v);
    fixture_open(&v->f, NULL);
    ck_assert_ok(db_begin(v->f.ix->wr.db, &v->f.err), &v->f.err);
    v->n = n;
    v->rows = mem_alloc((size_t)n * DIM, sizeof *v->rows);
    for (size_t i = 0; i < (size_t)n * DIM; i++)
        v->rows[i] = ((float)random_below(&seed, values) - (float)(values / 2)) / 64;
    segment_begin(&w, &v->f.ix->wr, 1, &v->f.err);
    for (uint32_t i = 0; i < n; i++) {
        char docno[16];

        snprintf(docno, sizeof docno, "d%07u", 9999999 - i);
        segment_put_document(&w, docno, i + 1, 1);
    }
    segment_put_lengths(&w, lengths);
    rc = vectors_begin(&vw, &v->f.ix->wr, 1, factory, DIM, n, &v->f.err);
    ck_assert_ok(rc, &v->f.err);
    for (uint32_t at = 0, k = 1; at < n; at += k, k = n - at < 2 * k ? n - at : 2 * k)
        vectors_put(&vw, v->rows + (size_t)at * DIM, k);
    ck_assert_ok(vectors_end(&vw, &w.row, 0), &v->f.err);
    ck_assert_ok(segment_end(&w, 0), &v->f.err);
    ck_assert_ok(db_commit(v->f.ix->wr.db, &v->f.err), &v->f.err);
    ck_assert_ok(store_measure(&v->f.ix->wr, &v->f.err), &v->f.err);
    ck_assert_ok(segment_open(&v->s, &v->f.ix->wr, &w.row, DIM, &v->f.err), &v->f.err);
    mem_free(lengths);
}

static inline void close_field(struct field *v)
{
    segment_close(v->s);
    mem_free(v->rows);
    fixture_close(&v->f);
}

static inline void bury_some(struct field *v, uint32_t one_in, uint64_t *seed)
{
    v->s->dead = mem_zalloc(segment_dead_words(v->n), sizeof *v->s->dead);
    for (uint32_t p = 0; p < v->n; p++)
        if (random_below(seed, one_in) == 0) {
            v->s->dead[p >> 6] |= (uint64_t)1 << (p & 63);
            v->s->n_dead++;
        }
}

static inline double product(const float *a, const float *b)
{
    double sum = 0;

    for (int i = 0; i < DIM; i++)
        sum += (double)a[i] * (double)b[i];
    return sum;
}

/* Is passage p really the i-th best?  All numbers are small multiples of 1/64: products are exact. */
static inline uint32_t rank_of(const struct field *v, const float *query, uint32_t p)
{
    double score = product(query, v->rows + (size_t)p * DIM);
    uint32_t rank = 0;

    for (uint32_t i = 0; i < v->n; i++) {
        double other = product(query, v->rows + (size_t)i * DIM);

        rank += !segment_is_dead(v->s, i) && (other > score || (other == score && i < p));
    }
    return rank;
}

#endif
