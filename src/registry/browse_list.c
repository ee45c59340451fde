/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/error.h"
#include "base/text.h"
#include "registry/browse.h"
#include "registry/query.auto.h"

enum { SCRATCH_MAX = 64 * 1024, WIDTH_MAX = 200, WORDS_MAX = 1 << 30 };

/* ---- words ---- */

/* FNV-1a, http://www.isthe.com/chongo/tech/comp/fnv/ */
static uint32_t hash(const char *text)
{
    uint32_t sum = 2166136261u;
    for (; *text; text++)
        sum = (sum ^ (unsigned char)*text) * 16777619u;
    return sum;
}

static bool grow_slots(struct browse_words *words)
{
    size_t slot_count = words->slot_count ? 2 * words->slot_count : 1024;
    uint32_t *slots = calloc(slot_count, sizeof(*slots));
    if (!slots)
        return false;
    for (size_t i = 0; i < words->slot_count; i++) {
        if (!words->slots[i])
            continue;
        size_t at = hash(words->text + words->slots[i]) & (slot_count - 1);
        while (slots[at])
            at = (at + 1) & (slot_count - 1);
        slots[at] = words->slots[i];
    }
    free(words->slots);
    words->slots = slots;
    words->slot_count = slot_count;
    return true;
}

static bool grow_text(struct browse_words *words, size_t length)
{
    if (words->used + length + 2 <= words->room)
        return true;
    size_t room = MAX(2 * words->room, words->used + length + 4096);
    char *text = room < WORDS_MAX ? realloc(words->text, room) : NULL;
    if (!text)
        return false;
    words->text = text;
    words->room = room;
    if (words->used == 0)
        words->text[words->used++] = '\0'; /* the absent word */
    return true;
}

/* The word's offset; 0 for NULL and when memory ends, which *ret_failed tells. */
static uint32_t intern(struct browse_words *words, const char *text, bool *ret_failed)
{
    if (!text)
        return 0;
    size_t length = strlen(text);
    if ((words->count * 2 >= words->slot_count && !grow_slots(words)) ||
        !grow_text(words, length)) {
        *ret_failed = true;
        return 0;
    }
    size_t at = hash(text) & (words->slot_count - 1);
    while (words->slots[at] && strcmp(words->text + words->slots[at], text) != 0)
        at = (at + 1) & (words->slot_count - 1);
    if (!words->slots[at]) {
        words->slots[at] = (uint32_t)words->used;
        memcpy(words->text + words->used, text, length + 1);
        words->used += length + 1;
        words->count++;
    }
    return words->slots[at];
}

void browse_words_done(struct browse_words *words)
{
    free(words->text);
    free(words->slots);
    *words = (struct browse_words){ 0 };
}

/* ---- rows ---- */

void browse_list_init(struct browse_list *list, struct browse_words *words, int path_count)
{
    *list = (struct browse_list){ .words = words, .path_count = path_count };
}

void browse_list_done(struct browse_list *list)
{
    free(list->rows);
    free(list->alike);
    for (int i = 0; i < VERSION_PATHS_MAX; i++)
        free(list->values[i]);
    arena_done(&list->scratch);
    browse_list_init(list, list->words, 0);
}

static bool grow_rows(struct browse_list *list)
{
    if (list->count < list->room)
        return true;
    size_t room = list->room ? 2 * list->room : 256;
    if (room > BROWSE_NONE)
        return false;
    struct browse_row *rows = realloc(list->rows, room * sizeof(*rows));
    if (!rows)
        return false;
    list->rows = rows;
    for (int i = 0; i < list->path_count; i++) {
        struct browse_value *values = realloc(list->values[i], room * sizeof(*values));
        if (!values)
            return false;
        list->values[i] = values;
    }
    list->room = room;
    return true;
}

/* "2026-03-01T12:00:00Z" as seconds since 1970; 0 when absent or outside of 32 bits. */
static uint32_t read_time(const char *iso)
{
    struct tm when = { 0 };
    if (!iso || sscanf(iso, "%4d-%2d-%2dT%2d:%2d:%2dZ", &when.tm_year, &when.tm_mon, &when.tm_mday,
                       &when.tm_hour, &when.tm_min, &when.tm_sec) != 6)
        return 0;
    when.tm_year -= 1900;
    when.tm_mon -= 1;
    time_t seconds = timegm(&when);
    return seconds > 0 && seconds < UINT32_MAX ? (uint32_t)seconds : 0;
}

static void widen(int *widest, const char *text)
{
    int width = text ? MIN(text_width(text), WIDTH_MAX) : 0;
    *widest = MAX(*widest, width);
}

/* Whether `row` is the better reference for a model without a default: the oldest fp32, else the largest. */
static bool refers_better(const struct browse_list *list, const struct browse_row *row,
                          const struct browse_row *best)
{
    bool full = !strcmp(browse_word(list, row->optimization), "fp32");
    bool best_full = !strcmp(browse_word(list, best->optimization), "fp32");
    if (full != best_full)
        return full;
    if (full && row->created_at != best->created_at)
        return row->created_at < best->created_at;
    if (full)
        return row->id < best->id;
    return row->size_bytes > best->size_bytes || (isnan(best->size_bytes) && row->size_bytes >= 0);
}

static size_t find_reference(const struct browse_list *list)
{
    size_t best = list->group_start;
    for (size_t i = best + 1; i < list->count; i++)
        if (refers_better(list, &list->rows[i], &list->rows[best]))
            best = i;
    return best;
}

static void end_model(struct browse_list *list)
{
    size_t base = list->group_start;
    while (base < list->count && !list->rows[base].is_default)
        base++;
    if (base == list->count)
        base = find_reference(list);
    for (size_t i = list->group_start; i < list->count; i++)
        list->rows[i].base = (uint32_t)base & BROWSE_NONE;
    list->model_count += list->count > list->group_start;
    list->group_start = list->count;
}

void browse_list_end(struct browse_list *list)
{
    end_model(list);
    arena_done(&list->scratch);
}

static bool put_values(struct browse_list *list, const struct version *version)
{
    bool failed = false;
    for (int i = 0; i < list->path_count; i++) {
        const struct version_value *value = &version->values[i];
        list->values[i][list->count] =
            (struct browse_value){ .kind = value->kind,
                                   .number = value->number,
                                   .text = intern(list->words, value->text, &failed) };
    }
    return !failed;
}

static bool put_version(struct browse_list *list, const struct version *v)
{
    bool failed = !grow_rows(list);
    if (failed)
        return false;
    struct browse_row row = {
        .id = v->id,
        .parent_id = v->parent_id,
        .size_bytes = v->size_bytes,
        .latency_ms = v->latency_ms,
        .accuracy = v->accuracy,
        .name = intern(list->words, v->raw_name, &failed),
        .version = intern(list->words, v->raw_version, &failed),
        .type = intern(list->words, v->model_type, &failed),
        .optimization = intern(list->words, v->optimization, &failed),
        .created_at = read_time(v->created_at),
        .base = BROWSE_NONE,
        .is_default = v->is_default,
        .has_inline_bytes = v->has_inline_bytes,
    };
    bool same_model =
        list->count > list->group_start && list->rows[list->count - 1].name == row.name;
    if (!same_model) {
        end_model(list);
        widen(&list->widest_name, v->name);
    }
    widen(&list->widest_version, v->version);
    widen(&list->widest_type, v->model_type);
    widen(&list->widest_optimization, v->optimization);
    list->rows[list->count] = row;
    if (!put_values(list, v) || failed)
        return false;
    list->count++;
    return true;
}

/* Never fails: a failure would ask libpq to cancel, which waits. */
static bool take_row(void *data, const struct pg_rows *rows, struct pare_error *err)
{
    struct browse_list *list = data;
    struct version version;
    if (list->scratch.used_bytes > SCRATCH_MAX)
        arena_done(&list->scratch);
    if (list->no_memory || !version_read(rows, 0, &list->scratch, &version, err) ||
        !put_version(list, &version))
        list->no_memory = true;
    return true;
}

static struct pg_statement *add(struct browse_batch *batch, const char *sql, pg_row_fn *on_row,
                                struct browse_list *list)
{
    struct pg_statement *statement = &batch->statements[batch->count++];
    *statement = (struct pg_statement){ .sql = sql, .on_row = on_row, .data = list };
    return statement;
}

void browse_ask_list(struct browse_batch *batch, bool guest, int64_t limit,
                     const char *const paths[VERSION_PATHS_MAX], struct browse_list *list)
{
    const char *sql = guest   ? query_catalog_list_guest
                      : limit ? query_browse_page
                              : query_catalog_list;
    struct pg_statement *statement = add(batch, sql, take_row, list);
    struct pg_arg args[] = {
        PG_NULL,           PG_BOOL(false), PG_TEXT(paths[0]), PG_TEXT(paths[1]), PG_TEXT(paths[2]),
        PG_TEXT(paths[3]), PG_NULL
    };
    if (limit)
        args[6] = PG_INT(limit);
    struct pg_arg *copy = arena_alloc(batch->arena, sizeof(args));
    if (!copy)
        abort();
    memcpy(copy, args, sizeof(args));
    statement->args = copy;
    statement->arg_count = ARRAY_SIZE(args);
}

void browse_version(const struct browse_list *list, size_t index, char *created,
                    struct version *ret_version)
{
    const struct browse_row *row = &list->rows[index];
    struct version *v = ret_version;
    v->id = row->id;
    v->parent_id = row->parent_id;
    v->name = v->raw_name = browse_word(list, row->name);
    v->version = v->raw_version = browse_word(list, row->version);
    v->model_type = row->type ? browse_word(list, row->type) : NULL;
    v->optimization = row->optimization ? browse_word(list, row->optimization) : NULL;
    v->size_bytes = row->size_bytes;
    v->latency_ms = row->latency_ms;
    v->accuracy = row->accuracy;
    v->is_default = row->is_default;
    v->has_inline_bytes = row->has_inline_bytes;
    v->config = v->metrics = v->created_at = NULL;
    if (created && row->created_at) {
        struct tm when;
        time_t seconds = row->created_at;
        strftime(created, BROWSE_TIME_ROOM, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&seconds, &when));
        v->created_at = created;
    }
    for (int i = 0; i < VERSION_PATHS_MAX; i++) {
        const struct browse_value *value = list->values[i] ? &list->values[i][index] : NULL;
        v->values[i] = (struct version_value){ .number = NAN };
        if (value && value->kind)
            v->values[i] = (struct version_value){ .kind = value->kind,
                                                   .number = value->number,
                                                   .text = browse_word(list, value->text) };
    }
}

const char *browse_word(const struct browse_list *list, uint32_t word)
{
    return word ? list->words->text + word : "";
}

/* ---- pairs measured alike ---- */

static bool take_alike(void *data, const struct pg_rows *rows, struct pare_error *err)
{
    struct browse_list *list = data;
    (void)err;
    if (list->alike_count == list->alike_room) {
        size_t room = list->alike_room ? 2 * list->alike_room : 64;
        struct browse_alike *alike = realloc(list->alike, room * sizeof(*alike));
        if (!alike) {
            list->no_memory = true;
            return true;
        }
        list->alike = alike;
        list->alike_room = room;
    }
    list->alike[list->alike_count++] = (struct browse_alike){
        .id = pg_int(rows, 0, 0),
        .latency_ms = version_metric(pg_text(rows, 0, 1)),
        .base_latency_ms = version_metric(pg_text(rows, 0, 2)),
        .accuracy = version_metric(pg_text(rows, 0, 3)),
        .base_accuracy = version_metric(pg_text(rows, 0, 4)),
    };
    return true;
}

void browse_ask_alike(struct browse_batch *batch, struct browse_list *list)
{
    add(batch, query_browse_alike, take_alike, list);
}

const struct browse_alike *browse_alike(const struct browse_list *list, int64_t id)
{
    size_t from = 0, to = list->alike_count;
    while (from < to) {
        size_t middle = from + (to - from) / 2;
        if (list->alike[middle].id < id)
            from = middle + 1;
        else
            to = middle;
    }
    return from < list->alike_count && list->alike[from].id == id ? &list->alike[from] : NULL;
}
