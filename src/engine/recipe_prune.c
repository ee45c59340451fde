/* SPDX-License-Identifier: MIT */
/* The keys of a prune step. */
#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "engine/recipe.h"

/* Whole numbers that every reader of JSON keeps. */
#define WHOLE_MAX 9007199254740991.0 /* 2^53 - 1 */

static const struct pare_choice methods[] = {
    [METHOD_L1] = { "l1", "the weights of least magnitude become zero" },
    [METHOD_GLOBAL_L1] = { "global-l1", "the same over all tensors together" },
    [METHOD_RANDOM] = { "random", "weights become zero by lot" },
    [METHOD_LN] = { "ln", "whole rows or columns of least norm become zero" },
    [METHOD_2_4] = { "2:4", "two of every four inputs of an output become zero" },
    [METHOD_FFN] = { "ffn", "channels of feed-forward blocks go, and the model is smaller" },
    [METHOD_HEADS] = { "heads", "heads of attention go, and the model is smaller" },
};

const struct pare_choice *pare_method(size_t index)
{
    return index < ARRAY_SIZE(methods) ? &methods[index] : NULL;
}

static bool wrong(const cJSON *item, size_t number, const char *expected, struct pare_error *err)
{
    return error_set(err, PARE_ERR_USAGE, "recipe, step %zu: \"%s\" must be %s", number,
                     item->string, expected);
}

static bool is_whole(const cJSON *item, double low, double high)
{
    double value = cJSON_IsNumber(item) ? item->valuedouble : low - 1;
    return value >= low && value <= high && value == (double)(int64_t)value;
}

static bool read_amount(struct step *step, size_t number, const cJSON *item, struct pare_error *err)
{
    if (!cJSON_IsNumber(item) || !(item->valuedouble >= 0 && item->valuedouble <= 1))
        return wrong(item, number, "a number from 0 to 1, the share of elements that go", err);
    step->amount = item->valuedouble;
    return true;
}

static bool read_count(struct step *step, size_t number, const cJSON *item, struct pare_error *err)
{
    if (!is_whole(item, 1, WHOLE_MAX))
        return wrong(item, number, "a whole number from 1 on, of the elements that go", err);
    step->count = (uint64_t)item->valuedouble;
    return true;
}

bool recipe_read_prune_key(struct step *step, size_t number, const cJSON *item, bool *ret_known,
                           struct pare_error *err)
{
    const char *key = item->string;
    bool ln = step->method == METHOD_LN, half = step->method == METHOD_2_4;
    *ret_known = true;
    if (!strcmp(key, "method"))
        return true;
    if (!half && !strcmp(key, "amount"))
        return read_amount(step, number, item, err);
    if (!half && !strcmp(key, "count"))
        return read_count(step, number, item, err);
    if (step->method == METHOD_RANDOM && !strcmp(key, "seed")) {
        if (!is_whole(item, 0, WHOLE_MAX))
            return wrong(item, number, "a whole number from 0 to 2^53 - 1", err);
        step->seed = (uint64_t)item->valuedouble;
        return true;
    }
    if (ln && !strcmp(key, "dim")) {
        if (!is_whole(item, -PARE_RANK_MAX, PARE_RANK_MAX - 1))
            return wrong(item, number, "a dimension, 0 the first and -1 the last", err);
        step->dim = (int)item->valuedouble;
        return true;
    }
    if (ln && !strcmp(key, "n")) {
        if (!is_whole(item, 1, 2))
            return wrong(item, number, "1 or 2, which norm of a channel counts", err);
        step->norm = (int)item->valuedouble;
        return true;
    }
    *ret_known = false;
    return true;
}

bool recipe_read_method(struct step *step, size_t number, const cJSON *item, struct pare_error *err)
{
    const cJSON *method = cJSON_GetObjectItemCaseSensitive(item, "method");
    const char *word = cJSON_IsString(method) ? method->valuestring : "?";
    bool amount = cJSON_GetObjectItemCaseSensitive(item, "amount");
    bool count = cJSON_GetObjectItemCaseSensitive(item, "count");
    for (size_t i = 0; i < ARRAY_SIZE(methods) && !step->choice; i++)
        if (!strcmp(word, methods[i].name)) {
            step->choice = &methods[i];
            step->method = (enum prune_method)i;
        }
    if (!step->choice)
        return error_set(err, PARE_ERR_USAGE,
                         "recipe, step %zu: method \"%.100s\" is not known; there is \"l1\", "
                         "\"global-l1\", \"random\", \"ln\", \"2:4\", \"ffn\", \"heads\"",
                         number, word);
    step->norm = 2;
    step->amount = 0.5;
    if (step->method == METHOD_2_4 && (amount || count))
        return error_set(err, PARE_ERR_USAGE,
                         "recipe, step %zu: the method 2:4 takes two of four, so \"%s\" has no "
                         "place; leave it out",
                         number, amount ? "amount" : "count");
    if (step->method == METHOD_2_4)
        return true;
    if (amount && count)
        return error_set(err, PARE_ERR_USAGE,
                         "recipe, step %zu: \"amount\" is a share and \"count\" a number of "
                         "elements; leave one of them out",
                         number);
    return amount || count ||
           error_set(err, PARE_ERR_USAGE, "recipe, step %zu: the key \"amount\" is missing",
                     number);
}
