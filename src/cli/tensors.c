/* SPDX-License-Identifier: MIT */
#include "cli/tensors.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/text.h"
#include "cli/sheet.h"
#include "engine/histogram.h"
#include "engine/meter.h"
#include "engine/recorded.h"

enum { DRAW_EVERY_MS = 100, SHAPE_MAX = 256 };

#define TENSOR_COLUMNS                                                                             \
    { "name", "tensor", SHEET_TEXT }, { "dtype", "dtype", SHEET_TEXT },                            \
        { "shape", "shape", SHEET_TEXT }, { "size_bytes", "size", SHEET_NUMBER },                  \
        { "op", "feeds", SHEET_TEXT },                                                             \
    {                                                                                              \
        "place", "place", SHEET_TEXT                                                               \
    }

bool tensors_progress(void *data, const struct pare_progress *progress)
{
    struct tensors_bar *bar = data;
    char name[64];
    if (*bar->interrupt)
        return false;
    int64_t now = clock_now_ms();
    if (!cli_is_watched() || now - bar->shown_ms < DRAW_EVERY_MS)
        return true;
    bar->shown_ms = now;
    text_clean(progress->tensor, strlen(progress->tensor), name, sizeof(name));
    fprintf(stderr, "\r\033[K%s %3.0f %%  %s", progress->phase, 100 * progress->done_fraction,
            name);
    return true;
}

void tensors_bar_done(struct tensors_bar *bar)
{
    if (bar->shown_ms)
        fputs("\r\033[K", stderr);
    bar->shown_ms = 0;
}

static const char *shape_of(const struct pare_tensor *tensor, struct arena *arena)
{
    struct buf buf;
    buf_init(&buf, SHAPE_MAX);
    for (int i = 0; i < tensor->rank; i++)
        buf_printf(&buf, "%s%lld", i ? " x " : "", (long long)tensor->dims[i]);
    const char *shape = arena_strdup(arena, tensor->rank ? buf_string(&buf) : "scalar");
    buf_done(&buf);
    return shape;
}

static struct sheet_cell bytes_cell(struct sheet *sheet, int64_t bytes)
{
    return sheet_number(sheet, (double)bytes, sheet_size(sheet, (double)bytes));
}

static struct sheet_cell clean_cell(struct sheet *sheet, const char *text)
{
    return sheet_text(*text ? text_clean_dup(sheet->arena, text) : NULL);
}

/* The first cells of a row: what the header says. */
static void put_tensor(struct sheet *sheet, struct sheet_cell *cells,
                       const struct pare_tensor *tensor)
{
    cells[0] = clean_cell(sheet, tensor->name);
    cells[1] = sheet_text(pare_dtype_name(tensor->dtype));
    cells[2] = sheet_text(shape_of(tensor, sheet->arena));
    cells[3] = bytes_cell(sheet, tensor->size_bytes);
    cells[4] = clean_cell(sheet, tensor->op);
    cells[5] = sheet_text(tensor->place);
}

bool tensors_print_model(struct cli *cli, const struct pare_model *model, struct pare_error *err)
{
    static const struct sheet_column columns[] = { TENSOR_COLUMNS };
    struct sheet sheet;
    sheet_init(&sheet, &cli->arena, columns, ARRAY_SIZE(columns));
    for (size_t i = 0; i < pare_model_tensor_count(model); i++)
        put_tensor(&sheet, sheet_row(&sheet), pare_model_tensor(model, i));
    return sheet_print(&sheet, cli->format, err);
}

bool tensors_print_plan(struct cli *cli, const struct pare_plan *plan, struct pare_error *err)
{
    static const struct sheet_column columns[] = {
        { "name", "tensor", SHEET_TEXT },         { "before_bytes", "before", SHEET_NUMBER },
        { "after_bytes", "after", SHEET_NUMBER }, { "action", "what happens", SHEET_TEXT },
        { "reason", "why not", SHEET_TEXT },
    };
    struct sheet sheet;
    sheet_init(&sheet, &cli->arena, columns, ARRAY_SIZE(columns));
    for (size_t i = 0; i < pare_plan_entry_count(plan); i++) {
        const struct pare_plan_entry *entry = pare_plan_entry(plan, i);
        struct sheet_cell *cells = sheet_row(&sheet);
        cells[0] = clean_cell(&sheet, entry->name);
        cells[1] = bytes_cell(&sheet, entry->before_bytes);
        cells[2] = bytes_cell(&sheet, entry->after_bytes);
        cells[3] = clean_cell(&sheet, entry->action);
        cells[4] = clean_cell(&sheet, entry->reason);
    }
    return sheet_print(&sheet, cli->format, err);
}

static struct sheet_cell decibels(struct sheet *sheet, double sqnr_db)
{
    if (isinf(sqnr_db))
        return (struct sheet_cell){ .shown = "exact" };
    return sheet_number(sheet, sqnr_db, arena_printf(sheet->arena, "%.1f dB", sqnr_db));
}

static struct sheet_cell share_cell(struct sheet *sheet, double share)
{
    return sheet_number(sheet, share, arena_printf(sheet->arena, "%.1f %%", 100 * share));
}

bool tensors_print_report(struct cli *cli, const struct pare_report *report, struct pare_error *err)
{
    static const struct sheet_column columns[] = {
        { "name", "tensor", SHEET_TEXT },
        { "op", "feeds", SHEET_TEXT },
        { "before_bytes", "before", SHEET_NUMBER },
        { "after_bytes", "after", SHEET_NUMBER },
        { "sqnr_db", "SQNR", SHEET_NUMBER },
        { "max_error", "largest error", SHEET_NUMBER },
        { "clipped_count", "clipped", SHEET_NUMBER },
        { "clipped_share", "share", SHEET_NUMBER },
        { "zero_share", "zeros", SHEET_NUMBER },
        { "zero_share_before", "zeros before", SHEET_NUMBER },
        { "action", "what happened", SHEET_TEXT },
        { "reason", "why not", SHEET_TEXT },
    };
    struct sheet sheet;
    sheet_init(&sheet, &cli->arena, columns, ARRAY_SIZE(columns));
    for (size_t i = 0; i < pare_report_entry_count(report); i++) {
        const struct pare_report_entry *entry = pare_report_entry(report, i);
        struct sheet_cell *cells = sheet_row(&sheet);
        cells[0] = clean_cell(&sheet, entry->name);
        cells[1] = clean_cell(&sheet, entry->op);
        cells[2] = bytes_cell(&sheet, entry->before_bytes);
        cells[3] = bytes_cell(&sheet, entry->after_bytes);
        if (entry->measured) {
            cells[4] = decibels(&sheet, entry->sqnr_db);
            cells[5] = sheet_number(&sheet, entry->max_error,
                                    arena_printf(&cli->arena, "%.3g", entry->max_error));
            cells[6] = sheet_integer(&sheet, entry->clipped_count);
            cells[7] = share_cell(&sheet, entry->clipped_share);
            cells[8] = share_cell(&sheet, entry->zero_share);
            if (!isnan(entry->zero_share_before))
                cells[9] = share_cell(&sheet, entry->zero_share_before);
        }
        cells[10] = clean_cell(&sheet, entry->action);
        cells[11] = clean_cell(&sheet, entry->reason);
    }
    return sheet_print(&sheet, cli->format, err);
}

/* ---- with what is in the weights ---- */

static void put_recorded(struct sheet *sheet, struct sheet_cell *cells,
                         const struct recorded_entry *entry)
{
    if (!entry)
        return;
    cells[7] = decibels(sheet, entry->sqnr_db);
    if (!isnan(entry->max_error))
        cells[8] = sheet_number(sheet, entry->max_error,
                                arena_printf(sheet->arena, "%.3g", entry->max_error));
}

/* Counted; of packed numbers what was measured when they were made. */
static bool put_zeros(struct sheet *sheet, struct sheet_cell *cell, const struct pare_model *model,
                      size_t index, const struct recorded_entry *entry, struct meter *meter,
                      struct pare_error *err)
{
    int64_t zeros, elements = pare_model_tensor(model, index)->element_count;
    if (!histogram_zeros(model, index, meter, &zeros, err))
        return false;
    if (zeros >= 0 && elements > 0)
        *cell = share_cell(sheet, (double)zeros / (double)elements);
    else if (zeros < 0 && entry && !isnan(entry->zero_share))
        *cell = share_cell(sheet, entry->zero_share);
    return true;
}

bool tensors_print_version(struct cli *cli, const struct pare_model *model, const char *report,
                           struct pare_error *err)
{
    static const struct sheet_column columns[] = {
        TENSOR_COLUMNS,
        { "zero_share", "zeros", SHEET_NUMBER },
        { "sqnr_db", "SQNR", SHEET_NUMBER },
        { "max_error", "largest error", SHEET_NUMBER },
    };
    struct sheet sheet;
    struct recorded recorded;
    struct tensors_bar bar = { .interrupt = cli->interrupt };
    struct meter meter = { .progress = tensors_progress, .data = &bar, .phase = "zeros" };
    sheet_init(&sheet, &cli->arena, columns, ARRAY_SIZE(columns));
    bool ok = recorded_read(report, &cli->arena, &recorded, err);
    for (size_t i = 0; i < pare_model_tensor_count(model); i++)
        meter.total_bytes += pare_model_tensor(model, i)->size_bytes;
    for (size_t i = 0; ok && i < pare_model_tensor_count(model); i++) {
        struct sheet_cell *cells = sheet_row(&sheet);
        const struct recorded_entry *entry = recorded_find(&recorded, model, i);
        put_tensor(&sheet, cells, pare_model_tensor(model, i));
        put_recorded(&sheet, cells, entry);
        ok = put_zeros(&sheet, &cells[6], model, i, entry, &meter, err);
    }
    tensors_bar_done(&bar);
    return ok && sheet_print(&sheet, cli->format, err);
}
