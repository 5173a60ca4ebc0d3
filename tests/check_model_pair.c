/* check_model_pair.c -- cross-encoders: PyTorch's scores, the laws, and what is refused. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/check_model.h"

#include <math.h>

#include "base/lines.h"
#include "base/pool.h"
#include "model/folder.h"
#include "model/pair.h"
#include "tests/check_model_numbers.h"

static char dir[64];
static struct err err;

static void make_cross(void)
{
    tmp_dir(dir);
    tiny_cross_write(dir, 1, 1);
}

static void remove_cross(void) { tmp_remove(dir); }

static struct model *open_cross(int precision, const char *kernels)
{
    const struct model_options opt = {.precision = precision, .kernels = kernels};
    struct model *m = NULL;

    ck_assert_ok(model_open(&m, dir, &opt, &err), &err);
    ck_assert(model_is_cross(m));
    ck_assert_str_eq(model_pooling(m), "pair");
    ck_assert_int_eq(model_dim(m), 0);
    return m;
}

static struct model_text text_of(const char *s) { return (struct model_text){s, strlen(s)}; }

/* ---- golden pairs ---- */

/* One line of the golden file. */
struct golden {
    int labels, n, n_first, ids[TINY_POSITIONS];
    const char *query, *passage;
    float score;
};

static char *next_field(char **line)
{
    char *field = *line, *tab = strchr(field, '\t');

    if (tab) {
        *tab = '\0';
        *line = tab + 1;
    }
    return field;
}

static void parse(struct golden *g, char *line)
{
    char *ids;

    g->labels = atoi(next_field(&line));
    g->query = next_field(&line);
    g->passage = next_field(&line);
    g->n = atoi(next_field(&line));
    g->n_first = atoi(next_field(&line));
    ids = next_field(&line);
    ck_assert_int_le(g->n, TINY_POSITIONS);
    for (int i = 0; i < g->n; i++)
        g->ids[i] = (int)strtol(ids, &ids, 10);
    g->score = strtof(line, NULL);
}

START_TEST(scores_are_those_of_pytorch)
{
    const char *table = tables[_i / 4];
    const int precision = precisions[_i % 2], labels = 1 + _i / 2 % 2;
    struct model *m = NULL;
    struct lines *in = NULL;
    char *line;
    size_t n;
    int rc, count = 0;

    if (!kernels_find(table))
        return;
    tiny_cross_write(dir, 1, labels);
    m = open_cross(precision, table);
    ck_assert_ok(lines_open(&in, source_path("tests/golden/tiny_cross.txt"), &err), &err);
    while ((rc = lines_next(&line, &n, in, &err)) == 1) {
        struct golden g;
        struct model_text passage;
        float score;

        parse(&g, line);
        if (g.labels != labels)
            continue;
        passage = text_of(g.passage);
        ck_assert_ok(
            model_score_pairs(&score, NULL, NULL, m, NULL, text_of(g.query), &passage, 1, &err),
            &err);
        /* 8 bits: rows of 32 random weights are coarser than a real model's; scores spread over 2 and 4 */
        assert_near(&score, &g.score, 1,
                    precision == MODEL_F32 ? 2e-5f : 0.1f * (float)(labels * labels), 0);
        count++;
    }
    ck_assert_int_eq(rc, 0);
    ck_assert_int_eq(count, 22);
    lines_close(in);
    model_close(m);
}
END_TEST

START_TEST(pairs_are_cut_as_the_reference_cuts_them)
{
    struct folder f = {0};
    struct tokenizer *t = NULL;
    struct lines *in = NULL;
    char *line;
    size_t n;
    int count = 0;

    ck_assert_ok(folder_read(&f, dir, &err), &err);
    ck_assert_int_eq(f.pooling, FOLDER_PAIR);
    ck_assert_ok(tokenizer_open(&t, &f, &err), &err);
    ck_assert_ok(lines_open(&in, source_path("tests/golden/tiny_cross.txt"), &err), &err);
    while (lines_next(&line, &n, in, &err) == 1) {
        struct golden g;
        struct ids query = {0}, ids = {0};
        unsigned char cut = 9;
        int second = 0;

        parse(&g, line);
        ck_assert_ok(tokenizer_add(&query, t, g.query, strlen(g.query), 1 << 20, &err), &err);
        ck_assert_ok(
            pair_tokens(&ids, &second, &cut, t, &query, text_of(g.passage), TINY_POSITIONS, &err),
            &err);
        ck_assert_uint_eq(ids.n, (size_t)g.n);
        ck_assert_int_eq(second, g.n_first);
        ck_assert_mem_eq(ids.v, g.ids, (size_t)g.n * sizeof *ids.v);
        ck_assert(cut == 0 || (cut == 1 && g.n == TINY_POSITIONS));
        ids_clear(&ids);
        ids_clear(&query);
        count++;
    }
    ck_assert_int_eq(count, 44);
    lines_close(in);
    tokenizer_close(t);
    folder_clear(&f);
}
END_TEST

START_TEST(a_share_fills_the_room_and_takes_from_the_longer)
{
    for (size_t room = 0; room < 12; room++)
        for (size_t nq = 0; nq < 15; nq++)
            for (size_t np = 0; np < 15; np++) {
                size_t q, p;

                pair_share(&q, &p, nq, np, room);
                ck_assert(q <= nq && p <= np);
                ck_assert_uint_eq(q + p, nq + np < room ? nq + np : room);
                if (q < nq && p < np) /* both are cut: evenly */
                    ck_assert(q + 1 >= p && p + 1 >= q);
                else if (q < nq) /* one is cut: it still has the most */
                    ck_assert_uint_ge(q + 1, p);
                else if (p < np)
                    ck_assert_uint_ge(p + 1, q);
            }
}
END_TEST

/* ---- laws ---- */

enum { N_TEXTS = 60 };

static void make_texts(struct buf *texts, struct model_text *in)
{
    static const char *const words[] = {"the ",       "retina ", "of ", "eye ",
                                        "foveation ", "x1 ",     "? "};

    for (int i = 0; i < N_TEXTS; i++) {
        for (int n = 0; n < i % 9 * 5; n++)
            buf_puts(&texts[i], words[(i + n * n) % 7]);
        in[i] = (struct model_text){buf_text(&texts[i]), texts[i].len};
    }
}

START_TEST(a_score_depends_neither_on_its_batch_nor_on_threads)
{
    struct model *m = open_cross(precisions[_i], NULL);
    const struct model_text query = text_of("what does the retina see?");
    struct buf texts[N_TEXTS] = {{0}};
    struct model_text in[N_TEXTS];
    struct pool *pool = NULL;
    float all[N_TEXTS], one, threads[N_TEXTS];
    unsigned char cut[N_TEXTS], cut_one;
    size_t n_query = 0, n_cut = 0;

    make_texts(texts, in);
    ck_assert_ok(pool_new(&pool, 3, &err), &err);
    ck_assert_ok(model_score_pairs(all, cut, &n_query, m, NULL, query, in, N_TEXTS, &err), &err);
    ck_assert_ok(model_score_pairs(threads, NULL, NULL, m, pool, query, in, N_TEXTS, &err), &err);
    ck_assert_mem_eq(threads, all, sizeof all);
    ck_assert_uint_gt(n_query, 5);
    for (int i = 0; i < N_TEXTS; i++) {
        ck_assert_ok(
            model_score_pairs(&one, &cut_one, NULL, m, _i ? pool : NULL, query, &in[i], 1, &err),
            &err);
        ck_assert_mem_eq(&one, &all[i], sizeof one);
        ck_assert_int_eq(cut_one, cut[i]);
        n_cut += cut_one;
        buf_clear(&texts[i]);
    }
    ck_assert(n_cut > 0 && n_cut < N_TEXTS);
    pool_free(pool);
    model_close(m);
}
END_TEST

START_TEST(queries_and_passages_of_any_length_are_read)
{
    struct model *m = open_cross(MODEL_I8, NULL);
    struct buf lengthy = {0};
    const struct model_text empty = text_of("");
    float a, b;
    size_t n_query;

    for (int i = 0; i < 5000; i++)
        buf_puts(&lengthy, "eye ");
    const struct model_text query = {buf_text(&lengthy), lengthy.len};

    ck_assert_ok(model_score_pairs(&a, NULL, &n_query, m, NULL, query, &query, 1, &err), &err);
    ck_assert_uint_eq(n_query, 5000);
    ck_assert_ok(model_score_pairs(&b, NULL, &n_query, m, NULL, empty, &empty, 1, &err), &err);
    ck_assert_uint_eq(n_query, 0);
    ck_assert(isfinite(a) && isfinite(b));
    ck_assert_ok(model_score_pairs(&b, NULL, NULL, m, NULL, query, NULL, 0, &err), &err);
    buf_clear(&lengthy);
    model_close(m);
}
END_TEST

/* ---- recognised or refused ---- */

START_TEST(what_is_no_cross_encoder_scores_no_pairs_and_a_cross_encoder_makes_no_vectors)
{
    struct model *m = open_cross(MODEL_I8, NULL);
    const struct model_text t = text_of("the eye");
    struct model_words w = {0};
    float v[TINY_DIM];

    ck_assert_err(model_embed(v, m, NULL, &t, 1, MODEL_QUERY, &err), E_INVALID,
                  "is a cross-encoder", &err);
    ck_assert_err(model_embed_words(&w, m, NULL, &t, 1, MODEL_QUERY, &err), E_INVALID,
                  "is a cross-encoder", &err);
    model_close(m);
    tiny_model_write(dir, 1, "");
    ck_assert_ok(model_open(&m, dir, NULL, &err), &err);
    ck_assert_err(model_score_pairs(v, NULL, NULL, m, NULL, t, &t, 1, &err), E_INVALID,
                  "pairs need a cross-encoder", &err);
    model_close(m);
}
END_TEST

/* Opening must fail and say why. */
static void assert_refused(int code, const char *text)
{
    struct model *m = NULL;

    ck_assert_err(model_open(&m, dir, NULL, &err), code, text, &err);
    ck_assert_ptr_null(m);
}

START_TEST(a_head_that_is_missing_or_does_not_rank_is_refused_by_name)
{
    static const char config[] =
        "{\"model_type\":\"bert\",\"hidden_size\":32,\"num_hidden_layers\":2,"
        "\"num_attention_heads\":2,\"intermediate_size\":64,\"hidden_act\":\"gelu\","
        "\"max_position_embeddings\":48,\"type_vocab_size\":%d,\"vocab_size\":147,"
        "\"architectures\":[\"BertForSequenceClassification\"]}";
    char text[sizeof config];

    tiny_cross_write(dir, 1, 3);
    assert_refused(E_INVALID, "the classifier has 3 labels");
    tiny_splade_write(dir, 1); /* the same network with another head */
    snprintf(text, sizeof text, config, 2);
    folder_put(dir, "config.json", text);
    assert_refused(E_NOTFOUND, "pooler.dense.weight");
    tiny_cross_write(dir, 1, 1);
    snprintf(text, sizeof text, config, 1);
    folder_put(dir, "config.json", text);
    assert_refused(E_INVALID, "needs two token types");
}
END_TEST

START_TEST(pairs_survive_each_failing_allocation)
{
    const struct model_text query = text_of("the eye");
    const struct model_text texts[] = {{"the eye", 7}, {"retina", 6}, {"", 0}};
    int rc;

    FAIL_EACH_ALLOC(rc, {
        const struct model_options opt = {.precision = precisions[_i]};
        struct model *m = NULL;
        float scores[3];

        err_clear(&err);
        rc = model_open(&m, dir, &opt, &err);
        rc = rc ? rc : model_score_pairs(scores, NULL, NULL, m, NULL, query, texts, 3, &err);
        model_close(m);
    });
}
END_TEST

TCase *pair_tests(void)
{
    TCase *tc = tcase_create("pair.c");

    tcase_add_checked_fixture(tc, make_cross, remove_cross);
    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, scores_are_those_of_pytorch, 0, 4 * N_TABLES);
    tcase_add_test(tc, pairs_are_cut_as_the_reference_cuts_them);
    tcase_add_test(tc, a_share_fills_the_room_and_takes_from_the_longer);
    tcase_add_loop_test(tc, a_score_depends_neither_on_its_batch_nor_on_threads, 0, 2);
    tcase_add_test(tc, queries_and_passages_of_any_length_are_read);
    tcase_add_test(tc,
                   what_is_no_cross_encoder_scores_no_pairs_and_a_cross_encoder_makes_no_vectors);
    tcase_add_test(tc, a_head_that_is_missing_or_does_not_rank_is_refused_by_name);
    tcase_add_loop_test(tc, pairs_survive_each_failing_allocation, 0, 2);
    return tc;
}
