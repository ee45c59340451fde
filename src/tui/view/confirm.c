/* SPDX-License-Identifier: MIT */
#include "tui/view/confirm.h"

#include <string.h>

#include "base/text.h"
#include "tui/app.h"

enum { LABEL_AT = 3, FIELD_AT = 11, FIELD_WIDTH = 60, QUESTION_ROWS_MAX = 3 };

void confirm_begin(struct confirm *confirm, const char *word, enum confirm_reason wants)
{
    confirm->word = word;
    confirm->wants = wants;
    confirm->field = CONFIRM_WORD;
    for (int i = 0; i < CONFIRM_FIELDS; i++)
        prompt_set(&confirm->fields[i], "");
}

const char *confirm_reason(const struct confirm *confirm)
{
    const char *reason = confirm->fields[CONFIRM_REASON].text;
    return confirm->wants != CONFIRM_NO_REASON && *reason ? reason : NULL;
}

static enum confirm_news entered(struct confirm *confirm, struct app *app)
{
    const char *typed = confirm->fields[CONFIRM_WORD].text;
    if (confirm->field == CONFIRM_WORD && !*typed)
        return CONFIRM_LEFT;
    if (strcmp(typed, confirm->word) != 0) {
        confirm->field = CONFIRM_WORD;
        app_say(app, ROLE_ERROR, "to go on type %s; an empty line goes back", confirm->word);
    } else if (confirm->wants != CONFIRM_NO_REASON && confirm->field == CONFIRM_WORD) {
        confirm->field = CONFIRM_REASON;
    } else if (confirm->wants == CONFIRM_MUST_GIVE && !confirm_reason(confirm)) {
        app_say(app, ROLE_ERROR, "a reason is wanted: it goes into the history");
    } else {
        return CONFIRM_GIVEN;
    }
    return CONFIRM_TYPING;
}

enum confirm_news confirm_key(struct confirm *confirm, struct app *app, const struct key *key)
{
    app->message[0] = '\0';
    if (key->kind == KEY_TAB && confirm->wants != CONFIRM_NO_REASON) {
        confirm->field = confirm->field == CONFIRM_WORD ? CONFIRM_REASON : CONFIRM_WORD;
        return CONFIRM_TYPING;
    }
    switch (prompt_key(&confirm->fields[confirm->field], key)) {
    case PROMPT_ENTERED:
        return entered(confirm, app);
    case PROMPT_LEFT:
        return CONFIRM_LEFT;
    default:
        return CONFIRM_TYPING;
    }
}

static void draw_field(const struct confirm *confirm, struct canvas *canvas, int row, int field)
{
    static const char *const labels[CONFIRM_FIELDS] = { "word", "reason" };
    canvas_text(canvas, row, LABEL_AT, FIELD_AT - LABEL_AT - 1, ROLE_DIM, labels[field]);
    prompt_draw(&confirm->fields[field], canvas, row, FIELD_AT,
                MIN(FIELD_WIDTH, canvas->columns - FIELD_AT - 2));
}

static int question_rows(const char *question, int columns)
{
    return MIN(text_lines(question, MAX(1, columns - 2)), QUESTION_ROWS_MAX);
}

int confirm_rows(const char *question, int columns)
{
    return CONFIRM_ROWS - 1 + question_rows(question, columns);
}

void confirm_draw(const struct confirm *confirm, struct canvas *canvas, int row,
                  const char *question)
{
    int last = confirm->wants == CONFIRM_NO_REASON ? CONFIRM_WORD : CONFIRM_REASON;
    canvas_wrap(canvas, row, 1, canvas->columns - 2, QUESTION_ROWS_MAX, ROLE_PLAIN, question);
    row += question_rows(question, canvas->columns) - 1;
    for (int i = 0; i <= last; i++)
        if (i != confirm->field)
            draw_field(confirm, canvas, row + 1 + i, i);
    /* The one that is being typed comes last: the cursor stays there. */
    draw_field(confirm, canvas, row + 1 + confirm->field, confirm->field);
}
