/* measures.h -- what one measure is (a row of the table in measures.c) and what it sees of a query. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef EVAL_MEASURES_H
#define EVAL_MEASURES_H

#include <limits.h>
#include <stddef.h>

#include "eval/eval.h"

enum { NO_GRADE = INT_MIN }; /* a document that the qrels do not name */

/* One query: its ranking with grades for documents, and all grades there are. */
struct view {
    const int *ranking; /* [n_ret] the grade at each rank, or NO_GRADE, or negative (not judged) */
    size_t n_ret;
    const int *grades; /* [n_grades] of all documents in the qrels, descending */
    size_t n_grades;
};

enum cutoff_use {
    CUTOFF_NONE,     /* Rprec */
    CUTOFF_OPTIONAL, /* AP, AP@10 */
    CUTOFF_NEEDED,   /* P@10 */
    CUTOFF_RECALL,   /* IPrec@0.1 */
};

enum average {
    AVERAGE_MEAN,
    AVERAGE_SUM,
    AVERAGE_GEOMETRIC, /* of values raised to at least 0.00001 */
};

struct measure_kind {
    const char *names[3];   /* ir-measures' name first, then others; NULL-terminated */
    const char *trec;       /* trec_eval's name without a cut-off, or NULL */
    const char *trec_cut;   /* trec_eval's name before "_10", or NULL */
    const char *trec_other; /* trec_eval's name of a measure too like this one, or NULL: refused */
    const char *trec_hint;  /* and what to write instead */
    const char *about;      /* definition and source */
    enum cutoff_use cutoff;
    enum average average;
    int ignores_rel; /* 1: grades themselves matter, so rel= means nothing */
    int uses_p;      /* 1: has the parameter p= */
    int is_count;
    /* The value for one query. */
    double (*score)(const struct measure *m, const struct view *v);
};

/* One row or more a file: m_NAME.c. */
extern const struct measure_kind measure_ndcg;
extern const struct measure_kind measure_ap, measure_gm_map;
extern const struct measure_kind measure_p;
extern const struct measure_kind measure_r;
extern const struct measure_kind measure_rr;
extern const struct measure_kind measure_rprec;
extern const struct measure_kind measure_bpref, measure_gm_bpref;
extern const struct measure_kind measure_success;
extern const struct measure_kind measure_judged;
extern const struct measure_kind measure_iprec;
extern const struct measure_kind measure_err;
extern const struct measure_kind measure_rbp;
extern const struct measure_kind measure_infap;
extern const struct measure_kind measure_set_p, measure_set_r, measure_set_f;
extern const struct measure_kind measure_num_q, measure_num_ret, measure_num_rel,
    measure_num_rel_ret;

/* The ranks that a measure looks at: its cut-off, or all if there is none or are fewer. */
size_t view_depth(const struct measure *m, const struct view *v);

/* Relevant documents among the first `depth` of the ranking. */
size_t view_rel_ret(const struct view *v, int rel, size_t depth);

/* Relevant documents in the qrels. */
size_t view_rel(const struct view *v, int rel);

#endif
