/* SPDX-License-Identifier: MIT */
#include "format/format.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "format/cuts.h"
#include "format/match.h"
#include "format/sink.h"
#include "format/source.h"
#include "format/sum.h"

enum { COPY_STEP = 1 << 20, SNIFF_BYTES = 64 };

/* What a file that is no model of ours begins with, and what to say of it. */
struct stranger {
    const char *start;
    size_t length;
    const char *says;
};

static const struct stranger strangers[] = {
    { "version https://git-lfs", 23,
      "a Git LFS pointer; fetch the model itself with git lfs pull" },
    { "\x80\x02", 2, "a pickle alone; load it with Python and save tensors with torch.save()" },
    { "GGUF", 4, "a GGUF file" },
    { "\177ELF", 4, "a program" },
    { "\x89HDF", 4, "an HDF5 file, such as Keras writes; export the model to ONNX" },
    { "\037\213", 2, "compressed with gzip; unpack it first" },
    { "<", 1, "a web page or XML" },
    { "{", 1, "JSON" },
};

/* The formats that tell themselves by their first bytes; what no other is, may be ONNX. */
static const struct format *const formats[] = { &format_safetensors, &format_pytorch };

static bool sniff(struct model *model, struct pare_error *err)
{
    const struct source_file *file = &model->source->files[model->main_file];
    unsigned char start[SNIFF_BYTES] = { 0 };
    size_t n = (size_t)MIN((int64_t)sizeof(start), file->size_bytes);
    model->format = &format_onnx;
    if (n == 0)
        return error_set(err, PARE_ERR_FORMAT, "the file is empty, a model was expected");
    if (!source_read(model->source, model->main_file, 0, start, n, err))
        return false;
    for (size_t i = 0; i < ARRAY_SIZE(formats); i++)
        if (formats[i]->sniff(file->name, start, n)) {
            model->format = formats[i];
            return true;
        }
    for (size_t i = 0; i < ARRAY_SIZE(strangers); i++)
        if (n >= strangers[i].length && !memcmp(start, strangers[i].start, strangers[i].length))
            return error_set(err, PARE_ERR_FORMAT, "not an ONNX model: it is %s",
                             strangers[i].says);
    return true;
}

bool model_open(struct source *source, struct model **ret_model, struct pare_error *err)
{
    struct model *model = calloc(1, sizeof(*model));
    if (!model) {
        source_close(source);
        return error_no_memory(err, sizeof(*model));
    }
    model->source = source;
    if (!source_file(source, source->main_name, &model->main_file, err)) {
        model_close(model);
        return false;
    }
    if (!sniff(model, err) || !model->format->open(model, err)) {
        error_prefix(err, "%s", source->main_name);
        model_close(model);
        return false;
    }
    *ret_model = model;
    return true;
}

void model_close(struct model *model)
{
    if (!model)
        return;
    source_close(model->source);
    arena_done(&model->arena);
    free(model);
}

bool model_read(const struct model *model, const struct tensor *tensor, int64_t start,
                size_t length, void *to, struct pare_error *err)
{
    const struct pare_tensor *shown = &tensor->shown;
    if (tensor->file_offset < 0)
        return error_set(err, PARE_ERR_UNSUPPORTED, "tensor %.200s: %s", shown->name,
                         tensor->unreadable);
    if (start < 0 || start > shown->size_bytes || (int64_t)length > shown->size_bytes - start)
        return error_set(err, PARE_ERR_USAGE,
                         "tensor %.200s: %zu bytes at %lld were asked for, it has %lld",
                         shown->name, length, (long long)start, (long long)shown->size_bytes);
    return source_read(model->source, tensor->file, tensor->file_offset + start, to, length, err);
}

bool model_check(const struct model *model, struct pare_error *err)
{
    return !model->format->check || model->format->check(model, err) ||
           error_prefix(err, "%s", model->source->main_name);
}

bool model_optimize(const struct model *model, struct arena *arena, struct optimized *ret_found,
                    struct model **ret_model, struct pare_error *err)
{
    struct source *source;
    *ret_model = NULL;
    if (!model->format->optimize)
        return error_set(err, PARE_ERR_UNSUPPORTED,
                         "the step optimize is for graphs, and a model of %s has none",
                         model->format->name);
    if (!model->format->optimize(model, arena, ret_found, &source, err))
        return false;
    return !source || model_open(source, ret_model, err);
}

/* ---- output ---- */

bool model_settle_fp16(const struct model *model, struct change *io_changes, struct arena *arena,
                       const char **ret_reasons, struct pare_error *err)
{
    return !model->format->settle_fp16 ||
           model->format->settle_fp16(model, io_changes, arena, ret_reasons, err);
}

bool model_match(const struct model *model, const struct match_options *options,
                 struct arena *arena, struct match **ret_match, struct pare_error *err)
{
    if (!model->format->match)
        return error_set(err, PARE_ERR_UNSUPPORTED,
                         "a match is for ONNX models, and this is one of %s", model->format->name);
    return model->format->match(model, options, arena, ret_match, err);
}

/* Suffixes that name a format, which a checkpoint is converted to. */
static const struct {
    const char *suffix;
    const struct format *format;
} suffixes[] = {
    { ".safetensors", &format_safetensors },
    { ".pt", &format_pytorch },
    { ".pth", &format_pytorch },
    { ".bin", &format_pytorch },
    { ".ckpt", &format_pytorch },
};

const struct format *output_format(const struct model *model, const char *name, bool converts)
{
    const struct format *own = model->format;
    const char *suffix = strrchr(name, '.');
    const char *before = strrchr(model->source->main_name, '.');
    if (own != &format_safetensors && own != &format_pytorch)
        return own;
    if (model->source->is_folder && converts)
        return own == &format_pytorch ? &format_safetensors : &format_pytorch;
    if (model->source->is_folder || !suffix || (before && !strcmp(suffix, before)))
        return own;
    for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++)
        if (!strcmp(suffix, suffixes[i].suffix))
            return suffixes[i].format;
    return own;
}

bool output_plan(const struct model *model, const struct change *changes,
                 const struct output_settings *settings, struct output **ret_output,
                 struct pare_error *err)
{
    struct output *output = calloc(1, sizeof(*output));
    if (!output)
        return error_no_memory(err, sizeof(*output));
    const struct format *format = settings->format ? settings->format : model->format;
    output->model = model;
    if (!format->plan(model, changes, settings, output, err)) {
        output_free(output);
        return false;
    }
    *ret_output = output;
    return true;
}

void output_free(struct output *output)
{
    if (!output)
        return;
    arena_done(&output->arena);
    free(output);
}

size_t output_file_count(const struct output *output)
{
    return output->file_count;
}

const char *output_file_name(const struct output *output, size_t file)
{
    return output->files[file].name;
}

int64_t output_file_bytes(const struct output *output, size_t file)
{
    return output->files[file].size_bytes;
}

int64_t output_bytes(const struct output *output)
{
    int64_t total = 0;
    for (size_t i = 0; i < output->file_count; i++)
        total += output->files[i].size_bytes;
    return total;
}

bool output_files(struct output *output, size_t count, struct pare_error *err)
{
    output->files = arena_array(&output->arena, count, sizeof(*output->files));
    return output->files || error_no_memory(err, count * sizeof(*output->files));
}

static bool grow_segments(struct output *output, struct output_file *file, struct pare_error *err)
{
    size_t room = file->segment_room ? 2 * file->segment_room : 64;
    struct segment *segments = arena_array(&output->arena, room, sizeof(*segments));
    if (!segments)
        return error_no_memory(err, room * sizeof(*segments));
    if (file->segment_count)
        memcpy(segments, file->segments, file->segment_count * sizeof(*segments));
    file->segments = segments;
    file->segment_room = room;
    return true;
}

bool output_add(struct output *output, struct output_file *file, const struct segment *segment,
                struct pare_error *err)
{
    if (segment->length == 0)
        return true;
    struct segment *last = file->segment_count ? &file->segments[file->segment_count - 1] : NULL;
    file->size_bytes += segment->length;
    if (last && last->kind == SEGMENT_COPY && segment->kind == SEGMENT_COPY &&
        last->sum == segment->sum && last->file == segment->file &&
        last->offset + last->length == segment->offset) {
        last->length += segment->length;
        return true;
    }
    if (file->segment_count == file->segment_room && !grow_segments(output, file, err))
        return false;
    file->segments[file->segment_count++] = *segment;
    return true;
}

/* What writing holds. */
struct writing {
    const struct output *output;
    const struct filler *filler;
    struct sink *sink;
    char *step;       /* COPY_STEP bytes */
    uint32_t *sums;   /* of the file, by number */
    struct cuts cuts; /* of the source, which copies take with them */
};

static bool write_copy(struct writing *w, const struct segment *segment, struct pare_error *err)
{
    int64_t at = segment->offset, end = at + segment->length;
    /* Where padding or another tensor comes before a tensor that is copied alone. */
    if (cuts_next(&w->cuts, segment->file, at - 1) == at && !sink_cut(w->sink, err))
        return false;
    while (at < end) {
        int64_t cut = cuts_next(&w->cuts, segment->file, at);
        size_t n = (size_t)MIN((int64_t)COPY_STEP, MIN(cut, end) - at);
        if (!source_read(w->output->model->source, segment->file, at, w->step, n, err) ||
            !sink_write(w->sink, w->step, n, err) ||
            !w->filler->copied(w->filler->data, (int64_t)n, err))
            return false;
        at += (int64_t)n;
        if (at == cut && !sink_cut(w->sink, err))
            return false;
    }
    return true;
}

static bool write_filled(struct writing *w, const struct segment *segment, struct pare_error *err)
{
    bool apart = cuts_around(segment->length);
    bool (*fill)(void *data, size_t tensor, struct sink *sink, struct pare_error *err) =
        segment->kind == SEGMENT_VALUES    ? w->filler->values
        : segment->kind == SEGMENT_SCALES  ? w->filler->scales
        : segment->kind == SEGMENT_MATCHED ? w->filler->matched
                                           : w->filler->zero_points;
    return (!apart || sink_cut(w->sink, err)) &&
           fill(w->filler->data, segment->tensor, w->sink, err) &&
           (!apart || sink_cut(w->sink, err));
}

static bool write_segment(struct writing *w, const struct segment *segment, struct pare_error *err)
{
    switch (segment->kind) {
    case SEGMENT_COPY:
        return write_copy(w, segment, err);
    case SEGMENT_LITERAL:
        return sink_write(w->sink, segment->bytes, (size_t)segment->length, err);
    case SEGMENT_VALUES:
    case SEGMENT_SCALES:
    case SEGMENT_ZERO_POINTS:
    case SEGMENT_MATCHED:
        return write_filled(w, segment, err);
    case SEGMENT_DIGEST:
        return w->filler->digest(w->filler->data, w->sink, err);
    case SEGMENT_ZEROS:
        memset(w->step, 0, (size_t)segment->length);
        return sink_write(w->sink, w->step, (size_t)segment->length, err);
    case SEGMENT_SUM:
        return sum_write(w->sums[segment->sum], w->sink, err);
    }
    return error_set(err, PARE_ERR_FAILED, "a segment of no kind");
}

static bool write_summed(struct writing *w, const struct segment *segment, struct pare_error *err)
{
    if (!segment->sum || segment->kind == SEGMENT_SUM)
        return write_segment(w, segment, err);
    struct sink *sink = w->sink;
    struct sum_sink sum;
    sum_begin(&sum, sink, segment->length, w->sums[segment->sum]);
    w->sink = &sum.sink;
    bool ok = write_segment(w, segment, err) && sink_end(&sum.sink, err);
    w->sink = sink;
    w->sums[segment->sum] = sum.crc;
    return ok;
}

static bool write_segments(struct writing *w, const struct output_file *file,
                           struct pare_error *err)
{
    if (!sink_begin(w->sink, file->name, file->size_bytes, err))
        return false;
    for (size_t i = 0; i < file->segment_count; i++)
        if (!write_summed(w, &file->segments[i], err))
            return false;
    return sink_end(w->sink, err);
}

static bool write_file(struct writing *w, const struct output_file *file, struct pare_error *err)
{
    w->sums = calloc(file->sum_count + 1, sizeof(*w->sums));
    if (!w->sums)
        return error_no_memory(err, file->sum_count * sizeof(*w->sums));
    bool ok = write_segments(w, file, err);
    free(w->sums);
    return ok;
}

bool output_write(const struct output *output, struct sink *sink, const struct filler *filler,
                  struct pare_error *err)
{
    struct writing w = { .output = output, .filler = filler, .sink = sink };
    struct arena arena = { 0 };
    w.step = malloc(COPY_STEP);
    bool ok = (w.step || error_no_memory(err, COPY_STEP)) &&
              cuts_find(output->model, &arena, &w.cuts, err);
    for (size_t i = 0; ok && i < output->file_count; i++)
        ok = write_file(&w, &output->files[i], err);
    free(w.step);
    arena_done(&arena);
    return ok;
}
