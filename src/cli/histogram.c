/* SPDX-License-Identifier: MIT */
/* How a tensor's values are spread, as a table: its moments and quantiles, then its bins. */
#include "engine/histogram.h"

#include <math.h>

#include "base/error.h"
#include "cli/sheet.h"
#include "cli/tensors.h"

static struct sheet_cell number_cell(struct sheet *sheet, double value)
{
    return sheet_number(sheet, value, arena_printf(sheet->arena, "%.6g", value));
}

static void put(struct sheet *sheet, const char *what, double value)
{
    struct sheet_cell *cells = sheet_row(sheet);
    cells[0] = sheet_text(what);
    if (!isnan(value))
        cells[3] = number_cell(sheet, value);
}

static void put_count(struct sheet *sheet, const char *what, int64_t count)
{
    struct sheet_cell *cells = sheet_row(sheet);
    cells[0] = sheet_text(what);
    cells[3] = sheet_integer(sheet, count);
}

static void put_bin(struct sheet *sheet, const struct histogram *h, int i)
{
    struct sheet_cell *cells = sheet_row(sheet);
    double end = histogram_edge(h, i + 1);
    cells[0] = sheet_text("bin");
    cells[1] = number_cell(sheet, histogram_edge(h, i));
    cells[2] = number_cell(sheet, h->is_integer ? end - 1 : end);
    cells[3] = sheet_integer(sheet, h->bins[i]);
}

static bool print(struct cli *cli, const struct histogram *h, struct pare_error *err)
{
    static const struct sheet_column columns[] = {
        { "what", "what", SHEET_TEXT },
        { "from", "from", SHEET_NUMBER },
        { "to", "to", SHEET_NUMBER },
        { "value", "value", SHEET_NUMBER },
    };
    struct sheet sheet;
    sheet_init(&sheet, &cli->arena, columns, ARRAY_SIZE(columns));
    put_count(&sheet, "values", h->element_count);
    put_count(&sheet, "zeros", h->zero_count);
    put_count(&sheet, "NaN", h->nan_count);
    put_count(&sheet, "infinite", h->infinite_count);
    put(&sheet, "smallest", h->low);
    put(&sheet, "largest", h->high);
    put(&sheet, "mean", h->mean);
    put(&sheet, "deviation", h->deviation);
    for (int i = 0; i < HISTOGRAM_QUANTILES; i++)
        put(&sheet, arena_printf(&cli->arena, "%g %%", 100 * histogram_shares[i]), h->quantiles[i]);
    for (int i = 0; i < h->bin_count; i++)
        put_bin(&sheet, h, i);
    return sheet_print(&sheet, cli->format, err);
}

bool tensors_print_histogram(struct cli *cli, const struct pare_model *model, const char *name,
                             struct pare_error *err)
{
    struct tensors_bar bar = { .interrupt = cli->interrupt };
    struct histogram histogram;
    int64_t index = pare_model_find(model, name);
    if (index < 0)
        return error_set(err, PARE_ERR_NOT_FOUND,
                         "it has no tensor %.200s; without --histogram its %zu tensors are listed",
                         name, pare_model_tensor_count(model));
    bool ok = histogram_make(model, (size_t)index, tensors_progress, &bar, &histogram, err);
    tensors_bar_done(&bar);
    return ok && print(cli, &histogram, err);
}
