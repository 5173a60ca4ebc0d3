/* check_retriever_filter.c -- a search with a filter is the search without it, with what does not match left out: in every
 * leg, at any selectivity, after deletions and merges. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"
#include "base/mem.h"
#include "retriever/bm25.h"
#include "tests/retriever_fixture.h"
#include "tests/tiny_model.h"

enum { N_DOCS = 1200, EVERYTHING = 100000 };

static char sparse_dir[64], dense_dir[64];
static struct fixture f;
static struct err err;

/* Document i has rank_of(i) in 0..N_DOCS-1, all different. */
static int rank_of(int i) { return i * 7919 % N_DOCS; }

static void add(int i, uint64_t *state)
{
    static const char *const words[] = {"the", "retina", "of",  "eye",  "foveation", "x1",
                                        "is?", "zebra",  "cat", "wolf", "fox",       "owl"};
    char docno[16], text[400] = "", meta[80];
    struct doc doc = {.docno = docno, .title = "", .text = text, .meta = meta};

    for (int n = 1 + (int)(next_random(state) % 20); n > 0; n--) {
        uint64_t word = next_random(state) % 12;

        strcat(text, words[word * (next_random(state) % 12) / 12]);
        strcat(text, " ");
    }
    snprintf(docno, sizeof docno, "d%04d", i);
    snprintf(meta, sizeof meta, "{\"rank\":%d,\"source\":\"%s\"}", rank_of(i), i % 3 ? "x" : "y");
    ck_assert_ok(index_add(f.ix, &doc, &err), &err);
}

/* Several segments, documents of several passages, some of them dead or replaced. */
static void open_index(void)
{
    struct index_settings s = {.analyzer = "plain",
                               .chunking = "words:8:2",
                               .sparse = tmp_dir(sparse_dir),
                               .model = tmp_dir(dense_dir)};
    uint64_t state = 3;
    char docno[16];

    tiny_splade_write(sparse_dir, 1);
    tiny_model_write(dense_dir, 1, "");
    fixture_open(&f, &s);
    for (int i = 0; i < N_DOCS; i++) {
        add(i, &state);
        if (i % 500 == 499)
            fixture_commit(&f);
    }
    fixture_commit(&f);
    for (int i = 0; i < N_DOCS; i += 9) {
        snprintf(docno, sizeof docno, "d%04d", i);
        ck_assert_int_eq(index_delete(f.ix, docno, &err), 1);
    }
    for (int i = 4; i < N_DOCS; i += 50)
        add(i, &state);
    fixture_commit(&f);
    ck_assert_int_gt(index_n_segments(f.ix), 1);
}

static void open_merged(void)
{
    open_index();
    ck_assert_ok(index_merge(f.ix, &err), &err);
    ck_assert_int_eq(index_n_segments(f.ix), 1);
}

static void close_index(void)
{
    fixture_close(&f);
    tmp_remove(sparse_dir);
    tmp_remove(dense_dir);
}

/* ---- laws ---- */

/* none, one in a thousand, one in a hundred, half, all, and one with words */
static const struct {
    const char *where;
    int below;
    char source; /* or 0 */
} filters[] = {{"rank < 0", 0, 0},
               {"rank = 1", 2, 0},
               {"rank between 0 and 11", 12, 0},
               {"rank < 600", 600, 0},
               {"rank >= 0", N_DOCS, 0},
               {"not (rank >= 300 or source = 'x')", 300, 'y'}};

static const char *const systems[] = {"bm25", "dense", "sparse"};
static const char *const queries[] = {"retina of the eye", "fox", "zebra wolf owl cat the the",
                                      "nothing"};

/* What a filter's C says; the SQL is not asked. */
static int matches(int filter, const char *docno)
{
    int i = atoi(docno + 1), rank = rank_of(i);

    if (filter == 1)
        return rank == 1;
    return rank < filters[filter].below && (!filters[filter].source || i % 3 == 0);
}

static void search(struct hits *out, const char *query, struct retrieve_options opt)
{
    ck_assert_ok(retrieve(out, f.ix, query, &opt, &err), &err);
}

/* Takes from hits what does not match, and what comes after the first k. */
static void filter_afterwards(struct hits *h, int filter, size_t k)
{
    size_t n = 0;

    for (size_t i = 0; i < h->n && n < k; i++)
        if (matches(filter, h->hits[i].docno))
            h->hits[n++] = h->hits[i];
    h->n = n; /* explanations, which would be lost, are not asked for */
}

static void assert_same(const struct hits *a, const struct hits *b, const char *what)
{
    ck_assert_msg(a->n == b->n, "%s: %zu and %zu hits", what, a->n, b->n);
    for (size_t i = 0; i < a->n; i++) {
        ck_assert_msg(!strcmp(a->hits[i].docno, b->hits[i].docno), "%s: rank %zu: %s and %s", what,
                      i + 1, a->hits[i].docno, b->hits[i].docno);
        ck_assert_mem_eq(&a->hits[i].score, &b->hits[i].score, sizeof(float));
        ck_assert_uint_eq(a->hits[i].passage, b->hits[i].passage);
        ck_assert_int_eq(a->hits[i].segment, b->hits[i].segment);
    }
}

START_TEST(a_filtered_leg_is_the_leg_filtered_afterwards)
{
    static const int depths[] = {1, 2, 7, 50, 1000};
    int filter = _i % 6, system = _i / 6 % 3, by_passage = _i / 18;
    size_t n_found = 0;

    for (size_t q = 0; q < sizeof queries / sizeof *queries; q++)
        for (size_t d = 0; d < sizeof depths / sizeof *depths; d++) {
            struct retrieve_options opt = {
                .system = systems[system], .k = EVERYTHING, .by_passage = by_passage};
            struct hits want = {0}, fast = {0}, all = {0};
            char what[200];

            snprintf(what, sizeof what, "%s, %s, '%s', k %d", systems[system],
                     filters[filter].where, queries[q], depths[d]);
            opt.exhaustive = 1;
            search(&want, queries[q], opt);
            filter_afterwards(&want, filter, (size_t)depths[d]);
            opt.where = filters[filter].where;
            opt.k = depths[d];
            search(&all, queries[q], opt);
            opt.exhaustive = 0;
            search(&fast, queries[q], opt);
            assert_same(&fast, &want, what);
            assert_same(&all, &want, what);
            n_found += fast.n;
            hits_clear(&want);
            hits_clear(&fast);
            hits_clear(&all);
        }
    if (filter == 0)
        ck_assert_uint_eq(n_found, 0);
    if (filter > 2)
        ck_assert_uint_gt(n_found, 100);
}
END_TEST

/* Each leg of a hybrid ranks what matches: the ranks that it gives are those of the filtered leg. */
START_TEST(a_filtered_hybrid_fuses_filtered_legs)
{
    int filter = _i % 6;
    struct retrieve_options opt = {.system = "hybrid",
                                   .k = EVERYTHING,
                                   .depth = 40,
                                   .fusion = _i / 6 ? "rrf" : "minmax",
                                   .where = filters[filter].where};
    struct hits hybrid = {0}, legs[3] = {{0}};
    size_t found[3] = {0};

    search(&hybrid, queries[0], opt);
    ck_assert_int_eq(hybrid.n_legs, filter ? 3 : 0); /* none has to run where nothing is left */
    for (int l = 0; l < 3; l++) {
        struct retrieve_options one = {.system = systems[l], .k = EVERYTHING, .exhaustive = 1};

        if (filter)
            ck_assert_str_eq(hybrid.leg_names[l], systems[l]);
        search(&legs[l], queries[0], one);
        filter_afterwards(&legs[l], filter, 40);
    }
    for (size_t i = 0; i < hybrid.n; i++) {
        ck_assert(matches(filter, hybrid.hits[i].docno));
        for (int l = 0; l < 3; l++) {
            const struct leg_score *s = &hybrid.hits[i].legs[l];

            if (!s->rank)
                continue;
            found[l]++;
            ck_assert_uint_le((size_t)s->rank, legs[l].n);
            ck_assert_str_eq(legs[l].hits[s->rank - 1].docno, hybrid.hits[i].docno);
            ck_assert_mem_eq(&legs[l].hits[s->rank - 1].score, &s->score, sizeof(float));
        }
    }
    for (int l = 0; l < 3; l++) {
        ck_assert_uint_eq(found[l], legs[l].n);
        hits_clear(&legs[l]);
    }
    hits_clear(&hybrid);
}
END_TEST

/* Where few are left they are looked up one by one, which small segments seldom come to: call it. */
START_TEST(looking_up_few_passages_is_adding_up_all)
{
    static const char *const few[] = {"rank = 1", "rank < 3", "rank in (5, 700, 900)"};
    struct retrieve_options opt = {.system = "bm25", .k = 1, .k1 = 0.9f, .b = 0.4f};
    char text[] = "the retina zebra";
    struct question query = {.text = text};
    struct bm25_query *q = NULL;
    int n_used = 0;

    ck_assert_ok(index_filter(&query.filter, f.ix, few[_i], &err), &err);
    ck_assert_ok(bm25_query_open(&q, f.ix, &query, &opt, &err), &err);
    for (int s = 0; s < index_n_segments(f.ix); s++) {
        struct topk one = {0}, all = {0};
        int rc;

        ck_assert_ok(topk_init(&one, 20, &err), &err);
        ck_assert_ok(topk_init(&all, 20, &err), &err);
        rc = bm25_few(&one, q, s, &err);
        ck_assert_ok(rc, &err);
        ck_assert_ok(bm25_exhaustive(&all, q, s, &err), &err);
        topk_sort(&one);
        topk_sort(&all);
        n_used += rc;
        if (rc) {
            ck_assert_uint_eq(one.n, all.n);
            for (size_t i = 0; i < all.n; i++) {
                ck_assert_uint_eq(topk_passage(&one, i), topk_passage(&all, i));
                ck_assert(topk_score(&one, i) == topk_score(&all, i));
            }
        } else {
            ck_assert_uint_eq(one.n, 0);
        }
        topk_clear(&one);
        topk_clear(&all);
    }
    ck_assert_int_gt(n_used, 0);
    bm25_query_close(q);
}
END_TEST

/* ---- errors ---- */

START_TEST(a_bad_filter_is_refused_before_anything_else)
{
    for (size_t i = 0; i < 4; i++) {
        static const char *const all[] = {"bm25", "dense", "sparse", "hybrid"};
        struct retrieve_options opt = {.system = all[i], .where = "rank >"};
        struct hits hits = {0};

        ck_assert_err(retrieve(&hits, f.ix, "fox", &opt, &err), E_INVALID,
                      "where: column 7: a value is expected after '>'", &err);
        ck_assert_uint_eq(hits.n, 0);
    }
}
END_TEST

START_TEST(a_filtered_search_survives_each_failing_allocation)
{
    static const char *const all[] = {"bm25", "hybrid"};
    struct retrieve_options opt = {
        .system = all[_i], .k = 5, .depth = 5, .where = "rank < 12 and source != 'z'"};
    int rc = 0;

    FAIL_EACH_ALLOC(rc, {
        struct hits hits = {0};

        err_clear(&err);
        rc = retrieve(&hits, f.ix, "the eye", &opt, &err);
        hits_clear(&hits);
    });
}
END_TEST

static void add_laws(TCase *tc)
{
    tcase_set_timeout(tc, 120);
    tcase_add_loop_test(tc, a_filtered_leg_is_the_leg_filtered_afterwards, 0, 36);
    tcase_add_loop_test(tc, a_filtered_hybrid_fuses_filtered_legs, 0, 12);
}

TCase *tcase_filters(void)
{
    TCase *tc = tcase_create("filters");

    tcase_add_unchecked_fixture(tc, open_index, close_index);
    add_laws(tc);
    tcase_add_loop_test(tc, looking_up_few_passages_is_adding_up_all, 0, 3);
    tcase_add_test(tc, a_bad_filter_is_refused_before_anything_else);
    tcase_add_loop_test(tc, a_filtered_search_survives_each_failing_allocation, 0, 2);
    return tc;
}

TCase *tcase_filters_merged(void)
{
    TCase *tc = tcase_create("filters, merged");

    tcase_add_unchecked_fixture(tc, open_merged, close_index);
    add_laws(tc);
    return tc;
}
