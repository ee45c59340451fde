/* SPDX-License-Identifier: MIT */
#include "tui/view/preview.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "tui/number.h"
#include "tui/theme.h"

enum {
    NARROW_BELOW = 60,
    WIDE_FROM = 120,
    BAR_CELLS = 24,
    BAR_ROOM = BAR_CELLS * 4,
    CHANGE_ROOM = 64
};

/* Where the lines go, and how. */
struct preview {
    struct lines *lines;
    enum preview_width width;
    bool ascii;
};

enum preview_width preview_width_for(int columns)
{
    return columns < NARROW_BELOW ? PREVIEW_NARROW
           : columns < WIDE_FROM  ? PREVIEW_NORMAL
                                  : PREVIEW_WIDE;
}

/* A bar as long as `value` is of `most`, never none of something. */
static void put_bar(const struct preview *preview, double value, double most, char to[BAR_ROOM])
{
    int cells = MAX(1, MIN(BAR_CELLS, (int)(BAR_CELLS * value / most + 0.5)));
    size_t used = 0;
    for (int i = 0; i < cells; i++)
        used += (size_t)snprintf(to + used, BAR_ROOM - used, "%s", preview->ascii ? "=" : "\u2501");
}

/* From, to and the change in words; two bars below each other where both numbers are there. */
static void put_fact(const struct preview *preview, const char *label, const char *from,
                     const char *to, const char *change, int role, const double values[2])
{
    char bar[BAR_ROOM];
    if (!*from && !*to)
        return;
    from = *from ? from : "-";
    to = *to ? to : "-";
    if (preview->width == PREVIEW_NARROW) {
        lines_printf(preview->lines, role, label, "%s -> %s %s", from, to, change);
        return;
    }
    bool bars = preview->width == PREVIEW_WIDE && values[0] > 0 && values[1] > 0;
    if (!bars) {
        lines_printf(preview->lines, role, label, "%9s  ->  %-9s  %s", from, to, change);
        return;
    }
    double most = fmax(values[0], values[1]);
    put_bar(preview, values[0], most, bar);
    lines_printf(preview->lines, role, label, "%9s  ->  %-9s  %-10s  from  %s", from, to, change,
                 bar);
    put_bar(preview, values[1], most, bar);
    lines_printf(preview->lines, role, " ", "%36sto    %s", "", bar);
}

static int role_of(double now, double base, bool less_is_better)
{
    if (isnan(now) || isnan(base) || now == base)
        return ROLE_PLAIN;
    return (now < base) == less_is_better ? ROLE_BETTER : ROLE_WORSE;
}

static const char not_alike[] = "~  not measured alike", still_open[] = "  undecided";

/* A change whose interval leaves it open is said to be so. */
static void put_change(double now, double base, bool open, char to[CHANGE_ROOM])
{
    char change[NUMBER_ROOM];
    number_change(now, base, change);
    snprintf(to, CHANGE_ROOM, "%s%s", change, open ? still_open : "");
}

static void put_size(const struct preview *preview, const struct promotion *promotion)
{
    char from[NUMBER_ROOM], to[NUMBER_ROOM], change[NUMBER_ROOM];
    double base = promotion->dflt.id ? promotion->dflt.size_bytes : NAN;
    number_size(base, from);
    number_size(promotion->to.size_bytes, to);
    number_change(promotion->to.size_bytes, base, change);
    put_fact(preview, "size", from, to, change, role_of(promotion->to.size_bytes, base, true),
             (const double[]){ base, promotion->to.size_bytes });
}

static void put_latency(const struct preview *preview, const struct browse_look *look)
{
    const struct promotion *promotion = &look->promotion;
    char from[NUMBER_ROOM], to[NUMBER_ROOM], change[CHANGE_ROOM] = "";
    bool alike = look->alike && !isnan(look->latency_ms) && !isnan(look->base_latency_ms);
    double now = alike ? look->latency_ms : promotion->to.latency_ms;
    double base = alike                ? look->base_latency_ms
                  : promotion->dflt.id ? promotion->dflt.latency_ms
                                       : NAN;
    number_latency(base, from);
    number_latency(now, to);
    if (alike)
        put_change(now, base, look->latency_open, change);
    bool unlike = !alike && !isnan(now) && !isnan(base);
    put_fact(preview, preview->width == PREVIEW_NARROW ? "ms" : "latency ms", from, to,
             unlike ? not_alike : change,
             alike && !look->latency_open ? role_of(now, base, true) : ROLE_PLAIN,
             (const double[]){ base, now });
}

static void put_accuracy(const struct preview *preview, const struct browse_look *look)
{
    const struct promotion *promotion = &look->promotion;
    char from[NUMBER_ROOM], to[NUMBER_ROOM], change[CHANGE_ROOM] = "";
    bool alike = look->alike && !isnan(look->accuracy) && !isnan(look->base_accuracy);
    double now = alike ? look->accuracy : promotion->to.accuracy;
    double base = alike ? look->base_accuracy : promotion->dflt.id ? promotion->dflt.accuracy : NAN;
    number_accuracy(base, from);
    number_accuracy(now, to);
    if (alike) {
        char points[NUMBER_ROOM];
        number_points(now, base, points);
        snprintf(change, sizeof(change), "%s pp%s", points, look->accuracy_open ? still_open : "");
    }
    bool unlike = !alike && !isnan(now) && !isnan(base);
    put_fact(preview, "accuracy", from, to, unlike ? not_alike : change,
             alike && look->accuracy_paired && !look->accuracy_open ? role_of(now, base, false)
                                                                    : ROLE_PLAIN,
             (const double[]){ NAN, NAN });
}

static void put_gate(const struct preview *preview, const struct gate_result *gate)
{
    char found[80] = "";
    bool open = gate->verdict == GATE_FAIL || gate->verdict == GATE_MISSING;
    const char *word = !open                        ? gate_verdict_word(gate->verdict)
                       : gate->verdict == GATE_FAIL ? "FAIL"
                                                    : "MISSING";
    int role = open ? ROLE_WORSE : ROLE_PLAIN;
    if (!isnan(gate->found) && !isnan(gate->of_default))
        snprintf(found, sizeof(found), "  found %.6g, the default has %.6g", gate->found,
                 gate->of_default);
    else if (!isnan(gate->found))
        snprintf(found, sizeof(found), "  found %.6g", gate->found);
    if (preview->width == PREVIEW_NARROW)
        lines_printf(preview->lines, role, word, "%s;%s", gate->rule, *found ? found + 1 : "");
    else
        lines_printf(preview->lines, role, gate->rule, "%-9s%s", word, found);
}

static void put_gates(const struct preview *preview, const struct promotion *promotion)
{
    if (promotion->gate_count > 0)
        lines_heading(preview->lines, "gates");
    for (size_t i = 0; i < promotion->gate_count; i++)
        put_gate(preview, &promotion->gates[i]);
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

static void put_bytes(const struct preview *preview, const struct promotion *promotion)
{
    bool there = promotion->to.has_inline_bytes;
    lines_add(preview->lines, there ? ROLE_PLAIN : ROLE_DIM,
              preview->width == PREVIEW_NARROW ? "column" : "model_data",
              there ? "clients that read the column can load it"
                    : "NULL: clients read it through pare only");
}

static void put_changes(const struct preview *preview, const struct browse_look *look)
{
    const struct promotion *promotion = &look->promotion;
    put_size(preview, promotion);
    put_latency(preview, look);
    put_accuracy(preview, look);
}

void preview_fill(struct lines *lines, const struct browse_look *look,
                  const struct undoable *undoable, enum preview_width width, bool ascii)
{
    const struct preview preview = { lines, width, ascii };
    const struct promotion *promotion = &look->promotion;
    bool narrow = width == PREVIEW_NARROW;
    lines_done(lines);
    if (narrow) {
        put_changes(&preview, look);
        put_gates(&preview, promotion);
        lines_heading(lines, "from and to");
        put_bytes(&preview, promotion);
    }
    put_ends(lines, promotion);
    if (undoable)
        lines_printf(lines, ROLE_PLAIN, "takes back", "rev %lld; %s is marked as bad",
                     (long long)undoable->rev, promotion->newest.to_version);
    if (narrow)
        return;
    lines_heading(lines, "what changes");
    put_changes(&preview, look);
    put_bytes(&preview, promotion);
    put_gates(&preview, promotion);
}
