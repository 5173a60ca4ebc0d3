/* check_reranker_tiny.h -- a tiny decoder that re-ranks, a profile for it, and candidates. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_CHECK_RERANKER_TINY_H
#define TESTS_CHECK_RERANKER_TINY_H

#include "model/profile.h"
#include "model/reader.h"
#include "tests/check_reranker.h"

/* A model's file and a profile of three heads for it; zeroed = none. */
struct tiny {
    char dir[64], path[96];
    struct profile profile;
    char sha256[65];
};

/* kind: of tiny_gguf.h; context: places that the model has.  The profile is for `stored` until said otherwise. */
void tiny_make(struct tiny *t, const char *kind, int context);
void tiny_remove(struct tiny *t);

/* Opens a method with the profile, or with all heads (uses_all). */
struct reranker *tiny_open(struct tiny *t, const char *method, int uses_all,
                           const struct rerank_options *more);

/* The model alone. */
struct reader *tiny_reader(const struct tiny *t);

/* Candidates of many kinds: TINY_TEXTS of them, all of different length. */
enum { TINY_TEXTS = 9 };
void tiny_candidates(struct candidate *c);

/* The methods that read attention: names, ends with NULL. */
extern const char *const tiny_methods[];

#endif
