/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as an ONNX file: they are opened or refused with a sentence, never more. What
 * opens is looked at, pruned and quantized in memory, and the result must open again, with
 * exactly the size that was planned.
 *
 * tests/fuzz/run builds it as a fuzzer. With FUZZ_REPLAY it is a test that replays the corpus,
 * or the files that it is given.
 */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "engine/engine.h"
#include "format/sink.h"
#include "format/source.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { OUTPUT_MAX = 64 << 20, READ_MAX = 4096 };

/* Keeps the main file, which is the last one, and counts. */
struct keep {
    struct sink sink;
    struct buf bytes;
    int file_count;
    int64_t written_bytes;
};

static bool keep_begin(struct sink *sink, const char *name, int64_t size_bytes,
                       struct pare_error *err)
{
    (void)name;
    (void)size_bytes;
    (void)err;
    struct keep *keep = (struct keep *)sink;
    keep->file_count++;
    buf_clear(&keep->bytes);
    return true;
}

static bool keep_write(struct sink *sink, const void *bytes, size_t length, struct pare_error *err)
{
    struct keep *keep = (struct keep *)sink;
    keep->written_bytes += (int64_t)length;
    buf_add(&keep->bytes, bytes, length);
    return buf_ok(&keep->bytes, err);
}

static bool keep_end(struct sink *sink, struct pare_error *err)
{
    (void)sink;
    (void)err;
    return true;
}

static const struct sink_ops keep_ops = { keep_begin, keep_write, keep_end, keep_end, NULL, NULL };

static struct pare_model *open_bytes(const void *bytes, size_t length, struct pare_error *err)
{
    struct source *source;
    struct pare_model *model = NULL;
    if (!source_open_memory("model.onnx", bytes, length, &source, err) ||
        !engine_open(source, &model, err)) {
        if (err->code == PARE_OK || !err->text[0])
            abort();
        return NULL;
    }
    return model;
}

static void look(const struct pare_model *model)
{
    struct pare_error err;
    struct pare_stats stats;
    char bytes[READ_MAX];
    for (size_t i = 0; i < pare_model_tensor_count(model); i++) {
        const struct pare_tensor *t = pare_model_tensor(model, i);
        size_t n = (size_t)(t->size_bytes < READ_MAX ? t->size_bytes : READ_MAX);
        if (!t->name || !t->op || !t->node || !t->place || t->size_bytes < 0)
            abort();
        (void)!pare_model_read(model, i, 0, n, bytes, &err);
        (void)!pare_model_stats(model, i, &stats, &err);
    }
    for (size_t i = 0; i < pare_model_fact_count(model); i++)
        if (!pare_model_fact(model, i)->value)
            abort();
}

/* A main file that refers to another one cannot be opened alone. */
static void check_output(const struct keep *keep, const struct pare_plan *plan)
{
    struct pare_error err;
    if (keep->written_bytes != pare_plan_after_bytes(plan))
        abort();
    if (keep->file_count > 1)
        return;
    struct pare_model *again = open_bytes(keep->bytes.data, keep->bytes.length, &err);
    if (!again)
        abort();
    pare_model_close(again);
}

static void transform_as(const struct pare_model *model, const char *text,
                         const struct pare_plan_options *options)
{
    struct pare_error err;
    struct pare_recipe *recipe;
    struct pare_plan *plan;
    struct pare_report *report;
    struct keep keep = { .sink.ops = &keep_ops };
    if (!pare_recipe_parse(text, strlen(text), &recipe, &err))
        abort();
    buf_init(&keep.bytes, OUTPUT_MAX);
    if (pare_plan_make(model, recipe, options, &plan, &err)) {
        if (engine_run(plan, "model.onnx", &keep.sink, &(struct pare_run_options){ 0 }, &report,
                       &err)) {
            check_output(&keep, plan);
            pare_report_free(report);
        }
        pare_plan_free(plan);
    }
    buf_done(&keep.bytes);
    pare_recipe_free(recipe);
}

static void transform(const struct pare_model *model, const char *text)
{
    transform_as(model, text, NULL);
}

/* With values in a file beside. */
static void transform_apart(const struct pare_model *model, const char *text)
{
    transform_as(model, text, &(struct pare_plan_options){ .external_bytes = 1 });
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pare_error err = { 0 };
    struct pare_model *model = open_bytes(data, size, &err);
    if (!model)
        return 0;
    look(model);
    transform(model, "{\"steps\": [{\"step\": \"quantize\", \"scheme\": \"int8\"}]}");
    transform(model, "{\"steps\": [{\"step\": \"prune\", \"method\": \"l1\", \"amount\": 0.5}, "
                     "{\"step\": \"quantize\", \"scheme\": \"int8\", \"per_channel\": false, "
                     "\"form\": \"weight-only\"}]}");
    transform(model, "{\"steps\": [{\"step\": \"quantize\", \"scheme\": \"int4\", \"block\": 16, "
                     "\"symmetric\": false}]}");
    transform(model,
              "{\"steps\": [{\"step\": \"quantize\", \"scheme\": \"int4\", \"form\": \"qdq\"}]}");
    transform(model, "{\"steps\": [{\"step\": \"quantize\", \"scheme\": \"nf4\", \"block\": 16}]}");
    transform(model,
              "{\"steps\": [{\"step\": \"quantize\", \"scheme\": \"int4\", \"gather\": true, "
              "\"symmetric\": false}]}");
    transform(model, "{\"steps\": [{\"step\": \"quantize\", \"scheme\": \"bf16\"}]}");
    transform(model, "{\"steps\": [{\"step\": \"prune\", \"method\": \"l1\", \"amount\": 1}]}");
    transform(model, "{\"steps\": [{\"step\": \"quantize\", \"scheme\": \"fp16\"}]}");
    transform(model, "{\"steps\": [{\"step\": \"quantize\", \"scheme\": \"fp16\", \"keep_io\": "
                     "false}, {\"step\": \"quantize\", \"scheme\": \"int8\", \"include\": "
                     "[\"*W*\"]}]}");
    transform(model, "{\"steps\": [{\"step\": \"quantize\", \"scheme\": \"fp16\"}, {\"step\": "
                     "\"quantize\", \"scheme\": \"int4\", \"include\": [\"*W*\"]}]}");
    transform(model, "{\"steps\": [{\"step\": \"quantize\", \"scheme\": \"int8\", \"match\": "
                     "\"onnxruntime\"}]}");
    transform(model, "{\"steps\": [{\"step\": \"quantize\", \"scheme\": \"int8\", \"match\": "
                     "\"onnxruntime\", \"per_channel\": true, \"weight_type\": \"quint8\"}]}");
    transform_apart(model,
                    "{\"steps\": [{\"step\": \"prune\", \"method\": \"l1\", \"amount\": 0.5}, "
                    "{\"step\": \"quantize\", \"scheme\": \"int8\"}]}");
    transform_apart(model,
                    "{\"steps\": [{\"step\": \"quantize\", \"scheme\": \"fp16\"}, {\"step\": "
                    "\"quantize\", \"scheme\": \"int4\", \"include\": [\"*W*\"]}]}");
    transform_apart(model, "{\"steps\": [{\"step\": \"quantize\", \"scheme\": \"int8\", \"match\": "
                           "\"onnxruntime\"}]}");
    transform(model, "{\"steps\": [{\"step\": \"optimize\"}]}");
    transform(model, "{\"steps\": [{\"step\": \"optimize\"}, {\"step\": \"quantize\", "
                     "\"scheme\": \"int8\"}]}");
    pare_model_close(model);
    return 0;
}

#ifdef FUZZ_REPLAY
#include "base/arena.h"
#include "base/file.h"
#include "tap.h"

static bool replay(const char *path)
{
    struct pare_error err;
    struct buf bytes;
    buf_init(&bytes, OUTPUT_MAX);
    bool ok = file_read(path, &bytes, &err);
    if (ok)
        LLVMFuzzerTestOneInput((const uint8_t *)buf_string(&bytes), bytes.length);
    else
        printf("# %s\n", err.text);
    buf_done(&bytes);
    return ok;
}

/* The files that are named, or else the corpus. */
int main(int argc, char **argv)
{
    struct arena arena = { 0 };
    struct pare_error err;
    const char *const *names = NULL, *top = getenv("top_srcdir");
    const char *folder = arena_printf(&arena, "%s/tests/fuzz/corpus/onnx", top ? top : ".");
    size_t count = 0;
    bool ok = true;
    for (int i = 1; i < argc; i++)
        ok = replay(argv[i]) && ok;
    if (argc == 1)
        ok = file_walk(folder, &arena, &names, &count, &err) && count > 0;
    for (size_t i = 0; ok && i < count; i++)
        ok = replay(arena_printf(&arena, "%s/%s", folder, names[i]));
    printf("# %zu files\n", count + (size_t)argc - 1);
    OK(ok, "every file is opened or refused, and what is written opens again");
    arena_done(&arena);
    return tap_done();
}
#endif
