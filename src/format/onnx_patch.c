/* SPDX-License-Identifier: MIT */
/*
 * A copy of the file with places changed. A change inside a message alters the
 * message's length, whose varint may grow or shrink, which alters the message
 * around it: lengths are settled from the innermost message outwards.
 */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "format/onnx.h"
#include "format/source.h"

bool onnx_patch_edit(struct onnx_patch *patch, int64_t at, int64_t remove, int message,
                     struct pare_error *err)
{
    size_t n = patch->edit_count;
    if (n == patch->edit_room) {
        size_t room = n ? 2 * n : 64;
        struct onnx_edit *edits = arena_array(&patch->output->arena, room, sizeof(*edits));
        if (!edits)
            return error_no_memory(err, room * sizeof(*edits));
        if (n)
            memcpy(edits, patch->edits, n * sizeof(*edits));
        patch->edits = edits;
        patch->edit_room = room;
    }
    patch->edits[patch->edit_count++] = (struct onnx_edit){
        .at = at,
        .remove = remove,
        .message = message,
        .order = (int)n,
        .first_segment = patch->pieces.segment_count,
    };
    return true;
}

bool onnx_patch_add(struct onnx_patch *patch, const struct segment *segment, struct pare_error *err)
{
    if (segment->length == 0)
        return true;
    if (!output_add(patch->output, &patch->pieces, segment, err))
        return false;
    struct onnx_edit *edit = &patch->edits[patch->edit_count - 1];
    edit->segment_count = patch->pieces.segment_count - edit->first_segment;
    return true;
}

bool onnx_patch_literal(struct onnx_patch *patch, struct buf *bytes, struct pare_error *err)
{
    struct segment segment = { .kind = SEGMENT_LITERAL, .length = (int64_t)bytes->length };
    if (!buf_ok(bytes, err))
        return false;
    if (bytes->length == 0)
        return true;
    char *copy = arena_strndup(&patch->output->arena, bytes->data, bytes->length);
    if (!copy)
        return error_no_memory(err, bytes->length);
    segment.bytes = copy;
    buf_clear(bytes);
    return onnx_patch_add(patch, &segment, err);
}

static int by_place(const void *left, const void *right)
{
    const struct onnx_edit *a = left, *b = right;
    if (a->at != b->at)
        return a->at < b->at ? -1 : 1;
    /* What is put before a place comes before what replaces it. */
    if ((a->remove == 0) != (b->remove == 0))
        return a->remove == 0 ? -1 : 1;
    return (a->order > b->order) - (a->order < b->order);
}

static int64_t growth(const struct onnx_patch *patch, const struct onnx_edit *edit)
{
    int64_t bytes = -edit->remove;
    for (size_t i = 0; i < edit->segment_count; i++)
        bytes += patch->pieces.segments[edit->first_segment + i].length;
    return bytes;
}

/* An edit of the length's varint. Its message is the parent, which is settled later. */
static bool put_length(struct onnx_patch *patch, const struct onnx_message *message, int64_t length,
                       struct pare_error *err)
{
    char *bytes = arena_alloc(&patch->output->arena, WIRE_VARINT_MAX);
    if (!bytes)
        return error_no_memory(err, WIRE_VARINT_MAX);
    struct segment segment = {
        .kind = SEGMENT_LITERAL,
        .length = (int64_t)wire_varint((uint64_t)length, (unsigned char *)bytes),
        .bytes = bytes,
    };
    return onnx_patch_edit(patch, message->length_at, message->at - message->length_at,
                           message->parent, err) &&
           onnx_patch_add(patch, &segment, err);
}

/* Messages are numbered from the outside in, so backwards is from the inside out. */
static bool settle_lengths(struct onnx_patch *patch, struct pare_error *err)
{
    const struct onnx *onnx = patch->model->own;
    int64_t *deltas = calloc(onnx->message_count + 1, sizeof(*deltas));
    if (!deltas)
        return error_no_memory(err, onnx->message_count * sizeof(*deltas));
    for (size_t i = 0; i < patch->edit_count; i++)
        if (patch->edits[i].message >= 0)
            deltas[patch->edits[i].message] += growth(patch, &patch->edits[i]);
    bool ok = true;
    for (size_t i = onnx->message_count; ok && i-- > 0;) {
        const struct onnx_message *m = &onnx->messages[i];
        if (deltas[i] == 0)
            continue;
        int64_t length = m->end - m->at + deltas[i];
        int64_t prefix = (int64_t)wire_varint_size((uint64_t)length) - (m->at - m->length_at);
        if (m->parent >= 0)
            deltas[m->parent] += deltas[i] + prefix;
        ok = put_length(patch, m, length, err);
    }
    free(deltas);
    return ok;
}

bool onnx_patch_apply(struct onnx_patch *patch, struct output_file *file, struct pare_error *err)
{
    const struct onnx *onnx = patch->model->own;
    struct segment copy = { .kind = SEGMENT_COPY, .file = patch->model->main_file };
    if (!settle_lengths(patch, err))
        return false;
    if (patch->edit_count)
        qsort(patch->edits, patch->edit_count, sizeof(*patch->edits), by_place);
    for (size_t i = 0; i < patch->edit_count; i++) {
        const struct onnx_edit *edit = &patch->edits[i];
        if (edit->at < copy.offset)
            return error_set(err, PARE_ERR_FORMAT, "two changes overlap at byte %lld",
                             (long long)edit->at);
        copy.length = edit->at - copy.offset;
        if (!output_add(patch->output, file, &copy, err))
            return false;
        for (size_t k = 0; k < edit->segment_count; k++)
            if (!output_add(patch->output, file, &patch->pieces.segments[edit->first_segment + k],
                            err))
                return false;
        copy.offset = edit->at + edit->remove;
    }
    copy.length = onnx->file_end - copy.offset;
    return output_add(patch->output, file, &copy, err);
}
