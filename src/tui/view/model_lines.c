/* SPDX-License-Identifier: MIT */
#include "tui/view/model_lines.h"

#include <stdio.h>

#include "base/buf.h"
#include "tui/number.h"

enum { WORDS_MAX = 1024, NAME_COLUMN = 2 };

void model_lines_done(struct model_lines *lines)
{
    grouping_done(&lines->grouping);
    folds_done(&lines->folds);
}

static void make(struct model_lines *lines)
{
    const struct sift *sift = lines->sift;
    lines->arranged = sift->arranged;
    lines->generation = sift->generation;
    lines->seen = sift->seen;
    lines->group = sift->good.wish.group;
    lines->count = sift->count;
    if (!lines->group) {
        grouping_done(&lines->grouping);
        return;
    }
    (void)!grouping_make(&lines->grouping, lines->list, sift->index, sift->count);
    lines->count = lines->grouping.count;
}

bool model_lines_update(struct model_lines *lines, const struct sift *sift,
                        const struct browse_list *list)
{
    enum sift_group group = sift->good.wish.group;
    if (lines->list == list && lines->arranged == sift->arranged && lines->group == group &&
        lines->generation == sift->generation && lines->seen == sift->seen)
        return false;
    lines->sift = sift;
    lines->list = list;
    if (lines->group != group)
        grouping_set_all(&lines->grouping, group == SIFT_CLOSED);
    if (group)
        folds_apply(&lines->folds, &lines->grouping, list);
    make(lines);
    return true;
}

/* ---- what a line is ---- */

static const struct grouping_line *line_at(const struct model_lines *lines, size_t at)
{
    return lines->group && at < lines->count ? &lines->grouping.lines[at] : NULL;
}

const struct browse_row *model_lines_row(const struct model_lines *lines, size_t at)
{
    const struct grouping_line *line = line_at(lines, at);
    if (at >= lines->count || (line && line->head))
        return NULL;
    return &lines->list->rows[line ? line->place : lines->sift->index[at]];
}

const struct browse_model *model_lines_head(const struct model_lines *lines, size_t at)
{
    const struct grouping_line *line = line_at(lines, at);
    return line && line->head ? &lines->list->models[line->place] : NULL;
}

static const struct browse_row *base_of(const struct model_lines *lines,
                                        const struct browse_model *model)
{
    return model->base == BROWSE_NONE ? NULL : &lines->list->rows[model->base];
}

const struct browse_row *model_lines_meant(const struct model_lines *lines, size_t at)
{
    const struct browse_model *model = model_lines_head(lines, at);
    const struct browse_row *base = model ? base_of(lines, model) : NULL;
    return !model ? model_lines_row(lines, at) : base && base->is_default ? base : NULL;
}

static const struct browse_model *model_at(const struct model_lines *lines, size_t at)
{
    const struct browse_row *row = model_lines_row(lines, at);
    return row ? &lines->list->models[row->model] : model_lines_head(lines, at);
}

/* ---- the cursor ---- */

void model_lines_remember(struct model_lines *lines, size_t at)
{
    const struct browse_row *row = model_lines_row(lines, at);
    const struct browse_model *model = model_at(lines, at);
    lines->cursor_id = row ? row->id : 0;
    lines->cursor_name = model ? model->name : 0;
}

static bool find_id(const struct model_lines *lines, size_t *ret_at)
{
    for (size_t i = 0; i < lines->count; i++) {
        const struct browse_row *row = model_lines_row(lines, i);
        if (row && row->id == lines->cursor_id) {
            *ret_at = i;
            return true;
        }
    }
    return false;
}

/* For a version that is not there its model's first one; for one that is folded away the model. */
bool model_lines_find(const struct model_lines *lines, size_t *ret_at)
{
    if (lines->cursor_id && find_id(lines, ret_at))
        return true;
    bool by_name = lines->cursor_name && (lines->group || !lines->cursor_id);
    for (size_t i = 0; by_name && i < lines->count; i++) {
        if (model_at(lines, i)->name != lines->cursor_name)
            continue;
        bool below = lines->cursor_id && i + 1 < lines->count && model_lines_row(lines, i + 1);
        *ret_at = i + (lines->group && below);
        return true;
    }
    return false;
}

size_t model_lines_model(const struct model_lines *lines, size_t at, int step)
{
    const struct browse_model *model = model_at(lines, at);
    while (model && (step > 0 ? at + 1 < lines->count : at > 0)) {
        at = step > 0 ? at + 1 : at - 1;
        if (model_at(lines, at) != model)
            break;
    }
    while (step < 0 && at > 0 && model_at(lines, at - 1) == model_at(lines, at))
        at--;
    return at;
}

void model_lines_fold(struct model_lines *lines, size_t at, enum model_lines_fold fold)
{
    const struct browse_model *model = lines->group ? model_at(lines, at) : NULL;
    if (!model)
        return;
    bool open = grouping_is_open(&lines->grouping, model->name);
    if (open == (fold == MODEL_LINES_OPEN) && fold != MODEL_LINES_TURN)
        return;
    grouping_turn(&lines->grouping, model->name);
    make(lines);
}

/* ---- drawing ---- */

static void put_count(size_t count, const char *before, const char *after, struct buf *buf)
{
    char number[NUMBER_ROOM];
    number_count(count, number);
    buf_printf(buf, "%s%s%s", before, number, after);
}

/* "3 of 19 ver" */
static void put_versions(const struct model_lines *lines, const struct grouping_line *line,
                         const char *word, struct buf *buf)
{
    size_t first, all = grouping_rows_of(lines->list, line->place, &first);
    if (line->rails != all)
        put_count(line->rails, "", " of ", buf);
    put_count(all, "", word, buf);
}

static void put_base(const struct model_lines *lines, const struct browse_row *base, bool ascii,
                     struct buf *buf)
{
    const char *version = browse_word(lines->list, base->version);
    if (base->is_default)
        buf_printf(buf, "%s %s", ascii ? "*" : "\u2605", version);
    else
        buf_printf(buf, "no default (reference: %s)", version);
}

static void draw_head(const struct model_lines *lines, const struct version_table *table,
                      struct canvas *canvas, int line, size_t at)
{
    const struct browse_model *model = model_lines_head(lines, at);
    const struct browse_row *base = base_of(lines, model);
    bool open = grouping_is_open(&lines->grouping, model->name);
    const char *fold = open ? "\u25be" : "\u25b8";
    if (canvas->ascii)
        fold = open ? "v" : ">";
    int end = base ? version_table_head(table, canvas, line, lines->list, base) : canvas->columns;
    struct buf words;
    buf_init(&words, WORDS_MAX);
    buf_text(&words, "  ");
    put_versions(lines, &lines->grouping.lines[at], " ver", &words);
    if (base) {
        buf_text(&words, "  ");
        put_base(lines, base, canvas->ascii, &words);
    }
    canvas_text(canvas, line, 0, 1, ROLE_KEY, fold);
    int used = canvas_text(canvas, line, NAME_COLUMN, end - NAME_COLUMN, ROLE_STRONG,
                           browse_word(lines->list, model->name));
    canvas_text(canvas, line, NAME_COLUMN + used, end - NAME_COLUMN - used, ROLE_DIM,
                buf_string(&words));
    buf_done(&words);
}

void model_lines_draw(const struct model_lines *lines, const struct version_table *table,
                      struct canvas *canvas, int line, size_t at, size_t top)
{
    const struct grouping_line *branch = line_at(lines, at);
    if (branch && branch->head)
        draw_head(lines, table, canvas, line, at);
    else if (branch)
        version_table_branch(table, canvas, line, lines->list, branch);
    else
        version_table_row(table, canvas, line, lines->list, model_lines_row(lines, at),
                          at > top ? model_lines_row(lines, at - 1) : NULL);
}

void model_lines_detail(const struct model_lines *lines, size_t at, struct buf *buf)
{
    const struct browse_model *model = model_lines_head(lines, at);
    if (!model)
        return;
    const struct browse_row *base = base_of(lines, model);
    buf_printf(buf, "%s  ", browse_word(lines->list, model->name));
    put_versions(lines, &lines->grouping.lines[at], base ? " versions  " : " versions", buf);
    if (base)
        buf_printf(buf, base->is_default ? "default %s" : "no default: compared with %s",
                   browse_word(lines->list, base->version));
    buf_text(buf, grouping_is_open(&lines->grouping, model->name) ? "  Enter closes it"
                                                                  : "  Enter opens it");
}
