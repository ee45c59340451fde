/* SPDX-License-Identifier: MIT */
#include "cli/columns.h"

#include <math.h>
#include <string.h>

#include "base/arena.h"
#include "base/error.h"

static enum sheet_kind kind_of(const struct field *field)
{
    return field->kind == FIELD_DEFAULT                        ? SHEET_BOOL
           : field_is_text(field) || field->kind == FIELD_GOAL ? SHEET_TEXT
                                                               : SHEET_NUMBER;
}

/* Programs would lose one of two columns with one key. */
static bool is_there(const struct columns *columns, const struct field *field)
{
    for (size_t i = 0; i < columns->count; i++)
        if (!strcmp(columns->fields[i].word, field->word))
            return true;
    return false;
}

bool columns_parse(const char *text, struct field_paths *paths, struct arena *arena,
                   struct columns *ret_columns, struct pare_error *err)
{
    struct columns columns = { 0 };
    for (const char *at = text; *at;) {
        size_t length = strcspn(at, ",");
        struct field field;
        if (length == 0 || memchr(at, ':', length))
            return error_set(err, PARE_ERR_USAGE,
                             "--columns \"%s\": fields and JSON paths with a comma between were "
                             "expected, such as name,version,size,metrics.f1",
                             text);
        if (columns.count == SHEET_COLUMNS_MAX)
            return error_set(err, PARE_ERR_USAGE, "--columns: more than %d", SHEET_COLUMNS_MAX);
        if (!field_find(at, length, paths, arena, &field, err))
            return false;
        if (is_there(&columns, &field))
            return error_set(err, PARE_ERR_USAGE, "--columns names %s twice", field.word);
        columns.sheet[columns.count] =
            (struct sheet_column){ field.word, field.word, kind_of(&field) };
        columns.fields[columns.count++] = field;
        at += length + (at[length] == ',');
    }
    *ret_columns = columns;
    return true;
}

void columns_begin(struct columns *columns, const struct version *const *versions, size_t count,
                   struct arena *arena, struct sheet *sheet)
{
    for (size_t column = 0; column < columns->count; column++) {
        bool number = false;
        if (columns->fields[column].kind != FIELD_JSON)
            continue;
        for (size_t i = 0; i < count && !number; i++)
            number = !isnan(versions[i]->values[columns->fields[column].slot].number);
        columns->sheet[column].kind = number ? SHEET_NUMBER : SHEET_TEXT;
    }
    sheet_init(sheet, arena, columns->sheet, columns->count);
}

static struct sheet_cell json_cell(const struct version_value *value)
{
    struct sheet_cell cell = sheet_text(value->kind ? value->text : NULL);
    cell.is_word = isnan(value->number);
    return cell;
}

static struct sheet_cell cell_of(struct sheet *sheet, const struct field *field,
                                 const struct version *v)
{
    switch (field->kind) {
    case FIELD_CREATED:
        return sheet_time(sheet, v->created_at);
    case FIELD_SIZE:
        return sheet_number(sheet, v->size_bytes, sheet_size(sheet, v->size_bytes));
    case FIELD_STORED:
        return sheet_number(sheet, v->stored_bytes, sheet_size(sheet, v->stored_bytes));
    case FIELD_LATENCY:
        return sheet_number(sheet, v->latency_ms, sheet_latency(sheet, v->latency_ms));
    case FIELD_ACCURACY:
        return sheet_number(sheet, v->accuracy, sheet_accuracy(sheet, v->accuracy));
    case FIELD_ID:
        return sheet_integer(sheet, v->id);
    case FIELD_PARENT:
        return v->parent_id ? sheet_integer(sheet, v->parent_id) : (struct sheet_cell){ 0 };
    case FIELD_DEFAULT:
        return sheet_bool(v->is_default, "*");
    case FIELD_JSON:
        return json_cell(&v->values[field->slot]);
    default:
        return sheet_text(field_text(field, v));
    }
}

struct sheet_cell *columns_put(const struct columns *columns, struct sheet *sheet,
                               const struct version *version)
{
    struct sheet_cell *cells = sheet_row(sheet);
    for (size_t i = 0; i < columns->count; i++)
        cells[i] = cell_of(sheet, &columns->fields[i], version);
    return cells;
}
