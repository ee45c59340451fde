/* SPDX-License-Identifier: MIT */
/* A plan of a model with every kind of tensor: a row for each, reasons, sizes to the byte. */
#include "engine/chain.h"
#include "format/onnx.h"

#define QUANTIZE(scheme, more) "{\"step\": \"quantize\", \"scheme\": \"" scheme "\"" more "}"
#define PRUNE(amount, more) "{\"step\": \"prune\", \"method\": \"l1\", \"amount\": " amount more "}"
#define STEPS(steps) "{\"steps\": [" steps "]}"

static char in_path[512], data_path[512], out_path[512];

/* ---- a model with every kind of tensor ---- */

enum { FLOAT = 1, INT64 = 7, STRING = 8, BOOL = 9, HALF = 10, ROWS = 48, COLUMNS = 32 };

/* A model in the making; `data` NULL: all inline. */
struct making {
    struct maker maker;
    struct buf *data;
    int large_count; /* tensors of two or more dimensions */
};

static void put_entry(struct buf *tensor, const char *key, const char *value)
{
    struct buf entry;
    buf_init(&entry, MAKER_MAX);
    wire_put_text(&entry, 1, key);
    wire_put_text(&entry, 2, value);
    wire_put_bytes(tensor, TENSOR_EXTERNAL, buf_string(&entry), entry.length);
    buf_done(&entry);
}

/* Bytes as raw_data, or in the file beside the model. */
static void put_values(struct making *m, struct buf *tensor, const void *bytes, size_t length)
{
    char number[24];
    if (!m->data) {
        wire_put_bytes(tensor, TENSOR_RAW, bytes, length);
        return;
    }
    put_entry(tensor, "location", "in.data");
    snprintf(number, sizeof(number), "%zu", m->data->length);
    put_entry(tensor, "offset", number);
    snprintf(number, sizeof(number), "%zu", length);
    put_entry(tensor, "length", number);
    wire_put_int(tensor, TENSOR_LOCATION, 1);
    buf_add(m->data, bytes, length);
}

/* A TensorProto of these dimensions as a field of `to`; its values are a wave or its bytes. */
static void put_tensor(struct making *m, struct buf *to, int field, const char *name, int type,
                       int64_t rows, int64_t columns)
{
    static float values[ROWS * COLUMNS * 2];
    static const unsigned char width[] = { [FLOAT] = 4, [INT64] = 8, [BOOL] = 1, [HALF] = 2 };
    struct buf tensor;
    size_t count = (size_t)(rows * MAX(columns, 1));
    for (size_t i = 0; i < ARRAY_SIZE(values); i++)
        values[i] = maker_value((int)*name, i);
    buf_init(&tensor, MAKER_MAX);
    wire_put_int(&tensor, TENSOR_DIMS, rows);
    if (columns)
        wire_put_int(&tensor, TENSOR_DIMS, columns);
    wire_put_int(&tensor, TENSOR_TYPE, type);
    wire_put_text(&tensor, TENSOR_NAME, name);
    if (type == STRING)
        for (size_t i = 0; i < count; i++)
            wire_put_text(&tensor, 6, "word");
    else
        put_values(m, &tensor, values, count * width[type]);
    wire_put_bytes(to, field, buf_string(&tensor), tensor.length);
    buf_done(&tensor);
}

static void put_initializer(struct making *m, const char *name, int type)
{
    put_tensor(m, &m->maker.graph, GRAPH_INITIALIZER, name, type, ROWS, COLUMNS);
    m->large_count++;
}

/* SparseTensorProto: values 1, indices 2, dims 3. */
static void put_sparse(struct making *m, struct buf *to, int field, const char *name)
{
    struct buf sparse;
    buf_init(&sparse, MAKER_MAX);
    put_tensor(m, &sparse, 1, name, FLOAT, 7, 0);
    put_tensor(m, &sparse, 2, "", INT64, 7, 2);
    wire_put_int(&sparse, 3, ROWS);
    wire_put_int(&sparse, 3, COLUMNS);
    wire_put_bytes(to, field, buf_string(&sparse), sparse.length);
    buf_done(&sparse);
    m->large_count++;
}

/* A node of one attribute: op_type 4, output 2, attribute 5 with the field `inside`. */
static void put_node(struct making *m, const char *op, const char *output, const struct buf *inside)
{
    struct buf node;
    buf_init(&node, MAKER_MAX);
    wire_put_text(&node, 2, output);
    wire_put_text(&node, 4, op);
    wire_put_bytes(&node, 5, inside->data, inside->length);
    wire_put_bytes(&m->maker.graph, GRAPH_NODE, buf_string(&node), node.length);
    buf_done(&node);
}

static void put_constant(struct making *m, const char *name, int type, bool sparse)
{
    struct buf attribute;
    buf_init(&attribute, MAKER_MAX);
    wire_put_text(&attribute, 1, sparse ? "sparse_value" : "value");
    if (sparse)
        put_sparse(m, &attribute, 22, "");
    else
        put_tensor(m, &attribute, 5, "", type, ROWS, COLUMNS);
    m->large_count += !sparse;
    put_node(m, "Constant", name, &attribute);
    buf_done(&attribute);
}

/* An If whose branch has an initializer of its own. */
static void put_branch(struct making *m)
{
    struct buf graph, attribute;
    buf_init(&graph, MAKER_MAX);
    buf_init(&attribute, MAKER_MAX);
    put_tensor(m, &graph, GRAPH_INITIALIZER, "inner", FLOAT, ROWS, COLUMNS);
    m->large_count++;
    wire_put_text(&attribute, 1, "then_branch");
    wire_put_bytes(&attribute, 6, buf_string(&graph), graph.length);
    put_node(m, "If", "branch", &attribute);
    buf_done(&graph);
    buf_done(&attribute);
}

static void write_file(const char *path, const struct buf *bytes)
{
    struct file_out out;
    if (!file_out_open(&out, path, &err) ||
        !file_out_write(&out, bytes->data, bytes->length, &err) || !file_out_commit(&out, &err))
        abort();
    file_out_done(&out);
}

/* The number of tensors that want a row. */
static int make_model(bool external)
{
    static const char *const products[][2] = {
        { "A", "a" },        { "B", "b" },    { "D", "d" },     { "E", "e" },
        { "constant", "c" }, { "half", "h" }, { "inner", "i" },
    };
    struct buf file, data;
    struct making m = { .data = external ? &data : NULL };
    buf_init(&data, MAKER_MAX);
    maker_init(&m.maker);
    put_initializer(&m, "A", FLOAT);
    put_initializer(&m, "B", FLOAT);
    put_initializer(&m, "D", FLOAT);
    put_initializer(&m, "E", FLOAT);
    put_initializer(&m, "table", FLOAT);
    put_initializer(&m, "idle", FLOAT);
    put_initializer(&m, "ids", INT64);
    put_initializer(&m, "half", HALF);
    put_initializer(&m, "mask", BOOL);
    put_initializer(&m, "words", STRING);
    put_tensor(&m, &m.maker.graph, GRAPH_INITIALIZER, "bias", FLOAT, COLUMNS, 0);
    put_sparse(&m, &m.maker.graph, GRAPH_SPARSE, "sparse");
    put_constant(&m, "constant", FLOAT, false);
    put_constant(&m, "shape", INT64, false);
    put_constant(&m, "thin", FLOAT, true);
    put_branch(&m);
    for (size_t i = 0; i < ARRAY_SIZE(products); i++)
        maker_node(&m.maker, i == 3 ? "Conv" : "MatMul", products[i][0], "x", products[i][0],
                   products[i][1]);
    maker_node(&m.maker, "Gather", "gather", "table", "ids", "rows");
    maker_node(&m.maker, "Add", "add", "rows", "bias", "sum");
    maker_finish(&m.maker, &file);
    write_file(in_path, &file);
    write_file(data_path, &data);
    buf_done(&file);
    buf_done(&data);
    return m.large_count;
}

/* ---- plans and runs ---- */

static bool plan_in(struct chain *c, const char *recipe)
{
    return chain_plan(c, in_path, recipe, "out.onnx");
}

/* What a plan says of a tensor: its action, or why not. */
static const char *row_of(const struct pare_plan *plan, const char *name)
{
    for (size_t i = 0; plan && i < pare_plan_entry_count(plan); i++) {
        const struct pare_plan_entry *e = pare_plan_entry(plan, i);
        if (!strcmp(e->name, name))
            return *e->action ? e->action : e->reason;
    }
    return "no row";
}

static int64_t written_bytes(void)
{
    char data[520];
    snprintf(data, sizeof(data), "%s.data", out_path);
    int64_t bytes = size_of(out_path) + MAX(size_of(data), INT64_C(0));
    unlink(out_path);
    unlink(data);
    return bytes;
}

/* Whether the report says of each tensor what the plan said, and a reason or an action. */
static bool rows_agree(const struct chain *c)
{
    bool ok = pare_report_entry_count(c->report) == pare_plan_entry_count(c->plan);
    for (size_t i = 0; ok && i < pare_plan_entry_count(c->plan); i++) {
        const struct pare_plan_entry *p = pare_plan_entry(c->plan, i);
        const struct pare_report_entry *r = pare_report_entry(c->report, i);
        double share = (double)r->clipped_count / (double)MAX(r->element_count, 1);
        ok = !strcmp(p->name, r->name) && !strcmp(p->action, r->action) &&
             !strcmp(p->reason, r->reason) && (*p->action || *p->reason) &&
             p->before_bytes == r->before_bytes && p->after_bytes == r->after_bytes &&
             r->measured == (*p->action != '\0') && r->clipped_share == share;
        if (!ok)
            printf("# %s: %s, %s\n", p->name, r->action, r->reason);
    }
    return ok;
}

static void sizes_are_exact(bool external)
{
    static const char *const recipes[] = {
        STEPS(QUANTIZE("int8", "")),
        STEPS(QUANTIZE("int8", ", \"per_channel\": false, \"form\": \"weight-only\"")),
        STEPS(QUANTIZE("fp16", "")),
        STEPS(QUANTIZE("fp16", ", \"keep_io\": false")),
        STEPS(QUANTIZE("int4", "")),
        STEPS(QUANTIZE("int4", ", \"block\": 16, \"symmetric\": false")),
        STEPS(PRUNE("0.5", "")),
        STEPS(PRUNE("0.5", ", \"exclude\": [\"B\"]") ", " QUANTIZE("int8", "")),
        STEPS(QUANTIZE("fp16", "") ", " QUANTIZE(
            "int8",
            ", \"include\": [\"B\", "
            "\"E\"]") ", " QUANTIZE("int4",
                                    ", \"include\": [\"A\"]") ", {\"step\": \"keep\", \"include\": "
                                                              "[\"D\"]}"),
        STEPS(PRUNE("0.3", "") ", " QUANTIZE("int4", "") ", " QUANTIZE(
            "fp16", ", \"ops\": [\"Conv\", \"Gather\"]")),
    };
    int rows = make_model(external);
    for (size_t i = 0; i < ARRAY_SIZE(recipes); i++) {
        struct chain c;
        bool ok = plan_in(&c, recipes[i]) && pare_run(c.plan, out_path, NULL, &c.report, &err);
        int64_t planned = ok ? pare_plan_after_bytes(c.plan) : -1, written = written_bytes();
        OK(ok && written == planned && pare_report_after_bytes(c.report) == planned &&
               pare_plan_before_bytes(c.plan) ==
                   size_of(in_path) + (external ? size_of(data_path) : 0),
           external ? "the plan knows the bytes of both files" : "the plan knows the file's bytes");
        OK(ok && (int)pare_plan_entry_count(c.plan) == rows && rows_agree(&c),
           "each tensor of two or more dimensions has its row, in the report as in the plan");
        if (!ok || written != planned)
            printf("# %s: %lld, %lld: %s\n", recipes[i], (long long)planned, (long long)written,
                   err.text);
        chain_done(&c);
    }
}

/* Seven floats that are read by nobody, from one file beside a model to the other. */
static void sparse_values_move_with_the_model(void)
{
    struct chain c;
    struct buf data;
    char path[520];
    float values[7];
    for (size_t i = 0; i < ARRAY_SIZE(values); i++)
        values[i] = maker_value('s', i);
    make_model(true);
    snprintf(path, sizeof(path), "%s.data", out_path);
    buf_init(&data, MAKER_MAX);
    bool ok = plan_in(&c, STEPS(QUANTIZE("int8", ""))) &&
              pare_run(c.plan, out_path, NULL, &c.report, &err) && file_read(path, &data, &err);
    OK(ok && memmem(data.data, data.length, values, sizeof(values)),
       "values of a sparse tensor in another file are copied");
    chain_done(&c);
    buf_done(&data);
    written_bytes();
}

static void every_kind_has_its_reason(void)
{
    static const char *const expected[][2] = {
        { "A", "int8 per channel, dynamic" },
        { "constant", "int8 per channel, dynamic" },
        { "E", "int8 per channel, weight-only" },
        { "table", "int8 would save less than 64 KiB, too little for three nodes more a lookup" },
        { "idle", "no operator uses it" },
        { "ids", "it feeds no MatMul, Gemm, Conv or the like" },
        { "half", "it is not F32" },
        { "mask", "no operator uses it" },
        { "words", "no operator uses it" },
        { "sparse", "it is stored sparse" },
        { "shape", "no operator uses it" },
        { "thin", "it is stored sparse" },
        { "inner", "int8 per channel, weight-only" },
        { "bias", "no row" },
    };
    struct chain c;
    make_model(false);
    bool ok = plan_in(&c, STEPS(QUANTIZE("int8", "")));
    for (size_t i = 0; i < ARRAY_SIZE(expected); i++)
        IS(ok ? row_of(c.plan, expected[i][0]) : err.text, expected[i][1], expected[i][0]);
    chain_done(&c);
}

static void choices_have_reasons(void)
{
    struct chain c;
    bool ok = plan_in(
        &c, STEPS(QUANTIZE(
                "int8",
                ", \"ops\": [\"Conv\", \"MatMul\"], "
                "\"exclude\": [\"[B]\"]") ", " QUANTIZE("int4",
                                                        ", \"include\": [\"A\"]") ", {\"step\": "
                                                                                  "\"keep\", "
                                                                                  "\"include\": "
                                                                                  "[\"con*\"]}"));
    IS(ok ? row_of(c.plan, "A") : err.text, "int4 in blocks of 32, symmetric", "its own scheme");
    IS(row_of(c.plan, "B"), "excluded by \"[B]\"", "excluded");
    IS(row_of(c.plan, "D"), "int8 per channel, dynamic", "the rule");
    IS(row_of(c.plan, "constant"), "kept by \"con*\"", "kept");
    IS(row_of(c.plan, "table"), "it feeds Gather, which is not among \"ops\"", "not of the ops");
    chain_done(&c);
}

static void patterns_without_a_hit_are_refused(void)
{
    struct chain c;
    OK(!plan_in(&c, STEPS(QUANTIZE("int8", "") ", {\"step\": \"keep\", \"include\": "
                                               "[\"A\", \"haed\"]}")) &&
           err.code == PARE_ERR_USAGE,
       "a keep of nothing is refused");
    IS(err.text,
       "\"haed\" matches no tensor and no node of the model; look at --include and --tensor, or in "
       "a recipe at \"include\" of step 2",
       "by its pattern");
    chain_done(&c);
    OK(!plan_in(&c, STEPS(QUANTIZE("int8", ", \"ops\": [\"MatMul\", \"Matmul\"]"))) &&
           err.code == PARE_ERR_USAGE,
       "an operator that is not there too");
    IS(err.text,
       "no tensor of the model feeds an operator \"Matmul\"; look at --ops, or in a recipe at "
       "\"ops\" of step 1",
       "by its name");
    chain_done(&c);
}

int main(void)
{
    folder_begin("plan");
    snprintf(in_path, sizeof(in_path), "%s/in.onnx", folder);
    snprintf(data_path, sizeof(data_path), "%s/in.data", folder);
    snprintf(out_path, sizeof(out_path), "%s/out.onnx", folder);
    sizes_are_exact(false);
    sizes_are_exact(true);
    sparse_values_move_with_the_model();
    every_kind_has_its_reason();
    choices_have_reasons();
    patterns_without_a_hit_are_refused();
    folder_end();
    return tap_done();
}
