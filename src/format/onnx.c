/* SPDX-License-Identifier: MIT */
/* ModelProto into the index. */
#include "format/onnx_match.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "format/channels.h"
#include "format/onnx_optimize.h"
#include "format/source.h"

bool onnx_grow(struct model *model, void *items, size_t count, size_t *io_room, size_t size,
               size_t limit, const char *what, struct pare_error *err)
{
    if (count >= limit)
        return error_set(err, PARE_ERR_REFUSED, "more than %zu %s", limit, what);
    if (model->arena.used_bytes > ONNX_INDEX_MAX)
        return error_set(err, PARE_ERR_REFUSED,
                         "the structure without the weights takes more than %d MiB",
                         ONNX_INDEX_MAX >> 20);
    if (count < *io_room)
        return true;
    size_t room = *io_room ? 2 * *io_room : 4;
    void *more = arena_array(&model->arena, room, size), *old;
    if (!more)
        return error_no_memory(err, room * size);
    memcpy(&old, items, sizeof(old));
    if (count) {
        memcpy(more, old, count * size);
        arena_drop(&model->arena, old);
    }
    memcpy(items, &more, sizeof(more));
    *io_room = room;
    return true;
}

bool onnx_mention(struct model *model, const char *name, enum onnx_role role, int index,
                  int position, struct pare_error *err)
{
    struct onnx *onnx = model->own;
    if (!onnx_grow(model, &onnx->mentions, onnx->mention_count, &onnx->mention_room,
                   sizeof(*onnx->mentions), SIZE_MAX, "names", err))
        return false;
    onnx->mentions[onnx->mention_count++] =
        (struct onnx_mention){ .name = name, .role = role, .index = index, .position = position };
    return true;
}

bool onnx_fact(struct model *model, const char *key, const char *value, struct pare_error *err)
{
    struct onnx *onnx = model->own;
    if (!onnx_grow(model, &model->facts, model->fact_count, &onnx->fact_room, sizeof(*model->facts),
                   ONNX_TENSORS_MAX, "facts", err))
        return false;
    model->facts[model->fact_count++] = (struct pare_fact){ key, value };
    return true;
}

bool onnx_message(struct model *model, const struct wire_field *field, int parent, int *ret_message,
                  struct pare_error *err)
{
    struct onnx *onnx = model->own;
    if (!onnx_grow(model, &onnx->messages, onnx->message_count, &onnx->message_room,
                   sizeof(*onnx->messages), 4 * ONNX_NODES_MAX, "nested messages", err))
        return false;
    onnx->messages[onnx->message_count] = (struct onnx_message){
        .length_at = field->length_at, .at = field->at, .end = field->end, .parent = parent
    };
    *ret_message = (int)onnx->message_count++;
    return true;
}

/* OperatorSetIdProto: domain 1, version 2. */
static bool read_opset(struct onnx_reader *reader, const struct wire *wire,
                       const struct wire_field *field, struct pare_error *err)
{
    struct model *model = reader->model;
    struct wire inner;
    struct wire_field f;
    const char *domain = "";
    int64_t version = 0;
    if (!wire_enter(wire, field, "opset_import", &inner, err))
        return false;
    for (bool more;;) {
        if (!wire_next(&inner, &f, &more, err))
            return false;
        if (!more)
            break;
        if ((f.number == 1 && !wire_string(&inner, &f, "a domain", &model->arena, &domain, err)) ||
            (f.number == 2 && !wire_int(&f, "an opset's version", &version, err)))
            return false;
    }
    bool standard = !*domain || !strcmp(domain, "ai.onnx");
    if (standard) {
        reader->onnx->opset = version;
        reader->onnx->opset_domain = domain;
        reader->onnx->opset_cut = (struct onnx_cut){ field->tag_at, field->end };
    }
    reader->onnx->has_contrib |= !strcmp(domain, ONNX_CONTRIB);
    const char *words = standard
                            ? arena_printf(&model->arena, "%lld", (long long)version)
                            : arena_printf(&model->arena, "%s %lld", domain, (long long)version);
    return words ? onnx_fact(model, "opset", words, err) : error_no_memory(err, 64);
}

/* StringStringEntryProto: key 1, value 2. Long values are somebody's data, not facts. */
static bool read_label(struct onnx_reader *reader, const struct wire *wire,
                       const struct wire_field *field, struct pare_error *err)
{
    struct model *model = reader->model;
    struct onnx *onnx = reader->onnx;
    struct wire inner;
    struct wire_field f;
    const char *key = "", *value = "";
    if (!wire_enter(wire, field, "metadata_props", &inner, err))
        return false;
    for (bool more;;) {
        if (!wire_next(&inner, &f, &more, err))
            return false;
        if (!more)
            break;
        if (f.end - f.at > WIRE_STRING_MAX)
            continue;
        if ((f.number == 1 && !wire_string(&inner, &f, "a key", &model->arena, &key, err)) ||
            (f.number == 2 && !wire_string(&inner, &f, "a value", &model->arena, &value, err)))
            return false;
    }
    if (!onnx_grow(model, &onnx->props, onnx->prop_count, &onnx->prop_room, sizeof(*onnx->props),
                   ONNX_TENSORS_MAX, "metadata_props", err))
        return false;
    onnx->props[onnx->prop_count++] = (struct onnx_prop){ key, { field->tag_at, field->end } };
    if (!strncmp(key, LABEL_PREFIX, strlen(LABEL_PREFIX))) {
        if (!onnx_grow(model, &onnx->labels, onnx->label_count, &onnx->label_room,
                       sizeof(*onnx->labels), ONNX_VALUES_MAX, "labels", err))
            return false;
        onnx->labels[onnx->label_count++] = (struct onnx_cut){ field->tag_at, field->end };
    }
    return onnx_fact(model, key, value, err);
}

static bool read_graph(struct onnx_reader *reader, const struct wire *wire,
                       const struct wire_field *field, struct pare_error *err)
{
    struct wire graph;
    if (reader->onnx->graph >= 0)
        return error_set(err, PARE_ERR_UNSUPPORTED,
                         "a second graph at byte %lld; a model with one was expected",
                         (long long)field->tag_at);
    return wire_enter(wire, field, "the graph", &graph, err) &&
           onnx_message(reader->model, field, -1, &reader->onnx->graph, err) &&
           onnx_read_graph(reader, graph, reader->onnx->graph, 0, err);
}

static bool read_text(struct onnx_reader *reader, const struct wire *wire,
                      const struct wire_field *field, const char *what, struct pare_error *err)
{
    const char *text;
    return wire_string(wire, field, what, &reader->model->arena, &text, err) &&
           onnx_fact(reader->model, what, text, err);
}

static bool read_model_field(struct onnx_reader *reader, const struct wire *wire,
                             const struct wire_field *field, struct pare_error *err)
{
    switch (field->number) {
    case 1:
        reader->onnx->ir_cut = (struct onnx_cut){ field->tag_at, field->end };
        return wire_int(field, "ir_version", &reader->onnx->ir_version, err);
    case 2:
        reader->onnx->producer = (struct onnx_cut){ field->tag_at, field->end };
        return read_text(reader, wire, field, "producer", err);
    case 3:
        reader->onnx->producer_version = (struct onnx_cut){ field->tag_at, field->end };
        return read_text(reader, wire, field, "producer version", err);
    case 7:
        return read_graph(reader, wire, field, err);
    case MODEL_OPSET:
        return read_opset(reader, wire, field, err);
    case MODEL_METADATA:
        return read_label(reader, wire, field, err);
    case MODEL_FUNCTIONS:
        reader->onnx->has_functions = true;
        return true;
    default:
        return true;
    }
}

static bool read_model(struct onnx_reader *reader, struct pare_error *err)
{
    struct onnx *onnx = reader->onnx;
    struct wire wire = wire_begin(&reader->wire, 0, onnx->file_end);
    struct wire_field field;
    for (bool more;;) {
        if (!wire_next(&wire, &field, &more, err))
            return onnx->ir_version > 0 && onnx->graph < 0
                       ? error_prefix(err, "damaged or cut short, fetch or export it again")
                       : error_prefix(err, "not an ONNX model, or a damaged one");
        if (!more)
            break;
        if (!read_model_field(reader, &wire, &field, err))
            return false;
    }
    if (onnx->graph < 0)
        return error_set(err, PARE_ERR_FORMAT, "not an ONNX model: there is no graph in it");
    if (onnx->ir_cut.end == 0)
        return error_set(err, PARE_ERR_FORMAT, "not an ONNX model: it has no ir_version");
    if (onnx->ir_version <= 0)
        return error_set(err, PARE_ERR_FORMAT,
                         "not an ONNX model: its ir_version is %lld, 1 or more was expected",
                         (long long)onnx->ir_version);
    const char *version = arena_printf(&reader->model->arena, "%lld", (long long)onnx->ir_version);
    if (!version)
        return error_no_memory(err, 24);
    return onnx_fact(reader->model, "ir_version", version, err);
}

static bool onnx_open(struct model *model, struct pare_error *err)
{
    struct onnx *onnx = arena_alloc(&model->arena, sizeof(*onnx));
    struct onnx_reader *reader = malloc(sizeof(*reader));
    bool ok = onnx && reader;
    if (!ok)
        error_no_memory(err, sizeof(*reader));
    if (ok) {
        model->own = onnx;
        onnx->graph = -1;
        onnx->file_end = model->source->files[model->main_file].size_bytes;
        reader->model = model;
        reader->onnx = onnx;
        wire_reader_init(&reader->wire, model->source, model->main_file);
        ok = read_model(reader, err) && onnx_weigh(model, err);
    }
    free(reader);
    return ok;
}

const struct format format_onnx = {
    .name = "onnx",
    .open = onnx_open,
    .check = onnx_check,
    .optimize = onnx_optimize,
    .settle_fp16 = onnx_fp16_settle,
    .plan = onnx_plan,
    .channels = onnx_channels,
    .match = onnx_match,
};
