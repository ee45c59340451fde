/* SPDX-License-Identifier: MIT */
/* Which tensors stand for others: those that quantizing has made, by their names. */
#include <string.h>

#include "base/error.h"
#include "format/onnx.h"

static bool is_op(const struct onnx_node *node, const char *op)
{
    return !strcmp(node->op, op) && (!*node->domain || !strcmp(node->domain, "ai.onnx"));
}

static int64_t find_tensor(const struct onnx *onnx, const char *name)
{
    size_t first, end = onnx_find(onnx, name, &first);
    return first < end && onnx->mentions[first].role == ONNX_TENSOR ? onnx->mentions[first].index
                                                                    : -1;
}

static int scale_axis(const struct tensor *t, const struct tensor *scale, bool rows_first)
{
    const struct pare_tensor *s = &scale->shown;
    int axis = -2;
    if (s->element_count == 1)
        return -1;
    for (int i = 0; i < t->shown.rank; i++) {
        bool fits = t->shown.dims[i] == s->element_count;
        bool aligned = s->rank != t->shown.rank || s->dims[i] == s->element_count;
        if (fits && aligned && (axis == -2 || !rows_first))
            axis = i;
    }
    return axis;
}

/* What bf16 makes: W_bf16, of which a Cast makes W. */
static bool pair_bf16(struct model *model, struct tensor *t, struct pare_error *err)
{
    const struct onnx *onnx = model->own;
    size_t first, end = onnx_find(onnx, t->shown.name, &first), length = strlen(t->shown.name);
    for (size_t i = first; i < end; i++) {
        const struct onnx_mention *m = &onnx->mentions[i];
        const struct onnx_node *node = m->role == ONNX_USED ? &onnx->nodes[m->index] : NULL;
        if (!node || !is_op(node, "Cast") || node->output_count != 1)
            continue;
        size_t rest = strlen(node->outputs[0]);
        if (rest >= length || strncmp(node->outputs[0], t->shown.name, rest) != 0 ||
            strncmp(t->shown.name + rest, "_bf16", 5) != 0)
            continue;
        t->stands_for = arena_strdup(&model->arena, node->outputs[0]);
        return t->stands_for || error_no_memory(err, rest);
    }
    return true;
}

/* The naming that onnxruntime's tools began: W_quantized with W_scale and W_zero_point. */
static bool pair_tensor(struct model *model, size_t index, struct pare_error *err)
{
    static const char suffix[] = "_quantized";
    struct onnx *onnx = model->own;
    struct tensor *t = &model->tensors[index];
    size_t length = strlen(t->shown.name), cut = sizeof(suffix) - 1;
    t->scale = t->zero_point = -1;
    if (t->shown.dtype == PARE_BF16)
        return pair_bf16(model, t, err);
    if ((t->shown.dtype != PARE_I8 && t->shown.dtype != PARE_U8) || length <= cut ||
        strcmp(t->shown.name + length - cut, suffix) != 0)
        return true;
    int base = (int)(length - cut);
    char *scale = arena_printf(&model->arena, "%.*s_scale", base, t->shown.name);
    char *zero = arena_printf(&model->arena, "%.*s_zero_point", base, t->shown.name);
    char *stands_for = arena_strndup(&model->arena, t->shown.name, (size_t)base);
    if (!scale || !zero || !stands_for)
        return error_no_memory(err, length);
    int64_t found = find_tensor(onnx, scale);
    if (found < 0 || model->tensors[found].shown.dtype != PARE_F32)
        return true;
    size_t first, end = onnx_find(onnx, t->shown.name, &first);
    bool transposed = false;
    for (size_t i = first; i < end; i++)
        transposed = transposed || (onnx->mentions[i].role == ONNX_USED &&
                                    is_op(&onnx->nodes[onnx->mentions[i].index], "Transpose"));
    t->scale_axis = scale_axis(t, &model->tensors[found], transposed);
    if (t->scale_axis == -2)
        return true;
    t->scale = found;
    t->zero_point = find_tensor(onnx, zero);
    t->stands_for = stands_for;
    return true;
}

bool onnx_pair(struct model *model, struct pare_error *err)
{
    for (size_t i = 0; i < model->tensor_count; i++)
        if (!pair_tensor(model, i, err))
            return false;
    return true;
}
