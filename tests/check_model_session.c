/* check_model_session.c -- sessions of tiny decoders: what masks, threads, chunks and cuts must and must not change. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/check_model.h"

#include <math.h>
#include <stdlib.h>

#include "model/decoder.h"
#include "model/kernels.h"
#include "model/model.h"
#include "model/session.h"
#include "tests/tiny_gguf.h"

static struct err err;

static const char *const kinds[] = {"llama", "qwen2", "qwen3", "gemma3"};
enum { N_KINDS = sizeof kinds / sizeof *kinds, CELLS = 200, VOCAB_PART = 100 };

/* A tiny decoder, and a session of it. */
struct setup {
    char dir[64], path[96];
    struct gguf *g;
    struct decoder *m;
    struct pool *team;
    struct session *s;
};

/* kernels: of a table, or NULL for the best. */
static void open_setup_with(struct setup *u, const char *kind, int precision, int threads,
                            const char *kernels)
{
    struct tiny_gguf tiny = tiny_gguf_of(kind);
    const struct decoder_options opt = {.precision = precision, .has_head = 1, .kernels = kernels};

    memset(u, 0, sizeof *u);
    tmp_dir(u->dir);
    snprintf(u->path, sizeof u->path, "%s/model.gguf", u->dir);
    tiny_gguf_write(u->path, &tiny);
    ck_assert_ok(pool_new(&u->team, threads, &err), &err);
    ck_assert_ok(gguf_open(&u->g, u->path, &err), &err);
    ck_assert_ok(decoder_open(&u->m, u->g, &opt, u->team, &err), &err);
    ck_assert_ok(session_new(&u->s, u->m, CELLS, u->team, &err), &err);
}

static void open_setup(struct setup *u, const char *kind, int precision, int threads)
{
    open_setup_with(u, kind, precision, threads, NULL);
}

static void close_setup(struct setup *u)
{
    session_free(u->s);
    decoder_close(u->m);
    gguf_close(u->g);
    pool_free(u->team);
    tmp_remove(u->dir);
}

static void make_ids(int *ids, int n, unsigned seed)
{
    for (int i = 0; i < n; i++)
        ids[i] = rand_r(&seed) % VOCAB_PART;
}

static void read_run(struct session *s, const int *ids, int n)
{
    ck_assert_ok(session_read(s, &(struct session_input){.ids = ids, .n = n}, NULL, &err), &err);
}

/* A copy of the last token's state. */
static float *last_state(const struct setup *u)
{
    const size_t D = (size_t)decoder_config(u->m)->D;
    int rows;
    const float *x = session_states(u->s, &rows);
    float *copy = mem_alloc(D, sizeof *copy);

    memcpy(copy, x + (size_t)(rows - 1) * D, D * sizeof *copy);
    return copy;
}

static void assert_same(const struct setup *u, float *a, float *b)
{
    ck_assert_mem_eq(a, b, (size_t)decoder_config(u->m)->D * sizeof *a);
    mem_free(a);
    mem_free(b);
}

static const int both[] = {MODEL_F32, MODEL_I8};

START_TEST(threads_do_not_change_a_bit)
{
    const char *kind = kinds[_i / 2];
    float *want = NULL;
    int ids[130];

    make_ids(ids, 130, 7);
    for (int threads = 1; threads <= 3; threads++) {
        struct setup u;

        open_setup(&u, kind, both[_i % 2], threads);
        read_run(u.s, ids, 130);
        if (want)
            assert_same(&u, want, last_state(&u));
        want = last_state(&u);
        close_setup(&u);
    }
    mem_free(want);
}
END_TEST

START_TEST(reading_in_parts_equals_reading_at_once)
{
    struct setup u;
    float *want;
    int ids[150];

    make_ids(ids, 150, 3);
    open_setup(&u, kinds[_i / 2], both[_i % 2], 2);
    read_run(u.s, ids, 150);
    want = last_state(&u);
    session_cut(u.s, 0);
    for (int at = 0, n = 1; at < 150; at += n, n = at * 2 + 3 < 150 - at ? at * 2 + 3 : 150 - at)
        read_run(u.s, ids + at, n);
    ck_assert_int_eq(session_cells(u.s), 150);
    assert_same(&u, want, last_state(&u));
    close_setup(&u);
}
END_TEST

START_TEST(a_cut_session_is_as_if_the_rest_had_never_been_read)
{
    struct setup u;
    float *want;
    int ids[150], other[60];

    make_ids(ids, 150, 3);
    make_ids(other, 60, 99);
    open_setup(&u, kinds[_i], MODEL_I8, 2);
    read_run(u.s, ids, 150);
    want = last_state(&u);
    session_cut(u.s, 90);
    read_run(u.s, other, 60);
    session_cut(u.s, 90);
    read_run(u.s, ids + 90, 60);
    assert_same(&u, want, last_state(&u));
    close_setup(&u);
}
END_TEST

/* ---- texts longer than the blocks in which scores are made ---- */

enum { LONG_CELLS = 4096, LONG = 1500, SHORT = 700 };

/* With windows of 700 positions where there are any: farther back than a tile, and across blocks. */
static void open_long(struct setup *u, const char *kind, int precision)
{
    struct tiny_gguf tiny = tiny_gguf_of(kind);
    const struct decoder_options opt = {.precision = precision, .layers = 2};

    memset(u, 0, sizeof *u);
    tiny.context = LONG_CELLS;
    tiny.window = 700;
    tmp_dir(u->dir);
    snprintf(u->path, sizeof u->path, "%s/model.gguf", u->dir);
    tiny_gguf_write(u->path, &tiny);
    ck_assert_ok(pool_new(&u->team, 2, &err), &err);
    ck_assert_ok(gguf_open(&u->g, u->path, &err), &err);
    ck_assert_ok(decoder_open(&u->m, u->g, &opt, u->team, &err), &err);
    ck_assert_ok(session_new(&u->s, u->m, LONG_CELLS, u->team, &err), &err);
}

START_TEST(a_long_text_in_parts_equals_the_text_at_once)
{
    struct setup u;
    float *want;
    int ids[2 * LONG];

    make_ids(ids, 2 * LONG, 3);
    open_long(&u, kinds[_i / 2], both[_i % 2]);
    read_run(u.s, ids, 2 * LONG);
    want = last_state(&u);
    session_cut(u.s, 0);
    for (int at = 0, n = 1; at < 2 * LONG; at += n)
        read_run(u.s, ids + at, n = n * 2 + 7 < 2 * LONG - at ? n * 2 + 7 : 2 * LONG - at);
    assert_same(&u, want, last_state(&u));
    close_setup(&u);
}
END_TEST

START_TEST(long_blocks_do_not_depend_on_where_they_lie)
{
    struct setup u;
    float *alone;
    int head[70], a[LONG], b[SHORT];

    make_ids(head, 70, 1);
    make_ids(a, LONG, 2);
    make_ids(b, SHORT, 3);
    open_long(&u, kinds[_i / 2], both[_i % 2]);
    const struct session_input block_a = {
        .ids = a, .n = LONG, .position = 70 + 1, .head = 70, .from = SESSION_ITSELF};
    const struct session_input block_b = {
        .ids = b, .n = SHORT, .position = 70 + 1, .head = 70, .from = SESSION_ITSELF};

    read_run(u.s, head, 70);
    ck_assert_ok(session_read(u.s, &block_a, NULL, &err), &err);
    alone = last_state(&u);
    session_cut(u.s, 70);
    ck_assert_ok(session_read(u.s, &block_b, NULL, &err), &err);
    ck_assert_ok(session_read(u.s, &block_a, NULL, &err), &err);
    assert_same(&u, alone, last_state(&u));
    close_setup(&u);
}
END_TEST

START_TEST(a_token_does_not_see_what_follows_it)
{
    struct setup u;
    const float *x;
    float *want;
    size_t D;
    int ids[100], rows;

    make_ids(ids, 100, 3);
    open_setup(&u, kinds[_i], MODEL_I8, 2);
    D = (size_t)decoder_config(u.m)->D;
    read_run(u.s, ids, 60);
    want = last_state(&u);
    make_ids(ids + 60, 40, 12);
    session_cut(u.s, 0);
    read_run(u.s, ids, 100);
    x = session_states(u.s, &rows);
    ck_assert_int_eq(rows, 100);
    ck_assert_mem_eq(x + 59 * D, want, D * sizeof *x);
    mem_free(want);
    close_setup(&u);
}
END_TEST

/* ---- masks, seen through a tap ---- */

/* Which cells each token gives weight to. */
struct watch {
    int calls;
    unsigned char seen[128][CELLS]; /* [row][cell], of any head of the layers that see all */
    const struct decoder_config *cfg;
};

static void look(const struct session_sight *sight, void *payload)
{
    struct watch *w = payload;
    double sum = 0;

    for (int i = 0; i < sight->n; i++) {
        const int cell = i < sight->split ? sight->first + i : sight->second + i - sight->split;
        const double weight = (double)sight->weight[i] * (double)sight->share;

        ck_assert(weight >= 0 && weight <= 1.00001);
        sum += weight;
        if (weight > 0 && decoder_sees_all(w->cfg, sight->layer))
            w->seen[sight->row][cell] = 1;
    }
    ck_assert_double_le(fabs(sum - 1), 1e-5);
    __atomic_fetch_add(&w->calls, 1, __ATOMIC_SEQ_CST);
}

/* Reads a run and returns what was seen; all heads are watched. */
static void watch_run(struct watch *w, struct setup *u, const struct session_input *in)
{
    const struct decoder_config *c = decoder_config(u->m);
    const size_t heads = (size_t)c->layers * (size_t)c->heads;
    unsigned char *all = mem_alloc(heads, 1);
    const struct session_tap tap = {.watched = all, .see = look, .payload = w};

    memset(w, 0, sizeof *w);
    memset(all, 1, heads);
    w->cfg = c;
    ck_assert_ok(session_read(u->s, in, &tap, &err), &err);
    ck_assert_int_eq(w->calls, (int)heads * in->n);
    mem_free(all);
}

START_TEST(a_causal_run_sees_all_before_it)
{
    static struct watch w;
    struct setup u;
    int ids[70];

    make_ids(ids, 70, 3);
    open_setup(&u, kinds[_i], MODEL_F32, 2);
    read_run(u.s, ids, 30);
    watch_run(&w, &u, &(struct session_input){.ids = ids + 30, .n = 40});
    for (int row = 0; row < 40; row++)
        for (int cell = 0; cell < CELLS; cell++)
            ck_assert_int_eq(w.seen[row][cell], cell <= 30 + row);
    close_setup(&u);
}
END_TEST

START_TEST(a_block_sees_the_shared_beginning_and_itself)
{
    static struct watch w;
    struct setup u;
    int ids[40];

    make_ids(ids, 40, 3);
    open_setup(&u, kinds[_i], MODEL_F32, 2);
    read_run(u.s, ids, 5);
    for (int block = 0; block < 4; block++) { /* the last ones lie behind a whole tile of cells */
        const int first = 5 + 40 * block;
        const struct session_input in = {
            .ids = ids, .n = 40, .position = 5 + 1, .head = 5, .from = SESSION_ITSELF};

        watch_run(&w, &u, &in);
        for (int row = 0; row < 40; row++)
            for (int cell = 0; cell < CELLS; cell++)
                ck_assert_int_eq(w.seen[row][cell],
                                 cell < 5 || (cell >= first && cell <= first + row));
    }
    close_setup(&u);
}
END_TEST

START_TEST(a_block_read_both_ways_sees_all_of_itself)
{
    static struct watch w;
    struct setup u;
    int ids[40];

    make_ids(ids, 40, 3);
    open_setup(&u, "llama", MODEL_F32, 2);
    read_run(u.s, ids, 5);
    watch_run(&w, &u,
              &(struct session_input){
                  .ids = ids, .n = 40, .head = 2, .from = SESSION_ITSELF, .both_ways = 1});
    for (int row = 0; row < 40; row++)
        for (int cell = 0; cell < CELLS; cell++)
            ck_assert_int_eq(w.seen[row][cell], cell < 2 || (cell >= 5 && cell < 45));
    close_setup(&u);
}
END_TEST

START_TEST(blocks_do_not_depend_on_their_order)
{
    struct setup u;
    float *alone;
    int head[6], a[50], b[70];

    make_ids(head, 6, 1);
    make_ids(a, 50, 2);
    make_ids(b, 70, 3);
    open_setup(&u, kinds[_i / 2], both[_i % 2], 2);
    const struct session_input block_a = {
        .ids = a, .n = 50, .position = 6 + 1, .head = 6, .from = SESSION_ITSELF};
    const struct session_input block_b = {
        .ids = b, .n = 70, .position = 6 + 1, .head = 6, .from = SESSION_ITSELF};

    read_run(u.s, head, 6);
    ck_assert_ok(session_read(u.s, &block_a, NULL, &err), &err);
    alone = last_state(&u);
    session_cut(u.s, 6);
    ck_assert_ok(session_read(u.s, &block_b, NULL, &err), &err);
    ck_assert_ok(session_read(u.s, &block_a, NULL, &err), &err);
    assert_same(&u, alone, last_state(&u)); /* to the bit, though its cells are others */
    close_setup(&u);
}
END_TEST

START_TEST(layers_with_a_window_see_no_farther)
{
    struct setup u;
    float *want, *got;
    int ids[120];

    /* one layer alone, which has a window of 16: what lies before the window cannot matter */
    make_ids(ids, 120, 3);
    open_setup(&u, "gemma3", MODEL_F32, 2);
    session_free(u.s);
    decoder_close(u.m);
    u.s = NULL;
    u.m = NULL;
    ck_assert_ok(decoder_open(&u.m, u.g,
                              &(struct decoder_options){.precision = MODEL_F32, .layers = 1}, NULL,
                              &err),
                 &err);
    ck_assert_int_eq(decoder_layers(u.m), 1);
    ck_assert_ok(session_new(&u.s, u.m, CELLS, u.team, &err), &err);
    read_run(u.s, ids, 120);
    want = last_state(&u);
    session_cut(u.s, 0);
    ids[120 - 16 - 1] = (ids[120 - 16 - 1] + 1) % VOCAB_PART; /* just outside */
    read_run(u.s, ids, 120);
    got = last_state(&u);
    ck_assert_mem_eq(want, got, (size_t)decoder_config(u.m)->D * sizeof *got);
    mem_free(got);
    session_cut(u.s, 0);
    ids[120 - 16] = (ids[120 - 16] + 1) % VOCAB_PART; /* just inside */
    read_run(u.s, ids, 120);
    got = last_state(&u);
    ck_assert_mem_ne(want, got, (size_t)decoder_config(u.m)->D * sizeof *got);
    mem_free(got);
    mem_free(want);
    close_setup(&u);
}
END_TEST

/* ---- queries and keys ---- */

/* What one head's last token asked for, and the weights it gave. */
struct asked {
    int layer, head, row;
    size_t d;
    float query[64], weight[CELLS];
    int asked, seen;
};

static void note_question(const struct session_question *q, void *payload)
{
    struct asked *a = payload;

    if (q->row != a->row)
        return;
    memcpy(a->query, q->query, a->d * sizeof *a->query);
    a->asked++;
}

static void note_weights(const struct session_sight *sight, void *payload)
{
    struct asked *a = payload;

    if (sight->row != a->row)
        return;
    for (int i = 0; i < sight->n; i++)
        a->weight[i] = sight->weight[i] * sight->share;
    a->seen++;
}

START_TEST(queries_and_keys_give_the_weights_that_a_tap_sees)
{
    struct asked a = {.layer = 1, .head = 1, .row = 69};
    struct session_tap tap = {.see = note_weights, .ask = note_question, .payload = &a};
    const struct decoder_config *c;
    unsigned char watched[64] = {0};
    float keys[70 * 64], logits[70], sum = 0;
    struct setup u;
    int ids[70];

    make_ids(ids, 70, 3);
    open_setup(&u, kinds[_i], MODEL_F32, 2);
    c = decoder_config(u.m);
    ck_assert(c->d <= 64 && c->layers * c->heads <= 64);
    a.d = (size_t)c->d;
    watched[a.layer * c->heads + a.head] = 1;
    tap.watched = watched;
    ck_assert_ok(session_read(u.s, &(struct session_input){.ids = ids, .n = 70}, &tap, &err), &err);
    ck_assert(a.asked == 1 && a.seen == 1);
    session_copy_keys(keys, u.s, a.layer, a.head / (c->heads / c->kv_heads), 0, 70);
    for (int i = 0; i < 70; i++) {
        double dot = 0;

        for (int k = 0; k < c->d; k++)
            dot += (double)a.query[k] * (double)keys[i * c->d + k];
        logits[i] = expf((float)(dot / sqrt(c->d)));
        if (!decoder_sees_all(c, a.layer) && 69 - i >= c->window)
            logits[i] = 0;
        sum += logits[i];
    }
    for (int i = 0; i < 70; i++)
        ck_assert_float_le(fabsf(logits[i] / sum - a.weight[i]), 1e-5f);
    close_setup(&u);
}
END_TEST

START_TEST(a_run_for_its_keys_alone_has_the_same_keys)
{
    const int n = _i / 2 ? 20 : 70, last = 1; /* few tokens go another way */
    const struct decoder_options opt = {.precision = MODEL_I8, .layers = last + 1};
    float want[70 * 64], got[70 * 64];
    struct decoder *m = NULL;
    struct session *s = NULL;
    struct setup u;
    size_t bytes;
    int ids[70];

    make_ids(ids, n, 3);
    open_setup(&u, kinds[_i % 2 ? 3 : 0], MODEL_I8, 2);
    bytes = (size_t)n * (size_t)decoder_config(u.m)->d * sizeof *want;
    read_run(u.s, ids, n);
    session_copy_keys(want, u.s, last, 0, 0, n);
    ck_assert_ok(decoder_open(&m, u.g, &opt, NULL, &err), &err);
    ck_assert_ok(session_new(&s, m, CELLS, u.team, &err), &err);
    ck_assert_ok(
        session_read(s, &(struct session_input){.ids = ids, .n = n, .keys_only = 1}, NULL, &err),
        &err);
    session_copy_keys(got, s, last, 0, 0, n);
    ck_assert_mem_eq(want, got, bytes);
    session_free(s);
    decoder_close(m);
    close_setup(&u);
}
END_TEST

START_TEST(a_block_that_was_saved_loads_as_if_it_were_read_again)
{
    const int before = _i % 3 ? (_i % 3 == 1 ? 59 : 130) : 6; /* within a tile, across tiles */
    struct session_input in = {.n = 70, .position = 6 + 1, .head = 6, .from = SESSION_ITSELF};
    struct setup u;
    unsigned char *block;
    float *want, *got;
    int ids[200], head[6], tail[9];

    make_ids(ids, 200, 3);
    make_ids(head, 6, 4);
    make_ids(tail, 9, 5);
    in.ids = ids;
    open_setup(&u, kinds[_i % N_KINDS], _i & 4 ? MODEL_F32 : MODEL_I8, 1 + _i % 2);
    read_run(u.s, head, 6);
    ck_assert_ok(session_read(u.s, &in, NULL, &err), &err);
    block = mem_alloc(session_block_bytes(u.s, 70), sizeof *block);
    session_save(block, u.s, 6, 70);
    for (int k = 0; k < 2; k++) {
        float **state = k ? &got : &want;

        session_cut(u.s, 6);
        if (before > 6)
            read_run(u.s, ids + 70, before - 6);
        if (k)
            ck_assert_ok(session_load(u.s, block, 70, 6 + 1, &err), &err);
        else
            ck_assert_ok(session_read(u.s, &in, NULL, &err), &err);
        ck_assert_ok(session_read(u.s,
                                  &(struct session_input){.ids = tail, .n = 9, .position = 100 + 1},
                                  NULL, &err),
                     &err);
        *state = last_state(&u);
    }
    for (int i = 0; i < decoder_config(u.m)->D; i++) /* elsewhere sums are taken in another order */
        ck_assert_float_le(fabsf(want[i] - got[i]), before == 6 ? 0 : 0.02f * (1 + fabsf(want[i])));
    mem_free(want);
    mem_free(got);
    ck_assert_err(session_load(u.s, block, 270, 6 + 1, &err), E_LIMIT, "room", &err);
    mem_free(block);
    close_setup(&u);
}
END_TEST

START_TEST(a_fork_goes_on_by_itself)
{
    struct session *fork = NULL;
    struct setup u;
    const float *x;
    float *want;
    int ids[150], other[20], rows;

    make_ids(ids, 150, 8);
    make_ids(other, 20, 9);
    open_setup(&u, kinds[_i % N_KINDS], _i < N_KINDS ? MODEL_I8 : MODEL_F32, 2);
    read_run(u.s, ids, 130);
    ck_assert_ok(session_fork(&fork, u.s, 170, u.team, &err), &err);
    ck_assert_int_eq(session_cells(fork), 130);
    read_run(fork, other, 20); /* which the first one does not see */
    session_cut(fork, 130);
    read_run(u.s, ids + 130, 20);
    want = last_state(&u);
    read_run(fork, ids + 130, 20);
    x = session_states(fork, &rows);
    ck_assert_int_eq(rows, 20);
    ck_assert_mem_eq(want, x + 19 * decoder_config(u.m)->D,
                     (size_t)decoder_config(u.m)->D * sizeof *want);
    session_free(fork);
    ck_assert_err(session_fork(&fork, u.s, 149, u.team, &err), E_LIMIT, "150 were read", &err);
    mem_free(want);
    close_setup(&u);
}
END_TEST

START_TEST(all_tables_of_kernels_read_alike)
{
    static const char *const tables[] = {"scalar", "avx2", "avx512"};
    const struct session_input in = {
        .n = 80, .position = 70 + 1, .head = 70, .from = SESSION_ITSELF};
    const int is_coarse = _i < N_KINDS;
    const float far = is_coarse ? 0.05f : 1e-3f; /* a last bit may turn a rounding to 8 */
    float *want = NULL;
    int ids[150], D = 0;

    make_ids(ids, 150, 6);
    for (int t = 0; t < 3; t++) {
        struct session_input block = in;
        struct setup u;
        float *got;

        if (!kernels_find(tables[t]))
            continue;
        open_setup_with(&u, kinds[_i % N_KINDS], is_coarse ? MODEL_I8 : MODEL_F32, 2, tables[t]);
        read_run(u.s, ids, 70);
        block.ids = ids + 70; /* cells in two stretches, the second from amid a tile */
        ck_assert_ok(session_read(u.s, &block, NULL, &err), &err);
        got = last_state(&u);
        D = decoder_config(u.m)->D;
        for (int i = 0; want && i < D; i++)
            ck_assert_float_le(fabsf(want[i] - got[i]), far * (1 + fabsf(want[i])));
        if (want)
            mem_free(got);
        else
            want = got;
        close_setup(&u);
    }
    ck_assert_int_gt(D, 0);
    mem_free(want);
}
END_TEST

/* ---- hostile ---- */

START_TEST(runs_that_cannot_be_are_refused_and_leave_the_cells)
{
    struct setup u;
    int ids[CELLS + 100];
    float logits[4];

    make_ids(ids, CELLS + 100, 3);
    open_setup(&u, "llama", MODEL_I8, 1);
    read_run(u.s, ids, 10);
    ck_assert_err(session_read(u.s, &(struct session_input){.ids = ids, .n = 0}, NULL, &err),
                  E_INVALID, "no tokens", &err);
    ck_assert_err(
        session_read(u.s, &(struct session_input){.ids = ids, .n = CELLS + 90}, NULL, &err),
        E_LIMIT, "room", &err);
    ck_assert_err(
        session_read(u.s, &(struct session_input){.ids = ids, .n = 5, .head = 11}, NULL, &err),
        E_INVALID, "cells", &err);
    ck_assert_err(
        session_read(u.s, &(struct session_input){.ids = ids, .n = 5, .from = 11}, NULL, &err),
        E_INVALID, "cells", &err);
    ck_assert_err(session_read(u.s, &(struct session_input){.ids = ids, .n = 5, .position = 100000},
                               NULL, &err),
                  E_LIMIT, "room", &err);
    ids[3] = -1;
    ck_assert_err(session_read(u.s, &(struct session_input){.ids = ids, .n = 5}, NULL, &err),
                  E_INVALID, "token -1", &err);
    ids[3] = 1 << 30;
    ck_assert_err(session_read(u.s, &(struct session_input){.ids = ids, .n = 5}, NULL, &err),
                  E_INVALID, "vocabulary", &err);
    ck_assert_int_eq(session_cells(u.s), 10);
    ck_assert_err(session_logits(logits, u.s, 10, 1, &err), E_INVALID, "last chunk", &err);
    ck_assert_err(session_new(&(struct session *){NULL}, u.m, SESSION_MAX_CELLS + 1, NULL, &err),
                  E_LIMIT, "room", &err);
    close_setup(&u);
}
END_TEST

static int whole_way(const char *path, const int *ids, int n)
{
    const struct decoder_options opt = {.precision = MODEL_I8, .has_head = 1};
    const struct session_input in = {.ids = ids, .n = n};
    struct gguf *g = NULL;
    struct decoder *m = NULL;
    struct session *s = NULL;
    int rc = gguf_open(&g, path, &err);

    rc = rc ? rc : decoder_open(&m, g, &opt, NULL, &err);
    rc = rc ? rc : session_new(&s, m, 20, NULL, &err);
    rc = rc ? rc : session_read(s, &in, NULL, &err);
    session_free(s);
    decoder_close(m);
    gguf_close(g);
    return rc;
}

START_TEST(a_decoder_survives_each_failing_allocation)
{
    struct tiny_gguf tiny = tiny_gguf_of(_i ? "gemma3" : "llama");
    char dir[64], path[96];
    int ids[9], rc;

    make_ids(ids, 9, 3);
    tmp_dir(dir);
    snprintf(path, sizeof path, "%s/model.gguf", dir);
    tiny_gguf_write(path, &tiny);
    FAIL_EACH_ALLOC(rc, {
        err_clear(&err);
        rc = whole_way(path, ids, 9);
    });
    tmp_remove(dir);
}
END_TEST

TCase *session_tests(void)
{
    TCase *tc = tcase_create("session");

    tcase_set_tags(tc, "heavy"); /* arithmetic and waiting threads: minutes under valgrind */
    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, threads_do_not_change_a_bit, 0, 2 * N_KINDS);
    tcase_add_loop_test(tc, reading_in_parts_equals_reading_at_once, 0, 2 * N_KINDS);
    tcase_add_loop_test(tc, a_cut_session_is_as_if_the_rest_had_never_been_read, 0, N_KINDS);
    tcase_add_loop_test(tc, a_long_text_in_parts_equals_the_text_at_once, 0, 2 * N_KINDS);
    tcase_add_loop_test(tc, long_blocks_do_not_depend_on_where_they_lie, 0, 2 * N_KINDS);
    tcase_add_loop_test(tc, a_token_does_not_see_what_follows_it, 0, N_KINDS);
    tcase_add_loop_test(tc, a_causal_run_sees_all_before_it, 0, N_KINDS);
    tcase_add_loop_test(tc, a_block_sees_the_shared_beginning_and_itself, 0, N_KINDS);
    tcase_add_test(tc, a_block_read_both_ways_sees_all_of_itself);
    tcase_add_loop_test(tc, blocks_do_not_depend_on_their_order, 0, 2 * N_KINDS);
    tcase_add_test(tc, layers_with_a_window_see_no_farther);
    tcase_add_loop_test(tc, queries_and_keys_give_the_weights_that_a_tap_sees, 0, N_KINDS);
    tcase_add_loop_test(tc, a_run_for_its_keys_alone_has_the_same_keys, 0, 4);
    tcase_add_loop_test(tc, a_block_that_was_saved_loads_as_if_it_were_read_again, 0, 12);
    tcase_add_loop_test(tc, a_fork_goes_on_by_itself, 0, 2 * N_KINDS);
    tcase_add_loop_test(tc, all_tables_of_kernels_read_alike, 0, 2 * N_KINDS);
    tcase_add_test(tc, runs_that_cannot_be_are_refused_and_leave_the_cells);
    tcase_add_loop_test(tc, a_decoder_survives_each_failing_allocation, 0, 2);
    return tc;
}
