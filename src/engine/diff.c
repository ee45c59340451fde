/* SPDX-License-Identifier: MIT */
/*
 * Two models, tensor by tensor; what is quantized, with its scales, and F16 and BF16 count as the
 * values that they are.
 */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "engine/engine.h"
#include "engine/meter.h"
#include "engine/packed.h"
#include "engine/report.h"
#include "format/format.h"
#include "kernel/kernel.h"

/* Elements at a time; the sums of a comparison are over these stretches. */
enum { STEP = PACKED_STEP };

/* One model's tensors by the name they stand for. */
struct name {
    const char *text;
    size_t tensor;
};

struct side {
    const struct model *model;
    struct name *names;
    size_t count;
    bool *is_part; /* by tensor: scales and zero points of others */
};

/* A tensor, or what it stands for as bitsandbytes packs it. */
struct subject {
    const struct tensor *tensor;
    const struct pare_tensor *shown;
    struct packed packed;
    bool is_packed;
};

/* A tensor read as floats. */
struct floats {
    const struct model *model;
    const struct tensor *tensor;
    const struct packed *packed; /* NULL: it is not */
    float *scales;               /* of int8; NULL for floats */
    int zero_point;
    size_t channels, inner;
    unsigned char *bytes; /* STEP bytes, of codes */
    uint16_t *halves;     /* STEP, of F16 and BF16 */
    float *values;        /* STEP */
};

struct comparing {
    struct side a, b;
    struct meter meter;
    struct pare_report *report;
};

/* ---- names ---- */

static int by_text(const void *left, const void *right)
{
    const struct name *a = left, *b = right;
    int order = strcmp(a->text, b->text);
    return order ? order : (a->tensor > b->tensor) - (a->tensor < b->tensor);
}

static const char *name_of(const struct tensor *t)
{
    return t->stands_for ? t->stands_for : t->shown.name;
}

static const struct tensor *side_find(const struct side *side, const char *text)
{
    size_t low = 0, high = side->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(side->names[middle].text, text) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    bool found = low < side->count && !strcmp(side->names[low].text, text);
    return found ? &side->model->tensors[side->names[low].tensor] : NULL;
}

static const struct tensor *find_part(const void *data, const char *name)
{
    return side_find(data, name);
}

static bool subject_init(struct subject *ret_subject, const struct side *side,
                         const struct tensor *t, struct pare_error *err)
{
    *ret_subject = (struct subject){ .tensor = t };
    if (!packed_open(side->model, t, find_part, side, &ret_subject->packed, &ret_subject->is_packed,
                     err))
        return error_prefix(err, "tensor %.200s", t->shown.name);
    ret_subject->shown = ret_subject->is_packed ? &ret_subject->packed.shown : &t->shown;
    return true;
}

/* Scales, maps and states go with the weight that they are of. */
static bool mark_packed(struct side *side, struct pare_error *err)
{
    for (size_t i = 0; i < side->model->tensor_count; i++) {
        struct subject s;
        if (!subject_init(&s, side, &side->model->tensors[i], err))
            return false;
        for (size_t k = 0; s.is_packed && k < s.packed.part_count; k++)
            side->is_part[s.packed.parts[k] - side->model->tensors] = true;
    }
    return true;
}

static bool side_init(struct side *side, const struct model *model, struct pare_error *err)
{
    size_t n = model->tensor_count + 1;
    side->model = model;
    side->names = calloc(n, sizeof(*side->names));
    side->is_part = calloc(n, sizeof(*side->is_part));
    if (!side->names || !side->is_part)
        return error_no_memory(err, n * sizeof(*side->names));
    for (size_t i = 0; i < model->tensor_count; i++) {
        const struct tensor *t = &model->tensors[i];
        side->names[side->count++] = (struct name){ name_of(t), i };
        if (t->stands_for && t->scale >= 0) {
            side->is_part[t->scale] = true;
            if (t->zero_point >= 0)
                side->is_part[t->zero_point] = true;
        }
    }
    qsort(side->names, side->count, sizeof(*side->names), by_text);
    return mark_packed(side, err);
}

static void side_done(struct side *side)
{
    free(side->names);
    free(side->is_part);
}

/* ---- values ---- */

static void floats_done(struct floats *f)
{
    free(f->scales);
    free(f->bytes);
    free(f->halves);
    free(f->values);
}

/* The zero point when it is one number; int8 and uint8 alike. */
static bool read_zero_point(struct floats *f, struct pare_error *err)
{
    unsigned char byte;
    if (f->tensor->zero_point < 0)
        return true;
    const struct tensor *zero = &f->model->tensors[f->tensor->zero_point];
    if (zero->shown.element_count < 1 || zero->file_offset < 0)
        return true;
    if (!model_read(f->model, zero, 0, 1, &byte, err))
        return false;
    f->zero_point = f->tensor->shown.dtype == PARE_U8 ? byte : (int8_t)byte;
    return true;
}

static bool floats_init(struct floats *f, const struct model *model, const struct subject *subject,
                        struct pare_error *err)
{
    const struct tensor *t = subject->tensor;
    *f = (struct floats){ .model = model, .tensor = t, .channels = 1, .inner = 1 };
    f->values = malloc(STEP * sizeof(*f->values));
    if (!f->values)
        return error_no_memory(err, STEP * sizeof(*f->values));
    if (subject->is_packed) {
        f->packed = &subject->packed;
        f->bytes = malloc(STEP);
        return f->bytes || error_no_memory(err, STEP);
    }
    if (t->shown.dtype == PARE_F16 || t->shown.dtype == PARE_BF16) {
        f->halves = malloc(STEP * sizeof(*f->halves));
        return f->halves || error_no_memory(err, STEP * sizeof(*f->halves));
    }
    if (!t->stands_for)
        return true;
    const struct tensor *scale = &model->tensors[t->scale];
    for (int i = t->shown.rank; i-- > 0 && i > t->scale_axis;)
        f->inner *= (size_t)t->shown.dims[i];
    if (t->scale_axis >= 0)
        f->channels = (size_t)t->shown.dims[t->scale_axis];
    f->bytes = malloc(STEP);
    f->scales = malloc((size_t)scale->shown.size_bytes + 1);
    if (!f->bytes || !f->scales)
        return error_no_memory(err, (size_t)scale->shown.size_bytes);
    return model_read(model, scale, 0, (size_t)scale->shown.size_bytes, f->scales, err) &&
           read_zero_point(f, err);
}

static bool floats_read(struct floats *f, size_t start, size_t n, struct pare_error *err)
{
    if (f->packed)
        return packed_read(f->packed, start, n, f->bytes, f->values, err);
    if (f->halves) {
        if (!model_read(f->model, f->tensor, (int64_t)(start * sizeof(*f->halves)),
                        n * sizeof(*f->halves), f->halves, err))
            return false;
        if (f->tensor->shown.dtype == PARE_BF16)
            kernel_best()->of_bf16(f->halves, n, f->values);
        else
            kernel_best()->of_fp16(f->halves, n, f->values);
        return true;
    }
    if (!f->scales)
        return model_read(f->model, f->tensor, (int64_t)(start * sizeof(float)), n * sizeof(float),
                          f->values, err);
    if (!model_read(f->model, f->tensor, (int64_t)start, n, f->bytes, err))
        return false;
    bool wide = f->tensor->shown.dtype == PARE_U8;
    for (size_t i = 0; i < n; i++) {
        int q = wide ? f->bytes[i] : (int8_t)f->bytes[i];
        size_t channel = (start + i) / f->inner % f->channels;
        f->values[i] = (float)(q - f->zero_point) * f->scales[channel];
    }
    return true;
}

static bool compare_values(struct comparing *c, struct floats *x, struct floats *y, size_t count,
                           struct kernel_error *ret_error, uint64_t *ret_zeros,
                           struct pare_error *err)
{
    *ret_error = (struct kernel_error){ 0 };
    *ret_zeros = 0;
    for (size_t at = 0; at < count; at += STEP) {
        size_t n = MIN((size_t)STEP, count - at);
        if (!floats_read(x, at, n, err) || !floats_read(y, at, n, err) ||
            !meter_add(&c->meter, (int64_t)(x->packed && !x->packed->is_int8 ? n / 2 : n), err))
            return false;
        kernel_best()->error(x->values, y->values, n, ret_error);
        for (size_t i = 0; i < n; i++)
            *ret_zeros += x->values[i] == 0.0f;
    }
    return true;
}

/* ---- tensors ---- */

static bool is_number(const struct subject *s)
{
    enum pare_dtype dtype = s->shown->dtype;
    return s->is_packed || s->tensor->stands_for || dtype == PARE_F32 || dtype == PARE_F16 ||
           dtype == PARE_BF16;
}

static bool same_shape(const struct pare_tensor *a, const struct pare_tensor *b)
{
    return a->rank == b->rank && !memcmp(a->dims, b->dims, (size_t)a->rank * sizeof(*a->dims));
}

/* Why the two cannot be compared, or NULL. */
static const char *why_not(const struct subject *a, const struct subject *b)
{
    if (!b)
        return "only the first model has it";
    if (!is_number(a) || !is_number(b))
        return "only F32, F16, BF16, and what is quantized with its scales, are compared";
    if (!same_shape(a->shown, b->shown))
        return "the shapes differ";
    return a->tensor->file_offset < 0   ? a->tensor->unreadable
           : b->tensor->file_offset < 0 ? b->tensor->unreadable
                                        : NULL;
}

static struct pare_report_entry *add_entry(struct comparing *c, const struct subject *a,
                                           const struct subject *b, const char *reason,
                                           struct pare_error *err)
{
    const struct subject *s = a ? a : b;
    struct arena *arena = &c->report->arena;
    struct pare_report_entry entry = {
        .name = arena_strdup(arena, name_of(s->tensor)),
        .op = arena_strdup(arena, s->shown->op),
        .action = reason ? "" : "compared",
        .reason = reason ? arena_strdup(arena, reason) : "",
        .element_count = s->shown->element_count,
        .before_bytes = a ? a->shown->size_bytes : 0,
        .after_bytes = b ? b->shown->size_bytes : 0,
    };
    bool whole = entry.name && entry.op && entry.reason;
    struct pare_report_entry *added = whole ? report_add(c->report, &entry) : NULL;
    if (!added)
        error_no_memory(err, sizeof(entry));
    return added;
}

static bool compare_pair(struct comparing *c, const struct subject *a, const struct subject *b,
                         struct pare_report_entry *entry, struct pare_error *err)
{
    struct floats x, y = { 0 };
    struct kernel_error error;
    uint64_t zeros;
    int64_t count = a->shown->element_count;
    c->meter.tensor = a->shown->name;
    bool ok = floats_init(&x, c->a.model, a, err) && floats_init(&y, c->b.model, b, err) &&
              compare_values(c, &x, &y, (size_t)count, &error, &zeros, err);
    floats_done(&x);
    floats_done(&y);
    if (!ok)
        return false;
    report_measure(c->report, entry, &error);
    if (count > 0)
        entry->zero_share_before = (double)zeros / (double)count;
    return true;
}

static bool compare_tensor(struct comparing *c, const struct tensor *t, struct pare_error *err)
{
    const struct tensor *other = side_find(&c->b, name_of(t));
    struct subject a, b;
    if (!subject_init(&a, &c->a, t, err) || (other && !subject_init(&b, &c->b, other, err)))
        return false;
    const char *reason = why_not(&a, other ? &b : NULL);
    struct pare_report_entry *entry = add_entry(c, &a, other ? &b : NULL, reason, err);
    return entry && (reason || compare_pair(c, &a, &b, entry, err));
}

static bool add_second(struct comparing *c, const struct tensor *t, struct pare_error *err)
{
    struct subject b;
    return subject_init(&b, &c->b, t, err) &&
           add_entry(c, NULL, &b, "only the second model has it", err);
}

static bool compare_all(struct comparing *c, struct pare_error *err)
{
    for (size_t i = 0; i < c->a.model->tensor_count; i++)
        c->meter.total_bytes += c->a.model->tensors[i].shown.element_count;
    for (size_t i = 0; i < c->a.model->tensor_count; i++)
        if (!c->a.is_part[i] && !compare_tensor(c, &c->a.model->tensors[i], err))
            return false;
    for (size_t i = 0; i < c->b.model->tensor_count; i++) {
        const struct tensor *t = &c->b.model->tensors[i];
        if (!c->b.is_part[i] && !side_find(&c->a, name_of(t)) && !add_second(c, t, err))
            return false;
    }
    c->meter.tensor = "";
    return meter_add(&c->meter, c->meter.total_bytes, err);
}

bool pare_diff(const struct pare_model *a, const struct pare_model *b, pare_progress_fn *progress,
               void *data, struct pare_report **ret_report, struct pare_error *err)
{
    struct comparing c = { .meter = { .progress = progress, .data = data, .phase = "comparing" } };
    bool ok = report_new(&c.report, err) && side_init(&c.a, a->model, err) &&
              side_init(&c.b, b->model, err) && compare_all(&c, err);
    if (ok) {
        c.report->before_bytes = pare_model_size_bytes(a);
        c.report->after_bytes = pare_model_size_bytes(b);
        ok = report_write_json(c.report, err);
    }
    side_done(&c.a);
    side_done(&c.b);
    if (ok)
        *ret_report = c.report;
    else
        pare_report_free(c.report);
    return ok;
}
