/* linear.h -- y = x W^T + b, in 8 bits or in float32: the one place where the two differ.
 *
 * 8 bits: rows of x are rounded as they come and multiplied with rounded weights
 * (product.h); float32 is the reference (gemm.h).
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MODEL_LINEAR_H
#define MODEL_LINEAR_H

#include "base/err.h"
#include "model/gemm.h"
#include "model/kernels.h"

struct linear; /* W [n, k] packed, b [n] */

/* What one thread needs for blocks of GEMM_ROWS rows. */
struct linear_scratch;

/* A layer whose rows of W are to be set, all of them, and b if it is not zero; then it is finished, once.
 * precision  MODEL_I8 or MODEL_F32 (model.h).  lib must outlive the result. */
int linear_begin(struct linear **out, struct gemm_lib *lib, int precision, int n, int k,
                 struct err *err);
/* Rows first..first+n_rows-1 of W, from W [n_rows, k], and b [n], not kept.  In 8 bits different rows may be set by
 * several threads. */
void linear_set_rows(struct linear *l, int first, int n_rows, const float *W);
void linear_set_bias(struct linear *l, const float *b);
/* After the last row.  MODEL_F32 holds W twice until then. */
int linear_finish(struct linear *l, struct err *err);

/* All at once: W [n, k], b [n] or NULL. */
int linear_new(struct linear **out, struct gemm_lib *lib, int precision, const float *W,
               const float *b, int n, int k, struct err *err);
void linear_free(struct linear *l);

/* max_n, max_k: the largest of the layers it will be used with. */
int linear_scratch_new(struct linear_scratch **out, struct gemm_lib *lib, int max_n, int max_k,
                       struct err *err);
void linear_scratch_free(struct linear_scratch *s);

/* y [m, n] = activation(x [m, k] W^T + b), m in 1..GEMM_ROWS.
 *
 * activation  of one row in place; NULL = none.
 *
 * A row of y depends on its row of x alone, to the bit.  Returns 0 or E_IO.
 */
int linear_run(float *y, const struct linear *l, const struct kernels *kernels,
               struct linear_scratch *s, const float *x, int m, void (*activation)(float *, int),
               struct err *err);

/* The same without an activation, for threads that share a product of few rows: part 0..parts-1 of the columns
 * of y; in float32 part 0 is all of them.  All parts together are linear_run's y, to the bit. */
int linear_run_part(float *y, const struct linear *l, const struct kernels *kernels,
                    struct linear_scratch *s, const float *x, int m, int part, int parts,
                    struct err *err);

/* y [m, n] = activation(x [m, k] W^T) * (x [m, k] up^T), number by number: a part of the columns, as above.
 * The gated feed-forward of decoders (Shazeer, "GLU Variants Improve Transformer", 2020), some columns of both at a time, since
 * rows of all of them leave the second-level cache.
 *
 * room [m, n]  is overwritten in the part's columns; threads that share a product may share it. */
int linear_run_gated(float *y, float *room, const struct linear *l, const struct linear *up,
                     const struct kernels *kernels, struct linear_scratch *s, const float *x, int m,
                     void (*activation)(float *, int), int part, int parts, struct err *err);

#endif
