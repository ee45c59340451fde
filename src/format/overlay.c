/* SPDX-License-Identifier: MIT */
#include "format/overlay.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "format/format.h"
#include "format/source.h"

enum { FLOATS_STEP = 1024 };

struct overlay {
    struct source source;
    struct source *below;
    struct output *output;
    const struct output_file *file;
    const struct overlay_scaling *scalings;
    int64_t *starts;     /* of the segments, by number */
    size_t *below_files; /* the number below of each file; of the main file not used */
};

static bool overlay_file(struct source *source, const char *name, size_t file,
                         int64_t *ret_size_bytes, struct pare_error *err)
{
    struct overlay *overlay = (struct overlay *)source;
    size_t *files = realloc(overlay->below_files, (file + 1) * sizeof(*files));
    if (!files)
        return error_no_memory(err, (file + 1) * sizeof(*files));
    overlay->below_files = files;
    if (!strcmp(name, source->main_name)) {
        files[file] = SIZE_MAX;
        *ret_size_bytes = overlay->file->size_bytes;
        return true;
    }
    if (!source_file(overlay->below, name, &files[file], err))
        return false;
    *ret_size_bytes = overlay->below->files[files[file]].size_bytes;
    return true;
}

/* Bytes [at, at + length) of what a scaling gives. */
static bool read_scaled(struct overlay *overlay, const struct overlay_scaling *scaling, int64_t at,
                        char *to, size_t length, struct pare_error *err)
{
    float x[FLOATS_STEP];
    while (length > 0) {
        size_t skip = (size_t)at % sizeof(*x);
        size_t n = MIN((length + skip + sizeof(*x) - 1) / sizeof(*x), (size_t)FLOATS_STEP);
        size_t step = MIN(n * sizeof(*x) - skip, length);
        int64_t from = at - (int64_t)skip;
        if (!source_read(overlay->below, scaling->file, scaling->offset + from, x, n * sizeof(*x),
                         err))
            return false;
        for (size_t i = 0; i < n; i++)
            x[i] *= scaling->factors[(from + (int64_t)(i * sizeof(*x))) / scaling->row_bytes];
        memcpy(to, (const char *)x + skip, step);
        to += step;
        at += (int64_t)step;
        length -= step;
    }
    return true;
}

static bool read_segment(struct overlay *overlay, const struct segment *segment, int64_t at,
                         char *to, size_t length, struct pare_error *err)
{
    if (segment->kind == SEGMENT_COPY)
        return source_read(overlay->below, segment->file, segment->offset + at, to, length, err);
    if (segment->kind == SEGMENT_VALUES)
        return read_scaled(overlay, &overlay->scalings[segment->tensor], at, to, length, err);
    memcpy(to, segment->bytes + at, length);
    return true;
}

/* The segment that holds byte `offset`. */
static size_t find_segment(const struct overlay *overlay, int64_t offset)
{
    size_t low = 0, high = overlay->file->segment_count;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (overlay->starts[middle] <= offset)
            low = middle;
        else
            high = middle;
    }
    return low;
}

static bool overlay_read(struct source *source, size_t file, int64_t offset, void *to,
                         size_t length, struct pare_error *err)
{
    struct overlay *overlay = (struct overlay *)source;
    if (overlay->below_files[file] != SIZE_MAX)
        return source_read(overlay->below, overlay->below_files[file], offset, to, length, err);
    char *next = to;
    for (size_t i = find_segment(overlay, offset); length > 0; i++) {
        const struct segment *segment = &overlay->file->segments[i];
        int64_t at = offset - overlay->starts[i];
        size_t n = (size_t)MIN((int64_t)length, segment->length - at);
        if (!read_segment(overlay, segment, at, next, n, err))
            return false;
        next += n;
        offset += (int64_t)n;
        length -= n;
    }
    return true;
}

static bool overlay_is_path(const struct source *source, const char *path)
{
    return source_is_path(((const struct overlay *)source)->below, path);
}

static void overlay_close(struct source *source)
{
    struct overlay *overlay = (struct overlay *)source;
    output_free(overlay->output);
    free(overlay->starts);
    free(overlay->below_files);
    free(overlay);
}

bool overlay_open(struct source *below, struct output *output,
                  const struct overlay_scaling *scalings, struct source **ret_source,
                  struct pare_error *err)
{
    static const struct source_ops ops = {
        .open = overlay_file,
        .read = overlay_read,
        .is_path = overlay_is_path,
        .close = overlay_close,
    };
    const struct output_file *file = &output->files[output->file_count - 1];
    struct overlay *overlay = calloc(1, sizeof(*overlay));
    int64_t *starts = calloc(file->segment_count + 1, sizeof(*starts)), at = 0;
    if (!overlay || !starts) {
        free(overlay);
        free(starts);
        output_free(output);
        return error_no_memory(err, sizeof(*overlay));
    }
    for (size_t i = 0; i < file->segment_count; i++) {
        starts[i] = at;
        at += file->segments[i].length;
    }
    *overlay = (struct overlay){ .source = { .ops = &ops, .main_name = below->main_name },
                                 .below = below,
                                 .output = output,
                                 .file = file,
                                 .scalings = scalings,
                                 .starts = starts };
    *ret_source = &overlay->source;
    return true;
}
