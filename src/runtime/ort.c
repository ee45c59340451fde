/* SPDX-License-Identifier: MIT */
#include "runtime/ort.h"

#include <dirent.h>
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/error.h"

/* Releases whose own soname is tried, newest first: Debian's is libonnxruntime.so.1.21. */
enum { MINOR_NEWEST = 60, MINOR_OLDEST = ORT_API_WANTED };

static const char library_name[] = "libonnxruntime.so";

static const char how_to_install[] =
    "ONNX Runtime is not installed, and measuring needs it: install the package libonnxruntime-dev "
    "(or libonnxruntime1.21) of Debian 13 or Ubuntu, or put libonnxruntime.so.* out of the PyPI "
    "wheel onnxruntime into %s, or set PARE_ONNXRUNTIME to the library's path";

/* What the one exported symbol returns: two functions, never changed since the first release. */
struct api_base {
    const void *(*get_api)(uint32_t version);
    const char *(*version_string)(void);
};

/* ---- finding ---- */

/* The newest libonnxruntime.so* in `folder` as a path of the caller's; NULL when there is none. */
static char *newest_in(const char *folder)
{
    DIR *dir = opendir(folder);
    if (!dir)
        return NULL;
    char *best = NULL, *path = NULL;
    for (struct dirent *entry; (entry = readdir(dir));) {
        if (strncmp(entry->d_name, library_name, strlen(library_name)) != 0)
            continue;
        if (best && strverscmp(entry->d_name, best) <= 0)
            continue;
        free(best);
        best = strdup(entry->d_name);
    }
    closedir(dir);
    if (best && asprintf(&path, "%s/%s", folder, best) < 0)
        path = NULL;
    free(best);
    return path;
}

/* ${XDG_DATA_HOME:-~/.local/share}/pare/onnxruntime, the caller's; NULL without a home. */
static char *own_folder(void)
{
    const char *data = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
    char *folder = NULL;
    int n = -1;
    if (data && data[0] == '/')
        n = asprintf(&folder, "%s/pare/onnxruntime", data);
    else if (home && home[0])
        n = asprintf(&folder, "%s/.local/share/pare/onnxruntime", home);
    return n < 0 ? NULL : folder;
}

static void *load(const char *name)
{
    return dlopen(name, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
}

/* A library somebody named: there is no second place to look. */
static bool load_named(const char *path, void **ret_library, char **ret_path,
                       struct pare_error *err)
{
    struct stat st;
    bool is_folder = stat(path, &st) == 0 && S_ISDIR(st.st_mode);
    char *file = is_folder ? newest_in(path) : strdup(path);
    if (!file)
        return error_set(err, PARE_ERR_NOT_FOUND, "there is no %s in the folder %s", library_name,
                         path);
    void *library = load(file);
    if (!library) {
        free(file);
        return error_set(err, PARE_ERR_FAILED, "cannot load ONNX Runtime: %s", dlerror());
    }
    *ret_library = library;
    *ret_path = file;
    return true;
}

/* The loader's own search: LD_LIBRARY_PATH, its cache, the system's folders. */
static void *load_from_system(char *ret_name, size_t room)
{
    snprintf(ret_name, room, "%s.1", library_name);
    void *library = load(ret_name);
    for (int minor = MINOR_NEWEST; !library && minor >= MINOR_OLDEST; minor--) {
        snprintf(ret_name, room, "%s.1.%d", library_name, minor);
        library = load(ret_name);
    }
    if (!library) {
        snprintf(ret_name, room, "%s", library_name);
        library = load(ret_name);
    }
    return library;
}

/* The file a symbol of the library came from, which tells more than the name it was asked by. */
static char *path_of(void *library, const char *fallback)
{
    Dl_info info;
    void *symbol = dlsym(library, "OrtGetApiBase");
    bool known = symbol && dladdr(symbol, &info) && info.dli_fname;
    return strdup(known ? info.dli_fname : fallback);
}

static bool find(const char *named, void **ret_library, char **ret_path, struct pare_error *err)
{
    if (!named)
        named = getenv("PARE_ONNXRUNTIME");
    if (named && named[0])
        return load_named(named, ret_library, ret_path, err);
    char name[64];
    void *library = load_from_system(name, sizeof(name));
    if (library) {
        *ret_path = path_of(library, name);
        *ret_library = library;
        return *ret_path || error_no_memory(err, sizeof(name));
    }
    char *folder = own_folder();
    char *path = folder ? newest_in(folder) : NULL;
    bool found = path && load_named(path, ret_library, ret_path, err);
    if (!path)
        error_set(err, PARE_ERR_UNSUPPORTED, how_to_install,
                  folder ? folder : "~/.local/share/pare/onnxruntime");
    free(path);
    free(folder);
    return found;
}

/* ---- opening ---- */

/* Major 1 and a new enough minor: asking an older one for the table makes it write to stderr. */
static bool is_new_enough(const char *version)
{
    int major = 0, minor = 0;
    return sscanf(version, "%d.%d", &major, &minor) == 2 &&
           (major > 1 || (major == 1 && minor >= ORT_API_WANTED));
}

static bool take_slots(struct runtime *runtime, void *library, struct pare_error *err)
{
    void *symbol = dlsym(library, "OrtGetApiBase");
    const struct api_base *(*get_base)(void);
    memcpy(&get_base, &symbol, sizeof(get_base));
    const struct api_base *base = symbol ? get_base() : NULL;
    if (!base)
        return error_set(err, PARE_ERR_UNSUPPORTED, "%s is not ONNX Runtime: no OrtGetApiBase",
                         runtime->path);
    snprintf(runtime->version, sizeof(runtime->version), "%s", base->version_string());
    const char *table = is_new_enough(runtime->version) ? base->get_api(ORT_API_WANTED) : NULL;
    if (!table)
        return error_set(err, PARE_ERR_UNSUPPORTED,
                         "ONNX Runtime %s at %s does not offer the interface of 1.%d: install "
                         "1.%d or newer",
                         runtime->version, runtime->path, ORT_API_WANTED, ORT_API_WANTED);
#define ORT_SLOT_TAKE(number, name, result, args)                                                  \
    memcpy(&runtime->api.name, table + (number) * sizeof(void *), sizeof(void *));
    ORT_SLOTS(ORT_SLOT_TAKE)
#undef ORT_SLOT_TAKE
    return true;
}

static void drop_log(void *data, unsigned severity, const char *category, const char *id,
                     const char *place, const char *message)
{
    (void)data, (void)severity, (void)category, (void)id, (void)place, (void)message;
}

static bool start(struct runtime *runtime, struct pare_error *err)
{
    const struct ort_api *api = &runtime->api;
    return runtime_ok(runtime,
                      api->CreateEnvWithCustomLogger(drop_log, NULL, ORT_SEVERITY_FATAL, "pare",
                                                     &runtime->env),
                      err) &&
           runtime_ok(runtime, api->DisableTelemetryEvents(runtime->env), err) &&
           runtime_ok(
               runtime,
               api->CreateCpuMemoryInfo(ORT_ALLOCATOR_ARENA, ORT_MEMORY_DEFAULT, &runtime->memory),
               err);
}

bool runtime_open(const char *path, struct runtime **ret_runtime, struct pare_error *err)
{
    struct runtime *runtime = calloc(1, sizeof(*runtime));
    if (!runtime)
        return error_no_memory(err, sizeof(*runtime));
    void *library = NULL;
    if (setenv("ORT_DISABLE_TELEMETRY", "1", 1) != 0) {
        free(runtime);
        return error_errno(err, "cannot switch ONNX Runtime's telemetry off");
    }
    if (!find(path, &library, &runtime->path, err) || !take_slots(runtime, library, err) ||
        !start(runtime, err)) {
        runtime_close(runtime);
        return false;
    }
    *ret_runtime = runtime;
    return true;
}

void runtime_close(struct runtime *runtime)
{
    if (!runtime)
        return;
    if (runtime->memory)
        runtime->api.ReleaseMemoryInfo(runtime->memory);
    if (runtime->env)
        runtime->api.ReleaseEnv(runtime->env);
    free(runtime->path);
    free(runtime);
}

const char *runtime_version(const struct runtime *runtime)
{
    return runtime->version;
}

const char *runtime_path(const struct runtime *runtime)
{
    return runtime->path;
}

bool runtime_ok(const struct runtime *runtime, struct OrtStatus *status, struct pare_error *err)
{
    if (!status)
        return true;
    error_set(err, PARE_ERR_FAILED, "ONNX Runtime: %s", runtime->api.GetErrorMessage(status));
    runtime->api.ReleaseStatus(status);
    return false;
}
