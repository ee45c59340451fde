/* SPDX-License-Identifier: MIT */
/*
 * What a hundred million results would cost: MILLIONS (20) of them rolled up, a tick of 750 more, a look at
 * the test. Prints "name value" lines for bars.py. Needs PGHOST and the like, an empty database.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/error.h"
#include "registry/abtest_judge.h"
#include "registry/migrate.h"
#include "registry/registry.h"
#include "registry/rollup.h"

enum { TICKS = 60, LOOKS = 40 };

static struct pare_error err;
static struct pg *pg;
static struct registry registry;

static void must(bool ok)
{
    if (ok)
        return;
    fprintf(stderr, "%s\n", err.text);
    exit(1);
}

/* Results of two tests, which came between two times, as shares of the last 40 hours. */
static void add(long count, double from, double to)
{
    char sql[700];
    snprintf(
        sql, sizeof(sql),
        "INSERT INTO model_test_results (test_id, model_id, latency_ms, response, query, "
        "user_feedback, created_at) SELECT 1 + i %% 2, 1 + (i / 2) %% 2, (20 + 30 * -ln(1 - "
        "random()))::int, 'answer', 'a question of some length', CASE WHEN i %% 20 = 0 THEN 1 + i "
        "%% 5 END, now() - (1 - %f - i * %f) * interval '40 hours' FROM generate_series(1, %ld) i",
        from, (to - from) / (double)count, count);
    must(pg_write(pg, sql, PG_NO_ARGS, NULL, &err));
}

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static int by_time(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

static void show(const char *name, int64_t *ns, size_t count)
{
    qsort(ns, count, sizeof(*ns), by_time);
    printf("%s_p50_ms %.3f\n%s_p95_ms %.3f\n", name, (double)ns[count / 2] / 1e6, name,
           (double)ns[count * 95 / 100] / 1e6);
}

static void ticks(struct rollup *rollup)
{
    int64_t ns[TICKS];
    for (int i = 0; i < TICKS; i++) {
        enum rollup_next next;
        add(750, 1, 1);
        int64_t start = now_ns();
        must(rollup_tick(&registry, rollup, &next, &err));
        ns[i] = now_ns() - start;
    }
    show("tick", ns, TICKS);
}

static void looks(void)
{
    int64_t read_ns[LOOKS], judge_ns[LOOKS];
    for (int i = 0; i < LOOKS; i++) {
        struct arena arena = { 0 };
        struct abtest test;
        struct abtest_data data;
        struct abtest_report report;
        must(abtest_find(&registry, "1", &arena, &test, &err));
        int64_t start = now_ns();
        must(abtest_read(&registry, &test, &arena, &data, &err));
        read_ns[i] = now_ns() - start;
        start = now_ns();
        abtest_judge(&test, &data, &report);
        judge_ns[i] = now_ns() - start;
        arena_done(&arena);
    }
    show("read", read_ns, LOOKS);
    show("judge", judge_ns, LOOKS);
}

int main(void)
{
    const struct pg_options options = { .conninfo = "" };
    const char *given = getenv("MILLIONS");
    long millions = given ? atol(given) : 20;
    struct rollup rollup = { 0 };
    must(pg_open(&options, &pg, &err) && registry_init(&registry, pg, false, &err) &&
         migrate_run(&registry, &err));
    registry_done(&registry);
    must(registry_init(&registry, pg, false, &err));
    must(pg_write(pg, "INSERT INTO ml_models (name, version) VALUES ('m', 'a'), ('m', 'b')",
                  PG_NO_ARGS, NULL, &err) &&
         pg_write(
             pg,
             "INSERT INTO model_ab_tests (test_name, model_a_id, model_b_id) VALUES ('t', 1, 2), "
             "('u', 1, 2)",
             PG_NO_ARGS, NULL, &err) &&
         rollup_notice(&registry, &err));
    for (long i = 0; i < millions; i++)
        add(1000000, (double)i / (double)millions, (double)(i + 1) / (double)millions);
    int64_t start_ms = clock_now_ms();
    must(rollup_catch_up(&registry, &rollup, 3600 * 1000, &err));
    printf("catch_up_rows_per_second %.0f\n",
           (double)millions * 1e9 / (double)(clock_now_ms() - start_ms));
    ticks(&rollup);
    looks();
    rollup_done(&rollup);
    registry_done(&registry);
    pg_close(pg);
    return 0;
}
