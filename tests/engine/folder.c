/* SPDX-License-Identifier: MIT */
/* A checkpoint that is a folder: shards, an index, and files that go along. */
#include <stdlib.h>
#include <sys/stat.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/file.h"
#include "engine/engine.h"
#include "tap.h"

#define ONE "model-1.safetensors"
#define TWO "model-2.safetensors"
#define INDEX "model.safetensors.index.json"

static struct arena arena;
static struct pare_error err;
static char folder[] = "folder-XXXXXX";

static const char *path_of(const char *name)
{
    return arena_printf(&arena, "%s/%s", folder, name);
}

static void put(const char *name, const void *bytes, size_t length)
{
    struct file_out out = { 0 };
    if (!file_out_open(&out, path_of(name), &err) || !file_out_write(&out, bytes, length, &err) ||
        !file_out_commit(&out, &err)) {
        printf("Bail out! %s\n", err.text);
        exit(1);
    }
    file_out_done(&out);
}

static void put_text(const char *name, const char *text)
{
    put(name, text, strlen(text));
}

/* A shard of one matrix of 2 x 4. */
static void put_shard(const char *name, const char *tensor)
{
    static const float values[] = { 1, -2, 3, -4, 5, -6, 7, -8 };
    struct buf buf;
    buf_init(&buf, 4096);
    const char *header = arena_printf(&arena,
                                      "{\"__metadata__\":{\"format\":\"pt\"},\"%s\":{\"dtype\":"
                                      "\"F32\",\"shape\":[2,4],\"data_offsets\":[0,32]}}",
                                      tensor);
    for (int i = 0; i < 8; i++)
        buf_char(&buf, (char)(strlen(header) >> 8 * i));
    buf_text(&buf, header);
    buf_add(&buf, values, sizeof(values));
    put(name, buf.data, buf.length);
    buf_done(&buf);
}

static const char *read_file(const char *name)
{
    struct buf buf;
    const char *text = "";
    buf_init(&buf, 1 << 20);
    if (file_read(path_of(name), &buf, &err))
        text = arena_strndup(&arena, buf_string(&buf), buf.length);
    buf_done(&buf);
    return text;
}

static bool is_there(const char *name)
{
    struct stat st;
    return stat(path_of(name), &st) == 0;
}

/* Plan and run; *ret_planned are the bytes that the plan promised. */
static bool transform(const char *from, const char *to, const char *text, int64_t *ret_planned)
{
    struct pare_model *model = NULL;
    struct pare_recipe *recipe = NULL;
    struct pare_plan *plan = NULL;
    struct pare_report *report = NULL;
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

static int64_t size_of(const char *name)
{
    struct pare_model *model;
    if (!pare_model_open(path_of(name), &model, &err))
        return -1;
    int64_t size = pare_model_size_bytes(model);
    pare_model_close(model);
    return size;
}

static const char *opened(const char *name)
{
    return size_of(name) < 0 ? err.text : "it opened";
}

static void make_source(void)
{
    mkdir(path_of("in"), 0777);
    mkdir(path_of("in/more"), 0777);
    put_shard("in/" ONE, "a.weight");
    put_shard("in/" TWO, "b.weight");
    put_text("in/" INDEX, "{\"metadata\": {}, \"weight_map\": {\"a.weight\": \"" ONE
                          "\", \"b.weight\": \"" TWO "\"}}");
    put_text("in/config.json", "{\"model_type\": \"llama\"}");
    put_text("in/more/x.txt", "x");
    put_text("in/pytorch_model.bin", "other weights");
    put_text("in/.hidden", "h");
}

static void a_folder_becomes_a_folder(void)
{
    static const char halve[] = "{\"steps\": [{\"step\": \"quantize\", \"scheme\": \"fp16\"}]}";
    int64_t planned;
    if (!OK(transform("in", "out", halve, &planned), "shards become shards"))
        printf("# %s\n", err.text);
    OK(size_of("out") == planned, "as large as planned");
    IS(read_file("out/" INDEX),
       "{\n  \"metadata\": {\n    \"total_size\": 32\n  },\n  \"weight_map\": {\n"
       "    \"a.weight\": \"" ONE "\",\n    \"b.weight\": \"" TWO "\"\n  }\n}\n",
       "the index is made anew");
    IS(read_file("out/config.json"), "{\"model_type\": \"llama\"}", "what lies beside goes along");
    IS(read_file("out/more/x.txt"), "x", "from folders below, too");
    OK(!is_there("out/pytorch_model.bin") && !is_there("out/.hidden"),
       "other weights and hidden files do not");
    OK(!transform("in", "out", halve, &planned) && strstr(err.text, "is there already"),
       "what is there is never written over");
    mkdir(path_of("empty"), 0777);
    OK(transform("in", "empty", halve, &planned), "but an empty folder is filled");
    put_text("file", "f");
    OK(!transform("in", "file", halve, &planned) && strstr(err.text, "is a file"),
       "and a file is refused");
    OK(!transform("in", "none/out", halve, &planned), "as is a place in no folder");
    OK(transform("in/" ONE, "one.safetensors", halve, &planned) &&
           size_of("one.safetensors") == planned,
       "a lone file becomes a lone file");
}

static void lying_indexes(void)
{
    put_text("in/" INDEX, "{\"weight_map\": {\"a.weight\": \"" ONE "\", \"b.weight\": \"gone\"}}");
    IS(opened("in"), INDEX ": gone: there is no file gone", "a shard that is missing");
    put_text("in/" INDEX,
             "{\"weight_map\": {\"a.weight\": \"" ONE "\", \"c.weight\": \"" TWO "\"}}");
    IS(opened("in"), INDEX ": the index has tensor c.weight in " TWO ", which does not hold it",
       "a tensor that is missing");
    put_text("in/" INDEX,
             "{\"weight_map\": {\"a.weight\": \"" TWO "\", \"b.weight\": \"" ONE "\"}}");
    IS(opened("in"), INDEX ": the index has tensor a.weight in " TWO ", but it is in " ONE,
       "a tensor that is elsewhere");
    put_text("in/" INDEX, "{\"weight_map\": {\"a.weight\": \"../" ONE "\"}}");
    OK(strstr(opened("in"), "is not a plain path below the model's folder"),
       "a shard outside of the folder");
    put_text("in/" INDEX, "{\"weight_map\": {\"a.weight\": 3}}");
    IS(opened("in"), INDEX ": weight_map: 3 is no file name", "a number for a file");
    put_text("in/" INDEX, "{\"weight_map\": {}}");
    IS(opened("in"), INDEX ": the index names no tensors", "no tensors");
    put_text("in/" INDEX, "{\"weight_map\": []}");
    IS(opened("in"), INDEX ": not an index of shards: it has no \"weight_map\" of tensors",
       "another list");
    put_shard("in/" TWO, "a.weight");
    put_text("in/" INDEX,
             "{\"weight_map\": {\"a.weight\": \"" ONE "\", \"b.weight\": \"" TWO "\"}}");
    OK(strstr(opened("in"), "a.weight"), "a tensor in two shards");
}

int main(void)
{
    if (!mkdtemp(folder))
        return 1;
    make_source();
    a_folder_becomes_a_folder();
    lying_indexes();
    char *clear = arena_printf(&arena, "rm -r %s", folder);
    OK(system(clear) == 0, "nothing is left beside");
    arena_done(&arena);
    return tap_done();
}
