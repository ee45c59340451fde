/* SPDX-License-Identifier: MIT */
/* Bytes that are to be a part of the new file: what is new as text, what the source has as copies. */
#include <stdlib.h>

#include "base/error.h"
#include "format/onnx_match.h"
#include "format/source.h"

enum {
    COPY_LEAST = 512, /* bytes; fewer are text, unless they go on from a copy */
    TEXT_MAX = 256 << 20,
};

void match_text_init(struct match_text *text)
{
    *text = (struct match_text){ 0 };
    buf_init(&text->bytes, TEXT_MAX);
}

void match_text_done(struct match_text *text)
{
    buf_done(&text->bytes);
    free(text->inserts);
    *text = (struct match_text){ 0 };
}

int64_t match_text_length(const struct match_text *text)
{
    return (int64_t)text->bytes.length + text->inserted_bytes;
}

/* Whether a copy goes on where the last one ended, with no text between. */
static bool goes_on(const struct match_text *text, size_t at, const struct segment *segment)
{
    const struct match_insert *last = text->count ? &text->inserts[text->count - 1] : NULL;
    return last && last->at == at && segment->kind == SEGMENT_COPY &&
           last->segment.kind == SEGMENT_COPY && last->segment.file == segment->file &&
           last->segment.offset + last->segment.length == segment->offset;
}

static bool insert(struct match_text *text, size_t at, const struct segment *segment,
                   struct pare_error *err)
{
    if (goes_on(text, at, segment)) {
        text->inserts[text->count - 1].segment.length += segment->length;
        text->inserted_bytes += segment->length;
        return true;
    }
    if (text->count == text->room) {
        size_t room = text->room ? 2 * text->room : 16;
        struct match_insert *more = reallocarray(text->inserts, room, sizeof(*more));
        if (!more)
            return error_no_memory(err, room * sizeof(*more));
        text->inserts = more;
        text->room = room;
    }
    text->inserts[text->count++] = (struct match_insert){ at, *segment };
    text->inserted_bytes += segment->length;
    return true;
}

bool match_text_insert(struct match_text *to, const struct segment *segment, struct pare_error *err)
{
    return insert(to, to->bytes.length, segment, err);
}

bool match_text_copy(struct match_text *to, const struct model *model, int64_t at, int64_t end,
                     struct pare_error *err)
{
    struct segment copy = {
        .kind = SEGMENT_COPY, .length = end - at, .offset = at, .file = model->main_file
    };
    if (copy.length >= COPY_LEAST || goes_on(to, to->bytes.length, &copy))
        return match_text_insert(to, &copy, err);
    if (copy.length == 0)
        return true;
    char *room = buf_grow(&to->bytes, (size_t)copy.length);
    return !room ? buf_ok(&to->bytes, err)
                 : source_read(model->source, model->main_file, at, room, (size_t)copy.length, err);
}

bool match_text_message(struct match_text *to, int number, const struct match_text *inner,
                        struct pare_error *err)
{
    wire_put_head(&to->bytes, number, match_text_length(inner));
    size_t at = to->bytes.length;
    buf_add(&to->bytes, buf_string(&inner->bytes), inner->bytes.length);
    for (size_t i = 0; i < inner->count; i++)
        if (!insert(to, at + inner->inserts[i].at, &inner->inserts[i].segment, err))
            return false;
    return buf_ok(&inner->bytes, err) && buf_ok(&to->bytes, err);
}

bool match_text_put(const struct match_text *from, struct onnx_patch *patch, struct buf *text,
                    struct pare_error *err)
{
    size_t done = 0;
    for (size_t i = 0; i < from->count; i++) {
        buf_add(text, buf_string(&from->bytes) + done, from->inserts[i].at - done);
        done = from->inserts[i].at;
        if (!onnx_patch_literal(patch, text, err) ||
            !onnx_patch_add(patch, &from->inserts[i].segment, err))
            return false;
    }
    buf_add(text, buf_string(&from->bytes) + done, from->bytes.length - done);
    return buf_ok(text, err);
}
