/* SPDX-License-Identifier: MIT */
/* int4 in standard form: the peer's bytes, either way round, and the opset that they need. */
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

static char folder[256], in_path[512], out_path[512];
static struct pare_error err;

static float value_of(size_t i)
{
    uint32_t bits = (uint32_t)i * 2654435761u;
    float x = (float)(bits >> 8) / 8388608.0f - 1.0f;
    if (bits % 11 == 0)
        return 0.0f;
    return bits % 13 == 0 ? x * 0x1p-140f : x;
}

/* The weight W of k inputs and n outputs, as a MatMul has it or as a Gemm with transB. */
static void put_product(struct maker *m, int64_t k, int64_t n, bool inputs_first)
{
    const int64_t dims[2] = { inputs_first ? k : n, inputs_first ? n : k };
    float *x = malloc((size_t)(k * n) * sizeof(*x));
    for (int64_t i = 0; i < k; i++)
        for (int64_t o = 0; o < n; o++)
            x[inputs_first ? i * n + o : o * k + i] = value_of((size_t)(i * n + o));
    maker_floats(m, "W", 2, dims, x);
    free(x);
    if (inputs_first)
        maker_node(m, "MatMul", "product", "x", "W", "y");
    else
        build_node(&m->graph, &(struct build_node){ .op = "Gemm",
                                                    .name = "product",
                                                    .inputs = { "x", "W" },
                                                    .outputs = { "y" },
                                                    .ints = { { "transB", 1 } } });
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

static bool quantize(int block, bool symmetric)
{
    char text[256];
    struct pare_model *model = NULL;
    struct pare_recipe *recipe = NULL;
    struct pare_plan *plan = NULL;
    struct pare_report *report = NULL;
    const struct pare_plan_options options = { .name = "out.onnx" };
    snprintf(text, sizeof(text),
             "{\"steps\": [{\"step\": \"quantize\", \"scheme\": \"int4\", \"form\": \"qdq\", "
             "\"block\": %d, \"symmetric\": %s}]}",
             block, symmetric ? "true" : "false");
    bool ok = pare_model_open(in_path, &model, &err) &&
              pare_recipe_parse(text, strlen(text), &recipe, &err) &&
              pare_plan_make(model, recipe, &options, &plan, &err) &&
              pare_run(plan, out_path, NULL, &report, &err);
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
    uint64_t hash = digest(UINT64_C(0xcbf29ce484222325), model, "W_DQ_Q4");
    hash = digest(hash, model, "W_DQ_scales");
    hash = digest(hash, model, "W_DQ_zero_points");
    model_close(model);
    return hash;
}

/* FNV-1a of what quantize_qdq_matmul_4bits of onnxruntime 1.32 gave to value_of(). */
static const struct {
    int k, n, block;
    bool symmetric;
    uint64_t digest;
} peers[] = {
    { 67, 37, 16, true, UINT64_C(0xc2600dc68fd1e0e0) },
    { 67, 37, 16, false, UINT64_C(0xe79812516240a121) },
    { 97, 130, 32, true, UINT64_C(0xc7f16de1c28477a0) },
    { 97, 130, 32, false, UINT64_C(0x5bfea15b4a1a0f86) },
    { 1031, 3, 64, true, UINT64_C(0x145a793b1a709886) },
    { 1031, 3, 64, false, UINT64_C(0x5b10a18cc5434109) },
    { 40, 33, 128, true, UINT64_C(0xbfc428c899473cb1) },
    { 40, 33, 128, false, UINT64_C(0xdba5c40fbc830608) },
    { 511, 21, 256, true, UINT64_C(0x75b4e1cabd28aba4) },
    { 511, 21, 256, false, UINT64_C(0x74edaa5b46a3e095) },
    { 64, 1100, 32, true, UINT64_C(0x65620dba6e7eb2e3) },
    { 64, 1100, 32, false, UINT64_C(0x084c8a07a9d984db) },
};

static void bytes_are_the_peers(void)
{
    for (size_t i = 0; i < ARRAY_SIZE(peers); i++) {
        bool ok = true;
        char what[128];
        for (int form = 0; form < 2; form++) {
            struct maker m;
            maker_init(&m);
            put_product(&m, peers[i].k, peers[i].n, form);
            write_model(&m);
            ok = ok && quantize(peers[i].block, peers[i].symmetric) &&
                 digest_of_output() == peers[i].digest;
        }
        snprintf(what, sizeof(what), "%d x %d in blocks of %d, %s, either way round: the peer's",
                 peers[i].k, peers[i].n, peers[i].block,
                 peers[i].symmetric ? "symmetric" : "zero points");
        OK(ok, what);
    }
}

/* ---- the opset ---- */

static const char *fact(const struct pare_model *model, const char *key)
{
    for (size_t i = 0; i < pare_model_fact_count(model); i++)
        if (!strcmp(pare_model_fact(model, i)->key, key))
            return pare_model_fact(model, i)->value;
    return NULL;
}

static void raised(int64_t opset, int64_t ir_version, const char *want_opset, const char *want_ir,
                   const char *what)
{
    struct maker m;
    struct pare_model *after = NULL;
    maker_init(&m);
    m.opset = opset;
    m.ir_version = ir_version;
    put_product(&m, 64, 32, true);
    write_model(&m);
    bool ok = quantize(32, true) && pare_model_open(out_path, &after, &err);
    IS(ok ? fact(after, "opset") : err.text, want_opset, what);
    IS(ok ? fact(after, "ir_version") : err.text, want_ir, "and so is the IR version");
    pare_model_close(after);
}

static bool file_holds(const char *word)
{
    struct buf file;
    buf_init(&file, MAKER_MAX);
    bool holds = file_read(out_path, &file, &err) &&
                 memmem(file.data, file.length, word, strlen(word)) != NULL;
    buf_done(&file);
    return holds;
}

static void changed_operators_are_named(void)
{
    struct maker m;
    maker_init(&m);
    m.opset = 12;
    put_product(&m, 64, 32, true);
    maker_node(&m, "Softmax", "most", "y", NULL, "z");
    write_model(&m);
    OK(!quantize(32, true) &&
           strstr(err.text, "W: it needs opset 21, this model has 12, and opset 13 changed "
                            "Softmax"),
       "an operator that changed on the way is named");
    maker_init(&m);
    m.opset = 13;
    put_product(&m, 64, 32, true);
    maker_node(&m, "Softmax", "most", "y", NULL, "z");
    write_model(&m);
    OK(quantize(32, true), "one that changed before is none");
    maker_init(&m);
    put_product(&m, 64, 32, true);
    maker_node(&m, "ReduceMean", "mean", "y", NULL, "z");
    maker_node(&m, "Split", "part", "z", NULL, "s");
    write_model(&m);
    OK(quantize(32, true), "nor those that can be changed with it");
    OK(file_holds("num_outputs"), "as a Split of no sizes is");
}

int main(void)
{
    snprintf(folder, sizeof(folder), "%s/pare-qdq4-XXXXXX",
             getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
    if (!mkdtemp(folder))
        return 99;
    snprintf(in_path, sizeof(in_path), "%s/in.onnx", folder);
    snprintf(out_path, sizeof(out_path), "%s/out.onnx", folder);
    bytes_are_the_peers();
    raised(13, 7, "21", "10", "an older opset is raised");
    raised(22, 11, "22", "11", "a newer one is kept");
    changed_operators_are_named();
    unlink(in_path);
    unlink(out_path);
    rmdir(folder);
    return tap_done();
}
