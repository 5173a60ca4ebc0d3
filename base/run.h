/* run.h -- the ranked list that stages pass on: hits of one query, and runs of many.
 *
 * The order is the one of trec_eval everywhere: score descending, ties by docno
 * descending (strcmp), whatever ranks a file claims.
 *
 *     struct run run;
 *     run_load(&run, "bm25.run", &err);
 *     const struct ranking *r = run_find(&run, "42");
 *     run_clear(&run);
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_RUN_H
#define BASE_RUN_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/err.h"
#include "base/hash.h"

/* One line of a run.  Strings are owned by the run. */
struct run_line {
    const char *docno;
    double score;
};

/* The hits of one query. */
struct ranking {
    const char *qid;
    struct run_line *lines; /* [n], in trec_eval's order after run_sort */
    size_t n, cap;
};

/* A run: rankings by query, in order of first appearance.  Zeroed = empty. */
struct run {
    struct ranking *rankings; /* [n] */
    size_t n, cap;
    char *tag;       /* the run's name, or NULL */
    struct map qids; /* qid -> position in rankings */
    struct arena strings;
};

/* Adds a line; qid and docno are copied.  E_NOMEM; E_INVALID for a score that is not a number. */
int run_add(struct run *run, const char *qid, const char *docno, double score, struct err *err);

/* Makes an (empty) ranking for qid if there is none. */
int run_add_query(struct run *run, const char *qid, struct err *err);

/* Sorts every ranking.  E_FORMAT if a query names a document twice. */
int run_sort(struct run *run, struct err *err);

/* The ranking of a query, or NULL. */
const struct ranking *run_find(const struct run *run, const char *qid);

/* Reads a TREC run (qid Q0 docno rank score tag, white space between; gzip too; "-" is
 * standard input) and sorts it.  As in trec_eval empty lines, lines that start with '#' and
 * what follows the tag are passed over.  E_FORMAT says file:line and reason.
 * What *run held before is freed on success and kept on failure. */
int run_load(struct run *run, const char *path, struct err *err);

/* Writes one ranking as TREC lines, ranks from 1, scores so that they read back the same.
 * White space in a name, which the format cannot hold, is percent-encoded; tag NULL is "fovea".
 * The caller checks out with ferror. */
void ranking_write(FILE *out, const struct ranking *r, const char *tag);

/* Compares as trec_eval sorts: negative if a comes before b. */
int run_line_compare(const void *a, const void *b);

void run_clear(struct run *run);

#endif
