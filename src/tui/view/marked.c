/* SPDX-License-Identifier: MIT */
#include "tui/view/marked.h"

#include "registry/browse_compare.h"
#include "tui/app.h"

bool marked_turn(struct app *app, const struct browse_row *row)
{
    if (!row)
        return false;
    if (marks_turn(&app->marks, row->id))
        return true;
    app_say(app, ROLE_ERROR, "%d versions are marked, more cannot be; u takes all marks away",
            MARKS_MAX);
    return false;
}

/* The marked versions that are there, in the order of their marks but for a default, which comes first. */
static struct marks find_marked(const struct app *app)
{
    const struct browse_list *list = app->rows.list;
    struct marks there = { 0 }, found = { 0 };
    int64_t first = 0;
    for (size_t i = 0; i < list->count && there.count < app->marks.count; i++) {
        const struct browse_row *row = &list->rows[i];
        if (!marks_has(&app->marks, row->id))
            continue;
        there.ids[there.count++] = row->id;
        if (row->is_default && !first)
            first = row->id;
    }
    if (first)
        found.ids[found.count++] = first;
    for (size_t i = 0; i < app->marks.count; i++)
        if (app->marks.ids[i] != first && marks_has(&there, app->marks.ids[i]))
            found.ids[found.count++] = app->marks.ids[i];
    return found;
}

void marked_compare(struct app *app, const struct browse_row *row)
{
    struct marks found = find_marked(app);
    const struct browse_row *base = row ? browse_base(app->rows.list, row) : NULL;
    if (app->rows.whole)
        app->marks = found; /* what has been deleted is not marked any more */
    if (found.count < 2 && (!base || base == row)) {
        app_say(app, ROLE_ERROR,
                base ? "this is what its model's versions are compared with: choose another one, "
                       "or mark two to four with Space"
                     : "nothing to compare: mark two to four versions with Space");
    } else if (found.count < 2) {
        app_push(app, compare_open(app, (const int64_t[]){ base->id, row->id }, 2));
    } else if (found.count > BROWSE_COMPARE_MAX) {
        app_say(app, ROLE_ERROR,
                "%zu versions are marked and two to four can be compared: take some marks away "
                "with Space, or all with u",
                found.count);
    } else {
        app_push(app, compare_open(app, found.ids, found.count));
    }
}
