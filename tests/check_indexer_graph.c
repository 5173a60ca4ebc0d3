/* check_indexer_graph.c -- products, rows in two planes, the graph over them, and segments that have one. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdlib.h>

#include "indexer/graph.h"
#include "tests/tiny_model.h"
#include "tests/vectors_fixture.h"

enum { WIDE = 40 };

static float random_number(uint64_t *seed)
{
    return ((float)random_below(seed, 2001) - 1000) / 1000;
}

/* Rows round a few centres; unequal: of lengths from 1 to 3 times the least. */
static struct codes *make_cloud(uint32_t n, int has_low, int unequal, uint64_t seed)
{
    struct err err = {0};
    struct codes *c = NULL;
    float centres[16][WIDE], row[WIDE];
    int16_t q[WIDE];

    ck_assert_ok(codes_new(&c, n, WIDE, has_low, 1, &err), &err);
    for (int i = 0; i < 16 * WIDE; i++)
        centres[i / WIDE][i % WIDE] = random_number(&seed);
    for (uint32_t i = 0; i < n; i++) {
        const float *centre = centres[random_below(&seed, 16)];
        float length = 0, stretch = unequal ? 1 + (float)random_below(&seed, 200) / 100 : 1;

        for (int d = 0; d < WIDE; d++) {
            row[d] = centre[d] + random_number(&seed);
            length += row[d] * row[d];
        }
        for (int d = 0; d < WIDE; d++)
            row[d] *= stretch / sqrtf(length);
        codes_set(c, i, q, code_from_floats(q, row, WIDE));
    }
    return c;
}

static void make_query(float query[WIDE], uint64_t *seed)
{
    for (int d = 0; d < WIDE; d++)
        query[d] = random_number(seed);
}

/* ---- products and rows ---- */

START_TEST(every_table_gives_the_bits_of_the_scalar_one)
{
    static const char *const names[] = {"avx2", "avx512"};
    const struct dots *scalar = dots_find("scalar"), *d = dots_find(names[_i]);
    uint8_t a[1024];
    int8_t low[1024], q[1024];
    float f[1024];
    uint64_t seed = 3;

    ck_assert_ptr_nonnull(scalar);
    for (int round = 0; d && round < 60; round++) {
        size_t n = DOTS_STEP * (1 + random_below(&seed, 16));
        float x, y;

        for (size_t i = 0; i < n; i++) {
            a[i] = round < 2 ? 255 : (uint8_t)random_below(&seed, 256);
            q[i] = round == 0 ? -128 : round == 1 ? 127 : (int8_t)(random_below(&seed, 256) - 128);
            low[i] = (int8_t)(random_below(&seed, 256) - 128);
            f[i] = random_number(&seed);
        }
        ck_assert_int_eq(d->bytes(a, q, n), scalar->bytes(a, q, n));
        x = d->planes(a, low, f, n);
        y = scalar->planes(a, low, f, n);
        ck_assert_msg(!memcmp(&x, &y, sizeof x), "%zu numbers: %.9g, not %.9g", n, (double)x,
                      (double)y);
    }
    ck_assert_ptr_null(dots_find("none"));
}
END_TEST

START_TEST(a_vector_is_kept_to_half_a_step)
{
    float row[WIDE], again[WIDE], scale;
    int16_t q[WIDE], more[WIDE];
    uint64_t seed = 9;

    for (int round = 0; round < 50; round++) {
        float most = 0;

        for (int d = 0; d < WIDE; d++) {
            row[d] = random_number(&seed) * powf(10, (float)round / 4 - 8);
            most = fabsf(row[d]) > most ? fabsf(row[d]) : most;
        }
        scale = code_from_floats(q, row, WIDE);
        ck_assert(code_is_valid(q, WIDE, scale));
        ck_assert_float_eq_tol(scale * CODE_MOST, most, most * 1e-6f);
        for (int d = 0; d < WIDE; d++) {
            ck_assert_float_le(fabsf(row[d] - scale * (float)q[d]), scale * 0.502f);
            again[d] = scale * (float)q[d];
        }
        code_from_floats(more, again, WIDE);
        ck_assert_mem_eq(q, more, sizeof q);
    }
    memset(row, 0, sizeof row);
    ck_assert(code_from_floats(q, row, WIDE) == 0 && code_is_valid(q, WIDE, 0));
    q[7] = CODE_MOST + 1;
    ck_assert(!code_is_valid(q, WIDE, 1));
    q[7] = 0;
    ck_assert(!code_is_valid(q, WIDE, NAN) && !code_is_valid(q, WIDE, -1) &&
              !code_is_valid(q, WIDE, 3));
}
END_TEST

static int is_set(const uint64_t *bits, uint32_t i) { return (int)(bits[i >> 6] >> (i & 63) & 1); }

START_TEST(a_scan_passes_over_nothing_that_belongs_to_the_best)
{
    struct err err = {0};
    const uint32_t n = 700;
    struct codes *c = make_cloud(n, 1, _i & 1, 4);
    uint64_t seed = 6, skip[2][11] = {{0}};
    struct near *found = mem_alloc(n, sizeof *found);
    float query[WIDE];

    for (int round = 0; round < 30; round++) {
        size_t k = 1 + random_below(&seed, round % 3 ? 20 : 800), n_found, n_better, n_wanted = 0;
        struct probe p;

        for (uint32_t i = 0; i < n; i++)
            skip[i & 1][i >> 6] |= (uint64_t)(random_below(&seed, 50) < (uint32_t)round)
                                   << (i & 63);
        make_query(query, &seed);
        ck_assert_ok(codes_probe(&p, c, query, &err), &err);
        n_found = codes_scan(found, c, &p, k, skip[0], round % 2 ? skip[1] : NULL);
        for (uint32_t i = 0; i < n; i++) {
            struct near row = {codes_exact(c, &p, i), i};

            ck_assert_float_le(fabsf(row.score - codes_about(c, &p, i)), p.error);
            if (is_set(skip[0], i) || (round % 2 && is_set(skip[1], i)))
                continue;
            n_wanted++;
            n_better = 0;
            while (n_better < n_found && near_is_before(found[n_better], row))
                n_better++;
            ck_assert(n_better == n_found ? n_found == k : found[n_better].row == i);
        }
        ck_assert_uint_eq(n_found, k < n_wanted ? k : n_wanted);
        probe_clear(&p);
    }
    mem_free(found);
    codes_free(c);
}
END_TEST

START_TEST(a_query_that_is_none_is_refused)
{
    static const float bad[] = {NAN, INFINITY, -1e30f};
    struct err err = {0};
    struct codes *c = make_cloud(3, 1, 0, 1);
    float query[WIDE] = {0};
    struct probe p;

    query[WIDE - 1] = bad[_i];
    ck_assert_err(codes_probe(&p, c, query, &err), E_INVALID, "too large", &err);
    codes_free(c);
}
END_TEST

/* ---- the graph ---- */

static void put_graph(struct buf *out, const struct graph *g)
{
    graph_put_head(out, g);
    for (uint32_t i = 0; i < g->n; i++)
        graph_put_node(out, g, i);
    ck_assert_int_eq(buf_error(out), 0);
}

static struct graph *build(const struct codes *c, int threads)
{
    struct err err = {0};
    struct pool *pool = NULL;
    struct graph *g = NULL;

    if (threads)
        ck_assert_ok(pool_new(&pool, threads, &err), &err);
    ck_assert_ok(graph_build(&g, c, pool, NULL, NULL, &err), &err);
    pool_free(pool);
    return g;
}

START_TEST(a_graph_has_the_same_bytes_with_any_number_of_threads)
{
    struct codes *c = make_cloud(2500, 0, _i, 8);
    struct buf one = {.max = SIZE_MAX / 4}, other = {.max = SIZE_MAX / 4};

    for (int threads = 0; threads < 5; threads++) {
        struct graph *g = build(c, threads);

        put_graph(threads ? &other : &one, g);
        if (threads) {
            ck_assert_uint_eq(one.len, other.len);
            ck_assert_mem_eq(one.data, other.data, one.len);
            buf_reset(&other);
        }
        graph_free(g);
    }
    buf_clear(&one);
    buf_clear(&other);
    codes_free(c);
}
END_TEST

START_TEST(a_walk_finds_nearly_all_of_the_nearest)
{
    struct err err = {0};
    struct codes *c = make_cloud(4000, 1, _i, 5);
    struct graph *g = build(c, 0), *read = NULL;
    struct buf b = {.max = SIZE_MAX / 4}, again = {.max = SIZE_MAX / 4};
    struct walker *w = NULL;
    const char *wrong;
    uint64_t seed = 2;
    size_t hits = 0;

    put_graph(&b, g);
    ck_assert_int_eq(graph_read(&read, &wrong, c, (unsigned char *)b.data, b.len), 0);
    put_graph(&again, read);
    ck_assert_uint_eq(again.len, b.len);
    ck_assert_mem_eq(again.data, b.data, b.len);
    ck_assert_ok(walker_new(&w, c->n, &err), &err);
    for (int round = 0; round < 50; round++) {
        struct near best[10];
        struct probe p;
        float query[WIDE];

        make_query(query, &seed);
        ck_assert_ok(codes_probe(&p, c, query, &err), &err);
        codes_scan(best, c, &p, 10, NULL, NULL);
        ck_assert_ok(graph_walk(w, read, c,
                                &(struct goal){.bytes = p.bytes, .bias = p.bias, .scale = p.scale},
                                read->n_starts, 64, &err),
                     &err);
        ck_assert_uint_eq(w->n, 64);
        for (size_t i = 0; i < w->n; i++) {
            ck_assert_float_eq(w->spots[i].score, codes_about(c, &p, w->spots[i].node));
            ck_assert(!i || w->spots[i - 1].score >= w->spots[i].score);
            for (int k = 0; k < 10; k++)
                hits += best[k].row == w->spots[i].node;
        }
        probe_clear(&p);
    }
    ck_assert_msg(hits >= (_i ? 440 : 475), "%zu of 500", hits);
    walker_free(w);
    graph_free(g);
    graph_free(read);
    buf_clear(&b);
    buf_clear(&again);
    codes_free(c);
}
END_TEST

START_TEST(damaged_bytes_of_a_graph_are_refused_or_harmless)
{
    struct err err = {0};
    struct codes *c = make_cloud(300, 0, 0, 5);
    struct graph *g = build(c, 0), *read;
    struct buf b = {.max = SIZE_MAX / 4};
    struct walker *w = NULL;
    int8_t goal[DOTS_STEP] = {1, -3, 9};
    uint64_t seed = 11;
    const char *wrong;

    put_graph(&b, g);
    ck_assert_ok(walker_new(&w, c->n, &err), &err);
    for (int round = 0; round < 3000; round++) {
        unsigned char *p = (unsigned char *)mem_dup(b.data, b.len);
        size_t n = round % 5 ? b.len : random_below(&seed, (uint32_t)b.len);

        for (uint32_t k = random_below(&seed, 3); k || n == b.len; k--) {
            p[random_below(&seed, round % 2 ? 16 : (uint32_t)b.len)] ^=
                (unsigned char)(1u << random_below(&seed, 8));
            if (!k)
                break;
        }
        read = NULL;
        if (graph_read(&read, &wrong, c, p, n)) {
            ck_assert_ptr_nonnull(wrong);
        } else {
            ck_assert_uint_eq(n, b.len);
            ck_assert_ok(graph_walk(w, read, c, &(struct goal){.bytes = goal, .scale = 1},
                                    read->n_starts, 20, &err),
                         &err);
        }
        graph_free(read);
        mem_free(p);
    }
    walker_free(w);
    graph_free(g);
    buf_clear(&b);
    codes_free(c);
}
END_TEST

static int stop_at(const char *what, uint64_t done, uint64_t total, void *payload)
{
    ck_assert_str_eq(what, "vectors linked");
    ck_assert_uint_le(done, total);
    return done >= *(uint64_t *)payload;
}

START_TEST(building_a_graph_can_be_stopped_and_survives_each_failing_allocation)
{
    struct err err = {0};
    struct codes *c = make_cloud(400, 0, 1, 5);
    struct graph *g = NULL;
    uint64_t at = 100;
    long k;

    ck_assert_err(graph_build(&g, c, NULL, stop_at, &at, &err), E_STOP, "stopped", &err);
    for (k = 1;; k++) {
        int rc;

        err_clear(&err);
        mem_fail_at(k);
        rc = graph_build(&g, c, NULL, NULL, NULL, &err);
        if (!mem_has_failed())
            break;
        ck_assert_int_eq(rc, E_NOMEM);
        ck_assert_ptr_null(g);
    }
    mem_fail_at(0);
    ck_assert_int_gt(k, 10);
    graph_free(g);
    codes_free(c);
}
END_TEST

/* ---- segments ---- */

/* The exact answer among the passages that are wanted: how many of found[] it has. */
static size_t count_right(const struct field *v, const float *query, const uint32_t *found,
                          size_t n, const uint64_t *excluded)
{
    size_t hits = 0;

    for (size_t i = 0; i < n; i++) {
        double score = product(query, v->rows + (size_t)found[i] * DIM);
        size_t better = 0;

        for (uint32_t p = 0; p < v->n; p++)
            better +=
                !is_set(excluded, p) && product(query, v->rows + (size_t)p * DIM) > score + 1e-4;
        hits += better < n;
    }
    return hits;
}

START_TEST(a_filtered_search_finds_k_at_any_selectivity)
{
    static const uint32_t kept_of_1000[] = {1000, 900, 500, 100, 10, 2, 0};
    uint64_t seed = 12, excluded[94];
    size_t hits = 0, wanted = 0, n;
    uint32_t found[40];
    float query[DIM], scores[40], row[DIM];
    struct field v;

    open_field(&v, "auto:1000", 6000, 400);
    ck_assert_uint_gt(v.s->row.bytes[PART_GRAPH], 0);
    for (int round = 0; round < 70; round++) {
        size_t live = 0, k = round % 2 ? 40 : 10;

        memset(excluded, 0, sizeof excluded);
        for (uint32_t p = 0; p < v.n; p++) {
            uint64_t is_kept = random_below(&seed, 1000) < kept_of_1000[round % 7];

            live += is_kept;
            excluded[p >> 6] |= !is_kept * (uint64_t)1 << (p & 63);
        }
        for (int i = 0; i < DIM; i++)
            query[i] = random_number(&seed);
        ck_assert_ok(segment_nearest(found, scores, &n, v.s, query, k, round % 3 ? 0 : 300,
                                     excluded, &v.f.err),
                     &v.f.err);
        ck_assert_uint_eq(n, k < live ? k : live);
        for (size_t i = 0; i < n; i++) {
            ck_assert(!is_set(excluded, found[i]));
            ck_assert(!i || near_is_before((struct near){scores[i - 1], found[i - 1]},
                                           (struct near){scores[i], found[i]}));
            ck_assert_ok(segment_vector(row, v.s, found[i], &v.f.err), &v.f.err);
            ck_assert_double_eq_tol((double)scores[i], product(query, row), 1e-5);
        }
        hits += count_right(&v, query, found, n, excluded);
        wanted += n;
    }
    ck_assert_msg(hits * 100 >= wanted * 98, "%zu of %zu", hits, wanted);
    close_field(&v);
}
END_TEST

/* All bytes of a part. */
static void load_part(struct buf *out, struct field *v, int64_t segment, int part, uint64_t size)
{
    struct part_reader r = {.store = &v->f.ix->wr, .segment = segment, .part = part, .size = size};
    unsigned char *p = NULL;

    buf_reset(out);
    ck_assert_ok(part_load(&p, &r, 0, &v->f.err), &v->f.err);
    buf_add(out, p, (size_t)size);
    mem_free(p);
}

START_TEST(copied_rows_have_the_same_bytes_and_the_same_graph)
{
    struct buf a = {.max = SIZE_MAX / 4}, b = {.max = SIZE_MAX / 4};
    struct segment_row row = {.id = 2};
    struct vectors_writer w;
    struct field v;

    open_field(&v, "auto:500", 1500, 1000);
    ck_assert_ok(db_begin(v.f.ix->wr.db, &v.f.err), &v.f.err);
    ck_assert_ok(vectors_begin(&w, &v.f.ix->wr, 2, "auto:500", DIM, v.n, &v.f.err), &v.f.err);
    for (uint32_t p = 0; p < v.n; p++)
        vectors_copy(&w, v.s, p);
    ck_assert_ok(vectors_end(&w, &row, 0), &v.f.err);
    for (int part = PART_VECTORS; part <= PART_GRAPH; part++) {
        ck_assert_uint_gt(row.bytes[part], 0);
        ck_assert_uint_eq(row.bytes[part], v.s->row.bytes[part]);
        load_part(&a, &v, 1, part, row.bytes[part]);
        load_part(&b, &v, 2, part, row.bytes[part]);
        ck_assert_mem_eq(a.data, b.data, a.len);
    }
    ck_assert_ok(db_commit(v.f.ix->wr.db, &v.f.err), &v.f.err);
    buf_clear(&a);
    buf_clear(&b);
    close_field(&v);
}
END_TEST

START_TEST(loading_and_searching_survive_each_failing_allocation)
{
    uint32_t found[5];
    float query[DIM] = {1, 2, 3}, scores[5];
    struct field v;
    size_t n;
    long k;

    open_field(&v, _i ? "auto:100" : "auto", 300, 1000);
    for (k = 1;; k++) {
        int rc;

        vectors_close(v.s->vectors);
        v.s->vectors = NULL;
        err_clear(&v.f.err);
        mem_fail_at(k);
        rc = segment_nearest(found, scores, &n, v.s, query, 5, 0, NULL, &v.f.err);
        if (!mem_has_failed())
            break;
        ck_assert_int_eq(rc, E_NOMEM);
    }
    mem_fail_at(0);
    ck_assert_uint_eq(n, 5);
    ck_assert_int_gt(k, 6);
    close_field(&v);
}
END_TEST

/* ---- whole indexes, with a made-up encoder ---- */

static void add_some(struct fixture *f, int from, int to, int step)
{
    for (int i = from; i < to; i += step) {
        uint64_t seed = (uint64_t)i * 77 + 5;
        char docno[16], text[600];

        snprintf(docno, sizeof docno, "d%04d", i);
        random_text(text, &seed);
        fixture_add(f, docno, "", text);
    }
}

START_TEST(merging_gives_the_graph_of_a_fresh_index_and_recall_is_measured)
{
    struct index_recall r;
    struct fixture f, g;
    char dir[64];

    tiny_model_write(tmp_dir(dir), 1, "");
    struct index_options opt = {.settings = {.model = dir, .vectors = "auto:150"}};
    fixture_open(&f, &opt);
    fixture_open(&g, &opt);
    for (int part = 0; part < 3; part++) {
        add_some(&f, part, 600, 3);
        fixture_commit(&f);
    }
    ck_assert_ok(index_merge(f.ix, &f.err), &f.err);
    add_some(&g, 0, 600, 1);
    fixture_commit(&g);
    assert_same_parts(&f, &g);
    ck_assert_uint_gt(index_segment(f.ix, 0)->row.bytes[PART_GRAPH], 0);
    fixture_check(&f);
    ck_assert_ok(index_recall(&r, f.ix, 100, 0, &f.err), &f.err);
    ck_assert(r.n_queries == 100 && r.n_graphs == 1 && r.p50_ms > 0 && r.exact_p50_ms > 0);
    ck_assert_double_ge(r.at_10, 0.97);
    ck_assert_double_ge(r.at_100, 0.95);
    ck_assert_err(index_recall(&r, f.ix, 0, 0, &f.err), E_INVALID, "cannot be", &f.err);
    fixture_close(&g);
    fixture_close(&f);
    opt.settings.vectors = _i ? "Flat" : NULL; /* small segments are searched exactly */
    fixture_open(&f, &opt);
    add_some(&f, 0, 90, 1);
    fixture_commit(&f);
    ck_assert_ok(index_recall(&r, f.ix, 1000, 0, &f.err), &f.err);
    ck_assert(r.n_queries == 90 && !r.n_graphs && r.at_10 == 1 && r.at_100 == 1);
    fixture_close(&f);
    tmp_remove(dir);
}
END_TEST

START_TEST(an_index_without_vectors_has_no_recall)
{
    struct index_recall r;
    struct fixture f;

    fixture_open(&f, NULL);
    ck_assert_err(index_recall(&r, f.ix, 10, 0, &f.err), E_INVALID, "no dense leg", &f.err);
    fixture_close(&f);
}
END_TEST

TCase *tcase_graph(void)
{
    TCase *tc = tcase_create("graph");

    tcase_set_timeout(tc, 120);
    tcase_add_loop_test(tc, every_table_gives_the_bits_of_the_scalar_one, 0, 2);
    tcase_add_test(tc, a_vector_is_kept_to_half_a_step);
    tcase_add_loop_test(tc, a_scan_passes_over_nothing_that_belongs_to_the_best, 0, 2);
    tcase_add_loop_test(tc, a_query_that_is_none_is_refused, 0, 3);
    tcase_add_loop_test(tc, a_graph_has_the_same_bytes_with_any_number_of_threads, 0, 2);
    tcase_add_loop_test(tc, a_walk_finds_nearly_all_of_the_nearest, 0, 2);
    tcase_add_test(tc, damaged_bytes_of_a_graph_are_refused_or_harmless);
    tcase_add_test(tc, building_a_graph_can_be_stopped_and_survives_each_failing_allocation);
    tcase_add_test(tc, a_filtered_search_finds_k_at_any_selectivity);
    tcase_add_test(tc, copied_rows_have_the_same_bytes_and_the_same_graph);
    tcase_add_loop_test(tc, loading_and_searching_survive_each_failing_allocation, 0, 2);
    tcase_add_loop_test(tc, merging_gives_the_graph_of_a_fresh_index_and_recall_is_measured, 0, 2);
    tcase_add_test(tc, an_index_without_vectors_has_no_recall);
    return tc;
}
