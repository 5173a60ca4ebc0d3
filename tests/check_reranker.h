/* check_reranker.h -- the groups of check_reranker, and candidates for them. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_CHECK_RERANKER_H
#define TESTS_CHECK_RERANKER_H

#include "reranker/reranker.h"
#include "tests/testing.h"

TCase *cross_tests(void);  /* check_reranker_cross.c */
TCase *laws_tests(void);   /* check_reranker_laws.c */
TCase *limits_tests(void); /* check_reranker_limits.c */
TCase *disk_tests(void);   /* check_reranker_disk.c */
TCase *sheet_tests(void);  /* check_reranker_sheets.c */
TCase *heads_tests(void);  /* check_reranker_heads.c */
TCase *memory_tests(void); /* check_reranker_memory.c */
TCase *golden_tests(void); /* check_reranker_golden.c */

/* A candidate of a title and a text; strings borrowed. */
static inline struct candidate candidate_of(const char *docno, const char *title, const char *text,
                                            float first, size_t at)
{
    return (struct candidate){.docno = docno,
                              .text = {title, strlen(title), text, strlen(text)},
                              .first = first,
                              .at = at};
}

/* What holds after every run: sorted by score, then docno descending, then place; each place once. */
static inline void check_order(const struct candidate *c, size_t n)
{
    unsigned char *seen = mem_zalloc(n, 1);

    for (size_t i = 0; i < n; i++) {
        ck_assert_uint_lt(c[i].at, n);
        ck_assert(!seen[c[i].at]++);
        if (!i)
            continue;
        ck_assert(c[i - 1].score >= c[i].score);
        if (c[i - 1].score == c[i].score) {
            const int order = strcmp(c[i - 1].docno, c[i].docno);

            ck_assert(order > 0 || (order == 0 && c[i - 1].at < c[i].at));
        }
    }
    mem_free(seen);
}

#endif
