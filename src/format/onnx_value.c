/* SPDX-License-Identifier: MIT */
/* ValueInfoProto in words: TypeProto.tensor_type 1 { elem_type 1, shape 2 { dim 1 } }. */
#include <inttypes.h>

#include "base/buf.h"
#include "base/error.h"
#include "format/onnx.h"

enum { WORDS_MAX = 128 * 1024 };

/* Finds field `number` in a message: the last one, as protobuf has it. */
static bool find(const struct wire *message, int number, struct wire_field *ret_field,
                 bool *ret_found, struct pare_error *err)
{
    struct wire wire = *message;
    struct wire_field field;
    *ret_found = false;
    for (bool more;;) {
        if (!wire_next(&wire, &field, &more, err))
            return false;
        if (!more)
            return true;
        if (field.number == number) {
            *ret_field = field;
            *ret_found = true;
        }
    }
}

/* dim_value 1 or dim_param 2; neither is "?". */
static bool put_dim(struct onnx_reader *reader, const struct wire *shape,
                    const struct wire_field *dim_field, struct buf *words, struct pare_error *err)
{
    struct wire dim;
    struct wire_field field;
    bool found;
    const char *text;
    if (!wire_enter(shape, dim_field, "a dimension", &dim, err) ||
        !find(&dim, 1, &field, &found, err))
        return false;
    if (found) {
        buf_printf(words, "%" PRId64, (int64_t)field.value);
        return true;
    }
    if (!find(&dim, 2, &field, &found, err))
        return false;
    if (!found) {
        buf_char(words, '?');
        return true;
    }
    if (!wire_string(&dim, &field, "a dimension's name", &reader->model->arena, &text, err))
        return false;
    buf_text(words, *text ? text : "?");
    return true;
}

static bool put_shape(struct onnx_reader *reader, struct wire shape, struct buf *words,
                      struct pare_error *err)
{
    struct wire_field field;
    int rank = 0;
    buf_char(words, '[');
    for (bool more;;) {
        if (!wire_next(&shape, &field, &more, err))
            return false;
        if (!more)
            break;
        if (field.number != 1)
            continue;
        if (rank++)
            buf_char(words, ',');
        if (!put_dim(reader, &shape, &field, words, err))
            return false;
    }
    buf_char(words, ']');
    return true;
}

static bool put_type(struct onnx_reader *reader, const struct wire *value,
                     const struct wire_field *type_field, struct buf *words, struct pare_error *err)
{
    struct wire type, tensor, shape;
    struct wire_field field;
    bool found;
    if (!wire_enter(value, type_field, "a type", &type, err) ||
        !find(&type, 1, &field, &found, err))
        return false;
    if (!found) {
        buf_text(words, " (no tensor)");
        return true;
    }
    if (!wire_enter(&type, &field, "a tensor type", &tensor, err) ||
        !find(&tensor, 1, &field, &found, err))
        return false;
    buf_printf(words, " %s", pare_dtype_name(onnx_dtype(found ? (int64_t)field.value : 0)));
    if (!find(&tensor, 2, &field, &found, err))
        return false;
    return !found || (wire_enter(&tensor, &field, "a shape", &shape, err) &&
                      put_shape(reader, shape, words, err));
}

static bool put_value(struct onnx_reader *reader, const struct wire *wire,
                      const struct wire_field *field, const char **ret_name, struct buf *words,
                      struct pare_error *err)
{
    struct wire value;
    struct wire_field f;
    bool found;
    *ret_name = "";
    if (!wire_enter(wire, field, "a graph's input or output", &value, err) ||
        !find(&value, 1, &f, &found, err) ||
        (found && !wire_string(&value, &f, "its name", &reader->model->arena, ret_name, err)))
        return false;
    buf_text(words, *ret_name);
    return find(&value, 2, &f, &found, err) && (!found || put_type(reader, &value, &f, words, err));
}

bool onnx_read_type(struct onnx_reader *reader, const struct wire *wire,
                    const struct wire_field *field, const char **ret_name,
                    struct onnx_typed *ret_typed, struct pare_error *err)
{
    static const char what[] = "a value's type";
    struct onnx_typed typed = { .cut = { field->tag_at, field->end }, .field = field->number };
    struct wire value, type, tensor;
    struct wire_field f;
    bool found;
    *ret_name = "";
    if (!wire_enter(wire, field, what, &value, err) || !find(&value, 1, &f, &found, err) ||
        (found && !wire_string(&value, &f, what, &reader->model->arena, ret_name, err)) ||
        !find(&value, 2, &f, &found, err) || (found && !wire_enter(&value, &f, what, &type, err)) ||
        (found && !find(&type, 1, &f, &found, err)) ||
        (found && !wire_enter(&type, &f, what, &tensor, err)) ||
        (found && !find(&tensor, 1, &f, &found, err)))
        return false;
    if (found && f.type == WIRE_VARINT) {
        typed.dtype = onnx_dtype((int64_t)f.value);
        typed.elem_at = f.end - f.tag_at == 2 ? f.tag_at + 1 : 0;
    }
    *ret_typed = typed;
    return true;
}

bool onnx_read_value(struct onnx_reader *reader, const struct wire *wire,
                     const struct wire_field *field, const char **ret_name, const char **ret_words,
                     struct pare_error *err)
{
    struct buf words;
    buf_init(&words, WORDS_MAX);
    bool ok = put_value(reader, wire, field, ret_name, &words, err) && buf_ok(&words, err);
    char *copy = ok ? arena_strdup(&reader->model->arena, buf_string(&words)) : NULL;
    if (ok && !copy)
        ok = error_no_memory(err, words.length);
    if (ok)
        *ret_words = copy;
    buf_done(&words);
    return ok;
}
