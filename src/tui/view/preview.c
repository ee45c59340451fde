/* SPDX-License-Identifier: MIT */
#include "tui/view/preview.h"

#include <math.h>
#include <stdio.h>

#include "tui/number.h"
#include "tui/theme.h"

static void put_fact(struct lines *lines, const char *label, const char *from, const char *to,
                     const char *change, int role)
{
    if (!*from && !*to)
        return;
    lines_printf(lines, role, label, "%9s  ->  %-9s  %s", *from ? from : "-", *to ? to : "-",
                 change);
}

static int role_of(double now, double base, bool less_is_better)
{
    if (isnan(now) || isnan(base) || now == base)
        return ROLE_PLAIN;
    return (now < base) == less_is_better ? ROLE_BETTER : ROLE_WORSE;
}

static const char not_alike[] = "~  not measured alike";

static void put_size(struct lines *lines, const struct promotion *promotion)
{
    char from[NUMBER_ROOM], to[NUMBER_ROOM], change[NUMBER_ROOM];
    double base = promotion->dflt.id ? promotion->dflt.size_bytes : NAN;
    number_size(base, from);
    number_size(promotion->to.size_bytes, to);
    number_change(promotion->to.size_bytes, base, change);
    put_fact(lines, "size", from, to, change, role_of(promotion->to.size_bytes, base, true));
}

static void put_latency(struct lines *lines, const struct browse_look *look)
{
    const struct promotion *promotion = &look->promotion;
    char from[NUMBER_ROOM], to[NUMBER_ROOM], change[NUMBER_ROOM] = "";
    bool alike = look->alike && !isnan(look->latency_ms) && !isnan(look->base_latency_ms);
    double now = alike ? look->latency_ms : promotion->to.latency_ms;
    double base = alike                ? look->base_latency_ms
                  : promotion->dflt.id ? promotion->dflt.latency_ms
                                       : NAN;
    number_latency(base, from);
    number_latency(now, to);
    if (alike)
        number_change(now, base, change);
    bool unlike = !alike && !isnan(now) && !isnan(base);
    put_fact(lines, "latency ms", from, to, unlike ? not_alike : change,
             alike ? role_of(now, base, true) : ROLE_PLAIN);
}

static void put_accuracy(struct lines *lines, const struct browse_look *look)
{
    const struct promotion *promotion = &look->promotion;
    char from[NUMBER_ROOM], to[NUMBER_ROOM], change[NUMBER_ROOM + 8] = "";
    bool alike = look->alike && !isnan(look->accuracy) && !isnan(look->base_accuracy);
    double now = alike ? look->accuracy : promotion->to.accuracy;
    double base = alike ? look->base_accuracy : promotion->dflt.id ? promotion->dflt.accuracy : NAN;
    number_accuracy(base, from);
    number_accuracy(now, to);
    if (alike) {
        char points[NUMBER_ROOM];
        number_points(now, base, points);
        snprintf(change, sizeof(change), "%s pp", points);
    }
    bool unlike = !alike && !isnan(now) && !isnan(base);
    put_fact(lines, "accuracy", from, to, unlike ? not_alike : change,
             alike ? role_of(now, base, false) : ROLE_PLAIN);
}

static void put_gates(struct lines *lines, const struct promotion *promotion)
{
    if (promotion->gate_count > 0)
        lines_heading(lines, "gates");
    for (size_t i = 0; i < promotion->gate_count; i++) {
        const struct gate_result *gate = &promotion->gates[i];
        char found[80] = "";
        bool open = gate->verdict == GATE_FAIL || gate->verdict == GATE_MISSING;
        if (!isnan(gate->found) && !isnan(gate->of_default))
            snprintf(found, sizeof(found), "  found %.6g, the default has %.6g", gate->found,
                     gate->of_default);
        else if (!isnan(gate->found))
            snprintf(found, sizeof(found), "  found %.6g", gate->found);
        lines_printf(lines, open ? ROLE_WORSE : ROLE_PLAIN, gate->rule, "%-9s%s",
                     open ? gate->verdict == GATE_FAIL ? "FAIL" : "MISSING"
                          : gate_verdict_word(gate->verdict),
                     found);
    }
}

/* From what, to what. */
static void put_ends(struct lines *lines, const struct promotion *promotion)
{
    const struct default_event *newest = &promotion->newest;
    char when[NUMBER_ROOM];
    lines_printf(lines, ROLE_STRONG, "model", "%s   rev %lld", promotion->to.name,
                 (long long)newest->rev);
    number_when(newest->at, when);
    if (newest->rev == 0)
        lines_add(lines, ROLE_DIM, "from", "none: this would be its first default");
    else
        lines_printf(lines, ROLE_PLAIN, "from", "%s%s   since %s by %s", newest->to_version,
                     promotion->dflt.id ? "" : " (vanished)", when, newest->actor);
    lines_add(lines, ROLE_STRONG, "to", promotion->to.version);
}

void preview_fill(struct lines *lines, const struct browse_look *look,
                  const struct undoable *undoable)
{
    const struct promotion *promotion = &look->promotion;
    lines_done(lines);
    put_ends(lines, promotion);
    if (undoable)
        lines_printf(lines, ROLE_PLAIN, "takes back", "rev %lld; %s is marked as bad",
                     (long long)undoable->rev, promotion->newest.to_version);
    lines_heading(lines, "what changes");
    put_size(lines, promotion);
    put_latency(lines, look);
    put_accuracy(lines, look);
    lines_add(lines, promotion->to.has_inline_bytes ? ROLE_PLAIN : ROLE_DIM, "model_data",
              promotion->to.has_inline_bytes ? "clients that read the column can load it"
                                             : "NULL: clients read it through pare only");
    put_gates(lines, promotion);
}
