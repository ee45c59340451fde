/* SPDX-License-Identifier: MIT */
/*
 * Outputs that match onnxruntime's quantize_dynamic: what release 1.32.0 made of the very same
 * model is stored here, nodes in order and a hash of each initializer. `match FILE` writes the
 * model, so that another release can be tried; tests/peer/onnx_match.py does that for many models.
 */
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"
#include "engine/match.h"
#include "format/maker.h"
#include "format/match.h"
#include "format/onnx.h"
#include "format/source.h"
#include "kernel/kernel.h"
#include "pare.h"
#include "tap.h"

enum { VALUES_MAX = 4096, TEXT_MAX = 64 * 1024 };

static char folder[256], in_path[512], out_path[512];
static struct pare_error err;

/* ---- the model ---- */

/* Multiples of 1/64, so that no library's rounding is in them. */
static void exact_weight(struct maker *m, const char *name, int rank, const int64_t *dims, int seed)
{
    float values[VALUES_MAX];
    for (size_t i = 0; i < maker_count(rank, dims); i++)
        values[i] = (float)((int)((i * 37 + (size_t)seed * 11) % 103) - 45) / 64.0f;
    maker_floats(m, name, rank, dims, values);
}

static void typed_value(struct buf *graph, int field, const char *name, int rank,
                        const int64_t *dims)
{
    struct buf one;
    buf_init(&one, 4096);
    build_input(&one, &(struct build_tensor){ name, ONNX_FLOAT, rank, dims });
    one.data[0] = (char)(field << 3 | WIRE_BYTES);
    buf_add(graph, one.data, one.length);
    buf_done(&one);
}

/* Conv with bias, a table that a Gather and a Gemm with transB share, a MatMul, another use. */
static void make_model(struct buf *ret_file)
{
    struct maker m;
    maker_init(&m);
    exact_weight(&m, "K", 4, (const int64_t[]){ 4, 2, 3, 3 }, 1);
    exact_weight(&m, "B", 1, (const int64_t[]){ 4 }, 2);
    exact_weight(&m, "E", 2, (const int64_t[]){ 9, 6 }, 3);
    exact_weight(&m, "W", 2, (const int64_t[]){ 6, 9 }, 4);
    exact_weight(&m, "unused", 2, (const int64_t[]){ 2, 2 }, 5);
    typed_value(&m.graph, GRAPH_INPUT, "x", 4, (const int64_t[]){ 1, 2, 5, 5 });
    typed_value(&m.graph, GRAPH_INPUT, "h", 2, (const int64_t[]){ 3, 6 });
    build_input(&m.graph, &(struct build_tensor){ "ids", 7, 1, (const int64_t[]){ 3 } });
    build_node(&m.graph, &(struct build_node){ .op = "Conv",
                                               .name = "conv",
                                               .inputs = { "x", "K", "B" },
                                               .outputs = { "c" },
                                               .ints = { { "group", 1 } } });
    maker_node(&m, "Gather", "embed", "E", "ids", "e");
    maker_node(&m, "Add", "sum", "e", "h", "s");
    build_node(&m.graph, &(struct build_node){ .op = "Gemm",
                                               .name = "head",
                                               .inputs = { "s", "E" },
                                               .outputs = { "g" },
                                               .ints = { { "transB", 1 } } });
    maker_node(&m, "MatMul", "", "s", "W", "p");
    maker_node(&m, "Mul", "other", "W", "W", "w2");
    maker_node(&m, "Sub", "last", "p", "g", "y");
    typed_value(&m.graph, GRAPH_OUTPUT, "y", 2, (const int64_t[]){ 3, 9 });
    typed_value(&m.graph, GRAPH_OUTPUT, "c", 4, (const int64_t[]){ 1, 4, 3, 3 });
    typed_value(&m.graph, GRAPH_OUTPUT, "w2", 2, (const int64_t[]){ 6, 9 });
    maker_finish(&m, ret_file);
}

static bool write_file(const char *path, const struct buf *file)
{
    FILE *f = fopen(path, "wb");
    bool ok = f && fwrite(file->data, 1, file->length, f) == file->length;
    return f && fclose(f) == 0 && ok;
}

/* ---- the result in words ---- */

static void put_node_text(struct buf *text, const struct onnx_node *node)
{
    buf_printf(text, "%s %s(", node->op, node->name);
    for (int i = 0; i < node->input_count; i++)
        buf_printf(text, "%s%s", i ? " " : "", node->inputs[i]);
    buf_text(text, ") ->");
    for (int i = 0; i < node->output_count; i++)
        buf_printf(text, " %s", node->outputs[i]);
    buf_char(text, '\n');
}

static bool put_tensor_text(struct buf *text, const struct model *model, const struct tensor *t)
{
    unsigned char bytes[4 * VALUES_MAX];
    uint32_t hash = 0x811c9dc5u; /* FNV-1a */
    if (!model_read(model, t, 0, (size_t)t->shown.size_bytes, bytes, &err))
        return false;
    for (int64_t i = 0; i < t->shown.size_bytes; i++)
        hash = (hash ^ bytes[i]) * 0x01000193u;
    buf_printf(text, "%s %s", t->shown.name, pare_dtype_name(t->shown.dtype));
    for (int i = 0; i < t->shown.rank; i++)
        buf_printf(text, "%c%lld", i ? 'x' : ' ', (long long)t->shown.dims[i]);
    buf_printf(text, " %08x\n", hash);
    return true;
}

static bool put_model_text(struct buf *text)
{
    struct source *source;
    struct model *model;
    if (!source_open_path(out_path, &source, &err) || !model_open(source, &model, &err))
        return false;
    const struct onnx *onnx = model->own;
    bool ok = true;
    for (size_t i = 0; i < onnx->node_count; i++)
        put_node_text(text, &onnx->nodes[i]);
    for (size_t i = 0; ok && i < model->tensor_count; i++)
        ok = put_tensor_text(text, model, &model->tensors[i]);
    model_close(model);
    return ok;
}

static bool transform(const char *settings, bool *ret_exact)
{
    struct pare_model *model = NULL;
    struct pare_recipe *recipe = NULL;
    struct pare_plan *plan = NULL;
    struct pare_report *report = NULL;
    struct pare_plan_options options = { .name = "out.onnx" };
    char text[512];
    struct stat st;
    snprintf(text, sizeof(text),
             "{\"steps\": [{\"step\": \"quantize\", \"scheme\": \"int8\", "
             "\"match\": \"onnxruntime\"%s}]}",
             settings);
    bool ok = pare_model_open(in_path, &model, &err) &&
              pare_recipe_parse(text, strlen(text), &recipe, &err) &&
              pare_plan_make(model, recipe, &options, &plan, &err) &&
              pare_run(plan, out_path, NULL, &report, &err);
    *ret_exact = ok && stat(out_path, &st) == 0 && st.st_size == pare_plan_after_bytes(plan);
    pare_report_free(report);
    pare_plan_free(plan);
    pare_recipe_free(recipe);
    pare_model_close(model);
    return ok;
}

static void gives(const char *settings, const char *want, const char *name)
{
    struct buf text;
    bool exact = false;
    buf_init(&text, TEXT_MAX);
    bool ok = transform(settings, &exact) && put_model_text(&text);
    OK(ok && exact, name);
    IS(ok ? buf_string(&text) : err.text, want, "node by node, byte by byte");
    buf_done(&text);
}

#include "match_expected.h"

/* ---- numbers ---- */

static bool scale_is(struct match_weight weight, bool half, float low, float high, float scale,
                     int zero)
{
    float got;
    uint16_t as_half;
    uint8_t got_zero;
    match_scale(&weight, half, low, high, &got, &as_half, &got_zero);
    return got == scale && got_zero == zero;
}

/* As numpy gave them to the peer. */
static void scales_are_exact(void)
{
    struct match_weight s = { 0 }, u = { .is_unsigned = true };
    struct match_weight r = { .is_unsigned = true, .reduce_range = true };
    OK(scale_is(s, false, -3.0e38f, 3.4e38f, 0x1.01cd38p+121f, 0),
       "twice the largest value need not be a float");
    OK(scale_is(s, false, -1e-38f, 1e-38f, 1.0f, 0), "a scale below FLT_MIN is 1");
    OK(scale_is(u, false, -1.0f, 2.0f, 0x1.818182p-7f, 85), "a zero point is rounded");
    OK(scale_is(u, false, 0.5f, 2.0f, 0x1.010102p-7f, 0), "0 is in every range");
    OK(scale_is(u, false, -2.0f, -0.5f, 0x1.010102p-7f, 255), "0 is in every range, above");
    OK(scale_is(r, false, -1.0f, 1.0f, 0x1.020408p-6f, 64), "reduced: ties of zero go to even");
    OK(scale_is(u, true, -1.0f, 2.0f, 0x1.818p-7f, 85), "scales of F16 are F16");
    OK(scale_is(s, true, -0x1p-24f, 0, 1.0f, 0), "of F16 only a scale that rounds to 0 is 1");
    OK(scale_is(s, true, -0x1p-18f, 0, 0x1p-24f, 0), "a subnormal F16 scale stays");
}

/* ---- refusals ---- */

static void refuses(const char *settings, const char *words, const char *name)
{
    bool exact;
    unlink(out_path);
    bool ok = transform(settings, &exact);
    OK(!ok && strstr(err.text, words) && access(out_path, F_OK) != 0, name);
    if (!ok && !strstr(err.text, words))
        printf("# %s\n", err.text);
}

static const char match_recipe[] = "{\"steps\": [{\"step\": \"quantize\", \"scheme\": \"int8\", "
                                   "\"match\": \"onnxruntime\"}]}";

static bool stop(void *data, const struct pare_progress *progress)
{
    (void)data;
    return progress->done_bytes > 0;
}

static void plan_stops(void)
{
    const struct pare_plan_options options = { .progress = stop };
    struct pare_model *model = NULL;
    struct pare_recipe *recipe = NULL;
    struct pare_plan *plan = NULL;
    bool ok = pare_model_open(in_path, &model, &err) &&
              pare_recipe_parse(match_recipe, strlen(match_recipe), &recipe, &err) &&
              pare_plan_make(model, recipe, &options, &plan, &err);
    OK(!ok && err.code == PARE_ERR_INTERRUPTED, "planning can be stopped before a weight is read");
    pare_recipe_free(recipe);
    pare_model_close(model);
}

/* What the peer leaves: on the left, of an operator it does not know, of another type. */
static void what_is_left_has_reasons(void)
{
    static const char *const expected[][2] = {
        { "W", "" },
        { "L",
          "onnxruntime takes a weight of MatMul only in its own place, with nothing in between" },
        { "A", "onnxruntime quantizes nothing of Add" },
        { "G",
          "onnxruntime quantizes a Gemm's second operand, where alpha and beta are 1 and there is "
          "no transA" },
    };
    struct maker m;
    struct buf file;
    struct pare_model *model = NULL;
    struct pare_recipe *recipe = NULL;
    struct pare_plan *plan = NULL;
    const int64_t square[2] = { 8, 8 };
    maker_init(&m);
    for (size_t i = 0; i < ARRAY_SIZE(expected); i++)
        exact_weight(&m, expected[i][0], 2, square, (int)i);
    typed_value(&m.graph, GRAPH_INPUT, "x", 2, square);
    maker_node(&m, "MatMul", "right", "x", "W", "a");
    maker_node(&m, "MatMul", "left", "L", "a", "b");
    maker_node(&m, "Add", "sum", "b", "A", "c");
    build_node(&m.graph, &(struct build_node){ .op = "Gemm",
                                               .name = "turned",
                                               .inputs = { "c", "G" },
                                               .outputs = { "y" },
                                               .ints = { { "transA", 1 } } });
    maker_finish(&m, &file);
    bool ok = write_file(in_path, &file) && pare_model_open(in_path, &model, &err) &&
              pare_recipe_parse(match_recipe, strlen(match_recipe), &recipe, &err) &&
              pare_plan_make(model, recipe, NULL, &plan, &err);
    for (size_t i = 0; i < ARRAY_SIZE(expected); i++)
        IS(ok ? pare_plan_entry(plan, i)->reason : err.text, expected[i][1], expected[i][0]);
    pare_plan_free(plan);
    pare_recipe_free(recipe);
    pare_model_close(model);
    buf_done(&file);
}

static bool open_folder(void)
{
    struct buf file;
    snprintf(folder, sizeof(folder), "%s/pare-match-XXXXXX",
             getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
    if (!mkdtemp(folder))
        return false;
    snprintf(in_path, sizeof(in_path), "%s/in.onnx", folder);
    snprintf(out_path, sizeof(out_path), "%s/out.onnx", folder);
    make_model(&file);
    bool ok = write_file(in_path, &file);
    buf_done(&file);
    return ok;
}

int main(int argc, char **argv)
{
    struct buf file;
    if (argc > 1) {
        make_model(&file);
        bool ok = write_file(argv[1], &file);
        buf_done(&file);
        return ok ? 0 : 1;
    }
    if (!open_folder())
        return 1;
    gives("", per_tensor, "one scale a tensor, as the peer");
    gives(", \"per_channel\": true, \"reduce_range\": true, \"weight_type\": \"quint8\"",
          per_channel_reduced_unsigned,
          "a scale a channel, in reduced range, unsigned, as the peer");
    scales_are_exact();
    refuses(", \"form\": \"dynamic\"", "\"form\"", "there is no form to choose");
    refuses(", \"include\": [\"W\"]", "no \"include\"", "there is nothing to leave out");
    refuses(", \"weight_type\": \"int4\"", "\"qint8\" or \"quint8\"", "there are two types");
    refuses("}, {\"step\": \"quantize\", \"scheme\": \"fp16\"", "no other step",
            "there is no other step");
    plan_stops();
    what_is_left_has_reasons();
    unlink(in_path);
    unlink(out_path);
    rmdir(folder);
    return tap_done();
}
