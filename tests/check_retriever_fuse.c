/* check_retriever_fuse.c -- fusion by hand and by law; the dense and hybrid systems with a real model. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "retriever/fuse.h"
#include "tests/retriever_fixture.h"

/* ---- fuse: documents f e d c b a are passages 0 to 5 of the one segment ---- */

static struct fixture f;

static void setup(void)
{
    static const char *const docnos[] = {"a", "b", "c", "d", "e", "f"};

    fixture_open(&f, NULL);
    for (int i = 0; i < 6; i++)
        fixture_add(&f, docnos[i], "x");
    fixture_commit(&f);
}

static void teardown(void) { fixture_close(&f); }

/* A list such as "e10 d6 c2". */
static struct ranked list_of(const char *text)
{
    struct ranked r = {0};

    for (; *text; text += strcspn(text, " "), text += *text == ' ') {
        ck_assert_int_eq(mem_reserve((void **)&r.items, &r.cap, r.n + 1, sizeof *r.items), 0);
        r.items[r.n++] = (struct scored){strtof(text + 1, NULL), 0, (uint32_t)('f' - *text)};
    }
    return r;
}

static struct retrieve_options options(const char *fusion, float w0, float w1)
{
    return (struct retrieve_options){.fusion = fusion, .weights = {w0, w1}, .rrf_k = 60};
}

static const struct {
    const char *fusion;
    float w0, w1;
    const char *first, *second;
    const char *order;
    double scores[4];
} fused_by_hand[] = {
    {"rrf", 1, 1, "e9 d8 c7", "c3 e2", "ecd", {1 / 61. + 1 / 62., 1 / 63. + 1 / 61., 1 / 62.}},
    {"rrf", 1, 1, "a2 b1", "b9 a8", "ba", {1 / 61. + 1 / 62., 1 / 61. + 1 / 62.}},
    {"rrf", 2, 1, "a2 b1", "b9 a8", "ab", {2 / 61. + 1 / 62., 1 / 61. + 2 / 62.}},
    {"rrf", 1, 1, "", "b9 a8", "ba", {1 / 61., 1 / 62.}},
    {"rrf", 1, 1, "", "", "", {0}},
    {"minmax", 1, 1, "e10 d6 c2", "c3 e1", "ecd", {.5, .5, .25}},
    {"minmax", 3, 1, "e10 d6 c2", "c3 e1", "edc", {.75, .375, .25}},
    {"minmax", 1, 1, "e10 d6 c2", "a7", "eadc", {.5, .5, .25, 0}}, /* one score: it is 1 */
    {"minmax", 1, 1, "b5 a5", "d-1 c-3", "dbac", {.5, .5, .5, 0}},
    {"minmax", 1, 0, "b2 a1", "d9 c8", "bdca", {1, 0, 0, 0}},
};

START_TEST(fusing_gives_what_the_formula_says)
{
    struct retrieve_options opt =
        options(fused_by_hand[_i].fusion, fused_by_hand[_i].w0, fused_by_hand[_i].w1);
    struct ranked lists[2] = {list_of(fused_by_hand[_i].first), list_of(fused_by_hand[_i].second)};
    struct fused out = {0};
    struct err err = {0};

    ck_assert_ok(fuse(&out, f.ix, lists, 2, &opt, &err), &err);
    ck_assert_uint_ge(out.n, strlen(fused_by_hand[_i].order));
    for (size_t i = 0; fused_by_hand[_i].order[i]; i++) {
        ck_assert_msg("fedcba"[out.items[i].best.passage] == fused_by_hand[_i].order[i],
                      "rank %zu is %c", i + 1, "fedcba"[out.items[i].best.passage]);
        ck_assert_double_eq_tol((double)out.items[i].best.score, fused_by_hand[_i].scores[i], 1e-7);
    }
    fused_clear(&out);
    ranked_clear(&lists[0]);
    ranked_clear(&lists[1]);
}
END_TEST

/* A list of some of the six documents with falling scores. */
static struct ranked random_list(uint64_t *seed)
{
    struct ranked r = {0};
    uint64_t score = 50, taken = 0;

    for (uint64_t n = next_random(seed) % 7; n; n--) {
        uint32_t passage = (uint32_t)(next_random(seed) % 6);

        if (taken >> passage & 1)
            continue;
        taken |= 1u << passage;
        if (mem_reserve((void **)&r.items, &r.cap, r.n + 1, sizeof *r.items))
            ck_abort_msg("out of memory");
        r.items[r.n++] = (struct scored){(float)score, 0, passage};
        score -= next_random(seed) % 4;
    }
    return r;
}

START_TEST(fusing_is_symmetric_in_its_legs)
{
    uint64_t seed = 50;
    struct err err = {0};

    for (int round = 0; round < 2000; round++) {
        float w0 = (float)(1 + next_random(&seed) % 9), w1 = (float)(next_random(&seed) % 10);
        struct retrieve_options ab = options(fusions[round % 2].name, w0, w1),
                                ba = options(fusions[round % 2].name, w1, w0);
        struct ranked a = random_list(&seed), b = random_list(&seed);
        struct fused x = {0}, y = {0};

        if (fuse(&x, f.ix, (struct ranked[]){a, b}, 2, &ab, &err) ||
            fuse(&y, f.ix, (struct ranked[]){b, a}, 2, &ba, &err))
            ck_abort_msg("%s", err.text);
        if (x.n != y.n)
            ck_abort_msg("%zu and %zu hits", x.n, y.n);
        for (size_t i = 0; i < x.n; i++)
            if (x.items[i].best.passage != y.items[i].best.passage ||
                x.items[i].best.score != y.items[i].best.score ||
                x.items[i].legs[0].rank != y.items[i].legs[1].rank)
                ck_abort_msg("round %d rank %zu differs", round, i + 1);
        fused_clear(&x);
        fused_clear(&y);
        ranked_clear(&a);
        ranked_clear(&b);
    }
}
END_TEST

START_TEST(fusing_survives_each_failing_allocation)
{
    struct retrieve_options opt = options("minmax", 1, 1);
    struct ranked a = list_of("e10 d6 c2"), b = list_of("c3 f1");
    struct err err = {0};
    int rc;

    FAIL_EACH_ALLOC(rc, {
        struct ranked lists[2];
        struct fused out = {0};

        lists[0] = a;
        lists[1] = b;
        err_clear(&err);
        rc = fuse(&out, f.ix, lists, 2, &opt, &err);
        fused_clear(&out);
    });
    ranked_clear(&a);
    ranked_clear(&b);
}
END_TEST

START_TEST(legs_without_weight_are_refused)
{
    struct retrieve_options opt = options("minmax", 0, 0);
    struct ranked lists[2] = {{0}};
    struct fused out = {0};
    struct err err = {0};

    ck_assert_err(fuse(&out, f.ix, lists, 2, &opt, &err), E_INVALID, "weights", &err);
}
END_TEST

TCase *tcase_fuse(void)
{
    TCase *tc = tcase_create("fuse");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_loop_test(tc, fusing_gives_what_the_formula_says, 0,
                        (int)(sizeof fused_by_hand / sizeof *fused_by_hand));
    tcase_add_test(tc, fusing_is_symmetric_in_its_legs);
    tcase_add_test(tc, fusing_survives_each_failing_allocation);
    tcase_add_test(tc, legs_without_weight_are_refused);
    return tc;
}

/* ---- dense and hybrid, with the default model ---- */

static const char *const texts[][2] = {
    {"cats", "Cats are small carnivores that people keep as pets and that hunt mice."},
    {"cars", "An automobile needs fuel or a battery, four wheels and a driver."},
    {"heart", "Statins reduce the risk of myocardial infarction in adults."},
    {"bread", "Knead flour, water, salt and yeast; let the dough rise and bake it."},
    {"law", "The court ruled that the contract was void."},
};
enum { N_TEXTS = sizeof texts / sizeof *texts };

static void setup_dense(void)
{
    struct index_settings settings = {.analyzer = "english", .model = "minilm"};

    fixture_open(&f, &settings);
    for (int i = 0; i < N_TEXTS; i++) {
        fixture_add(&f, texts[i][0], texts[i][1]);
        if (i == 2)
            fixture_commit(&f);
    }
    fixture_commit(&f);
}

static void search(struct hits *hits, const char *query, struct retrieve_options opt)
{
    struct err err = {0};

    ck_assert_ok(retrieve(hits, f.ix, query, &opt, &err), &err);
}

START_TEST(dense_finds_meaning_and_scores_are_inner_products)
{
    struct hits hits = {0};
    struct err err = {0};
    struct model *m = NULL;
    const char *query = "treatment that prevents heart attacks";
    struct model_text text = {query, strlen(query)};
    float q[1024], v[1024];
    int dim = index_vector_dim(f.ix);

    search(&hits, query, (struct retrieve_options){.system = "dense"});
    ck_assert_uint_eq(hits.n, N_TEXTS);
    ck_assert_str_eq(hits.hits[0].docno, "heart");
    ck_assert_str_eq(hits.leg_names[0], "dense");
    ck_assert_ok(index_encoder(&m, f.ix, &err), &err);
    ck_assert_int_le(dim, 1024);
    ck_assert_ok(model_embed(q, m, NULL, &text, 1, MODEL_QUERY, &err), &err);
    for (size_t i = 0; i < hits.n; i++) {
        double dot = 0;

        ck_assert_ok(segment_vector(v, index_segment(f.ix, hits.hits[i].segment),
                                    hits.hits[i].passage, &err),
                     &err);
        for (int j = 0; j < dim; j++)
            dot += (double)q[j] * (double)v[j];
        ck_assert_double_eq_tol((double)hits.hits[i].score, dot, 1e-5);
        ck_assert(i == 0 || hits.hits[i].score <= hits.hits[i - 1].score);
    }
    hits_clear(&hits);
}
END_TEST

START_TEST(hybrid_is_the_fusion_of_what_its_legs_find)
{
    struct hits hybrid = {0}, legs[2] = {{0}};
    const char *query = "statins and cats";

    search(&hybrid, query, (struct retrieve_options){.explain = 1}); /* hybrid is the default */
    search(&legs[0], query, (struct retrieve_options){.system = "bm25"});
    search(&legs[1], query, (struct retrieve_options){.system = "dense"});
    ck_assert_int_eq(hybrid.n_legs, 2);
    ck_assert_uint_eq(hybrid.n, N_TEXTS);
    ck_assert_uint_eq(legs[0].n, 2);
    for (size_t i = 0; i < hybrid.n; i++) {
        const struct hit *h = &hybrid.hits[i];
        double sum = 0;

        for (int l = 0; l < 2; l++) {
            int rank = h->legs[l].rank;

            sum += (double)h->legs[l].part;
            ck_assert_str_eq(hybrid.leg_names[l], legs[l].leg_names[0]);
            if (!rank) {
                ck_assert_int_eq(l, 0); /* dense finds all */
                continue;
            }
            ck_assert_str_eq(legs[l].hits[rank - 1].docno, h->docno);
            ck_assert_float_eq(legs[l].hits[rank - 1].score, h->legs[l].score);
        }
        ck_assert_double_eq_tol(sum, (double)h->score, 1e-6);
        ck_assert_ptr_nonnull(strstr(h->explain, "hybrid "));
        ck_assert_ptr_nonnull(strstr(h->explain, "from dense: rank "));
    }
    hits_clear(&hybrid);
    hits_clear(&legs[0]);
    hits_clear(&legs[1]);
}
END_TEST

START_TEST(dense_answers_a_query_without_words)
{
    struct hits hits = {0};

    search(&hits, "", (struct retrieve_options){.system = "dense"});
    ck_assert_uint_eq(hits.n, N_TEXTS);
    hits_clear(&hits);
    search(&hits, "", (struct retrieve_options){.system = "hybrid", .k = 3, .fusion = "rrf"});
    ck_assert_uint_eq(hits.n, 3);
    hits_clear(&hits);
}
END_TEST

START_TEST(hybrid_survives_each_failing_allocation)
{
    struct retrieve_options opt = {.k = 2, .explain = 1};
    struct err err = {0};
    struct hits warm = {0};
    int rc;

    search(&warm, "statins", opt); /* opens the encoder */
    hits_clear(&warm);
    FAIL_EACH_ALLOC(rc, {
        struct hits hits = {0};

        err_clear(&err);
        rc = retrieve(&hits, f.ix, "statins and cats", &opt, &err);
        hits_clear(&hits);
    });
}
END_TEST

/* Without the model, which ./bootstrap fetches, this case is empty and says so. */
TCase *tcase_dense(void)
{
    TCase *tc = tcase_create("dense");
    struct err err = {0};
    char *path = NULL;

    tcase_set_timeout(tc, 120);
    if (model_find(&path, "minilm", &err)) {
        printf("left out: dense and hybrid with a model: %s\n", err.text);
        return tc;
    }
    mem_free(path);
    tcase_add_checked_fixture(tc, setup_dense, teardown);
    tcase_add_test(tc, dense_finds_meaning_and_scores_are_inner_products);
    tcase_add_test(tc, hybrid_is_the_fusion_of_what_its_legs_find);
    tcase_add_test(tc, dense_answers_a_query_without_words);
    tcase_add_test(tc, hybrid_survives_each_failing_allocation);
    return tc;
}
