/* SPDX-License-Identifier: MIT */
/* Results rolled up, each exactly once, whatever writers do; against a real server. SECONDS: how long (4). */
#include "registry/rollup.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/error.h"
#include "registry/migrate.h"
#include "registry/registry.h"
#include "tap.h"

enum { WRITERS = 8 };

static struct pare_error err;
static struct pg *pg;
static struct registry registry;

static struct pg *open_one(void)
{
    const struct pg_options options = { .conninfo = "" };
    struct pg *one;
    if (pg_open(&options, &one, &err))
        return one;
    printf("Bail out! %s\n", err.text);
    exit(1);
}

static void run(const char *sql)
{
    if (pg_write(pg, sql, PG_NO_ARGS, NULL, &err))
        return;
    printf("Bail out! %s: %s\n", sql, err.text);
    exit(1);
}

static const char *value(const char *sql)
{
    static char text[2000];
    CLEANUP(pg_rows_cleanup) struct pg_rows *rows = NULL;
    if (!pg_read(pg, sql, PG_NO_ARGS, &rows, &err))
        return err.text;
    snprintf(text, sizeof(text), "%s",
             pg_row_count(rows) == 0 || pg_null(rows, 0, 0) ? "NULL" : pg_text(rows, 0, 0));
    return text;
}

/* ---- one who writes results: late commits, rollbacks, now and then killed in the middle ---- */

static uint32_t chance(uint32_t *seed, uint32_t below)
{
    *seed = *seed * 1664525u + 1013904223u; /* Numerical Recipes */
    return (*seed >> 8) % below;
}

static void write_some(struct pg *one, uint32_t *seed)
{
    char sql[400];
    snprintf(
        sql, sizeof(sql),
        "INSERT INTO model_test_results (test_id, model_id, latency_ms, response, user_feedback) "
        "SELECT 1 + %u, CASE WHEN i %% 7 = 0 THEN NULL ELSE 1 + i %% 3 END, CASE i %% 11 WHEN 0 "
        "THEN "
        "NULL WHEN 1 THEN -5 WHEN 2 THEN 0 ELSE %u * i END, CASE WHEN i %% 5 > 0 THEN 'r' END, "
        "CASE "
        "WHEN i %% 4 = 0 THEN i %% 8 END FROM generate_series(1, 1 + %u) i",
        chance(seed, 2), chance(seed, 900), chance(seed, 30));
    if (!pg_query(one, sql, PG_NO_ARGS, NULL, &err))
        _exit(1);
}

static void writer(uint32_t seed)
{
    struct pg *one = open_one();
    for (;;) {
        if (!pg_begin(one, true, &err))
            _exit(1);
        write_some(one, &seed);
        usleep(chance(&seed, 100) * 1000);
        if (chance(&seed, 20) == 0)
            pg_rollback(one);
        else if (!pg_commit(one, &err))
            _exit(1);
    }
}

static pid_t start(uint32_t seed)
{
    pid_t child = fork();
    if (child == 0)
        writer(seed);
    return child;
}

static void stop(pid_t child)
{
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
}

/* ---- what must be equal ---- */

static const char counted[] = "SELECT string_agg(c::text, ';' ORDER BY c::text) FROM (SELECT "
                              "test_id, model_id, sum(n) AS n, sum(failed) "
                              "AS failed, sum(untimed) AS untimed, sum(negative) AS negative, "
                              "sum(sum) AS sum, sum(squares) AS squares "
                              "FROM pare.ab_count WHERE level = 'l' GROUP BY 1, 2) c";
static const char there[] = "SELECT string_agg(c::text, ';' ORDER BY c::text) FROM (SELECT "
                            "test_id, coalesce(model_id, 0), count(*), "
                            "count(*) FILTER (WHERE response IS NULL), count(*) FILTER (WHERE "
                            "latency_ms IS NULL), count(*) FILTER "
                            "(WHERE latency_ms < 0), coalesce(sum(latency_ms) FILTER (WHERE "
                            "latency_ms >= 0), 0), coalesce(sum("
                            "latency_ms::numeric * latency_ms) FILTER (WHERE latency_ms >= 0), 0) "
                            "FROM model_test_results GROUP BY 1, 2) c";

static void equal(const char *sql, const char *other, const char *what)
{
    char first[2000];
    snprintf(first, sizeof(first), "%s", value(sql));
    IS(value(other), first, what);
}

static void all_equal(const char *when)
{
    char what[200];
    snprintf(what, sizeof(what), "%s: counts and sums are those of the rows", when);
    equal(there, counted, what);
    snprintf(what, sizeof(what), "%s: minutes add up to the whole", when);
    equal("SELECT sum(n) || ' ' || sum(sum) FROM pare.ab_count WHERE level = 'm'",
          "SELECT sum(n) || ' ' || sum(sum) FROM pare.ab_count WHERE level = 'l'", what);
    snprintf(what, sizeof(what), "%s: each latency, and its bucket", when);
    equal("SELECT md5(string_agg(x::text, ';' ORDER BY x::text)) FROM (SELECT test_id, "
          "coalesce(model_id, 0), "
          "latency_ms, count(*) FROM model_test_results WHERE latency_ms >= 0 GROUP BY 1, 2, 3) x",
          "SELECT md5(string_agg(x::text, ';' ORDER BY x::text)) FROM (SELECT test_id, model_id, "
          "latency_ms, n FROM "
          "pare.ab_exact) x",
          what);
    equal("SELECT md5(string_agg(x::text, ';' ORDER BY x::text)) FROM (SELECT test_id, "
          "coalesce(model_id, 0), "
          "CASE WHEN latency_ms < 2 THEN 0 ELSE ceil(ln(latency_ms::float8) * 49.99833328888678) "
          "END, count(*) "
          "FROM model_test_results WHERE latency_ms >= 0 GROUP BY 1, 2, 3) x",
          "SELECT md5(string_agg(x::text, ';' ORDER BY x::text)) FROM (SELECT test_id, model_id, "
          "bucket::float8, sum(n) FROM "
          "pare.ab_bucket WHERE level = 'm' GROUP BY 1, 2, 3) x",
          what);
    snprintf(what, sizeof(what), "%s: ratings", when);
    equal("SELECT string_agg(x::text, ';' ORDER BY x::text) FROM (SELECT test_id, count(*) FILTER "
          "(WHERE "
          "user_feedback = 1), count(*) FILTER (WHERE user_feedback = 4), count(*) FILTER (WHERE "
          "user_feedback "
          "NOT BETWEEN 1 AND 5) FROM model_test_results GROUP BY 1) x",
          "SELECT string_agg(x::text, ';' ORDER BY x::text) FROM (SELECT test_id, sum(r1), "
          "sum(r4), sum(odd) FROM "
          "pare.ab_block GROUP BY 1) x",
          what);
}

static void catch_up(struct rollup *rollup)
{
    if (!rollup_catch_up(&registry, rollup, 20000, &err))
        printf("# %s\n", err.text);
}

static void racing_writers(struct rollup *rollup)
{
    const char *given = getenv("SECONDS");
    int64_t end_ms = clock_now_ms() + 1000 * (given ? atoi(given) : 4);
    pid_t children[WRITERS];
    enum rollup_next next;
    uint32_t seed = 3;
    int steps = 0, waits = 0, kills = 0;
    bool good = true;
    for (uint32_t i = 0; i < WRITERS; i++)
        children[i] = start(i + 1);
    while (good && clock_now_ms() < end_ms) {
        good = rollup_tick(&registry, rollup, &next, &err);
        steps += next == ROLLUP_STEP;
        waits += next == ROLLUP_WAIT;
        usleep(20000);
        if (chance(&seed, 25) == 0) {
            uint32_t which = chance(&seed, WRITERS);
            stop(children[which]);
            children[which] = start(100 + (uint32_t)++kills);
        }
    }
    for (int i = 0; i < WRITERS; i++)
        stop(children[i]);
    run("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE pid <> "
        "pg_backend_pid() AND "
        "backend_type = 'client backend'");
    catch_up(rollup);
    printf("# %d steps, %d waits, %d writers killed, %s results\n", steps, waits, kills,
           value("SELECT count(*) FROM model_test_results"));
    OK(good && steps > 5 && waits > 5, "steps are taken while eight write");
    all_equal("8 writers, late, rolled back and killed");
}

static void later_changes(struct rollup *rollup)
{
    run("UPDATE model_test_results SET user_feedback = 1 + id % 5 WHERE id % 3 = 0");
    OK(rollup_upkeep(&registry, &err), "upkeep");
    all_equal("ratings given later");
    run("DELETE FROM model_test_results WHERE id % 10 = 0");
    run("UPDATE pare.ab_mark SET restarted_at = '-infinity'");
    OK(rollup_upkeep(&registry, &err), "upkeep notices rows that have gone");
    catch_up(rollup);
    all_equal("rows deleted");
    run("TRUNCATE model_test_results RESTART IDENTITY");
    run("INSERT INTO model_test_results (test_id, model_id, latency_ms, response) SELECT 1, 1, i, "
        "'x' FROM "
        "generate_series(1, 100) i");
    OK(rollup_upkeep(&registry, &err), "and a table begun anew");
    catch_up(rollup);
    all_equal("truncated");
}

static void levels(struct rollup *rollup)
{
    run("UPDATE pare.ab_count SET at = at - interval '3 days' WHERE level = 'm'");
    run("UPDATE pare.ab_bucket SET at = at - interval '3 days' WHERE level = 'm'");
    run("INSERT INTO model_test_results (test_id, model_id, latency_ms, response, created_at) "
        "SELECT 1, 1, i, 'x', now() - interval '3 days' FROM generate_series(1, 50) i");
    catch_up(rollup);
    run("UPDATE pare.ab_mark SET tidied_at = '-infinity'");
    OK(rollup_upkeep(&registry, &err), "minutes of long ago");
    IS(value("SELECT string_agg(level::text, ' ') FROM (SELECT DISTINCT level FROM pare.ab_count "
             "WHERE level <> 'l') l"),
       "h", "become hours");
    equal("SELECT sum(n) || ' ' || sum(sum) FROM pare.ab_count WHERE level = 'l'",
          "SELECT sum(n) || ' ' || sum(sum) FROM pare.ab_count WHERE level = 'h'",
          "which hold as much, with what came late");
    equal("SELECT sum(n) FROM pare.ab_exact", "SELECT sum(n) FROM pare.ab_bucket WHERE level = 'h'",
          "and so do their buckets");
    run("INSERT INTO model_test_results (test_id, model_id, latency_ms, response) SELECT 1, 1 + i "
        "% 2, "
        "3 * i, 'x' FROM generate_series(1, 21000) i");
    catch_up(rollup);
    run("UPDATE pare.ab_mark SET tidied_at = '-infinity'");
    OK(rollup_upkeep(&registry, &err), "too many different latencies");
    run("INSERT INTO model_test_results (test_id, model_id, latency_ms, response) SELECT 1, 1, i, "
        "'x' "
        "FROM generate_series(1, 500) i");
    catch_up(rollup);
    IS(value("SELECT string_agg(test_id::text, ' ') FROM pare.ab_plan WHERE coarse"), "1",
       "make a test coarse");
    IS(value("SELECT count(*) FROM pare.ab_exact WHERE test_id = 1"), "0",
       "which has buckets alone");
    equal("SELECT count(*) FROM model_test_results WHERE latency_ms >= 0 AND test_id = 1",
          "SELECT sum(n) FROM pare.ab_bucket WHERE level = 'l' AND test_id = 1",
          "of all its results");
    run("UPDATE pare.ab_plan SET coarse = false");
    run("TRUNCATE model_test_results RESTART IDENTITY");
    OK(rollup_upkeep(&registry, &err), "begun anew");
    catch_up(rollup);
}

/* Until the rows that came late are seen, which begins all anew; the blocks are looked at in turn. */
static bool begun_anew(void)
{
    run("UPDATE pare.ab_mark SET restarted_at = '-infinity'");
    for (int i = 0; i < 12; i++) {
        if (!rollup_upkeep(&registry, &err))
            return false;
        if (!strcmp(value("SELECT restarted_at > '-infinity' FROM pare.ab_mark"), "t"))
            return true;
    }
    return false;
}

static void put_ids(const char *ids)
{
    char sql[400];
    snprintf(sql, sizeof(sql),
             "INSERT INTO model_test_results (id, test_id, model_id, latency_ms, response, "
             "user_feedback) SELECT i, 1, 1, 7, 'r', 4 FROM unnest(ARRAY[%s]::bigint[]) i",
             ids);
    run(sql);
}

static void odd_ids(struct rollup *rollup)
{
    put_ids("-70000, -1, 0, 1");
    catch_up(rollup);
    all_equal("ids that begin below 0");
    OK(rollup_upkeep(&registry, &err), "are counted anew");
    all_equal("below 0 and counted anew");
    IS(value("SELECT string_agg(DISTINCT block::text, ' ') FROM pare.ab_block"), "-1 -2 0",
       "each in its block");
    put_ids("-100000");
    OK(begun_anew(), "a smaller one that comes late is found in a block of today");
    catch_up(rollup);
    all_equal("a late one, below the others");
    run("UPDATE pare.ab_mark SET checked_block = -1");
    put_ids("-5000000");
    OK(begun_anew(), "and in one that nobody knew, by the rotation");
    catch_up(rollup);
    all_equal("another late one, far below");
    put_ids("-9223372036854775807, 9223372036854775807");
    OK(begun_anew(), "as far apart as can be");
    catch_up(rollup);
    all_equal("the smallest and the largest");
    OK(rollup_upkeep(&registry, &err), "the largest block is the last in turn");
    run("DELETE FROM model_test_results WHERE abs(id) > 100000");
    run("ALTER TABLE model_test_results ALTER COLUMN id TYPE int");
    put_ids("-2147483648");
    OK(begun_anew(), "numbers of four bytes");
    catch_up(rollup);
    all_equal("of four bytes, below 0 too");
    OK(rollup_upkeep(&registry, &err), "counted anew");
    run("ALTER TABLE model_test_results ALTER COLUMN id TYPE bigint");
    run("TRUNCATE model_test_results RESTART IDENTITY");
    OK(rollup_upkeep(&registry, &err), "and all of it has gone");
}

/* A step whose snapshot is older than a test's becoming coarse, held in between by a view for the mark. */
static void late_step(struct rollup *rollup)
{
    const struct pg_options options = { .conninfo = "" };
    struct pg_statement looks[ROLLUP_LOOK_STATEMENTS], step[ROLLUP_STEP_STATEMENTS];
    struct pg_rows *rows[ROLLUP_LOOK_STATEMENTS] = { 0 };
    struct pg *other = NULL;
    bool done = false;
    run("INSERT INTO model_test_results (test_id, model_id, latency_ms, response) SELECT 2, 2, i, "
        "'x' FROM generate_series(1, 20500) i");
    catch_up(rollup);
    run("INSERT INTO model_test_results (test_id, model_id, latency_ms, response) SELECT 2, 2, i, "
        "'x' FROM generate_series(30001, 30500) i");
    run("UPDATE pare.ab_mark SET tidied_at = '-infinity'");
    rollup_ask_look(looks);
    OK(pg_run(pg, false, looks, ROLLUP_LOOK_STATEMENTS, rows, &err) &&
           rollup_take_look(rollup, rows) == ROLLUP_STEP && rollup_missing(rollup) == 500,
       "500 to roll up");
    run("ALTER TABLE pare.ab_mark RENAME TO ab_mark_itself");
    run("CREATE VIEW pare.ab_mark AS SELECT * FROM pare.ab_mark_itself WHERE "
        "pg_advisory_xact_lock_shared(42) IS NOT NULL");
    run("SELECT pg_advisory_lock(42)");
    rollup_ask_step(rollup, step);
    bool good = pg_open(&options, &other, &err) &&
                pg_start(other, true, step, ROLLUP_STEP_STATEMENTS, &err);
    while (good && strcmp(value("SELECT count(*) FROM pg_locks WHERE NOT granted"), "1") != 0)
        good = pg_advance(other, &done, &err) && !done;
    OK(good && rollup_upkeep(&registry, &err), "a test becomes coarse while a step is under way");
    run("SELECT pg_advisory_unlock(42)");
    while (good && !done)
        good = pg_advance(other, &done, &err);
    OK(good, "which ends");
    run("DROP VIEW pare.ab_mark");
    run("ALTER TABLE pare.ab_mark_itself RENAME TO ab_mark");
    catch_up(rollup);
    IS(value("SELECT count(*) FROM pare.ab_exact WHERE test_id = 2"), "0",
       "and has put nothing where the test is no longer read");
    equal("SELECT count(*) FROM model_test_results WHERE test_id = 2",
          "SELECT sum(n) FROM pare.ab_bucket WHERE level = 'l' AND test_id = 2",
          "each result is in a bucket");
    for (int i = 0; i < ROLLUP_LOOK_STATEMENTS; i++)
        pg_rows_free(rows[i]);
    pg_close(other);
    run("TRUNCATE model_test_results RESTART IDENTITY");
    OK(rollup_upkeep(&registry, &err), "begun anew once more");
}

static void altered(struct rollup *rollup)
{
    run("ALTER TABLE model_test_results DROP COLUMN user_feedback");
    run("ALTER TABLE model_test_results DROP COLUMN response");
    run("ALTER TABLE model_test_results ALTER COLUMN latency_ms TYPE numeric");
    run("INSERT INTO model_test_results (test_id, model_id, latency_ms) VALUES (1, 2, 17.4), "
        "(NULL, 2, 1), (1, 2, "
        "4000000)");
    catch_up(rollup);
    IS(value("SELECT n || ' ' || failed || ' ' || sum FROM pare.ab_count WHERE level = 'l' AND "
             "model_id = 2"),
       "2 0 4000017", "columns dropped and of another type: what is left is counted");
    IS(value("SELECT string_agg(bucket::text, ' ' ORDER BY bucket) FROM pare.ab_bucket WHERE level "
             "= 'm' AND "
             "model_id = 2"),
       "142 756", "more than an hour is in the last bucket");
}

int main(int argc, char **argv)
{
    struct rollup rollup = { 0 };
    (void)argc;
    tap_in_server(argv);
    pg = open_one();
    if (!registry_init(&registry, pg, false, &err) || !migrate_run(&registry, &err)) {
        printf("Bail out! %s\n", err.text);
        return 1;
    }
    run("INSERT INTO ml_models (name, version) SELECT 'm', 'v' || i FROM generate_series(1, 3) i");
    run("INSERT INTO model_ab_tests (test_name, model_a_id, model_b_id) VALUES ('one', 1, 2), "
        "('two', 2, 3)");
    OK(rollup_upkeep(&registry, &err), "nothing there is no failure");
    IS(value("SELECT count(*) || ' ' || bool_and(assumed) FROM pare.ab_plan"), "2 true",
       "tests that SQL started get a plan at first sight");
    catch_up(&rollup);
    racing_writers(&rollup);
    later_changes(&rollup);
    levels(&rollup);
    odd_ids(&rollup);
    late_step(&rollup);
    altered(&rollup);
    rollup_done(&rollup);
    registry_done(&registry);
    pg_close(pg);
    return tap_done();
}
