/* SPDX-License-Identifier: MIT */
#include "base/pool.h"

#include <stdatomic.h>
#include <time.h>

#include "base/error.h"
#include "tap.h"

enum { PARTS = 10000 };

struct work {
    atomic_int done[PARTS];
    atomic_int running, most;
};

static void part(void *data, size_t index)
{
    struct work *work = data;
    int running = atomic_fetch_add(&work->running, 1) + 1, most = atomic_load(&work->most);
    while (running > most && !atomic_compare_exchange_weak(&work->most, &most, running))
        ;
    atomic_fetch_add(&work->done[index], 1);
    atomic_fetch_sub(&work->running, 1);
}

static void test_loops(int threads)
{
    static struct work work;
    struct pool *pool;
    struct pare_error err;
    size_t counts[] = { 0, 1, 2, 3, 17, PARTS };
    bool once = true;
    if (!pool_open(threads, &pool, &err)) {
        OK(false, err.text);
        return;
    }
    OK(pool_threads(pool) == MAX(threads, 1), "so many threads as were asked for");
    for (int turn = 0; turn < 200; turn++) {
        size_t count = counts[(size_t)turn % ARRAY_SIZE(counts)];
        for (size_t i = 0; i < PARTS; i++)
            atomic_store(&work.done[i], 0);
        pool_run(pool, part, &work, count);
        for (size_t i = 0; i < PARTS; i++)
            once &= atomic_load(&work.done[i]) == (i < count);
    }
    OK(once, "each part once, all before it returns");
    OK(atomic_load(&work.running) == 0 && atomic_load(&work.most) <= MAX(threads, 1),
       "never by more threads than there are");
    atomic_store(&work.most, 0);
    pool_close(pool);
}

/* Two that wait for each other: only when both run at a time do they end. */
struct pair {
    atomic_bool here, there;
    atomic_int met;
};

static bool wait_for(atomic_bool *flag)
{
    const struct timespec pause = { .tv_nsec = 1000000 };
    for (int i = 0; i < 20000 && !atomic_load(flag); i++)
        nanosleep(&pause, NULL);
    return atomic_load(flag);
}

static void answer(void *data)
{
    struct pair *pair = data;
    if (wait_for(&pair->here))
        atomic_store(&pair->there, true);
}

static void test_tasks(void)
{
    struct pair pair = { 0 };
    struct pool_task *task;
    struct pare_error err;
    OK(pool_start(answer, &pair, &task, &err), "a task");
    atomic_store(&pair.here, true);
    OK(wait_for(&pair.there), "runs beside the caller");
    pool_join(task);
    pool_join(NULL);
}

static void meet(void *data, size_t index)
{
    struct pair *pair = data;
    atomic_store(index ? &pair->there : &pair->here, true);
    atomic_fetch_add(&pair->met, wait_for(index ? &pair->here : &pair->there));
}

int main(void)
{
    struct pair pair = { 0 };
    struct pool *pool;
    struct pare_error err;
    OK(pool_processors() >= 1, "there is a processor");
    for (int threads = 0; threads <= 8; threads = threads ? 2 * threads : 1)
        test_loops(threads);
    OK(pool_open(2, &pool, &err), "a pool of two");
    pool_run(pool, meet, &pair, 2);
    OK(atomic_load(&pair.met) == 2, "its parts run at the same time");
    pool_close(pool);
    pool_close(NULL);
    test_tasks();
    return tap_done();
}
