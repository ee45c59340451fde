/* SPDX-License-Identifier: MIT */
/*
 * Threads, in the two ways that the engine needs them: a loop whose parts go to
 * all processors, and one piece of work beside what the caller does.
 *
 * What the parts compute must not depend on who computes them or when: then the
 * result is the same for any number of threads.
 */
#ifndef PARE_BASE_POOL_H
#define PARE_BASE_POOL_H

#include "base/base.h"

struct pare_error;
struct pool;
struct pool_task;

/* As include/pare/transform.h has it. */
enum { POOL_THREADS_MAX = 256 };

/* Processors that this process may use, at least 1. */
int pool_processors(void);

/* That many threads with the caller's own; 1 starts none. The caller closes it. */
MUST_CHECK bool pool_open(int threads, struct pool **ret_pool, struct pare_error *err);
void pool_close(struct pool *pool); /* NULL is fine */
int pool_threads(const struct pool *pool);

/*
 * work(data, 0), ... work(data, count - 1), each once, in any order; returns when all are done.
 * Part 0 is the calling thread's.
 */
void pool_run(struct pool *pool, void (*work)(void *data, size_t part), void *data, size_t count);

/* work(data) on a thread of its own. The caller joins it. */
MUST_CHECK bool pool_start(void (*work)(void *data), void *data, struct pool_task **ret_task,
                           struct pare_error *err);
void pool_join(struct pool_task *task); /* waits; frees it; NULL is fine */

#endif
