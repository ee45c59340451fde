/* SPDX-License-Identifier: MIT */
/*
 * From a model's file to what a recipe makes of it, through the public interface: what the
 * engine's tests have in common. The files are in a folder of the test's own.
 */
#ifndef PARE_TESTS_ENGINE_CHAIN_H
#define PARE_TESTS_ENGINE_CHAIN_H

#include <dirent.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"
#include "format/maker.h"
#include "pare.h"
#include "tap.h"

#define INT8 "{\"steps\": [{\"step\": \"quantize\", \"scheme\": \"int8\"}]}"

static char folder[256];
static struct pare_error err;

static inline const char *path_of(const char *name)
{
    static char paths[4][512];
    static int next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
    return path;
}

static inline void folder_begin(const char *name)
{
    snprintf(folder, sizeof(folder), "%s/pare-%s-XXXXXX",
             getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp", name);
    if (!mkdtemp(folder))
        abort();
}

static inline void folder_end(void)
{
    DIR *dir = opendir(folder);
    for (struct dirent *e; dir && (e = readdir(dir));)
        if (e->d_name[0] != '.')
            unlink(path_of(e->d_name));
    closedir(dir);
    rmdir(folder);
}
static inline const char *mnist(void)
{
    static char path[512];
    const char *top = getenv("top_srcdir");
    snprintf(path, sizeof(path), "%s/tests/data/mnist-8.onnx", top ? top : ".");
    return path;
}

/* Everything between a file and its report. */
struct chain {
    struct pare_model *model, *after; /* `after` is opened by who wants it */
    struct pare_recipe *recipe;
    struct pare_plan *plan;
    struct pare_report *report;
};

static inline bool chain_plan(struct chain *c, const char *in, const char *recipe, const char *out)
{
    struct pare_plan_options options = { .name = out };
    *c = (struct chain){ 0 };
    err = (struct pare_error){ 0 };
    return pare_model_open(in, &c->model, &err) &&
           pare_recipe_parse(recipe, strlen(recipe), &c->recipe, &err) &&
           pare_plan_make(c->model, c->recipe, &options, &c->plan, &err);
}

static inline bool chain_run(struct chain *c, const char *in, const char *recipe, const char *out)
{
    return chain_plan(c, in, recipe, out) &&
           pare_run(c->plan, path_of(out), NULL, &c->report, &err);
}

static inline void chain_done(struct chain *c)
{
    pare_report_free(c->report);
    pare_plan_free(c->plan);
    pare_recipe_free(c->recipe);
    pare_model_close(c->model);
    pare_model_close(c->after);
}

static inline int64_t size_of(const char *path)
{
    struct stat st;
    return stat(path, &st) ? -1 : st.st_size;
}

static inline int files_in_folder(void)
{
    int count = 0;
    DIR *dir = opendir(folder);
    while (dir && readdir(dir))
        count++;
    closedir(dir);
    return count;
}

static inline void save(const char *name, struct maker *m)
{
    struct buf file;
    struct file_out out;
    maker_finish(m, &file);
    if (!file_out_open(&out, path_of(name), &err) ||
        !file_out_write(&out, file.data, file.length, &err) || !file_out_commit(&out, &err))
        abort();
    file_out_done(&out);
    buf_done(&file);
}

static inline const struct pare_report_entry *entry_of(const struct pare_report *report,
                                                       const char *name)
{
    for (size_t i = 0; report && i < pare_report_entry_count(report); i++)
        if (!strcmp(pare_report_entry(report, i)->name, name))
            return pare_report_entry(report, i);
    return NULL;
}

#endif
