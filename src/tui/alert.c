/* SPDX-License-Identifier: MIT */
#include "tui/alert.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "registry/browse_jobs.h"
#include "tui/app.h"

enum { LINE_ROOM = ALERT_REF_ROOM + 80, GAP = 2 };

static void take(struct alert *alert, const struct browse_failed *failed)
{
    alert->failed = failed->count;
    alert->last_id = failed->last_id;
    alert->ref[0] = '\0';
    if (failed->name && failed->version)
        snprintf(alert->ref, sizeof(alert->ref), "%s:%s", failed->name, failed->version);
    snprintf(alert->now, sizeof(alert->now), "%s", failed->now ? failed->now : "");
    if (!*alert->since)
        memcpy(alert->since, alert->now, sizeof(alert->since));
}

static void forget(struct alert *alert)
{
    free(alert->snapshot);
    alert->snapshot = NULL;
}

static void failed_came(void *owner, struct request *request, struct pg_rows *const *rows,
                        const struct pare_error *err)
{
    struct app *app = owner;
    struct alert *alert = &app->alert;
    struct browse_failed failed;
    int64_t before = alert->failed, last = alert->last_id;
    (void)request;
    alert->asked = false;
    if (err) {
        alert->refused = err->code == PARE_ERR_REFUSED;
        if (err->code == PARE_ERR_NO_DATABASE)
            forget(alert);
        return; /* else: when somebody writes again */
    }
    browse_take_failed(rows[0], &failed);
    take(alert, &failed);
    app->dirty |= alert->failed != before || alert->last_id != last;
}

/* The jobs are on the screen: whatever failed up to now is seen there. */
static void seen(struct alert *alert)
{
    memcpy(alert->since, alert->now, sizeof(alert->since));
    alert->failed = 0;
}

static bool is_due(const struct app *app)
{
    const struct alert *alert = &app->alert;
    const char *snapshot = app->rows.snapshot;
    struct pare_error ignored;
    return !alert->asked && !alert->refused && app->rows.whole && snapshot &&
           app->link.state == LINK_READY &&
           (!alert->snapshot || strcmp(alert->snapshot, snapshot) != 0) &&
           registry_allows(&app->link.registry, REGISTRY_SEE, &ignored);
}

void alert_step(struct app *app)
{
    struct alert *alert = &app->alert;
    if (app->top->ops->kind & (VIEW_JOBS | VIEW_JOB))
        seen(alert);
    if (!is_due(app))
        return;
    char *snapshot = strdup(app->rows.snapshot);
    struct request *request = snapshot ? link_request(app, failed_came) : NULL;
    if (!request) {
        free(snapshot);
        return;
    }
    forget(alert);
    alert->snapshot = snapshot;
    alert->asked = true;
    browse_ask_failed(&request->batch, *alert->since ? alert->since : NULL);
    link_send(&app->link, request);
}

void alert_done(struct app *app)
{
    link_forget(&app->link, app);
    forget(&app->alert);
}

/* ---- drawing ---- */

/* From the longest to the shortest; the first that there is room for is said. */
static void put_words(const struct alert *alert, int form, char words[LINE_ROOM])
{
    long long count = (long long)alert->failed, id = (long long)alert->last_id;
    const char *jobs = count == 1 ? "job" : "jobs";
    if (form == 0 && *alert->ref && count == 1)
        snprintf(words, LINE_ROOM, "job %lld of %s failed", id, alert->ref);
    else if (form == 0 && *alert->ref)
        snprintf(words, LINE_ROOM, "%lld %s failed, the last %lld of %s", count, jobs, id,
                 alert->ref);
    else if (form == 1)
        snprintf(words, LINE_ROOM, "%lld %s failed", count, jobs);
    else
        snprintf(words, LINE_ROOM, "%lld failed", count);
}

void alert_draw(const struct alert *alert, struct canvas *canvas, int row, int column, int room)
{
    static const char *const leads[] = { "jobs", "jobs", "" };
    const char *key = actions[ACTION_JOBS].key;
    char words[LINE_ROOM];
    for (int form = alert->failed > 0 ? 0 : (int)ARRAY_SIZE(leads); form < (int)ARRAY_SIZE(leads);
         form++) {
        put_words(alert, form, words);
        int width = 2 + text_width(words) + GAP + text_width(key) + 1 + text_width(leads[form]);
        if (width > room)
            continue;
        column += canvas_text(canvas, row, column, room, ROLE_ERROR, "! ");
        column += canvas_text(canvas, row, column, room, ROLE_WARNING, words) + GAP;
        column += canvas_text(canvas, row, column, room, ROLE_KEY, key) + 1;
        canvas_text(canvas, row, column, room, ROLE_PLAIN, leads[form]);
        return;
    }
}
