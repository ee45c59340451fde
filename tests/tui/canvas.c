/* SPDX-License-Identifier: MIT */
#include <locale.h>
#include <math.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/error.h"
#include "tap.h"
#include "tui/canvas.h"
#include "tui/number.h"
#include "tui/prompt.h"
#include "tui/scroll.h"

static struct canvas canvas;

/* A row as UTF-8, second halves of wide characters left out. */
static const char *row(int number)
{
    static char text[4096];
    wchar_t wide[1024];
    size_t used = 0;
    for (int i = 0; i < canvas.columns; i++) {
        const struct cell *cell = &canvas.cells[number * canvas.columns + i];
        for (int k = 0; cell->columns && cell->text[k]; k++)
            wide[used++] = cell->text[k];
    }
    wide[used] = 0;
    wcstombs(text, wide, sizeof(text));
    return text;
}

/* Every wide cell has its second half, and no half stands alone. */
static bool is_whole(void)
{
    for (int y = 0; y < canvas.rows; y++)
        for (int x = 0; x < canvas.columns; x++) {
            const struct cell *cell = &canvas.cells[y * canvas.columns + x];
            if (cell->columns == 2 && (x + 1 == canvas.columns || cell[1].columns != 0))
                return false;
            if (cell->columns == 0 && (x == 0 || cell[-1].columns != 2))
                return false;
        }
    return true;
}

static void start(int rows, int columns)
{
    struct pare_error err;
    if (!canvas_resize(&canvas, rows, columns, &err))
        abort();
}

static void test_text(void)
{
    start(1, 10);
    canvas_text(&canvas, 0, 0, 10, 0, "\033]52;c;x\007");
    IS(row(0), "·]52;c;x· ", "control bytes are shown, not sent");
    start(1, 6);
    canvas_text(&canvas, 0, 0, 6, 0, "意图分类");
    IS(row(0), "意图… ", "a wide character is never split");
    OK(is_whole(), "and leaves no half");
    canvas_text(&canvas, 0, 1, 1, 0, "x");
    IS(row(0), " x图… ", "writing over its second half blanks the first");
    OK(is_whole(), "whole again");
    start(1, 8);
    canvas_text(&canvas, 0, 0, 8, 0, "e\u0301x");
    IS(row(0), "e\u0301x      ", "what combines stays with its letter");
    start(1, 4);
    canvas_text(&canvas, 0, 0, 4, 0, "\U0001F468\u200D\U0001F469\u200D\U0001F467x");
    IS(row(0), "\U0001F468x ", "joined emoji show their first and keep their columns");
    canvas_right(&canvas, 0, 0, 4, 0, "ab");
    canvas_text(&canvas, -1, 0, 4, 0, "no");
    canvas_text(&canvas, 0, 9, 4, 0, "no");
    OK(is_whole(), "outside nothing is written");
}

static void test_ascii(void)
{
    start(1, 8);
    canvas.ascii = true;
    canvas_text(&canvas, 0, 0, 8, 0, "意é—z\u2605abc");
    IS(row(0), "? ??z?a~", "where the terminal speaks ASCII nothing else comes out");
    canvas.ascii = false;
}

/* Random text at random places: the canvas stays whole. For the sanitizers too. */
static void test_back(void)
{
    struct buf text;
    buf_init(&text, 1024);
    start(2, 20);
    canvas_text(&canvas, 1, 1, 19, 0, "\u00e9 \u610f\U0001F600z");
    canvas_row(&canvas, 0, &text);
    IS(buf_string(&text), "", "an empty row is no text");
    canvas_row(&canvas, 1, &text);
    IS(buf_string(&text), " \u00e9 \u610f\U0001F600z", "what stands in a row, without its end");
    canvas_select(&canvas, 1);
    OK(canvas_is_selected(&canvas, 1) && !canvas_is_selected(&canvas, 0), "and where the mark is");
    buf_clear(&text);
    canvas.ascii = canvas.letters = true;
    canvas_text(&canvas, 0, 0, 3, 0, "\u00e9abc");
    canvas_rule(&canvas, 1);
    canvas_row(&canvas, 0, &text);
    canvas_row(&canvas, 1, &text);
    IS(buf_string(&text), "\u00e9a~--------------------", "letters stay where lines are ASCII");
    canvas.ascii = canvas.letters = false;
    buf_done(&text);
}

static void test_anything(void)
{
    unsigned seed = 3;
    bool whole = true;
    start(7, 23);
    for (int i = 0; i < 20000; i++) {
        char text[40];
        size_t length = (size_t)(rand_r(&seed) % 39);
        for (size_t k = 0; k < length; k++)
            text[k] =
                (char)(rand_r(&seed) % 3 ? "\xe6\x84\x8f\xcc\x81"[k % 5] : rand_r(&seed) % 255 + 1);
        text[length] = '\0';
        canvas_text(&canvas, rand_r(&seed) % 9 - 1, rand_r(&seed) % 26 - 1, rand_r(&seed) % 26,
                    ROLE_PLAIN, text);
        canvas_wrap(&canvas, rand_r(&seed) % 7, 0, rand_r(&seed) % 26, 3, ROLE_PLAIN, text);
        whole = whole && is_whole();
    }
    OK(whole, "no text at no place splits a character");
}

static void test_numbers(void)
{
    char to[NUMBER_ROOM];
    number_change(131.6, 440.2, to);
    IS(to, "-70%", "a change in per cent");
    number_points_open(0.9391, 0.9412, to);
    IS(to, "-.21?", "an open change has a sign and the same width");
    number_points_open(0.9287, 0.9416, to);
    IS(to, "-1.3?", "rounded");
    number_points_open(0.5, 0.5, to);
    IS(to, "=", "none is none");
    number_change_open(19.9, 20, to);
    IS(to, "-.5%?", "of a time too");
    number_change_open(1, NAN, to);
    IS(to, "", "absent stays absent");
    number_change(1, 0, to);
    IS(to, "~", "nothing can be said against zero");
    number_change(1e18, 1, to);
    IS(to, ">x9k", "and not much against next to nothing");
    number_change(5, 5, to);
    IS(to, "=", "no change");
    number_points(0.9391, 0.9412, to);
    IS(to, "-0.21", "a difference of shares in points");
    number_latency(45.06, to);
    IS(to, "45.1", "three digits that tell");
    number_latency(1e300, to);
    OK(strlen(to) < 10, "a latency that is no latency is short");
    number_size(-1e300, to);
    OK(strlen(to) < NUMBER_ROOM, "a size that is none too");
}

static struct key typed(const char *text)
{
    struct key key = { .kind = KEY_TEXT };
    snprintf(key.text, sizeof(key.text), "%s", text);
    return key;
}

static void test_prompt(void)
{
    struct prompt prompt = { 0 };
    struct key left = { .kind = KEY_LEFT }, rubout = { .kind = KEY_RUBOUT };
    struct key word = { .kind = KEY_CTRL, .text = "w" };
    struct key letter = typed("\xe6\x84\x8f");
    prompt_set(&prompt, "ab");
    prompt_key(&prompt, &letter);
    prompt_key(&prompt, &left);
    prompt_key(&prompt, &rubout);
    IS(prompt.text, "a\xe6\x84\x8f", "the cursor goes by characters");
    prompt_key(&prompt, &rubout);
    prompt_key(&prompt, &rubout);
    IS(prompt.text, "\xe6\x84\x8f", "at the start there is nothing to take away");
    prompt_set(&prompt, "one two");
    prompt_key(&prompt, &word);
    IS(prompt.text, "one ", "Ctrl-W takes a word");
    for (int i = 0; i < 2000; i++)
        prompt_key(&prompt, &letter);
    OK(prompt.length < PROMPT_MAX && prompt.text[prompt.length] == '\0', "a full line stays full");
    start(1, 10);
    prompt_draw(&prompt, &canvas, 0, 2, 5);
    OK(canvas.cursor_column >= 2 && canvas.cursor_column < 7, "the cursor is in sight");
}

static void test_scroll(void)
{
    struct scroll scroll = { 0 };
    scroll_fit(&scroll, 100, 10);
    scroll_act(&scroll, ACTION_PAGE_DOWN);
    OK(scroll.cursor == 9 && scroll.top == 9, "a page moves by all lines but one");
    scroll_act(&scroll, ACTION_BOTTOM);
    OK(scroll.cursor == 99 && scroll.top == 90, "the end");
    scroll_fit(&scroll, 3, 10);
    OK(scroll.cursor == 2 && scroll.top == 0, "a list that has become short");
    scroll_fit(&scroll, 0, 10);
    scroll_act(&scroll, ACTION_DOWN);
    OK(scroll.cursor == 0, "an empty one");
}

int main(void)
{
    if (!setlocale(LC_CTYPE, "C.UTF-8")) {
        printf("1..0 # SKIP no locale C.UTF-8\n");
        return 0;
    }
    test_text();
    test_ascii();
    test_back();
    test_anything();
    test_numbers();
    test_prompt();
    test_scroll();
    canvas_done(&canvas);
    return tap_done();
}
