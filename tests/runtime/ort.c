/* SPDX-License-Identifier: MIT */
/* Finding and loading ONNX Runtime; what is said when there is none, or no right one. */
#include "runtime/ort.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/fixture.h"
#include "tap.h"

static struct pare_error err;
static char folder[] = "/tmp/pare-ort-XXXXXX";

static bool refuses(const char *path, const char *part)
{
    struct runtime *runtime = NULL;
    if (!runtime_open(path, &runtime, &err))
        return error_says(&err, part);
    runtime_close(runtime);
    printf("# it opened\n");
    return false;
}

static const char *in_folder(const char *name)
{
    static char path[4096];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    return path;
}

static void write_junk(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    (void)!write(fd, "junk", 4);
    close(fd);
}

static void test_wrong_libraries(void)
{
    OK(refuses("/nowhere/libonnxruntime.so", "cannot load ONNX Runtime: /nowhere/"),
       "a path that is not there is named");
    OK(refuses(folder, "no libonnxruntime.so in the folder"), "so is a folder without one");
    write_junk(in_folder("junk.so"));
    OK(refuses(in_folder("junk.so"), "junk.so: file too short"), "a file that is no library");
    unlink(in_folder("junk.so"));
    OK(refuses("libm.so.6", "is not ONNX Runtime"), "a library that is something else");
    const char *top = getenv("top_builddir");
    char old[4096];
    snprintf(old, sizeof(old), "%s/tests/runtime/.libs/old.so", top ? top : ".");
    if (access(old, R_OK) == 0)
        OK(refuses(old, "ONNX Runtime 1.12.1 at") && error_says(&err, "install 1.17 or newer"),
           "one that is too old, with its version and the one wanted");
    else
        OK(true, "one that is too old # SKIP it was not built");
}

/* Nothing named, nothing in the own folder: only the system can have one. */
static void test_nothing_there(void)
{
    char *named = getenv("PARE_ONNXRUNTIME");
    named = named ? strdup(named) : NULL;
    setenv("XDG_DATA_HOME", folder, 1);
    setenv("PARE_ONNXRUNTIME", "/nowhere/x.so", 1);
    OK(refuses(NULL, "/nowhere/x.so"), "PARE_ONNXRUNTIME is the only place when it is set");
    unsetenv("PARE_ONNXRUNTIME");
    struct runtime *runtime;
    if (runtime_open(NULL, &runtime, &err)) {
        OK(true, "without any it says what to install # SKIP the system has one");
        runtime_close(runtime);
    } else {
        OK(err.code == PARE_ERR_UNSUPPORTED && error_says(&err, "libonnxruntime-dev") &&
               error_says(&err, "PyPI wheel onnxruntime") && error_says(&err, folder) &&
               error_says(&err, "PARE_ONNXRUNTIME"),
           "without any it says what to install, where to put it and what to set");
    }
    if (named)
        setenv("PARE_ONNXRUNTIME", named, 1);
    free(named);
}

/* A folder with two versions, where 1.9 would come last by bytes. */
static void test_newest(const char *real)
{
    char link[4096];
    struct runtime *runtime;
    snprintf(link, sizeof(link), "%s/libonnxruntime.so.1.32.0", folder);
    write_junk(in_folder("libonnxruntime.so.1.9.0"));
    bool opened = symlink(real, link) == 0 && runtime_open(folder, &runtime, &err);
    OK(opened, "of two versions in a folder the newer one is loaded");
    if (opened)
        runtime_close(runtime);
    unlink(link);
    unlink(in_folder("libonnxruntime.so.1.9.0"));
}

int main(void)
{
    if (!mkdtemp(folder))
        return 1;
    test_wrong_libraries();
    test_nothing_there();
    struct runtime *runtime;
    if (!runtime_open(NULL, &runtime, &err)) {
        OK(true, "a real one is loaded # SKIP there is none here");
    } else {
        int major, minor;
        OK(sscanf(runtime_version(runtime), "%d.%d", &major, &minor) == 2 && minor >= 17,
           "a real one tells its version");
        IS(getenv("ORT_DISABLE_TELEMETRY"), "1", "its telemetry is switched off beforehand");
        struct runtime *second = NULL;
        OK(runtime_open(runtime_path(runtime), &second, &err),
           "its path opens it again beside the first");
        test_newest(runtime_path(runtime));
        runtime_close(second);
        runtime_close(runtime);
    }
    rmdir(folder);
    return tap_done();
}
