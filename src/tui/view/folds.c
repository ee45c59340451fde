/* SPDX-License-Identifier: MIT */
#include "tui/view/folds.h"

#include <string.h>

#include "base/error.h"
#include "tui/app.h"

static const char section[] = "folds";

static bool is_closed(const cJSON *entry)
{
    return cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(entry, "closed"));
}

void folds_get(struct app *app, struct folds *ret_folds)
{
    const cJSON *entry =
        *app->registry_key ? state_get(&app->state, section, app->registry_key) : NULL;
    const cJSON *names = cJSON_GetObjectItemCaseSensitive(entry, "names");
    *ret_folds = (struct folds){ .closed = is_closed(entry) };
    if (cJSON_IsArray(names) && cJSON_GetArraySize(names) <= FOLDS_MAX)
        ret_folds->waiting = cJSON_Duplicate(names, true);
}

void folds_done(struct folds *folds)
{
    cJSON_Delete(folds->waiting);
    *folds = (struct folds){ 0 };
}

static bool is_turned(const struct grouping *grouping, uint32_t name)
{
    return grouping_is_open(grouping, name) == grouping->closed;
}

void folds_apply(struct folds *folds, struct grouping *grouping, const struct browse_list *list)
{
    cJSON *next;
    if (folds->waiting && folds->closed != grouping->closed)
        folds_done(folds);
    for (cJSON *name = folds->waiting ? folds->waiting->child : NULL; name; name = next) {
        const char *text = cJSON_GetStringValue(name);
        uint32_t word = text ? browse_find_word(list->words, text) : 0;
        next = name->next;
        if (text && !word)
            continue;
        if (word && !is_turned(grouping, word))
            grouping_turn(grouping, word);
        cJSON_Delete(cJSON_DetachItemViaPointer(folds->waiting, name));
    }
}

static bool has(const cJSON *names, const char *name)
{
    const cJSON *each;
    cJSON_ArrayForEach(each, names)
    {
        if (!strcmp(cJSON_GetStringValue(each), name))
            return true;
    }
    return false;
}

/* Those that were remembered and still stand so, or are not here, in their order; then the new ones. */
static void put_names(const struct grouping *grouping, const struct browse_list *list,
                      const cJSON *old, cJSON *names)
{
    const cJSON *each;
    size_t bytes = 0;
    cJSON_ArrayForEach(each, old)
    {
        const char *text = cJSON_GetStringValue(each);
        uint32_t word = text ? browse_find_word(list->words, text) : 0;
        if (text && (!word || is_turned(grouping, word)))
            cJSON_AddItemToArray(names, cJSON_CreateString(text));
    }
    for (size_t i = 0; i < grouping->turned_count; i++) {
        const char *name = browse_word(list, grouping->turned[i]);
        if (!has(names, name))
            cJSON_AddItemToArray(names, cJSON_CreateString(name));
    }
    cJSON_ArrayForEach(each, names) bytes += strlen(cJSON_GetStringValue(each));
    while (cJSON_GetArraySize(names) > FOLDS_MAX || bytes > FOLDS_BYTES_MAX) {
        bytes -= strlen(cJSON_GetStringValue(names->child));
        cJSON_DeleteItemFromArray(names, 0);
    }
}

void folds_put(struct app *app, const struct grouping *grouping, const struct browse_list *list)
{
    const char *key = app->registry_key;
    struct pare_error err;
    if (!*key || !list)
        return;
    const cJSON *old = state_get(&app->state, section, key);
    if (!old && grouping->turned_count == 0)
        return;
    bool same = is_closed(old) == grouping->closed;
    cJSON *entry = cJSON_CreateObject();
    cJSON_AddBoolToObject(entry, "closed", grouping->closed);
    cJSON *names = cJSON_AddArrayToObject(entry, "names");
    put_names(grouping, list, same ? cJSON_GetObjectItemCaseSensitive(old, "names") : NULL, names);
    if (!state_put(&app->state, section, key, entry, &err) || !state_save(&app->state, &err))
        app_say(app, ROLE_ERROR, "%s", err.text);
}
