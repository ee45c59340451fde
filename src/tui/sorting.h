/* SPDX-License-Identifier: MIT */
/*
 * The places of a list's rows in another order: as registry/order.h has it, fast enough for a key.
 *
 * Each sort key becomes a 64-bit number a row, and those are sorted by their bytes, the last key
 * first: a pass that keeps the order of equals makes it right for all keys before.
 */
#ifndef PARE_TUI_SORTING_H
#define PARE_TUI_SORTING_H

#include "registry/goal.h"
#include "registry/order.h"

/*
 * Sort `count` places; equals, and all without a key, as the list has them. The key "goal" is what
 * `goal` says of a row. False: memory ended.
 */
bool sorting(const struct browse_list *list, const struct filter *goal, const struct order *order,
             uint32_t *index, size_t count);

#endif
