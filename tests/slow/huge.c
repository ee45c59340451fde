/* SPDX-License-Identifier: MIT */
/*
 * Models of more than 2 GiB through the program: 4.8 GiB of external data in two files, and a
 * main file that is full to the last kilobyte. The sources are sparse; the outputs take 3 GiB of
 * disk at most at a time. This process stays small, because a child's peak of memory begins with
 * its parent's.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "format/format.h"
#include "format/maker.h"
#include "format/onnx.h"
#include "format/source.h"
#include "tap.h"

enum { WEIGHTS = 38, IN_FIRST = 34, LIMIT_KB = 64 * 1024, MIB = 1 << 20, SAMPLE = 1 << 16 };
#define WEIGHT_BYTES (INT64_C(128) * MIB)
#define ROOM_BYTES (INT64_C(6) << 30)
#define ODD 12345

static const int64_t square[2] = { 4096, 8192 };
static const int64_t row[1] = { 8192 };
static char folder[256];
static struct pare_error err;

static const char *path_of(const char *name)
{
    static char paths[4][512];
    static int next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
    return path;
}

static int64_t size_of(const char *name)
{
    struct stat st;
    return stat(path_of(name), &st) ? 0 : st.st_size;
}

/* ---- the sources ---- */

static void put_bytes(const char *name, const void *bytes, size_t length, int64_t at)
{
    CLEANUP(file_close) int fd = open(path_of(name), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 || !file_pwrite(fd, bytes, length, at, &err))
        abort();
}

/* Some values at the start and the end of each tensor; holes between. */
static void put_values(const char *file, int64_t at, int64_t bytes, int seed)
{
    float wave[256];
    for (size_t i = 0; i < ARRAY_SIZE(wave); i++)
        wave[i] = maker_value(seed, i);
    put_bytes(file, wave, sizeof(wave), at);
    put_bytes(file, wave, sizeof(wave), at + bytes - (int64_t)sizeof(wave));
}

static void put_type_of(struct maker *m, int field, const char *name, const int64_t *dims)
{
    struct buf info;
    buf_init(&info, 1000);
    build_input(&info, &(struct build_tensor){ name, ONNX_FLOAT, 2, dims });
    info.data[0] = (char)(field << 3 | WIRE_BYTES);
    buf_add(&m->graph, info.data, info.length);
    buf_done(&info);
}

static void put_external(struct maker *m, const struct build_tensor *tensor, const char *file,
                         int64_t at)
{
    struct buf entries, entry;
    char offset[32];
    snprintf(offset, sizeof(offset), "%lld", (long long)at);
    buf_init(&entries, 1000);
    for (int i = 0; i < 2; i++) {
        buf_init(&entry, 1000);
        wire_put_text(&entry, 1, i ? "offset" : "location");
        wire_put_text(&entry, 2, i ? offset : file);
        wire_put_bytes(&entries, TENSOR_EXTERNAL, entry.data, entry.length);
        buf_done(&entry);
    }
    build_external(&m->graph, tensor, &entries);
    buf_done(&entries);
}

static void save(const char *name, struct maker *m)
{
    struct buf file;
    maker_finish(m, &file);
    put_bytes(name, file.data, file.length, 0);
    buf_done(&file);
}

static void make_external(void)
{
    struct maker m;
    int64_t at[2] = { 4096, ODD };
    maker_init(&m);
    for (int i = 0; i < WEIGHTS; i++) {
        int which = i >= IN_FIRST;
        const char *file = which ? "b.bin" : "a.bin";
        char weight[16], y[16];
        snprintf(weight, sizeof(weight), "W%d", i);
        snprintf(y, sizeof(y), "y%d", i);
        put_external(&m, &(struct build_tensor){ weight, ONNX_FLOAT, 2, square }, file, at[which]);
        maker_node(&m, "MatMul", weight, "x", weight, y);
        put_type_of(&m, GRAPH_OUTPUT, y, (const int64_t[]){ 1, square[1] });
        put_values(file, at[which], WEIGHT_BYTES, i);
        at[which] += WEIGHT_BYTES;
    }
    put_type_of(&m, GRAPH_INPUT, "x", (const int64_t[]){ 1, square[0] });
    put_external(&m, &(struct build_tensor){ "row", ONNX_FLOAT, 1, row }, "a.bin", at[0] + ODD);
    put_values("a.bin", at[0] + ODD, row[0] * 4, 99);
    maker_node(&m, "Add", "add", "y0", "row", "z");
    put_type_of(&m, GRAPH_OUTPUT, "z", (const int64_t[]){ 1, square[1] });
    save("in.onnx", &m);
}

/* ModelProto with a hole: what comes before the weight's values, them, what comes after. */
static void make_full(int64_t size)
{
    static const int64_t dims[2] = { 32767, 16384 };
    int64_t bytes = dims[0] * dims[1] * 4;
    struct maker m;
    struct buf head, opset;
    maker_init(&m);
    build_initializer(&m.graph, &(struct build_tensor){ "W", ONNX_FLOAT, 2, dims }, bytes);
    struct buf after;
    buf_init(&after, MAKER_MAX);
    build_node(&after,
               &(struct build_node){
                   .op = "MatMul", .name = "n", .inputs = { "x", "W" }, .outputs = { "y" } });
    int64_t pad = (size - bytes - (int64_t)m.graph.length - 160) / 4;
    build_initializer(&after, &(struct build_tensor){ "pad", ONNX_FLOAT, 1, &pad }, pad * 4);
    for (int64_t i = 0; i < pad; i++)
        buf_add(&after, &(float){ 1 }, 4);
    buf_init(&head, 1000);
    buf_init(&opset, 64);
    wire_put_int(&opset, 2, 17);
    wire_put_int(&head, 1, 8);
    wire_put_bytes(&head, 8, opset.data, opset.length);
    wire_put_head(&head, 7, (int64_t)m.graph.length + bytes + (int64_t)after.length);
    put_bytes("full.onnx", head.data, head.length, 0);
    put_bytes("full.onnx", m.graph.data, m.graph.length, (int64_t)head.length);
    put_bytes("full.onnx", after.data, after.length,
              (int64_t)(head.length + m.graph.length) + bytes);
    buf_done(&head);
    buf_done(&opset);
    buf_done(&after);
    buf_done(&m.graph);
}

/* ---- the program ---- */

/* Its exit code, and its peak of memory. */
static int run(const char *const *words, long *ret_peak_kb)
{
    const char *pare = getenv("PARE"), *build = getenv("top_builddir"), *arguments[16] = { 0 };
    char program[512];
    struct rusage usage = { 0 };
    int status = -1, n = 1;
    snprintf(program, sizeof(program), "%s/pare", build ? build : ".");
    for (arguments[0] = pare ? pare : program; *words; words++)
        arguments[n++] = *words;
    pid_t child = fork();
    if (child == 0) {
        freopen("/dev/null", "w", stdout);
        execv(arguments[0], (char *const *)(uintptr_t)arguments);
        _exit(127);
    }
    wait4(child, &status, 0, &usage);
    *ret_peak_kb = usage.ru_maxrss;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* PARE_PEER_PYTHON is a Python that has onnxruntime. It takes as much memory as the model is large. */
static void loads_in_the_peer(void)
{
    static const char script[] = "import sys, numpy, onnxruntime as o; "
                                 "s = o.InferenceSession(sys.argv[1]); "
                                 "s.run(['y1', 'z'], {'x': numpy.ones((1, 4096), 'float32')})";
    const char *python = getenv("PARE_PEER_PYTHON");
    char out[512];
    int status = -1;
    if (!python) {
        printf("ok %d - ONNX Runtime takes it # SKIP no PARE_PEER_PYTHON\n", ++tap_count);
        return;
    }
    snprintf(out, sizeof(out), "%s/out.onnx", folder);
    pid_t child = fork();
    if (child == 0) {
        execl(python, python, "-c", script, out, NULL);
        _exit(127);
    }
    waitpid(child, &status, 0);
    OK(WIFEXITED(status) && WEXITSTATUS(status) == 0, "ONNX Runtime takes it");
}

static struct model *open_model(const char *name)
{
    struct source *source;
    struct model *model = NULL;
    err.text[0] = '\0';
    return source_open_path(path_of(name), &source, &err) && model_open(source, &model, &err)
               ? model
               : NULL;
}

static const struct tensor *find(const struct model *model, const char *name)
{
    for (size_t i = 0; model && i < model->tensor_count; i++)
        if (!strcmp(model->tensors[i].shown.name, name))
            return &model->tensors[i];
    return NULL;
}

static bool same_values(const struct model *a, const struct model *b, const char *name)
{
    static char x[SAMPLE], y[SAMPLE];
    const struct tensor *s = find(a, name), *t = find(b, name);
    bool ok = s && t && s->shown.size_bytes == t->shown.size_bytes;
    for (int64_t at = 0; ok && at < s->shown.size_bytes; at += SAMPLE) {
        size_t n = (size_t)MIN((int64_t)SAMPLE, s->shown.size_bytes - at);
        ok = model_read(a, s, at, n, x, &err) && model_read(b, t, at, n, y, &err) &&
             !memcmp(x, y, n);
    }
    return ok;
}

static bool is_aligned(const struct model *model)
{
    bool ok = model != NULL;
    for (size_t i = 0; ok && i < model->tensor_count; i++) {
        const struct tensor *t = &model->tensors[i];
        ok = t->file == model->main_file ||
             t->file_offset % (t->shown.size_bytes >= 64 * 1024 ? 4096 : 64) == 0;
    }
    return ok;
}

static void remove_output(void)
{
    unlink(path_of("out.onnx"));
    unlink(path_of("out.onnx.data"));
}

/* W0 and row are excluded where `excluded`; a match takes no exclusions. */
static void goes_through(const char *what, const char *const *words, bool excluded)
{
    long peak_kb = 0;
    int code = run(words, &peak_kb);
    printf("# %s: peak %ld MiB, %lld + %lld bytes\n", what, peak_kb / 1024,
           (long long)size_of("out.onnx"), (long long)size_of("out.onnx.data"));
    OK(code == 0, "4.8 GiB in two files go through");
    OK(peak_kb <= LIMIT_KB + WEIGHT_BYTES / 1024, "in 64 MiB and the largest tensor");
    struct model *before = open_model("in.onnx"), *after = open_model("out.onnx");
    OK(before && after && same_values(before, after, "row") &&
           (!excluded || same_values(before, after, "W0")),
       "what was not touched is the same to the bit");
    OK(is_aligned(after) && after->tensor_count > WEIGHTS, "all is where the file says, aligned");
    model_close(before);
    model_close(after);
    loads_in_the_peer();
    remove_output();
}

static void external_data_goes_through(void)
{
    char in[512], out[512];
    snprintf(in, sizeof(in), "%s/in.onnx", folder);
    snprintf(out, sizeof(out), "%s/out.onnx", folder);
    const char *schemes[] = { "int8", "fp16", "int4" };
    for (size_t i = 0; i < ARRAY_SIZE(schemes); i++)
        goes_through(schemes[i],
                     (const char *const[]){ "quantize", in, "--scheme", schemes[i], "--exclude",
                                            "W0", "--exclude", "row", "--no-sync", "-o", out,
                                            NULL },
                     true);
    goes_through("int8 as onnxruntime",
                 (const char *const[]){ "quantize", in, "--scheme", "int8", "--match",
                                        "onnxruntime", "--no-sync", "-o", out, NULL },
                 false);
}

/* One label more than fits: the values move out by themselves. */
static void a_full_file_overflows(void)
{
    char in[512], out[512];
    snprintf(in, sizeof(in), "%s/full.onnx", folder);
    snprintf(out, sizeof(out), "%s/out.onnx", folder);
    long peak_kb = 0;
    make_full(ONNX_FILE_MAX);
    int code = run((const char *const[]){ "prune", in, "--method", "l1", "--amount", "0.5",
                                          "--no-sync", "-o", out, NULL },
                   &peak_kb);
    printf("# source %lld bytes, output %lld + %lld, peak %ld MiB\n",
           (long long)size_of("full.onnx"), (long long)size_of("out.onnx"),
           (long long)size_of("out.onnx.data"), peak_kb / 1024);
    struct model *after = open_model("out.onnx");
    OK(code == 0 && size_of("full.onnx") <= ONNX_FILE_MAX && size_of("out.onnx") < MIB &&
           size_of("out.onnx.data") > INT64_C(2047) * MIB && is_aligned(after),
       "a main file that would be too large gets external data");
    model_close(after);
    remove_output();
}

int main(void)
{
    struct statvfs disk;
    const char *tmp = getenv("TMPDIR");
    snprintf(folder, sizeof(folder), "%s/pare-huge-XXXXXX", tmp ? tmp : "/tmp");
    if (!mkdtemp(folder))
        return 99;
    if (statvfs(folder, &disk) != 0 || disk.f_bavail * disk.f_frsize < (uint64_t)ROOM_BYTES) {
        printf("1..0 # SKIP less than 6 GiB are free in %s\n", folder);
        rmdir(folder);
        return 0;
    }
    make_external();
    external_data_goes_through();
    a_full_file_overflows();
    static const char *const made[] = { "in.onnx", "a.bin", "b.bin", "full.onnx" };
    for (size_t i = 0; i < ARRAY_SIZE(made); i++)
        unlink(path_of(made[i]));
    rmdir(folder);
    return tap_done();
}
