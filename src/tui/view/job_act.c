/* SPDX-License-Identifier: MIT */
#include "tui/view/job_act.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "jobs/launch.h"
#include "registry/browse_jobs.h"
#include "tui/app.h"
#include "tui/number.h"
#include "tui/view/job_table.h"

enum { FACTS_MAX = 512, SILENT_SECONDS = 5 };

static void said(struct app *app, const struct pare_error *err, const struct pg_rows *rows,
                 const char *done, int64_t id)
{
    if (err)
        app_say(app, ROLE_ERROR, "%s", err->text);
    else if (pg_row_count(rows) == 0)
        app_say(app, ROLE_ERROR, "job %lld is in no state for that any more", (long long)id);
    else
        app_say(app, ROLE_STRONG, "job %lld %s", (long long)id, done);
    if (app->top->ops->tick) /* whoever shows jobs looks again now */
        app->top->due_ms = app->now_ms;
}

static void cancel_came(void *owner, struct request *request, struct pg_rows *const *rows,
                        const struct pare_error *err)
{
    said(owner, err, rows[0], "is asked to stop; T tries it again", request->about);
}

/* Only on the private cluster a worker is started unasked. */
static void retry_came(void *owner, struct request *request, struct pg_rows *const *rows,
                       const struct pare_error *err)
{
    struct app *app = owner;
    struct pare_error problem;
    said(app, err, rows[0], "waits again", request->about);
    if (!err && pg_row_count(rows[0]) > 0 && !app->link.conninfo &&
        !launch_worker(NULL, request->about, &problem))
        app_say(app, ROLE_ERROR, "%s", problem.text);
}

static void cancel(struct app *app, int64_t id)
{
    struct request *request = app_may_write(app) ? link_request(app, cancel_came) : NULL;
    if (!request)
        return;
    request->about = id;
    browse_ask_cancel(&request->batch, &app->link.registry, id);
    link_send(&app->link, request);
}

static void retry(struct app *app, int64_t id)
{
    struct request *request = app_may_write(app) ? link_request(app, retry_came) : NULL;
    if (!request)
        return;
    request->about = id;
    browse_ask_retry(&request->batch, id);
    link_send(&app->link, request);
}

static void open_version(struct app *app, const struct job_row *row)
{
    const struct browse_row *version = rows_find(&app->rows, row->result_id);
    if (!version)
        version = rows_find(&app->rows, row->model_id);
    if (version)
        app_push(app, version_open(app, version->id, browse_name(app->rows.list, version),
                                   browse_word(app->rows.list, version->version)));
    else
        app_say(app, ROLE_ERROR, "%s:%s has been deleted", row->model_name, row->model_version);
}

void job_act(struct app *app, const struct job_item *item, enum action action, struct job_ask *ask)
{
    const struct job_row *row = &item->row;
    bool failed = !item->open && strcmp(row->state, "done") != 0;
    if (action == ACTION_RESULT) {
        open_version(app, row);
    } else if (action == ACTION_CANCEL && !item->open) {
        app_say(app, ROLE_ERROR, "job %lld is %s: nothing to cancel", (long long)row->id,
                row->state);
    } else if (action == ACTION_RETRY && !failed) {
        app_say(app, ROLE_ERROR, "job %lld is %s: nothing to try again", (long long)row->id,
                row->state);
    } else if ((action == ACTION_CANCEL || action == ACTION_RETRY) && app_may_write(app)) {
        *ask = (struct job_ask){ .action = action, .id = row->id };
        snprintf(ask->of, sizeof(ask->of), "%s of %s", item->what, item->of);
    }
}

/* ---- the question ---- */

bool job_ask_key(struct job_ask *ask, struct app *app, const struct key *key)
{
    enum action action = ask->action;
    if (action == ACTION_NONE)
        return false;
    ask->action = ACTION_NONE;
    app->message[0] = '\0';
    if (key->kind == KEY_ENTER && action == ACTION_CANCEL)
        cancel(app, ask->id);
    else if (key->kind == KEY_ENTER)
        retry(app, ask->id);
    return true;
}

void job_ask_draw(const struct job_ask *ask, struct canvas *canvas, int row)
{
    char words[2 * JOB_ASK_OF_MAX];
    if (ask->action == ACTION_NONE)
        return;
    snprintf(words, sizeof(words), "%s job %lld? Enter does it, any other key does not. %s",
             ask->action == ACTION_CANCEL ? "Cancel" : "Try again", (long long)ask->id, ask->of);
    for (int i = 0; i < JOB_ASK_ROWS; i++)
        canvas_fill(canvas, row + i, 0, canvas->columns, ROLE_PLAIN, ' ');
    canvas_wrap(canvas, row, 1, canvas->columns - 2, JOB_ASK_ROWS, ROLE_WARNING, words);
    canvas_cursor(canvas, row, 1);
}

bool job_ask_command(const struct job_ask *ask, struct buf *buf)
{
    if (ask->action == ACTION_NONE)
        return false;
    buf_printf(buf, "pare job %s %lld", ask->action == ACTION_CANCEL ? "cancel" : "retry",
               (long long)ask->id);
    return true;
}

/* ---- in words ---- */

/* Of a transform: the source's bytes, as much of them as are done, a second. */
static void put_rate(const struct rows *rows, const struct job_row *row, struct buf *facts)
{
    const struct browse_row *source = rows_find(rows, row->model_id);
    char rate[NUMBER_ROOM];
    if (strcmp(row->kind, "transform") != 0 || strcmp(row->state, "running") != 0 || !source ||
        isnan(source->size_bytes) || !(row->running_seconds > 0.5) || !(row->done_fraction > 0))
        return;
    number_size(source->size_bytes * row->done_fraction / row->running_seconds, rate);
    buf_printf(facts, "  %s/s", rate);
}

void job_facts(const struct rows *rows, const struct job_item *item, char *to, size_t room)
{
    const struct job_row *row = &item->row;
    struct buf facts;
    char when[NUMBER_ROOM];
    buf_init(&facts, FACTS_MAX);
    number_when(row->submitted_at, when);
    buf_printf(&facts, "%s", when);
    if (*item->made)
        buf_printf(&facts, "  makes %s", item->made);
    buf_printf(&facts, "  by %s", row->actor);
    if (row->attempt > 1)
        buf_printf(&facts, "  attempt %d of %d", row->attempt, row->max_attempts);
    put_rate(rows, row, &facts);
    if (!strcmp(row->state, "running") && row->beat_seconds > SILENT_SECONDS)
        buf_printf(&facts, "  no word from its worker for %.0f s", row->beat_seconds);
    snprintf(to, room, "%s", buf_string(&facts));
    buf_done(&facts);
}
