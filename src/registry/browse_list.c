/* SPDX-License-Identifier: MIT */
#include <math.h>
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

uint32_t browse_find_word(const struct browse_words *words, const char *text)
{
    if (words->slot_count == 0)
        return 0;
    size_t at = hash(text) & (words->slot_count - 1);
    while (words->slots[at] && strcmp(words->text + words->slots[at], text) != 0)
        at = (at + 1) & (words->slot_count - 1);
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
    free(list->models);
    free(list->alike);
    free(list->held);
    for (int i = 0; i < VERSION_PATHS_MAX; i++)
        free(list->values[i]);
    arena_done(&list->scratch);
    browse_list_init(list, list->words, 0);
}

bool browse_list_reserve(struct browse_list *list, size_t count)
{
    if (count <= list->room)
        return true;
    size_t room = MAX(count, list->room ? 2 * list->room : 256);
    if (room > BROWSE_NONE)
        return false;
    struct browse_row *rows = realloc(list->rows, room * sizeof(*rows));
    if (!rows)
        return false;
    list->rows = rows;
    double *held = list->held ? realloc(list->held, room * sizeof(*held)) : NULL;
    if (list->held && !held)
        return false;
    list->held = held;
    for (int i = 0; i < list->path_count; i++) {
        struct browse_value *values = realloc(list->values[i], room * sizeof(*values));
        if (!values)
            return false;
        list->values[i] = values;
    }
    list->room = room;
    return true;
}

bool browse_list_hold(struct browse_list *list)
{
    if (list->held)
        return true;
    list->held = malloc(list->room * sizeof(*list->held));
    for (size_t i = 0; list->held && i < list->count; i++)
        list->held[i] = NAN;
    return list->held;
}

/* "2026-03-01T12:00:00Z" as seconds since 1970; 0 when absent or outside of 32 bits. */
static uint32_t read_time(const char *iso)
{
    static const char shape[] = "dddd-dd-ddTdd:dd:ddZ";
    int parts[6] = { 0 };
    size_t part = 0;
    for (size_t i = 0; i < sizeof(shape); i++) { /* the final zero is part of the shape */
        bool digit = iso && iso[i] >= '0' && iso[i] <= '9';
        if (!iso || (shape[i] == 'd' ? !digit : iso[i] != shape[i]))
            return 0;
        if (digit)
            parts[part] = 10 * parts[part] + iso[i] - '0';
        else
            part++;
    }
    struct tm when = { .tm_year = parts[0] - 1900,
                       .tm_mon = parts[1] - 1,
                       .tm_mday = parts[2],
                       .tm_hour = parts[3],
                       .tm_min = parts[4],
                       .tm_sec = parts[5] };
    time_t seconds = timegm(&when);
    return seconds > 0 && seconds < UINT32_MAX ? (uint32_t)seconds : 0;
}

/* No text is wider than its bytes: most are looked at no closer. */
static void widen(int *widest, const char *text)
{
    if (text && strlen(text) > (size_t)*widest)
        *widest = MAX(*widest, MIN(text_width(text), WIDTH_MAX));
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

static size_t find_reference(const struct browse_list *list, size_t end)
{
    size_t best = list->group_start;
    for (size_t i = best + 1; i < end; i++)
        if (refers_better(list, &list->rows[i], &list->rows[best]))
            best = i;
    return best;
}

/* The newest model has no more rows from `end` on: its changes find their base. */
static void end_model(struct browse_list *list, size_t end)
{
    size_t base = list->group_start;
    if (list->model_count == 0)
        return;
    while (base < end && !list->rows[base].is_default)
        base++;
    if (base == end)
        base = find_reference(list, end);
    list->models[list->model_count - 1].base = (uint32_t)base;
}

static void begin_model(struct browse_list *list, uint32_t name, size_t row)
{
    end_model(list, row);
    list->models[list->model_count++] = (struct browse_model){ name, BROWSE_NONE };
    list->group_start = row;
}

bool browse_list_reserve_models(struct browse_list *list, size_t count)
{
    if (count <= list->model_room)
        return true;
    size_t room = MAX(count, list->model_room ? 2 * list->model_room : 64);
    struct browse_model *models = realloc(list->models, room * sizeof(*models));
    if (!models)
        return false;
    list->models = models;
    list->model_room = room;
    return true;
}

void browse_list_regroup(struct browse_list *list, struct browse_model *fresh, size_t fresh_room)
{
    struct browse_model *old = list->models;
    list->models = fresh;
    list->model_room = fresh_room;
    list->model_count = list->group_start = 0;
    for (size_t i = 0; i < list->count; i++) {
        uint32_t name = old[list->rows[i].model].name;
        if (i == 0 || fresh[list->model_count - 1].name != name)
            begin_model(list, name, i);
        list->rows[i].model = (uint32_t)(list->model_count - 1) & BROWSE_NONE;
    }
    end_model(list, list->count);
    free(old);
}

void browse_list_end(struct browse_list *list)
{
    end_model(list, list->count);
    arena_done(&list->scratch);
}

static void widen_values(struct browse_list *list, int path, const struct version_value *value)
{
    widen(&list->widest_value[path], value->text);
    list->worded[path] |= value->kind && isnan(value->number);
}

static bool put_values(struct browse_list *list, const struct version *version)
{
    bool failed = false;
    for (int i = 0; i < list->path_count; i++) {
        const struct version_value *value = &version->values[i];
        widen_values(list, i, value);
        list->values[i][list->count] =
            (struct browse_value){ .kind = value->kind,
                                   .number = value->number,
                                   .text = intern(list->words, value->text, &failed) };
    }
    return !failed;
}

static bool put_version(struct browse_list *list, const struct version *v)
{
    bool failed = !browse_list_reserve(list, list->count + 1) ||
                  !browse_list_reserve_models(list, list->model_count + 1);
    if (failed)
        return false;
    uint32_t name = intern(list->words, v->raw_name, &failed);
    if (list->count == 0 || list->models[list->model_count - 1].name != name) {
        begin_model(list, name, list->count);
        widen(&list->widest_name, v->name);
    }
    struct browse_row row = {
        .id = v->id,
        .parent_id = v->parent_id,
        .size_bytes = v->size_bytes,
        .latency_ms = v->latency_ms,
        .accuracy = v->accuracy,
        .version = intern(list->words, v->raw_version, &failed),
        .type = intern(list->words, v->model_type, &failed),
        .optimization = intern(list->words, v->optimization, &failed),
        .created_at = read_time(v->created_at),
        .model = (uint32_t)(list->model_count - 1) & BROWSE_NONE,
        .is_default = v->is_default,
        .has_inline_bytes = v->has_inline_bytes,
        .has_bytes = !isnan(v->stored_bytes),
    };
    widen(&list->widest_version, v->version);
    widen(&list->widest_type, v->model_type);
    widen(&list->widest_optimization, v->optimization);
    list->rows[list->count] = row;
    bool fewer = v->stored_bytes < v->size_bytes;
    if (fewer && !browse_list_hold(list))
        return false;
    if (list->held)
        list->held[list->count] = fewer ? v->stored_bytes : NAN;
    if (!put_values(list, v) || failed)
        return false;
    list->count++;
    return true;
}

bool browse_list_take(void *data, const struct pg_rows *rows, struct pare_error *err)
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

void browse_ask_list(struct browse_batch *batch, bool guest, int64_t limit,
                     const char *const paths[VERSION_PATHS_MAX], struct browse_list *list)
{
    const char *sql = guest   ? limit ? query_catalog_list_guest : query_browse_all_guest
                      : limit ? query_browse_page
                              : query_browse_all;
    struct pg_statement *statement =
        browse_ask(batch, sql,
                   PG_ARGS(PG_NULL, PG_BOOL(false), PG_TEXT(paths[0]), PG_TEXT(paths[1]),
                           PG_TEXT(paths[2]), PG_TEXT(paths[3]), limit ? PG_INT(limit) : PG_NULL));
    statement->on_row = browse_list_take;
    statement->data = list;
}

void browse_version(const struct browse_list *list, size_t index, char *created,
                    struct version *ret_version)
{
    const struct browse_row *row = &list->rows[index];
    struct version *v = ret_version;
    v->id = row->id;
    v->parent_id = row->parent_id;
    v->name = v->raw_name = browse_name(list, row);
    v->version = v->raw_version = browse_word(list, row->version);
    v->model_type = row->type ? browse_word(list, row->type) : NULL;
    v->optimization = row->optimization ? browse_word(list, row->optimization) : NULL;
    v->size_bytes = row->size_bytes;
    v->stored_bytes = browse_stored(list, row);
    v->latency_ms = row->latency_ms;
    v->accuracy = row->accuracy;
    v->is_default = row->is_default;
    v->has_inline_bytes = row->has_inline_bytes;
    v->goal = VERSION_GOAL_NONE;
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

double browse_stored(const struct browse_list *list, const struct browse_row *row)
{
    double held = list->held ? list->held[row - list->rows] : NAN;
    return !isnan(held) ? held : row->has_bytes ? row->size_bytes : NAN;
}

const char *browse_word(const struct browse_list *list, uint32_t word)
{
    return word ? list->words->text + word : "";
}

const char *browse_name(const struct browse_list *list, const struct browse_row *row)
{
    return browse_word(list, list->models[row->model].name);
}

const struct browse_row *browse_base(const struct browse_list *list, const struct browse_row *row)
{
    uint32_t base = list->models[row->model].base;
    return base == BROWSE_NONE ? NULL : &list->rows[base];
}
