/* coverage.c -- counts the edges of the program that an input reaches, as AFL does: a place and the one before it.
 *
 * gcc's -fsanitize-coverage=trace-pc calls the function below in every block.  This file is not
 * compiled with it (the attribute says so), or it would call itself.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/fuzz/fuzz.h"

enum { MAP_BITS = 18 };

static unsigned char seen[1 << MAP_BITS];
static size_t n_edges;
static uintptr_t before;

void __sanitizer_cov_trace_pc(void);

__attribute__((no_sanitize_coverage, no_sanitize("address", "undefined"))) void
__sanitizer_cov_trace_pc(void)
{
    uintptr_t pc = (uintptr_t)__builtin_return_address(0);
    uintptr_t at = ((pc >> 1) ^ before) & ((1 << MAP_BITS) - 1);

    before = pc;
    if (!seen[at]) {
        seen[at] = 1;
        n_edges++;
    }
}

size_t coverage_edges(void) { return n_edges; }
