/* check_model_splade.c -- learned sparse models: PyTorch's words, the laws, and what is refused. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/check_model.h"

#include <math.h>

#include "base/lines.h"
#include "base/pool.h"
#include "model/encoder.h"
#include "model/folder.h"
#include "model/safetensors.h"
#include "model/splade.h"
#include "tests/check_model_numbers.h"

enum { TINY_VOCABULARY = 147 };

static char dir[64];
static struct folder cfg;
static struct safetensors *st;
static struct err err;

static void open_tiny(void)
{
    char path[128];

    tmp_dir(dir);
    tiny_splade_write(dir, 1);
    snprintf(path, sizeof path, "%s/model.safetensors", dir);
    ck_assert_ok(folder_read(&cfg, dir, &err), &err);
    ck_assert_ok(safetensors_open(&st, path, &err), &err);
}

static void close_tiny(void)
{
    safetensors_close(st);
    folder_clear(&cfg);
    tmp_remove(dir);
}

/* Runs texts through a network and head of its own; 0 or what failed. */
static int run(struct model_words *out, int precision, const struct kernels *k, const int *ids,
               const int *lengths, int n_texts)
{
    struct encoder *e = NULL;
    struct encoder_scratch *s = NULL;
    struct splade *head = NULL;
    struct splade_scratch *w = NULL;
    const float *x = NULL;
    int T = 0, rc;

    for (int i = 0; i < n_texts; i++)
        T += lengths[i];
    rc = encoder_open(&e, st, &cfg, precision, k, &err);
    rc = rc ? rc : splade_open(&head, st, &cfg, precision, k, &err);
    rc = rc ? rc : encoder_scratch_new(&s, e, T, NULL, &err);
    rc = rc ? rc : splade_scratch_new(&w, head, T, &err);
    rc = rc ? rc : encoder_states(&x, e, s, ids, lengths, n_texts, &err);
    rc = rc ? rc : splade_run(out, head, w, x, lengths, n_texts, &err);
    splade_scratch_free(w);
    encoder_scratch_free(s);
    splade_close(head);
    encoder_close(e);
    return rc;
}

/* The list as V numbers. */
static void spread(float *out, const struct model_words *w)
{
    memset(out, 0, TINY_VOCABULARY * sizeof *out);
    for (size_t i = 0; i < w->n; i++) {
        ck_assert_int_lt(i ? w->v[i - 1].token : -1, w->v[i].token);
        ck_assert_int_lt(w->v[i].token, TINY_VOCABULARY);
        ck_assert_float_gt(w->v[i].weight, 0);
        out[w->v[i].token] = w->v[i].weight;
    }
}

/* ---- golden words ---- */

struct golden {
    int n, ids[TINY_POSITIONS];
    float v[TINY_VOCABULARY];
};

static void parse(struct golden *g, char *line)
{
    const char *activation = strtok(line, " ");
    int n_words;

    memset(g, 0, sizeof *g);
    cfg.activation = !strcmp(activation, "gelu")       ? FOLDER_GELU
                     : !strcmp(activation, "gelu_new") ? FOLDER_GELU_TANH
                                                       : FOLDER_RELU;
    g->n = atoi(strtok(NULL, " "));
    ck_assert_int_le(g->n, TINY_POSITIONS);
    for (int i = 0; i < g->n; i++)
        g->ids[i] = atoi(strtok(NULL, " "));
    n_words = atoi(strtok(NULL, " "));
    ck_assert_int_ge(n_words, 1);
    for (int i = 0; i < n_words; i++) {
        int token = atoi(strtok(NULL, " "));

        ck_assert(token >= 0 && token < TINY_VOCABULARY);
        g->v[token] = strtof(strtok(NULL, " "), NULL);
    }
}

static double cosine(const float *a, const float *b)
{
    double dot = 0, a2 = 0, b2 = 0;

    for (int i = 0; i < TINY_VOCABULARY; i++) {
        dot += (double)a[i] * (double)b[i];
        a2 += (double)a[i] * (double)a[i];
        b2 += (double)b[i] * (double)b[i];
    }
    return dot / sqrt(a2 * b2);
}

START_TEST(words_and_weights_are_those_of_pytorch)
{
    const struct kernels *k = kernels_find(tables[_i / 2]);
    const int precision = precisions[_i % 2];
    struct lines *in = NULL;
    char *line;
    size_t n;
    int rc, count = 0;

    ck_assert_ok(lines_open(&in, source_path("tests/golden/tiny_splade.txt"), &err), &err);
    while (k && (rc = lines_next(&line, &n, in, &err)) == 1) {
        struct golden g;
        struct model_words got = {0};
        float v[TINY_VOCABULARY];

        parse(&g, line);
        ck_assert_ok(run(&got, precision, k, g.ids, &g.n, 1), &err);
        spread(v, &got);
        if (precision == MODEL_F32)
            assert_near(v, g.v, TINY_VOCABULARY, 2e-5f, 0);
        else /* rows of 32 random weights: coarser than a real model's */
            ck_assert_double_ge(cosine(v, g.v), 0.99);
        model_words_clear(&got);
        count++;
    }
    ck_assert_int_eq(count, k ? 15 : 0);
    lines_close(in);
}
END_TEST

/* ---- laws ---- */

enum { N_TEXTS = 40 };

static void assert_same(const struct model_words *a, const struct model_words *b)
{
    ck_assert_uint_eq(a->n, b->n);
    if (a->n)
        ck_assert_mem_eq(a->v, b->v, a->n * sizeof *a->v);
}

START_TEST(the_words_of_a_text_do_not_depend_on_its_batch)
{
    const struct kernels *k = kernels_find(tables[_i / 2]);
    struct model_words all[N_TEXTS] = {{0}}, one = {0};
    int ids[N_TEXTS * TINY_POSITIONS], lengths[N_TEXTS], T = 0;

    for (int i = 0; i < N_TEXTS; i++) {
        lengths[i] = 1 + i * 13 % TINY_POSITIONS;
        for (int t = 0; t < lengths[i]; t++)
            ids[T++] = (i * 31 + t * 7) % TINY_VOCABULARY;
    }
    if (!k)
        return;
    ck_assert_ok(run(all, precisions[_i % 2], k, ids, lengths, N_TEXTS), &err);
    T = 0;
    for (int i = 0; i < N_TEXTS; i++) {
        one.n = 0;
        ck_assert_ok(run(&one, precisions[_i % 2], k, ids + T, &lengths[i], 1), &err);
        assert_same(&one, &all[i]);
        ck_assert_uint_gt(one.n, 0);
        T += lengths[i];
        model_words_clear(&all[i]);
    }
    model_words_clear(&one);
}
END_TEST

START_TEST(threads_do_not_change_words)
{
    static const char *const words[] = {"the ",       "retina ", "of ", "eye ",
                                        "foveation ", "x1 ",     "? "};
    struct model *m = NULL;
    struct pool *pool = NULL;
    struct buf texts[N_TEXTS] = {{0}};
    struct model_text in[N_TEXTS];
    struct model_words a[N_TEXTS], b[N_TEXTS];
    struct buf word = {0};

    for (int i = 0; i < N_TEXTS; i++) {
        for (int n = 0; n < i % 9 * 5; n++)
            buf_puts(&texts[i], words[(i + n * n) % 7]);
        in[i] = (struct model_text){buf_text(&texts[i]), texts[i].len};
    }
    ck_assert_ok(model_open(&m, dir, NULL, &err), &err);
    ck_assert(model_is_sparse(m));
    ck_assert_int_eq(model_dim(m), 0);
    ck_assert_int_eq(model_vocabulary(m), TINY_VOCABULARY);
    ck_assert_str_eq(model_pooling(m), "splade");
    ck_assert_ok(model_embed_words(a, m, NULL, in, N_TEXTS, MODEL_PASSAGE, &err), &err);
    ck_assert_ok(pool_new(&pool, 3, &err), &err);
    ck_assert_ok(model_embed_words(b, m, pool, in, N_TEXTS, MODEL_PASSAGE, &err), &err);
    for (int i = 0; i < N_TEXTS; i++) {
        assert_same(&a[i], &b[i]);
        model_words_clear(&a[i]);
        model_words_clear(&b[i]);
        buf_clear(&texts[i]);
    }
    model_spell(&word, m, 141);
    buf_putc(&word, ' ');
    model_spell(&word, m, 145);
    buf_putc(&word, ' ');
    model_spell(&word, m, 5000);
    ck_assert_str_eq(buf_text(&word), "retina ##ation [5000]");
    buf_clear(&word);
    pool_free(pool);
    model_close(m);
}
END_TEST

/* ---- recognised or refused ---- */

static const struct {
    const char *modules, *pooling; /* NULL: not there */
    int code, mode;                /* 0: taken */
    const char *text;
} layouts[] = {
    {NULL, NULL, 0, FOLDER_SPLADE, NULL},
    {"[{\"type\":\"sentence_transformers.sparse_encoder.models.MLMTransformer\",\"path\":\"\"},"
     "{\"type\":\"sentence_transformers.sparse_encoder.models.SpladePooling\",\"path\":\"1_"
     "SpladePooling\"}]",
     "{\"pooling_strategy\":\"max\",\"activation_function\":\"relu\",\"word_embedding_dimension\":"
     "147}",
     0, FOLDER_SPLADE, NULL},
    {"[{\"type\":\"x.Transformer\",\"path\":\"\"},{\"type\":\"x.Pooling\",\"path\":\"1_"
     "SpladePooling\"}]",
     "{\"pooling_mode_cls_token\":true}", 0, FOLDER_CLS, NULL},
    {"[{\"type\":\"SpladePooling\",\"path\":\"1_SpladePooling\"}]",
     "{\"pooling_strategy\":\"sum\"}", E_INVALID, 0, "pooling_strategy 'sum'"},
    {"[{\"type\":\"SpladePooling\",\"path\":\"1_SpladePooling\"}]",
     "{\"activation_function\":\"log1p_relu\"}", E_INVALID, 0, "activation_function 'log1p_relu'"},
    {"[{\"type\":\"SpladePooling\",\"path\":\"9_SpladePooling\"}]", NULL, E_NOTFOUND, 0,
     "9_SpladePooling"},
    {"[{\"type\":\"SpladePooling\",\"path\":\"1_SpladePooling\"},{\"type\":\"Normalize\",\"path\":"
     "\"\"}]",
     "{}", E_INVALID, 0, "not normalised"},
};
enum { N_LAYOUTS = sizeof layouts / sizeof *layouts };

START_TEST(sparse_encoders_are_recognised_or_refused_by_name)
{
    struct folder f = {0};
    int rc;

    if (layouts[_i].modules)
        folder_put(dir, "modules.json", layouts[_i].modules);
    if (layouts[_i].pooling)
        folder_put(dir, "1_SpladePooling/config.json", layouts[_i].pooling);
    rc = folder_read(&f, dir, &err);
    if (layouts[_i].code) {
        ck_assert_err(rc, layouts[_i].code, layouts[_i].text, &err);
    } else {
        ck_assert_ok(rc, &err);
        ck_assert_int_eq(f.pooling, layouts[_i].mode);
    }
    folder_clear(&f);
}
END_TEST

START_TEST(words_and_vectors_are_not_mixed_up)
{
    const struct model_text t = {"the eye", 7};
    struct model_words w = {0};
    struct model *m = NULL;
    float v[TINY_DIM];

    ck_assert_ok(model_open(&m, dir, NULL, &err), &err);
    ck_assert_err(model_embed(v, m, NULL, &t, 1, MODEL_QUERY, &err), E_INVALID,
                  "weighted words; vectors need an encoder", &err);
    model_close(m);
    tiny_model_write(dir, 1, "");
    ck_assert_ok(model_open(&m, dir, NULL, &err), &err);
    ck_assert_err(model_embed_words(&w, m, NULL, &t, 1, MODEL_QUERY, &err), E_INVALID,
                  "makes vectors", &err);
    model_close(m);
}
END_TEST

START_TEST(a_head_that_is_missing_or_of_another_shape_is_refused_by_name)
{
    struct splade *s = NULL;
    char path[128];

    cfg.vocab = 100;
    ck_assert_err(splade_open(&s, st, &cfg, MODEL_I8, kernels_best(), &err), E_FORMAT,
                  "word_embeddings.weight", &err);
    cfg.vocab = TINY_VOCABULARY;
    cfg.hidden = 64;
    ck_assert_err(splade_open(&s, st, &cfg, MODEL_I8, kernels_best(), &err), E_FORMAT,
                  "cls.predictions.transform.dense.weight", &err);
    cfg.hidden = TINY_DIM;
    safetensors_close(st);
    st = NULL;
    tiny_model_write(dir, 1, "bert.");
    snprintf(path, sizeof path, "%s/model.safetensors", dir);
    ck_assert_ok(safetensors_open(&st, path, &err), &err);
    ck_assert_err(splade_open(&s, st, &cfg, MODEL_I8, kernels_best(), &err), E_NOTFOUND,
                  "cls.predictions.transform.dense.weight", &err);
    ck_assert_ptr_null(s);
}
END_TEST

START_TEST(a_head_survives_each_failing_allocation)
{
    const int ids[] = {5, 6, 7, 8}, lengths[] = {3, 1};
    int rc;

    FAIL_EACH_ALLOC(rc, {
        struct model_words w[2] = {{0}};

        err_clear(&err);
        rc = run(w, precisions[_i], kernels_best(), ids, lengths, 2);
        model_words_clear(&w[0]);
        model_words_clear(&w[1]);
    });
}
END_TEST

START_TEST(words_survive_each_failing_allocation)
{
    const struct model_text t[] = {{"the eye", 7}, {"retina", 6}};
    struct model *m = NULL;
    int rc;

    ck_assert_ok(model_open(&m, dir, NULL, &err), &err);
    FAIL_EACH_ALLOC(rc, {
        struct model_words w[2];

        err_clear(&err);
        rc = model_embed_words(w, m, NULL, t, 2, MODEL_QUERY, &err);
        if (rc)
            ck_assert(!w[0].v && !w[1].v);
        model_words_clear(&w[0]);
        model_words_clear(&w[1]);
    });
    model_close(m);
}
END_TEST

TCase *splade_tests(void)
{
    TCase *tc = tcase_create("splade");

    tcase_add_checked_fixture(tc, open_tiny, close_tiny);
    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, words_and_weights_are_those_of_pytorch, 0, 2 * N_TABLES);
    tcase_add_loop_test(tc, the_words_of_a_text_do_not_depend_on_its_batch, 0, 2 * N_TABLES);
    tcase_add_test(tc, threads_do_not_change_words);
    tcase_add_loop_test(tc, sparse_encoders_are_recognised_or_refused_by_name, 0, N_LAYOUTS);
    tcase_add_test(tc, words_and_vectors_are_not_mixed_up);
    tcase_add_test(tc, a_head_that_is_missing_or_of_another_shape_is_refused_by_name);
    tcase_add_loop_test(tc, a_head_survives_each_failing_allocation, 0, 2);
    tcase_add_test(tc, words_survive_each_failing_allocation);
    return tc;
}
