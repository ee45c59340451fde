/* SPDX-License-Identifier: MIT */
#include "format/cuts.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/error.h"
#include "format/format.h"

enum { TENSOR_BYTES_MIN = 64 * 1024 };

bool cuts_around(int64_t tensor_bytes)
{
    return tensor_bytes >= TENSOR_BYTES_MIN;
}

static int by_place(const void *a, const void *b)
{
    const struct cut *left = a, *right = b;
    if (left->file != right->file)
        return left->file < right->file ? -1 : 1;
    return (left->at > right->at) - (left->at < right->at);
}

bool cuts_find(const struct model *model, struct arena *arena, struct cuts *ret_cuts,
               struct pare_error *err)
{
    size_t count = 0;
    struct cut *list = arena_array(arena, 2 * model->tensor_count + 1, sizeof(*list));
    if (!list)
        return error_no_memory(err, 2 * model->tensor_count * sizeof(*list));
    for (size_t i = 0; i < model->tensor_count; i++) {
        const struct tensor *tensor = &model->tensors[i];
        if (tensor->file_offset < 0 || !cuts_around(tensor->shown.size_bytes))
            continue;
        list[count++] = (struct cut){ tensor->file, tensor->file_offset };
        list[count++] =
            (struct cut){ tensor->file, tensor->file_offset + tensor->shown.size_bytes };
    }
    if (count)
        qsort(list, count, sizeof(*list), by_place);
    *ret_cuts = (struct cuts){ list, count };
    return true;
}

int64_t cuts_next(const struct cuts *cuts, size_t file, int64_t at)
{
    const struct cut wanted = { file, at };
    size_t low = 0, high = cuts->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (by_place(&cuts->list[middle], &wanted) <= 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low < cuts->count && cuts->list[low].file == file ? cuts->list[low].at : INT64_MAX;
}
