/* s_t.c -- the paired t-test.
 *
 * "Student" (Gosset), "The Probable Error of a Mean", Biometrika 6(1), 1908: t = mean / (sd / sqrt(n))
 * with n - 1 degrees of freedom.  Differences that are all the same leave no error to measure by; as R's
 * t.test this refuses them rather than say that p is 0.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "eval/distributions.h"
#include "eval/s_tests.h"

static int run(struct significance *out, const struct differences *in, struct err *err)
{
    double squares = 0, deviation;

    (void)err;
    for (size_t i = 0; i < in->n; i++)
        squares += (in->d[i] - in->mean) * (in->d[i] - in->mean);
    deviation = in->n > 1 ? sqrt(squares / (double)(in->n - 1)) : 0;
    out->exact = 0;
    if (deviation <= in->noise) {
        out->statistic = out->p = NAN;
        return 0;
    }
    out->statistic = in->mean / (deviation / sqrt((double)in->n));
    out->p = student_two_sided(out->statistic, (double)(in->n - 1));
    return 0;
}

const struct significance_test significance_t = {
    .name = "t",
    .title = "t-test",
    .wants = "two queries or more that do not all differ by the same",
    .about = "paired t-test: the mean difference against its standard error (Student 1908)",
    .run = run,
};
