/* gemm.h -- the large matrix products: a fixed matrix of weights times many rows.
 *
 *     gemm_new_i8(&g, lib, w, n, k, &err);
 *     gemm_run(acc, g, scratch, q, m, &err);
 *
 * Weights are packed once, in the order in which the processor wants them, and
 * a product is cut into calls of GEMM_ROWS, or fewer at the end, rows.
 *
 * One caller is one thread: no product starts threads of its own, so that work
 * is split by batches (base/pool.h) and nothing depends on the thread count.
 * A row of the result depends on its row of A alone, to the bit, wherever it
 * stands: 8-bit products are exact, and in f32 each row is summed in the same order.
 *
 * A library (struct gemm_lib) and products may be shared by threads; scratch may not.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MODEL_GEMM_H
#define MODEL_GEMM_H

#include <stdint.h>

#include "base/err.h"

enum { GEMM_ROWS = 64 }; /* rows of the largest call: its results stay in the second-level cache */

struct gemm_lib;     /* the matrix library, opened */
struct gemm;         /* one packed matrix */
struct gemm_scratch; /* what one thread needs */

/* Opens the matrix library.  Errors: E_IO if it refuses, E_NOMEM. */
int gemm_lib_open(struct gemm_lib **out, struct err *err);
void gemm_lib_close(struct gemm_lib *lib);

/* The largest magnitude that an 8-bit weight may have: 127, or 63 on processors without an
 * instruction that multiplies u8 by s8 into 32 bits, where pairs are summed in 16 bits first
 * and 2 * 255 * 64 would saturate (oneDNN's manual, "Nuances of int8 computations"). */
int gemm_max_weight(void);

/* Packs w for C [m, n] (s32) = A [m, k] (u8) times the transpose of w [n, k] (s8).
 *
 * w       each in -gemm_max_weight()..gemm_max_weight(); not kept.
 * lib     must outlive the product.
 */
int gemm_new_i8(struct gemm **out, struct gemm_lib *lib, const int8_t *w, int n, int k,
                struct err *err);

/* The same in float32: C [m, n] = A [m, k] times the transpose of w [n, k]. */
int gemm_new_f32(struct gemm **out, struct gemm_lib *lib, const float *w, int n, int k,
                 struct err *err);
void gemm_free(struct gemm *g);

/* Scratch for any product of lib that exists by now. */
int gemm_scratch_new(struct gemm_scratch **out, struct gemm_lib *lib, struct err *err);
void gemm_scratch_free(struct gemm_scratch *s);

/* Computes a product.
 *
 * C       [m, n] int32_t or float, as g was made.
 * A       [m, k] uint8_t or float.
 *
 * Returns 0 or E_IO.  Cost: 2 m n k operations.
 */
int gemm_run(void *C, const struct gemm *g, struct gemm_scratch *s, const void *A, int m,
             struct err *err);

#endif
