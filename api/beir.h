/* beir.h -- a test collection: its index, its judged queries, and a run over them. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef API_BEIR_H
#define API_BEIR_H

#include <stddef.h>

#include "api/fovea.h"
#include "base/run.h"
#include "corpora/corpora.h"
#include "eval/eval.h"

enum { BEIR_HITS = 1000 }; /* as BEIR's evaluation takes them */

/* How collections are opened. */
struct beir_options {
    const char *split;     /* of the judgements: "test"; NULL = the index alone, without queries */
    const char *index_dir; /* where indexes are kept; NULL = the user's cache */
    const char *model;     /* "none" if no system wants one */
    const char *sparse;    /* learned sparse model; NULL if no system wants one */
    const char *precision; /* "i8" or "f32" */
    const char *
        attention; /* PROFILE[:MODEL], "" the default: keys for re-ranking by "stored"; NULL = none */
    int threads, quiet;
};

/* One collection, open. */
struct dataset {
    char *name;      /* the folder's */
    const char *dir; /* as given */
    fovea *ix;       /* for reading */
    struct query_list queries;
    struct qrels qrels;
};

/* The name of a folder's collection, also of "." and "scifact/"; the caller's.  NULL: out of memory. */
char *dataset_name(const char *dir);

/* Opens a folder in BEIR's layout, and makes or updates its index.
 * Returns 0, or an exit code having said why.  dataset_close it in either case. */
int dataset_open(struct dataset *d, const char *dir, const struct beir_options *o);
void dataset_close(struct dataset *d);

/* Searches for all judged queries; a hit that is the query itself, by id and text, is left out, and BEIR_HITS
 * are kept.
 *
 * run         zeroed; sorted afterwards.
 * seconds, n  of the searches alone, and how many; both zero before.
 * opt         with its system set.
 *
 * Returns 0, or an exit code having said why.
 */
int dataset_search(struct run *run, double *seconds, size_t *n, struct dataset *d,
                   const fovea_search_options *opt, int quiet);

/* Writes DIR/DATASET.SYSTEM.run. */
int dataset_write_run(const struct run *run, const struct dataset *d, const char *dir,
                      const char *system);

#endif
