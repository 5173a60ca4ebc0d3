/* check_model_encoder.c -- the network as a whole: PyTorch's numbers, and what it refuses. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/check_model.h"

#include <math.h>

#include "base/buf.h"
#include "base/lines.h"
#include "model/encoder.h"
#include "model/folder.h"
#include "model/safetensors.h"
#include "tests/check_model_numbers.h"

static char dir[64];
static struct folder cfg;
static struct safetensors *st;
static struct err err;

static void open_tiny(void)
{
    char path[128];

    tmp_dir(dir);
    tiny_model_write(dir, 1, "");
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

/* Runs texts with an encoder of its own; out [n_texts, TINY_DIM]. */
static void run(float *out, int precision, const struct kernels *k, const int *ids,
                const int *lengths, int n_texts)
{
    struct encoder *e = NULL;
    struct encoder_scratch *s = NULL;
    int T = 0;

    for (int i = 0; i < n_texts; i++)
        T += lengths[i];
    ck_assert_ok(encoder_open(&e, st, &cfg, precision, k, &err), &err);
    ck_assert_ok(encoder_scratch_new(&s, e, T, NULL, &err), &err);
    ck_assert_ok(encoder_run(out, e, s, ids, lengths, n_texts, &err), &err);
    encoder_scratch_free(s);
    encoder_close(e);
}

static double cosine(const float *a, const float *b, int n)
{
    double dot = 0, a2 = 0, b2 = 0;

    for (int i = 0; i < n; i++) {
        dot += (double)a[i] * (double)b[i];
        a2 += (double)a[i] * (double)a[i];
        b2 += (double)b[i] * (double)b[i];
    }
    return dot / sqrt(a2 * b2);
}

START_TEST(a_team_of_any_size_gives_the_same_bits)
{
    static const int lengths[] = {13, 1, 48, 30, 48};
    enum { N = sizeof lengths / sizeof *lengths, T = 140 };
    int ids[T];

    for (int i = 0; i < T; i++)
        ids[i] = i * 37 % 140;
    for (int n = 1; n <= N; n += N - 1) {
        float want[N * TINY_DIM], got[N * TINY_DIM];

        run(want, precisions[_i], kernels_best(), ids, lengths, n);
        for (int threads = 1; threads <= 5; threads++) {
            struct encoder *e = NULL;
            struct encoder_scratch *s = NULL;
            struct pool *team = NULL;

            ck_assert_ok(pool_new(&team, threads, &err), &err);
            ck_assert_ok(encoder_open(&e, st, &cfg, precisions[_i], kernels_best(), &err), &err);
            ck_assert_ok(encoder_scratch_new(&s, e, T, team, &err), &err);
            for (int round = 0; round < 2; round++) {
                ck_assert_ok(encoder_run(got, e, s, ids, lengths, n, &err), &err);
                ck_assert_mem_eq(got, want, (size_t)(n * TINY_DIM) * sizeof *got);
            }
            encoder_scratch_free(s);
            encoder_close(e);
            pool_free(team);
        }
    }
}
END_TEST

/* ---- golden vectors ---- */

struct golden {
    int activation, pooling, n;
    int ids[TINY_POSITIONS];
    float v[TINY_DIM];
};

static void parse(struct golden *g, char *line)
{
    static const char *const activations[] = {"gelu", "gelu_new", "relu"};
    char *p = strtok(line, " ");

    for (g->activation = 0; strcmp(p, activations[g->activation]);)
        ck_assert_int_lt(++g->activation, 3);
    g->pooling = !strcmp(strtok(NULL, " "), "cls") ? FOLDER_CLS : FOLDER_MEAN;
    g->n = atoi(strtok(NULL, " "));
    ck_assert_int_le(g->n, TINY_POSITIONS);
    for (int i = 0; i < g->n; i++)
        g->ids[i] = atoi(strtok(NULL, " "));
    for (int i = 0; i < TINY_DIM; i++) {
        ck_assert_ptr_nonnull(p = strtok(NULL, " "));
        g->v[i] = strtof(p, NULL);
    }
}

/* Calls fn for each line of golden/tiny_bert.txt. */
static void each_golden(void (*fn)(const struct golden *, const struct kernels *),
                        const struct kernels *k)
{
    struct lines *in = NULL;
    char *line;
    size_t n;
    int rc, count = 0;

    ck_assert_ok(lines_open(&in, source_path("tests/golden/tiny_bert.txt"), &err), &err);
    while ((rc = lines_next(&line, &n, in, &err)) == 1) {
        struct golden g;

        parse(&g, line);
        cfg.activation = g.activation == 0   ? FOLDER_GELU
                         : g.activation == 1 ? FOLDER_GELU_TANH
                                             : FOLDER_RELU;
        cfg.pooling = g.pooling;
        fn(&g, k);
        count++;
    }
    ck_assert_ok(rc, &err);
    ck_assert_int_eq(count, 30);
    lines_close(in);
}

static void check_float(const struct golden *g, const struct kernels *k)
{
    float v[TINY_DIM];

    run(v, MODEL_F32, k, g->ids, &g->n, 1);
    assert_near(v, g->v, TINY_DIM, 1e-5f, 0);
}

static void check_8_bits(const struct golden *g, const struct kernels *k)
{
    float v[TINY_DIM];

    run(v, MODEL_I8, k, g->ids, &g->n, 1);
    /* rows of 32 random weights: coarser than a real model's, which check_model_embed.c measures */
    ck_assert_double_ge(cosine(v, g->v, TINY_DIM), 0.995);
}

START_TEST(float_vectors_are_those_of_pytorch)
{
    const struct kernels *k = kernels_find(tables[_i]);

    if (k)
        each_golden(check_float, k);
}
END_TEST

START_TEST(vectors_in_8_bits_are_near_those_of_pytorch)
{
    const struct kernels *k = kernels_find(tables[_i]);

    if (k)
        each_golden(check_8_bits, k);
}
END_TEST

/* ---- laws ---- */

enum { N_TEXTS = 40 };

START_TEST(a_text_does_not_depend_on_its_batch)
{
    const struct kernels *k = kernels_find(tables[_i / 2]);
    float all[N_TEXTS * TINY_DIM], one[TINY_DIM];
    int ids[N_TEXTS * TINY_POSITIONS], lengths[N_TEXTS], T = 0;

    for (int i = 0; i < N_TEXTS; i++) {
        lengths[i] = 1 + i * 13 % TINY_POSITIONS;
        for (int t = 0; t < lengths[i]; t++)
            ids[T++] = (i * 31 + t * 7) % cfg.vocab;
    }
    if (k) {
        run(all, precisions[_i % 2], k, ids, lengths, N_TEXTS);
        T = 0;
        for (int i = 0; i < N_TEXTS; i++) {
            run(one, precisions[_i % 2], k, ids + T, &lengths[i], 1);
            ck_assert_msg(!memcmp(one, all + i * TINY_DIM, sizeof one), "text %d", i);
            T += lengths[i];
        }
    }
}
END_TEST

START_TEST(weights_may_have_bert_in_front)
{
    const int ids[] = {5, 6, 7, 8}, n = 4;
    float want[TINY_DIM], got[TINY_DIM];
    char path[128];
    struct safetensors *plain = st;

    run(want, MODEL_F32, kernels_best(), ids, &n, 1);
    tiny_model_write(dir, 1, "bert.");
    snprintf(path, sizeof path, "%s/model.safetensors", dir);
    st = NULL;
    ck_assert_ok(safetensors_open(&st, path, &err), &err);
    run(got, MODEL_F32, kernels_best(), ids, &n, 1);
    ck_assert_mem_eq(got, want, sizeof got);
    safetensors_close(plain);
}
END_TEST

/* ---- refusals ---- */

START_TEST(bad_batches_are_refused)
{
    struct encoder *e = NULL;
    struct encoder_scratch *s = NULL;
    int ids[TINY_POSITIONS + 1] = {0}, lengths[2] = {3, 4};
    float out[2 * TINY_DIM];

    ck_assert_ok(encoder_open(&e, st, &cfg, MODEL_I8, kernels_best(), &err), &err);
    ck_assert_ok(encoder_scratch_new(&s, e, TINY_POSITIONS + 1, NULL, &err), &err);
    ck_assert_ok(encoder_run(out, e, s, ids, lengths, 2, &err), &err);
    ck_assert_ok(encoder_run(out, e, s, ids, lengths, 0, &err), &err);
    ids[6] = cfg.vocab;
    ck_assert_err(encoder_run(out, e, s, ids, lengths, 2, &err), E_INVALID, "token id 147", &err);
    ids[6] = -1;
    ck_assert_err(encoder_run(out, e, s, ids, lengths, 2, &err), E_INVALID, "token id -1", &err);
    ids[6] = 0;
    lengths[1] = 0;
    ck_assert_err(encoder_run(out, e, s, ids, lengths, 2, &err), E_INVALID, "has 0 tokens", &err);
    lengths[1] = TINY_POSITIONS + 1;
    ck_assert_err(encoder_run(out, e, s, ids, lengths, 2, &err), E_INVALID, "has 49 tokens", &err);
    lengths[1] = TINY_POSITIONS;
    ck_assert_err(encoder_run(out, e, s, ids, lengths, 2, &err), E_INVALID, "over 49 tokens", &err);
    encoder_scratch_free(s);
    encoder_close(e);
}
END_TEST

START_TEST(weights_of_another_shape_are_refused_by_name)
{
    static const struct {
        int *field, value, code;
        const char *text;
    } rows[] = {
        {&cfg.hidden, 64, E_FORMAT, "embeddings.word_embeddings.weight"},
        {&cfg.vocab, 100, E_FORMAT, "embeddings.word_embeddings.weight"},
        {&cfg.positions, 47, E_FORMAT, "embeddings.position_embeddings.weight"},
        {&cfg.types, 3, E_FORMAT, "embeddings.token_type_embeddings.weight"},
        {&cfg.intermediate, 65, E_FORMAT, "encoder.layer.0.intermediate.dense.weight"},
        {&cfg.layers, 3, E_NOTFOUND, "encoder.layer.2.attention.self.query.weight"},
        {&cfg.heads, 3, E_INVALID, "3 heads"},
        {&cfg.heads, 0, E_INVALID, "0 heads"},
        {&cfg.hidden, 0, E_INVALID, "hidden_size 0"},
        {&cfg.hidden, 1 << 30, E_INVALID, "hidden_size"},
        {&cfg.intermediate, 1 << 30, E_INVALID, "intermediate_size"},
        {&cfg.vocab, -1, E_INVALID, "-1 words"},
        {&cfg.layers, -1, E_INVALID, "-1 layers"},
        {&cfg.positions, 0, E_INVALID, "0 positions"},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct encoder *e = NULL;
        int was = *rows[i].field;

        *rows[i].field = rows[i].value;
        ck_assert_err(encoder_open(&e, st, &cfg, MODEL_I8, kernels_best(), &err), rows[i].code,
                      rows[i].text, &err);
        ck_assert_ptr_null(e);
        *rows[i].field = was;
    }
}
END_TEST

START_TEST(an_encoder_survives_each_failing_allocation)
{
    const int ids[] = {5, 6, 7}, n = 3;
    float out[TINY_DIM];
    int rc;

    FAIL_EACH_ALLOC(rc, {
        struct encoder *e = NULL;
        struct encoder_scratch *s = NULL;

        err_clear(&err);
        rc = encoder_open(&e, st, &cfg, precisions[_i], kernels_best(), &err);
        if (!rc)
            rc = encoder_scratch_new(&s, e, 8, NULL, &err);
        if (!rc)
            rc = encoder_run(out, e, s, ids, &n, 1, &err);
        encoder_scratch_free(s);
        encoder_close(e);
    });
}
END_TEST

TCase *encoder_tests(void)
{
    TCase *tc = tcase_create("encoder");

    tcase_add_checked_fixture(tc, open_tiny, close_tiny);
    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, float_vectors_are_those_of_pytorch, 0, N_TABLES);
    tcase_add_loop_test(tc, vectors_in_8_bits_are_near_those_of_pytorch, 0, N_TABLES);
    tcase_add_loop_test(tc, a_text_does_not_depend_on_its_batch, 0, 2 * N_TABLES);
    tcase_add_loop_test(tc, a_team_of_any_size_gives_the_same_bits, 0, 2);
    tcase_add_test(tc, weights_may_have_bert_in_front);
    tcase_add_test(tc, bad_batches_are_refused);
    tcase_add_test(tc, weights_of_another_shape_are_refused_by_name);
    tcase_add_loop_test(tc, an_encoder_survives_each_failing_allocation, 0, 2);
    return tc;
}
