/* SPDX-License-Identifier: MIT */
#include "tui/view/version_tensors.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "tui/app.h"
#include "tui/number.h"
#include "tui/shell.h"
#include "tui/view/tensor_chart.h"

enum { NEWS_A_PASS = 512, LIST_ROWS_MIN = 6, SUM_MAX = 200 };

void version_tensors_init(struct version_tensors *t)
{
    *t = (struct version_tensors){ .inspector.fd = -1, .asked = -1, .shown = -1 };
    t->table.key = TENSOR_FILE_ORDER;
}

void version_tensors_done(struct version_tensors *t)
{
    inspector_end(&t->inspector);
    tensor_table_done(&t->table);
}

/* ---- the process ---- */

static void fail(struct version_tensors *t, const char *why)
{
    error_set(&t->error, PARE_ERR_FAILED, "%s", why);
    t->chart = false;
}

/* What pare stores and does not read: there is no use in copying it first. */
static bool is_foreign(const char *model_type)
{
    return model_type && (!strcmp(model_type, "pytorch") || !strcmp(model_type, "tensorflow"));
}

void version_tensors_start(struct version_tensors *t, struct app *app, const char *name,
                           const char *version, const char *model_type)
{
    char words[SUM_MAX];
    struct pare_error err;
    struct buf conninfo;
    enum tensor_column key = t->table.key;
    version_tensors_done(t);
    version_tensors_init(t);
    t->table.key = key;
    t->started = true;
    t->phase = "reading the version";
    if (is_foreign(model_type)) {
        snprintf(words, sizeof(words),
                 "Tensors of a %s artifact cannot be read: export the model to ONNX to see them.",
                 model_type);
        fail(t, words);
        return;
    }
    buf_init(&conninfo, CLUSTER_CONNINFO_MAX);
    link_put_conninfo(&app->link, &conninfo);
    const struct beside_source source = { .conninfo = buf_string(&conninfo),
                                          .read_only = app->link.read_only,
                                          .name = name,
                                          .version = version };
    if (!buf_ok(&conninfo, &err) || !inspector_start(&t->inspector, &source, &err))
        fail(t, err.text);
    buf_done(&conninfo);
}

bool version_tensors_busy(const struct version_tensors *t)
{
    return t->inspector.fd >= 0 && !t->error.code &&
           (!t->done || (t->chart && t->asked != t->shown));
}

static void take(struct version_tensors *t, const struct inspector_news *news)
{
    switch (news->kind) {
    case INSPECTOR_PROGRESS:
        t->phase = !strcmp(news->name, "reading") ? "reading the version"
                   : !strcmp(news->name, "zeros") ? "counting zeros"
                                                  : "counting values";
        t->done_fraction = news->done_fraction;
        break;
    case INSPECTOR_HISTOGRAM:
    case INSPECTOR_REFUSED:
        if (news->index != t->asked)
            break;
        t->shown = news->index;
        t->histogram = news->histogram;
        snprintf(t->refusal, sizeof(t->refusal), "%s",
                 news->kind == INSPECTOR_REFUSED ? news->reason : "");
        break;
    case INSPECTOR_FAILED:
        fail(t, news->reason);
        break;
    default:
        tensor_table_take(&t->table, news);
        t->listed |= news->kind == INSPECTOR_LISTED;
        t->done |= news->kind == INSPECTOR_DONE;
        break;
    }
}

/* The histogram follows the cursor. */
static void ask_histogram(struct version_tensors *t)
{
    int64_t wanted = t->chart ? tensor_table_cursor(&t->table) : -1;
    if (wanted == t->asked)
        return;
    t->asked = wanted;
    if (t->asked != t->shown)
        inspector_ask(&t->inspector, wanted);
}

void version_tensors_ready(struct version_tensors *t)
{
    struct inspector_news news;
    for (int i = 0; i < NEWS_A_PASS && inspector_take(&t->inspector, &news); i++)
        take(t, &news);
    /* The foot, which is drawn first, and a histogram that was asked for want a tensor at once. */
    if (t->chart || tensor_table_cursor(&t->table) < 0)
        tensor_table_fit(&t->table);
    if (t->chart)
        ask_histogram(t);
}

/* ---- keys ---- */

void version_tensors_act(struct version_tensors *t, enum action action)
{
    switch (action) {
    case ACTION_NARROW:
        t->typing = true;
        prompt_set(&t->prompt, t->table.filter);
        break;
    case ACTION_SORT_TENSORS:
        tensor_table_sort_next(&t->table);
        break;
    case ACTION_TURN_TENSORS:
        tensor_table_turn(&t->table);
        break;
    case ACTION_UNFOLD:
    case ACTION_FOLD:
        t->chart = !t->chart;
        break;
    default:
        scroll_act(&t->table.scroll, action);
        break;
    }
    ask_histogram(t);
}

/* Each key narrows at once; Escape brings all back. */
static bool type_filter(struct version_tensors *t, const struct key *key)
{
    switch (prompt_key(&t->prompt, key)) {
    case PROMPT_EDITED:
        tensor_table_narrow(&t->table, t->prompt.text);
        break;
    case PROMPT_LEFT:
        tensor_table_narrow(&t->table, "");
        t->typing = false;
        break;
    case PROMPT_ENTERED:
        t->typing = false;
        break;
    default:
        break;
    }
    ask_histogram(t);
    return true;
}

bool version_tensors_type(struct version_tensors *t, const struct key *key)
{
    if (t->typing)
        return type_filter(t, key);
    if (!t->chart || action_of(key, VIEW_VERSION) != ACTION_BACK)
        return false;
    t->chart = false; /* q is one step back: the histogram goes first */
    ask_histogram(t);
    return true;
}

/* ---- drawing ---- */

static void draw_sum(struct version_tensors *t, struct canvas *canvas, int row)
{
    struct buf sum;
    int room = canvas->columns - 2;
    bool waiting = version_tensors_busy(t);
    if (waiting) {
        room -= 26;
        canvas_printf(canvas, row, MAX(1, room + 2), 25, ROLE_DIM, "%s %.0f %%", t->phase,
                      100 * t->done_fraction);
    }
    buf_init(&sum, SUM_MAX);
    tensor_table_sum(&t->table, &sum);
    if (t->typing || *t->table.filter) {
        canvas_text(canvas, row, 1, 2, ROLE_KEY, "/ ");
        int width = MAX(4, MIN(30, room / 2));
        if (!t->typing)
            width = canvas_text(canvas, row, 3, width, ROLE_STRONG, t->table.filter);
        canvas_text(canvas, row, 5 + width, MAX(0, room - width - 4), ROLE_DIM, buf_string(&sum));
    } else {
        canvas_text(canvas, row, 1, MAX(0, room), ROLE_DIM, t->table.count ? buf_string(&sum) : "");
    }
    buf_done(&sum);
}

static void draw_chart(struct version_tensors *t, struct canvas *canvas, struct view_area area)
{
    const char *name = t->asked >= 0 ? t->table.rows[t->asked].name : "";
    canvas_rule(canvas, area.top++);
    area.height--;
    if (t->asked < 0) {
        canvas_text(canvas, area.top, 2, canvas->columns - 3, ROLE_DIM, "no tensor is selected");
    } else if (t->asked != t->shown) {
        canvas_printf(canvas, area.top, 2, canvas->columns - 3, ROLE_DIM, "%s: %s %.0f %%", name,
                      t->phase, 100 * t->done_fraction);
    } else if (*t->refusal) {
        canvas_wrap(canvas, area.top, 2, canvas->columns - 4, area.height, ROLE_WARNING,
                    t->refusal);
    } else {
        tensor_chart_draw(&t->histogram, name, canvas, area);
    }
}

void version_tensors_draw(struct version_tensors *t, struct canvas *canvas, struct view_area area)
{
    if (t->error.code) {
        canvas_wrap(canvas, area.top + 1, 2, canvas->columns - 4, area.height - 1, ROLE_WARNING,
                    t->error.text);
        return;
    }
    if (t->listed && t->table.count == 0) {
        canvas_text(canvas, area.top + 1, 2, canvas->columns - 4, ROLE_DIM, "it has no tensors");
        return;
    }
    tensor_table_fit(&t->table);
    draw_sum(t, canvas, area.top++);
    area.height--;
    int chart = t->chart ? MIN(TENSOR_CHART_ROWS, area.height - LIST_ROWS_MIN) : 0;
    if (t->chart && chart < TENSOR_CHART_ROWS_MIN)
        chart = area.height;
    area.height -= chart;
    tensor_table_draw(&t->table, canvas, area);
    if (chart > 0)
        draw_chart(t, canvas, (struct view_area){ .top = area.top + area.height, .height = chart });
    if (t->typing)
        prompt_draw(&t->prompt, canvas, area.top - 1, 3, MAX(4, MIN(30, canvas->columns / 2 - 2)));
}

void version_tensors_put_options(const struct version_tensors *t, struct buf *buf)
{
    buf_text(buf, " --tensors");
    if (t->chart && t->asked >= 0) {
        buf_text(buf, " --histogram ");
        shell_quote(buf, t->table.rows[t->asked].name);
    }
}

void version_tensors_detail(const struct version_tensors *t, struct buf *buf)
{
    char count[NUMBER_ROOM];
    int64_t at = tensor_table_cursor(&t->table);
    if (t->typing) {
        buf_text(buf, "a part of a name, or a pattern with * ? [; Enter keeps it, Escape drops it");
        return;
    }
    if (at < 0)
        return;
    const struct tensor_row *row = &t->table.rows[at];
    number_count((size_t)MAX(row->element_count, 0), count);
    buf_printf(buf, "h histogram  s sort  o turn  / narrow   %s  %s values%s%s", row->name, count,
               *row->op ? ", feeds " : "", row->op);
}
