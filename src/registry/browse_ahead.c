/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <string.h>

#include "registry/browse.h"
#include "registry/order.h"
#include "registry/query.auto.h"

/* What the statement calls a key; NULL: it has no such number. */
static const char *word_of(const struct field *field)
{
    static const char *const paths[VERSION_PATHS_MAX] = { "json1", "json2", "json3", "json4" };
    switch (field->kind) {
    case FIELD_SIZE:
        return "size";
    case FIELD_LATENCY:
        return "lat";
    case FIELD_ACCURACY:
        return "accuracy";
    case FIELD_CREATED:
        return "created";
    case FIELD_ID:
        return "id";
    case FIELD_JSON:
        return paths[field->slot];
    default:
        return NULL;
    }
}

struct browse_ahead browse_ahead_by(const struct order *order)
{
    struct browse_ahead ahead = { .count = (int)order->count };
    if (order->count > BROWSE_AHEAD_KEYS_MAX)
        return (struct browse_ahead){ 0 };
    for (int i = 0; i < ahead.count; i++) {
        ahead.words[i] = word_of(&order->keys[i].field);
        ahead.descending[i] = order->keys[i].descending;
        if (!ahead.words[i])
            return (struct browse_ahead){ 0 };
    }
    return ahead;
}

void browse_ask_ahead(struct browse_batch *batch, bool guest, const struct browse_ahead *ahead,
                      const char *const paths[VERSION_PATHS_MAX], struct browse_list *list)
{
    struct pg_statement *statement = browse_ask(
        batch, guest ? query_browse_ahead_guest : query_browse_ahead,
        PG_ARGS(PG_NULL, PG_BOOL(false), PG_TEXT(paths[0]), PG_TEXT(paths[1]), PG_TEXT(paths[2]),
                PG_TEXT(paths[3]), PG_INT(BROWSE_AHEAD_LIST_MAX + 1), PG_TEXT(ahead->words[0]),
                PG_TEXT(ahead->words[1]), PG_TEXT(ahead->words[2]),
                PG_INT(ahead->descending[0] ? -1 : 1), PG_INT(ahead->descending[1] ? -1 : 1),
                PG_INT(ahead->descending[2] ? -1 : 1), PG_INT(BROWSE_AHEAD_ROWS)));
    statement->on_row = browse_list_take;
    statement->data = list;
}

/* Behind its numbers such a key has words, which the server has not sorted. */
static bool is_number(const struct browse_list *list, const struct order *order, uint32_t place)
{
    for (size_t i = 0; i < order->count; i++) {
        const struct field *field = &order->keys[i].field;
        if (field->kind == FIELD_JSON &&
            (!list->values[field->slot] || isnan(list->values[field->slot][place].number)))
            return false;
    }
    return true;
}

size_t browse_ahead_known(const struct browse_list *list, const struct order *order,
                          const uint32_t *places, size_t count)
{
    size_t known = 0;
    while (known < MIN(count, (size_t)BROWSE_AHEAD_ROWS) && is_number(list, order, places[known]))
        known++;
    return known;
}
