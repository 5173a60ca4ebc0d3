/* published.c -- the published score; see published.h. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "reranker/published.h"

#include <math.h>

double published_score(const double *asked, const double *content_free, size_t n)
{
    double mean = 0, squares = 0, score = 0, least = -INFINITY;

    for (size_t i = 0; i < n; i++)
        mean += (asked[i] - content_free[i]) / (double)n;
    for (size_t i = 0; i < n; i++) {
        const double off = asked[i] - content_free[i] - mean;

        squares += off * off;
    }
    if (n > 1)
        least = mean - 2 * sqrt(squares / (double)(n - 1));
    for (size_t i = 0; i < n; i++)
        if (asked[i] - content_free[i] > least)
            score += asked[i] - content_free[i];
    return score;
}
