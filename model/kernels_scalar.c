/* kernels_scalar.c -- the reference: each formula of kernels.h as plainly as it can be written.
 *
 * Sums are taken in double, so that what the fast tables are compared with is
 * nearer to the truth than they are.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include "model/kernels.h"

#include <math.h>
#include <stddef.h>

static void add(float *y, const float *x, int n)
{
    for (int i = 0; i < n; i++)
        y[i] += x[i];
}

static float largest(const float *x, int n)
{
    float most = x[0];

    for (int i = 1; i < n; i++)
        most = x[i] > most ? x[i] : most;
    return most;
}

static void max(float *y, const float *x, int n)
{
    for (int i = 0; i < n; i++)
        y[i] = y[i] > x[i] ? y[i] : x[i];
}

static void multiply(float *y, const float *x, int n)
{
    for (int i = 0; i < n; i++)
        y[i] *= x[i];
}

static void scale(float *y, float a, int n)
{
    for (int i = 0; i < n; i++)
        y[i] *= a;
}

static void gelu(float *x, int n)
{
    for (int i = 0; i < n; i++)
        x[i] = (float)(0.5 * (double)x[i] * (1 + erf((double)x[i] * 0.70710678118654752440)));
}

static void gelu_tanh(float *x, int n)
{
    for (int i = 0; i < n; i++) {
        double t = (double)x[i], z = 0.79788456080286535588 * (t + 0.044715 * t * t * t);

        x[i] = (float)(0.5 * t * (1 + tanh(z)));
    }
}

static void silu(float *x, int n)
{
    for (int i = 0; i < n; i++)
        x[i] = (float)((double)x[i] / (1 + exp(-(double)x[i])));
}

static void relu(float *x, int n)
{
    for (int i = 0; i < n; i++)
        x[i] = x[i] > 0 ? x[i] : 0;
}

static void layer_norm(float *y, const float *x, const float *residual, const float *gamma,
                       const float *beta, float eps, int n)
{
    double mean = 0, var = 0, inverse;

    for (int i = 0; i < n; i++) {
        y[i] = residual ? x[i] + residual[i] : x[i];
        mean += (double)y[i];
    }
    mean /= n;
    for (int i = 0; i < n; i++)
        var += ((double)y[i] - mean) * ((double)y[i] - mean);
    inverse = 1 / sqrt(var / n + (double)eps);
    for (int i = 0; i < n; i++)
        y[i] = (float)(((double)y[i] - mean) * inverse) * gamma[i] + beta[i];
}

static void rms_norm(float *y, const float *x, const float *gamma, float eps, int n)
{
    double square = 0, inverse;

    for (int i = 0; i < n; i++)
        square += (double)x[i] * (double)x[i];
    inverse = 1 / sqrt(square / n + (double)eps);
    for (int i = 0; i < n; i++)
        y[i] = (float)((double)x[i] * inverse) * gamma[i];
}

static float exp_sum(float *x, float a, float most, int n)
{
    double sum = 0;

    for (int i = 0; i < n; i++) {
        float t = a * (x[i] - most);

        x[i] = t < -87 ? 0 : expf(t);
        sum += (double)x[i];
    }
    return (float)sum;
}

static float softmax_exp(float *x, float a, int n) { return exp_sum(x, a, largest(x, n), n); }

static void transpose(float *y, int ldy, const float *x, int ldx, int m, int n)
{
    for (int i = 0; i < m; i++)
        for (int j = 0; j < n; j++)
            y[(size_t)j * (size_t)ldy + (size_t)i] = x[(size_t)i * (size_t)ldx + (size_t)j];
}

static void unpack(float *y, const uint8_t *codes, int bits, float lowest, float step, int n)
{
    const int per = 8 / bits, mask = (1 << bits) - 1;

    for (int i = 0; i < n; i++)
        y[i] = lowest + step * (float)(codes[i / per] >> i % per * bits & mask);
}

static void matmul(float *C, int ldc, const float *A, int lda, const float *B, int ldb, int m,
                   int n, int k)
{
    for (int i = 0; i < m; i++)
        for (int j = 0; j < n; j++) {
            double sum = 0;

            for (int p = 0; p < k; p++)
                sum += (double)A[(size_t)i * (size_t)lda + (size_t)p] *
                       (double)B[(size_t)p * (size_t)ldb + (size_t)j];
            C[(size_t)i * (size_t)ldc + (size_t)j] = (float)sum;
        }
}

const struct kernels kernels_scalar = {
    .name = "scalar",
    .product = &product_scalar,
    .add = add,
    .max = max,
    .largest = largest,
    .multiply = multiply,
    .scale = scale,
    .gelu = gelu,
    .gelu_tanh = gelu_tanh,
    .silu = silu,
    .relu = relu,
    .layer_norm = layer_norm,
    .rms_norm = rms_norm,
    .exp_sum = exp_sum,
    .softmax_exp = softmax_exp,
    .transpose = transpose,
    .unpack = unpack,
    .matmul = matmul,
    .attention_i8 = &attention_i8_scalar,
};
