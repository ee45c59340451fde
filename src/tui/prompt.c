/* SPDX-License-Identifier: MIT */
#include "tui/prompt.h"

#include <string.h>

#include "base/text.h"
#include "tui/canvas.h"

void prompt_set(struct prompt *prompt, const char *text)
{
    prompt->length = text_clean(text, strlen(text), prompt->text, PROMPT_MAX);
    prompt->cursor = prompt->length;
}

static void insert(struct prompt *prompt, const char *text)
{
    size_t length = strlen(text);
    if (prompt->length + length + 1 > PROMPT_MAX)
        return;
    memmove(prompt->text + prompt->cursor + length, prompt->text + prompt->cursor,
            prompt->length - prompt->cursor + 1);
    memcpy(prompt->text + prompt->cursor, text, length);
    prompt->length += length;
    prompt->cursor += length;
}

static void remove_bytes(struct prompt *prompt, size_t from, size_t to)
{
    memmove(prompt->text + from, prompt->text + to, prompt->length - to + 1);
    prompt->length -= to - from;
    prompt->cursor = from;
}

static bool continues(char c)
{
    return ((unsigned char)c & 0xC0) == 0x80;
}

static size_t before(const struct prompt *prompt)
{
    size_t at = prompt->cursor;
    while (at > 0 && continues(prompt->text[--at]))
        ;
    return at;
}

static size_t after(const struct prompt *prompt)
{
    size_t at = prompt->cursor;
    if (at < prompt->length)
        at++;
    while (at < prompt->length && continues(prompt->text[at]))
        at++;
    return at;
}

static size_t word_start(const struct prompt *prompt)
{
    size_t at = prompt->cursor;
    while (at > 0 && prompt->text[at - 1] == ' ')
        at--;
    while (at > 0 && prompt->text[at - 1] != ' ')
        at--;
    return at;
}

static enum prompt_news control(struct prompt *prompt, char letter)
{
    switch (letter) {
    case 'a':
        prompt->cursor = 0;
        return PROMPT_MOVED;
    case 'e':
        prompt->cursor = prompt->length;
        return PROMPT_MOVED;
    case 'u':
        remove_bytes(prompt, 0, prompt->cursor);
        return PROMPT_EDITED;
    case 'w':
        remove_bytes(prompt, word_start(prompt), prompt->cursor);
        return PROMPT_EDITED;
    default:
        return PROMPT_NOTHING;
    }
}

static enum prompt_news move_to(struct prompt *prompt, size_t cursor)
{
    prompt->cursor = cursor;
    return PROMPT_MOVED;
}

enum prompt_news prompt_key(struct prompt *prompt, const struct key *key)
{
    switch (key->kind) {
    case KEY_TEXT:
    case KEY_PASTED:
        insert(prompt, key->text);
        return PROMPT_EDITED;
    case KEY_RUBOUT:
        remove_bytes(prompt, before(prompt), prompt->cursor);
        return PROMPT_EDITED;
    case KEY_DELETE:
        remove_bytes(prompt, prompt->cursor, after(prompt));
        return PROMPT_EDITED;
    case KEY_LEFT:
        return move_to(prompt, before(prompt));
    case KEY_RIGHT:
        return move_to(prompt, after(prompt));
    case KEY_HOME:
        return move_to(prompt, 0);
    case KEY_END:
        return move_to(prompt, prompt->length);
    case KEY_ENTER:
        return PROMPT_ENTERED;
    case KEY_ESCAPE:
        return PROMPT_LEFT;
    case KEY_CTRL:
        return control(prompt, key->text[0]);
    default:
        return PROMPT_NOTHING;
    }
}

static int width_between(const struct prompt *prompt, size_t from, size_t to)
{
    char part[PROMPT_MAX];
    memcpy(part, prompt->text + from, to - from);
    part[to - from] = '\0';
    return text_width(part);
}

void prompt_draw(const struct prompt *prompt, struct canvas *canvas, int row, int column,
                 int columns)
{
    size_t from = 0;
    while (from < prompt->cursor && width_between(prompt, from, prompt->cursor) >= columns)
        do
            from++;
        while (from < prompt->cursor && continues(prompt->text[from]));
    canvas_fill(canvas, row, column, columns, ROLE_INPUT, ' ');
    canvas_text(canvas, row, column, columns, ROLE_INPUT, prompt->text + from);
    canvas_cursor(canvas, row, column + width_between(prompt, from, prompt->cursor));
}
