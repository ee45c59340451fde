/* SPDX-License-Identifier: MIT */
/*
 * Memory is bounded by the largest tensor: a model of 640 MB in 40 tensors of external data
 * goes through in 64 MiB and one tensor. The data is a sparse file, so the disk is spared.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "format/maker.h"
#include "format/onnx.h"
#include "format/source.h"
#include "pare.h"
#include "tap.h"

enum { TENSORS = 40, SIDE = 2000, LIMIT_KB = 64 * 1024, THREADS = 16 };
#define TENSOR_BYTES ((int64_t)SIDE * SIDE * 4)

#if defined(__SANITIZE_ADDRESS__)
enum { SANITIZED = 1 };
#else
enum { SANITIZED = 0 };
#endif

static char folder[256], model_path[512], data_path[512], out_path[512], out_data_path[512];
static struct pare_error err;

static void put_entry(struct buf *entries, const char *key, const char *value)
{
    struct buf entry;
    buf_init(&entry, 1000);
    wire_put_text(&entry, 1, key);
    wire_put_text(&entry, 2, value);
    wire_put_bytes(entries, TENSOR_EXTERNAL, entry.data, entry.length);
    buf_done(&entry);
}

static void add_weight(struct maker *m, int number)
{
    static const int64_t dims[2] = { SIDE, SIDE };
    char weight[32], x[32], y[32], offset[32];
    struct buf entries;
    snprintf(weight, sizeof(weight), "W%d", number);
    snprintf(x, sizeof(x), "x%d", number);
    snprintf(y, sizeof(y), "x%d", number + 1);
    snprintf(offset, sizeof(offset), "%lld", (long long)(number * TENSOR_BYTES));
    buf_init(&entries, 1000);
    put_entry(&entries, "location", "weights.bin");
    put_entry(&entries, "offset", offset);
    build_external(&m->graph, &(struct build_tensor){ weight, ONNX_FLOAT, 2, dims }, &entries);
    buf_done(&entries);
    maker_node(m, "MatMul", weight, x, weight, y);
}

static void write_model(void)
{
    struct maker m;
    struct buf file;
    struct file_out out;
    maker_init(&m);
    for (int i = 0; i < TENSORS; i++)
        add_weight(&m, i);
    maker_finish(&m, &file);
    if (!file_out_open(&out, model_path, &err) ||
        !file_out_write(&out, file.data, file.length, &err) || !file_out_commit(&out, &err))
        abort();
    file_out_done(&out);
    buf_done(&file);
    CLEANUP(file_close) int fd = open(data_path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    float one = 1;
    if (fd < 0 || ftruncate(fd, TENSORS * TENSOR_BYTES) != 0 ||
        !file_pwrite(fd, &one, sizeof(one), 4, &err))
        abort();
}

#define PRUNE "{\"step\": \"prune\", \"method\": \"l1\", \"amount\": 0.3}"
#define INT8 "{\"step\": \"quantize\", \"scheme\": \"int8\"}"
#define NF4 "{\"step\": \"quantize\", \"scheme\": \"nf4\"}"
#define INT4 "{\"step\": \"quantize\", \"scheme\": \"int4\", \"block\": 16, \"symmetric\": false}"

static bool transform(const char *text, int64_t *ret_planned)
{
    struct pare_model *model = NULL;
    struct pare_recipe *recipe = NULL;
    struct pare_plan *plan = NULL;
    struct pare_report *report = NULL;
    struct pare_plan_options options = { .name = "out.onnx", .threads = THREADS };
    bool ok =
        pare_model_open(model_path, &model, &err) &&
        pare_recipe_parse(text, strlen(text), &recipe, &err) &&
        pare_plan_make(model, recipe, &options, &plan, &err) &&
        pare_run(plan, out_path, &(struct pare_run_options){ .no_sync = true, .threads = THREADS },
                 &report, &err);
    if (ok)
        *ret_planned = pare_plan_after_bytes(plan);
    pare_report_free(report);
    pare_plan_free(plan);
    pare_recipe_free(recipe);
    pare_model_close(model);
    return ok;
}

/* So that a runtime can map them. */
static bool values_are_aligned(void)
{
    struct source *source;
    struct model *model;
    if (!source_open_path(out_path, &source, &err) || !model_open(source, &model, &err))
        return false;
    bool ok = true;
    for (size_t i = 0; i < model->tensor_count; i++)
        if (model->tensors[i].file != model->main_file)
            ok = ok && model->tensors[i].file_offset % 4096 == 0;
    model_close(model);
    return ok;
}

static int64_t size_of(const char *path)
{
    CLEANUP(file_close) int fd = open(path, O_RDONLY | O_CLOEXEC);
    return fd < 0 ? 0 : (int64_t)lseek(fd, 0, SEEK_END);
}

static void goes_through(const char *text, const char *scheme)
{
    int64_t planned = 0;
    bool ok = transform(text, &planned);
    printf("# %s %s\n", scheme, ok ? "" : err.text);
    OK(ok, "640 MB of external data are pruned and quantized");
    OK(ok && size_of(out_path) + size_of(out_data_path) == planned, "to the planned size");
    OK(ok && values_are_aligned(), "large values begin at pages");
}

int main(void)
{
    struct rusage usage;
    snprintf(folder, sizeof(folder), "%s/pare-memory-XXXXXX",
             getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
    if (!mkdtemp(folder))
        return 99;
    snprintf(model_path, sizeof(model_path), "%s/in.onnx", folder);
    snprintf(data_path, sizeof(data_path), "%s/weights.bin", folder);
    snprintf(out_path, sizeof(out_path), "%s/out.onnx", folder);
    snprintf(out_data_path, sizeof(out_data_path), "%s/out.onnx.data", folder);
    write_model();
    goes_through("{\"steps\": [" PRUNE ", " INT8 "]}", "int8");
    goes_through("{\"steps\": [" PRUNE ", " INT4 "]}", "int4");
    goes_through("{\"steps\": [" PRUNE ", " NF4 "]}", "nf4");
    OK(size_of(data_path) == TENSORS * TENSOR_BYTES, "the source keeps its size");
    getrusage(RUSAGE_SELF, &usage);
    printf("# peak %ld kB, largest tensor %lld kB\n", usage.ru_maxrss,
           (long long)TENSOR_BYTES / 1024);
    OK(SANITIZED || usage.ru_maxrss <= LIMIT_KB + TENSOR_BYTES / 1024,
       "in 64 MiB and the largest tensor");
    unlink(model_path);
    unlink(data_path);
    unlink(out_path);
    unlink(out_data_path);
    rmdir(folder);
    return tap_done();
}
