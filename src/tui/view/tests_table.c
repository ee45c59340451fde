/* SPDX-License-Identifier: MIT */
#include "tui/view/tests_table.h"

#include "tui/canvas.h"

enum {
    ID_WIDTH = 4,
    STATUS_WIDTH = 10,
    TIME_WIDTH = 6,
    SPLIT_WIDTH = 4,
    RESULTS_WIDTH = 8,
    VERDICT_WIDTH = 14,
    NAME_MIN = 11,
    NAME_MAX = 40,
    ARM_MIN = 4,
    ARM_MAX = 48,
    NARROW_BELOW = 60,
};

/* What each says to do comes before all that describes it, which opening it shows. */
static void draw_narrow(struct canvas *canvas, int line, const struct tests_cells *cells)
{
    int at = 1 + ID_WIDTH + 2, verdict = canvas->columns - VERDICT_WIDTH;
    canvas_right(canvas, line, 1, ID_WIDTH, ROLE_DIM, cells->id);
    canvas_text(canvas, line, at, verdict - TIME_WIDTH - 2 - at, cells->role, cells->name);
    canvas_right(canvas, line, verdict - TIME_WIDTH - 1, TIME_WIDTH, cells->role,
                 cells->ended ? "ended" : cells->time);
    canvas_text(canvas, line, verdict, VERDICT_WIDTH, cells->verdict_role, cells->verdict);
}

void tests_table_line(struct canvas *canvas, int line, const struct tests_cells *cells)
{
    if (canvas->columns < NARROW_BELOW) {
        draw_narrow(canvas, line, cells);
        return;
    }
    int rest = canvas->columns - 2 - ID_WIDTH - 2 - STATUS_WIDTH - TIME_WIDTH - 1 - SPLIT_WIDTH -
               1 - RESULTS_WIDTH - 1 - VERDICT_WIDTH;
    int arm = MAX(0, MIN(ARM_MAX, rest < 4 * NAME_MIN ? (rest - NAME_MIN) / 2 : rest / 3));
    arm = arm < ARM_MIN ? 0 : arm;
    int name = MAX(NAME_MIN, MIN(NAME_MAX, rest - 2 * arm));
    int at = 1;
    canvas_right(canvas, line, at, ID_WIDTH, ROLE_DIM, cells->id);
    at += ID_WIDTH + 2;
    canvas_text(canvas, line, at, name - 1, cells->role, cells->name);
    at += name;
    canvas_text(canvas, line, at, STATUS_WIDTH - 1, cells->status_role, cells->status);
    at += STATUS_WIDTH;
    canvas_right(canvas, line, at, TIME_WIDTH, cells->role, cells->time);
    at += TIME_WIDTH + 1;
    if (arm > 0) {
        canvas_text(canvas, line, at, arm - 1, cells->role, cells->a);
        canvas_text(canvas, line, at + arm, arm - 1, cells->role, cells->b);
    }
    at += 2 * arm;
    canvas_right(canvas, line, at, SPLIT_WIDTH, cells->role, cells->split);
    at += SPLIT_WIDTH + 1;
    canvas_right(canvas, line, at, RESULTS_WIDTH, cells->role, cells->results);
    at += RESULTS_WIDTH + 1;
    canvas_text(canvas, line, at, canvas->columns - at, cells->verdict_role, cells->verdict);
}
