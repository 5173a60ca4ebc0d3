/* check_base_pool.c -- base/pool.c: tasks are run once, threads that meet agree. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/testing.h"

#include "base/pool.h"

TCase *tcase_pool(void);

/* Threads in lock step: each adds up what all have written in the step before. */
struct lockstep {
    struct pool *pool;
    int n, steps, failing;
    long cells[2][8]; /* of the step before and of this one */
};

static int in_lockstep(int rank, int worker, void *payload)
{
    struct lockstep *l = payload;

    ck_assert_int_eq(rank, worker);
    for (int step = 0; step < l->steps; step++) {
        long sum = 0;

        for (int i = 0; i < l->n; i++)
            sum += l->cells[step % 2][i];
        l->cells[(step + 1) % 2][rank] = sum % 1000003 + rank;
        pool_meet(l->pool);
    }
    return rank >= l->failing ? E_STOP - rank : 0;
}

START_TEST(threads_that_meet_see_what_the_others_wrote)
{
    struct err err = {0};

    for (int threads = 1; threads <= 3; threads++) {
        struct pool *p = NULL;
        long want[8] = {1, 2, 3};

        for (int i = threads; i < 3; i++)
            want[i] = 0;
        for (int step = 0; step < 100; step++) {
            long sum = 0;

            for (int i = 0; i < threads; i++)
                sum += want[i];
            for (int i = 0; i < threads; i++)
                want[i] = sum % 1000003 + i;
        }
        ck_assert_ok(pool_new(&p, threads, &err), &err);
        for (int round = 0; round < 3; round++) {
            struct lockstep l = {p, threads, 100, 100, {{1, 2, 3}}};

            ck_assert_int_eq(pool_together(p, in_lockstep, &l), 0);
            for (int i = 0; i < threads; i++)
                ck_assert_int_eq(l.cells[0][i], want[i]);
            l.failing = threads / 2;
            ck_assert_int_eq(pool_together(p, in_lockstep, &l), E_STOP - threads / 2);
        }
        pool_free(p);
    }
    pool_meet(NULL);
    ck_assert_int_eq(pool_together(NULL, in_lockstep, &(struct lockstep){NULL, 1, 2, 0, {{1}}}),
                     E_STOP);
}
END_TEST

/* Tasks that threads take between two meetings. */
struct taken {
    struct pool *pool;
    int by[20][100]; /* [meeting, task]: how often it was taken */
};

static int take_all(int rank, int worker, void *payload)
{
    struct taken *t = payload;

    (void)rank;
    (void)worker;
    for (int meeting = 0; meeting < 20; meeting++) {
        const int n = 5 * meeting; /* none at first */

        for (int i = pool_take(t->pool, -1); i < n; i = pool_take(t->pool, i))
            __atomic_fetch_add(&t->by[meeting][i], 1, __ATOMIC_SEQ_CST);
        pool_meet(t->pool);
    }
    return 0;
}

START_TEST(what_threads_take_between_meetings_is_each_task_once)
{
    struct err err = {0};

    for (int threads = 0; threads <= 4; threads++) {
        struct taken t = {0};

        if (threads)
            ck_assert_ok(pool_new(&t.pool, threads, &err), &err);
        ck_assert_int_eq(pool_together(t.pool, take_all, &t), 0);
        ck_assert_int_eq(pool_together(t.pool, take_all, &t), 0);
        for (int meeting = 0; meeting < 20; meeting++)
            for (int i = 0; i < 100; i++)
                ck_assert_int_eq(t.by[meeting][i], i < 5 * meeting ? 2 : 0);
        pool_free(t.pool);
    }
}
END_TEST

struct squares {
    long out[1000];
    int fail_at;
};

static int square(int task, int worker, void *payload)
{
    struct squares *s = payload;

    ck_assert_int_ge(worker, 0);
    s->out[task] = (long)task * task;
    return task == s->fail_at ? E_STOP : 0;
}

START_TEST(a_pool_runs_every_task_once_with_any_number_of_threads)
{
    struct err err = {0};

    for (int threads = 1; threads <= 4; threads++) {
        struct pool *p = NULL;

        ck_assert_ok(pool_new(&p, threads, &err), &err);
        ck_assert_int_eq(pool_size(p), threads);
        for (int round = 0; round < 50; round++) {
            struct squares s = {.fail_at = -1};

            ck_assert_int_eq(pool_run(p, 1000, square, &s), 0);
            for (int i = 0; i < 1000; i++)
                ck_assert_int_eq(s.out[i], (long)i * i);
            s.fail_at = 500;
            ck_assert_int_eq(pool_run(p, 1000, square, &s), E_STOP);
        }
        pool_free(p);
    }
    ck_assert_err(pool_new(&(struct pool *){NULL}, 100000, &err), E_INVALID, "threads", &err);
}
END_TEST

TCase *tcase_pool(void)
{
    TCase *tc = tcase_create("pool");

    tcase_add_test(tc, a_pool_runs_every_task_once_with_any_number_of_threads);
    tcase_add_test(tc, threads_that_meet_see_what_the_others_wrote);
    tcase_add_test(tc, what_threads_take_between_meetings_is_each_task_once);
    return tc;
}
