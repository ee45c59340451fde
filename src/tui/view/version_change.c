/* SPDX-License-Identifier: MIT */
#include "tui/view/version_change.h"

#include <math.h>
#include <stdio.h>

#include "tui/canvas.h"

static int role_of(double now, double base, bool less_is_better)
{
    if (isnan(now) || isnan(base) || now == base)
        return ROLE_DIM;
    return (now < base) == less_is_better ? ROLE_BETTER : ROLE_WORSE;
}

/* As role_of(), of what is printed as a share: "+0.0%" is nothing to look at. */
static int role_of_share(double now, double base)
{
    return fabs(now - base) < 0.0005 * fabs(base) ? ROLE_DIM : role_of(now, base, true);
}

/* Of what is there on both sides and was not measured alike nothing can be said but that. */
static void unlike(double now, double base, char to[NUMBER_ROOM])
{
    snprintf(to, NUMBER_ROOM, "%s", isnan(now) || isnan(base) ? "" : "~");
}

static void put_latency(const struct browse_alike *alike, struct version_change *changes)
{
    double now = alike->latency_ms, base = alike->base_latency_ms;
    if (alike->latency_open) {
        number_change_open(now, base, changes->latency);
        return;
    }
    number_change(now, base, changes->latency);
    changes->latency_role = role_of_share(now, base);
}

static void put_accuracy(const struct browse_alike *alike, struct version_change *changes)
{
    double now = alike->accuracy, base = alike->base_accuracy;
    if (alike->accuracy_open) {
        number_points_open(now, base, changes->accuracy);
        return;
    }
    number_points(now, base, changes->accuracy);
    changes->accuracy_role = now == base               ? ROLE_DIM
                             : browse_is_paired(alike) ? role_of(now, base, false)
                                                       : ROLE_PLAIN;
}

struct version_change version_change(const struct browse_list *list, const struct browse_row *row)
{
    struct version_change changes = { .size_role = ROLE_DIM,
                                      .latency_role = ROLE_DIM,
                                      .accuracy_role = ROLE_DIM };
    const struct browse_row *base = browse_base(list, row);
    if (!base)
        return changes;
    if (base == row) {
        snprintf(changes.size, NUMBER_ROOM, "%s", isnan(row->size_bytes) ? "" : "--");
        snprintf(changes.latency, NUMBER_ROOM, "%s", isnan(row->latency_ms) ? "" : "--");
        snprintf(changes.accuracy, NUMBER_ROOM, "%s", isnan(row->accuracy) ? "" : "--");
        return changes;
    }
    const struct browse_alike *alike = base->is_default ? browse_alike(list, row->id) : NULL;
    number_change(row->size_bytes, base->size_bytes, changes.size);
    changes.size_role = role_of_share(row->size_bytes, base->size_bytes);
    if (alike && !isnan(alike->latency_ms) && !isnan(alike->base_latency_ms))
        put_latency(alike, &changes);
    else
        unlike(row->latency_ms, base->latency_ms, changes.latency);
    if (alike && !isnan(alike->accuracy) && !isnan(alike->base_accuracy))
        put_accuracy(alike, &changes);
    else
        unlike(row->accuracy, base->accuracy, changes.accuracy);
    return changes;
}

const char *version_change_open(const struct browse_list *list, const struct browse_row *row)
{
    const struct browse_row *base = browse_base(list, row);
    bool has_default = base && base->is_default && base != row;
    const struct browse_alike *alike = has_default ? browse_alike(list, row->id) : NULL;
    if (!alike || (!alike->accuracy_open && !alike->latency_open))
        return "";
    return !alike->latency_open    ? "  accuracy undecided"
           : !alike->accuracy_open ? "  latency undecided"
                                   : "  latency and accuracy undecided";
}

const char *version_change_of(const struct version_change *changes, enum field_kind kind,
                              int *ret_role)
{
    *ret_role = kind == FIELD_SIZE      ? changes->size_role
                : kind == FIELD_LATENCY ? changes->latency_role
                                        : changes->accuracy_role;
    return kind == FIELD_SIZE      ? changes->size
           : kind == FIELD_LATENCY ? changes->latency
                                   : changes->accuracy;
}
