/* kernels.c -- chooses the table of kernels that the processor can run. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "model/kernels.h"

#include <stddef.h>
#include <string.h>

static int is_runnable(const struct kernels *k)
{
#if defined __x86_64__ && defined __GNUC__
    if (k == &kernels_avx512)
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
               __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
               __builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("fma");
    if (k == &kernels_avx2)
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#endif
    return k == &kernels_scalar;
}

matmul_bf16_fn *kernels_matmul_bf16(const struct kernels *k)
{
#if defined __x86_64__ && defined __GNUC__
    if (k == &kernels_avx512 && __builtin_cpu_supports("avx512bf16"))
        return matmul_bf16;
#endif
    (void)k;
    return NULL;
}

static const struct kernels *const tables[] = {
#if defined __x86_64__ && defined __GNUC__
    &kernels_avx512,
    &kernels_avx2,
#endif
    &kernels_scalar,
}; /* best first */

const struct kernels *kernels_best(void)
{
    size_t i = 0;

    while (!is_runnable(tables[i]))
        i++;
    return tables[i];
}

const struct kernels *kernels_find(const char *name)
{
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
        if (!strcmp(tables[i]->name, name))
            return is_runnable(tables[i]) ? tables[i] : NULL;
    return NULL;
}
