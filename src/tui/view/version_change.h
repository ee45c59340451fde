/* SPDX-License-Identifier: MIT */
/*
 * A version's numbers against its model's default: signed; "--" is itself, "~" not measured alike,
 * "-.21?" a change that the interval leaves open. Better and worse only where an interval says so:
 * two accuracies measured alike and not on the same examples in one job are numbers and no more.
 */
#ifndef PARE_TUI_VIEW_VERSION_CHANGE_H
#define PARE_TUI_VIEW_VERSION_CHANGE_H

#include "registry/browse.h"
#include "registry/field.h"
#include "tui/number.h"

struct version_change {
    char size[NUMBER_ROOM], latency[NUMBER_ROOM], accuracy[NUMBER_ROOM];
    int size_role, latency_role, accuracy_role;
};

struct version_change version_change(const struct browse_list *list, const struct browse_row *row);

/* "  accuracy undecided" and the like; "": nothing is open. */
const char *version_change_open(const struct browse_list *list, const struct browse_row *row);

/* The words of one: size, latency or accuracy. */
const char *version_change_of(const struct version_change *changes, enum field_kind kind,
                              int *ret_role);

#endif
