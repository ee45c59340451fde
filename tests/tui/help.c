/* SPDX-License-Identifier: MIT */
/* The help of every view, drawn on a canvas that is high enough, beside the table of actions. */
#include <locale.h>

#include "tap.h"
#include "tui/app.h"

enum { ROWS = 400, COLUMNS = 200 };

static struct app app;

static const char *row(int number)
{
    static char text[COLUMNS * 4 + 1];
    wchar_t wide[COLUMNS * 2];
    size_t used = 0;
    for (int i = 0; i < COLUMNS; i++) {
        const struct cell *cell = &app.canvas.cells[number * COLUMNS + i];
        for (int k = 0; cell->columns && cell->text[k]; k++)
            wide[used++] = cell->text[k];
    }
    wide[used] = 0;
    wcstombs(text, wide, sizeof(text));
    return text;
}

static void draw(struct view *view)
{
    canvas_clear(&app.canvas);
    view->ops->draw(view, &app.canvas, (struct view_area){ 0, ROWS });
}

/* The first row that has both, from `from` on; -1: none. */
static int find(int from, const char *key, const char *what)
{
    for (int i = from; i < ROWS; i++) {
        const char *line = row(i);
        line += strspn(line, " ");
        if (!strncmp(line, key, strlen(key)) && line[strlen(key)] == ' ' && strstr(line, what))
            return i;
    }
    return -1;
}

static void press(struct view *view, const char *text)
{
    for (; *text; text++) {
        struct key key = { .kind = KEY_TEXT, .text = { *text } };
        if (*text == '\r')
            key = (struct key){ .kind = KEY_ENTER };
        else if (*text == '\033')
            key = (struct key){ .kind = KEY_ESCAPE };
        if (!view->ops->type(view, &key))
            view->ops->act(view, action_of(&key, VIEW_HELP));
    }
}

static int lines_in(void)
{
    int count = 0;
    for (int i = 0; i < ROWS; i++)
        count += row(i)[strspn(row(i), " ")] != '\0';
    return count;
}

static void test_all(void)
{
    bool there = true, own_first = true, named = true;
    for (int kind = 1; kind <= VIEW_ALL; kind *= 2) {
        if (!(VIEW_ALL & kind))
            continue;
        struct view *view = help_open(&app, (enum view_kind)kind);
        draw(view);
        /* The moves are the last of its groups, and up to the end the last of these but few. */
        int end = find(0, actions[ACTION_BOTTOM].key, actions[ACTION_BOTTOM].what) + 12;
        for (int i = 0; i < ACTION_NONE; i++) {
            int at = find(0, actions[i].key, actions[i].what);
            there = there && at >= 0;
            own_first = own_first && (!(actions[i].views & kind) || at < end);
            if (at < 0)
                printf("# not in the help of %d: %s\n", kind, actions[i].what);
        }
        named = named && strstr(row(0), ": look") && !strstr(row(0), "here:");
        view->ops->close(view);
    }
    OK(there, "every action is in the help of every view, with its key");
    OK(own_first, "those of the view come first");
    OK(named, "in groups, under its name");
}

static void test_filter(void)
{
    struct view *view = help_open(&app, VIEW_MODELS);
    draw(view);
    int all = lines_in();
    press(view, "/rollBACK");
    draw(view);
    OK(find(0, "R", actions[ACTION_ROLLBACK].what) > 0 && find(0, "s", "sort") < 0 &&
           lines_in() < all / 2,
       "typing leaves the lines that have it");
    press(view, "xyz");
    draw(view);
    OK(strstr(row(2), "no line has that") || strstr(row(1), "no line has that"),
       "or says that there are none");
    press(view, "\033");
    draw(view);
    OK(lines_in() == all, "Escape shows all again");
    press(view, "/sort\rj");
    draw(view);
    OK(find(0, "s", "sort") > 0 && lines_in() < all / 2, "Enter keeps what was found");
    view->ops->close(view);
}

int main(void)
{
    struct pare_error err;
    if (!setlocale(LC_CTYPE, "C.UTF-8")) {
        printf("1..0 # SKIP no locale C.UTF-8\n");
        return 0;
    }
    if (!canvas_resize(&app.canvas, ROWS, COLUMNS, &err))
        return 1;
    test_all();
    test_filter();
    canvas_done(&app.canvas);
    return tap_done();
}
