/* SPDX-License-Identifier: MIT */
#include "format/checkpoint.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/json_slice.h"
#include "base/text.h"
#include "format/source.h"

enum { CONFIG_MAX = 64 << 20 };

#define TIED_EMBEDDING "rows are looked up in it, and the output is made with it: they are tied"

/* Parts of names whose matrices are no weights of Linear layers. */
static const struct {
    const char *pattern, *op, *why;
    const char *tied; /* the same where config.json ties the output to the embedding */
} special[] = {
    { "embed_tokens", "Embedding", "rows are looked up in it", TIED_EMBEDDING },
    { "embed*", "Embedding", "rows are looked up in it", NULL },
    { "wte", "Embedding", "rows are looked up in it", TIED_EMBEDDING },
    { "wpe", "Embedding", "rows are looked up in it", NULL },
    { "shared", "Embedding", "rows are looked up in it", TIED_EMBEDDING },
    { "lm_head", "Linear", "it makes the output, which stays as it is",
      "it makes the output, and is the embedding: they are tied" },
};

/* The first of them that a part of the name matches, or -1. */
static int find_special(const char *name)
{
    char part[64];
    while (*name) {
        size_t length = strcspn(name, ".");
        if (length < sizeof(part)) {
            memcpy(part, name, length);
            part[length] = '\0';
            for (size_t i = 0; i < ARRAY_SIZE(special); i++)
                if (text_glob(special[i].pattern, part))
                    return (int)i;
        }
        name += length + (name[length] == '.');
    }
    return -1;
}

static bool is_float(enum pare_dtype dtype)
{
    return dtype == PARE_F32 || dtype == PARE_F16 || dtype == PARE_BF16;
}

static void judge_weight(struct tensor *t)
{
    int index = find_special(t->shown.name);
    if (t->shown.rank > 2) {
        t->weight = true;
        t->shown.op = "Conv";
        t->no_int8 = t->no_blocks = "it is no matrix";
        return;
    }
    t->shown.op = index < 0 ? "Linear" : special[index].op;
    t->no_weight = index < 0 ? NULL : special[index].why;
    t->weight = index < 0;
    t->channel_axis = 0;
}

bool checkpoint_judge(struct model *model, struct tensor *io_tensor, struct pare_error *err)
{
    struct pare_tensor *shown = &io_tensor->shown;
    size_t length = strlen(shown->name);
    const char *end = strrchr(shown->name, '.');
    io_tensor->no_table = "tables of checkpoints stay as they are";
    io_tensor->no_qdq4 = "a checkpoint has no operators";
    shown->node =
        arena_strndup(&model->arena, shown->name, end ? (size_t)(end - shown->name) : length);
    if (!shown->node)
        return error_no_memory(err, length);
    if (!is_float(shown->dtype))
        io_tensor->no_weight = "it is not F32, F16 or BF16";
    else if (shown->rank < 2)
        io_tensor->no_weight = "it is no matrix";
    else if (!end || strcmp(end, ".weight") != 0)
        io_tensor->no_weight = "its name does not end with .weight";
    else
        judge_weight(io_tensor);
    if (io_tensor->no_weight)
        io_tensor->no_int8 = io_tensor->no_blocks = io_tensor->no_weight;
    io_tensor->alone = true;
    io_tensor->widens = shown->dtype == PARE_F16 || shown->dtype == PARE_BF16;
    if (!is_float(shown->dtype))
        io_tensor->no_fp16 = io_tensor->no_bf16 = "it is not F32, F16 or BF16";
    return true;
}

/* Make room for one more of `size` bytes. */
static bool grow(struct model *model, void *items, size_t count, size_t *io_room, size_t size,
                 struct pare_error *err)
{
    if (count >= CHECKPOINT_TENSORS_MAX || model->arena.used_bytes > CHECKPOINT_INDEX_MAX)
        return error_set(err, PARE_ERR_REFUSED, "more than %d tensors, or names of more than 1 GiB",
                         CHECKPOINT_TENSORS_MAX);
    if (count < *io_room)
        return true;
    size_t room = *io_room ? 2 * *io_room : 16;
    void *more = arena_array(&model->arena, room, size), *old;
    if (!more)
        return error_no_memory(err, room * size);
    memcpy(&old, items, sizeof(old));
    if (count)
        memcpy(more, old, count * size);
    memcpy(items, &more, sizeof(more));
    *io_room = room;
    return true;
}

bool checkpoint_add(struct model *model, const struct tensor *tensor, struct pare_error *err)
{
    struct checkpoint *own = model->own;
    if (!grow(model, &model->tensors, model->tensor_count, &own->tensor_room,
              sizeof(*model->tensors), err))
        return false;
    model->tensors[model->tensor_count++] = *tensor;
    return true;
}

bool checkpoint_fact(struct model *model, const char *key, const char *value,
                     struct pare_error *err)
{
    struct checkpoint *own = model->own;
    if (!grow(model, &model->facts, model->fact_count, &own->fact_room, sizeof(*model->facts), err))
        return false;
    model->facts[model->fact_count++] = (struct pare_fact){ key, value };
    return true;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

bool checkpoint_check_names(const struct model *model, struct pare_error *err)
{
    size_t count = model->tensor_count;
    const char **names = malloc((count + 1) * sizeof(*names));
    bool ok = true;
    if (!names)
        return error_no_memory(err, count * sizeof(*names));
    for (size_t i = 0; i < count; i++)
        names[i] = model->tensors[i].shown.name;
    if (count)
        qsort(names, count, sizeof(*names), by_name);
    for (size_t i = 1; ok && i < count; i++)
        if (!strcmp(names[i - 1], names[i]))
            ok = error_set(err, PARE_ERR_FORMAT, "there are two tensors %.200s", names[i]);
    free(names);
    return ok;
}

/* Names that the weights of bitsandbytes are followed by. */
bool checkpoint_find_quantized(struct model *model, struct pare_error *err)
{
    for (size_t i = 0; !model->quantized && i < model->tensor_count; i++) {
        const char *name = model->tensors[i].shown.name, *end = strrchr(name, '.');
        if (!strstr(name, ".weight.quant_state.") && (!end || strcmp(end, ".SCB") != 0))
            continue;
        model->quantized = arena_printf(&model->arena, "it holds %.150s", name);
        if (!model->quantized)
            return error_no_memory(err, strlen(name));
    }
    return true;
}

/* ---- the files beside ---- */

/* Other forms of the weights, which a changed copy must not carry along. */
static bool holds_weights(const char *name)
{
    static const char *const suffixes[] = { ".safetensors", ".bin",  ".pt",     ".pth",
                                            ".ckpt",        ".onnx", ".h5",     ".msgpack",
                                            ".gguf",        ".ot",   ".tflite", ".onnx_data",
                                            ".index.json" };
    size_t length = strlen(name);
    for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++) {
        size_t n = strlen(suffixes[i]);
        if (length > n && !strcmp(name + length - n, suffixes[i]))
            return true;
    }
    return false;
}

static bool is_open(const struct model *model, const char *name)
{
    for (size_t i = 0; i < model->source->file_count; i++)
        if (!strcmp(model->source->files[i].name, name))
            return true;
    return false;
}

static bool take_other(struct model *model, const char *name, struct pare_error *err)
{
    struct checkpoint *own = model->own;
    if (*name == '.' || strstr(name, "/.") || is_open(model, name))
        return true;
    if (holds_weights(name))
        return checkpoint_fact(model, "left out", name, err);
    return source_file(model->source, name, &own->others[own->other_count++], err);
}

bool checkpoint_take_others(struct model *model, struct pare_error *err)
{
    struct checkpoint *own = model->own;
    const char *const *names;
    size_t count;
    if (!model->source->is_folder || !model->source->ops->list)
        return true;
    if (!model->source->ops->list(model->source, &model->arena, &names, &count, err))
        return false;
    own->others = arena_array(&model->arena, count + 1, sizeof(*own->others));
    if (!own->others)
        return error_no_memory(err, count * sizeof(*own->others));
    for (size_t i = 0; i < count; i++)
        if (!take_other(model, names[i], err))
            return false;
    return true;
}

/* ---- config.json ---- */

/* Where the output is tied to the embedding, both say so. */
static void say_tied(struct model *model)
{
    for (size_t i = 0; i < model->tensor_count; i++) {
        struct tensor *t = &model->tensors[i];
        int index = find_special(t->shown.name);
        if (index >= 0 && special[index].tied && t->no_weight == special[index].why)
            t->no_weight = t->no_int8 = t->no_blocks = special[index].tied;
    }
}

static bool take_config(struct model *model, const struct json_slice *config,
                        struct pare_error *err)
{
    static const char *const keys[] = { "model_type", "torch_dtype", "dtype",
                                        "tie_word_embeddings" };
    struct json_slice value, key;
    for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
        if (!json_slice_get(config, keys[i], &value) || value.length > 200)
            continue;
        const char *text = value.kind == JSON_STRING
                               ? json_slice_text(&value, &model->arena)
                               : arena_strndup(&model->arena, value.text, value.length);
        if (!text)
            return error_no_memory(err, value.length);
        if (!checkpoint_fact(model, keys[i], text, err))
            return false;
    }
    if (json_slice_get(config, "tie_word_embeddings", &value) && value.length == 4 &&
        !memcmp(value.text, "true", 4))
        say_tied(model);
    if (json_slice_get(config, "quantization_config", &value) && value.kind == JSON_OBJECT)
        model->quantized = "its config.json has a quantization_config";
    if (!json_slice_get(config, "architectures", &value))
        return true;
    struct json_members members = json_members(&value);
    while (value.kind == JSON_ARRAY && json_member(&members, &key, &value)) {
        const char *text = json_slice_text(&value, &model->arena);
        if (!text)
            return error_no_memory(err, value.length);
        if (!checkpoint_fact(model, "architecture", text, err))
            return false;
    }
    return true;
}

bool checkpoint_read_config(struct model *model, struct pare_error *err)
{
    struct pare_error missing;
    struct json_slice config;
    size_t file;
    if (!model->source->is_folder)
        return true;
    if (!source_file(model->source, "config.json", &file, &missing))
        return missing.code == PARE_ERR_NOT_FOUND || (*err = missing, false);
    int64_t size = model->source->files[file].size_bytes;
    if (size > CONFIG_MAX)
        return error_set(err, PARE_ERR_FORMAT, "config.json takes %lld bytes, %d are the most",
                         (long long)size, CONFIG_MAX);
    char *text = malloc((size_t)size + 1);
    if (!text)
        return error_no_memory(err, (size_t)size);
    ((struct checkpoint *)model->own)->config = file;
    ((struct checkpoint *)model->own)->has_config = true;
    bool ok = source_read(model->source, file, 0, text, (size_t)size, err) &&
              (json_slice(text, (size_t)size, &config, err) || error_prefix(err, "config.json")) &&
              take_config(model, &config, err);
    free(text);
    return ok;
}
