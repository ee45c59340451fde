/* SPDX-License-Identifier: MIT */
#include <stdio.h>

#include "base/buf.h"
#include "cli/sheet.h"
#include "cli/visit.h"
#include "registry/comparison.h"

enum { MARKDOWN_MAX = 8 << 20 };

struct table {
    struct sheet sheet;
    struct sheet_column columns[1 + 2 * COMPARISON_MAX];
};

static size_t value_column(size_t side)
{
    return side == 0 ? 1 : 2 * side;
}

static void set_columns(struct table *table, const struct comparison *c)
{
    struct arena *arena = c->arena;
    table->columns[0] = (struct sheet_column){ "fact", "", SHEET_TEXT };
    for (size_t i = 0; i < c->count; i++) {
        const struct version *v = &c->sides[i].version;
        char *key = arena_printf(arena, "%s:%s", v->name, v->version);
        char *title = v->is_default ? arena_printf(arena, "%s *", key) : key;
        table->columns[value_column(i)] = (struct sheet_column){ key, title, SHEET_NUMBER };
        if (i > 0)
            table->columns[value_column(i) + 1] =
                (struct sheet_column){ arena_printf(arena, "change %zu", i), "vs first",
                                       SHEET_TEXT };
    }
    sheet_init(&table->sheet, arena, table->columns, 2 * c->count);
}

static struct sheet_cell value_cell(struct sheet *sheet, const struct comparison_row *row,
                                    const struct comparison_cell *cell)
{
    char text[COMPARISON_TEXT_ROOM];
    if (row->kind == COMPARISON_WORD)
        return (struct sheet_cell){ .value = cell->word, .is_word = true };
    comparison_value(row, cell, text);
    const char *shown = arena_strdup(sheet->arena, text);
    if (row->kind == COMPARISON_NUMBER)
        return sheet_number(sheet, cell->number, shown);
    return (struct sheet_cell){ .value = text[0] == '-' ? NULL : shown, .is_word = true };
}

/* "-75 % better, best" */
static struct sheet_cell change_cell(struct sheet *sheet, const struct comparison *c,
                                     const struct comparison_row *row,
                                     const struct comparison_cell *cell)
{
    char change[COMPARISON_TEXT_ROOM], from[COMPARISON_TEXT_ROOM];
    const char *word = cell->verdict == COMPARISON_BETTER  ? "better"
                       : cell->verdict == COMPARISON_WORSE ? "worse"
                       : cell->verdict == COMPARISON_OPEN  ? "open"
                                                           : "";
    comparison_change(row, cell, false, change);
    comparison_from(c, row, cell, from);
    if (cell->verdict == COMPARISON_OPEN && row->is_time)
        return sheet_text("no difference");
    if (!*change && !*word && !cell->best)
        return sheet_text(NULL);
    return sheet_text(arena_printf(sheet->arena, "%s%s%s%s%s%s", change, *from ? " " : "", from,
                                   *change && *word ? " " : "", word,
                                   !cell->best        ? ""
                                   : *word || *change ? ", best"
                                                      : "best"));
}

static void put_row(struct sheet *sheet, const struct comparison *c,
                    const struct comparison_row *row)
{
    bool plain = row->kind == COMPARISON_NUMBER || row->kind == COMPARISON_WORD;
    struct sheet_cell *cells = sheet_row(sheet);
    cells[0] = sheet_text(plain ? row->label : row->key);
    for (size_t i = 0; i < c->count; i++) {
        cells[value_column(i)] = value_cell(sheet, row, &row->cells[i]);
        if (i > 0)
            cells[value_column(i) + 1] = change_cell(sheet, c, row, &row->cells[i]);
    }
}

static bool print_sheet(const struct cli *cli, const struct comparison *c, bool all,
                        struct pare_error *err)
{
    struct table table;
    set_columns(&table, c);
    for (size_t i = 0; i < c->row_count; i++)
        if (all || c->rows[i].differs)
            put_row(&table.sheet, c, &c->rows[i]);
    if (!sheet_print(&table.sheet, cli->format, err))
        return false;
    if (cli->format == CLI_TABLE)
        cli_say("%s", c->test);
    if (c->cut)
        cli_say("they have more metrics or settings than are compared: pare show tells all of one");
    return true;
}

static bool print_markdown(const struct comparison *c, bool all, struct pare_error *err)
{
    struct buf out;
    buf_init(&out, MARKDOWN_MAX);
    comparison_put_markdown(c, all, &out);
    bool ok = buf_ok(&out, err);
    if (ok && fwrite(out.data, 1, out.length, stdout) != out.length)
        ok = error_errno(err, "cannot write the output");
    buf_done(&out);
    return ok;
}

static bool read_side(struct cli *cli, const struct visit *visit, const char *ref,
                      const struct comparison_side *first, struct comparison_side *side,
                      struct pare_error *err)
{
    const struct registry *registry = &visit->registry;
    struct lineage lineage;
    if (!visit_find(cli, visit, ref, &cli->arena, &side->version, err) ||
        !catalog_lineage(registry, side->version.id, &cli->arena, &lineage, err) ||
        !catalog_conditions(registry, side->version.id, &cli->arena, &side->conditions, err))
        return false;
    side->recipe = lineage.recipe;
    return side == first || catalog_alike(registry, side->version.id, first->version.id,
                                          &cli->arena, &side->alike, err);
}

static bool run(struct cli *cli, struct pare_error *err)
{
    CLEANUP(visit_close) struct visit visit = { 0 };
    struct comparison_side sides[COMPARISON_MAX] = { 0 };
    struct comparison comparison;
    size_t count = (size_t)cli->operand_count;
    bool all = !cli_has(cli, "differences");
    if (!visit_open(cli, &visit, err))
        return false;
    for (size_t i = 0; i < count; i++)
        if (!read_side(cli, &visit, cli->operands[i], sides, &sides[i], err))
            return false;
    if (!comparison_make(sides, count, 0, &cli->arena, &comparison, err))
        return false;
    return cli->format == CLI_MD ? print_markdown(&comparison, all, err)
                                 : print_sheet(cli, &comparison, all, err);
}

static const struct option_spec options[] = {
    { "differences", NULL, "only rows in which they differ" },
    { NULL, NULL, NULL },
};

const struct command command_compare = {
    .name = "compare",
    .operands = "REF REF...",
    .summary = "versions side by side, each with its change against the first",
    .options = options,
    .operands_min = 2,
    .operands_max = COMPARISON_MAX,
    .run = run,
};
