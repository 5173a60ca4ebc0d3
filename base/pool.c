/* pool.c -- worker threads around one counter; see pool.h. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "base/pool.h"

#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>

#include "base/mem.h"

enum {
    POOL_MAX = 64,
    SPINS = 2000, /* some 50 us */
};

struct worker {
    struct pool *pool;
    pthread_t thread;
    int number; /* 1.. ; the caller is 0 */
};

struct pool {
    int n_threads; /* the caller included */
    struct worker workers[POOL_MAX];
    pthread_mutex_t lock;
    pthread_cond_t start, finish;
    unsigned long round; /* raised to start a run */
    int running;         /* workers still in this round */
    int quit;

    pool_fn *fn;
    void *payload;
    int n_tasks;
    int is_together; /* one task a thread instead */
    atomic_int next; /* the next task to hand out */
    atomic_int here; /* threads that wait in this meeting */
    atomic_uint meeting;
    int failed_task; /* the lowest task that failed; guarded by lock */
    int result;      /* its result */
};

static void run_task(struct pool *p, int task, int worker)
{
    int rc = p->fn(task, worker, p->payload);

    if (!rc)
        return;
    pthread_mutex_lock(&p->lock);
    if (task < p->failed_task) {
        p->failed_task = task;
        p->result = rc;
    }
    pthread_mutex_unlock(&p->lock);
    atomic_store(&p->next, p->n_tasks); /* hand out no more */
}

static void work(struct pool *p, int worker)
{
    int task = worker;

    if (p->is_together)
        run_task(p, task, worker);
    else
        while ((task = atomic_fetch_add(&p->next, 1)) < p->n_tasks)
            run_task(p, task, worker);
}

static void *worker_main(void *arg)
{
    struct worker *w = arg;
    struct pool *p = w->pool;
    unsigned long seen = 0;

    pthread_mutex_lock(&p->lock);
    for (;;) {
        while (p->round == seen && !p->quit)
            pthread_cond_wait(&p->start, &p->lock);
        if (p->quit)
            break;
        seen = p->round;
        pthread_mutex_unlock(&p->lock);
        work(p, w->number);
        pthread_mutex_lock(&p->lock);
        if (--p->running == 0)
            pthread_cond_signal(&p->finish);
    }
    pthread_mutex_unlock(&p->lock);
    return NULL;
}

static int default_threads(void)
{
    cpu_set_t set;
    int n = sched_getaffinity(0, sizeof set, &set) ? 1 : CPU_COUNT(&set);

    return n < 1 ? 1 : n > POOL_MAX ? POOL_MAX : n;
}

int pool_new(struct pool **out, int n_threads, struct err *err)
{
    struct pool *p;

    if (n_threads < 0 || n_threads > POOL_MAX)
        return err_set(err, E_INVALID, "threads: %d is not in 0..%d", n_threads, POOL_MAX);
    p = mem_zalloc(1, sizeof *p);
    if (!p)
        return err_nomem(err);
    if (!n_threads)
        n_threads = default_threads();
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->start, NULL);
    pthread_cond_init(&p->finish, NULL);
    p->n_threads = 1;
    for (int i = 1; i < n_threads; i++) {
        struct worker *w = &p->workers[i];
        int rc;

        w->pool = p;
        w->number = i;
        rc = pthread_create(&w->thread, NULL, worker_main, w);
        if (rc) {
            pool_free(p);
            return err_set(err, E_IO, "cannot start thread %d of %d: %s", i + 1, n_threads,
                           strerror(rc));
        }
        p->n_threads++;
    }
    *out = p;
    return 0;
}

int pool_size(const struct pool *p) { return p ? p->n_threads : 1; }

static int run_alone(int n, pool_fn *fn, void *payload)
{
    for (int i = 0; i < n; i++) {
        int rc = fn(i, 0, payload);

        if (rc)
            return rc;
    }
    return 0;
}

/* Starts the workers, works too, and waits for them. */
static int run(struct pool *p, int n, int is_together, pool_fn *fn, void *payload)
{
    int result;

    pthread_mutex_lock(&p->lock);
    p->fn = fn;
    p->payload = payload;
    p->n_tasks = n;
    p->is_together = is_together;
    p->failed_task = INT_MAX;
    p->result = 0;
    atomic_store(&p->next, 0);
    p->running = p->n_threads - 1;
    p->round++;
    pthread_cond_broadcast(&p->start);
    pthread_mutex_unlock(&p->lock);

    work(p, 0);

    pthread_mutex_lock(&p->lock);
    while (p->running)
        pthread_cond_wait(&p->finish, &p->lock);
    result = p->result;
    pthread_mutex_unlock(&p->lock);
    return result;
}

int pool_run(struct pool *p, int n, pool_fn *fn, void *payload)
{
    if (!p || p->n_threads == 1 || n <= 1)
        return run_alone(n, fn, payload);
    return run(p, n, 0, fn, payload);
}

int pool_together(struct pool *p, pool_fn *fn, void *payload)
{
    if (!p || p->n_threads == 1)
        return run_alone(1, fn, payload);
    return run(p, p->n_threads, 1, fn, payload);
}

/* Where processors are fewer than threads, the one that is waited for may need this one. */
static void wait_a_moment(int *spins)
{
    if (++*spins > SPINS)
        sched_yield();
#if defined __x86_64__
    else
        __builtin_ia32_pause();
#endif
}

void pool_meet(struct pool *p)
{
    unsigned meeting;
    int spins = 0;

    if (!p || p->n_threads == 1)
        return;
    meeting = atomic_load(&p->meeting);
    if (atomic_fetch_add(&p->here, 1) + 1 == p->n_threads) {
        atomic_store(&p->here, 0);
        atomic_store(&p->next, 0);
        atomic_store(&p->meeting, meeting + 1);
        return;
    }
    while (atomic_load(&p->meeting) == meeting)
        wait_a_moment(&spins);
}

int pool_take(struct pool *p, int last)
{
    return p && p->n_threads > 1 ? atomic_fetch_add(&p->next, 1) : last + 1;
}

void pool_free(struct pool *p)
{
    if (!p)
        return;
    pthread_mutex_lock(&p->lock);
    p->quit = 1;
    pthread_cond_broadcast(&p->start);
    pthread_mutex_unlock(&p->lock);
    for (int i = 1; i < p->n_threads; i++)
        pthread_join(p->workers[i].thread, NULL);
    pthread_cond_destroy(&p->start);
    pthread_cond_destroy(&p->finish);
    pthread_mutex_destroy(&p->lock);
    mem_free(p);
}
