/* SPDX-License-Identifier: MIT */
/* What has changed, worked into a list, gives the list that reading all of it gives; against a real server. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "registry/browse.h"
#include "registry/migrate.h"
#include "registry/registry.h"
#include "tap.h"

static const char *const paths[VERSION_PATHS_MAX] = { "{config,tier}", "{metrics,f1}" };
static struct pare_error err;
static struct pg *pg;
static struct registry registry;
static bool guest;
static uint32_t seed = 7;

static uint32_t chance(uint32_t below)
{
    seed = seed * 1664525u + 1013904223u; /* Numerical Recipes */
    return (seed >> 8) % below;
}

static void run(const char *sql)
{
    if (pg_write(pg, sql, PG_NO_ARGS, NULL, &err))
        return;
    printf("Bail out! %s: %s\n", sql, err.text);
    exit(1);
}

/* ---- a list as the browser keeps it ---- */

struct seen {
    struct browse_words words;
    struct browse_list list;
    char *snapshot, *state;
};

static void keep(char **kept, struct pg_rows *rows)
{
    free(*kept);
    *kept = strdup(pg_text(rows, 0, 0));
    pg_rows_free(rows);
}

static void ask(struct browse_batch *batch, struct pg_rows **rows)
{
    memset(rows, 0, PG_STATEMENTS_MAX * sizeof(*rows));
    if (pg_run(pg, false, batch->statements, batch->count, rows, &err))
        return;
    printf("Bail out! %s\n", err.text);
    exit(1);
}

static void read_whole(struct seen *seen)
{
    struct arena arena = { 0 };
    struct browse_batch batch = { .arena = &arena };
    struct pg_rows *rows[PG_STATEMENTS_MAX];
    browse_list_done(&seen->list);
    browse_list_init(&seen->list, &seen->words, 2);
    browse_ask_snapshot(&batch);
    browse_ask_state(&batch, guest);
    browse_ask_list(&batch, guest, 0, paths, &seen->list);
    ask(&batch, rows);
    browse_list_end(&seen->list);
    keep(&seen->snapshot, rows[0]);
    keep(&seen->state, rows[1]);
    arena_done(&arena);
}

static bool work_in(struct seen *seen)
{
    struct arena arena = { 0 };
    struct browse_batch batch = { .arena = &arena };
    struct pg_rows *rows[PG_STATEMENTS_MAX];
    struct browse_changes changes;
    browse_changes_init(&changes, &seen->words, 2);
    browse_ask_snapshot(&batch);
    browse_ask_quiet(&batch);
    browse_ask_state(&batch, guest);
    browse_ask_changes(&batch, guest, seen->snapshot, paths, &changes);
    ask(&batch, rows);
    bool applied = browse_apply(&seen->list, &changes, seen->state, pg_text(rows[2], 0, 0));
    keep(&seen->snapshot, rows[0]);
    pg_rows_free(rows[1]);
    keep(&seen->state, rows[2]);
    browse_changes_done(&changes);
    arena_done(&arena);
    return applied;
}

static void put_number(struct buf *buf, double number)
{
    if (isnan(number))
        buf_text(buf, " -");
    else
        buf_printf(buf, " %.17g", number);
}

/* All that is shown of a list, as text. */
static void put_list(const struct browse_list *list, struct buf *buf)
{
    buf_printf(buf, "%zu of %zu models, %d %d\n", list->count, list->model_count, list->widest_name,
               list->widest_version);
    for (size_t i = 0; i < list->count; i++) {
        const struct browse_row *row = &list->rows[i], *base = browse_base(list, row);
        buf_printf(buf, "%lld %s:%s %s %s %lld %d%d %u against %lld", (long long)row->id,
                   browse_name(list, row), browse_word(list, row->version),
                   browse_word(list, row->type), browse_word(list, row->optimization),
                   (long long)row->parent_id, row->is_default, row->has_inline_bytes,
                   row->created_at, base ? (long long)base->id : -1);
        put_number(buf, row->size_bytes);
        put_number(buf, row->latency_ms);
        put_number(buf, row->accuracy);
        for (int path = 0; path < list->path_count; path++) {
            const struct browse_value *value = &list->values[path][i];
            buf_printf(buf, " %c%s", value->kind ? value->kind : '-',
                       value->kind ? browse_word(list, value->text) : "");
        }
        buf_text(buf, "\n");
    }
}

static bool same_lists(const struct browse_list *list, const struct browse_list *other)
{
    struct buf text, other_text;
    buf_init(&text, 1 << 22);
    buf_init(&other_text, 1 << 22);
    put_list(list, &text);
    put_list(other, &other_text);
    bool same = !strcmp(buf_string(&text), buf_string(&other_text));
    if (!same)
        printf("# worked in:\n%s# read:\n%s", buf_string(&text), buf_string(&other_text));
    buf_done(&text);
    buf_done(&other_text);
    return same;
}

/* ---- what others do meanwhile ---- */

static void insert_one(void)
{
    static const char *const names[] = { "a", "A", "a b", "\u00e4", "b", "ba", "m-1", "m_1", "z" };
    static const char *const kinds[] = { "fp32", "int8", "int4" };
    char sql[600];
    snprintf(sql, sizeof(sql),
             "INSERT INTO ml_models (name, version, model_type, optimization, metrics, config) "
             "SELECT n.name, "
             "n.version, 'onnx', '%s', '{\"latency_ms\": %u.5, \"f1\": 0.%u}', '{\"tier\": "
             "\"t%u\"}' FROM "
             "(SELECT '%s' AS name, 'v%u.%u' AS version) n WHERE NOT EXISTS (SELECT FROM ml_models "
             "m WHERE "
             "m.name = n.name AND m.version = n.version)",
             kinds[chance(3)], chance(90), chance(99), chance(4), names[chance(9)], chance(12),
             chance(12));
    run(sql);
}

static void do_one(void)
{
    static const char *const others[] = {
        "UPDATE ml_models SET metrics = '{\"accuracy\": 0.%u, \"f1\": 2}' WHERE id = (SELECT id "
        "FROM "
        "ml_models ORDER BY hashint4(id::int + %u) LIMIT 1)",
        "UPDATE ml_models SET optimization = 'fp32', config = '{\"tier\": %u}' WHERE id = (SELECT "
        "id "
        "FROM ml_models ORDER BY hashint4(id::int + %u) LIMIT 1)",
        "INSERT INTO pare.default_event (name, rev, kind, to_id, to_version, actor) SELECT m.name, "
        "coalesce((SELECT max(rev) FROM pare.default_event e WHERE e.name = m.name), 0) + 1, "
        "'promote', "
        "m.id, m.version, 'a%u' FROM ml_models m ORDER BY hashint4(id::int + %u) LIMIT 1",
        "INSERT INTO pare.artifact (model_id, size_bytes, actor) SELECT id, %u, 'a' FROM ml_models "
        "ORDER BY hashint4(id::int + %u) LIMIT 1 ON CONFLICT DO NOTHING",
        "INSERT INTO pare.lineage (model_id, parent_id, actor) SELECT id, 1 + %u, 'a' FROM "
        "ml_models "
        "ORDER BY hashint4(id::int + %u) LIMIT 1 ON CONFLICT DO NOTHING",
    };
    char sql[600];
    uint32_t which = chance(8);
    if (which >= ARRAY_SIZE(others) || (guest && which > 1)) {
        insert_one();
        return;
    }
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    snprintf(sql, sizeof(sql), others[which], chance(9) + 1, chance(100000));
#pragma GCC diagnostic pop
    run(sql);
}

static void rounds(int count, const char *what)
{
    struct seen mine = { .list = { .words = &mine.words } };
    struct seen fresh = { .list = { .words = &fresh.words } };
    int same = 0, applied = 0;
    read_whole(&mine);
    for (int i = 0; i < count; i++) {
        for (uint32_t step = chance(6); step > 0; step--)
            do_one();
        applied += work_in(&mine);
        read_whole(&fresh);
        bool equal = same_lists(&mine.list, &fresh.list);
        same += equal;
        if (!equal)
            break;
    }
    printf("# %d rounds, %d worked in, %d equal, %zu versions\n", count, applied, same,
           mine.list.count);
    OK(same == count && applied == count && mine.list.count > 20, what);
    browse_list_done(&mine.list);
    browse_list_done(&fresh.list);
    browse_words_done(&mine.words);
    browse_words_done(&fresh.words);
    free(mine.snapshot), free(mine.state), free(fresh.snapshot), free(fresh.state);
}

/* After `sql` the list must be read as a whole. */
static void wants_whole(const char *sql, const char *what)
{
    struct seen seen = { .list = { .words = &seen.words } };
    struct seen again = { .list = { .words = &again.words } };
    read_whole(&seen);
    read_whole(&again);
    run(sql);
    bool applied = work_in(&seen);
    OK(!applied && same_lists(&seen.list, &again.list), what);
    browse_list_done(&seen.list);
    browse_list_done(&again.list);
    browse_words_done(&seen.words);
    browse_words_done(&again.words);
    free(seen.snapshot), free(seen.state), free(again.snapshot), free(again.state);
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
    insert_one();
    rounds(300, "whatever others wrote, what was worked in is what would be read");
    wants_whole("DELETE FROM ml_models WHERE id = (SELECT min(id) FROM ml_models)",
                "a deletion leaves the list as it was, to be read again");
    wants_whole("WITH gone AS (DELETE FROM ml_models WHERE id = (SELECT max(id) FROM ml_models)) "
                "INSERT INTO "
                "ml_models (name, version) VALUES ('new', 'one')",
                "so does one beside an insertion");
    wants_whole("UPDATE ml_models SET version = 'v99' WHERE id = (SELECT max(id) FROM ml_models)",
                "so does another name");
    wants_whole("INSERT INTO ml_models (name, version) SELECT 'many', 'v' || i FROM "
                "generate_series(1, 600) i",
                "so do very many");
    run("DELETE FROM ml_models WHERE name = 'many'");
    wants_whole("DELETE FROM pare.default_event", "so do defaults that vanish");
    wants_whole("ALTER TABLE ml_models ADD COLUMN owner text DEFAULT 'x'",
                "so does another column");
    run("CREATE TABLE other (LIKE ml_models INCLUDING ALL)");
    run("INSERT INTO other SELECT * FROM ml_models");
    wants_whole("DO $$ BEGIN ALTER TABLE ml_models RENAME TO gone; ALTER TABLE other RENAME TO "
                "ml_models; END $$",
                "so does another table in its place");
    run("UPDATE ml_models SET id = 0 WHERE id = (SELECT id FROM ml_models ORDER BY name, version "
        "LIMIT 1)");
    rounds(20, "an id of 0 before a new row");
    run("ALTER TABLE ml_models DROP CONSTRAINT other_name_version_key");
    rounds(20, "no constraint on names");
    wants_whole("INSERT INTO ml_models (name, version) SELECT name, version FROM ml_models LIMIT 1",
                "two of one name have no order: read again");
    run("DELETE FROM ml_models a USING ml_models b WHERE a.name = b.name AND a.version = b.version "
        "AND a.id > b.id");
    guest = true;
    rounds(60, "a guest's list likewise");
    registry_done(&registry);
    pg_close(pg);
    return tap_done();
}
