/* SPDX-License-Identifier: MIT */
/* bf16 through the public interface: what the file then holds, what stays and why. */
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

enum { ROWS = 32, COLUMNS = 16, COUNT = ROWS * COLUMNS };

static char folder[256], in_path[512], out_path[512], planned[2048];
static struct pare_error err;
static const int64_t matrix[2] = { ROWS, COLUMNS };

static void put_constant(struct maker *m, const char *name, float first, float rest)
{
    float x[COUNT];
    char result[40];
    for (size_t i = 0; i < COUNT; i++)
        x[i] = i ? rest : first;
    snprintf(result, sizeof(result), "y_%s", name);
    maker_floats(m, name, 2, matrix, x);
    maker_node(m, "MatMul", name, "x", name, result);
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
    struct buf words;
    buf_init(&words, sizeof(planned));
    for (size_t i = 0; i < pare_plan_entry_count(plan); i++) {
        const struct pare_plan_entry *e = pare_plan_entry(plan, i);
        buf_printf(&words, "%s: %s%s %lld; ", e->name, e->action, e->reason,
                   (long long)e->after_bytes);
    }
    snprintf(planned, sizeof(planned), "%s", buf_string(&words));
    buf_done(&words);
}

#define BF16 "{\"steps\": [{\"step\": \"quantize\", \"scheme\": \"bf16\"}]}"
#define PRUNED                                                                                     \
    "{\"steps\": [{\"step\": \"prune\", \"method\": \"l1\", \"amount\": 0.5}, "                    \
    "{\"step\": \"quantize\", \"scheme\": \"bf16\"}]}"

static bool quantize(const char *text)
{
    struct pare_model *model = NULL;
    struct pare_recipe *recipe = NULL;
    struct pare_plan *plan = NULL;
    struct pare_report *report = NULL;
    const struct pare_plan_options options = { .name = "out.onnx" };
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

/* Whether the output's W_bf16, a Cast away from W, holds W's values rounded. */
static bool holds_rounded(const float *x)
{
    struct source *source;
    struct model *model;
    uint16_t h[COUNT] = { 0 };
    bool ok = false;
    if (!source_open_path(out_path, &source, &err) || !model_open(source, &model, &err))
        return false;
    for (size_t i = 0; i < model->tensor_count; i++) {
        const struct tensor *t = &model->tensors[i];
        ok = ok || (!strcmp(t->shown.name, "W_bf16") && t->shown.dtype == PARE_BF16 &&
                    t->shown.size_bytes == sizeof(h) && t->stands_for &&
                    !strcmp(t->stands_for, "W") && model_read(model, t, 0, sizeof(h), h, &err));
    }
    for (size_t i = 0; i < COUNT; i++) {
        uint32_t bits;
        memcpy(&bits, &x[i], sizeof(bits));
        uint32_t low = bits & 0xffff, even = bits >> 16 & 1;
        ok = ok && h[i] == (uint16_t)((bits >> 16) + (low > 0x8000 || (low == 0x8000 && even)));
    }
    model_close(model);
    return ok;
}

static void weights_are_rounded(void)
{
    static const int64_t vector[1] = { 512 };
    struct maker m;
    float x[COUNT];
    for (size_t i = 0; i < COUNT; i++)
        x[i] = maker_value(1, i);
    x[7] = 0x1.01p0f; /* ties */
    x[8] = 0x1.03p0f;
    maker_init(&m);
    maker_floats(&m, "W", 2, matrix, x);
    maker_weight(&m, "bias", 1, vector, 2);
    maker_node(&m, "Gather", "look", "W", "i", "a");
    maker_node(&m, "Add", "add", "a", "bias", "y");
    write_model(&m);
    OK(quantize(BF16) && holds_rounded(x), "half to even, behind a Cast of the weight's name");
    IS(planned, "W: bf16 1024; ", "whatever the weight feeds; a vector stays");
}

static void what_stays_has_reasons(void)
{
    static const int64_t small[2] = { 10, 10 };
    struct maker m;
    maker_init(&m);
    put_constant(&m, "most", 0x1.fefffep127f, 1);
    put_constant(&m, "too_large", 1, -0x1.ffp127f);
    put_constant(&m, "infinite", 1.0f / 0.0f, 1);
    put_constant(&m, "too_small", 0x1p-134f, 0);
    put_constant(&m, "zeros", 0, 0);
    maker_weight(&m, "little", 2, small, 1);
    write_model(&m);
    OK(quantize(BF16), "some become bf16");
    IS(planned,
       "most: bf16 1024; "
       "too_large: its values are too large: bfloat16 ends at 3.39e38 2048; "
       "infinite: it holds infinities or NaNs 2048; "
       "too_small: its values are too small: bfloat16 would make all of them 0 2048; "
       "zeros: bf16 1024; "
       "little: bf16 would save less than its node costs 400; ",
       "each of the others has its reason");
    maker_init(&m);
    m.opset = 12;
    put_constant(&m, "W", 1, 2);
    write_model(&m);
    OK(!quantize(BF16) && strstr(err.text, "bf16 needs opset 13 or newer, for its Cast"),
       "an opset without such a Cast is told");
    OK(quantize(PRUNED), "what is pruned besides still is");
    IS(planned, "W: prune l1 0.5bf16 needs opset 13 or newer, for its Cast 2048; ",
       "and keeps its type, with the reason");
}

int main(void)
{
    snprintf(folder, sizeof(folder), "%s/pare-bf16-XXXXXX",
             getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
    if (!mkdtemp(folder))
        return 99;
    snprintf(in_path, sizeof(in_path), "%s/in.onnx", folder);
    snprintf(out_path, sizeof(out_path), "%s/out.onnx", folder);
    weights_are_rounded();
    what_stays_has_reasons();
    unlink(in_path);
    unlink(out_path);
    rmdir(folder);
    return tap_done();
}
