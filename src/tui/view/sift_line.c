/* SPDX-License-Identifier: MIT */
#include "tui/view/sift_line.h"

#include "base/buf.h"
#include "base/text.h"
#include "tui/canvas.h"
#include "tui/number.h"
#include "tui/theme.h"

static const char goal_label[] = "goal: ";

enum { TEXT_COLUMN = 3, GOAL_COLUMNS = sizeof(goal_label) - 1, BETWEEN = 2 };

void sift_line_begin(struct sift_line *line, const struct sift *sift, enum sift_typed what)
{
    line->typing = true;
    line->what = what;
    prompt_set(&line->prompt, what == SIFT_GOAL ? sift->good.wish.goal : sift->good.wish.filter);
}

void sift_line_type(struct sift_line *line, struct sift *sift, struct rows *rows,
                    const struct key *key)
{
    switch (prompt_key(&line->prompt, key)) {
    case PROMPT_EDITED:
        (void)sift_type(sift, rows, line->what, line->prompt.text);
        break;
    case PROMPT_ENTERED:
        line->typing = sift->error.code != PARE_OK;
        break;
    case PROMPT_LEFT:
        line->typing = false;
        sift->error.code = PARE_OK;
        break;
    default:
        break;
    }
}

/* ---- drawing ---- */

static void put_order(const struct order *order, struct buf *words)
{
    buf_text(words, order->count ? "by " : "by name");
    for (size_t i = 0; i < order->count; i++)
        buf_printf(words, "%s%s%s", i ? ", " : "", order->keys[i].field.word,
                   order->keys[i].descending ? " desc" : "");
}

/* Where it went wrong, marked on the line itself. */
static void draw_error(const struct sift_line *line, const struct sift *sift, struct canvas *canvas,
                       int row, int column, int half)
{
    int cursor_row = canvas->cursor_row, cursor_column = canvas->cursor_column;
    column += (int)MIN(sift->error_column, PROMPT_MAX) - 1;
    if (column < half && sift->error_column > 0 && sift->error_column <= line->prompt.length)
        canvas_printf(canvas, row, column, 1, ROLE_ERROR, "%c",
                      line->prompt.text[sift->error_column - 1]);
    canvas_printf(canvas, row, half + 1, canvas->columns - half - 2, ROLE_ERROR, "column %zu",
                  sift->error_column);
    canvas_cursor(canvas, cursor_row, cursor_column);
}

static void draw_typed(const struct sift_line *line, const struct sift *sift, struct canvas *canvas,
                       int row, int half)
{
    int column = TEXT_COLUMN;
    if (line->what == SIFT_GOAL)
        column = 1 + canvas_text(canvas, row, 1, half, ROLE_KEY, goal_label);
    else
        canvas_text(canvas, row, 0, 2, ROLE_KEY, " /");
    prompt_draw(&line->prompt, canvas, row, column, half - column);
    if (sift->error.code)
        draw_error(line, sift, canvas, row, column, half);
}

/* Behind what it drew. */
static int draw_kept(const struct sift *sift, struct canvas *canvas, int row, int half)
{
    const struct sift_wish *wish = &sift->good.wish;
    int column = TEXT_COLUMN;
    canvas_text(canvas, row, 0, 2, ROLE_DIM, " /");
    if (*wish->filter)
        column +=
            BETWEEN + canvas_text(canvas, row, column, half - column, ROLE_STRONG, wish->filter);
    if (!*wish->goal || half - column <= GOAL_COLUMNS)
        return column;
    column += canvas_text(canvas, row, column, half - column, ROLE_DIM, goal_label);
    return column + BETWEEN +
           canvas_text(canvas, row, column, half - column, ROLE_STRONG, wish->goal);
}

/* How many are shown, and their order: its first column. */
static int draw_right(const struct sift *sift, const struct browse_list *list, size_t marked,
                      struct canvas *canvas, int row, int half)
{
    char some[NUMBER_ROOM], all[NUMBER_ROOM];
    struct buf words;
    buf_init(&words, 2 * SIFT_TEXT_MAX);
    if (sift->waiting) {
        buf_text(&words, "reading   ");
    } else if (sift->good.filter.count > 0) {
        number_count(sift->count, some);
        number_count(list->count, all);
        buf_printf(&words, "%s of %s   ", some, all);
    }
    if (marked > 0)
        buf_printf(&words, "%zu marked   ", marked);
    put_order(&sift->good.order, &words);
    int room = canvas->columns - half - 2, width = MIN(text_width(buf_string(&words)), room);
    canvas_right(canvas, row, half + 1, room, ROLE_DIM, buf_string(&words));
    buf_done(&words);
    return half + 1 + room - MAX(width, 0);
}

int sift_line_draw(const struct sift_line *line, const struct sift *sift,
                   const struct browse_list *list, size_t marked, struct canvas *canvas, int row,
                   int *ret_column)
{
    int half = canvas->columns * 3 / 5, column = 0, end = 0;
    if (line->typing)
        draw_typed(line, sift, canvas, row, half);
    else
        column = draw_kept(sift, canvas, row, half);
    if (!line->typing || !sift->error.code)
        end = draw_right(sift, list, marked, canvas, row, half) - BETWEEN;
    *ret_column = column;
    return line->typing ? 0 : MAX(end - column, 0);
}
