/* SPDX-License-Identifier: MIT */
/* Which file of a folder its model begins with. */
#include "format/source.h"

#include <dirent.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/error.h"

/* What a folder's model begins with, the first that is there. */
static const char *const main_files[] = {
    "model.safetensors.index.json", "model.safetensors", "pytorch_model.bin",
    "pytorch_model.bin.index.json", "model.onnx",
};

/* What training leaves beside the weights. */
static const char *const no_mains[] = { "training_args.bin", "optimizer.bin", "optimizer.pt",
                                        "scheduler.bin",     "scheduler.pt",  "rng_state.pth",
                                        "scaler.pt" };

/* Otherwise the only one of the lowest rank that is there: an index before what it names. */
static const struct {
    const char *suffix;
    int rank;
} main_suffixes[] = {
    { ".safetensors.index.json", 1 },
    { ".bin.index.json", 1 },
    { ".safetensors", 2 },
    { ".bin", 3 },
    { ".pt", 3 },
    { ".pth", 3 },
    { ".onnx", 3 },
};

static bool is_among(const char *name, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!strcmp(name, names[i]))
            return true;
    return false;
}

/* 0: it is no model's main file. */
static int main_rank(const char *name)
{
    size_t length = strlen(name);
    if (strchr(name, '/') || is_among(name, no_mains, ARRAY_SIZE(no_mains)))
        return 0;
    for (size_t i = 0; i < ARRAY_SIZE(main_suffixes); i++) {
        size_t n = strlen(main_suffixes[i].suffix);
        if (length > n && !strcmp(name + length - n, main_suffixes[i].suffix))
            return main_suffixes[i].rank;
    }
    return 0;
}

enum source_main source_main(const char *name)
{
    return is_among(name, main_files, ARRAY_SIZE(main_files)) ? SOURCE_MAIN_KNOWN
           : main_rank(name)                                  ? SOURCE_MAIN_LIKELY
                                                              : SOURCE_MAIN_NOT;
}

/* The most likely one so far, and another that is as likely. */
struct choice {
    const char *name, *second;
    int rank;
};

static bool consider(struct choice *io_choice, const char *name, struct arena *arena)
{
    int rank = main_rank(name);
    if (rank == 0 || (io_choice->name && rank > io_choice->rank))
        return true;
    const char *copy = arena_strdup(arena, name);
    if (io_choice->name && rank == io_choice->rank)
        io_choice->second = copy;
    else
        *io_choice = (struct choice){ copy, NULL, rank };
    return copy;
}

/* Several that are as likely are a question to the user. */
static bool find_likely(const char *path, struct arena *arena, const char **ret_name,
                        struct pare_error *err)
{
    struct choice choice = { 0 };
    bool ok = true;
    DIR *dir = opendir(path);
    if (!dir)
        return error_errno(err, "cannot open the folder %s", path);
    for (struct dirent *entry; ok && (entry = readdir(dir));)
        ok = consider(&choice, entry->d_name, arena);
    closedir(dir);
    if (!ok)
        return error_no_memory(err, NAME_MAX);
    if (choice.second)
        return error_set(err, PARE_ERR_FORMAT,
                         "the folder %s holds %.100s and %.100s, and no index that says how they "
                         "belong together; name the model's file itself",
                         path, choice.name, choice.second);
    *ret_name = choice.name;
    return true;
}

bool source_find_main(const char *path, struct arena *arena, const char **ret_name,
                      struct pare_error *err)
{
    const char *name = NULL;
    for (size_t i = 0; !name && i < ARRAY_SIZE(main_files); i++) {
        char *file = arena_printf(arena, "%s/%s", path, main_files[i]);
        name = file && access(file, F_OK) == 0 ? main_files[i] : NULL;
    }
    if (!name && !find_likely(path, arena, &name, err))
        return false;
    if (!name)
        return error_set(err, PARE_ERR_FORMAT,
                         "the folder %s holds no model.safetensors, model.safetensors.index.json, "
                         "pytorch_model.bin or model.onnx; name the model's file itself",
                         path);
    *ret_name = name;
    return true;
}
