/* SPDX-License-Identifier: MIT */
/*
 * What the fuzzers of model files share: a folder in memory that is read and one that is written,
 * a look at all of a model, and the promise that every output keeps: it has exactly the planned
 * size and opens again.
 *
 * With FUZZ_REPLAY a target is a test that replays its corpus, tests/fuzz/corpus/FUZZ_REPLAY, or
 * the files that it is given.
 */
#ifndef PARE_TESTS_FUZZ_MODELS_H
#define PARE_TESTS_FUZZ_MODELS_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "engine/engine.h"
#include "format/sink.h"
#include "format/source.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { OUTPUT_MAX = 64 << 20, READ_MAX = 4096, FILES_MAX = 16 };

struct memory_file {
    char name[128];
    struct buf bytes;
};

/* ---- read ---- */

/* The files stay their owner's. With one name the others are not there: a file alone. */
struct memory_folder {
    struct source source;
    const struct memory_file *files;
    size_t count;
    size_t numbers[FILES_MAX]; /* of files, by the source's number */
};

static bool memory_folder_open(struct source *source, const char *name, size_t file,
                               int64_t *ret_size_bytes, struct pare_error *err)
{
    struct memory_folder *folder = (struct memory_folder *)source;
    for (size_t i = 0; i < folder->count && file < FILES_MAX; i++)
        if (!strcmp(folder->files[i].name, name)) {
            folder->numbers[file] = i;
            *ret_size_bytes = (int64_t)folder->files[i].bytes.length;
            return true;
        }
    return error_set(err, PARE_ERR_NOT_FOUND, "there is no file %.200s", name);
}

static bool memory_folder_read(struct source *source, size_t file, int64_t offset, void *to,
                               size_t length, struct pare_error *err)
{
    (void)err;
    const struct memory_folder *folder = (const struct memory_folder *)source;
    const struct buf *bytes = &folder->files[folder->numbers[file]].bytes;
    memcpy(to, bytes->data + offset, length);
    return true;
}

static bool memory_folder_list(const struct source *source, struct arena *arena,
                               const char *const **ret_names, size_t *ret_count,
                               struct pare_error *err)
{
    const struct memory_folder *folder = (const struct memory_folder *)source;
    const char **names = arena_alloc(arena, folder->count * sizeof(*names));
    if (!names)
        return error_no_memory(err, folder->count * sizeof(*names));
    for (size_t i = 0; i < folder->count; i++)
        names[i] = folder->files[i].name;
    *ret_names = names;
    *ret_count = folder->count;
    return true;
}

static void memory_folder_close(struct source *source)
{
    free(source);
}

/* `main_name` among `files`; as a folder all of them are meant. */
static struct pare_model *open_files(const struct memory_file *files, size_t count,
                                     const char *main_name, bool is_folder, struct pare_error *err)
{
    static const struct source_ops ops = { .open = memory_folder_open,
                                           .read = memory_folder_read,
                                           .close = memory_folder_close,
                                           .list = memory_folder_list };
    struct memory_folder *folder = calloc(1, sizeof(*folder));
    struct pare_model *model = NULL;
    if (!folder)
        abort();
    folder->source = (struct source){ .ops = &ops, .main_name = main_name, .is_folder = is_folder };
    folder->files = files;
    folder->count = count;
    if (engine_open(&folder->source, &model, err))
        return model;
    if (err->code == PARE_OK || !err->text[0])
        abort();
    return NULL;
}

/* ---- written ---- */

/* Files as they come. */
struct keep {
    struct sink sink;
    struct memory_file files[FILES_MAX];
    size_t count;
    int64_t written_bytes;
};

static bool keep_begin(struct sink *sink, const char *name, int64_t size_bytes,
                       struct pare_error *err)
{
    (void)size_bytes;
    struct keep *keep = (struct keep *)sink;
    if (keep->count == FILES_MAX || strlen(name) >= sizeof(keep->files->name))
        return error_set(err, PARE_ERR_REFUSED, "more than the fuzzer keeps");
    struct memory_file *file = &keep->files[keep->count++];
    memcpy(file->name, name, strlen(name) + 1);
    buf_init(&file->bytes, OUTPUT_MAX);
    return true;
}

static bool keep_write(struct sink *sink, const void *bytes, size_t length, struct pare_error *err)
{
    struct keep *keep = (struct keep *)sink;
    struct memory_file *file = &keep->files[keep->count - 1];
    keep->written_bytes += (int64_t)length;
    buf_add(&file->bytes, bytes, length);
    return buf_ok(&file->bytes, err);
}

static bool keep_end(struct sink *sink, struct pare_error *err)
{
    (void)sink;
    (void)err;
    return true;
}

/* Reads what was written as it would be read: the last file is the one that names the others. */
static void check_output(const struct keep *keep, const struct pare_plan *plan, bool is_folder,
                         const char *main_name)
{
    struct pare_error err = { 0 };
    if (keep->written_bytes != pare_plan_after_bytes(plan))
        abort();
    if (keep->count == 0)
        return;
    const char *name = keep->files[keep->count - 1].name;
    for (size_t i = 0; i < keep->count; i++)
        if (!strcmp(keep->files[i].name, main_name))
            name = main_name;
    struct pare_model *again = open_files(keep->files, keep->count, name, is_folder, &err);
    if (!again) {
        fprintf(stderr, "an output does not open: %s\n", err.text);
        abort();
    }
    pare_model_close(again);
}

/* ---- all that can be asked ---- */

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

/* A model and the name that its outputs are written under. */
struct subject {
    struct pare_model *model;
    const char *name;
    bool is_folder;
};

static void transform(const struct subject *subject, const char *text,
                      const struct pare_plan_options *options)
{
    static const struct sink_ops ops = { keep_begin, keep_write, keep_end, keep_end, NULL, NULL };
    struct pare_error err;
    struct pare_recipe *recipe;
    struct pare_plan *plan;
    struct pare_report *report;
    struct keep *keep = calloc(1, sizeof(*keep));
    if (!keep || !pare_recipe_parse(text, strlen(text), &recipe, &err))
        abort();
    keep->sink.ops = &ops;
    if (pare_plan_make(subject->model, recipe, options, &plan, &err)) {
        if (engine_run(plan, subject->name, &keep->sink, &(struct pare_run_options){ 0 }, &report,
                       &err)) {
            check_output(keep, plan, subject->is_folder, subject->name);
            pare_report_free(report);
        }
        pare_plan_free(plan);
    }
    for (size_t i = 0; i < keep->count; i++)
        buf_done(&keep->files[i].bytes);
    free(keep);
    pare_recipe_free(recipe);
}

/* ---- as a test ---- */

#ifdef FUZZ_REPLAY
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
    const char *folder = arena_printf(&arena, "%s/tests/fuzz/corpus/" FUZZ_REPLAY, top ? top : ".");
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

#endif
