/* SPDX-License-Identifier: MIT */
/*
 * Where a model's bytes come from: named files that can be read anywhere. A
 * folder on disk and a stretch of memory are here; a registry brings its own.
 *
 * The names are a model's words and so are hostile: a source opens only plain
 * relative paths, see source_name_ok().
 */
#ifndef PARE_FORMAT_SOURCE_H
#define PARE_FORMAT_SOURCE_H

#include "base/base.h"

struct arena;
struct pare_error;
struct source;

enum { SOURCE_FILES_MAX = 4096 };

struct source_ops {
    /* Find `name` and tell its size. `file` is its number from now on: 0, 1, 2, ... in turn. */
    bool (*open)(struct source *source, const char *name, size_t file, int64_t *ret_size_bytes,
                 struct pare_error *err);
    bool (*read)(struct source *source, size_t file, int64_t offset, void *to, size_t length,
                 struct pare_error *err);
    bool (*is_path)(const struct source *source, const char *path); /* NULL: never */
    void (*close)(struct source *source);                           /* frees the source itself */
    bool read_by_many; /* read() may be called by several threads at a time */
    /* All files there are, relative paths; only of a source that is a folder as a whole. */
    bool (*list)(const struct source *source, struct arena *arena, const char *const **ret_names,
                 size_t *ret_count, struct pare_error *err);
};

/* One of its files, once opened. */
struct source_file {
    char *name;
    int64_t size_bytes;
};

/* The head of every source; an implementation's struct begins with it. */
struct source {
    const struct source_ops *ops;
    const char *main_name; /* the file to begin with; owned by the implementation */
    struct source_file *files;
    size_t file_count;
    bool is_folder; /* all of it is meant, and not the main file alone */
};

/* The folder of `path`, with `path` as the main file; or the folder `path` as a whole. */
MUST_CHECK bool source_open_path(const char *path, struct source **ret_source,
                                 struct pare_error *err);

/* One file of that name in memory, which the caller keeps alive. */
MUST_CHECK bool source_open_memory(const char *name, const void *bytes, size_t length,
                                   struct source **ret_source, struct pare_error *err);

/* Whether a file of that name in a folder is what a model begins with. */
enum source_main {
    SOURCE_MAIN_NOT,
    SOURCE_MAIN_LIKELY, /* by the end of its name */
    SOURCE_MAIN_KNOWN,  /* by a name that libraries look for */
};
enum source_main source_main(const char *name);

/* The file that the model in the folder `path` begins with; its name lives in `arena` or longer. */
MUST_CHECK bool source_find_main(const char *path, struct arena *arena, const char **ret_name,
                                 struct pare_error *err);

void source_close(struct source *source); /* NULL is fine */

/* The number of the file `name`, opened on first use. Errors name the file. */
MUST_CHECK bool source_file(struct source *source, const char *name, size_t *ret_file,
                            struct pare_error *err);

/* Exactly `length` bytes from `offset`; past the end is an error before anything is read. */
MUST_CHECK bool source_read(struct source *source, size_t file, int64_t offset, void *to,
                            size_t length, struct pare_error *err);

/* Whether writing the file at `path` would harm an opened file of the source. */
bool source_is_path(const struct source *source, const char *path);

/* Relative, no empty, "." or ".." part, no backslash, at most 1024 bytes. */
bool source_name_ok(const char *name);

#endif
