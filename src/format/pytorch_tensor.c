/* SPDX-License-Identifier: MIT */
/* The tensors among the objects: names from where they are, places from what they look at. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/text.h"
#include "format/pytorch.h"
#include "format/safetensors.h"

enum { NAME_MAX_BYTES = 4096, DEPTH_MAX = 32, VISITS_MAX = 4 << 20 };

struct walk {
    struct model *model;
    const struct pytorch_archive *archive;
    struct buf name;
    int depth;
    size_t visits, others; /* others: values that are no tensors */
};

static bool bad_tensor(const char *name, const char *what, struct pare_error *err)
{
    return error_set(err, PARE_ERR_FORMAT, "tensor %.200s: %s", name, what);
}

/* ---- one tensor ---- */

/* storage, offset, sizes, strides, requires_grad, hooks, and a dtype of version 3. */
static const struct pickle_value *tensor_arguments(const struct pickle_value *value)
{
    const struct pickle_value *found = pickle_call(value, "torch._utils _rebuild_tensor_v2");
    return found ? found : pickle_call(value, "torch._utils _rebuild_tensor_v3");
}

static bool read_numbers(const struct pickle_value *tuple, const char *name, int64_t *ret_numbers,
                         struct pare_error *err)
{
    if (tuple->count > PARE_RANK_MAX)
        return bad_tensor(name, "it has more than 16 dimensions", err);
    for (size_t i = 0; i < tuple->count; i++) {
        const struct pickle_value *item = tuple->items[i];
        if (item->kind != PICKLE_INT || item->text || item->number < 0)
            return bad_tensor(name, "its sizes or strides hold something that is no size", err);
        ret_numbers[i] = item->number;
    }
    return true;
}

/* Elements in all, and how far the last one is from the first. */
static bool measure(struct pare_tensor *io_shown, const int64_t *strides, int64_t *ret_reach,
                    bool *ret_row, struct pare_error *err)
{
    int64_t reach = 0, step, expected = 1;
    bool row = true;
    io_shown->element_count = 1;
    for (int i = io_shown->rank; i-- > 0;) {
        int64_t dim = io_shown->dims[i];
        if (__builtin_mul_overflow(io_shown->element_count, dim, &io_shown->element_count))
            return bad_tensor(io_shown->name, "its shape is larger than any file", err);
        if (dim > 1 && (__builtin_mul_overflow(dim - 1, strides[i], &step) ||
                        __builtin_add_overflow(reach, step, &reach)))
            return bad_tensor(io_shown->name, "its strides reach further than any file", err);
        row = row && (dim <= 1 || strides[i] == expected);
        if (__builtin_mul_overflow(expected, MAX(dim, 1), &expected))
            return bad_tensor(io_shown->name, "its shape is larger than any file", err);
    }
    *ret_row = row || io_shown->element_count == 0;
    *ret_reach = io_shown->element_count ? reach + 1 : 0;
    return true;
}

static bool place(const struct pytorch_archive *own, struct tensor *io_tensor,
                  const struct pytorch_storage *storage, const struct pytorch_type *type,
                  int64_t offset, const int64_t *strides, struct pytorch_tensor *io_own,
                  struct pare_error *err)
{
    struct pare_tensor *shown = &io_tensor->shown;
    int64_t reach, there = storage->type ? storage->count : storage->count / type->bytes;
    bool row;
    if (!measure(shown, strides, &reach, &row, err))
        return false;
    if (offset < 0 || offset > there || reach > there - offset)
        return error_set(err, PARE_ERR_FORMAT,
                         "tensor %.200s: it looks at elements from %lld on, beyond the end of its "
                         "storage of %lld",
                         shown->name, (long long)offset, (long long)there);
    if (__builtin_mul_overflow(shown->element_count, type->bytes, &shown->size_bytes))
        return bad_tensor(shown->name, "its shape is larger than any file", err);
    io_own->record = storage->record;
    io_own->begin = offset * type->bytes;
    io_own->end = (offset + reach) * type->bytes;
    io_tensor->file = own->file;
    io_tensor->file_offset = row ? own->records[storage->record].values_at + io_own->begin : -1;
    io_tensor->unreadable = row ? NULL : "its values do not lie in a row";
    return true;
}

/* The dtype is that of the storage, or of version 3 an argument of its own. */
static const struct pytorch_type *tensor_type(const struct pickle_value *arguments,
                                              const struct pytorch_storage *storage)
{
    if (storage->type)
        return storage->type;
    const struct pickle_value *dtype = arguments->count > 6 ? arguments->items[6] : NULL;
    const struct pytorch_type *type =
        dtype && dtype->kind == PICKLE_GLOBAL ? pytorch_type(dtype->text) : NULL;
    return type && !strcmp(type->dtype, dtype->text) ? type : NULL;
}

static bool read_tensor(struct walk *w, const struct pickle_value *arguments,
                        struct tensor *io_tensor, struct pytorch_tensor *io_own,
                        struct pare_error *err)
{
    struct pare_tensor *shown = &io_tensor->shown;
    struct pytorch_storage storage;
    int64_t strides[PARE_RANK_MAX];
    struct pickle_value *const *items = arguments->items;
    if (arguments->count < 6 || items[1]->kind != PICKLE_INT || items[1]->text ||
        items[2]->kind != PICKLE_TUPLE || items[3]->kind != PICKLE_TUPLE ||
        items[2]->count != items[3]->count)
        return bad_tensor(shown->name, "it lacks one of storage, offset, sizes and strides", err);
    if (!pytorch_storage(w->archive, items[0], &storage, err))
        return error_prefix(err, "tensor %.200s", shown->name);
    const struct pytorch_type *type = tensor_type(arguments, &storage);
    if (!type)
        return bad_tensor(shown->name, "its dtype is not known", err);
    shown->dtype = type->shown;
    io_tensor->own_type = type->safe ? safetensors_type_named(type->safe) : -1;
    if (!read_numbers(items[2], shown->name, shown->dims, err) ||
        !read_numbers(items[3], shown->name, strides, err))
        return false;
    shown->rank = (int)items[2]->count;
    return place(w->archive, io_tensor, &storage, type, items[1]->number, strides, io_own, err) &&
           checkpoint_judge(w->model, io_tensor, err);
}

static bool make_room(struct model *model, struct pare_error *err)
{
    struct pytorch *own = model->own;
    if (model->tensor_count < own->tensor_room)
        return true;
    size_t room = own->tensor_room ? 2 * own->tensor_room : 16;
    struct pytorch_tensor *more = arena_array(&model->arena, room, sizeof(*more));
    if (!more)
        return error_no_memory(err, room * sizeof(*more));
    if (model->tensor_count)
        memcpy(more, own->tensors, model->tensor_count * sizeof(*more));
    arena_drop(&model->arena, own->tensors);
    own->tensors = more;
    own->tensor_room = room;
    return true;
}

static bool add_tensor(struct walk *w, struct pickle_value *value,
                       const struct pickle_value *arguments, struct pare_error *err)
{
    struct pytorch *own = w->model->own;
    struct tensor t = { .channel_axis = -1, .scale = -1, .zero_point = -1 };
    struct pytorch_tensor mine = { .value = value };
    t.shown.name = arena_strdup(&w->model->arena, w->name.length ? w->name.data : "tensor");
    t.shown.op = t.shown.node = "";
    t.shown.place = "tensor";
    if (!t.shown.name)
        return error_no_memory(err, w->name.length);
    if (!read_tensor(w, arguments, &t, &mine, err) || !make_room(w->model, err))
        return false;
    own->tensors[w->model->tensor_count] = mine;
    if (!value->mark)
        value->mark = w->model->tensor_count + 1;
    return checkpoint_add(w->model, &t, err);
}

/* ---- all of them ---- */

static bool walk_value(struct walk *w, struct pickle_value *value, struct pare_error *err);

/* A member by that much more of a name. */
static bool walk_member(struct walk *w, const struct pickle_value *key, size_t number,
                        struct pickle_value *value, struct pare_error *err)
{
    size_t before = w->name.length;
    if (key && key->kind == PICKLE_TEXT && !text_is_utf8(key->text, key->length))
        return error_set(err, PARE_ERR_FORMAT, "a name below %.100s is no UTF-8",
                         before ? w->name.data : "the root");
    if (before)
        buf_char(&w->name, '.');
    if (key && key->kind == PICKLE_TEXT)
        buf_add(&w->name, key->text, key->length);
    else
        buf_printf(&w->name, "%lld", key ? (long long)key->number : (long long)number);
    if (!buf_ok(&w->name, err))
        return error_set(err, PARE_ERR_REFUSED, "a name of more than %d bytes", NAME_MAX_BYTES);
    if (!walk_value(w, value, err))
        return false;
    w->name.length = before;
    if (w->name.data)
        w->name.data[before] = '\0';
    return true;
}

static bool walk_dict(struct walk *w, const struct pickle_value *dict, struct pare_error *err)
{
    for (size_t i = 0; i + 1 < dict->count; i += 2) {
        const struct pickle_value *key = dict->items[i];
        if (key->kind != PICKLE_TEXT && (key->kind != PICKLE_INT || key->text))
            w->others++;
        else if (!walk_member(w, key, 0, dict->items[i + 1], err))
            return false;
    }
    return true;
}

static bool walk_inside(struct walk *w, struct pickle_value *value, struct pare_error *err)
{
    const struct pickle_value *parameter = pickle_call(value, "torch._utils _rebuild_parameter");
    const struct pickle_value *arguments = tensor_arguments(value);
    if (parameter && parameter->count > 0)
        return walk_value(w, parameter->items[0], err);
    if (arguments)
        return add_tensor(w, value, arguments, err);
    if (value->kind == PICKLE_DICT)
        return walk_dict(w, value, err);
    if (value->kind != PICKLE_LIST && value->kind != PICKLE_TUPLE) {
        w->others++;
        return true;
    }
    for (size_t i = 0; i < value->count; i++)
        if (!walk_member(w, NULL, i, value->items[i], err))
            return false;
    return true;
}

static bool walk_value(struct walk *w, struct pickle_value *value, struct pare_error *err)
{
    if (w->depth == DEPTH_MAX || ++w->visits > VISITS_MAX)
        return error_set(err, PARE_ERR_REFUSED, "more than %d values, or one %d deep", VISITS_MAX,
                         DEPTH_MAX);
    w->depth++;
    bool ok = walk_inside(w, value, err);
    w->depth--;
    return ok;
}

/* ---- tensors that share values ---- */

static int by_place(const void *a, const void *b)
{
    const struct pytorch_tensor *left = *(const struct pytorch_tensor *const *)a;
    const struct pytorch_tensor *right = *(const struct pytorch_tensor *const *)b;
    if (left->record != right->record)
        return left->record < right->record ? -1 : 1;
    if (left->begin != right->begin)
        return left->begin < right->begin ? -1 : 1;
    if (left->end != right->end)
        return left->end < right->end ? -1 : 1;
    return (left > right) - (left < right);
}

static bool keep_as_is(struct tensor *io_tensor, const char *why, struct pare_error *err)
{
    if (!why)
        return error_no_memory(err, 1);
    io_tensor->weight = false;
    io_tensor->no_weight = io_tensor->no_int8 = io_tensor->no_blocks = why;
    io_tensor->no_fp16 = io_tensor->no_bf16 = why;
    return true;
}

static bool share(struct model *model, size_t index, size_t other, const char *fmt,
                  struct pare_error *err)
{
    char name[256];
    snprintf(name, sizeof(name), "%.200s", model->tensors[other].shown.name);
    return keep_as_is(&model->tensors[index], arena_printf(&model->arena, "%s %s", fmt, name), err);
}

static bool same_shape(const struct pare_tensor *a, const struct pare_tensor *b)
{
    return a->rank == b->rank && !memcmp(a->dims, b->dims, (size_t)a->rank * sizeof(*a->dims));
}

/* Packed values have the one shape that is written beside them. */
static bool keep_whole(struct model *model, size_t index, size_t other, struct pare_error *err)
{
    struct tensor *t = &model->tensors[index];
    const char *why = arena_printf(&model->arena, "%.200s has its values in another shape",
                                   model->tensors[other].shown.name);
    if (!why)
        return error_no_memory(err, 256);
    t->no_int8 = t->no_int8 ? t->no_int8 : why;
    t->no_blocks = t->no_blocks ? t->no_blocks : why;
    return true;
}

/* Twins go with the first of them; those that share a part stay as they are. */
static bool settle_pair(struct model *model, struct pytorch_tensor *last, struct pytorch_tensor *t,
                        struct pare_error *err)
{
    struct pytorch *own = model->own;
    size_t first = (size_t)(last - own->tensors), second = (size_t)(t - own->tensors);
    const struct tensor *a = &model->tensors[first], *b = &model->tensors[second];
    if (last->begin == t->begin && last->end == t->end && a->file_offset >= 0 &&
        b->file_offset >= 0 && a->shown.dtype == b->shown.dtype) {
        if (a->weight && model->tensors[second].no_weight &&
            !share(model, first, second, "it stays with what has its values,", err))
            return false;
        if (!same_shape(&a->shown, &b->shown) && !keep_whole(model, first, second, err))
            return false;
        model->tensors[second].shares = true;
        model->tensors[second].shares_with = first;
        return share(model, second, first, "it is the same as, and goes with,", err);
    }
    return share(model, second, first, "it shares some of its values with", err) &&
           share(model, first, second, "it shares some of its values with", err);
}

/* Of the tensors from `begin` on, which are those of one archive. */
static bool settle_sharing(struct model *model, size_t begin, struct pytorch_tensor **sorted,
                           struct pare_error *err)
{
    struct pytorch *own = model->own;
    size_t count = 0;
    for (size_t i = begin; i < model->tensor_count; i++)
        if (own->tensors[i].end > own->tensors[i].begin)
            sorted[count++] = &own->tensors[i];
    if (count)
        qsort(sorted, count, sizeof(struct pytorch_tensor *), by_place);
    struct pytorch_tensor *furthest = count ? sorted[0] : NULL;
    for (size_t i = 1; i < count; i++) {
        bool inside = sorted[i]->record == furthest->record && sorted[i]->begin < furthest->end;
        if (inside && !settle_pair(model, furthest, sorted[i], err))
            return false;
        if (!inside || sorted[i]->end > furthest->end)
            furthest = sorted[i];
    }
    return true;
}

static bool keep_unreadable(struct model *model, size_t begin, struct pare_error *err)
{
    for (size_t i = begin; i < model->tensor_count; i++)
        if (model->tensors[i].file_offset < 0 &&
            !keep_as_is(&model->tensors[i], model->tensors[i].unreadable, err))
            return false;
    return true;
}

bool pytorch_add_tensors(struct model *model, struct pytorch_archive *archive,
                         struct pare_error *err)
{
    size_t begin = model->tensor_count;
    struct walk w = { .model = model, .archive = archive };
    buf_init(&w.name, NAME_MAX_BYTES);
    bool ok = walk_value(&w, archive->objects.root, err);
    buf_done(&w.name);
    if (!ok)
        return false;
    struct pytorch_tensor **sorted = malloc((model->tensor_count - begin + 1) * sizeof(*sorted));
    if (!sorted)
        return error_no_memory(err, model->tensor_count * sizeof(*sorted));
    ok = settle_sharing(model, begin, sorted, err) && keep_unreadable(model, begin, err);
    free(sorted);
    if (!ok || !w.others)
        return ok;
    const char *count = arena_printf(&model->arena, "%zu", w.others);
    return count ? checkpoint_fact(model, "values that are no tensors", count, err)
                 : error_no_memory(err, 16);
}
