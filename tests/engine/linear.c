/* SPDX-License-Identifier: MIT */
/* Weights of checkpoints in 4 and 8 bits, against what bitsandbytes' path for CPUs makes of them. */
#include <math.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/file.h"
#include "engine/engine.h"
#include "format/source.h"
#include "linear_expected.h"
#include "tap.h"

enum { ROWS = 24, COLUMNS = 40, COUNT = ROWS * COLUMNS, BLOCKS = COUNT / 64 };

static struct pare_error err;
static char path[64], packed_path[64];

/* The same as in make_linear.py. */
static void weights(float x[COUNT])
{
    uint64_t state = 20240229;
    for (int i = 0; i < COUNT; i++) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        x[i] = (float)((int)((state >> 40) % 4097) - 2048) / 4096;
    }
}

static void make(struct buf *buf, const float x[COUNT])
{
    static const char header[] =
        "{\"a.up.weight\":{\"dtype\":\"F32\",\"shape\":[24,40],\"data_offsets\":[0,3840]}}     ";
    buf_init(buf, 1 << 20);
    for (int i = 0; i < 8; i++)
        buf_char(buf, (char)((sizeof(header) - 1) >> 8 * i));
    buf_text(buf, header);
    buf_add(buf, x, COUNT * sizeof(*x));
}

/* What a recipe makes of the weights; *ret_planned are the bytes that the plan promised. */
static struct pare_model *transform_to(const char *to, const float x[COUNT], const char *text,
                                       int threads, int64_t *ret_planned, double *ret_sqnr)
{
    struct buf file;
    struct source *source;
    struct pare_recipe *recipe = NULL;
    struct pare_model *model = NULL, *after = NULL;
    struct pare_plan *plan = NULL;
    struct pare_report *report = NULL;
    const struct pare_plan_options options = { .name = to, .no_digest = true, .threads = threads };
    make(&file, x);
    bool ok = pare_recipe_parse(text, strlen(text), &recipe, &err) &&
              source_open_memory("m.safetensors", file.data, file.length, &source, &err) &&
              engine_open(source, &model, &err) &&
              pare_plan_make(model, recipe, &options, &plan, &err) &&
              pare_run(plan, to, &(struct pare_run_options){ .no_sync = true, .threads = threads },
                       &report, &err) &&
              pare_model_open(to, &after, &err);
    *ret_planned = plan ? pare_plan_after_bytes(plan) : -1;
    *ret_sqnr = report ? pare_report_entry(report, 0)->sqnr_db : NAN;
    pare_report_free(report);
    pare_plan_free(plan);
    pare_model_close(model);
    pare_recipe_free(recipe);
    buf_done(&file);
    if (!ok)
        printf("# %s\n", err.text);
    return after;
}

static struct pare_model *transform(const float x[COUNT], const char *text, int threads,
                                    int64_t *ret_planned, double *ret_sqnr)
{
    return transform_to(path, x, text, threads, ret_planned, ret_sqnr);
}

/* Whether a tensor has exactly these bytes. */
static bool holds(const struct pare_model *model, const char *name, enum pare_dtype dtype,
                  const void *expected, size_t length)
{
    char bytes[4096];
    int64_t at = pare_model_find(model, name);
    const struct pare_tensor *t = at < 0 ? NULL : pare_model_tensor(model, (size_t)at);
    return t && t->dtype == dtype && t->size_bytes == (int64_t)length && length <= sizeof(bytes) &&
           pare_model_read(model, (size_t)at, 0, length, bytes, &err) &&
           !memcmp(bytes, expected, length);
}

/* The state is JSON, the number behind nested_offset near to the peer's. */
static bool has_state(const struct pare_model *model, const char *name, const char *start,
                      double offset)
{
    char text[4096] = "";
    int64_t at = pare_model_find(model, name);
    const struct pare_tensor *t = at < 0 ? NULL : pare_model_tensor(model, (size_t)at);
    if (!t || t->size_bytes >= (int64_t)sizeof(text) ||
        !pare_model_read(model, (size_t)at, 0, (size_t)t->size_bytes, text, &err))
        return false;
    const char *found = strstr(text, "\"nested_offset\": ");
    bool near = isnan(offset) ? !found : found && fabs(strtod(found + 17, NULL) - offset) < 1e-7;
    return !strncmp(text, start, strlen(start)) && near;
}

static bool read_codes(const struct pare_model *model, unsigned char q[COUNT / 2])
{
    int64_t at = pare_model_find(model, "a.up.weight");
    return at >= 0 && pare_model_read(model, (size_t)at, 0, COUNT / 2, q, &err);
}

static int code_at(const unsigned char *q, size_t i)
{
    return q[i / 2] >> (i % 2 ? 0 : 4) & 15;
}

/* Whether a quotient is at the border of two numbers of fp4, where the peer's tie depends on the sign. */
static bool is_at_border(float quotient)
{
    static const float borders[] = { 0.0026041667f, 0.0859375f,  0.20833334f, 0.29166669f,
                                     0.41666669f,   0.58333337f, 0.83333337f };
    for (size_t i = 0; i < sizeof(borders) / sizeof(*borders); i++)
        if (fabsf(fabsf(quotient) - borders[i]) <= 2.5e-7f * borders[i])
            return true;
    return false;
}

/* Zeros may differ in their sign too, which the peer's sorting leaves to chance. */
static bool same_fp4(const struct pare_model *model, const float *x)
{
    unsigned char q[COUNT / 2];
    if (!read_codes(model, q))
        return false;
    for (size_t i = 0; i < COUNT; i++) {
        int mine = code_at(q, i), theirs = code_at(fp4_codes, i);
        bool zeros = (mine & 7) == 0 && (theirs & 7) == 0;
        if (mine != theirs && !zeros && !is_at_border(x[i] / fp4_absmax[i / 64]))
            return false;
    }
    return true;
}

static bool same_nf4(const struct pare_model *model)
{
    unsigned char q[COUNT / 2];
    return read_codes(model, q) && !memcmp(q, nf4_codes, sizeof(q));
}

static void four_bits(void)
{
    float x[COUNT];
    int64_t planned;
    double sqnr;
    weights(x);
    struct pare_model *m = transform(
        x, "{\"steps\": [{\"step\": \"quantize\", \"scheme\": \"nf4\"}]}", 1, &planned, &sqnr);
    OK(m && pare_model_size_bytes(m) == planned, "nf4 with double quantization, as planned");
    OK(m && same_nf4(m), "the peer's codes");
    OK(m && holds(m, "a.up.weight.absmax", PARE_U8, nf4_absmax8, BLOCKS), "and scales, in 8 bits");
    OK(m && holds(m, "a.up.weight.nested_absmax", PARE_F32, nf4_nested_absmax, 4), "and theirs");
    OK(m && has_state(m, "a.up.weight.quant_state.bitsandbytes__nf4",
                      "{\"quant_type\": \"nf4\", \"blocksize\": 64, \"dtype\": \"float32\", "
                      "\"shape\": [24, 40], \"nested_blocksize\": 256, ",
                      nf4_offset),
       "and what the loader wants to know");
    OK(sqnr > 15 && sqnr < 25, "the error is measured with the scales as they are stored");
    pare_model_close(m);
    m = transform(x,
                  "{\"steps\": [{\"step\": \"quantize\", \"scheme\": \"fp4\", "
                  "\"double_quant\": false}]}",
                  2, &planned, &sqnr);
    OK(m && pare_model_size_bytes(m) == planned, "fp4 with scales in float32, on two threads");
    OK(m && same_fp4(m, x), "the peer's codes");
    OK(m && holds(m, "a.up.weight.absmax", PARE_F32, fp4_absmax, BLOCKS * 4), "and scales");
    OK(m && has_state(m, "a.up.weight.quant_state.bitsandbytes__fp4",
                      "{\"quant_type\": \"fp4\", \"blocksize\": 64,", (double)NAN),
       "and no word of nested ones");
    pare_model_close(m);
}

static void eight_bits(void)
{
    float x[COUNT];
    int64_t planned;
    double sqnr;
    weights(x);
    struct pare_model *m = transform(
        x, "{\"steps\": [{\"step\": \"quantize\", \"scheme\": \"int8\"}]}", 1, &planned, &sqnr);
    OK(m && pare_model_size_bytes(m) == planned, "int8, as planned");
    OK(m && holds(m, "a.up.weight", PARE_I8, int8_codes, COUNT), "the peer's bytes");
    OK(m && holds(m, "a.up.SCB", PARE_F32, int8_scb, ROWS * 4), "and scales");
    OK(m && holds(m, "a.up.weight_format", PARE_U8, "", 1), "row by row");
    pare_model_close(m);
}

static bool has_shape(const struct pare_model *model, const char *name, int rank, int64_t first)
{
    int64_t at = pare_model_find(model, name);
    const struct pare_tensor *t = at < 0 ? NULL : pare_model_tensor(model, (size_t)at);
    return t && t->rank == rank && (rank == 0 || t->dims[0] == first);
}

static void refused_again(void)
{
    static const char steps[] = "{\"steps\": [{\"step\": \"quantize\", \"scheme\": \"bf16\"}]}";
    struct pare_model *model = NULL;
    struct pare_recipe *recipe = NULL;
    struct pare_plan *plan = NULL;
    bool open = pare_model_open(packed_path, &model, &err) &&
                pare_recipe_parse(steps, strlen(steps), &recipe, &err);
    OK(open && !pare_plan_make(model, recipe, NULL, &plan, &err) && err.code == PARE_ERR_REFUSED &&
           strstr(err.text, "quantized already: it holds a.up.SCB"),
       "what is quantized is not quantized again");
    pare_plan_free(plan);
    pare_recipe_free(recipe);
    pare_model_close(model);
}

/* The same in PyTorch's file, made of safetensors in one go. */
static void in_pytorch(void)
{
    float x[COUNT];
    int64_t planned;
    double sqnr;
    weights(x);
    struct pare_model *m =
        transform_to(packed_path, x, "{\"steps\": [{\"step\": \"quantize\", \"scheme\": \"nf4\"}]}",
                     2, &planned, &sqnr);
    OK(m && pare_model_size_bytes(m) == planned, "nf4 in PyTorch's file, as planned");
    OK(m && same_nf4(m) && holds(m, "a.up.weight.absmax", PARE_U8, nf4_absmax8, BLOCKS) &&
           holds(m, "a.up.weight.nested_absmax", PARE_F32, nf4_nested_absmax, 4),
       "the peer's codes and scales");
    OK(m && has_shape(m, "a.up.weight", 2, COUNT / 2) &&
           has_shape(m, "a.up.weight.nested_quant_map", 1, 256) &&
           has_state(m, "a.up.weight.quant_state.bitsandbytes__nf4", "{\"quant_type\": \"nf4\"",
                     nf4_offset),
       "their shapes, and what the loader wants to know");
    pare_model_close(m);
    m = transform_to(packed_path, x,
                     "{\"steps\": [{\"step\": \"quantize\", \"scheme\": \"int8\"}]}", 1, &planned,
                     &sqnr);
    OK(m && pare_model_size_bytes(m) == planned &&
           holds(m, "a.up.weight", PARE_I8, int8_codes, COUNT) &&
           holds(m, "a.up.SCB", PARE_F32, int8_scb, ROWS * 4) &&
           has_shape(m, "a.up.weight_format", 0, 0),
       "int8 too");
    refused_again();
    pare_model_close(m);
    m = transform_to(packed_path, x, "{\"steps\": []}", 1, &planned, &sqnr);
    OK(m && pare_model_size_bytes(m) == planned && holds(m, "a.up.weight", PARE_F32, x, sizeof(x)),
       "a recipe of no steps converts");
    pare_model_close(m);
    OK(!transform(x, "{\"steps\": []}", 1, &planned, &sqnr) && strstr(err.text, "changes nothing"),
       "where the format stays it is refused");
    OK(!transform_to("nowhere/at/all.pt", x, "{\"steps\": []}", 1, &planned, &sqnr) &&
           strstr(err.text, "nowhere/at"),
       "so is a folder that is not there");
}

/* Where the output cannot go is known before a weight is read. */
static void targets(void)
{
    struct pare_model *model = NULL;
    if (!OK(pare_model_open(packed_path, &model, &err), "what was converted opens"))
        return;
    OK(engine_check_target(model, "other.pt", &err), "a free name is fine");
    OK(!engine_check_target(model, packed_path, &err) && strstr(err.text, "file of the source"),
       "the source is refused");
    OK(!engine_check_target(model, "nowhere/at/all.pt", &err) && strstr(err.text, "nowhere/at"),
       "and a folder that is not there");
    pare_model_close(model);
}

/* A prune step before: what is written is of the values that it leaves. */
static void pruned_first(void)
{
    static const char steps[] =
        "{\"steps\": [{\"step\": \"prune\", \"method\": \"l1\", \"amount\": 0.5}, "
        "{\"step\": \"quantize\", \"scheme\": \"nf4\", \"double_quant\": false}]}";
    float x[COUNT], absmax[BLOCKS];
    int64_t planned;
    double sqnr;
    weights(x);
    for (int i = 0; i < 64; i++) /* a block that pruning empties */
        x[i] /= 64;
    struct pare_model *m = transform(x, steps, 2, &planned, &sqnr);
    int64_t at = m ? pare_model_find(m, "a.up.weight.absmax") : -1;
    OK(at >= 0 && pare_model_read(m, (size_t)at, 0, sizeof(absmax), absmax, &err) &&
           absmax[0] == 0 && absmax[1] > 0.4f,
       "scales are of the values that a prune step leaves");
    pare_model_close(m);
}

static void refused(void)
{
    float x[COUNT];
    int64_t planned;
    double sqnr;
    weights(x);
    x[7] = NAN;
    OK(!transform(x, "{\"steps\": [{\"step\": \"quantize\", \"scheme\": \"nf4\"}]}", 1, &planned,
                  &sqnr) &&
           strstr(err.text, "holds infinities or NaNs"),
       "a NaN is refused");
    x[7] = 70000;
    OK(!transform(x, "{\"steps\": [{\"step\": \"quantize\", \"scheme\": \"int8\"}]}", 1, &planned,
                  &sqnr) &&
           strstr(err.text, "float16 on the way"),
       "and what float16 cannot hold, for int8");
    OK(!transform(x, "{\"steps\": [{\"step\": \"quantize\", \"scheme\": \"int4\"}]}", 1, &planned,
                  &sqnr),
       "there is no int4 of checkpoints");
    OK(!transform(x, "{\"steps\": [{\"step\": \"optimize\"}]}", 1, &planned, &sqnr) &&
           strstr(err.text, "is for graphs"),
       "nor anything to optimize");
}

int main(void)
{
    snprintf(path, sizeof(path), "linear-%d.safetensors", (int)getpid());
    snprintf(packed_path, sizeof(packed_path), "linear-%d.pt", (int)getpid());
    four_bits();
    eight_bits();
    in_pytorch();
    targets();
    pruned_first();
    refused();
    unlink(path);
    unlink(packed_path);
    return tap_done();
}
