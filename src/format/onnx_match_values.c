/* SPDX-License-Identifier: MIT */
/* Names and what the peer knows of them. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "base/error.h"
#include "format/onnx_fp16.h"
#include "format/onnx_match.h"

/* What a plan may take; one of 2^17 weights in a chain takes a third of that. */
enum { WORDS_MAX = 512, POLL_EVERY = 256, MATCH_BYTES_MAX = 1 << 30 };

bool match_refuse(struct onnx_match *m, const char *fmt, ...)
{
    char words[WORDS_MAX];
    va_list args;
    va_start(args, fmt);
    vsnprintf(words, sizeof(words), fmt, args);
    va_end(args);
    return error_set(m->err, PARE_ERR_REFUSED, "onnxruntime's output cannot be matched: %s", words);
}

bool match_poll(struct onnx_match *m, size_t number)
{
    return number % POLL_EVERY != 0 || !m->options->poll ||
           m->options->poll(m->options->data, m->err);
}

bool match_grow(struct onnx_match *m, void *items, size_t count, size_t *io_room, size_t size)
{
    if (count < *io_room)
        return true;
    if (m->arena->used_bytes > MATCH_BYTES_MAX)
        return match_refuse(m, "its plan takes more than %d MiB", MATCH_BYTES_MAX >> 20);
    size_t room = *io_room ? 2 * *io_room : 16;
    void *more = arena_array(m->arena, room, size), *old;
    if (!more)
        return error_no_memory(m->err, room * size);
    memcpy(&old, items, sizeof(old));
    if (count) {
        memcpy(more, old, count * size);
        arena_drop(m->arena, old);
    }
    memcpy(items, &more, sizeof(more));
    *io_room = room;
    return true;
}

const char *match_join(struct onnx_match *m, const char *a, const char *b)
{
    const char *name = arena_printf(m->arena, "%s%s", a, b);
    if (!name)
        (void)error_no_memory(m->err, strlen(a) + strlen(b));
    return name;
}

/* ---- the table ---- */

/* FNV-1a from a seed, with its high bits mixed into the low ones at each step. */
static uint64_t hash(const char *name, uint64_t seed)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325) ^ seed;
    for (; *name; name++) {
        h = (h ^ (unsigned char)*name) * UINT64_C(0x100000001b3);
        h ^= h >> 33;
    }
    h *= UINT64_C(0xff51afd7ed558ccd);
    return h ^ h >> 33;
}

/* Where a name is or would be; there is a free slot. */
static struct match_name *slot_of(const struct match_names *names, const char *name)
{
    for (size_t i = hash(name, names->seed) % names->room;; i = (i + 1) % names->room)
        if (!names->slots[i].name || !strcmp(names->slots[i].name, name))
            return &names->slots[i];
}

size_t match_names_find(const struct match_names *names, const char *name)
{
    const struct match_name *slot = names->room ? slot_of(names, name) : NULL;
    return slot && slot->name ? slot->index : SIZE_MAX;
}

bool match_names_add(struct onnx_match *m, struct match_names *names, const char *name,
                     size_t index)
{
    if (2 * names->count >= names->room) {
        struct match_names old = *names;
        if (!old.room && getrandom(&names->seed, sizeof(names->seed), GRND_NONBLOCK) < 0)
            names->seed = (uintptr_t)names;
        names->room = old.room ? 2 * old.room : 256;
        names->slots = arena_array(m->arena, names->room, sizeof(*names->slots));
        if (!names->slots)
            return error_no_memory(m->err, names->room * sizeof(*names->slots));
        for (size_t i = 0; i < old.room; i++)
            if (old.slots[i].name)
                *slot_of(names, old.slots[i].name) = old.slots[i];
        arena_drop(m->arena, old.slots);
    }
    struct match_name *slot = slot_of(names, name);
    if (slot->name)
        return true;
    *slot = (struct match_name){ name, index };
    names->count++;
    return true;
}

void match_names_done(struct onnx_match *m, struct match_names *names)
{
    arena_drop(m->arena, names->slots);
    *names = (struct match_names){ 0 };
}

/* ---- values ---- */

struct match_value *match_find(const struct onnx_match *m, const char *name)
{
    size_t index = match_names_find(&m->names, name);
    return index == SIZE_MAX ? NULL : m->values[index];
}

static struct match_value *add_value(struct onnx_match *m, const char *name)
{
    struct match_value *value = arena_alloc(m->arena, sizeof(*value));
    if (!value) {
        (void)error_no_memory(m->err, sizeof(*value));
        return NULL;
    }
    if (!match_grow(m, &m->values, m->value_count, &m->value_room, sizeof(struct match_value *)) ||
        !match_names_add(m, &m->names, name, m->value_count))
        return NULL;
    value->name = name;
    value->tensor = -1;
    m->values[m->value_count++] = value;
    return value;
}

struct match_value *match_new_value(struct onnx_match *m, const char *name)
{
    if (!name)
        return NULL;
    if (match_find(m, name)) {
        (void)match_refuse(m, "it would need the name \"%.200s\", which the model uses", name);
        return NULL;
    }
    struct match_value *value = add_value(m, name);
    if (value)
        value->is_new = true;
    return value;
}

struct match_value *match_initializer_of(const struct onnx_match *m, const char *name)
{
    struct match_value *value = match_find(m, name);
    return value && value->tensor >= 0 ? value : NULL;
}

bool match_is_float(struct onnx_match *m, const struct match_node *node, const char *name,
                    bool *ret_float)
{
    const struct match_value *value = match_find(m, name);
    enum pare_dtype dtype = value ? value->dtype : PARE_UNKNOWN;
    if (dtype == PARE_UNKNOWN)
        return match_refuse(m,
                            "the type of \"%.100s\", which %.40s \"%.100s\" takes, is not known; "
                            "add value_info by shape inference",
                            name, node->op, node->name);
    *ret_float = dtype == PARE_F32 || dtype == PARE_F16;
    return true;
}

/* ---- what the model says ---- */

/* Whether the mention defines its name inside a subgraph. */
static bool is_inner(const struct onnx *onnx, const struct onnx_mention *mention)
{
    if (mention->role == ONNX_TENSOR)
        return onnx->tensors[mention->index].scope != 0;
    return mention->role == ONNX_MADE &&
           (mention->index < 0 || onnx->nodes[mention->index].scope != 0);
}

static bool note_tensor(struct onnx_match *m, struct match_value *value, int index)
{
    if (value->tensor >= 0)
        return match_refuse(m, "there are two initializers \"%.200s\"", value->name);
    value->tensor = index;
    value->dtype = m->model->tensors[index].shown.dtype;
    return true;
}

static void note_type(struct onnx_match *m, struct match_value *value, int index)
{
    const struct onnx_typed *typed = &m->onnx->typed[index];
    if (value->tensor < 0 && typed->dtype != PARE_UNKNOWN)
        value->dtype = typed->dtype;
    if (typed->field == GRAPH_OUTPUT)
        m->outputs[index] = value->name;
}

static bool note_mention(struct onnx_match *m, struct match_value *value,
                         const struct onnx_mention *mention)
{
    bool inner = is_inner(m->onnx, mention);
    value->is_inner = value->is_inner || inner;
    if (inner)
        return true;
    if (mention->role == ONNX_TENSOR)
        return note_tensor(m, value, mention->index);
    if (mention->role == ONNX_INPUT)
        value->is_generated = value->tensor < 0;
    if (mention->role == ONNX_TYPED)
        note_type(m, value, mention->index);
    bool inside = mention->role == ONNX_USED && m->onnx->nodes[mention->index].scope != 0;
    bool turned = value->tensor >= 0 && match_is_turned(m->onnx, mention);
    if ((inside && !turned) || (mention->role == ONNX_OUTPUT && mention->index < 0))
        value->is_wanted = true; /* by a subgraph */
    if (mention->role != ONNX_MADE)
        return true;
    bool twice = value->tensor >= 0 || value->is_generated || value->is_made;
    value->is_made = true;
    return !twice || match_refuse(m, "\"%.200s\" is defined twice", value->name);
}

/* The result of an operator of the standard has the type of its first operand of that letter. */
static enum pare_dtype infer(const struct onnx_match *m, const struct onnx_node *node, int position)
{
    const struct onnx_signature *signature = onnx_signature(node, m->onnx->opset);
    if (node->made != PARE_UNKNOWN)
        return node->made;
    if (!signature || *signature->domain || !strcmp(node->op, "SimplifiedLayerNormalization"))
        return PARE_UNKNOWN;
    char letter = onnx_letter(signature->outputs, position);
    if (letter != 'T')
        return letter ? PARE_I64 : PARE_UNKNOWN; /* some integer, or a truth value */
    for (int i = 0; i < node->input_count; i++) {
        if (onnx_letter(signature->inputs, i) != 'T')
            continue;
        const struct match_value *value = match_find(m, node->inputs[i]);
        return value ? value->dtype : PARE_UNKNOWN;
    }
    return PARE_UNKNOWN;
}

static void infer_types(struct onnx_match *m)
{
    for (size_t i = 0; i < m->onnx->node_count; i++) {
        const struct onnx_node *node = &m->onnx->nodes[i];
        for (int k = 0; k < node->output_count && node->scope == 0; k++) {
            struct match_value *value = match_find(m, node->outputs[k]);
            if (value && value->dtype == PARE_UNKNOWN)
                value->dtype = infer(m, node, k);
        }
    }
}

static void pack_outputs(struct onnx_match *m)
{
    for (size_t i = 0; i < m->onnx->typed_count; i++)
        if (m->outputs[i])
            m->outputs[m->output_count++] = m->outputs[i];
}

bool match_read_values(struct onnx_match *m)
{
    const struct onnx *onnx = m->onnx;
    struct match_value *value = NULL;
    m->outputs = arena_array(m->arena, onnx->typed_count + 1, sizeof(*m->outputs));
    if (!m->outputs)
        return error_no_memory(m->err, onnx->typed_count * sizeof(*m->outputs));
    for (size_t i = 0; i < onnx->mention_count; i++) {
        const struct onnx_mention *mention = &onnx->mentions[i];
        if (!value || strcmp(value->name, mention->name) != 0)
            value = add_value(m, mention->name);
        if (!value || !note_mention(m, value, mention))
            return false;
    }
    for (size_t i = 0; i < m->value_count; i++) {
        value = m->values[i];
        if (value->is_inner && (value->is_made || value->is_generated || value->tensor >= 0))
            return match_refuse(m, "\"%.200s\" means another value in a subgraph", value->name);
        value->is_made = false;
    }
    pack_outputs(m);
    infer_types(m);
    return true;
}
