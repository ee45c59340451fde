/* SPDX-License-Identifier: MIT */
/* What the server says comes first in an order comes first in the whole list; against a real server. */
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/error.h"
#include "registry/browse.h"
#include "registry/migrate.h"
#include "registry/registry.h"
#include "tap.h"
#include "tui/sorting.h"

static struct pare_error err;
static struct pg *pg;
static struct registry registry;

static void run(const char *sql)
{
    if (pg_write(pg, sql, PG_NO_ARGS, NULL, &err))
        return;
    printf("Bail out! %s: %s\n", sql, err.text);
    exit(1);
}

/* Numbers of each kind, equal ones and odd ones, where others have words or nothing. */
static const char rows_sql[] =
    "INSERT INTO ml_models (name, version, optimization, model_data, config, metrics, created_at) "
    "SELECT 'm' || i % 375, 'v' || i, (ARRAY['fp32', 'int8'])[1 + i % 2], "
    "CASE WHEN i % 7 = 0 THEN convert_to(repeat('x', i % 50), 'UTF8') END, "
    "jsonb_build_object('depth', (ARRAY['1', '12', '\"wide\"', 'null', 'true', '-3e2'])[1 + i % "
    "6]::jsonb), "
    "jsonb_build_object("
    "'size_mb', (ARRAY['1.5', '1.5000005', '0.0000015', '2e12', '-4', '\"big\"', 'null', "
    "'1e-400'])[1 + (i * 7) % 8]::jsonb, 'size', i % 5, "
    "'inference_ms', (ARRAY['20', '20.0', '1e400', '0', '-0.0', '3e-301', 'null', "
    "'19.99999999999999999999'])[1 + (i * 5) % 8]::jsonb, 'latency', i % 9, "
    "'accuracy', (ARRAY['0.9', '90', '0.90', '1', '1.01', '-1', '{}', 'null'])[1 + (i * 3) % "
    "8]::jsonb, 'acc', 50 + i % 3, "
    "'f1', CASE WHEN i % 400 <> 3 THEN to_jsonb(i % 37) ELSE '\"none\"' END), "
    "CASE WHEN i % 11 > 0 THEN timestamptz '2026-01-01' + make_interval(secs => (i % 90) / 3.0) "
    "END "
    "FROM generate_series(1, 1500) i";

struct came {
    struct browse_words words;
    struct browse_list list;
    uint32_t *places;
};

static void came_done(struct came *came)
{
    browse_list_done(&came->list);
    browse_words_done(&came->words);
    free(came->places);
}

/* The list, or what is ahead in it, sorted. */
static void read_sorted(struct came *came, bool guest, const struct browse_ahead *ahead,
                        const struct field_paths *paths, const struct order *order)
{
    struct arena arena = { 0 };
    struct browse_batch batch = { .arena = &arena };
    struct pg_rows *rows[PG_STATEMENTS_MAX] = { 0 };
    *came = (struct came){ 0 };
    browse_list_init(&came->list, &came->words, paths->count);
    browse_ask_quiet(&batch);
    if (ahead)
        browse_ask_ahead(&batch, guest, ahead, paths->paths, &came->list);
    else
        browse_ask_list(&batch, guest, 0, paths->paths, &came->list);
    bool ok = pg_run(pg, false, batch.statements, batch.count, rows, &err);
    pg_rows_free(rows[0]);
    browse_list_end(&came->list);
    came->places = calloc(came->list.count + 1, sizeof(*came->places));
    for (size_t i = 0; i < came->list.count; i++)
        came->places[i] = (uint32_t)i;
    if (!ok || !sorting(&came->list, NULL, order, came->places, came->list.count)) {
        printf("Bail out! %s\n", err.text);
        exit(1);
    }
    arena_done(&arena);
}

/* The same version, compared with the same one. */
static bool same_row(const struct came *a, const struct came *b, size_t at)
{
    const struct browse_row *row = &a->list.rows[a->places[at]];
    const struct browse_row *other = &b->list.rows[b->places[at]];
    const struct browse_row *base = browse_base(&a->list, row);
    const struct browse_row *other_base = browse_base(&b->list, other);
    bool same =
        row->id == other->id && base->id == other_base->id && row->is_default == other->is_default;
    if (!same)
        printf("# %zu: %lld (%.17g %.17g %.17g), not %lld (%.17g %.17g %.17g)\n", at,
               (long long)row->id, row->size_bytes, row->latency_ms, row->accuracy,
               (long long)other->id, other->size_bytes, other->latency_ms, other->accuracy);
    return same;
}

static void comes_first(const char *sort, bool guest, size_t least)
{
    struct arena arena = { 0 };
    struct field_paths paths = { 0 };
    struct order order;
    struct came all, first;
    if (!order_parse(sort, &paths, &arena, &order, &err)) {
        printf("Bail out! %s\n", err.text);
        exit(1);
    }
    struct browse_ahead ahead = browse_ahead_by(&order);
    read_sorted(&all, guest, NULL, &paths, &order);
    read_sorted(&first, guest, &ahead, &paths, &order);
    size_t known = browse_ahead_known(&first.list, &order, first.places, first.list.count);
    size_t same = 0;
    while (same < known && same_row(&all, &first, same))
        same++;
    if (same < known || known < least || first.list.count >= all.list.count)
        printf("# %s: %zu of %zu, %zu wanted; %zu rows\n", sort, same, known, least,
               first.list.count);
    OK(ahead.count > 0 && same == known && known >= least && all.list.count == 1500, sort);
    came_done(&all);
    came_done(&first);
    arena_done(&arena);
}

static void is_for_the_client(const char *sort)
{
    struct arena arena = { 0 };
    struct field_paths paths = { 0 };
    struct order order;
    bool parsed = order_parse(sort, &paths, &arena, &order, &err);
    OK(parsed && browse_ahead_by(&order).count == 0, sort);
    arena_done(&arena);
}

static void all_orders(bool guest)
{
    static const char *const words[] = { "size", "lat", "accuracy", "created", "id" };
    for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
        char sort[100];
        snprintf(sort, sizeof(sort), "%s:desc", words[i]);
        comes_first(words[i], guest, BROWSE_AHEAD_ROWS);
        comes_first(sort, guest, BROWSE_AHEAD_ROWS);
        snprintf(sort, sizeof(sort), "metrics.f1:desc,%s,id:desc", words[i]);
        comes_first(sort, guest, BROWSE_AHEAD_ROWS);
    }
    comes_first("accuracy:desc,lat,size", guest, BROWSE_AHEAD_ROWS);
    comes_first("config.depth", guest, BROWSE_AHEAD_ROWS);
    comes_first("metrics.f1,config.depth", guest, 1); /* words: what is behind them is not known */
}

int main(int argc, char **argv)
{
    (void)argc;
    tap_in_server(argv);
    const struct pg_options options = { .conninfo = "" };
    if (!pg_open(&options, &pg, &err) || !registry_init(&registry, pg, false, &err) ||
        !migrate_run(&registry, &err)) {
        printf("Bail out! %s\n", err.text);
        return 1;
    }
    run(rows_sql);
    run("INSERT INTO pare.default_event (name, rev, kind, to_id, to_version, actor) SELECT "
        "DISTINCT "
        "ON (name) name, 1, 'adopt', id, version, 'test' FROM ml_models WHERE id % 3 = 0 "
        "ORDER BY name, id");
    all_orders(false);
    all_orders(true);
    is_for_the_client("name");
    is_for_the_client("size,opt");
    is_for_the_client("size,lat,accuracy,id");
    run("ALTER TABLE ml_models ALTER metrics TYPE json, DROP COLUMN created_at, DROP COLUMN "
        "model_data");
    comes_first("accuracy", false, BROWSE_AHEAD_ROWS);
    comes_first("size:desc,created", true, BROWSE_AHEAD_ROWS);
    registry_done(&registry);
    pg_close(pg);
    return tap_done();
}
