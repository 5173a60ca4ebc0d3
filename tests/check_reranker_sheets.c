/* check_reranker_sheets.c -- sheets, what is made of them, and windows of candidates. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "model/session.h"
#include "reranker/published.h"
#include "reranker/statistics.h"
#include "reranker/watch.h"
#include "reranker/windows.h"
#include "tests/check_reranker_tiny.h"

static struct err err;

/* ---- what is watched ---- */

/* A prompt's head, passages as blocks or in one run, and a tail that is watched. */
static void watch_tail(struct watch *w, struct session *s, const struct reader *r, int as_blocks)
{
    enum { HEAD = 7, TAIL = 11, N = 3 };
    static const int sizes[N] = {5, 0, 30};
    struct watch_range where[N];
    int ids[64];

    (void)r;
    for (int i = 0; i < 64; i++)
        ids[i] = 3 + i * 7 % 200;
    ck_assert_ok(session_read(s, &(struct session_input){.ids = ids, .n = HEAD}, NULL, &err), &err);
    for (int i = 0; i < N; i++) {
        const int first = session_cells(s);
        const struct session_input in = {.ids = ids + i,
                                         .n = sizes[i],
                                         .position = as_blocks ? HEAD + 1 : SESSION_CONTINUE,
                                         .head = as_blocks ? HEAD : 0,
                                         .from = as_blocks ? SESSION_ITSELF : 0};

        if (sizes[i])
            ck_assert_ok(session_read(s, &in, NULL, &err), &err);
        where[i] = (struct watch_range){first, session_cells(s)};
    }
    ck_assert_ok(watch_begin(w, where, N, session_cells(s), TAIL, 4, 8, &err), &err);
    ck_assert_ok(session_read(s, &(struct session_input){.ids = ids, .n = TAIL, .position = 100},
                              watch_tap(w), &err),
                 &err);
}

START_TEST(attention_of_a_row_sums_to_1)
{
    static const char *const kinds[] = {"llama", "qwen2", "qwen3", "gemma3"};

    for (int k = 0; k < 8; k++) {
        const struct decoder_config *c;
        struct session *s = NULL;
        struct watch *w = NULL;
        const struct sheet *sheet;
        const double *masses;
        double passages = 0, all = 0;
        struct tiny t;
        struct reader *r;

        tiny_make(&t, kinds[k / 2], 256);
        r = tiny_reader(&t);
        c = decoder_config(reader_decoder(r));
        ck_assert_ok(session_new(&s, reader_decoder(r), 256, NULL, &err), &err);
        ck_assert_ok(watch_open(&w, c, c->layers, NULL, 0, 1, &err), &err);
        watch_tail(w, s, r, k % 2);
        sheet = watch_sheet(w);
        ck_assert_int_eq(sheet->heads, c->layers * c->heads);
        ck_assert_int_eq(sheet->words_end, 8);
        for (int h = 0; h < sheet->heads; h++)
            for (int row = 0; row < sheet->rows; row++) {
                const float *sums = sheet->log_sums + sheet_at(sheet, h, row);
                double sum = exp((double)sheet->rest[h * sheet->rows + row]);

                ck_assert_double_le(fabs(sheet_total(sheet, h, row)), 1e-5);
                for (int i = 0; i < sheet->passages; i++) {
                    const float most = sheet->largest[sheet_at(sheet, h, row) + (size_t)i];

                    sum += exp((double)sums[i]);
                    passages += exp((double)sums[i]) / sheet->rows;
                    ck_assert(most <= sums[i] + 1e-4f || isinf(most));
                }
                ck_assert_double_le(fabs(sum - 1), 1e-5);
                ck_assert(isinf(sums[1]) && sums[1] < 0);
            }
        masses = watch_masses(w);
        for (int cell = 7; cell < 42; cell++)
            all += masses[cell];
        ck_assert_double_le(fabs(all / passages - 1), 1e-4);
        watch_close(w);
        session_free(s);
        reader_close(r);
        tiny_remove(&t);
    }
}
END_TEST

/* ---- statistics ---- */

/* One head, three rows of which the last two are the query's, three passages, the second empty. */
static void make_sheet(struct sheet *s)
{
    static const double mass[3][3] = {{.5, 0, .25}, {.2, 0, .4}, {.1, 0, .8}};
    static const double peak[3][3] = {{.5, 0, .2}, {.1, 0, .4}, {.1, 0, .2}};

    ck_assert_ok(sheet_new(s, 1, 3, 3, &err), &err);
    s->words_begin = 1;
    s->words_end = 3;
    for (int row = 0; row < 3; row++) {
        const double off = 5.0 * row; /* any constant may be added to a row */
        double rest = 1;

        for (int i = 0; i < 3; i++) {
            s->log_sums[row * 3 + i] = (float)(log(mass[row][i]) + off);
            s->largest[row * 3 + i] = (float)(log(peak[row][i]) + off);
            rest -= mass[row][i];
        }
        s->rest[row] = (float)(log(rest) + off);
    }
}

START_TEST(statistics_are_what_they_are_called)
{
    static const struct {
        const char *name;
        double first, third;
    } want[] = {
        {"mass", (.5 + .2 + .1) / 3, (.25 + .4 + .8) / 3},
        {"word-mass", (.2 + .1) / 2, (.4 + .8) / 2},
        {"log-mass", -1.956011502714073, -0.569717141594182},
        {"largest", -2.302585092994046 + 7.5, -1.262864322353092 + 7.5},
        {"peak", .1, (.4 + .2) / 2},
    };
    struct sheet s;
    float out[3];

    make_sheet(&s);
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        const struct statistic *t = statistic_find(want[i].name);

        ck_assert_ptr_nonnull(t);
        ck_assert_ok(statistic_run(out, t, &s, NULL, &err), &err);
        ck_assert_double_le(fabs((double)out[0] - want[i].first), 1e-6 * (1 + fabs(want[i].first)));
        ck_assert_double_le(fabs((double)out[2] - want[i].third), 1e-6 * (1 + fabs(want[i].third)));
        ck_assert(isinf(out[1]) && out[1] < 0);
        ck_assert_ok(statistic_run(out, t, &s, &s, &err), &err);
        ck_assert(out[0] == 0 && out[2] == 0 && isinf(out[1]));
    }
    ck_assert_ptr_null(statistic_find("nosuch"));
    ck_assert_ptr_null(statistic_find(""));
    sheet_clear(&s);
}
END_TEST

START_TEST(heads_are_standardised_weighted_and_summed_up)
{
    const float scores[3 * 4] = {1, 3, -INFINITY, 5, 7, 7, -INFINITY, 7, 100, 50, -INFINITY, -150};
    const double weights[3] = {1, 5, -2};
    float out[4];

    heads_combine(out, scores, NULL, 3, 4);
    ck_assert_double_le(fabs((double)(out[0] + out[1] + out[3])), 1e-5);
    heads_combine(out, scores, weights, 3, 4);
    ck_assert_double_le(fabs((double)out[0] - (-1.224744871 - 2 * 0.9258201)), 1e-5);
    ck_assert_double_le(fabs((double)out[1] - (0 - 2 * 0.46291005)), 1e-5);
    ck_assert(isinf(out[2]) && out[2] < 0);
    ck_assert_double_le(fabs((double)out[3] - (1.224744871 + 2 * 1.38873015)), 1e-5);
    heads_combine(out, scores, weights, 1, 1);
    ck_assert(out[0] == 0);
}
END_TEST

START_TEST(the_published_score_leaves_low_tokens_out)
{
    const double zero[8] = {0}, one[1] = {-.5}, same[4] = {.25, .25, .25, .25};
    double asked[8] = {.1, .2, .1, .2, .1, .2, .15, -9}, free[8], want = 0;

    ck_assert_double_eq(published_score(one, zero, 1), -.5); /* alone: kept */
    ck_assert_double_eq(published_score(same, zero, 4), 0);  /* alike: none is */
    ck_assert_double_eq(published_score(same, same, 4), 0);
    for (int i = 0; i < 8; i++) {
        free[i] = asked[i] * .5 + i;
        asked[i] += i;
        want += i < 7 ? asked[i] - free[i] : 0;
    }
    ck_assert_double_le(fabs(published_score(asked, free, 8) - want), 1e-12);
}
END_TEST

/* ---- windows ---- */

/* Candidates with what they are worth; counts what is asked. */
struct guessing {
    const size_t *lengths;
    const float *worth;
    size_t room, most, n, calls;
    int seen[64];
};

static int guess(float *read, const size_t *some, size_t n, void *self, struct err *e)
{
    struct guessing *g = self;
    size_t tokens = 0;

    (void)e;
    ck_assert_uint_ge(n, 1);
    ck_assert(!g->most || n <= g->most);
    ck_assert_uint_le(++g->calls, g->n);
    for (size_t i = 0; i < n; i++) {
        ck_assert_uint_lt(some[i], g->n);
        tokens += g->lengths[some[i]];
        g->seen[some[i]]++;
        read[some[i]] = g->worth[some[i]];
    }
    ck_assert_uint_le(tokens, g->room);
    return 0;
}

static void check_windows(struct guessing *g, float *read, int *are_places)
{
    const struct windows w = {g->lengths, g->room, g->most, guess, g};
    struct buf note = {0};
    int places[64] = {0};

    g->calls = 0;
    memset(g->seen, 0, sizeof g->seen);
    ck_assert_ok(windows_run(read, g->n, &w, &note, &err), &err);
    *are_places = g->calls > 1;
    ck_assert_int_eq(note.len > 0, g->calls > 1);
    for (size_t i = 0; i < g->n; i++) {
        ck_assert_int_ge(g->seen[i], 1);
        if (isinf(g->worth[i]))
            ck_assert(isinf(read[i]) && read[i] < 0);
        else if (g->calls == 1)
            ck_assert(read[i] == g->worth[i]);
        else
            ck_assert(read[i] >= 1 && read[i] <= (float)g->n && places[(int)read[i] - 1]++ == 0);
    }
    buf_clear(&note);
}

START_TEST(windows_cover_all_candidates_and_end)
{
    unsigned seed = 5;
    int windows = 0;

    for (int trial = 0; trial < 3000; trial++) {
        struct guessing g = {.room = 1 + (size_t)rand_r(&seed) % 50,
                             .most = (size_t)rand_r(&seed) % 6,
                             .n = 1 + (size_t)rand_r(&seed) % 60};
        const int fill = rand_r(&seed) % 3;
        size_t lengths[64];
        float worth[64], read[64];
        int are_places;

        for (size_t i = 0; i < g.n; i++) {
            const int kind = rand_r(&seed) % 8;

            lengths[i] = fill == 1                ? g.room
                         : fill == 2 && kind == 0 ? g.room
                                                  : (size_t)rand_r(&seed) % (g.room + 1);
            worth[i] = kind == 7 ? -INFINITY : (float)(rand_r(&seed) % 100);
        }
        g.lengths = lengths;
        g.worth = worth;
        check_windows(&g, read, &are_places);
        windows += are_places;
    }
    ck_assert_int_gt(windows, 1000);
}
END_TEST

START_TEST(the_best_of_all_candidates_is_carried_to_the_top)
{
    size_t lengths[40];
    float worth[40], read[40];
    struct guessing g = {.room = 40, .n = 40, .lengths = lengths, .worth = worth};

    for (size_t best = 0; best < 40; best++) {
        int are_places;

        for (size_t i = 0; i < 40; i++) {
            lengths[i] = 4;
            worth[i] = i == best ? 2 : 1;
        }
        check_windows(&g, read, &are_places);
        ck_assert(are_places && read[best] == 40);
        for (size_t i = 1; i < 40; i++) /* the others stay in order */
            if (i != best && i - 1 != best)
                ck_assert(read[i] < read[i - 1]);
    }
}
END_TEST

static int no_reading(float *read, const size_t *some, size_t n, void *self, struct err *e)
{
    (void)read, (void)some, (void)n, (void)self;
    return err_set(e, E_IO, "no reading");
}

START_TEST(an_error_in_a_window_ends_them)
{
    const size_t lengths[3] = {1, 1, 1};
    const struct windows w = {lengths, 1, 0, no_reading, NULL};
    struct buf note = {0};
    float read[3];

    ck_assert_err(windows_run(read, 3, &w, &note, &err), E_IO, "no reading", &err);
    ck_assert_uint_eq(note.len, 0);
}
END_TEST

TCase *sheet_tests(void)
{
    TCase *tc = tcase_create("sheets");

    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, attention_of_a_row_sums_to_1);
    tcase_add_test(tc, statistics_are_what_they_are_called);
    tcase_add_test(tc, heads_are_standardised_weighted_and_summed_up);
    tcase_add_test(tc, the_published_score_leaves_low_tokens_out);
    tcase_add_test(tc, windows_cover_all_candidates_and_end);
    tcase_add_test(tc, the_best_of_all_candidates_is_carried_to_the_top);
    tcase_add_test(tc, an_error_in_a_window_ends_them);
    return tc;
}
