/* SPDX-License-Identifier: MIT */
/* The groups of channels of a graph: its feed-forward blocks, and why others stay whole. */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "format/onnx_block.h"

struct finding {
    const struct model *model;
    const struct onnx *onnx;
    struct arena *arena;
    struct channel_group *groups;
    size_t group_count;
    bool *covered; /* by tensor: it is of a group whose channels can go */
    bool *made;    /* by node: such a group's channels come from there */
    bool *listed;  /* by tensor: some group says why it stays */
    struct onnx_block *block;
    struct wire_reader *reader;
};

/* ---- one group ---- */

static struct channel_part *put_part(struct channel_part *to, const struct block_part *part,
                                     bool joins, bool mute)
{
    *to = (struct channel_part){ part->tensor, part->axis, 0, 1, joins, mute };
    return to + 1;
}

/* Source by source, each with what is added to it, and then what takes the channels. */
static void put_parts(const struct onnx_block *b, struct channel_part *to)
{
    const struct block_part *parts = b->parts, *end = b->parts + b->part_count;
    for (int source = 0; source < b->source_count; source++) {
        bool mute = !(b->zero_by >> source & 1);
        for (int joins = 0; joins < 2; joins++)
            for (const struct block_part *p = parts; p < end; p++)
                if (p->source == source && p->first == !joins)
                    to = put_part(to, p, joins, mute);
    }
    bool joins = false;
    for (const struct block_part *p = parts; p < end; p++)
        if (p->source < 0) {
            to = put_part(to, p, joins, false);
            joins = true;
        }
}

static bool add_group(struct finding *f, struct pare_error *err)
{
    const struct onnx_block *b = f->block;
    struct channel_part *parts = arena_array(f->arena, b->part_count, sizeof(*parts));
    if (!parts)
        return error_no_memory(err, b->part_count * sizeof(*parts));
    put_parts(b, parts);
    for (size_t i = 0; i < b->part_count; i++)
        f->covered[b->parts[i].tensor] = true;
    for (size_t i = 0; i < b->maker_count; i++)
        f->made[b->makers[i]] = true;
    f->groups[f->group_count++] =
        (struct channel_group){ .name = f->model->tensors[parts->tensor].shown.name,
                                .count = b->count,
                                .parts = parts,
                                .part_count = b->part_count };
    return true;
}

/* A weight that stays as it is. */
static bool add_whole(struct finding *f, size_t tensor, const char *why, struct pare_error *err)
{
    struct channel_part *part = arena_alloc(f->arena, sizeof(*part));
    if (!part || !why)
        return error_no_memory(err, WIRE_STRING_MAX);
    part->tensor = tensor;
    part->width = 1;
    f->listed[tensor] = true;
    f->groups[f->group_count++] = (struct channel_group){
        .name = f->model->tensors[tensor].shown.name, .parts = part, .part_count = 1, .whole = why
    };
    return true;
}

/* ---- all of them ---- */

static bool look_at(struct finding *f, int node, struct pare_error *err)
{
    int64_t weight = block_tensor(f->onnx, f->onnx->nodes[node].inputs[1]);
    if (weight < 0 || f->model->tensors[weight].shown.rank != 2 || f->listed[weight] ||
        f->made[node])
        return true;
    *f->block = (struct onnx_block){
        .model = f->model, .onnx = f->onnx, .reader = f->reader, .arena = f->arena
    };
    if (!block_find(f->block, node, err))
        return false;
    return f->block->whole ? add_whole(f, (size_t)weight, f->block->whole, err) : add_group(f, err);
}

/* What is cut as another group's needs no reason why its own channels stay. */
static void drop_covered(struct finding *f)
{
    size_t n = 0;
    for (size_t i = 0; i < f->group_count; i++)
        if (!f->groups[i].whole || !f->covered[f->groups[i].parts->tensor])
            f->groups[n++] = f->groups[i];
    f->group_count = n;
}

/* Weights that no product of two dimensions takes as they are. */
static bool list_others(struct finding *f, struct pare_error *err)
{
    for (size_t i = 0; i < f->model->tensor_count && f->group_count > 0; i++) {
        const struct tensor *t = &f->model->tensors[i];
        if (!t->weight || f->covered[i] || f->listed[i])
            continue;
        const char *why =
            t->op_count && strcmp(t->ops[0], t->shown.op) != 0
                ? arena_printf(f->arena, "it reaches its %s through %s", t->shown.op, t->ops[0])
                : arena_printf(f->arena, "it is no matrix on the right of a product, but of a %s",
                               t->shown.op);
        if (!add_whole(f, i, why, err))
            return false;
    }
    return true;
}

static bool find_groups(struct finding *f, struct pare_error *err)
{
    size_t products = 0;
    for (size_t i = 0; i < f->onnx->node_count; i++)
        products += block_is_product(&f->onnx->nodes[i]);
    f->groups = arena_array(f->arena, products + f->model->tensor_count + 1, sizeof(*f->groups));
    f->covered = arena_array(f->arena, f->model->tensor_count + 1, sizeof(*f->covered));
    f->listed = arena_array(f->arena, f->model->tensor_count + 1, sizeof(*f->listed));
    f->made = arena_array(f->arena, f->onnx->node_count + 1, sizeof(*f->made));
    if (!f->groups || !f->covered || !f->made || !f->listed)
        return error_no_memory(err, products * sizeof(*f->groups));
    for (size_t i = 0; i < f->onnx->node_count; i++)
        if (block_is_product(&f->onnx->nodes[i]) && !look_at(f, (int)i, err))
            return false;
    drop_covered(f);
    return list_others(f, err);
}

bool onnx_channels(const struct model *model, enum channel_method method, struct arena *arena,
                   struct channels *ret_channels, struct pare_error *err)
{
    struct finding f = { .model = model, .onnx = model->own, .arena = arena };
    *ret_channels = (struct channels){ 0 };
    if (method != CHANNEL_FFN)
        return true;
    f.block = malloc(sizeof(*f.block));
    f.reader = malloc(sizeof(*f.reader));
    bool ok = (f.block && f.reader) || error_no_memory(err, sizeof(*f.reader));
    if (ok) {
        wire_reader_init(f.reader, model->source, model->main_file);
        ok = find_groups(&f, err);
    }
    if (ok)
        *ret_channels = (struct channels){ .groups = f.groups, .group_count = f.group_count };
    free(f.block);
    free(f.reader);
    return ok;
}
