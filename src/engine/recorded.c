/* SPDX-License-Identifier: MIT */
#include "engine/recorded.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/json.h"
#include "base/text.h"
#include "engine/engine.h"
#include "format/format.h"

enum { ENTRIES_MAX = 1 << 20, DIGITS_MAX = 64 };

struct reading {
    struct arena *arena;
    struct recorded_entry *entries;
    size_t count, room;
    bool no_memory;
};

/* The entry "tensors.<number>.", made when it is the next one; *ret_key what follows. */
static struct recorded_entry *entry_at(struct reading *r, const char *path, const char **ret_key)
{
    static const char start[] = "tensors.";
    char *end;
    if (strncmp(path, start, sizeof(start) - 1) != 0)
        return NULL;
    size_t number = strtoul(path + sizeof(start) - 1, &end, 10);
    if (*end != '.' || number > r->count || number >= ENTRIES_MAX)
        return NULL;
    *ret_key = end + 1;
    if (number < r->count)
        return &r->entries[number];
    if (r->count == r->room) {
        size_t room = r->room ? 2 * r->room : 64;
        struct recorded_entry *entries = realloc(r->entries, room * sizeof(*entries));
        r->no_memory = !entries;
        if (!entries)
            return NULL;
        r->entries = entries;
        r->room = room;
    }
    r->entries[r->count] = (struct recorded_entry){ .max_error = NAN, .zero_share = NAN };
    return &r->entries[r->count++];
}

/* A JSON string as the text it means. */
static const char *read_string(struct reading *r, const char *text, size_t length)
{
    struct pare_error ignored;
    CLEANUP(json_free) cJSON *root = NULL;
    if (length < 2 || *text != '"')
        return NULL;
    if (!memchr(text, '\\', length))
        return arena_strndup(r->arena, text + 1, length - 2);
    return json_parse(text, length, &root, &ignored) ? arena_strdup(r->arena, root->valuestring)
                                                     : NULL;
}

static double read_number(const char *text, size_t length, double null)
{
    char digits[DIGITS_MAX];
    double value;
    if (length == 4 && !memcmp(text, "null", 4))
        return null;
    if (length >= sizeof(digits))
        return NAN;
    memcpy(digits, text, length);
    digits[length] = '\0';
    return text_to_double(digits, &value) ? value : NAN;
}

static bool visit(void *data, const char *path, const char *text, size_t length)
{
    struct reading *r = data;
    const char *key;
    struct recorded_entry *entry = entry_at(r, path, &key);
    if (!entry)
        return !r->no_memory;
    if (!strcmp(key, "name"))
        entry->name = read_string(r, text, length);
    else if (!strcmp(key, "max_error"))
        entry->max_error = read_number(text, length, NAN);
    else if (!strcmp(key, "zero_share"))
        entry->zero_share = read_number(text, length, NAN);
    else if (!strcmp(key, "sqnr_db")) {
        entry->sqnr_db = read_number(text, length, (double)INFINITY);
        entry->measured = !isnan(entry->sqnr_db);
    }
    return true;
}

static int by_name(const void *a, const void *b)
{
    const struct recorded_entry *left = a, *right = b;
    return strcmp(left->name, right->name);
}

/* Those with a name and a measure, in order. */
static bool keep(struct reading *r, struct recorded *ret_recorded, struct pare_error *err)
{
    size_t kept = 0;
    for (size_t i = 0; i < r->count; i++)
        if (r->entries[i].name && r->entries[i].measured)
            r->entries[kept++] = r->entries[i];
    if (kept > 1)
        qsort(r->entries, kept, sizeof(*r->entries), by_name);
    struct recorded_entry *entries = arena_array(r->arena, kept + 1, sizeof(*entries));
    if (!entries)
        return error_no_memory(err, (kept + 1) * sizeof(*entries));
    if (kept)
        memcpy(entries, r->entries, kept * sizeof(*entries));
    *ret_recorded = (struct recorded){ entries, kept };
    return true;
}

bool recorded_read(const char *json, struct arena *arena, struct recorded *ret_recorded,
                   struct pare_error *err)
{
    struct reading r = { .arena = arena };
    if (!json) {
        *ret_recorded = (struct recorded){ 0 };
        return true;
    }
    bool ok =
        json_walk(json, strlen(json), visit, &r, err) || error_prefix(err, "the report on record");
    if (ok && r.no_memory)
        ok = error_no_memory(err, r.room * sizeof(*r.entries));
    ok = ok && keep(&r, ret_recorded, err);
    free(r.entries);
    return ok;
}

/* ---- finding ---- */

static const struct recorded_entry *find(const struct recorded *recorded, const char *name,
                                         size_t length)
{
    size_t low = 0, high = recorded->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const char *other = recorded->entries[middle].name;
        int order = strncmp(other, name, length);
        order = order ? order : other[length] != '\0';
        if (order == 0)
            return &recorded->entries[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

const struct recorded_entry *recorded_find(const struct recorded *recorded,
                                           const struct pare_model *model, size_t index)
{
    /* What the writers of packed blocks put behind a weight's name. */
    static const char *const suffixes[] = { "_DQ_Q4", "_Q4", "_Bnb4" };
    const struct tensor *t = &model->model->tensors[index];
    const char *name = t->stands_for ? t->stands_for : t->shown.name;
    size_t length = strlen(name);
    const struct recorded_entry *found = find(recorded, name, length);
    for (size_t i = 0; !found && i < ARRAY_SIZE(suffixes); i++) {
        size_t cut = strlen(suffixes[i]);
        if (length > cut && !strcmp(name + length - cut, suffixes[i]))
            found = find(recorded, name, length - cut);
    }
    return found;
}
