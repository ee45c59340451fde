/* SPDX-License-Identifier: MIT */
/* A graph becomes float16: which nodes, where the Casts are, and the bytes of its tensors. */
#include <stdlib.h>

#include "engine/engine.h"
#include "format/maker.h"
#include "format/onnx.h"
#include "format/sink.h"
#include "format/source.h"
#include "tap.h"

#define STEP(more) "{\"steps\": [{\"step\": \"quantize\", \"scheme\": \"fp16\"" more "}]}"

enum { OUTPUT_MAX = 1 << 20 };

static struct pare_error err;
static const int64_t square[2] = { 8, 8 }, vector[1] = { 8 };

/* A sink that keeps the one file it is given. */
struct keep {
    struct sink sink;
    struct buf bytes;
};

static bool keep_begin(struct sink *sink, const char *name, int64_t size_bytes,
                       struct pare_error *error)
{
    (void)name;
    (void)size_bytes;
    (void)error;
    buf_init(&((struct keep *)sink)->bytes, OUTPUT_MAX);
    return true;
}

static bool keep_write(struct sink *sink, const void *bytes, size_t length,
                       struct pare_error *error)
{
    struct keep *keep = (struct keep *)sink;
    buf_add(&keep->bytes, bytes, length);
    return buf_ok(&keep->bytes, error);
}

static bool keep_end(struct sink *sink, struct pare_error *error)
{
    (void)sink;
    (void)error;
    return true;
}

static const struct sink_ops keep_ops = { keep_begin, keep_write, keep_end, keep_end, NULL, NULL };

/* A model in memory, and what a recipe made of it. */
struct made {
    struct buf file;
    struct pare_model *before, *after;
    struct pare_recipe *recipe;
    struct pare_plan *plan;
    struct pare_report *report;
    struct keep keep;
};

static struct pare_model *open_bytes(const struct buf *bytes)
{
    struct source *source;
    struct pare_model *model = NULL;
    if (!source_open_memory("m.onnx", bytes->data, bytes->length, &source, &err) ||
        !engine_open(source, &model, &err))
        return NULL;
    return model;
}

static bool make(struct made *made, struct maker *m, const char *recipe)
{
    *made = (struct made){ .keep.sink.ops = &keep_ops };
    err = (struct pare_error){ 0 };
    maker_finish(m, &made->file);
    made->before = open_bytes(&made->file);
    bool ok = made->before && pare_recipe_parse(recipe, strlen(recipe), &made->recipe, &err) &&
              pare_plan_make(made->before, made->recipe, NULL, &made->plan, &err) &&
              engine_run(made->plan, "m.onnx", &made->keep.sink, &(struct pare_run_options){ 0 },
                         &made->report, &err);
    made->after = ok ? open_bytes(&made->keep.bytes) : NULL;
    if (!made->after)
        printf("# %s\n", err.text);
    return made->after;
}

static void made_done(struct made *made)
{
    pare_report_free(made->report);
    pare_plan_free(made->plan);
    pare_recipe_free(made->recipe);
    pare_model_close(made->before);
    pare_model_close(made->after);
    buf_done(&made->file);
    buf_done(&made->keep.bytes);
}

/* The nodes in order: "Cast x>x_fp16, MatMul x_fp16 W>y". */
static const char *graph_of(const struct pare_model *model)
{
    static char text[2048];
    const struct onnx *onnx = model->model->own;
    int used = 0;
    text[0] = '\0';
    for (size_t i = 0; i < onnx->node_count; i++) {
        const struct onnx_node *node = &onnx->nodes[i];
        used += snprintf(text + used, sizeof(text) - (size_t)used, "%s%s", i ? ", " : "", node->op);
        for (int k = 0; k < node->input_count; k++)
            used += snprintf(text + used, sizeof(text) - (size_t)used, " %s", node->inputs[k]);
        for (int k = 0; k < node->output_count; k++)
            used += snprintf(text + used, sizeof(text) - (size_t)used, "%s%s", k ? " " : ">",
                             node->outputs[k]);
    }
    return text;
}

static const char *reason_of(const struct made *made, const char *name)
{
    for (size_t i = 0; i < pare_plan_entry_count(made->plan); i++)
        if (!strcmp(pare_plan_entry(made->plan, i)->name, name))
            return pare_plan_entry(made->plan, i)->reason;
    return "no entry";
}

static enum pare_dtype dtype_of(const struct pare_model *model, const char *name)
{
    int64_t index = pare_model_find(model, name);
    return index < 0 ? PARE_UNKNOWN : pare_model_tensor(model, (size_t)index)->dtype;
}

static void put_value(struct maker *m, int field, const char *name)
{
    struct build_tensor tensor = { name, ONNX_FLOAT, 2, square };
    struct buf value;
    buf_init(&value, 4096);
    build_input(&value, &tensor); /* as the field of an input: one byte of tag */
    value.data[0] = (char)(field << 3 | WIRE_BYTES);
    buf_add(&m->graph, value.data, value.length);
    buf_done(&value);
}

static void begin(struct maker *m)
{
    maker_init(m);
    put_value(m, GRAPH_INPUT, "x");
    put_value(m, GRAPH_OUTPUT, "y");
    maker_weight(m, "W", 2, square, 1);
}

/* ---- the graph ---- */

static void borders_are_cast(void)
{
    struct maker m;
    struct made made;
    begin(&m);
    maker_weight(&m, "B", 1, vector, 2);
    maker_node(&m, "MatMul", "first", "x", "W", "a");
    maker_node(&m, "Add", "second", "a", "B", "b");
    maker_node(&m, "MatMul", "third", "b", "W", "c");
    maker_node(&m, "Relu", "fourth", "c", NULL, "y");
    bool ok = make(&made, &m, STEP(""));
    IS(ok ? graph_of(made.after) : "",
       "Cast x>x_fp16, MatMul x_fp16 W>a, Add a B>b, MatMul b W>c, Cast c>c_fp32, Relu c_fp32>y",
       "one Cast in, one out; what only the output wants stays in float32");
    OK(ok && dtype_of(made.after, "W") == PARE_F16 && dtype_of(made.after, "B") == PARE_F16,
       "a weight and a bias are F16");
    OK(ok && pare_plan_after_bytes(made.plan) == (int64_t)made.keep.bytes.length,
       "the file has the planned size");
    made_done(&made);
}

static void inputs_and_outputs_may_follow(void)
{
    struct maker m;
    struct made made;
    begin(&m);
    put_value(&m, GRAPH_VALUE, "a");
    maker_node(&m, "MatMul", "", "x", "W", "a");
    maker_node(&m, "Relu", "", "a", NULL, "y");
    bool ok = make(&made, &m, STEP(", \"keep_io\": false"));
    IS(ok ? graph_of(made.after) : "", "MatMul x W>a, Relu a>y", "without keep_io no Cast is left");
    const struct onnx *onnx = ok ? made.after->model->own : NULL;
    OK(ok && onnx->typed_count == 3 && onnx->typed[0].dtype == PARE_F16 &&
           onnx->typed[1].dtype == PARE_F16 && onnx->typed[2].dtype == PARE_F16,
       "input, output and value_info tell the new type");
    made_done(&made);
}

static void blocked_operators_stay(void)
{
    struct maker m;
    struct made made;
    begin(&m);
    maker_weight(&m, "M", 2, square, 3);
    put_value(&m, GRAPH_VALUE, "a");
    maker_node(&m, "MatMul", "", "x", "W", "a");
    maker_node(&m, "Max", "", "a", "M", "b");
    maker_node(&m, "Min", "", "a", "b", "c");
    maker_node(&m, "MatMul", "", "c", "W", "d");
    maker_node(&m, "Nothing", "", "d", "a", "y");
    bool ok = make(&made, &m, STEP(""));
    IS(ok ? graph_of(made.after) : "",
       "Cast x>x_fp16, MatMul x_fp16 W>a, Cast a>a_fp32, Max a_fp32 M>b, Min a_fp32 b>c, "
       "Cast c>c_fp16, MatMul c_fp16 W>d, Cast d>d_fp32, Nothing d_fp32 a_fp32>y",
       "each value has one Cast, however many use it");
    OK(ok && dtype_of(made.after, "M") == PARE_F32, "a tensor for a blocked operator stays F32");
    IS(reason_of(&made, "M"), "it feeds Max, which stays in float32", "and says so");
    const struct onnx *onnx = ok ? made.after->model->own : NULL;
    OK(ok && onnx->typed[2].dtype == PARE_F16 && onnx->typed[0].dtype == PARE_F32,
       "value_info follows its value, the input does not");
    made_done(&made);
}

static void a_number_keeps_its_reach_in_float32(void)
{
    static const int64_t one[1] = { 1 };
    static const float epsilon = 1e-12f;
    struct maker m;
    struct made made;
    begin(&m);
    maker_floats(&m, "eps", 1, one, &epsilon);
    maker_node(&m, "MatMul", "", "x", "W", "a");
    maker_node(&m, "Add", "", "a", "eps", "b");
    maker_node(&m, "Sqrt", "", "b", NULL, "c");
    maker_node(&m, "Div", "", "a", "c", "d");
    maker_node(&m, "MatMul", "", "d", "W", "y");
    bool ok = make(&made, &m, STEP(""));
    IS(ok ? graph_of(made.after) : "",
       "Cast x>x_fp16, MatMul x_fp16 W>a, Cast a>a_fp32, Add a_fp32 eps>b, Sqrt b>c, "
       "Cast c>c_fp16, Div a c_fp16>d, MatMul d W>y_fp16, Cast y_fp16>y",
       "an epsilon that float16 does not have reaches the root in float32");
    made_done(&made);
}

/* ---- the values ---- */

static void put_odd_values(struct maker *m, const char *name, float odd)
{
    static float values[64];
    for (size_t i = 0; i < 64; i++)
        values[i] = maker_value(3, i);
    values[7] = odd;
    maker_floats(m, name, 2, square, values);
}

static void values_are_rounded_as_numpy_does(void)
{
    static const float x[8] = {
        0.1f, -1.0f / 3, 65519.0f, 1e-7f, 2.9e-8f, -5e-8f, 2049.0f, 2051.0f
    };
    static const uint16_t want[8] = {
        0x2e66, 0xb555, 0x7bff, 0x0002, 0x0000, 0x8001, 0x6800, 0x6802
    };
    static const int64_t dims[2] = { 1, 8 };
    struct maker m;
    struct made made;
    uint16_t h[8] = { 0 };
    begin(&m);
    maker_floats(&m, "V", 2, dims, x);
    maker_node(&m, "MatMul", "", "x", "W", "a");
    maker_node(&m, "Mul", "", "a", "V", "b");
    maker_node(&m, "MatMul", "", "b", "W", "y");
    bool ok = make(&made, &m, STEP("")) &&
              pare_model_read(made.after, (size_t)pare_model_find(made.after, "V"), 0, sizeof(h), h,
                              &err);
    OK(ok && !memcmp(h, want, sizeof(h)), "the bytes are those of numpy's astype(float16)");
    const struct pare_report_entry *e = ok ? pare_report_entry(made.report, 1) : NULL;
    OK(e && !strcmp(e->name, "V") && e->measured && e->max_error == 15 && e->zero_share == 0.125 &&
           e->after_bytes == 16,
       "the row has the largest error, and the share of what became 0");
    struct pare_report *diff = NULL;
    ok = ok && pare_diff(made.before, made.after, NULL, NULL, &diff, &err);
    const struct pare_report_entry *d = ok ? pare_report_entry(diff, 1) : NULL;
    OK(d && d->measured && d->sqnr_db == e->sqnr_db && d->zero_share == e->zero_share,
       "comparing the two files measures the same");
    pare_report_free(diff);
    made_done(&made);
}

static void no_value_becomes_infinite(void)
{
    struct maker m;
    struct made made;
    begin(&m);
    put_odd_values(&m, "big", 65520.0f);
    put_odd_values(&m, "wild", NAN);
    maker_weight(&m, "far", 2, square, 5);
    maker_node(&m, "MatMul", "", "x", "W", "a");
    maker_node(&m, "MatMul", "", "a", "big", "b");
    maker_node(&m, "MatMul", "", "b", "wild", "c");
    maker_node(&m, "Gemm", "", "c", "far", "d");
    maker_node(&m, "Where", "", "big", "far", "e"); /* its second input is missing: no T */
    maker_node(&m, "MatMul", "", "d", "W", "y");
    bool ok = make(&made, &m, STEP(""));
    IS(ok ? graph_of(made.after) : "",
       "Cast x>x_fp16, MatMul x_fp16 W>a, Cast a>a_fp32, MatMul a_fp32 big>b, MatMul b wild>c, "
       "Cast c>c_fp16, Gemm c_fp16 far>d, Where big far>e, MatMul d W>y_fp16, Cast y_fp16>y",
       "two products stay in float32 and share one Cast in and one out");
    IS(reason_of(&made, "big"), "its values are too large: float16 ends at 65504",
       "a tensor that would hold an infinity stays, with the node that it feeds");
    IS(reason_of(&made, "wild"), "it holds infinities or NaNs", "and one that holds a NaN");
    made_done(&made);
}

static void what_is_left_out_is_left_whole(void)
{
    struct maker m;
    struct made made;
    begin(&m);
    maker_weight(&m, "V", 2, square, 5);
    maker_node(&m, "MatMul", "first", "x", "W", "a");
    maker_node(&m, "MatMul", "second", "a", "V", "y");
    bool ok = make(&made, &m, STEP(", \"exclude\": [\"second\"]"));
    IS(ok ? graph_of(made.after) : "",
       "Cast x>x_fp16, MatMul x_fp16 W>a, Cast a>a_fp32, MatMul a_fp32 V>y",
       "a node is excluded by its name or by its weight's");
    OK(ok && dtype_of(made.after, "V") == PARE_F32, "and keeps its weight");
    made_done(&made);
    begin(&m);
    maker_node(&m, "Max", "", "x", "W", "y");
    ok = make(&made, &m, STEP(""));
    OK(!ok && err.code == PARE_ERR_REFUSED, "a model of blocked operators only is refused");
    made_done(&made);
    begin(&m);
    m.opset = 6;
    maker_node(&m, "MatMul", "", "x", "W", "y");
    OK(!make(&made, &m, STEP("")) && strstr(err.text, "fp16 needs opset 7 or newer"),
       "and so is one from before opset 7");
    made_done(&made);
}

static void schemes_mix(void)
{
    static const int64_t large[2] = { 32, 32 };
    struct maker m;
    struct made made;
    maker_init(&m);
    maker_weight(&m, "A", 2, large, 1);
    maker_weight(&m, "B", 2, large, 2);
    maker_node(&m, "MatMul", "first", "x", "A", "a");
    maker_node(&m, "MatMul", "second", "a", "B", "b");
    maker_node(&m, "MatMul", "third", "b", "A", "y");
    bool ok = make(&made, &m,
                   "{\"steps\": [{\"step\": \"quantize\", \"scheme\": \"fp16\"}, {\"step\": "
                   "\"quantize\", \"scheme\": \"int8\", \"include\": [\"B\"]}]}");
    IS(ok ? graph_of(made.after) : "",
       "Cast x>x_fp16, MatMul x_fp16 A>a_fp16, Cast a_fp16>a, DynamicQuantizeLinear "
       "a>a_quantized a_scale a_zero_point, MatMulInteger a_quantized B_quantized "
       "a_zero_point>b_integer, Cast b_integer>b_float, Mul a_scale B_scale>b_rescale, "
       "Mul b_float b_rescale>b, Cast b>b_fp16, MatMul b_fp16 A>y",
       "an int8 product keeps the names of its operands, with Casts around it");
    made_done(&made);
}

static void three_schemes_are_one_model(void)
{
    static const int64_t large[2] = { 32, 32 }, bias[1] = { 32 };
    struct maker m;
    struct made made;
    maker_init(&m);
    maker_weight(&m, "A", 2, large, 1);
    maker_weight(&m, "B", 2, large, 2);
    maker_weight(&m, "C", 2, large, 3);
    maker_weight(&m, "bias", 1, bias, 4);
    maker_node(&m, "MatMul", "first", "x", "A", "a");
    maker_node(&m, "MatMul", "second", "a", "B", "b");
    maker_node(&m, "MatMul", "third", "b", "C", "c");
    maker_node(&m, "Add", "fourth", "c", "bias", "y");
    put_value(&m, GRAPH_OUTPUT, "y");
    bool ok = make(&made, &m,
                   "{\"steps\": [{\"step\": \"quantize\", \"scheme\": \"fp16\"}, {\"step\": "
                   "\"quantize\", \"scheme\": \"int8\", \"include\": [\"A\"]}, {\"step\": "
                   "\"quantize\", \"scheme\": \"int4\", \"symmetric\": false, \"include\": "
                   "[\"B\"]}]}");
    IS(ok ? graph_of(made.after) : "",
       "DynamicQuantizeLinear x>x_quantized x_scale x_zero_point, MatMulInteger x_quantized "
       "A_quantized x_zero_point>a_integer, Cast a_integer>a_float, Mul x_scale A_scale>a_rescale, "
       "Mul a_float a_rescale>a, MatMulNBits a B_Q4 B_scales B_zero_points>b, Cast b>b_fp16, "
       "MatMul b_fp16 C>c, Add c bias>y_fp16, Cast y_fp16>y",
       "int8, int4 and fp16 stand in one graph, with a Cast where float16 begins and one where it "
       "ends");
    OK(ok && dtype_of(made.after, "A_quantized") == PARE_I8 &&
           dtype_of(made.after, "B_Q4") == PARE_U8 &&
           dtype_of(made.after, "B_zero_points") == PARE_U8 &&
           dtype_of(made.after, "C") == PARE_F16 && dtype_of(made.after, "bias") == PARE_F16,
       "each tensor by the last step that covers it");
    OK(ok && (int64_t)made.keep.bytes.length == pare_plan_after_bytes(made.plan),
       "the size is that of the plan");
    made_done(&made);
}

int main(void)
{
    borders_are_cast();
    inputs_and_outputs_may_follow();
    blocked_operators_stay();
    a_number_keeps_its_reach_in_float32();
    values_are_rounded_as_numpy_does();
    no_value_becomes_infinite();
    what_is_left_out_is_left_whole();
    schemes_mix();
    three_schemes_are_one_model();
    return tap_done();
}
