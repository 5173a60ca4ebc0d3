/* quantise.c -- weights to 8 bits per row. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "model/quantise.h"

#include <math.h>

void quantise_weights(int8_t *q, float *scale, float *sum, const float *w, int n, int max)
{
    float top = 0, inverse, step;
    int total = 0;

    for (int i = 0; i < n; i++)
        top = fabsf(w[i]) > top || isnan(w[i]) ? fabsf(w[i]) : top;
    step = top / (float)max;
    inverse = step > 0 ? 1 / step : 0;
    for (int i = 0; i < n; i++) {
        float t = w[i] * inverse;

        if (!(fabsf(t) <= (float)max)) /* rounding, or not a number */
            t = isnan(t) ? 0 : copysignf((float)max, t);
        q[i] = (int8_t)lrintf(t);
        total += q[i];
    }
    *scale = step;
    *sum = step * (float)total;
}
