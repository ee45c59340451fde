/* SPDX-License-Identifier: MIT */
/* The door to libpq against a real server: tests/with-postgres around this program itself. */
#include "pg/pg.h"

#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "tap.h"

static struct pare_error err;
static volatile sig_atomic_t interrupt;
static struct pg *pg;

static struct pg *open_one(bool read_only)
{
    struct pg_options options = { .conninfo = "", .read_only = read_only, .interrupt = &interrupt };
    struct pg *one = NULL;
    if (!pg_open(&options, &one, &err)) {
        printf("Bail out! %s\n", err.text);
        exit(1);
    }
    return one;
}

/* One value as text; NULL when the statement fails. */
static const char *value(struct pg *from, const char *sql)
{
    static char text[200];
    CLEANUP(pg_rows_cleanup) struct pg_rows *rows = NULL;
    if (!pg_read(from, sql, PG_NO_ARGS, &rows, &err))
        return NULL;
    snprintf(text, sizeof(text), "%s", pg_null(rows, 0, 0) ? "NULL" : pg_text(rows, 0, 0));
    return text;
}

static bool does(const char *sql)
{
    return pg_write(pg, sql, PG_NO_ARGS, NULL, &err);
}

static void test_values(void)
{
    CLEANUP(pg_rows_cleanup) struct pg_rows *rows = NULL;
    CLEANUP(pg_rows_cleanup) struct pg_rows *bytes = NULL;
    OK(pg_is_open(pg) && pg_server_version(pg) >= 140000, "a connection knows its server");
    IS(pg_fact(pg, "user"), "postgres", "and who it is");
    OK(pg_read(
           pg,
           "SELECT $1::text, $2, $3, $4, $5, $6::text, count(*) OVER () FROM generate_series(1, 3)",
           PG_ARGS(PG_TEXT("quo'te \\ \"x\""), PG_INT(INT64_MIN), PG_NUMBER(0.1), PG_BOOL(true),
                   PG_BYTES("a\0b", 3), PG_TEXT(NULL)),
           &rows, &err),
       "arguments of every kind");
    IS(pg_text(rows, 0, 0), "quo'te \\ \"x\"", "text comes back as it went");
    OK(pg_int(rows, 1, 1) == INT64_MIN, "integers");
    OK(pg_number(rows, 2, 2) == 0.1, "numbers");
    OK(pg_bool(rows, 0, 3), "truths");
    IS(pg_text(rows, 0, 4), "\\x610062", "bytes, zeros in them");
    OK(pg_null(rows, 0, 5) && !pg_text(rows, 0, 5), "NULL is NULL");
    OK(pg_int(rows, 0, 5) == 0 && isnan(pg_number(rows, 0, 5)) && !pg_bool(rows, 0, 5),
       "and nothing as a number");
    OK(pg_row_count(rows) == 3, "rows are counted");
    struct pg_statement binary = { .sql = "SELECT '\\x00ff'::bytea", .binary = true };
    OK(pg_run(pg, false, &binary, 1, &bytes, &err), "bytes in binary form");
    size_t length;
    const unsigned char *got = pg_bytes(bytes, 0, 0, &length);
    OK(length == 2 && got[0] == 0 && got[1] == 0xFF, "are the bytes");
}

static void test_many_arguments(void)
{
    CLEANUP(pg_rows_cleanup) struct pg_rows *rows = NULL;
    struct pg_arg args[PG_ARGS_MAX];
    char sql[PG_ARGS_MAX * 8] = "SELECT $1";
    for (int i = 0; i < PG_ARGS_MAX; i++) {
        args[i] = PG_INT(i + 1);
        if (i > 0)
            snprintf(sql + strlen(sql), sizeof(sql) - strlen(sql), " + $%d", i + 1);
    }
    OK(pg_read(pg, sql, args, PG_ARGS_MAX, &rows, &err), "as many arguments as there may be");
    OK(pg_int(rows, 0, 0) == PG_ARGS_MAX * (PG_ARGS_MAX + 1) / 2, "each in its place");
}

static void test_pipelines(void)
{
    struct pg_rows *rows[3] = { NULL };
    const struct pg_arg one[] = { PG_INT(1) };
    const struct pg_statement statements[] = {
        { .sql = "INSERT INTO t VALUES ($1)", .args = one, .arg_count = 1 },
        { .sql = "SELECT count(*) FROM t" },
        { .sql = "UPDATE t SET a = a + 1" },
    };
    OK(does("CREATE TABLE t (a int PRIMARY KEY)"), "(a table)");
    OK(pg_run(pg, true, statements, 3, rows, &err), "three statements in one request");
    OK(pg_affected(rows[0]) == 1 && pg_int(rows[1], 0, 0) == 1 && pg_affected(rows[2]) == 1,
       "each has its result");
    for (int i = 0; i < 3; i++)
        pg_rows_free(rows[i]);
    IS(value(pg, "SELECT sum(a) FROM t"), "2", "and they were committed");

    const struct pg_statement failing[] = {
        { .sql = "INSERT INTO t VALUES (10)" },
        { .sql = "INSERT INTO t VALUES (1 / 0)" },
        { .sql = "INSERT INTO t VALUES (11)" },
    };
    OK(!pg_run(pg, true, failing, 3, NULL, &err), "one that fails in the middle fails the request");
    IS(err.text, "division by zero", "with the server's words");
    IS(pg_sqlstate(pg), "22012", "and its code");
    IS(value(pg, "SELECT sum(a) FROM t"), "2", "nothing of it stays, the connection is of use");
    IS(pg_sqlstate(pg), "", "and the code is forgotten");
    OK(!does("INSERT INTO t VALUES (2)"), "a unique violation");
    IS(pg_sqlstate(pg), "23505", "is told as such");
    OK(strstr(err.text, "(Key (a)=(2) already exists.)") != NULL, "with its detail");
    OK(!does("SELEKT"), "what is no SQL");
    OK(!does("SELECT 1; SELECT 2"), "and two statements in one fail");
    OK(!pg_read(pg, "SELECT $1::int", PG_ARGS(PG_TEXT("x")), rows, &err), "and a bad argument");
    IS(value(pg, "SELECT 7"), "7", "and change nothing");
}

struct reader {
    int64_t count, stop_at, sum;
};

static bool read_row(void *data, const struct pg_rows *rows, struct pare_error *error)
{
    struct reader *reader = data;
    if (pg_row_count(rows) != 1)
        return error_set(error, PARE_ERR_FAILED, "not one row");
    reader->sum += pg_int(rows, 0, 0);
    if (++reader->count == reader->stop_at)
        return error_set(error, PARE_ERR_FORMAT, "enough");
    return true;
}

static bool stream(const char *sql, int64_t stop_at, struct reader *ret_reader)
{
    struct pg_rows *rows[2] = { NULL };
    *ret_reader = (struct reader){ .stop_at = stop_at };
    const struct pg_statement statements[] = {
        { .sql = sql, .on_row = read_row, .data = ret_reader },
        { .sql = "SELECT 5" },
    };
    bool ok = pg_run(pg, false, statements, 2, rows, &err);
    ok = ok && !rows[0] && pg_int(rows[1], 0, 0) == 5;
    pg_rows_free(rows[1]);
    return ok;
}

static const char KEPT_SUM[] = "SELECT sum(n + $1) FROM kept";
static const char KEPT_COUNT[] = "SELECT count(*) FROM kept";

/* Both, in one request; -1 when it fails. */
static int64_t kept_sum(int64_t add)
{
    struct pg_arg arg = PG_INT(add);
    struct pg_statement two[] = {
        { .sql = KEPT_COUNT, .kept = true },
        { .sql = KEPT_SUM, .args = &arg, .arg_count = 1, .kept = true },
    };
    struct pg_rows *rows[2] = { NULL };
    if (!pg_run(pg, true, two, 2, rows, &err))
        return -1;
    int64_t sum = pg_int(rows[0], 0, 0) ? pg_int(rows[1], 0, 0) : 0;
    pg_rows_free(rows[0]);
    pg_rows_free(rows[1]);
    return sum;
}

/* What the server keeps. */
static int64_t kept_count(void)
{
    return atoi(value(pg, "SELECT count(*) FROM pg_prepared_statements WHERE name LIKE 'pare%'"));
}

static void test_keeping(void)
{
    OK(kept_sum(1) == -1, "a statement on a table that is not there");
    OK(kept_count() == 0, "is not kept");
    OK(does("CREATE TABLE kept AS SELECT generate_series(1, 3) AS n"), "when it is there");
    OK(kept_sum(0) == 6 && kept_sum(10) == 36, "it runs, also again");
    OK(kept_count() == 2, "and is kept once");
    OK(does("ALTER TABLE kept ALTER n TYPE numeric") && kept_sum(1) == 9, "the table may change");
    OK(does("DROP TABLE kept") && kept_sum(1) == -1, "or go");
    OK(does("CREATE TABLE kept AS SELECT 5 AS n") && kept_sum(1) == 6, "and come back");
    OK(pg_feed_begin(pg, &err) &&
           pg_feed(pg, "INSERT INTO kept VALUES ($1)", PG_ARGS(PG_INT(6)), &err) &&
           pg_feed_end(pg, &err) && kept_sum(0) == 11,
       "a feed between them");
    OK(does("DEALLOCATE ALL") && kept_sum(0) == 11, "a pooler that has forgotten them");
    OK(kept_sum(1) == 13 && kept_count() == 0, "is asked without");
    pg_close(pg);
    pg = open_one(false);
    OK(kept_sum(0) == 11 && kept_count() == 2, "on a connection of its own");
    char taken[200];
    snprintf(taken, sizeof(taken), "PREPARE %s AS SELECT 1",
             value(pg, "SELECT min(name) FROM pg_prepared_statements"));
    pg_close(pg);
    pg = open_one(false);
    OK(does(taken) && kept_sum(0) == 11 && kept_sum(1) == 13,
       "as is one where somebody else's has the name");
    OK(does("DROP TABLE kept"), "no more of it");
    pg_close(pg);
    pg = open_one(false);
}

static void test_streaming(void)
{
    struct reader reader;
    OK(stream("SELECT generate_series(1, 100000)", 0, &reader), "a stream of rows");
    OK(reader.count == 100000 && reader.sum == 5000050000, "one by one, all of them");
    OK(stream("SELECT 1 WHERE false", 0, &reader) && reader.count == 0, "of none");
    OK(!stream("SELECT generate_series(1, 100000000)", 1000, &reader), "a reader that has enough");
    IS(err.text, "enough", "ends it with its own words");
    OK(reader.count == 1000, "at once");
    OK(!stream("SELECT 10 / (500 - g) FROM generate_series(1, 1000) g", 0, &reader),
       "an error after rows");
    OK(reader.count == 499, "comes after them");
    IS(value(pg, "SELECT 8"), "8", "and the connection is of use");
}

static void test_transactions(void)
{
    struct pg_rows *rows = NULL;
    OK(pg_begin(pg, true, &err), "a transaction over several trips");
    OK(pg_query(pg, "INSERT INTO t VALUES (50) RETURNING a", PG_NO_ARGS, &rows, &err),
       "a statement");
    OK(pg_int(rows, 0, 0) == 50, "its result");
    pg_rows_free(rows);
    pg_rollback(pg);
    IS(value(pg, "SELECT count(*) FROM t WHERE a = 50"), "0", "a rollback undoes it");
    OK(pg_begin(pg, true, &err) && !pg_query(pg, "SELECT 1 / 0", PG_NO_ARGS, NULL, &err),
       "a failure");
    OK(!pg_query(pg, "SELECT 1", PG_NO_ARGS, NULL, &err), "fails what follows");
    pg_rollback(pg);
    pg_rollback(pg);
    OK(pg_begin(pg, true, &err) &&
           pg_query(pg, "INSERT INTO t VALUES (51)", PG_NO_ARGS, NULL, &err) && pg_commit(pg, &err),
       "until a rollback; then a commit keeps");
    IS(value(pg, "SELECT count(*) FROM t WHERE a = 51"), "1", "what was done");
    OK(pg_script(
           pg, "BEGIN; INSERT INTO t VALUES (60); COMMIT; BEGIN; INSERT INTO t VALUES (61); COMMIT",
           &err),
       "a script of several transactions");
    OK(!pg_script(pg, "BEGIN; INSERT INTO t VALUES (62); INSERT INTO t VALUES (60); COMMIT", &err),
       "one that fails");
    IS(value(pg, "SELECT count(*) FROM t WHERE a IN (60, 61, 62)"), "2",
       "undoes its last transaction only");
}

static void test_read_only(void)
{
    struct pg *reader = open_one(true);
    OK(!pg_read(pg, "INSERT INTO t VALUES (70) RETURNING a", PG_NO_ARGS,
                &(struct pg_rows *){ NULL }, &err),
       "a read that writes");
    OK(err.code == PARE_ERR_REFUSED && !strcmp(pg_sqlstate(pg), "25006"),
       "is refused by the server");
    OK(!pg_write(reader, "INSERT INTO t VALUES (71)", PG_NO_ARGS, NULL, &err),
       "a write of a reader");
    OK(err.code == PARE_ERR_REFUSED && !strcmp(pg_sqlstate(reader), "25006"), "too");
    OK(pg_begin(reader, true, &err) && !pg_query(reader, "DELETE FROM t", PG_NO_ARGS, NULL, &err),
       "in a longer transaction too");
    pg_rollback(reader);
    OK(pg_feed_begin(reader, &err) &&
           !(pg_feed(reader, "INSERT INTO t VALUES (72)", PG_NO_ARGS, &err) &&
             pg_feed_end(reader, &err)),
       "in a feed too");
    IS(value(reader, "SELECT count(*) FROM t WHERE a >= 70"), "0", "and nothing was written");
    pg_close(reader);
}

/* Many rows of 100 kB, the one at `bad` a duplicate of the first. */
static bool feed(struct pg *to, int count, int bad)
{
    static char large[100000];
    if (!pg_feed_begin(to, &err))
        return false;
    for (int i = 0; i < count; i++)
        if (!pg_feed(to, "INSERT INTO f VALUES ($1, $2)",
                     PG_ARGS(PG_INT(i == bad ? 0 : i), PG_BYTES(large, sizeof(large))), &err))
            return false;
    return pg_feed_end(to, &err);
}

static void test_feeding(void)
{
    OK(does("CREATE TABLE f (a int PRIMARY KEY, b bytea)"), "(a table)");
    OK(feed(pg, 300, -1), "a feed of 30 MB");
    IS(value(pg, "SELECT count(*), sum(length(b)) FROM f"), "300", "is all there");
    OK(does("TRUNCATE f"), "(empty)");
    OK(!feed(pg, 1000, 100), "one that fails in the middle");
    IS(pg_sqlstate(pg), "23505", "says why");
    IS(value(pg, "SELECT count(*) FROM f"), "0", "and nothing of it stays");
    OK(!feed(pg, 10, 9), "one that fails at its last statement");
    IS(value(pg, "SELECT count(*) FROM f"), "0", "too");
    OK(feed(pg, 0, -1), "an empty feed");
    interrupt = 1;
    OK(!feed(pg, 1000, -1) && err.code == PARE_ERR_INTERRUPTED, "an interrupted one");
    interrupt = 0;
    IS(value(pg, "SELECT count(*) FROM f"), "0", "leaves nothing either");
    OK(feed(pg, 3, -1), "and the connection feeds again");
}

/* Two statements in turns and in rows, so that each is parsed again where the other came between. */
static void test_feeding_in_turns(void)
{
    static const char put[] = "INSERT INTO turns VALUES ($1, $2)";
    static const char add[] = "UPDATE turns SET n = n + $1";
    OK(does("CREATE TABLE turns (n int, b bytea)"), "(a table)");
    bool ok = pg_feed_begin(pg, &err);
    for (int i = 0; ok && i < 40; i++) /* ten times four in a row, with bytes and without */
        ok = pg_feed(pg, put, PG_ARGS(PG_INT(i), i % 3 ? PG_BYTES("\0x", 2) : PG_NULL), &err) &&
             (i % 4 != 3 || pg_feed(pg, add, PG_ARGS(PG_INT(100)), &err));
    OK(ok && pg_feed_end(pg, &err), "statements fed in turns");
    IS(value(pg, "SELECT sum(n) || ' ' || count(b) || ' ' || bool_and(b = '\\x0078') FROM turns"),
       "22780 26 true", "each had its own arguments");
    OK(pg_feed_begin(pg, &err) && pg_feed(pg, add, PG_ARGS(PG_INT(1)), &err) &&
           pg_feed_end(pg, &err),
       "the first of another feed");
    IS(value(pg, "SELECT sum(n)::text FROM turns"), "22820", "is parsed anew");
}

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void on_alarm(int number)
{
    (void)number;
    interrupt = 1;
}

static void test_interrupting(void)
{
    struct sigaction action = { .sa_handler = on_alarm };
    sigaction(SIGALRM, &action, NULL);
    double before = seconds();
    alarm(1);
    OK(!does("SELECT pg_sleep(30)"), "an interrupt ends what runs");
    OK(err.code == PARE_ERR_INTERRUPTED, "as interrupted");
    IS(err.text, "interrupted", "in one word");
    OK(seconds() - before < 3, "soon");
    OK(!does("SELECT 1") && err.code == PARE_ERR_INTERRUPTED,
       "and what comes after does not begin");
    interrupt = 0;
    IS(value(pg, "SELECT 9"), "9", "until it is taken back");
}

static void test_losing(void)
{
    struct pg *victim = open_one(false);
    char sql[100];
    snprintf(sql, sizeof(sql), "SELECT pg_terminate_backend(%s)",
             value(victim, "SELECT pg_backend_pid()"));
    OK(does(sql), "(another session ends this one)");
    usleep(200000);
    OK(value(victim, "SELECT 1") == NULL && err.code == PARE_ERR_NO_DATABASE,
       "a lost connection is no database");
    OK(err.text[0] && !strchr(err.text, '\n'), "in one line");
    OK(!pg_is_open(victim), "it is not open");
    OK(value(victim, "SELECT 1") == NULL && err.code == PARE_ERR_NO_DATABASE, "nor afterwards");
    pg_rollback(victim);
    pg_close(victim);
    victim = open_one(false);
    OK(pg_begin(victim, true, &err), "in the middle of a transaction");
    OK(!pg_query(victim, "SELECT pg_terminate_backend(pg_backend_pid())", PG_NO_ARGS, NULL, &err) &&
           err.code == PARE_ERR_NO_DATABASE,
       "it is one too");
    pg_rollback(victim);
    pg_close(victim);
    victim = open_one(false);
    OK(pg_feed_begin(victim, &err) &&
           pg_feed(victim, "SELECT pg_terminate_backend(pg_backend_pid())", PG_NO_ARGS, &err) &&
           !feed(victim, 1000, -1),
       "and in the middle of a feed");
    pg_close(victim);
    pg_close(NULL);
}

static void test_connecting(void)
{
    static const char *const bad[] = { "host=/nowhere", "dbname=nowhere", "user=nobody",
                                       "nonsense=1", "postgresql://[" };
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        struct pg_options options = { .conninfo = bad[i] };
        struct pg *none = NULL;
        OK(!pg_open(&options, &none, &err) && !none && err.code == PARE_ERR_NO_DATABASE, bad[i]);
    }
    interrupt = 1;
    struct pg_options options = { .conninfo = "", .interrupt = &interrupt };
    struct pg *none = NULL;
    OK(!pg_open(&options, &none, &err) && err.code == PARE_ERR_INTERRUPTED,
       "connecting can be interrupted");
    interrupt = 0;
}

int main(int argc, char **argv)
{
    (void)argc;
    tap_in_server(argv);
    pg = open_one(false);
    test_values();
    test_many_arguments();
    test_pipelines();
    test_keeping();
    test_streaming();
    test_transactions();
    test_read_only();
    test_feeding();
    test_feeding_in_turns();
    test_interrupting();
    test_losing();
    test_connecting();
    pg_close(pg);
    return tap_done();
}
