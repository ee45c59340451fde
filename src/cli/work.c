/* SPDX-License-Identifier: MIT */
#include "cli/work.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "jobs/launch.h"
#include "pg/pg.h"

enum { LOOK_EVERY_MS = 150, SECOND_CHANCE_MS = 2000 };

static void pause_ms(int ms)
{
    const struct timespec step = { .tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000 };
    nanosleep(&step, NULL);
}

static void draw(const struct job_row *row)
{
    enum { BAR = 30 };
    char bar[BAR + 1];
    int filled = (int)(row->done_fraction * BAR);
    for (int i = 0; i < BAR; i++)
        bar[i] = i < filled ? '#' : '-';
    bar[BAR] = '\0';
    fprintf(stderr, "\r\033[Kjob %lld [%s] %3.0f %%  %s  %.48s", (long long)row->id, bar,
            100 * row->done_fraction, row->state, row->words ? row->words : "");
}

static bool is_open(const struct job_row *row)
{
    return !strcmp(row->state, "queued") || !strcmp(row->state, "running");
}

/* After the first Ctrl-C: a moment for the second, which cancels. */
static bool leave(const struct cli *cli, const struct visit *visit, int64_t id,
                  struct pare_error *err)
{
    pg_set_interrupt(visit->pg, NULL);
    if (cli_is_watched())
        fputs("\r\033[K", stderr);
    cli_say("job %lld goes on without this command: pare job show %lld. Ctrl-C again cancels it",
            (long long)id, (long long)id);
    for (int waited = 0; waited < SECOND_CHANCE_MS && *cli->interrupt < 2; waited += 50)
        pause_ms(50);
    if (*cli->interrupt < 2)
        return error_set(err, PARE_ERR_INTERRUPTED, "left job %lld", (long long)id);
    if (!queue_cancel(&visit->registry, id, err))
        return false;
    return error_set(err, PARE_ERR_INTERRUPTED, "asked job %lld to stop", (long long)id);
}

static bool wait_for(const struct cli *cli, const struct visit *visit, int64_t id,
                     struct job_row *ret_row, struct pare_error *err)
{
    struct arena *lasting = (struct arena *)&cli->arena;
    for (;;) {
        struct arena arena = { 0 };
        struct job_row row;
        bool ok = queue_get(&visit->registry, id, &arena, &row, err);
        bool open = ok && is_open(&row);
        if (open && cli_is_watched())
            draw(&row);
        arena_done(&arena);
        if (!ok && *cli->interrupt)
            return leave(cli, visit, id, err);
        if (!ok)
            return error_prefix(err, "job %lld goes on without this command", (long long)id);
        if (!open)
            break;
        if (*cli->interrupt)
            return leave(cli, visit, id, err);
        pause_ms(LOOK_EVERY_MS);
    }
    if (cli_is_watched())
        fputs("\r\033[K", stderr);
    return queue_get(&visit->registry, id, lasting, ret_row, err);
}

bool work_do(const struct cli *cli, const struct visit *visit, const struct queue_order *order,
             bool detach, struct job_row *ret_row, struct pare_error *err)
{
    struct job_row row = { 0 };
    int64_t id;
    bool added;
    if (!queue_submit(&visit->registry, order, &id, &added, err))
        return false;
    if (!added)
        cli_say("the same job is under way already: %lld", (long long)id);
    /*
     * On a registry that others share nobody is made to work unasked. Who waits starts a worker
     * for a job of somebody else's too, which may have none; where it has one this one idles.
     */
    if ((!detach || (added && visit->is_private)) && !launch_worker(cli->db, id, err))
        return false;
    if (detach) {
        printf("%lld\n", (long long)id);
        return true;
    }
    if (!wait_for(cli, visit, id, &row, err))
        return false;
    if (strcmp(row.state, "done") != 0)
        return error_set(
            err, !strcmp(row.state, "cancelled") ? PARE_ERR_INTERRUPTED : PARE_ERR_FAILED,
            "job %lld %s: %s", (long long)id, row.state, row.error ? row.error : "no reason given");
    if (ret_row)
        *ret_row = row;
    return true;
}
