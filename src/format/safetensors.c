/* SPDX-License-Identifier: MIT */
/* One file, or the shards of an index, into a model. */
#include "format/safetensors.h"
#include "format/channels.h"
#include "format/checkpoint_index.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/json_slice.h"
#include "format/source.h"

static bool add_shard(struct model *model, const char *name, struct pare_error *err)
{
    struct safetensors *own = model->own;
    struct shard *shard = &own->shards[own->shard_count];
    if (!safetensors_read(model, name, shard, err))
        return strcmp(name, model->source->main_name) == 0 ? false : error_prefix(err, "%s", name);
    own->shard_count++;
    return true;
}

static bool begin_shards(struct model *model, size_t count, struct pare_error *err)
{
    struct safetensors *own = model->own;
    own->shards = arena_array(&model->arena, count, sizeof(*own->shards));
    return own->shards || error_no_memory(err, count * sizeof(*own->shards));
}

static bool open_index(struct model *model, struct pare_error *err)
{
    static const struct index_reader reader = { begin_shards, add_shard };
    return checkpoint_open_index(model, &reader, err);
}

/* ---- the model ---- */

static bool open_one(struct model *model, struct pare_error *err)
{
    return begin_shards(model, 1, err) && add_shard(model, model->source->main_name, err);
}

static bool open_safetensors(struct model *model, struct pare_error *err)
{
    unsigned char first;
    struct safetensors *own = arena_alloc(&model->arena, sizeof(*own));
    if (!own)
        return error_no_memory(err, sizeof(*own));
    model->own = own;
    if (!source_read(model->source, model->main_file, 0, &first, 1, err))
        return false;
    own->sharded = first == '{';
    return (own->sharded ? open_index(model, err) : open_one(model, err)) &&
           checkpoint_check_names(model, err) && checkpoint_take_others(model, err) &&
           checkpoint_read_config(model, err) && checkpoint_find_quantized(model, err);
}

static bool is_safetensors(const char *name, const unsigned char *start, size_t length)
{
    return safetensors_sniff(start, length) ||
           checkpoint_is_index(name, ".safetensors.index.json", start, length);
}

const struct format format_safetensors = {
    .name = "safetensors",
    .sniff = is_safetensors,
    .open = open_safetensors,
    .plan = safetensors_plan,
    .channels = checkpoint_channels,
    .put_channels = checkpoint_put_channels,
};
