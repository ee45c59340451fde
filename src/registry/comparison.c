/* SPDX-License-Identifier: MIT */
#include "registry/comparison.h"

#include <math.h>
#include <string.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/text.h"
#include "registry/leaves.h"

/* What measurements are known to say; and what of a result says how it was got, or is a row of its own. */
static const struct measured {
    const char *key, *label;
    enum comparison_unit unit;
    bool is_time;
    bool is_beside; /* says something only about the pair that was judged */
} measured[] = {
    { "inference_ms", "latency ms", COMPARISON_PLAIN, true, false },
    { "p95_ms", "p95 ms", COMPARISON_PLAIN, true, false },
    { "peak_mb", "memory MB", COMPARISON_PLAIN, false, false },
    { "accuracy", "accuracy", COMPARISON_SHARE, false, false },
    { "agreement", "agreement", COMPARISON_SHARE, false, true },
    { "sqnr_db", "SQNR dB", COMPARISON_PLAIN, false, true },
};
#define WEIGHT_SQNR "weight_sqnr_db"
static const char *const passed_over[] = {
    "size_mb", "size",      "latency_ms", "latency", "acc",         "runs",      "rows",
    "ratio",   "ratio_low", "ratio_high", "speed",   "broken",      "fixed",     "change",
    "min_ms",  "p90_ms",    "change_low", "max_abs", "change_high", WEIGHT_SQNR,
};

struct making {
    struct comparison *c;
    /* By side: its metrics and config; its own and the baseline's result of their pair. */
    struct leaves metrics[COMPARISON_MAX], config[COMPARISON_MAX];
    struct leaves own[COMPARISON_MAX], base[COMPARISON_MAX];
};

bool comparison_is_alike(const struct comparison *c, size_t side)
{
    return side == c->baseline || (c->sides[side].alike.first && c->sides[side].alike.second);
}

bool comparison_is_together(const struct comparison *c, size_t side)
{
    return side == c->baseline || (comparison_is_alike(c, side) && c->sides[side].alike.together);
}

/* ---- rows ---- */

static struct comparison_row *add_row(struct making *m, const char *key, const char *label,
                                      enum comparison_kind kind)
{
    struct comparison *c = m->c;
    if (c->row_count == COMPARISON_ROWS_MAX) {
        c->cut = true;
        return NULL;
    }
    struct comparison_row *row = &c->rows[c->row_count++];
    *row = (struct comparison_row){ .key = key, .label = label, .kind = kind };
    for (size_t i = 0; i < c->count; i++)
        row->cells[i] = (struct comparison_cell){ .number = NAN,
                                                  .from = NAN,
                                                  .to = NAN,
                                                  .low = NAN,
                                                  .high = NAN,
                                                  .broken = NAN,
                                                  .fixed = NAN };
    return row;
}

static enum comparison_verdict judge(const struct comparison_row *row, double from, double to)
{
    if (isnan(from) || isnan(to))
        return COMPARISON_NONE;
    if (from == to)
        return COMPARISON_SAME;
    if (!row->direction)
        return COMPARISON_DIFFERS;
    return (to > from) == (row->direction > 0) ? COMPARISON_BETTER : COMPARISON_WORSE;
}

static bool can_be_best(const struct comparison *c, const struct comparison_row *row, size_t i)
{
    const struct comparison_cell *cell = &row->cells[i];
    return i == c->baseline || cell->verdict == COMPARISON_BETTER ||
           cell->verdict == COMPARISON_WORSE || cell->verdict == COMPARISON_SAME;
}

/*
 * The best one, where all can be compared and it is alone. Changes are compared: of times each pair has
 * its own of the baseline.
 */
static void find_best(const struct comparison *c, struct comparison_row *row)
{
    size_t best = 0, known = 0;
    double best_change = 0;
    bool alone = true, bytes = row->unit == COMPARISON_BYTES;
    for (size_t i = 0; i < c->count; i++) {
        const struct comparison_cell *cell = &row->cells[i];
        if (isnan(cell->number))
            continue;
        if (!can_be_best(c, row, i) || (!bytes && !c->same_test))
            return;
        double change = i == c->baseline ? 0 : row->direction * (cell->to - cell->from);
        if (i != c->baseline && row->is_time && cell->from > 0)
            change /= cell->from;
        if (known++ == 0 || change > best_change) {
            best = i;
            best_change = change;
            alone = true;
        } else if (change == best_change) {
            alone = false;
        }
    }
    if (known > 1 && alone && row->direction)
        row->cells[best].best = true;
}

/* Numbers that are not the same, words too, or one that is missing. */
static void find_difference(const struct comparison *c, struct comparison_row *row)
{
    const struct comparison_cell *base = &row->cells[c->baseline];
    row->differs = row->kind == COMPARISON_INTERVAL || row->kind == COMPARISON_FLIPS;
    for (size_t i = 0; i < c->count; i++) {
        const struct comparison_cell *cell = &row->cells[i];
        if (row->kind == COMPARISON_WORD)
            row->differs |=
                !cell->word != !base->word || (cell->word && strcmp(cell->word, base->word) != 0);
        else
            row->differs |= isnan(cell->number) != isnan(base->number) ||
                            (!isnan(cell->number) && cell->number != base->number);
    }
}

/* A word at each side; NULL is missing. */
static void put_words(struct making *m, const char *key, const char *label,
                      const char *const words[COMPARISON_MAX])
{
    struct comparison_row *row = add_row(m, key, label, COMPARISON_WORD);
    for (size_t i = 0; row && i < m->c->count; i++)
        row->cells[i].word = words[i];
    if (row)
        find_difference(m->c, row);
}

/* Numbers that are the versions' own: no conditions belong to them. */
static void put_own(struct making *m, const char *key, const char *label, enum comparison_unit unit,
                    int direction, const double *numbers)
{
    struct comparison *c = m->c;
    struct comparison_row *row = add_row(m, key, label, COMPARISON_NUMBER);
    bool any = false;
    if (!row)
        return;
    row->unit = unit;
    row->direction = direction;
    for (size_t i = 0; i < c->count; i++) {
        struct comparison_cell *cell = &row->cells[i];
        cell->number = numbers[i];
        any = any || !isnan(numbers[i]);
        if (i == c->baseline)
            continue;
        cell->from = numbers[c->baseline];
        cell->to = cell->number;
        cell->verdict = judge(row, cell->from, cell->to);
    }
    find_best(c, row);
    find_difference(c, row);
    c->row_count -= !any;
}

/* A size that is not known shows as such all the same. */
static void put_size(struct making *m)
{
    double bytes[COMPARISON_MAX];
    size_t before = m->c->row_count;
    for (size_t i = 0; i < m->c->count; i++)
        bytes[i] = m->c->sides[i].version.size_bytes;
    put_own(m, "size", "size", COMPARISON_BYTES, -1, bytes);
    m->c->row_count = before + 1;
}

static void put_weight_sqnr(struct making *m)
{
    double sqnr[COMPARISON_MAX];
    for (size_t i = 0; i < m->c->count; i++)
        sqnr[i] = leaves_number(&m->metrics[i], WEIGHT_SQNR);
    put_own(m, WEIGHT_SQNR, "weight SQNR dB", COMPARISON_PLAIN, 1, sqnr);
}

/* ---- what was measured ---- */

/* What the version's own metrics say. */
static double own_number(const struct making *m, size_t i, const char *key)
{
    const struct version *version = &m->c->sides[i].version;
    if (!strcmp(key, "inference_ms"))
        return version->latency_ms;
    if (!strcmp(key, "accuracy"))
        return version->accuracy;
    return leaves_number(&m->metrics[i], key);
}

/* The baseline stands as it was measured beside the first that was measured alike. */
static double measured_number(const struct making *m, size_t i, const char *key)
{
    if (i != m->c->baseline)
        return leaves_number(&m->own[i], key);
    for (size_t other = 0; other < m->c->count; other++) {
        double number = leaves_number(&m->base[other], key);
        if (!isnan(number))
            return number;
    }
    return NAN;
}

/* What the interval of the ratio of times leaves open is no difference. */
static bool is_open_speed(const struct making *m, size_t i)
{
    const struct leaf *speed = leaves_find(&m->own[i], "speed");
    const struct leaf *of_base = leaves_find(&m->base[i], "speed");
    const struct alike *alike = &m->c->sides[i].alike;
    return (speed && alike->first_beside && !strcmp(speed->text, "no difference")) ||
           (of_base && alike->second_beside && !strcmp(of_base->text, "no difference"));
}

static bool paired_change(const struct making *m, size_t i, struct comparison_cell *cell);

static void compare(const struct making *m, const struct comparison_row *row, size_t i,
                    struct comparison_cell *cell)
{
    struct comparison_cell paired;
    cell->from = leaves_number(&m->base[i], row->key);
    cell->to = leaves_number(&m->own[i], row->key);
    cell->verdict = judge(row, cell->from, cell->to);
    bool known = cell->verdict != COMPARISON_NONE;
    if (!known || (row->is_time && !comparison_is_together(m->c, i))) {
        bool base_has = !isnan(row->cells[m->c->baseline].number);
        cell->verdict = base_has && !isnan(cell->number) ? COMPARISON_UNLIKE : COMPARISON_NONE;
        cell->from = cell->to = NAN;
    } else if (!strcmp(row->key, "inference_ms") && is_open_speed(m, i)) {
        cell->verdict = COMPARISON_OPEN;
    } else if (!strcmp(row->key, "accuracy") && cell->verdict != COMPARISON_SAME &&
               paired_change(m, i, &paired) && paired.low <= 0 && paired.high >= 0) {
        cell->verdict = COMPARISON_OPEN;
    }
}

/* A row of numbers that were measured, else of those in the metrics; none where nobody has one. */
static void put_numbers(struct making *m, const char *key, const char *label,
                        const struct measured *fact)
{
    struct comparison *c = m->c;
    struct comparison_row *row = add_row(m, key, label, COMPARISON_NUMBER);
    bool any = false;
    if (!row)
        return;
    row->direction = leaves_direction(key);
    if (fact) {
        row->unit = fact->unit;
        row->is_time = fact->is_time;
    }
    for (size_t i = 0; i < c->count; i++) {
        row->cells[i].number = measured_number(m, i, key);
        if (isnan(row->cells[i].number))
            row->cells[i].number = own_number(m, i, key);
        any = any || !isnan(row->cells[i].number);
    }
    for (size_t i = 0; i < c->count; i++)
        if (i != c->baseline)
            compare(m, row, i, &row->cells[i]);
    find_best(c, row);
    find_difference(c, row);
    c->row_count -= !any;
}

/* Agreement and noise are of a pair that one job judged: nothing is said of any other one. */
static void put_beside(struct making *m, const struct measured *fact)
{
    struct comparison *c = m->c;
    struct comparison_row *row = add_row(m, fact->key, fact->label, COMPARISON_NUMBER);
    bool any = false;
    if (!row)
        return;
    row->unit = fact->unit;
    row->direction = 1;
    for (size_t i = 0; i < c->count; i++) {
        const struct alike *alike = &c->sides[i].alike;
        bool turns = !strcmp(fact->key, "agreement"); /* the same from both sides */
        if (i != c->baseline && alike->first_beside)
            row->cells[i].number = leaves_number(&m->own[i], fact->key);
        else if (i != c->baseline && alike->second_beside && turns)
            row->cells[i].number = leaves_number(&m->base[i], fact->key);
        any = any || !isnan(row->cells[i].number);
    }
    find_difference(c, row);
    c->row_count -= !any;
}

/* The examples judged twice, seen from the baseline. False: no job judged both. */
static bool paired_change(const struct making *m, size_t i, struct comparison_cell *cell)
{
    const struct alike *alike = &m->c->sides[i].alike;
    bool turned = !alike->first_beside;
    const struct leaves *leaves = turned ? &m->base[i] : &m->own[i];
    if (i == m->c->baseline || (turned && !alike->second_beside))
        return false;
    double low = leaves_number(leaves, "change_low"), high = leaves_number(leaves, "change_high");
    double broken = leaves_number(leaves, "broken"), fixed = leaves_number(leaves, "fixed");
    if (isnan(low) || isnan(high) || isnan(broken) || isnan(fixed))
        return false;
    cell->low = turned ? -high : low;
    cell->high = turned ? -low : high;
    cell->broken = turned ? fixed : broken;
    cell->fixed = turned ? broken : fixed;
    return true;
}

static void put_paired(struct making *m, enum comparison_kind kind, const char *key,
                       const char *label)
{
    struct comparison_row *row = add_row(m, key, label, kind);
    bool any = false;
    for (size_t i = 0; row && i < m->c->count; i++)
        any = paired_change(m, i, &row->cells[i]) || any;
    if (row)
        row->differs = true;
    m->c->row_count -= row && !any;
}

/* ---- everything else that they have ---- */

static bool is_known(const char *key)
{
    for (size_t i = 0; i < ARRAY_SIZE(measured); i++)
        if (!strcmp(measured[i].key, key))
            return true;
    for (size_t i = 0; i < ARRAY_SIZE(passed_over); i++)
        if (!strcmp(passed_over[i], key))
            return true;
    return false;
}

static bool has_row(const struct comparison *c, size_t from, const char *key)
{
    for (size_t i = from; i < c->row_count; i++)
        if (!strcmp(c->rows[i].key, key))
            return true;
    return false;
}

static void put_others(struct making *m, size_t from, const struct leaves *leaves)
{
    for (size_t i = 0; i < leaves->count; i++) {
        const struct leaf *leaf = &leaves->list[i];
        if (!isnan(leaf->number) && !is_known(leaf->path) && !has_row(m->c, from, leaf->path))
            put_numbers(m, leaf->path, leaf->path, NULL);
    }
    m->c->cut = m->c->cut || leaves->cut;
}

static void put_metrics(struct making *m)
{
    size_t from = m->c->row_count;
    for (size_t i = 0; i < m->c->count; i++) {
        put_others(m, from, &m->own[i]);
        put_others(m, from, &m->metrics[i]);
    }
}

/* One key of the config, if it is not the same everywhere. */
static bool put_setting(struct making *m, const char *path)
{
    const char *words[COMPARISON_MAX] = { 0 };
    bool differs = false;
    for (size_t i = 0; i < m->c->count; i++) {
        const struct leaf *leaf = leaves_find(&m->config[i], path);
        words[i] = leaf ? leaf->text : NULL;
        differs = differs || !words[i] != !words[0] || (words[i] && strcmp(words[i], words[0]));
    }
    const char *key = differs ? arena_printf(m->c->arena, "config.%s", path) : path;
    if (differs && key)
        put_words(m, key, key, words);
    return key;
}

static bool put_config(struct making *m)
{
    for (size_t i = 0; i < m->c->count; i++) {
        m->c->cut = m->c->cut || m->config[i].cut;
        for (size_t at = 0; at < m->config[i].count; at++) {
            const char *path = m->config[i].list[at].path;
            bool seen = false;
            for (size_t before = 0; before < i && !seen; before++)
                seen = leaves_find(&m->config[before], path);
            if (!seen && !put_setting(m, path))
                return false;
        }
    }
    return true;
}

/* ---- all of it ---- */

static bool read_sides(struct making *m)
{
    struct comparison *c = m->c;
    bool ok = true;
    for (size_t i = 0; ok && i < c->count; i++) {
        const struct comparison_side *side = &c->sides[i];
        bool alike = i != c->baseline && comparison_is_alike(c, i);
        ok = leaves_read(side->version.metrics, c->arena, &m->metrics[i]) &&
             leaves_read(side->version.config, c->arena, &m->config[i]) &&
             leaves_read(alike ? side->alike.first : NULL, c->arena, &m->own[i]) &&
             leaves_read(alike ? side->alike.second : NULL, c->arena, &m->base[i]);
    }
    return ok;
}

static bool is_equal(const char *a, const char *b)
{
    return a && b ? !strcmp(a, b) : a == b;
}

/*
 * Which sides the baseline's numbers stand for: those of the first that is measured alike, and of all
 * others under its conditions. They are jsonb as the server writes it: equal ones are equal texts.
 */
static void find_test(struct comparison *c)
{
    const struct alike *first = NULL;
    c->same_test = true;
    for (size_t i = 0; i < c->count; i++) {
        const struct alike *alike = &c->sides[i].alike;
        bool is_alike = comparison_is_alike(c, i), base = i == c->baseline;
        if (!first && is_alike && !base)
            first = alike;
        c->in_test[i] = base || (is_alike && is_equal(alike->digest, first->digest) &&
                                 is_equal(alike->conditions, first->conditions));
        c->same_test = c->same_test && c->in_test[i];
    }
}

static bool put_rows(struct making *m)
{
    const char *types[COMPARISON_MAX], *optimizations[COMPARISON_MAX], *recipes[COMPARISON_MAX];
    struct comparison *c = m->c;
    bool any_recipe = false;
    for (size_t i = 0; i < c->count; i++) {
        types[i] = c->sides[i].version.model_type;
        optimizations[i] = c->sides[i].version.optimization;
        recipes[i] = text_clean_dup(c->arena, c->sides[i].recipe);
        any_recipe = any_recipe || recipes[i];
    }
    put_size(m);
    for (size_t i = 0; i < ARRAY_SIZE(measured); i++) {
        if (measured[i].is_beside)
            put_beside(m, &measured[i]);
        else
            put_numbers(m, measured[i].key, measured[i].label, &measured[i]);
        if (!strcmp(measured[i].key, "accuracy")) {
            put_paired(m, COMPARISON_INTERVAL, "accuracy change 95 %", " 95 % pp");
            put_paired(m, COMPARISON_FLIPS, "broke/fixed", " broke/fixed");
        }
    }
    put_weight_sqnr(m);
    put_metrics(m);
    put_words(m, "type", "type", types);
    put_words(m, "optimization", "optimization", optimizations);
    if (any_recipe)
        put_words(m, "recipe", "recipe", recipes);
    return put_config(m);
}

bool comparison_make(const struct comparison_side *sides, size_t count, size_t baseline,
                     struct arena *arena, struct comparison *ret_comparison, struct pare_error *err)
{
    struct comparison c = { .arena = arena, .sides = sides, .count = count, .baseline = baseline };
    struct making *m = arena_alloc(arena, sizeof(*m));
    c.rows = arena_array(arena, COMPARISON_ROWS_MAX, sizeof(*c.rows));
    if (!m || !c.rows)
        return error_no_memory(err, COMPARISON_ROWS_MAX * sizeof(*c.rows));
    m->c = &c;
    find_test(&c);
    if (!read_sides(m) || !put_rows(m) || !(c.test = comparison_test_words(&c)))
        return error_no_memory(err, arena->used_bytes);
    *ret_comparison = c;
    return true;
}
