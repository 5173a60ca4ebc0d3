/* check_model_embed.c -- a model from outside: finding, opening, and the laws of its vectors. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/check_model.h"

#include <math.h>
#include <stdint.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/digest.h"
#include "base/file.h"
#include "base/pool.h"
#include "model/model.h"

static char dir[64];
static struct err err;

static void make_model(void)
{
    tmp_dir(dir);
    tiny_model_write(dir, 1, "");
}

static void remove_model(void) { tmp_remove(dir); }

static struct model *open_tiny(const struct model_options *opt)
{
    struct model *m = NULL;

    ck_assert_ok(model_open(&m, dir, opt, &err), &err);
    return m;
}

static struct model_text text_of(const char *s) { return (struct model_text){s, strlen(s)}; }

/* ---- many texts, of all lengths ---- */

enum { N_TEXTS = 100 };

struct texts {
    struct buf words[N_TEXTS];
    struct model_text v[N_TEXTS];
};

static struct texts *make_texts(void)
{
    static const char *const words[] = {"the ",       "retina ", "of ",          "eye ",
                                        "foveation ", "x1 ",     "\xe4\xb8\xad", "? "};
    struct texts *t = mem_zalloc(1, sizeof *t);
    unsigned seed = 5;

    for (int i = 0; i < N_TEXTS; i++) {
        int n = (int)((unsigned)rand_r(&seed) % 60) *
                (i % 7 != 0); /* every seventh is empty; some are cut */

        for (int k = 0; k < n; k++)
            buf_puts(&t->words[i], words[(unsigned)rand_r(&seed) % 8]);
        t->v[i] = text_of(buf_text(&t->words[i]));
    }
    return t;
}

static void free_texts(struct texts *t)
{
    for (int i = 0; i < N_TEXTS; i++)
        buf_clear(&t->words[i]);
    mem_free(t);
}

static const int precisions[] = {MODEL_F32, MODEL_I8};

START_TEST(a_vector_does_not_depend_on_the_other_texts)
{
    struct model *m = open_tiny(&(struct model_options){.precision = precisions[_i]});
    struct texts *t = make_texts();
    float *all = mem_alloc(N_TEXTS * TINY_DIM, sizeof *all), one[TINY_DIM];

    ck_assert_ok(model_embed(all, m, NULL, t->v, N_TEXTS, MODEL_PASSAGE, &err), &err);
    for (int i = 0; i < N_TEXTS; i++) {
        ck_assert_ok(model_embed(one, m, NULL, &t->v[i], 1, MODEL_PASSAGE, &err), &err);
        ck_assert_msg(!memcmp(one, all + i * TINY_DIM, sizeof one), "text %d", i);
    }
    for (int n = 2; n < N_TEXTS; n = n * 2 + 1) { /* other companions, other batches */
        float *some = mem_alloc((size_t)n * TINY_DIM, sizeof *some);

        ck_assert_ok(model_embed(some, m, NULL, t->v + N_TEXTS - n, (size_t)n, MODEL_PASSAGE, &err),
                     &err);
        ck_assert_int_eq(
            memcmp(some, all + (N_TEXTS - n) * TINY_DIM, (size_t)n * TINY_DIM * sizeof *some), 0);
        mem_free(some);
    }
    mem_free(all);
    free_texts(t);
    model_close(m);
}
END_TEST

START_TEST(a_vector_does_not_depend_on_the_threads)
{
    struct model *m = open_tiny(&(struct model_options){.precision = precisions[_i]});
    struct texts *t = make_texts();
    size_t bytes = N_TEXTS * TINY_DIM * sizeof(float);
    float *alone = mem_alloc(1, bytes), *together = mem_alloc(1, bytes);

    ck_assert_ok(model_embed(alone, m, NULL, t->v, N_TEXTS, MODEL_QUERY, &err), &err);
    for (int threads = 1; threads <= 8; threads *= 2) {
        struct pool *pool = NULL;

        ck_assert_ok(pool_new(&pool, threads, &err), &err);
        memset(together, 0xff, bytes);
        ck_assert_ok(model_embed(together, m, pool, t->v, N_TEXTS, MODEL_QUERY, &err), &err);
        ck_assert_msg(!memcmp(alone, together, bytes), "%d threads", threads);
        pool_free(pool);
    }
    mem_free(alone);
    mem_free(together);
    free_texts(t);
    model_close(m);
}
END_TEST

START_TEST(vectors_have_length_one_if_the_folder_says_so)
{
    float v[TINY_DIM], w[TINY_DIM];
    struct model_text text = text_of("the eye");
    struct model *m = open_tiny(NULL);
    double norm = 0;

    ck_assert(model_is_normalised(m));
    ck_assert_ok(model_embed(v, m, NULL, &text, 1, MODEL_QUERY, &err), &err);
    for (int i = 0; i < TINY_DIM; i++)
        norm += (double)v[i] * v[i];
    ck_assert_msg(fabs(norm - 1) < 1e-6, "%.9f", norm);
    model_close(m);
    folder_put(dir, "modules.json", "[{\"path\":\"1_Pooling\",\"type\":\"Pooling\"}]");
    m = open_tiny(NULL);
    ck_assert(!model_is_normalised(m));
    ck_assert_ok(model_embed(w, m, NULL, &text, 1, MODEL_QUERY, &err), &err);
    norm = 0;
    for (int i = 0; i < TINY_DIM; i++)
        norm += (double)w[i] * w[i];
    ck_assert(fabs(norm - 1) > 1e-3);
    for (int i = 0; i < TINY_DIM; i++)
        ck_assert(fabs(w[i] / sqrt(norm) - v[i]) < 1e-6);
    model_close(m);
}
END_TEST

START_TEST(a_prefix_is_text_in_front)
{
    float with[TINY_DIM], spelled[TINY_DIM], without[TINY_DIM];
    struct model_text text = text_of("the eye"), long_text = text_of("of the eye");
    struct model *m = open_tiny(NULL);

    ck_assert_ok(model_embed(spelled, m, NULL, &long_text, 1, MODEL_QUERY, &err), &err);
    ck_assert_ok(model_embed(without, m, NULL, &text, 1, MODEL_QUERY, &err), &err);
    model_close(m);
    folder_put(dir, "config_sentence_transformers.json",
               "{\"prompts\":{\"query\":\"of \",\"passage\":\"\"}}");
    m = open_tiny(NULL);
    ck_assert_str_eq(model_prefix(m, MODEL_QUERY), "of ");
    ck_assert_str_eq(model_prefix(m, MODEL_PASSAGE), "");
    ck_assert_ok(model_embed(with, m, NULL, &text, 1, MODEL_QUERY, &err), &err);
    ck_assert_int_eq(memcmp(with, spelled, sizeof with), 0);
    ck_assert_ok(model_embed(with, m, NULL, &text, 1, MODEL_PASSAGE, &err), &err);
    ck_assert_int_eq(memcmp(with, without, sizeof with), 0);
    model_close(m);
}
END_TEST

START_TEST(a_long_text_is_its_beginning)
{
    struct model *m = open_tiny(&(struct model_options){.max_tokens = 6});
    struct model_text texts[] = {text_of("the eye of the retina of the eye"),
                                 text_of("the eye of the"), text_of("the eye of retina")};
    float v[3][TINY_DIM];
    int *ids = NULL, n = 0;

    ck_assert_int_eq(model_max_tokens(m), 6);
    ck_assert_ok(model_embed(v[0], m, NULL, texts, 3, MODEL_PASSAGE, &err), &err);
    ck_assert_int_eq(memcmp(v[0], v[1], sizeof v[0]), 0);
    ck_assert_int_ne(memcmp(v[0], v[2], sizeof v[0]), 0);
    ck_assert_ok(model_tokenize(&ids, &n, m, texts[0], MODEL_PASSAGE, &err), &err);
    ck_assert_int_eq(n, 6);
    ck_assert(ids[0] == 2 && ids[5] == 3);
    mem_free(ids);
    model_close(m);
}
END_TEST

START_TEST(no_text_and_empty_texts_are_texts_too)
{
    struct model *m = open_tiny(NULL);
    struct model_text texts[] = {{NULL, 0}, {"", 0}, {" \n", 2}, {"\xff\xfe", 2}};
    float v[4][TINY_DIM];

    ck_assert_ok(model_embed(NULL, m, NULL, NULL, 0, MODEL_QUERY, &err), &err);
    ck_assert_ok(model_embed(v[0], m, NULL, texts, 4, MODEL_QUERY, &err), &err);
    for (int i = 1; i < 4; i++)
        ck_assert_int_eq(memcmp(v[0], v[i], sizeof v[0]), 0);
    model_close(m);
}
END_TEST

START_TEST(weights_may_be_named_with_bert_in_front)
{
    float v[2][TINY_DIM];
    struct model_text text = text_of("the eye of the retina");
    static const char *const prefixes[] = {"", "bert."};

    for (int i = 0; i < 2; i++) {
        struct model *m;

        tiny_model_write(dir, 1, prefixes[i]);
        m = open_tiny(&(struct model_options){.precision = MODEL_F32});
        ck_assert_ok(model_embed(v[i], m, NULL, &text, 1, MODEL_QUERY, &err), &err);
        model_close(m);
    }
    ck_assert_int_eq(memcmp(v[0], v[1], sizeof v[0]), 0);
}
END_TEST

START_TEST(a_model_says_what_it_is)
{
    struct model *m =
        open_tiny(&(struct model_options){.precision = MODEL_F32, .kernels = "scalar"});
    char path[128], want[65], *bytes = NULL;
    size_t n = 0;

    snprintf(path, sizeof path, "%s/model.safetensors", dir);
    ck_assert_str_eq(model_path(m), dir);
    ck_assert_str_eq(model_name(m), strrchr(dir, '/') + 1);
    ck_assert_str_eq(model_weights_path(m), path);
    ck_assert_str_eq(model_architecture(m), "bert");
    ck_assert_str_eq(model_pooling(m), "mean");
    ck_assert_str_eq(model_kernels(m), "scalar");
    ck_assert_int_eq(model_dim(m), TINY_DIM);
    ck_assert_int_eq(model_max_tokens(m), TINY_POSITIONS);
    ck_assert_ptr_nonnull(strstr(model_describe(m), "bert, 2 layers, 2 heads, 32 dimensions"));
    ck_assert_ptr_nonnull(strstr(model_describe(m), "32-bit floats, scalar"));
    ck_assert_ok(file_read(&bytes, &n, path, 1 << 24, &err), &err);
    digest_sha256_scalar(want, bytes, n);
    ck_assert_str_eq(model_sha256(m), want);
    ck_assert_ptr_eq(model_sha256(m), model_sha256(m));
    mem_free(bytes);
    model_close(m);
    model_close(NULL);
}
END_TEST

/* ---- what cannot be opened ---- */

static const struct {
    struct model_options options;
    const char *file, *text, *part;
    int code;
} refused[] = {
    {{.precision = 7}, NULL, NULL, "precision 7", E_INVALID},
    {{.max_tokens = -1}, NULL, NULL, "max tokens -1", E_INVALID},
    {{.max_tokens = 2}, NULL, NULL, "max tokens 2", E_INVALID},
    {{.max_tokens = TINY_POSITIONS + 1}, NULL, NULL, "not in 3..48", E_INVALID},
    {{.kernels = "abacus"}, NULL, NULL, "'abacus'", E_INVALID},
    {{0},
     "config.json",
     "{\"model_type\":\"roberta\",\"hidden_size\":32,\"num_hidden_layers\":2,\"num_attention_"
     "heads\":2,"
     "\"intermediate_size\":64,\"hidden_act\":\"gelu\",\"max_position_embeddings\":48,\"type_vocab_"
     "size\":2,"
     "\"vocab_size\":200}",
     "'roberta'",
     E_INVALID},
    {{0}, "model.safetensors", "nothing", "model.safetensors' is not a safetensors file", E_FORMAT},
    {{0}, "model.safetensors", "\2\0", "model.safetensors", E_FORMAT},
    {{0}, "vocab.txt", "a\n", "'[UNK]'", E_FORMAT},
};

START_TEST(what_cannot_be_run_is_refused_by_name)
{
    struct model *m = NULL;

    if (refused[_i].file)
        folder_put(dir, refused[_i].file, refused[_i].text);
    ck_assert_err(model_open(&m, dir, &refused[_i].options, &err), refused[_i].code,
                  refused[_i].part, &err);
    ck_assert_ptr_null(m);
}
END_TEST

START_TEST(a_folder_without_weights_is_refused)
{
    struct model *m = NULL;
    char path[128];

    snprintf(path, sizeof path, "%s/model.safetensors", dir);
    ck_assert_int_eq(remove(path), 0);
    ck_assert_err(model_open(&m, dir, NULL, &err), E_NOTFOUND, "model.safetensors", &err);
}
END_TEST

/* Writes not-a-number over the word embeddings, which lie first in the data. */
START_TEST(weights_that_are_no_numbers_are_noticed)
{
    struct model_text text = text_of("the eye");
    struct model *m = NULL;
    char path[128], *bytes = NULL;
    float v[TINY_DIM];
    size_t n = 0;
    uint64_t header = 0;

    snprintf(path, sizeof path, "%s/model.safetensors", dir);
    ck_assert_ok(file_read(&bytes, &n, path, 1 << 24, &err), &err);
    for (int i = 7; i >= 0; i--)
        header = header << 8 | (unsigned char)bytes[i];
    memset(bytes + 8 + header, 0xff, 100 * TINY_DIM * sizeof(float));
    tmp_write(path, bytes, n);
    mem_free(bytes);
    m = open_tiny(&(struct model_options){.precision = MODEL_F32});
    ck_assert_err(model_embed(v, m, NULL, &text, 1, MODEL_QUERY, &err), E_FORMAT, "not finite",
                  &err);
    model_close(m);
}
END_TEST

/* ---- finding ---- */

START_TEST(models_are_found_where_the_environment_says)
{
    char path[128], *found = NULL;

    setenv("FOVEA_MODELS", dir, 1);
    setenv("XDG_DATA_HOME", dir, 1);
    ck_assert_ok(model_find(&found, dir, &err), &err); /* a folder is itself */
    ck_assert_str_eq(found, dir);
    mem_free(found);
    ck_assert_ok(model_find(&found, "1_Pooling", &err), &err);
    snprintf(path, sizeof path, "%s/1_Pooling", dir);
    ck_assert_str_eq(found, path);
    mem_free(found);
    ck_assert_err(model_find(&found, "config.json", &err), E_NOTFOUND, "./bootstrap demo", &err);
    ck_assert_err(model_find(&found, "none", &err), E_NOTFOUND, dir, &err);
    ck_assert_err(model_find(&found, "", &err), E_INVALID, "empty", &err);
    snprintf(path, sizeof path, "%s/fovea", dir);
    mkdir(path, 0777);
    strcat(path, "/models");
    mkdir(path, 0777);
    strcat(path, "/m");
    mkdir(path, 0777);
    ck_assert_ok(model_find(&found, "m", &err), &err);
    ck_assert_str_eq(found, path);
    mem_free(found);
    unsetenv("FOVEA_MODELS");
    unsetenv("XDG_DATA_HOME");
    setenv("HOME", "/nowhere", 1);
    ck_assert_err(model_find(&found, "m", &err), E_NOTFOUND, "'/nowhere/.local/share/fovea/models'",
                  &err);
}
END_TEST

/* ---- memory ---- */

static int whole_life(struct pool *pool)
{
    struct model_text texts[] = {text_of("the eye"), text_of(""), text_of("of the retina")};
    struct model *m = NULL;
    struct err e = {0};
    float v[3 * TINY_DIM];
    int *ids = NULL, n, rc = model_open(&m, dir, NULL, &e);

    if (!rc)
        rc = model_embed(v, m, pool, texts, 3, MODEL_QUERY, &e);
    if (!rc)
        rc = model_tokenize(&ids, &n, m, texts[0], MODEL_PASSAGE, &e);
    ck_assert_int_eq(rc, e.code);
    mem_free(ids);
    model_close(m);
    return rc;
}

START_TEST(each_allocation_of_a_model_may_fail_once)
{
    struct pool *pool = NULL;
    int rc = 0;

    folder_put(dir, "config_sentence_transformers.json", "{\"prompts\":{\"query\":\"of \"}}");
    ck_assert_ok(pool_new(&pool, 2, &err), &err);
    FAIL_EACH_ALLOC(rc, rc = whole_life(NULL));
    FAIL_EACH_ALLOC(rc, rc = whole_life(pool));
    pool_free(pool);
}
END_TEST

START_TEST(finding_a_model_survives_want_of_memory)
{
    char *found;
    int rc = 0;

    setenv("FOVEA_MODELS", dir, 1);
    FAIL_EACH_ALLOC(rc, {
        found = NULL;
        rc = model_find(&found, "1_Pooling", &err);
        mem_free(found);
        err_clear(&err);
    });
}
END_TEST

/* ---- the real model ---- */

struct golden {
    int n, dim;
    char *bytes;
    size_t at; /* of the first vector */
};

/* "FOVEAVEC", u32 n, u32 dim, n * dim float16. */
static void load_golden(struct golden *g)
{
    size_t n = 0;
    struct bytes in;

    ck_assert_ok(
        file_read(&g->bytes, &n, source_path("tests/golden/embeddings_minilm.f16"), 1 << 24, &err),
        &err);
    ck_assert(n > 16 && !memcmp(g->bytes, "FOVEAVEC", 8));
    in =
        (struct bytes){(const unsigned char *)g->bytes + 8, (const unsigned char *)g->bytes + n, 0};
    g->n = (int)bytes_u32(&in);
    g->dim = (int)bytes_u32(&in);
    g->at = 16;
    ck_assert_uint_eq(n, 16 + (size_t)g->n * (size_t)g->dim * 2);
}

static double half_at(const struct golden *g, int row, int i)
{
    const unsigned char *p =
        (const unsigned char *)g->bytes + g->at + 2 * ((size_t)row * (size_t)g->dim + (size_t)i);
    unsigned h = p[0] | (unsigned)p[1] << 8, exponent = h >> 10 & 31, fraction = h & 1023;
    double x = exponent ? ldexp(1024 + fraction, (int)exponent - 25) : ldexp(fraction, -24);

    return h & 0x8000 ? -x : x;
}

static double cosine(const struct golden *g, int row, const float *v)
{
    double dot = 0, a = 0, b = 0;

    for (int i = 0; i < g->dim; i++) {
        double x = half_at(g, row, i);

        dot += x * v[i];
        a += x * x;
        b += (double)v[i] * v[i];
    }
    return dot / sqrt(a * b);
}

/* Every fifth document, as tests/reference/embeddings.py took them, and of those each `step`-th. */
struct sample {
    int step, n;
    char *text[1000];
};

static void take_text(size_t i, const char *text, void *payload)
{
    struct sample *s = payload;

    if (i % (size_t)(5 * s->step) == 0 && i < 5000)
        s->text[s->n++] = mem_strdup(text);
}

/* The lowest cosine of the sample. */
static void compare_with_pytorch(int precision, int step, double least)
{
    struct model *m = NULL;
    struct pool *pool = NULL;
    struct golden g = {0};
    struct sample *s = mem_zalloc(1, sizeof *s);
    struct model_text *texts;
    double worst = 1, sum = 0;
    float *v;

    s->step = step;
    load_golden(&g);
    each_scifact_text(take_text, s);
    ck_assert_int_eq(s->n, g.n / step);
    ck_assert_ok(
        model_open(&m, minilm_path(), &(struct model_options){.precision = precision}, &err), &err);
    ck_assert_ok(pool_new(&pool, 2, &err), &err);
    ck_assert_int_eq(model_dim(m), g.dim);
    ck_assert_int_eq(model_max_tokens(m), 256);
    texts = mem_alloc((size_t)s->n, sizeof *texts);
    v = mem_alloc((size_t)(s->n * g.dim), sizeof *v);
    for (int i = 0; i < s->n; i++)
        texts[i] = text_of(s->text[i]);
    ck_assert_ok(model_embed(v, m, pool, texts, (size_t)s->n, MODEL_PASSAGE, &err), &err);
    for (int i = 0; i < s->n; i++) {
        double c = cosine(&g, i * step, v + i * g.dim);

        worst = c < worst ? c : worst;
        sum += c;
        mem_free(s->text[i]);
    }
    if (getenv("FOVEA_VERBOSE"))
        fprintf(stderr, "cosine to PyTorch, %d passages, %s: mean %.7f, lowest %.7f\n", s->n,
                model_describe(m), sum / s->n, worst);
    ck_assert_msg(worst >= least, "lowest cosine to PyTorch %.7f, wanted %.7f", worst, least);
    mem_free(v);
    mem_free(texts);
    mem_free(s);
    mem_free(g.bytes);
    pool_free(pool);
    model_close(m);
}

START_TEST(float_vectors_are_those_of_pytorch) { compare_with_pytorch(MODEL_F32, 20, 0.9999); }
END_TEST

START_TEST(vectors_in_8_bits_are_near_those_of_pytorch)
{
    compare_with_pytorch(MODEL_I8, 10, 0.9985);
}
END_TEST

START_TEST(a_thousand_float_vectors_are_those_of_pytorch)
{
    compare_with_pytorch(MODEL_F32, 1, 0.9999);
}
END_TEST

START_TEST(a_thousand_vectors_in_8_bits_are_near_those_of_pytorch)
{
    compare_with_pytorch(MODEL_I8, 1, 0.9985);
}
END_TEST

/* ---- the cases ---- */

TCase *embed_tests(void)
{
    TCase *tc = tcase_create("embed.c");

    tcase_add_checked_fixture(tc, make_model, remove_model);
    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, a_vector_does_not_depend_on_the_other_texts, 0, 2);
    tcase_add_loop_test(tc, a_vector_does_not_depend_on_the_threads, 0, 2);
    tcase_add_test(tc, vectors_have_length_one_if_the_folder_says_so);
    tcase_add_test(tc, a_prefix_is_text_in_front);
    tcase_add_test(tc, a_long_text_is_its_beginning);
    tcase_add_test(tc, no_text_and_empty_texts_are_texts_too);
    tcase_add_test(tc, weights_that_are_no_numbers_are_noticed);
    return tc;
}

TCase *model_tests(void)
{
    TCase *tc = tcase_create("model.c");

    tcase_add_checked_fixture(tc, make_model, remove_model);
    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, weights_may_be_named_with_bert_in_front);
    tcase_add_test(tc, a_model_says_what_it_is);
    tcase_add_loop_test(tc, what_cannot_be_run_is_refused_by_name, 0,
                        sizeof refused / sizeof *refused);
    tcase_add_test(tc, a_folder_without_weights_is_refused);
    tcase_add_test(tc, models_are_found_where_the_environment_says);
    tcase_add_test(tc, each_allocation_of_a_model_may_fail_once);
    tcase_add_test(tc, finding_a_model_survives_want_of_memory);
    return tc;
}

TCase *minilm_tests(void)
{
    TCase *tc = tcase_create("minilm");

    tcase_set_tags(tc, "heavy"); /* arithmetic alone: hours under valgrind, nothing new to see */
    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, float_vectors_are_those_of_pytorch);
    tcase_add_test(tc, vectors_in_8_bits_are_near_those_of_pytorch);
    return tc;
}

TCase *minilm_slow_tests(void)
{
    TCase *tc = tcase_create("a thousand passages");

    tcase_set_tags(tc, "slow");
    tcase_set_timeout(tc, 600);
    tcase_add_test(tc, a_thousand_float_vectors_are_those_of_pytorch);
    tcase_add_test(tc, a_thousand_vectors_in_8_bits_are_near_those_of_pytorch);
    return tc;
}
