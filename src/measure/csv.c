/* SPDX-License-Identifier: MIT */
#include "measure/csv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/text.h"

/* The reading of one text: the fields of the line under way, and the rows so far. */
struct reader {
    struct arena *arena;
    char *next;    /* what is not yet read; NULL at the end */
    size_t line;   /* of the text, from 1 */
    char **fields; /* (field_room), of the line */
    size_t field_count, field_room;
    size_t width;    /* fields of every line, label included; 0 before the first */
    size_t label_at; /* the label's column; SIZE_MAX when there is none */
    size_t row_room;
    struct csv csv;
};

/* ---- lines and fields ---- */

static bool add_field(struct reader *reader, char *field, struct pare_error *err)
{
    if (reader->field_count == reader->field_room) {
        size_t room = MAX((size_t)16, 2 * reader->field_room);
        if (room > CSV_COLUMNS_MAX)
            return error_set(err, PARE_ERR_FORMAT, "line %zu: more than %d columns", reader->line,
                             CSV_COLUMNS_MAX);
        char **fields = realloc(reader->fields, room * sizeof(*fields));
        if (!fields)
            return error_no_memory(err, room * sizeof(*fields));
        reader->fields = fields;
        reader->field_room = room;
    }
    reader->fields[reader->field_count++] = field;
    return true;
}

/* Undo the quotes of the field at `at` in place; *ret_end is the byte after the closing one. */
static bool unquote(char *at, char **ret_end)
{
    char *to = at;
    for (char *from = at + 1; *from; from++) {
        if (*from == '"' && *++from != '"') {
            *to = '\0';
            *ret_end = from;
            return true;
        }
        *to++ = *from;
    }
    return false;
}

static void trim_end(char *start, char *end)
{
    while (end > start && (end[-1] == ' ' || end[-1] == '\t' || end[-1] == '\r'))
        end--;
    *end = '\0';
}

static bool split(struct reader *reader, char *line, struct pare_error *err)
{
    reader->field_count = 0;
    for (char *at = line; at;) {
        at += strspn(at, " \t");
        char *end = at, *field = at;
        if (*at == '"' && !unquote(at, &end))
            return error_set(err, PARE_ERR_FORMAT, "line %zu: a quote is not closed", reader->line);
        bool quoted = end != at;
        char *stop = end + strcspn(end, ",");
        if (quoted && strspn(end, " \t\r") < (size_t)(stop - end))
            return error_set(err, PARE_ERR_FORMAT, "line %zu: text after a closing quote",
                             reader->line);
        bool more = *stop == ',';
        if (!quoted)
            trim_end(field, stop);
        if (!add_field(reader, field, err))
            return false;
        at = more ? stop + 1 : NULL;
    }
    return true;
}

/* The fields of the next line that is not empty; *ret_end at the end of the text. */
static bool next_line(struct reader *reader, bool *ret_end, struct pare_error *err)
{
    while (reader->next) {
        char *line = reader->next, *newline = strchr(line, '\n');
        reader->next = newline ? newline + 1 : NULL;
        if (newline)
            *newline = '\0';
        reader->line++;
        if (line[strspn(line, " \t\r")] == '\0')
            continue;
        *ret_end = false;
        return split(reader, line, err);
    }
    *ret_end = true;
    return true;
}

/* ---- columns ---- */

static bool is_number(const char *field)
{
    double value;
    return text_to_double(field, &value);
}

/* Tell a header from a row of numbers, and find the column of the label. */
static void read_first_line(struct reader *reader)
{
    size_t last = reader->field_count - 1;
    bool header =
        !strcmp(reader->fields[last], "label") || (last == 0 && !is_number(reader->fields[0]));
    for (size_t i = 0; i < last; i++)
        header = header || !is_number(reader->fields[i]);
    reader->width = reader->field_count;
    reader->label_at = SIZE_MAX;
    for (size_t i = 0; header && i <= last; i++)
        if (!strcmp(reader->fields[i], "label"))
            reader->label_at = i;
    if (!header && !is_number(reader->fields[last]))
        reader->label_at = last;
    reader->csv.has_header = header;
    reader->csv.columns = reader->width - (reader->label_at != SIZE_MAX);
}

static bool make_room(struct reader *reader, struct pare_error *err)
{
    struct csv *csv = &reader->csv;
    if (csv->rows < reader->row_room)
        return true;
    size_t room = MAX((size_t)64, 2 * reader->row_room), bytes;
    if (__builtin_mul_overflow(room, csv->columns * sizeof(float), &bytes))
        return error_no_memory(err, SIZE_MAX);
    float *values = realloc(csv->values, bytes);
    const char **labels = arena_array(reader->arena, room, sizeof(*labels));
    if (values)
        csv->values = values;
    if (!values || !labels)
        return error_no_memory(err, bytes);
    if (csv->labels)
        memcpy(labels, csv->labels, csv->rows * sizeof(*labels));
    csv->labels = labels;
    reader->row_room = room;
    return true;
}

static bool add_row(struct reader *reader, struct pare_error *err)
{
    struct csv *csv = &reader->csv;
    if (reader->field_count != reader->width)
        return error_set(err, PARE_ERR_FORMAT, "line %zu: %zu columns, the first line has %zu",
                         reader->line, reader->field_count, reader->width);
    if (!make_room(reader, err))
        return false;
    float *to = csv->values + csv->rows * csv->columns;
    for (size_t i = 0; i < reader->width; i++) {
        double value;
        if (i == reader->label_at)
            continue;
        if (!text_to_double(reader->fields[i], &value) || !isfinite((float)value))
            return error_set(err, PARE_ERR_FORMAT,
                             "line %zu, column %zu: \"%.60s\" is no number that fits a float32",
                             reader->line, i + 1, reader->fields[i]);
        *to++ = (float)value;
    }
    if (reader->label_at != SIZE_MAX) {
        csv->labels[csv->rows] = arena_strdup(reader->arena, reader->fields[reader->label_at]);
        if (!csv->labels[csv->rows])
            return error_no_memory(err, 0);
    }
    csv->rows++;
    return true;
}

static bool read_rows(struct reader *reader, struct pare_error *err)
{
    bool end = false;
    if (!next_line(reader, &end, err))
        return false;
    if (end)
        return error_set(err, PARE_ERR_FORMAT, "it has no rows");
    read_first_line(reader);
    if (!reader->csv.columns)
        return error_set(err, PARE_ERR_FORMAT, "it has no column of numbers");
    bool ok = reader->csv.has_header || add_row(reader, err);
    while (ok && (ok = next_line(reader, &end, err)) && !end)
        ok = add_row(reader, err);
    if (ok && !reader->csv.rows)
        return error_set(err, PARE_ERR_FORMAT, "it has a header but no rows");
    return ok;
}

bool csv_read(char *text, struct arena *arena, struct csv *ret_csv, struct pare_error *err)
{
    bool has_mark = !strncmp(text, "\xef\xbb\xbf", 3); /* UTF-8's byte order mark */
    struct reader reader = { .arena = arena, .next = text + (has_mark ? 3 : 0) };
    bool ok = read_rows(&reader, err);
    free(reader.fields);
    if (!ok) {
        free(reader.csv.values);
        return false;
    }
    if (reader.label_at == SIZE_MAX)
        reader.csv.labels = NULL;
    *ret_csv = reader.csv;
    return true;
}
