/* SPDX-License-Identifier: MIT */
/* Files in and out: plain names only, sizes kept to, nothing half-written. */
#include "format/source.h"

#include <dirent.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "format/sink.h"
#include "tap.h"

static char folder[256];

static const char *path_of(const char *name)
{
    static char path[512];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    return path;
}

static void write_text(const char *name, const char *text)
{
    FILE *f = fopen(path_of(name), "w");
    fputs(text, f);
    fclose(f);
}

static bool exists(const char *name)
{
    return access(path_of(name), F_OK) == 0;
}

static void only_plain_names_are_opened(void)
{
    static const char *const good[] = { "a", "weights.bin", "a/b/c", "..a", "a..", "a b" };
    static const char *const bad[] = { "",     "/etc/passwd", "..",   "a/../b", "./a",
                                       "a//b", "a/b/",        "a\\b", "../up",  "." };
    bool ok = true;
    for (size_t i = 0; i < ARRAY_SIZE(good); i++)
        ok = ok && source_name_ok(good[i]);
    OK(ok, "relative paths below the folder are plain");
    ok = true;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        ok = ok && !source_name_ok(bad[i]);
    OK(ok, "absolute paths, dots, empty parts and backslashes are not");
}

static void a_folder_is_read(void)
{
    struct pare_error err;
    struct source *source;
    size_t main_file, other;
    char bytes[4] = "";
    write_text("main", "0123456789");
    write_text("other", "abc");
    OK(source_open_path(path_of("main"), &source, &err) &&
           source_file(source, "main", &main_file, &err) &&
           source_file(source, "other", &other, &err) && source->file_count == 2,
       "files of one folder open by name");
    OK(source_read(source, main_file, 7, bytes, 3, &err) && !memcmp(bytes, "789", 3),
       "bytes come from anywhere");
    OK(!source_read(source, main_file, 8, bytes, 3, &err), "past the end is an error");
    IS(err.text, "main: 3 bytes at 8 were asked for, it has 10", "and it says so");
    OK(!source_read(source, main_file, INT64_MAX, bytes, 3, &err), "far past the end too");
    OK(!source_file(source, "missing", &other, &err) && err.code == PARE_ERR_NOT_FOUND,
       "a missing file is not found");
    OK(!source_file(source, "../main", &other, &err) && err.code == PARE_ERR_FORMAT,
       "a name that leads out of the folder is refused");
    mkdir(path_of("inner"), 0700);
    OK(!source_file(source, "inner", &other, &err) && strstr(err.text, "a folder"),
       "a folder is no file");
    mkfifo(path_of("pipe"), 0600);
    OK(!source_file(source, "pipe", &other, &err) && strstr(err.text, "a pipe"),
       "a pipe is refused and never waited for");
    OK(source_is_path(source, path_of("other")) && !source_is_path(source, path_of("inner")),
       "it knows which files are its own");
    source_close(source);
}

static void a_sink_writes_whole_files(void)
{
    struct pare_error err;
    struct sink *sink;
    if (!sink_open_folder(folder, false, &sink, &err))
        abort();
    OK(sink_begin(sink, "out.data", 3, &err) && sink_write(sink, "abc", 3, &err) &&
           sink_end(sink, &err) && sink_begin(sink, "out", 2, &err) &&
           sink_write(sink, "de", 2, &err) && sink_end(sink, &err),
       "two files are written");
    OK(!exists("out") && !exists("out.data"), "neither is there before the commit");
    OK(sink_commit(sink, &err) && exists("out") && exists("out.data"), "both are after it");
    sink_close(sink);
}

static int files_in_folder(void)
{
    int count = 0;
    DIR *dir = opendir(folder);
    while (dir && readdir(dir))
        count++;
    closedir(dir);
    return count;
}

static void a_broken_promise_leaves_nothing(void)
{
    struct pare_error err;
    struct sink *sink;
    int before = files_in_folder();
    if (!sink_open_folder(folder, false, &sink, &err))
        abort();
    OK(sink_begin(sink, "broken", 3, &err) && !sink_write(sink, "abcd", 4, &err),
       "more bytes than promised are refused");
    OK(sink_write(sink, "ab", 2, &err) && !sink_end(sink, &err), "and so are less at the end");
    OK(files_in_folder() == before + 1, "a temporary file is there while it lasts");
    sink_close(sink);
    OK(files_in_folder() == before, "without a commit no trace is left");
}

static void a_sink_without_a_folder_fails(void)
{
    struct pare_error err;
    struct sink *sink;
    if (!sink_open_folder(path_of("no/such"), false, &sink, &err))
        abort();
    OK(!sink_begin(sink, "x", 1, &err) && strstr(err.text, "no/such"), "no folder: it is named");
    sink_close(sink);
}

static void a_missing_folder_is_named(void)
{
    struct pare_error err;
    struct source *source;
    OK(!source_open_path(path_of("no/model.onnx"), &source, &err) &&
           err.code == PARE_ERR_NOT_FOUND && strstr(err.text, "there is no folder"),
       "a path in no folder is not found");
    OK(!source_open_path("/", &source, &err) && err.code == PARE_ERR_FORMAT &&
           strstr(err.text, "the folder / holds no model.safetensors"),
       "a folder without a model is none");
}

/* Names alone decide; an optimizer's state is no model. */
static void what_a_model_begins_with(void)
{
    OK(source_main("pytorch_model.bin") == SOURCE_MAIN_KNOWN &&
           source_main("pytorch_model.bin.index.json") == SOURCE_MAIN_KNOWN &&
           source_main("model.safetensors") == SOURCE_MAIN_KNOWN,
       "the names that libraries look for");
    OK(source_main("state.pth") == SOURCE_MAIN_LIKELY && source_main("x.pt") == SOURCE_MAIN_LIKELY,
       "other names by their ends");
    OK(source_main("config.json") == SOURCE_MAIN_NOT &&
           source_main("training_args.bin") == SOURCE_MAIN_NOT &&
           source_main("sub/model.bin") == SOURCE_MAIN_NOT &&
           source_main(".bin") == SOURCE_MAIN_NOT,
       "and nothing else");
}

int main(void)
{
    snprintf(folder, sizeof(folder), "%s/pare-source-XXXXXX",
             getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
    if (!mkdtemp(folder))
        return 99;
    what_a_model_begins_with();
    only_plain_names_are_opened();
    a_folder_is_read();
    a_sink_writes_whole_files();
    a_broken_promise_leaves_nothing();
    a_sink_without_a_folder_fails();
    a_missing_folder_is_named();
    static const char *const left[] = { "main", "other", "pipe", "out", "out.data" };
    for (size_t i = 0; i < ARRAY_SIZE(left); i++)
        unlink(path_of(left[i]));
    rmdir(path_of("inner"));
    rmdir(folder);
    return tap_done();
}
