/* check_model_masks.c -- attention under every mask against transformers (tests/reference/decoder_masks.py), and what holds
 * of documents without an order. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/check_model.h"

#include <math.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/lines.h"
#include "model/decoder.h"
#include "model/model.h"
#include "model/session.h"
#include "model/session_pine.h"
#include "tests/tiny_gguf.h"

static struct err err;

enum { MAX_TOKENS = 1024, MAX_PASSAGES = 8 };

/* A prompt: head, passages, tail; and what heads gave to the passages. */
struct prompt {
    struct decoder *m;
    struct session *s;
    int ids[MAX_TOKENS], n;
    int head, n_passages, tail; /* tokens */
    int sizes[MAX_PASSAGES], begins[MAX_PASSAGES];
    int cells[MAX_PASSAGES]; /* where passages lie */
    double *mass;            /* [layers, heads, n_passages]: mean of the tail's tokens */
};

static double *mass_of(const struct prompt *p, int layer, int head)
{
    return p->mass + ((size_t)layer * (size_t)decoder_config(p->m)->heads + (size_t)head) *
                         (size_t)p->n_passages;
}

static void see(const struct session_sight *sight, void *payload)
{
    const struct prompt *p = payload;
    double *mass = mass_of(p, sight->layer, sight->head), sum = 0;

    for (int i = 0; i < sight->n; i++) {
        const int cell = i < sight->split ? sight->first + i : sight->second + i - sight->split;
        const double w = (double)sight->weight[i] * (double)sight->share;

        sum += w;
        for (int k = 0; k < p->n_passages; k++)
            if (cell >= p->cells[k] && cell < p->cells[k] + p->sizes[k])
                mass[k] += w / p->tail;
    }
    ck_assert_double_le(fabs(sum - 1), 1e-5);
}

static void read_run(struct prompt *p, struct session_input in, const struct session_tap *tap)
{
    ck_assert_ok(session_read(p->s, &in, tap, &err), &err);
}

static void read_passages(struct prompt *p, const char *kind)
{
    for (int i = 0; i < p->n_passages; i++) {
        struct session_input in = {.ids = p->ids + p->begins[i], .n = p->sizes[i]};

        p->cells[i] = session_cells(p->s);
        if (strcmp(kind, "causal")) {
            in.position = p->head + 1;
            in.head = p->head;
            in.from = SESSION_ITSELF;
            in.both_ways = !strcmp(kind, "both-ways");
        }
        read_run(p, in, NULL);
    }
}

static struct pine *read_documents(struct prompt *p, const int *order)
{
    struct pine_document documents[MAX_PASSAGES];
    struct pine *pine = NULL;

    for (int i = 0; i < p->n_passages; i++) {
        const int k = order ? order[i] : i;

        documents[i] = (struct pine_document){p->ids + p->begins[k], p->sizes[k]};
    }
    ck_assert_ok(pine_read(&pine, p->s, documents, p->n_passages, &err), &err);
    for (int i = 0; i < p->n_passages; i++)
        p->cells[order ? order[i] : i] = pine_cell(pine, i);
    return pine;
}

/* Reads the prompt under a mask; its masses are then known. */
static void run(struct prompt *p, const char *kind, const int *order)
{
    const struct decoder_config *c = decoder_config(p->m);
    const size_t heads = (size_t)c->layers * (size_t)c->heads;
    unsigned char *all = mem_alloc(heads, 1);
    const struct session_tap tap = {.watched = all, .see = see, .payload = p};
    const int *tail = p->ids + p->n - p->tail;
    int longest = 0;

    memset(all, 1, heads);
    mem_free(p->mass);
    p->mass = mem_zalloc(heads * (size_t)p->n_passages, sizeof *p->mass);
    session_cut(p->s, 0);
    read_run(p, (struct session_input){.ids = p->ids, .n = p->head}, NULL);
    if (!strcmp(kind, "pine")) {
        struct pine *pine = read_documents(p, order);

        ck_assert_ok(pine_read_tail(pine, tail, p->tail, &tap, &err), &err);
        pine_free(pine);
    } else {
        struct session_input in = {.ids = tail, .n = p->tail};

        read_passages(p, kind);
        for (int i = 0; i < p->n_passages; i++)
            longest = p->sizes[i] > longest ? p->sizes[i] : longest;
        in.position = strcmp(kind, "causal") ? p->head + longest + 1 : SESSION_CONTINUE;
        read_run(p, in, &tap);
    }
    mem_free(all);
}

static void place_passages(struct prompt *p)
{
    p->n = p->head;
    for (int i = 0; i < p->n_passages; i++) {
        p->begins[i] = p->n;
        p->n += p->sizes[i];
    }
    p->n += p->tail;
    ck_assert_int_le(p->n, MAX_TOKENS);
}

/* ---- against transformers ---- */

static const char *const names[] = {"smollm2", "gemma3", "qwen0.5b"};
static const char *const masks[] = {"causal", "blocks", "both-ways", "pine"};
enum { N_NAMES = sizeof names / sizeof *names, N_MASKS = sizeof masks / sizeof *masks };

/* Numbers of a line: how many. */
static int read_numbers(int *out, int most, const char *p)
{
    char *end;
    int n = 0;

    for (long v; v = strtol(p, &end, 10), end != p; p = end) {
        ck_assert_int_lt(n, most);
        out[n++] = (int)v;
    }
    return n;
}

/* "KIND L H SUM...": how far off the masses are, relatively. */
static double compare(const struct prompt *p, const char *line, const char *kind)
{
    const size_t n = strlen(kind);
    char *end;
    double worst = 0;

    if (strncmp(line, kind, n) || line[n] != ' ')
        return -1;
    const long layer = strtol(line + n, &end, 10), head = strtol(end, &end, 10);
    const double *mass = mass_of(p, (int)layer, (int)head);

    for (int k = 0; k < p->n_passages; k++) {
        const double want = strtod(end, &end), off = fabs(mass[k] - want) / want;

        ck_assert_double_finite(off);
        worst = off > worst ? off : worst;
    }
    return worst;
}

START_TEST(attention_sums_are_those_of_transformers)
{
    const char *name = names[_i / N_MASKS], *kind = masks[_i % N_MASKS];
    const char *file = decoder_path(name);
    struct prompt p = {0};
    struct lines *golden = NULL;
    struct pool *pool = NULL;
    struct gguf *g = NULL;
    char path[64], *line;
    int sizes[MAX_PASSAGES + 2], n_sizes = 0, heads = 0, rc;
    double worst = 0;
    size_t n;

    if (!file)
        return;
    snprintf(path, sizeof path, "tests/golden/decoder_masks_%s.txt", name);
    ck_assert_ok(pool_new(&pool, 2, &err), &err);
    ck_assert_ok(gguf_open(&g, file, &err), &err);
    ck_assert_ok(
        decoder_open(&p.m, g, &(struct decoder_options){.precision = MODEL_F32}, pool, &err), &err);
    ck_assert_ok(session_new(&p.s, p.m, MAX_TOKENS, pool, &err), &err);
    ck_assert_ok(lines_open(&golden, source_path(path), &err), &err);
    while ((rc = lines_next(&line, &n, golden, &err)) == 1) {
        if (!strncmp(line, "ids ", 4)) {
            read_numbers(p.ids, MAX_TOKENS, line + 4);
        } else if (!strncmp(line, "sizes ", 6)) {
            n_sizes = read_numbers(sizes, MAX_PASSAGES + 2, line + 6);
            p.head = sizes[0];
            p.n_passages = n_sizes - 2;
            p.tail = sizes[n_sizes - 1];
            memcpy(p.sizes, sizes + 1, (size_t)p.n_passages * sizeof *sizes);
            place_passages(&p);
            run(&p, kind, NULL);
        } else if (!strncmp(line, "mass ", 5)) {
            const double off = compare(&p, line + 5, kind);

            heads += off >= 0;
            worst = off > worst ? off : worst;
        }
    }
    ck_assert_ok(rc, &err);
    fprintf(stderr, "%s, %s, %d tokens: attention of %d heads within %.2g\n", name, kind, p.n,
            heads, worst);
    ck_assert_int_gt(heads, 20);
    ck_assert_double_le(worst, 1e-3);
    lines_close(golden);
    session_free(p.s);
    decoder_close(p.m);
    gguf_close(g);
    pool_free(pool);
    mem_free(p.mass);
}
END_TEST

/* ---- documents without an order ---- */

static const char *const kinds[] = {"llama", "qwen2", "qwen3", "gemma3"};
enum { N_KINDS = sizeof kinds / sizeof *kinds, CELLS = 250, VOCAB_PART = 100 };

struct setup {
    char dir[64], path[96];
    struct gguf *g;
    struct pool *team;
    struct prompt p;
};

static void open_setup(struct setup *u, const char *kind, int precision, int threads)
{
    static const int sizes[] = {33, 17, 40, 17, 64};
    struct tiny_gguf tiny = tiny_gguf_of(kind);
    unsigned seed = 5;

    memset(u, 0, sizeof *u);
    tmp_dir(u->dir);
    snprintf(u->path, sizeof u->path, "%s/model.gguf", u->dir);
    tiny_gguf_write(u->path, &tiny);
    ck_assert_ok(pool_new(&u->team, threads, &err), &err);
    ck_assert_ok(gguf_open(&u->g, u->path, &err), &err);
    ck_assert_ok(decoder_open(&u->p.m, u->g, &(struct decoder_options){.precision = precision},
                              u->team, &err),
                 &err);
    ck_assert_ok(session_new(&u->p.s, u->p.m, CELLS, u->team, &err), &err);
    u->p.head = 7;
    u->p.n_passages = sizeof sizes / sizeof *sizes;
    u->p.tail = 9;
    memcpy(u->p.sizes, sizes, sizeof sizes);
    place_passages(&u->p);
    for (int i = 0; i < u->p.n; i++)
        u->p.ids[i] = rand_r(&seed) % VOCAB_PART;
}

static void close_setup(struct setup *u)
{
    mem_free(u->p.mass);
    session_free(u->p.s);
    decoder_close(u->p.m);
    gguf_close(u->g);
    pool_free(u->team);
    tmp_remove(u->dir);
}

static size_t n_masses(const struct prompt *p)
{
    const struct decoder_config *c = decoder_config(p->m);

    return (size_t)c->layers * (size_t)c->heads * (size_t)p->n_passages;
}

START_TEST(documents_permuted_give_the_same_bits_with_any_threads)
{
    static const int orders[][5] = {{0, 1, 2, 3, 4}, {4, 3, 2, 1, 0}, {2, 0, 4, 1, 3}};
    double *want = NULL;
    struct setup u;

    for (int i = 0; i < 4; i++) {
        open_setup(&u, kinds[_i / 2], _i % 2 ? MODEL_I8 : MODEL_F32, 1 + i % 3);
        run(&u.p, "pine", orders[i % 3]);
        if (want)
            ck_assert_mem_eq(u.p.mass, want, n_masses(&u.p) * sizeof *want);
        mem_free(want);
        want = u.p.mass;
        u.p.mass = NULL;
        close_setup(&u);
    }
    mem_free(want);
}
END_TEST

START_TEST(one_document_alone_is_read_causally)
{
    double *want;
    struct setup u;

    open_setup(&u, kinds[_i], MODEL_F32, 2);
    u.p.n_passages = 1;
    u.p.sizes[0] = 90;
    place_passages(&u.p);
    run(&u.p, "causal", NULL);
    want = u.p.mass;
    u.p.mass = NULL;
    run(&u.p, "pine", NULL);
    for (size_t i = 0; i < n_masses(&u.p); i++)
        ck_assert_double_le(fabs(u.p.mass[i] - want[i]), 1e-5);
    mem_free(want);
    close_setup(&u);
}
END_TEST

START_TEST(a_tail_read_again_or_in_parts_is_the_same)
{
    struct setup u;
    struct pine *pine;
    const float *x;
    float want[64];
    int rows;

    open_setup(&u, kinds[_i], MODEL_I8, 2);
    read_run(&u.p, (struct session_input){.ids = u.p.ids, .n = u.p.head}, NULL);
    pine = read_documents(&u.p, NULL);
    ck_assert_int_eq(pine_cells(pine), u.p.n - u.p.tail);
    for (int round = 0; round < 3; round++) {
        const int *tail = u.p.ids + u.p.n - u.p.tail, first = round == 2 ? 4 : 0;

        if (first)
            ck_assert_ok(pine_read_tail(pine, tail, first, NULL, &err), &err);
        ck_assert_ok(pine_read_tail(pine, tail + first, u.p.tail - first, NULL, &err), &err);
        x = session_states(u.p.s, &rows);
        x += (size_t)(rows - 1) * 64;
        if (round)
            ck_assert_mem_eq(x, want, sizeof want);
        memcpy(want, x, sizeof want);
        session_cut(u.p.s, pine_cells(pine));
    }
    pine_free(pine);
    close_setup(&u);
}
END_TEST

START_TEST(documents_that_cannot_be_are_refused)
{
    static int zeros[CELLS + 10];
    struct pine_document documents[] = {{zeros, 5}, {zeros, 0}};
    struct pine *pine = NULL;
    struct setup u;

    open_setup(&u, "llama", MODEL_I8, 1);
    read_run(&u.p, (struct session_input){.ids = u.p.ids, .n = 7}, NULL);
    ck_assert_err(pine_read(&pine, u.p.s, documents, 2, &err), E_INVALID, "no tokens", &err);
    documents[1].n = CELLS;
    ck_assert_err(pine_read(&pine, u.p.s, documents, 2, &err), E_LIMIT, "room", &err);
    documents[1].n = 3;
    zeros[4] = 1 << 20;
    ck_assert_err(pine_read(&pine, u.p.s, documents, 2, &err), E_INVALID, "vocabulary", &err);
    zeros[4] = 0;
    ck_assert_int_eq(session_cells(u.p.s), 7);
    ck_assert_ok(pine_read(&pine, u.p.s, documents, 2, &err), &err);
    ck_assert_err(pine_read_tail(pine, zeros, 0, NULL, &err), E_INVALID, "room", &err);
    ck_assert_err(pine_read_tail(pine, zeros, CELLS + 6, NULL, &err), E_LIMIT, "room", &err);
    ck_assert_int_eq(session_cells(u.p.s), 15);
    ck_assert_err(pine_read(&(struct pine *){NULL}, u.p.s, documents, 1, &err), E_INVALID, "head",
                  &err);
    pine_free(pine);
    close_setup(&u);
}
END_TEST

static int whole_way(struct setup *u)
{
    const struct pine_document documents[] = {{u->p.ids, 300}, {u->p.ids + 300, 300}};
    struct session *s = NULL;
    struct pine *pine = NULL;
    int rc = session_new(&s, u->p.m, 700, NULL, &err);

    rc = rc ? rc : session_read(s, &(struct session_input){.ids = u->p.ids, .n = 3}, NULL, &err);
    rc = rc ? rc : pine_read(&pine, s, documents, 2, &err);
    rc = rc ? rc : pine_read_tail(pine, u->p.ids, 3, NULL, &err);
    pine_free(pine);
    session_free(s);
    return rc;
}

START_TEST(each_failing_allocation_is_survived)
{
    struct tiny_gguf tiny = tiny_gguf_of("llama");
    struct setup u = {0};
    int rc;

    tiny.context = 800;
    tmp_dir(u.dir);
    snprintf(u.path, sizeof u.path, "%s/model.gguf", u.dir);
    tiny_gguf_write(u.path, &tiny);
    ck_assert_ok(gguf_open(&u.g, u.path, &err), &err);
    ck_assert_ok(
        decoder_open(&u.p.m, u.g, &(struct decoder_options){.precision = MODEL_I8}, NULL, &err),
        &err);
    FAIL_EACH_ALLOC(rc, {
        err_clear(&err);
        rc = whole_way(&u);
    });
    close_setup(&u);
}
END_TEST

TCase *masks_tests(void)
{
    TCase *tc = tcase_create("session_pine");

    tcase_set_tags(tc, "heavy");
    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, documents_permuted_give_the_same_bits_with_any_threads, 0, 2 * N_KINDS);
    tcase_add_loop_test(tc, one_document_alone_is_read_causally, 0, N_KINDS);
    tcase_add_loop_test(tc, a_tail_read_again_or_in_parts_is_the_same, 0, N_KINDS);
    tcase_add_test(tc, documents_that_cannot_be_are_refused);
    tcase_add_test(tc, each_failing_allocation_is_survived);
    return tc;
}

TCase *masks_slow_tests(void)
{
    TCase *tc = tcase_create("masks of real decoders");

    tcase_set_tags(tc, "slow");
    tcase_set_timeout(tc, 900);
    tcase_add_loop_test(tc, attention_sums_are_those_of_transformers, 0, N_NAMES * N_MASKS);
    return tc;
}
