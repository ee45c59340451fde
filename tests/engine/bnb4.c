/* SPDX-License-Identifier: MIT */
/* 4-bit floats: the peer's bytes in every shape and cut, and the file through the interface. */
#include "engine/bnb4.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"
#include "format/maker.h"
#include "kernel/kernel.h"
#include "pare.h"
#include "tap.h"

/* What becomes of a weight. */
struct made {
    struct bnb4_layout l;
    float *x; /* its values; then scales are in it */
    uint8_t *q;
    float *absmax;
    struct kernel_error error;
};

static float value_of(size_t i)
{
    uint32_t bits = (uint32_t)i * 2654435761u;
    float x = (float)(bits >> 8) / 8388608.0f - 1.0f;
    if (bits % 11 == 0)
        return 0.0f;
    return bits % 13 == 0 ? x * 0x1p-140f : x;
}

static void make(struct made *m, const struct kernel *kernel, int64_t k, int64_t n, int block,
                 int float4, bool inputs_first)
{
    const struct pare_tensor shape = { .rank = 2,
                                       .dims = { inputs_first ? k : n, inputs_first ? n : k } };
    const struct change change = { .axis = inputs_first, .block = block };
    struct bnb4_room *room = malloc(sizeof(*room));
    *m = (struct made){ .l = bnb4_layout(&shape, &change) };
    m->x = malloc((size_t)(k * n) * sizeof(*m->x));
    m->q = malloc((size_t)m->l.value_bytes);
    m->absmax = malloc((size_t)m->l.blocks * sizeof(*m->absmax));
    for (int64_t i = 0; i < k; i++)
        for (int64_t o = 0; o < n; o++)
            m->x[inputs_first ? i * n + o : o * k + i] = value_of((size_t)(i * n + o));
    for (int64_t at = 0, count; at < k * n; at += count) {
        count = MIN((int64_t)BNB4_STRETCH, k * n - at);
        bnb4_quantize(kernel, m->x, &m->l, float4, at, count, room, &m->error);
        memcpy(m->q + at / 2, room->q, (size_t)(count + 1) / 2);
    }
    for (int64_t at = 0, count; at < k * n; at += count) {
        count = MIN((int64_t)BNB4_STRETCH, k * n - at);
        size_t made = bnb4_scales(m->x, &m->l, at, count, room);
        memcpy(m->absmax + at / block, room->absmax, made * sizeof(*m->absmax));
    }
    free(room);
}

static void made_done(struct made *m)
{
    free(m->x);
    free(m->q);
    free(m->absmax);
}

/* ---- the peer ---- */

static uint64_t digest(uint64_t hash, const void *bytes, size_t n)
{
    const unsigned char *at = bytes;
    for (size_t i = 0; i < n; i++)
        hash = (hash ^ at[i]) * UINT64_C(0x100000001b3);
    return hash;
}

/* FNV-1a of values and scales that quantize_matmul_bnb4 of onnxruntime 1.32 gave to value_of(). */
static const struct {
    int k, n, block, float4;
    uint64_t digest;
} peers[] = {
    { 17, 5, 16, KERNEL_FP4, UINT64_C(0x9de47f55c613c1a7) },
    { 17, 5, 16, KERNEL_NF4, UINT64_C(0x81d674176dbab9f9) },
    { 67, 37, 16, KERNEL_FP4, UINT64_C(0xfc3fbb270d97b9ac) },
    { 67, 37, 16, KERNEL_NF4, UINT64_C(0x6a609d7c641282ac) },
    { 33, 9, 32, KERNEL_FP4, UINT64_C(0x363b3fb9a018655e) },
    { 33, 9, 32, KERNEL_NF4, UINT64_C(0xf277652562177b2c) },
    { 97, 130, 64, KERNEL_FP4, UINT64_C(0xc9becf5a8cabcf01) },
    { 97, 130, 64, KERNEL_NF4, UINT64_C(0xb53b1cc6839f0f59) },
    { 1031, 3, 64, KERNEL_FP4, UINT64_C(0xf31dcedf653b291b) },
    { 1031, 3, 64, KERNEL_NF4, UINT64_C(0xab73e7446161e7b2) },
    { 40, 33, 128, KERNEL_FP4, UINT64_C(0x73315509d79625f3) },
    { 40, 33, 128, KERNEL_NF4, UINT64_C(0x28265b5e878f451b) },
    { 511, 21, 256, KERNEL_FP4, UINT64_C(0x54aa13c3ee2be3c0) },
    { 511, 21, 256, KERNEL_NF4, UINT64_C(0xc465b661012f31e2) },
    { 1, 1, 16, KERNEL_FP4, UINT64_C(0xe4bc4fd9252be94f) },
    { 1, 1, 16, KERNEL_NF4, UINT64_C(0x1f7a3e512c219cb6) },
    { 1100, 1000, 64, KERNEL_FP4, UINT64_C(0xd3567619d1d26e37) },
    { 1100, 1000, 64, KERNEL_NF4, UINT64_C(0xb4981dc1d7646060) },
};

static void bytes_are_the_peers(void)
{
    for (size_t i = 0; i < ARRAY_SIZE(peers); i++) {
        bool ok = true;
        char what[128];
        for (int form = 0; form < 2; form++) {
            struct made m;
            make(&m, kernel_best(), peers[i].k, peers[i].n, peers[i].block, peers[i].float4, form);
            uint64_t hash = digest(UINT64_C(0xcbf29ce484222325), m.q, (size_t)m.l.value_bytes);
            hash = digest(hash, m.absmax, (size_t)m.l.blocks * sizeof(float));
            ok = ok && hash == peers[i].digest;
            made_done(&m);
        }
        snprintf(what, sizeof(what), "%s, %d x %d in blocks of %d, either way round: the peer's",
                 peers[i].float4 == KERNEL_NF4 ? "nf4" : "fp4", peers[i].k, peers[i].n,
                 peers[i].block);
        OK(ok, what);
    }
}

static void kernels_agree(void)
{
    struct made a, b;
    bool ok = true;
    for (int form = 0; form < 4; form++) {
        make(&a, kernel_scalar(), 301, 43, 64, form & 1, form >> 1);
        make(&b, kernel_best(), 301, 43, 64, form & 1, form >> 1);
        ok = ok && !memcmp(a.q, b.q, (size_t)a.l.value_bytes) &&
             !memcmp(a.absmax, b.absmax, (size_t)a.l.blocks * sizeof(float)) &&
             !memcmp(&a.error, &b.error, sizeof(a.error));
        made_done(&a);
        made_done(&b);
    }
    OK(ok, "the scalar and the best kernel give the same bytes, sums and counts");
}

/* ---- a file ---- */

enum { K = 67, N = 33 };

static char folder[256], in_path[512], out_path[512];
static struct pare_error err;

/* A weight on each side of a product, and one that is too small. */
static void make_model(void)
{
    static const int64_t right[2] = { K, N }, left[2] = { 64, 64 }, small[2] = { 8, 8 };
    struct maker m;
    struct buf file;
    struct file_out out;
    maker_init(&m);
    maker_weight(&m, "R", 2, right, 1);
    maker_weight(&m, "L", 2, left, 2);
    maker_weight(&m, "S", 2, small, 4);
    maker_node(&m, "MatMul", "one", "x", "R", "a");
    maker_node(&m, "MatMul", "two", "L", "a", "b");
    maker_node(&m, "MatMul", "three", "b", "S", "y");
    maker_finish(&m, &file);
    if (!file_out_open(&out, in_path, &err) ||
        !file_out_write(&out, file.data, file.length, &err) || !file_out_commit(&out, &err))
        abort();
    file_out_done(&out);
    buf_done(&file);
}

static void plan_says(const struct pare_plan *plan)
{
    static const char *const want[][2] = {
        { "nf4 in blocks of 64", "" },
        { "", "4-bit blocks are for weights on the right of a MatMul or Gemm and of no other use" },
        { "", "4-bit floats would save less than their scales and nodes cost" },
    };
    for (size_t i = 0; i < ARRAY_SIZE(want); i++) {
        const struct pare_plan_entry *e = pare_plan_entry(plan, i);
        IS(e ? e->action : NULL, want[i][0], "what happens");
        IS(e ? e->reason : NULL, want[i][1], "or why not");
    }
    OK(strstr(pare_plan_json(plan), "\"warning\": \"nf4 is slow on CPUs: "), "the plan warns");
}

/* What the weight R must become, by the functions that the peer's bytes were held against. */
static bool holds_the_weight(const struct buf *file)
{
    const struct pare_tensor shape = { .rank = 2, .dims = { K, N } };
    const struct change change = { .axis = 1, .block = 64 };
    struct bnb4_layout l = bnb4_layout(&shape, &change);
    struct bnb4_room *room = malloc(sizeof(*room));
    struct kernel_error error = { 0 };
    float x[K * N];
    for (size_t i = 0; i < K * N; i++)
        x[i] = maker_value(1, i);
    bnb4_quantize(kernel_scalar(), x, &l, KERNEL_NF4, 0, K * N, room, &error);
    bool ok = memmem(file->data, file->length, room->q, (size_t)l.value_bytes) &&
              memmem(file->data, file->length, room->absmax, (size_t)l.blocks * sizeof(float));
    free(room);
    return ok;
}

static void file_holds_them(void)
{
    static const char recipe_text[] =
        "{\"steps\": [{\"step\": \"quantize\", \"scheme\": \"nf4\"}]}";
    struct pare_model *model = NULL;
    struct pare_recipe *recipe = NULL;
    struct pare_plan *plan = NULL;
    struct pare_report *report = NULL;
    const struct pare_plan_options options = { .name = "out.onnx" };
    struct buf file;
    buf_init(&file, MAKER_MAX);
    make_model();
    bool ok = pare_model_open(in_path, &model, &err) &&
              pare_recipe_parse(recipe_text, strlen(recipe_text), &recipe, &err) &&
              pare_plan_make(model, recipe, &options, &plan, &err) &&
              pare_run(plan, out_path, NULL, &report, &err) && file_read(out_path, &file, &err);
    OK(ok, ok ? "a file is made" : err.text);
    if (ok) {
        const struct pare_report_entry *e = pare_report_entry(report, 0);
        plan_says(plan);
        OK((int64_t)file.length == pare_plan_after_bytes(plan), "the size is that of the plan");
        OK(holds_the_weight(&file), "values and scales are in it");
        OK(memmem(file.data, file.length, "R_absmax", 8) &&
               memmem(file.data, file.length, "MatMulBnb4", 10) &&
               memmem(file.data, file.length, "com.microsoft", 13),
           "and so are the node and its domain");
        OK(e->measured && e->sqnr_db > 15 && e->sqnr_db < 30 && e->clipped_count == 0,
           "what it cost is in the report");
        OK(strstr(pare_report_json(report), "\"warning\": \"nf4 is slow"), "with the warning");
    }
    pare_report_free(report);
    pare_plan_free(plan);
    pare_recipe_free(recipe);
    pare_model_close(model);
    buf_done(&file);
}

int main(void)
{
    snprintf(folder, sizeof(folder), "%s/pare-bnb4-XXXXXX",
             getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
    if (!mkdtemp(folder))
        return 99;
    snprintf(in_path, sizeof(in_path), "%s/in.onnx", folder);
    snprintf(out_path, sizeof(out_path), "%s/out.onnx", folder);
    bytes_are_the_peers();
    kernels_agree();
    file_holds_them();
    unlink(in_path);
    unlink(out_path);
    rmdir(folder);
    return tap_done();
}
