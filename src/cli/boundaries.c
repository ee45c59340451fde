/* SPDX-License-Identifier: MIT */
#include "cli/boundaries.h"

#include <string.h>

#include "base/arena.h"
#include "base/error.h"
#include "format/format.h"
#include "format/source.h"

static bool collect(const struct model *model, struct arena *arena,
                    struct boundaries *ret_boundaries, struct pare_error *err)
{
    struct boundaries found = { .file_count = model->source->file_count };
    found.files = arena_array(arena, found.file_count + 1, sizeof(*found.files));
    if (!found.files)
        return error_no_memory(err, found.file_count * sizeof(*found.files));
    for (size_t i = 0; i < found.file_count; i++) {
        found.files[i] = arena_strdup(arena, model->source->files[i].name);
        if (!found.files[i])
            return error_no_memory(err, 1);
    }
    if (!cuts_find(model, arena, &found.cuts, err))
        return false;
    *ret_boundaries = found;
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
    for (size_t i = 0; i < boundaries->file_count; i++)
        if (!strcmp(boundaries->files[i], file))
            return cuts_next(&boundaries->cuts, i, at);
    return INT64_MAX;
}
