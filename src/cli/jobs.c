/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "cli/sheet.h"
#include "cli/visit.h"
#include "jobs/launch.h"
#include "registry/queue.h"

static const struct sheet_column columns[] = {
    { "id", "id", SHEET_NUMBER },
    { "kind", "kind", SHEET_TEXT },
    { "model", "of", SHEET_TEXT },
    { "state", "state", SHEET_TEXT },
    { "done_fraction", "done", SHEET_NUMBER },
    { "seconds", "took", SHEET_NUMBER },
    { "attempt", "attempt", SHEET_NUMBER },
    { "result", "made", SHEET_TEXT },
    { "actor", "by", SHEET_TEXT },
    { "submitted_at", "submitted", SHEET_TEXT },
    { "words", NULL, SHEET_TEXT },
    { "error", "what went wrong", SHEET_TEXT },
    { "spec", NULL, SHEET_JSON },
};

static void put(struct sheet *sheet, const struct job_row *row)
{
    struct sheet_cell *cells = sheet_row(sheet);
    struct arena *arena = sheet->arena;
    cells[0] = sheet_integer(sheet, row->id);
    cells[1] = sheet_text(row->kind);
    cells[2] = sheet_text(arena_printf(arena, "%s:%s", row->model_name, row->model_version));
    cells[3] = sheet_text(row->cancel_requested && !strcmp(row->state, "running") ? "stopping"
                                                                                  : row->state);
    cells[4] = sheet_number(sheet, row->done_fraction,
                            arena_printf(arena, "%.0f %%", 100 * row->done_fraction));
    cells[5] = sheet_number(sheet, row->running_seconds,
                            arena_printf(arena, "%.1f s", row->running_seconds));
    cells[6] = sheet_integer(sheet, row->attempt);
    if (row->result_name)
        cells[7] = sheet_text(arena_printf(arena, "%s:%s", row->result_name, row->result_version));
    else if (row->result_id)
        cells[7] = sheet_text("(vanished)");
    cells[8] = sheet_text(row->actor);
    cells[9] = sheet_time(sheet, row->submitted_at);
    cells[10] = sheet_text(row->words);
    cells[11] = (struct sheet_cell){ .value = row->error, .shown = row->error ? NULL : "" };
    cells[12] = sheet_text(row->spec);
}

static bool run_jobs(struct cli *cli, struct pare_error *err)
{
    CLEANUP(visit_close) struct visit visit = { 0 };
    struct sheet sheet;
    struct job_row *rows;
    size_t count;
    int64_t limit;
    if (!cli_number(cli, "limit", 1, 50, &limit, err) || !visit_open(cli, &visit, err) ||
        !queue_list(&visit.registry, limit, &cli->arena, &rows, &count, err))
        return false;
    if (count == 0 && cli->format == CLI_TABLE) {
        cli_say("no jobs yet; see: pare quantize --help");
        return true;
    }
    sheet_init(&sheet, &cli->arena, columns, ARRAY_SIZE(columns));
    for (size_t i = 0; i < count; i++)
        put(&sheet, &rows[i]);
    return sheet_print(&sheet, cli->format, err);
}

static const struct option_spec jobs_options[] = {
    { "limit", "N", "at most so many (50)" },
    { NULL, NULL, NULL },
};

const struct command command_jobs = {
    .name = "jobs",
    .operands = "",
    .summary = "jobs under way and past",
    .options = jobs_options,
    .run = run_jobs,
};

/* ---- one job ---- */

static bool print_log(struct cli *cli, const struct visit *visit, int64_t id,
                      struct pare_error *err)
{
    struct job_line *lines;
    size_t count;
    int64_t after = 0;
    do {
        if (!queue_read_log(&visit->registry, id, after, &cli->arena, &lines, &count, err))
            return false;
        for (size_t i = 0; i < count; i++)
            printf("%s  %s\n", lines[i].at, lines[i].words);
        if (count)
            after = lines[count - 1].line;
    } while (count);
    return true;
}

static bool show(struct cli *cli, const struct job_row *row, struct pare_error *err)
{
    struct sheet sheet;
    sheet_init(&sheet, &cli->arena, columns, ARRAY_SIZE(columns));
    put(&sheet, row);
    if (!sheet_print(&sheet, cli->format, err))
        return false;
    if (cli->format == CLI_TABLE) {
        printf("\n%s\n", row->spec);
        if (row->words && !strcmp(row->state, "running"))
            printf("at %s; last sign of life %.0f s ago, from %s\n", row->words,
                   isnan(row->beat_seconds) ? 0 : row->beat_seconds, row->worker);
    }
    return true;
}

static bool run_job(struct cli *cli, struct pare_error *err)
{
    CLEANUP(visit_close) struct visit visit = { 0 };
    struct job_row row;
    int64_t id;
    const char *verb = cli->operands[0];
    if (!text_to_int64(cli->operands[1], &id))
        return error_set(err, PARE_ERR_USAGE, "%s: a job's number was expected", cli->operands[1]);
    bool is_show = !strcmp(verb, "show"), is_log = !strcmp(verb, "log");
    bool is_cancel = !strcmp(verb, "cancel"), is_retry = !strcmp(verb, "retry");
    if (!is_show && !is_log && !is_cancel && !is_retry)
        return error_set(err, PARE_ERR_USAGE, "job %s: show, log, cancel or retry was expected",
                         verb);
    if (!visit_open(cli, &visit, err) || !queue_get(&visit.registry, id, &cli->arena, &row, err))
        return false;
    if (is_show)
        return show(cli, &row, err);
    if (is_log)
        return print_log(cli, &visit, id, err);
    if (!(is_cancel ? queue_cancel(&visit.registry, id, err)
                    : queue_retry(&visit.registry, id, err)))
        return false;
    if (is_retry && visit.is_private && !launch_worker(cli->db, id, err))
        return false;
    cli_say(is_cancel ? "job %lld is asked to stop" : "job %lld waits again", (long long)id);
    return true;
}

static const struct option_spec job_options[] = {
    { NULL, NULL, NULL },
};

const struct command command_job = {
    .name = "job",
    .operands = "show|log|cancel|retry ID",
    .summary = "one job: its state, its log; stop it, try it again",
    .options = job_options,
    .operands_min = 2,
    .operands_max = 2,
    .run = run_job,
};
