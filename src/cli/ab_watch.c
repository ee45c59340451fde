/* SPDX-License-Identifier: MIT */
/*
 * `pare ab watch`: a test as it goes. On a terminal what `show` prints, drawn again when a number
 * has changed; in a pipe one line a look.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"
#include "cli/ab.h"

enum { EVERY_SECONDS = 2, EVERY_MAX_SECONDS = 86400, STEP_MS = 50, CLOCK_ROOM = 32 };

/* What is compared between two looks: the numbers of the report, and what was done to the test. */
struct seen {
    int64_t requests[2];
    double values[ABTEST_ROWS][4];
    int segment_count, state;
    bool running;
};

static struct seen seen_of(const struct abtest *test, const struct abtest_data *data,
                           const struct abtest_report *report)
{
    struct seen seen;
    memset(&seen, 0, sizeof(seen)); /* its padding is compared too */
    seen.requests[0] = data->total[0];
    seen.requests[1] = data->total[1];
    for (int i = 0; i < ABTEST_ROWS; i++) {
        const struct abtest_row *row = &report->rows[i];
        const double values[] = { row->a, row->b, row->low, row->ln_p };
        memcpy(seen.values[i], values, sizeof(values));
    }
    seen.segment_count = data->segment_count;
    seen.state = (int)report->decision.state;
    seen.running = test->running;
    return seen;
}

static const char *number_text(struct arena *arena, double value)
{
    return isfinite(value) ? arena_printf(arena, "%.6g", value) : "-";
}

/* "2026-03-01T12:00:00Z WARMING requests 61 58 p95 12 14 ln_p -0.31" */
static void print_line(struct arena *arena, const struct abtest_data *data,
                       const struct abtest_report *report)
{
    const struct abtest_row *p95 = &report->rows[ABTEST_ROW_P95];
    char at[CLOCK_ROOM];
    struct tm parts;
    time_t now = time(NULL);
    gmtime_r(&now, &parts);
    strftime(at, sizeof(at), "%Y-%m-%dT%H:%M:%SZ", &parts);
    printf("%s %s requests %lld %lld p95 %s %s ln_p %s\n", at,
           decision_words(report->decision.state)->word, (long long)data->total[0],
           (long long)data->total[1], number_text(arena, p95->a), number_text(arena, p95->b),
           number_text(arena, p95->ln_p));
}

/* One look; it has an arena of its own, for there may be many. */
static bool look(const struct cli *cli, const struct visit *visit, bool is_terminal,
                 struct seen *seen, struct pare_error *err)
{
    struct cli once = *cli;
    struct abtest test;
    struct abtest_data data;
    struct abtest_report report;
    arena_init(&once.arena);
    bool ok = ab_judge(&once, visit, &test, &data, &report, err);
    if (ok) {
        struct seen now = seen_of(&test, &data, &report);
        bool changed = memcmp(&now, seen, sizeof(now)) != 0;
        *seen = now;
        if (!is_terminal)
            print_line(&once.arena, &data, &report);
        else if (changed)
            fputs("\033[H\033[2J", stdout);
        ok = !is_terminal || !changed || ab_print(&once, &test, &data, &report, err);
        fflush(stdout);
    }
    arena_done(&once.arena);
    return ok;
}

static bool is_interrupted(const struct cli *cli, struct pare_error *err)
{
    return *cli->interrupt && (error_set(err, PARE_ERR_INTERRUPTED, "interrupted"), true);
}

bool ab_watch(struct cli *cli, const struct visit *visit, struct pare_error *err)
{
    struct seen seen;
    struct abtest test;
    int64_t every;
    bool is_terminal = isatty(STDOUT_FILENO);
    memset(&seen, 0, sizeof(seen));
    if (cli->format != CLI_TABLE)
        return error_set(err, PARE_ERR_USAGE,
                         "ab watch prints for people, or a line a look; --format is for ab show");
    if (!cli_number(cli, "every", 1, EVERY_SECONDS, &every, err) ||
        !ab_find(cli, visit, &test, err))
        return false;
    cli->operands[1] = arena_printf(&cli->arena, "%lld", (long long)test.id);
    for (;;) {
        int64_t next_ms = clock_now_ms() + MIN(every, EVERY_MAX_SECONDS) * 1000;
        if (!look(cli, visit, is_terminal, &seen, err))
            return false;
        if (!seen.running)
            return true;
        while (!*cli->interrupt && clock_now_ms() < next_ms)
            clock_pause_ms(STEP_MS);
        if (is_interrupted(cli, err))
            return false;
    }
}
