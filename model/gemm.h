/* gemm.h -- the large matrix products in float32, the reference: a fixed matrix of weights times many rows.
 *
 *     gemm_new(&g, lib, w, n, k, &err);
 *     gemm_run(y, g, scratch, x, m, &err);
 *
 * Weights are packed once, in the order in which the processor wants them, and
 * a product is cut into calls of GEMM_ROWS, or fewer at the end, rows.
 *
 * One caller is one thread: no product starts threads of its own.  A row of the result
 * depends on its row of A alone, to the bit, wherever it stands: each is summed in the same order.
 *
 * A library (struct gemm_lib) and products may be shared by threads; scratch may not.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MODEL_GEMM_H
#define MODEL_GEMM_H

#include "base/err.h"

enum { GEMM_ROWS = 64 }; /* rows of the largest call: its results stay in the second-level cache */

struct gemm_lib;     /* the matrix library, opened */
struct gemm;         /* one packed matrix */
struct gemm_scratch; /* what one thread needs */

/* Opens the matrix library.  Errors: E_IO if it refuses, E_NOMEM. */
int gemm_lib_open(struct gemm_lib **out, struct err *err);
void gemm_lib_close(struct gemm_lib *lib);

/* Packs w for C [m, n] = A [m, k] times the transpose of w [n, k].
 *
 * w       not kept.
 * lib     must outlive the product.
 */
int gemm_new(struct gemm **out, struct gemm_lib *lib, const float *w, int n, int k,
             struct err *err);
void gemm_free(struct gemm *g);

/* Scratch for any product of lib that exists by now. */
int gemm_scratch_new(struct gemm_scratch **out, struct gemm_lib *lib, struct err *err);
void gemm_scratch_free(struct gemm_scratch *s);

/* C [m, n] = A [m, k] times the transpose of w.
 *
 * Returns 0 or E_IO.  Cost: 2 m n k operations.
 */
int gemm_run(float *C, const struct gemm *g, struct gemm_scratch *s, const float *A, int m,
             struct err *err);

#endif
