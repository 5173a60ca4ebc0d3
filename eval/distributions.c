/* distributions.c -- see distributions.h. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "eval/distributions.h"

#include <float.h>
#include <math.h>

enum { STEPS_MAX = 100000 }; /* no argument of ours needs more than a few thousand */

static double log_gamma(double x)
{
    int sign; /* lgamma() would keep it in a global */

    return lgamma_r(x, &sign);
}

static double not_zero(double x) { return fabs(x) < DBL_MIN ? DBL_MIN : x; }

/* 1 + d_1 / (1 + d_2 / (1 + ...)) with the d_m of DLMF 8.17.23 and 24, for x < (a + 1) / (a + b + 2).
 * Evaluated from the front, as a product of ratios of neighbouring numerators and denominators: Lentz,
 * "Generating Bessel functions in Mie scattering calculations using continued fractions", Applied
 * Optics 15(3), 1976; zeros are avoided as in Thompson and Barnett, J. Comput. Phys. 64, 1986. */
static double beta_fraction(double a, double b, double x)
{
    double c = 1, d = 0, value = 1;

    for (int step = 1; step < STEPS_MAX; step++) {
        const double m = step / 2;
        const double term = step % 2 ? -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
                                     : m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));

        d = 1 / not_zero(1 + term * d);
        c = not_zero(1 + term / c);
        value *= c * d;
        if (fabs(c * d - 1) < DBL_EPSILON)
            break;
    }
    return value;
}

/* I_x(a, b) where the fraction converges fast. */
static double beta_below(double a, double b, double x, double y)
{
    const double log_front = a * (x < 0.5 ? log(x) : log1p(-y)) +
                             b * (y < 0.5 ? log(y) : log1p(-x)) + log_gamma(a + b) - log_gamma(a) -
                             log_gamma(b);

    return exp(log_front) / (a * beta_fraction(a, b, x));
}

double incomplete_beta(double a, double b, double x, double y)
{
    if (x <= 0)
        return 0;
    if (y <= 0)
        return 1;
    if (x > (a + 1) / (a + b + 2))
        return 1 - beta_below(b, a, y, x);
    return beta_below(a, b, x, y);
}

double student_two_sided(double t, double df)
{
    const double t2 = t * t;

    if (isinf(t2))
        return 0;
    return incomplete_beta(df / 2, 0.5, df / (df + t2), t2 / (df + t2));
}

double normal_two_sided(double z) { return erfc(fabs(z) / sqrt(2)); }
