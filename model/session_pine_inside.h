/* session_pine_inside.h -- what order-invariant reading consists of; for model/session_pine*.c alone. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MODEL_SESSION_PINE_INSIDE_H
#define MODEL_SESSION_PINE_INSIDE_H

#include "model/session_inside.h"
#include "model/session_pine.h"

struct pine_place {
    const int *ids;
    int given;    /* which one it was */
    int begin, n; /* cells */
};

/* What one thread needs for itself. */
struct pine_hand {
    float *
        straight; /* [tiles of the documents, d, KEY_TILE]: keys of a key head, turned back to no place */
    float *keys,
        *values; /* of the key head at hand [max_cells, d] as floats, of a coarse session; else NULL */
    float *queries;          /* [score rows, d] */
    double *importance;      /* [n] */
    int *order;              /* [n] most important first */
    struct pine_part *parts; /* [n + 2] */
};

/* Cells whose keys meet queries that were turned by the same amount. */
struct pine_part {
    int begin, end;
    int by; /* positions that a query goes on, from its cell's */
};

struct pine {
    struct session *s;
    int n;                     /* documents */
    int head, cells;           /* cells of the head, and of all documents */
    struct pine_place *places; /* [n] in the order of cells */
    struct pine_hand *hands;   /* [n_hands of the session] */
    int n_hands;
};

#endif
