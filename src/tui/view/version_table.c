/* SPDX-License-Identifier: MIT */
#include "tui/view/version_table.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/text.h"
#include "tui/number.h"
#include "tui/view/version_change.h"

enum {
    MARK_COLUMNS = 2,
    STRIP_COLUMNS_MIN = 24,
    BRANCH_COLUMNS = 2,
    BRANCHES_USUAL = 3,
    HEAD_SPARE_MAX = 24
};

static const struct {
    const char *title;
    int width; /* of numbers; what text needs at most */
    int gap;   /* before it */
    bool right;
    int change; /* the width of its change; 0: it has none */
} looks[] = {
    [FIELD_NAME] = { "model", 40, 0, false, 0 },
    [FIELD_VERSION] = { "version", 32, 1, false, 0 },
    [FIELD_TYPE] = { "type", 11, 1, false, 0 },
    [FIELD_OPTIMIZATION] = { "opt", 10, 1, false, 0 },
    [FIELD_CREATED] = { "created", 16, 2, false, 0 },
    [FIELD_SIZE] = { "size", 7, 2, true, 5 },
    [FIELD_LATENCY] = { "ms", 5, 2, true, 5 },
    [FIELD_ACCURACY] = { "accur.", 6, 2, true, 5 },
    [FIELD_GOAL] = { "goal", 4, 2, true, 0 },
    [FIELD_ID] = { "id", 10, 2, true, 0 },
    [FIELD_PARENT] = { "parent", 10, 2, true, 0 },
    [FIELD_DEFAULT] = { "default", 7, 2, false, 0 },
    [FIELD_STORED] = { "stored", 7, 2, true, 0 },
    [FIELD_JSON] = { "", 24, 2, false, 0 },
};

/* What gives way when the screen is narrow, in this order: a column down to a width, 0 is away. */
struct step {
    enum field_kind kind;
    bool change;
    int width;
};
static const struct step narrowing[] = {
    { FIELD_NAME, false, 20 },        { FIELD_VERSION, false, 18 },     { FIELD_TYPE, false, 6 },
    { FIELD_OPTIMIZATION, false, 6 }, { FIELD_NAME, false, 14 },        { FIELD_TYPE, false, 4 },
    { FIELD_VERSION, false, 13 },     { FIELD_OPTIMIZATION, false, 4 }, { FIELD_NAME, false, 11 },
    { FIELD_TYPE, false, 0 },         { FIELD_VERSION, false, 11 },     { FIELD_ACCURACY, true, 0 },
    { FIELD_OPTIMIZATION, false, 0 }, { FIELD_LATENCY, true, 0 },       { FIELD_NAME, false, 8 },
};
/* After that what the user has added, from the right, and at last these. */
static const struct step at_last[] = {
    { FIELD_ACCURACY, false, 0 }, { FIELD_SIZE, true, 0 },     { FIELD_LATENCY, false, 0 },
    { FIELD_VERSION, false, 8 },  { FIELD_SIZE, false, 0 },    { FIELD_NAME, false, 6 },
    { FIELD_TYPE, false, 0 },     { FIELD_VERSION, false, 6 },
};

/* ---- widths ---- */

/* What the data of a column needs; 0: nothing is known of it. */
static int widest_of(const struct field *field, const struct browse_list *list)
{
    switch (field->kind) {
    case FIELD_NAME:
        return list->widest_name;
    case FIELD_VERSION:
        return list->widest_version;
    case FIELD_TYPE:
        return list->widest_type;
    case FIELD_OPTIMIZATION:
        return list->widest_optimization;
    case FIELD_JSON:
        return list->widest_value[field->slot];
    default:
        return looks[field->kind].width;
    }
}

/* metrics.f1 is called f1 there. */
static const char *title_of(const struct field *field)
{
    const char *dot = strchr(field->word, '.');
    bool rooted = !strncmp(field->word, "metrics.", 8) || !strncmp(field->word, "config.", 7);
    if (field->kind != FIELD_JSON)
        return looks[field->kind].title;
    return rooted && dot[1] ? dot + 1 : field->word;
}

/* `set`: as wide as the user wants it, or 0. */
static void add_cells(struct version_table *table, const struct field *field, int set,
                      const struct browse_list *list)
{
    struct version_table_cell *cell = &table->cells[table->count++];
    *cell = (struct version_table_cell){ .field = field,
                                         .title = title_of(field),
                                         .gap = looks[field->kind].gap,
                                         .right = looks[field->kind].right,
                                         .fixed = set > 0 };
    if (field->kind == FIELD_JSON)
        cell->right = !list->worded[field->slot];
    cell->width =
        set ? set
            : MIN(looks[field->kind].width, MAX(widest_of(field, list), text_width(cell->title)));
    if (table->sift->good.wish.group && field->kind == FIELD_NAME)
        cell->width = 0;
    else if (table->sift->good.wish.group && field->kind == FIELD_VERSION && !set)
        cell->width += BRANCH_COLUMNS * BRANCHES_USUAL;
    if (looks[field->kind].change && table->count < VERSION_TABLE_CELLS_MAX)
        table->cells[table->count++] =
            (struct version_table_cell){ .field = field,
                                         .title = "vs *",
                                         .width = looks[field->kind].change,
                                         .gap = 1,
                                         .right = true,
                                         .change = true };
}

static int total_width(const struct version_table *table)
{
    int total = MARK_COLUMNS;
    for (int i = 0; i < table->count; i++)
        total += table->cells[i].width ? table->cells[i].gap + table->cells[i].width : 0;
    return total;
}

static void narrow(struct version_table *table, const struct step *steps, size_t count, int room)
{
    for (size_t i = 0; i < count && total_width(table) > room; i++) {
        for (int at = 0; at < table->count; at++) {
            struct version_table_cell *cell = &table->cells[at];
            int excess = total_width(table) - room;
            bool meant = cell->field->kind == steps[i].kind && cell->change == steps[i].change;
            if (!meant || cell->width <= steps[i].width || (cell->fixed && steps[i].width))
                continue;
            cell->width = steps[i].width == 0 ? 0 : MAX(steps[i].width, cell->width - excess);
        }
    }
}

static void drop_added(struct version_table *table, int room)
{
    for (int at = table->count - 1; at >= 0 && total_width(table) > room; at--) {
        enum field_kind kind = table->cells[at].field->kind;
        if (kind >= FIELD_ID || kind == FIELD_CREATED)
            table->cells[at].width = 0;
    }
}

/* From one column on as many as there is room for, beside the frozen ones. */
static void strip(struct version_table *table, int room, int side)
{
    int column = -1, left = room - MARK_COLUMNS;
    bool full = false;
    table->more_right = false;
    for (int i = 0; i < table->count; i++) {
        struct version_table_cell *cell = &table->cells[i];
        column += !cell->change;
        bool frozen = column < SHAPE_FROZEN, before = column < SHAPE_FROZEN + side - 1;
        if (frozen)
            cell->width = MIN(cell->width, MAX(6, (room - STRIP_COLUMNS_MIN) / 2));
        else if (before)
            cell->width = 0;
        else if (!full && cell->gap + cell->width > left && column == SHAPE_FROZEN + side - 1)
            cell->width = MAX(left - cell->gap, 0); /* a wide one is cut rather than never seen */
        full |= !before && cell->gap + cell->width > left;
        if (full && !before) {
            cell->width = 0;
            table->more_right = true;
        }
        left -= cell->width ? cell->gap + cell->width : 0;
    }
}

static void lay_out(struct version_table *table, const struct browse_list *list)
{
    const struct shape *shape = &table->sift->good.wish.shape;
    table->count = 0;
    for (int i = 0; i < shape->count && table->count < VERSION_TABLE_CELLS_MAX; i++)
        add_cells(table, &table->sift->good.fields[i], shape->columns[i].width, list);
    if (*table->sift->good.wish.goal && shape_find(shape, "goal") < 0)
        add_cells(table, &table->sift->good.goal_field, 0, list);
}

static bool shows_last(struct version_table *table, const struct browse_list *list, int room,
                       int side)
{
    lay_out(table, list);
    strip(table, room, side);
    return !table->more_right;
}

/* What is left goes to the column that has the words of the models' lines. */
static void use_spare(struct version_table *table, int room)
{
    int spare = MIN(room - total_width(table), HEAD_SPARE_MAX);
    for (int i = 0; i < table->count && spare > 0 && table->sift->good.wish.group; i++)
        if (table->cells[i].field->kind == FIELD_VERSION && !table->cells[i].fixed)
            table->cells[i].width += spare;
}

static int column_count(const struct version_table *table)
{
    int count = 0;
    for (int i = 0; i < table->count; i++)
        count += !table->cells[i].change;
    return count;
}

void version_table_fit(struct version_table *table, const struct sift *sift,
                       const struct browse_list *list, int room, int *side)
{
    *table = (struct version_table){ .sift = sift };
    lay_out(table, list);
    narrow(table, narrowing, ARRAY_SIZE(narrowing), room);
    drop_added(table, room);
    narrow(table, at_last, ARRAY_SIZE(at_last), room);
    use_spare(table, room);
    for (int i = 0; i < table->count; i++)
        table->more_right |= !table->cells[i].width &&
                             !(sift->good.wish.group && table->cells[i].field->kind == FIELD_NAME);
    *side = MAX(0, MIN(*side, column_count(table) - SHAPE_FROZEN));
    if (!table->more_right)
        *side = 0;
    if (*side == 0)
        return;
    while (*side > 1 && shows_last(table, list, room, *side - 1)) /* further there is nothing */
        --*side;
    (void)shows_last(table, list, room, *side);
    table->more_left = true;
}

/* ---- drawing ---- */

/* A JSON number that is longer than its column keeps its size and loses digits. */
static void put_number(const char *text, double number, int width, char to[NUMBER_ROOM])
{
    int length = snprintf(to, NUMBER_ROOM, "%s", text);
    for (int digits = 9; length > width && digits > 1; digits--)
        length = snprintf(to, NUMBER_ROOM, "%.*g", digits, number);
}

static void put_created(uint32_t seconds, char to[NUMBER_ROOM])
{
    struct tm when;
    time_t time = seconds;
    to[0] = '\0';
    if (seconds)
        strftime(to, NUMBER_ROOM, "%Y-%m-%d %H:%M", gmtime_r(&time, &when));
}

/* What stands in a cell: a word of the list, or what is written to `to`. */
static const char *text_of(const struct version_table_cell *cell, const struct browse_list *list,
                           const struct browse_row *row, char to[NUMBER_ROOM])
{
    const struct browse_value *value = NULL;
    to[0] = '\0';
    switch (cell->field->kind) {
    case FIELD_NAME:
        return browse_name(list, row);
    case FIELD_VERSION:
        return browse_word(list, row->version);
    case FIELD_TYPE:
        return browse_word(list, row->type);
    case FIELD_OPTIMIZATION:
        return browse_word(list, row->optimization);
    case FIELD_CREATED:
        put_created(row->created_at, to);
        break;
    case FIELD_SIZE:
        number_size(row->size_bytes, to);
        break;
    case FIELD_STORED:
        number_size(browse_stored(list, row), to);
        break;
    case FIELD_LATENCY:
        number_latency(row->latency_ms, to);
        break;
    case FIELD_ACCURACY:
        number_accuracy(row->accuracy, to);
        break;
    case FIELD_GOAL: /* not of the list: put_goal() */
        break;
    case FIELD_ID:
        snprintf(to, NUMBER_ROOM, "%lld", (long long)row->id);
        break;
    case FIELD_PARENT:
        if (row->parent_id)
            snprintf(to, NUMBER_ROOM, "%lld", (long long)row->parent_id);
        break;
    case FIELD_DEFAULT:
        return row->is_default ? "yes" : "";
    case FIELD_JSON:
        if (list->values[cell->field->slot])
            value = &list->values[cell->field->slot][row - list->rows];
        if (!value || !value->kind || isnan(value->number))
            return value && value->kind ? browse_word(list, value->text) : "";
        put_number(browse_word(list, value->text), value->number, cell->width, to);
        break;
    }
    return to;
}

static int role_of_field(enum field_kind kind, const struct browse_row *row, bool again)
{
    if (kind == FIELD_TYPE)
        return ROLE_DIM;
    if (kind == FIELD_OPTIMIZATION || (kind == FIELD_NAME && !row->is_default))
        return kind == FIELD_NAME && again ? ROLE_DIM : ROLE_PLAIN;
    return row->is_default ? ROLE_STRONG : ROLE_PLAIN;
}

static void draw_cell(const struct version_table_cell *cell, struct canvas *canvas, int line,
                      int column, int role, const char *text)
{
    if (cell->right)
        canvas_right(canvas, line, column, cell->width, role, text);
    else
        canvas_text(canvas, line, column, cell->width, role, text);
}

/* "↓size", and "↑2size" for the second key; it may take the gap before its column. */
static void draw_sorted(const struct version_table_cell *cell, struct canvas *canvas, int line,
                        int column, int place, bool descending)
{
    char title[2 * SHAPE_WORD_MAX], number[NUMBER_ROOM] = "";
    struct version_table_cell wide = *cell;
    const char *mark = canvas->ascii ? (descending ? "-" : "+") : descending ? "\u2193" : "\u2191";
    if (place > 1)
        snprintf(number, sizeof(number), "%d", place);
    snprintf(title, sizeof(title), "%s%s%s", mark, number, cell->title);
    if (cell->right) {
        wide.width += cell->gap;
        column -= cell->gap;
    }
    draw_cell(&wide, canvas, line, column, ROLE_TITLE, title);
}

void version_table_titles(const struct version_table *table, struct canvas *canvas, int line)
{
    int column = MARK_COLUMNS;
    for (int i = 0; i < table->count; i++) {
        const struct version_table_cell *cell = &table->cells[i];
        bool descending = false;
        if (!cell->width)
            continue;
        column += cell->gap;
        int place = cell->change ? 0 : sift_sort_place(table->sift, cell->field, &descending);
        if (place)
            draw_sorted(cell, canvas, line, column, place, descending);
        else
            draw_cell(cell, canvas, line, column, ROLE_DIM, cell->title);
        column += cell->width;
    }
    if (table->more_left)
        canvas_text(canvas, line, 0, 1, ROLE_KEY, canvas->ascii ? "<" : "\u2039");
    if (table->more_right)
        canvas_text(canvas, line, 1, 1, ROLE_KEY, canvas->ascii ? ">" : "\u203a");
}

/* "| |-" before a version in a tree; returns its width, never more than half of the column. */
static int draw_branch(const struct grouping_line *branch, struct canvas *canvas, int line,
                       int column, int room)
{
    int from = column;
    for (uint32_t level = 1; level <= branch->level; level++) {
        bool own = level == branch->level, follows = branch->rails & 1u << level;
        const char *text = own       ? (follows ? "\u251c\u2500" : "\u2514\u2500")
                           : follows ? "\u2502 "
                                     : "  ";
        if (canvas->ascii)
            text = own ? (follows ? "|-" : "`-") : follows ? "| " : "  ";
        if (column + BRANCH_COLUMNS - from > room / 2)
            break;
        column += canvas_text(canvas, line, column, BRANCH_COLUMNS, ROLE_DIM, text);
    }
    return column - from;
}

static const char *goal_of(const struct version_table *table, const struct browse_list *list,
                           const struct browse_row *row, int *ret_role)
{
    enum version_goal goal = goal_of_row(&table->sift->good.goal, list, (size_t)(row - list->rows));
    *ret_role = goal == VERSION_GOAL_YES  ? ROLE_BETTER
                : goal == VERSION_GOAL_NO ? ROLE_WORSE
                                          : ROLE_DIM;
    const char *word = field_goal_word(goal);
    return word ? word : "";
}

static void draw_line(const struct version_table *table, struct canvas *canvas, int line,
                      const struct browse_list *list, const struct browse_row *row,
                      const struct browse_row *above, const struct grouping_line *branch)
{
    struct version_change changes = version_change(list, row);
    bool again = above && above->model == row->model;
    int column = MARK_COLUMNS;
    if (row->is_default)
        canvas_text(canvas, line, 0, 1, ROLE_DEFAULT, canvas->ascii ? "*" : "\u2605");
    else if (browse_base(list, row) == row)
        canvas_text(canvas, line, 0, 1, ROLE_DIM, "o");
    for (int i = 0; i < table->count; i++) {
        const struct version_table_cell *cell = &table->cells[i];
        char number[NUMBER_ROOM];
        int role = role_of_field(cell->field->kind, row, again);
        if (!cell->width)
            continue;
        column += cell->gap;
        enum field_kind kind = cell->field->kind;
        const char *text = cell->change         ? version_change_of(&changes, kind, &role)
                           : kind == FIELD_GOAL ? goal_of(table, list, row, &role)
                                                : text_of(cell, list, row, number);
        struct version_table_cell rest = *cell;
        if (branch && kind == FIELD_VERSION)
            rest.width -= draw_branch(branch, canvas, line, column, cell->width);
        draw_cell(&rest, canvas, line, column + cell->width - rest.width, role, text);
        column += cell->width;
    }
}

void version_table_row(const struct version_table *table, struct canvas *canvas, int line,
                       const struct browse_list *list, const struct browse_row *row,
                       const struct browse_row *above)
{
    draw_line(table, canvas, line, list, row, above, NULL);
}

void version_table_branch(const struct version_table *table, struct canvas *canvas, int line,
                          const struct browse_list *list, const struct grouping_line *branch)
{
    draw_line(table, canvas, line, list, &list->rows[branch->place], NULL, branch);
}

static bool is_of_head(const struct version_table_cell *cell)
{
    enum field_kind kind = cell->field->kind;
    return cell->width && !cell->change &&
           (kind == FIELD_SIZE || kind == FIELD_LATENCY || kind == FIELD_ACCURACY);
}

int version_table_head(const struct version_table *table, struct canvas *canvas, int line,
                       const struct browse_list *list, const struct browse_row *base)
{
    int column = MARK_COLUMNS, end = canvas->columns;
    for (int i = 0; i < table->count; i++) {
        const struct version_table_cell *cell = &table->cells[i];
        char number[NUMBER_ROOM];
        if (!cell->width)
            continue;
        column += cell->gap;
        if (is_of_head(cell)) {
            draw_cell(cell, canvas, line, column, base->is_default ? ROLE_STRONG : ROLE_DIM,
                      text_of(cell, list, base, number));
            end = MIN(end, column - 1);
        }
        column += cell->width;
    }
    return end;
}
