/* SPDX-License-Identifier: MIT */
/* Pairs measured alike: a list's versions beside their models' defaults. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "registry/browse.h"
#include "registry/query.auto.h"

static struct browse_interval read_interval(const struct pg_rows *rows, int row, int column)
{
    double low = version_metric(pg_text(rows, row, column)),
           high = version_metric(pg_text(rows, row, column + 1));
    return isnan(low) || isnan(high) ? (struct browse_interval){ NAN, NAN }
                                     : (struct browse_interval){ low, high };
}

/* What the job says of the base beside this version, the other way round. */
static void turn(struct browse_alike *alike)
{
    struct browse_interval change = alike->change, ratio = alike->ratio;
    alike->change = (struct browse_interval){ -change.high, -change.low };
    alike->ratio = ratio.low > 0 ? (struct browse_interval){ 1 / ratio.high, 1 / ratio.low }
                                 : (struct browse_interval){ NAN, NAN };
}

struct browse_alike browse_read_alike(const struct pg_rows *rows, int row)
{
    const char *speed = pg_text(rows, row, 7);
    struct browse_alike alike = {
        .id = pg_int(rows, row, 0),
        .latency_ms = version_metric(pg_text(rows, row, 1)),
        .base_latency_ms = version_metric(pg_text(rows, row, 2)),
        .accuracy = version_metric(pg_text(rows, row, 3)),
        .base_accuracy = version_metric(pg_text(rows, row, 4)),
        .change = read_interval(rows, row, 5),
        .ratio = read_interval(rows, row, 8),
        .latency_open = speed && !strcmp(speed, "no difference"),
    };
    if (!pg_bool(rows, row, 10))
        turn(&alike);
    alike.accuracy_open = alike.change.low <= 0 && alike.change.high >= 0;
    return alike;
}

bool browse_is_paired(const struct browse_alike *alike)
{
    return !isnan(alike->change.low);
}

static bool take_alike(void *data, const struct pg_rows *rows, struct pare_error *err)
{
    struct browse_list *list = data;
    (void)err;
    if (list->alike_count == list->alike_room) {
        size_t room = list->alike_room ? 2 * list->alike_room : 64;
        struct browse_alike *alike = realloc(list->alike, room * sizeof(*alike));
        if (!alike) {
            list->no_memory = true;
            return true;
        }
        list->alike = alike;
        list->alike_room = room;
    }
    list->alike[list->alike_count++] = browse_read_alike(rows, 0);
    return true;
}

void browse_ask_alike(struct browse_batch *batch, struct browse_list *list)
{
    struct pg_statement *statement = browse_ask(batch, query_browse_alike, PG_NO_ARGS);
    statement->on_row = take_alike;
    statement->data = list;
}

void browse_take_pairs(struct browse_list *list, struct browse_list *from)
{
    free(list->alike);
    list->alike = from->alike;
    list->alike_count = from->alike_count;
    list->alike_room = from->alike_room;
    from->alike = NULL;
    from->alike_count = from->alike_room = 0;
}

const struct browse_alike *browse_alike(const struct browse_list *list, int64_t id)
{
    size_t from = 0, to = list->alike_count;
    while (from < to) {
        size_t middle = from + (to - from) / 2;
        if (list->alike[middle].id < id)
            from = middle + 1;
        else
            to = middle;
    }
    return from < list->alike_count && list->alike[from].id == id ? &list->alike[from] : NULL;
}
