/* SPDX-License-Identifier: MIT */
#include "tui/form.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/text.h"
#include "tui/canvas.h"

enum { LABEL_COLUMN = 2, VALUE_COLUMN = 13, TYPED_COLUMNS = 44 };

const char *form_value(const struct form_field *field)
{
    return field->choices ? field->choices[field->chosen].name : field->prompt.text;
}

void form_put_words(const struct form *form, struct buf *buf)
{
    const struct form_field *field = &form->fields[form->cursor];
    const char *value = form_value(field);
    const char *more = field->choices ? field->choices[field->chosen].summary
                       : *value       ? field->note
                                      : field->empty;
    buf_printf(buf, "%s: %s%s%s", field->label, value, *value && more && *more ? ": " : "",
               more ? more : "");
}

static void move(struct form *form, int step)
{
    size_t at = form->cursor;
    do {
        if (step > 0 ? at + 1 >= form->count : at == 0)
            return;
        at = step > 0 ? at + 1 : at - 1;
    } while (form->fields[at].hidden);
    form->cursor = at;
}

void form_fit(struct form *form)
{
    if (form->fields[form->cursor].hidden)
        move(form, -1);
}

static enum form_news choose(struct form_field *field, int step)
{
    if (!field->choices || field->choice_count < 2)
        return FORM_NOTHING;
    size_t count = field->choice_count;
    field->chosen = (field->chosen + (step > 0 ? 1 : count - 1)) % count;
    return FORM_CHANGED;
}

static void open_field(struct form *form)
{
    struct form_field *field = &form->fields[form->cursor];
    form->typing = true;
    snprintf(form->before, sizeof(form->before), "%s", field->prompt.text);
    prompt_set(&field->prompt, form->before);
}

enum form_news form_act(struct form *form, enum action action)
{
    struct form_field *field = &form->fields[form->cursor];
    switch (action) {
    case ACTION_DOWN:
    case ACTION_UP:
        move(form, action == ACTION_DOWN ? 1 : -1);
        return FORM_MOVED;
    case ACTION_TOP:
        form->cursor = 0;
        return FORM_MOVED;
    case ACTION_BOTTOM:
        while (form->cursor + 1 < form->count)
            form->cursor++;
        form_fit(form);
        return FORM_MOVED;
    case ACTION_NEXT_CHOICE:
    case ACTION_LAST_CHOICE:
        return choose(field, action == ACTION_NEXT_CHOICE ? 1 : -1);
    case ACTION_CHANGE:
        if (field->choices)
            return choose(field, 1);
        open_field(form);
        return FORM_MOVED;
    default:
        return FORM_NOTHING;
    }
}

enum form_news form_type(struct form *form, const struct key *key)
{
    struct form_field *field = &form->fields[form->cursor];
    switch (prompt_key(&field->prompt, key)) {
    case PROMPT_ENTERED:
        form->typing = false;
        return FORM_MOVED;
    case PROMPT_LEFT:
        form->typing = false;
        prompt_set(&field->prompt, form->before);
        return FORM_CHANGED;
    case PROMPT_EDITED:
        return FORM_CHANGED;
    default:
        return FORM_MOVED;
    }
}

/* ---- drawing ---- */

size_t form_height(const struct form *form)
{
    size_t height = 0;
    for (size_t i = 0; i < form->count; i++)
        height += !form->fields[i].hidden;
    return height;
}

static void draw_field(const struct form *form, size_t index, struct canvas *canvas, int row)
{
    const struct form_field *field = &form->fields[index];
    int room = canvas->columns - VALUE_COLUMN - 1, used;
    bool here = index == form->cursor, open = here && form->typing;
    const char *value = form_value(field), *note = field->note;
    canvas_text(canvas, row, LABEL_COLUMN, VALUE_COLUMN - LABEL_COLUMN - 1, ROLE_DIM, field->label);
    if (open) {
        used = MIN(TYPED_COLUMNS, room);
        prompt_draw(&field->prompt, canvas, row, VALUE_COLUMN, used);
    } else if (!*value) {
        used = canvas_text(canvas, row, VALUE_COLUMN, room, ROLE_DIM, field->empty);
    } else {
        used = canvas_text(canvas, row, VALUE_COLUMN, room, ROLE_STRONG, value);
    }
    if (field->choices && !note)
        note = field->choices[field->chosen].summary;
    if (note && used + 3 < room)
        canvas_text(canvas, row, VALUE_COLUMN + used + 3, room - used - 3, ROLE_DIM, note);
    if (!here)
        return;
    if (field->choice_count > 1) {
        canvas_text(canvas, row, VALUE_COLUMN - 2, 1, ROLE_KEY, "<");
        canvas_text(canvas, row, VALUE_COLUMN + used + 1, 1, ROLE_KEY, ">");
    }
    if (!open) {
        canvas_select(canvas, row);
        canvas_cursor(canvas, row, 0);
    }
}

void form_draw(const struct form *form, struct canvas *canvas, int row, int rows)
{
    int place = 0, cursor = 0, from;
    for (size_t i = 0; i < form->cursor; i++)
        cursor += !form->fields[i].hidden;
    from = MAX(0, cursor - rows + 1);
    for (size_t pass = 0; pass < 2; pass++) { /* the open one last: the terminal's cursor is its */
        place = 0;
        for (size_t i = 0; i < form->count; i++) {
            if (form->fields[i].hidden)
                continue;
            if (place >= from && place < from + rows && (i == form->cursor) == (pass == 1))
                draw_field(form, i, canvas, row + place - from);
            place++;
        }
    }
}
