/* check_indexer_postings.c -- bit packing, halves, and postings: round trips, laws, hostile bytes. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "indexer/bitpack.h"
#include "base/half.h"
#include "indexer/postings.h"
#include "tests/indexer_fixture.h"

/* ---- bit packing ---- */

START_TEST(every_width_packs_and_unpacks)
{
    uint32_t in[BITPACK_N], out[BITPACK_N];
    unsigned char bytes[16 * 32 + 1];
    uint64_t seed = 7;
    int width = _i;

    for (int round = 0; round < 20; round++) {
        for (int i = 0; i < BITPACK_N; i++) {
            uint32_t v = random_below(&seed, UINT32_MAX) ^ random_below(&seed, 3) << 30;

            in[i] = width == 32 ? v : v & ((1u << width) - 1);
        }
        if (width)
            in[round] = (uint32_t)((1ull << width) - 1);
        ck_assert_int_eq(bitpack_width(in), width);
        memset(bytes, 0xa5, sizeof bytes);
        bitpack_write(bytes + 1, in, width); /* not aligned */
        ck_assert_int_eq(bytes[0], 0xa5);
        if (bitpack_bytes(width) + 1 < sizeof bytes)
            ck_assert_int_eq(bytes[bitpack_bytes(width) + 1], 0xa5);
        bitpack_read(out, bytes + 1, width);
        ck_assert_mem_eq(in, out, sizeof in);
        bitpack_read_rising(out, bytes + 1, width, UINT32_MAX);
        for (uint32_t i = 0, sum = UINT32_MAX; i < BITPACK_N; i++)
            ck_assert_uint_eq(out[i], sum += in[i] + 1);
    }
}
END_TEST

START_TEST(the_layout_is_four_lanes_of_little_endian_words)
{
    uint32_t in[BITPACK_N] = {0};
    unsigned char bytes[16 * 3], want[16 * 3] = {0};

    /* value 46 is number 11 of lane 2: bits 33..35 of the lane are bits 1..3 of its word 1 */
    in[46] = 5;
    want[4 * (4 * 1 + 2)] = 5 << 1;
    /* value 41 is number 10 of lane 1: bits 30..32, so it lies in words 0 and 1 */
    in[41] = 7;
    want[4 * (4 * 0 + 1) + 3] = 0xc0;
    want[4 * (4 * 1 + 1)] = 1;
    bitpack_write(bytes, in, 3);
    ck_assert_mem_eq(bytes, want, sizeof want);
}
END_TEST

START_TEST(every_half_survives_the_way_through_float)
{
    for (uint32_t h = 0; h < 1 << 16; h++) {
        float f = half_to_float((uint16_t)h);

        if (isnan(f))
            ck_assert(isnan(half_to_float(half_from_float(f))));
        else
            ck_assert_uint_eq(half_from_float(f), h);
    }
    /* known values, and rounding to even on both sides */
    ck_assert_uint_eq(half_from_float(1.0f), 0x3c00);
    ck_assert_uint_eq(half_from_float(-2.0f), 0xc000);
    ck_assert_uint_eq(half_from_float(65504.0f), 0x7bff);
    ck_assert_uint_eq(half_from_float(65520.0f), 0x7c00);
    ck_assert_uint_eq(half_from_float(0x1p-24f), 0x0001);
    ck_assert_uint_eq(half_from_float(0x1p-25f), 0x0000);
    ck_assert_uint_eq(half_from_float(1.0f + 0x1p-11f), 0x3c00);
    ck_assert_uint_eq(half_from_float(1.0f + 3 * 0x1p-11f), 0x3c02);
    ck_assert_uint_eq(half_from_float(1.0f + 0x1p-11f + 0x1p-20f), 0x3c01);
}
END_TEST

/* ---- postings ---- */

enum { SIZE = 60000 };

struct list {
    uint64_t postings[SIZE];
    size_t n;
    uint32_t lengths[SIZE];
    struct buf bytes;
    struct term_postings *t;
    struct err err;
};

/* n postings with gaps of up to `gap`, freqs of up to `freq`. */
static void make_list(struct list *l, size_t n, uint32_t gap, uint32_t freq, uint64_t *seed)
{
    uint32_t passage = 0;

    for (uint32_t i = 0; i < SIZE; i++)
        l->lengths[i] = random_below(seed, 400);
    l->n = 0;
    for (size_t i = 0; i < n && passage < SIZE; i++) {
        l->postings[l->n++] =
            posting_make(passage, 1 + random_below(seed, 1 + random_below(seed, freq)));
        passage += 1 + random_below(seed, gap);
    }
}

static int read_list(struct list *l, const void *bytes, size_t n_bytes)
{
    unsigned char *data = mem_zalloc(n_bytes + POSTINGS_PAD, 1);

    if (!data)
        return E_NOMEM;
    memcpy(data, bytes, n_bytes);
    return term_postings_new(&l->t, data, n_bytes, (uint32_t)l->n, SIZE, l->lengths, &l->err);
}

static void write_and_read(struct list *l)
{
    buf_reset(&l->bytes);
    postings_write(&l->bytes, l->postings, l->n, l->lengths);
    ck_assert_int_eq(buf_error(&l->bytes), 0);
    ck_assert_ok(read_list(l, l->bytes.data, l->bytes.len), &l->err);
}

static void end_list(struct list *l)
{
    term_postings_free(l->t);
    buf_clear(&l->bytes);
    mem_free(l);
}

static const struct {
    size_t n;
    uint32_t gap, freq;
} shapes[] = {
    {1, 1, 1},     {2, 9, 3},       {127, 5, 2},    {128, 5, 2},    {128, 1, 1},
    {129, 5, 2},   {256, 100, 40},  {1000, 1, 1},   {1000, 50, 9},  {5000, 12, 70000},
    {60000, 1, 5}, {300, 200, 300}, {383, 150, 20}, {384, 150, 20}, {385, 150, 20},
};
enum { N_SHAPES = sizeof shapes / sizeof *shapes };

static struct list *shaped(int i, uint64_t *seed)
{
    struct list *l = mem_zalloc(1, sizeof *l);

    ck_assert_ptr_nonnull(l);
    make_list(l, shapes[i].n, shapes[i].gap, shapes[i].freq, seed);
    write_and_read(l);
    return l;
}

START_TEST(a_cursor_gives_back_what_was_written)
{
    uint64_t seed = 11;
    struct list *l = shaped(_i, &seed);
    struct postings p;
    size_t i = 0;

    for (postings_begin(&p, l->t); p.passage != POSTINGS_END; postings_next(&p), i++) {
        ck_assert(i < l->n);
        ck_assert_uint_eq(p.passage, posting_passage(l->postings[i]));
        if (i % 3 == 0) /* asked for or not, the next one is right */
            ck_assert_uint_eq(postings_freq(&p), posting_freq(l->postings[i]));
    }
    ck_assert_uint_eq(i, l->n);
    ck_assert_uint_eq(postings_next(&p), POSTINGS_END);
    ck_assert_uint_eq(postings_seek(&p, 0), POSTINGS_END);
    end_list(l);
}
END_TEST

START_TEST(seeking_finds_what_a_linear_scan_finds)
{
    uint64_t seed = 13;
    struct list *l = shaped(_i, &seed);

    for (int round = 0; round < 30; round++) {
        uint32_t step = 2 + random_below(&seed, round < 10 ? 30 : 6000);
        struct postings p;
        size_t at = 0;

        postings_begin(&p, l->t);
        for (uint32_t target = random_below(&seed, step); target < SIZE + 5;
             target += random_below(&seed, step) + (round & 1)) {
            while (at < l->n && posting_passage(l->postings[at]) < target)
                at++;
            uint32_t want = at < l->n ? posting_passage(l->postings[at]) : POSTINGS_END;
            if (postings_seek(&p, target) != want)
                ck_abort_msg("seek %u gives %u, not %u", target, p.passage, want);
            if (want == POSTINGS_END)
                break;
            if (postings_freq(&p) != posting_freq(l->postings[at]))
                ck_abort_msg("freq at %u", target);
            if (target % 7 == 0 && at + 1 < l->n) { /* mixed with next */
                at++;
                ck_assert_uint_eq(postings_next(&p), posting_passage(l->postings[at]));
            }
        }
    }
    end_list(l);
}
END_TEST

START_TEST(find_block_finds_what_a_linear_scan_finds)
{
    uint64_t seed = 17;
    struct list *l = shaped(_i, &seed);
    struct postings p;

    postings_begin(&p, l->t);
    for (int round = 0; round < 2000; round++) {
        uint32_t target = random_below(&seed, SIZE + 10), want = 0;
        uint32_t from = random_below(&seed, p.n_blocks + 2);

        while (want < p.n_blocks && postings_block_last(&p, want) < target)
            want++;
        ck_assert_uint_eq(postings_find_block(&p, target, 0), want);
        if (from <= want)
            ck_assert_uint_eq(postings_find_block(&p, target, from), want);
    }
    end_list(l);
}
END_TEST

START_TEST(impacts_bound_every_posting_of_their_block)
{
    uint64_t seed = 19;
    struct list *l = shaped(_i, &seed);
    struct postings p;

    postings_begin(&p, l->t);
    for (uint32_t b = 0; b < p.n_blocks; b++) {
        int n, tight = 0;
        const struct impact *im = postings_block_impacts(&n, &p, b);
        uint32_t most = 0;

        ck_assert_int_ge(n, 1);
        ck_assert_int_le(n, IMPACTS_MAX);
        for (int i = 1; i < n; i++)
            ck_assert(im[i].freq > im[i - 1].freq && im[i].length > im[i - 1].length);
        for (size_t i = b * POSTINGS_BLOCK; i < l->n && i < (b + 1) * (size_t)POSTINGS_BLOCK; i++) {
            uint32_t freq = posting_freq(l->postings[i]), k = 0;
            uint32_t length = l->lengths[posting_passage(l->postings[i])];

            while (k < (uint32_t)n && !(im[k].freq >= freq && im[k].length <= length))
                k++;
            ck_assert_msg(k < (uint32_t)n, "block %u: freq %u, length %u is not bounded", b, freq,
                          length);
            most = freq > most ? freq : most;
            tight |= length == im[0].length;
        }
        ck_assert_uint_eq(im[n - 1].freq, most); /* and not by more than need be */
        ck_assert(tight);
    }
    end_list(l);
}
END_TEST

START_TEST(rare_terms_cost_few_bytes)
{
    uint64_t seed = 23;
    struct list *l = mem_zalloc(1, sizeof *l);

    ck_assert_ptr_nonnull(l);
    make_list(l, 1, 1, 1, &seed);
    write_and_read(l);
    ck_assert_uint_eq(l->bytes.len, 1);
    term_postings_free(l->t);
    l->t = NULL;
    make_list(l, 60000, 1, 1, &seed); /* every passage once: only the directory is left */
    write_and_read(l);
    ck_assert_uint_lt(l->bytes.len, 60000 / 128 * 20);
    end_list(l);
}
END_TEST

/* Reads changed bytes: an error, or postings that rise below SIZE with freqs of at least 1. */
static void read_hostile(struct list *l, const char *bytes, size_t n)
{
    struct postings p;
    uint32_t last = 0, count = 0;
    int rc;

    err_clear(&l->err);
    rc = read_list(l, bytes, n);
    if (rc) {
        ck_assert_int_eq(rc, E_FORMAT);
        return;
    }
    for (postings_begin(&p, l->t); p.passage != POSTINGS_END; postings_next(&p), count++) {
        if (p.passage >= SIZE || (count && p.passage <= last) || postings_freq(&p) < 1)
            ck_abort_msg("posting %u: passage %u after %u", count, p.passage, last);
        last = p.passage;
    }
    ck_assert_uint_eq(count, l->n);
    term_postings_free(l->t);
    l->t = NULL;
}

START_TEST(damaged_postings_give_an_error_or_postings_in_order)
{
    uint64_t seed = 29;
    struct list *l = shaped(_i, &seed);
    char *copy = mem_dup(l->bytes.data, l->bytes.len);
    size_t n = l->bytes.len;

    term_postings_free(l->t);
    l->t = NULL;
    for (int round = 0; round < 400; round++) {
        size_t at = random_below(&seed, (uint32_t)(n < 300 || round % 2 ? n : 300));
        char was = copy[at];

        copy[at] =
            (char)(round % 4 ? was ^ (1 << random_below(&seed, 8)) : (int)random_below(&seed, 256));
        read_hostile(l, copy, n);
        copy[at] = was;
    }
    for (int round = 0; round < 60; round++)
        read_hostile(l, copy, random_below(&seed, (uint32_t)n));
    l->n = l->n > 1 ? l->n - 1 : 2; /* and when the count is wrong */
    read_hostile(l, copy, n);
    l->n += 500;
    if (l->n <= SIZE)
        read_hostile(l, copy, n);
    mem_free(copy);
    end_list(l);
}
END_TEST

START_TEST(reading_postings_survives_each_failing_allocation)
{
    uint64_t seed = 31;
    struct list *l = shaped(6, &seed);
    int rc = 0;

    FAIL_EACH_ALLOC(rc, {
        term_postings_free(l->t);
        l->t = NULL;
        rc = read_list(l, l->bytes.data, l->bytes.len);
        err_clear(&l->err);
    });
    FAIL_EACH_ALLOC(rc, {
        buf_clear(&l->bytes);
        postings_write(&l->bytes, l->postings, l->n, l->lengths);
        rc = buf_error(&l->bytes);
    });
    end_list(l);
}
END_TEST

TCase *tcase_bitpack(void)
{
    TCase *tc = tcase_create("bitpack");

    tcase_add_loop_test(tc, every_width_packs_and_unpacks, 0, 33);
    tcase_add_test(tc, the_layout_is_four_lanes_of_little_endian_words);
    tcase_add_test(tc, every_half_survives_the_way_through_float);
    return tc;
}

TCase *tcase_postings(void)
{
    TCase *tc = tcase_create("postings");

    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, a_cursor_gives_back_what_was_written, 0, N_SHAPES);
    tcase_add_loop_test(tc, seeking_finds_what_a_linear_scan_finds, 0, N_SHAPES);
    tcase_add_loop_test(tc, find_block_finds_what_a_linear_scan_finds, 0, N_SHAPES);
    tcase_add_loop_test(tc, impacts_bound_every_posting_of_their_block, 0, N_SHAPES);
    tcase_add_test(tc, rare_terms_cost_few_bytes);
    tcase_add_loop_test(tc, damaged_postings_give_an_error_or_postings_in_order, 0, N_SHAPES);
    tcase_add_test(tc, reading_postings_survives_each_failing_allocation);
    return tc;
}
