/* check_retriever_sums.c -- every kernel of sums.h gives the bytes of the scalar one. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "retriever/sums.h"
#include "tests/retriever_fixture.h"

enum { N = 1000 };

static const char *const names[] = {"avx2", "avx512"};

struct run {
    uint32_t passages[N], freqs[N], lengths[4 * N];
};

static void fill(struct run *r, uint64_t *seed)
{
    uint32_t passage = 5;

    for (int i = 0; i < 4 * N; i++)
        r->lengths[i] = (uint32_t)(next_random(seed) % 3000);
    for (int i = 0; i < N; i++) {
        passage += 1 + (uint32_t)(next_random(seed) % 3);
        r->passages[i] = passage;
        r->freqs[i] = 1 + (uint32_t)(next_random(seed) % 40);
    }
}

START_TEST(sums_have_the_bytes_of_the_scalar_kernel)
{
    const struct sums_kernel *scalar = sums_kernel_find("scalar"), *k = sums_kernel_find(names[_i]);
    struct sums_formula formulas[] = {{3.7f, 0.54f, 0.0031f, 0}, {1.5f, 0, 0, 0}, {0.25f, 0, 0, 1}};
    uint64_t seed = 7;
    struct run r;

    for (int round = 0; k && round < 200; round++) {
        const struct sums_formula *f = &formulas[round % 3];
        uint32_t from = (uint32_t)(next_random(&seed) % 20);
        uint32_t n = 1 + (uint32_t)(next_random(&seed) % (N - 20));
        float want[4 * N] = {0}, got[4 * N] = {0};

        fill(&r, &seed);
        for (int again = 0; again < 2; again++) {
            scalar->add(want, 5, r.passages + from, r.freqs + from, n, r.lengths, f);
            k->add(got, 5, r.passages + from, r.freqs + from, n, r.lengths, f);
        }
        ck_assert_mem_eq(want, got, sizeof want);
    }
}
END_TEST

START_TEST(what_is_above_is_taken_in_order_and_all_cleared)
{
    const struct sums_kernel *k = sums_kernel_find(_i ? names[_i - 1] : "scalar");
    uint64_t seed = 11;

    for (int round = 0; k && round < 200; round++) {
        uint32_t n = 1 + (uint32_t)(next_random(&seed) % N), found, at = 0;
        uint32_t passages[N + SUMS_PAD];
        float sums[N + SUMS_PAD] = {0}, zeroes[N + SUMS_PAD] = {0}, was[N], scores[N + SUMS_PAD];
        float need = (float)(round % 5);

        for (uint32_t i = 0; i < n; i++)
            sums[i] = was[i] = (float)(next_random(&seed) % 6);
        found = k->take(passages, scores, sums, 100, n, need);
        for (uint32_t i = 0; i < n; i++) {
            if (!(was[i] > need))
                continue;
            ck_assert_uint_lt(at, found);
            ck_assert_uint_eq(passages[at], 100 + i);
            ck_assert_float_eq(scores[at], was[i]);
            at++;
        }
        ck_assert_uint_eq(at, found);
        ck_assert_mem_eq(sums, zeroes, sizeof sums);
    }
}
END_TEST

START_TEST(the_best_kernel_is_one_of_the_table)
{
    ck_assert_ptr_eq(sums_kernel_find(sums_kernel_best()->name), sums_kernel_best());
    ck_assert_ptr_null(sums_kernel_find("sse"));
}
END_TEST

TCase *tcase_sums(void)
{
    TCase *tc = tcase_create("sums");

    tcase_add_loop_test(tc, sums_have_the_bytes_of_the_scalar_kernel, 0, 2);
    tcase_add_loop_test(tc, what_is_above_is_taken_in_order_and_all_cleared, 0, 3);
    tcase_add_test(tc, the_best_kernel_is_one_of_the_table);
    return tc;
}
