/* SPDX-License-Identifier: MIT */
#include "base/pool.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"

/* A loop at a time; `turn` tells the threads of a new one. */
struct pool {
    pthread_mutex_t lock;
    pthread_cond_t begun, ended;
    void (*work)(void *data, size_t part);
    void *data;
    size_t next, count; /* parts that nobody has taken yet: [next, count) */
    size_t busy;        /* parts under way */
    unsigned turn;
    bool closing;
    int thread_count; /* beside the caller */
    pthread_t threads[POOL_THREADS_MAX];
};

struct pool_task {
    pthread_t thread;
    void (*work)(void *data);
    void *data;
};

int pool_processors(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof(set), &set) == 0)
        return MAX(CPU_COUNT(&set), 1);
    return (int)MAX(sysconf(_SC_NPROCESSORS_ONLN), 1);
}

/* Signals are the main thread's: they must interrupt what it waits for. */
static bool start_thread(pthread_t *ret_thread, void *(*run)(void *data), void *data,
                         struct pare_error *err)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    int failed = pthread_create(ret_thread, NULL, run, data);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return !failed ||
           error_set(err, PARE_ERR_FAILED, "cannot start a thread: %s", strerror(failed));
}

/* ---- a loop ---- */

/* With the lock held: take parts until there are none. */
static void take_parts(struct pool *pool)
{
    while (pool->next < pool->count) {
        size_t part = pool->next++;
        pool->busy++;
        pthread_mutex_unlock(&pool->lock);
        pool->work(pool->data, part);
        pthread_mutex_lock(&pool->lock);
        if (--pool->busy == 0 && pool->next == pool->count)
            pthread_cond_signal(&pool->ended);
    }
}

static void *run_worker(void *data)
{
    struct pool *pool = data;
    unsigned seen = 0;
    pthread_mutex_lock(&pool->lock);
    while (!pool->closing) {
        if (pool->turn == seen) {
            pthread_cond_wait(&pool->begun, &pool->lock);
            continue;
        }
        seen = pool->turn;
        take_parts(pool);
    }
    pthread_mutex_unlock(&pool->lock);
    return NULL;
}

bool pool_open(int threads, struct pool **ret_pool, struct pare_error *err)
{
    struct pool *pool = calloc(1, sizeof(*pool));
    if (!pool)
        return error_no_memory(err, sizeof(*pool));
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->begun, NULL);
    pthread_cond_init(&pool->ended, NULL);
    while (pool->thread_count < MIN(threads, POOL_THREADS_MAX) - 1) {
        if (!start_thread(&pool->threads[pool->thread_count], run_worker, pool, err)) {
            pool_close(pool);
            return false;
        }
        pool->thread_count++;
    }
    *ret_pool = pool;
    return true;
}

void pool_close(struct pool *pool)
{
    if (!pool)
        return;
    pthread_mutex_lock(&pool->lock);
    pool->closing = true;
    pthread_cond_broadcast(&pool->begun);
    pthread_mutex_unlock(&pool->lock);
    for (int i = 0; i < pool->thread_count; i++)
        pthread_join(pool->threads[i], NULL);
    pthread_cond_destroy(&pool->begun);
    pthread_cond_destroy(&pool->ended);
    pthread_mutex_destroy(&pool->lock);
    free(pool);
}

int pool_threads(const struct pool *pool)
{
    return pool->thread_count + 1;
}

void pool_run(struct pool *pool, void (*work)(void *data, size_t part), void *data, size_t count)
{
    pthread_mutex_lock(&pool->lock);
    pool->work = work;
    pool->data = data;
    pool->next = 0;
    pool->count = count;
    pool->turn++;
    if (count > 1)
        pthread_cond_broadcast(&pool->begun);
    take_parts(pool); /* the lock has been held since part 0 was offered: it is ours */
    while (pool->busy > 0)
        pthread_cond_wait(&pool->ended, &pool->lock);
    pthread_mutex_unlock(&pool->lock);
}

/* ---- one piece of work ---- */

static void *run_task(void *data)
{
    struct pool_task *task = data;
    task->work(task->data);
    return NULL;
}

bool pool_start(void (*work)(void *data), void *data, struct pool_task **ret_task,
                struct pare_error *err)
{
    struct pool_task *task = calloc(1, sizeof(*task));
    if (!task)
        return error_no_memory(err, sizeof(*task));
    *task = (struct pool_task){ .work = work, .data = data };
    if (!start_thread(&task->thread, run_task, task, err)) {
        free(task);
        return false;
    }
    *ret_task = task;
    return true;
}

void pool_join(struct pool_task *task)
{
    if (!task)
        return;
    pthread_join(task->thread, NULL);
    free(task);
}
