/* check_reranker_heads.c -- choosing heads: on data made so that it is known which are good. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "base/pool.h"
#include "base/run.h"
#include "eval/eval.h"
#include "model/model.h"
#include "reranker/heads.h"
#include "reranker/statistics.h"
#include "tests/check_reranker_tiny.h"

static struct err err;

enum { LAYERS = 3, HEADS = 4, GROUP = 2, N_HEADS = LAYERS * HEADS, QUERIES = 16, DEPTH = 12 };

/* ---- data ---- */

/* Which head is perfect for query i; -1 = none. */
typedef int perfect_fn(size_t i);

static int five_is_perfect(size_t i)
{
    (void)i;
    return 5;
}
static int five_is_perfect_on_a_fold(size_t i) { return i % HEADS_FOLDS ? -1 : 5; }
static int none_is_perfect(size_t i)
{
    (void)i;
    return -1;
}

static float noise(unsigned *seed) { return (float)(rand_r(seed) % 1000) / 1000; }

/* Noise, and one relevant candidate or two of different grade; perfect heads say the grade, but for a little noise. */
static void make_data(struct heads_data *d, perfect_fn *perfect, int group)
{
    unsigned seed = 17;

    *d = (struct heads_data){.layers = LAYERS,
                             .heads_per_layer = HEADS,
                             .group = group,
                             .n_heads = N_HEADS,
                             .n_kinds = 2,
                             .n = QUERIES};
    d->queries = mem_zalloc(QUERIES, sizeof *d->queries);
    for (size_t i = 0; i < QUERIES; i++) {
        struct heads_scores *q = &d->queries[i];

        q->n = DEPTH;
        q->scores = mem_alloc(2 * N_HEADS * DEPTH, sizeof *q->scores);
        q->first = mem_alloc(DEPTH, sizeof *q->first);
        q->grades = mem_zalloc(DEPTH, sizeof *q->grades);
        q->grades[(i * 5 + 3) % DEPTH] = 2;
        q->grades[(i * 7) % DEPTH] += (int)(i % 2);
        q->ideal = 0;
        for (size_t k = 0; k < DEPTH; k++)
            q->first[k] = noise(&seed);
        for (size_t k = 0; k < 2 * N_HEADS * DEPTH; k++)
            q->scores[k] = noise(&seed);
        for (size_t k = 0; k < DEPTH && perfect(i) >= 0; k++)
            for (size_t kind = 0; kind < 2; kind++)
                q->scores[(kind * N_HEADS + (size_t)perfect(i)) * DEPTH + k] =
                    5 * (float)q->grades[k] + noise(&seed) / 10;
        for (int grade = 3, place = 0; grade > 0; grade--)
            for (size_t k = 0; k < DEPTH; k++)
                if (q->grades[k] == grade)
                    q->ideal += grade / log2(++place + 1);
    }
}

/* Each head's scores of a query's candidates become mean 0, deviation 1. */
static void standardise(struct heads_scores *q)
{
    for (float *row = q->scores; row < q->scores + 2 * N_HEADS * DEPTH; row += DEPTH) {
        double mean = 0, squares = 0;

        for (int k = 0; k < DEPTH; k++)
            mean += (double)row[k] / DEPTH;
        for (int k = 0; k < DEPTH; k++)
            squares += pow((double)row[k] - mean, 2) / DEPTH;
        for (int k = 0; k < DEPTH; k++)
            row[k] = (float)(((double)row[k] - mean) / sqrt(squares));
    }
}

/* ---- ways ---- */

static void way_finds_five(const struct heads_way *way, int n)
{
    struct heads_training t = {.n = QUERIES};
    size_t queries[QUERIES];
    float *scores[QUERIES];
    double weights[N_HEADS] = {0}, others = 0;
    struct heads_data d;
    int chosen = 0;

    make_data(&d, five_is_perfect, GROUP);
    for (size_t i = 0; i < QUERIES; i++) {
        queries[i] = i;
        standardise(&d.queries[i]);
        scores[i] = d.queries[i].scores;
    }
    t.data = &d;
    t.scores = scores;
    t.queries = queries;
    ck_assert_ok(way->choose(weights, &t, n, &err), &err);
    for (int h = 0; h < N_HEADS; h++) {
        chosen += weights[h] != 0;
        if (h != 5)
            others = fmax(others, fabs(weights[h]));
        if (!strcmp(way->name, "key-heads") && n == 1)
            ck_assert_int_eq(weights[h] != 0, h / GROUP == 5 / GROUP);
    }
    if (strcmp(way->name, "key-heads"))
        ck_assert_int_eq(chosen, n < N_HEADS ? n : N_HEADS);
    ck_assert_msg(weights[5] > 0 && weights[5] >= others, "%s: %g, others %g", way->name,
                  weights[5], others);
    heads_data_clear(&d);
}

START_TEST(every_way_finds_the_head_that_is_perfect)
{
    static const int sizes[] = {1, 2, 4, 8, 16};

    for (const struct heads_way *const *way = heads_ways; *way; way++)
        for (int i = 0; i < 5; i++)
            way_finds_five(*way, sizes[i]);
}
END_TEST

START_TEST(ndcg_is_that_of_eval)
{
    struct heads_data d;
    struct measure m;

    make_data(&d, none_is_perfect, GROUP);
    ck_assert_ok(measure_parse(&m, "nDCG@10", &err), &err);
    for (size_t i = 0; i < QUERIES; i++) {
        const struct heads_scores *q = &d.queries[i];
        struct eval_result res = {0};
        struct qrels qrels = {0};
        struct run run = {0};
        char dir[64], path[96], docno[8], judged[DEPTH * 16] = "", ranked[DEPTH * 40] = "";

        tmp_dir(dir);
        for (size_t k = 0; k < DEPTH; k++) {
            snprintf(docno, sizeof docno, "d%02zu", DEPTH - k);
            snprintf(judged + strlen(judged), sizeof judged - strlen(judged), "q 0 %s %d\n", docno,
                     q->grades[k]);
            snprintf(ranked + strlen(ranked), sizeof ranked - strlen(ranked), "q Q0 %s 0 %.9g t\n",
                     docno, (double)q->scores[k]);
        }
        snprintf(path, sizeof path, "%s/x", dir);
        tmp_write(path, judged, strlen(judged));
        ck_assert_ok(qrels_load(&qrels, path, &err), &err);
        tmp_write(path, ranked, strlen(ranked));
        ck_assert_ok(run_load(&run, path, &err), &err);
        ck_assert_ok(run_sort(&run, &err), &err);
        ck_assert_ok(eval_run(&res, &run, &qrels, &m, 1, 0, &err), &err);
        ck_assert_double_le(fabs(heads_ndcg(q, q->scores) - res.mean[0]), 1e-9);
        eval_result_clear(&res);
        run_clear(&run);
        qrels_clear(&qrels);
        tmp_remove(dir);
    }
    heads_data_clear(&d);
}
END_TEST

/* ---- trying ---- */

START_TEST(the_perfect_head_alone_is_the_best_choice)
{
    struct profile p = {0};
    const struct heads_result *best;
    struct heads_choice c;
    struct heads_data d;

    make_data(&d, five_is_perfect, GROUP);
    ck_assert_ok(heads_try(&c, &d, NULL, &err), &err);
    for (size_t i = 1; i < c.n; i++)
        ck_assert_double_ge(c.results[i - 1].fused, c.results[i].fused);
    best = heads_best(&c);
    ck_assert_double_eq(best->alone, 1);
    ck_assert_double_eq(best->fused, 1);
    ck_assert_double_lt(c.first, .9);
    ck_assert_int_eq(best->n_key_heads, 1);
    ck_assert_ok(heads_apply(&p, &d, best, &err), &err);
    ck_assert_int_eq(p.n_heads, best->n_heads);
    ck_assert_int_eq(p.heads[p.n_heads - 1].layer, 5 / HEADS);
    ck_assert_int_eq(p.heads[p.n_heads - 1].head, 5 % HEADS);
    ck_assert_str_eq(p.statistic, statistics[best->kind / 2]->name);
    mem_free(p.statistic);
    heads_choice_clear(&c);
    heads_data_clear(&d);
}
END_TEST

START_TEST(a_head_that_is_perfect_on_one_fold_only_is_not_taken_for_perfect)
{
    static perfect_fn *const kinds[] = {five_is_perfect_on_a_fold, none_is_perfect};

    for (int kind = 0; kind < 2; kind++) {
        struct heads_choice c;
        struct heads_data d;

        make_data(&d, kinds[kind], GROUP);
        ck_assert_ok(heads_try(&c, &d, NULL, &err), &err);
        for (size_t i = 0; i < c.n; i++) {
            ck_assert_double_lt(c.results[i].alone, .85);
            ck_assert_double_lt(c.results[i].fused, .85);
        }
        heads_choice_clear(&c);
        heads_data_clear(&d);
    }
}
END_TEST

START_TEST(threads_do_not_change_a_choice)
{
    struct heads_choice one, two;
    struct pool *pool = NULL;
    struct heads_data d;

    ck_assert_ok(pool_new(&pool, 3, &err), &err);
    make_data(&d, five_is_perfect_on_a_fold, GROUP);
    ck_assert_ok(heads_try(&one, &d, NULL, &err), &err);
    ck_assert_ok(heads_try(&two, &d, pool, &err), &err);
    ck_assert_uint_eq(one.n, two.n);
    for (size_t i = 0; i < one.n; i++) {
        ck_assert(one.results[i].way == two.results[i].way);
        ck_assert(one.results[i].fused == two.results[i].fused);
        ck_assert_int_eq(one.results[i].n_heads, two.results[i].n_heads);
    }
    heads_choice_clear(&one);
    heads_choice_clear(&two);
    heads_data_clear(&d);
    pool_free(pool);
}
END_TEST

START_TEST(too_few_queries_are_refused)
{
    struct heads_choice c;
    struct heads_data d;

    make_data(&d, none_is_perfect, GROUP);
    d.n = 2 * HEADS_FOLDS - 1;
    ck_assert_err(heads_try(&c, &d, NULL, &err), E_INVALID, "7 queries", &err);
    ck_assert_ptr_null(c.results);
    d.n = QUERIES;
    heads_data_clear(&d);
}
END_TEST

START_TEST(all_heads_alike_are_no_choice)
{
    const struct heads_way way = {"", "", NULL};
    struct heads_result r[3] = {{.fused = .9, .n_heads = 100, .n_key_heads = 50},
                                {.way = &way, .fused = .8, .n_heads = 3, .n_key_heads = 2},
                                {.way = &way, .fused = .797, .n_heads = 2, .n_key_heads = 1}};
    const struct heads_choice c = {.results = r, .n = 3};
    struct profile p = {0};
    struct heads_data d;

    ck_assert_ptr_eq(heads_best(&c), &r[2]);
    r[2].fused = .79;
    ck_assert_ptr_eq(heads_best(&c), &r[1]);
    r[1].n_heads = 0;
    ck_assert_ptr_eq(heads_best(&c), &r[2]);
    r[2].way = NULL;
    ck_assert_ptr_null(heads_best(&c));
    make_data(&d, none_is_perfect, GROUP);
    ck_assert_err(heads_apply(&p, &d, &r[0], &err), E_INVALID, "100 heads", &err);
    heads_data_clear(&d);
}
END_TEST

/* ---- collecting ---- */

static struct tiny tiny;

static void make_tiny(void) { tiny_make(&tiny, "qwen2", 2048); }
static void remove_tiny(void) { tiny_remove(&tiny); }

static struct heads_candidate of(const struct candidate *c)
{
    return (struct heads_candidate){c->docno, c->text, c->first, c->at == 2};
}

static void collect(struct heads_data *d, const struct heads_query *queries, size_t n,
                    struct pool *pool)
{
    const struct heads_options opt = {.pool = pool};
    struct reader *r = tiny_reader(&tiny);

    ck_assert_ok(heads_collect(d, r, queries, n, &opt, &err), &err);
    reader_close(r);
}

static const float *row_of(const struct heads_data *d, size_t query, int kind, int head)
{
    const struct heads_scores *q = &d->queries[query];

    return q->scores + ((size_t)kind * (size_t)d->n_heads + (size_t)head) * q->n;
}

START_TEST(what_is_collected_is_what_stored_re_ranking_says)
{
    struct candidate c[TINY_TEXTS];
    struct heads_candidate h[TINY_TEXTS];
    const struct heads_query q = {"what does the eye see?", h, TINY_TEXTS, 1};
    struct heads_data d;
    double far = 0;

    tiny_candidates(c);
    for (size_t i = 0; i < TINY_TEXTS; i++)
        h[i] = of(&c[i]);
    collect(&d, &q, 1, NULL);
    ck_assert_int_eq(d.n_heads, 8);
    tiny.profile.n_heads = 1;
    for (int kind = 0; kind < d.n_kinds; kind++)
        for (int head = 0; head < d.n_heads; head++) {
            struct reranker *r;
            float want[TINY_TEXTS];

            tiny.profile.heads[0] = (struct profile_head){head / 4, head % 4, 1};
            tiny.profile.statistic = (char *)statistics[kind / 2]->name;
            tiny.profile.is_calibrated = kind % 2;
            heads_combine(want, row_of(&d, 0, kind, head), NULL, 1, TINY_TEXTS);
            r = tiny_open(&tiny, "stored", 0, NULL);
            tiny_candidates(c);
            ck_assert_ok(reranker_run(r, c, TINY_TEXTS, q.text, &err), &err);
            for (size_t i = 0; i < TINY_TEXTS; i++) {
                const float x = want[c[i].at];

                ck_assert_int_eq(isinf(c[i].read) != 0, isinf(x) != 0);
                if (isfinite(x))
                    far = fmax(far, fabs((double)(c[i].read - x)));
            }
            reranker_close(r);
        }
    ck_assert_double_le(far, .1); /* of deviations; keys have 8 bits */
    heads_data_clear(&d);
}
END_TEST

START_TEST(documents_of_one_name_and_other_text_are_told_apart)
{
    const struct prompt_passage one = {"", 0, "the eye and the word", 20},
                                two = {"Title", 5, "another question", 16};
    const struct heads_candidate a[2] = {{"x", one, 2, 1}, {"y", two, 1, 0}};
    const struct heads_candidate b[2] = {{"x", two, 2, 1}, {"y", one, 1, 0}};
    const struct heads_query both[2] = {{"the eye", a, 2, 1}, {"the eye", b, 2, 1}};
    struct heads_data d;

    collect(&d, both, 2, NULL);
    for (int kind = 0; kind < d.n_kinds; kind++)
        for (int head = 0; head < d.n_heads; head++) {
            const float *x = row_of(&d, 0, kind, head), *y = row_of(&d, 1, kind, head);

            ck_assert(x[0] != x[1] || kind % 2);
            ck_assert_float_eq_tol(x[0], y[1], 1e-5f * (1 + fabsf(x[0])));
            ck_assert_float_eq_tol(x[1], y[0], 1e-5f * (1 + fabsf(x[1])));
        }
    heads_data_clear(&d);
}
END_TEST

static int stop(size_t done, size_t total, void *payload)
{
    *(size_t *)payload = total;
    return done >= 2;
}

START_TEST(collecting_can_be_stopped_and_does_not_depend_on_threads)
{
    struct candidate c[TINY_TEXTS];
    struct heads_candidate h[TINY_TEXTS];
    const struct heads_query q[2] = {{"the eye", h, TINY_TEXTS, 1}, {"words", h + 1, 3, 1}};
    size_t total = 0;
    struct heads_options opt = {.progress = stop, .payload = &total};
    struct reader *r = tiny_reader(&tiny);
    struct pool *pool = NULL;
    struct heads_data d, e;

    tiny_candidates(c);
    for (size_t i = 0; i < TINY_TEXTS; i++)
        h[i] = of(&c[i]);
    ck_assert_err(heads_collect(&d, r, q, 2, &opt, &err), E_STOP, "stopped", &err);
    ck_assert_uint_eq(total, TINY_TEXTS + 3);
    ck_assert_ok(pool_new(&pool, 2, &err), &err);
    collect(&d, q, 2, NULL);
    collect(&e, q, 2, pool);
    for (size_t i = 0; i < 2; i++)
        ck_assert_mem_eq(d.queries[i].scores, e.queries[i].scores,
                         (size_t)(d.n_kinds * d.n_heads) * q[i].n * sizeof(float));
    heads_data_clear(&d);
    heads_data_clear(&e);
    pool_free(pool);
    reader_close(r);
}
END_TEST

TCase *heads_tests(void)
{
    TCase *tc = tcase_create("heads");

    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, make_tiny, remove_tiny);
    tcase_add_test(tc, every_way_finds_the_head_that_is_perfect);
    tcase_add_test(tc, ndcg_is_that_of_eval);
    tcase_add_test(tc, the_perfect_head_alone_is_the_best_choice);
    tcase_add_test(tc, a_head_that_is_perfect_on_one_fold_only_is_not_taken_for_perfect);
    tcase_add_test(tc, threads_do_not_change_a_choice);
    tcase_add_test(tc, too_few_queries_are_refused);
    tcase_add_test(tc, all_heads_alike_are_no_choice);
    tcase_add_test(tc, what_is_collected_is_what_stored_re_ranking_says);
    tcase_add_test(tc, documents_of_one_name_and_other_text_are_told_apart);
    tcase_add_test(tc, collecting_can_be_stopped_and_does_not_depend_on_threads);
    return tc;
}
