/* SPDX-License-Identifier: MIT */
/* Two models compared by the names that their tensors stand for. */
#include <math.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/json.h"
#include "engine/engine.h"
#include "format/maker.h"
#include "format/source.h"
#include "tap.h"

static struct pare_error err;
static const int64_t matrix[2] = { 4, 3 };

static struct pare_model *open_made(struct maker *m, struct buf *file)
{
    struct source *source;
    struct pare_model *model;
    maker_finish(m, file);
    if (!source_open_memory("m", file->data, file->length, &source, &err) ||
        !engine_open(source, &model, &err)) {
        printf("# %s\n", err.text);
        abort();
    }
    return model;
}

static void add_bytes(struct maker *m, const char *name, int type, int rank, const int64_t *dims,
                      const void *bytes)
{
    struct build_tensor tensor = { name, type, rank, dims };
    size_t length = maker_count(rank, dims);
    build_initializer(&m->graph, &tensor, (int64_t)length);
    buf_add(&m->graph, bytes, length);
}

/* W = (q - 128) * scale by columns, as onnxruntime's tools write uint8. */
static void make_quantized(struct maker *m)
{
    static const unsigned char q[12] = { 128, 129, 126, 130, 128, 127, 138, 28, 255, 0, 1, 2 };
    static const float scale[3] = { 0.5f, 0.25f, 2.0f };
    static const int64_t columns[1] = { 3 };
    static const unsigned char zero[1] = { 128 };
    maker_init(m);
    add_bytes(m, "W_quantized", 2, 2, matrix, q);
    maker_floats(m, "W_scale", 1, columns, scale);
    add_bytes(m, "W_zero_point", 2, 0, NULL, zero);
    maker_node(m, "MatMulInteger", "", "x_quantized", "W_quantized", "y");
}

static void make_float(struct maker *m)
{
    static const float w[12] = { 0.0f, 0.25f,  -4.0f,  1.0f,   0.0f,    -2.0f,
                                 5.0f, -25.0f, 254.0f, -64.0f, -31.75f, -252.0f };
    maker_init(m);
    maker_floats(m, "W", 2, matrix, w);
    maker_node(m, "MatMul", "", "x", "W", "y");
}

static const struct pare_report_entry *entry_of(const struct pare_report *report, const char *name)
{
    for (size_t i = 0; i < pare_report_entry_count(report); i++)
        if (!strcmp(pare_report_entry(report, i)->name, name))
            return pare_report_entry(report, i);
    return NULL;
}

static void int8_stands_for_its_values(void)
{
    struct maker m;
    struct buf files[2];
    struct pare_report *report = NULL;
    make_float(&m);
    struct pare_model *a = open_made(&m, &files[0]);
    make_quantized(&m);
    struct pare_model *b = open_made(&m, &files[1]);
    bool ok = pare_diff(a, b, NULL, NULL, &report, &err);
    OK(ok && pare_report_entry_count(report) == 1,
       "W and W_quantized are one entry; scale and zero point are parts of it");
    const struct pare_report_entry *e = ok ? entry_of(report, "W") : NULL;
    OK(e && e->measured && isinf(e->sqnr_db) && e->max_error == 0,
       "uint8 with its zero point and scales equals the floats that it was made from");
    OK(e && e->before_bytes == 48 && e->after_bytes == 12, "both sizes are told");
    enum json_kind kind;
    const char *json = pare_report_json(report);
    OK(json_check(json, strlen(json), &kind, &err) && strstr(json, "\"sqnr_db\": null"),
       "the JSON is well-formed, infinity is null");
    pare_report_free(report);
    pare_model_close(a);
    pare_model_close(b);
    buf_done(&files[0]);
    buf_done(&files[1]);
}

/* W_bf16 and a Cast to W, as bf16 writes it; a Cast to another name stands for nothing. */
static void bfloat16_stands_for_its_values(void)
{
    static const uint16_t w[12] = { 0x0000, 0x3e80, 0xc080, 0x3f80, 0x0000, 0xc000,
                                    0x40a0, 0xc1c8, 0x437e, 0xc280, 0xc1fe, 0xc37b };
    struct maker m;
    struct buf files[2];
    struct pare_report *report = NULL;
    make_float(&m);
    struct pare_model *a = open_made(&m, &files[0]);
    maker_init(&m);
    for (int i = 0; i < 2; i++) {
        struct build_tensor tensor = { i ? "V_bf16" : "W_bf16", 16, 2, matrix };
        build_initializer(&m.graph, &tensor, sizeof(w));
        buf_add(&m.graph, w, sizeof(w));
    }
    maker_node(&m, "Cast", "", "W_bf16", NULL, "W");
    maker_node(&m, "Cast", "", "V_bf16", NULL, "U");
    maker_node(&m, "MatMul", "", "x", "W", "y");
    struct pare_model *b = open_made(&m, &files[1]);
    bool ok = pare_diff(a, b, NULL, NULL, &report, &err);
    const struct pare_report_entry *e = ok ? entry_of(report, "W") : NULL;
    OK(e && e->measured && e->max_error == 1 && e->before_bytes == 48 && e->after_bytes == 24,
       "bfloat16 is compared with the floats that it was made from");
    OK(ok && entry_of(report, "V_bf16") && pare_report_entry_count(report) == 2,
       "one that is made something else is itself");
    pare_report_free(report);
    pare_model_close(a);
    pare_model_close(b);
    buf_done(&files[0]);
    buf_done(&files[1]);
}

static void what_cannot_be_compared_has_reasons(void)
{
    static const int64_t other[2] = { 3, 4 };
    static const char bytes[12] = "hello world";
    struct maker m;
    struct buf files[2];
    struct pare_report *report = NULL;
    maker_init(&m);
    maker_weight(&m, "same", 2, matrix, 1);
    maker_weight(&m, "shape", 2, matrix, 1);
    maker_weight(&m, "first", 2, matrix, 1);
    add_bytes(&m, "bytes", 3, 2, matrix, bytes);
    struct pare_model *a = open_made(&m, &files[0]);
    maker_init(&m);
    maker_weight(&m, "same", 2, matrix, 2);
    maker_weight(&m, "shape", 2, other, 1);
    maker_weight(&m, "second", 2, matrix, 1);
    add_bytes(&m, "bytes", 3, 2, matrix, bytes);
    struct pare_model *b = open_made(&m, &files[1]);
    bool ok = pare_diff(a, b, NULL, NULL, &report, &err);
    OK(ok && pare_report_entry_count(report) == 5, "each name is listed once");
    const struct pare_report_entry *e = entry_of(report, "same");
    OK(e->measured && e->sqnr_db < 20 && e->max_error > 0, "values that differ are measured");
    IS(entry_of(report, "shape")->reason, "the shapes differ", "other shapes are not");
    IS(entry_of(report, "first")->reason, "only the first model has it", "nor what one lacks");
    IS(entry_of(report, "second")->reason, "only the second model has it", "nor the other");
    IS(entry_of(report, "bytes")->reason,
       "only F32, F16, BF16, and what is quantized with its scales, are compared",
       "nor what is no float");
    pare_report_free(report);
    pare_model_close(a);
    pare_model_close(b);
    buf_done(&files[0]);
    buf_done(&files[1]);
}

int main(void)
{
    int8_stands_for_its_values();
    bfloat16_stands_for_its_values();
    what_cannot_be_compared_has_reasons();
    return tap_done();
}
