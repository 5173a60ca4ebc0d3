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

/* precision  MODEL_I8 or MODEL_F32 (model.h).
 * W [n, k], b [n] are not kept; lib must outlive the result. */
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

#endif
