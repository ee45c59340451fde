/* SPDX-License-Identifier: MIT */
/* Channels taken out of ONNX graphs: what goes, what is left, what is refused. */
#include <stdlib.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/file.h"
#include "engine/engine.h"
#include "format/maker.h"
#include "tap.h"

enum { IN = 2, INNER = 4, OUT = 3 };

#define FFN "{\"step\": \"prune\", \"method\": \"ffn\", \"amount\": 0.5}"

static struct arena arena;
static struct pare_error err;
static char folder[] = "structure-onnx-XXXXXX";

static const char *path_of(const char *name)
{
    return arena_printf(&arena, "%s/%s", folder, name);
}

/* ---- graphs ---- */

/* Row r, column c is 10 r + c + 1, times `factor` of its column. */
static void weight(struct maker *m, const char *name, int rows, int columns, const float *factor)
{
    float values[64];
    int64_t dims[] = { rows, columns };
    for (int r = 0; r < rows; r++)
        for (int c = 0; c < columns; c++)
            values[r * columns + c] = (float)(10 * r + c + 1) * (factor ? factor[c] : 1);
    maker_floats(m, name, 2, dims, values);
}

static void vector(struct maker *m, const char *name, int64_t count, const float *values)
{
    maker_floats(m, name, 1, &count, values);
}

/* ValueInfoProto: name 1. */
static void name_value(struct maker *m, int field, const char *name)
{
    struct buf value;
    buf_init(&value, 256);
    wire_put_text(&value, 1, name);
    wire_put_bytes(&m->graph, field, buf_string(&value), value.length);
    buf_done(&value);
}

static void put(const char *name, struct maker *m)
{
    struct file_out out = { 0 };
    struct buf file;
    name_value(m, 11, "x");
    name_value(m, 12, "y");
    maker_finish(m, &file);
    if (!file_out_open(&out, path_of(name), &err) ||
        !file_out_write(&out, file.data, file.length, &err) || !file_out_commit(&out, &err)) {
        printf("Bail out! %s\n", err.text);
        exit(1);
    }
    file_out_done(&out);
    buf_done(&file);
}

/* x W1 + b1, `op`, W2. Of the four channels the second is near to nothing, the last is nothing. */
static void block(struct maker *m, const char *op)
{
    static const float fade[] = { 1, 0.001f, 1, 0 }, bias[] = { 5, 0, 7, 0 };
    maker_init(m);
    weight(m, "W1", IN, INNER, fade);
    vector(m, "b1", INNER, bias);
    weight(m, "W2", INNER, OUT, NULL);
    maker_node(m, "MatMul", "first", "x", "W1", "h");
    maker_node(m, "Add", "", "h", "b1", "hb");
    maker_node(m, op, "act", "hb", NULL, "a");
    maker_node(m, "MatMul", "second", "a", "W2", "y");
}

/* Two blocks that share the matrix between them. */
static void chain(struct maker *m)
{
    static const float fade[] = { 1, 0, 1, 0 };
    maker_init(m);
    weight(m, "W1", IN, INNER, fade);
    weight(m, "W2", INNER, INNER, fade);
    weight(m, "W3", INNER, OUT, NULL);
    maker_node(m, "MatMul", "", "x", "W1", "h1");
    maker_node(m, "Relu", "", "h1", NULL, "a1");
    maker_node(m, "MatMul", "", "a1", "W2", "h2");
    maker_node(m, "Relu", "", "h2", NULL, "a2");
    maker_node(m, "MatMul", "", "a2", "W3", "y");
}

static void gate(struct maker *m)
{
    static const float fade[] = { 0.01f, 1, 1, 1 }, other[] = { 1, 1, 0.01f, 1 };
    maker_init(m);
    weight(m, "W1", IN, INNER, fade);
    weight(m, "W3", IN, INNER, other);
    weight(m, "W2", INNER, OUT, NULL);
    maker_node(m, "MatMul", "", "x", "W1", "g");
    maker_node(m, "MatMul", "", "x", "W3", "u");
    maker_node(m, "Sigmoid", "", "g", NULL, "s");
    maker_node(m, "Mul", "", "g", "s", "gs");
    maker_node(m, "Mul", "", "gs", "u", "a");
    maker_node(m, "MatMul", "", "a", "W2", "y");
}

/* ---- looking ---- */

static bool transform(const char *from, const char *to, const char *steps, int64_t *ret_planned)
{
    struct pare_model *model = NULL;
    struct pare_recipe *recipe = NULL;
    struct pare_plan *plan = NULL;
    struct pare_report *report = NULL;
    const char *text = arena_printf(&arena, "{\"steps\": [%s]}", steps);
    bool ok = pare_recipe_parse(text, strlen(text), &recipe, &err) &&
              pare_model_open(path_of(from), &model, &err) &&
              pare_plan_make(model, recipe, NULL, &plan, &err);
    *ret_planned = ok ? pare_plan_after_bytes(plan) : 0;
    ok = ok &&
         pare_run(plan, path_of(to), &(struct pare_run_options){ .no_sync = true }, &report, &err);
    pare_report_free(report);
    pare_plan_free(plan);
    pare_model_close(model);
    pare_recipe_free(recipe);
    return ok;
}

/* "2x3: 1 2 3 11 12 13" */
static const char *values_of(const char *name, const char *tensor)
{
    struct pare_model *model;
    struct buf text;
    float x[64];
    if (!pare_model_open(path_of(name), &model, &err))
        return err.text;
    size_t index = pare_model_find(model, tensor);
    const struct pare_tensor *t = pare_model_tensor(model, index);
    buf_init(&text, 4096);
    for (int i = 0; t && i < t->rank; i++)
        buf_printf(&text, "%s%lld", i ? "x" : "", (long long)t->dims[i]);
    buf_char(&text, ':');
    if (t && t->size_bytes <= (int64_t)sizeof(x) &&
        pare_model_read(model, index, 0, (size_t)t->size_bytes, x, &err))
        for (int64_t i = 0; i < t->element_count; i++)
            buf_printf(&text, " %g", (double)x[i]);
    const char *copy = arena_strdup(&arena, buf_string(&text));
    buf_done(&text);
    pare_model_close(model);
    return copy;
}

static int64_t size_of(const char *name)
{
    struct pare_model *model;
    if (!pare_model_open(path_of(name), &model, &err))
        return -1;
    int64_t size = pare_model_size_bytes(model);
    pare_model_close(model);
    return size;
}

/* How often the bytes of a file hold a text. */
static int count_text(const char *name, const char *text)
{
    struct buf buf;
    int count = 0;
    buf_init(&buf, 1 << 16);
    if (file_read(path_of(name), &buf, &err))
        for (size_t i = 0; i + strlen(text) <= buf.length; i++)
            count += !memcmp(buf.data + i, text, strlen(text));
    buf_done(&buf);
    return count;
}

static void refused(const char *what, struct maker *m, const char *steps, const char *expected)
{
    int64_t planned;
    put("refusing", m);
    bool ok = transform("refusing", "refused", steps, &planned);
    const char *found = ok ? "it was done" : strstr(err.text, expected) ? expected : err.text;
    IS(found, expected, what);
}

/* ---- the tests ---- */

static void channels_go(void)
{
    struct maker m;
    int64_t planned;
    block(&m, "Relu");
    name_value(&m, 13, "hb");
    name_value(&m, 13, "elsewhere");
    put("in", &m);
    if (!OK(transform("in", "out", FFN, &planned), "half of the channels of a block go"))
        printf("# %s\n", err.text);
    IS(values_of("out", "W1"), "2x2: 1 3 11 13", "columns of what makes them");
    IS(values_of("out", "b1"), "2: 5 7", "of its bias");
    IS(values_of("out", "W2"), "2x3: 1 2 3 21 22 23", "rows of what takes them");
    OK(size_of("out") == planned, "the size is as planned");
    OK(count_text("in", "hb") == 3 && count_text("out", "hb") == 2,
       "what the graph told of a value between is gone");
    OK(count_text("out", "elsewhere") == 1, "of another it stays");
    block(&m, "Sigmoid");
    put("in", &m);
    OK(transform("in", "out", FFN, &planned), "behind a Sigmoid zeros are no zeros");
    IS(values_of("out", "W1"), "2x2: 3 0 13 0", "what takes the channels tells alone");
}

static void two_axes(void)
{
    struct maker m;
    int64_t planned;
    chain(&m);
    put("in", &m);
    if (!OK(transform("in", "out", FFN, &planned), "two blocks, one behind the other"))
        printf("# %s\n", err.text);
    IS(values_of("out", "W1"), "2x2: 1 3 11 13", "columns of the first");
    IS(values_of("out", "W2"), "2x2: 1 3 21 23", "rows and columns of that between");
    IS(values_of("out", "W3"), "2x3: 1 2 3 21 22 23", "rows of the last");
    OK(size_of("out") == planned, "the size is as planned");
    OK(transform("in", "out", FFN ", {\"step\": \"quantize\", \"scheme\": \"fp16\"}", &planned) &&
           size_of("out") == planned,
       "then float16, in one pass");
    OK(transform("in", "out", "{\"step\": \"prune\", \"method\": \"ffn\", \"count\": 1}, " FFN,
                 &planned),
       "again of what is left");
    IS(values_of("out", "W2"), "1x1: 23", "one of four, then two of three");
}

static void gates(void)
{
    struct maker m;
    int64_t planned;
    gate(&m);
    put("in", &m);
    OK(transform("in", "out", FFN, &planned), "a block with a gate");
    IS(values_of("out", "W1"), "2x2: 2 4 12 14", "columns of the gate");
    IS(values_of("out", "W3"), "2x2: 2 4 12 14", "and the same of the other branch");
    IS(values_of("out", "W2"), "2x3: 11 12 13 31 32 33", "rows of what takes their product");
}

static void refusals(void)
{
    struct maker m;
    block(&m, "Softmax");
    refused("an operator that mixes channels", &m, FFN,
            "Softmax \"act\" is not known to work on each channel alone");
    block(&m, "Relu");
    name_value(&m, 12, "hb");
    refused("an output between", &m, FFN, "\"hb\" is an output of the model");
    block(&m, "Relu");
    maker_node(&m, "MatMul", "", "z", "W2", "v");
    refused("a weight that others use", &m, FFN, "\"W2\": it has more than one use");
    block(&m, "Relu");
    maker_node(&m, "MatMul", "third", "z", "a", "v");
    refused("a product that is of no weight", &m, FFN,
            "MatMul \"third\" does not multiply it by a constant matrix");
    block(&m, "Relu");
    refused("all channels", &m, "{\"step\": \"prune\", \"method\": \"ffn\", \"amount\": 1}",
            "prune ffn takes 4 of the 4 channels of W1: at least one must stay");
    block(&m, "Relu");
    refused("attention in a graph", &m,
            "{\"step\": \"prune\", \"method\": \"heads\", \"amount\": 0.5}",
            "prune heads finds no attention that it knows in this model");
    maker_init(&m);
    weight(&m, "W", IN, OUT, NULL);
    maker_node(&m, "Conv", "", "x", "W", "y");
    refused("no block at all", &m, FFN,
            "prune ffn finds no feed-forward block that it knows in this model");
    block(&m, "Relu");
    float bad[IN * INNER] = { NAN };
    maker_floats(&m, "N", 2, (int64_t[]){ INNER, IN }, bad);
    maker_node(&m, "MatMul", "", "a", "N", "n");
    refused("NaNs", &m, FFN, "its weights hold infinities or NaNs");
}

int main(void)
{
    if (!mkdtemp(folder))
        return 1;
    channels_go();
    two_axes();
    gates();
    refusals();
    OK(system(arena_printf(&arena, "rm -r %s", folder)) == 0, "nothing is left beside");
    arena_done(&arena);
    return tap_done();
}
