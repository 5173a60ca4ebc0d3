/* check_indexer_vectors.c -- the dense leg: nearest passages against brute force, and the encoder's part. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "base/digest.h"
#include "base/half.h"
#include "tests/vectors_fixture.h"

START_TEST(the_nearest_are_those_of_brute_force_in_order)
{
    static const struct {
        uint32_t n, values, one_in;
    } shapes[] = {{1, 9, 0},    {300, 2, 0}, {300, 3, 2}, {2000, 65, 0},
                  {2000, 2, 3}, {500, 1, 0}, {40, 5, 1}};
    uint32_t passages[600];
    float query[DIM], scores[600];
    struct field v;
    uint64_t seed = 5;
    size_t n;

    open_field(&v, _i % 2 ? "SQ8" : "Flat", shapes[_i].n, shapes[_i].values);
    if (shapes[_i].one_in)
        bury_some(&v, shapes[_i].one_in, &seed);
    for (int round = 0; round < 6; round++) {
        size_t k = round == 0 ? 1 : round == 1 ? 600 : 1 + random_below(&seed, 120), live;

        for (int i = 0; i < DIM; i++)
            query[i] = ((float)random_below(&seed, 9) - 4) / 8;
        ck_assert_ok(segment_nearest(passages, scores, &n, v.s, query, k, 0, NULL, &v.f.err),
                     &v.f.err);
        live = v.n - v.s->n_dead;
        ck_assert_uint_eq(n, k < live ? k : live);
        for (size_t i = 0; i < n; i += 1 + n / 40) {
            ck_assert(!segment_is_dead(v.s, passages[i]));
            ck_assert_uint_eq(rank_of(&v, query, passages[i]), i);
            ck_assert_float_eq(scores[i],
                               (float)product(query, v.rows + (size_t)passages[i] * DIM));
        }
    }
    close_field(&v);
}
END_TEST

START_TEST(vectors_come_back_as_they_are_kept)
{
    float row[DIM];
    struct field v;

    open_field(&v, _i ? "HNSW8" : "Flat", 50, 4001);
    for (uint32_t p = 0; p < 50; p++) {
        ck_assert_ok(segment_vector(row, v.s, p, &v.f.err), &v.f.err);
        for (int i = 0; i < DIM; i++) {
            float put = v.rows[p * DIM + (uint32_t)i];

            ck_assert_float_eq(row[i], _i ? half_to_float(half_from_float(put)) : put);
        }
    }
    ck_assert_err(segment_vector(row, v.s, 50, &v.f.err), E_FORMAT, "asked for", &v.f.err);
    close_field(&v);
}
END_TEST

START_TEST(a_large_segment_is_searched_through_a_structure_and_finds_most)
{
    static const char *const factories[] = {"HNSW16,Flat", "IVF64,SQ8", "auto:1000"};
    uint32_t passages[10];
    float query[DIM], scores[10];
    size_t n, hits = 0, wanted = 0;
    uint64_t seed = 8;
    struct field v;

    open_field(&v, factories[_i], 9000, 200);
    ck_assert_uint_gt(v.s->row.bytes[PART_GRAPH], 0);
    bury_some(&v, 4, &seed);
    for (int round = 0; round < 20; round++) {
        for (int i = 0; i < DIM; i++)
            query[i] = ((float)random_below(&seed, 99) - 49) / 32;
        ck_assert_ok(segment_nearest(passages, scores, &n, v.s, query, 10, 0, NULL, &v.f.err),
                     &v.f.err);
        ck_assert_uint_eq(n, 10);
        for (size_t i = 0; i < n; i++) {
            ck_assert(!segment_is_dead(v.s, passages[i]));
            ck_assert(i == 0 || scores[i] < scores[i - 1] ||
                      (scores[i] == scores[i - 1] && passages[i] > passages[i - 1]));
            hits += rank_of(&v, query, passages[i]) < 10;
            wanted++;
        }
    }
    ck_assert_msg(hits * 10 >= wanted * 9, "%zu of %zu", hits, wanted);
    close_field(&v);
}
END_TEST

START_TEST(factory_strings_are_tried_before_there_is_an_index)
{
    struct err err = {0};

    ck_assert_ok(vectors_check("Flat", 384, &err), &err);
    ck_assert_ok(vectors_check("HNSW32,SQ8", 384, &err), &err);
    ck_assert_ok(vectors_check("IVF256,SQ8", 384, &err), &err);
    ck_assert_err(vectors_check("Nonsense", 384, &err), E_INVALID, "Nonsense", &err);
    ck_assert_err(vectors_check("", 384, &err), E_INVALID, "FAISS", &err);
    ck_assert_ok(vectors_check("auto", 384, &err), &err);
    ck_assert_ok(vectors_check("auto:0", 384, &err), &err);
    ck_assert_err(vectors_check("auto:", 384, &err), E_INVALID, "as in auto:50000", &err);
    ck_assert_err(vectors_check("auto:-1", 384, &err), E_INVALID, "auto:-1", &err);
    ck_assert_err(vectors_check("auto:1e6", 384, &err), E_INVALID, "auto:1e6", &err);
    ck_assert_err(vectors_check("auto", 3, &err), E_INVALID, "not 3", &err);
    ck_assert_err(vectors_check("automatic", 384, &err), E_INVALID, "automatic", &err);
    ck_assert_uint_eq(vectors_graph_from("auto"), VECTORS_EXACT + 1);
    ck_assert_uint_eq(vectors_graph_from("auto:99"), 100);
    ck_assert_uint_eq(vectors_graph_from("Flat"), SIZE_MAX);
    ck_assert_uint_eq(vectors_graph_from("IVF1024,SQ8"), 40960);
}
END_TEST

START_TEST(numbers_that_are_none_are_refused)
{
    static const float bad[] = {NAN, INFINITY, -INFINITY, 1e6f};
    struct vectors_writer w;
    struct segment_row row = {0};
    struct fixture f;
    float v[DIM] = {0};

    fixture_open(&f, NULL);
    ck_assert_ok(vectors_begin(&w, &f.ix->wr, 1, "SQ8", DIM, 1, &f.err), &f.err);
    v[3] = bad[_i];
    vectors_put(&w, v, 1);
    ck_assert_err(vectors_end(&w, &row, 0), E_LIMIT, "too large", &f.err);
    fixture_close(&f);
}
END_TEST

/* ---- with the encoder ---- */

/* 1 if the model is on this machine; tests that need it pass without it, and say so. */
static int has_model(void)
{
    char *path = NULL;
    int rc = model_find(&path, "minilm", NULL);

    mem_free(path);
    if (rc)
        fprintf(stderr, "skipped: the model 'minilm' is not here\n");
    return rc == 0;
}

static const char *const sentences[] = {
    "The cat sat on the mat.",         "A dog barked at the postman.",
    "Stocks fell sharply on Monday.",  "Rain is expected in the north tomorrow.",
    "Insulin lowers the blood sugar.", "The parliament passed the budget.",
    "He scored twice in the final.",   "Gravity bends the path of light.",
    "The soup needs a pinch of salt.", "Her new novel is set in Lisbon.",
};
enum { N_SENTENCES = sizeof sentences / sizeof *sentences };

/* The docno of the passage nearest to a query. */
static void nearest_document(struct fixture *f, const char *query, char docno[16])
{
    struct model_text t = {query, strlen(query)};
    uint32_t passage;
    float *v, score, most = -2;
    struct model *m = NULL;
    size_t n;

    ck_assert_ok(index_encoder(&m, f->ix, &f->err), &f->err);
    v = mem_alloc((size_t)index_vector_dim(f->ix), sizeof *v);
    ck_assert_ok(model_embed(v, m, NULL, &t, 1, MODEL_QUERY, &f->err), &f->err);
    for (int i = 0; i < index_n_segments(f->ix); i++) {
        struct segment *s = index_segment(f->ix, i);

        ck_assert_ok(segment_nearest(&passage, &score, &n, s, v, 1, 0, NULL, &f->err), &f->err);
        if (n && score > most) {
            most = score;
            snprintf(docno, 16, "%s", segment_docno(s, passage));
        }
    }
    mem_free(v);
}

START_TEST(sentences_are_found_by_meaning_through_updates_and_merges)
{
    struct index_options opt = {.settings = {.model = "minilm"}};
    struct fixture f, g;
    char docno[16], found[16];

    if (!has_model())
        return;
    fixture_open(&f, &opt);
    for (int i = 0; i < N_SENTENCES; i++) {
        snprintf(docno, sizeof docno, "d%d", i);
        fixture_add(&f, docno, "", i % 2 ? "something else for now" : sentences[i]);
        if (i % 3 == 0)
            fixture_commit(&f);
    }
    fixture_commit(&f);
    for (int i = 1; i < N_SENTENCES; i += 2) {
        snprintf(docno, sizeof docno, "d%d", i);
        ck_assert_int_eq(fixture_add(&f, docno, "", sentences[i]), INDEX_UPDATED);
        fixture_commit(&f);
    }
    fixture_check(&f);
    fixture_again(&f);
    for (int i = 0; i < N_SENTENCES; i++) {
        snprintf(docno, sizeof docno, "d%d", i);
        nearest_document(&f, sentences[i], found);
        ck_assert_str_eq(found, docno);
    }
    nearest_document(&f, "what does the hormone do to glucose?", found);
    ck_assert_str_eq(found, "d4");
    ck_assert_ok(index_merge(f.ix, &f.err), &f.err);
    fixture_check(&f);
    fixture_open(&g, &opt); /* vectors too are what a fresh index would hold */
    for (int i = 0; i < N_SENTENCES; i++) {
        snprintf(docno, sizeof docno, "d%d", i);
        fixture_add(&g, docno, "", sentences[i]);
    }
    fixture_commit(&g);
    assert_same_parts(&f, &g);
    ck_assert_uint_eq(strlen(index_model_sha256(f.ix)), 64);
    fixture_close(&g);
    fixture_close(&f);
}
END_TEST

START_TEST(another_model_than_recorded_is_refused)
{
    struct index_options opt = {.settings = {.model = "minilm"}};
    struct model *m;
    struct fixture f;

    if (!has_model())
        return;
    fixture_open(&f, &opt);
    fixture_add(&f, "a", "", "one");
    fixture_commit(&f);
    ck_assert_ok(db_exec(f.ix->wr.db, &f.err,
                         "UPDATE fovea_settings SET value = 'abcd' || substr(value, 5) WHERE key = "
                         "'model_sha256';"
                         "UPDATE fovea_settings SET value = 'touched' WHERE key = 'model_file'"),
                 &f.err);
    fixture_again(&f);
    ck_assert_err(index_encoder(&m, f.ix, &f.err), E_INVALID, "abcd", &f.err);
    fixture_add(&f, "b", "", "two");
    ck_assert_err(index_commit(f.ix, &f.err), E_INVALID, "was made with the model 'minilm'",
                  &f.err);
    ck_assert_uint_eq(index_n_passages(f.ix), 1);
    fixture_close(&f);
}
END_TEST

/* The bytes of the first segment's vectors, as a checksum. */
static uint32_t sum_of_vectors(struct fixture *f)
{
    float v[2048];

    ck_assert_int_le(index_vector_dim(f->ix), 2048);
    ck_assert_ok(segment_vector(v, index_segment(f->ix, 0), 0, &f->err), &f->err);
    return digest_crc32(0, v, (size_t)index_vector_dim(f->ix) * sizeof *v);
}

START_TEST(all_vectors_of_an_index_are_made_in_one_precision)
{
    struct index_options opt = {.settings = {.model = "minilm"}, .precision = MODEL_F32};
    struct fixture f, g;
    uint32_t sum;

    if (!has_model())
        return;
    fixture_open(&f, &opt);
    fixture_add(&f, "a", "", sentences[0]);
    fixture_commit(&f);
    sum = sum_of_vectors(&f);
    f.opt.precision = MODEL_I8; /* the default: as recorded */
    fixture_again(&f);
    ck_assert_int_eq(index_delete(f.ix, "a", &f.err), 1);
    fixture_add(&f, "a", "", sentences[0]);
    fixture_commit(&f);
    ck_assert_uint_eq(sum_of_vectors(&f), sum);
    opt.precision = MODEL_I8;
    fixture_open(&g, &opt);
    fixture_add(&g, "a", "", sentences[0]);
    fixture_commit(&g);
    ck_assert_uint_ne(sum_of_vectors(&g), sum);
    index_close(g.ix);
    g.ix = NULL;
    g.opt.mode = INDEX_WRITE;
    g.opt.precision = MODEL_F32;
    ck_assert_err(index_open(&g.ix, g.path, &g.opt, &g.err), E_INVALID,
                  "was made with precision 'i8', not 'f32'", &g.err);
    g.opt.mode = INDEX_READ; /* a query may be finer than what it is compared with */
    ck_assert_ok(index_open(&g.ix, g.path, &g.opt, &g.err), &g.err);
    fixture_close(&g);
    fixture_close(&f);
}
END_TEST

static int stop_embedding(const char *what, uint64_t done, uint64_t total, void *payload)
{
    (void)payload;
    ck_assert_str_eq(what, "passages embedded");
    ck_assert_uint_le(done, total);
    return 1;
}

START_TEST(embedding_can_be_stopped_and_leaves_the_last_commit)
{
    struct index_options opt = {.settings = {.model = "minilm"}, .progress = stop_embedding};
    struct fixture f;

    if (!has_model())
        return;
    fixture_open(&f, &opt);
    fixture_add(&f, "a", "", "one");
    ck_assert_err(index_commit(f.ix, &f.err), E_STOP, "stopped", &f.err);
    ck_assert_uint_eq(index_n_passages(f.ix), 0);
    f.ix->progress = NULL;
    fixture_add(&f, "a", "", "one");
    fixture_commit(&f);
    fixture_check(&f);
    fixture_close(&f);
}
END_TEST

TCase *tcase_vectors(void)
{
    TCase *tc = tcase_create("vectors");

    tcase_set_timeout(tc, 120);
    tcase_add_loop_test(tc, the_nearest_are_those_of_brute_force_in_order, 0, 7);
    tcase_add_loop_test(tc, vectors_come_back_as_they_are_kept, 0, 2);
    tcase_add_loop_test(tc, a_large_segment_is_searched_through_a_structure_and_finds_most, 0, 3);
    tcase_add_test(tc, factory_strings_are_tried_before_there_is_an_index);
    tcase_add_loop_test(tc, numbers_that_are_none_are_refused, 0, 4);
    return tc;
}

TCase *tcase_dense(void)
{
    TCase *tc = tcase_create("dense");

    tcase_set_timeout(tc, 240);
    tcase_add_test(tc, sentences_are_found_by_meaning_through_updates_and_merges);
    tcase_add_test(tc, another_model_than_recorded_is_refused);
    tcase_add_test(tc, all_vectors_of_an_index_are_made_in_one_precision);
    tcase_add_test(tc, embedding_can_be_stopped_and_leaves_the_last_commit);
    return tc;
}
