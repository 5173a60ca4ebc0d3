/* indexer_fixture.h -- small indexes and made-up documents for the tests of indexer/. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_INDEXER_FIXTURE_H
#define TESTS_INDEXER_FIXTURE_H

#include <stdint.h>

#include "indexer/index.h"
#include "indexer/inside.h"
#include "tests/testing.h"

TCase *tcase_analyzer(void);
TCase *tcase_languages(void);
TCase *tcase_chunk(void);
TCase *tcase_sections(void);
TCase *tcase_bitpack(void);
TCase *tcase_postings(void);
TCase *tcase_parts(void);
TCase *tcase_dictionary(void);
TCase *tcase_index(void);
TCase *tcase_fields(void); /* check_indexer_fields.c */
TCase *tcase_weights(void);
TCase *tcase_open(void);
TCase *tcase_merge(void);
TCase *tcase_damage(void);
TCase *tcase_vectors(void);
TCase *tcase_graph(void);
TCase *tcase_dense(void);
TCase *tcase_filter(void);
TCase *tcase_filter_text(void);
TCase *tcase_sparse(void); /* check_indexer_sparse.c */
TCase *tcase_attention(void);
TCase *tcase_keys(void);

static inline uint32_t random_below(uint64_t *state, uint32_t n)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((*state >> 33) % n);
}

struct fixture {
    char dir[64], path[96];
    struct index *ix;
    struct index_options opt;
    struct err err;
};

/* A new index; opt NULL = plain analyzer, whole documents. */
static inline void fixture_open(struct fixture *f, const struct index_options *opt)
{
    memset(f, 0, sizeof *f);
    f->opt.settings.analyzer = "plain";
    if (opt)
        f->opt = *opt;
    f->opt.mode = INDEX_CREATE;
    snprintf(f->path, sizeof f->path, "%s/test.fovea", tmp_dir(f->dir));
    ck_assert_ok(index_open(&f->ix, f->path, &f->opt, &f->err), &f->err);
}

static inline void fixture_close(struct fixture *f)
{
    index_close(f->ix);
    tmp_remove(f->dir);
}

/* Closes and opens again for writing. */
static inline void fixture_again(struct fixture *f)
{
    index_close(f->ix);
    f->ix = NULL;
    f->opt.mode = INDEX_WRITE;
    ck_assert_ok(index_open(&f->ix, f->path, &f->opt, &f->err), &f->err);
}

static inline int fixture_add(struct fixture *f, const char *docno, const char *title,
                              const char *text)
{
    struct doc doc = {.docno = docno, .title = title, .text = text};
    int rc = index_add(f->ix, &doc, &f->err);

    ck_assert_msg(rc >= 0, "index_add: %s", f->err.text);
    return rc;
}

static inline void fixture_commit(struct fixture *f)
{
    ck_assert_ok(index_commit(f->ix, &f->err), &f->err);
}

static inline void fixture_check(struct fixture *f)
{
    ck_assert_ok(index_check(f->ix, &f->err), &f->err);
}

/* A made-up text of up to 60 words; rare words are rare. */
static inline void random_text(char out[600], uint64_t *state)
{
    uint32_t n = random_below(state, 60);
    size_t at = 0;

    out[0] = '\0';
    for (uint32_t i = 0; i < n; i++)
        at += (size_t)snprintf(out + at, 600 - at, "w%u ",
                               random_below(state, 1 + random_below(state, 300)));
}

/* What an index knows of a term: df, and a sum over its living postings that depends on docno, freq and length. */
struct known {
    uint64_t df, sum;
};

static inline struct known known_of(struct fixture *f, const char *term)
{
    struct known k = {0, 0};

    for (int i = 0; i < index_n_segments(f->ix); i++) {
        struct segment *s = index_segment(f->ix, i);
        struct term t;
        struct postings p;
        int rc = segment_find_term(&t, s, term, strlen(term), &f->err);

        ck_assert_ok(rc, &f->err);
        if (!rc)
            continue;
        k.df += t.df;
        ck_assert_ok(postings_open(&p, s, &t, &f->err), &f->err);
        for (; p.passage != POSTINGS_END; postings_next(&p))
            if (!segment_is_dead(s, p.passage))
                k.sum +=
                    hash_bytes(segment_docno(s, p.passage), strlen(segment_docno(s, p.passage))) *
                    (postings_freq(&p) * 1000003u + segment_lengths(s)[p.passage]);
    }
    return k;
}

/* The living documents of the two must look the same to a scorer. */
static inline void assert_same_knowledge(struct fixture *a, struct fixture *b)
{
    ck_assert_uint_eq(index_n_passages(a->ix), index_n_passages(b->ix));
    ck_assert_uint_eq(index_n_terms(a->ix), index_n_terms(b->ix));
    for (int w = 0; w < 300; w++) {
        char term[8];
        struct known x, y;

        snprintf(term, sizeof term, "w%d", w);
        x = known_of(a, term);
        y = known_of(b, term);
        ck_assert_msg(x.df == y.df, "%s: df %lu and %lu", term, (unsigned long)x.df,
                      (unsigned long)y.df);
        ck_assert_msg(x.sum == y.sum, "%s: other postings", term);
    }
}

/* The parts that do not depend on ids must be the same bytes. */
static inline void assert_same_parts(struct fixture *a, struct fixture *b)
{
    ck_assert_int_eq(index_n_segments(a->ix), 1);
    ck_assert_int_eq(index_n_segments(b->ix), 1);
    for (int i = 0; i < N_PARTS; i++) {
        struct part_reader x = index_segment(a->ix, 0)->parts[i],
                           y = index_segment(b->ix, 0)->parts[i];
        unsigned char *p = NULL, *q = NULL;

        if (i == PART_DOCUMENTS)
            continue;
        x.data = y.data = NULL;
        x.n_data = y.n_data = 0;
        ck_assert_msg(x.size == y.size, "%s: %lu and %lu bytes", part_name(i),
                      (unsigned long)x.size, (unsigned long)y.size);
        ck_assert_ok(part_load(&p, &x, 0, &a->err), &a->err);
        ck_assert_ok(part_load(&q, &y, 0, &b->err), &b->err);
        ck_assert_msg(!memcmp(p, q, x.size), "%s differs", part_name(i));
        mem_free(p);
        mem_free(q);
    }
}

#endif
