/* SPDX-License-Identifier: MIT */
/* Tables of 4-bit rows: the peer's bytes, what stays float and why, and the IR version. */
#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"
#include "format/format.h"
#include "format/maker.h"
#include "format/source.h"
#include "pare.h"
#include "tap.h"

static char folder[256], in_path[512], out_path[512], plan_text[1024];
static struct pare_error err;

static float value_of(size_t i)
{
    uint32_t bits = (uint32_t)i * 2654435761u;
    float x = (float)(bits >> 8) / 8388608.0f - 1.0f;
    if (bits % 11 == 0)
        return 0.0f;
    return bits % 13 == 0 ? x * 0x1p-140f : x;
}

static void put_table(struct maker *m, int64_t rows, int64_t columns)
{
    const int64_t dims[2] = { rows, columns };
    float *x = malloc((size_t)(rows * columns) * sizeof(*x));
    for (int64_t i = 0; i < rows * columns; i++)
        x[i] = value_of((size_t)i);
    maker_floats(m, "W", 2, dims, x);
    free(x);
}

static void write_model(struct maker *m)
{
    struct buf file;
    struct file_out out;
    maker_finish(m, &file);
    if (!file_out_open(&out, in_path, &err) ||
        !file_out_write(&out, file.data, file.length, &err) || !file_out_commit(&out, &err))
        abort();
    file_out_done(&out);
    buf_done(&file);
}

static void note_plan(const struct pare_plan *plan)
{
    const struct pare_plan_entry *e = pare_plan_entry(plan, 0);
    snprintf(plan_text, sizeof(plan_text), "%s: %s%s %lld -> %lld", e->name, e->action, e->reason,
             (long long)e->before_bytes, (long long)e->after_bytes);
}

static bool quantize(const char *settings)
{
    char text[256];
    struct pare_model *model = NULL;
    struct pare_recipe *recipe = NULL;
    struct pare_plan *plan = NULL;
    struct pare_report *report = NULL;
    const struct pare_plan_options options = { .name = "out.onnx" };
    snprintf(text, sizeof(text),
             "{\"steps\": [{\"step\": \"quantize\", \"scheme\": \"int4\", %s}]}", settings);
    bool ok = pare_model_open(in_path, &model, &err) &&
              pare_recipe_parse(text, strlen(text), &recipe, &err) &&
              pare_plan_make(model, recipe, &options, &plan, &err);
    if (ok)
        note_plan(plan);
    ok = ok && pare_run(plan, out_path, NULL, &report, &err);
    pare_report_free(report);
    pare_plan_free(plan);
    pare_recipe_free(recipe);
    pare_model_close(model);
    return ok;
}

/* ---- the peer ---- */

static uint64_t digest(uint64_t hash, const struct model *model, const char *name)
{
    for (size_t i = 0; i < model->tensor_count; i++) {
        const struct tensor *t = &model->tensors[i];
        if (strcmp(t->shown.name, name) != 0)
            continue;
        size_t n = (size_t)t->shown.size_bytes;
        unsigned char *bytes = malloc(n);
        bool ok = model_read(model, t, 0, n, bytes, &err);
        for (size_t at = 0; ok && at < n; at++)
            hash = (hash ^ bytes[at]) * UINT64_C(0x100000001b3);
        free(bytes);
    }
    return hash;
}

/* Of values, scales and zero points, in this order; absent ones add nothing. */
static uint64_t digest_of_output(void)
{
    struct source *source;
    struct model *model;
    if (!source_open_path(out_path, &source, &err) || !model_open(source, &model, &err))
        return 0;
    uint64_t hash = digest(UINT64_C(0xcbf29ce484222325), model, "W_Q4");
    hash = digest(hash, model, "W_scales");
    hash = digest(hash, model, "W_zero_points");
    model_close(model);
    return hash;
}

/* FNV-1a of what quantize_ndarray of onnxruntime 1.32 gave to value_of(). */
static const struct {
    int rows, columns, block;
    bool symmetric;
    uint64_t digest;
} peers[] = {
    { 37, 67, 16, true, UINT64_C(0x8464e996f4a9cc21) },
    { 37, 67, 16, false, UINT64_C(0xf39fbff8e2354317) },
    { 130, 97, 32, true, UINT64_C(0xa64fd7048e47ca9b) },
    { 130, 97, 32, false, UINT64_C(0x66a25457f5e3817f) },
    { 3, 1031, 64, true, UINT64_C(0x0622d862aed777e9) },
    { 3, 1031, 64, false, UINT64_C(0x474a7ce06db20486) },
    { 33, 40, 128, true, UINT64_C(0x7a071e0514c7b095) },
    { 33, 40, 128, false, UINT64_C(0x570b0fe59efb880d) },
    { 21, 511, 256, true, UINT64_C(0x02d7cba915b105b2) },
    { 21, 511, 256, false, UINT64_C(0x5ddaf0b149bf161c) },
    { 1100, 64, 32, true, UINT64_C(0x1c061a194ff3e9fa) },
    { 1100, 64, 32, false, UINT64_C(0xed26919a6c243f7c) },
};

static void bytes_are_the_peers(void)
{
    for (size_t i = 0; i < ARRAY_SIZE(peers); i++) {
        char what[128], settings[128];
        struct maker m;
        maker_init(&m);
        put_table(&m, peers[i].rows, peers[i].columns);
        maker_node(&m, "Gather", "look", "W", "i", "y");
        write_model(&m);
        snprintf(settings, sizeof(settings), "\"gather\": true, \"block\": %d, \"symmetric\": %s",
                 peers[i].block, peers[i].symmetric ? "true" : "false");
        bool ok = quantize(settings) && digest_of_output() == peers[i].digest;
        snprintf(what, sizeof(what), "%d x %d in blocks of %d, %s: the peer's", peers[i].rows,
                 peers[i].columns, peers[i].block,
                 peers[i].symmetric ? "symmetric" : "zero points");
        OK(ok, what);
    }
}

/* ---- the graph ---- */

static const char *fact(const struct pare_model *model, const char *key)
{
    for (size_t i = 0; i < pare_model_fact_count(model); i++)
        if (!strcmp(pare_model_fact(model, i)->key, key))
            return pare_model_fact(model, i)->value;
    return NULL;
}

static void the_opset_stays(void)
{
    struct maker m;
    struct pare_model *after = NULL;
    maker_init(&m);
    m.opset = 11;
    m.ir_version = 6;
    put_table(&m, 100, 33);
    maker_node(&m, "Gather", "look", "W", "i", "y");
    write_model(&m);
    bool ok = quantize("\"gather\": true") && pare_model_open(out_path, &after, &err);
    IS(ok ? plan_text : err.text,
       "W: int4 in blocks of 32, symmetric, for GatherBlockQuantized 13200 -> 2450",
       "a table becomes one of 4-bit rows");
    IS(ok ? fact(after, "opset") : err.text, "11", "the opset stays");
    IS(ok ? fact(after, "ir_version") : err.text, "10", "the IR version is one with such numbers");
    int64_t at = ok ? pare_model_find(after, "W_Q4") : -1;
    const struct pare_tensor *t = at < 0 ? NULL : pare_model_tensor(after, (size_t)at);
    OK(t && t->dtype == PARE_I4 && t->rank == 2 && t->dims[0] == 100 && t->dims[1] == 33 &&
           !strcmp(t->op, "GatherBlockQuantized") && !strcmp(t->node, "look_Q4"),
       "its shape too");
    pare_model_close(after);
}

/* Of one table, a Gather and perhaps another use. */
static void stays(const char *settings, int64_t axis, const char *op, const char *want,
                  const char *what)
{
    struct maker m;
    maker_init(&m);
    put_table(&m, 64, 64);
    build_node(&m.graph, &(struct build_node){ .op = "Gather",
                                               .name = "look",
                                               .inputs = { "W", "i" },
                                               .outputs = { "a" },
                                               .ints = { { "axis", axis } } });
    if (op)
        maker_node(&m, op, "other", "x", "W", "y");
    write_model(&m);
    bool ran = quantize(settings);
    OK(!ran, what);
    IS(strstr(plan_text, want), want, "with the reason");
}

static void what_stays_has_reasons(void)
{
    stays("\"block\": 32", 0, NULL, "it feeds no MatMul, Gemm, Conv or the like 16384 -> 16384",
          "a table is left unless it is asked for");
    stays("\"gather\": true", 0, "MatMul",
          "it feeds a Gather and something else, which wants it as float 16384 -> 16384",
          "a tied one is left");
    stays("\"gather\": true", 0, "Gather",
          "it feeds a Gather and something else, which wants it as float 16384 -> 16384",
          "one that is indices is left");
    stays("\"gather\": true", 1, NULL,
          "a Gather takes it along another axis than its rows 16384 -> 16384",
          "one that is taken by columns is left");
}

int main(void)
{
    snprintf(folder, sizeof(folder), "%s/pare-table4-XXXXXX",
             getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
    if (!mkdtemp(folder))
        return 99;
    snprintf(in_path, sizeof(in_path), "%s/in.onnx", folder);
    snprintf(out_path, sizeof(out_path), "%s/out.onnx", folder);
    bytes_are_the_peers();
    the_opset_stays();
    what_stays_has_reasons();
    unlink(in_path);
    unlink(out_path);
    rmdir(folder);
    return tap_done();
}
