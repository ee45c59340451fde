/* SPDX-License-Identifier: MIT */
#include "registry/field.h"

#include <math.h>
#include <string.h>
#include <strings.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"

enum { PATH_MAX_BYTES = 512 };

static const struct {
    const char *word;
    enum field_kind kind;
} known[] = {
    { "name", FIELD_NAME },
    { "model", FIELD_NAME },
    { "version", FIELD_VERSION },
    { "type", FIELD_TYPE },
    { "model_type", FIELD_TYPE },
    { "opt", FIELD_OPTIMIZATION },
    { "optimization", FIELD_OPTIMIZATION },
    { "created", FIELD_CREATED },
    { "created_at", FIELD_CREATED },
    { "size", FIELD_SIZE },
    { "size_mb", FIELD_SIZE },
    { "size_bytes", FIELD_SIZE },
    { "stored", FIELD_STORED },
    { "stored_bytes", FIELD_STORED },
    { "lat", FIELD_LATENCY },
    { "latency", FIELD_LATENCY },
    { "latency_ms", FIELD_LATENCY },
    { "inference_ms", FIELD_LATENCY },
    { "accuracy", FIELD_ACCURACY },
    { "acc", FIELD_ACCURACY },
    { "goal", FIELD_GOAL },
    { "id", FIELD_ID },
    { "parent", FIELD_PARENT },
    { "parent_id", FIELD_PARENT },
    { "default", FIELD_DEFAULT },
    { "is_default", FIELD_DEFAULT },
};

/* metrics.a.b -> {"metrics","a","b"}, each step quoted for PostgreSQL's array syntax. */
static bool path_array(const char *word, size_t length, struct arena *arena, const char **ret_array,
                       struct pare_error *err)
{
    struct buf buf;
    bool rooted = !strncmp(word, "metrics.", 8) || !strncmp(word, "config.", 7);
    buf_init(&buf, PATH_MAX_BYTES);
    buf_text(&buf, rooted ? "{\"" : "{\"metrics\",\"");
    for (size_t i = 0; i < length; i++) {
        if (word[i] == '.')
            buf_text(&buf, "\",\"");
        else if (word[i] == '"' || word[i] == '\\')
            buf_printf(&buf, "\\%c", word[i]);
        else
            buf_char(&buf, word[i]);
    }
    buf_text(&buf, "\"}");
    bool ok = buf_ok(&buf, err);
    const char *array = ok ? arena_strdup(arena, buf_string(&buf)) : NULL;
    buf_done(&buf);
    if (ok && !array)
        return error_no_memory(err, PATH_MAX_BYTES);
    *ret_array = array;
    return ok;
}

static bool find_json(const char *word, struct field_paths *paths, struct arena *arena,
                      struct field *ret_field, struct pare_error *err)
{
    int slot = 0;
    while (slot < paths->count && strcmp(paths->words[slot], word) != 0)
        slot++;
    if (slot == VERSION_PATHS_MAX)
        return error_set(err, PARE_ERR_USAGE,
                         "more than %d different JSON values (\"%s\" is one "
                         "too many)",
                         VERSION_PATHS_MAX, word);
    if (slot == paths->count) {
        if (!path_array(word, strlen(word), arena, &paths->paths[slot], err))
            return false;
        paths->words[slot] = word;
        paths->count++;
    }
    *ret_field = (struct field){ .kind = FIELD_JSON, .slot = slot, .word = word };
    return true;
}

bool field_find(const char *word, size_t length, struct field_paths *paths, struct arena *arena,
                struct field *ret_field, struct pare_error *err)
{
    const char *copy = arena_strndup(arena, word, length);
    if (!copy)
        return error_no_memory(err, length);
    for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
        if (strcmp(known[i].word, copy) == 0) {
            *ret_field = (struct field){ .kind = known[i].kind, .word = copy };
            return true;
        }
    }
    return find_json(copy, paths, arena, ret_field, err);
}

bool field_is_text(const struct field *field)
{
    return field->kind <= FIELD_CREATED;
}

double field_number(const struct field *field, const struct version *version)
{
    switch (field->kind) {
    case FIELD_SIZE:
        return version->size_bytes;
    case FIELD_STORED:
        return version->stored_bytes;
    case FIELD_LATENCY:
        return version->latency_ms;
    case FIELD_ACCURACY:
        return version->accuracy;
    case FIELD_GOAL:
        return version->goal ? (double)version->goal : (double)NAN;
    case FIELD_ID:
        return (double)version->id;
    case FIELD_PARENT:
        return version->parent_id ? (double)version->parent_id : NAN;
    case FIELD_DEFAULT:
        return version->is_default;
    case FIELD_JSON:
        return version->values[field->slot].number;
    default:
        return NAN;
    }
}

const char *field_goal_word(enum version_goal goal)
{
    static const char *const words[] = { [VERSION_GOAL_NONE] = NULL,
                                         [VERSION_GOAL_ITSELF] = "--",
                                         [VERSION_GOAL_NO] = "NO",
                                         [VERSION_GOAL_UNDECIDED] = "?",
                                         [VERSION_GOAL_YES] = "yes" };
    return words[goal];
}

const char *field_goal_meant(const char *typed)
{
    if (!strcasecmp(typed, "undecided"))
        return field_goal_word(VERSION_GOAL_UNDECIDED);
    for (int goal = VERSION_GOAL_ITSELF; goal <= VERSION_GOAL_YES; goal++)
        if (!strcasecmp(typed, field_goal_word((enum version_goal)goal)))
            return field_goal_word((enum version_goal)goal);
    return NULL;
}

const char *field_text(const struct field *field, const struct version *version)
{
    switch (field->kind) {
    case FIELD_NAME:
        return version->name;
    case FIELD_VERSION:
        return version->version;
    case FIELD_TYPE:
        return version->model_type;
    case FIELD_OPTIMIZATION:
        return version->optimization;
    case FIELD_CREATED:
        return version->created_at;
    case FIELD_GOAL:
        return field_goal_word(version->goal);
    case FIELD_JSON:
        return version->values[field->slot].text;
    default:
        return NULL;
    }
}
