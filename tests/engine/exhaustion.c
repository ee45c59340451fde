/* SPDX-License-Identifier: MIT */
/*
 * Memory ends at the first, the second, the third ... allocation: every time the call fails
 * with the right code, nothing is left behind, and the leak checker is content. Linked with
 * --wrap, so that only pare's own allocations are counted.
 */
#include <stdlib.h>

#include "engine/engine.h"
#include "format/maker.h"
#include "format/onnx.h"
#include "format/sink.h"
#include "format/source.h"
#include "tap.h"

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *memory, size_t size);
char *__real_strdup(const char *text);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *memory, size_t size);
char *__wrap_strdup(const char *text);

static int left = -1; /* allocations until one fails; -1: none does */

static bool fails(void)
{
    if (left < 0)
        return false;
    if (left == 0)
        return true;
    left--;
    return false;
}

void *__wrap_malloc(size_t size)
{
    return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *memory, size_t size)
{
    return fails() ? NULL : __real_realloc(memory, size);
}

char *__wrap_strdup(const char *text)
{
    return fails() ? NULL : __real_strdup(text);
}

static bool run(const struct pare_model *model, const struct pare_recipe *recipe,
                struct pare_error *err)
{
    struct pare_plan *plan = NULL;
    struct pare_report *report = NULL;
    struct sink *sink = NULL;
    bool ok = pare_plan_make(model, recipe, NULL, &plan, err) && sink_open_nowhere(&sink, err) &&
              engine_run(plan, "out.onnx", sink, &(struct pare_run_options){ 0 }, &report, err);
    sink_close(sink);
    pare_report_free(report);
    pare_plan_free(plan);
    return ok;
}

static bool everything(const struct buf *file, struct pare_error *err)
{
    static const char text[] =
        "{\"steps\": [{\"step\": \"optimize\"}, {\"step\": \"prune\", \"method\": \"l1\", "
        "\"amount\": 0.5, \"include\": "
        "[\"*\"]}, {\"step\": \"quantize\", \"scheme\": \"int8\", \"include\": [\"A\"]}, "
        "{\"step\": \"quantize\", \"scheme\": \"fp16\"}]}";
    static const char match[] = "{\"steps\": [{\"step\": \"quantize\", \"scheme\": \"int8\", "
                                "\"match\": \"onnxruntime\"}]}";
    static const char ffn[] = "{\"steps\": [{\"step\": \"prune\", \"method\": \"ffn\", "
                              "\"amount\": 0.5}]}";
    struct source *source;
    struct pare_model *model = NULL;
    struct pare_recipe *recipe = NULL, *peers = NULL, *channels = NULL;
    struct pare_report *diff = NULL;
    bool ok = source_open_memory("m.onnx", file->data, file->length, &source, err) &&
              engine_open(source, &model, err) &&
              pare_recipe_parse(text, strlen(text), &recipe, err) && run(model, recipe, err) &&
              pare_recipe_parse(match, strlen(match), &peers, err) && run(model, peers, err) &&
              pare_recipe_parse(ffn, strlen(ffn), &channels, err) && run(model, channels, err) &&
              pare_diff(model, model, NULL, NULL, &diff, err);
    pare_report_free(diff);
    pare_recipe_free(recipe);
    pare_recipe_free(peers);
    pare_recipe_free(channels);
    pare_model_close(model);
    return ok;
}

int main(void)
{
    static const int64_t square[2] = { 32, 32 }, kernel[4] = { 16, 8, 3, 3 };
    struct maker m;
    struct buf file;
    maker_init(&m);
    build_input(&m.graph, &(struct build_tensor){ "x", ONNX_FLOAT, 2, square });
    maker_weight(&m, "A", 2, square, 1);
    maker_weight(&m, "K", 4, kernel, 2);
    maker_node(&m, "MatMul", "first", "x", "A", "h");
    maker_node(&m, "Identity", "between", "h", NULL, "i");
    maker_node(&m, "Conv", "second", "i", "K", "y");
    maker_weight(&m, "B", 1, square, 3);
    maker_weight(&m, "C", 1, square, 3);
    maker_node(&m, "Mul", "folded", "B", "C", "v");
    maker_node(&m, "MatMul", "third", "y", "v", "z");
    wire_put_bytes(&m.graph, 12, "\n\1z", 3); /* an output of that name */
    maker_weight(&m, "D", 2, square, 4);
    maker_weight(&m, "E", 2, square, 5);
    maker_weight(&m, "F", 0, square, 6);
    maker_node(&m, "MatMul", "", "x", "D", "d");
    maker_node(&m, "Mul", "", "d", "F", "f");
    maker_node(&m, "MatMul", "", "f", "E", "e");
    wire_put_bytes(&m.graph, 12, "\n\1e", 3);
    maker_finish(&m, &file);
    int number = 0;
    bool ended = false, ok = true;
    while (ok && !ended && number < 10000) {
        struct pare_error err = { 0 };
        left = number++;
        ended = everything(&file, &err);
        left = -1;
        ok = ended || err.code == PARE_ERR_MEMORY;
        if (!ok)
            printf("# allocation %d: %s\n", number, err.text);
    }
    printf("# %d allocations\n", number - 1);
    OK(ok && ended && number > 20, "each allocation may fail: the error says that memory ended");
    buf_done(&file);
    return tap_done();
}
