/* SPDX-License-Identifier: MIT */
/*
 * What zeros do in a block. A channel whose weights are zero does nothing only where zero comes
 * out: behind a Relu or in a product it does, behind a Sigmoid it does not. The weights of such a
 * source do not tell how much the channel matters.
 */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "format/onnx_block.h"
#include "format/onnx_constant.h"

enum { NUMBER_BYTES = 8 };

/* What an operator takes. */
struct operand {
    enum { OPERAND_NONE, OPERAND_VALUE, OPERAND_NUMBER, OPERAND_VECTOR } kind;
    struct block_value value;
    bool positive; /* of a number: known to be */
};

static bool not_known(struct onnx_block *b, const struct onnx_node *node, int input)
{
    return block_refuse(b, arena_printf(b->arena,
                                        "%s \"%.100s\" takes \"%.100s\", which is "
                                        "neither one number nor one for each channel",
                                        node->op, node->name, node->inputs[input]));
}

/* A value of the block, by its name; or NULL. */
static struct block_value *find_value(struct onnx_block *b, const char *name)
{
    for (size_t i = 0; i < b->value_count; i++)
        if (!strcmp(b->values[i].name, name))
            return &b->values[i];
    return NULL;
}

/* ---- constants ---- */

/* Whether it is one number, and that above 0 as far as pare reads it. */
static bool note_number(const struct onnx_constant *constant, bool *ret_positive)
{
    float f = 0;
    int64_t i = 0;
    if (constant->count != 1)
        return false;
    if (constant->dtype == PARE_F32 && constant->bytes)
        memcpy(&f, constant->bytes, sizeof(f));
    if (constant->dtype == PARE_I64 && constant->bytes)
        memcpy(&i, constant->bytes, sizeof(i));
    *ret_positive = f > 0 || i > 0;
    return true;
}

/* What is neither a value nor a tensor is a Constant too small to be listed: read where it is. */
static bool read_constant(struct onnx_block *b, const char *name, bool *ret_number,
                          struct operand *to, struct pare_error *err)
{
    struct onnx_attributes *attributes = malloc(sizeof(*attributes));
    struct onnx_constant constant = { 0 };
    const struct onnx_mention *made = &b->onnx->mentions[onnx_find_first(b->onnx, name)];
    bool known = false, ok = attributes || error_no_memory(err, sizeof(*attributes));
    *ret_number = false;
    ok = ok &&
         onnx_attributes_read(b->reader, &b->onnx->nodes[made->index], b->arena, attributes, err);
    for (size_t i = 0; ok && i < attributes->count; i++) {
        const struct onnx_attribute *a = &attributes->list[i];
        if (!strcmp(a->name, "value") && a->has_tensor)
            ok = onnx_constant_read(b->reader, a->tensor_at, a->tensor_end, NUMBER_BYTES, b->arena,
                                    &constant, &known, err);
        *ret_number =
            *ret_number || !strcmp(a->name, "value_float") || !strcmp(a->name, "value_int");
        to->positive = to->positive || a->f > 0 || a->i > 0;
    }
    *ret_number = *ret_number || (known && note_number(&constant, &to->positive));
    free(attributes);
    b->failed = b->failed || !ok;
    return ok;
}

static bool read_tensor(struct onnx_block *b, size_t index, struct operand *to,
                        struct pare_error *err)
{
    const struct tensor *t = &b->model->tensors[index];
    char bytes[NUMBER_BYTES];
    struct onnx_constant constant = { .dtype = t->shown.dtype, .count = t->shown.element_count };
    bool reads = t->file_offset >= 0 && t->shown.size_bytes <= (int64_t)sizeof(bytes);
    if (reads && !model_read(b->model, t, 0, (size_t)t->shown.size_bytes, bytes, err)) {
        b->failed = true;
        return false;
    }
    constant.bytes = reads ? bytes : NULL;
    to->kind = note_number(&constant, &to->positive) ? OPERAND_NUMBER : OPERAND_VECTOR;
    return true;
}

/* A number for each channel is a source of its own, unless `joins` says whose it is. */
static bool take_vector(struct onnx_block *b, const struct onnx_node *node, int input, int joins,
                        struct operand *to)
{
    const char *name = node->inputs[input];
    const struct pare_tensor *shown = &b->model->tensors[block_tensor(b->onnx, name)].shown;
    if (shown->element_count != b->count || shown->dims[shown->rank - 1] != b->count)
        return not_known(b, node, input);
    int source = joins >= 0 ? joins : b->source_count;
    if (!block_add_part(b, name, shown->rank - 1, source, joins < 0))
        return false;
    b->source_count = MAX(b->source_count, source + 1);
    to->value.made_of = to->value.zero_by = (uint64_t)1 << source;
    return true;
}

/* Whether a value comes of one source and is zero with it: what is added belongs to it. */
static int lone_source(const struct block_value *value)
{
    bool lone = value->made_of && value->made_of == value->zero_by &&
                (value->made_of & (value->made_of - 1)) == 0;
    return lone ? __builtin_ctzll(value->made_of) : -1;
}

/* ---- operators ---- */

static bool take_operand(struct onnx_block *b, const struct onnx_node *node, int input,
                         struct operand *to, struct pare_error *err)
{
    *to = (struct operand){ 0 };
    if (input >= node->input_count || !*node->inputs[input])
        return true;
    const char *name = node->inputs[input];
    const struct block_value *value = find_value(b, name);
    int64_t tensor = value ? -1 : block_tensor(b->onnx, name);
    bool number = true;
    if (value && !value->made_of)
        return block_refuse(b,
                            arena_printf(b->arena, "\"%.100s\" is used before it is made", name));
    to->kind = value ? OPERAND_VALUE : OPERAND_NUMBER;
    if (value)
        to->value = *value;
    else if (tensor >= 0)
        return read_tensor(b, (size_t)tensor, to, err);
    else if (!read_constant(b, name, &number, to, err))
        return false;
    return number || not_known(b, node, input);
}

static bool add_up(struct onnx_block *b, const struct onnx_node *node, struct operand *x,
                   struct operand *y, struct block_value *to)
{
    if (x->kind == OPERAND_VECTOR && !take_vector(b, node, 0, lone_source(&y->value), x))
        return false;
    if (y->kind == OPERAND_VECTOR && !take_vector(b, node, 1, lone_source(&x->value), y))
        return false;
    if (x->kind == OPERAND_VALUE && y->kind == OPERAND_VALUE &&
        x->value.made_of != y->value.made_of)
        return block_refuse(b, arena_printf(b->arena,
                                            "%s \"%.100s\" adds up products of different "
                                            "weights, so its channels are no block's own",
                                            node->op, node->name));
    to->made_of = x->value.made_of | y->value.made_of;
    to->zero_by = x->value.zero_by & y->value.zero_by;
    return true;
}

static bool combine(struct onnx_block *b, enum block_kind kind, const struct onnx_node *node,
                    struct operand *x, struct operand *y, struct block_value *to)
{
    if (kind == BLOCK_SUM)
        return add_up(b, node, x, y, to);
    if ((x->kind == OPERAND_VECTOR && !take_vector(b, node, 0, -1, x)) ||
        (y->kind == OPERAND_VECTOR && !take_vector(b, node, 1, -1, y)))
        return false;
    to->made_of = x->value.made_of | y->value.made_of;
    if (kind == BLOCK_TIMES)
        to->zero_by = x->value.zero_by | y->value.zero_by;
    else if (kind == BLOCK_QUOTIENT)
        to->zero_by = x->value.zero_by & ~y->value.made_of;
    else
        to->zero_by = y->kind == OPERAND_NUMBER && y->positive ? x->value.zero_by : 0;
    return true;
}

/* An operator of one value, whose other inputs are settings. */
static bool pass(struct onnx_block *b, enum block_kind kind, const struct onnx_node *node,
                 const struct operand *x, struct block_value *to, struct pare_error *err)
{
    struct operand setting;
    if (x->kind != OPERAND_VALUE)
        return not_known(b, node, 0);
    for (int i = 1; i < node->input_count; i++) {
        if (!take_operand(b, node, i, &setting, err))
            return false;
        if (setting.kind == OPERAND_VALUE || setting.kind == OPERAND_VECTOR)
            return not_known(b, node, i);
    }
    to->made_of = x->value.made_of;
    to->zero_by = kind == BLOCK_KEEPS ? x->value.zero_by : 0;
    return true;
}

static bool evaluate(struct onnx_block *b, const struct onnx_node *node, struct pare_error *err)
{
    enum block_kind kind = block_kind(node);
    struct operand x, y;
    struct block_value to = { 0 };
    bool alone = kind == BLOCK_KEEPS || kind == BLOCK_MOVES;
    if (!take_operand(b, node, 0, &x, err) || (!alone && !take_operand(b, node, 1, &y, err)))
        return false;
    if (kind == BLOCK_BIASED) { /* a FastGelu may have no bias */
        alone = y.kind == OPERAND_NONE;
        kind = alone ? BLOCK_KEEPS : BLOCK_SUM;
    }
    if (alone ? !pass(b, kind, node, &x, &to, err) : !combine(b, kind, node, &x, &y, &to))
        return false;
    struct block_value *made = find_value(b, node->outputs[0]);
    made->made_of = to.made_of;
    made->zero_by = to.zero_by;
    return true;
}

static int by_number(const void *a, const void *b)
{
    const int *left = a, *right = b;
    return (*left > *right) - (*left < *right);
}

bool block_evaluate(struct onnx_block *block, struct pare_error *err)
{
    qsort(block->nodes, block->node_count, sizeof(*block->nodes), by_number);
    for (size_t i = 0; i < block->node_count; i++)
        if (!evaluate(block, &block->onnx->nodes[block->nodes[i]], err))
            return false;
    block->zero_by = UINT64_MAX;
    for (size_t i = 0; i < block->value_count; i++) {
        const struct block_value *v = &block->values[i];
        size_t first, end = onnx_find(block->onnx, v->name, &first);
        for (; first < end; first++)
            if (block->onnx->mentions[first].role == ONNX_USED &&
                block_is_product(&block->onnx->nodes[block->onnx->mentions[first].index]))
                block->zero_by &= v->zero_by;
    }
    return true;
}
