/* SPDX-License-Identifier: MIT */
/*
 * A model without some of its channels, as a source over the one below: the files that an output
 * would be, whose values are gathered when they are read.
 */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "format/channels.h"
#include "format/source.h"

enum { SPAN_BYTES = 64 << 10, CONFIG_MAX = 64 << 20 };

/* One file: an output's, or, without segments, another that may have a new text. */
struct cut_file {
    const struct output_file *file; /* NULL: `text`, or that of the source below */
    const int64_t *starts;          /* of the segments */
    const char *text;
    size_t below;
};

struct cut_source {
    struct source source;
    struct arena arena;
    const struct model *model; /* below */
    const struct channel_cut *cuts;
    struct output *output;
    const char *config; /* the text of config.json; NULL: it stays */
    size_t config_length;
    struct cut_file *files; /* by number */
    size_t file_room;
};

/* ---- the values of one tensor ---- */

/* Where things are in a tensor that is cut: rows of `length` indexes of `unit` bytes. */
struct gather {
    struct cut_source *own;
    const struct tensor *tensor;
    const struct channel_cut *cut;
    int64_t length, unit;
    int64_t outer_length, between; /* with an outer axis: its indexes, of so many rows each */
};

static struct gather gather_of(struct cut_source *own, size_t tensor)
{
    const struct tensor *t = &own->model->tensors[tensor];
    struct gather g = { .own = own, .tensor = t, .cut = &own->cuts[tensor] };
    const struct channel_cut *outer = g.cut->outer;
    int64_t rows = 1;
    g.between = 1;
    for (int i = 0; i < g.cut->axis; i++)
        rows *= t->shown.dims[i];
    for (int i = outer ? outer->axis + 1 : g.cut->axis; i < g.cut->axis; i++)
        g.between *= t->shown.dims[i];
    g.outer_length = outer ? t->shown.dims[outer->axis] : 1;
    g.length = t->shown.dims[g.cut->axis];
    g.unit = t->shown.size_bytes / (rows * g.length);
    return g;
}

/* The row of the tensor that is row `row` of what stays. */
static int64_t row_of(const struct gather *g, int64_t row)
{
    const struct channel_cut *outer = g->cut->outer;
    if (!outer)
        return row;
    int64_t block = row / g->between, index = outer->kept[block % outer->kept_count];
    return (block / outer->kept_count * g->outer_length + index) * g->between + row % g->between;
}

/* How many kept indexes from `first` on, at most `most`, are read at once; and whether gapless. */
static int64_t span(const struct gather *g, int64_t first, int64_t most, bool *ret_gapless)
{
    const int64_t *kept = g->cut->kept + first;
    int64_t n = 1;
    while (n < most && kept[n] == kept[n - 1] + 1)
        n++;
    *ret_gapless = n == most || n * g->unit > SPAN_BYTES / 2;
    while (!*ret_gapless && n < most && (kept[n] - kept[0] + 1) * g->unit <= SPAN_BYTES)
        n++;
    *ret_gapless = *ret_gapless || kept[n - 1] - kept[0] + 1 == n;
    return n;
}

/* `count` whole kept indexes of a row. */
static bool gather_units(const struct gather *g, int64_t row, int64_t first, int64_t count,
                         char *to, struct pare_error *err)
{
    char bytes[SPAN_BYTES];
    while (count > 0) {
        bool gapless;
        int64_t n = span(g, first, count, &gapless);
        const int64_t *kept = g->cut->kept + first;
        int64_t at = (row * g->length + kept[0]) * g->unit;
        size_t length = (size_t)((kept[n - 1] - kept[0] + 1) * g->unit);
        if (!model_read(g->own->model, g->tensor, at, length, gapless ? to : bytes, err))
            return false;
        for (int64_t i = 0; !gapless && i < n; i++)
            memcpy(to + i * g->unit, bytes + (kept[i] - kept[0]) * g->unit, (size_t)g->unit);
        to += n * g->unit;
        first += n;
        count -= n;
    }
    return true;
}

/* Bytes [at, at + length) of what is left of the tensor. */
static bool gather_read(const struct gather *g, int64_t at, char *to, size_t length,
                        struct pare_error *err)
{
    int64_t row_bytes = g->cut->kept_count * g->unit;
    while (length > 0) {
        int64_t row = row_of(g, at / row_bytes), index = at % row_bytes / g->unit;
        int64_t skip = at % g->unit;
        int64_t whole = MIN((int64_t)length / g->unit, g->cut->kept_count - index);
        size_t n = (size_t)(whole * g->unit);
        bool ok;
        if (skip || whole == 0) { /* a part of one */
            n = (size_t)MIN(g->unit - skip, (int64_t)length);
            ok = model_read(g->own->model, g->tensor,
                            (row * g->length + g->cut->kept[index]) * g->unit + skip, n, to, err);
        } else
            ok = gather_units(g, row, index, whole, to, err);
        if (!ok)
            return false;
        to += n;
        at += (int64_t)n;
        length -= n;
    }
    return true;
}

/* ---- the source ---- */

static const struct output_file *find_output(const struct cut_source *own, const char *name)
{
    for (size_t i = 0; i < own->output->file_count; i++)
        if (!strcmp(own->output->files[i].name, name))
            return &own->output->files[i];
    return NULL;
}

static bool is_config(const struct cut_source *own, const char *name)
{
    return own->config && !strcmp(name, "config.json");
}

static bool set_output(struct cut_source *own, struct cut_file *to, const struct output_file *file,
                       struct pare_error *err)
{
    int64_t *starts = arena_array(&own->arena, file->segment_count + 1, sizeof(*starts)), at = 0;
    if (!starts)
        return error_no_memory(err, file->segment_count * sizeof(*starts));
    for (size_t i = 0; i < file->segment_count; i++) {
        starts[i] = at;
        at += file->segments[i].length;
    }
    *to = (struct cut_file){ .file = file, .starts = starts };
    return true;
}

static bool cut_open(struct source *source, const char *name, size_t file, int64_t *ret_size_bytes,
                     struct pare_error *err)
{
    struct cut_source *own = (struct cut_source *)source;
    struct source *below = own->model->source;
    const struct output_file *written = find_output(own, name);
    struct cut_file to = { .text = own->config };
    if (file >= own->file_room)
        return error_set(err, PARE_ERR_REFUSED, "a model of more than %zu files", own->file_room);
    if (is_config(own, name))
        *ret_size_bytes = (int64_t)own->config_length;
    else if (written) {
        *ret_size_bytes = written->size_bytes;
        if (!set_output(own, &to, written, err))
            return false;
    } else {
        to = (struct cut_file){ 0 };
        if (!source_file(below, name, &to.below, err))
            return false;
        *ret_size_bytes = below->files[to.below].size_bytes;
    }
    own->files[file] = to;
    return true;
}

static bool read_segment(struct cut_source *own, const struct segment *segment, int64_t at,
                         char *to, size_t length, struct pare_error *err)
{
    if (segment->kind == SEGMENT_COPY)
        return source_read(own->model->source, segment->file, segment->offset + at, to, length,
                           err);
    if (segment->kind == SEGMENT_VALUES) {
        const struct gather g = gather_of(own, segment->tensor);
        return gather_read(&g, at, to, length, err);
    }
    if (segment->kind == SEGMENT_LITERAL)
        memcpy(to, segment->bytes + at, length);
    else
        memset(to, 0, length);
    return true;
}

/* The segment that holds byte `offset`. */
static size_t find_segment(const struct cut_file *file, int64_t offset)
{
    size_t low = 0, high = file->file->segment_count;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (file->starts[middle] <= offset)
            low = middle;
        else
            high = middle;
    }
    return low;
}

static bool cut_read(struct source *source, size_t number, int64_t offset, void *to, size_t length,
                     struct pare_error *err)
{
    struct cut_source *own = (struct cut_source *)source;
    const struct cut_file *file = &own->files[number];
    char *next = to;
    if (file->text) {
        memcpy(to, file->text + offset, length);
        return true;
    }
    if (!file->file)
        return source_read(own->model->source, file->below, offset, to, length, err);
    for (size_t i = find_segment(file, offset); length > 0; i++) {
        const struct segment *segment = &file->file->segments[i];
        int64_t at = offset - file->starts[i];
        size_t n = (size_t)MIN((int64_t)length, segment->length - at);
        if (!read_segment(own, segment, at, next, n, err))
            return false;
        next += n;
        offset += (int64_t)n;
        length -= n;
    }
    return true;
}

static bool cut_is_path(const struct source *source, const char *path)
{
    return source_is_path(((const struct cut_source *)source)->model->source, path);
}

static bool cut_list(const struct source *source, struct arena *arena,
                     const char *const **ret_names, size_t *ret_count, struct pare_error *err)
{
    const struct source *below = ((const struct cut_source *)source)->model->source;
    *ret_names = NULL;
    *ret_count = 0;
    return !below->ops->list || below->ops->list(below, arena, ret_names, ret_count, err);
}

static void cut_close(struct source *source)
{
    struct cut_source *own = (struct cut_source *)source;
    output_free(own->output);
    arena_done(&own->arena);
    free(own);
}

/* ---- the model ---- */

int64_t channel_cut_shape(const struct channel_cut *cut, const struct pare_tensor *shown,
                          int64_t ret_dims[PARE_RANK_MAX])
{
    int64_t bytes = shown->size_bytes;
    memcpy(ret_dims, shown->dims, (size_t)shown->rank * sizeof(*ret_dims));
    for (; cut; cut = cut->outer) {
        bytes = bytes / ret_dims[cut->axis] * cut->kept_count;
        ret_dims[cut->axis] = cut->kept_count;
    }
    return bytes;
}

/* Files by number, opened under the names of the source below and so not more than there may be. */
static bool set_up(struct cut_source *own, const struct channels *channels, int64_t kept,
                   struct pare_error *err)
{
    const struct model *model = own->model;
    struct buf text;
    own->file_room = SOURCE_FILES_MAX;
    own->files = arena_array(&own->arena, own->file_room, sizeof(*own->files));
    if (!own->files)
        return error_no_memory(err, own->file_room * sizeof(*own->files));
    buf_init(&text, CONFIG_MAX);
    bool ok = !model->format->put_channels ||
              model->format->put_channels(model, channels, kept, &text, err);
    if (ok && text.length) {
        own->config = arena_strndup(&own->arena, text.data, text.length);
        own->config_length = text.length;
        ok = own->config || error_no_memory(err, text.length);
    }
    buf_done(&text);
    return ok;
}

static bool lay_out(struct cut_source *own, struct pare_error *err)
{
    const struct model *model = own->model;
    const struct output_settings settings = { .name = model->source->main_name };
    struct change *changes = arena_array(&own->arena, model->tensor_count + 1, sizeof(*changes));
    if (!changes)
        return error_no_memory(err, model->tensor_count * sizeof(*changes));
    for (size_t i = 0; i < model->tensor_count; i++)
        changes[i] = (struct change){ .kind = own->cuts[i].kept ? CHANGE_CUT : CHANGE_NONE,
                                      .axis = -1,
                                      .cut = &own->cuts[i] };
    return output_plan(model, changes, &settings, &own->output, err);
}

bool model_channels(const struct model *model, enum channel_method method, struct arena *arena,
                    struct channels *ret_channels, struct pare_error *err)
{
    if (model->format->channels)
        return model->format->channels(model, method, arena, ret_channels, err);
    *ret_channels = (struct channels){ 0 };
    return true;
}

bool model_cut(const struct model *model, const struct channels *channels,
               const struct channel_cut *cuts, int64_t kept, struct model **ret_model,
               struct pare_error *err)
{
    static const struct source_ops ops = { .open = cut_open,
                                           .read = cut_read,
                                           .is_path = cut_is_path,
                                           .close = cut_close,
                                           .list = cut_list };
    static const struct source_ops many = { .open = cut_open,
                                            .read = cut_read,
                                            .is_path = cut_is_path,
                                            .close = cut_close,
                                            .read_by_many = true,
                                            .list = cut_list };
    struct source *below = model->source;
    struct cut_source *own = calloc(1, sizeof(*own));
    if (!own)
        return error_no_memory(err, sizeof(*own));
    *own = (struct cut_source){ .model = model, .cuts = cuts };
    own->source = (struct source){ .ops = below->ops->read_by_many ? &many : &ops,
                                   .main_name = below->main_name,
                                   .is_folder = below->is_folder };
    if (!set_up(own, channels, kept, err) || !lay_out(own, err)) {
        source_close(&own->source);
        return false;
    }
    return model_open(&own->source, ret_model, err);
}
