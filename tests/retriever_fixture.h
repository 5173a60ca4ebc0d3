/* retriever_fixture.h -- a small index for a test of retriever/. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_RETRIEVER_FIXTURE_H
#define TESTS_RETRIEVER_FIXTURE_H

#include <stdint.h>

#include "indexer/index.h"
#include "retriever/retriever.h"
#include "tests/testing.h"

TCase *tcase_topk(void);
TCase *tcase_bm25(void);
TCase *tcase_sums(void);
TCase *tcase_fields(void); /* check_retriever_fields.c */
TCase *tcase_retriever(void);
TCase *tcase_fuse(void);
TCase *tcase_bundled(void);
TCase *tcase_bundled_all(void);
TCase *tcase_dense(void);
TCase *tcase_filters(void); /* check_retriever_filter.c */
TCase *tcase_filters_merged(void);
TCase *tcase_sparse(void); /* check_retriever_sparse.c */
TCase *tcase_three_legs(void);
TCase *tcase_syntax(void);  /* check_retriever_syntax.c */
TCase *tcase_phrases(void); /* check_retriever_phrase.c */
TCase *tcase_phrases_merged(void);
TCase *tcase_prefixes(void); /* check_retriever_prefix.c */

struct fixture {
    char dir[64], path[96];
    struct index *ix;
};

/* A new, empty index; NULL settings = plain analyzer, whole documents, no vectors. */
static inline void fixture_open(struct fixture *f, const struct index_settings *settings)
{
    struct index_options opt = {.mode = INDEX_CREATE, .settings = {.analyzer = "plain"}};
    struct err err = {0};

    if (settings)
        opt.settings = *settings;
    snprintf(f->path, sizeof f->path, "%s/test.fovea", tmp_dir(f->dir));
    ck_assert_ok(index_open(&f->ix, f->path, &opt, &err), &err);
}

static inline void fixture_close(struct fixture *f)
{
    index_close(f->ix);
    tmp_remove(f->dir);
}

static inline void fixture_add(struct fixture *f, const char *docno, const char *text)
{
    struct doc doc = {.docno = docno, .title = "", .text = text};
    struct err err = {0};
    int rc = index_add(f->ix, &doc, &err);

    if (rc < 0)
        ck_abort_msg("index_add: %s", err.text);
}

static inline void fixture_commit(struct fixture *f)
{
    struct err err = {0};

    ck_assert_ok(index_commit(f->ix, &err), &err);
}

static inline uint64_t next_random(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return *state >> 33;
}

#endif
