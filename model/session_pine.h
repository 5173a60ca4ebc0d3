/* session_pine.h -- documents of which none is first: a prompt read so that their order changes no bit (PINE).
 *
 *     session_read(s, head);                                    -- causal
 *     pine_read(&p, s, documents, n, &err);
 *     pine_read_tail(p, ids, n_ids, tap, &err);                 -- attends to cells pine_cell(p, i) and on of document i
 *     session_cut(s, pine_cells(p));                            -- ready for another tail
 *     pine_free(p);
 *
 * Every document sees the others whole, and for every reader, a document or a token of the tail, each head lines the others up
 * by importance, the most important next to the reader.  Importance is what attention without places would give to a
 * document's tokens on average.  A document ends where the last one of them all would, for itself; places of the head and the tail
 * are as if all were read one behind the other.
 *
 * Documents lie in the cells in an order that their tokens alone decide, so permuted documents give the same bits.  (Two equal
 * documents are told apart by the order they come in; swapping them swaps nothing but their names.)
 *
 * Source: Wang et al., "Eliminating Position Bias of Language Models: A Mechanistic Approach", 2024, section 3.3.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MODEL_SESSION_PINE_H
#define MODEL_SESSION_PINE_H

#include "model/session.h"

struct pine;

struct pine_document {
    const int *ids; /* [n] */
    int n;          /* at least 1 */
};

/* Reads documents behind what is in the session, whose positions must be cell numbers (a causal run or several).
 *
 * The session must outlive *out, and may not be cut below pine_cells while that is used.
 * Errors: as session_read's, and E_INVALID for an empty document; the cells are then as before.
 * Cost: as one causal run of all of them, and N H d numbers of memory; N tokens in all. */
int pine_read(struct pine **out, struct session *s, const struct pine_document *documents, int n,
              struct err *err);
void pine_free(struct pine *p);

/* Cells of the head and all documents. */
int pine_cells(const struct pine *p);

/* The first cell of the document that was given as i-th. */
int pine_cell(const struct pine *p, int i);

/* Reads tokens behind all documents, and behind such tokens that are there already.
 * tap      or NULL; its questions' queries are turned as by their cells' positions, in documents counted from the head on. */
int pine_read_tail(struct pine *p, const int *ids, int n, const struct session_tap *tap,
                   struct err *err);

#endif
