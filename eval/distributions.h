/* distributions.h -- probabilities of the curves that tests need. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef EVAL_DISTRIBUTIONS_H
#define EVAL_DISTRIBUTIONS_H

/* The regularised incomplete beta function I_x(a, b) for a, b > 0; off by about 1e-12 of its value for
 * a + b up to 200, 1e-11 up to 5,000, 1e-9 up to 500,000.
 *
 * x, y   in 0..1 with x + y = 1: both, because neither can be had from the other when it is small.
 *
 * Cost: about sqrt(a + b) steps.
 * Source: the continued fraction DLMF 8.17.22 (https://dlmf.nist.gov/8.17#v), and 8.17.4 where it
 * converges badly.
 */
double incomplete_beta(double a, double b, double x, double y);

/* The chance that Student's t with df > 0 degrees of freedom lies as far from 0 as t, on either side.
 * Source: Abramowitz and Stegun 26.7.1 with 26.5.27: I_x(df/2, 1/2) with x = df / (df + t^2). */
double student_two_sided(double t, double df);

/* The same for the standard normal curve. */
double normal_two_sided(double z);

#endif
