/* SPDX-License-Identifier: MIT */
/*
 * New job: fields above, below what they would do, tensor by tensor, before anything runs.
 *
 * The plan is made by a process beside this one (jobs/planner.h) and follows each change.
 * Submitting is one row in the queue, and returns at once.
 */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "jobs/launch.h"
#include "registry/browse_jobs.h"
#include "tui/app.h"
#include "tui/view/job_fields.h"
#include "tui/view/plan_table.h"

enum { RECIPE_MAX = 64 * 1024, NEWS_A_PASS = 256, PLAN_ROWS_MIN = 3, NARROW_BELOW = 60 };

struct new_job {
    struct view view;
    struct arena arena; /* the version's names */
    int64_t id;
    const char *name, *version; /* as they are stored */
    struct job_fields fields;
    struct planner planner;
    struct plan_table plan;
    bool started; /* the planner has been, or cannot be */
    bool asked;   /* for datasets */
    bool writing;
    struct pare_error error; /* of the recipe; code 0: none */
};

/* ---- the plan ---- */

static void ask_plan(struct new_job *self)
{
    struct buf recipe;
    if (job_fields_what(&self->fields) == WHAT_MEASURE)
        return;
    buf_init(&recipe, RECIPE_MAX);
    self->error.code = PARE_OK;
    if (!job_fields_put_recipe(&self->fields, &recipe, &self->error)) {
        planner_ask(&self->planner, NULL);
        plan_table_refuse(&self->plan, self->error.text);
    } else if (self->planner.fd >= 0) {
        plan_table_expect(&self->plan);
        planner_ask(&self->planner, buf_string(&recipe));
    }
    self->view.busy = self->plan.waiting;
    buf_done(&recipe);
}

static void start_planner(struct new_job *self)
{
    const struct link *link = &self->view.app->link;
    struct pare_error err;
    struct buf conninfo;
    buf_init(&conninfo, CLUSTER_CONNINFO_MAX);
    link_put_conninfo(link, &conninfo);
    const struct beside_source source = { .conninfo = buf_string(&conninfo),
                                          .read_only = link->read_only,
                                          .name = self->name,
                                          .version = self->version };
    self->started = true;
    if (!buf_ok(&conninfo, &err) || !planner_start(&self->planner, &source, &err))
        plan_table_refuse(&self->plan, err.text);
    buf_done(&conninfo);
    self->view.fd = MAX(self->planner.fd, 0);
    ask_plan(self);
}

static void ready(struct view *view)
{
    struct new_job *self = (struct new_job *)view;
    struct planner_news news;
    for (int i = 0; i < NEWS_A_PASS && planner_take(&self->planner, &news); i++)
        plan_table_take(&self->plan, &news);
    if (self->planner.fd < 0 && view->app->link.state != LINK_READY)
        self->started = false; /* another one after the next connect */
    view->fd = MAX(self->planner.fd, 0);
    view->busy = self->plan.waiting;
    view->app->dirty = true;
}

/* ---- datasets ---- */

static void datasets_came(void *owner, struct request *request, struct pg_rows *const *rows,
                          const struct pare_error *err)
{
    struct new_job *self = owner;
    struct dataset_row *list;
    size_t count;
    struct pare_error ignored;
    self->view.app->dirty = true;
    if (err)
        self->asked = err->code != PARE_ERR_NO_DATABASE;
    else if (dataset_list_take(rows[0], &request->arena, &list, &count, &ignored))
        job_fields_set_datasets(&self->fields, list, count);
}

static void ask_datasets(struct new_job *self)
{
    struct pare_error ignored;
    struct app *app = self->view.app;
    self->asked = true;
    if (!registry_allows(&app->link.registry, REGISTRY_SEE, &ignored))
        return;
    struct request *request = link_request(self, datasets_came);
    if (!request)
        return;
    browse_ask_datasets(&request->batch);
    link_send(&app->link, request);
}

static void news(struct view *view)
{
    struct new_job *self = (struct new_job *)view;
    if (view->app->link.state != LINK_READY)
        return;
    if (!self->asked)
        ask_datasets(self);
    if (!self->started)
        start_planner(self);
}

/* ---- submitting ---- */

static void submitted(struct new_job *self, int64_t id, bool added)
{
    struct app *app = self->view.app;
    struct pare_error err;
    bool is_private = !app->link.conninfo;
    bool ok = !is_private || launch_worker(NULL, id, &err);
    if (!ok)
        app_say(app, ROLE_ERROR, "job %lld waits: %s", (long long)id, err.text);
    else
        app_say(app, ROLE_STRONG,
                added ? "job %lld is on its way; leaving pare does not stop it"
                      : "the same job is under way already: %lld",
                (long long)id);
    app_close(app, &self->view); /* and gone it is */
    app_push(app, jobs_open(app, id));
}

static void submit_came(void *owner, struct request *request, struct pg_rows *const *rows,
                        const struct pare_error *err)
{
    struct new_job *self = owner;
    struct app *app = self->view.app;
    struct pare_error problem;
    int64_t id;
    bool added;
    (void)request;
    self->writing = false;
    if (err && err->code == PARE_ERR_NO_DATABASE)
        app_say(app, ROLE_WARNING,
                "the connection was lost: whether the job arrived shows under w. S again makes no "
                "second one");
    else if (err)
        app_say(app, ROLE_ERROR, "%s", err->text);
    else if (queue_submit_take(rows[0], &id, &added, &problem))
        submitted(self, id, added);
    else
        app_say(app, ROLE_ERROR, "%s", problem.text);
}

static bool is_taken(const struct new_job *self, const char *version)
{
    const struct browse_list *list = self->view.app->rows.list;
    for (size_t i = 0; i < list->count; i++)
        if (!strcmp(browse_word(list, list->rows[i].version), version) &&
            !strcmp(browse_name(list, &list->rows[i]), self->name))
            return true;
    return false;
}

static bool may_submit(struct new_job *self)
{
    struct app *app = self->view.app;
    const char *version = form_value(&self->fields.fields[ASK_NAME]);
    bool makes = job_fields_what(&self->fields) != WHAT_MEASURE;
    if (self->writing || !app_may_write(app))
        return false;
    if (makes && is_taken(self, version))
        app_say(app, ROLE_ERROR, "%s is there already: give another new name", version);
    else if (makes && self->plan.any && !self->plan.waiting && self->plan.shown.error)
        app_say(app, ROLE_ERROR, "%s", self->plan.shown.error);
    else if (makes && self->plan.any && !self->plan.waiting && !self->plan.shown.changed_count)
        app_say(app, ROLE_ERROR, "the plan changes nothing: there is nothing to start");
    else
        return true;
    return false;
}

static void submit(struct new_job *self)
{
    struct app *app = self->view.app;
    struct pare_error err;
    struct buf spec;
    const struct version version = { .id = self->id,
                                     .raw_name = self->name,
                                     .raw_version = self->version };
    struct queue_order order = { .version = &version };
    struct request *request = may_submit(self) ? link_request(self, submit_came) : NULL;
    if (!request)
        return;
    buf_init(&spec, RECIPE_MAX);
    bool ok = job_fields_put_spec(&self->fields, &spec, &order.kind, &err);
    order.spec = ok ? arena_strdup(&request->arena, buf_string(&spec)) : NULL;
    buf_done(&spec);
    if (ok && !order.spec)
        ok = error_no_memory(&err, RECIPE_MAX);
    ok = ok && browse_ask_submit(&request->batch, &app->link.registry, &order, &err);
    if (!ok) {
        app_say(app, ROLE_ERROR, "%s", err.text);
        link_drop(request);
        return;
    }
    self->writing = true;
    link_send(&app->link, request);
}

/* ---- keys ---- */

static void changed(struct new_job *self, enum form_news what)
{
    if (what == FORM_NOTHING)
        return;
    job_fields_follow(&self->fields);
    /* A new name changes no plan. */
    if (what == FORM_CHANGED && self->fields.form.cursor != ASK_NAME)
        ask_plan(self);
}

static bool type(struct view *view, const struct key *key)
{
    struct new_job *self = (struct new_job *)view;
    if (!self->fields.form.typing)
        return false;
    view->app->message[0] = '\0';
    changed(self, form_type(&self->fields.form, key));
    return true;
}

static void act(struct view *view, enum action action)
{
    struct new_job *self = (struct new_job *)view;
    if (action == ACTION_SUBMIT)
        submit(self);
    else if (action == ACTION_AGAIN && self->planner.fd < 0 && view->app->link.state == LINK_READY)
        start_planner(self);
    else if (action == ACTION_AGAIN)
        ask_plan(self);
    else if (action == ACTION_PAGE_DOWN || action == ACTION_PAGE_UP)
        scroll_page(&self->plan.scroll, action);
    else
        changed(self, form_act(&self->fields.form, action));
}

/* ---- drawing ---- */

static void draw_measure(struct canvas *canvas, struct view_area area)
{
    canvas_wrap(canvas, area.top, 2, canvas->columns - 4, area.height, ROLE_DIM,
                "A worker runs the version in ONNX Runtime: latency and memory on its own inputs, "
                "in turns with the other one; then accuracy and agreement on the dataset, row by "
                "row. Numbers that a person wrote stay; the new ones are kept with their "
                "conditions.");
}

static void draw(struct view *view, struct canvas *canvas, struct view_area area)
{
    struct new_job *self = (struct new_job *)view;
    const struct form *form = &self->fields.form;
    int wanted = (int)form_height(form);
    int rows = MAX(1, MIN(wanted, area.height - 1 - PLAN_ROWS_MIN));
    struct view_area below = { .top = area.top + rows + 2, .height = area.height - rows - 2 };
    canvas_text(canvas, area.top, 2, 10, ROLE_DIM, "of");
    canvas_printf(canvas, area.top, 13, canvas->columns - 14, ROLE_TITLE, "%s:%s", self->name,
                  self->version);
    form_draw(form, canvas, area.top + 1, rows);
    int cursor_row = canvas->cursor_row, cursor_column = canvas->cursor_column;
    if (below.height < 0)
        return;
    canvas_rule(canvas, area.top + rows + 1);
    if (job_fields_what(&self->fields) == WHAT_MEASURE)
        draw_measure(canvas, below);
    else
        plan_table_draw(&self->plan, canvas, below);
    canvas_cursor(canvas, cursor_row, cursor_column);
}

static void command(struct view *view, struct buf *buf)
{
    job_fields_put_command(&((struct new_job *)view)->fields, buf);
}

/* The plan. A measurement has none. */
static void table(struct view *view, struct buf *buf)
{
    if (job_fields_what(&((struct new_job *)view)->fields) == WHAT_MEASURE)
        return;
    command(view, buf);
    buf_text(buf, " --dry-run");
}

static void detail(struct view *view, struct buf *buf)
{
    const struct new_job *self = (struct new_job *)view;
    if (self->writing)
        buf_text(buf, "writing");
    else if (self->fields.form.typing)
        buf_text(buf, "Enter keeps what is typed, Escape what was there");
    else if (view->app->canvas.columns < NARROW_BELOW)
        form_put_words(&self->fields.form, buf);
    else
        buf_text(buf,
                 "S starts the job; Enter, h and l change a field; f and b turn the plan's page");
}

static void close_view(struct view *view)
{
    struct new_job *self = (struct new_job *)view;
    link_forget(&view->app->link, self);
    planner_end(&self->planner);
    plan_table_done(&self->plan);
    job_fields_done(&self->fields);
    arena_done(&self->arena);
    free(self);
}

static const struct view_ops ops = {
    .kind = VIEW_NEW_JOB,
    .name = "New job",
    .draw = draw,
    .act = act,
    .type = type,
    .news = news,
    .ready = ready,
    .command = command,
    .detail = detail,
    .table = table,
    .close = close_view,
};

/* What a measurement of `row` is compared with: the version it was made of, else the default. */
static size_t find_against(const struct browse_list *list, const struct browse_row *row,
                           struct job_against ret_list[2])
{
    size_t count = 0;
    for (size_t i = 0; i < list->count && count < 2; i++) {
        const struct browse_row *each = &list->rows[i];
        bool parent = row->parent_id && each->id == row->parent_id;
        bool dflt = each->is_default && each->model == row->model;
        if (each->id == row->id || (!parent && !dflt))
            continue;
        struct job_against found = { each->id, browse_name(list, each),
                                     browse_word(list, each->version),
                                     parent ? "the version it was made of" : "the default" };
        if (parent && count == 1) {
            ret_list[1] = ret_list[0];
            ret_list[0] = found;
        } else {
            ret_list[count] = found;
        }
        count++;
    }
    return count;
}

struct view *new_job_open(struct app *app, const struct browse_row *row)
{
    const struct browse_list *list = app->rows.list;
    struct job_against against[2];
    struct new_job *self = calloc(1, sizeof(*self));
    if (!self)
        return NULL;
    self->view = (struct view){ .ops = &ops, .app = app };
    self->planner.fd = -1;
    self->id = row->id;
    self->name = arena_strdup(&self->arena, browse_name(list, row));
    self->version = arena_strdup(&self->arena, browse_word(list, row->version));
    size_t count = find_against(list, row, against);
    if (!self->name || !self->version ||
        !job_fields_init(&self->fields, self->name, self->version, against, count)) {
        close_view(&self->view);
        return NULL;
    }
    job_fields_follow(&self->fields);
    news(&self->view);
    return &self->view;
}
