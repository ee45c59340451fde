/* SPDX-License-Identifier: MIT */
/* The public face of a model, and the library's version. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/digest.h"
#include "base/error.h"
#include "engine/engine.h"
#include "engine/meter.h"
#include "format/format.h"
#include "format/source.h"
#include "kernel/kernel.h"

enum { READ_STEP = 1 << 20, NAMES_MAX = 16 << 20 };

const char *pare_version(void)
{
    return PACKAGE_VERSION;
}

const char *pare_dtype_name(enum pare_dtype dtype)
{
    static const char *const names[] = {
#define DTYPE_NAME(name, bits) #name,
        PARE_DTYPES(DTYPE_NAME)
#undef DTYPE_NAME
    };
    return (size_t)dtype < ARRAY_SIZE(names) ? names[dtype] : names[0];
}

bool engine_open(struct source *source, struct pare_model **ret_model, struct pare_error *err)
{
    struct pare_model *model = calloc(1, sizeof(*model));
    if (!model) {
        source_close(source);
        return error_no_memory(err, sizeof(*model));
    }
    if (!model_open(source, &model->model, err)) {
        free(model);
        return false;
    }
    *ret_model = model;
    return true;
}

bool pare_model_open(const char *path, struct pare_model **ret_model, struct pare_error *err)
{
    struct source *source;
    return source_open_path(path, &source, err) && engine_open(source, ret_model, err);
}

bool engine_is_source(const struct pare_model *model, const char *path)
{
    return source_is_path(model->model->source, path);
}

void pare_model_close(struct pare_model *model)
{
    if (!model)
        return;
    model_close(model->model);
    free(model);
}

const char *pare_model_format(const struct pare_model *model)
{
    return model->model->format->name;
}

int64_t pare_model_size_bytes(const struct pare_model *model)
{
    const struct source *source = model->model->source;
    int64_t total = 0;
    for (size_t i = 0; i < source->file_count; i++)
        total += source->files[i].size_bytes;
    return total;
}

size_t pare_model_tensor_count(const struct pare_model *model)
{
    return model->model->tensor_count;
}

const struct pare_tensor *pare_model_tensor(const struct pare_model *model, size_t index)
{
    return index < model->model->tensor_count ? &model->model->tensors[index].shown : NULL;
}

int64_t pare_model_find(const struct pare_model *model, const char *name)
{
    for (size_t i = 0; i < model->model->tensor_count; i++)
        if (!strcmp(model->model->tensors[i].shown.name, name))
            return (int64_t)i;
    return -1;
}

size_t pare_model_fact_count(const struct pare_model *model)
{
    return model->model->fact_count;
}

const struct pare_fact *pare_model_fact(const struct pare_model *model, size_t index)
{
    return index < model->model->fact_count ? &model->model->facts[index] : NULL;
}

static bool check_index(const struct pare_model *model, size_t index, struct pare_error *err)
{
    if (index < model->model->tensor_count)
        return true;
    return error_set(err, PARE_ERR_USAGE, "tensor %zu was asked for, the model has %zu", index,
                     model->model->tensor_count);
}

bool pare_model_read(const struct pare_model *model, size_t index, int64_t start, size_t length,
                     void *to, struct pare_error *err)
{
    return check_index(model, index, err) &&
           model_read(model->model, &model->model->tensors[index], start, length, to, err);
}

bool pare_model_stats(const struct pare_model *model, size_t index, struct pare_stats *ret_stats,
                      struct pare_error *err)
{
    if (!check_index(model, index, err))
        return false;
    const struct tensor *t = &model->model->tensors[index];
    if (t->shown.dtype != PARE_F32)
        return error_set(err, PARE_ERR_UNSUPPORTED, "tensor %.200s is %s, F32 was expected",
                         t->shown.name, pare_dtype_name(t->shown.dtype));
    float *step = malloc(READ_STEP);
    if (!step)
        return error_no_memory(err, READ_STEP);
    struct kernel_range range = KERNEL_RANGE_EMPTY;
    bool ok = true;
    for (int64_t at = 0; ok && at < t->shown.size_bytes; at += READ_STEP) {
        size_t n = (size_t)MIN((int64_t)READ_STEP, t->shown.size_bytes - at);
        ok = model_read(model->model, t, at, n, step, err);
        if (ok)
            kernel_best()->range(step, n / sizeof(float), &range);
    }
    free(step);
    if (!ok)
        return false;
    bool any = range.low <= range.high;
    *ret_stats = (struct pare_stats){ .low = any ? (double)range.low : 0,
                                      .high = any ? (double)range.high : 0,
                                      .zero_count = (int64_t)range.zeros,
                                      .not_finite_count = (int64_t)range.not_finite };
    return true;
}

/* ---- the digest ---- */

static bool digest_file(struct source *source, size_t file, char *step, struct meter *meter,
                        char ret_hex[DIGEST_HEX], struct pare_error *err)
{
    struct digest digest;
    unsigned char sum[DIGEST_BYTES];
    bool ok = digest_init(&digest, err);
    if (!ok)
        return false;
    meter->tensor = "";
    for (int64_t at = 0; ok && at < source->files[file].size_bytes; at += READ_STEP) {
        size_t n = (size_t)MIN((int64_t)READ_STEP, source->files[file].size_bytes - at);
        ok = source_read(source, file, at, step, n, err) && meter_add(meter, (int64_t)n, err);
        if (ok)
            digest_add(&digest, step, n);
    }
    digest_take(&digest, sum);
    digest_done(&digest);
    digest_hex(sum, ret_hex);
    return ok;
}

struct line {
    const char *name;
    char hex[DIGEST_HEX];
};

static int by_name(const void *left, const void *right)
{
    return strcmp(((const struct line *)left)->name, ((const struct line *)right)->name);
}

static bool digest_lines(struct line *lines, size_t count, char ret_hex[DIGEST_HEX],
                         struct pare_error *err)
{
    unsigned char sum[DIGEST_BYTES];
    struct buf text;
    qsort(lines, count, sizeof(*lines), by_name);
    buf_init(&text, NAMES_MAX);
    for (size_t i = 0; i < count; i++)
        buf_printf(&text, "%s  %s\n", lines[i].hex, lines[i].name);
    bool ok = buf_ok(&text, err);
    if (ok) {
        digest_of(text.data, text.length, sum);
        digest_hex(sum, ret_hex);
    }
    buf_done(&text);
    return ok;
}

bool engine_digest(const struct pare_model *model, pare_progress_fn *progress, void *data,
                   char ret_hex[65], struct pare_error *err)
{
    struct source *source = model->model->source;
    struct meter meter = { .progress = progress,
                           .data = data,
                           .phase = "digest",
                           .total_bytes = pare_model_size_bytes(model) };
    struct line *lines = calloc(source->file_count, sizeof(*lines));
    char *step = malloc(READ_STEP);
    bool ok = (lines && step) || error_no_memory(err, READ_STEP);
    for (size_t i = 0; ok && i < source->file_count; i++) {
        lines[i].name = source->files[i].name;
        ok = digest_file(source, i, step, &meter, lines[i].hex, err);
    }
    if (ok && source->file_count == 1)
        memcpy(ret_hex, lines[0].hex, DIGEST_HEX);
    else if (ok)
        ok = digest_lines(lines, source->file_count, ret_hex, err);
    free(lines);
    free(step);
    return ok;
}
