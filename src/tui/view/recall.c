/* SPDX-License-Identifier: MIT */
#include "tui/view/recall.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "tui/app.h"
#include "tui/view/version_table.h"

static const char section[] = "models";

static const char *const groups[] = {
    [SIFT_FLAT] = "", [SIFT_GROUPED] = "model", [SIFT_CLOSED] = "model, closed"
};

enum { PAGE_LINES_MAX = 70, PAGE_BYTES_MAX = 48 * 1024 };

/* One registry for another would show rows that are not there: server and port belong to its name. */
static bool find_key(struct app *app)
{
    const struct link *link = &app->link;
    const struct registry *registry = &link->registry;
    if (*app->registry_key || !link->known || !link->pg)
        return *app->registry_key;
    if (link->conninfo)
        snprintf(app->registry_key, sizeof(app->registry_key), "%s@%s:%s", registry->database,
                 registry->host, pg_fact(link->pg, "port"));
    else
        snprintf(app->registry_key, sizeof(app->registry_key), "private@%s", registry->host);
    return true;
}

/* ---- the page ---- */

void recall_page_done(struct recall_page *page)
{
    arena_done(&page->arena);
    *page = (struct recall_page){ 0 };
}

void recall_page_draw(const struct recall_page *page, struct canvas *canvas, int top, int height)
{
    for (int i = 0; i < MIN(page->count, height); i++)
        canvas_text(canvas, top + i, 0, canvas->columns, ROLE_DIM, page->lines[i]);
}

static void put_line(const struct canvas *canvas, int row, struct buf *buf)
{
    size_t end = 0;
    for (int column = 0; column < canvas->columns; column++) {
        const struct cell *cell = &canvas->cells[row * canvas->columns + column];
        for (const wchar_t *c = cell->text; *c; c++) {
            char bytes[MB_LEN_MAX];
            size_t length = wcrtomb(bytes, *c, &(mbstate_t){ 0 });
            if (length != (size_t)-1)
                buf_add(buf, bytes, length);
            if (*c != L' ')
                end = buf->length;
        }
    }
    if (buf->data)
        buf->data[end] = '\0';
}

/* The first page of what is in force, drawn aside. */
static void draw_page(const struct app *app, const struct sift *sift, struct canvas *aside)
{
    const struct browse_list *list = app->rows.list;
    struct version_table table;
    int side = 0;
    canvas_clear(aside);
    version_table_fit(&table, sift, list, aside->columns, &side);
    version_table_titles(&table, aside, 0);
    for (size_t i = 0; i < sift->count && (int)i + 1 < aside->rows; i++)
        version_table_row(&table, aside, (int)i + 1, list, &list->rows[sift->index[i]],
                          i ? &list->rows[sift->index[i - 1]] : NULL);
}

static cJSON *make_page(const struct app *app, const struct sift *sift)
{
    struct canvas aside = { .ascii = app->canvas.ascii };
    struct pare_error ignored;
    size_t bytes = 0;
    cJSON *page = cJSON_CreateObject();
    cJSON *lines = cJSON_AddArrayToObject(page, "lines");
    int rows = MIN(app->canvas.rows, PAGE_LINES_MAX);
    if (canvas_resize(&aside, MAX(rows, 1), MAX(app->canvas.columns, 1), &ignored)) {
        draw_page(app, sift, &aside);
        for (int row = 0; lines && row < aside.rows && bytes < PAGE_BYTES_MAX; row++) {
            struct buf line;
            buf_init(&line, PAGE_BYTES_MAX / 4);
            put_line(&aside, row, &line);
            bytes += line.length;
            cJSON_AddItemToArray(lines, cJSON_CreateString(buf_string(&line)));
            buf_done(&line);
        }
        cJSON_AddNumberToObject(page, "columns", aside.columns);
    }
    canvas_done(&aside);
    return page;
}

static void take_page(const cJSON *entry, struct recall_page *page)
{
    const cJSON *found = cJSON_GetObjectItemCaseSensitive(entry, "page"), *line;
    const cJSON *lines = cJSON_GetObjectItemCaseSensitive(found, "lines");
    *page = (struct recall_page){ .columns = (int)json_number(found, "columns", 0) };
    page->lines = arena_array(&page->arena, PAGE_LINES_MAX, sizeof(*page->lines));
    cJSON_ArrayForEach(line, lines)
    {
        if (page->lines && page->count < PAGE_LINES_MAX && cJSON_IsString(line) &&
            (page->lines[page->count] = arena_strdup(&page->arena, line->valuestring)))
            page->count++;
    }
}

/* ---- the wish ---- */

bool recall_get(struct app *app, struct sift_wish *ret_wish, struct recall_page *ret_page)
{
    struct sift_wish wish = { 0 };
    struct pare_error err;
    const cJSON *entry = find_key(app) ? state_get(&app->state, section, app->registry_key) : NULL;
    if (!entry)
        return false;
    const char *columns = json_string(entry, "columns", NULL);
    shape_default(&wish.shape);
    if (columns && !shape_parse(columns, &wish.shape, &err))
        shape_default(&wish.shape); /* somebody else wrote that: as if it were not there */
    snprintf(wish.filter, sizeof(wish.filter), "%s", json_string(entry, "filter", ""));
    snprintf(wish.sort, sizeof(wish.sort), "%s", json_string(entry, "sort", ""));
    snprintf(wish.goal, sizeof(wish.goal), "%s", json_string(entry, "goal", ""));
    for (size_t i = 0; i < ARRAY_SIZE(groups); i++)
        if (!strcmp(groups[i], json_string(entry, "group", "")))
            wish.group = (enum sift_group)i;
    take_page(entry, ret_page);
    *ret_wish = wish;
    return true;
}

/* What was given on the command line is for this time. */
static const char *filter_to_keep(const struct app *app, const struct sift_wish *wish)
{
    const char *given = app->options->filter;
    if (!given || strcmp(given, wish->filter) != 0)
        return wish->filter;
    return json_string(state_get(&app->state, section, app->registry_key), "filter", "");
}

static bool is_usual(const struct app *app, const struct sift_wish *wish, const char *columns)
{
    struct shape shape;
    struct buf usual;
    shape_default(&shape);
    buf_init(&usual, SHAPE_TEXT_MAX);
    shape_put(&shape, true, &usual);
    bool same = !strcmp(buf_string(&usual), columns) && !*filter_to_keep(app, wish) &&
                !*wish->sort && !*wish->goal && !wish->group;
    buf_done(&usual);
    return same;
}

static cJSON *make_entry(const struct app *app, const struct sift *sift, const char *columns)
{
    const struct sift_wish *wish = &sift->good.wish;
    cJSON *entry = cJSON_CreateObject();
    cJSON_AddStringToObject(entry, "columns", columns);
    cJSON_AddStringToObject(entry, "sort", wish->sort);
    cJSON_AddStringToObject(entry, "filter", filter_to_keep(app, wish));
    if (*wish->goal)
        cJSON_AddStringToObject(entry, "goal", wish->goal);
    if (wish->group)
        cJSON_AddStringToObject(entry, "group", groups[wish->group]);
    if (*wish->sort && !wish->group && app->rows.whole && sift->count > 0)
        cJSON_AddItemToObject(entry, "page", make_page(app, sift));
    return entry;
}

void recall_put(struct app *app, const struct sift *sift)
{
    const char *key = app->registry_key;
    struct buf columns;
    struct pare_error err;
    if (!*key || sift->waiting)
        return;
    buf_init(&columns, SHAPE_TEXT_MAX);
    shape_put(&sift->good.wish.shape, true, &columns);
    bool needless = is_usual(app, &sift->good.wish, buf_string(&columns)) &&
                    !state_get(&app->state, section, key);
    if (!needless &&
        (!state_put(&app->state, section, key, make_entry(app, sift, buf_string(&columns)), &err) ||
         !state_save(&app->state, &err)))
        app_say(app, ROLE_ERROR, "%s", err.text);
    buf_done(&columns);
}
