/* SPDX-License-Identifier: MIT */
/* Sorting versions by several facts, "size:desc,accuracy"; absent last, equals keep their order. */
#ifndef PARE_REGISTRY_ORDER_H
#define PARE_REGISTRY_ORDER_H

#include "registry/field.h"

enum { ORDER_KEYS_MAX = 8 };

struct order {
    struct {
        struct field field;
        bool descending;
    } keys[ORDER_KEYS_MAX];
    size_t count;
};

MUST_CHECK bool order_parse(const char *text, struct field_paths *paths, struct arena *arena,
                            struct order *ret_order, struct pare_error *err);

/* Sort `count` pointers. Stable. */
MUST_CHECK bool order_sort(const struct order *order, const struct version **versions, size_t count,
                           struct pare_error *err);

/* -1, 0 or 1; names and versions by their numbers too: v1.9 before v1.10. */
int order_compare_text(const char *a, const char *b);

#endif
