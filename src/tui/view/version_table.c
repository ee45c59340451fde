/* SPDX-License-Identifier: MIT */
#include "tui/view/version_table.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "tui/number.h"

enum column {
    COLUMN_NAME,
    COLUMN_VERSION,
    COLUMN_TYPE,
    COLUMN_OPTIMIZATION,
    COLUMN_SIZE,
    COLUMN_SIZE_CHANGE,
    COLUMN_LATENCY,
    COLUMN_LATENCY_CHANGE,
    COLUMN_ACCURACY,
    COLUMN_ACCURACY_CHANGE,
    COLUMN_COUNT = VERSION_TABLE_COLUMNS,
};

static const struct {
    const char *title;
    int width; /* of numbers; what text needs at most */
    int gap;   /* before it */
    bool right;
} columns[COLUMN_COUNT] = {
    [COLUMN_NAME] = { "model", 40, 0, false },    [COLUMN_VERSION] = { "version", 32, 1, false },
    [COLUMN_TYPE] = { "type", 11, 1, false },     [COLUMN_OPTIMIZATION] = { "opt", 10, 1, false },
    [COLUMN_SIZE] = { "size", 7, 2, true },       [COLUMN_SIZE_CHANGE] = { "vs *", 5, 1, true },
    [COLUMN_LATENCY] = { "ms", 5, 2, true },      [COLUMN_LATENCY_CHANGE] = { "vs *", 5, 1, true },
    [COLUMN_ACCURACY] = { "accur.", 6, 2, true }, [COLUMN_ACCURACY_CHANGE] = { "vs *", 5, 1, true },
};

/* What gives way when the screen is narrow, in this order: a column down to a width, 0 is away. */
static const struct {
    enum column column;
    int width;
} narrowing[] = {
    { COLUMN_NAME, 20 },        { COLUMN_VERSION, 18 },       { COLUMN_TYPE, 6 },
    { COLUMN_OPTIMIZATION, 6 }, { COLUMN_NAME, 14 },          { COLUMN_TYPE, 4 },
    { COLUMN_VERSION, 13 },     { COLUMN_OPTIMIZATION, 4 },   { COLUMN_NAME, 11 },
    { COLUMN_TYPE, 0 },         { COLUMN_VERSION, 11 },       { COLUMN_ACCURACY_CHANGE, 0 },
    { COLUMN_OPTIMIZATION, 0 }, { COLUMN_LATENCY_CHANGE, 0 }, { COLUMN_NAME, 8 },
    { COLUMN_ACCURACY, 0 },     { COLUMN_SIZE_CHANGE, 0 },    { COLUMN_LATENCY, 0 },
    { COLUMN_VERSION, 8 },      { COLUMN_NAME, 6 },
};

enum { MARK_COLUMNS = 2 };

static int total_width(const int width[COLUMN_COUNT])
{
    int total = MARK_COLUMNS;
    for (int i = 0; i < COLUMN_COUNT; i++)
        total += width[i] ? columns[i].gap + width[i] : 0;
    return total;
}

void version_table_fit(struct version_table *table, const struct browse_list *list, int room)
{
    const int wanted[] = { list->widest_name, list->widest_version, list->widest_type,
                           list->widest_optimization };
    int *width = table->width;
    for (int i = 0; i < COLUMN_COUNT; i++)
        width[i] = columns[i].width;
    for (int i = 0; i < (int)ARRAY_SIZE(wanted); i++)
        width[i] = MIN(width[i], MAX(wanted[i], (int)strlen(columns[i].title)));
    for (size_t i = 0; i < ARRAY_SIZE(narrowing) && total_width(width) > room; i++) {
        int excess = total_width(width) - room, *of = &width[narrowing[i].column];
        if (*of > narrowing[i].width)
            *of = narrowing[i].width == 0 ? 0 : MAX(narrowing[i].width, *of - excess);
    }
}

struct changes {
    char size[NUMBER_ROOM], latency[NUMBER_ROOM], accuracy[NUMBER_ROOM];
    int size_role, latency_role, accuracy_role;
};

static int role_of(double now, double base, bool less_is_better)
{
    if (isnan(now) || isnan(base) || now == base)
        return ROLE_DIM;
    return (now < base) == less_is_better ? ROLE_BETTER : ROLE_WORSE;
}

/* Of what is there on both sides and was not measured alike nothing can be said but that. */
static void unlike(double now, double base, char to[NUMBER_ROOM])
{
    snprintf(to, NUMBER_ROOM, "%s", isnan(now) || isnan(base) ? "" : "~");
}

static struct changes changes_of(const struct browse_list *list, const struct browse_row *row)
{
    struct changes changes = { .size_role = ROLE_DIM,
                               .latency_role = ROLE_DIM,
                               .accuracy_role = ROLE_DIM };
    const struct browse_row *base = browse_base(list, row);
    if (!base)
        return changes;
    if (base == row) {
        snprintf(changes.size, NUMBER_ROOM, "%s", isnan(row->size_bytes) ? "" : "--");
        snprintf(changes.latency, NUMBER_ROOM, "%s", isnan(row->latency_ms) ? "" : "--");
        snprintf(changes.accuracy, NUMBER_ROOM, "%s", isnan(row->accuracy) ? "" : "--");
        return changes;
    }
    const struct browse_alike *alike = base->is_default ? browse_alike(list, row->id) : NULL;
    number_change(row->size_bytes, base->size_bytes, changes.size);
    changes.size_role = role_of(row->size_bytes, base->size_bytes, true);
    if (alike && !isnan(alike->latency_ms) && !isnan(alike->base_latency_ms)) {
        number_change(alike->latency_ms, alike->base_latency_ms, changes.latency);
        changes.latency_role = role_of(alike->latency_ms, alike->base_latency_ms, true);
    } else {
        unlike(row->latency_ms, base->latency_ms, changes.latency);
    }
    if (alike && !isnan(alike->accuracy) && !isnan(alike->base_accuracy)) {
        number_points(alike->accuracy, alike->base_accuracy, changes.accuracy);
        changes.accuracy_role = role_of(alike->accuracy, alike->base_accuracy, false);
    } else {
        unlike(row->accuracy, base->accuracy, changes.accuracy);
    }
    return changes;
}

struct texts {
    const char *text[COLUMN_COUNT];
    int role[COLUMN_COUNT];
};

static void draw_texts(struct canvas *canvas, int line, const int width[COLUMN_COUNT],
                       const struct texts *texts)
{
    int column = MARK_COLUMNS;
    for (int i = 0; i < COLUMN_COUNT; i++) {
        if (!width[i])
            continue;
        column += columns[i].gap;
        if (columns[i].right)
            canvas_right(canvas, line, column, width[i], texts->role[i], texts->text[i]);
        else
            canvas_text(canvas, line, column, width[i], texts->role[i], texts->text[i]);
        column += width[i];
    }
}

void version_table_titles(const struct version_table *table, struct canvas *canvas, int line,
                          enum sift_key key)
{
    static const int sorted[SIFT_COUNT] = { [SIFT_NAME] = COLUMN_NAME,
                                            [SIFT_SIZE] = COLUMN_SIZE,
                                            [SIFT_LATENCY] = COLUMN_LATENCY,
                                            [SIFT_ACCURACY] = COLUMN_ACCURACY,
                                            [SIFT_CREATED] = COLUMN_COUNT };
    struct texts texts;
    for (int i = 0; i < COLUMN_COUNT; i++) {
        texts.text[i] = columns[i].title;
        texts.role[i] = i == sorted[key] ? ROLE_TITLE : ROLE_DIM;
    }
    draw_texts(canvas, line, table->width, &texts);
}

void version_table_row(const struct version_table *table, struct canvas *canvas, int line,
                       const struct browse_list *list, const struct browse_row *row,
                       const struct browse_row *above)
{
    char size[NUMBER_ROOM], latency[NUMBER_ROOM], accuracy[NUMBER_ROOM];
    struct changes changes = changes_of(list, row);
    number_size(row->size_bytes, size);
    number_latency(row->latency_ms, latency);
    number_accuracy(row->accuracy, accuracy);
    int name_role = above && above->model == row->model ? ROLE_DIM : ROLE_PLAIN;
    int main_role = row->is_default ? ROLE_STRONG : ROLE_PLAIN;
    const struct texts texts = {
        .text = { browse_name(list, row), browse_word(list, row->version),
                  browse_word(list, row->type), browse_word(list, row->optimization), size,
                  changes.size, latency, changes.latency, accuracy, changes.accuracy },
        .role = { row->is_default ? ROLE_STRONG : name_role, main_role, ROLE_DIM, ROLE_PLAIN,
                  main_role, changes.size_role, main_role, changes.latency_role, main_role,
                  changes.accuracy_role },
    };
    if (row->is_default)
        canvas_text(canvas, line, 0, 1, ROLE_DEFAULT, canvas->ascii ? "*" : "\u2605");
    else if (browse_base(list, row) == row)
        canvas_text(canvas, line, 0, 1, ROLE_DIM, "o");
    draw_texts(canvas, line, table->width, &texts);
}
