/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/digest.h"
#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "cli/boundaries.h"
#include "cli/progress.h"
#include "cli/visit.h"
#include "registry/catalog.h"
#include "registry/upload.h"

enum { READ_BYTES = 256 * 1024 };

/* What is on the disk: one file, or a folder's files in byte order. */
struct source {
    const char *path;
    bool folder;
    const char *const *files; /* relative to the folder */
    size_t file_count;
    int64_t total_bytes;
    struct boundaries boundaries; /* of an ONNX model, else none */
};

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash && slash[1] ? slash + 1 : path;
}

static const char *full_path(const struct source *source, size_t index, struct arena *arena)
{
    return source->folder ? arena_printf(arena, "%s/%s", source->path, source->files[index])
                          : source->path;
}

static bool look_at(const char *path, struct arena *arena, struct source *ret_source,
                    struct pare_error *err)
{
    struct stat st;
    struct source source = { .path = path };
    if (stat(path, &st) != 0) {
        error_errno(err, "cannot import %s", path);
        err->code = errno == ENOENT ? PARE_ERR_NOT_FOUND : PARE_ERR_IO;
        return false;
    }
    source.folder = S_ISDIR(st.st_mode);
    if (source.folder) {
        if (!file_walk(path, arena, &source.files, &source.file_count, err))
            return false;
    } else if (S_ISREG(st.st_mode)) {
        const char **one = arena_array(arena, 1, sizeof(*one));
        if (!one)
            return error_no_memory(err, sizeof(*one));
        one[0] = base_name(path);
        source.files = one;
        source.file_count = 1;
    }
    if (source.file_count == 0)
        return error_set(err, PARE_ERR_FORMAT, "%s: %s", path,
                         source.folder ? "a folder without a file" : "neither a file nor a folder");
    for (size_t i = 0; i < source.file_count; i++) {
        const char *full = full_path(&source, i, arena);
        if (!full || stat(full, &st) != 0)
            return error_errno(err, "cannot read %s", full ? full : path);
        source.total_bytes += st.st_size;
    }
    if (source.total_bytes == 0)
        return error_set(err, PARE_ERR_FORMAT, "%s is empty: a model was expected", path);
    *ret_source = source;
    return true;
}

/* The type by the names of the files; NULL when none tells. */
static const char *guess_type(const struct source *source)
{
    static const char *const types[][2] = {
        { ".onnx", "onnx" },         { ".safetensors", "safetensors" },
        { ".pt", "pytorch" },        { ".pth", "pytorch" },
        { ".bin", "pytorch" },       { ".pb", "tensorflow" },
        { ".tflite", "tensorflow" }, { ".keras", "tensorflow" },
        { ".h5", "tensorflow" },
    };
    for (size_t t = 0; t < ARRAY_SIZE(types); t++) {
        size_t suffix = strlen(types[t][0]);
        for (size_t i = 0; i < source->file_count; i++) {
            size_t length = strlen(source->files[i]);
            if (length > suffix && !strcmp(source->files[i] + length - suffix, types[t][0]))
                return types[t][1];
        }
    }
    return NULL;
}

/* An ONNX model must be one; its tensors tell where chunks begin. */
static bool look_inside(struct source *source, const char *type, struct arena *arena,
                        struct pare_error *err)
{
    if (!type || strcmp(type, "onnx") != 0)
        return true;
    for (size_t i = 0; i < source->file_count; i++) {
        size_t length = strlen(source->files[i]);
        bool is_main =
            !source->folder || (length > 5 && !strcmp(source->files[i] + length - 5, ".onnx"));
        const char *full = full_path(source, i, arena);
        if (is_main && full)
            return boundaries_find(full, arena, &source->boundaries, err);
    }
    return error_set(err, PARE_ERR_FORMAT, "%s: no .onnx file in the folder", source->path);
}

/* A checkpoint's file tells for itself, each shard of it; what cannot be read is stored as it is. */
static const struct boundaries *boundaries_of(const struct source *source, const char *path,
                                              struct arena *arena, struct boundaries *own)
{
    static const char *const suffixes[] = { ".safetensors", ".pt", ".pth", ".bin" };
    const char *suffix = strrchr(path, '.');
    struct pare_error ignored;
    for (size_t i = 0; suffix && i < ARRAY_SIZE(suffixes); i++)
        if (!strcmp(suffix, suffixes[i]) && source->boundaries.file_count == 0 &&
            boundaries_find(path, arena, own, &ignored))
            return own;
    return &source->boundaries;
}

/* One file, chunks restarting where tensors do. */
static bool send_file(struct upload *upload, const struct boundaries *boundaries, const char *name,
                      const char *path, unsigned char *room, struct progress *progress,
                      struct pare_error *err)
{
    CLEANUP(file_close) int fd = open(path, O_RDONLY | O_CLOEXEC);
    int64_t at = 0, cut = boundaries_next(boundaries, name, 0);
    if (fd < 0)
        return error_errno(err, "cannot open %s", path);
    for (;;) {
        ssize_t n = read(fd, room, (size_t)MIN((int64_t)READ_BYTES, cut - at));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return error_errno(err, "cannot read %s", path);
        if (n == 0)
            return true;
        if (!upload_add(upload, room, (size_t)n, err))
            return false;
        progress_add(progress, n);
        at += n;
        if (at < cut)
            continue;
        if (!upload_cut(upload, err))
            return false;
        cut = boundaries_next(boundaries, name, at);
    }
}

static bool send_one(struct upload *upload, const struct source *source, size_t index,
                     unsigned char *room, struct progress *progress, struct arena *arena,
                     struct pare_error *err)
{
    const char *path = full_path(source, index, arena), *name = source->files[index];
    struct boundaries own;
    if (!path)
        return error_no_memory(err, strlen(source->path));
    const struct boundaries *boundaries = boundaries_of(source, path, arena, &own);
    /* By its own account a file is in no folder. */
    return upload_file(upload, name, err) &&
           send_file(upload, boundaries, boundaries == &own ? base_name(path) : name, path, room,
                     progress, err);
}

static bool send(struct upload *upload, const struct source *source, struct arena *arena,
                 struct pare_error *err)
{
    struct progress progress;
    unsigned char *room = malloc(READ_BYTES);
    if (!room)
        return error_no_memory(err, READ_BYTES);
    progress_init(&progress, "importing", source->total_bytes);
    bool ok = true;
    for (size_t i = 0; ok && i < source->file_count; i++)
        ok = send_one(upload, source, i, room, &progress, arena, err);
    progress_done(&progress);
    free(room);
    return ok;
}

static bool check_json(const char *option, const char *text, struct pare_error *err)
{
    enum json_kind kind;
    if (!text)
        return true;
    if (!json_check(text, strlen(text), &kind, err)) {
        error_prefix(err, "--%s", option);
        err->code = PARE_ERR_USAGE;
        return false;
    }
    if (kind != JSON_OBJECT)
        return error_set(err, PARE_ERR_USAGE,
                         "--%s: a JSON object was expected, such as "
                         "'{\"accuracy\": 0.95}'",
                         option);
    return true;
}

static bool check_options(const struct cli *cli, struct pare_error *err)
{
    const char *name = cli_option(cli, "name"), *version = cli_option(cli, "version");
    if (!name || !version)
        return error_set(err, PARE_ERR_USAGE, "import wants --name N and --version V");
    return version_name_ok(name, "name", err) && version_name_ok(version, "version", err) &&
           check_json("metrics", cli_option(cli, "metrics"), err) &&
           check_json("config", cli_option(cli, "config"), err);
}

static bool run_upload(struct cli *cli, const struct visit *visit, const struct source *source,
                       const struct upload_version *version, struct pare_error *err)
{
    struct upload *upload;
    int64_t id;
    char size[32], known[32];
    if (!upload_begin(&visit->registry, source->total_bytes,
                      source->folder ? UPLOAD_FOLDER : UPLOAD_FILE, &upload, err))
        return false;
    bool ok = send(upload, source, &cli->arena, err) && upload_publish(upload, version, &id, err);
    int64_t known_bytes = upload_known_bytes(upload);
    upload_free(upload);
    if (!ok)
        return false;
    text_size(source->total_bytes, size, sizeof(size));
    text_size(known_bytes, known, sizeof(known));
    cli_say("imported %s:%s (%s%s%s, id %lld)", version->name, version->version, size,
            known_bytes ? ", there already: " : "", known_bytes ? known : "", (long long)id);
    return true;
}

static bool run(struct cli *cli, struct pare_error *err)
{
    CLEANUP(visit_close) struct visit visit = { 0 };
    struct source source;
    struct version parent = { 0 };
    if (!check_options(cli, err) || !look_at(cli->operands[0], &cli->arena, &source, err))
        return false;
    const char *type = cli_has(cli, "type") ? cli_option(cli, "type") : guess_type(&source);
    if (!look_inside(&source, type, &cli->arena, err) || !visit_open(cli, &visit, err))
        return false;
    const char *parent_ref = cli_option(cli, "parent");
    if (parent_ref && !visit_find(cli, &visit, parent_ref, &cli->arena, &parent, err))
        return error_prefix(err, "--parent");
    struct upload_version version = {
        .name = cli_option(cli, "name"),
        .version = cli_option(cli, "version"),
        .model_type = type,
        .optimization = cli_option(cli, "optimization"),
        .config = cli_option(cli, "config"),
        .metrics = cli_option(cli, "metrics"),
        .parent_id = parent.id,
        .parent_name = parent.raw_name,
        .parent_version = parent.raw_version,
    };
    return run_upload(cli, &visit, &source, &version, err);
}

static const struct option_spec options[] = {
    { "name", "N", "the model's name" },
    { "version", "V", "the version's" },
    { "type", "T", "onnx, pytorch, tensorflow, safetensors; else by the file's name" },
    { "optimization", "O", "fp32, fp16, int8, int4, pruned, ..." },
    { "metrics", "JSON", "such as '{\"accuracy\": 0.95}'" },
    { "config", "JSON", "an object of your own" },
    { "parent", "REF", "the version it was made from" },
    { NULL, NULL, NULL },
};

const struct command command_import = {
    .name = "import",
    .operands = "PATH",
    .summary = "put a model's file or folder into the registry as a new version",
    .options = options,
    .operands_min = 1,
    .operands_max = 1,
    .run = run,
};
