/* SPDX-License-Identifier: MIT */
#include "tui/view/test_table.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "tui/number.h"
#include "tui/view/test_forest.h"

enum {
    WORD_AT = 2,
    WORD_WIDTH = 8,
    VALUE_WIDTH = 9,
    DELTA_WIDTH = 11,
    RANGE_WIDTH = 20,
    NOTE_WIDTH = 19,
    RELATIVE_WIDTH = 18,
    P_WIDTH = 11,
    CHANCE_WIDTH = 12,
    FOREST_MIN = 19,
    FOREST_MAX = 61,
    FOREST_FROM = 100, /* columns from which there is one */
    MORE_FROM = 140,   /* columns from which there is the relative interval, p and the chance */
    TEXT_ROOM = 64,
};

/* ---- words ---- */

void test_time(double seconds, char to[TEST_TIME_ROOM])
{
    if (isnan(seconds) || seconds < 0 || seconds > 1e10) {
        snprintf(to, TEST_TIME_ROOM, "-");
        return;
    }
    long long whole = (long long)seconds;
    if (whole >= 86400)
        snprintf(to, TEST_TIME_ROOM, "%lldd%02dh", whole / 86400, (int)(whole / 3600 % 24));
    else if (whole >= 3600)
        snprintf(to, TEST_TIME_ROOM, "%lldh%02dm", whole / 3600, (int)(whole / 60 % 60));
    else if (whole >= 60)
        snprintf(to, TEST_TIME_ROOM, "%lldm%02ds", whole / 60, (int)(whole % 60));
    else
        snprintf(to, TEST_TIME_ROOM, "%llds", whole);
}

void test_split(const struct abtest *test, char to[TEST_SPLIT_ROOM])
{
    if (test->split_percent == 0 || test->split_percent == 100)
        snprintf(to, TEST_SPLIT_ROOM, "%d", test->split_percent / 100);
    else
        snprintf(to, TEST_SPLIT_ROOM, ".%02d", test->split_percent);
}

int test_state_role(enum decision_state state)
{
    switch (state) {
    case DECISION_PROMOTE_B:
    case DECISION_KEEP_A:
    case DECISION_EQUIVALENT:
        return ROLE_BETTER;
    case DECISION_STOP_B_HARM:
    case DECISION_INVALID_SRM:
    case DECISION_INVALID_RECORD:
        return ROLE_ERROR;
    case DECISION_WARMING:
    case DECISION_RUNNING:
        return ROLE_STRONG;
    default:
        return ROLE_WARNING;
    }
}

const struct decision_guard *test_guard(const struct browse_test *found,
                                        const struct abtest_row *row)
{
    const struct abtest_plan *plan = &found->test.plan;
    for (size_t i = 0; i < plan->guard_count; i++)
        if (row->guard == &plan->guards[i])
            return &found->report.guards[i];
    return NULL;
}

/* A number of the row without its unit: as many digits as tell something. */
static void put_bare(const struct abtest_row *row, double value, bool is_signed, char *to)
{
    double shown = row->is_share ? 100 * value : value;
    double size = fabs(shown);
    bool whole = shown == floor(shown) && !row->is_share && row->lower_is_better;
    int digits = whole || size >= 1000 ? 0 : size >= 10 && !row->is_share ? 1 : 2;
    if (isnan(value))
        snprintf(to, TEXT_ROOM, "-");
    else if (isinf(value))
        snprintf(to, TEXT_ROOM, value < 0 ? "-inf" : "+inf");
    else
        snprintf(to, TEXT_ROOM, is_signed ? "%+.*f" : "%.*f", digits, shown);
}

static void put_value(const struct abtest_row *row, double value, bool is_signed, char *to)
{
    put_bare(row, value, is_signed, to);
    size_t length = strlen(to);
    if (row->is_share && !isnan(value))
        snprintf(to + length, TEXT_ROOM - length, is_signed ? " pp" : " %%");
}

static void put_range(const struct abtest_row *row, char *to)
{
    char low[TEXT_ROOM], high[TEXT_ROOM];
    if (row->needs > 0)
        snprintf(to, TEXT_ROOM, "needs %lld more", (long long)row->needs);
    else if (isnan(row->low) || (isinf(row->low) && isinf(row->high)))
        snprintf(to, TEXT_ROOM, "-");
    else {
        put_bare(row, row->low, true, low);
        put_bare(row, row->high, true, high);
        snprintf(to, TEXT_ROOM, "[%.16s, %.16s]", low, high);
    }
}

static void put_relative(const struct abtest_row *row, char *to)
{
    to[0] = '\0';
    if (isnan(row->relative_low) || (isinf(row->relative_low) && isinf(row->relative_high)))
        return;
    char low[NUMBER_ROOM] = "-inf", high[NUMBER_ROOM] = "+inf";
    if (isfinite(row->relative_low))
        snprintf(low, sizeof(low), "%+.1f", 100 * row->relative_low);
    if (isfinite(row->relative_high))
        snprintf(high, sizeof(high), "%+.1f", 100 * row->relative_high);
    snprintf(to, TEXT_ROOM, "[%.20s, %.20s] %%", low, high);
}

static const char *guard_word(enum decision_guard_verdict verdict)
{
    return verdict == DECISION_GUARD_PASS ? "ok" : verdict == DECISION_GUARD_FAIL ? "OVER" : "open";
}

static int guard_role(enum decision_guard_verdict verdict)
{
    return verdict == DECISION_GUARD_PASS   ? ROLE_BETTER
           : verdict == DECISION_GUARD_FAIL ? ROLE_ERROR
                                            : ROLE_WARNING;
}

/*
 * How often B's answer is rated higher, "theta .51 [.44,.58]": its line has no room for the zeros.
 */
static void put_theta(const struct abtest_report *report, char *to)
{
    const double shares[] = { report->theta, report->theta_low, report->theta_high };
    char text[ARRAY_SIZE(shares)][NUMBER_ROOM];
    for (size_t i = 0; i < ARRAY_SIZE(shares); i++) {
        double share = fmin(fmax(shares[i], 0), 1);
        snprintf(text[i], NUMBER_ROOM, "%.2f", share);
        if (text[i][0] == '0')
            memmove(text[i], text[i] + 1, strlen(text[i]));
    }
    if (isnan(report->theta_low))
        snprintf(to, TEXT_ROOM, "theta %s", text[0]);
    else
        snprintf(to, TEXT_ROOM, "theta %s [%.8s,%.8s]", text[0], text[1], text[2]);
}

/* The limit and whether it holds; else what the row has to say beside its numbers. */
static int put_note(const struct browse_test *found, const struct abtest_row *row, char *to)
{
    const struct abtest_report *report = &found->report;
    const struct decision_guard *guard = test_guard(found, row);
    bool rating = row == &report->rows[ABTEST_ROW_RATING];
    to[0] = '\0';
    if (guard) {
        snprintf(to, TEXT_ROOM, "limit %+.3g %s %s", 100 * row->guard->margin,
                 row->is_share || rating ? "pp" : "%", guard_word(guard->verdict));
        return guard_role(guard->verdict);
    }
    if (rating && !isnan(report->theta))
        put_theta(report, to);
    if (row == &report->rows[ABTEST_ROW_RATED] && report->coverage_differs) {
        snprintf(to, TEXT_ROOM, "UNEQUAL");
        return ROLE_WARNING;
    }
    if (row == &report->rows[ABTEST_ROW_RATED] && report->coverage.state == STATS_OK)
        snprintf(to, TEXT_ROOM, "even: comparable");
    return ROLE_DIM;
}

/* ---- columns ---- */

struct columns {
    int a, b, delta, range, relative, forest, forest_width, p, chance, note; /* -1: not there */
};

static struct columns columns_of(const struct canvas *canvas)
{
    bool more = canvas->columns >= MORE_FROM, forest = canvas->columns >= FOREST_FROM;
    struct columns columns = { .a = WORD_AT + WORD_WIDTH };
    columns.b = columns.a + VALUE_WIDTH;
    columns.delta = columns.b + VALUE_WIDTH;
    columns.range = columns.delta + DELTA_WIDTH + 1;
    int at = columns.range + RANGE_WIDTH + 1;
    columns.relative = more ? at : -1;
    at += more ? RELATIVE_WIDTH + 1 : 0;
    int rest = canvas->columns - at - NOTE_WIDTH - (more ? P_WIDTH + CHANCE_WIDTH + 2 : 0) - 2;
    columns.forest = forest ? at : -1;
    columns.forest_width = MAX(FOREST_MIN, MIN(FOREST_MAX, rest));
    at += forest ? columns.forest_width + 2 : 0;
    columns.p = more ? at : -1;
    columns.chance = more ? at + P_WIDTH : -1;
    columns.note = more ? at + P_WIDTH + CHANCE_WIDTH + 2 : at;
    return columns;
}

static void draw_titles(const struct columns *columns, struct canvas *canvas, int line,
                        const struct browse_test *found)
{
    char words[TEXT_ROOM];
    canvas_right(canvas, line, columns->a, VALUE_WIDTH, ROLE_DIM, "A");
    canvas_right(canvas, line, columns->b, VALUE_WIDTH, ROLE_DIM, "B");
    canvas_right(canvas, line, columns->delta, DELTA_WIDTH, ROLE_DIM, "B - A");
    snprintf(words, sizeof(words), "at any time, %.4g %%", 100 * (1 - found->report.alpha));
    canvas_text(canvas, line, columns->range, RANGE_WIDTH, ROLE_DIM, words);
    if (columns->relative >= 0)
        canvas_text(canvas, line, columns->relative, RELATIVE_WIDTH, ROLE_DIM, "relative");
    if (columns->forest >= 0)
        forest_title(canvas, line, columns->forest, columns->forest_width);
    if (columns->p >= 0) {
        canvas_right(canvas, line, columns->p, P_WIDTH, ROLE_DIM, "p");
        canvas_right(canvas, line, columns->chance, CHANCE_WIDTH, ROLE_DIM, "P(B better)");
    }
}

static void draw_requests(const struct columns *columns, struct canvas *canvas, int line,
                          const struct browse_test *found)
{
    const struct abtest_arm_data *arms = found->data.arms;
    const struct srm *srm = &found->report.srm;
    char text[NUMBER_ROOM];
    int64_t total = arms[0].n + arms[1].n;
    canvas_text(canvas, line, WORD_AT, WORD_WIDTH, ROLE_PLAIN, "requests");
    number_count((size_t)MAX(arms[0].n, 0), text);
    canvas_right(canvas, line, columns->a, VALUE_WIDTH, ROLE_PLAIN, text);
    number_count((size_t)MAX(arms[1].n, 0), text);
    canvas_right(canvas, line, columns->b, VALUE_WIDTH, ROLE_PLAIN, text);
    snprintf(text, sizeof(text), "-");
    if (total > 0)
        snprintf(text, sizeof(text), "%.1f %%", 100 * (double)arms[1].n / (double)total);
    canvas_right(canvas, line, columns->delta, DELTA_WIDTH, ROLE_PLAIN, text);
    canvas_printf(canvas, line, columns->range, RANGE_WIDTH, ROLE_DIM, "%d %% is meant",
                  100 - found->test.split_percent);
    bool odd = srm->known && !srm->alarm && srm->ln_p < log(.001);
    canvas_text(canvas, line, columns->note, NOTE_WIDTH,
                srm->alarm ? ROLE_ERROR
                : odd      ? ROLE_WARNING
                           : ROLE_DIM,
                srm->alarm   ? "split is OFF"
                : odd        ? "split looks off"
                : srm->known ? "split ok"
                             : "");
}

static int range_role(const struct abtest_row *row)
{
    bool lower = row->lower_is_better;
    if (isnan(row->low) || row->needs > 0)
        return ROLE_DIM;
    return row->high < 0  ? lower ? ROLE_BETTER : ROLE_WORSE
           : row->low > 0 ? lower ? ROLE_WORSE : ROLE_BETTER
                          : ROLE_PLAIN;
}

static void draw_more(const struct columns *columns, struct canvas *canvas, int line,
                      const struct abtest_row *row)
{
    char text[TEXT_ROOM], p[P_TEXT_ROOM] = "";
    put_relative(row, text);
    canvas_text(canvas, line, columns->relative, RELATIVE_WIDTH, range_role(row), text);
    if (!isnan(row->ln_p))
        p_put_short(row->ln_p, p);
    canvas_right(canvas, line, columns->p, P_WIDTH, ROLE_PLAIN, p);
    text[0] = '\0';
    if (!isnan(row->b_better))
        snprintf(text, sizeof(text), "%.3f", row->b_better);
    canvas_right(canvas, line, columns->chance, CHANCE_WIDTH, ROLE_DIM, text);
}

static void draw_row(const struct columns *columns, struct canvas *canvas, int line,
                     const struct browse_test *found, const struct abtest_row *row)
{
    char text[TEXT_ROOM];
    bool latency = !row->is_share && row->lower_is_better;
    if (row->is_primary)
        canvas_text(canvas, line, WORD_AT - 1, 1, ROLE_KEY, ">");
    canvas_printf(canvas, line, WORD_AT, WORD_WIDTH, row->is_primary ? ROLE_STRONG : ROLE_PLAIN,
                  "%s%s", row->word, latency ? " ms" : "");
    put_value(row, row->a, false, text);
    canvas_right(canvas, line, columns->a, VALUE_WIDTH, ROLE_PLAIN, text);
    put_value(row, row->b, false, text);
    canvas_right(canvas, line, columns->b, VALUE_WIDTH, ROLE_PLAIN, text);
    put_value(row, row->delta, true, text);
    canvas_right(canvas, line, columns->delta, DELTA_WIDTH, ROLE_PLAIN, text);
    put_range(row, text);
    canvas_text(canvas, line, columns->range, RANGE_WIDTH, range_role(row), text);
    if (columns->p >= 0)
        draw_more(columns, canvas, line, row);
    int role = put_note(found, row, text);
    canvas_text(canvas, line, columns->note, NOTE_WIDTH, role, text);
}

int test_table_put_row(const struct browse_test *found, const struct abtest_row *row,
                       struct buf *buf)
{
    char a[TEXT_ROOM], b[TEXT_ROOM], delta[TEXT_ROOM], range[TEXT_ROOM], note[TEXT_ROOM];
    put_value(row, row->a, false, a);
    put_value(row, row->b, false, b);
    put_value(row, row->delta, true, delta);
    put_range(row, range);
    int role = put_note(found, row, note);
    buf_printf(buf, "%s -> %s%s", a, b, !row->is_share && row->lower_is_better ? " ms" : "");
    if (!isnan(row->delta))
        buf_printf(buf, ", %s %s", delta, range);
    if (*note)
        buf_printf(buf, ", %s", note);
    return role == ROLE_DIM ? range_role(row) == ROLE_DIM ? ROLE_PLAIN : range_role(row) : role;
}

void test_table_draw(struct canvas *canvas, struct view_area area, const struct browse_test *found)
{
    const struct columns columns = columns_of(canvas);
    const struct forest forest = forest_of(found);
    if (area.height > 0)
        draw_titles(&columns, canvas, area.top, found);
    if (area.height > 1)
        draw_requests(&columns, canvas, area.top + 1, found);
    for (int i = 0; i < ABTEST_ROWS && i + 2 < area.height; i++) {
        const struct abtest_row *row = &found->report.rows[i];
        int line = area.top + 2 + i;
        draw_row(&columns, canvas, line, found, row);
        if (columns.forest >= 0)
            forest_row(&forest, canvas, line, columns.forest, columns.forest_width, row);
    }
}

int test_table_badges(struct canvas *canvas, int line, int rows, const char *text)
{
    int used = 0;
    for (size_t length; *text && used < rows; text += length + (text[length] != '\0'), used++) {
        length = strcspn(text, "\n");
        bool last = used + 1 == rows && text[length] && text[length + 1];
        canvas_printf(canvas, line + used, 1, canvas->columns - 2,
                      *text == '!' ? ROLE_WARNING : ROLE_DIM, "%.*s%s", (int)length, text,
                      last ? "; and more: pare ab show" : "");
    }
    return used;
}
