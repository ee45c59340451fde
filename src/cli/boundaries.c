/* SPDX-License-Identifier: MIT */
#include "cli/boundaries.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/error.h"
#include "format/format.h"
#include "format/source.h"

static int by_place(const void *a, const void *b)
{
    const struct boundary *left = a, *right = b;
    int order = strcmp(left->file, right->file);
    return order ? order : (left->at > right->at) - (left->at < right->at);
}

static bool collect(const struct model *model, struct arena *arena,
                    struct boundaries *ret_boundaries, struct pare_error *err)
{
    struct boundary *list = arena_array(arena, 2 * model->tensor_count + 1, sizeof(*list));
    size_t count = 0;
    if (!list)
        return error_no_memory(err, 2 * model->tensor_count * sizeof(*list));
    for (size_t i = 0; i < model->tensor_count; i++) {
        const struct tensor *tensor = &model->tensors[i];
        if (tensor->file_offset < 0 || tensor->shown.size_bytes < BOUNDARIES_TENSOR_MIN)
            continue;
        const char *file = arena_strdup(arena, model->source->files[tensor->file].name);
        if (!file)
            return error_no_memory(err, 1);
        list[count++] = (struct boundary){ file, tensor->file_offset };
        list[count++] = (struct boundary){ file, tensor->file_offset + tensor->shown.size_bytes };
    }
    qsort(list, count, sizeof(*list), by_place);
    *ret_boundaries = (struct boundaries){ list, count };
    return true;
}

bool boundaries_find(const char *path, struct arena *arena, struct boundaries *ret_boundaries,
                     struct pare_error *err)
{
    struct source *source;
    struct model *model;
    if (!source_open_path(path, &source, err) || !model_open(source, &model, err))
        return false;
    bool ok = collect(model, arena, ret_boundaries, err);
    model_close(model);
    return ok;
}

int64_t boundaries_next(const struct boundaries *boundaries, const char *file, int64_t at)
{
    const struct boundary wanted = { file, at };
    size_t low = 0, high = boundaries->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (by_place(&boundaries->list[middle], &wanted) <= 0)
            low = middle + 1;
        else
            high = middle;
    }
    bool found = low < boundaries->count && strcmp(boundaries->list[low].file, file) == 0;
    return found ? boundaries->list[low].at : INT64_MAX;
}
