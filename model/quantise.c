/* quantise.c -- weights to 8 bits per row. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "model/quantise.h"

#include <math.h>

void quantise_weights(int8_t *q, float *scale, float *middle, float *sum, const float *w, int n,
                      int max)
{
    float least = w[0], most = w[0], inverse, step, centre;
    int total = 0;

    for (int i = 1; i < n; i++) {
        least = w[i] < least || isnan(w[i]) ? w[i] : least;
        most = w[i] > most || isnan(w[i]) ? w[i] : most;
    }
    step = (most / 2 - least / 2) / (float)max;
    inverse = step > 0 ? 1 / step : 0;
    centre = most / 2 + least / 2;
    for (int i = 0; i < n; i++) {
        float t = (w[i] - centre) * inverse;

        if (!(fabsf(t) <= (float)max)) /* rounding, or not a number */
            t = isnan(t) ? 0 : copysignf((float)max, t);
        q[i] = (int8_t)lrintf(t);
        total += q[i];
    }
    *scale = step;
    *middle = centre;
    *sum = step * (float)total + centre * (float)n;
}
