/* SPDX-License-Identifier: MIT */
/* The step optimize: what is left of a graph, to the bit, and what is said of it. */
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "engine/engine.h"
#include "format/format.h"
#include "format/maker.h"
#include "format/onnx.h"
#include "pare.h"
#include "tap.h"

#define OPTIMIZE "{\"steps\": [{\"step\": \"optimize\"}]}"

static char folder[256], in_path[512], out_path[512];
static struct pare_error err;

struct chain {
    struct pare_model *model, *after;
    struct pare_recipe *recipe;
    struct pare_plan *plan;
    struct pare_report *report;
};

static bool save(struct maker *m)
{
    struct buf file;
    struct file_out out;
    maker_finish(m, &file);
    bool ok = file_out_open(&out, in_path, &err) &&
              file_out_write(&out, buf_string(&file), file.length, &err) &&
              file_out_commit(&out, &err);
    file_out_done(&out);
    buf_done(&file);
    return ok;
}

static bool chain_run(struct chain *c, struct maker *m, const char *recipe)
{
    struct pare_plan_options options = { .name = "out.onnx" };
    struct stat st;
    *c = (struct chain){ 0 };
    return save(m) && pare_model_open(in_path, &c->model, &err) &&
           pare_recipe_parse(recipe, strlen(recipe), &c->recipe, &err) &&
           pare_plan_make(c->model, c->recipe, &options, &c->plan, &err) &&
           pare_run(c->plan, out_path, NULL, &c->report, &err) &&
           pare_model_open(out_path, &c->after, &err) && stat(out_path, &st) == 0 &&
           st.st_size == pare_plan_after_bytes(c->plan);
}

static void chain_done(struct chain *c)
{
    pare_report_free(c->report);
    pare_plan_free(c->plan);
    pare_recipe_free(c->recipe);
    pare_model_close(c->model);
    pare_model_close(c->after);
}

/* "Relu(x)=y; " of each node, in order. */
static const char *graph_text(const struct chain *c, struct buf *text)
{
    const struct onnx *onnx = c->after->model->own;
    buf_init(text, 1 << 16);
    for (size_t i = 0; i < onnx->node_count; i++) {
        const struct onnx_node *node = &onnx->nodes[i];
        buf_printf(text, "%s(", node->op);
        for (int k = 0; k < node->input_count; k++)
            buf_printf(text, "%s%s", k ? " " : "", node->inputs[k]);
        buf_printf(text, ")=%s; ", node->outputs[0]);
    }
    return buf_string(text);
}

/* A tensor's first bytes as floats or int64s. */
static const char *values_text(const struct chain *c, const char *name, struct buf *text)
{
    int64_t index = pare_model_find(c->after, name), whole[4];
    float real[8];
    buf_init(text, 4096);
    if (index < 0)
        return "not there";
    const struct pare_tensor *t = pare_model_tensor(c->after, (size_t)index);
    bool floats = t->dtype == PARE_F32;
    int count = (int)MIN(t->element_count, floats ? 8 : 4);
    if (!pare_model_read(c->after, (size_t)index, 0, (size_t)count * (floats ? 4 : 8),
                         floats ? (void *)real : whole, &err))
        return err.text;
    for (int i = 0; i < count; i++)
        if (floats)
            buf_printf(text, "%a ", (double)real[i]);
        else
            buf_printf(text, "%lld ", (long long)whole[i]);
    return buf_string(text);
}

static void plan_text(const struct chain *c, struct buf *text)
{
    buf_init(text, 1 << 16);
    for (size_t i = 0; i < pare_plan_entry_count(c->plan); i++) {
        const struct pare_plan_entry *e = pare_plan_entry(c->plan, i);
        buf_printf(text, "%s: %s%s %lld -> %lld; ", e->name, e->action, e->reason,
                   (long long)e->before_bytes, (long long)e->after_bytes);
    }
}

/* ---- graphs ---- */

static void put_ints(struct maker *m, const char *name, int rank, int64_t count,
                     const int64_t *values)
{
    struct build_tensor tensor = { name, 7, rank, &count };
    build_initializer(&m->graph, &tensor, count * (int64_t)sizeof(*values));
    buf_add(&m->graph, values, (size_t)count * sizeof(*values));
}

/* A value that the graph takes or gives, with its shape. */
static void put_value(struct maker *m, int field, const char *name, int rank, const int64_t *dims)
{
    struct buf shown;
    buf_init(&shown, 4096);
    build_input(&shown, &(struct build_tensor){ name, 1, rank, dims });
    ((unsigned char *)shown.data)[0] = (unsigned char)(field << 3 | WIRE_BYTES);
    buf_add(&m->graph, shown.data, shown.length);
    buf_done(&shown);
}

static void put_norm(struct maker *m, const char *x, const char *y)
{
    static const char *const vectors[] = { "scale", "shift", "mean", "var" };
    struct buf node;
    buf_init(&node, 4096);
    wire_put_text(&node, 1, x);
    for (int i = 0; i < 4; i++)
        wire_put_text(&node, 1, vectors[i]);
    wire_put_text(&node, 2, y);
    wire_put_text(&node, 4, "BatchNormalization");
    wire_put_bytes(&m->graph, GRAPH_NODE, node.data, node.length);
    buf_done(&node);
}

/* Two channels with factors 2 / sqrt(4) and 3 / sqrt(1); epsilon is too small to show. */
static void conv_graph(struct maker *m, bool bias)
{
    static const int64_t two = 2, w_dims[] = { 2, 2, 1, 1 }, x_dims[] = { 1, 2, 4, 4 };
    maker_init(m);
    maker_floats(m, "W", 4, w_dims, (float[]){ 1, 2, 3, 4 });
    maker_floats(m, "scale", 1, &two, (float[]){ 2, 3 });
    maker_floats(m, "shift", 1, &two, (float[]){ 0.5f, -1 });
    maker_floats(m, "mean", 1, &two, (float[]){ 1, 2 });
    maker_floats(m, "var", 1, &two, (float[]){ 4 - 1e-5f, 1 - 1e-5f });
    if (bias)
        maker_floats(m, "B", 1, &two, (float[]){ 10, 20 });
    build_node(&m->graph, &(struct build_node){ .op = "Conv",
                                                .name = "conv",
                                                .inputs = { "x", "W", bias ? "B" : NULL },
                                                .outputs = { "c" } });
    put_norm(m, "c", "y");
    put_value(m, GRAPH_INPUT, "x", 4, x_dims);
    put_value(m, GRAPH_OUTPUT, "y", 4, x_dims);
    put_value(m, GRAPH_VALUE, "c", 4, x_dims);
}

static void normalizations_go_into_convolutions(void)
{
    struct maker m;
    struct chain c;
    struct buf graph, weights, bias, plan;
    conv_graph(&m, true);
    OK(chain_run(&c, &m, OPTIMIZE), "a Conv with bias and a BatchNormalization");
    IS(c.after ? graph_text(&c, &graph) : err.text, "Conv(x W y_bias)=y; ", "are one Conv");
    if (c.after) {
        IS(values_text(&c, "W", &weights), "0x1p+0 0x1p+1 0x1.2p+3 0x1.8p+3 ",
           "weights times factor");
        IS(values_text(&c, "y_bias", &bias), "0x1.3p+3 0x1.a8p+5 ",
           "the bias in the normalization");
        plan_text(&c, &plan);
        IS(buf_string(&plan), "W: optimize: scaled by a batch normalization 16 -> 16; ",
           "and the plan says so");
        IS(pare_report_optimized(c.report),
           "1 BatchNormalization fused, 5 tensors no longer needed, 161 bytes fewer",
           "in words too");
        buf_done(&graph), buf_done(&weights), buf_done(&bias), buf_done(&plan);
    }
    chain_done(&c);
    conv_graph(&m, false);
    OK(chain_run(&c, &m, OPTIMIZE), "without bias");
    IS(c.after ? graph_text(&c, &graph) : err.text, "Conv(x W y_bias)=y; ", "there is one then");
    if (c.after) {
        IS(values_text(&c, "y_bias", &bias), "-0x1p-1 -0x1.cp+2 ", "of the normalization alone");
        buf_done(&graph), buf_done(&bias);
    }
    chain_done(&c);
}

static void constants_are_folded(void)
{
    static const int64_t x_dims[] = { 4, 6 };
    struct maker m;
    struct chain c;
    struct buf graph, values;
    maker_init(&m);
    maker_weight(&m, "W", 2, x_dims, 1);
    put_ints(&m, "tail", 1, 1, (int64_t[]){ -1 });
    put_ints(&m, "zero", 1, 1, (int64_t[]){ 0 });
    maker_node(&m, "Shape", "s", "W", NULL, "shape");
    maker_node(&m, "Gather", "g", "shape", "zero", "rows");
    maker_node(&m, "Mul", "m", "rows", "rows", "square");
    maker_node(&m, "Sub", "d", "square", "tail", "more");
    maker_node(&m, "Reshape", "r", "x", "more", "r0");
    maker_node(&m, "MatMul", "p", "r0", "W", "y");
    put_value(&m, GRAPH_OUTPUT, "y", 2, x_dims);
    OK(chain_run(&c, &m, OPTIMIZE), "arithmetic on a shape");
    IS(c.after ? graph_text(&c, &graph) : err.text, "Reshape(x more)=r0; MatMul(r0 W)=y; ",
       "is a constant");
    if (c.after) {
        IS(values_text(&c, "more", &values), "17 ", "of the right value");
        OK(pare_model_find(c.after, "tail") < 0 && pare_model_find(c.after, "W") >= 0,
           "its operands go, what others use stays");
        buf_done(&graph), buf_done(&values);
    }
    chain_done(&c);
}

static void what_passes_on_goes(void)
{
    static const int64_t dims[] = { 4, 6 };
    struct maker m;
    struct chain c;
    struct buf graph, plan;
    maker_init(&m);
    maker_weight(&m, "A", 2, dims, 1);
    maker_weight(&m, "B", 2, dims, 1);
    maker_weight(&m, "idle", 2, dims, 2);
    maker_node(&m, "Identity", "i", "x", NULL, "a");
    maker_node(&m, "Dropout", "d", "a", NULL, "b");
    maker_node(&m, "MatMul", "p", "b", "A", "c");
    maker_node(&m, "Mul", "q", "c", "B", "e");
    maker_node(&m, "Exp", "lost", "c", NULL, "nowhere");
    maker_node(&m, "Identity", "last", "e", NULL, "y");
    put_value(&m, GRAPH_OUTPUT, "y", 2, dims);
    OK(chain_run(&c, &m, OPTIMIZE), "Identity, Dropout, what is equal and what is unused");
    IS(c.after ? graph_text(&c, &graph) : err.text, "MatMul(x A)=c; Mul(c A)=y; ", "go");
    if (c.after) {
        plan_text(&c, &plan);
        IS(buf_string(&plan),
           "A: no step covers it 96 -> 96; B: optimize: merged with A 96 -> 0; "
           "idle: optimize: unused, removed 96 -> 0; ",
           "each with its row");
        OK(strstr(pare_report_json(c.report),
                  "\"optimized\": {\"folded_nodes\": 0, \"passed_nodes\": 3, \"fused_nodes\": 0, "
                  "\"unused_nodes\": 1, \"merged_tensors\": 1, \"unused_tensors\": 1, "),
           "and counted in the report");
        buf_done(&graph), buf_done(&plan);
    }
    chain_done(&c);
}

/* Rejected by weighing: 40 000 floats would come in the place of one. */
static void files_do_not_grow(void)
{
    static const int64_t one = 1, dims[] = { 40000 };
    struct maker m;
    struct chain c;
    struct buf graph;
    maker_init(&m);
    maker_floats(&m, "v", 1, &one, (float[]){ 7 });
    put_ints(&m, "to", 1, 1, dims);
    maker_node(&m, "Expand", "e", "v", "to", "wide");
    maker_node(&m, "Add", "a", "x", "wide", "b");
    maker_node(&m, "Identity", "last", "b", NULL, "y");
    put_value(&m, GRAPH_OUTPUT, "y", 1, dims);
    OK(chain_run(&c, &m, OPTIMIZE), "a result that is larger than what it replaces");
    IS(c.after ? graph_text(&c, &graph) : err.text, "Expand(v to)=wide; Add(x wide)=y; ", "stays");
    if (c.after)
        buf_done(&graph);
    chain_done(&c);
}

static void other_steps_work_on_it(void)
{
    static const int64_t dims[] = { 64, 48 };
    struct maker m;
    struct chain c;
    struct buf graph;
    maker_init(&m);
    maker_weight(&m, "W", 2, dims, 1);
    build_node(&m.graph, &(struct build_node){ .op = "Transpose",
                                               .name = "t",
                                               .inputs = { "W" },
                                               .outputs = { "T" },
                                               .swap_matrix = true });
    maker_node(&m, "MatMul", "p", "x", "T", "y");
    put_value(&m, GRAPH_OUTPUT, "y", 2, dims);
    OK(chain_run(&c, &m,
                 "{\"steps\": [{\"step\": \"optimize\"}, {\"step\": \"quantize\", \"scheme\": "
                 "\"int4\"}]}"),
       "int4 of a weight behind a Transpose");
    IS(c.after ? graph_text(&c, &graph) : err.text, "MatMulNBits(x T_Q4 T_scales)=y; ",
       "which it cannot be before");
    if (c.after) {
        const struct pare_plan_entry *e = pare_plan_entry(c.plan, 0);
        IS(e->action, "optimize: folded, new, int4 in blocks of 32, symmetric", "said in its row");
        OK(e->tensor == SIZE_MAX && e->before_bytes == 0, "which is of no tensor of the model");
        buf_done(&graph);
    }
    chain_done(&c);
}

static void nothing_to_do_is_said(void)
{
    static const int64_t dims[] = { 64, 48 };
    struct maker m;
    struct chain c;
    maker_init(&m);
    maker_weight(&m, "W", 2, dims, 1);
    maker_node(&m, "MatMul", "p", "x", "W", "y");
    put_value(&m, GRAPH_OUTPUT, "y", 2, dims);
    OK(!chain_run(&c, &m, OPTIMIZE) && c.plan, "a plan of nothing is made and not run");
    IS(err.text,
       "the recipe changes nothing: the model has 1 tensor of two or more dimensions; "
       "W: no step covers it",
       "with a sentence");
    IS(c.plan ? pare_plan_optimized(c.plan) : NULL, "nothing to do", "which the plan has too");
    chain_done(&c);
}

int main(void)
{
    snprintf(folder, sizeof(folder), "/tmp/pare-optimize-XXXXXX");
    if (!mkdtemp(folder))
        return 1;
    snprintf(in_path, sizeof(in_path), "%s/in.onnx", folder);
    snprintf(out_path, sizeof(out_path), "%s/out.onnx", folder);
    normalizations_go_into_convolutions();
    constants_are_folded();
    what_passes_on_goes();
    files_do_not_grow();
    other_steps_work_on_it();
    nothing_to_do_is_said();
    unlink(in_path);
    unlink(out_path);
    rmdir(folder);
    return tap_done();
}
