/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/json.h"
#include "cli/ab.h"
#include "cli/sheet.h"
#include "registry/abtest_judge.h"
#include "registry/abtest_sample.h"
#include "registry/rollup.h"

enum { PATIENCE_MS = 5000, LINE_MAX = 1024 };

/* ---- the table ---- */

static const struct sheet_column columns[] = {
    { "metric", "", SHEET_TEXT },
    { "a", "A", SHEET_NUMBER },
    { "b", "B", SHEET_NUMBER },
    { "delta", "B - A", SHEET_NUMBER },
    { "low", "at any time", SHEET_NUMBER },
    { "high", NULL, SHEET_NUMBER },
    { "relative_low", "relative", SHEET_NUMBER },
    { "relative_high", NULL, SHEET_NUMBER },
    { "fixed_low", NULL, SHEET_NUMBER },
    { "fixed_high", NULL, SHEET_NUMBER },
    { "p", "p", SHEET_TEXT },
    { "ln_p", NULL, SHEET_NUMBER },
    { "b_better", "P(B better)", SHEET_NUMBER },
    { "limit", "limit", SHEET_TEXT },
};

/* What rounds to nothing has no sign of its own. */
static const char *number_text(struct arena *arena, double value, int digits, bool is_signed,
                               const char *unit)
{
    double shown = fabs(value) < 0.5 * pow(10, -digits) ? 0 : value;
    return arena_printf(arena, is_signed ? "%+.*f%s" : "%.*f%s", digits, shown, unit);
}

static const char *value_text(struct arena *arena, const struct abtest_row *row, double value,
                              bool is_signed)
{
    if (isnan(value))
        return "-";
    if (isinf(value))
        return value < 0 ? "-inf" : "+inf";
    if (row->is_share)
        return number_text(arena, 100 * value, 2, is_signed, is_signed ? " pp" : " %");
    double size = fabs(value);
    return number_text(arena, value, size < 10 ? 2 : size < 100 ? 1 : 0, is_signed, "");
}

static const char *range_text(struct arena *arena, const struct abtest_row *row)
{
    if (isnan(row->low) && row->needs == 0)
        return "-";
    if (row->needs > 0)
        return arena_printf(arena, "needs %lld more", (long long)row->needs);
    return arena_printf(arena, "[%s, %s]", value_text(arena, row, row->low, true),
                        value_text(arena, row, row->high, true));
}

static const char *percent_range(struct arena *arena, double low, double high)
{
    if (isnan(low) || (isinf(low) && isinf(high)))
        return "";
    return arena_printf(arena, "[%s, %s] %%",
                        isinf(low) ? "-inf" : arena_printf(arena, "%+.1f", 100 * low),
                        isinf(high) ? "+inf" : arena_printf(arena, "%+.1f", 100 * high));
}

static const char *limit_text(struct arena *arena, const struct abtest_row *row)
{
    const char *primary = row->is_primary ? "primary" : "";
    if (!row->guard)
        return primary;
    return arena_printf(arena, "%s%sat most %g %s worse", primary, *primary ? ", " : "",
                        100 * row->guard->margin, row->is_share ? "pp" : "%");
}

/* An interval's end: where there is none no number, but what people are shown instead. */
static struct sheet_cell end_cell(struct sheet *sheet, double value, const char *shown)
{
    struct sheet_cell cell = sheet_number(sheet, isinf(value) ? NAN : value, NULL);
    cell.shown = shown;
    return cell;
}

static void put_row(struct sheet *sheet, const struct abtest_row *row)
{
    struct sheet_cell *cells = sheet_row(sheet);
    struct arena *arena = sheet->arena;
    char p[P_TEXT_ROOM] = "", shown_p[P_TEXT_ROOM] = "";
    if (!isnan(row->ln_p)) {
        p_put(row->ln_p, p);
        p_put_short(row->ln_p, shown_p);
    }
    cells[0] = sheet_text(row->word);
    cells[1] = sheet_number(sheet, row->a, value_text(arena, row, row->a, false));
    cells[2] = sheet_number(sheet, row->b, value_text(arena, row, row->b, false));
    cells[3] = sheet_number(sheet, row->delta, value_text(arena, row, row->delta, true));
    cells[4] = end_cell(sheet, row->low, range_text(arena, row));
    cells[5] = end_cell(sheet, row->high, NULL);
    cells[6] = end_cell(sheet, row->relative_low,
                        percent_range(arena, row->relative_low, row->relative_high));
    cells[7] = end_cell(sheet, row->relative_high, NULL);
    cells[8] = sheet_number(sheet, row->fixed_low, NULL);
    cells[9] = sheet_number(sheet, row->fixed_high, NULL);
    cells[10] = sheet_text(*p ? arena_strdup(arena, p) : NULL);
    cells[10].shown = *p ? arena_strdup(arena, shown_p) : NULL;
    cells[11] = end_cell(sheet, row->ln_p, NULL);
    cells[12] =
        sheet_number(sheet, row->b_better,
                     isnan(row->b_better) ? "" : arena_printf(arena, "%.3f", row->b_better));
    cells[13] = sheet_text(limit_text(arena, row));
}

/* ---- words around it ---- */

static const char *arm_words(struct arena *arena, const struct abtest_arm *arm)
{
    return arm->name ? arena_printf(arena, "%s:%s", arm->name, arm->version)
                     : arena_printf(arena, "#%lld, vanished", (long long)arm->id);
}

static void put_head(struct arena *arena, const struct abtest *test, const struct abtest_data *data,
                     const struct abtest_report *report, struct buf *buf)
{
    buf_printf(buf, "test %lld %s  %s", (long long)test->id, test->name, test->status);
    if (!isnan(test->running_seconds))
        buf_printf(buf, "  %s", ab_duration(arena, test->running_seconds));
    buf_printf(buf, "\nA %s  %lld requests\n", arm_words(arena, &test->a),
               (long long)data->arms[0].n);
    buf_printf(buf, "B %s  %lld requests", arm_words(arena, &test->b), (long long)data->arms[1].n);
    buf_printf(buf, "  split %d %% to A", test->split_percent);
    if (data->segment_count > 1)
        buf_printf(buf, ", segment %d, judged at alpha %g", data->segment_count, report->alpha);
    buf_printf(buf, "\nplan %s: primary %s, alpha %g, %lld requests, %g hours\n\n",
               test->plan.assumed ? "assumed" : "fixed at the start",
               abtest_metric_word(test->plan.primary), test->plan.alpha,
               (long long)test->plan.horizon, test->plan.min_hours);
}

static void put_verdict(struct arena *arena, const struct abtest *test,
                        const struct abtest_report *report, struct buf *buf)
{
    const struct decision_words *words = abtest_words(test, report->decision.state);
    buf_printf(buf, "%s: %s\n  because ", words->word, words->says);
    abtest_put_reason(test, report, buf);
    buf_printf(buf, "\n  what would change it: %s\n", words->change);
    if (report->needed > 0)
        buf_printf(buf, "the question takes about %lld requests", (long long)report->needed);
    if (report->needed > 0 && report->eta.known && report->eta.seconds > 0)
        buf_printf(buf, ": %s to go at %.2g a second", ab_duration(arena, report->eta.seconds),
                   report->rate.now);
    if (report->needed > 0)
        buf_text(buf, "\n");
}

/* ---- show ---- */

/* `sample` may be NULL: nobody has looked. */
static bool print(struct cli *cli, const struct abtest *test, const struct abtest_data *data,
                  const struct abtest_report *report, const struct abtest_sample *sample,
                  struct pare_error *err)
{
    struct buf head, foot;
    struct sheet sheet;
    bool words = cli->format == CLI_TABLE;
    sheet_init(&sheet, &cli->arena, columns, ARRAY_SIZE(columns));
    for (int i = 0; i < ABTEST_ROWS; i++)
        put_row(&sheet, &report->rows[i]);
    buf_init(&head, LINE_MAX * 8);
    buf_init(&foot, LINE_MAX * 16);
    put_head(&cli->arena, test, data, report, &head);
    buf_text(&foot, "\n");
    abtest_put_badges(test, data, report, &foot);
    if (sample)
        abtest_put_sample(test, report, sample, &foot);
    put_verdict(&cli->arena, test, report, &foot);
    bool ok = buf_ok(&head, err) && buf_ok(&foot, err);
    if (ok && words)
        fputs(buf_string(&head), stdout);
    ok = ok && sheet_print(&sheet, cli->format, err);
    if (ok && words)
        fputs(buf_string(&foot), stdout);
    buf_done(&head);
    buf_done(&foot);
    return ok;
}

bool ab_print(struct cli *cli, const struct abtest *test, const struct abtest_data *data,
              const struct abtest_report *report, struct pare_error *err)
{
    return print(cli, test, data, report, NULL, err);
}

bool ab_judge(struct cli *cli, const struct visit *visit, struct abtest *ret_test,
              struct abtest_data *ret_data, struct abtest_report *ret_report,
              struct pare_error *err)
{
    const struct registry *registry = &visit->registry;
    struct rollup rollup = { 0 };
    int64_t behind = 0;
    if (!ab_find(cli, visit, ret_test, err))
        return false;
    if (rollup_can(registry)) {
        bool ok =
            rollup_upkeep(registry, err) && rollup_catch_up(registry, &rollup, PATIENCE_MS, err);
        behind = rollup.behind;
        rollup_done(&rollup);
        if (!ok || !ab_find(cli, visit, ret_test, err))
            return false;
    }
    if (!abtest_read(registry, ret_test, &cli->arena, ret_data, err))
        return false;
    ret_data->behind = behind;
    abtest_judge(ret_test, ret_data, ret_report);
    return true;
}

bool ab_show(struct cli *cli, const struct visit *visit, struct pare_error *err)
{
    struct abtest test;
    struct abtest_data data;
    struct abtest_report report;
    struct abtest_sample sample;
    if (!ab_judge(cli, visit, &test, &data, &report, err))
        return false;
    if (cli->format != CLI_TABLE) /* programs get the table alone */
        return ab_print(cli, &test, &data, &report, err);
    return abtest_sample_read(&visit->registry, &test, &cli->arena, &sample, err) &&
           print(cli, &test, &data, &report, &sample, err);
}
