/* check_model_decoder.c -- decoders against transformers on the same weights (tests/reference/decoder_logits.py). */
/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/check_model.h"

#include <math.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/lines.h"
#include "model/decoder.h"
#include "model/model.h"
#include "model/session.h"

static struct err err;

/* Which models there are golden values of. */
static const char *const names[] = {"smollm2", "qwen0.5b", "gemma3"};
enum { N_NAMES = sizeof names / sizeof *names, MAX_TOKENS = 2400, LAST_ROWS = 16, STEP = 64 };

/* A model, its golden tokens, and what a causal run over them came to. */
struct reading {
    struct pool *pool;
    struct gguf *g;
    struct decoder *m;
    struct session *s;
    struct lines *golden;
    int ids[MAX_TOKENS], n;
    int first;     /* token of the logits' first row */
    float *logits; /* [n - first, vocab] */
    double
        *mass; /* [layers, heads, n / STEP]: mean attention of the last rows to each STEP cells */
    double *sums; /* [layers, heads, n]: of each row's weights */
};

static double *mass_of(const struct reading *r, int layer, int head)
{
    const size_t parts = (size_t)(r->n + STEP - 1) / STEP;

    return r->mass + ((size_t)layer * (size_t)decoder_config(r->m)->heads + (size_t)head) * parts;
}

static void see(const struct session_sight *sight, void *payload)
{
    struct reading *r = payload;
    const int heads = decoder_config(r->m)->heads;
    double *mass = mass_of(r, sight->layer, sight->head), *sum;

    sum = &r->sums[((size_t)sight->layer * (size_t)heads + (size_t)sight->head) * (size_t)r->n +
                   (size_t)sight->row];
    for (int i = 0; i < sight->n; i++) {
        const double w = (double)sight->weight[i] * (double)sight->share;
        const int cell = i < sight->split ? sight->first + i : sight->second + i - sight->split;

        *sum += w;
        if (sight->row >= r->n - LAST_ROWS)
            mass[cell / STEP] += w / LAST_ROWS;
        if (cell > sight->row)
            ck_assert_double_eq(w, 0);
    }
}

static void read_ids(struct reading *r)
{
    char *line;
    char *end;
    size_t n;

    ck_assert_int_eq(lines_next(&line, &n, r->golden, &err), 1);
    ck_assert(!strncmp(line, "ids", 3));
    for (const char *p = line + 3;; p = end) {
        const long id = strtol(p, &end, 10);

        if (end == p)
            break;
        ck_assert_int_lt(r->n, MAX_TOKENS);
        r->ids[r->n++] = (int)id;
    }
    ck_assert_int_gt(r->n, LAST_ROWS);
}

/* Opens a model and reads its golden tokens; kind: "" or "long_".  0: it is not here. */
static int open_model(struct reading *r, const char *kind, const char *name, int precision)
{
    const struct decoder_options opt = {.precision = precision, .has_head = 1};
    const char *file = decoder_path(name);
    char golden[64];

    if (!file)
        return 0;
    snprintf(golden, sizeof golden, "tests/golden/decoder_%s%s.txt", kind, name);
    ck_assert_ok(pool_new(&r->pool, 2, &err), &err);
    ck_assert_ok(gguf_open(&r->g, file, &err), &err);
    ck_assert_ok(decoder_open(&r->m, r->g, &opt, r->pool, &err), &err);
    ck_assert_ok(session_new(&r->s, r->m, MAX_TOKENS, r->pool, &err), &err);
    ck_assert_ok(lines_open(&r->golden, source_path(golden), &err), &err);
    read_ids(r);
    return 1;
}

static void run(struct reading *r)
{
    const struct decoder_config *c = decoder_config(r->m);
    const size_t heads = (size_t)c->layers * (size_t)c->heads, n = (size_t)r->n;
    unsigned char *all = mem_alloc(heads, 1);
    const struct session_tap tap = {.watched = all, .see = see, .payload = r};

    memset(all, 1, heads);
    r->logits = mem_alloc(n * (size_t)c->vocab, sizeof *r->logits);
    r->mass = mem_zalloc(heads * (n / STEP + 1), sizeof *r->mass);
    r->sums = mem_zalloc(heads * n, sizeof *r->sums);
    ck_assert_ok(session_read(r->s, &(struct session_input){.ids = r->ids, .n = r->n}, &tap, &err),
                 &err);
    ck_assert_ok(session_logits(r->logits, r->s, 0, r->n, &err), &err);
    for (size_t i = 0; i < heads * n; i++)
        ck_assert_double_le(fabs(r->sums[i] - 1), 1e-5);
    mem_free(all);
}

/* The same for a long text, of which the last chunk's logits are kept. */
static void run_long(struct reading *r)
{
    int rows;

    ck_assert_ok(session_read(r->s, &(struct session_input){.ids = r->ids, .n = r->n}, NULL, &err),
                 &err);
    session_states(r->s, &rows);
    r->first = r->n - rows;
    r->logits = mem_alloc((size_t)rows * (size_t)decoder_config(r->m)->vocab, sizeof *r->logits);
    ck_assert_ok(session_logits(r->logits, r->s, 0, rows, &err), &err);
}

static void reading_clear(struct reading *r)
{
    lines_close(r->golden);
    session_free(r->s);
    decoder_close(r->m);
    gguf_close(r->g);
    pool_free(r->pool);
    mem_free(r->logits);
    mem_free(r->mass);
    mem_free(r->sums);
}

/* How far a run is from the golden one. */
struct distance {
    double logit, log_sum, mass; /* the largest; mass: relative */
    int rows, other_best;
};

static void larger(double *to, double x) { *to = x > *to ? x : *to; }

static double log_sum(const float *x, int n, int *best)
{
    double sum = 0;

    *best = 0;
    for (int i = 1; i < n; i++)
        *best = x[i] > x[*best] ? i : *best;
    for (int i = 0; i < n; i++)
        sum += exp((double)x[i] - (double)x[*best]);
    return (double)x[*best] + log(sum);
}

/* "T BEST LOGSUM ID LOGIT ..." */
static void compare_row(struct distance *d, const struct reading *r, const char *p)
{
    const int V = decoder_config(r->m)->vocab;
    char *end;
    const long t = strtol(p, &end, 10), want = strtol(end, &end, 10);
    const float *row = r->logits + (size_t)(t - r->first) * (size_t)V;
    int best;

    ck_assert_int_ge((int)t, r->first);
    larger(&d->log_sum, fabs(log_sum(row, V, &best) - strtod(end, &end)));
    d->rows++;
    d->other_best += best != want;
    for (p = end;; p = end) {
        const long id = strtol(p, &end, 10);

        if (end == p)
            return;
        larger(&d->logit, fabs((double)row[id] - strtod(end, &end)));
    }
}

/* "L H SUM ..." */
static void compare_mass(struct distance *d, const struct reading *r, const char *p)
{
    char *end;
    const long layer = strtol(p, &end, 10), head = strtol(end, &end, 10);
    const double *mass = mass_of(r, (int)layer, (int)head);

    for (p = end;; p = end, mass++) {
        const double want = strtod(p, &end);

        if (end == p)
            return;
        larger(&d->mass, fabs(*mass - want) / fmax(want, 1e-4));
    }
}

static struct distance compare(struct reading *r)
{
    struct distance d = {0};
    char *line;
    size_t n;
    int rc;

    while ((rc = lines_next(&line, &n, r->golden, &err)) == 1) {
        if (!strncmp(line, "row ", 4))
            compare_row(&d, r, line + 4);
        else if (!strncmp(line, "mass ", 5))
            compare_mass(&d, r, line + 5);
    }
    ck_assert_ok(rc, &err);
    ck_assert_int_gt(d.rows, 40);
    return d;
}

START_TEST(logits_and_attention_are_those_of_transformers)
{
    struct reading r = {0};
    struct distance d;

    if (!open_model(&r, "", names[_i], MODEL_F32))
        return;
    run(&r);
    d = compare(&r);
    fprintf(stderr, "%s, %d tokens: logits within %.5f, attention within %.5f\n", names[_i], r.n,
            d.logit, d.mass);
    ck_assert_int_eq(d.other_best, 0);
    ck_assert_double_le(d.logit, 1e-2);
    ck_assert_double_le(d.log_sum, 1e-2);
    ck_assert_double_le(d.mass, 1e-3);
    reading_clear(&r);
}
END_TEST

START_TEST(logits_in_8_bits_are_near_those_of_transformers)
{
    struct reading r = {0};
    struct distance d;

    if (!open_model(&r, "", names[_i], MODEL_I8))
        return;
    run(&r);
    d = compare(&r);
    fprintf(stderr, "%s in 8 bits: %d of %d best words differ, logits within %.2f\n", names[_i],
            d.other_best, d.rows, d.logit);
    ck_assert_int_le(d.other_best, d.rows / 8);
    reading_clear(&r);
}
END_TEST

/* Texts that are longer than a block of scores, a chunk of tokens and gemma3's window of 512. */
START_TEST(logits_of_a_long_text_are_those_of_transformers)
{
    static const char *const long_names[] = {"smollm2", "gemma3"};
    struct reading r = {0};
    struct distance d;

    if (!open_model(&r, "long_", long_names[_i], MODEL_F32))
        return;
    ck_assert_int_eq(r.n, MAX_TOKENS);
    run_long(&r);
    d = compare(&r);
    fprintf(stderr, "%s, %d tokens: logits within %.5f\n", long_names[_i], r.n, d.logit);
    ck_assert_int_eq(d.other_best, 0);
    ck_assert_double_le(d.logit, 1e-2);
    ck_assert_double_le(d.log_sum, 1e-2);
    reading_clear(&r);
}
END_TEST

TCase *decoder_slow_tests(void)
{
    TCase *tc = tcase_create("real decoders");

    tcase_set_tags(tc, "slow");
    tcase_set_timeout(tc, 900);
    tcase_add_loop_test(tc, logits_and_attention_are_those_of_transformers, 0, N_NAMES);
    tcase_add_loop_test(tc, logits_of_a_long_text_are_those_of_transformers, 0, 2);
    tcase_add_loop_test(tc, logits_in_8_bits_are_near_those_of_transformers, 0, N_NAMES);
    return tc;
}
