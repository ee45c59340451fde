/* SPDX-License-Identifier: MIT */
/*
 * Feed-forward blocks and attention of checkpoints, known by the names that transformers gives
 * their layers. A layer's weight is (outputs, inputs), but for GPT-2's, which is turned.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/json_slice.h"
#include "format/channels.h"
#include "format/checkpoint.h"
#include "format/source.h"

enum { LAYERS_MAX = 4, PARTS_MAX = 10, CONFIG_TEXT_MAX = 64 << 20 };

/* How the layers of a block are called behind its own name. */
struct family {
    const char *out[LAYERS_MAX];  /* whose outputs the channels are */
    const char *in;               /* whose inputs they are */
    int halves;                   /* of the first layer: 2 when it makes gate and value in one */
    const char *keys[LAYERS_MAX]; /* what config.json may call their number */
};

static const struct family ffn_families[] = {
    { { "mlp.gate_proj", "mlp.up_proj" }, "mlp.down_proj", 1, { "intermediate_size" } },
    { { "mlp.gate_up_proj" }, "mlp.down_proj", 2, { "intermediate_size" } },
    { { "intermediate.dense" }, "output.dense", 1, { "intermediate_size" } },
    { { "mlp.dense_h_to_4h" }, "mlp.dense_4h_to_h", 1, { "intermediate_size", "ffn_hidden_size" } },
    { { "mlp.c_fc" }, "mlp.c_proj", 1, { "n_inner" } },
    { { "mlp.fc1" }, "mlp.fc2", 1, { "intermediate_size" } },
    { { "ffn.lin1" }, "ffn.lin2", 1, { "hidden_dim" } },
    { { "fc1" }, "fc2", 1, { "ffn_dim" } },
    { { "DenseReluDense.wi_0", "DenseReluDense.wi_1" }, "DenseReluDense.wo", 1, { "d_ff" } },
    { { "DenseReluDense.wi" }, "DenseReluDense.wo", 1, { "d_ff" } },
};

static const struct family attention = { { "self_attn.q_proj", "self_attn.k_proj",
                                           "self_attn.v_proj" },
                                         "self_attn.o_proj",
                                         1,
                                         { "num_attention_heads" } };

/* What transformers builds with a head_dim of its own, whatever the hidden size. */
static const char *const head_dim_types[] = { "llama", "mistral", "qwen2",   "qwen3",
                                              "gemma", "gemma2",  "granite", "smollm3" };

struct finding {
    const struct model *model;
    struct arena *arena;
    const struct tensor **by_name;
    struct json_slice config; /* no object: there is none */
    char *config_text;
    struct channels *channels;
    size_t group_room;
};

/* ---- names ---- */

static int by_name(const void *a, const void *b)
{
    const struct tensor *const *left = a, *const *right = b;
    return strcmp((*left)->shown.name, (*right)->shown.name);
}

/* The tensor PREFIX LAYER SUFFIX, or NULL. */
static const struct tensor *find(const struct finding *f, const char *prefix, size_t length,
                                 const char *layer, const char *suffix)
{
    char name[1024];
    struct tensor wanted = { .shown.name = name };
    const struct tensor *key = &wanted, **found;
    int n = snprintf(name, sizeof(name), "%.*s%s%s", (int)length, prefix, layer, suffix);
    if (n < 0 || (size_t)n >= sizeof(name))
        return NULL;
    found = bsearch(&key, f->by_name, f->model->tensor_count, sizeof(*f->by_name), by_name);
    return found ? *found : NULL;
}

/* Tensors of the layer that are no weight and no bias change with its channels, in ways unknown. */
static const struct tensor *find_stranger(const struct finding *f, const char *prefix,
                                          size_t length, const char *layer)
{
    char start[1024];
    int n = snprintf(start, sizeof(start), "%.*s%s.", (int)length, prefix, layer);
    for (size_t i = 0; n > 0 && (size_t)n < sizeof(start) && i < f->model->tensor_count; i++) {
        const char *name = f->model->tensors[i].shown.name;
        if (!strncmp(name, start, (size_t)n) && strcmp(name + n, "weight") != 0 &&
            strcmp(name + n, "bias") != 0)
            return &f->model->tensors[i];
    }
    return NULL;
}

/* ---- config.json ---- */

static bool read_config(struct finding *f, struct pare_error *err)
{
    const struct checkpoint *own = f->model->own;
    struct source *source = f->model->source;
    if (!own->has_config || source->files[own->config].size_bytes > CONFIG_TEXT_MAX)
        return true;
    size_t length = (size_t)source->files[own->config].size_bytes;
    f->config_text = arena_alloc(f->arena, length + 1);
    if (!f->config_text)
        return error_no_memory(err, length);
    return source_read(source, own->config, 0, f->config_text, length, err) &&
           json_slice(f->config_text, length, &f->config, err);
}

static bool config_number(const struct finding *f, const char *key, int64_t *ret_number)
{
    struct json_slice value;
    return json_slice_get(&f->config, key, &value) && json_slice_int(&value, ret_number);
}

/* ---- a group ---- */

struct making {
    struct finding *f;
    const char *prefix;
    size_t length;
    struct channel_part parts[PARTS_MAX];
    size_t part_count;
    const char *whole;
    bool failed; /* memory ended */
};

static void keep_whole(struct making *m, const char *tensor, const char *why)
{
    if (m->whole)
        return;
    m->whole = arena_printf(m->f->arena, "%s %s", tensor, why);
    m->failed = !m->whole;
}

static void add_part(struct making *m, const struct tensor *t, int axis, int64_t start,
                     int64_t width, bool joins)
{
    if (t->file_offset < 0)
        keep_whole(m, t->shown.name, t->unreadable);
    else if (!t->alone || !(t->shown.dtype == PARE_F32 || t->widens))
        keep_whole(m, t->shown.name, "is not F32, F16 or BF16");
    m->parts[m->part_count++] = (struct channel_part){
        (size_t)(t - m->f->model->tensors), axis, start, width, joins, false
    };
}

/* The weight and the bias of a layer that makes `count` channels of `width`, `halves` times. */
static void add_outputs(struct making *m, const char *layer, int64_t count, int64_t width,
                        int halves, bool turned)
{
    const struct tensor *weight = find(m->f, m->prefix, m->length, layer, ".weight");
    const struct tensor *bias = find(m->f, m->prefix, m->length, layer, ".bias");
    const struct tensor *stranger = find_stranger(m->f, m->prefix, m->length, layer);
    int64_t all = count * width;
    if (!weight || weight->shown.rank != 2 || weight->shown.dims[turned] != all * halves) {
        keep_whole(m, layer, "is not there, or of another shape than its neighbours");
        return;
    }
    if (stranger)
        keep_whole(m, stranger->shown.name, "belongs to it in a way that pare does not know");
    if (bias && (bias->shown.rank != 1 || bias->shown.dims[0] != all * halves))
        keep_whole(m, bias->shown.name, "has another shape than its weight");
    for (int i = 0; i < halves; i++) {
        add_part(m, weight, turned, i * all, width, false);
        if (bias)
            add_part(m, bias, 0, i * all, width, true);
    }
}

static void add_inputs(struct making *m, const char *layer, int64_t count, int64_t width,
                       bool turned)
{
    const struct tensor *weight = find(m->f, m->prefix, m->length, layer, ".weight");
    const struct tensor *stranger = find_stranger(m->f, m->prefix, m->length, layer);
    if (!weight || weight->shown.rank != 2 || weight->shown.dims[!turned] != count * width) {
        keep_whole(m, layer, "is not there, or of another shape than its neighbours");
        return;
    }
    if (stranger)
        keep_whole(m, stranger->shown.name, "belongs to it in a way that pare does not know");
    add_part(m, weight, !turned, 0, width, false);
}

static bool end_group(struct making *m, int64_t count, struct pare_error *err)
{
    struct channels *c = m->f->channels;
    struct arena *arena = m->f->arena;
    if (c->group_count == m->f->group_room) {
        size_t room = m->f->group_room ? 2 * m->f->group_room : 64;
        struct channel_group *more = arena_array(arena, room, sizeof(*more));
        if (!more)
            return error_no_memory(err, room * sizeof(*more));
        if (c->group_count)
            memcpy(more, c->groups, c->group_count * sizeof(*more));
        c->groups = more;
        m->f->group_room = room;
    }
    struct channel_part *parts = arena_array(arena, m->part_count + 1, sizeof(*parts));
    const char *name = arena_strndup(arena, m->prefix, m->length - (m->length > 0));
    if (!parts || !name || m->failed)
        return error_no_memory(err, m->length);
    memcpy(parts, m->parts, m->part_count * sizeof(*parts));
    c->groups[c->group_count++] =
        (struct channel_group){ name, count, parts, m->part_count, m->whole };
    return true;
}

/* ---- feed-forward blocks ---- */

/* GPT-2's layers are (inputs, outputs): the bias tells which side the outputs are. */
static bool is_turned(const struct tensor *weight, const struct tensor *bias)
{
    return bias && bias->shown.rank == 1 && weight->shown.dims[0] != bias->shown.dims[0] &&
           weight->shown.dims[1] == bias->shown.dims[0];
}

/* Whether config.json tells the number under one of the family's keys, or need not. */
static void find_ffn_key(struct making *m, const struct family *family, int64_t count)
{
    struct channels *c = m->f->channels;
    int64_t number;
    if (m->f->config.kind != JSON_OBJECT)
        return;
    for (int i = 0; i < LAYERS_MAX && family->keys[i]; i++) {
        bool there = config_number(m->f, family->keys[i], &number);
        if (there ? number != count : strcmp(family->keys[i], "n_inner") != 0)
            continue;
        c->keys[0] = (struct channel_key){ family->keys[i], 1, 0 };
        c->key_count = 1;
        return;
    }
    keep_whole(m, "config.json", "does not tell their number, so it could not tell another");
}

static bool add_ffn(struct finding *f, const struct family *family, const struct tensor *first,
                    size_t length, struct pare_error *err)
{
    struct making m = { .f = f, .prefix = first->shown.name, .length = length };
    const struct tensor *bias = find(f, m.prefix, length, family->out[0], ".bias");
    bool turned = is_turned(first, bias);
    int64_t count = first->shown.dims[turned] / family->halves;
    for (int i = 0; i < LAYERS_MAX && family->out[i]; i++)
        add_outputs(&m, family->out[i], count, 1, family->halves, turned);
    add_inputs(&m, family->in, count, 1, turned);
    find_ffn_key(&m, family, count);
    return end_group(&m, count, err);
}

/* ---- attention ---- */

static bool has_head_dim(const struct finding *f)
{
    struct json_slice type;
    if (!json_slice_get(&f->config, "model_type", &type))
        return false;
    for (size_t i = 0; i < ARRAY_SIZE(head_dim_types); i++)
        if (json_slice_is(&type, head_dim_types[i]))
            return true;
    return false;
}

static bool add_heads(struct finding *f, const struct tensor *first, size_t length,
                      struct pare_error *err)
{
    struct making m = { .f = f, .prefix = first->shown.name, .length = length };
    int64_t heads = 0, shared, head = 0, hidden;
    bool told = config_number(f, "num_attention_heads", &heads) && heads > 0;
    if (!config_number(f, "num_key_value_heads", &shared))
        shared = heads;
    if (told && !config_number(f, "head_dim", &head) && config_number(f, "hidden_size", &hidden))
        head = hidden / heads;
    if (!told || head <= 0 || shared <= 0 || heads % shared || head > INT32_MAX ||
        heads > INT32_MAX) {
        keep_whole(&m, "config.json", "does not tell its heads");
        add_part(&m, first, 0, 0, 1, false);
        return end_group(&m, 0, err);
    }
    if (!has_head_dim(f))
        keep_whole(&m, "its model_type",
                   "ties the size of a head to the hidden size, so no head "
                   "can go");
    int64_t together = heads / shared * head;
    add_outputs(&m, attention.out[0], shared, together, 1, false);
    add_outputs(&m, attention.out[1], shared, head, 1, false);
    add_outputs(&m, attention.out[2], shared, head, 1, false);
    add_inputs(&m, attention.in, shared, together, false);
    f->channels->keys[0] = (struct channel_key){ "num_attention_heads", heads / shared, 0 };
    f->channels->keys[1] = (struct channel_key){ "num_key_value_heads", 1, 0 };
    f->channels->keys[2] = (struct channel_key){ "head_dim", 0, head };
    f->channels->key_count = 3;
    return end_group(&m, shared, err);
}

/* ---- all of them ---- */

/* Whether the tensor is LAYER.weight behind some prefix that ends at a dot; its length. */
static bool is_first(const struct tensor *t, const char *layer, size_t *ret_length)
{
    static const char suffix[] = ".weight";
    size_t all = strlen(t->shown.name), end = strlen(layer), tail = sizeof(suffix) - 1;
    const char *name = t->shown.name;
    if (t->shown.rank != 2 || all < end + tail || strcmp(name + all - tail, suffix) != 0 ||
        strncmp(name + all - tail - end, layer, end) != 0)
        return false;
    *ret_length = all - tail - end;
    return *ret_length == 0 || name[*ret_length - 1] == '.';
}

static bool add_groups(struct finding *f, enum channel_method method, struct pare_error *err)
{
    size_t length;
    for (size_t i = 0; i < f->model->tensor_count; i++) {
        const struct tensor *t = &f->model->tensors[i];
        if (method == CHANNEL_HEADS && is_first(t, attention.out[0], &length) &&
            !add_heads(f, t, length, err))
            return false;
        for (size_t k = 0; method == CHANNEL_FFN && k < ARRAY_SIZE(ffn_families); k++)
            if (is_first(t, ffn_families[k].out[0], &length) &&
                find(f, t->shown.name, length, ffn_families[k].in, ".weight") &&
                !add_ffn(f, &ffn_families[k], t, length, err))
                return false;
    }
    return true;
}

bool checkpoint_channels(const struct model *model, enum channel_method method, struct arena *arena,
                         struct channels *ret_channels, struct pare_error *err)
{
    struct channels channels = { 0 };
    struct finding f = { .model = model, .arena = arena, .channels = &channels };
    f.by_name = arena_array(arena, model->tensor_count + 1, sizeof(*f.by_name));
    if (!f.by_name)
        return error_no_memory(err, model->tensor_count * sizeof(*f.by_name));
    for (size_t i = 0; i < model->tensor_count; i++)
        f.by_name[i] = &model->tensors[i];
    if (model->tensor_count)
        qsort(f.by_name, model->tensor_count, sizeof(*f.by_name), by_name);
    if (!read_config(&f, err) || !add_groups(&f, method, err))
        return false;
    channels.uniform = f.config.kind == JSON_OBJECT;
    *ret_channels = channels;
    return true;
}

/* ---- config.json of what is left ---- */

static void put_number(struct buf *buf, const struct channel_key *key, int64_t kept)
{
    buf_printf(buf, "%lld", (long long)(key->per_channel ? key->per_channel * kept : key->fixed));
}

static const struct channel_key *find_key(const struct channels *channels,
                                          const struct json_slice *name)
{
    for (size_t i = 0; i < channels->key_count; i++)
        if (json_slice_is(name, channels->keys[i].key))
            return &channels->keys[i];
    return NULL;
}

/* The members that are there get new values; the others come at the end. */
static void put_config(const struct channels *channels, int64_t kept, const char *text,
                       const struct json_slice *config, struct buf *buf)
{
    struct json_members members = json_members(config);
    struct json_slice name, value;
    const char *copied = text, *last = config->text + 1;
    bool any = false, there[CHANNEL_KEYS_MAX] = { false };
    while (json_member(&members, &name, &value)) {
        const struct channel_key *key = find_key(channels, &name);
        last = value.text + value.length;
        any = true;
        if (!key)
            continue;
        there[key - channels->keys] = true;
        buf_add(buf, copied, (size_t)(value.text - copied));
        put_number(buf, key, kept);
        copied = last;
    }
    buf_add(buf, copied, (size_t)(last - copied));
    for (size_t i = 0; i < channels->key_count; i++)
        if (!there[i]) {
            buf_printf(buf, "%s\n  \"%s\": ", any ? "," : "", channels->keys[i].key);
            put_number(buf, &channels->keys[i], kept);
            any = true;
        }
    buf_text(buf, last);
}

bool checkpoint_put_channels(const struct model *model, const struct channels *channels,
                             int64_t kept, struct buf *buf, struct pare_error *err)
{
    struct arena arena = { 0 };
    struct finding f = { .model = model, .arena = &arena };
    bool ok = read_config(&f, err);
    if (ok && f.config.kind == JSON_OBJECT && channels->key_count)
        put_config(channels, kept, f.config_text, &f.config, buf);
    arena_done(&arena);
    return ok && buf_ok(buf, err);
}
