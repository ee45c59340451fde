/* SPDX-License-Identifier: MIT */
/* What a run leaves in a folder: the output as a whole or nothing, and the source as it was. */
#include <signal.h>
#include <sys/resource.h>

#include "engine/chain.h"

static bool stop_at(void *data, const struct pare_progress *progress)
{
    int *left = data;
    return progress->done_fraction >= 0 && progress->done_fraction <= 1 && --*left > 0;
}

static void stopping_leaves_nothing(void)
{
    struct chain c;
    bool ok = chain_plan(&c, mnist(), INT8, "stopped.onnx"), interrupted = false;
    int before = files_in_folder();
    for (int calls = 1; ok && calls < 100; calls++) {
        int left = calls;
        struct pare_run_options options = { .progress = stop_at, .data = &left };
        struct pare_report *report = NULL;
        if (pare_run(c.plan, path_of("stopped.onnx"), &options, &report, &err)) {
            pare_report_free(report);
            break;
        }
        interrupted = true;
        ok = err.code == PARE_ERR_INTERRUPTED && files_in_folder() == before;
    }
    OK(interrupted && ok, "stopped at any call, it is interrupted and leaves no file");
    OK(size_of(path_of("stopped.onnx")) > 0, "not stopped, it ends");
    chain_done(&c);
}

static void the_source_is_safe(void)
{
    static const int64_t square[2] = { 32, 32 };
    struct maker m;
    struct chain c;
    maker_init(&m);
    maker_weight(&m, "A", 2, square, 1);
    maker_node(&m, "MatMul", "product", "x", "A", "y");
    save("precious.onnx", &m);
    if (symlink("precious.onnx", path_of("link.onnx")))
        abort();
    int64_t before = size_of(path_of("precious.onnx"));
    OK(!chain_run(&c, path_of("precious.onnx"), INT8, "precious.onnx") &&
           err.code == PARE_ERR_REFUSED && strstr(err.text, "never modified"),
       "the source is not written over");
    chain_done(&c);
    OK(!chain_run(&c, path_of("precious.onnx"), INT8, "link.onnx"), "not by another name either");
    chain_done(&c);
    OK(size_of(path_of("precious.onnx")) == before, "and keeps its bytes");
    OK(!chain_run(&c, path_of("precious.onnx"), INT8, "no/such/folder.onnx") &&
           strstr(err.text, "no/such"),
       "a missing folder is named");
    chain_done(&c);
}

static void a_full_disk_leaves_nothing(void)
{
    struct chain c;
    struct rlimit before, small;
    bool ok = chain_plan(&c, mnist(), INT8, "full.onnx");
    int files = files_in_folder();
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &before);
    small = (struct rlimit){ .rlim_cur = 4096, .rlim_max = before.rlim_max };
    setrlimit(RLIMIT_FSIZE, &small);
    ok = ok && !pare_run(c.plan, path_of("full.onnx"), NULL, &c.report, &err);
    setrlimit(RLIMIT_FSIZE, &before);
    OK(ok && err.code == PARE_ERR_IO && strstr(err.text, "full.onnx"),
       "where no more can be written, the file is named");
    OK(files_in_folder() == files, "and nothing of it is left");
    chain_done(&c);
}

static void provenance_is_of_the_last_run(void)
{
    static const char half[] =
        "{\"steps\": [{\"step\": \"prune\", \"method\": \"l1\", \"amount\": 0.5}]}";
    struct chain c;
    struct pare_model *after = NULL;
    int recipes = 0, digests = 0;
    bool of_this = false, ok = chain_run(&c, mnist(), half, "half.onnx");
    chain_done(&c);
    ok = ok && chain_run(&c, path_of("half.onnx"), INT8, "twice.onnx") &&
         pare_model_open(path_of("twice.onnx"), &after, &err);
    for (size_t i = 0; ok && i < pare_model_fact_count(after); i++) {
        const struct pare_fact *fact = pare_model_fact(after, i);
        recipes += !strcmp(fact->key, "pare.recipe");
        digests += !strcmp(fact->key, "pare.source_sha256");
        of_this = of_this || (!strcmp(fact->key, "pare.source_sha256") &&
                              strstr(pare_report_json(c.report), fact->value));
    }
    OK(ok && recipes == 1 && digests == 1 && of_this,
       "an output carries the labels of its own making, once");
    pare_model_close(after);
    chain_done(&c);
}

static void what_is_missing_is_said(void)
{
    struct pare_model *model;
    OK(!pare_model_open(path_of("nothing.onnx"), &model, &err) && err.code == PARE_ERR_NOT_FOUND,
       "a missing file is not found");
    mkdir(path_of("hollow"), 0777);
    OK(!pare_model_open(path_of("hollow"), &model, &err) &&
           strstr(err.text, "holds no model.safetensors"),
       "a folder without a model is said to be one");
    rmdir(path_of("hollow"));
    OK(*pare_version() >= '0' && *pare_version() <= '9', "the library has a version");
}
int main(void)
{
    folder_begin("output");
    stopping_leaves_nothing();
    the_source_is_safe();
    a_full_disk_leaves_nothing();
    provenance_is_of_the_last_run();
    what_is_missing_is_said();
    folder_end();
    return tap_done();
}
