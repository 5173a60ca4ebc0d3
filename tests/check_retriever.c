/* check_retriever.c -- the common path of retriever/: options, order, documents of passages, hits. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "retriever/topk.h"
#include "tests/retriever_fixture.h"

/* ---- topk ---- */

static int compare_keys(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? 1 : x > y ? -1 : 0;
}

START_TEST(topk_is_the_head_of_the_sorted_list)
{
    enum { N = 700 };
    uint64_t seed = 5, all[N];
    struct err err = {0};

    for (size_t k = 1; k <= N + 50; k += 1 + k / 3) {
        struct topk top = {0};
        size_t want = k < N ? k : N;

        ck_assert_ok(topk_init(&top, k, &err), &err);
        for (uint32_t i = 0; i < N; i++) {
            uint32_t passage = (i * 263) % N; /* not in order */
            float score = (float)(next_random(&seed) % 40) - 20;

            all[i] = (uint64_t)topk_order(score) << 32 | (uint32_t)~passage;
            topk_push(&top, passage, score);
        }
        qsort(all, N, sizeof *all, compare_keys);
        topk_sort(&top);
        ck_assert_uint_eq(top.n, want);
        ck_assert_mem_eq(top.keys, all, want * sizeof *all);
        topk_clear(&top);
    }
}
END_TEST

START_TEST(topk_keeps_the_smaller_passage_on_a_tie)
{
    struct topk top = {0};
    struct err err = {0};

    ck_assert_ok(topk_init(&top, 2, &err), &err);
    topk_push(&top, 7, 1.5f);
    topk_push(&top, 9, 1.5f);
    topk_sort(&top);
    ck_assert_float_eq(topk_threshold(&top), 1.5f);
    topk_push(&top, 8, 1.5f);
    topk_push(&top, 10, 1.5f);
    topk_sort(&top);
    ck_assert_uint_eq(topk_passage(&top, 0), 7);
    ck_assert_uint_eq(topk_passage(&top, 1), 8);
    topk_clear(&top);
}
END_TEST

START_TEST(topk_gives_back_every_float_and_orders_it)
{
    static const float scores[] = {INFINITY, 3e38f, 1.5f,  1.0f,   1e-40f,   0.0f,
                                   -1e-40f,  -1.0f, -1.5f, -3e38f, -INFINITY};
    enum { N = sizeof scores / sizeof *scores };
    struct topk top = {0};
    struct err err = {0};

    ck_assert_ok(topk_init(&top, N, &err), &err);
    for (uint32_t i = 0; i < N; i++)
        topk_push(&top, i, scores[(i * 5) % N]);
    topk_sort(&top);
    for (size_t i = 0; i < N; i++)
        ck_assert_mem_eq(&scores[i], &(float){topk_score(&top, i)}, sizeof(float));
    ck_assert_uint_eq(topk_order(-0.0f), topk_order(0.0f));
    topk_clear(&top);
}
END_TEST

TCase *tcase_topk(void)
{
    TCase *tc = tcase_create("topk");

    tcase_add_test(tc, topk_is_the_head_of_the_sorted_list);
    tcase_add_test(tc, topk_keeps_the_smaller_passage_on_a_tie);
    tcase_add_test(tc, topk_gives_back_every_float_and_orders_it);
    return tc;
}

/* ---- retriever ---- */

static struct fixture f;

static void setup(void)
{
    fixture_open(&f, NULL);
    fixture_add(&f, "a", "fox dog cat");
    fixture_add(&f, "b", "fox fox dog");
    fixture_add(&f, "c", "owl");
    fixture_add(&f, "d", "fox dog cat");
    fixture_commit(&f);
    fixture_add(&f, "e", "fox dog cat");
    fixture_add(&f, "a0", "fox dog cat");
    fixture_commit(&f);
}

static void teardown(void) { fixture_close(&f); }

static struct retrieve_options bm25(int k)
{
    return (struct retrieve_options){.system = "bm25", .k = k};
}

/* Searches and checks the docnos, given with blanks between. */
static void check_search(const char *query, const struct retrieve_options *opt, const char *want)
{
    struct hits hits = {0};
    struct err err = {0};
    char got[200] = "";

    ck_assert_ok(retrieve(&hits, f.ix, query, opt, &err), &err);
    for (size_t i = 0; i < hits.n; i++) {
        strcat(got, i ? " " : "");
        strcat(got, hits.hits[i].docno);
        ck_assert(i == 0 || hits.hits[i].score <= hits.hits[i - 1].score);
    }
    ck_assert_str_eq(got, want);
    hits_clear(&hits);
}

START_TEST(ties_are_broken_by_docno_descending_across_segments)
{
    struct retrieve_options opt = bm25(10);

    check_search("cat", &opt, "e d a0 a");
    opt.k = 2;
    check_search("cat", &opt, "e d");
    opt.k = 3;
    opt.exhaustive = 1;
    check_search("cat", &opt, "e d a0");
    check_search("fox", &opt, "b e d");
}
END_TEST

START_TEST(no_options_mean_bm25_without_vectors)
{
    struct hits hits = {0};
    struct err err = {0};

    ck_assert_ok(retrieve(&hits, f.ix, "owl", NULL, &err), &err);
    ck_assert_uint_eq(hits.n, 1);
    ck_assert_int_eq(hits.n_legs, 1);
    ck_assert_str_eq(hits.leg_names[0], "bm25");
    ck_assert_int_eq(hits.hits[0].legs[0].rank, 1);
    ck_assert_float_eq(hits.hits[0].legs[0].score, hits.hits[0].score);
    ck_assert_ptr_null(hits.hits[0].explain);
    hits_clear(&hits);
    hits_clear(&hits);
    hits_clear(NULL);
}
END_TEST

START_TEST(queries_without_known_terms_give_no_hits)
{
    static const char *const empty[] = {"", " ", ".,;", "wolf", "\xff\xfe", "wolf bear"};
    struct retrieve_options opt = bm25(10);

    check_search(empty[_i], &opt, "");
    opt.exhaustive = 1;
    check_search(empty[_i], &opt, "");
}
END_TEST

START_TEST(k_may_be_anything_but_negative)
{
    struct hits hits = {0};
    struct err err = {0};
    struct retrieve_options opt = bm25(0);

    check_search("fox owl", &opt, "c b e d a0 a");
    opt.k = INT32_MAX;
    check_search("fox owl", &opt, "c b e d a0 a");
    opt.k = 1;
    check_search("fox owl", &opt, "c");
    opt.k = -1;
    ck_assert_err(retrieve(&hits, f.ix, "fox", &opt, &err), E_INVALID, "k is -1", &err);
}
END_TEST

static const struct {
    struct retrieve_options opt;
    const char *text;
} refused[] = {
    {{.system = "klingon"}, "'klingon' is unknown; there are: bm25, dense, sparse, hybrid"},
    {{.system = "dense"}, "no dense leg"},
    {{.system = "hybrid"}, "no dense leg"},
    {{.fusion = "max"}, "'max' is unknown; there are: minmax, rrf"},
    {{.k1 = 1001}, "k1"},
    {{.k1 = NAN}, "k1"},
    {{.b = 1.01f}, "b is"},
    {{.b = -0.5f}, "b is"},
    {{.b = NAN}, "b is"},
    {{.depth = -1}, "depth"},
    {{.rrf_k = -60}, "rrf_k"},
    {{.ef = -1}, "ef"},
    {{.ef = 1000001}, "ef"},
    {{.weights = {0.5f, -0.5f}}, "weight 2"},
    {{.weights = {NAN}}, "weight 1"},
    {{.weights = {INFINITY}}, "weight 1"},
};

START_TEST(bad_options_are_refused_with_a_reason)
{
    struct hits hits = {0};
    struct err err = {0};

    ck_assert_err(retrieve(&hits, f.ix, "fox", &refused[_i].opt, &err), E_INVALID, refused[_i].text,
                  &err);
    ck_assert_ptr_null(hits.hits);
}
END_TEST

START_TEST(the_table_is_searched_by_name)
{
    for (const struct retriever *const *r = retrievers; *r; r++) {
        ck_assert_ptr_eq(retriever_find((*r)->name), *r);
        ck_assert_uint_gt(strlen((*r)->about), 20);
    }
    ck_assert_ptr_null(retriever_find("BM25"));
}
END_TEST

START_TEST(hits_lead_to_their_documents)
{
    struct hits hits = {0};
    struct err err = {0};
    struct buf text = {0};
    struct doc doc;
    struct retrieve_options opt = bm25(10);

    ck_assert_ok(retrieve(&hits, f.ix, "fox owl", &opt, &err), &err);
    for (size_t i = 0; i < hits.n; i++) {
        const struct segment *s = index_segment(f.ix, hits.hits[i].segment);

        ck_assert_str_eq(segment_docno(s, hits.hits[i].passage), hits.hits[i].docno);
        ck_assert_ok(index_document(&doc, &text, f.ix, hits.hits[i].document, &err), &err);
        ck_assert_str_eq(doc.docno, hits.hits[i].docno);
    }
    buf_clear(&text);
    hits_clear(&hits);
}
END_TEST

/* The numbers after "TERM " of an explanation, added up. */
static double sum_of_parts(const char *explain)
{
    double sum = 0;

    for (const char *line = strchr(explain, '\n'); line && line[1]; line = strchr(line + 1, '\n'))
        sum += atof(strchr(line + 3, ' '));
    return sum;
}

START_TEST(explanations_add_up_to_the_score)
{
    struct hits hits = {0};
    struct err err = {0};
    struct retrieve_options opt = bm25(10);

    opt.explain = 1;
    ck_assert_ok(retrieve(&hits, f.ix, "fox cat fox owl wolf", &opt, &err), &err);
    ck_assert_uint_eq(hits.n, 6);
    for (size_t i = 0; i < hits.n; i++) {
        const char *text = hits.hits[i].explain;

        ck_assert_ptr_nonnull(text);
        ck_assert_msg(!strncmp(text, "bm25 ", 5), "%s", text);
        ck_assert_double_eq_tol(atof(text + 5), (double)hits.hits[i].score, 1e-4);
        ck_assert_double_eq_tol(sum_of_parts(text), (double)hits.hits[i].score, 1e-4);
        ck_assert_ptr_nonnull(strstr(text, "idf"));
        ck_assert_ptr_null(strstr(text, "wolf"));
    }
    ck_assert_ptr_nonnull(
        strstr(hits.hits[1].explain, "2 x idf")); /* fox comes twice in the query */
    hits_clear(&hits);
}
END_TEST

START_TEST(searching_survives_each_failing_allocation)
{
    struct retrieve_options opt = bm25(3);
    struct err err = {0};
    int rc;

    opt.explain = 1;
    FAIL_EACH_ALLOC(rc, {
        struct hits hits = {0};

        err_clear(&err);
        rc = retrieve(&hits, f.ix, "fox cat fox owl", &opt, &err);
        ck_assert(rc || hits.n == 3);
        ck_assert(!rc || !hits.hits);
        hits_clear(&hits);
    });
    opt.exhaustive = 1;
    FAIL_EACH_ALLOC(rc, {
        struct hits hits = {0};

        err_clear(&err);
        rc = retrieve(&hits, f.ix, "fox cat fox owl", &opt, &err);
        hits_clear(&hits);
    });
}
END_TEST

/* A long document among short ones: its passages crowd the first places, and still every other
 * document must be found. */
START_TEST(documents_come_with_their_best_passage)
{
    struct index_settings settings = {.analyzer = "plain", .chunking = "words:2"};
    struct hits hits = {0}, passages = {0};
    struct err err = {0};
    struct retrieve_options opt = bm25(4);
    struct fixture c;
    struct buf text = {0};
    struct span span;

    fixture_open(&c, &settings);
    for (int i = 0; i < 100; i++)
        buf_puts(&text, "fox fox ");
    buf_puts(&text, "owl fox");
    fixture_add(&c, "long", buf_text(&text));
    fixture_add(&c, "x", "dog dog dog fox");
    fixture_add(&c, "y", "dog dog fox owl dog");
    fixture_add(&c, "z", "fox dog fox owl");
    fixture_add(&c, "none", "dog dog");
    fixture_commit(&c);
    ck_assert_ok(retrieve(&hits, c.ix, "fox", &opt, &err), &err);
    ck_assert_uint_eq(hits.n, 4);
    ck_assert_str_eq(hits.hits[0].docno, "long");
    ck_assert_str_eq(hits.hits[1].docno, "z");
    ck_assert_str_eq(hits.hits[2].docno, "y");
    ck_assert_str_eq(hits.hits[3].docno, "x");
    ck_assert_ok(index_passage_span(&span, c.ix, index_segment(c.ix, hits.hits[2].segment),
                                    hits.hits[2].passage, &err),
                 &err);
    ck_assert_uint_eq(span.begin, 8); /* "fox owl" of y */
    opt.by_passage = 1;
    opt.k = 1000;
    ck_assert_ok(retrieve(&passages, c.ix, "fox", &opt, &err), &err);
    ck_assert_uint_eq(passages.n, 101 + 1 + 1 + 2);
    for (size_t i = 0; i < 100; i++)
        ck_assert_str_eq(passages.hits[i].docno, "long");
    hits_clear(&hits);
    hits_clear(&passages);
    buf_clear(&text);
    fixture_close(&c);
}
END_TEST

TCase *tcase_retriever(void)
{
    TCase *tc = tcase_create("retriever");

    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, ties_are_broken_by_docno_descending_across_segments);
    tcase_add_test(tc, no_options_mean_bm25_without_vectors);
    tcase_add_loop_test(tc, queries_without_known_terms_give_no_hits, 0, 6);
    tcase_add_test(tc, k_may_be_anything_but_negative);
    tcase_add_loop_test(tc, bad_options_are_refused_with_a_reason, 0,
                        (int)(sizeof refused / sizeof *refused));
    tcase_add_test(tc, the_table_is_searched_by_name);
    tcase_add_test(tc, hits_lead_to_their_documents);
    tcase_add_test(tc, explanations_add_up_to_the_score);
    tcase_add_test(tc, searching_survives_each_failing_allocation);
    tcase_add_test(tc, documents_come_with_their_best_passage);
    return tc;
}

int main(void)
{
    Suite *suite = suite_create("retriever");

    suite_add_tcase(suite, tcase_topk());
    suite_add_tcase(suite, tcase_bm25());
    suite_add_tcase(suite, tcase_sums());
    suite_add_tcase(suite, tcase_retriever());
    suite_add_tcase(suite, tcase_fuse());
    suite_add_tcase(suite, tcase_fields());
    suite_add_tcase(suite, tcase_bundled());
    suite_add_tcase(suite, tcase_bundled_all());
    suite_add_tcase(suite, tcase_dense());
    suite_add_tcase(suite, tcase_sparse());
    suite_add_tcase(suite, tcase_filters());
    suite_add_tcase(suite, tcase_filters_merged());
    suite_add_tcase(suite, tcase_three_legs());
    suite_add_tcase(suite, tcase_syntax());
    suite_add_tcase(suite, tcase_phrases());
    suite_add_tcase(suite, tcase_phrases_merged());
    suite_add_tcase(suite, tcase_prefixes());
    return run_suite(suite);
}
