/* check_retriever_sparse.c -- the sparse leg: pruned equals exhaustive, scores are the model's inner products, three legs. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "retriever/bm25.h"
#include "tests/retriever_fixture.h"
#include "tests/tiny_model.h"

enum { N_DOCS = 600, N_WORDS = 147 };

static char sparse_dir[64], dense_dir[64];
static struct fixture f;
static struct err err;

static void random_text(char *out, uint64_t *state)
{
    static const char *const words[] = {"the",       "retina", "of",  "eye",
                                        "foveation", "x1",     "is?", "zebra"};

    *out = '\0';
    for (int n = (int)(next_random(state) % 12); n >= 0; n--) {
        strcat(out, words[next_random(state) % 8]);
        strcat(out, " ");
    }
}

/* Several segments, some passages dead. */
static void fill(int n)
{
    uint64_t state = 3;
    char docno[16], text[256];

    for (int i = 0; i < n; i++) {
        snprintf(docno, sizeof docno, "d%04d", i * 7 % n);
        random_text(text, &state);
        fixture_add(&f, docno, text);
        if (i % 250 == 249)
            fixture_commit(&f);
    }
    fixture_commit(&f);
    for (int i = 0; i < n; i += 9) {
        snprintf(docno, sizeof docno, "d%04d", i);
        ck_assert_int_eq(index_delete(f.ix, docno, &err), 1);
    }
    fixture_commit(&f);
}

static void open_index(void)
{
    struct index_settings s = {.analyzer = "plain", .sparse = tmp_dir(sparse_dir)};

    tiny_splade_write(sparse_dir, 1);
    fixture_open(&f, &s);
    fill(N_DOCS);
}

static void open_three(void)
{
    struct index_settings s = {
        .analyzer = "plain", .sparse = tmp_dir(sparse_dir), .model = tmp_dir(dense_dir)};

    tiny_splade_write(sparse_dir, 1);
    tiny_model_write(dense_dir, 1, "");
    fixture_open(&f, &s);
    fill(40);
}

static void close_index(void)
{
    fixture_close(&f);
    tmp_remove(sparse_dir);
}

static void close_three(void)
{
    close_index();
    tmp_remove(dense_dir);
}

static void search(struct hits *out, const char *query, struct retrieve_options opt)
{
    ck_assert_ok(retrieve(out, f.ix, query, &opt, &err), &err);
}

START_TEST(pruned_search_is_the_exhaustive_one)
{
    static const int depths[] = {1, 3, 10, 100, 1000};
    uint64_t state = (uint64_t)_i + 11;
    char query[256];

    random_text(query, &state);
    for (size_t d = 0; d < sizeof depths / sizeof *depths; d++) {
        struct hits fast = {0}, all = {0};

        search(&fast, query, (struct retrieve_options){.system = "sparse", .k = depths[d]});
        search(&all, query,
               (struct retrieve_options){.system = "sparse", .k = depths[d], .exhaustive = 1});
        ck_assert_uint_gt(all.n, 0);
        ck_assert_uint_eq(fast.n, all.n);
        for (size_t i = 0; i < all.n; i++) {
            ck_assert_str_eq(fast.hits[i].docno, all.hits[i].docno);
            ck_assert_mem_eq(&fast.hits[i].score, &all.hits[i].score, sizeof(float));
        }
        hits_clear(&fast);
        hits_clear(&all);
    }
}
END_TEST

/* Small windows make a segment of some hundred passages as long as one of many thousands. */
START_TEST(block_maxima_lose_nothing_in_small_windows)
{
    uint64_t state = (uint64_t)_i + 5;
    struct bm25_term terms[20];
    struct bm25_query q = {.ix = f.ix, .terms = terms, .linear = 1};

    q.window = 16u << (_i % 5);
    q.n = 1 + next_random(&state) % 20;
    for (size_t i = 0; i < q.n; i++)
        terms[i] = (struct bm25_term){.token = (int)(i * 7 + next_random(&state) % 7),
                                      .weight = (float)(q.n - i) * 0.013f};
    for (int s = 0; s < index_n_segments(f.ix); s++) {
        struct topk fast = {0}, all = {0};

        ck_assert_ok(topk_init(&fast, 5, &err), &err);
        ck_assert_ok(topk_init(&all, 5, &err), &err);
        ck_assert_ok(bm25_maxscore(&fast, &q, s, &err), &err);
        ck_assert_ok(bm25_exhaustive(&all, &q, s, &err), &err);
        topk_sort(&fast);
        topk_sort(&all);
        ck_assert_uint_eq(fast.n, all.n);
        for (size_t i = 0; i < all.n; i++) {
            ck_assert_uint_eq(topk_passage(&fast, i), topk_passage(&all, i));
            ck_assert(topk_score(&fast, i) == topk_score(&all, i));
        }
        topk_clear(&fast);
        topk_clear(&all);
    }
}
END_TEST

/* The text's weights, V numbers. */
static void weigh(float *out, struct model *m, const char *text, int kind)
{
    const struct model_text t = {text, strlen(text)};
    struct model_words w = {0};

    memset(out, 0, N_WORDS * sizeof *out);
    ck_assert_ok(model_embed_words(&w, m, NULL, &t, 1, kind, &err), &err);
    for (size_t i = 0; i < w.n; i++)
        out[w.v[i].token] = w.v[i].weight;
    model_words_clear(&w);
}

START_TEST(scores_are_inner_products_with_8_bit_passages)
{
    const char *query = "eye of the zebra";
    struct hits hits = {0};
    struct model *m = NULL;
    float q[N_WORDS], p[N_WORDS];

    ck_assert_ok(index_sparse_encoder(&m, f.ix, &err), &err);
    weigh(q, m, query, MODEL_QUERY);
    search(&hits, query, (struct retrieve_options){.system = "sparse", .k = N_DOCS, .explain = 1});
    ck_assert_uint_eq(hits.n, index_n_passages(f.ix)); /* no text is without common words here */
    for (size_t i = 0; i < hits.n; i++) {
        struct buf text = {0};
        struct doc doc;
        double want = 0;

        ck_assert_ok(index_document(&doc, &text, f.ix, hits.hits[i].document, &err), &err);
        weigh(p, m, doc.text, MODEL_PASSAGE);
        for (int t = 0; t < N_WORDS; t++)
            want += (double)q[t] * fmin(rint((double)p[t] * 64), 255) / 64;
        ck_assert_double_eq_tol((double)hits.hits[i].score, want, 1e-5 * want);
        ck_assert_ptr_nonnull(strstr(hits.hits[i].explain, " in the query x "));
        ck_assert(i == 0 || hits.hits[i].score <= hits.hits[i - 1].score);
        buf_clear(&text);
    }
    hits_clear(&hits);
}
END_TEST

START_TEST(an_index_without_the_leg_says_how_to_get_one)
{
    struct hits hits = {0};
    struct fixture plain;
    struct retrieve_options opt = {.system = "sparse"};

    fixture_open(&plain, NULL);
    ck_assert_err(retrieve(&hits, plain.ix, "eye", &opt, &err), E_INVALID, "--sparse MODEL", &err);
    fixture_close(&plain);
    opt.system = "hybrid";
    ck_assert_err(retrieve(&hits, f.ix, "eye", &opt, &err), E_INVALID, "no dense leg", &err);
}
END_TEST

START_TEST(hybrid_fuses_three_legs)
{
    static const char *const names[] = {"bm25", "dense", "sparse"};
    struct hits hybrid = {0}, legs[3] = {{0}};
    const char *query = "retina of the zebra";
    const struct retrieve_options opt = {.k = 100, .weights = {0.2f, 0.5f, 0.3f}, .explain = 1};

    search(&hybrid, query, opt);
    ck_assert_int_eq(hybrid.n_legs, 3);
    for (int l = 0; l < 3; l++)
        search(&legs[l], query, (struct retrieve_options){.system = names[l], .k = 100});
    for (size_t i = 0; i < hybrid.n; i++) {
        const struct hit *h = &hybrid.hits[i];
        double sum = 0;

        for (int l = 0; l < 3; l++) {
            const int rank = h->legs[l].rank;

            sum += (double)h->legs[l].part;
            ck_assert_str_eq(hybrid.leg_names[l], names[l]);
            if (rank)
                ck_assert_str_eq(legs[l].hits[rank - 1].docno, h->docno);
        }
        ck_assert_double_eq_tol(sum, (double)h->score, 1e-6);
        ck_assert_ptr_nonnull(strstr(h->explain, "from sparse: rank "));
    }
    hits_clear(&hybrid);
    for (int l = 0; l < 3; l++)
        hits_clear(&legs[l]);
    /* without a weight the third leg does not run */
    search(&hybrid, query, (struct retrieve_options){.weights = {0.3f, 0.7f}});
    ck_assert_int_eq(hybrid.n_legs, 2);
    hits_clear(&hybrid);
}
END_TEST

START_TEST(a_sparse_search_survives_each_failing_allocation)
{
    const struct retrieve_options opt = {.system = "sparse", .k = 3, .explain = 1};
    struct hits hits = {0};
    int rc;

    FAIL_EACH_ALLOC(rc, {
        err_clear(&err);
        rc = retrieve(&hits, f.ix, "the eye", &opt, &err);
        if (!rc)
            ck_assert_uint_eq(hits.n, 3);
        hits_clear(&hits);
    });
}
END_TEST

TCase *tcase_sparse(void)
{
    TCase *tc = tcase_create("sparse");

    tcase_add_unchecked_fixture(tc, open_index, close_index);
    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, pruned_search_is_the_exhaustive_one, 0, 20);
    tcase_add_loop_test(tc, block_maxima_lose_nothing_in_small_windows, 0, 40);
    tcase_add_test(tc, scores_are_inner_products_with_8_bit_passages);
    tcase_add_test(tc, an_index_without_the_leg_says_how_to_get_one);
    return tc;
}

TCase *tcase_three_legs(void)
{
    TCase *tc = tcase_create("three legs");

    tcase_add_checked_fixture(tc, open_three, close_three);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, hybrid_fuses_three_legs);
    tcase_add_test(tc, a_sparse_search_survives_each_failing_allocation);
    return tc;
}
