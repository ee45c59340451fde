/* SPDX-License-Identifier: MIT */
/*
 * A BatchNormalization behind a Conv is a factor and an addend for each output channel: the
 * factor goes into the weights, the addend into the bias.
 *
 *     y = (conv(x, w) + b - mean) * f + beta,  f = scale / sqrt(var + epsilon)
 *       = conv(x, w * f) + ((b - mean) * f + beta)
 *
 * f and the bias are computed in float64 and rounded once.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "format/onnx_optimize.h"

enum { SCALE, SHIFT, MEAN, VARIANCE, VECTORS, READ_STEP = 64 * 1024 };

struct fusing {
    struct optimizer *o;
    int norm, conv;
    struct opt_value *between, *weight; /* the convolution's result; its weights */
    const struct onnx_constant *shape;  /* of the weights */
    const float *vectors[VECTORS];
    const float *bias; /* NULL: none */
    double epsilon;
    float *factors, *addends; /* by channel */
};

/* A vector of as many floats as there are channels. */
static bool read_vector(struct fusing *f, const char *name, const float **ret_values,
                        struct pare_error *err)
{
    const struct onnx_constant *c = NULL;
    *ret_values = NULL;
    if (*name && !opt_load(f->o, opt_find(f->o, name), &c, err))
        return false;
    if (c && c->dtype == PARE_F32 && c->rank == 1 && c->dims[0] == f->shape->dims[0])
        *ret_values = c->bytes;
    return true;
}

/* Whether the normalization is one that only scales: not training, one result, by channel. */
static bool read_norm(struct fusing *f, bool *ret_usable, struct pare_error *err)
{
    struct optimizer *o = f->o;
    const struct onnx_node *n = &o->onnx->nodes[f->norm];
    struct onnx_attributes attributes;
    *ret_usable = false;
    if (n->input_count != 1 + VECTORS || !*n->inputs[0] || n->output_count < 1 || !*n->outputs[0] ||
        !opt_own(o, n->outputs[0])->plain)
        return true;
    for (int i = 1; i < n->output_count; i++)
        if (*n->outputs[i])
            return true;
    if (!onnx_attributes_read(o->reader, n, o->arena, &attributes, err))
        return false;
    const struct onnx_attribute *epsilon = onnx_attribute_find(&attributes, "epsilon");
    f->epsilon = epsilon ? (double)epsilon->f : (double)1e-5f;
    *ret_usable = attributes.whole && onnx_attribute_int(&attributes, "training_mode", 0) == 0 &&
                  onnx_attribute_int(&attributes, "spatial", 1) == 1;
    return true;
}

/* The convolution before it, and whether nobody else sees its result or its weights. */
static bool read_conv(struct fusing *f, bool *ret_usable, struct pare_error *err)
{
    struct optimizer *o = f->o;
    *ret_usable = false;
    f->between = opt_find(o, o->onnx->nodes[f->norm].inputs[0]);
    f->conv = f->between->maker;
    if (!f->between->plain || f->between->fixed || f->between->uses != 1 || f->between->computed ||
        !opt_is(o, f->conv, "Conv") || !o->nodes[f->conv].live || o->nodes[f->conv].bias)
        return true;
    const struct onnx_node *n = &o->onnx->nodes[f->conv];
    /* An empty name is no place where another could go. */
    if (n->input_count < 2 || n->input_count > 3 || n->output_count != 1 || !*n->inputs[1] ||
        !*n->inputs[n->input_count - 1])
        return true;
    f->weight = opt_find(o, n->inputs[1]);
    if (f->weight->fixed || f->weight->uses != 1 || f->weight->scaling)
        return true;
    if (!opt_constant(o, f->weight, &f->shape, err))
        return false;
    bool readable = f->weight->computed || (f->weight->tensor >= 0 &&
                                            o->model->tensors[f->weight->tensor].file_offset >= 0);
    *ret_usable = f->shape && f->shape->dtype == PARE_F32 && f->shape->rank >= 3 &&
                  f->shape->count > 0 && readable;
    return true;
}

static bool read_vectors(struct fusing *f, bool *ret_usable, struct pare_error *err)
{
    const struct onnx_node *norm = &f->o->onnx->nodes[f->norm];
    const struct onnx_node *conv = &f->o->onnx->nodes[f->conv];
    bool biased = conv->input_count > 2;
    *ret_usable = true;
    for (int i = 0; i < VECTORS; i++) {
        if (!read_vector(f, norm->inputs[1 + i], &f->vectors[i], err))
            return false;
        *ret_usable = *ret_usable && f->vectors[i];
    }
    if (biased && !read_vector(f, conv->inputs[2], &f->bias, err))
        return false;
    *ret_usable = *ret_usable && (!biased || f->bias);
    return true;
}

/* False where a channel has no finite factor. */
static bool compute_factors(struct fusing *f)
{
    for (int64_t i = 0; i < f->shape->dims[0]; i++) {
        double root = sqrt((double)f->vectors[VARIANCE][i] + f->epsilon);
        double factor = (double)f->vectors[SCALE][i] / root;
        double bias = f->bias ? (double)f->bias[i] : 0;
        f->factors[i] = (float)factor;
        f->addends[i] =
            (float)((bias - (double)f->vectors[MEAN][i]) * factor + (double)f->vectors[SHIFT][i]);
        if (!isfinite(f->factors[i]) || !isfinite(f->addends[i]))
            return false;
    }
    return true;
}

/* The weights in memory. */
static bool scale_computed(struct fusing *f, bool *ret_usable, struct pare_error *err)
{
    const float *x = f->shape->bytes;
    int64_t row = f->shape->count / f->shape->dims[0];
    float *values = arena_alloc(f->o->arena, (size_t)f->shape->size_bytes);
    struct onnx_constant *scaled = arena_alloc(f->o->arena, sizeof(*scaled));
    if (!values || !scaled)
        return error_no_memory(err, (size_t)f->shape->size_bytes);
    *ret_usable = true;
    for (int64_t i = 0; i < f->shape->count; i++) {
        values[i] = x[i] * f->factors[i / row];
        *ret_usable = *ret_usable && isfinite(values[i]);
    }
    *scaled = *f->shape;
    scaled->bytes = values;
    if (*ret_usable)
        f->weight->constant = scaled;
    return true;
}

/* The weights in the file, read once to see that all stay finite. */
static bool scale_stored(struct fusing *f, bool *ret_usable, struct pare_error *err)
{
    struct optimizer *o = f->o;
    const struct tensor *t = &o->model->tensors[f->weight->tensor];
    struct overlay_scaling *scaling = &o->scalings[o->scaling_count];
    float *x = malloc(READ_STEP);
    bool ok = x || error_no_memory(err, READ_STEP);
    *scaling = (struct overlay_scaling){ .file = t->file,
                                         .offset = t->file_offset,
                                         .row_bytes = t->shown.size_bytes / t->shown.dims[0],
                                         .factors = f->factors };
    *ret_usable = true;
    for (int64_t at = 0; ok && at < t->shown.size_bytes; at += READ_STEP) {
        size_t n = (size_t)MIN((int64_t)READ_STEP, t->shown.size_bytes - at);
        ok = model_read(o->model, t, at, n, x, err);
        for (size_t i = 0; ok && i < n / sizeof(*x); i++) {
            int64_t row = (at + (int64_t)(i * sizeof(*x))) / scaling->row_bytes;
            *ret_usable = *ret_usable && isfinite(x[i] * f->factors[row]);
        }
    }
    free(x);
    if (ok && *ret_usable) {
        f->weight->scaling = scaling;
        o->scaling_count++;
    }
    return ok;
}

/* A name for the bias, unlike any in the model. Names end apart, so it is asked for once. */
static const char *bias_name(struct optimizer *o, const char *base)
{
    char *name = arena_printf(o->arena, "%s_bias", base);
    size_t first;
    for (int i = 1; name && onnx_find(o->onnx, name, &first) != first; i++)
        name = arena_printf(o->arena, "%s_bias_%d", base, i);
    return name;
}

static bool fuse_one(struct fusing *f, struct pare_error *err)
{
    struct optimizer *o = f->o;
    struct opt_value *y = opt_find(o, o->onnx->nodes[f->norm].outputs[0]);
    size_t channels = (size_t)f->shape->dims[0];
    bool usable;
    f->factors = arena_array(o->arena, channels, sizeof(float));
    f->addends = arena_array(o->arena, channels, sizeof(float));
    const char *name = bias_name(o, y->name);
    if (!f->factors || !f->addends || !name)
        return error_no_memory(err, channels * sizeof(float));
    if (!compute_factors(f))
        return true;
    if (!(f->weight->computed ? scale_computed : scale_stored)(f, &usable, err))
        return false;
    if (!usable)
        return true;
    struct opt_node *conv = &o->nodes[f->conv];
    conv->bias = name;
    conv->bias_values = f->addends;
    conv->bias_count = (int64_t)channels;
    f->between->same = y;
    y->maker = f->conv;
    o->nodes[f->norm].gone = true;
    o->found->fused++;
    return true;
}

bool opt_fuse(struct optimizer *o, struct pare_error *err)
{
    size_t norms = 0;
    for (size_t i = 0; i < o->onnx->node_count; i++)
        norms += opt_is(o, (int)i, "BatchNormalization");
    o->scalings = arena_array(o->arena, norms + 1, sizeof(*o->scalings));
    if (!o->scalings)
        return error_no_memory(err, norms * sizeof(*o->scalings));
    for (size_t i = 0; i < o->onnx->node_count; i++) {
        struct fusing f = { .o = o, .norm = (int)i };
        bool usable = opt_is(o, (int)i, "BatchNormalization") && o->nodes[i].live;
        if (usable && !read_norm(&f, &usable, err))
            return false;
        if (usable && !read_conv(&f, &usable, err))
            return false;
        if (usable && !read_vectors(&f, &usable, err))
            return false;
        if (usable && !fuse_one(&f, err))
            return false;
    }
    return true;
}
