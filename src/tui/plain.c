/* SPDX-License-Identifier: MIT */
#include "tui/plain.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/error.h"
#include "tui/canvas.h"

enum { LINE_MAX = 16 * 1024, MARK_COLUMNS = 2, USUAL_ROWS = 24, USUAL_COLUMNS = 80 };

static const char prompt[] = "pare> ";

struct page {
    char *lines[PLAIN_ROWS_MAX]; /* NULL behind the last */
    int count;
    int selected; /* -1: none */
};

struct plain {
    struct page page; /* as it was announced */
    bool heard;       /* a line came since the last prompt */
    bool prompted;    /* the last thing written is a prompt */
    bool echoes;      /* the terminal shows what is typed, its line end too */
};

/* ---- what has changed ---- */

static void done_page(struct page *page)
{
    for (int i = 0; i < page->count; i++)
        free(page->lines[i]);
    *page = (struct page){ .selected = -1 };
}

/* Lengths of the longest common subsequences of what is left behind each pair of lines. */
struct lengths {
    uint8_t at[PLAIN_ROWS_MAX + 1][PLAIN_ROWS_MAX + 1];
};

void plain_compare(char *const old[], int old_count, char *const lines[], int count, int ret_from[])
{
    struct lengths lengths;
    for (int i = count; i >= 0; i--)
        for (int j = old_count; j >= 0; j--)
            lengths.at[i][j] = i == count || j == old_count ? 0
                               : !strcmp(lines[i], old[j])
                                   ? (uint8_t)(lengths.at[i + 1][j + 1] + 1)
                                   : MAX(lengths.at[i + 1][j], lengths.at[i][j + 1]);
    for (int i = 0, j = 0; i < count;) {
        ret_from[i] = -1;
        if (j < old_count && !strcmp(lines[i], old[j]))
            ret_from[i++] = j++;
        else if (j < old_count && lengths.at[i][j + 1] >= lengths.at[i + 1][j])
            j++;
        else
            i++;
    }
}

/* A rule across or an empty line says nothing. */
static bool says_something(const char *line)
{
    return line[strspn(line, " -=+|_")] != '\0';
}

static bool read_page(const struct canvas *canvas, struct page *page)
{
    struct buf line;
    buf_init(&line, LINE_MAX);
    *page = (struct page){ .selected = -1 };
    for (int row = 0; row < canvas->rows && page->count < PLAIN_ROWS_MAX; row++) {
        buf_clear(&line);
        canvas_row(canvas, row, &line);
        if (!says_something(buf_string(&line)))
            continue;
        if (canvas_is_selected(canvas, row))
            page->selected = page->count;
        page->lines[page->count] = strdup(buf_string(&line));
        if (!page->lines[page->count])
            break;
        page->count++;
    }
    buf_done(&line);
    return page->count > 0;
}

static void put_news(const struct page *before, const struct page *now, struct buf *to)
{
    int from[PLAIN_ROWS_MAX];
    plain_compare(before->lines, before->count, now->lines, now->count, from);
    for (int i = 0; i < now->count; i++) {
        bool selected = i == now->selected;
        if (from[i] >= 0 && (!selected || from[i] == before->selected))
            continue;
        buf_text(to, selected ? "> " : "  ");
        buf_text(to, now->lines[i]);
        buf_char(to, '\n');
    }
}

/* ---- the terminal ---- */

static void write_all(const char *bytes, size_t length)
{
    while (length > 0) {
        ssize_t written = write(STDOUT_FILENO, bytes, length);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return; /* the terminal is gone: the loop will notice */
        bytes += written;
        length -= (size_t)written;
    }
}

static void end_prompt(const struct plain *plain)
{
    if (plain->prompted && !(plain->heard && plain->echoes))
        write_all("\n", 1);
}

bool plain_open(struct plain **ret_plain, struct pare_error *err)
{
    struct plain *plain = calloc(1, sizeof(*plain));
    if (!plain)
        return error_no_memory(err, sizeof(*plain));
    plain->page.selected = -1;
    plain->heard = true;
    plain->echoes = isatty(STDIN_FILENO);
    *ret_plain = plain;
    return true;
}

void plain_close(struct plain *plain)
{
    if (!plain)
        return;
    end_prompt(plain);
    done_page(&plain->page);
    free(plain);
}

void plain_size(const struct plain *plain, int *ret_rows, int *ret_columns)
{
    struct winsize size;
    bool known = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row && size.ws_col;
    int columns = known ? MIN(size.ws_col, CANVAS_SIDE_MAX) : USUAL_COLUMNS;
    (void)plain;
    *ret_rows = known ? MIN(size.ws_row, PLAIN_ROWS_MAX) : USUAL_ROWS;
    *ret_columns = MAX(1, columns - MARK_COLUMNS);
}

void plain_heard(struct plain *plain)
{
    plain->heard = true;
}

void plain_forget(struct plain *plain)
{
    done_page(&plain->page);
}

void plain_show(struct plain *plain, const struct canvas *canvas)
{
    struct page now;
    struct buf out;
    if (!read_page(canvas, &now))
        return;
    buf_init(&out, SIZE_MAX / 2);
    put_news(&plain->page, &now, &out);
    done_page(&plain->page);
    plain->page = now;
    if (out.length > 0 || plain->heard) {
        end_prompt(plain);
        buf_text(&out, prompt);
        write_all(buf_string(&out), out.length);
        plain->prompted = true;
        plain->heard = false;
    }
    buf_done(&out);
}
