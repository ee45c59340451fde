/* SPDX-License-Identifier: MIT */
#include "tui/view/compare_work.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "jobs/launch.h"
#include "jobs/order.h"
#include "registry/browse_jobs.h"
#include "tui/app.h"
#include "tui/shell.h"

enum { SPEC_MAX = 64 * 1024, QUESTION_MAX = 1024, QUESTION_ROWS = 2 };

void compare_work_init(struct compare_work *work, struct app *app)
{
    *work = (struct compare_work){ .app = app };
}

void compare_work_done(struct compare_work *work)
{
    link_forget(&work->app->link, work);
    arena_done(&work->arena);
}

/* ---- on which data ---- */

/* The only one, else the one that the shown numbers were got on; NULL: somebody has to say. */
static const struct dataset_row *choose(const struct compare_work *work,
                                        const struct dataset_row *list, size_t count)
{
    if (count == 1)
        return &list[0];
    for (size_t i = 0; i < count; i++)
        if (*work->digest && !strncmp(list[i].digest, work->digest, strlen(work->digest)))
            return &list[i];
    return NULL;
}

static void datasets_came(void *owner, struct request *request, struct pg_rows *const *rows,
                          const struct pare_error *err)
{
    struct compare_work *work = owner;
    struct dataset_row *list;
    const struct dataset_row *found = NULL;
    size_t count = 0;
    struct pare_error problem;
    work->state = COMPARE_WORK_NONE;
    work->app->dirty = true;
    if (!err && !dataset_list_take(rows[0], &request->arena, &list, &count, &problem))
        err = &problem;
    if (!err && count > 0)
        found = choose(work, list, count);
    if (err)
        app_say(work->app, ROLE_ERROR, "%s", err->text);
    else if (count == 0)
        app_say(work->app, ROLE_ERROR,
                "there is no dataset to measure on: pare dataset import FILE --name D");
    else if (!found)
        app_say(work->app, ROLE_ERROR,
                "there are %zu datasets and these numbers were got on none of them: say which with "
                "pare measure REF... --against REF --together --dataset D",
                count);
    else if ((work->dataset = arena_strdup(&work->arena, found->name)))
        work->state = COMPARE_WORK_ASKING;
}

static void remember(struct compare_work *work, const struct comparison *c)
{
    arena_done(&work->arena);
    work->digest[0] = '\0';
    work->count = c->count;
    work->baseline = c->baseline;
    for (size_t i = 0; i < c->count; i++) {
        const char *digest = c->sides[i].alike.digest;
        work->ids[i] = c->sides[i].version.id;
        if (digest && !*work->digest)
            snprintf(work->digest, sizeof(work->digest), "%s", digest);
    }
}

void compare_work_begin(struct compare_work *work, const struct comparison *c)
{
    if (work->state != COMPARE_WORK_NONE || !app_may_write(work->app))
        return;
    struct request *request = link_request(work, datasets_came);
    if (!request)
        return;
    remember(work, c);
    work->state = COMPARE_WORK_LOOKING;
    browse_ask_datasets(&request->batch);
    link_send(&work->app->link, request);
}

/* ---- the question ---- */

int compare_work_rows(const struct compare_work *work)
{
    return work->state == COMPARE_WORK_ASKING ? QUESTION_ROWS : 0;
}

void compare_work_draw(const struct compare_work *work, struct canvas *canvas, int row)
{
    char words[QUESTION_MAX];
    snprintf(words, sizeof(words),
             "Measure all %zu again on %.200s: one job runs them in turns, each against %c. Enter "
             "starts it, any other key does not.",
             work->count, work->dataset, (char)('A' + work->baseline));
    for (int i = 0; i < QUESTION_ROWS; i++)
        canvas_fill(canvas, row + i, 0, canvas->columns, ROLE_PLAIN, ' ');
    canvas_wrap(canvas, row, 1, canvas->columns - 2, QUESTION_ROWS, ROLE_WARNING, words);
    canvas_cursor(canvas, row, 1);
}

static void put_ref(const struct version *version, struct buf *buf)
{
    buf_char(buf, ' ');
    shell_ref(buf, version->raw_name, version->raw_version);
}

bool compare_work_command(const struct compare_work *work, const struct comparison *c,
                          struct buf *buf)
{
    if (work->state != COMPARE_WORK_ASKING)
        return false;
    buf_text(buf, "pare measure");
    for (size_t i = 0; i < c->count; i++)
        if (i != work->baseline)
            put_ref(&c->sides[i].version, buf);
    buf_text(buf, " --against");
    put_ref(&c->sides[work->baseline].version, buf);
    buf_text(buf, " --dataset ");
    shell_quote(buf, work->dataset);
    buf_text(buf, c->count > 2 ? " --together --detach" : " --detach");
    return true;
}

/* ---- the job ---- */

static void submitted(void *owner, struct request *request, struct pg_rows *const *rows,
                      const struct pare_error *err)
{
    struct compare_work *work = owner;
    struct app *app = work->app;
    struct pare_error problem;
    int64_t id = 0;
    bool added;
    (void)request;
    work->state = COMPARE_WORK_NONE;
    app->dirty = true;
    if (err) {
        app_say(app, ROLE_ERROR, "%s", err->text);
        return;
    }
    if (!queue_submit_take(rows[0], &id, &added, &problem))
        app_say(app, ROLE_ERROR, "%s", problem.text);
    else if (!app->link.conninfo && !launch_worker(NULL, 0, &problem))
        app_say(app, ROLE_ERROR, "job %lld waits: %s", (long long)id, problem.text);
    else
        app_say(app, ROLE_STRONG,
                added
                    ? "job %lld is on its way; w in Models shows it, and this screen what it finds"
                    : "the same job is under way already: %lld",
                (long long)id);
}

static bool put_order(const struct compare_work *work, const struct comparison *c,
                      struct request *request, struct pare_error *err)
{
    struct buf spec;
    int64_t beside[COMPARISON_MAX];
    struct order_measure measure = { .dataset = work->dataset,
                                     .against_id = work->ids[work->baseline],
                                     .beside_ids = beside,
                                     .threads = ORDER_MEASURE_THREADS,
                                     .seconds = ORDER_MEASURE_SECONDS };
    size_t first = work->baseline == 0 ? 1 : 0;
    struct queue_order order = { .kind = "measure", .version = &c->sides[first].version };
    for (size_t i = first + 1; i < work->count; i++)
        if (i != work->baseline)
            beside[measure.beside_count++] = work->ids[i];
    buf_init(&spec, SPEC_MAX);
    order_put_measure(&measure, &spec);
    bool ok = buf_ok(&spec, err);
    order.spec = ok ? arena_strdup(&request->arena, buf_string(&spec)) : NULL;
    buf_done(&spec);
    if (ok && !order.spec)
        ok = error_no_memory(err, SPEC_MAX);
    return ok && browse_ask_submit(&request->batch, &work->app->link.registry, &order, err);
}

static void submit(struct compare_work *work, const struct comparison *c)
{
    struct app *app = work->app;
    struct pare_error err;
    struct request *request = app_may_write(app) ? link_request(work, submitted) : NULL;
    if (!request)
        return;
    if (!put_order(work, c, request, &err)) {
        app_say(app, ROLE_ERROR, "%s", err.text);
        link_drop(request);
        return;
    }
    work->state = COMPARE_WORK_WRITING;
    link_send(&app->link, request);
}

bool compare_work_key(struct compare_work *work, const struct comparison *c, const struct key *key)
{
    if (work->state != COMPARE_WORK_ASKING)
        return false;
    work->state = COMPARE_WORK_NONE;
    work->app->message[0] = '\0';
    if (key->kind == KEY_ENTER)
        submit(work, c);
    return true;
}
