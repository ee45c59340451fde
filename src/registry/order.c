/* SPDX-License-Identifier: MIT */
#include "registry/order.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/error.h"

bool order_parse(const char *text, struct field_paths *paths, struct arena *arena,
                 struct order *ret_order, struct pare_error *err)
{
    struct order order = { 0 };
    for (const char *at = text; *at;) {
        size_t length = strcspn(at, ",");
        size_t word = strcspn(at, ":,");
        const char *direction = at + word;
        size_t rest = length - word;
        bool descending = rest == 5 && !strncmp(direction, ":desc", 5);
        bool ascending = rest == 0 || (rest == 4 && !strncmp(direction, ":asc", 4));
        if (word == 0 || (!descending && !ascending))
            return error_set(err, PARE_ERR_USAGE,
                             "cannot sort by \"%.*s\": KEY, KEY:asc or KEY:desc was expected",
                             (int)length, at);
        if (order.count == ORDER_KEYS_MAX)
            return error_set(err, PARE_ERR_USAGE, "more than %d sort keys", ORDER_KEYS_MAX);
        if (!field_find(at, word, paths, arena, &order.keys[order.count].field, err))
            return false;
        order.keys[order.count++].descending = descending;
        at += length + (at[length] == ',');
    }
    *ret_order = order;
    return true;
}

int order_compare_text(const char *a, const char *b)
{
    int order = strverscmp(a, b);
    return (order > 0) - (order < 0);
}

/* Absent sorts last in both directions. */
static int compare_key(const struct field *field, bool descending, const struct version *a,
                       const struct version *b)
{
    int order;
    double left = field_number(field, a), right = field_number(field, b);
    if (!isnan(left) || !isnan(right)) {
        if (isnan(left) || isnan(right))
            return isnan(left) ? 1 : -1;
        order = (left > right) - (left < right);
    } else {
        const char *left_text = field_text(field, a), *right_text = field_text(field, b);
        if (!left_text || !right_text)
            return (right_text != NULL) - (left_text != NULL);
        order = order_compare_text(left_text, right_text);
    }
    return descending ? -order : order;
}

struct place {
    const struct version *version;
    size_t index;
};

static int compare_places(const void *a, const void *b, void *data)
{
    const struct place *left = a, *right = b;
    const struct order *order = data;
    for (size_t i = 0; i < order->count; i++) {
        int result = compare_key(&order->keys[i].field, order->keys[i].descending, left->version,
                                 right->version);
        if (result)
            return result;
    }
    return (left->index > right->index) - (left->index < right->index);
}

bool order_sort(const struct order *order, const struct version **versions, size_t count,
                struct pare_error *err)
{
    if (count < 2 || order->count == 0)
        return true;
    struct place *places = calloc(count, sizeof(*places));
    if (!places)
        return error_no_memory(err, count * sizeof(*places));
    for (size_t i = 0; i < count; i++)
        places[i] = (struct place){ versions[i], i };
    qsort_r(places, count, sizeof(*places), compare_places, (void *)(uintptr_t)order);
    for (size_t i = 0; i < count; i++)
        versions[i] = places[i].version;
    free(places);
    return true;
}
