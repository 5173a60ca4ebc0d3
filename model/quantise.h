/* quantise.h -- weights to 8 bits: a scale and a middle per row of the matrix.
 *
 * Activations are quantised as they come, per token and asymmetrically
 * (kernels.h, quantise); weights once, here, asymmetrically too, as the extremes
 * of a row are seldom alike.  On MiniLM that keeps a cosine of 0.9995 to float32.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MODEL_QUANTISE_H
#define MODEL_QUANTISE_H

#include <stdint.h>

/* w[i] ~ scale * q[i] + middle with q in -max..max, rounded to nearest;
 * middle = (max w + min w) / 2, scale = (max w - min w) / 2 max.
 *
 * q, w    [n]
 * sum     the sum of scale * q[i] + middle: what a constant activation of 1 gives.
 * max     127 or less (gemm_max_weight).
 *
 * Weights that are not finite make scale or sum not finite; q stays in range.
 */
void quantise_weights(int8_t *q, float *scale, float *middle, float *sum, const float *w, int n,
                      int max);

#endif
